"""A dashboard as Grafana would ask Prometheus for it."""

import json
import re

DEFAULT_SCRAPE = 15  # what Grafana takes where neither the query nor the data source says a shortest step
POINTS = 1000  # about as many as a panel is wide
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text):
    return int(text[:-1]) * SECONDS[text[-1]]


def escaped(value):
    """A value in a quoted regular expression."""
    return re.sub(r"([\\^$*+?.()|{}\[\]])", r"\\\\\1", value)


class Dashboard:
    def __init__(self, path):
        self.json = json.loads(path.read_text())
        self.variables = {one["name"]: one for one in self.json["templating"]["list"] if one["type"] != "datasource"}

    def targets(self):
        """Each query: its panel and itself."""
        return [(panel, target) for panel in self.json["panels"] for target in panel["targets"]]

    def chosen(self, name, values):
        """What stands for a variable: values that were chosen, or what it is for All."""
        if not values:
            one = self.variables[name]
            return one["allValue"] if one["includeAll"] else one["current"]["value"]
        found = [escaped(value) for value in values]
        return found[0] if len(found) == 1 else f"({'|'.join(found)})"

    def step(self, target, span):
        return max(span // POINTS, seconds(target["interval"]) if "interval" in target else DEFAULT_SCRAPE)

    def query(self, expression, chosen=None, target=None, span=0):
        """An expression with what stands for its variables."""
        scrape = seconds((target or {}).get("interval", f"{DEFAULT_SCRAPE}s"))
        values = {name: self.chosen(name, (chosen or {}).get(name)) for name in self.variables}
        values["__rate_interval"] = f"{max(self.step(target or {}, span) + scrape, 4 * scrape)}s"
        return re.sub(r"\$(\w+)", lambda found: values[found[1]], expression)


def metrics(expression):
    """The names of metrics in an expression: what is no function, no keyword and no label."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", expression)
    bare = re.sub(r"\$\w+|\{[^}]*\}|\[[^\]]*\]|\b(?:by|on|without|ignoring)\s*\([^)]*\)", " ", bare)
    words = re.findall(r"(?<![\w:])[a-zA-Z_:][\w:]*\b(?!\s*\()", bare)
    return sorted(set(words) - {"and", "or", "unless", "by", "on", "bool"})


def misspelt(expression, name):
    return re.sub(rf"(?<![\w:]){name}(?![\w:])", name[:-2] + name[:-3:-1] + "_", expression)
