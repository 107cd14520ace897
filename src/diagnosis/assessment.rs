//! What counters and limits alone say of a namespace's route cache, without any trace.

use crate::diagnosis::advice::{Advice, Severity};
use crate::diagnosis::sizing::{Needs, Sizing, size};
use crate::diagnosis::state::State;
use crate::exit::Exit;
use crate::host::matches::RouteMatches;
use crate::host::netns::NetNs;
use crate::host::{CpuCount, Snapshot};
use crate::kernel::limits::{Regime, fast_bounds, regimes_within, slack_of};
use crate::kernel::release::{ASK_THE_KERNEL, Counted, Kernel};
use crate::kernel::sysctls::absurd;
use crate::text::{Untrusted, shell_word};

/// Room below the limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Headroom {
    /// `max_size - slow`, in entries; negative where the cache is over its limit.
    pub(crate) entries: i64,
    /// The same in per cent of `max_size`.
    pub(crate) percent: f64,
}

/// What was found of one namespace.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Assessment {
    /// Regimes.
    pub(crate) state: State,
    /// Whether the kernel checks the limit, as far as that is known.
    pub(crate) checks: Option<bool>,
    /// What decides could not be read.
    pub(crate) is_unread: bool,
    /// `percpu_counter` batch, in entries.
    pub(crate) batch: Option<i64>,
    /// How far `fast` can be from `slow`, in entries.
    pub(crate) slack: Option<i64>,
    /// Lowest and highest value `fast` can have, in entries.
    pub(crate) fast: Option<(i64, i64)>,
    /// Room below the limit; `None` where the limit is absurd or unknown.
    pub(crate) headroom: Option<Headroom>,
    /// Sized limits; `None` where they would change nothing or their inputs are unknown.
    pub(crate) sizing: Option<Sizing>,
    /// What to do, and why.
    pub(crate) advice: Vec<Advice>,
}

impl Assessment {
    /// The exit status it stands for under `--exit-code`: what a kernel does that may not check
    /// is not known.
    #[must_use]
    pub(crate) fn exit(&self) -> Exit {
        match self.state.exit() {
            Exit::Confirmed if self.checks.is_none() => Exit::Suspected,
            exit => exit,
        }
    }

    /// What the state means, in words that follow its name.
    #[must_use]
    pub(crate) fn meaning(&self) -> String {
        let meaning = self.state.meaning();
        let refuses = matches!(self.state.exit(), Exit::Confirmed | Exit::Suspected);
        if self.checks.is_none() && refuses && !self.is_unread {
            return format!("{meaning}, if this kernel checks max_size, which is not known");
        }
        meaning.to_owned()
    }

    /// True where the cache holds more than its limit, whether or not anything is refused yet.
    #[must_use]
    pub(crate) fn is_over(&self) -> bool {
        !self.is_unread && self.state.is_over()
    }

    /// How bad it is: fine, unread, or over its limit and how far.
    #[must_use]
    pub(crate) fn badness(&self) -> u8 {
        match self.exit() {
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
pub(crate) struct Behaviour {
    /// `fast` as a probe last read it, in entries.
    pub(crate) fast: Option<i64>,
    /// Allocations were refused.
    pub(crate) refuses: bool,
    /// Drops are confirmed to be of allocations that were refused, in whatever namespace.
    pub(crate) checks: bool,
    /// Allocations were granted, which an exhausted cache does not: `fast` was not above
    /// `max_size` then.
    pub(crate) grants: bool,
    /// Nothing is refused here: `ip6_dst_gc` returns nothing, for the change that took the check
    /// out made it void (af6d10345ca7), or entries were granted over the limit.
    pub(crate) never_refuses: bool,
    /// Matches of netfilter that ask for routes.
    pub(crate) matches: RouteMatches,
}

impl Behaviour {
    /// Whether `max_size` is checked; what was seen goes before the version.
    fn checks(&self, kernel: &Kernel) -> Option<bool> {
        if self.refuses || self.checks {
            Some(true)
        } else if self.never_refuses {
            Some(false)
        } else {
            kernel.checks
        }
    }
}

/// What to put before a command so that it runs in the namespace.
#[must_use]
pub(crate) fn prefix(netns: &NetNs) -> String {
    if netns.own {
        return String::new();
    }
    format!("nsenter --net={} ", shell_word(netns.path.raw()))
}

/// The `sysctl` call that sets the sized limits in a namespace.
#[must_use]
pub(crate) fn sysctl_command(sizing: &Sizing, netns: &NetNs) -> String {
    // gc_thresh last: it may not pass the limit on the way.
    format!(
        "{}sysctl -w net.ipv6.route.max_size={} net.ipv6.route.gc_thresh={}",
        prefix(netns),
        sizing.max_size,
        sizing.gc_thresh
    )
}

/// Where the sysctl.d file belongs.
pub(crate) const SYSCTL_D: &str = "/etc/sysctl.d/90-ip6drop.conf";

/// The text of the sysctl.d file with the sized limits.
#[must_use]
pub(crate) fn sysctl_d(sizing: &Sizing) -> String {
    format!(
        "# IPv6 route cache: {}\nnet.ipv6.route.max_size = {}\nnet.ipv6.route.gc_thresh = {}\n",
        sizing.arithmetic, sizing.max_size, sizing.gc_thresh
    )
}

/// Those in which something can be refused, where something was: the counters are of another
/// moment than the drops, and entries in flight come and go.
fn refusing(mut regimes: Vec<Regime>, seen: &Behaviour) -> Vec<Regime> {
    if !seen.refuses {
        return regimes;
    }
    regimes.retain(|regime| matches!(regime, Regime::Intermittent | Regime::Exhausted));
    match (regimes.is_empty(), seen.grants) {
        (false, _) => regimes,
        (true, true) => vec![Regime::Intermittent],
        (true, false) => vec![Regime::Intermittent, Regime::Exhausted],
    }
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
            if seen.grants && regimes.len() > 1 {
                regimes.retain(|regime| *regime != Regime::Exhausted);
            }
            State::Regimes(refusing(regimes, seen))
        }
        None if slow <= max_size => State::Regimes(refusing(vec![Regime::WithinLimits], seen)),
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

fn sizing(
    snapshot: &Snapshot,
    cpus: Option<CpuCount>,
    has_in_flight: bool,
    kernel: &Kernel,
) -> Option<Sizing> {
    let stats = snapshot.rt6_stats?;
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Some(size(Needs {
        routes: number(stats.fib_rt_entries),
        cpus: cpus?.online,
        exceptions: number(stats.fib_rt_cache),
        slow: number(stats.dst_entries),
        max_size: snapshot.max_size(),
        has_in_flight,
        counts_copies: kernel.counts() != Counted::Advertised,
    }))
}

/// Works out what the counters and limits of a namespace say, and what a trace adds to them.
#[must_use]
pub(crate) fn assess(
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
        _ => sizing(snapshot, cpus, seen.matches.ask_way_back(), kernel),
    };
    let mut assessment = Assessment {
        is_unread: snapshot.rt6_stats.is_none() || state == State::Unknown,
        state,
        checks,
        batch,
        slack,
        fast,
        headroom: headroom(snapshot),
        sizing,
        advice: Vec::new(),
    };
    assessment.advice = advise(&assessment, snapshot, kernel, netns, checks);
    if checks != Some(false) {
        assessment.advice.extend(of_matches(seen.matches));
    }
    assessment
}

/// What rules of netfilter add, which no counter of a namespace shows.
fn of_matches(matches: RouteMatches) -> impl Iterator<Item = Advice> {
    let in_flight = matches.ask_way_back().then(|| {
        note(
            "In flight: rules of this host ask for the way back to the source of each packet (rpfilter, or fib of nftables), or may, where that is built into the kernel. The kernel makes an entry for that and frees it after a grace period of RCU, so that under load the cache can be over max_size for moments and lose packets, also where it is within limits before and after. Those packets are in no counter of routes; record sees them (rcv-rpfilter-dst-alloc).".to_owned(),
            None,
        )
    });
    let misses = matches.addrtype.then(|| {
        note(
            "Rules of this host use -m addrtype (kube-proxy does): where the cache is full the lookup for that is refused too, and it matches nothing. Traffic to services misses its rule then, and no drop shows it.".to_owned(),
            None,
        )
    });
    in_flight.into_iter().chain(misses)
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
        && gc_thresh > max_size
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
        let unknown = Untrusted::from("unknown");
        let release = match kernel.release.is_empty() {
            true => &unknown,
            false => &kernel.release,
        };
        all.push(note(
            format!(
                "Kernel {}: {}. A fresh network namespace shows what this kernel does: max_size starts at 2147483647 where it is no longer checked, and at 4096 where it is.",
                release,
                kernel.reason
            ),
            Some(ASK_THE_KERNEL),
        ));
    }
    let counts = match kernel.counts() {
        Counted::Exceptions => {
            "On this kernel the copies of routes on each CPU are neither counted nor refused: the entries are path-MTU exceptions, neighbour discovery and the like, so routes times CPUs is more than enough."
        }
        Counted::Advertised => {
            "Before Linux 4.18 other things count: routes of router advertisements and their copies, not ordinary routes, and before 4.2 (CentOS 7's own 3.10) entries for single destinations. Packets cannot be named there, and allocations are not counted."
        }
        Counted::Copies | Counted::Unknown => return all,
    };
    if over && checks != Some(false) {
        all.push(note(counts.to_owned(), None));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::host::Facts;
    use crate::host::netns::unidentified;
    use crate::kernel::release::{Release, judge};
    use Regime::{Exhausted, Intermittent, Latent, WithinLimits};

    /// A namespace with 40 routes on 4 CPUs.
    struct Namespace {
        slow: u64,
        sysctls: Vec<(&'static str, i64)>,
        cpus: Option<CpuCount>,
        kernel: &'static str,
        netns: NetNs,
        seen: Behaviour,
    }

    impl Namespace {
        /// On a kernel that checks, with so many entries and limits.
        fn new(slow: u64, max_size: i64, gc_thresh: i64) -> Namespace {
            Namespace {
                slow,
                sysctls: vec![("max_size", max_size), ("gc_thresh", gc_thresh)],
                cpus: Some(CpuCount {
                    online: 4,
                    present: 4,
                }),
                kernel: "4.19.108",
                netns: unidentified(PathBuf::from("/run/netns/pod")),
                seen: Behaviour::default(),
            }
        }

        /// 160 copies would fit.
        fn over() -> Namespace {
            Namespace::new(616, 200, 64)
        }

        fn snapshot(&self) -> Snapshot {
            let slow = self.slow;
            let mut text = format!("0032 0028 03e8 0028 0006 {slow:04x} 0000\n");
            for (name, value) in &self.sysctls {
                text.push_str(&format!("net.ipv6.route.{name} = {value}\n"));
            }
            Facts::parse(text.as_bytes()).unwrap().before.unwrap()
        }

        fn assess(&self) -> Assessment {
            let kernel = judge(&Release {
                release: self.kernel.into(),
                ..Release::default()
            });
            assess(
                &self.snapshot(),
                self.cpus,
                &kernel,
                &self.netns,
                &self.seen,
            )
        }

        /// How each advice begins.
        fn advice(&self) -> Vec<(Severity, String)> {
            let advice = self.assess().advice.into_iter();
            let start = |text: String| text.split(' ').take(3).collect::<Vec<_>>().join(" ");
            advice.map(|one| (one.severity, start(one.text))).collect()
        }
    }

    fn regimes(regimes: &[Regime]) -> State {
        State::Regimes(regimes.to_vec())
    }

    #[test]
    fn a_state_has_names_a_meaning_and_an_exit() {
        let any = regimes(&[Latent, Intermittent]);
        for (state, certain, names, exit, over, meaning) in [
            (
                State::Unaffected,
                Some("unaffected"),
                1,
                Exit::Clean,
                false,
                "this kernel",
            ),
            (
                State::Unknown,
                None,
                0,
                Exit::Suspected,
                false,
                "the counters",
            ),
            (
                regimes(&[WithinLimits]),
                Some("within-limits"),
                1,
                Exit::Clean,
                false,
                "nothing is",
            ),
            (
                regimes(&[Latent]),
                Some("latent"),
                1,
                Exit::Clean,
                true,
                "over its limit, which",
            ),
            (
                regimes(&[Intermittent]),
                Some("intermittent"),
                1,
                Exit::Suspected,
                true,
                "over its limit; new entries are refused now",
            ),
            (
                regimes(&[Exhausted]),
                Some("exhausted"),
                1,
                Exit::Confirmed,
                true,
                "over its limit; every",
            ),
            (
                any,
                None,
                2,
                Exit::Suspected,
                true,
                "over its limit; which of these",
            ),
        ] {
            assert_eq!(state.certain(), certain);
            assert_eq!(state.names().len(), names, "{state:?}");
            assert_eq!(state.exit(), exit, "{state:?}");
            assert_eq!(state.is_over(), over, "{state:?}");
            assert!(state.meaning().starts_with(meaning), "{state:?}");
        }
        assert_eq!(State::Unaffected.names(), ["unaffected"]);
        assert_eq!(
            regimes(&[Latent, Exhausted]).names(),
            ["latent", "exhausted"]
        );
    }

    #[test]
    fn several_caches_are_as_bad_as_the_worst() {
        let of_all =
            |states: &[State], failed| State::exit_of_all(states.iter().map(State::exit), failed);
        let (clean, unsure) = (regimes(&[WithinLimits]), regimes(&[Intermittent]));
        let full = regimes(&[Exhausted]);
        assert_eq!(of_all(&[], false), Exit::Clean);
        assert_eq!(of_all(std::slice::from_ref(&clean), false), Exit::Clean);
        assert_eq!(of_all(std::slice::from_ref(&clean), true), Exit::Error);
        assert_eq!(
            of_all(&[clean.clone(), unsure.clone()], true),
            Exit::Suspected
        );
        assert_eq!(of_all(&[unsure, full, clean], false), Exit::Confirmed);
    }

    #[test]
    fn the_regime_follows_from_counters_limits_and_what_was_seen() {
        let state = |namespace: Namespace| namespace.assess().state;
        assert_eq!(
            state(Namespace::new(377, 4096, 64)),
            regimes(&[WithinLimits])
        );
        assert_eq!(state(Namespace::over()), regimes(&[Exhausted]));
        let unsure = || Namespace::new(376, 366, 64);
        assert_eq!(state(unsure()), regimes(&[Intermittent, Exhausted]));
        let granted = Behaviour {
            grants: true,
            ..Behaviour::default()
        };
        let with = |seen| state(Namespace { seen, ..unsure() });
        assert_eq!(with(granted), regimes(&[Intermittent]));
        // What is left alone stays, whatever was granted.
        let seen = granted;
        assert_eq!(
            state(Namespace {
                seen,
                ..Namespace::over()
            }),
            regimes(&[Exhausted])
        );
        let fast = |fast| Behaviour {
            fast: Some(fast),
            ..Behaviour::default()
        };
        assert_eq!(with(fast(288)), regimes(&[Intermittent]));
        assert_eq!(with(fast(384)), regimes(&[Exhausted]));
        let cpus = None;
        let all = regimes(&[Latent, Intermittent, Exhausted]);
        assert_eq!(state(Namespace { cpus, ..unsure() }), all);
    }

    #[test]
    fn a_kernel_of_which_nobody_knows_whether_it_checks() {
        let with = |kernel| Namespace {
            kernel,
            ..Namespace::over()
        };
        let (known, unknown) = (with("4.19.108").assess(), with("").assess());
        assert_eq!((known.checks, unknown.checks), (Some(true), None));
        assert_eq!(
            (known.exit(), unknown.exit()),
            (Exit::Confirmed, Exit::Suspected)
        );
        let says_so = |assessment: &Assessment| assessment.meaning().contains("is not known");
        assert!(says_so(&unknown) && !says_so(&known));
        let unread = Assessment {
            is_unread: true,
            ..unknown
        };
        assert!(!says_so(&unread));
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let without = |name: &str, slow| {
            let mut namespace = Namespace::new(slow, 200, 64);
            namespace.sysctls.retain(|(known, _)| *known != name);
            let found = namespace.assess();
            (found.state, found.is_unread)
        };
        assert_eq!(without("max_size", 100), (State::Unknown, true));
        assert_eq!(without("gc_thresh", 200), (regimes(&[WithinLimits]), false));
        assert_eq!(without("gc_thresh", 201), (State::Unknown, true));
        let mut snapshot = Namespace::over().snapshot();
        snapshot.rt6_stats = None;
        let kernel = judge(&Release {
            release: "6.12.1".into(),
            ..Release::default()
        });
        let netns = unidentified(PathBuf::new());
        let found = assess(&snapshot, None, &kernel, &netns, &Behaviour::default());
        assert_eq!((found.state, found.is_unread), (State::Unaffected, true));
    }

    #[test]
    fn whether_the_kernel_checks_is_seen_or_told_by_its_version() {
        let state = |kernel, refuses, never_refuses| {
            let mut namespace = Namespace::over();
            namespace.kernel = kernel;
            namespace.seen.refuses = refuses;
            namespace.seen.never_refuses = never_refuses;
            namespace.assess().state == State::Unaffected
        };
        assert!(!state("4.19.108", false, false));
        assert!(state("6.12.1", false, false));
        assert!(!state("6.12.1", true, false));
        assert!(state("4.19.108", false, true));
        assert!(!state("4.19.108", true, true));
    }

    #[test]
    fn rules_of_netfilter_are_named_where_they_matter() {
        let advice = |kernel, rpfilter, addrtype| {
            let mut namespace = Namespace::new(150, 4096, 64);
            namespace.kernel = kernel;
            namespace.seen.matches = RouteMatches {
                rpfilter,
                addrtype,
                ..RouteMatches::default()
            };
            let starts = namespace.advice().into_iter().map(|(_, text)| text);
            (starts.collect::<Vec<_>>(), namespace.assess().sizing)
        };
        let (none, sizing) = advice("4.19.108", false, false);
        assert_eq!(none, [""; 0]);
        assert_eq!(sizing.unwrap().in_flight, 0);
        let (both, sizing) = advice("4.19.108", true, true);
        // More than the limit can be needed then.
        assert_eq!(
            both,
            ["The IPv6 route", "In flight: rules", "Rules of this"]
        );
        assert!(sizing.unwrap().in_flight > 0);
        assert_eq!(advice("4.19.108", false, true).0, ["Rules of this"]);
        assert_eq!(advice("6.12.1", true, true).0, [""; 0]);
    }

    #[test]
    fn badness_has_an_order() {
        let badness = |slow, max_size, gc_thresh| {
            let found = Namespace::new(slow, max_size, gc_thresh).assess();
            (found.badness(), found.is_over())
        };
        assert_eq!(badness(377, 4096, 64), (0, false));
        assert_eq!(badness(616, 200, 2000), (2, true));
        assert_eq!(badness(376, 366, 64), (3, true));
        assert_eq!(badness(616, 200, 64), (4, true));
        let mut unread = Namespace::over().assess();
        unread.is_unread = true;
        assert_eq!((unread.badness(), unread.is_over()), (1, false));
    }

    #[test]
    fn fast_is_bounded_by_the_cpus() {
        let found = Namespace::over().assess();
        let bounds = (found.batch, found.slack, found.fast);
        assert_eq!(bounds, (Some(32), Some(124), Some((492, 740))));
        // A CPU keeps what it held when more of them were online.
        let mut namespace = Namespace::over();
        namespace.cpus = Some(CpuCount {
            online: 4,
            present: 96,
        });
        let found = namespace.assess();
        assert_eq!((found.batch, found.slack), (Some(192), Some(764)));
    }

    #[test]
    fn headroom_is_a_share_of_a_limit_that_is_one() {
        let headroom = |slow, max_size| {
            let room = Namespace::new(slow, max_size, 64).assess().headroom;
            room.map(|room| (room.entries, room.percent))
        };
        assert_eq!(headroom(150, 200), Some((50, 25.0)));
        assert_eq!(headroom(300, 200), Some((-100, -50.0)));
        assert_eq!(headroom(1, 1), Some((0, 0.0)));
        assert_eq!(headroom(150, 0), None);
        assert_eq!(headroom(150, -1), None);
    }

    #[test]
    fn limits_are_sized_from_routes_and_cpus() {
        let sizing = Namespace::over().assess().sizing.unwrap();
        assert_eq!((sizing.routes, sizing.cpus, sizing.exceptions), (40, 4, 6));
        assert_eq!((sizing.needed, sizing.max_size), (616, 4096));
        let limit = |max_size| Namespace::new(616, max_size, 64).assess().sizing.unwrap();
        // A limit that is none is not taken as one to size from.
        assert_eq!(limit(1_000_000).max_size, 1_000_000);
        assert_eq!(limit(-1).arithmetic, limit(0).arithmetic);
        let mut unaffected = Namespace::over();
        unaffected.kernel = "6.12.1";
        assert_eq!(unaffected.assess().sizing, None);
    }

    #[test]
    fn memory_is_in_kib_up_to_a_mib() {
        assert_eq!(memory(1536), "2 KiB");
        assert_eq!(memory(1023 * 1024), "1023 KiB");
        assert_eq!(memory(1024 * 1024), "1.0 MiB");
        assert_eq!(memory(3 * 512 * 1024), "1.5 MiB");
    }

    #[test]
    fn commands_are_for_the_namespace_and_safe_for_a_shell() {
        let sizing = Namespace::over().assess().sizing.unwrap();
        let sysctl = "sysctl -w net.ipv6.route.max_size=4096 net.ipv6.route.gc_thresh=2048";
        let mut netns = unidentified(PathBuf::from("/run/netns/pod"));
        assert_eq!(sysctl_command(&sizing, &netns), sysctl);
        netns.own = false;
        let command = format!("nsenter --net=/run/netns/pod {sysctl}");
        assert_eq!(sysctl_command(&sizing, &netns), command);
        for (path, shown) in [
            ("/run/a b", "'/run/a b'"),
            ("/run/$(id)", "'/run/$(id)'"),
            ("/run/it's", r"'/run/it'\''s'"),
            ("/proc/1/ns/net", "/proc/1/ns/net"),
            ("a._/:+-@9", "a._/:+-@9"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(path), shown);
        }
        let file = sysctl_d(&sizing);
        let [comment, max_size, gc_thresh] = file.lines().collect::<Vec<_>>()[..] else {
            panic!("{file}");
        };
        assert_eq!(
            comment,
            format!("# IPv6 route cache: {}", sizing.arithmetic)
        );
        assert_eq!(max_size, "net.ipv6.route.max_size = 4096");
        assert_eq!(gc_thresh, "net.ipv6.route.gc_thresh = 2048");
    }

    #[test]
    fn a_limit_is_raised_where_the_cache_is_over_it_or_can_come_to_be() {
        let fine = Namespace::new(100, 4096, 64);
        assert_eq!(fine.advice(), []);
        // 40 routes on 4 CPUs and 6 exceptions need 166.
        assert_eq!(Namespace::new(100, 166, 64).advice(), []);
        let one = |severity, text: &str| (severity, text.to_owned());
        let can_come = one(Severity::Note, "The IPv6 route");
        assert_eq!(
            Namespace::new(100, 165, 64).advice(),
            std::slice::from_ref(&can_come)
        );
        assert_eq!(Namespace::new(165, 165, 64).advice(), [can_come]);
        let over = [
            one(Severity::Action, "The IPv6 route"),
            one(Severity::Action, "To last over"),
        ];
        assert_eq!(Namespace::over().advice(), over);
        let advice = Namespace::over().assess().advice;
        assert!(
            advice[0]
                .text
                .contains("holds 616 entries and its limit is 200.")
        );
        assert!(advice[0].command.as_ref().unwrap().starts_with("sysctl -w"));
        assert!(
            advice[1]
                .command
                .as_ref()
                .unwrap()
                .contains("max_size = 4096")
        );
        let note = Namespace::new(100, 165, 64).assess().advice;
        assert!(
            note[0]
                .text
                .contains("holds 100 of 165 entries, but can come to 166")
        );
        let mut pod = Namespace::over();
        pod.netns.init = Some(false);
        assert_eq!(pod.advice()[1], one(Severity::Action, "To last, set"));
        assert_eq!(pod.assess().advice[1].command, None);
        pod.netns.init = Some(true);
        assert_eq!(pod.advice(), over);
    }

    #[test]
    fn what_is_not_certain_or_absurd_is_said() {
        let notes = |namespace: &Namespace| {
            let advice = namespace.assess().advice.into_iter();
            let notes = advice.filter(|one| one.severity != Severity::Action);
            notes.map(|one| one.text).collect::<Vec<_>>()
        };
        let one = |namespace: &Namespace, start: &str| {
            let found = notes(namespace);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(start), "{found:?}");
        };
        one(&Namespace::new(376, 366, 64), "Which regime it is depends");
        assert_eq!(notes(&Namespace::over()).len(), 0);
        let mut elastic = Namespace::over();
        elastic.sysctls.push(("gc_elasticity", 32));
        one(
            &elastic,
            "net.ipv6.route.gc_elasticity is 32: the kernel shifts",
        );
        // gc_thresh above max_size, where both are what they seem and the limit is checked.
        let above = |max_size, gc_thresh| Namespace::new(0, max_size, gc_thresh);
        let fine = Namespace::new(100, 1000, 1000);
        assert_eq!(notes(&fine).len(), 0);
        one(
            &Namespace::new(100, 1000, 1001),
            "gc_thresh (1001) is above max_size (1000)",
        );
        one(&above(1000, -1), "net.ipv6.route.gc_thresh is -1");
        for max_size in [-5, 0] {
            let found = notes(&above(max_size, 64));
            let start = format!("net.ipv6.route.max_size is {max_size}: ");
            assert!(
                found.iter().any(|text| text.starts_with(&start)),
                "{found:?}"
            );
            assert!(
                !found.iter().any(|text| text.starts_with("gc_thresh (")),
                "{found:?}"
            );
        }
        let mut unaffected = Namespace::new(100, 1000, 1001);
        unaffected.kernel = "6.12.1";
        assert_eq!(notes(&unaffected).len(), 0);
    }

    #[test]
    fn the_kernel_is_asked_where_its_version_cannot_tell() {
        let told = |slow, kernel| {
            let mut namespace = Namespace::new(slow, 4096, 64);
            namespace.kernel = kernel;
            let advice = namespace.assess().advice.into_iter();
            let ask = |one: &Advice| one.command.as_deref() == Some(ASK_THE_KERNEL);
            let copies = |one: &Advice| one.text.starts_with("On this kernel the copies");
            let texts: Vec<Advice> = advice.collect();
            (texts.iter().any(ask), texts.iter().any(copies))
        };
        assert_eq!(told(5000, "4.19.108"), (false, false));
        assert_eq!(told(5000, ""), (true, false));
        assert_eq!(told(4096, ""), (false, false));
        assert_eq!(told(5000, "6.12.1"), (true, false));
        assert_eq!(told(5000, "5.11.1"), (false, true));
        assert_eq!(told(5000, "6.1.0-18-amd64"), (true, true));
        assert_eq!(told(4096, "5.11.1"), (false, false));
        let mut unknown = Namespace::new(5000, 4096, 64);
        unknown.kernel = "";
        let text = &unknown.assess().advice.pop().unwrap().text;
        assert!(text.starts_with("Kernel unknown: "), "{text}");
    }
}
