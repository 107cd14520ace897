//! JSON values, written as with the macro of `serde_json`, which makes some 500 bytes of code of
//! each member. Here that is one function. And how they reach whoever reads them: with all that could harm a
//! terminal escaped.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::render::format::{Document, Extras, Format};
use crate::text::is_harmful;

/// A writer of JSON that escapes what is harmful on a terminal and what JSON lets pass: it reads as the same. Outside
/// of texts JSON has no such character.
pub(crate) struct Escaping<'a> {
    out: &'a mut dyn Write,
    /// The start of a character whose end is not there yet.
    begun: Vec<u8>,
}

impl<'a> Escaping<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        let begun = Vec::new();
        Escaping { out, begun }
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        let mut from = 0;
        // What is below belongs to the layout, for JSON escapes it in texts.
        for (at, c) in text
            .char_indices()
            .filter(|(_, c)| *c > '~' && is_harmful(*c))
        {
            self.out.write_all(&text.as_bytes()[from..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(self.out, "\\u{unit:04x}")?;
            }
            from = at + c.len_utf8();
        }
        self.out.write_all(&text.as_bytes()[from..])
    }
}

impl Write for Escaping<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.begun.is_empty() && bytes.iter().all(|byte| *byte < 0x7f) {
            return self.out.write(bytes);
        }
        self.begun.extend_from_slice(bytes);
        let text = std::mem::take(&mut self.begun);
        for chunk in text.utf8_chunks() {
            self.put(chunk.valid())?;
            // Nothing but the start of a character is no text here.
            self.begun = chunk.invalid().to_vec();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A format whose JSON is written [escaping](Escaping).
#[derive(Debug)]
pub(crate) struct Escaped<F>(pub(crate) F);

impl<D: Document, F: Format<D>> Format<D> for Escaped<F> {
    fn extras(&self) -> Extras {
        self.0.extras()
    }

    fn repeats(&self) -> bool {
        self.0.repeats()
    }

    fn write(&self, view: &D::View<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.0.write(view, &mut Escaping::new(out))
    }
}

/// The value of what has one: numbers, texts, lists. Once for each type, not for each member.
#[inline(never)]
pub(crate) fn value(of: &(impl Serialize + ?Sized)) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

/// An object of these members, in this order.
pub(crate) fn object(members: Vec<(&'static str, Value)>) -> Value {
    let mut object = Map::with_capacity(members.len());
    for (name, value) in members {
        object.insert(name.to_owned(), value);
    }
    Value::Object(object)
}

/// A JSON value: an object in braces, whose members may be such objects, or anything that can be
/// serialized.
macro_rules! json {
    (@members [$($done:tt)*]) => {
        $crate::render::json::object(vec![$($done)*])
    };
    (@members [$($done:tt)*] $name:literal: null $(, $($rest:tt)*)?) => {
        $crate::render::json::json!(
            @members [$($done)* ($name, serde_json::Value::Null),] $($($rest)*)?
        )
    };
    (@members [$($done:tt)*] $name:literal: {$($inner:tt)*} $(, $($rest:tt)*)?) => {
        $crate::render::json::json!(
            @members [$($done)* ($name, $crate::render::json::json!({$($inner)*})),] $($($rest)*)?
        )
    };
    (@members [$($done:tt)*] $name:literal: $value:expr $(, $($rest:tt)*)?) => {
        $crate::render::json::json!(
            @members [$($done)* ($name, $crate::render::json::value(&$value)),] $($($rest)*)?
        )
    };
    ({$($members:tt)*}) => {
        $crate::render::json::json!(@members [] $($members)*)
    };
    ($value:expr) => {
        $crate::render::json::value(&$value)
    };
}

pub(crate) use json;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_shows_nothing_harmful_and_reads_as_the_same() {
        let text =
            "節點 é \u{7f}\u{85}\u{9b}\u{202e}\u{200b}\u{feff}\u{e0041}\u{61c}\u{1b}\n\t\"\\ ☸";
        let value = json!({"a": text, "b": [text]});
        let mut whole = Vec::new();
        serde_json::to_writer_pretty(Escaping::new(&mut whole), &value).unwrap();
        let mut bytewise = Vec::new();
        let mut out = Escaping::new(&mut bytewise);
        for byte in serde_json::to_vec_pretty(&value).unwrap() {
            out.write_all(&[byte]).unwrap();
        }
        assert_eq!(whole, bytewise);
        let shown = String::from_utf8(whole).unwrap();
        assert!(
            !shown.chars().any(|c| c != '\n' && is_harmful(c)),
            "{shown}"
        );
        assert!(
            shown.contains("節點 é \\u007f\\u0085") && shown.contains("\\udb40\\udc41"),
            "{shown}"
        );
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
    }

    #[test]
    fn values_are_those_of_serde_json() {
        let (count, name) = (7, Some("ip6drop"));
        let ours = json!({
            "count": count,
            "none": null,
            "inside": {"name": name, "list": [1, 2], "empty": {}},
            "half": match count { 7 => 3.5, _ => 0.0 },
        });
        let theirs = serde_json::json!({
            "count": count,
            "none": null,
            "inside": {"name": name, "list": [1, 2], "empty": {}},
            "half": match count { 7 => 3.5, _ => 0.0 },
        });
        assert_eq!(ours.to_string(), theirs.to_string());
        assert_eq!(json!(name), serde_json::json!(name));
        assert_eq!(json!(f64::NAN), serde_json::json!(f64::NAN));
    }
}
