//! Single drops, each with what it was decided to be.

use crate::capture::clock::ClockPair;
use crate::diagnosis::collect::packet_drop::Identity;
use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::knowledge::Knowledge;
use crate::diagnosis::rules::classify::Classification;
use crate::host::cni::Pods;
use crate::kernel::dst_ops::FastReadings;
use crate::trace::event::Context;
use crate::trace::event::Frames;
use crate::trace::lookup::Lookup;
use crate::trace::{Packet, Stamp, Time};

/// A drop and what it is.
#[derive(Debug, Clone, Copy)]
pub struct DecidedDrop<'a> {
    /// Where and when; `None` where the trace does not say.
    pub context: Option<&'a Context>,
    /// The frames of its stack, where it has one within the table's caps.
    pub(crate) frames: Option<&'a Frames>,
    /// How many drops it stands for.
    pub count: u64,
    /// What it is, and why.
    pub classification: &'a Classification,
    /// What came before it.
    pub(crate) evidence: &'a Evidence,
    /// What is known of its input.
    pub(crate) knowledge: &'a Knowledge,
    /// Which packet it was, where the trace says something of it.
    pub(crate) identity: Option<&'a Identity>,
    /// The trace's clock and the host's, where the capture pairs them.
    pub(crate) clock: Option<ClockPair>,
    /// The `dst_ops` of the namespace that was traced, where that is known.
    pub(crate) ops: Option<u64>,
    /// Pods by their interfaces on the host's side.
    pub(crate) pods: &'a Pods,
}

/// The network namespace of a packet, as far as a trace can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Namespace {
    /// The one that was traced.
    Host,
    /// Another one.
    Other,
}

impl<'a> DecidedDrop<'a> {
    /// Which packet it was, where the trace names it.
    #[must_use]
    pub fn packet(&self) -> Option<&'a Packet> {
        let packet = &self.identity?.packet;
        packet.is_named().then_some(packet)
    }

    /// What the tables said of it, oldest first.
    #[must_use]
    pub(crate) fn lookups(&self) -> &'a [Lookup] {
        self.identity.map_or(&[], |identity| &identity.lookups)
    }

    /// What the host's clock said, in nanoseconds since 1970; `None` where the trace counts
    /// something else than time.
    #[must_use]
    pub(crate) fn wall(&self) -> Option<u64> {
        match self.context?.time.stamp() {
            Stamp::Nanoseconds(since) => self.clock?.wall_at(since),
            Stamp::Count(_) => None,
        }
    }

    /// The namespace that it was in.
    #[must_use]
    pub(crate) fn namespace(&self) -> Option<Namespace> {
        let own = self.packet()?.ops?.get();
        Some(match own == self.ops? {
            true => Namespace::Host,
            false => Namespace::Other,
        })
    }
}

/// Takes the drops of an input that pass the filters, in the order of the trace.
pub trait DecidedSink {
    /// One drop.
    fn drop(&mut self, drop: &DecidedDrop<'_>);
    /// `fast`, as a probe read it wherever it may be.
    fn fast(&mut self, _time: Time, _readings: FastReadings) {}
}
