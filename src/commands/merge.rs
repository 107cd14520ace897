//! `ip6drop merge`.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::cli::merge::{MergeArgs, MergeFormat};
use crate::commands::{check_stdin, identity, is_broken_pipe};
use crate::exit::Exit;
use crate::fleet::hosts::Fleet;
use crate::fleet::inputs::expand;
use crate::fleet::problem::{Kind, Place};
use crate::fleet::read::Reader;
use crate::input::{InputError, STDIN, open};
use crate::os::atomic;
use crate::render::fleet::{json, markdown, text};
use crate::text::harmless;

impl MergeArgs {
    fn file(&self) -> Option<&Path> {
        self.output
            .as_deref()
            .filter(|path| *path != Path::new(STDIN))
    }

    fn use_color(&self) -> bool {
        self.color.is_on(self.file().is_none())
    }
}

/// Why an input cannot be opened, without its name.
fn reason(path: &Path, error: &InputError) -> String {
    match error {
        InputError::Missing(_) => {
            "no such file; name reports, a directory of them, or a quoted pattern".to_owned()
        }
        InputError::Directory(_) => "a directory; name it itself, or the files in it".to_owned(),
        other => {
            let text = other.to_string();
            let prefix = format!("{}: ", path.display());
            text.strip_prefix(&prefix).unwrap_or(&text).to_owned()
        }
    }
}

/// Reads everything that the arguments name. Refuses to read what will be written over.
fn read_all(args: &MergeArgs) -> anyhow::Result<Fleet> {
    let mut named = args.files.clone();
    check_stdin(&named)?;
    if named.is_empty() {
        if io::stdin().is_terminal() {
            bail!("no input; name reports, or pipe them in (see ip6drop merge --help)");
        }
        named.push(PathBuf::from(STDIN));
    }
    let output = args.file();
    let target = output.and_then(identity);
    let mut fleet = Fleet::default();
    let mut reader = Reader::default();
    for name in &named {
        let refuse = |fleet: &mut Fleet, path: &Path, kind, text: String| {
            let place = Place {
                input: path.to_string_lossy().into_owned(),
                line: None,
                column: None,
            };
            fleet.refuse(place, kind, text);
        };
        let paths = match expand(name) {
            Ok(paths) => paths,
            Err((kind, text)) => {
                fleet.inputs += 1;
                refuse(&mut fleet, name, kind, text);
                continue;
            }
        };
        for path in paths {
            if let Some(output) = output
                && target.is_some()
                && identity(&path) == target
            {
                bail!(
                    "{} is an input; the table would destroy it",
                    output.display()
                );
            }
            fleet.inputs += 1;
            match open(&path) {
                Ok(opened) => {
                    let is_gzip = opened.is_gzip();
                    reader.read(&path, opened.reader(), is_gzip, &mut fleet);
                }
                Err(error) => {
                    refuse(&mut fleet, &path, Kind::Unreadable, reason(&path, &error));
                }
            }
        }
    }
    Ok(fleet)
}

/// Names on standard error what is in no row.
fn complain(fleet: &Fleet) -> io::Result<()> {
    let mut err = io::BufWriter::new(io::stderr().lock());
    for problem in fleet.problems.named() {
        let place = harmless(problem.place.to_string().as_bytes());
        let text = harmless(problem.text.as_bytes());
        writeln!(err, "ip6drop: {place}: {} ({})", text, problem.kind.name())?;
    }
    if fleet.problems.unnamed() > 0 {
        writeln!(
            err,
            "ip6drop: … and {} more that are counted, not named",
            fleet.problems.unnamed()
        )?;
    }
    err.flush()
}

fn put(bytes: &[u8], args: &MergeArgs) -> anyhow::Result<()> {
    match args.file() {
        Some(path) => {
            atomic::replace(path, bytes).with_context(|| format!("cannot write {}", path.display()))
        }
        None => {
            let mut out = io::stdout().lock();
            out.write_all(bytes)
                .and_then(|()| out.flush())
                .context("cannot write the table")
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Fails where nothing was named to read, or the output cannot be written.
pub fn run(args: &MergeArgs) -> anyhow::Result<Exit> {
    let fleet = read_all(args)?;
    complain(&fleet)?;
    if !args.quiet {
        let mut out = Vec::new();
        match args.format {
            MergeFormat::Text => {
                let options = text::Options {
                    color: args.use_color(),
                    all_hosts: args.all_hosts,
                };
                text::write(&fleet, options, &mut out)?;
            }
            MergeFormat::Json => json::write(&fleet, &mut out)?,
            MergeFormat::Markdown => markdown::write(&fleet, args.all_hosts, &mut out)?,
        }
        match put(&out, args) {
            // Whoever read the table has seen enough; the verdict stays the same.
            Err(error) if is_broken_pipe(&error) => {}
            written => written?,
        }
    }
    Ok(fleet.exit(args.exit_code))
}
