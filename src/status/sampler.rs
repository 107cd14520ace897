//! Readings of one or many network namespaces, with what follows from each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::diagnosis::assessment::{Assessment, Behaviour, assess};
use crate::diagnosis::counters::HereAndNow;
use crate::diagnosis::state::State;
use crate::exit::Exit;
use crate::host::kmsg::{KernelLog, LoggedRefusals};
use crate::host::matches::RouteMatches;
use crate::host::netns::{self, NetNs, NetNsError, RUN_DIRS};
use crate::host::{CpuCount, Host, ReadError, Snapshot};
use crate::kernel::release::{Kernel, judge};
use crate::text::Untrusted;

/// Name and version of a status as a JSON document.
pub(crate) const SCHEMA: &str = "ip6drop.status/1";

/// Which namespaces are asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// The one this program runs in.
    Own,
    /// One by name, process id or path.
    Named(String),
    /// Every one of the node.
    All,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadProblem {
    /// Kind, such as `absent`, `denied` or `vanished`.
    pub(crate) kind: &'static str,
    /// What and why, and what to try.
    pub(crate) text: Untrusted,
}

impl ReadProblem {
    fn of(error: &ReadError) -> Self {
        let (kind, text) = (error.kind(), error.to_string().into());
        ReadProblem { kind, text }
    }
}

/// How fast counters rose between two readings, a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Rates {
    /// Time between the readings, in seconds.
    pub(crate) seconds: f64,
    /// `Ip6InNoRoutes`: packets a second.
    pub(crate) in_no_routes: Option<f64>,
    /// `Ip6OutNoRoutes`: packets a second.
    pub(crate) out_no_routes: Option<f64>,
    /// Allocations that succeeded, a second.
    pub(crate) allocations: Option<f64>,
    /// Growth of the cache, in entries a second; negative where it shrank.
    pub(crate) entries: Option<f64>,
}

/// One namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct NetNsStatus {
    /// Which.
    pub netns: NetNs,
    /// What was read.
    pub(crate) snapshot: Snapshot,
    /// What could not be read.
    pub(crate) problems: Vec<ReadProblem>,
    /// What follows.
    pub(crate) assessment: Assessment,
    /// Rates since the reading before.
    pub(crate) rates: Option<Rates>,
}

impl NetNsStatus {
    /// True where what decides could not be read.
    #[must_use]
    pub(crate) fn is_unread(&self) -> bool {
        self.assessment.is_unread
    }

    /// `Ip6OutNoRoutes`.
    #[must_use]
    pub(crate) fn out_no_routes(&self) -> Option<u64> {
        self.snapshot.snmp6.get("Ip6OutNoRoutes").copied()
    }
}

/// One round of readings.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// When, in seconds since 1970.
    pub(crate) time: f64,
    /// The node's name, as `uname -n` prints it.
    pub(crate) host: Option<Untrusted>,
    /// The kernel.
    pub(crate) kernel: Kernel,
    /// CPUs, where they could be read.
    pub(crate) cpus: Option<CpuCount>,
    /// Matches of netfilter that ask for routes.
    pub(crate) matches: RouteMatches,
    /// What its log says of refused allocations; `None` where it may not be read.
    pub(crate) log: Option<Logged>,
    /// Which namespaces were asked for.
    pub(crate) selection: Selection,
    /// The namespaces.
    pub rows: Vec<NetNsStatus>,
    /// Processes whose namespace may not be looked at.
    pub(crate) hidden: usize,
    /// What could not be read of the host as a whole.
    pub(crate) problems: Vec<ReadProblem>,
}

impl Status {
    /// The namespace that is worst off, the first of several; one that could not be read goes
    /// before those that are fine.
    #[must_use]
    pub(crate) fn worst(&self) -> Option<&NetNsStatus> {
        self.rows
            .iter()
            .rev()
            .max_by_key(|row| row.assessment.badness())
    }

    /// What a report on this host, here and now, should know of it.
    #[must_use]
    pub(crate) fn here_and_now(&self) -> Option<HereAndNow> {
        let own = self.rows.iter().find(|row| row.netns.own)?;
        Some(HereAndNow {
            netns: own.netns.clone(),
            cpus: self.cpus,
            kernel: self.kernel.clone(),
        })
    }

    /// True where a namespace could not be read because it ended meanwhile, and was one of many:
    /// that is no failure, unless it was asked for.
    #[must_use]
    pub(crate) fn excuses(&self, row: &NetNsStatus) -> bool {
        let has_vanished = |problem: &ReadProblem| problem.kind == "vanished";
        self.selection == Selection::All && row.problems.iter().any(has_vanished)
    }

    /// The exit status; a verdict only where one is `wanted`. Hidden processes are no failure:
    /// most share a namespace that is seen.
    #[must_use]
    pub(crate) fn exit(&self, wanted: bool) -> Exit {
        let mut rows = self.rows.iter();
        let failed = rows.any(|row| row.is_unread() && !self.excuses(row));
        let read = self.rows.iter().filter(|row| wanted && !row.is_unread());
        let exits = read.map(|row| row.assessment.exit());
        State::exit_of_all(exits, failed || self.rows.is_empty())
    }
}

/// What the kernel's log says of refused allocations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Logged {
    /// How many it told, and left out.
    pub(crate) refused: u64,
    /// How long ago the last was, in seconds.
    pub(crate) ago: Option<f64>,
}

/// What a namespace is known by from one round to the next.
type NetNsKey = (Option<netns::Id>, Untrusted<PathBuf>);

/// Takes readings, and remembers the last ones for rates.
#[derive(Debug)]
pub struct Sampler {
    host: Host,
    selection: Selection,
    // Only what was counted.
    last: BTreeMap<NetNsKey, (Instant, Snapshot)>,
    log: Option<(KernelLog, LoggedRefusals)>,
    /// How long matches of netfilter are taken for what they were.
    trust: Duration,
    matches: Option<(Instant, RouteMatches)>,
}

/// The counters that rates are made of.
const NO_ROUTES: [&str; 2] = ["Ip6InNoRoutes", "Ip6OutNoRoutes"];

/// What rates are made of: of thousands of namespaces no more than that is kept.
fn counted(snapshot: &Snapshot) -> Snapshot {
    let counters = NO_ROUTES.iter();
    let counters = counters.filter_map(|&name| snapshot.snmp6.get_key_value(name));
    Snapshot {
        rt6_stats: snapshot.rt6_stats,
        snmp6: counters.map(|(name, n)| (name.clone(), *n)).collect(),
        ..Snapshot::default()
    }
}

fn rates(before: &Snapshot, after: &Snapshot, passed: Duration) -> Rates {
    let seconds = passed.as_secs_f64();
    // 64-bit counters do not wrap; one that fell belongs to another namespace.
    let counter = |name: &str| {
        let rise = after
            .snmp6
            .get(name)?
            .checked_sub(*before.snmp6.get(name)?)?;
        Some(rise as f64 / seconds)
    };
    let stats = before.rt6_stats.zip(after.rt6_stats);
    Rates {
        seconds,
        in_no_routes: counter(NO_ROUTES[0]),
        out_no_routes: counter(NO_ROUTES[1]),
        // The third field of rt6_stats is a 32-bit number and wraps.
        allocations: stats.map(|(before, after)| {
            let rise = (after.fib_rt_alloc as u32).wrapping_sub(before.fib_rt_alloc as u32);
            f64::from(rise) / seconds
        }),
        entries: stats.map(|(before, after)| {
            (after.dst_entries as f64 - before.dst_entries as f64) / seconds
        }),
    }
}

impl Sampler {
    /// A sampler of this host.
    #[must_use]
    pub fn new(host: Host, selection: Selection) -> Self {
        let log = host.kernel_log(false);
        Sampler {
            log: log.map(|log| (log, LoggedRefusals::default())),
            host,
            selection,
            last: BTreeMap::new(),
            trust: Duration::ZERO,
            matches: None,
        }
    }

    /// Looks for matches of netfilter only after so long again: on some kernels that is a look through
    /// all of their symbols.
    #[must_use]
    pub(crate) fn trusting(self, trust: Duration) -> Self {
        Sampler { trust, ..self }
    }

    fn matches(&mut self) -> RouteMatches {
        match self.matches {
            Some((since, matches)) if since.elapsed() < self.trust => matches,
            _ => {
                let matches = self.host.route_matches();
                self.matches = Some((Instant::now(), matches));
                matches
            }
        }
    }

    /// What the log says by now.
    fn log(&mut self) -> Option<Logged> {
        let (log, all) = self.log.as_mut()?;
        log.read(all);
        let ago = |last: u64| Some(self.host.uptime()? - Duration::from_micros(last).as_secs_f64());
        Some(Logged {
            refused: all.all(),
            ago: all.last.and_then(ago),
        })
    }

    fn namespaces(&self) -> Result<netns::All, NetNsError> {
        let one = |netns| netns::All {
            namespaces: vec![netns],
            hidden: 0,
        };
        match &self.selection {
            Selection::Own => Ok(one(netns::own(&self.host))),
            Selection::Named(what) => netns::find(&self.host, what).map(one),
            Selection::All => netns::all(&self.host, &RUN_DIRS.map(Path::new)),
        }
    }

    /// Takes one round of readings.
    ///
    /// # Errors
    /// Fails where the namespace asked for cannot be found, or the processes not be listed;
    /// what cannot be read inside a namespace is named in its row.
    pub fn sample(&mut self) -> Result<Status, NetNsError> {
        let mut problems = Vec::new();
        let release = self
            .host
            .release()
            .inspect_err(|e| problems.push(ReadProblem::of(e)))
            .unwrap_or_default();
        let kernel = judge(&release);
        let cpus = self
            .host
            .cpus()
            .inspect_err(|e| problems.push(ReadProblem::of(e)))
            .ok();
        let log = self.log();
        let kernel = match log.as_ref().map(|log| log.refused) {
            None | Some(0) => kernel,
            Some(_) => kernel.refused(),
        };
        let matches = self.matches();
        let seen = Behaviour {
            matches,
            ..Behaviour::default()
        };
        let netns::All { namespaces, hidden } = self.namespaces()?;
        let mut last = BTreeMap::new();
        let mut rows = Vec::with_capacity(namespaces.len());
        for netns in namespaces {
            let (reading, mut failed) = match netns::read(&self.host, &netns) {
                Ok(reading) => (reading, Vec::new()),
                Err(error) => {
                    let (kind, text) = (error.kind(), error.to_string().into());
                    (Default::default(), vec![ReadProblem { kind, text }])
                }
            };
            failed.extend(reading.errors.iter().map(ReadProblem::of));
            let snapshot = Snapshot {
                cpus: cpus.map(|cpus| cpus.online),
                ..reading.snapshot
            };
            let now = Instant::now();
            let key = (netns.id, netns.path.clone());
            let rates = self.last.get(&key).map(|(then, before)| {
                rates(before, &snapshot, now.saturating_duration_since(*then))
            });
            last.insert(key, (now, counted(&snapshot)));
            rows.push(NetNsStatus {
                assessment: assess(&snapshot, cpus, &kernel, &netns, &seen),
                netns,
                snapshot,
                problems: failed,
                rates,
            });
        }
        self.last = last;
        let time = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |since| since.as_secs_f64());
        Ok(Status {
            time,
            host: self.host.name(),
            kernel,
            cpus,
            matches,
            log,
            selection: self.selection.clone(),
            rows,
            hidden,
            problems,
        })
    }
}
