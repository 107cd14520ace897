"""Runs the queries of docs/fleet.md and holds the answers against those of `ip6drop merge`.

    check.py FLEET_MD DIRECTORY

DIRECTORY holds reports.ndjson, drops.ndjson, status.ndjson, and merge.json, drops.json and
status.json: what merge says of each alone. It gets duckdb.json, all answers by the name of their query.
"""

import json
import os
import re
import sys
from datetime import timezone
from pathlib import Path

import duckdb

UTC = timezone.utc
fleet, directory = Path(sys.argv[1]).read_text(), sys.argv[2]
os.chdir(directory)
merged = json.loads(Path("merge.json").read_text())
rows = merged["hosts"]
faulty = [row for row in rows if row["exit"] in (10, 11)]
answers = {}
database = duckdb.connect()
for block in re.findall(r"^```sql\n(.*?)^```$", fleet, re.MULTILINE | re.DOTALL):
    name = re.match(r"-- (\w+)\n", block)
    cursor = database.execute(block)
    if name:
        columns = [column[0] for column in cursor.description]
        answers[name[1]] = [dict(zip(columns, row)) for row in cursor.fetchall()]
checks = 0


def same(what, got, wanted):
    global checks
    checks += 1
    if got != wanted:
        sys.exit(f"FAILED: {what}: DuckDB says {str(got)[:500]}, merge {str(wanted)[:500]}")


assert set(answers) == {"hosts", "since", "kernels", "cpus", "loss", "headroom"}, set(answers)
assert faulty and len(faulty) < len(rows)



def full_cache(by_class):
    """Drops for a full cache, the packet's own route or the reverse path's."""
    return by_class["rcv-dst-alloc"] + by_class["rcv-rpfilter-dst-alloc"]


# The hosts with the fault, their numbers, and the order of their verdicts.
of_merge = {
    row["host"]: (
        row["exit"], row["confidence"], full_cache(row["drops"]["by_class"]), row["drops"]["total"],
        row["limits"]["slow"], row["limits"]["max_size"], row["limits"]["advised_max_size"], row["kernel"],
    )
    for row in faulty
}
of_query = {row.pop("node"): tuple(row.values()) for row in [dict(row) for row in answers["hosts"]]}
same("hosts with the fault", of_query, of_merge)
same("their verdicts, worst first", [row["exit"] for row in answers["hosts"]], [row["exit"] for row in faulty])

since = {row["node"]: row["since"].replace(tzinfo=UTC).timestamp() for row in answers["since"]}
same("since when", {host: int(at) for host, at in since.items()}, {row["host"]: int(row["since"]) for row in faulty})

for key, groups in [("kernel", merged["by_kernel"]), ("max_size", merged["by_max_size"])]:
    for group in groups:
        found = [row for row in answers["kernels"] if row[key] == group[key]]
        got = [sum(row[column] for row in found) for column in ("nodes", "with_fault", "drops")]
        same(f"{key} {group[key]}", got, [group["hosts"], group["with_fault"], group["drops"]["total"]])

most = {row["host"]: row["busiest"]["drops"] for row in rows if row["busiest"]}
same("the busiest CPU", answers["cpus"][0]["drops"], max(most.values()))
assert all(row["drops"] <= most[row["node"]] for row in answers["cpus"])

drops = {row["host"]: row["drops"] for row in json.loads(Path("drops.json").read_text())["hosts"]}
assert drops
for host, counts in drops.items():
    of_host = [row for row in answers["loss"] if row["node"] == host]
    got = [sum(row[column] for row in of_host) for column in ("drops", "full_cache")]
    same(f"loss over time of {host}", got, [counts["total"], full_cache(counts["by_class"])])

status = json.loads(Path("status.json").read_text())["hosts"]
tight = {
    row["host"]: row["limits"]["headroom"]
    for row in status
    if row["limits"]["headroom"] * 100 < 20 * row["limits"]["max_size"]
}
assert tight and len(tight) < len(status)
same("little room", {row["node"]: row["max_size"] - row["slow"] for row in answers["headroom"]}, tight)
Path("duckdb.json").write_text(json.dumps(answers, default=lambda time: time.replace(tzinfo=UTC).timestamp()))
print(f"ok: {len(answers)} queries, {checks} answers as merge gives them")
