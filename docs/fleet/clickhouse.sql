-- Reports of thousands of nodes over weeks, in ClickHouse: tables, what fills them, and the questions as views.
-- docs/fleet.md says how documents get here, how long they are kept and what each view is for.
--
--     clickhouse-client --multiquery < clickhouse.sql
--
-- It can be run again at any time: tables stay as they are, views become those of this file.
--
-- Everything comes in through `incoming`, a line or a whole file at a time. Nothing in here adds up what is sent:
-- rows are replaced by the same row (ReplacingMergeTree, read with FINAL or LIMIT 1 BY), and what is aggregated is
-- a minimum, a maximum or a set. So a document that is sent twice changes no answer.

create database if not exists ip6drop;

-- ---- What comes in -------------------------------------------------------------------------------------------

-- Keeps nothing; each materialised view below takes its own kind of document out of it.
create table if not exists ip6drop.incoming
(
    sender String default '',                  -- the node, where the sender names it; goes before the document's own
    run String default '',                     -- a hash of the file sent: the same file is the same run
    n UInt64 default 0,                        -- which line of it
    at DateTime('UTC') default now(),          -- when it was written, for documents that do not say
    line String,

    document String materialized trim(both ' \t\r\n' from line),
    -- A document that was sent as a line is the one that was sent as an indented file, line breaks made blanks.
    id UInt64 materialized sipHash64(replaceAll(document, '\n', ' ')),
    schema String materialized JSONExtractString(document, 'schema'),
    type String materialized JSONExtractString(document, 'type'),
    -- The kinds of `ip6drop merge`. Of what is no JSON, `truncated` is what has more braces opened than closed,
    -- strings left out.
    kind LowCardinality(String) materialized multiIf(
        document = '', 'empty',
        not isValidJSON(document), if(
            countSubstrings(replaceRegexpAll(document, '"(?:\\\\.|[^"\\\\])*(?:"|$)', '') as bare, '{') > countSubstrings(bare, '}'),
            'truncated', 'broken'),
        JSONType(document) != 'Object', 'foreign',
        schema = '' and type = 'drop', 'drop',
        schema = 'ip6drop.report/1' and type in ('', 'summary'), if(
            JSONType(document, 'source') = 'Object'
                and JSONType(document, 'verdict', 'exit') = 'Int64'
                and JSONExtractInt(document, 'verdict', 'exit') in (0, 10, 11, 12, 13)
                and JSONType(document, 'drops', 'total') in ('Int64', 'UInt64')
                and JSONType(document, 'drops', 'by_class') = 'Object'
                and JSONHas(document, 'per_cpu')
                and JSONType(document, 'health', 'unparsed_lines') in ('Int64', 'UInt64'),
            'report', 'malformed'),
        schema = 'ip6drop.status/1' and type = '', if(
            JSONType(document, 'time') in ('Int64', 'Double')
                and JSONType(document, 'kernel') = 'Object'
                and JSONType(document, 'cpus') = 'Object'
                and JSONType(document, 'verdict', 'exit') = 'Int64'
                and JSONExtractInt(document, 'verdict', 'exit') in (0, 1, 10, 11)
                and JSONHas(document, 'namespaces'),
            'status', 'malformed'),
        startsWith(schema, 'ip6drop.report/') or startsWith(schema, 'ip6drop.status/'), 'version',
        'foreign'),
    -- As merge names it. A line about a drop may have none: it belongs to the report behind it.
    host String materialized multiIf(
        sender != '', sender,
        JSONExtractString(document, 'host') != '', JSONExtractString(document, 'host'),
        JSONExtractString(document, 'source', 'host') != '', JSONExtractString(document, 'source', 'host'),
        kind = 'drop', '',
        concat(run, ':', toString(n)))
)
engine = Null;

-- ---- What is kept --------------------------------------------------------------------------------------------

-- Every document that came, also twice, and what cannot be used with its beginning. Lines about drops are in `drops`.
create table if not exists ip6drop.arrivals
(
    received DateTime('UTC') default now(),
    host String,
    run String,
    n UInt64,
    kind LowCardinality(String),
    id UInt64,
    bytes UInt64,
    beginning String                           -- of what cannot be used
)
engine = MergeTree
partition by toYYYYMM(received)
order by (received, host)
ttl received + interval 90 day;

-- A report a row.
create table if not exists ip6drop.reports
(
    host String,
    id UInt64,
    time DateTime('UTC'),                      -- of `began`, else when it was written
    began Nullable(Float64),                   -- of the recording, in seconds since 1970
    version LowCardinality(String),            -- of ip6drop
    kernel LowCardinality(Nullable(String)),
    cpus Nullable(UInt32),
    window_first Nullable(Float64),            -- in the trace's own clock
    seconds Nullable(Float64),
    exit UInt8,                                -- the verdict, as a status: 10, 11, 12, 13, 0
    class LowCardinality(String),
    confidence LowCardinality(String),
    summary String,
    drops UInt64,
    full_cache UInt64,                         -- drops of the fault: rcv-dst-alloc and rcv-rpfilter-dst-alloc
    by_class Map(LowCardinality(String), UInt64),
    per_cpu Array(Tuple(cpu Nullable(UInt32), drops UInt64, first Nullable(Float64), last Nullable(Float64))),
    slow Nullable(Int64),
    max_size Nullable(Int64),
    gc_thresh Nullable(Int64),
    routes Nullable(Int64),
    advised Nullable(Int64),                   -- max_size, as the report advises it
    regimes Array(LowCardinality(String)),
    lost_events Nullable(UInt64),
    unparsed_lines UInt64,
    -- For questions that nobody thought of yet.
    document String codec(ZSTD(3)) ttl time + interval 90 day
)
engine = ReplacingMergeTree
partition by toYYYYMM(time)
order by (host, id)
ttl time + interval 400 day;

-- Where packets were going that were dropped: the destinations that a report names, its 100 with most drops.
create table if not exists ip6drop.addresses
(
    host String,
    id UInt64,
    time DateTime('UTC'),
    destination String,
    drops UInt64,
    full_cache UInt64
)
engine = ReplacingMergeTree
partition by toYYYYMM(time)
order by (host, id, destination)
ttl time + interval 400 day;

-- A drop a row, of `report --format ndjson`. By far the most rows, so they are dropped week by week.
create table if not exists ip6drop.drops
(
    host String,
    run String,
    n UInt64,
    at DateTime('UTC'),
    time Nullable(Float64),                    -- in the trace's own clock
    wall Nullable(DateTime64(6, 'UTC')),       -- where the trace can say
    cpu Nullable(UInt32),
    pid Nullable(Int64),
    comm LowCardinality(String),
    class LowCardinality(String),
    confidence LowCardinality(String),
    rule LowCardinality(String),
    count UInt64,
    source String,
    destination String,
    protocol LowCardinality(String),
    port Nullable(UInt16),                     -- of the destination
    device LowCardinality(String),
    pod LowCardinality(String)
)
engine = ReplacingMergeTree
partition by toMonday(at)
order by (host, run, n)
ttl at + interval 30 day
settings ttl_only_drop_parts = 1;

-- A network namespace a row, of `status --format json`.
create table if not exists ip6drop.namespaces
(
    host String,
    id UInt64,
    time DateTime('UTC'),
    place UInt32,                              -- in the document
    namespace String,                          -- its pod, else its name, else 'own'
    kernel LowCardinality(Nullable(String)),
    regime LowCardinality(String),
    slow Nullable(Int64),
    max_size Nullable(Int64),
    percent_left Nullable(Float64),
    advised Nullable(Int64)
)
engine = ReplacingMergeTree
partition by toYYYYMM(time)
order by (host, id, place)
ttl time + interval 90 day;

-- A node and day a row: its worst report, in the order of merge, and since when it has the fault. Questions about
-- all nodes over months read this, which is small, and not the reports.
create table if not exists ip6drop.days
(
    host String,
    day Date,
    since SimpleAggregateFunction(min, Nullable(Float64)),
    with_fault AggregateFunction(uniqExactIf, UInt64, UInt8),
    worst AggregateFunction(
        argMin,
        Tuple(id UInt64, exit UInt8, confidence String, drops UInt64, full_cache UInt64,
              slow Nullable(Int64), max_size Nullable(Int64), advised Nullable(Int64), kernel Nullable(String)),
        Tuple(UInt8, UInt8, UInt8, Int64, Int64, Int64, Float64))
)
engine = AggregatingMergeTree
partition by toYYYYMM(day)
order by (host, day)
ttl day + interval 400 day;

-- What was rolled out, written by whoever does it; without a host it reached all of them:
--     insert into ip6drop.rollouts values ('2026-11-24 06:00:00', 'calico 3.28', '')
create table if not exists ip6drop.rollouts
(
    at DateTime('UTC'),
    name String,
    host String default ''
)
engine = ReplacingMergeTree
order by (at, name, host);

-- ---- How it gets there ---------------------------------------------------------------------------------------

drop view if exists ip6drop.incoming_to_arrivals;
create materialized view ip6drop.incoming_to_arrivals to ip6drop.arrivals as
select host, run, n, kind, id, length(line) as bytes,
       if(kind in ('report', 'status'), '', left(document, 200)) as beginning
from ip6drop.incoming
where kind != 'drop';

drop view if exists ip6drop.incoming_to_reports;
create materialized view ip6drop.incoming_to_reports to ip6drop.reports as
with JSONExtract(document, 'Tuple(
    tool Tuple(version String),
    source Tuple(began Nullable(Float64), kernel Nullable(String), cpus Nullable(UInt32),
                 window Tuple(first Nullable(Float64), seconds Nullable(Float64))),
    verdict Tuple(class String, confidence String, exit UInt8, summary String),
    drops Tuple(total UInt64, by_class Map(String, Tuple(total UInt64))),
    per_cpu Array(Tuple(cpu Nullable(UInt32), drops UInt64, first Nullable(Float64), last Nullable(Float64))),
    counters Tuple(slow Nullable(Int64), max_size Nullable(Int64), gc_thresh Nullable(Int64), regimes Array(String),
                   sizing Tuple(max_size Nullable(Int64), routes Nullable(Int64))),
    health Tuple(lost_events Nullable(UInt64), unparsed_lines UInt64))') as report
select host, id,
       -- A clock that is out of range is brought into it: the partition depends on it.
       coalesce(toDateTime(least(greatest(report.source.began, 0), 4294967295), 'UTC'), at) as time,
       report.source.began as began, report.tool.version as version,
       report.source.kernel as kernel, report.source.cpus as cpus,
       report.source.window.first as window_first, report.source.window.seconds as seconds,
       report.verdict.exit as exit, report.verdict.class as class, report.verdict.confidence as confidence,
       report.verdict.summary as summary,
       report.drops.total as drops,
       mapApply((name, counts) -> (name, counts.total), report.drops.by_class) as by_class,
       by_class['rcv-dst-alloc'] + by_class['rcv-rpfilter-dst-alloc'] as full_cache,
       report.per_cpu as per_cpu,
       report.counters.slow as slow, report.counters.max_size as max_size, report.counters.gc_thresh as gc_thresh,
       report.counters.sizing.routes as routes, report.counters.sizing.max_size as advised,
       report.counters.regimes as regimes,
       report.health.lost_events as lost_events, report.health.unparsed_lines as unparsed_lines,
       document
from ip6drop.incoming
where kind = 'report';

drop view if exists ip6drop.reports_to_addresses;
create materialized view ip6drop.reports_to_addresses to ip6drop.addresses as
select host, id, time, packets.dst as destination, packets.drops as drops,
       packets.by_class['rcv-dst-alloc'] + packets.by_class['rcv-rpfilter-dst-alloc'] as full_cache
from ip6drop.reports
array join JSONExtract(document, 'packets', 'by_destination',
    'Array(Tuple(dst String, drops UInt64, by_class Map(String, UInt64)))') as packets;

drop view if exists ip6drop.reports_to_days;
create materialized view ip6drop.reports_to_days to ip6drop.days as
select host, toDate(time, 'UTC') as day,
       minIf(began, exit in (10, 11)) as since,
       uniqExactIfState(id, exit in (10, 11)) as with_fault,
       argMinState(
           (id, exit, confidence, drops, full_cache, slow, max_size, advised, kernel)
               ::Tuple(id UInt64, exit UInt8, confidence String, drops UInt64, full_cache UInt64,
                       slow Nullable(Int64), max_size Nullable(Int64), advised Nullable(Int64), kernel Nullable(String)),
           -- Worst first: verdict, confidence, regime, drops for a full cache, all drops, room left; then the newest.
           (indexOf([10, 11, 13, 12, 0], exit),
            indexOf(['confirmed', 'probable', 'possible', ''], confidence),
            arrayMin(arrayMap(name -> indexOf(['exhausted', 'intermittent', 'latent', 'within-limits', 'unaffected', ''], name),
                              arrayPushBack(arrayMap(name -> toString(name), regimes), ''))),
            -toInt64(full_cache), -toInt64(drops),
            coalesce(max_size - slow, 9223372036854775807),
            coalesce(-began, inf))
               ::Tuple(UInt8, UInt8, UInt8, Int64, Int64, Int64, Float64)) as worst
from ip6drop.reports
group by host, day;

drop view if exists ip6drop.incoming_to_drops;
create materialized view ip6drop.incoming_to_drops to ip6drop.drops as
with JSONExtract(document, 'Tuple(
    time Nullable(Float64), wall Nullable(String), cpu Nullable(UInt32), pid Nullable(Int64), comm String,
    class String, confidence String, rule String, count Nullable(UInt64),
    packet Tuple(src String, dst String, proto String, dport Nullable(UInt16), dev String, pod String))') as drop
select host, run, n, at, drop.time as time, parseDateTime64BestEffortOrNull(drop.wall, 6, 'UTC') as wall,
       drop.cpu as cpu, drop.pid as pid, drop.comm as comm, drop.class as class, drop.confidence as confidence,
       drop.rule as rule, coalesce(drop.count, 1) as count, drop.packet.src as source, drop.packet.dst as destination,
       drop.packet.proto as protocol, drop.packet.dport as port, drop.packet.dev as device, drop.packet.pod as pod
from ip6drop.incoming
where kind = 'drop';

drop view if exists ip6drop.incoming_to_namespaces;
create materialized view ip6drop.incoming_to_namespaces to ip6drop.namespaces as
select host, id,
       toDateTime(least(greatest(JSONExtractFloat(document, 'time'), 0), 4294967295), 'UTC') as time,
       place, coalesce(nullIf(space.netns.pod, ''), nullIf(space.netns.name, ''), 'own') as namespace,
       JSONExtract(document, 'kernel', 'release', 'Nullable(String)') as kernel,
       space.state as regime, space.slow as slow, space.sysctls.max_size as max_size,
       space.headroom.percent as percent_left, space.sizing.max_size as advised
from ip6drop.incoming
array join JSONExtract(document, 'namespaces', 'Array(Tuple(
        netns Tuple(name String, pod String), state String, slow Nullable(Int64),
        sysctls Tuple(max_size Nullable(Int64)), headroom Tuple(percent Nullable(Float64)),
        sizing Tuple(max_size Nullable(Int64))))') as space,
    arrayEnumerate(JSONExtractArrayRaw(document, 'namespaces')) as place
where kind = 'status';

-- ---- The questions -------------------------------------------------------------------------------------------
-- Each is a view; `from` is the first day that counts: select * from ip6drop.hosts(from = '2026-11-01').

-- The worst report of each node, on which others rest.
create or replace view ip6drop.worst as
select host, argMinMerge(days.worst) as report
from ip6drop.days
where day >= {from:Date}
group by host;

-- hosts: which nodes have the fault, worst first, and how much was lost for it?
create or replace view ip6drop.hosts as
select host as node, report.exit as exit, report.confidence as confidence, report.full_cache as full_cache,
       report.drops as drops, report.slow as slow, report.max_size as max_size, report.advised as advised,
       report.kernel as kernel
from ip6drop.worst(from = {from:Date})
where exit in (10, 11)
order by exit, full_cache desc, drops desc, node;

-- since: since when? The beginning of the earliest recording of each node that shows it, of all that is kept.
create or replace view ip6drop.since as
select host as node, fromUnixTimestamp64Micro(toInt64(round(min(days.since) * 1000000)), 'UTC') as since,
       uniqExactIfMerge(days.with_fault) as reports
from ip6drop.days
group by host
having reports > 0
order by since nulls last, node;

-- after_rollout: after which roll-out? For each, the nodes it reached: which had the fault in the seven days before
-- it and in the seven after it, and how long it took until the first report of one that is new.
create or replace view ip6drop.after_rollout as
select at, name,
       countIf(before = 1 and after = 1) as still,
       countIf(before != 1 and after = 1) as new,
       countIf(before = 1 and after not in (1, 3)) as unknown,
       countIf(before = 1 and after = 3) as mended,
       countIf(before != 1 and after != 1) as absent,
       round(minOrNullIf(hours, before != 1 and after = 1), 1) as hours_until_first
from (
    -- 1 with the fault, 2 inconclusive, 3 without; 0 where there is no report.
    select at, name, host,
           minIf(finding, time < at) as before,
           minIf(finding, time >= at) as after,
           minIf((time - at) / 3600, time >= at and finding = 1) as hours
    from (
        select host, time, transform(exit, [10, 11, 13], [1, 1, 2], 3) as finding
        from ip6drop.reports final
    ) as seen
    cross join (select at, name, host as reached from ip6drop.rollouts final where at >= {from:Date}) as done
    where reached in ('', host) and time between at - interval 7 day and at + interval 7 day
    group by at, name, host
)
group by at, name
order by new desc, at;

-- changes: what changed on the node itself between a report without the fault and the next, with it? Empty where
-- the report shows none of it. Routes always change; a tenth more of them counts.
create or replace view ip6drop.changes as
select arrayStringConcat(arrayFilter(text -> text != '', [
           if(was.1 = kernel, '', concat('kernel ', was.1, ' to ', kernel)),
           if(was.2 = of_max_size, '', concat('max_size ', was.2, ' to ', of_max_size)),
           if(was.3 = of_gc_thresh, '', concat('gc_thresh ', was.3, ' to ', of_gc_thresh)),
           if(was.4 = of_cpus, '', concat('cpus ', was.4, ' to ', of_cpus)),
           if(of_routes > 1.1 * was.5, 'more routes', '')
       ]), ', ') as changed,
       uniqExact(host) as nodes, min(time) as first, max(time) as last
from (
    select host, time, exit in (10, 11) as fault, coalesce(reports.kernel, '?') as kernel,
           coalesce(toString(max_size), '?') as of_max_size, coalesce(toString(gc_thresh), '?') as of_gc_thresh,
           coalesce(toString(cpus), '?') as of_cpus, routes as of_routes,
           lagInFrame(fault, 1, 1) over previous as had,
           lagInFrame((kernel, of_max_size, of_gc_thresh, of_cpus, of_routes)) over previous as was
    from ip6drop.reports final
    where time >= {from:Date} and exit != 13
    window previous as (partition by host order by coalesce(began, toUnixTimestamp(time)), id rows between 1 preceding and current row)
)
where fault and not had
group by changed
order by nodes desc, changed;

-- destinations: to which destinations are packets lost for a full cache, on how many nodes, and in which network?
create or replace view ip6drop.destinations as
select destination,
       if(isIPv6String(destination), concat(toString(tupleElement(IPv6CIDRToRange(toIPv6(destination), 64), 1)), '/64'), '') as network,
       uniqExact(host) as nodes, sum(addresses.full_cache) as full_cache, sum(addresses.drops) as drops,
       min(time) as first, max(time) as last
from ip6drop.addresses final
where time >= {from:Date}
group by destination
having full_cache > 0
order by nodes desc, full_cache desc, destination;

-- kernels: is it a kernel, or a limit?
create or replace view ip6drop.kernels as
select report.kernel as kernel, report.max_size as max_size, count() as nodes,
       countIf(report.exit in (10, 11)) as with_fault, round(100 * with_fault / nodes, 1) as percent,
       sum(report.drops) as drops
from ip6drop.worst(from = {from:Date})
group by kernel, max_size
order by with_fault desc, nodes desc, kernel, max_size;

-- cpus: which CPUs are hit most? Copies of routes belong to a CPU, so a few of many is typical.
create or replace view ip6drop.cpus as
select host as node, row.cpu as cpu, row.drops as drops, row.first as first_drop, row.last as last_drop
from (
    select host, id, per_cpu
    from ip6drop.reports
    where (host, id) in (select host, report.id from ip6drop.worst(from = {from:Date}))
    limit 1 by host, id
)
array join per_cpu as row
where drops > 0
order by drops desc, node, cpu
limit 20;

-- trend: is it getting better? Nodes that reported, nodes with the fault, and drops a second of recording, by day.
create or replace view ip6drop.trend as
select toDate(time) as day, uniqExact(host) as nodes, uniqExactIf(host, exit in (10, 11)) as with_fault,
       sum(reports.drops) as drops, sum(reports.full_cache) as full_cache, round(sum(reports.seconds), 3) as seconds,
       round(full_cache / seconds, 3) as full_cache_per_second
from ip6drop.reports final
where time >= {from:Date}
group by day
order by day;

-- loss: how much is lost, second by second? Name a node: where node = 'node7'.
create or replace view ip6drop.loss as
select reports.host as node, toInt64(floor(lost.time - reports.window_first)) as second,
       coalesce(toStartOfSecond(min(lost.wall)), toDateTime(floor(any(reports.began)) + second, 'UTC')) as at,
       sum(lost.count) as drops,
       sumIf(lost.count, lost.class in ('rcv-dst-alloc', 'rcv-rpfilter-dst-alloc')) as full_cache
from (
    -- A drop belongs to the report behind it.
    select lines.time as time, lines.wall as wall, lines.count as count, lines.class as class,
           behind.host as host, behind.id as id
    from (select * from ip6drop.drops final where at >= {from:Date}) as lines
    asof join (select run, n, host, id from ip6drop.arrivals where kind = 'report') as behind
        on lines.run = behind.run and lines.n <= behind.n
) as lost
join (select host, id, began, window_first from ip6drop.reports limit 1 by host, id) as reports
    on lost.host = reports.host and lost.id = reports.id
group by node, second
order by node, second;

-- headroom: which nodes and pods have little room left, by the newest status of each node?
create or replace view ip6drop.headroom as
select host as node, namespace, regime, slow, max_size, percent_left, advised
from ip6drop.namespaces final
where (host, id) in (
        select host, argMax(id, (time, id)) from ip6drop.namespaces where time >= {from:Date} group by host)
  and percent_left < 20
order by percent_left, node, namespace;

-- documents: what became of what was sent, as merge counts it?
create or replace view ip6drop.documents as
select kind, sum(found) as documents
from (
    select if(kind in ('report', 'status') and copy > 1, 'duplicate', toString(kind)) as kind, 1 as found
    from (
        select kind, row_number() over (partition by kind, host, id order by received, run, n) as copy
        from ip6drop.arrivals
        where received >= {from:Date}
    )
    union all
    -- Lines about drops that no report follows: cut off between two lines.
    select 'truncated' as kind, 1 as found
    from (
        select run, n, true as is_drop from ip6drop.drops where at >= {from:Date}
        union all
        select run, n, false as is_drop from ip6drop.arrivals where kind in ('report', 'status')
    )
    group by run
    having max(n) = maxIf(n, is_drop) and max(is_drop)
)
group by kind
order by kind;
