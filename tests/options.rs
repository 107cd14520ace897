//! Filters, formats and exit statuses of `report`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::collections::BTreeSet;

use common::{capture, class, facts, ip6drop, json, number, stderr, stdout, unwrapped};
use serde_json::Value;

fn alternating(args: &[&str]) -> std::process::Output {
    let facts = facts("4.19-fp/alternating").display().to_string();
    let capture = capture("4.19-fp/alternating").display().to_string();
    let fixed = ["report", "--facts", &facts, &capture];
    ip6drop(fixed.iter().copied().chain(args.iter().copied()))
}

fn filtered(args: &[&str]) -> Value {
    let output = alternating(&[&["--format", "json"], args].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report = json(&output);
    common::check_sums("filtered", &report);
    assert_eq!(
        number(&report["drops"]["total"]) + number(&report["left_out"]),
        80
    );
    assert_eq!(
        number(&report["control"]["receive_drops"]),
        80,
        "evidence is of the whole trace"
    );
    report
}

#[test]
fn filters_choose_drops_and_keep_their_evidence() {
    for (args, dst, routes) in [
        (&["--cpu", "1"][..], 12, 8),
        (&["--cpu", "0-1,3"], 36, 24),
        (&["--pid", "1042"], 12, 8),
        (&["--pid", "1042,1041"], 24, 16),
        (&["--comm", "^pyth"], 48, 32),
        (&["--comm", "kubelet"], 0, 0),
        (&["--stack", "ip6_pkt_discard;ipv6_rcv"], 48, 32),
        (&["--stack", "ip6_forward"], 0, 0),
        (&["--class", "rcv-dst-alloc"], 48, 0),
        (&["--class", "rcv-no-route,unknown"], 0, 32),
        (&["--until", "0"], 0, 0),
        (&["--since", "52.593504", "--until", "52.593504"], 0, 1),
    ] {
        let report = filtered(args);
        assert_eq!(
            class(&report, "rcv-dst-alloc"),
            [dst, 0, dst, 0],
            "{args:?}"
        );
        assert_eq!(
            class(&report, "rcv-no-route"),
            [routes, routes, 0, 0],
            "{args:?}"
        );
    }
    let text = stdout(&alternating(&["--cpu", "1"]));
    assert!(text.contains("Filters left out 60 drops."), "{text}");
}

#[test]
fn exit_statuses_only_where_asked_for() {
    let status = |name: &str, with_facts: bool| {
        let facts = facts(name).display().to_string();
        let capture = capture(name).display().to_string();
        let mut args = vec!["report", "--quiet", "--exit-code", &capture];
        if with_facts {
            args.extend(["--facts", &facts]);
        }
        let output = ip6drop(args);
        assert_eq!(stdout(&output), "", "{name}");
        output.status.code().unwrap()
    };
    assert_eq!(status("4.19-fp/exhausted", true), 11);
    assert_eq!(status("4.19-fp/exhausted", false), 11);
    assert_eq!(status("text/drops-only.pipe", false), 11);
    assert_eq!(status("4.19-fp/healthy", true), 12);
    assert_eq!(status("4.19-odd/empty-stacks", true), 11);
    assert_eq!(alternating(&[]).status.code(), Some(0));
    assert_eq!(ip6drop(["report", "--no-such-flag"]).status.code(), Some(2));
    assert_eq!(
        ip6drop(["report", "--class", "nonsense"]).status.code(),
        Some(2)
    );
    assert_eq!(ip6drop(["report", "--comm", "("]).status.code(), Some(2));
}

fn on(input: &str) -> i32 {
    let mut command = common::command();
    command
        .args(["report", "--quiet", "--exit-code"])
        .write_stdin(input);
    command.output().unwrap().status.code().unwrap()
}

#[test]
fn what_forbids_a_verdict() {
    let head = "# tracer: function\n#\n";
    assert_eq!(on(head), 13, "it could not have shown a drop");
    let quiet = &format!(
        "# ip6drop: version 2\n# ip6drop: cpus 1\n# ip6drop: traced ip6_pkt_drop\n# ip6drop: lost 0 0\n{head}"
    );
    assert_eq!(on(quiet), 0);
    assert_eq!(on(&format!("{quiet}CPU:1 [LOST 7 EVENTS]\n")), 13);
    let prose = "one\n".repeat(9);
    assert_eq!(on(&format!("{quiet}{prose}")), 13);
    let drop = "         python3-1042  [001] ..s1    52.560614: ip6_pkt_drop <-process_backlog\n         python3-1042  [001] ..s1    52.560615: <stack trace>\n";
    assert_eq!(on(drop), 13, "all stacks are empty, and nothing else tells");
    let prohibit =
        "         python3-1042  [001] ..s1    52.560614: ip6_pkt_drop <-ip6_pkt_prohibit\n";
    assert_eq!(on(prohibit), 12);
    assert_eq!(
        on(&format!("{prohibit}CPU:1 [LOST 7 EVENTS]\n")),
        13,
        "the lost ones may be anything"
    );
}

#[test]
fn several_inputs_give_one_report() {
    let a = capture("4.19-fp/exhausted").display().to_string();
    let b = capture("4.19-fp/prohibit").display().to_string();
    let report = json(&ip6drop(["report", "--format", "json", &a, &b]));
    assert_eq!(report["source"]["inputs"], serde_json::json!([a, b]));
    assert_eq!(number(&report["drops"]["total"]), 80);
    assert_eq!(class(&report, "rcv-prohibited"), [32, 0, 32, 0]);
}

#[test]
fn evidence_does_not_cross_into_the_next_file() {
    // A refused lookup at the end of one file, a drop at the start of the next.
    let dir = tempfile::tempdir().unwrap();
    let head = "         python3-1042  [001] ..s1    52.560614:";
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    let refused = format!(
        "{head} ip6_dst_gc <-dst_alloc\n{head} gc_exit: (dst_alloc+0x1/0x2 <- ip6_dst_gc) ret=1\n"
    );
    let drop = format!("{head} ip6_pkt_drop <-ip6_pkt_discard\n");
    std::fs::write(&a, &refused).unwrap();
    std::fs::write(&b, &drop).unwrap();
    let split = json(&ip6drop([
        "report".as_ref(),
        "--format".as_ref(),
        "json".as_ref(),
        a.as_os_str(),
        b.as_os_str(),
    ]));
    assert_eq!(class(&split, "rcv-dst-alloc")[0], 0);
    std::fs::write(&a, refused + &drop).unwrap();
    let whole = json(&ip6drop([
        "report".as_ref(),
        "--format".as_ref(),
        "json".as_ref(),
        a.as_os_str(),
    ]));
    assert_eq!(class(&whole, "rcv-dst-alloc")[0], 1);
}

#[test]
fn the_control_total_is_said() {
    let text = unwrapped(&stdout(&alternating(&[])));
    assert!(
        text.contains("Ip6InNoRoutes rose by 80, as many as"),
        "{text}"
    );
    let facts = facts("4.19-fp/alternating").display().to_string();
    let small = capture("4.19-fp/trace-file.txt").display().to_string();
    let text = unwrapped(&stdout(&ip6drop(["report", "--facts", &facts, &small])));
    assert!(
        text.contains("rose by 80, and 12 receive-path drops were seen: 68 are not in"),
        "{text}"
    );
}

#[test]
fn drops_of_another_namespace_are_not_confirmed_by_facts() {
    // More drops than the facts' namespace counted: some are not its own.
    let facts = facts("4.19-fp/exhausted").display().to_string();
    let path = capture("4.19-fp/alternating").display().to_string();
    let report = json(&ip6drop([
        "report", "--format", "json", "--facts", &facts, &path,
    ]));
    assert_eq!(class(&report, "rcv-dst-alloc"), [48, 0, 48, 0]);
}

#[test]
fn markdown_is_for_tickets() {
    let text = stdout(&alternating(&["--format", "markdown"]));
    let first = text.lines().next().unwrap();
    assert_eq!(
        first,
        "**The IPv6 route cache refused every allocation in this window: 48 of 80 drops on CPUs 0-3 (rcv-dst-alloc, probable); 32 have no route.**"
    );
    for line in [
        "| 0 | 20 | 12 | 8 | 24 | 24 | 18.2 | 52.674109 | 52.889438 |",
        // A command stands as code, to be copied as it is.
        "    sysctl -w net.ipv6.route.max_size=4096 net.ipv6.route.gc_thresh=2048",
        "- entries (slow) 378, max\\_size 200, gc\\_thresh 64, batch 32",
        "- control total: Ip6InNoRoutes rose by 80, as many as receive-path drops seen",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    // Every row of a table has as many cells as its head.
    let mut columns = 0;
    for line in text.lines() {
        let cells = line.matches(" | ").count();
        match line.starts_with('|') && !line.contains("---") {
            true if columns == 0 => columns = cells,
            true => assert_eq!(cells, columns, "{line}"),
            false if line.is_empty() => columns = 0,
            false => {}
        }
    }
}

#[test]
fn folded_stacks_are_outermost_first() {
    let text = stdout(&alternating(&["--format", "folded"]));
    let (stack, count) = text.lines().next().unwrap().rsplit_once(' ').unwrap();
    assert!(
        stack.starts_with("entry_SYSCALL_64_after_hwframe;do_syscall_64;"),
        "{stack}"
    );
    assert!(
        stack.ends_with(";ipv6_rcv;ip6_pkt_discard;ip6_pkt_drop"),
        "{stack}"
    );
    assert!(count.parse::<u64>().unwrap() > 0);
    let sum: u64 = text
        .lines()
        .map(|l| l.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap())
        .sum();
    assert_eq!(sum, 80);
}

#[test]
fn colour_only_where_wanted() {
    let plain = alternating(&[]).stdout;
    assert!(!plain.contains(&0x1b));
    let always = alternating(&["--color", "always"]).stdout;
    assert!(always.contains(&0x1b));
}

#[test]
fn a_dash_is_standard_output() {
    let output = alternating(&["-o", "-"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), stdout(&alternating(&[])));
}

#[test]
fn ndjson_drops_name_their_stacks() {
    let (drops, summary) = common::drops("4.19-fp/alternating", true);
    let stacks = summary["stacks"].as_array().unwrap();
    let mut counted = vec![0u64; stacks.len()];
    for drop in &drops {
        let id = number(&drop["stack"]) as usize;
        assert_eq!(stacks[id - 1]["class"], drop["class"]);
        counted[id - 1] += 1;
    }
    let expected: Vec<u64> = stacks.iter().map(|s| number(&s["count"])).collect();
    assert_eq!(counted, expected);
    let times: Vec<f64> = drops.iter().map(|d| d["time"].as_f64().unwrap()).collect();
    assert!(times.is_sorted(), "in the order of the trace");
}

#[test]
fn many_cpus_stay_readable() {
    let mut text = String::new();
    for cpu in 0..512 {
        let function = if cpu % 100 == 0 {
            "ip6_pkt_drop <-ip6_pkt_discard"
        } else {
            "ip6_dst_gc <-dst_alloc"
        };
        text.push_str(&format!(
            "              cc-7     [{cpu:03}] ..s1    52.560614: {function}\n"
        ));
    }
    let run = |args: &[&str]| {
        stdout(
            &common::command()
                .arg("report")
                .args(args)
                .write_stdin(text.as_str())
                .output()
                .unwrap(),
        )
    };
    let short = run(&[]);
    assert!(short.contains("506 quiet CPUs"), "{short}");
    assert!(short.lines().count() < 60, "{short}");
    assert!(run(&["--all-cpus"]).lines().count() > 512);
}

#[test]
fn verbose_names_the_rule_in_front_of_each_reason() {
    let drops = stdout(&alternating(&["--format", "ndjson"]));
    let drops = drops
        .lines()
        .map(|line| -> Value { serde_json::from_str(line).unwrap() });
    let rules: BTreeSet<String> = drops
        .filter_map(|line| line["rule"].as_str().map(str::to_owned))
        .collect();
    assert!(rules.len() > 1, "{rules:?}");
    let verbose = unwrapped(&stdout(&alternating(&["-v"])));
    let usual = unwrapped(&stdout(&alternating(&[])));
    for rule in &rules {
        let shown = format!(": {rule}: ");
        assert_eq!(verbose.matches(&shown).count(), 1, "{verbose}");
        assert_eq!(usual.matches(&shown).count(), 0, "{usual}");
    }
}

#[test]
fn two_traces_are_compared() {
    let full = capture("4.19-live/orc-mixed.txt.gz").display().to_string();
    let healthy = capture("vendor/tencentos-exh").display().to_string();
    let said = |files: [&str; 2], more: &[&str]| {
        let output = ip6drop([&["report", "--compare"][..], &files, more].concat());
        (output.status.code().unwrap(), stdout(&output))
    };
    let (status, text) = said([&full, &healthy], &[]);
    assert_eq!(status, 0);
    let first = unwrapped(&text);
    // Some of the second may be of the cache, and nothing tells.
    assert!(
        first.starts_with("Packets are still lost to the IPv6 route cache, or may be: "),
        "{text}"
    );
    for row in [
        "rcv-dst-alloc         311 (38.9/s)",
        "max_size                       200",
        "drops ",
    ] {
        assert!(text.contains(row), "{row}: {text}");
    }
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert_eq!(said([&healthy, &full], &["--exit-code"]).0, 11);
    let (_, object) = said([&full, &full], &["--format", "json"]);
    let object: Value = serde_json::from_str(&object).unwrap();
    common::schema::check(&object);
    assert_eq!(object["before"], object["after"]);
    // What has ended is said as sure as what is left allows.
    let dir = tempfile::tempdir().unwrap();
    let quiet = dir.path().join("quiet.txt");
    std::fs::write(&quiet, "# ip6drop: version 2\n# ip6drop: cpus 1\n# ip6drop: traced ip6_pkt_drop\n# ip6drop: lost 0 0\n").unwrap();
    let quiet = quiet.display().to_string();
    let (_, text) = said([&full, &quiet], &[]);
    assert!(
        text.starts_with("No packet is lost to the IPv6 route cache any more: "),
        "{text}"
    );
    let prohibited = capture("4.19-fp/prohibit").display().to_string();
    let (_, text) = said([&full, &prohibited], &[]);
    assert!(text.starts_with("Probably no packet is lost "), "{text}");
    // It takes two, of a format that has one.
    for wrong in [
        &["report", "--compare", &full][..],
        &["report", "--compare", "--format", "html", &full, &healthy],
        &["report", "--compare", "--facts", "x", &full, &healthy],
    ] {
        assert_eq!(ip6drop(wrong).status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(said([&full, "/no/such/file"], &[]).0, 1);
}
