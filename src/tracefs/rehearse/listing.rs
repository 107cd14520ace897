//! The writes that would be made, in order, and what undoes each.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::mem::take;
use std::path::Path;

use crate::text::in_quotes;
use crate::tracefs::undo::change::Change;
use crate::tracefs::undo::journal::Told;

/// What is done to a file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// The text replaces what is there.
    Write(String),
    /// The text is added to what is there.
    Append(String),
    /// The directory is made.
    Mkdir,
    /// The directory is removed.
    Rmdir,
}

/// One write, as it would be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The file or directory, relative to tracefs.
    pub path: String,
    /// What is done to it.
    pub deed: Deed,
    /// The changes that the journal holds for it; none for what lies in an instance of our own.
    pub(crate) changes: Vec<Change>,
    /// It is one of those that put everything back.
    pub is_undo: bool,
}

/// A word as a shell reads it.
fn quoted(word: impl AsRef<OsStr>) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:,=+@%-".contains(c);
    match word.as_ref().to_str() {
        Some(word) if !word.is_empty() && !word.starts_with('-') && word.chars().all(is_plain) => {
            word.to_owned()
        }
        _ => in_quotes(word.as_ref()),
    }
}

impl Write {
    /// The shell command that does the same.
    #[must_use]
    pub(crate) fn shell(&self, root: &Path) -> String {
        let path = quoted(root.join(&self.path));
        let (text, into) = match &self.deed {
            Deed::Mkdir => return format!("mkdir {path}"),
            Deed::Rmdir => return format!("rmdir {path}"),
            Deed::Write(text) => (text, ">"),
            Deed::Append(text) => (text, ">>"),
        };
        let lines: Vec<String> = text.lines().map(quoted).collect();
        match &lines[..] {
            [] => format!(": {into} {path}"),
            [line] => format!("echo {line} {into} {path}"),
            lines => format!("printf '%s\\n' {} {into} {path}", lines.join(" ")),
        }
    }
}

/// The list, as far as it is written.
#[derive(Debug, Default)]
pub(crate) struct Listing(RefCell<Listed>);

#[derive(Debug, Default)]
struct Listed {
    writes: Vec<Write>,
    /// Changes whose write is next.
    announced: Vec<Change>,
    is_ending: bool,
}

impl Listing {
    /// Adds a write.
    pub(super) fn add(&self, path: &str, deed: Deed) {
        let mut listed = self.0.borrow_mut();
        let write = Write {
            path: path.to_owned(),
            deed,
            changes: take(&mut listed.announced),
            is_undo: listed.is_ending,
        };
        listed.writes.push(write);
    }

    /// What was added so far.
    pub(super) fn take(&self) -> Vec<Write> {
        take(&mut *self.0.borrow_mut()).writes
    }
}

impl Told for Listing {
    fn before(&self, change: &Change) {
        let mut listed = self.0.borrow_mut();
        let mut written = listed.writes.iter().flat_map(|write| &write.changes);
        if !written.any(|earlier| change.amends(earlier)) {
            listed.announced.push(change.clone());
        }
    }

    fn ending(&self) {
        self.0.borrow_mut().is_ending = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_does_the_same() {
        let shell = |path: &str, deed: Deed| {
            let write = Write {
                path: path.to_owned(),
                deed,
                changes: Vec::new(),
                is_undo: false,
            };
            write.shell(Path::new("/t"))
        };
        let text = |text: &str| Deed::Write(text.to_owned());
        assert_eq!(shell("tracing_on", text("1\n")), "echo 1 > /t/tracing_on");
        assert_eq!(shell("trace", text("")), ": > /t/trace");
        assert_eq!(
            shell("set_ftrace_pid", text("\n")),
            "echo '' > /t/set_ftrace_pid"
        );
        assert_eq!(
            shell("f", text("a\nb.isra.0\n")),
            "printf '%s\\n' a b.isra.0 > /t/f"
        );
        assert_eq!(
            shell("f", text("n == 'x'\n")),
            r"echo 'n == '\''x'\''' > /t/f"
        );
        let probe = Deed::Append("p:g/n f a=+0(%di):x64\n".to_owned());
        assert_eq!(shell("k", probe), "echo 'p:g/n f a=+0(%di):x64' >> /t/k");
        assert_eq!(
            shell("instances/a b", Deed::Mkdir),
            "mkdir '/t/instances/a b'"
        );
        assert_eq!(shell("instances/i", Deed::Rmdir), "rmdir /t/instances/i");
    }
}
