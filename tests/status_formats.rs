//! Formats, files, rates and signals of `status`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;
#[path = "common/tree.rs"]
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use common::{stderr, stdout};
use serde_json::Value;
use tree::Tree;

#[test]
fn text_says_the_verdict_first() {
    let output = Tree::new(200, 64).status(&[]);
    let text = stdout(&output);
    assert_eq!(
        text.lines().next(),
        Some("IPv6 route cache exhausted: over its limit; every new entry is refused.")
    );
    for line in [
        "Kernel 4.19.113, checks max_size (CVE-2023-52340): Linux 4.19 checks max_size up to 4.19.304; vendors backport that change, so ask the kernel where it matters",
        "CPUs 4 online, 4 present",
        "  entries (slow)                  616  exact sum over all CPUs, held against max_size",
        "  headroom                       -416  -208.0 %",
        "  fast, lowest                    492  the shared part, held against gc_thresh and max_size",
        "  Ip6InNoRoutes                     7  received packets dropped without a route, or with a full cache",
        "      sysctl -w net.ipv6.route.max_size=4096 net.ipv6.route.gc_thresh=2048",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    assert!(!text.contains('\u{1b}'));
    let colored = stdout(&Tree::new(200, 64).status(&["--color", "always"]));
    assert!(colored.starts_with('\u{1b}'));
}

#[test]
fn in_brief_it_is_six_lines_at_most() {
    let full = stdout(&Tree::new(200, 64).status(&["--brief"]));
    let wanted = "IPv6 route cache exhausted: over its limit; every new entry is refused.\n\
        entries 616, max_size 200, gc_thresh 64; Ip6InNoRoutes 7\n\
        sysctl -w net.ipv6.route.max_size=4096 net.ipv6.route.gc_thresh=2048\n";
    assert_eq!(full, wanted);
    // Nothing is to be done, or nothing can be read.
    let fine = stdout(&Tree::new(4096, 2048).status(&["--brief"]));
    assert_eq!(fine.lines().count(), 2, "{fine}");
    let tree = Tree::new(200, 64);
    tree.remove_dir("proc/net");
    tree.remove_dir("proc/sys/net");
    let unread = stdout(&tree.status(&["--brief"]));
    assert!((1..=6).contains(&unread.lines().count()), "{unread}");
    let colored = stdout(&Tree::new(200, 64).status(&["--brief", "--color", "always"]));
    assert!(colored.starts_with('\u{1b}'));
    let both = Tree::new(200, 64).status(&["--brief", "--interval", "1s"]);
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn markdown_for_tickets() {
    let text = stdout(&Tree::new(200, 64).status(&["--format", "markdown"]));
    assert!(text.starts_with("**IPv6 route cache exhausted: "), "{text}");
    assert!(
        text.contains("| this namespace | exhausted | 616 | 200 | -416 | -208.0 % | 64 | 7 | 3 |"),
        "{text}"
    );
    assert!(
        text.contains("\n    sysctl -w net.ipv6.route.max_size=4096"),
        "{text}"
    );
    // Every row of a table has as many cells as its head.
    let mut columns = None;
    for line in text.lines() {
        if line.starts_with('|') {
            let cells = line.replace("\\|", "").matches('|').count();
            assert_eq!(*columns.get_or_insert(cells), cells, "{line}");
        } else {
            columns = None;
        }
    }
    let output = Tree::new(200, 64).status(&["--format", "markdown", "--interval", "1s"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

/// Checks the text format, and gives the samples by name and labels.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    let mut families = BTreeSet::new();
    let mut family = String::new();
    let mut kind = "";
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').unwrap();
            assert!(families.insert(name.to_owned()), "{name} comes twice");
            assert!(words.ends_with('.'), "{line}");
            (family, kind) = (name.to_owned(), "");
        } else if let Some(ty) = line.strip_prefix("# TYPE ") {
            let (name, ty) = ty.split_once(' ').unwrap();
            assert_eq!(name, family);
            assert!(["gauge", "counter"].contains(&ty));
            assert_eq!(ty == "counter", name.ends_with("_total"), "{name}");
            kind = ty;
        } else {
            assert!(!kind.is_empty(), "a sample before its TYPE: {line}");
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert_eq!(series.split('{').next().unwrap(), family);
            assert!(family.starts_with("ip6drop_"));
            let new = found
                .insert(series.to_owned(), value.parse().unwrap())
                .is_none();
            assert!(new, "{series} comes twice");
        }
    }
    found
}

#[test]
fn prometheus_by_its_conventions() {
    let tree = Tree::new(200, 64);
    let text = stdout(&tree.status(&["--format", "prometheus"]));
    let found = samples(&text);
    let labels = "{netns=\"own\",inode=\"\",pod=\"\"}";
    for (name, value) in [
        ("entries", 616.0),
        ("max_entries", 200.0),
        ("gc_threshold_entries", 64.0),
        ("gc_min_interval_seconds", 0.5),
        ("headroom_entries", -416.0),
        ("headroom_ratio", -2.08),
        ("shared_min_entries", 492.0),
        ("shared_max_entries", 740.0),
        ("advised_max_entries", 4096.0),
        ("allocations_total", 753.0),
    ] {
        let series = format!("ip6drop_route_cache_{name}{labels}");
        assert_eq!(found.get(&series), Some(&value), "{series}\n{text}");
    }
    assert_eq!(
        found[&format!("ip6drop_in_no_routes_packets_total{labels}")],
        7.0
    );
    assert_eq!(found["ip6drop_online_cpus"], 4.0);
    assert_eq!(found["ip6drop_kernel_checks_max_size"], 1.0);
    let possible: Vec<_> = found
        .iter()
        .filter(|(series, value)| {
            series.starts_with("ip6drop_route_cache_regime") && **value == 1.0
        })
        .map(|(series, _)| series.as_str())
        .collect();
    assert_eq!(possible.len(), 1);
    assert!(possible[0].contains("regime=\"exhausted\""), "{possible:?}");
    // What is not known is left out.
    tree.remove("proc/net/rt6_stats");
    let found = samples(&stdout(&tree.status(&["--format", "prometheus"])));
    assert_eq!(found[&format!("ip6drop_netns_readable{labels}")], 0.0);
    assert!(
        !found.keys().any(|series| series.contains("_entries{")
            && !series.contains("max_entries{")
            && !series.contains("threshold")
            && !series.contains("batch")),
        "{found:?}"
    );
}

#[test]
fn files_are_replaced_as_a_whole() {
    let tree = Tree::new(200, 64);
    let path = tree.path("out.prom");
    std::fs::write(&path, "old").unwrap();
    let before = std::fs::File::open(&path).unwrap();
    let name = path.display().to_string();
    let output = tree.status(&["--format", "prometheus", "-o", &name]);
    assert_eq!(
        (output.status.code(), stdout(&output)),
        (Some(0), String::new())
    );
    samples(&std::fs::read_to_string(&path).unwrap());
    assert_eq!(std::io::read_to_string(before).unwrap(), "old");
    let missing = tree.path("none/out.prom").display().to_string();
    let output = tree.status(&["-o", &missing]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("cannot write"),
        "{}",
        stderr(&output)
    );
    let stdout_too = stdout(&tree.status(&["--format", "prometheus", "-o", "-"]));
    samples(&stdout_too);
}

#[test]
fn rates_until_a_signal() {
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        let tree = Tree::new(200, 64);
        let mut child = Command::new(env!("CARGO_BIN_EXE_ip6drop"))
            .args([
                "status",
                "--interval",
                "200ms",
                "--format",
                "json",
                "--proc",
            ])
            .arg(tree.path("proc"))
            .arg("--sys")
            .arg(tree.path("sys"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = || common::json_line(&lines.next().unwrap().unwrap());
        let first = next();
        assert_eq!(first["namespaces"][0]["rates"]["seconds"], Value::Null);
        // Written beside and renamed, so that no reading sees an empty file.
        tree.set(
            "new",
            "Ip6InNoRoutes 1007\nIp6OutNoRoutes 3\nIp6a 1\nIp6b 1\n",
        );
        std::fs::rename(tree.path("new"), tree.path("proc/net/snmp6")).unwrap();
        let rose = (0..20).find_map(|_| {
            let rates = next()["namespaces"][0]["rates"].clone();
            let rate = rates["in_no_routes"].as_f64().unwrap();
            (rate > 0.0).then_some(rates)
        });
        let rates = rose.expect("the counter rose");
        let packets = rates["in_no_routes"].as_f64().unwrap() * rates["seconds"].as_f64().unwrap();
        assert!((packets - 1000.0).abs() < 1e-6, "{rates}");
        assert_eq!(rates["out_no_routes"], 0.0);
        assert!(rates["seconds"].as_f64().unwrap() >= 0.2);
        let pid = child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(child.wait().unwrap().code(), Some(status));
    }
}

#[test]
fn a_closed_pipe_ends_it() {
    let tree = Tree::new(200, 64);
    let mut child = Command::new(env!("CARGO_BIN_EXE_ip6drop"))
        .args(["status", "--interval", "10ms", "--proc"])
        .arg(tree.path("proc"))
        .arg("--sys")
        .arg(tree.path("sys"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.contains("exhausted"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn usage() {
    let tree = Tree::new(200, 64);
    for args in [
        &["--interval", "0"][..],
        &["--interval", "soon"],
        &["--netns", "1", "--all-netns"],
        &["--format", "xml"],
    ] {
        assert_eq!(tree.status(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn the_page_of_messages_names_them_all() {
    use ip6drop::inside::diagnosis::Class;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/messages.md");
    let page = std::fs::read_to_string(path).unwrap();
    let regimes = [
        "within-limits",
        "latent",
        "intermittent",
        "exhausted",
        "unaffected",
    ];
    let kinds = [
        "absent",
        "denied",
        "short",
        "malformed",
        "vanished",
        "not-a-namespace",
        "io",
    ];
    let classes = Class::ALL.map(Class::name);
    for name in regimes.iter().chain(&kinds).chain(&classes) {
        let row = page.lines().any(|line| {
            line.starts_with('|')
                && line
                    .split('|')
                    .nth(1)
                    .unwrap()
                    .contains(&format!("`{name}`"))
        });
        assert!(row, "{name} has no row");
    }
    for (major, minor, level) in ip6drop::inside::kernel::WITHOUT_CHECK {
        assert!(
            page.contains(&format!("{major}.{minor}.{level}")),
            "{major}.{minor}"
        );
    }
}
