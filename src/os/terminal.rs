//! What the terminal can show.

use std::ffi::OsStr;
use std::io::{self, IsTerminal};

/// A terminal as somebody looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// Its width in columns.
    pub(crate) width: usize,
    /// Whether the locale is UTF-8.
    pub(crate) unicode: bool,
}

impl Terminal {
    /// Standard output, where it is a terminal that tells its width.
    #[must_use]
    pub(crate) fn of_stdout() -> Option<Terminal> {
        let stdout = io::stdout();
        if !stdout.is_terminal() {
            return None;
        }
        let width = usize::from(rustix::termios::tcgetwinsize(&stdout).ok()?.ws_col);
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .filter_map(std::env::var_os)
            .find(|value| !value.is_empty());
        Some(Terminal {
            width,
            unicode: locale.is_some_and(|locale| is_unicode(&locale)),
        })
    }
}

/// Whether a locale's encoding is UTF-8, as `C.UTF-8` and `de_DE.utf8` say.
fn is_unicode(locale: &OsStr) -> bool {
    let name = locale.to_string_lossy().to_ascii_lowercase();
    name.ends_with("utf-8") || name.ends_with("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_say_their_encoding() {
        for (name, unicode) in [
            ("C.UTF-8", true),
            ("de_DE.utf8", true),
            ("C", false),
            ("de_DE.ISO-8859-1", false),
        ] {
            assert_eq!(is_unicode(OsStr::new(name)), unicode, "{name}");
        }
    }
}
