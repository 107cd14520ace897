//! Texts of documents, with a cap.

use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

/// Bytes kept of a text; names of hosts have 64 at most (`HOST_NAME_MAX`), of domains 253.
const MAX_TEXT: usize = 256;

/// A text, of which no more than [`MAX_TEXT`] bytes are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Capped(pub(super) String);

/// The beginning of `text` that has room.
pub(super) fn capped(text: &str) -> String {
    let end = (0..=MAX_TEXT.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at));
    text[..end.unwrap_or(0)].to_owned()
}

impl<'de> Deserialize<'de> for Capped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Beginning;
        impl Visitor<'_> for Beginning {
            type Value = Capped;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E>(self, text: &str) -> Result<Capped, E> {
                Ok(Capped(capped(text)))
            }
        }
        deserializer.deserialize_str(Beginning)
    }
}
