//! Text in a framing line.

use std::borrow::Cow;
use std::fmt;

/// Text that fits behind a key: on one line, without white space around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OneLine<'a>(Cow<'a, str>);

impl<'a> OneLine<'a> {
    /// Takes text as it is, but for what would not fit: ends of lines inside it become `?`.
    #[must_use]
    pub(crate) fn new(text: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        let text = String::from_utf8_lossy(text.as_ref().trim_ascii());
        OneLine(match text.contains('\n') {
            true => text.replace('\n', "?").into(),
            false => text,
        })
    }

    /// Names, separated by commas.
    #[must_use]
    pub(crate) fn of_names<'n>(names: impl IntoIterator<Item = &'n str>) -> OneLine<'static> {
        let names: Vec<&str> = names.into_iter().collect();
        OneLine(OneLine::new(&names.join(",")).0.into_owned().into())
    }

    /// The names in a list of them.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split(',')
    }

    /// The text.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
