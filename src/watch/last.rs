//! The last drops, each with what it was decided to be.

use std::collections::VecDeque;

use crate::diagnosis::class::{Class, Confidence};
use crate::report::decided::{DecidedDrop, DecidedSink};
use crate::report::summary::CpuKey;
use crate::trace::{Packet, Time};

/// How many are kept: more than the largest screen shows, of one CPU as well.
pub(crate) const LAST: usize = 256;

/// A drop.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LastDrop {
    /// When, in the trace's own unit.
    pub(crate) time: Option<Time>,
    /// The same by the host's clock, in nanoseconds since 1970.
    pub(crate) wall: Option<u64>,
    /// Where.
    pub(crate) cpu: CpuKey,
    /// The name of the task that was running; whoever runs it chose it.
    pub(crate) comm: Vec<u8>,
    /// Its pid.
    pub(crate) pid: Option<u64>,
    /// What it is.
    pub(crate) class: Class,
    /// How sure that is.
    pub(crate) confidence: Confidence,
    /// Which packet it was, where the trace names it.
    pub(crate) packet: Option<Packet>,
}

/// Takes drops and keeps the last.
#[derive(Debug, Default)]
pub(crate) struct LastDrops(VecDeque<LastDrop>);

impl LastDrops {
    /// The latest at the end.
    #[must_use]
    pub(crate) fn into_vec(self) -> Vec<LastDrop> {
        self.0.into()
    }
}

impl DecidedSink for LastDrops {
    fn drop(&mut self, drop: &DecidedDrop<'_>) {
        if self.0.len() >= LAST {
            self.0.pop_front();
        }
        let context = drop.context;
        self.0.push_back(LastDrop {
            time: context.map(|context| context.time),
            wall: drop.wall(),
            cpu: context.map(|context| context.cpu).into(),
            comm: context.map_or(Vec::new(), |context| context.comm.as_bytes().to_vec()),
            pid: context.map(|context| context.pid),
            class: drop.classification.class,
            confidence: drop.classification.confidence,
            packet: drop.packet().copied(),
        });
    }
}
