"""Asks every view of docs/fleet/clickhouse.sql, and holds the answers against those of merge and DuckDB.

    check.py first    after all documents were sent once: every answer is right
    check.py again    after they were sent twice: every answer is as it was; and what is old is forgotten

The current directory holds what tests/fleet/run made; the database is CLICKHOUSE_DIR, and merge is IP6DROP's.
"""

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import datetime, timezone
from pathlib import Path

from chdb.session import Session
from expected import changes, destinations, name, splits

DAY = 86_400
server = Session(os.environ["CLICKHOUSE_DIR"])
checks = 0


def read_reports():
    """The sound reports, without the members that nothing here looks at and that are most of them."""
    unread = {"stacks", "tasks", "gc", "facts", "advice"}
    with open("reports.ndjson") as lines:
        for line in lines:
            yield {key: value for key, value in json.loads(line).items() if key not in unread}


def same(what, got, wanted):
    global checks
    checks += 1
    if got != wanted:
        sys.exit(f"FAILED: {what}: ClickHouse says {str(got)[:500]}, and it should be {str(wanted)[:500]}")


def plain(value):
    """A date and time as seconds since 1970, as in all other documents."""
    try:
        return datetime.fromisoformat(value).replace(tzinfo=timezone.utc).timestamp()
    except (TypeError, ValueError):
        return value


def ask(query):
    answer = json.loads(str(server.query(f"{query} settings output_format_json_quote_64bit_integers = 0", "JSON")))
    return [{key: plain(value) for key, value in row.items()} for row in answer["data"]]


def ask_view(view, since=0):
    day = datetime.fromtimestamp(since, timezone.utc).date()
    rows = ask(f"select * from ip6drop.{view}" + ("" if view == "since" else f"(from = '{day}')"))
    # All views but the one that others rest on say in which order.
    return sorted(rows, key=lambda row: row["host"]) if view == "worst" else rows


def merge(documents, *more):
    """What merge says of documents, or of two lists of them with --compare."""
    files = []
    for number, part in enumerate([documents, *more]):
        files.append(f"part{number}.ndjson")
        Path(files[-1]).write_text("".join(json.dumps(document) + "\n" for document in part))
    compare = ["--compare"] if more else []
    merged = subprocess.run([os.environ["IP6DROP"], "merge", "--format", "json", *compare, *files], stdout=subprocess.PIPE)
    return json.loads(merged.stdout)


def views():
    query = "select name from system.tables where database = 'ip6drop' and engine = 'View' order by name"
    return [row["name"] for row in ask(query)]


def documents_of_merge():
    """The documents of all that was sent, as merge counts them, by kind."""
    documents = json.loads(Path("all.json").read_text())["documents"]
    kinds = {**documents["by_kind"], "report": documents["reports"], "status": documents["statuses"]}
    assert sum(kinds.values()) == documents["total"]
    return {kind: count for kind, count in kinds.items() if count}


def check_first():
    reports = list(read_reports())
    midnight = int(min(report["source"]["began"] for report in reports)) // DAY * DAY + DAY
    rollouts = splits(midnight, reports)
    for at, title, host in rollouts:
        server.query(f"insert into ip6drop.rollouts values ({at}, '{title}', '{host}')")
    answers = {view: ask_view(view) for view in views()}
    assert all(answers.values()), [view for view, rows in answers.items() if not rows]

    for query, rows in json.loads(Path("duckdb.json").read_text()).items():
        same(f"{query}, which DuckDB answers too,", answers[query], rows)

    same("documents by kind", {row["kind"]: row["documents"] for row in answers["documents"]}, documents_of_merge())

    by_day = defaultdict(list)
    for report in reports:
        by_day[report["source"]["began"] // DAY * DAY].append(report)
    assert len(by_day) == 2
    for row, (day, of_day) in zip(answers["trend"], sorted(by_day.items()), strict=True):
        totals = merge(of_day)["totals"]
        got = [row[key] for key in ("day", "nodes", "with_fault", "drops")]
        same("a day", got, [day, totals["hosts"], totals["with_fault"], sum(each["drops"]["total"] for each in of_day)])

    # The same questions of the second day alone.
    faulty = {row["host"]: row["drops"]["total"] for row in merge(by_day[midnight])["hosts"] if row["exit"] in (10, 11)}
    same("hosts of a day", {row["node"]: row["drops"] for row in ask_view("hosts", midnight)}, faulty)
    same("kernels of a day", sum(row["with_fault"] for row in ask_view("kernels", midnight)), len(faulty))

    after_rollout = {row["name"]: row for row in answers["after_rollout"]}
    for at, title, host in rollouts:
        reached = [report for report in reports if host in ("", name(report))]
        before, after = ([report for report in reached if (report["source"]["began"] >= at) is late] for late in (False, True))
        compared = merge(before, after)
        same(f"nodes after {title}", {kind: after_rollout[title][kind] for kind in compared["fault"]}, compared["fault"])
        new = {row["host"] for row in compared["hosts"] if row["fault"] == "new"}
        first = [report["source"]["began"] for report in after if name(report) in new and report["verdict"]["exit"] in (10, 11)]
        same(f"hours after {title}", after_rollout[title]["hours_until_first"], round((min(first) // 1 - at) / 3600, 1) if first else None)

    same("what changed", {row["changed"]: row["nodes"] for row in answers["changes"]}, changes(reports))
    got = {row["destination"]: [row["nodes"], row["full_cache"], row["drops"]] for row in answers["destinations"]}
    same("destinations", got, destinations(reports))
    Path("clickhouse.json").write_text(json.dumps(answers))
    print(f"ok: {len(answers)} views, {checks} answers as merge and DuckDB give them")


def check_again():
    once = json.loads(Path("clickhouse.json").read_text())
    for view in views():
        if view != "documents":
            same(f"{view}, all sent twice,", ask_view(view), once[view])
    # Every report and status is a duplicate now, and all else came twice.
    kinds = Counter(documents_of_merge())
    usable = kinds.pop("report"), kinds.pop("status")
    twice = {kind: 2 * count for kind, count in kinds.items()}
    twice |= {"report": usable[0], "status": usable[1], "duplicate": twice["duplicate"] + sum(usable)}
    # But for the end of the recording that was cut off: the same file is the same run.
    twice["truncated"] -= 1
    same("documents sent twice", {row["kind"]: row["documents"] for row in ask_view("documents")}, twice)
    print(f"ok: sent twice, {checks} answers are as they were")


def check_forgetting():
    """What is older than its table keeps goes, what is a day younger stays."""
    kept = {"reports": 400, "addresses": 400, "days": 400, "drops": 30, "namespaces": 90}
    report = next(report for report in read_reports() if report["packets"])
    status = json.loads(Path("status.ndjson").read_text().splitlines()[0])
    now = int(datetime.now(timezone.utc).timestamp())
    sent = defaultdict(list)
    for age in {days + by for days in kept.values() for by in (-1, 8)} | {89, 91}:
        host = f"old{age}"
        at = now - age * DAY
        made = [{"type": "drop", "class": "unknown"}, {**report, "source": {**report["source"], "began": at}}, {**status, "time": at}]
        for n, document in enumerate(made):
            line = json.dumps(document).replace("\\", "\\\\").replace("'", "\\'")
            server.query(f"insert into ip6drop.incoming (sender, run, n, at, line) values ('{host}', '{host}', {n}, {at}, '{line}')")
        sent[host] = age
    for table, days in kept.items():
        server.query(f"optimize table ip6drop.{table} final")
        left = {row["host"] for row in ask(f"select distinct host from ip6drop.{table} where host like 'old%'")}
        same(f"what {table} keeps", left, {host for host, age in sent.items() if age < days})
    whole = {row["host"] for row in ask("select host from ip6drop.reports where host like 'old%' and document != ''")}
    same("documents that are kept", whole, {host for host, age in sent.items() if age < 90})
    print(f"ok: {len(kept)} tables forget when they should")


if sys.argv[1] == "first":
    check_first()
else:
    check_again()
    check_forgetting()
