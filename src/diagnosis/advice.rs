//! What to do, as one sentence and perhaps a command. Nothing is changed by itself.

use serde::Serialize;

/// How much an advice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Act: packets are being lost for a known reason.
    Action,
    /// The evidence is thin: look again, and how.
    Evidence,
    /// Worth knowing.
    Note,
}

/// One advice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Advice {
    /// How much it matters.
    pub(crate) severity: Severity,
    /// What and why, for people.
    pub(crate) text: String,
    /// A command to run, where one helps.
    pub(crate) command: Option<String>,
}
