//! Man pages from the definition of the command line.

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::cli::program::Cli;

/// Text that roff takes as it is.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    // A dot or quote at the start of a line is a request.
    if text.starts_with(['.', '\'']) {
        format!("\\&{text}")
    } else {
        text
    }
}

/// The sections that stand behind the options in `--help`: a block begins with its title, and
/// its lines are a word or command and, behind two blanks, what is to be said of it.
fn sections(help: &str) -> String {
    let mut page = String::new();
    let mut begins = true;
    for line in help.lines() {
        let text = match line.strip_prefix("  ").map(|entry| entry.split_once("  ")) {
            None if line.is_empty() => String::new(),
            None if begins => {
                let title = line.trim_end_matches(':').to_uppercase();
                format!(".SH \"{}\"\n", escaped(&title))
            }
            None => format!(".PP\n{}\n", escaped(line)),
            Some(Some((word, text))) => {
                let text = text.trim_start();
                format!(".TP\n\\fB{}\\fR\n{}\n", escaped(word), escaped(text))
            }
            Some(None) => format!("{}\n", escaped(line.trim_start())),
        };
        page.push_str(&text);
        begins = line.is_empty();
    }
    page
}

fn render(command: &Command) -> std::io::Result<Vec<u8>> {
    let version = concat!("ip6drop ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).source(version);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let is_program = command.get_name() == "ip6drop";
    if is_program {
        man.render_subcommands_section(&mut page)?;
    } else if command.has_subcommands() {
        // These have no pages of their own.
        let commands = command.get_subcommands().map(|inner| {
            let usage = inner.clone().render_usage().to_string();
            let usage = usage.trim_start_matches("Usage: ");
            let about = inner.get_about().map(ToString::to_string);
            format!("  {usage}  {}\n", about.unwrap_or_default())
        });
        page.extend(sections(&format!("Commands:\n{}", commands.collect::<String>())).bytes());
    }
    if let Some(help) = command.get_after_long_help() {
        page.extend(sections(&help.to_string()).bytes());
    }
    if !is_program {
        page.extend(b".SH \"SEE ALSO\"\n.BR ip6drop (1)\n");
    }
    Ok(page)
}

fn program() -> Command {
    // The commit belongs to a binary, not to a page.
    let mut program = Cli::command()
        .long_version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true);
    program.build();
    program
}

/// The man page of the program, or of one of its commands.
///
/// # Errors
/// Says so where there is no command of that name.
pub(crate) fn page(name: Option<&str>) -> anyhow::Result<Vec<u8>> {
    let program = program();
    let command = match name {
        None => &program,
        Some(name) => program
            .find_subcommand(name)
            .with_context(|| format!("{name}: no such command; see ip6drop --help"))?,
    };
    Ok(render(command)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_becomes_sections() {
        assert_eq!(
            sections(
                "Exit status:\n  0    done\n  128+n  a signal\nWith -x also:\n  1  bad\n\nFiles:\n  .rc  a file"
            ),
            ".SH \"EXIT STATUS\"\n.TP\n\\fB0\\fR\ndone\n.TP\n\\fB128+n\\fR\na signal\n.PP\nWith \\-x also:\n.TP\n\\fB1\\fR\nbad\n.SH \"FILES\"\n.TP\n\\fB\\&.rc\\fR\na file\n"
        );
    }
}
