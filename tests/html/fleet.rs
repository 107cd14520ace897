//! The page of `merge --format html`.

use super::{as_xml, check_closed, command, has_class, of_class, parse, sortable, stdout, texts};
use serde_json::{Value, json as value};

/// A report as a line, of this host.
fn line(host: &str, drops: u64) -> String {
    let class = (drops > 0).then_some("rcv-no-route");
    let confidence = class.map(|_| "confirmed");
    let exit = if drops > 0 { 12 } else { 0 };
    let mut document: Value = super::json(&super::ip6drop([
        "report",
        "--format",
        "json",
        super::capture("4.19-fp/noroute").to_str().unwrap(),
    ]));
    document["host"] = value!(host);
    document["verdict"] =
        value!({"class": class, "confidence": confidence, "exit": exit, "summary": ""});
    document["drops"]["total"] = value!(drops);
    for (name, count) in document["drops"]["by_class"].as_object_mut().unwrap() {
        let n = if name == "rcv-no-route" { drops } else { 0 };
        *count = value!({"total": n, "confirmed": n, "probable": 0, "possible": 0});
    }
    if drops == 0 {
        document["per_cpu"] = value!([]);
    }
    format!("{document}\n")
}

fn page(args: &[&str], lines: &str) -> String {
    let mut merge = command();
    merge.args(["merge", "--format", "html"]).args(args);
    stdout(&merge.write_stdin(lines.to_owned()).output().unwrap())
}

#[test]
fn names_of_hosts_stay_text() {
    let names = [
        "<script>alert(1)",
        "a\"' onload=x",
        "</title>&lt;\u{1b}[31m",
    ];
    let mut lines: String = names.iter().map(|name| line(name, 7)).collect();
    lines.push_str("{\"schema\": \"<img src=x>\"}\n");
    let page = page(&[], &lines);
    let xml = as_xml(&page);
    let document = parse(&xml);
    check_closed(&document);
    let shown = texts(document.root_element());
    for name in [
        "<script>alert(1)",
        "a\"' onload=x",
        "</title>&lt;\\u{1b}[31m",
        "<img src=x>",
    ] {
        assert!(shown.contains(name), "{name}: {shown}");
    }
    assert!(!page.contains('\u{1b}'));
}

#[test]
fn the_table_is_that_of_the_text() {
    let lines: String = (0..70)
        .map(|n| line(&format!("node{n:02}"), 70 - n))
        .collect();
    let lines = lines + &line("quiet", 0);
    let cut = page(&[], &lines);
    let xml = as_xml(&cut);
    let document = parse(&xml);
    let rows = sortable(&document);
    assert_eq!(rows.len(), 51);
    assert_eq!(rows[0][..4], ["host", "verdict", "drops", "full"]);
    assert_eq!(rows[1][..3], ["node00", "rcv-no-route", "70"]);
    let shown = texts(document.root_element());
    assert!(shown.contains("not shown: 20 with a finding, 1 without (--all-hosts shows all)"));
    assert!(shown.contains("None of 71 hosts shows a full IPv6 route cache."));
    let badge = of_class(&document, "badge");
    assert!(has_class(&badge[0], "warn") && texts(badge[0]) == "Other IPv6 drops");
    let xml = as_xml(&page(&["--all-hosts"], &lines));
    let document = parse(&xml);
    assert_eq!(sortable(&document).len(), 72);
    let xml = as_xml(&page(&[], ""));
    let document = parse(&xml);
    check_closed(&document);
    assert!(texts(document.root_element()).contains("No report could be used."));
}
