//! What was seen at each look, for lines that draw it: drops of each CPU, and the cache.

use std::collections::{BTreeMap, VecDeque};

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
    pub(crate) fn push(&mut self, totals: &BTreeMap<CpuKey, u64>, slow: Option<i64>) {
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

    /// Drops of all CPUs in as many of the last looks.
    #[must_use]
    pub(crate) fn recent(&self, looks: usize) -> u64 {
        let lines = self.cpus.values();
        lines.flat_map(|line| line.iter().rev().take(looks)).sum()
    }

    /// The most entries of the cache in each column, from the first look that is kept to the last;
    /// and how many looks that are. A look at which nothing could be read is nothing.
    #[must_use]
    pub(crate) fn cache(&self, columns: usize) -> (Vec<u64>, usize) {
        let looks = self.cache.len();
        let columns = columns.min(looks);
        let mut line = vec![0; columns];
        for (at, slow) in self.cache.iter().enumerate() {
            if let Some(column) = line.get_mut(at * columns / looks) {
                *column = (*column).max(slow.unwrap_or(0).try_into().unwrap_or(0));
            }
        }
        (line, looks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(all: &[(u64, u64, Option<i64>)]) -> History {
        let mut history = History::default();
        for (zero, one, slow) in all {
            let totals = [(CpuKey::Cpu(0), *zero), (CpuKey::Cpu(1), *one)];
            history.push(&totals.into(), *slow);
        }
        history
    }

    #[test]
    fn looks_are_differences() {
        let history = pushed(&[(1, 0, None), (4, 0, Some(7)), (4, 2, Some(9))]);
        assert_eq!(history.of_cpu(CpuKey::Cpu(0), 4), [0, 1, 3, 0]);
        assert_eq!(history.of_cpu(CpuKey::Cpu(0), 2), [3, 0]);
        assert_eq!(history.of_cpu(CpuKey::Cpu(9), 2), [0, 0]);
        assert_eq!((history.now(CpuKey::Cpu(1)), history.recent(2)), (2, 5));
        assert_eq!(history.cache(10), (vec![0, 7, 9], 3));
        assert_eq!(history.cache(2), (vec![7, 9], 3));
        assert_eq!(history.cache(0), (vec![], 3));
        assert_eq!(History::default().cache(5), (vec![], 0));
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let many: Vec<_> = (0..5000).map(|n| (n, 0, Some(5))).collect();
        let history = pushed(&many);
        assert_eq!(history.cpus[&CpuKey::Cpu(0)].len(), COLUMNS);
        assert_eq!(history.cache(1).1, CACHE);
    }
}
