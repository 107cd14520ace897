//! Parsers of single values, each with an error that says what to write instead.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use regex::bytes::{Regex, RegexBuilder};

use crate::diagnosis::class::Class;
use crate::host::cpulist::{self, CpuListError};
use crate::kernel::protocols;
use crate::lab::scenario::{SCENARIOS, Scenario};
use crate::render::format::{Document, FormatEntry};
use crate::report::packet_filter::Network;
use crate::trace::DevName;

/// One of these formats by its name; help and completions list them all.
pub(super) fn format<D: Document>(
    formats: &'static [FormatEntry<D>],
) -> impl TypedValueParser<Value = &'static FormatEntry<D>> {
    let name = |format: &FormatEntry<D>| PossibleValue::new(format.name).help(format.help);
    PossibleValuesParser::new(formats.iter().map(name)).try_map(|name| {
        let mut formats = formats.iter();
        formats
            .find(|format| format.name == name)
            .ok_or("no format")
    })
}

/// A scenario of the lab by its name; help and completions list them all.
pub(super) fn scenario() -> impl TypedValueParser<Value = &'static Scenario> {
    let name = |scenario: &Scenario| PossibleValue::new(scenario.name).help(scenario.about);
    PossibleValuesParser::new(SCENARIOS.iter().map(name))
        .try_map(|name| Scenario::named(&name).ok_or("no scenario"))
}

/// How long a scenario may take.
pub(super) fn lab_time(text: &str) -> Result<Duration, String> {
    const BOUNDS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);
    let time = duration(text)?;
    let fits = BOUNDS.contains(&time).then_some(time);
    fits.ok_or_else(|| format!("`{text}` is not between 1s and 1m"))
}

/// A list of CPUs such as `0-3,7`.
pub(super) fn cpus(text: &str) -> Result<Arc<BTreeSet<u32>>, CpuListError> {
    cpulist::parse(text).map(Arc::new)
}

/// A time stamp in the trace's own unit.
pub(super) fn time(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|n| n.is_finite());
    number.ok_or_else(|| "write a time stamp as the trace prints it, such as 52.564417".to_owned())
}

/// Names of tasks and functions are bytes: `.` is one, and classes are those of ASCII.
pub(super) fn regex(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).unicode(false).build()
}

/// The name of a class of drops.
pub(super) fn class(text: &str) -> Result<Class, String> {
    let known = Class::ALL.iter().find(|class| class.name() == text);
    known.copied().ok_or_else(|| {
        let names: Vec<&str> = Class::ALL.iter().map(|class| class.name()).collect();
        format!("known classes: {}", names.join(", "))
    })
}

/// An address, or a prefix.
pub(super) fn network(text: &str) -> Result<Network, String> {
    let network = Network::parse(text);
    network.ok_or_else(|| "write an IPv6 address, or a prefix such as fd00:10::/32".to_owned())
}

/// The name of a network interface.
pub(super) fn device(text: &str) -> Result<DevName, String> {
    let name = DevName::of_device(text.as_bytes());
    name.ok_or_else(|| "no interface can have this name; write one such as eth0".to_owned())
}

/// A protocol by name or number.
pub(super) fn protocol(text: &str) -> Result<u8, String> {
    let known = protocols::number(text).or_else(|| text.parse().ok());
    known.ok_or_else(|| {
        let names: Vec<&str> = protocols::names().collect();
        format!(
            "write a number from 0 to 255, or one of {}",
            names.join(", ")
        )
    })
}

/// Parts a number from the unit behind it.
fn number_and_unit(text: &str) -> (&str, &str) {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    text.split_at(digits.unwrap_or(text.len()))
}

/// Seconds in a time such as `500ms`, `30s`, `5m` or `1h`; without a unit it is in seconds.
fn seconds(text: &str) -> Option<f64> {
    let (number, unit) = number_and_unit(text);
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

/// A time to record for.
pub fn duration(text: &str) -> Result<Duration, String> {
    let duration = seconds(text).and_then(|s| Duration::try_from_secs_f64(s).ok());
    duration.ok_or_else(|| format!("{text:?} is no duration; write 30s, 5m, 1h or 500ms"))
}

/// A time between two looks.
pub fn interval(text: &str) -> Result<Duration, String> {
    let seconds =
        seconds(text).ok_or_else(|| format!("`{text}` is no time such as 500ms, 1s or 2m"))?;
    if !(0.01..=86_400.0).contains(&seconds) {
        return Err(format!("`{text}` is not between 10ms and 24h"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// A time that a number of looks fits in.
pub fn window(text: &str) -> Result<Duration, String> {
    between(
        text,
        Duration::from_secs(10),
        Duration::from_secs(86_400),
        "10s and 24h",
    )
}

/// A time between two looks at a recording.
pub fn look(text: &str) -> Result<Duration, String> {
    between(
        text,
        Duration::from_secs(1),
        Duration::from_secs(3600),
        "1s and 1h",
    )
}

fn between(text: &str, least: Duration, most: Duration, named: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    let is_possible = (least..=most).contains(&time);
    is_possible
        .then_some(time)
        .ok_or_else(|| format!("{text} is not between {named}"))
}

/// Bytes: `10M`, `512K`, `1G`, or a bare number; factors of 1024.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = number_and_unit(text);
    let factor = match unit.trim_end_matches(['B', 'i']) {
        "" => Some(1),
        "k" | "K" => Some(1 << 10),
        "m" | "M" => Some(1 << 20),
        "g" | "G" => Some(1 << 30),
        _ => None,
    };
    let number = number.parse::<u64>().ok();
    let bytes = number.zip(factor).and_then(|(n, f)| n.checked_mul(f));
    bytes.ok_or_else(|| format!("{text:?} is no size; write bytes, 512K, 10M or 1G"))
}

/// What one file of several may hold, in bytes.
const PART: RangeInclusive<u64> = 64 << 10..=16 << 30;

/// The size of each file of a recording that has several.
pub fn part_size(text: &str) -> Result<u64, String> {
    let size = size(text)?;
    let is_possible = PART.contains(&size);
    is_possible
        .then_some(size)
        .ok_or_else(|| format!("{text} is not between 64K and 16G"))
}

/// The size of all eight together.
pub fn ring_size(text: &str) -> Result<u64, String> {
    let size = size(text)?;
    let is_possible = PART.contains(&(size / 8));
    is_possible
        .then_some(size)
        .ok_or_else(|| format!("{text} is not between 512K and 128G"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["", "s", "-1s", "1x", "1e400"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(
            (size("10M"), size("1KiB"), size("7")),
            (Ok(10 << 20), Ok(1024), Ok(7))
        );
        for bad in ["", "M", "1T", "1.5M", "99999999999999999999"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_of_files_have_bounds() {
        for (text, part, ring) in [
            ("64K", true, false),
            ("65535", false, false),
            ("512K", true, true),
            ("524287", true, false),
            ("16G", true, true),
            ("17G", false, true),
            ("128G", false, true),
            ("129G", false, false),
        ] {
            assert_eq!(part_size(text).is_ok(), part, "{text}");
            assert_eq!(ring_size(text).is_ok(), ring, "{text}");
        }
        assert!(part_size("1T").unwrap_err().contains("is no size"));
    }

    #[test]
    fn windows_and_looks_have_bounds() {
        for (text, is_window, is_look) in [
            ("999ms", false, false),
            ("1s", false, true),
            ("9.9s", false, true),
            ("10s", true, true),
            ("1h", true, true),
            ("61m", true, false),
            ("24h", true, false),
            ("24.1h", false, false),
        ] {
            assert_eq!(window(text).is_ok(), is_window, "{text}");
            assert_eq!(look(text).is_ok(), is_look, "{text}");
        }
        assert!(window("x").unwrap_err().contains("is no duration"));
        assert!(look("0").unwrap_err().contains("not between 1s and 1h"));
    }

    #[test]
    fn words_of_packets() {
        assert_eq!(protocol("udp"), Ok(17));
        assert_eq!(protocol("ipv6-icmp"), protocol("58"));
        assert!(protocol("256").unwrap_err().contains("icmp6"));
        assert!(network("fd00::/8").is_ok() && network("192.0.2.1").is_err());
        assert!(device("eth0.100").is_ok() && device("eth0/1").is_err());
    }

    #[test]
    fn intervals() {
        let ms = |text| interval(text).map(|d| d.as_millis()).ok();
        assert_eq!(ms("500ms"), Some(500));
        assert_eq!(ms("1s"), Some(1000));
        assert_eq!(ms("1.5"), Some(1500));
        assert_eq!(ms("2m"), Some(120_000));
        for bad in [
            "", "s", "0", "0s", "-1s", "1d", "1 s", "nan", "inf", "25h", "1ms", "1e99",
        ] {
            assert_eq!(ms(bad), None, "{bad}");
        }
    }
}
