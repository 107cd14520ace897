//! All hosts, and what became of every document.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::exit::Exit;
use crate::fleet::problem::{DocumentProblem, Place, ProblemKind, Problems};
use crate::fleet::row::{Basis, Finding, HostRow};
use crate::order::sort_by;
use crate::text::Untrusted;

/// The most hosts of one table; some 700 bytes each.
pub(crate) const MAX_HOSTS: usize = 200_000;

/// What was read, while it is read.
#[derive(Debug, Clone)]
pub struct Fleet {
    hosts: HashMap<Untrusted, HostRow>,
    max_hosts: usize,
    /// Inputs named, or found in a directory or by a pattern.
    pub(crate) inputs: u64,
    /// Reports in a row.
    pub(crate) reports: u64,
    /// Status documents in a row.
    pub(crate) statuses: u64,
    /// Documents of a host that had one already, and a different one.
    pub(crate) repeated: u64,
    /// Lines about single drops, which a report behind them counts.
    pub drop_lines: u64,
    /// What is in no row.
    pub problems: Problems,
}

impl Default for Fleet {
    fn default() -> Self {
        Fleet::with_room(MAX_HOSTS)
    }
}

impl Fleet {
    /// With room for `max_hosts`.
    #[must_use]
    pub fn with_room(max_hosts: usize) -> Fleet {
        Fleet {
            hosts: HashMap::new(),
            max_hosts,
            inputs: 0,
            reports: 0,
            statuses: 0,
            repeated: 0,
            drop_lines: 0,
            problems: Problems::default(),
        }
    }

    /// Counts and names a document, or an input without one, that is in no row.
    pub(crate) fn refuse(&mut self, place: Place, kind: ProblemKind, text: Untrusted) {
        self.problems.add(DocumentProblem { place, kind, text });
    }

    /// Takes in a document.
    pub(crate) fn add(&mut self, row: HostRow) {
        let place = row.place.clone();
        let refusal = |kind, text: String| {
            let text = text.into();
            place.map(|place| DocumentProblem { place, kind, text })
        };
        let basis = row.basis;
        let full = self.hosts.len() >= self.max_hosts;
        let failed = match self.hosts.entry(row.host.clone()) {
            Entry::Occupied(entry) if entry.get().has_seen(&row) => {
                let text = format!("the same document of {} again; counted once", row.host);
                refusal(ProblemKind::Duplicate, text)
            }
            Entry::Occupied(mut entry) => {
                entry.get_mut().add(row);
                self.repeated += 1;
                None
            }
            Entry::Vacant(_) if full => {
                let text = format!(
                    "more than {} hosts; merge them in parts, or see docs/fleet.md",
                    self.max_hosts
                );
                refusal(ProblemKind::Beyond, text)
            }
            Entry::Vacant(entry) => {
                entry.insert(row);
                None
            }
        };
        match (failed, basis) {
            (Some(problem), _) => self.problems.add(problem),
            (None, Basis::Report) => self.reports += 1,
            (None, Basis::Status) => self.statuses += 1,
        }
    }

    /// Documents seen: each is in a row, or among the problems.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.reports
            + self.statuses
            + self.problems.lost()
            + self.problems.of_kind(ProblemKind::Duplicate)
    }

    /// The hosts, worst first, and by name where they are alike.
    #[must_use]
    pub fn worst_first(&self) -> Vec<&HostRow> {
        let mut rows: Vec<&HostRow> = self.hosts.values().collect();
        sort_by(&mut rows, |a, b| {
            a.badness(b).then_with(|| a.host.cmp(&b.host))
        });
        rows
    }

    /// How many hosts there are.
    #[must_use]
    pub fn hosts(&self) -> u64 {
        self.hosts.len() as u64
    }

    /// The worst finding; `None` without a host.
    #[must_use]
    pub(crate) fn worst(&self) -> Option<Finding> {
        self.hosts.values().map(|row| row.finding).min()
    }

    /// The exit status; a verdict only where one is `wanted`.
    ///
    /// A full cache stays one whatever else could not be read. Any other answer could be
    /// changed by a document that is missing, so that is an error then.
    #[must_use]
    pub(crate) fn exit(&self, wanted: bool) -> Exit {
        let lost = self.problems.lost() > 0;
        match self.worst() {
            None => Exit::Error,
            Some(finding) if wanted && (finding.is_fault() || !lost) => finding.exit(),
            _ if lost => Exit::Error,
            _ => Exit::Clean,
        }
    }
}
