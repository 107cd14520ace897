//! The pseudonyms that a command line asks for.

use anyhow::Context;

use crate::anonymize::capture::CaptureText;
use crate::anonymize::key::Key;
use crate::anonymize::pseudonyms::Pseudonyms;
use crate::cli::anonymize::{AnonymizeArgs, KeyChoice};
use crate::os::random;
use crate::tracefs::record::output::Rewrite;

/// The pseudonyms; `None` where names are to stay.
///
/// # Errors
/// Where a key was to be drawn, and the system gives none.
pub(crate) fn pseudonyms(args: &AnonymizeArgs) -> anyhow::Result<Option<Pseudonyms>> {
    let key = match args.key() {
        None => return Ok(None),
        Some(KeyChoice::Named(text)) => Key::of_text(text),
        Some(KeyChoice::Drawn) => {
            let drawn = random::bytes();
            Key::drawn(drawn.context("cannot draw a key; name one with --anonymize=KEY")?)
        }
    };
    Ok(Some(Pseudonyms::new(key)))
}

/// The text of a capture by pseudonyms, as it goes out.
#[derive(Debug)]
struct Rewritten(CaptureText);

impl Rewrite for Rewritten {
    fn rewrite(&mut self, piece: &[u8]) -> Vec<u8> {
        self.0.rewrite(piece)
    }

    fn is_open(&self) -> bool {
        self.0.is_open()
    }

    fn cut(&mut self) {
        self.0.cut();
    }
}

/// What a capture goes through where there are pseudonyms.
pub(crate) fn rewrite(names: Option<&Pseudonyms>) -> Option<Box<dyn Rewrite>> {
    let text = CaptureText::new(names?.clone());
    Some(Box::new(Rewritten(text)))
}
