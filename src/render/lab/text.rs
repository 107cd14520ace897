//! `lab` for people: the table, and what it proves.

use std::io::{self, Write};

use crate::lab::proof::Outcome;
use crate::lab::scenario::SCENARIOS;
use crate::lab::truth::Score;
use crate::render::format::Format;
use crate::render::table::table;
use crate::render::view::{LabDocument, LabView};

/// Its columns behind the name.
const COLUMNS: [&str; 6] = ["packets", "lost", "right", "wrong", "unnamed", "confirmed"];

fn row(name: &str, score: &Score) -> Vec<String> {
    let share = match score.lost {
        0 => "-".to_owned(),
        lost => format!("{} %", score.confirmed * 100 / lost),
    };
    let numbers = [
        score.packets,
        score.lost,
        score.rightly,
        score.wrongly,
        score.unnamed,
    ];
    let numbers = numbers.iter().map(u64::to_string);
    let cells = std::iter::once(name.to_owned()).chain(numbers);
    cells.chain([share]).collect()
}

/// What is to be known beside the numbers of a scenario.
fn note(outcome: &Outcome) -> Option<String> {
    let Outcome {
        scenario, score, ..
    } = outcome;
    let mut said = Vec::new();
    if score.unexpected > 0 {
        said.push(format!("{} did not fare as made", score.unexpected));
    }
    if let Some(counted) = outcome.counted.filter(|n| *n != score.lost) {
        said.push(format!("Ip6InNoRoutes rose by {counted}"));
    }
    if score.others > 0 {
        said.push(format!("{} drops of other packets", score.others));
    }
    let said = said.join(", ");
    (!said.is_empty()).then(|| format!("{}: {said}.", scenario.name))
}

/// Text.
#[derive(Debug)]
pub(crate) struct TextLab;

impl Format<LabDocument> for TextLab {
    fn write(&self, view: &LabView<'_>, out: &mut dyn Write) -> io::Result<()> {
        let (proof, paper) = (view.proof, view.paper);
        let say = |text: &str, out: &mut dyn Write| {
            let mut lines = paper.wrap(text, "", "").into_iter();
            lines.try_for_each(|line| writeln!(out, "{line}"))
        };
        if !proof.outcomes.is_empty() {
            let header = std::iter::once("scenario").chain(COLUMNS);
            let mut rows = vec![header.map(str::to_owned).collect::<Vec<_>>()];
            let outcomes = proof.outcomes.iter();
            rows.extend(outcomes.map(|outcome| row(outcome.scenario.name, &outcome.score)));
            if proof.outcomes.len() > 1 {
                rows.push(row("all", &proof.total()));
            }
            table(out, &rows, paper)?;
            writeln!(out)?;
        }
        say(&proof.verdict(), out)?;
        let notes = proof.outcomes.iter().filter_map(note);
        notes.into_iter().try_for_each(|note| say(&note, out))?;
        let skipped = proof.skipped.iter();
        let mut skipped =
            skipped.map(|(scenario, why)| format!("Not made: {}: {why}.", scenario.name));
        skipped.try_for_each(|line| say(&line, out))
    }
}

/// The scenarios that there are.
///
/// # Errors
/// Those of the writer.
pub(crate) fn list(out: &mut dyn Write) -> io::Result<()> {
    for scenario in &SCENARIOS {
        let needs = match scenario.needs_fault {
            true => " (on kernels that check max_size)",
            false => "",
        };
        writeln!(out, "{:<15} {}{needs}", scenario.name, scenario.about)?;
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::lab::proof::Remedied;
    use crate::lab::proof::tests::{proof, score, some};
    use crate::lab::scenario::Scenario;
    use crate::render::paper::Paper;

    /// Two scenarios, one of them with a remedy, and one that was not made.
    pub(crate) fn with_view(act: impl FnOnce(&LabView<'_>)) {
        let mut proof = proof(Some(true), &[score(198, 198), some(4), score(0, 0)]);
        proof.outcomes[1].remedy = Some(Remedied {
            command: "sysctl -w x=1".to_owned(),
            packets: 198,
            lost: 0,
        });
        proof.outcomes[0].score.others = 2;
        proof.outcomes[0].counted = Some(200);
        let rpfilter = Scenario::named("rpfilter").unwrap();
        let why = "no module of it is loaded".to_owned();
        proof.skipped.push((rpfilter, why));
        act(&LabView {
            proof: &proof,
            host: Some("node".into()),
            kernel: None,
            paper: Paper::of(None, false),
        });
    }

    #[test]
    fn the_table_and_what_it_proves() {
        let mut out = Vec::new();
        with_view(|view| TextLab.write(view, &mut out).unwrap());
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "  scenario      packets  lost  right  wrong  unnamed  confirmed
  full              198   198    198      0        0      100 %
  intermittent        5     4      4      0        0      100 %
  latent              0     0      0      0        0          -
  all               203   202    202      0        0      100 %

This kernel checks max_size: 202 of 202 lost packets were named by their cause,
202 of them confirmed. With `sysctl -w x=1`, as advised, 0 of 198 were lost.
full: Ip6InNoRoutes rose by 200, 2 drops of other packets.
Not made: rpfilter: no module of it is loaded.
"
        );
    }

    #[test]
    fn every_scenario_is_listed() {
        let mut out = Vec::new();
        list(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), SCENARIOS.len());
        assert!(text.starts_with("full  "), "{text}");
    }
}
