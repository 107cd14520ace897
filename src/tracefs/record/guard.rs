//! The overhead guard: a hot function must not melt the node.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::tracefs::record::counts::Counts;
use crate::tracefs::record::recording::Busy;
use crate::tracefs::setup::optional::Optional;

/// How many times over the limit a CPU has to be for the run to stop.
const MELTING: u64 = 10;

/// What the guard has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heat {
    /// Go on.
    Calm,
    /// Take the stacks off this function.
    Hot {
        /// The function, among those with stacks, that was entered most.
        function: String,
        /// The CPU.
        cpu: u32,
        /// Its events per second.
        rate: u64,
    },
    /// Take fewer lookups, where that is possible.
    Warm {
        /// The CPU.
        cpu: u32,
        /// Its events per second.
        rate: u64,
    },
    /// Stop and restore.
    Melting(Busy),
}

/// A count that was made within `passed` as one per second.
#[must_use]
pub(crate) fn per_second(count: u64, passed: Duration) -> u64 {
    let milliseconds = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
    count.saturating_mul(1000) / milliseconds.max(1)
}

/// Judges the events since it last looked, `passed` ago, against `max_rate` events per second
/// and CPU. `stacks` are the functions whose stacks are still on.
#[must_use]
pub(crate) fn judge<'a>(
    counts: &Counts,
    passed: Duration,
    max_rate: u64,
    stacks: impl Iterator<Item = &'a str>,
) -> Heat {
    let mut hottest: Option<(u64, u32)> = None;
    for (&cpu, seen) in &counts.cpus {
        let rate = per_second(seen.recent_events, passed);
        if rate > hottest.map_or(max_rate, |(rate, _)| rate) {
            hottest = Some((rate, cpu));
        }
    }
    let Some((rate, cpu)) = hottest else {
        return Heat::Calm;
    };
    if is_melting(rate, max_rate) {
        let most = most(counts, cpu);
        return Heat::Melting(Busy { cpu, rate, most });
    }
    let recent = &counts.cpus[&cpu].recent;
    let hot = stacks
        .map(|name| (recent.get(name.as_bytes()).copied().unwrap_or(0), name))
        .max_by_key(|(count, _)| *count);
    match hot {
        Some((count, function)) if count > 0 => Heat::Hot {
            function: function.to_owned(),
            cpu,
            rate,
        },
        _ => Heat::Warm { cpu, rate },
    }
}

/// The event, or the function, that a CPU saw most of since the guard last looked.
#[must_use]
pub(crate) fn most(counts: &Counts, cpu: u32) -> Option<String> {
    let recent = counts.cpus.get(&cpu)?.recent.iter();
    let (name, _) = recent.max_by_key(|&(_, count)| *count)?;
    Some(String::from_utf8_lossy(name).into_owned())
}

/// What goes first where a CPU melts: of those that are about as hot as the hottest, the one
/// without which least is lost. `None` where none of them has been seen there.
#[must_use]
pub(crate) fn goes_first<'a>(
    counts: &Counts,
    cpu: u32,
    optional: impl Iterator<Item = Optional<'a>>,
) -> Option<Optional<'a>> {
    let recent = &counts.cpus.get(&cpu)?.recent;
    let counted = optional.filter_map(|part| Some((*recent.get(part.name.as_bytes())?, part)));
    let counted: Vec<(u64, Optional<'_>)> = counted.collect();
    let hottest = counted.iter().map(|&(count, _)| count).max()?;
    let hot = counted
        .into_iter()
        .filter(|&(count, _)| count >= hottest / 2);
    hot.map(|(_, part)| part).min_by_key(|part| part.weight)
}

/// The busiest CPU between two counts of each CPU's events, and its events per second.
#[must_use]
pub(crate) fn busiest(
    before: &BTreeMap<u32, u64>,
    after: &BTreeMap<u32, u64>,
    passed: Duration,
) -> Option<(u32, u64)> {
    let rates = after.iter().map(|(&cpu, &now)| {
        let new = now.saturating_sub(before.get(&cpu).copied().unwrap_or(0));
        (cpu, per_second(new, passed))
    });
    rates.max_by_key(|&(_, rate)| rate)
}

/// True where a CPU sees so many events that the run has to stop.
#[must_use]
pub(crate) fn is_melting(rate: u64, max_rate: u64) -> bool {
    rate > max_rate.saturating_mul(MELTING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::seen::seen;

    fn counts(drops: usize, gc: usize) -> Counts {
        let mut counts = Counts::new(seen);
        let line = |name: &str| format!(" a-1 [001] ..s2 1.0: {name} <-x\n");
        counts.take(line("ip6_pkt_drop").repeat(drops).as_bytes(), None);
        counts.take(line("ip6_dst_gc").repeat(gc).as_bytes(), None);
        counts
    }

    #[test]
    fn limits() {
        let stacks = ["ip6_pkt_drop", "ip6_dst_gc"];
        let second = Duration::from_secs(1);
        let judge = |counts: &Counts, stacks: &[&'static str]| {
            judge(counts, second, 100, stacks.iter().copied())
        };
        assert_eq!(judge(&counts(50, 50), &stacks), Heat::Calm);
        assert_eq!(
            judge(&counts(1, 100), &stacks),
            Heat::Hot {
                function: "ip6_dst_gc".to_owned(),
                cpu: 1,
                rate: 101
            }
        );
        assert_eq!(
            judge(&counts(1, 100), &[]),
            Heat::Warm { cpu: 1, rate: 101 }
        );
        assert_eq!(
            judge(&counts(1, 1000), &[]),
            Heat::Melting(Busy {
                cpu: 1,
                rate: 1001,
                most: Some("ip6_dst_gc".to_owned())
            })
        );
    }

    #[test]
    fn of_what_is_hot_the_least_loss_goes_first() {
        let counted = |names: &[(&str, usize)]| {
            let mut counts = Counts::new(seen);
            for (name, count) in names {
                let line = format!(" a-1 [001] ..s2 1.0: {name} <-x\n");
                counts.take(line.repeat(*count).as_bytes(), None);
            }
            counts
        };
        let first = |names: &[(&str, usize)], cpu| {
            let parts = ["ip6_dst_gc", "icmp6_send", "fib6_run_gc"].map(Optional::of);
            goes_first(&counted(names), cpu, parts.into_iter()).map(|part| part.name)
        };
        let drops = ("ip6_pkt_drop", 90);
        let gc = |count| ("ip6_dst_gc", count);
        let icmp = |count| ("icmp6_send", count);
        assert_eq!(first(&[drops, gc(50), icmp(30)], 1), Some("icmp6_send"));
        assert_eq!(first(&[drops, gc(50), icmp(20)], 1), Some("ip6_dst_gc"));
        assert_eq!(first(&[drops], 1), None);
        assert_eq!(first(&[drops, gc(50)], 0), None);
        let most_of = |names: &[(&str, usize)]| most(&counted(names), 1);
        assert_eq!(most_of(&[gc(50), drops]).as_deref(), Some("ip6_pkt_drop"));
        assert_eq!(most_of(&[]), None);
    }

    #[test]
    fn the_busiest_cpu_counts() {
        let before = BTreeMap::from([(0, 900), (1, 10)]);
        let after = BTreeMap::from([(0, 1000), (1, 210), (2, 50)]);
        let half = Duration::from_millis(500);
        assert_eq!(busiest(&before, &after, half), Some((1, 400)));
        assert_eq!(busiest(&before, &BTreeMap::new(), half), None);
        assert!(is_melting(1001, 100) && !is_melting(1000, 100));
    }
}
