"""Two hours of a small fleet, as Prometheus would have scraped them from its node exporters.

    feed.py IP6DROP FIXTURES DIRECTORY

Every minute of each node is a tree that stands for its /proc and /sys, read by `ip6drop status --all-netns --format
prometheus`; what `ip6drop report --format prometheus` says of a trace is there as well. DIRECTORY gets metrics.om
(OpenMetrics, for promtool), truth.json (when it ended, and what the scenario says about the numbers that the dashboard
shows) and NODE/NAMESPACE, the trees with the last files that were written, in textfile.
"""

import json
import re
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

MINUTES = 120
LAG = 7  # seconds from the last scrape to the moment that is looked at, as it seldom is the same
TEXTFILES = "/var/lib/node_exporter/textfile_collector"
POD = "0b5c3a9e-1f2d-4c6b-8a7e-9d0c1b2a3f4e"
LIMIT = 4096
SYSCTLS = {"max_size": LIMIT, "gc_thresh": 1024, "gc_min_interval_ms": 500, "gc_elasticity": 9, "gc_timeout": 60,
           "gc_interval": 30}
PIDS = {"init": 1, "pod": 20}
# What a kernel calls them; the files of the trees have whatever numbers their file system gives.
INODES = {"init": 4026531840, "pod": 4026532208}

# A network namespace: entries, and the counters of packets without a route, each a function of the minute.
Space = namedtuple("Space", "entries received sent", defaults=[lambda minute: 7, lambda minute: 3])
# A node, and a pod on it: None where it has none, UNREADABLE where it cannot be looked into.
Node = namedtuple("Node", "cluster init pod kernel", defaults=[None, "4.19.113"])
UNREADABLE = "unreadable"

FULL_AT, STALE_AT = 60, MINUTES - 50
NODES = {
    # Passes the limit, and stays above it: received packets die.
    "node1": Node("east", Space(lambda minute: min(2600 + 25 * minute, 4540),
                                received=lambda minute: 7 + 90 * max(0, minute - FULL_AT))),
    # Its pod fills.
    "node2": Node("east", Space(lambda minute: 616), pod=Space(lambda minute: 1500 + 8 * minute)),
    # Little is left.
    "node3": Node("east", Space(lambda minute: 3600 + minute % 7)),
    # A kernel that does not check the limit: one namespace is above it, one about to be.
    "node4": Node("west", Space(lambda minute: 4500 + 10 * minute), pod=Space(lambda minute: 3000 + 9 * minute),
                  kernel="6.12.9"),
    # Its writer is gone.
    "node5": Node("west", Space(lambda minute: 700 + 2 * min(minute, STALE_AT))),
    # Lacks routes.
    "node6": Node("west", Space(lambda minute: 900 + minute % 5, received=lambda minute: 7 + 30 * minute,
                                sent=lambda minute: 3 + 6 * minute), pod=UNREADABLE),
}
TRACES = {"node1": "4.19-fp/exhausted", "node6": "4.19-fp/noroute"}


def truth(end, classes):
    """What the scenario says, by instance."""
    def fill(entries):
        return entries / LIMIT

    return {
        "end": end,
        "scraped": end - LAG,
        "seconds": 60 * MINUTES,
        "nodes": [f"{node}:9100" for node in NODES],
        "fill": {"node1:9100": fill(4540), "node2:9100": fill(2460), "node3:9100": fill(3600 + MINUTES % 7),
                 "node5:9100": fill(700 + 2 * STALE_AT), "node6:9100": fill(900 + MINUTES % 5)},
        "unchecked": "node4:9100",
        "seconds_to_full": {"node2:9100": (LIMIT - 2460) / 8 * 60},
        "refuses": {"node1:9100": 4},
        "received": {"node1:9100": 90 / 60, "node6:9100": 30 / 60},
        "sent": {"node6:9100": 6 / 60},
        "age": {"node5:9100": 60 * (MINUTES - STALE_AT)},
        "unreadable": ["node6:9100"],
        "classes": {f"{node}:9100": counts for node, counts in classes.items()},
        "alerts": {
            "Ip6RouteCacheExhausted": ["node1:9100"],
            "Ip6RouteCacheRefuses": ["node1:9100"],
            "Ip6RouteCacheDropsPackets": ["node1:9100"],
            "Ip6RouteCacheNearLimit": ["node1:9100", "node3:9100"],
            "Ip6RouteCacheFills": ["node1:9100", "node2:9100"],
            "Ip6dropNetnsUnreadable": ["node6:9100"],
            "Ip6dropMetricsStale": ["node5:9100"],
        },
    }


def put(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def plant(node, own, root):
    """What does not change in the tree of a node, as seen from one of its namespaces."""
    put(root / "proc/sys/kernel/osrelease", node.kernel + "\n")
    for name, value in SYSCTLS.items():
        put(root / "proc/sys/net/ipv6/route" / name, f"{value}\n")
    for name in ("online", "present"):
        put(root / "sys/devices/system/cpu" / name, "0-3\n")
    put(root / "proc/1/comm", "systemd\n")
    put(root / "proc/20/comm", "pause\n")
    scope = f"kubepods-burstable.slice/kubepods-burstable-pod{POD.replace('-', '_')}.slice/cri-containerd-0123.scope"
    put(root / "proc/20/cgroup", f"0::/kubepods.slice/{scope}\n")
    # The namespaces of a node are the same files in each of its trees.
    pids = [(name, pid) for name, pid in PIDS.items() if name == "init" or node.pod]
    for name, pid in [*pids, (own, "self")]:
        at = root / f"proc/{pid}/ns/net"
        at.parent.mkdir(parents=True, exist_ok=True)
        at.hardlink_to(root.parent / f"{name}.ns")


def program(*words, may_fail=False):
    run = subprocess.run([sys.argv[1], *map(str, words)], capture_output=True, text=True)
    # A namespace that cannot be read is a failure of status, which prints all the same.
    if run.returncode not in ((0, 1) if may_fail else (0,)):
        sys.exit(f"FAILED: {run.args}: {run.returncode}: {run.stderr}")
    return run.stdout


def samples(text):
    return [line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]


def status(space, minute, root):
    """What is written of a namespace at a minute."""
    entries = space.entries(minute)
    put(root / "proc/net/rt6_stats", f"034d 01a8 {2000 + entries:04x} 01d2 0006 {entries:04x} 0000\n")
    put(root / "proc/net/snmp6", f"Ip6InNoRoutes\t{space.received(minute)}\nIp6OutNoRoutes\t{space.sent(minute)}\n")
    return program("status", "--all-netns", "--format", "prometheus", "--proc", root / "proc", "--sys", root / "sys",
                   may_fail=True)


def history(node, home):
    """The samples of a node at each minute. No tree has more than one readable namespace, so theirs are joined."""
    inodes = {}
    for name, inode in INODES.items():
        put(home / f"{name}.ns")
        inodes[str((home / f"{name}.ns").stat().st_ino)] = str(inode)
    spaces = {own: space for own in PIDS if isinstance(space := getattr(node, own), Space)}
    for own in spaces:
        plant(node, own, home / own)
    minutes = []
    for minute in range(MINUTES + 1):
        joined = {}
        for own, space in spaces.items():
            text = re.sub(r'(?<=inode=")\d+|(?<=net:\[)\d+', lambda inode: inodes[inode[0]],
                          status(space, minute, home / own))
            put(home / own / "textfile/ip6drop.prom", text)
            for series, value in samples(text):
                if not (series.startswith("ip6drop_netns_readable") and joined.get(series) == "1"):
                    joined[series] = value
        minutes.append(joined)
    return minutes


def main():
    fixtures, directory = Path(sys.argv[2]), Path(sys.argv[3])
    histories = {name: history(node, directory / name) for name, node in NODES.items()}
    traces, classes = {}, {}
    for name, trace in TRACES.items():
        flags = ("--facts", fixtures / f"{trace}.facts", fixtures / f"{trace}.pipe")
        text = program("report", "--format", "prometheus", *flags)
        put(directory / name / "init/textfile/ip6drop_drops.prom", text)
        traces[name] = samples(text)
        by_class = json.loads(program("report", "--format", "json", *flags))["drops"]["by_class"]
        classes[name] = {one: counts["total"] for one, counts in by_class.items() if counts["total"]}

    end = int(time.time())
    with open(directory / "metrics.om", "w") as stream:
        for name, minutes in histories.items():
            scraped = f'cluster="{NODES[name].cluster}",instance="{name}:9100",job="node"'
            for minute, found in enumerate(minutes):
                at = end - 60 * (MINUTES - minute)
                files = {"ip6drop": (found.items(), min(at, end - 60 * (MINUTES - STALE_AT)) if name == "node5" else at)}
                if name in traces:
                    files["ip6drop_drops"] = (traces[name], end - 60 * MINUTES)
                for file, (lines, written) in files.items():
                    mtime = f'node_textfile_mtime_seconds{{file="{TEXTFILES}/{file}.prom"}}'
                    for series, value in [*lines, (mtime, written)]:
                        metric, _, own = series.rstrip("}").partition("{")
                        stream.write(f"{metric}{{{own + ',' if own else ''}{scraped}}} {value} {at - LAG}\n")
        stream.write("# EOF\n")
    (directory / "truth.json").write_text(json.dumps(truth(end, classes), indent=1))


main()
