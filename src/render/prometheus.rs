//! What the text format of Prometheus needs.

use std::io::{self, Write};

use crate::text::harmless;

/// A label's value, as the format wants it escaped.
pub(super) fn escaped(value: &str) -> String {
    harmless(value.as_bytes())
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n")
}

/// The head of a family.
pub(super) fn family(name: &str, kind: &str, help: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# HELP {name} {help}")?;
    writeln!(out, "# TYPE {name} {kind}")
}
