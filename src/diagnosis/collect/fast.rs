//! `fast`, as the probe on the entry of `ip6_dst_gc` read it at each place where it may be, and
//! which of them is it.

use crate::host::{Facts, Snapshot};
use crate::kernel::dst_ops::{FAST_AT, FastReadings};
use crate::kernel::limits;
use crate::kernel::release::FIXED_BATCH;

/// The readings at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FastSeries {
    /// Smallest value.
    pub(crate) min: i64,
    /// Largest value.
    pub(crate) max: i64,
    /// Last value.
    pub(crate) last: i64,
    /// Calls that were read.
    pub(crate) samples: u64,
    /// Of which all changes are multiples; 0 where it never changed.
    step: u64,
    /// A reading that was not above the `gc_thresh` read beside it.
    low: Option<i64>,
}

/// Why no place is believed to be that of the counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// The facts do not say what it could be held against.
    Facts,
    /// The `gc_thresh` beside it is not that of the facts, or changed.
    Threshold,
    /// Not above `gc_thresh`, which it is whenever `ip6_dst_gc` is called (net/core/dst.c:
    /// `dst_alloc`).
    Low(i64),
    /// Further from `slow` than the CPUs can hide.
    Far,
    /// Its changes are no multiples of the batch (lib/percpu_counter.c: `percpu_counter_add_batch`).
    Steps,
    /// It was read once.
    Once,
    /// More than one place could be it.
    Several,
}

/// The readings at all places, and what was read beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FastReads {
    /// In the order of [`FAST_AT`].
    series: [Option<FastSeries>; FAST_AT.len()],
    /// The `gc_thresh` read beside them; `None` where it changed.
    gc_thresh: Option<i64>,
}

/// The place that is believed, and what was read there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fast {
    /// Its number in [`FAST_AT`].
    pub(crate) place: usize,
    /// What was read there.
    pub(crate) series: FastSeries,
}

impl Fast {
    /// Bytes from the start of `struct dst_ops`.
    #[must_use]
    pub(crate) fn offset(&self) -> u16 {
        FAST_AT[self.place].offset
    }
}

fn divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

impl FastSeries {
    fn note(series: &mut Option<FastSeries>, value: i64, gc_thresh: i64) {
        // Mostly it is what it was. Where the threshold is another, nothing is believed at all.
        if let Some(known) = series
            && known.last == value
        {
            known.samples += 1;
            return;
        }
        let known = series.get_or_insert(FastSeries {
            min: value,
            max: value,
            last: value,
            samples: 0,
            step: 0,
            low: None,
        });
        known.step = divisor(known.last.abs_diff(value), known.step);
        known.min = known.min.min(value);
        known.max = known.max.max(value);
        known.last = value;
        known.samples += 1;
        let is_low = value <= gc_thresh;
        known.low = known.low.or(is_low.then_some(value));
    }

    /// What speaks against its being the counter of a namespace whose `slow` was between these,
    /// on so many CPUs.
    fn doubt(&self, (low, high): (i64, i64), cpus: u32) -> Option<Doubt> {
        let slack = limits::slack(cpus);
        if let Some(value) = self.low {
            return Some(Doubt::Low(value));
        }
        if self.min < low.saturating_sub(slack) || self.max > high.saturating_add(slack) {
            return Some(Doubt::Far);
        }
        let batches = [limits::batch(cpus), FIXED_BATCH].map(i64::unsigned_abs);
        let fits = batches
            .into_iter()
            .any(|batch| self.step.is_multiple_of(batch));
        (!fits).then_some(Doubt::Steps)
    }
}

impl FastReads {
    /// Readings at the first place.
    #[cfg(test)]
    pub(crate) fn of(values: &[i64], gc_thresh: i64) -> Option<FastReads> {
        let mut reads = None;
        for value in values {
            FastReads::note(&mut reads, [Some(*value), None], gc_thresh);
        }
        reads
    }

    /// Takes what one probe read.
    pub(super) fn note(reads: &mut Option<FastReads>, readings: FastReadings, gc_thresh: i64) {
        let known = reads.get_or_insert(FastReads {
            series: [None; FAST_AT.len()],
            gc_thresh: Some(gc_thresh),
        });
        known.gc_thresh = known.gc_thresh.filter(|&before| before == gc_thresh);
        for (series, value) in known.series.iter_mut().zip(readings) {
            if let Some(value) = value {
                FastSeries::note(series, value, gc_thresh);
            }
        }
    }

    /// The places at which it can be the counter of these facts.
    fn candidates(&self, facts: &Facts) -> Result<Fast, Doubt> {
        let readings = [&facts.before, &facts.after].into_iter().flatten();
        let slows = || readings.clone().filter_map(Snapshot::slow);
        let known = || {
            let last = facts.last()?;
            let between = (slows().min()?, slows().max()?);
            Some((between, last.cpus?, last.gc_thresh()?))
        };
        let (between, cpus, gc_thresh) = known().ok_or(Doubt::Facts)?;
        if self.gc_thresh != Some(limits::unsigned_thresh(gc_thresh)) {
            return Err(Doubt::Threshold);
        }
        let mut found = Err(Doubt::Facts);
        for (place, series) in self.series.into_iter().enumerate() {
            let Some(series) = series else { continue };
            found = match (found, series.doubt(between, cpus)) {
                (Ok(_), None) => return Err(Doubt::Several),
                (_, None) => Ok(Fast { place, series }),
                // Where mainline has it something else does not speak against another place.
                (Err(Doubt::Facts), Some(doubt)) => Err(doubt),
                (before, Some(_)) => before,
            };
        }
        found
    }

    /// Whether something that was read can be the counter of these facts.
    #[must_use]
    pub(crate) fn fit(&self, facts: &Facts) -> bool {
        matches!(self.candidates(facts), Ok(_) | Err(Doubt::Several))
    }

    /// The counter: what alone fits, and did more than once.
    ///
    /// # Errors
    /// Why nothing is believed; of several places, what speaks against the first.
    pub(crate) fn believed(&self, facts: &Facts) -> Result<Fast, Doubt> {
        let found = self.candidates(facts)?;
        if found.series.samples < 2 {
            return Err(Doubt::Once);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On so many CPUs, with `slow` before and after.
    fn facts(slow: (u64, u64), gc_thresh: i64, cpus: u32) -> Facts {
        let reading = |slow: u64| {
            format!(
                "0032 0028 03e8 001e 0000 {slow:04x} 0000\nnet.ipv6.route.gc_thresh = {gc_thresh}\n\
                 net.ipv6.route.max_size = 366\n{cpus}\n"
            )
        };
        Facts::parse((reading(slow.0) + &reading(slow.1)).as_bytes()).unwrap()
    }

    /// What is believed of readings at both places.
    fn believed(readings: &[(FastReadings, i64)], facts: &Facts) -> Result<(u16, i64), Doubt> {
        let mut reads = None;
        for (reading, gc_thresh) in readings {
            FastReads::note(&mut reads, *reading, *gc_thresh);
        }
        let found = reads.unwrap().believed(facts);
        found.map(|fast| (fast.offset(), fast.series.last))
    }

    /// The same at the first place alone, beside a `gc_thresh` of 64, on 4 CPUs.
    fn first(values: &[i64]) -> Result<(u16, i64), Doubt> {
        let readings: Vec<_> = values.iter().map(|v| ([Some(*v), None], 64)).collect();
        believed(&readings, &facts((376, 379), 64, 4))
    }

    #[test]
    fn it_is_above_the_threshold_whenever_it_is_looked_at() {
        assert_eq!(first(&[256, 288]), Ok((136, 288)));
        let near = |low, thresh| {
            let readings = [
                ([Some(low), None], thresh),
                ([Some(low + 32), None], thresh),
            ];
            believed(&readings, &facts((376, 379), thresh, 4))
        };
        assert_eq!(near(289, 288), Ok((136, 321)));
        assert_eq!(near(288, 288), Err(Doubt::Low(288)));
        // 96 CPUs hide up to 18,336 entries: a zero would pass that.
        let zeros = [([Some(0), None], 64); 3];
        assert_eq!(
            believed(&zeros, &facts((5000, 5000), 64, 96)),
            Err(Doubt::Low(0))
        );
    }

    #[test]
    fn it_is_as_near_to_slow_as_the_cpus_can_hide() {
        let slack = 124;
        assert_eq!(first(&[376 - slack, 376 - slack]), Ok((136, 376 - slack)));
        assert_eq!(first(&[376 - slack - 1, 376 - slack - 1]), Err(Doubt::Far));
        assert_eq!(first(&[379 + slack, 379 + slack]), Ok((136, 379 + slack)));
        assert_eq!(first(&[379 + slack + 1, 379 + slack + 1]), Err(Doubt::Far));
    }

    #[test]
    fn it_changes_by_whole_batches() {
        assert_eq!(first(&[288, 320, 256, 288]), Ok((136, 288)));
        assert_eq!(first(&[300, 300, 300]), Ok((136, 300)));
        assert_eq!(first(&[288, 320, 319]), Err(Doubt::Steps));
        // Kernels differ in their batch.
        let on_many = |values: [i64; 2]| {
            let readings = values.map(|v| ([Some(v), None], 64));
            believed(&readings, &facts((5000, 5000), 64, 96))
        };
        assert_eq!(on_many([4800, 4992]), Ok((136, 4992)));
        assert_eq!(on_many([4800, 4832]), Ok((136, 4832)));
        assert_eq!(on_many([4800, 4848]), Err(Doubt::Steps));
    }

    #[test]
    fn one_reading_is_not_enough() {
        assert_eq!(first(&[288]), Err(Doubt::Once));
        let mut reads = None;
        FastReads::note(&mut reads, [Some(288), None], 64);
        assert!(reads.unwrap().fit(&facts((376, 379), 64, 4)));
    }

    #[test]
    fn exactly_one_place_is_it() {
        let both = |one, two| {
            let readings = [([one, two], 64); 2];
            believed(&readings, &facts((378, 378), 64, 4))
        };
        // As RHEL 8 and OpenCloudOS 5.4 print it, and as mainline does.
        assert_eq!(both(Some(0), Some(288)), Ok((200, 288)));
        assert_eq!(both(Some(288), Some(32_212_254_720_000)), Ok((136, 288)));
        assert_eq!(both(Some(0), Some(128_849_018_880_000)), Err(Doubt::Low(0)));
        assert_eq!(both(Some(9999), Some(0)), Err(Doubt::Far));
        assert_eq!(both(None, Some(288)), Ok((200, 288)));
        assert_eq!(both(None, None), Err(Doubt::Facts));
        // Two that could be it are none.
        assert_eq!(both(Some(288), Some(320)), Err(Doubt::Several));
        let mut reads = None;
        FastReads::note(&mut reads, [Some(288), Some(320)], 64);
        assert!(reads.unwrap().fit(&facts((378, 378), 64, 4)));
        assert!(!reads.unwrap().fit(&facts((1378, 1378), 64, 4)));
    }

    #[test]
    fn the_threshold_beside_it_is_that_of_the_facts() {
        let with = |beside: [i64; 2], told| {
            let readings = beside.map(|gc_thresh| ([Some(288), None], gc_thresh));
            believed(&readings, &facts((376, 379), told, 4))
        };
        assert_eq!(with([64, 64], 64), Ok((136, 288)));
        assert_eq!(with([64, 64], 65), Err(Doubt::Threshold));
        // A threshold that changed is none, also when it comes back.
        assert_eq!(with([65, 64], 64), Err(Doubt::Threshold));
        let mut without_cpus = facts((376, 379), 64, 4);
        without_cpus.after.as_mut().unwrap().cpus = None;
        let readings = [([Some(288), None], 64); 2];
        assert_eq!(believed(&readings, &without_cpus), Err(Doubt::Facts));
    }
}
