//! `ip6drop status`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::cli::Color;
use crate::exit::Exit;
use crate::input::STDIN;
use crate::os::atomic;
use crate::os::wait::Signals;
use crate::render::status::{hidden, json, markdown, prometheus, text};
use crate::status::sampler::{Sampler, Selection, Status};
use crate::text::harmless;

/// Formats of `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// For people: the verdict first
    Text,
    /// One object; with --interval one a line
    Json,
    /// For tickets
    Markdown,
    /// For the node exporter's textfile collector
    Prometheus,
}

/// A time such as `500ms`, `1s`, `2m` or `1.5`, in seconds without a unit.
fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is no time such as 500ms, 1s or 2m");
    let unit_at = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let scale = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(bad()),
    };
    let seconds = number.parse::<f64>().map_err(|_| bad())? * scale;
    if !(0.01..=86_400.0).contains(&seconds) {
        return Err(format!("`{text}` is not between 10ms and 24h"));
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| bad())
}

/// Arguments of `status`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Exit status:
  0    done, whatever was found
  1    the counters or limits could not be read, or the output not written
  2    usage
  130  --interval ended by Ctrl-C (128 + number of the signal)
With --exit-code also:
  10   exhausted: every new entry is refused
  11   intermittent, or undecided: some may be refused
  0    within limits, latent, or a kernel that does not check")]
pub struct StatusArgs {
    /// Look again every TIME (500ms, 1s, 2m) and show rates, until Ctrl-C
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub interval: Option<Duration>,

    /// Look into this network namespace: a name in /run/netns, a process id, or a path
    #[arg(long, value_name = "NAME|PID|PATH", conflicts_with = "all_netns")]
    pub netns: Option<String>,

    /// Look into every network namespace of the node, each once
    #[arg(long)]
    pub all_netns: bool,

    /// How to write it
    #[arg(long, value_enum, default_value = "text")]
    pub format: StatusFormat,

    /// Write to FILE instead of standard output, replacing it as a whole each time
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// Say the regime by the exit status
    #[arg(long)]
    pub exit_code: bool,

    /// Where procfs is
    #[arg(long, value_name = "DIR", default_value = "/proc", value_hint = clap::ValueHint::DirPath)]
    pub proc: PathBuf,

    /// Where sysfs is
    #[arg(long, value_name = "DIR", default_value = "/sys", value_hint = clap::ValueHint::DirPath)]
    pub sys: PathBuf,

    /// When to use colour
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: Color,

    /// Write nothing but errors (for use with --exit-code)
    #[arg(short, long)]
    pub quiet: bool,
}

impl StatusArgs {
    fn selection(&self) -> Selection {
        match &self.netns {
            Some(what) => Selection::Named(what.clone()),
            None if self.all_netns => Selection::All,
            None => Selection::Own,
        }
    }

    fn file(&self) -> Option<&Path> {
        self.output
            .as_deref()
            .filter(|path| *path != Path::new(STDIN))
    }

    fn use_color(&self) -> bool {
        self.color.is_on(self.file().is_none())
    }
}

/// The text of one round; `first` is false from the second round of `--interval` on.
fn render(status: &Status, args: &StatusArgs, first: bool) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    // A file is replaced each time, so that every round is a whole one.
    let whole = first || args.file().is_some();
    match (args.format, args.interval) {
        (StatusFormat::Text, None) => text::write(status, args.use_color(), &mut out)?,
        (StatusFormat::Text, Some(_)) => {
            if whole {
                text::write(status, args.use_color(), &mut out)?;
                writeln!(out)?;
                text::write_tick_head(&mut out)?;
            }
            text::write_tick(status, &mut out)?;
        }
        (StatusFormat::Json, Some(_)) => json::write_line(status, &mut out)?,
        (StatusFormat::Json, None) => json::write(status, &mut out)?,
        (StatusFormat::Markdown, _) => markdown::write(status, &mut out)?,
        (StatusFormat::Prometheus, _) => prometheus::write(status, &mut out)?,
    }
    Ok(out)
}

fn put(bytes: &[u8], args: &StatusArgs) -> anyhow::Result<()> {
    match args.file() {
        Some(path) => {
            atomic::replace(path, bytes).with_context(|| format!("cannot write {}", path.display()))
        }
        None => {
            let mut out = io::stdout().lock();
            out.write_all(bytes)
                .and_then(|()| out.flush())
                .context("cannot write the status")
        }
    }
}

/// Names on standard error what could not be read. Of many namespaces one that has ended
/// meanwhile is no failure, and is named in the output.
fn complain(status: &Status, quiet: bool) -> io::Result<()> {
    let in_rows = status.rows.iter().flat_map(|row| &row.problems);
    let all = status.selection == Selection::All;
    let mut err = io::stderr().lock();
    for problem in status.problems.iter().chain(in_rows) {
        if !(all && problem.kind == "vanished") {
            writeln!(err, "ip6drop: {}", harmless(problem.text.as_bytes()))?;
        }
    }
    if let Some(hidden) = hidden(status).filter(|_| !quiet) {
        writeln!(err, "ip6drop: {hidden}")?;
    }
    Ok(())
}

/// Runs the command.
///
/// # Errors
/// Fails where the namespace asked for cannot be found, or the output not be written.
pub fn run(args: &StatusArgs) -> anyhow::Result<Exit> {
    if args.interval.is_some() && args.format == StatusFormat::Markdown {
        writeln!(
            io::stderr(),
            "ip6drop: --interval has no markdown form; use --format text or json"
        )?;
        return Ok(Exit::Usage);
    }
    let mut signals = args.interval.map(|_| Signals::catch()).transpose()?;
    let mut sampler = Sampler::new(&args.proc, &args.sys, args.selection());
    let mut first = true;
    loop {
        let status = sampler.sample()?;
        if first {
            complain(&status, args.quiet)?;
        }
        if !args.quiet {
            put(&render(&status, args, first)?, args)?;
        }
        first = false;
        let (Some(interval), Some(signals)) = (args.interval, &mut signals) else {
            return Ok(status.exit(args.exit_code));
        };
        if let Some(number) = signals.wait(interval)? {
            return Ok(Exit::Signal(number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let ms = |text| duration(text).map(|d| d.as_millis()).ok();
        assert_eq!(ms("500ms"), Some(500));
        assert_eq!(ms("1s"), Some(1000));
        assert_eq!(ms("1.5"), Some(1500));
        assert_eq!(ms("2m"), Some(120_000));
        for bad in [
            "", "s", "0", "0s", "-1s", "1d", "1 s", "nan", "inf", "25h", "1ms", "1e99",
        ] {
            assert_eq!(ms(bad), None, "{bad}");
        }
    }
}
