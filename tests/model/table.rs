//! Counts, by set-up and facts.

use std::collections::BTreeMap;
use std::fmt;

use crate::case::Case;
use crate::check::{Answers, GRADES, Grade};
use crate::setup::Setup;

/// What a status may have got wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Statuses {
    pub cases: u64,
    /// 10, and no drop for which a full cache is right.
    pub ten_without: u64,
    /// 0, and the text shows a drop.
    pub clean_with: u64,
    /// 12, and a drop of the full cache is in the text.
    pub others_with: u64,
}

#[derive(Default)]
pub struct Table {
    rows: BTreeMap<(String, String), [u64; GRADES.len()]>,
    pub statuses: Statuses,
    /// Confirmed and wrong, by rule, class and truth.
    pub mechanisms: BTreeMap<String, u64>,
}

impl Table {
    pub fn take(&mut self, setup: &Setup, case: &Case, answers: &Answers) {
        let key = (Case::name(setup), Case::facts_name(setup));
        let row = self.rows.entry(key).or_default();
        for answered in &answers.drops {
            row[answered.grade as usize] += 1;
            if answered.grade == Grade::ConfirmedWrong {
                let truth = answered.drop.map(|drop| &case.drops[drop].right);
                let key = format!("{} {:?} is {truth:?}", answered.rule, answered.class);
                *self.mechanisms.entry(key).or_default() += 1;
            }
        }
        let shown = case.shown.values().map(|&drop| &case.drops[drop]);
        let full = shown.clone().any(|drop| drop.is_full());
        let may = shown.clone().any(|drop| drop.refused) || case.looks_checking;
        let statuses = &mut self.statuses;
        statuses.cases += 1;
        statuses.ten_without += u64::from(answers.exit == 10 && !may);
        statuses.clean_with += u64::from(answers.exit == 0 && shown.count() > 0);
        statuses.others_with += u64::from(answers.exit == 12 && full);
    }

    pub fn count(&self, grade: Grade) -> u64 {
        self.rows.values().map(|row| row[grade as usize]).sum()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<24} {:<7} {:>8} {:>9} {:>9} {:>9} {:>7} {:>7} {:>9} {:>7} {:>5}",
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
            "twice"
        )?;
        let mut total = [0; GRADES.len()];
        let line = |f: &mut fmt::Formatter<'_>, name: &str, facts: &str, row: &[u64]| {
            let drops: u64 = row.iter().sum();
            writeln!(
                f,
                "{name:<24} {facts:<7} {drops:>8} {:>9} {:>9} {:>9} {:>7} {:>7} {:>9} {:>7} {:>5}",
                row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7]
            )
        };
        for ((name, facts), row) in &self.rows {
            line(f, name, facts, row)?;
            total.iter_mut().zip(row).for_each(|(sum, one)| *sum += one);
        }
        line(f, "all", "", &total)?;
        let statuses = &self.statuses;
        writeln!(
            f,
            "{} cases; exit 10 without a full-cache drop: {}; 0 with a drop: {}; 12 with a full-cache drop: {}",
            statuses.cases, statuses.ten_without, statuses.clean_with, statuses.others_with
        )?;
        for (mechanism, count) in &self.mechanisms {
            writeln!(f, "{count:>8} {mechanism}")?;
        }
        Ok(())
    }
}
