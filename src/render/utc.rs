//! Moments in UTC.

/// The last second of the year 9999.
const LAST: u64 = 253_402_300_799;

/// A date and a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    date: (u64, u64, u64),
    time: (u64, u64, u64),
}

/// The moment so many seconds after 1970; `None` after the year 9999.
fn moment(seconds: u64) -> Option<Moment> {
    if seconds > LAST {
        return None;
    }
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March end with the leap day: day and month follow without a table.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    Some(Moment {
        date: (year, month, day),
        time: (second / 3600, second / 60 % 60, second % 60),
    })
}

/// A moment in seconds since 1970 as `2026-11-24 22:01:37Z`; `None` outside the years 1970 to 9999.
pub(crate) fn utc(time: f64) -> Option<String> {
    if !(0.0..=LAST as f64 + 1.0).contains(&time) {
        return None;
    }
    let Moment { date, time } = moment(time as u64)?;
    let ((year, month, day), (hour, minute, second)) = (date, time);
    Some(format!(
        "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z"
    ))
}

/// A moment in nanoseconds since 1970 as RFC 3339 has it, with microseconds:
/// `2026-11-24T22:01:37.250000Z`.
pub(in crate::render) fn rfc3339(nanoseconds: u64) -> Option<String> {
    let Moment { date, time } = moment(nanoseconds / 1_000_000_000)?;
    let ((year, month, day), (hour, minute, second)) = (date, time);
    let micros = nanoseconds / 1000 % 1_000_000;
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
    ))
}

#[cfg(test)]
mod tests {
    use super::{rfc3339, utc};

    #[test]
    fn dates() {
        for (time, text) in [
            (0.0, "1970-01-01 00:00:00Z"),
            (951_782_400.0, "2000-02-29 00:00:00Z"),
            (951_868_799.9, "2000-02-29 23:59:59Z"),
            (1_709_164_800.0, "2024-02-29 00:00:00Z"),
            (1_735_689_599.0, "2024-12-31 23:59:59Z"),
            (4_107_542_400.0, "2100-03-01 00:00:00Z"),
            (253_402_300_799.0, "9999-12-31 23:59:59Z"),
        ] {
            assert_eq!(utc(time).as_deref(), Some(text));
        }
        for none in [-1.0, f64::NAN, f64::INFINITY, 1e18, 253_402_300_800.0] {
            assert_eq!(utc(none), None);
        }
    }

    #[test]
    fn moments_with_microseconds() {
        for (nanoseconds, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_764_021_697_250_000_999, "2025-11-24T22:01:37.250000Z"),
            (u64::MAX, "2554-07-21T23:34:33.709551Z"),
        ] {
            assert_eq!(rfc3339(nanoseconds).as_deref(), Some(text));
        }
    }
}
