//! CPUs and causes in few words.

use crate::diagnosis::class::{Class, Weight};
use crate::render::watch::pen::Tone;
use crate::report::summary::{CpuKey, CpuRow};

/// Columns from which on the longest names have room.
pub(super) const ROOMY: u16 = 100;

/// `3`, or `-` where the trace does not say.
pub(super) fn number(cpu: CpuKey) -> String {
    match cpu {
        CpuKey::Cpu(n) => n.to_string(),
        CpuKey::None => "-".to_owned(),
    }
}

/// The cause of most drops, and how many others there are.
pub(super) fn cause(row: &CpuRow) -> String {
    let causes = row.by_class.iter().filter(|(_, n)| **n > 0);
    let most = causes
        .clone()
        .max_by_key(|(class, n)| (**n, std::cmp::Reverse(**class)));
    match (most, causes.count()) {
        (Some((class, _)), 1) => class.name().to_owned(),
        (Some((class, _)), others) => format!("{} +{}", class.name(), others - 1),
        (None, _) => String::new(),
    }
}

/// The tone of a cause.
pub(super) fn tone(class: Class) -> Tone {
    match class.weight() {
        Weight::Fault => Tone::Bad,
        Weight::MayBeFault => Tone::Warn,
        Weight::Other => Tone::Plain,
    }
}
