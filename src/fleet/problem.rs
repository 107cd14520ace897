//! What could not be merged, and why: each by name, as long as there is room for names.

use std::fmt;

use serde::Serialize;

use crate::text::Untrusted;

/// Problems that are named; those beyond are counted.
pub const MAX_NAMED: usize = 10_000;

/// Where a document begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Place {
    /// Name of the input; `-` is standard input.
    pub(crate) input: Untrusted,
    /// Line in it, from 1; `None` where the input as a whole is meant.
    pub(crate) line: Option<u64>,
    /// Column of what is wrong, from 1.
    pub(crate) column: Option<u64>,
}

impl Place {
    /// In one text, to be a name itself.
    #[must_use]
    pub(crate) fn name(&self) -> Untrusted {
        let mut name = self.input.raw().clone();
        for number in [self.line, self.column].into_iter().flatten() {
            name.push_str(&format!(":{number}"));
        }
        name.into()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}

/// Why a document is in no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
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

impl ProblemKind {
    /// All kinds, in the order of every output.
    pub(crate) const ALL: [ProblemKind; 10] = [
        ProblemKind::Unreadable,
        ProblemKind::Empty,
        ProblemKind::Truncated,
        ProblemKind::Broken,
        ProblemKind::Foreign,
        ProblemKind::Version,
        ProblemKind::Malformed,
        ProblemKind::TooLarge,
        ProblemKind::Beyond,
        ProblemKind::Duplicate,
    ];

    /// The name used in every output.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            ProblemKind::Unreadable => "unreadable",
            ProblemKind::Empty => "empty",
            ProblemKind::Truncated => "truncated",
            ProblemKind::Broken => "broken",
            ProblemKind::Foreign => "foreign",
            ProblemKind::Version => "version",
            ProblemKind::Malformed => "malformed",
            ProblemKind::TooLarge => "too-large",
            ProblemKind::Beyond => "beyond",
            ProblemKind::Duplicate => "duplicate",
        }
    }
}

/// A document that is in no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentProblem {
    /// Where it is.
    pub(crate) place: Place,
    /// What kind of problem.
    pub(crate) kind: ProblemKind,
    /// What is wrong, and what to do.
    pub(crate) text: Untrusted,
}

/// All problems: counted by kind, and named up to [`MAX_NAMED`].
#[derive(Debug, Clone, Default)]
pub struct Problems {
    counts: [u64; ProblemKind::ALL.len()],
    named: Vec<DocumentProblem>,
}

impl Problems {
    /// Counts a problem, and names it where there is room.
    pub(crate) fn add(&mut self, problem: DocumentProblem) {
        self.counts[problem.kind as usize] += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(problem);
        }
    }

    /// How many of a kind.
    #[must_use]
    pub fn of_kind(&self, kind: ProblemKind) -> u64 {
        self.counts[kind as usize]
    }

    /// Documents that were lost: all kinds but duplicates.
    #[must_use]
    pub(crate) fn lost(&self) -> u64 {
        self.counts.iter().sum::<u64>() - self.of_kind(ProblemKind::Duplicate)
    }

    /// Those with a name, in the order of the input.
    #[must_use]
    pub fn named(&self) -> &[DocumentProblem] {
        &self.named
    }

    /// How many are counted without a name.
    #[must_use]
    pub fn unnamed(&self) -> u64 {
        self.counts.iter().sum::<u64>() - self.named.len() as u64
    }
}
