//! Whole reports of real captures as people see them, at several widths. `BLESS=1 cargo test --lib
//! first_screens` writes the expected texts anew.

use std::path::{Path, PathBuf};

use unicode_width::UnicodeWidthStr;

use crate::analysis::stream::Analysis;
use crate::host::Facts;
use crate::os::terminal::Terminal;
use crate::render::format::Format;
use crate::render::report::text::TextReport;
use crate::render::view::{ReportLook, ReportView};
use crate::report::build::Request;
use crate::report::summary::Summary;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The report on a fixture, with the facts beside it where `facts` names their file.
fn summary(name: &str, facts: Option<&str>) -> Summary {
    let file = |name: &str| root().join("fixtures").join(name);
    let facts = facts.map(|facts| Facts::parse(&std::fs::read(file(facts)).unwrap()).unwrap());
    let request = Request {
        facts,
        ..Request::default()
    };
    let mut analysis = Analysis::new(&request, false);
    analysis.read(&file(name)).unwrap();
    let mut summary = analysis.finish().summary;
    // Wherever the checkout is.
    summary.inputs = vec![name.into()];
    summary
}

/// A text that is no file.
fn of_text(text: &str) -> Summary {
    let request = Request::default();
    let mut analysis = Analysis::new(&request, false);
    analysis.begin(Path::new("trace.txt"));
    analysis.feed(text.as_bytes());
    analysis.end(None).unwrap();
    analysis.finish().summary
}

fn shown(summary: &Summary, look: ReportLook) -> String {
    let view = ReportView {
        summary,
        timelines: &[],
        walk: &|_| Ok(()),
        look,
    };
    let mut out = Vec::new();
    TextReport.write(&view, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn at(width: usize) -> ReportLook {
    ReportLook {
        terminal: Some(Terminal {
            width,
            unicode: true,
        }),
        ..ReportLook::default()
    }
}

/// What is above the first section.
fn first_screen(text: &str) -> &str {
    text.split("\n\n").next().unwrap()
}

/// Situations that people meet, each with what they have in their hands.
fn situations() -> Vec<(&'static str, Summary)> {
    let with_facts = |name: &str, ending: &str| {
        summary(&format!("{name}.{ending}"), Some(&format!("{name}.facts")))
    };
    vec![
        ("full", with_facts("4.19-identity/iif", "pipe")),
        (
            "full-cache-proven",
            summary("4.19-live/orc-mixed.txt.gz", None),
        ),
        (
            "intermittent",
            with_facts("4.19-orc/intermittent-probes", "pipe"),
        ),
        (
            "reverse-path-filter",
            summary("4.19-live/orc-rpfilter.txt.gz", None),
        ),
        ("healthy", with_facts("4.19-fp/healthy", "pipe")),
        (
            "healthy-without-facts",
            summary("4.19-fp/healthy.pipe", None),
        ),
        ("no-route", summary("6.1-identity/veth.trace", None)),
        (
            "no-route-beside-a-full-cache",
            summary("vendor/tencentos-exh.pipe", None),
        ),
        ("ticket", summary("text/ticket.txt", None)),
        ("log", summary("text/dmesg.txt", None)),
        ("prohibited", with_facts("4.19-fp/prohibit", "pipe")),
        (
            "blind",
            of_text("# tracer: function\n#\n  sh-7 [000] ..s1 1.5: sched_switch: a\n"),
        ),
        ("nothing-recorded", of_text("# tracer: nop\n#\n")),
        (
            "nothing-dropped",
            of_text(
                "# ip6drop: version 2\n# ip6drop: host node7\n# ip6drop: kernel 4.19.113\n# ip6drop: cpus 1\n# ip6drop: traced ip6_pkt_drop\n# ip6drop: lost 0 0\n",
            ),
        ),
    ]
}

#[test]
fn first_screens_fit_and_say_what_they_said() {
    let golden =
        |name: &str| -> PathBuf { root().join(format!("tests/goldens/first-screens/{name}.txt")) };
    for (name, summary) in situations() {
        let text = shown(&summary, at(80));
        let screen = format!("{}\n", first_screen(&text).trim_end());
        assert!(screen.lines().count() <= 24, "{name}: {screen}");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(golden(name), &screen).unwrap();
        }
        let wanted = std::fs::read_to_string(golden(name)).unwrap_or_default();
        assert_eq!(screen, wanted, "{name}");
    }
}

#[test]
fn whole_reports_are_what_they_were_at_every_width() {
    let (_, summary) = situations().swap_remove(0);
    for width in [60, 80, 132] {
        let text = shown(&summary, at(width));
        let golden = root().join(format!("tests/goldens/whole-{width}.txt"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&golden, &text).unwrap();
        }
        let wanted = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(text, wanted, "{width}");
    }
}

#[test]
fn in_brief_it_is_six_lines_at_most() {
    for (name, summary) in situations() {
        for width in [60, 80, 132] {
            let look = ReportLook {
                brief: true,
                ..at(width)
            };
            let text = shown(&summary, look);
            assert!(text.lines().count() <= 6, "{name}: {text}");
            // It begins as the whole one does.
            let whole = shown(&summary, at(width));
            assert_eq!(text.lines().next(), whole.lines().next(), "{name}");
        }
    }
}

#[test]
fn no_line_is_longer_than_the_terminal_and_nothing_is_lost() {
    let usual = |look: ReportLook| ReportLook {
        all_cpus: true,
        ..look
    };
    let words = |text: &str| -> std::collections::BTreeSet<String> {
        let words = text.split_whitespace().filter(|word| *word != "\\");
        words.map(str::to_owned).collect()
    };
    for (name, summary) in situations() {
        // In a pipe.
        let piped = shown(&summary, usual(ReportLook::default()));
        let all = words(&piped);
        for (width, look) in [
            (80, ReportLook::default()),
            (60, at(60)),
            (132, at(132)),
            (200, at(200)),
        ] {
            let text = shown(&summary, usual(look));
            for line in text.lines() {
                assert!(line.width() <= width, "{name} at {width}: {line}");
            }
            // Long destinations lose their middle on the narrowest.
            if width > 60 || summary.packets.is_none() {
                let here = words(&text);
                let missing: Vec<&String> = all.difference(&here).collect();
                assert!(missing.is_empty(), "{name} at {width}: {missing:?}");
            }
        }
    }
}

#[test]
fn hostile_names_break_no_table() {
    let comm = "漢字\u{1b}[31m\u{202e}漢字漢";
    let line =
        |comm: &str| format!("  {comm}-7 [000] ..s1 1.500000: ip6_pkt_drop <-ip6_pkt_discard\n");
    let text = line(comm) + &line("sh");
    for width in [60, 80] {
        let shown = shown(&of_text(&text), at(width));
        assert!(
            !shown.contains('\u{1b}') && !shown.contains('\u{202e}'),
            "{shown}"
        );
        let too_long = shown.lines().find(|line| line.width() > width);
        assert_eq!(too_long, None, "{shown}");
    }
}

#[test]
fn names_are_whole_where_all_is_asked_for() {
    let mut summary = summary("4.19-fp/healthy.pipe", None);
    let long = format!("/var/{}/trace.txt", "long/".repeat(20));
    summary.inputs = vec![long.as_str().into()];
    assert!(!shown(&summary, at(80)).contains(&long));
    let verbose = ReportLook {
        verbose: true,
        ..at(80)
    };
    assert!(shown(&summary, verbose).contains(&long));
}
