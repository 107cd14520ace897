//! What other programs may call says what the program says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;

use std::path::{Path, PathBuf};

use common::{capture, facts, ip6drop, stdout};
use ip6drop::{Analysis, Class, Confidence, Facts, Report};

const FULL: &str = "4.19-identity/alternating";

fn known(name: &str) -> Facts {
    Facts::parse(&std::fs::read(facts(name)).unwrap()).unwrap()
}

fn read(facts: &Facts, path: &Path) -> Report {
    let mut analysis = Analysis::new(facts);
    analysis.read(path).unwrap();
    analysis.finish().unwrap()
}

fn program(format: &str, name: &str) -> (Option<i32>, String) {
    let (capture, facts) = (capture(name), facts(name));
    let output = ip6drop([
        "report".as_ref(),
        "--exit-code".as_ref(),
        "--format".as_ref(),
        format.as_ref(),
        "--facts".as_ref(),
        facts.as_os_str(),
        capture.as_os_str(),
    ]);
    (output.status.code(), stdout(&output))
}

#[test]
fn a_report_is_the_programs() {
    for name in [FULL, "4.19-fp/noroute", "4.19-fp/healthy"] {
        let report = read(&known(name), &capture(name));
        let (mut json, mut text) = (Vec::new(), Vec::new());
        report.write_json(&mut json).unwrap();
        report.write_text(&mut text).unwrap();
        let (status, said) = program("json", name);
        assert_eq!(String::from_utf8(json).unwrap(), said);
        assert_eq!(String::from_utf8(text).unwrap(), program("text", name).1);
        assert_eq!(Some(i32::from(report.exit_status())), status);
    }
}

#[test]
fn numbers_and_the_answer() {
    let report = read(&known(FULL), &capture(FULL));
    let (class, confidence) = report.verdict().unwrap();
    assert_eq!(class, Class::RcvDstAlloc);
    assert!(
        report.count(class, confidence) > 0 && report.count(class, confidence) <= report.drops()
    );
    assert_eq!(report.count(Class::RcvProhibited, Confidence::Confirmed), 0);
    assert!(report.sentence().contains(&report.drops().to_string()));
    let nothing = Analysis::new(&Facts::none()).finish().unwrap().verdict();
    assert_eq!(nothing, None);
}

#[test]
fn facts_prove_at_the_end_alone() {
    let facts = known(FULL);
    let mut analysis = Analysis::new(&facts);
    std::fs::read(capture(FULL))
        .unwrap()
        .chunks(1000)
        .for_each(|piece| analysis.feed(piece));
    let so_far = analysis.so_far();
    let end = analysis.finish().unwrap();
    assert_eq!(so_far.drops(), end.drops());
    let confirmed = |report: &Report| report.count(Class::RcvDstAlloc, Confidence::Confirmed);
    assert!(confirmed(&so_far) < confirmed(&end));
    let without = Facts::none();
    assert_eq!(
        confirmed(&read(&without, &capture(FULL))),
        confirmed(&so_far)
    );
}

#[test]
fn errors_name_the_input_and_what_to_do() {
    let facts = Facts::none();
    let mut analysis = Analysis::new(&facts);
    let missing = analysis.read(Path::new("/no/such/trace")).unwrap_err();
    assert!(
        missing
            .to_string()
            .starts_with("/no/such/trace: no such file; ")
    );
    let dir = tempfile::tempdir().unwrap();
    let cut: PathBuf = dir.path().join("cut.gz");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &std::fs::read(capture(FULL)).unwrap()).unwrap();
    let packed = packed.finish().unwrap();
    std::fs::write(&cut, &packed[..packed.len() / 2]).unwrap();
    assert!(
        analysis
            .read(&cut)
            .unwrap_err()
            .to_string()
            .contains("gzip")
    );
    // What was in front of the damage counts.
    assert!(analysis.finish().unwrap().drops() > 0);
    let mut fed = Analysis::new(&facts);
    fed.feed(b"no trace\n");
    assert_eq!(fed.so_far().drops(), 0);
    assert!(
        fed.finish()
            .unwrap_err()
            .to_string()
            .contains("no trace found")
    );
    assert!(
        Facts::parse(b"nothing")
            .unwrap_err()
            .to_string()
            .contains("no facts found")
    );
}
