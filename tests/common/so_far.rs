//! Reports so far held against reports at the end; `fuzz/` does the same.

use ip6drop::inside::diagnosis::{Class, Confidence};
use ip6drop::inside::report::Summary;

/// The same, had nothing been confirmed.
pub(crate) fn blurred(mut summary: Summary) -> Summary {
    let lower = |confidence: Confidence| confidence.min(Confidence::Probable);
    let findings = &mut summary.findings;
    for ((class, confidence), n) in std::mem::take(&mut findings.classes) {
        *findings
            .classes
            .entry((class, lower(confidence)))
            .or_default() += n;
    }
    for ((class, confidence, rule), n) in std::mem::take(&mut findings.rules) {
        let key = (class, lower(confidence), rule);
        *findings.rules.entry(key).or_default() += n;
    }
    summary
}

/// Drops of a class that are confirmed.
pub(crate) fn confirmed(summary: &Summary, class: Class) -> u64 {
    summary.findings.count(class, Confidence::Confirmed)
}
