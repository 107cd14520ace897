//! Takes text out of the pipe, as much as there is or as time allows.

use std::time::Instant;

use crate::tracefs::error::TraceError;
use crate::tracefs::files::{Pipe, read_some};
use crate::tracefs::record::recorder::{BUFFER, Recorder, TICK};
use crate::tracefs::record::recording::Limit;

/// What came of a reading.
#[derive(Default)]
pub(super) struct Gathered {
    /// Something was read.
    pub(super) any: bool,
    /// It was all there was.
    pub(super) is_all: bool,
    /// The limit that was reached.
    pub(super) full: Option<Limit>,
}

impl Recorder<'_, '_> {
    /// Reads what waits, for at most a tick, and writes it.
    pub(super) fn gather(
        &mut self,
        pipe: &mut dyn Pipe,
        buffer: &mut [u8],
    ) -> Result<Gathered, TraceError> {
        let began = Instant::now();
        let mut gathered = Gathered::default();
        while let Some(n) = read_some(pipe, buffer).map_err(self.failed())? {
            gathered.any = true;
            gathered.full = self.keep(&buffer[..n])?;
            let late = began.elapsed() >= TICK || self.env.signals.came().is_some();
            if gathered.full.is_some() || late {
                return Ok(gathered);
            }
        }
        gathered.is_all = true;
        Ok(gathered)
    }

    /// Reads the buffer to its end; no more events flow into it.
    pub(super) fn rest(&mut self, pipe: &mut dyn Pipe) -> Result<(), TraceError> {
        let mut buffer = vec![0; BUFFER];
        pipe.catch_up().map_err(self.failed())?;
        while let Some(n) = read_some(pipe, &mut buffer).map_err(self.failed())? {
            if self.keep(&buffer[..n])?.is_some() {
                break;
            }
        }
        Ok(())
    }
}
