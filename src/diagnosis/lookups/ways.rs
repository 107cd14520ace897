//! All ways in which the policy rules can have led to the printed answers and to the drop.

use std::collections::HashSet;

use crate::diagnosis::lookups::filter::{Asking, OTHER_TABLE, Shown};
use crate::diagnosis::lookups::sequence::{Answer, Asked, Sequence};
use crate::diagnosis::lookups::step::{At, Decided, Next, Step};
use crate::host::rules::{Action, PolicyRules, TABLE_LOCAL, TABLE_MAIN};

/// Steps that are taken for one sequence at most; beyond it nothing is said.
const MAX_STEPS: usize = 20_000;

/// Who dropped the packet, where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum DroppedBy {
    /// `ip6_pkt_discard`.
    Discard,
    /// `ip6_pkt_prohibit`.
    Prohibit,
    /// One of the two.
    Either,
}

/// What the search stands on, the same for all drops of an input.
pub(super) struct Grounds<'a> {
    /// The ways of a rule.
    pub(super) steps: &'a [Step],
    /// The rules of the namespace that dropped the packet; `None` where they are not known.
    pub(super) rules: Option<&'a PolicyRules>,
    /// No table has a throw route.
    pub(super) has_no_throw: bool,
    /// The table local had the same routes before and after.
    pub(super) local_held: bool,
    /// The kernel's filter on lookups; without one any answer may be missing.
    pub(super) shown: Option<&'a Shown>,
    /// The kernel prints no gateway of local routes.
    pub(super) local_without_gateway: bool,
    /// Some table other than local and main was asked.
    pub(super) has_other_tables: bool,
}

impl Grounds<'_> {
    /// Other tables than local and main were asked, or may have been without a line.
    fn may_ask_others(&self, sequence: &Sequence) -> bool {
        let shows = |shown: &Shown| shown.shows_all_of(OTHER_TABLE, sequence.iif);
        self.has_other_tables || !self.shown.is_some_and(shows)
    }
}

/// What is true of one way: the classes that are right for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Right {
    pub(super) refused: bool,
    pub(super) no_route: bool,
    pub(super) prohibited: bool,
}

impl Right {
    /// A way that was never refused anything that decides.
    fn of_handler(prohibits: bool) -> Right {
        Right {
            refused: false,
            no_route: !prohibits,
            prohibited: prohibits,
        }
    }

    /// One where the copy was refused of the route that decides. Where that rejects, the packet
    /// was refused and lost in any case, and both is true.
    fn of_refused(decided: Decided) -> Right {
        Right {
            refused: true,
            no_route: decided == Decided::NoRoute,
            prohibited: decided == Decided::Prohibited,
        }
    }
}

/// Where the search stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    /// The rule that comes next; not used where the rules are not known.
    rule: usize,
    /// The printed answer that comes next.
    answer: usize,
    decided: Option<Decided>,
}

struct Search<'a> {
    grounds: &'a Grounds<'a>,
    sequence: &'a Sequence,
    dropped_by: DroppedBy,
    /// Where the packet's own answers begin.
    start: usize,
    /// Some may be missing before the first.
    may_be_cut: bool,
    seen: HashSet<Place>,
    /// Places that were not looked at yet.
    open: Vec<Place>,
    steps: usize,
    found: HashSet<Right>,
}

impl Search<'_> {
    fn ends(&mut self, place: Place, prohibits: bool) {
        let is_over = place.answer == self.sequence.answers.len();
        let fits = match self.dropped_by {
            DroppedBy::Either => true,
            DroppedBy::Prohibit => prohibits,
            DroppedBy::Discard => !prohibits,
        };
        if is_over && fits {
            self.found.insert(match place.decided {
                None => Right::of_handler(prohibits),
                Some(decided) => Right::of_refused(decided),
            });
        }
    }

    /// Takes every way that is open with that answer of a rule's table, or without any.
    fn take(&mut self, place: Place, table: u32, answer: Option<Answer>, behind: Place) {
        let rules = self.grounds.rules;
        let rule = rules.and_then(|rules| rules.rules().get(place.rule));
        let at = At {
            rule,
            answer: answer.map(|answer| (table, answer)),
            local_without_gateway: self.grounds.local_without_gateway,
        };
        for step in self.grounds.steps {
            if !(step.is_open)(&at) {
                continue;
            }
            match step.next {
                Next::Discards => self.ends(behind, false),
                Next::Prohibits => self.ends(behind, true),
                Next::GoesOn => self.walk(behind),
                Next::Refused(decided) => self.walk(Place {
                    decided: behind.decided.or(Some(decided)),
                    ..behind
                }),
            }
        }
    }

    /// What a table can have answered though no line says so.
    fn hidden(&self, place: Place, table: u32) -> Vec<Answer> {
        // Another packet of the flow, or this one, was told: a second time it says the same, unless
        // that packet went on, and the route went away behind it, which local ones did not where
        // they are the same before and after.
        let answers = &self.sequence.answers;
        let told = answers
            .iter()
            .find(|(t, _)| *t == table)
            .map(|(_, answer)| *answer);
        let passes = |(t, answer): &Asked| *t == table && answer.lets_pass();
        let held = table == TABLE_LOCAL && self.grounds.local_held;
        let has_passed = !held && answers[..self.start].iter().any(passes);
        let is_cut = self.may_be_cut && place.answer == self.start && self.start == 0;
        // What is shown once is shown again, unless the start is missing.
        let fits = |answer| has_passed || told.is_none_or(|told| told == answer && is_cut);
        let is_possible = |answer| answer != Answer::Throw || !self.grounds.has_no_throw;
        let may_be_missing = |answer| {
            let iif = self.sequence.iif;
            let asking = Asking { table, answer, iif };
            let shown = self.grounds.shown.and_then(|shown| shown.shows(&asking));
            is_cut || shown != Some(true)
        };
        let can_hide = |answer: &Answer| {
            fits(*answer) && answer.is_of(table) && is_possible(*answer) && may_be_missing(*answer)
        };
        Answer::ALL.into_iter().filter(can_hide).collect()
    }

    fn ask(&mut self, place: Place, table: u32, behind: usize) {
        let next = self.sequence.answers.get(place.answer).copied();
        if let Some((asked, answer)) = next
            && asked == table
        {
            let behind = Place {
                rule: behind,
                answer: place.answer + 1,
                ..place
            };
            self.take(place, table, Some(answer), behind);
        }
        for answer in self.hidden(place, table) {
            let behind = Place {
                rule: behind,
                ..place
            };
            self.take(place, table, Some(answer), behind);
        }
    }

    fn walk(&mut self, place: Place) {
        if self.seen.insert(place) {
            self.open.push(place);
        }
    }

    fn walk_all(&mut self) {
        while let Some(place) = self.open.pop() {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return;
            }
            match self.grounds.rules {
                Some(rules) => self.walk_known(place, rules),
                None => self.walk_unknown(place),
            }
        }
    }

    fn walk_known(&mut self, place: Place, rules: &PolicyRules) {
        let Some(rule) = rules.rules().get(place.rule) else {
            // No rule is left: ip6_null_entry.
            return self.ends(place, false);
        };
        let behind = Place {
            rule: place.rule + 1,
            ..place
        };
        self.take(place, 0, None, behind);
        match rule.action {
            Action::Table(table) => self.ask(place, table, place.rule + 1),
            Action::Goto => {
                let later = place.rule + 1..=rules.rules().len();
                later.for_each(|rule| self.walk(Place { rule, ..place }));
            }
            _ => {}
        }
    }

    /// Rules that are not known may be any: they may ask the tables that were asked, and reject
    /// at any place.
    fn walk_unknown(&mut self, place: Place) {
        self.ends(place, false);
        self.take(place, 0, None, place);
        if let Some((table, _)) = self.sequence.answers.get(place.answer) {
            self.ask(place, *table, place.rule);
        }
        for table in [TABLE_LOCAL, TABLE_MAIN, OTHER_TABLE] {
            for answer in self.hidden(place, table) {
                self.take(place, table, Some(answer), place);
            }
        }
    }
}

/// Where the packet's own answers can begin, and whether more may be missing in front: where
/// they are not marked, those of earlier packets of the same flow may stand there.
fn starts(grounds: &Grounds<'_>, sequence: &Sequence) -> (Vec<usize>, bool) {
    let answers = &sequence.answers;
    if answers.is_empty() && grounds.rules.is_none() {
        // It may have got its route without any lookup.
        return (Vec::new(), false);
    }
    if sequence.is_own {
        return (vec![0], !sequence.is_whole);
    }
    let last_local = answers.iter().rposition(|(table, _)| *table == TABLE_LOCAL);
    match last_local {
        // Whatever stood before it, the last packet was for this host.
        Some(local)
            if grounds.rules.is_none()
                && answers[local].1 == Answer::Local
                && !grounds.may_ask_others(sequence) =>
        {
            (vec![local], false)
        }
        _ => ((0..=answers.len()).collect(), !sequence.is_whole),
    }
}

/// The classes that are right, way by way; nothing where there are too many ways, or none.
pub(super) fn ways(
    grounds: &Grounds<'_>,
    sequence: &Sequence,
    dropped_by: DroppedBy,
) -> HashSet<Right> {
    let (starts, may_be_cut) = starts(grounds, sequence);
    let mut search = Search {
        grounds,
        sequence,
        dropped_by,
        start: 0,
        may_be_cut,
        seen: HashSet::new(),
        open: Vec::new(),
        steps: 0,
        found: HashSet::new(),
    };
    for start in starts {
        search.start = start;
        search.seen.clear();
        search.walk(Place {
            rule: 0,
            answer: start,
            decided: None,
        });
        search.walk_all();
    }
    if search.steps > MAX_STEPS {
        search.found.clear();
    }
    search.found
}
