//! What a drop is, and how sure that is.

use serde::Serialize;

use crate::kernel::functions::Direction;

/// The class of a drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Receive path, `dst_alloc` refused: the full route cache.
    RcvDstAlloc,
    /// Receive path, `dst_alloc` refused the reverse-path filter, and netfilter dropped.
    RcvRpfilterDstAlloc,
    /// Receive path, no route.
    RcvNoRoute,
    /// Receive path, prohibit route.
    RcvProhibited,
    /// Receive path, and nothing tells a full cache from a missing route.
    RcvUndetermined,
    /// Output path, `dst_alloc` refused.
    OutDstAlloc,
    /// Output path, no route.
    OutNoRoute,
    /// Output path, prohibit route.
    OutProhibited,
    /// Neither the direction nor the cause is known.
    Unknown,
}

/// Why a packet was dropped, whichever way it was going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// `dst_alloc` refused.
    DstAlloc,
    /// It refused the lookup of the way back to the packet's source.
    ReverseDstAlloc,
    /// There is no route.
    NoRoute,
    /// A prohibit route says no.
    Prohibited,
    /// Nothing tells.
    Undetermined,
}

/// What a class is to the verdict; the heaviest class found is the verdict's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// Another fault than the one this tool exists for.
    Other,
    /// It may be that fault.
    MayBeFault,
    /// Received packets are lost to a full route cache.
    Fault,
}

/// All that is said of a class; whatever else speaks of classes reads it here.
struct Entry {
    class: Class,
    name: &'static str,
    direction: Direction,
    cause: Cause,
    weight: Weight,
    meaning: &'static str,
    headline: &'static str,
}

/// The classes, in the order of every output, which is that of [`Class`].
const CLASSES: [Entry; 9] = [
    Entry {
        class: Class::RcvDstAlloc,
        name: "rcv-dst-alloc",
        direction: Direction::Receive,
        cause: Cause::DstAlloc,
        weight: Weight::Fault,
        meaning: "received, and dst_alloc refused: the IPv6 route cache is full",
        headline: "The IPv6 route cache is full",
    },
    Entry {
        class: Class::RcvRpfilterDstAlloc,
        name: "rcv-rpfilter-dst-alloc",
        direction: Direction::Receive,
        cause: Cause::ReverseDstAlloc,
        weight: Weight::Fault,
        meaning: "received, and netfilter dropped it: the IPv6 route cache refused the reverse-path filter's lookup",
        headline: "The IPv6 route cache is full, and the reverse-path filter drops packets for it",
    },
    Entry {
        class: Class::RcvNoRoute,
        name: "rcv-no-route",
        direction: Direction::Receive,
        cause: Cause::NoRoute,
        weight: Weight::Other,
        meaning: "received, and there is no route",
        headline: "There is no usable route",
    },
    Entry {
        class: Class::RcvProhibited,
        name: "rcv-prohibited",
        direction: Direction::Receive,
        cause: Cause::Prohibited,
        weight: Weight::Other,
        meaning: "received, and a prohibit route says no",
        headline: "A prohibit route drops packets",
    },
    Entry {
        class: Class::RcvUndetermined,
        name: "rcv-undetermined",
        direction: Direction::Receive,
        cause: Cause::Undetermined,
        weight: Weight::MayBeFault,
        meaning: "received, and discarded for a full cache or a missing route",
        headline: "Undetermined: a full IPv6 route cache or a missing route",
    },
    Entry {
        class: Class::OutDstAlloc,
        name: "out-dst-alloc",
        direction: Direction::Output,
        cause: Cause::DstAlloc,
        weight: Weight::Other,
        meaning: "sent, and dst_alloc refused: the IPv6 route cache is full",
        headline: "The IPv6 route cache refuses this host's own packets",
    },
    Entry {
        class: Class::OutNoRoute,
        name: "out-no-route",
        direction: Direction::Output,
        cause: Cause::NoRoute,
        weight: Weight::Other,
        meaning: "sent, and there is no route",
        headline: "There is no usable route",
    },
    Entry {
        class: Class::OutProhibited,
        name: "out-prohibited",
        direction: Direction::Output,
        cause: Cause::Prohibited,
        weight: Weight::Other,
        meaning: "sent, and a prohibit route says no",
        headline: "A prohibit route drops packets",
    },
    Entry {
        class: Class::Unknown,
        name: "unknown",
        direction: Direction::Unknown,
        cause: Cause::Undetermined,
        weight: Weight::MayBeFault,
        meaning: "dropped, and the trace does not show on which way",
        headline: "IPv6 packets are dropped, and the trace does not show why",
    },
];

impl Class {
    /// All classes, in the order of every output.
    pub const ALL: [Class; CLASSES.len()] = {
        let mut all = [Class::Unknown; CLASSES.len()];
        let mut at = 0;
        while at < all.len() {
            all[at] = CLASSES[at].class;
            at += 1;
        }
        all
    };

    fn entry(self) -> &'static Entry {
        &CLASSES[self as usize]
    }

    /// The class of drops on that way and for that cause.
    #[must_use]
    pub(crate) fn of(direction: Direction, cause: Cause) -> Class {
        let fits = |entry: &&Entry| (entry.direction, entry.cause) == (direction, cause);
        let found = CLASSES.iter().find(fits);
        found.map_or(Class::Unknown, |entry| entry.class)
    }

    /// The name used in every output.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// Why such packets are dropped.
    #[must_use]
    pub(crate) fn cause(self) -> Cause {
        self.entry().cause
    }

    /// What it is to the verdict.
    #[must_use]
    pub(crate) fn weight(self) -> Weight {
        self.entry().weight
    }

    /// What it means, in words for people.
    #[must_use]
    pub(crate) fn meaning(self) -> &'static str {
        self.entry().meaning
    }

    /// What there is to say of a host with such drops, in words for people.
    #[must_use]
    pub(crate) fn headline(self) -> &'static str {
        self.entry().headline
    }
}

/// How sure one classification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Consistent with the trace, nothing more.
    Possible,
    /// The attempt was seen, its outcome or its owner was not.
    Probable,
    /// An observed outcome, or one that follows from the kernel's code.
    Confirmed,
}

impl Confidence {
    /// The name used in every output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Confirmed => "confirmed",
            Confidence::Probable => "probable",
            Confidence::Possible => "possible",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_classes() {
        for (at, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, at, "{class:?}");
            assert_eq!(serde_json::to_value(class).ok(), Some(class.name().into()));
        }
    }

    #[test]
    fn names_are_in_kebab_case_and_no_two_classes_are_of_the_same_drops() {
        for class in Class::ALL {
            let entry = class.entry();
            let parts = || entry.name.split('-');
            assert!(parts().all(|part| !part.is_empty()), "{class:?}");
            let letters = |part: &str| part.bytes().all(|c| c.is_ascii_lowercase());
            assert!(parts().all(letters), "{class:?}");
            assert_eq!(Class::of(entry.direction, entry.cause), class);
        }
    }

    #[test]
    fn names_are_those_of_json() {
        for confidence in [
            Confidence::Possible,
            Confidence::Probable,
            Confidence::Confirmed,
        ] {
            let json = serde_json::to_value(confidence).unwrap();
            assert_eq!(json, confidence.name());
        }
    }

    #[test]
    fn every_cause_has_a_headline_of_its_own() {
        let refused = Class::RcvDstAlloc.headline();
        assert_eq!(refused, "The IPv6 route cache is full");
        for class in Class::ALL {
            for other in Class::ALL {
                let same_cause = class.cause() == other.cause();
                let is_same = class.headline() == other.headline();
                assert!(!is_same || same_cause, "{class:?} {other:?}");
            }
        }
    }

    #[test]
    fn every_class_says_which_way() {
        for class in Class::ALL {
            let word = match class.entry().direction {
                Direction::Receive => "received, and ",
                Direction::Output => "sent, and ",
                Direction::Unknown => "dropped, and ",
            };
            assert!(class.meaning().starts_with(word), "{class:?}");
        }
    }
}
