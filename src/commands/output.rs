//! Where a command writes what it found: `-o`, or standard output.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, bail};

use crate::analysis::stream::Report;
use crate::anonymize::pseudonyms::Pseudonyms;
use crate::anonymize::report::Renamed;
use crate::cli::colour::Color;
use crate::input::STDIN;
use crate::os::atomic;
use crate::os::terminal::Terminal;
use crate::render::format::Format;
use crate::render::view::{ReportDocument, ReportLook, ReportView};
use crate::report::decided::DecidedSink;
use crate::report::timeline::Timeline;
use crate::text::shown;

/// Standard output, or a file.
pub(crate) struct Destination<'a> {
    /// What is written, for errors: the report, the table.
    what: &'static str,
    /// `None` is standard output.
    file: Option<&'a Path>,
    /// What the file was before.
    identity: Option<(u64, u64)>,
}

impl<'a> Destination<'a> {
    /// What `-o` says; `-` is standard output as well.
    #[must_use]
    pub(crate) fn new(what: &'static str, output: Option<&'a Path>) -> Self {
        let file = output.filter(|path| *path != Path::new(STDIN));
        Destination {
            what,
            file,
            identity: file.and_then(identity),
        }
    }

    /// Whether it is a file.
    #[must_use]
    pub(crate) fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// Whether to write in colour.
    #[must_use]
    pub(crate) fn has_color(&self, color: Color) -> bool {
        color.is_on(!self.is_file())
    }

    /// The terminal that it is shown on.
    #[must_use]
    pub(crate) fn terminal(&self) -> Option<Terminal> {
        let stdout = (!self.is_file()).then(Terminal::of_stdout);
        stdout.flatten()
    }

    /// Refuses to write over what is being read.
    ///
    /// # Errors
    /// Where the file is this input, under whatever name.
    pub(crate) fn spare(&self, input: &Path) -> anyhow::Result<()> {
        if let Some(file) = self.file
            && self.identity.is_some()
            && identity(input) == self.identity
        {
            bail!(
                "{} is an input; the {} would destroy it",
                shown(file),
                self.what
            );
        }
        Ok(())
    }

    /// Opens it for writing bit by bit.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn open(&self) -> anyhow::Result<Box<dyn Write>> {
        Ok(match self.file {
            Some(path) => Box::new(File::create(path).with_context(|| cannot_write(path))?),
            None => Box::new(io::stdout().lock()),
        })
    }

    /// Writes the whole; a file is replaced at once.
    ///
    /// # Errors
    /// Those of the file system or of standard output.
    pub(crate) fn put(&self, bytes: &[u8]) -> anyhow::Result<()> {
        match self.file {
            Some(path) => atomic::replace(path, bytes).with_context(|| cannot_write(path)),
            None => {
                let mut out = io::stdout().lock();
                let written = out.write_all(bytes).and_then(|()| out.flush());
                written.with_context(|| format!("cannot write the {}", self.what))
            }
        }
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", shown(path))
}

/// Device and inode of the regular file that a path names; `-` is standard input.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = if path == Path::new(STDIN) {
        let stdin = io::stdin().as_fd().try_clone_to_owned();
        stdin.and_then(|stdin| File::from(stdin).metadata())
    } else {
        fs::metadata(path)
    };
    let file = metadata.ok().filter(fs::Metadata::is_file)?;
    Some((file.dev(), file.ino()))
}

/// True where some cause of the error is a closed pipe: the reader has seen enough.
#[must_use]
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// What became of the output: a reader who has seen enough is no failure, and the verdict
/// stays the same.
///
/// # Errors
/// Any other.
pub(crate) fn written(result: anyhow::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        result => result,
    }
}

/// Writes a report in that format, its drops by pseudonyms where there are such.
///
/// # Errors
/// Those of the writer, and of inputs that are read again.
pub(crate) fn write_report(
    report: &Report<'_, '_>,
    timelines: &[Timeline],
    names: Option<&Pseudonyms>,
    (format, look): (&dyn Format<ReportDocument>, ReportLook),
    out: &mut dyn Write,
) -> io::Result<()> {
    let walk_all = |sink: &mut dyn DecidedSink| {
        let mut inputs = 0..report.inputs();
        inputs.try_for_each(|input| report.walk(input, sink).map_err(io::Error::other))
    };
    let walk = |sink: &mut dyn DecidedSink| match names {
        Some(names) => walk_all(&mut Renamed { names, sink }),
        None => walk_all(sink),
    };
    let view = ReportView {
        summary: &report.summary,
        timelines,
        walk: &walk,
        look,
    };
    format.write(&view, out)
}
