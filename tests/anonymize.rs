//! Reports and captures with pseudonyms: nothing of the originals is left, and they say the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::collections::BTreeSet;
use std::io::Read;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};

use common::{capture, facts, fixture, ip6drop, json_line, stderr, stdout};
use ip6drop::inside::anonymize::{CaptureText, Key, Pseudonyms};
use serde_json::Value;

const FORMATS: [&str; 7] = [
    "text",
    "json",
    "ndjson",
    "markdown",
    "prometheus",
    "folded",
    "html",
];

/// In front of a capture: who recorded it, and rules that name what this host has.
const PREAMBLE: &str = "# ip6drop: version 1\n\
    # ip6drop: host node7.example.org\n\
    # ip6drop: before rule 5:\tfrom fd00:10:244::/48 to fd00:99::7 iif cali3 lookup acmevpn\n\
    # ip6drop: after rule 5:\tfrom fd00:10:244::/48 to fd00:99::7 oif cali4 lookup acmevpn\n";
/// Behind it: a prompt, and the kernel's log, each with the host's name.
const LOG: &str = "root@node7:~# cat trace_pipe\n\
    Nov 24 21:41:26 node7 kernel: Route cache is full: consider increasing sysctl net.ipv6.route.max_size.\n";

fn is_kernels(comm: &str) -> bool {
    let names = ["<idle>", "<...>", "swapper", "ksoftirqd/", "kworker/"];
    names.iter().any(|name| comm.starts_with(name))
}

/// Every address, interface and task that a capture names.
fn named(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    // Places in structures have the names of their members.
    let places = |line: &&str| line.starts_with("# ip6drop: offsets ");
    for line in text.lines().filter(|line| !places(line)) {
        let mut before = "";
        for word in line.split([' ', '/', '=', '"', '\t']) {
            if before == "dev" && !word.is_empty() {
                names.insert(word.to_owned());
            }
            if let Ok(address) = word.parse::<Ipv6Addr>() {
                names.insert(address.to_string());
            }
            before = if word.is_empty() { before } else { word };
        }
        if line.get(16..17) == Some("-") && !line.starts_with('#') {
            names.insert(line[..16].trim().to_owned());
        }
    }
    names.retain(|name| !matches!(name.as_str(), "::" | "::1" | "lo" | "gw") && !is_kernels(name));
    names
}

fn drops(args: &[&str], path: &Path) -> Vec<Value> {
    let fixed = ["report", "--format", "ndjson"];
    let args = fixed.iter().chain(args);
    let output = ip6drop(args.map(Path::new).chain([path]));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output).lines().map(json_line).collect()
}

/// The addresses of the packets, which a trace has as words.
fn addresses(drops: &[Value]) -> BTreeSet<String> {
    let packets = drops.iter().map(|drop| &drop["packet"]);
    let both = packets.flat_map(|packet| [&packet["src"], &packet["dst"]]);
    both.filter_map(|it| it.as_str().map(str::to_owned))
        .collect()
}

/// The text holds the name, and not as a part of another word.
fn holds(text: &str, name: &str) -> bool {
    let is_part =
        |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '_'));
    text.match_indices(name).any(|(at, _)| {
        let behind = text[at + name.len()..].chars().next();
        !is_part(text[..at].chars().next_back()) && !is_part(behind)
    })
}

/// A capture with every kind of name.
fn named_capture(dir: &Path) -> (PathBuf, BTreeSet<String>) {
    let text = std::fs::read_to_string(capture("4.19-identity/alternating")).unwrap();
    let path = dir.join("acme-night.txt");
    std::fs::write(&path, format!("{PREAMBLE}{text}{LOG}")).unwrap();
    let mut names = named(&text);
    names.extend(addresses(&drops(&[], &path)));
    let others = [
        "node7",
        "node7.example.org",
        "cali3",
        "cali4",
        "acmevpn",
        "acme",
        "night",
    ];
    names.extend(others.map(str::to_owned));
    names.extend(["fd00:10:244::", "fd00:99::7"].map(str::to_owned));
    (path, names)
}

#[test]
fn nothing_of_the_originals_is_left_in_any_format() {
    let dir = tempfile::tempdir().unwrap();
    let (path, names) = named_capture(dir.path());
    assert!(names.len() > 30, "{names:?}");
    let mut shown = BTreeSet::new();
    for format in FORMATS {
        let run = |more: &[&str]| {
            let args = ["report", "-v", "--format", format];
            let args = args.iter().chain(more);
            let output = ip6drop(args.map(Path::new).chain([path.as_path()]));
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            stdout(&output)
        };
        let original = run(&[]);
        shown.extend(names.iter().filter(|name| holds(&original, name)));
        for more in ["--anonymize=k", "--anonymize"] {
            let text = run(&[more]);
            for name in &names {
                assert!(!holds(&text, name), "{format} {more}: {name}");
            }
            assert!(!text.contains("node7"), "{format} {more}");
        }
    }
    // The search finds what is there.
    assert!(shown.len() > 30, "{shown:?}");
}

#[test]
fn the_same_key_gives_the_same_names_and_a_drawn_one_others() {
    let dir = tempfile::tempdir().unwrap();
    let (path, _) = named_capture(dir.path());
    let named = drops(&["--anonymize=k"], &path);
    assert_eq!(named, drops(&["--anonymize=k"], &path));
    let of = addresses(&named);
    for other in ["--anonymize=l", "--anonymize", "--anonymize"] {
        let others = drops(&[other], &path);
        let others = addresses(&others);
        assert_eq!(others.len(), of.len());
        assert!(others.is_disjoint(&of));
    }
}

/// What is counted, and what is said of each drop, without names.
#[test]
fn what_is_found_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (path, _) = named_capture(dir.path());
    let (mut original, mut renamed) = (drops(&[], &path), drops(&["--anonymize"], &path));
    let (before, after) = (original.pop().unwrap(), renamed.pop().unwrap());
    for key in [
        "drops", "per_cpu", "gc", "stacks", "counters", "verdict", "control",
    ] {
        if key != "verdict" {
            assert_eq!(before[key], after[key], "{key}");
        }
    }
    assert_eq!(before["verdict"]["exit"], after["verdict"]["exit"]);
    assert_eq!(after["health"]["log_refusals"], 1);
    assert!(after["health"]["log_first"].is_null());
    assert_eq!(original.len(), renamed.len());
    for (mut one, mut other) in original.into_iter().zip(renamed) {
        let destination = |drop: &Value| drop["packet"]["dst"].as_str().map(str::len);
        assert_eq!(destination(&one).is_some(), destination(&other).is_some());
        for drop in [&mut one, &mut other] {
            drop["comm"].take();
            for name in ["src", "dst", "dev"] {
                drop["packet"][name].take();
            }
            let lookups = drop["packet"]["lookups"].as_array_mut();
            let lookups = lookups.into_iter().flatten();
            for lookup in lookups {
                lookup["dev"].take();
            }
        }
        assert_eq!(one, other);
    }
}

/// The text of a fixture.
fn text(path: &Path) -> Vec<u8> {
    let mut text = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|ending| ending == "gz") {
        let packed = std::mem::take(&mut text);
        let mut reader = flate2::read::GzDecoder::new(&packed[..]);
        reader.read_to_end(&mut text).unwrap();
    }
    text
}

/// A report on a capture that was written with pseudonyms is the report with pseudonyms on the
/// capture as it was, drop by drop.
#[test]
fn a_capture_with_pseudonyms_gives_the_same_report() {
    let mut has_pods = false;
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "4.19-identity/alternating",
        "4.19-identity/iif",
        "4.19-live/orc-mixed.txt.gz",
        "4.19-live/orc-rpfilter.txt.gz",
        "4.19-live/fp-flood.txt.gz",
        "4.19-more/boundary-intermittent",
        "4.19-orc/intermittent-probes",
        "4.19-orc/kprobe-stacktrace",
        "4.19-fp/mixed-probes",
        "4.19-fp/lost",
        "4.19-fp/opt-latency-format",
        "4.19-fp/opt-nocontext-info",
        "4.19-fp/opt-record-tgid",
        "4.19-fp/trace-file.txt",
        "4.19-identity/cases",
        "4.19-identity/min",
        "4.19-rpfilter/ipt-full",
        "4.19-rpfilter/nft-full",
        "6.1/lookups.trace",
        "6.1-identity/route-hint.trace",
        "6.1-identity/veth.trace",
        "model/regular-forwarded",
    ] {
        let with_pods = dir.path().join("original");
        let mut original = text(&capture(name));
        original.extend(b"# ip6drop: pod cali5 shop/web-0\n");
        std::fs::write(&with_pods, &original).unwrap();
        let mut rewriter = CaptureText::new(Pseudonyms::new(Key::of_text("k")));
        let pieces = original.chunks(1000);
        let rewritten: Vec<u8> = pieces.flat_map(|piece| rewriter.rewrite(piece)).collect();
        let renamed = dir.path().join("renamed");
        std::fs::write(&renamed, &rewritten).unwrap();
        let left = String::from_utf8(rewritten).unwrap();
        for word in named(&String::from_utf8_lossy(&original)) {
            assert!(!holds(&left, &word), "{name}: {word}");
        }
        assert!(!left.contains("web-0"), "{name}");
        let with = fixture(&facts(name).display().to_string());
        let with = with.exists().then(|| format!("--facts={}", with.display()));
        let with: Vec<&str> = with.as_deref().into_iter().collect();
        let wanted = drops(&[&["--anonymize=k"][..], &with].concat(), &with_pods);
        let found = drops(&with, &renamed);
        assert_eq!(found.len(), wanted.len(), "{name}");
        has_pods |= wanted.iter().any(|drop| drop["packet"]["pod"].is_string());
        for (mut found, mut wanted) in found.into_iter().zip(wanted) {
            for one in [&mut found, &mut wanted] {
                if let Some(source) = one.get_mut("source") {
                    source["inputs"].take();
                }
            }
            assert_eq!(found, wanted, "{name}");
        }
    }
    assert!(has_pods);
}
