//! What is said first of every kind of input, and the status that goes with it. `BLESS=1 cargo test
//! --test headlines` writes the expected table anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use common::{command, fixture};
use serde_json::Value;

/// Texts that are no captures of drops, as people hand them in.
const FOREIGN: [(&str, &str); 12] = [
    ("nothing at all", ""),
    ("blank lines", "\n\n\n"),
    (
        "headers of trace",
        "# tracer: nop\n#\n# entries-in-buffer/entries-written: 0/0   #P:4\n#\n",
    ),
    (
        "sched_switch alone",
        "          <idle>-0     [001] d..3   150.000100: sched_switch: prev_comm=swapper/1 prev_pid=0 ==> next_comm=sh next_pid=7\n              sh-7     [001] d..3   150.000200: sched_switch: prev_comm=sh prev_pid=7 ==> next_comm=swapper/1 next_pid=0\n",
    ),
    (
        "function_graph of something else",
        "# tracer: function_graph\n#\n# CPU  DURATION                  FUNCTION CALLS\n# |     |   |                     |   |   |   |\n 1)   0.305 us    |  rcu_read_unlock();\n 1)               |  vfs_read() {\n 1)   0.305 us    |    rw_verify_area();\n 1)   3.305 us    |  }\n",
    ),
    (
        "functions of something else",
        "              sh-7     [001] ....   150.000100: vfs_read <-ksys_read\n",
    ),
    (
        "kfree_skb with hashed locations",
        "              sh-7     [001] ..s1   150.000100: kfree_skb: skbaddr=00000000b7f11949 protocol=34525 location=0000000088db56c1\n",
    ),
    (
        "kfree_skb with a stack through ip6_pkt_drop",
        "              sh-7     [001] ..s1   150.000100: kfree_skb: skbaddr=00000000b7f11949 protocol=34525 location=0000000088db56c1\n              sh-7     [001] ..s1   150.000101: <stack trace>\n => kfree_skb\n => ip6_pkt_drop\n => ip6_pkt_discard\n => ipv6_rcv\n",
    ),
    (
        "kfree_skb with a reason",
        "              sh-7     [001] ..s1.  150.000100: kfree_skb: skbaddr=00000000b7f11949 protocol=34525 location=ip6_pkt_drop+0xf0/0x1c0 reason: IP_INNOROUTES\n",
    ),
    (
        "the same by perf",
        "sh       7 [001]   150.000100: skb:kfree_skb: skbaddr=0xb7f11949 protocol=34525 location=ip6_pkt_drop+0xf0 reason: IP_INNOROUTES\n",
    ),
    (
        "a shell's complaint",
        "cat: /sys/kernel/tracing/trace_pipe: Operation not permitted\n",
    ),
    (
        "a recording that was refused half-way",
        "# ip6drop: version 2\n# ip6drop: cpus 4\n# ip6drop: traced ip6_pkt_drop\n# ip6drop: before Ip6InNoRoutes 7\n",
    ),
];

/// Status and first words of a report.
fn said(input: &[u8], facts: Option<&Path>) -> (i32, String) {
    let mut command = command();
    command.args(["report", "--exit-code", "--format", "json", "-"]);
    if let Some(facts) = facts {
        command.arg("--facts").arg(facts);
    }
    let output = command.write_stdin(input).output().unwrap();
    let status = output.status.code().unwrap();
    let report: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    let words = report.map(|report| report["verdict"]["summary"].as_str().unwrap().to_owned());
    // Facts and reasons have tests of their own.
    let words = words.as_deref().unwrap_or("(no report)");
    let end = [" Regime when", " Evidence:", " Proven of", " Kernel log:"];
    let end = end.iter().filter_map(|word| words.find(word)).min();
    (status, words[..end.unwrap_or(words.len())].to_owned())
}

fn files(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, all),
            false => all.push(path),
        }
    }
}

#[test]
fn every_kind_of_input_has_its_headline_and_status() {
    let mut table = String::new();
    let mut row = |name: &str, (status, words): (i32, String)| {
        writeln!(table, "{status:>2}  {name}\n    {words}").unwrap();
        // No fault is named of a healthy cache, and nothing is clear that could not be seen.
        if name.contains("healthy") {
            assert!(
                !words.starts_with("The IPv6 route cache"),
                "{name}: {words}"
            );
        }
        assert!(
            status != 0 || words == "No IPv6 drop in this trace.",
            "{name}: {words}"
        );
    };
    let mut all = Vec::new();
    files(&fixture(""), &mut all);
    all.sort();
    for path in all {
        let name = path
            .strip_prefix(fixture(""))
            .unwrap()
            .display()
            .to_string();
        let is_other = ["facts", "truth", "md"]
            .iter()
            .any(|ending| name.ends_with(ending));
        // Pieces of other formats.
        if is_other
            || name.starts_with("6.1-pages")
            || name.starts_with("fuzz/")
            || name.starts_with("tracefs-4.19/")
        {
            continue;
        }
        let input = std::fs::read(&path).unwrap();
        row(&name, said(&input, None));
        let facts = path.with_extension("facts");
        if facts.exists() {
            row(&format!("{name} with facts"), said(&input, Some(&facts)));
        }
    }
    for (name, text) in FOREIGN {
        let found = said(text.as_bytes(), None);
        assert!(found.0 != 0, "{name}: {found:?}");
        row(name, found);
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/headlines.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &table).unwrap();
    }
    let wanted = std::fs::read_to_string(&golden).unwrap_or_default();
    for (line, known) in table.lines().zip(wanted.lines()) {
        assert_eq!(line, known);
    }
    assert_eq!(table, wanted);
}
