//! The first rule that applies decides.

use crate::diagnosis::class::{Class, Confidence};
use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::knowledge::Knowledge;
use crate::diagnosis::rules::case::Case;
use crate::diagnosis::rules::registry::{CAPS, RULES};
use crate::diagnosis::rules::rule::{Cap, Rule};

/// A classification and its grounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classification {
    /// What the drop is.
    pub class: Class,
    /// How sure.
    pub confidence: Confidence,
    /// The rule that decided.
    pub rule: &'static Rule,
}

/// Classifies one drop.
#[must_use]
pub(crate) fn classify(evidence: &Evidence, knowledge: &Knowledge) -> Classification {
    classify_by(RULES, CAPS, &Case::new(evidence, knowledge))
}

/// The same by other tables than the program's own; the last rule decides what is left.
pub(super) fn classify_by(
    rules: &'static [Rule],
    caps: &'static [Cap],
    case: &Case<'_>,
) -> Classification {
    let rule = rules
        .iter()
        .find(|rule| rule.grounds.are_met(case))
        .unwrap_or(&rules[rules.len() - 1]);
    let confidence = caps
        .iter()
        .filter(|cap| cap.grounds.are_met(case))
        .map(|cap| cap.at_most)
        .fold(rule.confidence, Confidence::min);
    Classification {
        class: Class::of(case.evidence.direction, rule.cause),
        confidence,
        rule,
    }
}
