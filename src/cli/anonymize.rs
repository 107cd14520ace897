//! Pseudonyms on the command line.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

/// Whether to write pseudonyms in place of names.
#[derive(Debug, Clone, Args)]
pub(crate) struct AnonymizeArgs {
    /// Replace addresses, hosts, pods, interfaces, tasks and files by pseudonyms, to show it to
    /// others. Addresses that share their first bits share as many afterwards. By a key that is
    /// drawn, or by KEY: the same pseudonyms again. Whoever knows the key and a name can find its
    /// pseudonym, and a short KEY can be guessed. Ports, CPUs, pids, times and the kernel's own
    /// names stay
    #[arg(long, value_name = "KEY", num_args = 0..=1, require_equals = true, value_parser = NonEmptyStringValueParser::new())]
    anonymize: Option<Option<String>>,
}

/// What pseudonyms are made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyChoice<'a> {
    /// A key that is drawn for this run.
    Drawn,
    /// One that the user names.
    Named(&'a str),
}

impl AnonymizeArgs {
    /// The key that is asked for; `None` where names are to stay.
    #[must_use]
    pub(crate) fn key(&self) -> Option<KeyChoice<'_>> {
        let key = self.anonymize.as_ref()?;
        Some(key.as_deref().map_or(KeyChoice::Drawn, KeyChoice::Named))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::program::{Cli, Command};

    #[test]
    fn a_key_stands_behind_an_equals_sign() {
        let key = |words: &[&str]| {
            let words = ["ip6drop", "report"].iter().chain(words);
            match Cli::try_parse_from(words).ok()?.command {
                Command::Report(args) => {
                    Some((format!("{:?}", args.anonymize.key()), args.files.len()))
                }
                other => panic!("{other:?}"),
            }
        };
        let found = |key: &str, files| Some((key.to_owned(), files));
        assert_eq!(key(&["x"]), found("None", 1));
        assert_eq!(key(&["--anonymize", "x"]), found("Some(Drawn)", 1));
        assert_eq!(key(&["--anonymize=x"]), found("Some(Named(\"x\"))", 0));
        assert_eq!(key(&["--anonymize="]), None);
    }
}
