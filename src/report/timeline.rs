//! Drops over time, for pictures: counts in a fixed number of bins, for each CPU and class.
//!
//! A trace is read once for its evidence and window, and again to be charted, so that the size
//! of a timeline depends on neither the length of the trace nor its rate.

use std::collections::BTreeMap;

use crate::diagnosis::class::Class;
use crate::diagnosis::counters::Counters;
use crate::host::Facts;
use crate::kernel::dst_ops::{FAST_AT, FastReadings};
use crate::order::map_of;
use crate::report::decided::{DecidedDrop, DecidedSink};
use crate::report::moments::{Moments, Place};
use crate::report::summary::{CpuKey, Summary};
use crate::text::Untrusted;
use crate::trace::{Stamp, Time};

/// Bins of a timeline. Each is some pixels wide on a phone.
pub const BINS: usize = 96;
/// CPUs with a row of their own: the busiest. Others share one.
pub const MAX_ROWS: usize = 32;

/// Inputs with a timeline of their own: each has its own clock. Of further ones only the
/// counts are shown.
pub const MAX_TIMELINES: usize = 8;

/// Drops in one bin, by the place of their class in [`Class::ALL`].
pub(crate) type Cell = [u64; Class::ALL.len()];

/// A row's bins.
pub(crate) type Row = Vec<Cell>;

/// Smallest and largest value of `fast` in one bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Band {
    /// Smallest.
    pub(crate) min: i64,
    /// Largest.
    pub(crate) max: i64,
}

/// First and last time of an input, in one unit, cut into bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Axis {
    /// The first time stamp.
    pub(crate) first: Time,
    /// The last time stamp.
    pub(crate) last: Time,
}

/// A time as a number of its own unit.
fn ticks(time: Time) -> u64 {
    match time.stamp() {
        Stamp::Nanoseconds(n) | Stamp::Count(n) => n,
    }
}

impl Axis {
    /// An axis from the first to the last time stamp; `None` where they have different units.
    #[must_use]
    pub(crate) fn new((first, last): (Time, Time)) -> Option<Axis> {
        let is_count = |time: Time| matches!(time.stamp(), Stamp::Count(_));
        let same = is_count(first) == is_count(last);
        same.then_some(Axis { first, last })
    }

    fn length(self) -> u64 {
        ticks(self.last).saturating_sub(ticks(self.first))
    }

    /// The bin of a time; `None` where its unit is another one.
    #[must_use]
    pub(crate) fn bin(self, time: Time) -> Option<usize> {
        Axis::new((self.first, time))?;
        let since = ticks(time).saturating_sub(ticks(self.first));
        let bin = u128::from(since) * BINS as u128 / (u128::from(self.length()) + 1);
        Some((bin as usize).min(BINS - 1))
    }

    /// The time at a share of the axis, from 0 to 1.
    #[must_use]
    pub(crate) fn at(self, share: f64) -> Time {
        let ticks = ticks(self.first).saturating_add((self.length() as f64 * share) as u64);
        match self.first.stamp() {
            Stamp::Nanoseconds(_) => Time::nanoseconds(ticks),
            Stamp::Count(_) => Time::count(ticks),
        }
    }

    /// The length of the axis, or of a share of it, for people.
    #[must_use]
    pub(crate) fn span(self, share: f64) -> String {
        let length = self.length() as f64 * share;
        match self.first.stamp() {
            Stamp::Count(_) => format!("{length:.0} counts"),
            Stamp::Nanoseconds(_) if length >= 1e9 => format!("{:.3} s", length / 1e9),
            Stamp::Nanoseconds(_) => format!("{:.3} ms", length / 1e6),
        }
    }
}

/// One input over time, on its own clock.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Timeline {
    /// The input's name.
    pub(crate) name: Untrusted,
    /// Its time; `None` where it has no time stamps.
    pub(crate) axis: Option<Axis>,
    /// The rows of the busiest CPUs with drops.
    pub(crate) rows: BTreeMap<CpuKey, Row>,
    /// Further CPUs with drops, and their row.
    pub(crate) others: (usize, Row),
    /// Drops of each reason in the same rows and bins, the row of the others behind all.
    pub(crate) moments: Moments,
    /// CPUs without a drop.
    pub(crate) quiet: usize,
    /// Drops without a time stamp.
    pub(crate) untimed: u64,
    /// What was read for `fast`, wherever it may be; `None` in bins in which nothing was.
    pub(crate) fast: Vec<[Option<Band>; FAST_AT.len()]>,
    /// Its counters and limits.
    pub(crate) counters: Option<Counters>,
    /// The facts before and after.
    pub(crate) facts: Option<Facts>,
}

impl Timeline {
    /// An empty timeline of the one input that a summary is of.
    #[must_use]
    pub(crate) fn new(summary: &Summary) -> Timeline {
        let mut busiest = summary.cpus_by_drops();
        busiest.retain(|(drops, _)| *drops > 0);
        let others = busiest.len().saturating_sub(MAX_ROWS);
        let quiet = summary.per_cpu.len() - busiest.len();
        busiest.truncate(MAX_ROWS);
        let empty = || vec![Cell::default(); BINS];
        Timeline {
            name: Untrusted::joined(&summary.inputs),
            axis: summary.window.and_then(Axis::new),
            rows: map_of(busiest.into_iter().map(|(_, cpu)| (cpu, empty()))),
            others: (others, empty()),
            moments: Moments::default(),
            quiet,
            untimed: 0,
            fast: vec![[None; FAST_AT.len()]; BINS],
            counters: summary.findings.counters.clone(),
            facts: summary.facts.clone(),
        }
    }

    /// All CPUs together.
    #[must_use]
    pub(crate) fn total(&self) -> Row {
        let mut total = self.others.1.clone();
        for row in self.rows.values() {
            for (sum, cell) in total.iter_mut().zip(row) {
                sum.iter_mut().zip(cell).for_each(|(a, b)| *a += b);
            }
        }
        total
    }

    /// The row and the bin of a drop; `None` where its time is not on the axis.
    #[must_use]
    pub(crate) fn place(&self, cpu: CpuKey, time: Time) -> Option<Place> {
        let bin = self.axis?.bin(time)?;
        let own = self.rows.keys().position(|row| *row == cpu);
        Some((own.unwrap_or(self.rows.len()), bin))
    }

    fn note_fast(&mut self, time: Time, readings: FastReadings) {
        let Some(bin) = self.axis.and_then(|axis| axis.bin(time)) else {
            return;
        };
        for (band, fast) in self.fast[bin].iter_mut().zip(readings) {
            let Some(fast) = fast else { continue };
            let band = band.get_or_insert(Band {
                min: fast,
                max: fast,
            });
            band.min = band.min.min(fast);
            band.max = band.max.max(fast);
        }
    }
}

impl DecidedSink for Timeline {
    fn drop(&mut self, drop: &DecidedDrop<'_>) {
        let context = drop.context;
        let cpu = CpuKey::from(context.map(|c| c.cpu));
        let place = context.and_then(|context| self.place(cpu, context.time));
        let Some((row, bin)) = place else {
            self.untimed += drop.count;
            return;
        };
        let of = drop.classification;
        self.moments.add((row, bin), of.into(), drop.count);
        let row = self.rows.get_mut(&cpu).unwrap_or(&mut self.others.1);
        row[bin][of.class as usize] += drop.count;
    }

    fn fast(&mut self, time: Time, readings: FastReadings) {
        self.note_fast(time, readings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_a_bin_and_the_ends_are_those_of_the_axis() {
        let axis = |first, last| Axis::new((Time::count(first), Time::count(last))).unwrap();
        assert_eq!(axis(10, 10).bin(Time::count(10)), Some(0));
        assert_eq!(axis(0, u64::MAX).bin(Time::count(u64::MAX)), Some(BINS - 1));
        assert_eq!(axis(100, 195).bin(Time::count(195)), Some(BINS - 1));
        assert_eq!(axis(100, 195).bin(Time::count(100)), Some(0));
        assert_eq!(axis(100, 195).bin(Time::count(5)), Some(0));
        assert_eq!(axis(100, 195).bin(Time::count(900)), Some(BINS - 1));
        assert_eq!(axis(0, 9).bin(Time::nanoseconds(3)), None);
        assert_eq!(Axis::new((Time::count(1), Time::nanoseconds(2))), None);
        assert_eq!(axis(0, 200).at(0.5), Time::count(100));
    }

    #[test]
    fn spans_are_in_the_unit_of_the_clock() {
        let ns = |n| Axis::new((Time::nanoseconds(0), Time::nanoseconds(n))).unwrap();
        assert_eq!(ns(2_500_000_000).span(1.0), "2.500 s");
        assert_eq!(ns(2_500_000_000).span(0.01), "25.000 ms");
        let counts = Axis::new((Time::count(5), Time::count(105))).unwrap();
        assert_eq!(counts.span(1.0), "100 counts");
    }
}
