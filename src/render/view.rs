//! What formats are given: what is shown, and how it shall look.

use std::io;

use crate::diagnosis::funnel::Funnel;
use crate::fleet::hosts::Fleet;
use crate::lab::proof::Proof;
use crate::os::terminal::Terminal;
use crate::render::format::Document;
use crate::render::paper::Paper;
use crate::report::decided::DecidedSink;
use crate::report::packet_filter::PacketFilter;
use crate::report::summary::Summary;
use crate::report::timeline::Timeline;
use crate::status::sampler::Status;
use crate::text::Untrusted;

/// The report on traces.
#[derive(Debug)]
pub(crate) enum ReportDocument {}

/// A report as it is shown.
pub(crate) struct ReportView<'a> {
    /// Its numbers.
    pub(crate) summary: &'a Summary,
    /// Drops over time, of each input that was read for it.
    pub(crate) timelines: &'a [Timeline],
    /// Hands on every drop, input after input.
    pub(crate) walk: &'a dyn Fn(&mut dyn DecidedSink) -> io::Result<()>,
    /// How it shall look.
    pub(crate) look: ReportLook,
}

/// How a report for people shall look.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReportLook {
    /// With colour.
    pub(crate) color: bool,
    /// A row for every CPU.
    pub(crate) all_cpus: bool,
    /// The name of the rule in front of its reason, long tables, and whole names.
    pub(crate) verbose: bool,
    /// A few lines alone.
    pub(crate) brief: bool,
    /// With bars and sparklines for this terminal.
    pub(crate) terminal: Option<Terminal>,
}

impl ReportLook {
    /// What text is written on.
    #[must_use]
    pub(crate) fn paper(&self) -> Paper {
        Paper::of(self.terminal, self.verbose)
    }
}

impl Document for ReportDocument {
    type View<'a> = ReportView<'a>;
}

/// The counters of network namespaces.
#[derive(Debug)]
pub(crate) enum StatusDocument {}

/// A status as it is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StatusView<'a> {
    /// What was read.
    pub(crate) status: &'a Status,
    /// With colour.
    pub(crate) color: bool,
    /// What it is written on.
    pub(crate) paper: Paper,
    /// A few lines alone.
    pub(crate) brief: bool,
    /// Its place among others.
    pub(crate) round: Round,
}

/// The place of a status among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    /// It is the only one.
    Only,
    /// The first of several.
    First,
    /// One of the others.
    Later,
}

impl Document for StatusDocument {
    type View<'a> = StatusView<'a>;
}

/// The counts along the way of received packets.
#[derive(Debug)]
pub(crate) enum FunnelDocument {}

/// These counts as they are shown.
#[derive(Debug)]
pub(crate) struct FunnelView<'a> {
    /// The counts, judged.
    pub(crate) funnel: &'a Funnel,
    /// The name of the host.
    pub(crate) host: Option<Untrusted>,
    /// Its kernel's release.
    pub(crate) kernel: Option<Untrusted>,
    /// Which packets alone are counted.
    pub(crate) filter: Option<&'a PacketFilter>,
    /// How far the counters of this namespace rose meanwhile, by any packet.
    pub(crate) counters: &'a [(&'static str, u64)],
    /// What could not be counted and why, for people.
    pub(crate) notes: &'a [String],
    /// With bars for this terminal.
    pub(crate) terminal: Option<Terminal>,
    /// What it is written on.
    pub(crate) paper: Paper,
}

impl Document for FunnelDocument {
    type View<'a> = FunnelView<'a>;
}

/// What the lab proved.
#[derive(Debug)]
pub(crate) enum LabDocument {}

/// The same as it is shown.
#[derive(Debug)]
pub(crate) struct LabView<'a> {
    /// The scenarios.
    pub(crate) proof: &'a Proof,
    /// The name of the host.
    pub(crate) host: Option<Untrusted>,
    /// Its kernel's release.
    pub(crate) kernel: Option<Untrusted>,
    /// What it is written on.
    pub(crate) paper: Paper,
}

impl Document for LabDocument {
    type View<'a> = LabView<'a>;
}

/// The table of many hosts.
#[derive(Debug)]
pub enum FleetDocument {}

/// The table of many hosts as it is shown.
#[derive(Debug, Clone, Copy)]
pub struct FleetView<'a> {
    /// The hosts.
    pub fleet: &'a Fleet,
    /// With colour.
    pub color: bool,
    /// A row for every host.
    pub all_hosts: bool,
    /// A few lines alone.
    pub brief: bool,
    /// Columns of the terminal that it is shown on.
    pub columns: Option<usize>,
}

impl Document for FleetDocument {
    type View<'a> = FleetView<'a>;
}
