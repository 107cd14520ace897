//! Lists of CPUs as the kernel writes them: `0-3,7`.

use std::collections::BTreeSet;

/// More CPUs than any kernel is built for (`NR_CPUS` of x86-64).
pub(crate) const MAX_CPUS: u32 = 8192;

/// What is wrong with a list of CPUs.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CpuListError {
    /// A part is no number and no range.
    #[error("`{0}` is no CPU or range such as 0-3")]
    Malformed(String),
    /// The end of a range is before its start.
    #[error("the range `{0}` runs backwards")]
    Backwards(String),
    /// A range has more than [`MAX_CPUS`] CPUs.
    #[error("the range `{0}` is too long")]
    TooLong(String),
}

/// Parses a list of CPUs.
///
/// # Errors
/// Says what is wrong with the list.
pub fn parse(text: &str) -> Result<BTreeSet<u32>, CpuListError> {
    let mut set = BTreeSet::new();
    for part in text.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let number = |n: &str| n.trim().parse::<u32>();
        let (Ok(from), Ok(to)) = (number(from), number(to)) else {
            return Err(CpuListError::Malformed(part.to_owned()));
        };
        if from > to {
            return Err(CpuListError::Backwards(part.to_owned()));
        }
        if to - from >= MAX_CPUS {
            return Err(CpuListError::TooLong(part.to_owned()));
        }
        set.extend(from..=to);
    }
    Ok(set)
}

/// Writes such a list, each CPU by itself.
#[must_use]
pub(crate) fn list(cpus: &BTreeSet<u32>) -> String {
    let cpus: Vec<String> = cpus.iter().map(u32::to_string).collect();
    cpus.join(",")
}

/// Writes them as a mask, the way the kernel does: hexadecimal words of 32 bits, the highest first
/// and without zeros in front (lib/vsprintf.c: `bitmap_string`).
#[must_use]
pub(crate) fn mask(cpus: &BTreeSet<u32>) -> String {
    let mut words = vec![0_u32; cpus.last().map_or(0, |last| *last as usize / 32) + 1];
    for cpu in cpus {
        words[*cpu as usize / 32] |= 1 << (cpu % 32);
    }
    let mut words = words.into_iter().rev();
    let first = words.next().map(|word| format!("{word:x}"));
    let rest = words.map(|word| format!("{word:08x}"));
    first.into_iter().chain(rest).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_written_as_the_kernel_writes_them() {
        for (text, written) in [
            ("0", "1"),
            ("0-3,7", "8f"),
            ("31", "80000000"),
            ("1,32", "1,00000002"),
            ("64", "1,00000000,00000000"),
        ] {
            let cpus = parse(text).unwrap();
            assert_eq!(mask(&cpus), written, "{text}");
            assert_eq!(parse(&list(&cpus)), Ok(cpus), "{text}");
        }
    }

    #[test]
    fn cpu_lists() {
        let list = |text| parse(text).unwrap().into_iter().collect::<Vec<_>>();
        assert_eq!(list("0-2,7"), [0, 1, 2, 7]);
        assert_eq!(list("0"), [0]);
        for bad in ["", "a", "3-1", "1-", "0-4294967295", "0-8192"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
