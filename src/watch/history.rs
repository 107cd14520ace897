//! What was seen at each look, for lines that draw it: drops of each CPU, and the cache.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::report::summary::CpuKey;

/// Looks that are kept of each CPU: one a column, and no screen is wider.
pub(crate) const COLUMNS: usize = 256;
/// Looks that are kept of the cache: an hour of seconds.
const CACHE: usize = 3600;

/// The looks, the latest at the end.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// Drops of each CPU between two looks.
    cpus: BTreeMap<CpuKey, VecDeque<u64>>,
    /// Entries of the cache.
    cache: VecDeque<Option<i64>>,
    /// When they were, since the start: a look that takes long puts off the next.
    times: VecDeque<Duration>,
    totals: BTreeMap<CpuKey, u64>,
}

fn push<T>(line: &mut VecDeque<T>, value: T, most: usize) {
    if line.len() >= most {
        line.pop_front();
    }
    line.push_back(value);
}

impl History {
    /// Takes a look: the drops of each CPU since the start, and the entries of the cache.
    pub(crate) fn push(
        &mut self,
        time: Duration,
        totals: &BTreeMap<CpuKey, u64>,
        slow: Option<i64>,
    ) {
        for cpu in totals.keys() {
            self.cpus.entry(*cpu).or_default();
        }
        for (cpu, line) in &mut self.cpus {
            let now = totals.get(cpu).copied().unwrap_or(0);
            let before = self.totals.insert(*cpu, now).unwrap_or(0);
            // A drop of which one knows better what it was may have gone to another row.
            push(line, now.saturating_sub(before), COLUMNS);
        }
        push(&mut self.cache, slow, CACHE);
        push(&mut self.times, time, CACHE);
    }

    /// Drops of a CPU at its last looks, as many as there are columns, the latest at the end.
    #[must_use]
    pub(crate) fn of_cpu(&self, cpu: CpuKey, columns: usize) -> Vec<u64> {
        let line = self.cpus.get(&cpu);
        let known = line.map_or(0, VecDeque::len).min(columns);
        let mut all = vec![0; columns - known];
        all.extend(
            line.into_iter()
                .flat_map(|line| line.iter().skip(line.len() - known)),
        );
        all
    }

    /// Drops of a CPU since the look before the last.
    #[must_use]
    pub(crate) fn now(&self, cpu: CpuKey) -> u64 {
        let line = self.cpus.get(&cpu);
        line.and_then(VecDeque::back).copied().unwrap_or(0)
    }

    /// From so many looks before the last until it; from the first that is kept where there were fewer.
    fn since(&self, looks: usize) -> Duration {
        let Some(last) = self.times.back() else {
            return Duration::ZERO;
        };
        let place = self.times.len().saturating_sub(looks + 1);
        last.saturating_sub(self.times[place])
    }

    /// Drops between the last two looks as a number a second.
    #[must_use]
    pub(crate) fn per_second(&self, drops: u64) -> f64 {
        match self.since(1).as_secs_f64() {
            seconds if seconds > 0.0 => drops as f64 / seconds,
            _ => drops as f64,
        }
    }

    /// How long a line of so many columns is, at a look an interval where there are none yet.
    #[must_use]
    pub(crate) fn span(&self, columns: usize, interval: Duration) -> Duration {
        let known = columns.min(self.times.len().saturating_sub(1));
        let rest = u32::try_from(columns - known).unwrap_or(u32::MAX);
        self.since(known) + interval * rest
    }

    /// Drops of all CPUs since the look before the last.
    #[must_use]
    pub(crate) fn of_all(&self) -> u64 {
        self.cpus.keys().map(|cpu| self.now(*cpu)).sum()
    }

    /// Whether there was a drop at a look of the last `time`.
    #[must_use]
    pub(crate) fn is_recent(&self, time: Duration) -> bool {
        let Some(last) = self.times.back() else {
            return false;
        };
        let recent = |at: &&Duration| last.saturating_sub(**at) < time;
        let looks = self.times.iter().rev().take_while(recent).count();
        let mut lines = self.cpus.values();
        lines.any(|line| line.iter().rev().take(looks).any(|n| *n > 0))
    }

    /// The most entries of the cache in each column, from the first look that is kept to the last;
    /// and how long that is. A look at which nothing could be read is nothing.
    #[must_use]
    pub(crate) fn cache(&self, columns: usize) -> (Vec<u64>, Duration) {
        let looks = self.cache.len();
        let columns = columns.min(looks);
        let mut line = vec![0; columns];
        for (at, slow) in self.cache.iter().enumerate() {
            if let Some(column) = line.get_mut(at * columns / looks) {
                *column = (*column).max(slow.unwrap_or(0).try_into().unwrap_or(0));
            }
        }
        (line, self.since(looks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Looks at two CPUs, and how many seconds there were before each.
    fn pushed(all: &[(u32, u64, u64, Option<i64>)]) -> History {
        let mut history = History::default();
        let mut time = Duration::ZERO;
        for (seconds, zero, one, slow) in all {
            time += SECOND * *seconds;
            let totals = [(CpuKey::Cpu(0), *zero), (CpuKey::Cpu(1), *one)];
            history.push(time, &totals.into(), *slow);
        }
        history
    }

    #[test]
    fn looks_are_differences() {
        let history = pushed(&[(0, 1, 0, None), (1, 4, 0, Some(7)), (1, 4, 2, Some(9))]);
        assert_eq!(history.of_cpu(CpuKey::Cpu(0), 4), [0, 1, 3, 0]);
        assert_eq!(history.of_cpu(CpuKey::Cpu(0), 2), [3, 0]);
        assert_eq!(history.of_cpu(CpuKey::Cpu(9), 2), [0, 0]);
        assert_eq!((history.now(CpuKey::Cpu(1)), history.of_all()), (2, 2));
        assert_eq!(history.cache(10), (vec![0, 7, 9], SECOND * 2));
        assert_eq!(history.cache(2), (vec![7, 9], SECOND * 2));
        assert_eq!(history.cache(0), (vec![], SECOND * 2));
        assert_eq!(History::default().cache(5), (vec![], Duration::ZERO));
    }

    #[test]
    fn looks_that_come_late_are_no_faster_drops() {
        let history = pushed(&[(0, 0, 0, None), (1, 0, 0, None), (4, 8, 0, None)]);
        assert_eq!(history.per_second(8), 2.0);
        assert_eq!(history.span(2, SECOND), SECOND * 5);
        assert_eq!(history.span(10, SECOND), SECOND * 13);
        assert!(history.is_recent(SECOND));
        let later = pushed(&[(0, 9, 0, None), (4, 9, 0, None), (4, 9, 0, None)]);
        assert!(!later.is_recent(SECOND * 8) && later.is_recent(SECOND * 9));
        assert_eq!(History::default().per_second(3), 3.0);
        assert!(!History::default().is_recent(SECOND));
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let many: Vec<_> = (0..5000).map(|n| (1, n, 0, Some(5))).collect();
        let history = pushed(&many);
        assert_eq!(history.cpus[&CpuKey::Cpu(0)].len(), COLUMNS);
        assert_eq!((history.cache.len(), history.times.len()), (CACHE, CACHE));
    }
}
