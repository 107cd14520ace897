//! Which drops the user asked for. Evidence is gathered from the whole trace all the same.

use std::collections::BTreeSet;

use regex::bytes::Regex;

use crate::diagnosis::class::Class;
use crate::report::packet_filter::PacketFilter;
use crate::trace::{Context, Name, Time};

/// The filters of the command line; an absent one lets everything through.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// `--cpu`.
    pub(crate) cpus: Option<BTreeSet<u32>>,
    /// `--pid`.
    pub(crate) pids: Option<BTreeSet<u64>>,
    /// `--comm`.
    pub(crate) comm: Option<Regex>,
    /// `--stack`, matched against the frames joined with `;`, innermost first.
    pub(crate) stack: Option<Regex>,
    /// `--class`.
    pub(crate) classes: Option<BTreeSet<Class>>,
    /// `--src`, `--dst`, `--dev`, `--proto` and `--port`.
    pub(crate) packets: PacketFilter,
    /// `--since`, in the trace's own unit.
    pub(crate) since: Option<f64>,
    /// `--until`, in the trace's own unit.
    pub(crate) until: Option<f64>,
}

impl Filter {
    /// Whether a drop in this context passes; one without a context passes only where
    /// nothing is asked of it.
    #[must_use]
    pub(crate) fn takes_context(&self, context: Option<&Context>) -> bool {
        let Some(context) = context else {
            return !self.asks_context();
        };
        let at = Time::as_f64(context.time);
        self.cpus
            .as_ref()
            .is_none_or(|set| set.contains(&context.cpu))
            && self
                .pids
                .as_ref()
                .is_none_or(|set| set.contains(&context.pid))
            && self
                .comm
                .as_ref()
                .is_none_or(|regex| regex.is_match(context.comm.as_bytes()))
            && self.since.is_none_or(|since| at >= since)
            && self.until.is_none_or(|until| at <= until)
    }

    /// Whether it looks at where and when a drop was at all.
    #[must_use]
    pub(crate) fn asks_context(&self) -> bool {
        self.cpus.is_some()
            || self.pids.is_some()
            || self.comm.is_some()
            || self.since.is_some()
            || self.until.is_some()
    }

    /// Whether a drop with this stack passes.
    #[must_use]
    pub(crate) fn takes_stack(&self, frames: &[Name]) -> bool {
        self.stack
            .as_ref()
            .is_none_or(|regex| regex.is_match(&frames.join(&b';')))
    }

    /// Whether a drop of this class passes.
    #[must_use]
    pub(crate) fn takes_class(&self, class: Class) -> bool {
        self.classes.as_ref().is_none_or(|set| set.contains(&class))
    }
}
