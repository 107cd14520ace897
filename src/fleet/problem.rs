//! What could not be merged, and why: each by name, as long as there is room for names.

use std::fmt;

use serde::Serialize;

/// Problems that are named; those beyond are counted.
pub const MAX_NAMED: usize = 10_000;

/// Where a document begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Name of the input; `-` is standard input.
    pub input: String,
    /// Line in it, from 1; `None` where the input as a whole is meant.
    pub line: Option<u64>,
    /// Column of what is wrong, from 1.
    pub column: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.input)?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        Ok(())
    }
}

/// Why a document is in no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The input could not be opened or read to its end.
    Unreadable,
    /// There is no document in the input.
    Empty,
    /// The document ends too early.
    Truncated,
    /// No JSON.
    Broken,
    /// JSON, but nothing that can be merged.
    Foreign,
    /// A report or status in a form that this version does not know.
    Version,
    /// A report or status by its name, but not by its members.
    Malformed,
    /// A document of more than 32 MiB.
    TooLarge,
    /// A host beyond the number that there is room for.
    Beyond,
    /// The same document of the same host again. The only kind that loses nothing.
    Duplicate,
}

impl Kind {
    /// All kinds, in the order of every output.
    pub const ALL: [Kind; 10] = [
        Kind::Unreadable,
        Kind::Empty,
        Kind::Truncated,
        Kind::Broken,
        Kind::Foreign,
        Kind::Version,
        Kind::Malformed,
        Kind::TooLarge,
        Kind::Beyond,
        Kind::Duplicate,
    ];

    /// The name used in every output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Unreadable => "unreadable",
            Kind::Empty => "empty",
            Kind::Truncated => "truncated",
            Kind::Broken => "broken",
            Kind::Foreign => "foreign",
            Kind::Version => "version",
            Kind::Malformed => "malformed",
            Kind::TooLarge => "too-large",
            Kind::Beyond => "beyond",
            Kind::Duplicate => "duplicate",
        }
    }
}

/// A document that is in no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it is.
    pub place: Place,
    /// What kind of problem.
    pub kind: Kind,
    /// What is wrong, and what to do.
    pub text: String,
}

/// All problems: counted by kind, and named up to [`MAX_NAMED`].
#[derive(Debug, Clone, Default)]
pub struct Problems {
    counts: [u64; Kind::ALL.len()],
    named: Vec<Problem>,
}

impl Problems {
    /// Counts a problem, and names it where there is room.
    pub fn add(&mut self, problem: Problem) {
        self.counts[problem.kind as usize] += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(problem);
        }
    }

    /// How many of a kind.
    #[must_use]
    pub fn of_kind(&self, kind: Kind) -> u64 {
        self.counts[kind as usize]
    }

    /// Documents that were lost: all kinds but duplicates.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.counts.iter().sum::<u64>() - self.of_kind(Kind::Duplicate)
    }

    /// Those with a name, in the order of the input.
    #[must_use]
    pub fn named(&self) -> &[Problem] {
        &self.named
    }

    /// How many are counted without a name.
    #[must_use]
    pub fn unnamed(&self) -> u64 {
        self.counts.iter().sum::<u64>() - self.named.len() as u64
    }
}
