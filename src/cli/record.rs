//! The command line of `record`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::anonymize::AnonymizeArgs;
use crate::cli::packets::PacketArgs;
use crate::cli::tracing::CaptureArgs;
use crate::cli::values;
use crate::tracefs::record::series::Rotate;

/// Arguments of `record`. Where only some drops are recorded, what other functions did before one may
/// have been for another that is not there.
#[derive(Debug, Clone, Args)]
#[command(mut_group("PacketArgs", |group| group.conflicts_with_all(["probes", "functions"])))]
#[command(after_long_help = "\
Exit status:
  0      a limit ended the recording, and everything was put back
  1      the output could not be written; what was captured before is kept
  2      usage
  3      this host cannot be traced as asked; the message says why and what to do
  4      tracing state could not be put back completely; the message says what is left
  128+n  ended by signal n (130 is Ctrl-C), after putting everything back")]
pub(crate) struct RecordArgs {
    /// Write the capture to FILE, a new file with mode 0600; - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Stop after this time, such as 30s or 5m; without it Ctrl-C stops
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub(crate) duration: Option<Duration>,
    /// Stop after N events, stacks not counted
    #[arg(long, value_name = "N")]
    pub(crate) max_events: Option<u64>,
    /// Stop before the capture grows beyond SIZE, such as 100M
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub(crate) max_size: Option<u64>,
    /// Stop as soon as N drops were seen
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) stop_after: Option<u64>,
    /// With --stop-after, go on for this time, for what happens next
    #[arg(long, value_name = "TIME", value_parser = values::duration, requires = "stop_after", default_value = "0s", hide_default_value = true)]
    pub(crate) after: Duration,
    /// Begin a new file each time one has reached SIZE, 64K to 16G: FILE.000001 and so on,
    /// compressed when they are over
    #[arg(long, value_name = "SIZE", value_parser = values::part_size, requires = "output", conflicts_with = "max_size")]
    pub(crate) rotate: Option<u64>,
    /// With --rotate, keep the last N files, those that earlier recordings left under the same
    /// name among them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=9999), requires = "rotate", default_value_t = 5)]
    pub(crate) files: u64,
    /// Keep about the last SIZE, 512K to 128G: the same as --rotate with an eighth of it, and
    /// seven files
    #[arg(long, value_name = "SIZE", value_parser = values::ring_size, requires = "output", conflicts_with_all = ["rotate", "files", "max_size"])]
    pub(crate) ring: Option<u64>,
    /// Run COMMAND when drops come, beside the recording: a second after the first of a burst, which
    /// is over when none came for 10 s, and at most once a minute. IP6DROP_VERDICT, IP6DROP_CLASS,
    /// IP6DROP_CONFIDENCE, IP6DROP_STATUS, IP6DROP_DROPS and IP6DROP_OUTPUT are in its environment, the report as
    /// JSON is its standard input, and it is killed after 30 s
    #[arg(long, requires = "command")]
    pub(crate) on_drop: bool,
    /// The command of --on-drop with its arguments; no shell reads them
    #[arg(last = true, value_name = "COMMAND", requires = "on_drop")]
    pub(crate) command: Vec<OsString>,
    /// Say nothing but errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Which packets.
    #[command(flatten)]
    pub(crate) packets: PacketArgs,
    /// Pseudonyms in place of names.
    #[command(flatten)]
    pub(crate) anonymize: AnonymizeArgs,
    /// How to capture.
    #[command(flatten)]
    pub(crate) capture: CaptureArgs,
}

/// The parts of a ring: the one more than its files is room for what makes the others larger, and
/// for the compressed file beside the one that it replaces.
const RING: u64 = 8;

impl RecordArgs {
    /// How the recording is parted, where that was asked for.
    #[must_use]
    pub(crate) fn rotation(&self) -> Option<Rotate> {
        let ring = self.ring.map(|size| Rotate {
            size: size / RING,
            files: RING - 1,
        });
        let files = self.files;
        ring.or(self.rotate.map(|size| Rotate { size, files }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::program::{Cli, Command};
    use clap::Parser;

    fn args(words: &[&str]) -> RecordArgs {
        let words = ["ip6drop", "record"].iter().chain(words);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Record(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rotations_are_understood() {
        let rotation = |words: &[&str]| args(words).rotation();
        let rotate = |size, files| Some(Rotate { size, files });
        assert_eq!(rotation(&["-o", "x"]), None);
        let words = ["-o", "x", "--rotate", "100M", "--files", "3"];
        assert_eq!(rotation(&words), rotate(100 << 20, 3));
        assert_eq!(rotation(&words[..4]), rotate(100 << 20, 5));
        assert_eq!(rotation(&["-o", "x", "--ring", "8M"]), rotate(1 << 20, 7));
    }

    #[test]
    fn limits_are_understood() {
        let args = args(&["--duration", "2m", "--max-size", "1M", "--function", "a,b"]);
        assert_eq!(args.duration, Some(Duration::from_secs(120)));
        assert_eq!(args.max_size, Some(1 << 20));
        assert_eq!(args.capture.functions, ["a", "b"]);
        let refuses = |words: &[&str]| {
            let words = ["ip6drop", "record", "--dst", "fd00::1"]
                .iter()
                .chain(words);
            Cli::try_parse_from(words).is_err()
        };
        assert!(!refuses(&[]));
        assert!(refuses(&["--probes", "full"]) && refuses(&["--function", "ip6_dst_gc"]));
        assert!(Cli::try_parse_from(["ip6drop", "record", "--max-rate", "0"]).is_err());
    }
}
