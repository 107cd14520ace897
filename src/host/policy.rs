//! What decides, beside most tables, which route a packet gets: before a capture and after it.

use crate::host::rules::PolicyRules;

/// Policy rules, throw routes and the table local of a network namespace at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    /// The rules; `None` where nobody says.
    pub(crate) rules: Option<PolicyRules>,
    /// Routes of all tables that end a table's answer (`throw`); `None` where nobody says.
    pub(crate) throw_routes: Option<u64>,
    /// A sum that tells which routes the table local has; `None` where nobody says.
    pub(crate) local_routes: Option<u64>,
}

impl Policy {
    /// True where nothing is known.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        *self == Policy::default()
    }

    /// Takes what the other knows in place of what is not known here.
    fn fill(&mut self, other: &Policy) {
        if self.rules.is_none() {
            self.rules.clone_from(&other.rules);
        }
        self.throw_routes = self.throw_routes.or(other.throw_routes);
        self.local_routes = self.local_routes.or(other.local_routes);
    }
}

/// The same before a capture and after it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Around<T> {
    /// Before the first event.
    pub(crate) before: T,
    /// After the last one.
    pub(crate) after: T,
}

impl Around<Policy> {
    /// Lets what is known of one side alone hold for both.
    pub(super) fn share(&mut self) {
        self.before.fill(&self.after);
        self.after.fill(&self.before);
    }

    /// Takes the start of this and the end of a later one.
    pub(super) fn extend(&mut self, later: Around<Policy>) {
        self.before.fill(&later.before);
        let mine = std::mem::replace(&mut self.after, later.after);
        self.after.fill(&mine);
    }

    /// The rules that held all the time: understood, and the same on both sides.
    #[must_use]
    pub(crate) fn rules(&self) -> Option<&PolicyRules> {
        let rules = self.before.rules.as_ref()?;
        let held = self.after.rules.as_ref() == Some(rules);
        (held && rules.is_understood()).then_some(rules)
    }

    /// The larger number of throw routes; `None` where one side does not say.
    #[must_use]
    pub(crate) fn throw_routes(&self) -> Option<u64> {
        Some(self.before.throw_routes?.max(self.after.throw_routes?))
    }

    /// The table local had the same routes on both sides.
    #[must_use]
    pub(crate) fn local_held(&self) -> bool {
        self.before.local_routes.is_some() && self.before.local_routes == self.after.local_routes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(line: &str, throw_routes: Option<u64>) -> Policy {
        Policy {
            rules: (!line.is_empty()).then(|| PolicyRules::parse([line])),
            throw_routes,
            local_routes: None,
        }
    }

    const LOCAL: &str = "0:\tfrom all lookup local";
    const MAIN: &str = "0:\tfrom all lookup main";

    #[test]
    fn what_held_all_the_time() {
        let around = |before, after| Around { before, after };
        let same = around(policy(LOCAL, Some(2)), policy(LOCAL, Some(1)));
        assert_eq!(same.rules(), same.before.rules.as_ref());
        assert!(same.rules().is_some());
        assert_eq!(same.throw_routes(), Some(2));
        for other in [
            around(policy(LOCAL, None), policy(MAIN, Some(1))),
            around(policy(LOCAL, Some(1)), policy("", None)),
            around(policy("", Some(1)), policy(LOCAL, None)),
            around(policy("0:\thello", None), policy("0:\thello", None)),
            Around::default(),
        ] {
            assert_eq!((other.rules(), other.throw_routes()), (None, None));
        }
    }

    #[test]
    fn the_table_local_held_where_both_sides_say_the_same() {
        let of = |local_routes| Policy {
            local_routes,
            ..Policy::default()
        };
        let held = |before, after| {
            let (before, after) = (of(before), of(after));
            Around { before, after }.local_held()
        };
        assert!(held(Some(7), Some(7)));
        for (before, after) in [
            (Some(7), Some(8)),
            (Some(7), None),
            (None, Some(7)),
            (None, None),
        ] {
            assert!(!held(before, after));
        }
    }

    #[test]
    fn one_side_for_both_and_several_captures() {
        let mut shared = Around {
            before: policy(LOCAL, None),
            after: policy("", Some(3)),
        };
        shared.share();
        assert_eq!(shared.before, policy(LOCAL, Some(3)));
        assert_eq!(shared.after, shared.before);
        let mut known = Around {
            before: policy(LOCAL, Some(1)),
            after: policy(MAIN, Some(2)),
        };
        let untouched = known.clone();
        known.share();
        assert_eq!(known, untouched);
        let later = Around {
            before: policy(MAIN, Some(7)),
            after: policy(LOCAL, None),
        };
        known.extend(later.clone());
        assert_eq!(known.before, policy(LOCAL, Some(1)));
        assert_eq!(known.after, policy(LOCAL, Some(2)));
        let mut nothing = Around::default();
        nothing.extend(later.clone());
        assert_eq!(nothing, later);
        assert!(Policy::default().is_empty() && !known.before.is_empty());
    }
}
