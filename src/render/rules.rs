//! The rules as a text for people: what each says, why, and where it applies.

use crate::diagnosis::lookups::step::STEPS;
use crate::diagnosis::rules::condition::Condition;
use crate::diagnosis::rules::registry::{CAPS, RULES};
use crate::diagnosis::rules::rule::{Grounds, Need};

const HEAD: &str = "\
Rules, most telling first: the first that applies says what a drop is, and how sure that is at most.
";

const CAPS_HEAD: &str = "\
Caps: each that applies lowers how sure it is, whichever rule decided.
";

const STEPS_HEAD: &str = "\
Lookups: the ways in which one policy rule can have led to the answers that are printed, and on to the drop. What is
right on every way through all rules is what the lookups say.
";

/// A section's lines; the first has the label.
fn section(out: &mut String, label: &str, lines: &[String]) {
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    for (label, text) in labels.zip(lines) {
        out.push_str(&format!("  {label:<9}{text}\n"));
    }
}

fn sentence(condition: &Condition) -> String {
    format!("{}: {}", condition.name, condition.sentence)
}

fn phrases(need: &Need) -> Vec<String> {
    let way = |(nth, way): (usize, &&[Need])| {
        let parts = way.iter().flat_map(phrases).enumerate();
        let with_word = |(part, text)| {
            let word = match (nth, part) {
                (0, 0) => "either",
                (_, 0) => "or",
                _ => "and",
            };
            format!("{word:<7}{text}")
        };
        parts.map(with_word).collect::<Vec<_>>()
    };
    match need {
        Need::Is(condition) => vec![sentence(condition)],
        Need::Not(condition) => vec![format!("not {}", sentence(condition))],
        Need::OneOf(ways) => ways.iter().enumerate().flat_map(way).collect(),
    }
}

fn grounds(out: &mut String, grounds: &Grounds) {
    let needs: Vec<String> = grounds.needs.iter().flat_map(phrases).collect();
    let unless: Vec<String> = grounds.unless.iter().map(|it| sentence(it)).collect();
    section(out, "needs", &needs);
    section(out, "unless", &unless);
}

/// All rules and caps.
#[must_use]
pub(crate) fn listing() -> String {
    let mut out = HEAD.to_owned();
    for rule in RULES {
        let classes: Vec<&str> = rule.classes().iter().map(|class| class.name()).collect();
        let says = format!("{}; {}", classes.join(" | "), rule.confidence.name());
        out.push_str(&format!("\n{}\n", rule.name));
        section(&mut out, "says", &[says]);
        section(&mut out, "because", &[rule.reason.to_owned()]);
        section(&mut out, "kernel", &[rule.kernel.to_owned()]);
        grounds(&mut out, &rule.grounds);
    }
    out.push_str(&format!("\n{CAPS_HEAD}"));
    for cap in CAPS {
        out.push_str(&format!("\n{}\n", cap.name));
        section(&mut out, "leaves", &[cap.at_most.name().to_owned()]);
        section(&mut out, "because", &[cap.reason.to_owned()]);
        grounds(&mut out, &cap.grounds);
    }
    out.push_str(&format!("\n{STEPS_HEAD}"));
    for step in STEPS {
        out.push_str(&format!("\n{}\n", step.name));
        section(&mut out, "happens", &[step.sentence.to_owned()]);
        section(&mut out, "kernel", &[step.kernel.to_owned()]);
    }
    out
}
