//! `ip6drop generate`.

use std::io::{self, Write};

use clap::CommandFactory;

use crate::cli::generate::{GenerateArgs, Generated};
use crate::cli::program::Cli;
use crate::commands::man;
use crate::exit::Exit;
use crate::render::rules;
use crate::schema::{self, Definition};

/// The completion script of a shell.
fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ip6drop", &mut script);
    script
}

/// The JSON Schema of all documents, or of one.
fn schema(document: Option<Definition>) -> anyhow::Result<Vec<u8>> {
    let Some(document) = document else {
        return Ok(schema::all()?.into_bytes());
    };
    let mut text = serde_json::to_vec_pretty(&schema::of(document)?)?;
    text.push(b'\n');
    Ok(text)
}

/// Prints a generated file.
///
/// # Errors
/// Those of standard output.
pub(crate) fn run(args: &GenerateArgs) -> anyhow::Result<Exit> {
    let text = match &args.what {
        Generated::Completions { shell } => completions(*shell),
        Generated::Man { command } => man::page(command.as_deref())?,
        Generated::Rules => rules::listing().into_bytes(),
        Generated::Schema { document } => schema(*document)?,
    };
    io::stdout().lock().write_all(&text)?;
    Ok(Exit::Clean)
}
