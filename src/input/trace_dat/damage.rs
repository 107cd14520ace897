//! What is wrong with a file, where, and what to try.

use std::{fmt, io};

/// What may help whoever has the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The bytes cannot be what trace-cmd wrote.
    CopyAgain,
    /// Nothing is wrong but that this program cannot read it.
    UseTraceCmd,
    /// The recorder was not allowed to see what matters.
    RecordAsRoot,
}

/// Damage to one part of a trace.dat, or a part that is not supported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damage {
    /// The part of the file, by the name of trace-cmd.dat(5).
    pub(crate) part: &'static str,
    /// Where it starts, in bytes from the start of the file.
    pub(crate) offset: u64,
    /// What is wrong with it.
    pub(crate) what: String,
    /// What to try.
    pub(crate) remedy: Remedy,
}

impl Damage {
    /// A part that cannot be what trace-cmd wrote.
    pub(super) fn new(part: &'static str, offset: u64, what: impl Into<String>) -> Self {
        Damage {
            part,
            offset,
            what: what.into(),
            remedy: Remedy::CopyAgain,
        }
    }

    /// A part that is sound and not supported.
    pub(super) fn unsupported(part: &'static str, offset: u64, what: impl Into<String>) -> Self {
        Damage {
            remedy: Remedy::UseTraceCmd,
            ..Damage::new(part, offset, what)
        }
    }

    /// A part that the system does not give.
    pub(super) fn unreadable(part: &'static str, offset: u64, error: &io::Error) -> Self {
        Damage::new(part, offset, format!("cannot be read: {error}"))
    }

    /// A part that the file ends in.
    pub(super) fn cut_off(part: &'static str, offset: u64) -> Self {
        Damage::new(part, offset, "is cut off or its size is wrong")
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = match self.remedy {
            Remedy::CopyAgain => "copy the file again, whole, or try trace-cmd report",
            Remedy::UseTraceCmd => "turn it into text with trace-cmd report",
            Remedy::RecordAsRoot => "record as root, with kernel.kptr_restrict at 0 or 1",
        };
        write!(
            f,
            "{} at byte {}: {}; {remedy}",
            self.part, self.offset, self.what
        )
    }
}

impl std::error::Error for Damage {}

/// What was wrong with a file whose rest could be read: the first damage stands for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damages {
    first: Option<Damage>,
    others: u64,
}

impl Damages {
    /// Notes one more.
    pub(super) fn push(&mut self, damage: Damage) {
        match self.first {
            None => self.first = Some(damage),
            Some(_) => self.others = self.others.saturating_add(1),
        }
    }

    /// Notes what went wrong, if anything did.
    pub(super) fn note(&mut self, done: Result<(), Damage>) {
        if let Err(damage) = done {
            self.push(damage);
        }
    }

    /// True where nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }
}

impl fmt::Display for Damages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(first) = &self.first {
            first.fmt(f)?;
        }
        match self.others {
            0 => Ok(()),
            others => write!(f, " (and {others} more)"),
        }
    }
}

impl std::error::Error for Damages {}
