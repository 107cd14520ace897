//! Checked-in files that the program generates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use common::{fixture, ip6drop};

fn assert_current(saved: &str, args: &[&str]) {
    let output = ip6drop(args);
    assert!(output.status.success());
    let is_current = std::fs::read(fixture("..").join(saved)).unwrap_or_default() == output.stdout;
    let command = args.join(" ");
    assert!(
        is_current,
        "{saved} is old: run `ip6drop {command} > {saved}`"
    );
}

#[test]
fn completions_are_up_to_date() {
    for (shell, name) in [
        ("bash", "ip6drop.bash"),
        ("zsh", "_ip6drop"),
        ("fish", "ip6drop.fish"),
    ] {
        let saved = format!("completions/{name}");
        assert_current(&saved, &["generate", "completions", shell]);
    }
}

#[test]
fn man_pages_are_up_to_date() {
    assert_current("man/ip6drop.1", &["generate", "man"]);
    let mut wanted = vec!["ip6drop.1".to_owned()];
    let program = std::fs::read_to_string(fixture("../man/ip6drop.1")).unwrap();
    let commands = program
        .lines()
        .filter_map(|line| line.strip_prefix("ip6drop\\-")?.strip_suffix("(1)"));
    for name in commands {
        let page = format!("ip6drop-{name}.1");
        assert_current(&format!("man/{page}"), &["generate", "man", name]);
        wanted.push(page);
    }
    let found = std::fs::read_dir(fixture("../man")).unwrap();
    for file in found {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(wanted.contains(&name), "man/{name} is of no command");
    }
}

#[test]
fn rules_are_those_of_the_page_of_messages() {
    let page = std::fs::read_to_string(fixture("../docs/messages.md")).unwrap();
    let rows = |title: &str| {
        let (_, section) = page.split_once(&format!("\n### {title}\n")).unwrap();
        let (section, _) = section.split_once("\n#").unwrap_or((section, ""));
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        let names = rows.filter_map(|row| row.split('`').next());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let explained = [rows("Rules"), rows("What a rule can have done")].concat();
    let listing = common::stdout(&ip6drop(["generate", "rules"]));
    let heads = listing
        .split("\n\n")
        .filter_map(|part| part.split('\n').next());
    let printed: Vec<&str> = heads.filter(|head| !head.contains(' ')).collect();
    assert_eq!(printed, explained);
    assert!(listing.lines().any(|line| line.starts_with("  unless   ")));
}

#[test]
fn the_version_names_commit_and_target() {
    let text = common::stdout(&ip6drop(["--version"]));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], format!("ip6drop {}", env!("CARGO_PKG_VERSION")));
    assert!(
        lines[1].starts_with("commit ") && lines[1].len() > 7,
        "{text}"
    );
    assert!(
        lines[2].starts_with("target x86_64-") || lines[2].contains("linux"),
        "{text}"
    );
}

#[test]
fn the_picture_shows_what_the_program_says() {
    let picture = std::fs::read_to_string(fixture("../docs/report.svg")).unwrap();
    let text = picture.split('<').filter_map(|part| part.split_once('>'));
    let text: String = text.map(|(_, text)| text).collect();
    let mut picture = text;
    for (escape, c) in [
        ("&#160;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#x27;", "'"),
        ("&amp;", "&"),
    ] {
        picture = picture.replace(escape, c);
    }
    let picture = common::unwrapped(&picture);
    let report = common::command()
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["report", "--facts", "fixtures/4.19-identity/iif.facts"])
        .arg("fixtures/4.19-identity/iif.pipe")
        .output()
        .unwrap();
    let text = common::stdout(&report);
    for line in text.lines().filter(|line| !line.is_empty()) {
        let shown = common::unwrapped(line);
        assert!(
            picture.contains(&shown),
            "docs/report.svg is old: run `docs/picture target/release/ip6drop`; it has no {shown}"
        );
    }
}
