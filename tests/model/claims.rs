//! What is claimed of the program on the model's cases.

use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use crate::case::{Case, play};
use crate::check::{Grade, so_far, whole};
use crate::setup::Setup;
use crate::soak::{chance, places};
use crate::strategies::setup;

/// Runs a claim on cases of a seed; the smallest case against it is printed with its text.
fn claim(seed: u64, cases: u32, check: fn(&Setup, &Case) -> Result<(), String>) {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 3000,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, chance(seed));
    let result = runner.run(&setup(40), |setup| {
        let case = play(&setup);
        check(&setup, &case).map_err(TestCaseError::fail)
    });
    if let Err(TestError::Fail(why, setup)) = result {
        let case = play(&setup);
        let facts = case.facts.unwrap_or_default();
        panic!("seed {seed}: {why}\n{setup:#?}\n{facts}\n{}", case.text);
    }
    result.unwrap();
}

fn none_of(bad: &[Grade], case: &Case, answers: &crate::check::Answers) -> Result<(), String> {
    let found = answers.drops.iter().find(|said| bad.contains(&said.grade));
    match found {
        Some(said) => {
            let truth = said.drop.map(|drop| &case.drops[drop]);
            Err(format!("{said:?}: {truth:?}"))
        }
        None => Ok(()),
    }
}

#[test]
fn every_answer_is_of_a_drop_that_the_text_shows() {
    claim(1, 1000, |setup, case| match whole(case, setup) {
        Some(answers) => none_of(&[Grade::Phantom], case, &answers),
        // A text without any event.
        None => Ok(()),
    });
}

#[test]
fn nothing_confirmed_is_wrong() {
    claim(2, 1500, |setup, case| match whole(case, setup) {
        Some(answers) => none_of(&[Grade::ConfirmedWrong], case, &answers),
        None => Ok(()),
    });
}

#[test]
fn nothing_confirmed_so_far_is_wrong() {
    claim(3, 400, |setup, case| {
        let all = so_far(case, setup, &places(case, setup.seed));
        all.iter()
            .try_for_each(|answers| none_of(&[Grade::ConfirmedWrong], case, answers))
    });
}

#[test]
fn what_follows_from_lookups_is_true() {
    claim(4, 1500, |_, case| match case.told_wrong().next() {
        Some((drop, class)) => Err(format!("{class:?}: {:?}", case.drops[*drop])),
        None => Ok(()),
    });
}

#[test]
fn no_drop_is_called_another_packets() {
    claim(5, 1000, |setup, case| match whole(case, setup) {
        Some(answers) => none_of(&[Grade::Misnamed], case, &answers),
        None => Ok(()),
    });
}
