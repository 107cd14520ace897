//! Text of other programs: perf, bpftrace, and the kernel's log.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::collections::HashMap;
use std::fmt::Write;

use common::{capture, check_sums, class, command, facts, fixture, json_line, number, stdout};
use serde_json::Value;

/// The lines of `--format ndjson` on this text: the drops, and the summary.
fn read(text: &[u8], args: &[&str]) -> (Vec<Value>, Value) {
    let output = command()
        .args(["report", "--format", "ndjson"])
        .args(args)
        .arg("-")
        .write_stdin(text)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", common::stderr(&output));
    let mut lines: Vec<Value> = stdout(&output).lines().map(json_line).collect();
    let summary = lines.pop().unwrap();
    let count: u64 = lines.iter().map(|drop| number(&drop["count"])).sum();
    assert_eq!(count, number(&summary["drops"]["total"]));
    check_sums("text", &summary);
    let health = &summary["health"];
    let total = text.split_inclusive(|&b| b == b'\n').count() as u64;
    assert_eq!(number(&health["lines"]), total);
    (lines, summary)
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(fixture(&format!("6.1/{name}.txt"))).unwrap()
}

fn frames(summary: &Value) -> Vec<&str> {
    let stacks = summary["stacks"].as_array().unwrap();
    assert_eq!(stacks.len(), 1, "{stacks:?}");
    let frames = stacks[0]["frames"].as_array().unwrap();
    frames.iter().map(|f| f.as_str().unwrap()).collect()
}

/// Three packets of each CPU were dropped, whoever watched and however.
#[test]
fn every_drop_of_perf_counts_once() {
    for name in ["probe", "return", "kfree", "both", "function"] {
        let (drops, summary) = read(&file(&format!("perf-{name}")), &[]);
        assert_eq!(summary["source"]["format"], "perf", "{name}");
        assert_eq!(class(&summary, "rcv-undetermined"), [6, 0, 0, 6], "{name}");
        let rows = summary["per_cpu"].as_array().unwrap();
        let rows: Vec<_> = rows.iter().map(|r| (&r["cpu"], &r["drops"])).collect();
        assert_eq!(
            format!("{rows:?}"),
            "[(Number(0), Number(3)), (Number(1), Number(3))]"
        );
        assert_eq!(drops[0]["comm"], "ping");
        assert!(
            drops
                .iter()
                .all(|drop| drop["time"].is_f64() && drop["count"] == 1)
        );
        assert_eq!(number(&summary["health"]["unparsed_lines"]), 0, "{name}");
        let frames = frames(&summary);
        assert_eq!(
            frames[..2],
            ["ip6_pkt_drop", "__netif_receive_skb_one_core"],
            "{name}"
        );
        // The program's own frames are not part of it.
        assert_eq!(
            *frames.last().unwrap(),
            "entry_SYSCALL_64_after_hwframe",
            "{name}"
        );
    }
}

#[test]
fn every_drop_of_bpftrace_counts_once() {
    for (name, lines) in [("kstack", 1), ("keys", 2), ("print", 6), ("perf", 1)] {
        let (drops, summary) = read(&file(&format!("bpftrace-{name}")), &[]);
        assert_eq!(summary["source"]["format"], "bpftrace", "{name}");
        assert_eq!(class(&summary, "rcv-undetermined"), [6, 0, 0, 6], "{name}");
        assert_eq!(drops.len(), lines, "{name}");
        let rows = summary["per_cpu"].as_array().unwrap();
        assert_eq!((rows.len(), &rows[0]["cpu"]), (1, &Value::Null), "{name}");
        assert!(
            drops
                .iter()
                .all(|drop| drop["time"].is_null() && drop["pid"].is_null())
        );
        assert_eq!(frames(&summary)[0], "ip6_pkt_drop");
    }
}

/// The same events as perf prints them, each with the stack that came for it.
fn as_perf_script(ftrace: &str) -> String {
    struct Event {
        line: String,
        chain: String,
    }
    let mut events: Vec<Event> = Vec::new();
    let mut last: HashMap<String, usize> = HashMap::new();
    let mut open = None;
    for line in ftrace.lines() {
        if let Some(frame) = line.strip_prefix(" => ") {
            if let Some(at) = open {
                let event: &mut Event = &mut events[at];
                writeln!(
                    event.chain,
                    "\tffffffff81000001 {frame}+0x1 ([kernel.kallsyms])"
                )
                .unwrap();
            }
            continue;
        }
        let (head, payload) = line.split_once(": ").unwrap();
        let (task, rest) = head.split_at(16);
        let words: Vec<&str> = rest[1..].split_whitespace().collect();
        let (pid, cpu, time) = (words[0], words[1], words[words.len() - 1]);
        if payload == "<stack trace>" {
            open = last.get(&format!("{cpu}{pid}")).copied();
            continue;
        }
        let event = match payload.split_once(": (") {
            Some((name, _)) if payload.contains(" <- ") => {
                let ending = format!("{name}__return: (ffffffff81000000 <- ffffffff81000001)");
                format!(
                    "probe:{ending}{}",
                    &payload[payload.find(')').unwrap() + 1..]
                )
            }
            Some(_) => format!("probe:{payload}"),
            None => format!("ftrace:function:  {}", payload.replace("<-", "<-- ")),
        };
        last.insert(format!("{cpu}{pid}"), events.len());
        let task = task.trim();
        events.push(Event {
            line: format!("{task:>16} {pid:>6} {cpu} {time:>12}: {event}"),
            chain: String::new(),
        });
    }
    events.iter().fold(String::new(), |mut all, event| {
        writeln!(all, "{}\n{}", event.line, event.chain).unwrap();
        all
    })
}

/// What a 4.19 kernel did, told by perf: the same classes, and never confirmed, for perf does
/// not say where it lost something.
#[test]
fn evidence_is_read_from_perf_as_from_ftrace() {
    for (name, full, no_route) in [
        ("4.19-fp/mixed-probes", 40, 27), // and the first of three CPUs
        ("4.19-orc/alternating-probes", 48, 32),
    ] {
        let text = std::fs::read_to_string(capture(name)).unwrap();
        let converted = as_perf_script(&text);
        let facts = facts(name);
        let (drops, summary) = read(converted.as_bytes(), &["--facts", facts.to_str().unwrap()]);
        let (same, expected) = common::drops(name, true);
        assert_eq!(class(&expected, "rcv-dst-alloc")[0], full, "{name}");
        assert_eq!(
            class(&summary, "rcv-dst-alloc"),
            [full, 0, full, 0],
            "{name}"
        );
        assert_eq!(
            class(&summary, "rcv-no-route"),
            [no_route, 0, no_route, 0],
            "{name}"
        );
        assert_eq!(summary["gc"], expected["gc"], "{name}");
        for (drop, same) in drops.iter().zip(&same) {
            for key in ["time", "cpu", "pid", "comm"] {
                assert_eq!(drop[key], same[key], "{name}");
            }
            if drop["rule"] != "starts-at-drop" {
                assert_eq!(drop["class"], same["class"], "{name}");
            }
        }
    }
}

const CHAIN: &str = "\tffffffff90f00de1 ip6_pkt_drop+0x1 ([kernel.kallsyms])
\tffffffff90dafd62 ip6_pkt_discard+0x62 ([kernel.kallsyms])
\tffffffff90db0001 ipv6_rcv+0x81 ([kernel.kallsyms])
\t          10acb3 sendto+0x13 (/lib/x86_64-linux-gnu/libc.so.6)
";

#[test]
fn columns_of_perf_vary() {
    for (head, cpu, pid) in [
        (
            "# ========\n# os release : 6.1.0-x\n# nrcpus online : 4\n#\nmy task 1 119/120 [002] 1.5: probe:ip6_pkt_drop: (ffffffff90f00de0)",
            Some(2),
            Some(119),
        ),
        (
            "ping 119 [002] 1.500000000:  1  probe:ip6_pkt_drop: (ffffffff90f00de0)",
            Some(2),
            Some(119),
        ),
        (
            "ping 119 1.5: probe:ip6_pkt_drop: (ffffffff90f00de0)",
            None,
            None,
        ),
        (
            "ping 119 [002] probe:ip6_pkt_drop: (ffffffff90f00de0)",
            None,
            None,
        ),
        (
            "ping 119 [002] 1.5: kprobes:p_ip6_pkt_drop_0: (ip6_pkt_drop+0x0)",
            Some(2),
            Some(119),
        ),
        (
            "ping 119 [002] 1.5: skb:kfree_skb: skbaddr=0x1 protocol=34525 location=ip6_pkt_drop+0xf0 reason: IP_INNOROUTES",
            Some(2),
            Some(119),
        ),
    ] {
        for text in [
            format!("{head}\n{CHAIN}\n"),
            format!("{head}\n{CHAIN}"),
            format!("{head}\r\n{CHAIN}"),
        ] {
            let (drops, summary) = read(text.as_bytes(), &[]);
            assert_eq!(drops.len(), 1, "{text}");
            assert_eq!(drops[0]["cpu"].as_u64(), cpu, "{text}");
            assert_eq!(drops[0]["pid"].as_u64(), pid, "{text}");
            assert_eq!(drops[0]["class"], "rcv-undetermined", "{text}");
            if head.starts_with('#') {
                assert_eq!(summary["source"]["kernel"], "6.1.0-x");
                assert_eq!(summary["source"]["cpus"], 4);
            }
        }
    }
}

#[test]
fn what_is_no_drop_of_perf_is_none() {
    for head in [
        // A sample that was taken in the function, a packet of IPv4, a return, no event at all.
        "ping 119 [002] 1.5:  250000 cycles:ppp: ",
        "ping 119 1.5:  250000 cycles:ppp: ",
        "ping 119 [002] 1.5: skb:kfree_skb: skbaddr=0x1 protocol=2048 location=0xffffffff90f00ed0",
        "ping 119 [002] 1.5: probe:x__return: (ffffffff90f00de0 <- ffffffff90dafd62)",
        "ping 119 [002] 1.5: ",
    ] {
        let (drops, summary) = read(format!("{head}\n{CHAIN}\n").as_bytes(), &[]);
        assert_eq!(
            (drops.len(), &summary["health"]["events"]),
            (0, &1.into()),
            "{head}"
        );
    }
    // The ICMPv6 error about a dropped packet is freed: not by ip6_pkt_drop.
    let inner = "\tffffffff90d909eb kfree_skb_reason+0x7b ([kernel.kallsyms])
\tffffffff90d909eb icmp6_send+0x7b ([kernel.kallsyms])\n";
    let head = "ping 119 [002] 1.5: skb:kfree_skb: skbaddr=0x1 protocol=34525 location=0x1";
    let (drops, _) = read(format!("{head}\n{inner}{CHAIN}\n").as_bytes(), &[]);
    assert_eq!(drops.len(), 0);
}

/// Without `-g` an event is all there is.
#[test]
fn drops_without_chains() {
    let freed = "ping 119 [002] 1.5: skb:kfree_skb: skbaddr=0x1 protocol=34525 location=ip6_pkt_drop+0xf0 reason: X\n";
    let (_, summary) = read(freed.repeat(3).as_bytes(), &[]);
    assert_eq!(class(&summary, "unknown"), [3, 0, 0, 3]);
    let probed = "ping 119 [002] 1.4: probe:ip6_pkt_drop: (ffffffff90f00de0)\n";
    let (_, summary) = read(format!("{probed}{freed}").repeat(3).as_bytes(), &[]);
    assert_eq!(summary["drops"]["total"], 3);
    let function = "ping 119 [002] 1.4: ftrace:function:  ip6_pkt_drop <-- ip6_pkt_discard\n";
    let (_, summary) = read(function.repeat(3).as_bytes(), &[]);
    assert_eq!(class(&summary, "rcv-undetermined"), [3, 0, 0, 3]);
}

#[test]
fn losses_that_perf_and_bpftrace_tell() {
    let text = format!(
        "ping 119 [001] 1.4: PERF_RECORD_LOST lost 57\n{}",
        String::from_utf8(file("perf-probe")).unwrap()
    );
    let (_, summary) = read(text.as_bytes(), &[]);
    assert_eq!(summary["health"]["lost_events"], 57);
    assert_eq!(summary["verdict"]["exit"], 13);
    let text = format!(
        "Lost 57 events\n{}",
        String::from_utf8(file("bpftrace-print")).unwrap()
    );
    let (_, summary) = read(text.as_bytes(), &[]);
    assert_eq!(summary["health"]["lost_uncounted"], 1);
    assert_eq!(summary["verdict"]["exit"], 13);
}

#[test]
fn counts_of_bpftrace() {
    let entry = |stack: &str, end: &str| format!("@[\n{stack}{end}\n");
    let stack = "    ip6_pkt_drop+1\n    ip6_pkt_prohibit+20\n    ipv6_rcv+3\n";
    let (drops, summary) = read(entry(stack, "]: 42").as_bytes(), &[]);
    assert_eq!((drops.len(), &drops[0]["count"]), (1, &42.into()));
    // No CPU, no pid, no order: probable at best.
    assert_eq!(class(&summary, "rcv-prohibited"), [42, 0, 42, 0]);
    assert_eq!(summary["stacks"][0]["count"], 42);
    for (end, count) in [
        ("]: 99999999999999999999999", u64::from(u32::MAX)),
        (", python3, 3]: 4", 4),
        (",\n    sendto+19\n    main+1\n, python3]: 4", 4),
        ("]: count 4, average 1, total 4", 0),
        ("]: -4", 0),
        ("]", 0),
        ("", 0),
        ("\n]: 4", 0),
        ("prose\n]: 4", 0),
    ] {
        let text = format!("{}{}", entry(stack, end), entry(stack, "]: 1"));
        let (_, summary) = read(text.as_bytes(), &[]);
        assert_eq!(number(&summary["drops"]["total"]), count + 1, "{end}");
        assert_eq!(
            frames(&summary),
            ["ip6_pkt_drop", "ip6_pkt_prohibit", "ipv6_rcv"],
            "{end}"
        );
    }
    let gc = "    ip6_dst_gc+1\n    dst_alloc+2\n    ip6_route_input+3\n";
    let text = format!("{}{}", entry(stack, "]: 1"), entry(gc, "]: 7"));
    let (_, summary) = read(text.as_bytes(), &[]);
    assert_eq!(summary["gc"]["by_origin"]["receive"]["calls"], 7);
    assert_eq!(summary["gc"]["unknown"], 7);
}

#[test]
fn a_log_alone_is_an_answer() {
    let log = std::fs::read(fixture("text/dmesg.txt")).unwrap();
    let (drops, summary) = read(&log, &[]);
    assert_eq!(
        (drops.len(), &summary["source"]["format"]),
        (0, &"dmesg".into())
    );
    let health = &summary["health"];
    assert_eq!(health["log_refusals"], 4);
    assert_eq!(health["log_suppressed"], 7728);
    assert_eq!(health["log_first"], "[   99.187810]");
    assert_eq!(
        health["log_last"],
        "Nov 24 21:41:26 node7 kernel: [  104.100000]"
    );
    assert_eq!(health["unparsed_lines"], 1);
    assert_eq!(
        (&summary["verdict"]["class"], &summary["verdict"]["exit"]),
        (&Value::Null, &11.into())
    );
    let words = summary["verdict"]["summary"].as_str().unwrap();
    assert!(
        words.contains("refused 7732 allocations (4 told, 7728 suppressed)"),
        "{words}"
    );
    assert!(
        summary["advice"][0]["text"]
            .as_str()
            .unwrap()
            .contains("max_size")
    );
    // Nothing in it: no answer, and no wrong one.
    let output = command()
        .args(["report", "-"])
        .write_stdin("[    0.000000] Linux version 6.1.0\n")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(common::stderr(&output).contains("no trace found"));
}

#[test]
fn a_log_beside_drops_makes_nothing_certain() {
    let log = std::fs::read(fixture("text/dmesg.txt")).unwrap();
    let undetermined = std::fs::read(capture("text/drops-only")).unwrap();
    let (_, summary) = read(&[&log[..], &undetermined].concat(), &[]);
    assert_eq!(class(&summary, "rcv-dst-alloc"), [80, 0, 0, 80]);
    // What the trace itself tells stays as it was.
    let told = std::fs::read(capture("4.19-orc/alternating-probes")).unwrap();
    let (_, alone) = read(&told, &[]);
    let (_, summary) = read(&[&told[..], &log].concat(), &[]);
    assert_eq!(summary["drops"], alone["drops"]);
    assert_eq!(summary["source"]["format"], "mixed");
}

#[test]
fn everything_mixed() {
    let parts = [
        file("perf-both"),
        std::fs::read(fixture("text/dmesg.txt")).unwrap(),
        file("bpftrace-keys"),
        std::fs::read(capture("4.19-orc/exhausted")).unwrap(),
        file("perf-kfree"),
        file("bpftrace-kstack"),
    ];
    let (_, summary) = read(&parts.concat(), &[]);
    assert_eq!(summary["drops"]["total"], 6 + 6 + 48 + 6 + 6);
}

/// Cut anywhere: nothing breaks, nothing is counted that is not there.
#[test]
fn cut_anywhere() {
    use ip6drop::inside::analysis::Analysis;
    use ip6drop::inside::input::InputError;
    use ip6drop::inside::report::Request;
    for name in ["perf-both", "bpftrace-keys", "bpftrace-print"] {
        let text = file(name);
        for end in (0..text.len()).step_by(29) {
            let request = Request::default();
            let mut analysis = Analysis::new(&request, false);
            analysis.begin(name.as_ref());
            analysis.feed(&text[..end]);
            match analysis.end(None) {
                Ok(()) => {
                    let report = analysis.finish();
                    let lines = text[..end].split_inclusive(|&b| b == b'\n').count();
                    assert_eq!(report.summary.findings.health.lines.total, lines as u64);
                    assert!(report.summary.findings.drops() <= 6, "{name} {end}");
                }
                Err(error) => assert!(
                    matches!(error, InputError::Empty(_) | InputError::NoTrace { .. }),
                    "{error}"
                ),
            }
        }
    }
}

/// Chains and map entries that lie across chunks, on any number of threads.
#[test]
fn borders_and_threads_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("text");
    let log = std::fs::read(fixture("text/dmesg.txt")).unwrap();
    let both = [
        file("perf-both"),
        file("perf-function"),
        file("bpftrace-keys"),
        log,
    ]
    .concat();
    // Another stack each time, so that some are new in every chunk.
    let many: String = (0..20_000)
        .map(|n| {
            format!("@[\n    ip6_pkt_drop+1\n    caller_{n}+2\n    ipv6_rcv+3\n, x, {n}]: 2\n")
        })
        .collect();
    for (text, drops) in [(both.repeat(60), 18 * 60), (many.into_bytes(), 40_000)] {
        std::fs::write(&path, &text).unwrap();
        let run = |threads: &str, from_stdin: bool| {
            let mut command = command();
            command.args(["report", "--format", "ndjson", "--threads", threads]);
            if from_stdin {
                command.arg("-").write_stdin(&text[..]);
            } else {
                command.arg(&path);
            }
            let output = command.output().unwrap();
            assert!(output.status.success());
            stdout(&output)
        };
        let file = run("1", false);
        let stream = run("1", true);
        let summary = json_line(file.lines().last().unwrap());
        assert_eq!(summary["drops"]["total"], drops);
        for threads in ["2", "3", "8"] {
            assert!(run(threads, false) == file, "{threads} threads");
            assert!(
                run(threads, true) == stream,
                "{threads} threads, standard input"
            );
        }
    }
}

/// Frames of ftrace right behind a chain of perf are a stack of their own.
#[test]
fn a_chain_ends_where_frames_of_ftrace_begin() {
    let chain = "\tffffffff98b00de5 ip6_pkt_drop+0x5 ([kernel.kallsyms])\n";
    for frames in [
        " => ip6_pkt_drop\n => ip6_pkt_discard\n",
        "node7: => ip6_pkt_drop\nnode7: => ip6_pkt_discard\n",
    ] {
        let text = [chain, frames, "<stack trace>\n"].concat();
        let (drops, _) = read(text.as_bytes(), &[]);
        assert_eq!(drops.len(), 2, "{text}");
    }
}
