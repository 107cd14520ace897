//! Counts, by set-up and facts.

use std::collections::BTreeMap;
use std::fmt;

use crate::case::Case;
use crate::check::{Answered, Answers, GRADES, Grade};
use crate::setup::Setup;
use crate::soak::misled;

#[derive(Default)]
pub struct Table {
    rows: BTreeMap<(String, String), [u64; GRADES.len()]>,
    cases: u64,
    /// Statuses that mislead.
    misled: BTreeMap<String, u64>,
    /// Drops whose class follows from what is printed, by set-up: confirmed, and not.
    follows: BTreeMap<String, [u64; 2]>,
    /// The latter by rule and class.
    unsure: BTreeMap<String, u64>,
    /// Places in texts at which what was said so far was looked at, and how often something
    /// confirmed was wrong there.
    pub places: [u64; 2],
    /// What follows from lookups, and how often that was wrong.
    pub told: [u64; 2],
    /// Confirmed and wrong, by rule, class and truth.
    pub mechanisms: BTreeMap<String, u64>,
}

impl Table {
    pub fn take(&mut self, setup: &Setup, case: &Case, answers: &Answers) {
        let key = (Case::name(setup), Case::facts_name(setup));
        let row = self.rows.entry(key).or_default();
        for answered in &answers.drops {
            if answered
                .drop
                .is_some_and(|drop| case.follows.contains(&drop))
            {
                let place = usize::from(answered.grade != Grade::Confirmed);
                let of_setup = self.follows.entry(Case::name(setup)).or_default();
                of_setup[place] += 1;
                if place > 0 {
                    let key = format!("{} {:?}", answered.rule, answered.class);
                    *self.unsure.entry(key).or_default() += 1;
                }
            }
            row[answered.grade as usize] += 1;
            if answered.grade == Grade::ConfirmedWrong {
                let key = answered.mechanism(case);
                *self.mechanisms.entry(key).or_default() += 1;
            }
        }
        self.cases += 1;
        self.told[0] += case.told.len() as u64;
        self.told[1] += case.told_wrong().count() as u64;
        if let Some(misled) = misled(case, answers) {
            *self.misled.entry(misled).or_default() += 1;
        }
    }

    /// What was said at a place in a text.
    pub fn take_so_far(&mut self, answers: &Answers) {
        let wrong = |answered: &&Answered| answered.grade == Grade::ConfirmedWrong;
        self.places[0] += 1;
        self.places[1] += answers.drops.iter().filter(wrong).count() as u64;
    }

    pub fn count(&self, grade: Grade) -> u64 {
        self.rows.values().map(|row| row[grade as usize]).sum()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<24} {:<7} {:>8} {:>9} {:>9} {:>9} {:>7} {:>7} {:>9} {:>7} {:>5} {:>8}",
            "traced",
            "facts",
            "drops",
            "confirmed",
            "likely",
            "undeterm.",
            "wrong",
            "excused",
            "CONF+WRNG",
            "phantom",
            "twice",
            "misnamed"
        )?;
        let mut total = [0; GRADES.len()];
        let mut ordinary = [0; GRADES.len()];
        let line = |f: &mut fmt::Formatter<'_>, name: &str, facts: &str, row: &[u64]| {
            let drops: u64 = row.iter().sum();
            writeln!(
                f,
                "{name:<24} {facts:<7} {drops:>8} {:>9} {:>9} {:>9} {:>7} {:>7} {:>9} {:>7} {:>5} {:>8}",
                row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8]
            )
        };
        for ((name, facts), row) in &self.rows {
            line(f, name, facts, row)?;
            total.iter_mut().zip(row).for_each(|(sum, one)| *sum += one);
            if name.ends_with("ordinary") {
                let sums = ordinary.iter_mut().zip(row);
                sums.for_each(|(sum, one)| *sum += one);
            }
        }
        line(f, "named, ordinary traffic", "", &ordinary)?;
        line(f, "all", "", &total)?;
        writeln!(f, "{} set-ups", self.cases)?;
        for (misled, count) in &self.misled {
            writeln!(f, "{count:>8} {misled}")?;
        }
        writeln!(
            f,
            "drops whose class follows from the printed events, confirmed of them"
        )?;
        for (name, [confirmed, not]) in &self.follows {
            let all = confirmed + not;
            let share = *confirmed as f64 * 100.0 / all as f64;
            writeln!(f, "{name:<24} {all:>16} {confirmed:>9} {share:>8.1} %")?;
        }
        for (unsure, count) in &self.unsure {
            writeln!(f, "{count:>8} not: {unsure}")?;
        }
        let [told, wrong] = self.told;
        writeln!(f, "{told} drops follow from lookups, {wrong} wrongly")?;
        let [places, wrong] = self.places;
        writeln!(f, "so far, at {places} places: {wrong} confirmed and wrong")?;
        for (mechanism, count) in &self.mechanisms {
            writeln!(f, "{count:>8} {mechanism}")?;
        }
        Ok(())
    }
}
