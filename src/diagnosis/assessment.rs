//! What counters and limits alone say of a namespace's route cache, without any trace.

use crate::diagnosis::advice::{Advice, Severity};
use crate::diagnosis::sizing::{Needs, Sizing, size};
use crate::exit::Exit;
use crate::host::netns::NetNs;
use crate::host::{CpuCount, Snapshot};
use crate::kernel::limits::{Regime, fast_bounds, regimes_within, slack_of, unsigned_thresh};
use crate::kernel::release::{ASK_THE_KERNEL, Kernel};
use crate::kernel::sysctls::absurd;

/// The state of a route cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// This kernel does not check `max_size`.
    Unaffected,
    /// The regimes that are possible, in ascending order; one where it is certain.
    Regimes(Vec<Regime>),
    /// The counters or the limit could not be read.
    Unknown,
}

impl State {
    /// The regime, where it is certain; `unaffected` counts as one.
    #[must_use]
    pub fn certain(&self) -> Option<&'static str> {
        match self {
            State::Unaffected => Some("unaffected"),
            State::Regimes(regimes) => match regimes[..] {
                [regime] => Some(regime.name()),
                _ => None,
            },
            State::Unknown => None,
        }
    }

    /// Names of what is possible.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        match self {
            State::Unaffected => vec!["unaffected"],
            State::Regimes(regimes) => regimes.iter().map(|regime| regime.name()).collect(),
            State::Unknown => Vec::new(),
        }
    }

    /// The exit status it stands for under `--exit-code`.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            State::Unaffected => Exit::Clean,
            State::Unknown => Exit::Suspected,
            State::Regimes(regimes) => match regimes[..] {
                [Regime::WithinLimits | Regime::Latent] => Exit::Clean,
                [Regime::Exhausted] => Exit::Confirmed,
                _ => Exit::Suspected,
            },
        }
    }

    /// True where the cache certainly holds more than a limit that counts.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match self {
            State::Unaffected | State::Unknown => false,
            State::Regimes(regimes) => !regimes.contains(&Regime::WithinLimits),
        }
    }

    /// The exit status of several caches: that of the worst. Where none is over its limit, one
    /// that could not be read when it should is an error.
    #[must_use]
    pub fn exit_of_all<'a>(states: impl Iterator<Item = &'a State>, failed: bool) -> Exit {
        let exits: Vec<Exit> = states.map(State::exit).collect();
        let worst = [Exit::Confirmed, Exit::Suspected]
            .into_iter()
            .find(|exit| exits.contains(exit));
        worst.unwrap_or(if failed { Exit::Error } else { Exit::Clean })
    }

    /// What it means, in words that follow its name.
    #[must_use]
    pub fn meaning(&self) -> &'static str {
        match self {
            State::Unaffected => "this kernel does not check max_size, and refuses nothing",
            State::Unknown => "the counters or limits could not be read",
            State::Regimes(regimes) => match regimes[..] {
                [Regime::WithinLimits] => "nothing is refused",
                [Regime::Latent] => {
                    "over its limit, which is not checked yet; nothing is refused so far"
                }
                [Regime::Intermittent] => {
                    "over its limit; new entries are refused now and then, about once per gc_min_interval"
                }
                [Regime::Exhausted] => "over its limit; every new entry is refused",
                _ => {
                    "over its limit; which of these it is depends on what the CPUs keep to themselves"
                }
            },
        }
    }
}

/// Room below the limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Headroom {
    /// `max_size - slow`, in entries; negative where the cache is over its limit.
    pub entries: i64,
    /// The same in per cent of `max_size`.
    pub percent: f64,
}

/// What was found of one namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// Regimes.
    pub state: State,
    /// What decides could not be read.
    pub is_unread: bool,
    /// `percpu_counter` batch, in entries.
    pub batch: Option<i64>,
    /// How far `fast` can be from `slow`, in entries.
    pub slack: Option<i64>,
    /// Lowest and highest value `fast` can have, in entries.
    pub fast: Option<(i64, i64)>,
    /// Room below the limit; `None` where the limit is absurd or unknown.
    pub headroom: Option<Headroom>,
    /// Sized limits; `None` where they would change nothing or their inputs are unknown.
    pub sizing: Option<Sizing>,
    /// What to do, and why.
    pub advice: Vec<Advice>,
}

impl Assessment {
    /// True where the cache holds more than its limit, whether or not anything is refused yet.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !self.is_unread && self.state.is_over()
    }

    /// How bad it is: fine, unread, or over its limit and how far.
    #[must_use]
    pub fn badness(&self) -> u8 {
        match self.state.exit() {
            _ if self.is_unread => 1,
            Exit::Confirmed => 4,
            Exit::Suspected => 3,
            _ if self.is_over() => 2,
            _ => 0,
        }
    }
}

/// What a trace shows of a namespace's cache, beside its counters. Nothing by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// `fast` as a probe last read it, in entries.
    pub fast: Option<i64>,
    /// Allocations were refused.
    pub refuses: bool,
    /// Allocations were granted without a collection: `fast` was not above `max_size` then.
    pub grants_at_once: bool,
    /// `ip6_dst_gc` returns nothing: the change that took the check out made it void
    /// (af6d10345ca7).
    pub returns_nothing: bool,
}

impl Behaviour {
    /// Whether `max_size` is checked; what was seen goes before the version.
    fn checks(&self, kernel: &Kernel) -> Option<bool> {
        if self.refuses {
            Some(true)
        } else if self.returns_nothing {
            Some(false)
        } else {
            kernel.checks
        }
    }
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/:+-@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// What to put before a command so that it runs in the namespace.
#[must_use]
pub fn prefix(netns: &NetNs) -> String {
    if netns.own {
        return String::new();
    }
    format!("nsenter --net={} ", quoted(&netns.path.to_string_lossy()))
}

/// The `sysctl` call that sets the sized limits in a namespace.
#[must_use]
pub fn sysctl_command(sizing: &Sizing, netns: &NetNs) -> String {
    // gc_thresh last: it may not pass the limit on the way.
    format!(
        "{}sysctl -w net.ipv6.route.max_size={} net.ipv6.route.gc_thresh={}",
        prefix(netns),
        sizing.max_size,
        sizing.gc_thresh
    )
}

/// Where the sysctl.d file belongs.
pub const SYSCTL_D: &str = "/etc/sysctl.d/90-ip6drop.conf";

/// The text of the sysctl.d file with the sized limits.
#[must_use]
pub fn sysctl_d(sizing: &Sizing) -> String {
    format!(
        "# IPv6 route cache: {}\nnet.ipv6.route.max_size = {}\nnet.ipv6.route.gc_thresh = {}\n",
        sizing.arithmetic, sizing.max_size, sizing.gc_thresh
    )
}

fn state(
    snapshot: &Snapshot,
    fast: Option<(i64, i64)>,
    checks: Option<bool>,
    seen: &Behaviour,
) -> State {
    if checks == Some(false) {
        return State::Unaffected;
    }
    let (Some(slow), Some(max_size)) = (snapshot.slow(), snapshot.max_size()) else {
        return State::Unknown;
    };
    let fast = fast.unwrap_or((0, i64::MAX));
    match snapshot.gc_thresh() {
        Some(gc_thresh) => {
            let mut regimes = regimes_within(slow, fast, max_size, gc_thresh);
            if seen.grants_at_once && regimes.len() > 1 {
                regimes.retain(|regime| *regime != Regime::Exhausted);
            }
            State::Regimes(regimes)
        }
        None if slow <= max_size => State::Regimes(vec![Regime::WithinLimits]),
        None => State::Unknown,
    }
}

fn headroom(snapshot: &Snapshot) -> Option<Headroom> {
    let (slow, max_size) = (snapshot.slow()?, snapshot.max_size()?);
    // Nothing is a share of a limit of zero or less.
    (max_size > 0).then(|| {
        let entries = max_size - slow;
        Headroom {
            entries,
            percent: entries as f64 * 100.0 / max_size as f64,
        }
    })
}

fn sizing(snapshot: &Snapshot, cpus: Option<CpuCount>) -> Option<Sizing> {
    let stats = snapshot.rt6_stats?;
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Some(size(Needs {
        routes: number(stats.fib_rt_entries),
        cpus: cpus?.online,
        exceptions: number(stats.fib_rt_cache),
        slow: number(stats.dst_entries),
        max_size: snapshot.max_size().filter(|n| *n > 0),
    }))
}

/// Works out what the counters and limits of a namespace say, and what a trace adds to them.
#[must_use]
pub fn assess(
    snapshot: &Snapshot,
    cpus: Option<CpuCount>,
    kernel: &Kernel,
    netns: &NetNs,
    seen: &Behaviour,
) -> Assessment {
    // A CPU keeps what it held when more of them were online, and the batch was larger.
    let batch = cpus.map(|cpus| kernel.batch(cpus.present));
    let slack = cpus
        .zip(batch)
        .map(|(cpus, batch)| slack_of(cpus.online, batch));
    let bounds = snapshot
        .slow()
        .zip(slack)
        .map(|(slow, slack)| fast_bounds(slow, slack));
    let fast = seen.fast.map(|fast| (fast, fast)).or(bounds);
    let checks = seen.checks(kernel);
    let state = state(snapshot, fast, checks, seen);
    let sizing = match state {
        State::Unaffected => None,
        _ => sizing(snapshot, cpus),
    };
    let mut assessment = Assessment {
        is_unread: snapshot.rt6_stats.is_none() || state == State::Unknown,
        state,
        batch,
        slack,
        fast,
        headroom: headroom(snapshot),
        sizing,
        advice: Vec::new(),
    };
    assessment.advice = advise(&assessment, snapshot, kernel, netns, checks);
    assessment
}

fn memory(bytes: i64) -> String {
    let kibibytes = bytes as f64 / 1024.0;
    if kibibytes < 1024.0 {
        format!("{kibibytes:.0} KiB")
    } else {
        format!("{:.1} MiB", kibibytes / 1024.0)
    }
}

fn raise(assessment: &Assessment, snapshot: &Snapshot, netns: &NetNs) -> Option<Advice> {
    let sizing = assessment.sizing.as_ref()?;
    let (slow, max_size) = (snapshot.slow()?, snapshot.max_size()?);
    let over = slow > max_size;
    if !over && sizing.needed <= max_size {
        return None;
    }
    let why = if over {
        format!("The IPv6 route cache holds {slow} entries and its limit is {max_size}.")
    } else {
        format!(
            "The IPv6 route cache holds {slow} of {max_size} entries, but can come to {} once every CPU has used every route.",
            sizing.needed
        )
    };
    Some(Advice {
        severity: if over {
            Severity::Action
        } else {
            Severity::Note
        },
        text: format!(
            "{why} Raise max_size to {} and gc_thresh to {}: {}. It costs {} with today's routes and at most {} (256 bytes an entry).",
            sizing.max_size,
            sizing.gc_thresh,
            sizing.arithmetic,
            memory(sizing.needed_bytes),
            memory(sizing.full_bytes)
        ),
        command: Some(sysctl_command(sizing, netns)),
    })
}

fn lasting(sizing: &Sizing, netns: &NetNs) -> Advice {
    let not_this = netns.init == Some(false);
    if not_this {
        return Advice {
            severity: Severity::Action,
            text: "To last, set it where this namespace is made: every new one starts with the kernel's default, and sysctl.d reaches only the node's own. For a pod that is securityContext.sysctls (net.ipv6.route.max_size, which the kubelet must allow as an unsafe sysctl) or a CNI tuning plugin.".to_owned(),
            command: None,
        };
    }
    Advice {
        severity: Severity::Action,
        text: format!(
            "To last over a reboot, write it to {SYSCTL_D}. It reaches only the node's own namespace: a pod's limit is its own."
        ),
        command: Some(format!(
            "printf '%s\\n' 'net.ipv6.route.max_size = {}' 'net.ipv6.route.gc_thresh = {}' > {SYSCTL_D}",
            sizing.max_size, sizing.gc_thresh
        )),
    }
}

fn note(text: String, command: Option<&str>) -> Advice {
    Advice {
        severity: Severity::Note,
        text,
        command: command.map(str::to_owned),
    }
}

fn advise(
    assessment: &Assessment,
    snapshot: &Snapshot,
    kernel: &Kernel,
    netns: &NetNs,
    checks: Option<bool>,
) -> Vec<Advice> {
    let mut all = Vec::new();
    if let Some(raise) = raise(assessment, snapshot, netns) {
        let act = raise.severity == Severity::Action;
        all.push(raise);
        if let (true, Some(sizing)) = (act, &assessment.sizing) {
            all.push(lasting(sizing, netns));
        }
    }
    let undecided = assessment.state.names().len() > 1;
    if undecided {
        all.push(Advice {
            severity: Severity::Evidence,
            text: "Which regime it is depends on the shared part of the counter (fast), which no file shows. A trace of ip6_dst_gc tells: with fib6_run_gc inside every call all are refused, with it inside a few only those.".to_owned(),
            command: None,
        });
    }
    for (name, value) in &snapshot.route {
        if let Some(meaning) = absurd(name, *value) {
            all.push(note(
                format!("net.ipv6.route.{name} is {value}: {meaning}."),
                None,
            ));
        }
    }
    if let (Some(gc_thresh), Some(max_size)) = (snapshot.gc_thresh(), snapshot.max_size())
        && unsigned_thresh(gc_thresh) > max_size
        && gc_thresh > 0
        && max_size > 0
        && checks != Some(false)
    {
        all.push(note(
            format!("gc_thresh ({gc_thresh}) is above max_size ({max_size}): the limit is not checked before fast passes gc_thresh, and then every new entry is refused at once."),
            None,
        ));
    }
    let over = snapshot
        .slow()
        .zip(snapshot.max_size())
        .is_some_and(|(slow, max_size)| slow > max_size);
    if over && checks != Some(true) {
        all.push(note(
            format!(
                "Kernel {}: {}. A fresh network namespace shows what this kernel does: max_size starts at 2147483647 where it is no longer checked, and at 4096 where it is.",
                if kernel.release.is_empty() { "unknown" } else { &kernel.release },
                kernel.reason
            ),
            Some(ASK_THE_KERNEL),
        ));
    }
    if over && kernel.counts_copies() == Some(false) && checks != Some(false) {
        all.push(note(
            "On this kernel the copies of routes on each CPU are neither counted nor refused: the entries are path-MTU exceptions, neighbour discovery and the like, so routes times CPUs is more than enough.".to_owned(),
            None,
        ));
    }
    all
}
