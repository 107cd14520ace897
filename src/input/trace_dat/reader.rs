//! The text of a file, made while it is read.

use std::fs::File;
use std::io::{self, Read};

use crate::input::trace_dat::blocks::Blocks;
use crate::input::trace_dat::contents::{Contents, EmbeddedText};
use crate::input::trace_dat::damage::{Damage, Damages};
use crate::input::trace_dat::layout;
use crate::input::trace_dat::merge::Merge;
use crate::input::trace_dat::print::{Printer, preamble};
use crate::input::trace_dat::store::Store;

/// Bytes of text made before they are handed out.
const BATCH: usize = 64 * 1024;
/// The text of a file is at most so many times its size, far more than one of alike stacks comes
/// to: names and descriptions are printed as often as pages ask for them.
const MAX_TEXT: u64 = 512;
/// Bytes of embedded text taken at a time.
const TEXT_STEP: u64 = 64 * 1024;

enum Stage {
    Start,
    Events(Box<(Contents, Merge, Printer)>),
    Texts(Vec<EmbeddedText>),
    Text(Blocks, Vec<EmbeddedText>),
    End,
}

/// The text of a file. Reading ends with an error that holds [`Damages`] if anything was
/// damaged, after everything that could be read.
pub struct TraceDat {
    store: Store,
    damages: Damages,
    stage: Stage,
    text: Vec<u8>,
    given: usize,
    /// Bytes of text so far.
    made: u64,
}

impl TraceDat {
    /// The first `len` bytes of a file. `broken` says why the file itself is not whole, where
    /// it is a copy of something that broke off.
    #[must_use]
    pub fn new(file: File, len: u64, broken: Option<&io::Error>) -> Self {
        let mut damages = Damages::default();
        if let Some(error) = broken {
            damages.push(Damage::new("file", len, format!("breaks off: {error}")));
        }
        TraceDat {
            store: Store::new(file, len),
            damages,
            stage: Stage::Start,
            text: Vec::new(),
            given: 0,
            made: 0,
        }
    }

    fn start(&mut self) -> Result<Stage, Damage> {
        let mut contents = layout::read(&mut self.store, &mut self.damages)?;
        preamble(&mut self.text, &contents);
        if contents.buffers.is_empty() && contents.texts.is_empty() {
            self.damages
                .push(Damage::new("options", 0, "name no trace buffer"));
        }
        if contents.buffers.is_empty() {
            return Ok(Stage::Texts(std::mem::take(&mut contents.texts)));
        }
        let merge = Merge::new(&contents, &mut self.store, &mut self.damages)?;
        let parts = (contents, merge, Printer::default());
        Ok(Stage::Events(Box::new(parts)))
    }

    /// Makes more text; what follows it.
    fn more(&mut self, stage: Stage) -> Stage {
        match stage {
            Stage::Start => self.start().unwrap_or_else(|damage| {
                self.damages.push(damage);
                Stage::End
            }),
            Stage::Events(mut parts) => {
                let (contents, merge, printer) = &mut *parts;
                while self.text.len() < BATCH {
                    let Some(event) = merge.next(&mut self.store, &mut self.damages) else {
                        if printer.twice > 0 {
                            let line = format!(
                                "# {} events that another buffer shows too\n",
                                printer.twice
                            );
                            self.text.extend(line.bytes());
                        }
                        return Stage::Texts(std::mem::take(&mut contents.texts));
                    };
                    printer.print(&mut self.text, &event, contents);
                }
                Stage::Events(parts)
            }
            Stage::Texts(mut texts) => match texts.pop() {
                Some(text) => {
                    let blocks = Blocks::new(text.offset, text.size, text.compression, TEXT_STEP);
                    Stage::Text(blocks, texts)
                }
                None => Stage::End,
            },
            Stage::Text(mut blocks, texts) => match blocks.next(&mut self.store) {
                Ok(Some(block)) => {
                    self.text.extend_from_slice(&block);
                    self.store.give_back(&block);
                    Stage::Text(blocks, texts)
                }
                Ok(None) => Stage::Texts(texts),
                Err(damage) => {
                    self.damages.push(damage);
                    Stage::Texts(texts)
                }
            },
            Stage::End => Stage::End,
        }
    }
}

impl Read for TraceDat {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            self.text.clear();
            self.given = 0;
            if matches!(self.stage, Stage::End) {
                if self.damages.is_empty() {
                    return Ok(0);
                }
                return Err(io::Error::other(std::mem::take(&mut self.damages)));
            }
            let stage = std::mem::replace(&mut self.stage, Stage::End);
            self.stage = self.more(stage);
            self.made = self.made.saturating_add(self.text.len() as u64);
            if self.made > self.store.len().saturating_mul(MAX_TEXT) {
                let what = format!("is more than {MAX_TEXT} times the file");
                self.damages.push(Damage::new("text", 0, what));
                self.stage = Stage::End;
            }
            if matches!(self.stage, Stage::End) && !self.damages.is_empty() {
                // A last stack is known to be whole once another line follows.
                self.text.extend(b"# damaged\n");
            }
        }
        let left = self.text.get(self.given..).unwrap_or_default();
        let n = left.len().min(out.len());
        out[..n].copy_from_slice(&left[..n]);
        self.given = self.given.saturating_add(n);
        Ok(n)
    }
}
