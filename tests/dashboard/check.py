"""Asks a real Prometheus every query of the dashboard and every rule, and holds the answers against the scenario.

    check.py DASHBOARD RULES TOOLS DIRECTORY

DIRECTORY is feed.py's, with the blocks that promtool made of it in `data`, and gets answers.json: of each panel what
Prometheus said, with times in seconds before the end.
"""

import json
import os
import re
import sys
import time
import urllib.request
from pathlib import Path

from grafana import Dashboard, metrics, misspelt
from server import Refused, ask, server, until

dashboard, rules, tools, directory = Dashboard(Path(sys.argv[1])), *map(Path, sys.argv[2:])
truth = json.loads((directory / "truth.json").read_text())
end, span = truth["end"], truth["seconds"]
checks = 0


def hold(held, what):
    global checks
    checks += 1
    if not held:
        sys.exit(f"FAILED: {what}")


def near(got, wanted):
    return got.keys() >= wanted.keys() and all(
        abs(got[key] - value) <= 1e-6 * max(1, abs(value)) for key, value in wanted.items())


class Prometheus:
    def __init__(self, base):
        self.base = base
        self.alerts_at = None

    def instant(self, query):
        """The series of an answer. Alerts are written by this Prometheus itself, so they are of now."""
        return ask(self.base, "query", query=query, time=self.alerts_at if "ALERTS" in query else end)["result"]

    def panel(self, target, chosen=None, expression=None):
        """The series that Grafana would get for a query, by their labels: times and values."""
        query = dashboard.query(expression or target["expr"], chosen, target, span)
        if target["instant"]:
            series = [(one["metric"], [one["value"]]) for one in self.instant(query)]
        else:
            found = ask(self.base, "query_range", query=query, start=end - span, end=end,
                        step=dashboard.step(target, span))
            series = [(one["metric"], one["values"]) for one in found["result"]]
        return [(labels, [[at - end, float(value)] for at, value in values]) for labels, values in series]


def says_something(series):
    """An answer with a number that is not zero: `or vector(0)` is for a fleet without trouble."""
    return any(value not in (0, None) and value == value for _, values in series for _, value in values)


def problem(prometheus, target, expression=None):
    try:
        series = prometheus.panel(target, expression=expression)
    except Refused as refused:
        return f"is refused: {refused}"
    return None if says_something(series) else "is empty"


def firing(prometheus):
    """The nodes of each alert, as Prometheus writes them; it does so from the second evaluation on."""
    prometheus.alerts_at, found = time.time(), {}
    for one in prometheus.instant('ALERTS{alertstate="firing"}'):
        found.setdefault(one["metric"]["alertname"], set()).add(one["metric"]["instance"])
    return {name: sorted(instances) for name, instances in found.items()}


def listed(prometheus):
    return [rule for group in ask(prometheus.base, "rules")["groups"] for rule in group["rules"]]


def check_rules(prometheus):
    """Each rule is healthy and says something, and each alert fires for the nodes it has to."""
    until(lambda: all(rule["health"] != "unknown" for rule in listed(prometheus)), lambda: "rules were not evaluated")
    until(lambda: firing(prometheus) == truth["alerts"], lambda: f"not those alerts: {firing(prometheus)}")
    count = 0
    for rule in listed(prometheus):
        name, query = rule["name"], rule["query"]
        count += 1
        hold(rule["health"] == "ok", f"{name}: {rule.get('lastError')}")
        if rule["type"] == "recording":
            hold(ask(prometheus.base, "query", query=name)["result"], f"{name} is empty")
            continue
        answer = prometheus.instant(query)
        hold(sorted({one["metric"]["instance"] for one in answer}) == truth["alerts"][name], f"{name}: {answer}")
        for metric in metrics(query):
            hold(prometheus.instant(misspelt(query, metric)) != answer, f"{name}: {metric} could be misspelt")
    print(f"ok: {count} rules; {len(truth['alerts'])} alerts fire where they have to")


def check_variables(prometheus):
    for name, variable in dashboard.variables.items():
        if variable["type"] != "query":
            continue
        query = variable["query"]["query"]
        selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", query).groups()
        values = ask(prometheus.base, f"label/{label}/values", **{"match[]": dashboard.query(selector)})
        hold(label == name and any(values), f"${name} is empty")
        if name == "instance":
            hold(values == truth["nodes"], f"${name}: {values}")
    # Where no label of that name is added there is only All.
    hold(prometheus.instant(dashboard.query('ip6drop_build_info{nowhere=~"$cluster"}')), "All wants a label")


def check_queries(prometheus):
    """None is refused or empty, each name in it matters, and each keeps to the node and namespace that is chosen."""
    answers, queries = {}, 0
    for panel, target in dashboard.targets():
        what, expression = f"{panel['title']}, {target['refId']}", target["expr"]
        queries += 1
        found = problem(prometheus, target)
        hold(not found, f"{what}: {found}: {expression}")
        answer = prometheus.panel(target)
        names = metrics(expression)
        hold(names, f"{what}: no metric in {expression}")
        hold(panel["description"].count(". ") <= 1 and panel["description"].endswith("."), f"{what}: not two sentences")
        # With a row or two, the wrong ones would push the right ones out.
        for name in names:
            hold(any(prometheus.panel(target, rows, misspelt(expression, name)) != prometheus.panel(target, rows)
                     for rows in ({}, {"top": ["2"]})), f"{what}: {name} could be misspelt")
        for variable in ("cluster", "instance"):
            hold(not says_something(prometheus.panel(target, {variable: ["nowhere"]})), f"{what} is not by ${variable}")
        some = {"instance": ["node1:9100", "node2:9100"]}
        hold(all(labels.get("instance", "node1:9100") in some["instance"]
                 for labels, _ in prometheus.panel(target, some)), f"{what}: not the nodes chosen")
        if "$netns" in expression:
            one = {"netns": ["net:[4026532208]"]}
            hold(all(labels.get("netns", *one["netns"]) in one["netns"]
                     for labels, _ in prometheus.panel(target, one)), f"{what}: not the namespace chosen")
        answers.setdefault(panel["id"], {})[target["refId"]] = sorted(answer, key=lambda one: sorted(one[0].items()))
    print(f"ok: {queries} queries in {len(answers)} panels; none is empty, none would be with any name misspelt")
    return answers


def check_values(answers):
    """What the dashboard shows is what was going on."""
    panels = {panel["title"]: answers[panel["id"]] for panel in dashboard.json["panels"]}

    def last(title, reference="A", label="instance"):
        """The value at the end by node; of a node's namespaces the greatest."""
        found = {}
        for labels, values in panels[title][reference]:
            if values[-1][0] >= -300:
                key = labels.get(label, "")
                found[key] = max(values[-1][1], found.get(key, values[-1][1]))
        return found

    def same(title, wanted, reference="A"):
        got = last(title, reference)
        hold(near(got, wanted), f"{title}: {got}, not {wanted}")

    for title in ("Cache fill against the limit", "Fullest"):
        same(title, truth["fill"])
        hold(truth["unchecked"] not in last(title), f"{title} has a node that checks no limit")
    same("Fullest", dict.fromkeys(truth["fill"], 4096), "C")
    same("Fullest cache", {"": max(truth["fill"].values())})
    same("Full soonest", truth["seconds_to_full"])
    same("First to be full", {"": min(truth["seconds_to_full"].values())})
    hold(last("Regime: where entries are refused") == truth["refuses"], "regime")
    same("Refusing nodes", {"": len(truth["refuses"])})
    same("No route: packets received", truth["received"])
    same("No route", {"": sum(truth["received"].values())})
    same("No route: packets not sent", truth["sent"])
    hold(last("Stale files") == truth["age"], "stale files")
    same("Stale nodes", {"": len(truth["age"])})
    same("Not readable", {"": len(truth["unreadable"])})
    same("Nodes watched", {"": len(truth["nodes"])})
    same("Alerts firing", {"": sum(len(nodes) for nodes in truth["alerts"].values())})
    shown = {}
    for labels, _ in panels["Alerts firing now"]["A"]:
        shown.setdefault(labels["alertname"], []).append(labels["instance"])
    hold({name: sorted(nodes) for name, nodes in shown.items()} == truth["alerts"], f"alerts: {shown}")
    classes = {}
    for labels, values in panels["Drops by class, last trace"]["A"]:
        classes.setdefault(labels["instance"], {})[labels["class"]] = values[-1][1]
    hold(classes == truth["classes"], f"classes: {classes}")
    print(f"ok: {checks} checks")


def check_scrape():
    """What was fed of a node is what a real node exporter gives for its files."""
    node, textfiles = "node1", directory / "node1/init/textfile"
    own = f'cluster="east",instance="{node}:9100",job="node"'
    fed = {}
    for line in (directory / "metrics.om").read_text().splitlines():
        if own in line and line.endswith(f" {truth['scraped']}"):
            series, value, _ = line.rsplit(" ", 2)
            fed[series.replace(f",{own}", "").replace(f"{{{own}}}", "")] = float(value)
    for series, mtime in fed.items():
        if series.startswith("node_textfile_mtime_seconds"):
            os.utime(textfiles / re.search(r"[^/]+\.prom", series)[0], (mtime, mtime))
    with server(directory / "exporter.log", "/metrics", tools / "prometheus-node-exporter", "--web.listen-address=ADDRESS",
                "--collector.disable-defaults", "--collector.textfile",
                f"--collector.textfile.directory={textfiles}") as base:
        text = urllib.request.urlopen(f"{base}/metrics").read().decode()
    scraped = {}
    for line in text.splitlines():
        if line.startswith(("ip6drop_", "node_textfile_")):
            series, value = line.rsplit(" ", 1)
            labels = sorted(re.findall(r'\w+="[^"]*"', series))
            scraped[series.partition("{")[0], *labels] = float(value)
    hold(scraped.pop(("node_textfile_scrape_error",)) == 0, "the node exporter does not take the files")
    wanted = {}
    for series, value in fed.items():
        series = re.sub(r'file="[^"]*/', f'file="{textfiles}/', series)
        wanted[series.partition("{")[0], *sorted(re.findall(r'\w+="[^"]*"', series))] = value
    hold(wanted and scraped == wanted, f"not what the node exporter gives: {wanted.items() ^ scraped.items()}")
    print(f"ok: {len(wanted)} series as the node exporter gives them")


def main():
    # Minutes do not pass here: tests/fleet/run has the rules with their `for`.
    (directory / "rules.yml").write_text(re.sub(r"(?m)^ +for: .*\n", "", rules.read_text()))
    (directory / "prometheus.yml").write_text(
        f"global: {{evaluation_interval: 1s}}\nrule_files: [{json.dumps(str(directory / 'rules.yml'))}]\n")
    with server(directory / "prometheus.log", "/-/ready", tools / "prometheus", "--web.listen-address=ADDRESS",
                f"--config.file={directory / 'prometheus.yml'}", f"--storage.tsdb.path={directory / 'data'}") as base:
        prometheus = Prometheus(base)
        check_rules(prometheus)
        check_variables(prometheus)
        answers = check_queries(prometheus)
    check_scrape()
    check_values(answers)
    (directory / "answers.json").write_text(json.dumps(answers))


main()
