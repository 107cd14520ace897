//! The registry as such, and each condition of it switched off in turn.

use std::collections::BTreeSet;

use crate::diagnosis::class::{Cause, Class, Confidence};
use crate::diagnosis::rules::case::Case;
use crate::diagnosis::rules::classify::{Classification, classify_by};
use crate::diagnosis::rules::condition::Condition;
use crate::diagnosis::rules::registry::{CAPS, RULES};
use crate::diagnosis::rules::rule::{Cap, Grounds, Need, Rule};
use crate::diagnosis::rules::witnesses::{AGAINST, FOR, Given, Row};

const MESSAGES: &str = include_str!("../../../docs/messages.md");

static ALWAYS: Condition = Condition {
    name: "always",
    sentence: "it holds",
    holds: |_| true,
};
static NEVER: Condition = Condition {
    name: "never",
    sentence: "it does not hold",
    holds: |_| false,
};

/// All rules and caps by name.
fn all_grounds() -> Vec<(&'static str, &'static Grounds)> {
    let rules = RULES.iter().map(|rule| (rule.name, &rule.grounds));
    let caps = CAPS.iter().map(|cap| (cap.name, &cap.grounds));
    rules.chain(caps).collect()
}

/// The conditions that a rule asks, each as often as it stands there.
fn conditions(grounds: &Grounds) -> Vec<&'static Condition> {
    fn of(need: &Need) -> Vec<&'static Condition> {
        match need {
            Need::Is(condition) | Need::Not(condition) => vec![condition],
            Need::OneOf(ways) => ways.iter().copied().flatten().flat_map(of).collect(),
        }
    }
    let needs = grounds.needs.iter().flat_map(of);
    needs.chain(grounds.unless.iter().copied()).collect()
}

/// The same grounds with another condition at one place.
fn replaced(grounds: &Grounds, place: usize, by: &'static Condition) -> Grounds {
    fn of(need: &Need, place: &mut impl FnMut(&'static Condition) -> &'static Condition) -> Need {
        match need {
            Need::Is(condition) => Need::Is(place(condition)),
            Need::Not(condition) => Need::Not(place(condition)),
            Need::OneOf(ways) => {
                let ways: Vec<&[Need]> = ways
                    .iter()
                    .map(|way| {
                        &*way
                            .iter()
                            .map(|need| of(need, place))
                            .collect::<Vec<_>>()
                            .leak()
                    })
                    .collect();
                Need::OneOf(ways.leak())
            }
        }
    }
    let mut at = 0;
    let mut put = |condition| {
        at += 1;
        if at == place + 1 { by } else { condition }
    };
    let needs: Vec<Need> = grounds
        .needs
        .iter()
        .map(|need| of(need, &mut put))
        .collect();
    let unless: Vec<&Condition> = grounds.unless.iter().map(|it| put(it)).collect();
    Grounds {
        needs: needs.leak(),
        unless: unless.leak(),
    }
}

/// What is said where the condition at that place of that rule or cap answers the opposite.
fn with_opposite(name: &str, place: usize, given: &Given) -> Classification {
    let case = Case::new(&given.evidence, &given.knowledge);
    let altered = |grounds: &Grounds| {
        let by = match (conditions(grounds)[place].holds)(&case) {
            true => &NEVER,
            false => &ALWAYS,
        };
        replaced(grounds, place, by)
    };
    let mut rules: Vec<Rule> = RULES.to_vec();
    let mut caps: Vec<Cap> = CAPS.to_vec();
    for rule in rules.iter_mut().filter(|rule| rule.name == name) {
        rule.grounds = altered(&rule.grounds);
    }
    for cap in caps.iter_mut().filter(|cap| cap.name == name) {
        cap.grounds = altered(&cap.grounds);
    }
    classify_by(rules.leak(), caps.leak(), &case)
}

fn said(row: &Row) -> Classification {
    let given = row.given();
    classify_by(RULES, CAPS, &Case::new(&given.evidence, &given.knowledge))
}

fn is_applied(row: &Row) -> bool {
    let given = row.given();
    let case = Case::new(&given.evidence, &given.knowledge);
    let (_, grounds) = all_grounds()
        .into_iter()
        .find(|(name, _)| *name == row.rule)
        .unwrap();
    grounds.are_met(&case)
}

#[test]
fn every_witness_gets_its_answer() {
    for row in FOR.iter().chain(AGAINST) {
        let said = said(row);
        assert_eq!(
            (said.class, said.confidence, said.rule.name),
            row.answer,
            "{row:?}"
        );
        assert!(said.rule.classes().contains(&said.class), "{row:?}");
    }
    for row in FOR {
        assert!(is_applied(row), "{row:?}");
    }
    for row in AGAINST {
        assert!(!is_applied(row), "{row:?}");
    }
}

/// Each condition of each rule and cap has one witness for and one against, whose answer
/// changes with it; and no witness speaks of a condition that does not decide.
#[test]
fn every_condition_decides_for_and_against() {
    let mut missing = Vec::new();
    for (side, rows) in [("for", FOR), ("against", AGAINST)] {
        for (name, grounds) in all_grounds() {
            let rows = || rows.iter().filter(|row| row.rule == name);
            let mut idle: BTreeSet<(usize, &str)> = rows()
                .enumerate()
                .flat_map(|(nth, row)| row.conditions.iter().map(move |it| (nth, *it)))
                .collect();
            for (place, condition) in conditions(grounds).into_iter().enumerate() {
                let mut found = false;
                for (nth, row) in rows().enumerate() {
                    let named = row.conditions.contains(&condition.name);
                    if named && with_opposite(name, place, &row.given()) != said(row) {
                        found = true;
                        idle.remove(&(nth, condition.name));
                    }
                }
                if !found {
                    missing.push(format!(
                        "{name}: nothing {side} {} ({place})",
                        condition.name
                    ));
                }
            }
            let idle = idle.into_iter();
            missing.extend(idle.map(|(nth, it)| format!("{name}: {it} is idle in {side} {nth}")));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_rule_has_a_witness() {
    for rule in RULES {
        let mut rows = FOR.iter().filter(|row| row.rule == rule.name);
        assert!(rows.any(|row| row.answer.2 == rule.name), "{rule:?}");
    }
}

fn assert_kebab(name: &str) {
    let mut parts = name.split('-');
    let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    assert!(parts.all(is_plain), "{name} is not in kebab-case");
}

#[test]
fn names_and_reasons_are_told_apart() {
    let mut seen = BTreeSet::new();
    for (name, grounds) in all_grounds() {
        assert!(seen.insert(name), "{name} is there twice");
        assert_kebab(name);
        conditions(grounds)
            .iter()
            .for_each(|it| assert_kebab(it.name));
    }
    let mut by_reason: Vec<&Rule> = RULES.iter().collect();
    by_reason.sort();
    for pair in by_reason.windows(2) {
        assert!(pair[0].reason < pair[1].reason);
        assert!(pair[0] < pair[1] && pair[0] != pair[1], "{pair:?}");
        assert_eq!(format!("{:?}", pair[0]), pair[0].name);
    }
}

/// `… (net/ipv6/route.c: ip6_dst_gc)`
#[test]
fn every_rule_names_its_function_in_the_kernel() {
    for rule in RULES {
        let source = rule
            .kernel
            .strip_suffix(')')
            .and_then(|text| text.rsplit_once(" ("));
        let (_, source) = source.unwrap_or_else(|| panic!("{rule:?}: {}", rule.kernel));
        for place in source.split("; ") {
            let (file, functions) = place.split_once(".c: ").unwrap();
            assert!(
                file.starts_with("net/") || file.starts_with("kernel/"),
                "{file}"
            );
            assert!(!functions.is_empty());
        }
    }
}

#[test]
fn the_last_rule_alone_needs_nothing() {
    let free = |rule: &&Rule| conditions(&rule.grounds).is_empty();
    let free: Vec<&str> = RULES.iter().filter(free).map(|rule| rule.name).collect();
    assert_eq!(free, [RULES[RULES.len() - 1].name]);
    assert!(CAPS.iter().all(|cap| !conditions(&cap.grounds).is_empty()));
}

/// A class that says nothing of the cause has nothing to be sure of.
#[test]
fn what_leaves_the_cause_open_is_possible_at_most() {
    for rule in RULES {
        let is_open = rule.cause == Cause::Undetermined;
        assert!(
            !is_open || rule.confidence == Confidence::Possible,
            "{rule:?}"
        );
    }
}

#[test]
fn the_page_of_messages_explains_every_rule() {
    let (_, section) = MESSAGES.split_once("\n### Rules\n").unwrap();
    let section = section.split("\n##").next().unwrap();
    let rows: Vec<&str> = section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let confidence = |how: Confidence| format!("`{}`", how.name());
    let rules = RULES
        .iter()
        .map(|rule| (rule.name, confidence(rule.confidence)));
    let caps = CAPS.iter().map(|cap| (cap.name, confidence(cap.at_most)));
    let wanted: Vec<(&str, String)> = rules.chain(caps).collect();
    assert_eq!(
        rows.len(),
        wanted.len(),
        "a row for each rule and cap, and no other"
    );
    for (row, (name, confidence)) in rows.iter().zip(wanted) {
        let cells: Vec<&str> = row.split(" | ").collect();
        assert_eq!(cells[0], format!("| `{name}`"));
        assert!(cells[1].ends_with(&confidence), "{row}");
        assert!(cells[2].len() > 20, "{row}");
    }
}

#[test]
fn a_rule_about_received_packets_decides_no_others() {
    let classes = |name: &str| {
        let rule = RULES.iter().find(|rule| rule.name == name).unwrap();
        rule.classes()
    };
    assert_eq!(classes("found-then-refused"), [Class::RcvDstAlloc]);
    let both = [Class::RcvDstAlloc, Class::OutDstAlloc];
    assert!(
        both.iter()
            .all(|class| classes("refused-last").contains(class))
    );
}

#[test]
fn a_condition_prints_its_name() {
    assert_eq!(format!("{ALWAYS:?}"), "always");
}
