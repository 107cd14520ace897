//! What a packet's own lookups tell of its drop, once everything is known.

use std::collections::{BTreeMap, HashSet};

use crate::diagnosis::class::Cause;
use crate::diagnosis::lookups::filter::Shown;
use crate::diagnosis::lookups::sequence::{Answer, Asked, Sequence, Sequences};
use crate::diagnosis::lookups::step::{STEPS, Step};
use crate::diagnosis::lookups::ways::{DroppedBy, Grounds, Right, ways};
use crate::host::policy::{Around, Policy};
use crate::host::rules::{Action, PolicyRules};
use crate::host::{Facts, Snapshot};

/// What all ways have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing fits, or too much does.
    Nothing,
    /// Whatever the way, this is right.
    Sure(Cause),
    /// Whatever the way, nothing was refused that decides: there is no route, or a rule
    /// prohibits.
    NotRefused,
    /// A route was found; it was refused, or put back.
    FoundOrPutBack,
}

impl Told {
    /// What is right on all of the ways.
    fn of(sequence: &Sequence, ways: &HashSet<Right>) -> Told {
        let all = |is: fn(&Right) -> bool| ways.iter().all(is);
        let has_found = || {
            let found = [Answer::Usable, Answer::Local];
            let usable = |(_, answer): &Asked| found.contains(answer);
            sequence.answers.iter().any(usable)
        };
        if ways.is_empty() {
            Told::Nothing
        } else if all(|right| right.no_route) {
            Told::Sure(Cause::NoRoute)
        } else if all(|right| right.prohibited) {
            Told::Sure(Cause::Prohibited)
        } else if all(|right| right.refused) {
            Told::Sure(Cause::DstAlloc)
        } else if all(|right| right.no_route || right.prohibited) {
            Told::NotRefused
        } else if has_found() {
            Told::FoundOrPutBack
        } else {
            Told::Nothing
        }
    }
}

/// The kernel's filter on lookups, where it is known and understood.
#[must_use]
pub(crate) fn shown(facts: &Facts) -> Option<Shown> {
    let filter = facts.lookups.as_ref()?;
    Shown::parse(filter.raw())
}

/// All lookups are in the trace, also those for what this host sends: by the kernel's filter, or,
/// where nobody says what that was, because nothing looks as if there were one.
#[must_use]
pub(crate) fn shows_every_lookup(sequences: &Sequences, facts: &Facts) -> bool {
    match &facts.lookups {
        Some(filter) => Shown::parse(filter.raw()) == Some(Shown::everything()),
        None => sequences.look_complete() && sequences.has_sent,
    }
}

/// What is known of the lookups of a whole input.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tellings {
    /// For each sequence, and for each of [`DroppedBy`].
    all: Vec<([Told; 3], bool)>,
}

/// Where x86-64 has the kernel's own data, that of `init_net` with it; other namespaces are
/// allocated (arch/x86/include/asm/page_64_types.h: `__START_KERNEL_map`).
const KERNEL_IMAGE: u64 = 0xffff_ffff_8000_0000;

const DROPPED_BY: [DroppedBy; 3] = [DroppedBy::Discard, DroppedBy::Prohibit, DroppedBy::Either];

impl Tellings {
    /// Works it out for every sequence of an input, with the facts around it.
    #[must_use]
    pub(crate) fn new(sequences: &Sequences, facts: &Facts) -> Tellings {
        Tellings::by(STEPS, sequences, facts)
    }

    /// The same by other steps than the program's own.
    pub(super) fn by(steps: &[Step], sequences: &Sequences, facts: &Facts) -> Tellings {
        // Rules confirm nothing where the filter is not known.
        let assumed = || sequences.look_complete().then(Shown::everything);
        let shown = shown(facts).or_else(assumed);
        let known = Grounds {
            steps,
            rules: facts.policy.rules(),
            has_no_throw: facts.policy.throw_routes() == Some(0),
            // A healthy cache refused nothing, however the answers came to be.
            local_held: facts.policy.local_held() && was_over(facts),
            shown: shown.as_ref(),
            local_without_gateway: !sequences.names_local,
            has_other_tables: sequences.has_other_tables,
        };
        // Where any rule may come next, a throw route leads nowhere else.
        let unknown = Grounds {
            rules: None,
            local_held: false,
            ..known
        };
        let others = others(sequences, facts);
        let by = |grounds: &Grounds<'_>, sequence: &Sequence| {
            DROPPED_BY.map(|dropped_by| Told::of(sequence, &ways(grounds, sequence, dropped_by)))
        };
        let telling = |sequence: &Sequence| {
            let told = match whose(sequence, sequences, facts, &others) {
                Whose::Own => by(&known, sequence),
                Whose::Others(policy) => {
                    let of_other = Grounds {
                        rules: policy.rules(),
                        has_no_throw: policy.throw_routes() == Some(0),
                        local_held: false, // its table local is not noted
                        ..known
                    };
                    by(&of_other, sequence)
                }
                Whose::Nobodys if begins(&known, sequence) => {
                    let whole = Sequence {
                        is_whole: true,
                        ..sequence.clone()
                    };
                    by(&unknown, &whole)
                }
                Whose::Nobodys | Whose::Unknown => by(&unknown, sequence),
            };
            (told, sequence.of_destination)
        };
        Tellings {
            all: sequences.all().iter().map(telling).collect(),
        }
    }

    /// What the sequence of that number tells.
    #[must_use]
    pub(crate) fn of(&self, sequence: u16, dropped_by: DroppedBy) -> Told {
        let told = self.all.get(usize::from(sequence));
        told.map_or(Told::Nothing, |(told, _)| told[dropped_by as usize])
    }

    #[cfg(test)]
    pub(crate) fn only(told: Told, of_destination: bool) -> Tellings {
        Tellings {
            all: vec![([told; 3], of_destination)],
        }
    }

    /// It is of other packets to the same destination.
    #[must_use]
    pub(crate) fn is_of_destination(&self, sequence: u16) -> bool {
        let told = self.all.get(usize::from(sequence));
        told.is_some_and(|(_, of_destination)| *of_destination)
    }
}

/// The cache of the traced namespace was over its limit before the window or behind it.
fn was_over(facts: &Facts) -> bool {
    let is_over = |now: &Snapshot| {
        now.slow()
            .zip(now.max_size())
            .is_some_and(|(n, most)| n > most)
    };
    [&facts.before, &facts.after]
        .into_iter()
        .flatten()
        .any(is_over)
}

/// What is known of other namespaces than the traced one that dropped packets, by their pointers.
fn others(sequences: &Sequences, facts: &Facts) -> BTreeMap<u64, Around<Policy>> {
    let others = sequences.ops().iter();
    let known = others.filter_map(|&ops| Some((ops, facts.others.of(ops)?)));
    known.collect()
}

/// Whose rules the facts have, seen from the namespace that dropped a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose<'a> {
    /// Its own: by its pointer, or, where nobody says which that is, because it is the host's own
    /// and the trace shows no other.
    Own,
    /// No drop in the trace shows its namespace. They tell which answer came first, and nothing
    /// else.
    Nobodys,
    /// Its own as well, though it is not the traced one: by its pointer.
    Others(&'a Around<Policy>),
    /// Another one's: by the pointer, or because they do not ask a table that was asked.
    Unknown,
}

/// By the rules the answers are those of one packet, from the first one on, and nothing says that
/// there are other rules.
fn begins(known: &Grounds<'_>, sequence: &Sequence) -> bool {
    let whole = Sequence {
        is_own: true,
        is_whole: true,
        ..sequence.clone()
    };
    !known.has_other_tables && !ways(known, &whole, DroppedBy::Either).is_empty()
}

fn whose<'a>(
    sequence: &Sequence,
    sequences: &Sequences,
    facts: &Facts,
    others: &'a BTreeMap<u64, Around<Policy>>,
) -> Whose<'a> {
    let ops = sequences.ops();
    let own = sequence.namespace.map(|place| ops[usize::from(place)]);
    let (whose, policy) = match (facts.ops, own) {
        (Some(ops), Some(own)) if own == ops => (Whose::Own, &facts.policy),
        (None, Some(own)) if ops.len() == 1 && own >= KERNEL_IMAGE => (Whose::Own, &facts.policy),
        (None, None) if ops.is_empty() => (Whose::Nobodys, &facts.policy),
        (_, own) => match own.and_then(|own| others.get(&own)) {
            Some(policy) => (Whose::Others(policy), policy),
            None => return Whose::Unknown,
        },
    };
    let asks = |table: u32| {
        let rules = policy.rules().map_or(&[][..], PolicyRules::rules);
        rules.iter().any(|rule| rule.action == Action::Table(table))
    };
    if sequence.answers.iter().all(|(table, _)| asks(*table)) {
        whose
    } else {
        Whose::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::lookups::sequence::Answer;
    use crate::host::rules::PolicyRules;

    #[test]
    fn every_lookup_shows_without_a_filter() {
        let shows = |filter: Option<&str>, seen: [bool; 3]| {
            let [has_found, has_failed, has_sent] = seen;
            let mut sequences = Sequences::default();
            (sequences.has_found, sequences.has_failed) = (has_found, has_failed);
            sequences.has_sent = has_sent;
            let facts = Facts {
                lookups: filter.map(Into::into),
                ..Facts::default()
            };
            shows_every_lookup(&sequences, &facts)
        };
        assert!(shows(Some("all"), [false; 3]));
        assert!(!shows(Some("iif != 1"), [true; 3]));
        assert!(!shows(Some("what is this"), [true; 3]));
        assert!(shows(None, [true; 3]));
        for left_out in 0..3 {
            let mut seen = [true; 3];
            seen[left_out] = false;
            assert!(!shows(None, seen), "{left_out}");
        }
    }

    #[test]
    fn rules_are_nobodys_only_where_no_drop_shows_its_namespace() {
        let mut facts = Facts::default();
        let rules = PolicyRules::parse(["0:\tfrom all lookup local"]);
        facts.policy.before.rules = Some(rules.clone());
        facts.policy.after.rules = Some(rules);
        let mut sequences = Sequences::default();
        let sequence = Sequence {
            answers: vec![(255, Answer::Nothing)],
            is_own: false,
            is_whole: true,
            of_destination: false,
            namespace: None,
            iif: Some(4),
        };
        assert!(matches!(
            whose(&sequence, &sequences, &facts, &BTreeMap::new()),
            Whose::Nobodys
        ));
        // Another drop shows one: this drop may be of another.
        sequences.namespace(KERNEL_IMAGE + 8);
        assert!(matches!(
            whose(&sequence, &sequences, &facts, &BTreeMap::new()),
            Whose::Unknown
        ));
    }
}
