//! Which reading a value belongs to: the one before the capture or the one after it.

use crate::host::fact::Fact;
use crate::host::facts::FactsError;
use crate::host::snapshot::Snapshot;

/// Puts values together to one reading or two.
#[derive(Debug, Default)]
pub(super) struct Readings {
    /// The first one, where a second has begun.
    before: Option<Snapshot>,
    /// The reading that is under way.
    now: Snapshot,
    /// Limits that were said again with the same value, as different commands may do: of the
    /// next reading, if one comes.
    again: Snapshot,
    /// Of the reading under way, and may be said once more.
    carried: Snapshot,
    /// Its counters are those of `nstat`; the others' are the same ones a moment later.
    by_nstat: Option<bool>,
    /// The second one is under way.
    pub(super) is_after: bool,
}

impl Readings {
    /// A line that says which reading begins.
    ///
    /// # Errors
    /// Fails where that is a third one.
    pub(super) fn begin(&mut self, is_after: bool, number: usize) -> Result<(), FactsError> {
        self.again = Snapshot::default();
        if !self.now.is_empty() {
            self.next(number)?;
        }
        self.is_after |= is_after;
        Ok(())
    }

    fn next(&mut self, number: usize) -> Result<(), FactsError> {
        if self.is_after {
            return Err(FactsError::TooMany(number));
        }
        self.before = Some(self.whole());
        self.carried = std::mem::take(&mut self.again);
        self.by_nstat = None;
        self.is_after = true;
        Ok(())
    }

    /// The reading under way, which ends.
    fn whole(&mut self) -> Snapshot {
        let mut now = std::mem::take(&mut self.now);
        let carried = std::mem::take(&mut self.carried);
        let missing: Vec<_> = carried.facts().filter(|fact| !now.has(fact)).collect();
        missing.iter().for_each(|fact| now.take(fact));
        now
    }

    /// Takes a value; `nstat` says that it is a counter from there.
    ///
    /// # Errors
    /// Fails where it begins a third reading.
    pub(super) fn take(
        &mut self,
        fact: &Fact<'_>,
        nstat: bool,
        number: usize,
    ) -> Result<(), FactsError> {
        if matches!(fact, Fact::Counter(..)) && *self.by_nstat.get_or_insert(nstat) != nstat {
            return Ok(());
        }
        if self.now.has(fact) {
            let is_limit = matches!(fact, Fact::Route(..) | Fact::Cpus(_));
            let mut same = self.now.clone();
            same.take(fact);
            if is_limit && same == self.now {
                self.again.take(fact);
                return Ok(());
            }
            self.next(number)?;
            if matches!(fact, Fact::Counter(..)) {
                self.by_nstat = Some(nstat);
            }
        }
        self.now.take(fact);
        Ok(())
    }

    /// The readings, before and after.
    pub(super) fn end(mut self) -> [Option<Snapshot>; 2] {
        let last = (!self.now.is_empty()).then(|| self.whole());
        if self.is_after {
            [self.before, last]
        } else {
            [last, None]
        }
    }
}
