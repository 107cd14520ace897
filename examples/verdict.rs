//! Says in a sentence what each trace shows: `cargo run --example verdict -- fixtures/4.19-fp/alternating.pipe`
#![allow(clippy::print_stdout, clippy::print_stderr)] // that is its answer

use std::path::Path;
use std::process::ExitCode;

use ip6drop::{Analysis, Error, Facts, Report};

fn report(path: &Path) -> Result<Report, Error> {
    let facts = Facts::none();
    let mut analysis = Analysis::new(&facts);
    analysis.read(path)?;
    analysis.finish()
}

fn main() -> ExitCode {
    let mut exit = ExitCode::SUCCESS;
    for path in std::env::args_os().skip(1) {
        match report(Path::new(&path)) {
            Ok(report) => println!("{}", report.sentence()),
            Err(error) => {
                eprintln!("{error}");
                exit = ExitCode::FAILURE;
            }
        }
    }
    exit
}
