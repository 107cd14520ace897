//! What the numbers of a trace clock mean, and how times are printed.

/// From a buffer's time stamps to what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Clock {
    /// Bare counts (`counter`, `x86-tsc`); else nanoseconds.
    pub(crate) counts: bool,
    /// Multiplier and shift from counts to nanoseconds (option TSC2NSEC).
    pub(crate) scale: Option<(u32, u32)>,
    /// Added to every time, in nanoseconds (options OFFSET and DATE).
    pub(crate) offset: i64,
}

/// Clocks that count something other than time (Documentation/trace/ftrace.rst, `trace_clock`).
const COUNTS: [&[u8]; 3] = [b"counter", b"x86-tsc", b"ppc-tb"];

impl Clock {
    /// Sets the clock by its name, or by the line of all of them with `[…]` around this one.
    pub(crate) fn name(&mut self, text: &[u8]) {
        let start = memchr::memchr(b'[', text).map_or(0, |at| at.saturating_add(1));
        let name = text.get(start..).unwrap_or_default();
        let end = name
            .iter()
            .position(|b| matches!(b, b']' | b'\n' | 0))
            .unwrap_or(name.len());
        self.counts = COUNTS.contains(&name[..end].trim_ascii());
    }

    /// A time stamp as a number of the clock's own unit.
    pub(crate) fn time(self, stamp: u64) -> u64 {
        let scaled = match self.scale {
            Some((multiplier, shift)) => {
                (u128::from(stamp).saturating_mul(multiplier.into()) >> shift.min(127)) as u64
            }
            None => stamp,
        };
        scaled.saturating_add_signed(self.offset)
    }

    /// Seconds with six digits, rounded, or a bare count.
    pub(crate) fn print(self, time: u64) -> String {
        if self.counts && self.scale.is_none() {
            return format!("{time:>12}");
        }
        let us = (time / 1000).saturating_add(u64::from(time % 1000 >= 500));
        format!("{:>5}.{:06}", us / 1_000_000, us % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_counts() {
        let mut clock = Clock::default();
        clock.name(b"local [global] counter");
        assert_eq!(clock.print(107_735_330_123), "  107.735330");
        assert_eq!(clock.print(1_999_999_500), "    2.000000");
        clock.name(b"counter\0");
        assert_eq!(clock.print(42), "          42");
        clock.scale = Some((1 << 30, 31));
        clock.offset = -1;
        assert_eq!(clock.time(2_000_001), 999_999);
        assert_eq!(clock.print(999_999), "    0.001000");
        assert_eq!(
            Clock {
                offset: -1,
                ..clock
            }
            .time(0),
            0
        );
    }
}
