//! What a drop is, and how sure that is.

use serde::Serialize;

/// The class of a drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Receive path, `dst_alloc` refused: the full route cache.
    RcvDstAlloc,
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

impl Class {
    /// All classes, in the order of every output.
    pub const ALL: [Class; 8] = [
        Class::RcvDstAlloc,
        Class::RcvNoRoute,
        Class::RcvProhibited,
        Class::RcvUndetermined,
        Class::OutDstAlloc,
        Class::OutNoRoute,
        Class::OutProhibited,
        Class::Unknown,
    ];

    /// The name used in every output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Class::RcvDstAlloc => "rcv-dst-alloc",
            Class::RcvNoRoute => "rcv-no-route",
            Class::RcvProhibited => "rcv-prohibited",
            Class::RcvUndetermined => "rcv-undetermined",
            Class::OutDstAlloc => "out-dst-alloc",
            Class::OutNoRoute => "out-no-route",
            Class::OutProhibited => "out-prohibited",
            Class::Unknown => "unknown",
        }
    }

    /// What it means, in words for people.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Class::RcvDstAlloc => "received, and dst_alloc refused: the IPv6 route cache is full",
            Class::RcvNoRoute => "received, and there is no route",
            Class::RcvProhibited => "received, and a prohibit route says no",
            Class::RcvUndetermined => "received, and discarded for a full cache or a missing route",
            Class::OutDstAlloc => "sent, and dst_alloc refused: the IPv6 route cache is full",
            Class::OutNoRoute => "sent, and there is no route",
            Class::OutProhibited => "sent, and a prohibit route says no",
            Class::Unknown => "dropped, and the trace does not show on which way",
        }
    }

    /// True for the classes that `Ip6InNoRoutes` counts.
    #[must_use]
    pub fn is_receive(self) -> bool {
        matches!(
            self,
            Class::RcvDstAlloc | Class::RcvNoRoute | Class::RcvProhibited | Class::RcvUndetermined
        )
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
