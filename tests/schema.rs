//! What is printed as JSON keeps to the schema that is printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;
#[path = "common/tree.rs"]
mod tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use common::schema::{check, close, errors, validator, whole};
use common::{command, fixture, ip6drop, json, json_line, stderr, stdout};
use ip6drop::inside::host::netns::Id;
use ip6drop::inside::os::{RunLog, Runs};
use ip6drop::inside::render::ReportObject;
use ip6drop::inside::report::{Summary, TriggerRuns};
use ip6drop::inside::schema::{Definition, of};
use ip6drop::inside::status::rises;
use ip6drop::inside::status::{Sampler, Selection};
use serde_json::{Value, json};
use tree::Tree;

/// Every capture, with its facts where it has some.
fn captures() -> Vec<(PathBuf, Option<PathBuf>)> {
    let mut found = Vec::new();
    for dir in [
        "4.19-fp",
        "4.19-identity",
        "4.19-rpfilter",
        "6.1-identity",
        "4.19-live",
        "4.19-more",
        "4.19-odd",
        "4.19-orc",
        "text",
    ] {
        for entry in std::fs::read_dir(fixture(dir)).unwrap() {
            let path = entry.unwrap().path();
            let ending = path.extension().and_then(|e| e.to_str()).unwrap();
            if ["pipe", "txt", "trace", "gz"].contains(&ending) {
                let facts = path.with_extension("facts");
                found.push((path, facts.exists().then_some(facts)));
            }
        }
    }
    assert!(found.len() > 40, "{}", found.len());
    found
}

fn report(format: &str, capture: &Path, facts: Option<&Path>) -> String {
    let mut command = command();
    command.args(["report", "--format", format]).arg(capture);
    if let Some(facts) = facts {
        command.arg("--facts").arg(facts);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn reports_on_every_capture() {
    for (capture, facts) in captures() {
        for facts in [None, facts.as_deref()] {
            let report_json = report("json", &capture, facts);
            check(&serde_json::from_str(&report_json).unwrap());
            let lines = report("ndjson", &capture, facts);
            let lines: Vec<Value> = lines.lines().map(json_line).collect();
            let (summary, drops) = lines.split_last().unwrap();
            assert_eq!(summary["drops"]["total"], drops.len());
        }
    }
    // Without a single drop there is a report, too.
    let none = command()
        .args(["report", "--format", "json"])
        .write_stdin("# tracer: function\n#\n")
        .output()
        .unwrap();
    assert_eq!(json(&none)["verdict"]["class"], Value::Null);
}

#[test]
fn policy_is_shown_on_both_sides() {
    const FRAMED: &str = "# ip6drop: before rule 0:\tfrom all lookup local\n\
        # ip6drop: before rule 100:\tfrom all lookup main suppress_prefixlength 0\n\
        # ip6drop: before throw_routes 0\n\
        # ip6drop: after rule 0:\tfrom all prohibit\n";
    let report = |text: &str, facts: Option<&str>| {
        let dir = tempfile::tempdir().unwrap();
        let mut command = command();
        command.args(["report", "--format", "json"]);
        if let Some(facts) = facts {
            std::fs::write(dir.path().join("facts"), facts).unwrap();
            command.arg("--facts").arg(dir.path().join("facts"));
        }
        let text = format!("# tracer: function\n#\n{text}");
        json(&command.write_stdin(text).output().unwrap())["facts"].clone()
    };
    let framed = report(FRAMED, None);
    assert_eq!(
        framed["before"],
        json!({
            "rt6_stats": null, "snmp6": {}, "route": {}, "cpus": null,
            "rules": ["0:\tfrom all lookup local", "100:\tfrom all lookup main suppress_prefixlength 0"],
            "throw_routes": 0,
        })
    );
    assert_eq!(framed["after"]["rules"], json!(["0:\tfrom all prohibit"]));
    assert_eq!(framed["after"]["throw_routes"], Value::Null);
    const STATS: &str = "0001 0001 0001 0001 0000 0007 0000\n4\n";
    let given = report("", Some(&format!("0:\tfrom all lookup local\n{STATS}")));
    assert_eq!(given["before"]["cpus"], 4);
    assert_eq!(given["after"]["cpus"], Value::Null);
    for side in ["before", "after"] {
        assert_eq!(given[side]["rules"], json!(["0:\tfrom all lookup local"]));
    }
    let counters = report("", Some(STATS));
    assert_eq!(counters["before"]["cpus"], 4);
    assert_eq!(counters["before"]["rules"], Value::Null);
    assert_eq!(counters["after"], Value::Null);
    assert_eq!(report("", None), Value::Null);
}

#[test]
#[ignore = "reads what tests/vm/run left in target/vm/console"]
fn json_of_the_test_machine() {
    let dir = std::env::var_os("VM_DIR").map_or_else(|| fixture("../target/vm"), PathBuf::from);
    let console = std::fs::read_to_string(dir.join("console")).unwrap();
    let lines = console.lines().filter_map(|l| l.strip_prefix("VM JSON: "));
    let mut schemas: Vec<String> = lines
        .map(|line| json_line(line)["schema"].as_str().unwrap().to_owned())
        .collect();
    schemas.sort();
    schemas.dedup();
    let wanted = ["check", "funnel", "report", "status"].map(|name| format!("ip6drop.{name}/1"));
    assert_eq!(schemas, wanted);
}

#[test]
fn status_of_many_hosts() {
    for (max_size, gc_thresh) in [(4096, 1024), (615, 740), (492, 64), (200, 64), (-1, -1)] {
        json(&Tree::new(max_size, gc_thresh).status(&["--format", "json"]));
    }
    for absent in ["proc/net/rt6_stats", "proc/net/snmp6"] {
        let tree = Tree::new(200, 64);
        tree.remove(absent);
        let status = json(&tree.status(&["--format", "json"]));
        assert_eq!(status["namespaces"][0]["problems"][0]["kind"], "absent");
    }
    let tree = Tree::new(200, 64);
    tree.remove_dir("sys");
    tree.remove_dir("proc");
    tree.set("proc/self/nothing", "");
    json(&tree.status(&["--format", "json"]));
    json(&ip6drop(["status", "--format", "json"]));
    json(&ip6drop(["status", "--all-netns", "--format", "json"]));
}

#[test]
fn check_of_this_host() {
    let output = ip6drop(["check", "--format", "json"]);
    let answer = json(&output);
    assert_eq!(answer["exit"], output.status.code().unwrap());
    assert_eq!(answer["traceable"], output.status.code() == Some(0));
}

/// `check` on a directory with the files that the preflight reads, in which nothing is ever
/// traced. Answers `None` where that needs another user.
fn check_where_nothing_is_traced() -> Option<Value> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let tree = Tree::new(200, 64);
    for entry in std::fs::read_dir(fixture("tracefs-4.19")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        tree.set(
            &format!("tracefs/{name}"),
            &std::fs::read_to_string(&path).unwrap(),
        );
    }
    tree.set("tracefs/kprobe_events", "p:mine/open do_sys_open\n");
    tree.set("tracefs/instances/mine/trace", "");
    tree.set("tracefs/tracing_on", "0\n");
    tree.set("tracefs/set_ftrace_notrace", "ip6_dst_gc\n");
    tree.set("proc/4711/comm", "trace-cmd\n");
    tree.set("proc/self/status", "CapEff:\t0\n");
    tree.set("proc/sys/kernel/ftrace_enabled", "1\n");
    tree.set("proc/meminfo", "MemAvailable: 1024 kB\n");
    tree.set("sys/kernel/livepatch/fix/enabled", "1\n");
    let pipe = tree.path("tracefs/trace_pipe").display().to_string();
    tree.symlink(&pipe, "proc/4711/fd/3");
    let output = command()
        .args(["check", "--format", "json", "--method", "instance"])
        .args(tree.tracing_roots())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    Some(json(&output))
}

#[test]
fn check_of_a_host_where_nothing_works() {
    let Some(answer) = check_where_nothing_is_traced() else {
        return;
    };
    assert_eq!(answer["method"], Value::Null);
    assert!(!answer["methods"].as_array().unwrap().is_empty());
    assert_eq!(answer["others"]["instances"], json!(["mine"]));
    assert_eq!(
        answer["others"]["users"],
        json!([[4711, "trace-cmd", "trace_pipe"]])
    );
}

#[test]
fn the_page_of_messages_names_every_finding() {
    let Some(answer) = check_where_nothing_is_traced() else {
        return;
    };
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/messages.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (_, table) = page.split_once("## Findings of `check`").unwrap();
    let functions = answer["functions"].as_array().unwrap();
    let mut seen = 0;
    for finding in answer["findings"].as_array().unwrap() {
        let name = finding["name"].as_str().unwrap();
        if name == "ip6_pkt_drop" || functions.iter().all(|function| function["name"] != name) {
            let row = format!("| `{name}`");
            assert!(table.contains(&row), "{name} has no row");
            seen += 1;
        }
    }
    assert!(seen >= 12, "{answer}");
}

#[test]
fn what_is_wrong_is_an_error() {
    let good = common::report("4.19-fp/alternating", true);
    let wrong = |pointer: &str, value: Value| {
        let mut report = good.clone();
        *report.pointer_mut(pointer).unwrap() = value;
        let errors = errors(&report);
        assert!(!errors.is_empty(), "{pointer} may be anything");
        assert!(errors[0].starts_with(pointer), "{errors:?}");
    };
    wrong("/verdict/class", json!("dst alloc"));
    wrong("/verdict/confidence", json!("certain"));
    wrong("/verdict/exit", json!(3));
    wrong("/stacks/0/class", Value::Null);
    wrong("/drops/total", json!(-1));
    wrong("/drops/by_class/unknown/total", json!(1.5));
    wrong("/counters/regime", json!("full"));
    wrong("/facts/before/route/max_size", json!("200"));
    wrong("/advice/0/severity", json!("warning"));
    let mut missing = good.clone();
    missing["health"].as_object_mut().unwrap().remove("lines");
    assert!(errors(&missing)[0].contains("lines"));
    // A report is no line of ndjson.
    let mut line = good.clone();
    line["type"] = json!("summary");
    assert!(errors(&line).is_empty());
    assert!(!validator(&of(Definition::Drop).unwrap()).is_valid(&line));
    assert!(!validator(&of(Definition::Report).unwrap()).is_valid(&line));
}

#[test]
fn members_that_are_not_documented_are_an_error_only_here() {
    let mut report = common::report("4.19-fp/alternating", true);
    report["new"] = json!(1);
    report["verdict"]["new"] = json!(1);
    assert_eq!(errors(&report).len(), 2, "{:?}", errors(&report));
    // For readers they are not: members are only ever added.
    assert!(validator(&whole()).is_valid(&report));
}

/// What `diagnose` adds to a report, on a host that can be traced.
#[test]
fn what_diagnose_adds() {
    let tree = Tree::new(200, 64);
    let sample = || Sampler::new(tree.host(), Selection::Own).sample().unwrap();
    let before = sample();
    tree.set(
        "proc/net/snmp6",
        "Ip6InNoRoutes 907\nIp6OutNoRoutes 3\nIp6a 1\nIp6b 1\n",
    );
    let mut after = sample();
    let id = Some(Id {
        device: 4,
        inode: 4_026_531_833,
    });
    after.rows[0].netns.id = id;
    let mut before = before;
    before.rows[0].netns.id = id;
    let runs = Runs {
        runs: 3,
        failures: 1,
        stopped: 1,
    };
    for (by_cpu, last_failure) in [
        (BTreeMap::from([(None, runs)]), None),
        (
            BTreeMap::from([(Some(0), runs), (Some(7), runs)]),
            Some("exit status 1".to_owned()),
        ),
    ] {
        let mut summary = Summary::default();
        summary.trigger = Some(TriggerRuns {
            command: "ping -6 -c 1 fd00::1".into(),
            spread: last_failure.is_some(),
            outcome: RunLog {
                by_cpu,
                last_failure,
                ..RunLog::default()
            },
        });
        summary.namespaces = Some(rises(Some(&before), Some(after.clone())));
        let report = ReportObject::of(&summary);
        let report = serde_json::to_value(report).unwrap();
        check(&report);
        assert_eq!(report["namespaces"][0]["in_no_routes"], 900);
        assert_eq!(report["namespaces"][0]["regime"], "exhausted");
        assert_eq!(report["trigger"]["per_cpu"][0]["stopped"], 1);
    }
}

#[test]
fn the_schema_that_is_printed() {
    let printed = ip6drop(["generate", "schema"]);
    assert!(printed.status.success(), "{}", stderr(&printed));
    let all: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(all, whole());
    jsonschema::meta::validate(&all).unwrap();
    let report = common::report("4.19-fp/alternating", true);
    assert!(validator(&all).is_valid(&report));
    for document in Definition::value_variants() {
        let name = document.name();
        let printed = ip6drop(["generate", "schema", name]);
        assert!(printed.status.success(), "{}", stderr(&printed));
        let one: Value = serde_json::from_slice(&printed.stdout).unwrap();
        jsonschema::meta::validate(&one).unwrap();
        assert_eq!(validator(&one).is_valid(&report), name == "report");
        assert_eq!(one["$schema"], all["$schema"]);
        // Only what it needs comes with it.
        assert!(one["$defs"].get("check").is_none(), "{name}");
    }
    assert_eq!(ip6drop(["generate", "schema", "x"]).status.code(), Some(2));
}

#[test]
fn names_of_the_program_and_of_the_schema_are_the_same() {
    use ip6drop::inside::capture::Method;
    use ip6drop::inside::diagnosis::{Class, Confidence};
    use ip6drop::inside::kernel::Regime;
    let defs = &whole()["$defs"];
    let names = |def: &str| -> Vec<String> {
        let all = defs[def]["enum"].as_array().unwrap().iter();
        all.map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        defs["class"]["anyOf"][0]["enum"],
        json!(Class::ALL.map(Class::name))
    );
    assert_eq!(names("method"), Method::ALL.map(Method::name));
    let mut regimes = [
        Regime::WithinLimits,
        Regime::Latent,
        Regime::Intermittent,
        Regime::Exhausted,
    ]
    .map(Regime::name)
    .to_vec();
    regimes.push("unaffected");
    assert_eq!(names("regime"), regimes);
    let confidences = [
        Confidence::Confirmed,
        Confidence::Probable,
        Confidence::Possible,
    ];
    assert_eq!(names("confidence"), confidences.map(Confidence::name));
    // Every object says whether it may grow, but the two that others complete; `sizing` and no
    // more has nothing but what it completes.
    let mut closed = whole();
    let objects = closed.to_string().matches("\"properties\":").count();
    assert_eq!(close(&mut closed), objects - 2 + 1);
}
