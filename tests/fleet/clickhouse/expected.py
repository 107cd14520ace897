"""Answers that merge has no question for, counted from the reports themselves."""

from collections import Counter, defaultdict


def name(report):
    return report.get("host") or report["source"]["host"]


def has_fault(report):
    return report["verdict"]["exit"] in (10, 11)


def by_node(reports):
    """The reports of each node, oldest first."""
    nodes = defaultdict(list)
    for report in sorted(reports, key=lambda report: report["source"]["began"]):
        nodes[name(report)].append(report)
    return nodes


def splits(midnight, reports):
    """Roll-outs: two that reached all, and one of a single node that has the fault after it, and had not before."""
    turned = (
        (of_node[1], host)
        for host, of_node in by_node(reports).items()
        if len(of_node) == 2 and not has_fault(of_node[0]) and has_fault(of_node[1])
    )
    report, host = next(turned)
    at = int(report["source"]["began"]) - 60
    return [(midnight, "routes", ""), (midnight + 6 * 3600, "sysctls", ""), (at, "one node", host)]


def destinations(reports):
    """For each destination with drops for a full cache: nodes, such drops, and all."""
    hosts, sums = defaultdict(set), defaultdict(lambda: [0, 0])
    for report in reports:
        for row in (report["packets"] or {"by_destination": []})["by_destination"]:
            hosts[row["dst"]].add(name(report))
            of_class = row["by_class"]
            sums[row["dst"]][0] += of_class["rcv-dst-alloc"] + of_class["rcv-rpfilter-dst-alloc"]
            sums[row["dst"]][1] += row["drops"]
    return {dst: [len(hosts[dst]), *counts] for dst, counts in sums.items() if counts[0]}


def what_changed(old, new):
    def members(report):
        counters = report["counters"] or {}
        return {
            "kernel": report["source"]["kernel"],
            "max_size": counters.get("max_size"),
            "gc_thresh": counters.get("gc_thresh"),
            "cpus": report["source"]["cpus"],
        }, (counters.get("sizing") or {}).get("routes")

    (was, old_routes), (now, new_routes) = members(old), members(new)
    shown = lambda value: "?" if value is None else value
    texts = [f"{key} {shown(was[key])} to {shown(now[key])}" for key in now if was[key] != now[key]]
    if old_routes and new_routes and new_routes > 1.1 * old_routes:
        texts.append("more routes")
    return ", ".join(texts)


def changes(reports):
    """For what changed between a report without the fault and the next with it: how many nodes."""
    nodes = Counter()
    for of_node in by_node(reports).values():
        known = [report for report in of_node if report["verdict"]["exit"] != 13]
        turns = {what_changed(old, new) for old, new in zip(known, known[1:]) if not has_fault(old) and has_fault(new)}
        nodes.update(turns)
    return dict(nodes)
