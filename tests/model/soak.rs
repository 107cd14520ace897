//! Many set-ups, and the smallest ones that fail.

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::case::{Case, play};
use crate::check::{Answers, Grade, so_far, whole};
use crate::reduce::reduce;
use crate::rng::Rng;
use crate::setup::Setup;
use crate::strategies::setup;
use crate::table::Table;

/// Chance of this seed alone.
pub fn chance(seed: u64) -> TestRng {
    let mut rng = Rng::new(seed);
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&rng.next().to_le_bytes());
    }
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

/// A runner on it.
pub fn runner(seed: u64) -> TestRunner {
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, chance(seed))
}

/// What is wrong with a case, or could be better.
fn faults(case: &Case, answers: &Answers) -> Vec<String> {
    let wrong = answers.drops.iter().filter(|answered| {
        use Grade::{ConfirmedWrong, Misnamed, Phantom};
        matches!(answered.grade, ConfirmedWrong | Misnamed | Phantom)
    });
    let mechanisms = wrong.map(|answered| answered.mechanism(case));
    let unsure = answers
        .drops
        .iter()
        .filter(|answered| answered.is_unsure(case));
    let unsure = unsure.map(|answered| format!("Unsure {} {:?}", answered.rule, answered.class));
    let told = case.told_wrong();
    let told = told.map(|(_, class)| format!("The reference said {class:?}"));
    mechanisms
        .chain(unsure)
        .chain(told)
        .chain(misled(case, answers))
        .collect()
}

/// A status that misleads.
pub fn misled(case: &Case, answers: &Answers) -> Option<String> {
    let shown = case.shown.values().map(|&drop| &case.drops[drop]);
    let full = shown.clone().any(|drop| drop.is_full());
    let may = shown.clone().any(|drop| drop.refused) || case.looks_checking;
    match answers.exit {
        10 if !may => Some("Status 10 and no full cache".to_owned()),
        0 if shown.count() > 0 => Some("Status 0 and a drop".to_owned()),
        12 if full => Some("Status 12 and a full cache".to_owned()),
        _ => None,
    }
}

/// Places in a text.
pub fn places(case: &Case, seed: u64) -> Vec<usize> {
    let mut rng = Rng::new(seed ^ 0x5ca1e);
    let place = |_| rng.below(case.text.len() as u64 + 1) as usize;
    let mut places: Vec<usize> = (0..6).map(place).collect();
    places.sort_unstable();
    places
}

fn has_fault(setup: &Setup, fault: &str) -> Option<(Case, Answers)> {
    let case = play(setup);
    let answers = whole(&case, setup)?;
    let found = faults(&case, &answers).iter().any(|found| found == fault);
    found.then_some((case, answers))
}

fn directory() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target"));
    target.join("model")
}

/// Keeps a failing case where it can be looked at.
fn save(fault: &str, setup: &Setup) -> Option<(usize, PathBuf)> {
    let (case, answers) = has_fault(setup, fault)?;
    let name: String = fault
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let path = directory().join(name.replace("--", "-").trim_end_matches('-'));
    std::fs::create_dir_all(directory()).unwrap();
    std::fs::write(path.with_extension("pipe"), &case.text).unwrap();
    if let Some(facts) = &case.facts {
        std::fs::write(path.with_extension("facts"), facts).unwrap();
    }
    let mut notes = format!("{setup:#?}\n");
    for answered in &answers.drops {
        let truth = answered.drop.map(|drop| &case.drops[drop]);
        notes.push_str(&format!("{answered:?}\n    {truth:?}\n"));
    }
    std::fs::write(path.with_extension("setup"), notes).unwrap();
    Some((case.text.lines().count(), path.with_extension("pipe")))
}

/// Plays set-ups of a seed, counts, and keeps what fails.
pub fn soak(seed: u64, cases: usize, steps: usize, tries: usize) -> Table {
    let strategy = setup(steps);
    let mut table = Table::default();
    let mut smallest: BTreeMap<String, (usize, PathBuf)> = BTreeMap::new();
    let mut runner = runner(seed);
    for number in 0..cases {
        let setup = strategy.new_tree(&mut runner).unwrap().current();
        let case = play(&setup);
        let Some(answers) = whole(&case, &setup) else {
            continue;
        };
        table.take(&setup, &case, &answers);
        if number % 16 == 0 {
            let all = so_far(&case, &setup, &places(&case, setup.seed));
            all.iter().for_each(|answers| table.take_so_far(answers));
        }
        for fault in faults(&case, &answers) {
            if tries > 0 && !smallest.contains_key(&fault) {
                let fails = |setup: &Setup| has_fault(setup, &fault).is_some();
                let setup = reduce(&setup, tries, &fails);
                smallest.extend(save(&fault, &setup).map(|saved| (fault, saved)));
            }
        }
    }
    for (fault, (lines, path)) in &smallest {
        println!("{fault}: {lines} lines, {}", path.display());
    }
    table
}

fn number(name: &str, default: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(default, |value| value.parse().expect("a number"))
}

#[test]
#[ignore = "the soak runs it, with set-ups by the thousand"]
fn many() {
    let seed = number("MODEL_SEED", 1);
    let cases = number("MODEL_CASES", 500) as usize;
    let steps = number("MODEL_STEPS", 60) as usize;
    let tries = number("MODEL_SHRINK", 1500) as usize;
    println!("seed {seed}");
    let table = soak(seed, cases, steps, tries);
    println!("{table}");
    assert_eq!(table.count(Grade::Phantom), 0);
    assert_eq!(table.count(Grade::ConfirmedWrong), 0);
    assert_eq!(table.places[1], 0, "so far");
    assert_eq!(table.told[1], 0, "the reference");
}

/// What the program says of a text, for whoever looks into one.
#[test]
#[ignore = "for looking at one text: MODEL_FILE, and MODEL_FACTS"]
fn look() {
    let read = |name: &str| std::fs::read_to_string(std::env::var(name).ok()?).ok();
    let text = read("MODEL_FILE").expect("a text");
    for said in crate::check::said(&text, read("MODEL_FACTS").as_deref()) {
        println!("{said}");
    }
}
