//! The page of `report --format html`: well-formed, closed, bounded, and true to the report.
//! What a browser alone can tell is checked by `tests/html/run`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;
#[path = "html/fleet.rs"]
mod fleet;
#[path = "html/map.rs"]
mod map;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use common::{capture, command, facts, fixture, ip6drop, json, number, stderr, stdout};
use ip6drop::inside::render::{SCRIPT, SCRIPT_HASH, STYLE, STYLE_HASH, policy};
use ip6drop::inside::report::{BINS, MAX_ROWS, MAX_TIMELINES};
use proptest::prelude::*;
use roxmltree::{Document, Node, ParsingOptions};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The page as XML, its style and script left out: those are no markup.
fn as_xml(page: &str) -> String {
    assert!(page.contains(STYLE) && page.contains(SCRIPT));
    page.replacen(STYLE, "", 1).replacen(SCRIPT, "", 1)
}

fn parse(xml: &str) -> Document<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(xml, options).unwrap_or_else(|e| panic!("{e}\n{xml}"))
}

fn has_class(node: &Node<'_, '_>, class: &str) -> bool {
    let classes = node.attribute("class").unwrap_or_default();
    classes.split(' ').any(|c| c == class)
}

fn texts(node: Node<'_, '_>) -> String {
    let all = node.descendants().filter(Node::is_text);
    all.filter_map(|text| text.text()).collect()
}

fn of_class<'a>(document: &'a Document<'_>, class: &str) -> Vec<Node<'a, 'a>> {
    let all = document.descendants();
    all.filter(|node| has_class(node, class)).collect()
}

/// Nothing is loaded, nothing runs but the one script, ids are unique and named ones exist.
fn check_closed(document: &Document<'_>) {
    let mut ids = BTreeSet::new();
    let mut wanted = BTreeSet::new();
    let mut scripts = 0;
    for node in document.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        scripts += usize::from(name == "script");
        let loads = [
            "img", "link", "iframe", "object", "embed", "audio", "video", "source", "image", "use",
            "form", "base",
        ];
        assert!(!loads.contains(&name), "<{name}>");
        for attribute in node.attributes() {
            let (key, value) = (attribute.name(), attribute.value());
            assert!(
                key != "style" && key != "src" && !key.starts_with("on"),
                "{key}"
            );
            match key {
                "id" => assert!(ids.insert(value.to_owned()), "two of id {value}"),
                "href" => wanted.extend(
                    value
                        .strip_prefix('#')
                        .map(str::to_owned)
                        .or_else(|| panic!("{value}")),
                ),
                "aria-labelledby" => wanted.extend([value.to_owned()]),
                _ => {}
            }
        }
    }
    assert_eq!(scripts, 1);
    assert!(wanted.is_subset(&ids), "{wanted:?} {ids:?}");
    let outside = STYLE.replace("url(#", "");
    assert!(!outside.contains("url(") && !outside.contains("@import"));
}

fn page(args: &[&Path]) -> String {
    let output = command()
        .args(["report", "--format", "html"])
        .args(args)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output)
}

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

/// The counts of a row as the page says them: `12 rcv-dst-alloc, 8 rcv-no-route`.
fn in_words(by_class: &Value) -> String {
    let by_class = by_class.as_object().unwrap();
    let parts: Vec<String> = by_class
        .iter()
        .filter(|(_, n)| number(n) > 0)
        .map(|(class, n)| format!("{n} {class}"))
        .collect();
    parts.join(", ")
}

#[test]
fn pages_are_well_formed_and_count_what_the_report_counts() {
    let (mut drawn, mut marked) = (0, 0);
    for (capture, facts) in captures() {
        let flag = PathBuf::from("--facts");
        let mut args: Vec<&Path> = vec![&capture];
        if let Some(facts) = &facts {
            args.extend([flag.as_path(), facts]);
        }
        let page = page(&args);
        let xml = as_xml(&page);
        let document = parse(&xml);
        check_closed(&document);
        marked += map::check(&document);
        assert!(
            page.len() < 512 * 1024,
            "{}: {}",
            capture.display(),
            page.len()
        );
        let report = json(
            &command()
                .args(["report", "--format", "json"])
                .args(&args)
                .output()
                .unwrap(),
        );
        let summary = report["verdict"]["summary"].as_str().unwrap();
        let verdict = texts(
            document
                .descendants()
                .find(|n| n.has_tag_name("h1"))
                .unwrap(),
        );
        assert!(summary.starts_with(&verdict), "{summary}\n{verdict}");
        for advice in report["advice"].as_array().unwrap() {
            if let Some(wanted) = advice["command"].as_str() {
                let commands = of_class(&document, "command");
                assert!(commands.iter().any(|c| texts(*c) == wanted), "{wanted}");
            }
        }
        let lanes = of_class(&document, "lane");
        let labels: Vec<&str> = lanes
            .iter()
            .filter_map(|lane| lane.children().find_map(|n| n.attribute("aria-label")))
            .collect();
        if !labels.iter().any(|label| label.starts_with("all CPUs: ")) {
            continue;
        }
        drawn += 1;
        for row in report["per_cpu"].as_array().unwrap() {
            if number(&row["drops"]) == 0 {
                continue;
            }
            let wanted = format!("CPU {}: {};", row["cpu"], in_words(&row["by_class"]));
            assert!(
                labels.iter().any(|label| label.starts_with(&wanted)),
                "{}: {wanted} {labels:?}",
                capture.display()
            );
        }
    }
    assert!(drawn > 35, "{drawn}");
    assert!(marked > 1000, "{marked}");
}

#[test]
fn fast_is_drawn_where_it_is_believed() {
    let live = fixture("4.19-live/orc-intermittent.txt.gz");
    let xml = as_xml(&page(&[&live]));
    let document = parse(&xml);
    let values: Vec<i64> = of_class(&document, "fast")
        .iter()
        .flat_map(|band| {
            texts(*band)
                .split(' ')
                .filter_map(|word| word.parse().ok())
                .collect::<Vec<i64>>()
        })
        .collect();
    let report = json(&ip6drop([
        "report",
        "--format",
        "json",
        live.to_str().unwrap(),
    ]));
    let fast = &report["counters"]["fast"];
    assert_eq!(values.iter().min().copied(), fast["min"].as_i64());
    assert_eq!(values.iter().max().copied(), fast["max"].as_i64());
    assert!(
        values.len() / 2 <= BINS && values.len() > BINS,
        "{}",
        values.len()
    );
    // Facts of another host: what the probe read does not fit them.
    let probes = capture("4.19-orc/intermittent-probes");
    let foreign = facts("4.19-more/boundary-exhausted");
    let xml = as_xml(&page(&[&probes, Path::new("--facts"), &foreign]));
    assert_eq!(of_class(&parse(&xml), "fast").len(), 0);
}

#[test]
fn the_policy_names_the_hashes_of_style_and_script() {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    assert_eq!(
        STYLE_HASH,
        hash(STYLE),
        "put this into src/render/html/policy.rs"
    );
    assert_eq!(
        SCRIPT_HASH,
        hash(SCRIPT),
        "put this into src/render/html/policy.rs"
    );
    let page = page(&[&capture("4.19-fp/mixed")]);
    assert!(policy().starts_with("default-src 'none'; ") && !policy().contains("unsafe"));
    assert!(page.contains(&format!("content=\"{}\"", policy())));
    // Neither may end its own element.
    assert!(!STYLE.contains("</") && !SCRIPT.contains("</") && !SCRIPT.contains("<!--"));
}

/// A trace of one drop a CPU: who runs there, at what time, and its frames.
fn trace(drops: impl IntoIterator<Item = (usize, String, Vec<String>)>) -> String {
    let mut text = String::new();
    for (cpu, comm, frames) in drops {
        let head = format!(
            "{comm}-{} [{cpu:03}] ..s1 {}.{:06}",
            1000 + cpu,
            100 + cpu / 100,
            cpu % 100 * 9999
        );
        writeln!(
            text,
            "{head}: ip6_pkt_drop <-ip6_pkt_discard\n{head}: <stack trace>"
        )
        .unwrap();
        for frame in ["ip6_pkt_drop", "ip6_pkt_discard"]
            .into_iter()
            .chain(frames.iter().map(String::as_str))
        {
            writeln!(text, " => {frame}").unwrap();
        }
    }
    text
}

fn page_of(trace: &[u8], args: &[&str]) -> String {
    let output = command()
        .args(["report", "--format", "html"])
        .args(args)
        .write_stdin(trace)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn names_of_tasks_functions_and_files_stay_text() {
    let hostile = [
        "<script>alert(1)",
        "</title><b>",
        "\"'onload=x",
        "&lt;\x1b[31m",
    ];
    let drops = hostile
        .iter()
        .enumerate()
        .map(|(cpu, name)| (cpu, (*name).to_owned(), vec!["fn".to_owned()]));
    let mut text = trace(drops);
    text.push_str("<img src=x onerror=alert(1)> is no event\n");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a<b>&\"'.txt");
    std::fs::write(&file, text).unwrap();
    let page = page(&[&file]);
    let xml = as_xml(&page);
    let document = parse(&xml);
    check_closed(&document);
    let shown = texts(document.root_element());
    for name in [
        "<script>alert(1)",
        "</title><b>",
        "\"'onload=x",
        "&lt;\\u{1b}[31m",
        "<img src=x onerror",
        "a<b>&\"'.txt",
    ] {
        assert!(shown.contains(name), "{name}");
    }
    assert!(!page.contains('\x1b'));
}

#[test]
fn large_reports_are_folded_and_say_so() {
    let drops = (0..3000).map(|cpu| {
        let frames = (0..60).map(|depth| format!("f{cpu}_{depth}")).collect();
        (cpu, format!("task{cpu}"), frames)
    });
    let page = page_of(trace(drops).as_bytes(), &[]);
    assert!(page.len() < 1024 * 1024, "{}", page.len());
    let xml = as_xml(&page);
    let document = parse(&xml);
    check_closed(&document);
    let boxes = of_class(&document, "b");
    assert!(boxes.len() > 1000 && boxes.len() <= 1501, "{}", boxes.len());
    let rarer: usize = boxes
        .iter()
        .filter_map(|b| b.attribute("aria-label")?.split_once(" rarer stacks: "))
        .map(|(n, rest)| {
            assert!(rest.starts_with(n), "a drop each: {rest}");
            n.parse::<usize>().unwrap()
        })
        .sum();
    let drawn = boxes
        .iter()
        .filter(|b| b.attribute("data-d") == Some("2"))
        .count()
        - 1;
    assert_eq!(rarer + drawn, 3000);
    // One for all CPUs, one for the others, one for the axis.
    assert_eq!(of_class(&document, "lane").len(), MAX_ROWS + 3);
    let shown = texts(document.root_element());
    for said in [
        "2968 other CPUs",
        "2968 less busy CPUs",
        "2975 more tasks",
        "2980 more (",
    ] {
        assert!(shown.contains(said), "{said}");
    }
}

#[test]
fn threads_and_ways_of_reading_do_not_show() {
    let file = capture("4.19-fp/mixed-probes");
    let facts = facts("4.19-fp/mixed-probes").display().to_string();
    let bytes = std::fs::read(&file).unwrap();
    let one = page_of(&bytes, &["--facts", &facts, "--threads", "1"]);
    for threads in ["2", "5"] {
        assert_eq!(
            one,
            page_of(&bytes, &["--facts", &facts, "--threads", threads])
        );
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("saved.pipe"), &bytes).unwrap();
    // By a plain name: those with quotes are escaped in the page.
    let written = command()
        .current_dir(dir.path())
        .args(["report", "--format", "html", "--facts", &facts])
        .args(["-o", "page.html", "saved.pipe"])
        .output()
        .unwrap();
    assert_eq!(written.status.code(), Some(0), "{}", stderr(&written));
    let named = std::fs::read_to_string(dir.path().join("page.html")).unwrap();
    assert_eq!(named.replace("saved.pipe", "-"), one);
}

#[test]
fn filters_choose_what_is_drawn() {
    let xml = {
        let bytes = std::fs::read(capture("4.19-fp/alternating")).unwrap();
        let facts = facts("4.19-fp/alternating").display().to_string();
        as_xml(&page_of(
            &bytes,
            &["--facts", &facts, "--cpu", "1", "--class", "rcv-no-route"],
        ))
    };
    let document = parse(&xml);
    let labels: Vec<&str> = of_class(&document, "lane")
        .iter()
        .filter_map(|lane| lane.children().find_map(|n| n.attribute("aria-label")))
        .filter_map(|label| label.split(';').next())
        .collect();
    assert!(
        labels.starts_with(&["all CPUs: 8 rcv-no-route", "CPU 1: 8 rcv-no-route"]),
        "{labels:?}"
    );
    assert!(texts(document.root_element()).contains("3 CPUs without a drop"));
}

#[test]
fn inputs_have_their_own_clock_and_some_have_none() {
    let shown = |args: &[&Path]| {
        let xml = as_xml(&page(args));
        let document = parse(&xml);
        check_closed(&document);
        texts(document.root_element())
    };
    let (a, b) = (capture("4.19-fp/mixed"), capture("4.19-fp/prohibit"));
    let two = shown(&[&a, &b]);
    assert!(two.contains("Each input has its own clock"));
    assert!(!two.contains("inputs are drawn"));
    let many = vec![a.as_path(); MAX_TIMELINES + 2];
    assert!(shown(&many).contains("8 of 10 inputs are drawn; all are in the tables."));
    let none = shown(&[&capture("4.19-fp/opt-nocontext-info")]);
    assert!(none.contains("no time stamps"), "{none}");
    let counts = shown(&[&capture("4.19-fp/clock-counter")]);
    assert!(counts.contains(" counts in all."), "{counts}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_in_a_trace_the_page_is_well_formed(
        names in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..15), 1..6),
        seed in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut text = trace([(0, "task".to_owned(), vec!["fn".to_owned()])]).into_bytes();
        for (cpu, name) in names.iter().enumerate() {
            let name: Vec<u8> = name.iter().copied().filter(|b| *b != b'\n').collect();
            text.extend(&name);
            text.extend(format!("-7 [{cpu:03}] ..s1 101.5: ip6_pkt_drop <-").bytes());
            text.extend(&name);
            text.extend(b"\n => ");
            text.extend(&name);
            text.push(b'\n');
        }
        text.extend(&seed);
        let page = page_of(&text, &[]);
        let xml = as_xml(&page);
        check_closed(&parse(&xml));
    }
}

/// The colours of a scheme, by their names in the style.
fn colours(part: &str) -> std::collections::BTreeMap<&str, f64> {
    let channel = |hex: &str| {
        let value = f64::from(u8::from_str_radix(hex, 16).unwrap()) / 255.0;
        if value <= 0.040_45 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    let named = part
        .split(['{', ';', '}'])
        .filter_map(|entry| entry.trim().strip_prefix("--")?.split_once(":#"));
    named
        .map(|(name, hex)| {
            let long: String = match hex.len() {
                3 => hex.chars().flat_map(|c| [c, c]).collect(),
                _ => hex.to_owned(),
            };
            let [r, g, b] = [0, 2, 4].map(|at| channel(&long[at..at + 2]));
            // Relative luminance of WCAG 2.
            (name, 0.2126 * r + 0.7152 * g + 0.0722 * b)
        })
        .collect()
}

/// What the accessibility checker does not look at: text and shapes within pictures.
#[test]
fn pictures_have_contrast_in_the_light_and_in_the_dark() {
    let (light, rest) = STYLE
        .split_once("@media screen and (prefers-color-scheme:dark){")
        .unwrap();
    let (dark, _) = rest.split_once("}}").unwrap();
    for (scheme, part) in [("light", light), ("dark", dark)] {
        let colours = colours(part);
        let contrast = |a: &str, b: &str| {
            let (a, b) = (colours[a] + 0.05, colours[b] + 0.05);
            a.max(b) / a.min(b)
        };
        for class in 0..8 {
            let (bar, tint) = (format!("c{class}"), format!("t{class}"));
            assert!(contrast("fg", &tint) >= 4.5, "{scheme} {tint}");
            for ground in ["box", "bg"] {
                assert!(contrast(&bar, ground) >= 3.0, "{scheme} {bar} on {ground}");
            }
        }
        let shades = ["q1", "q2", "q3", "q4", "q5"].map(|shade| contrast(shade, "box"));
        assert!(
            shades[0] >= 3.0 && shades.is_sorted(),
            "{scheme} {shades:?}"
        );
        for text in ["fg", "soft", "link", "good", "warn", "bad"] {
            assert!(contrast(text, "bg") >= 4.5, "{scheme} {text}");
        }
        assert!(contrast("fg", "t8") >= 4.5 && contrast("soft", "box") >= 4.5);
    }
}

/// The table that the script makes sortable: the cells of each row, the head first.
fn sortable(document: &Document<'_>) -> Vec<Vec<String>> {
    let tables = of_class(document, "sortable");
    let rows = tables.iter().flat_map(|table| table.descendants());
    let rows = rows.filter(|node| node.has_tag_name("tr"));
    rows.map(|row| row.children().filter(Node::is_element).map(texts).collect())
        .collect()
}

#[test]
fn packets_have_a_table_that_counts_every_drop() {
    let capture = capture("4.19-identity/iif");
    let facts = facts("4.19-identity/iif");
    let args: [&Path; 3] = [&capture, Path::new("--facts"), &facts];
    let xml = as_xml(&page(&args));
    let rows = sortable(&parse(&xml));
    let head = [
        "destination",
        "source",
        "packet",
        "interface",
        "class",
        "drops",
        "first",
        "last",
    ];
    assert_eq!(rows[0], head);
    let drops: u64 = rows[1..]
        .iter()
        .map(|row| row[5].parse::<u64>().unwrap())
        .sum();
    assert_eq!(drops, 183);
    let ping = rows
        .iter()
        .find(|row| row[0] == "fd00:1::120" && row[4] == "rcv-dst-alloc");
    let wanted = [
        "fd00:1::120",
        "fd00:10:244:3::5",
        "icmp6 echo-reply",
        "cali5",
        "rcv-dst-alloc",
        "3",
        "1504.973685",
    ];
    assert_eq!(ping.unwrap()[..7], wanted);
    // Several inputs have several clocks, and one without packets has no table.
    let xml = as_xml(&page(&[&capture, &capture]));
    let rows = sortable(&parse(&xml));
    assert_eq!(rows[0], head[..6]);
    let drops: u64 = rows[1..]
        .iter()
        .map(|row| row[5].parse::<u64>().unwrap())
        .sum();
    assert_eq!(drops, 366);
    let xml = as_xml(&page(&[&fixture("4.19-fp/alternating.pipe")]));
    assert!(sortable(&parse(&xml)).is_empty());
}

#[test]
fn many_packets_have_a_bounded_table_that_says_what_is_missing() {
    let mut text = String::new();
    for n in 0..20_000_u64 {
        writeln!(
            text,
            "     a-1  [000] ..s1  {}.{:06}: drop: (ip6_pkt_drop+0x0/0xe0) dev=\"eth0\" d0=0x10000fd d1={:#x}",
            1 + n / 1000,
            n % 1000,
            n.to_be()
        )
        .unwrap();
    }
    let page = page_of(text.as_bytes(), &[]);
    assert!(page.len() < 512 * 1024, "{}", page.len());
    let xml = as_xml(&page);
    let document = parse(&xml);
    check_closed(&document);
    assert_eq!(sortable(&document).len(), 1001);
    let shown = texts(document.root_element());
    assert!(
        shown.contains("19000 drops of other packets are in no row."),
        "{shown}"
    );
    assert!(shown.contains("fd00:1::/64, 20000 addresses"), "{shown}");
}
