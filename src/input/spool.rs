//! Copies of what cannot be read twice, or anywhere.

use std::fs::File;
use std::io::{self, Read, Write};

/// Why the temporary file could not be made or written; no fault of the input.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct NoCopy(pub(crate) io::Error);

impl NoCopy {
    fn wrap(source: io::Error) -> io::Error {
        io::Error::other(NoCopy(source))
    }
}

/// Copies as much as can be read into an unlinked temporary file: the file, its length, and why
/// it is not all.
pub(super) fn spool(reader: &mut dyn Read) -> io::Result<(File, u64, Option<io::Error>)> {
    let mut file = tempfile::tempfile().map_err(NoCopy::wrap)?;
    let mut buffer = vec![0; 64 * 1024];
    let mut length = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok((file, length, None)),
            Ok(n) => {
                file.write_all(&buffer[..n]).map_err(NoCopy::wrap)?;
                length += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Ok((file, length, Some(e))),
        }
    }
}
