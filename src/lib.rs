//! Why a Linux node drops IPv6 packets, from ftrace text alone: a full route cache, a missing
//! route, or something else. What the program `ip6drop report` says of a trace, for other programs.
//!
//! [`Analysis`] is fed text, or reads files; [`Facts`] are what is known of the host beside the
//! trace; a [`Report`] is what it comes to.
//!
//! ```
//! use ip6drop::{Analysis, Class, Confidence, Facts};
//!
//! // An allocation was tried, and a packet died: whether of that, nothing shows.
//! let trace = b"\
//!   ping-1 [000] ..s. 10.000001: fib6_table_lookup <-ip6_pol_route
//!   ping-1 [000] ..s. 10.000002: ip6_dst_gc <-dst_alloc
//!   ping-1 [000] ..s. 10.000003: ip6_pkt_drop <-ip6_pkt_discard
//! ";
//! let facts = Facts::none();
//! let mut analysis = Analysis::new(&facts);
//! for piece in trace.chunks(64) {
//!     analysis.feed(piece);
//! }
//! let report = analysis.finish()?;
//! assert_eq!(report.verdict(), Some((Class::RcvDstAlloc, Confidence::Possible)));
//! assert_eq!(report.drops(), 1);
//! println!("{}", report.sentence());
//! # Ok::<(), ip6drop::Error>(())
//! ```
//!
//! `examples/verdict.rs` reads files. Tracing a live node is the program's business alone.
//!
//! What is documented here follows semantic versioning: before 1.0 a minor version may change it,
//! a patch never does. [`Report::write_json`] is the document of the program, under its schema's own
//! version. Everything in `inside` is for this crate's program, tests and benchmarks, and changes
//! without notice.
//!
//! # For those who work on it
//! Data flows one way: `input` cuts bytes into pieces, `trace` makes lines and stacks of them,
//! `diagnosis` gathers evidence and classifies, `report` counts, `render` writes. Facts of the
//! `host` come in from the side. `tracefs`, the control of the kernel's tracer, is another wing:
//! it feeds input, nothing else. `docs/ARCHITECTURE.md` has the way of one line.

mod analysis;
mod anonymize;
mod capture;
mod cli;
mod commands;
mod diagnosis;
mod exit;
mod fleet;
mod hash;
mod host;
mod input;
mod kernel;
mod lab;
mod library;
mod order;
mod os;
mod render;
mod report;
mod ring;
mod schema;
mod status;
mod text;
mod trace;
mod tracefs;
mod watch;

pub use crate::diagnosis::class::{Class, Confidence};
pub use crate::library::{Analysis, Error, Facts, Report};

/// What the program, its tests and its benchmark name, by room. It is no interface, and changes with them. What is not
/// named here is seen in this crate alone, so that the compiler tells what nobody uses.
#[doc(hidden)]
pub mod inside {
    /// Of `analysis`.
    pub mod analysis {
        pub use crate::analysis::stream::{Analysis, Report};
    }
    /// Of `anonymize`.
    pub mod anonymize {
        pub use crate::anonymize::capture::CaptureText;
        pub use crate::anonymize::key::Key;
        pub use crate::anonymize::pseudonyms::Pseudonyms;
    }
    /// Of `capture`.
    pub mod capture {
        pub use crate::capture::method::Method;
    }
    /// Of `cli`.
    pub mod cli {
        pub use crate::cli::program::Cli;
        pub use crate::cli::values::{
            duration, interval, look, part_size, ring_size, size, window,
        };
    }
    /// Of `commands`.
    pub mod commands {
        pub use crate::commands::dispatch::run;
        pub use crate::commands::seen::seen;
    }
    /// Of `diagnosis`.
    pub mod diagnosis {
        pub use crate::diagnosis::class::{Class, Confidence};
        pub use crate::diagnosis::collect::signal::{Aside, Signal};
        pub use crate::diagnosis::verdict::Verdict;
    }
    /// Of `exit`.
    pub mod exit {
        pub use crate::exit::Exit;
    }
    /// Of `fleet`.
    pub mod fleet {
        pub use crate::fleet::cut::{MAX_DOCUMENT, Piece, Pieces};
        pub use crate::fleet::hosts::Fleet;
        pub use crate::fleet::problem::{MAX_NAMED, ProblemKind};
        pub use crate::fleet::read::Reader;
    }
    /// For `fuzz/`: parsers whose values nobody else sees.
    pub mod fuzz {
        use std::io;

        use crate::analysis::stream::Report;
        use crate::capture::framing::{Framing, lines};
        use crate::input::InputError;
        use crate::render::registry::REPORT;
        use crate::render::view::{ReportLook, ReportView};
        use crate::report::decided::DecidedSink;
        use crate::trace::packet::{Packet, Words, words};
        use crate::trace::payload;

        /// A framing line as it is written after it was read.
        #[must_use]
        pub fn framing(key: &[u8], value: &[u8]) -> Vec<u8> {
            lines([Framing::parse(key, value)])
        }

        /// The packet in the arguments of a probe.
        #[must_use]
        pub fn packet(arguments: &[u8]) -> Option<Packet> {
            match words(arguments) {
                Words::Packet(packet) => Some(packet),
                Words::None | Words::Unbelievable => None,
            }
        }

        /// The value of an argument.
        #[must_use]
        pub fn integer(arguments: &[u8], name: &[u8]) -> Option<i128> {
            payload::integer(arguments, name)
        }

        /// A report in every format.
        ///
        /// # Errors
        /// Those of writing it, and of opening its inputs again.
        pub fn documents(report: &Report<'_, '_>) -> io::Result<Vec<Vec<u8>>> {
            let failed = |error: InputError| io::Error::other(error);
            let timelines = report.timelines().map_err(failed)?;
            let walk = |sink: &mut dyn DecidedSink| {
                (0..report.inputs()).try_for_each(|input| report.walk(input, sink).map_err(failed))
            };
            let view = ReportView {
                summary: &report.summary,
                timelines: &timelines,
                walk: &walk,
                look: ReportLook {
                    color: true,
                    all_cpus: true,
                    ..ReportLook::default()
                },
            };
            let written = |entry: &crate::render::format::FormatEntry<_>| {
                let mut out = Vec::new();
                entry.format.write(&view, &mut out).map(|()| out)
            };
            REPORT.iter().map(written).collect()
        }
    }
    /// Of `hash`.
    pub mod hash {
        pub use crate::hash::choose;
    }
    /// Of `host`.
    pub mod host {
        pub use crate::host::cpulist::parse as cpus;
        pub use crate::host::{Facts, Host};
        /// Of `host::netns`.
        pub mod netns {
            pub use crate::host::netns::{Id, all, read};
        }
    }
    /// Of `input`.
    pub mod input {
        pub use crate::input::trace_dat::TraceDat;
        pub use crate::input::{InputError, Opened, Packing, Source, open};
    }
    /// Of `kernel`.
    pub mod kernel {
        pub use crate::kernel::limits::{Regime, batch, fast_bounds, regimes_within, slack_of};
        pub use crate::kernel::receive_path::{Counted, Freed, Hits, PacketAt, Step};
        pub use crate::kernel::release::WITHOUT_CHECK;
        pub use crate::kernel::traced::{RT6_STATS_SEQ_SHOW, TRACED, Traced};
    }
    /// Of `os`.
    pub mod os {
        pub use crate::os::signals::Signals;
        pub use crate::os::trigger::{RunLog, Running, Runs, Trigger};
    }
    /// Of `render`.
    pub mod render {
        pub use crate::render::html::{SCRIPT, SCRIPT_HASH, STYLE, STYLE_HASH, policy};
        pub use crate::render::registry::MERGE;
        pub use crate::render::report::json::ReportObject;
        pub use crate::render::view::FleetView;
    }
    /// Of `report`.
    pub mod report {
        pub use crate::report::build::Request;
        pub use crate::report::decided::{DecidedDrop, DecidedSink};
        pub use crate::report::summary::{Summary, TriggerRuns};
        pub use crate::report::timeline::{BINS, MAX_ROWS, MAX_TIMELINES};
    }
    /// Of `schema`.
    pub mod schema {
        pub use crate::schema::{Definition, all, of};
    }
    /// Of `status`.
    pub mod status {
        pub use crate::status::rises::rises;
        pub use crate::status::sampler::{Sampler, Selection};
    }
    /// Of `trace`.
    pub mod trace {
        pub use crate::trace::cut::CutState;
        pub use crate::trace::{Context, Packet, Parser, Record, Records, Stacks, Stamp};
    }
    /// Of `tracefs`.
    pub mod tracefs {
        pub use crate::tracefs::calibrate::calibration::rehearse;
        pub use crate::tracefs::error::TraceError;
        pub use crate::tracefs::files::{Pipe, TraceFs};
        pub use crate::tracefs::funnel::counting::{Counters, Outcome, count};
        pub use crate::tracefs::look::others::Others;
        pub use crate::tracefs::look::preflight::{Level, Preflight};
        pub use crate::tracefs::look::selfcheck::{Choice, Env, choose};
        pub use crate::tracefs::record::onlooker::Onlooker;
        pub use crate::tracefs::record::output::{Output, Rewrite};
        pub use crate::tracefs::record::recorder::record;
        pub use crate::tracefs::record::recording::{Limit, Limits, Recorded, Stopped};
        pub use crate::tracefs::rehearse::listing::{Deed, Write};
        pub use crate::tracefs::rehearse::rehearsal::Stage;
        pub use crate::tracefs::setup::functions::Available;
        pub use crate::tracefs::setup::layout::Layout;
        pub use crate::tracefs::setup::mount::candidates;
        pub use crate::tracefs::setup::plan::{Naming, Narrowing, Plan};
        pub use crate::tracefs::setup::probes::Probe;
        pub use crate::tracefs::undo::change::Change;
        pub use crate::tracefs::undo::journal::{Stale, StateDir};
        pub use crate::tracefs::undo::leftovers::{Restored, orphans, replay_stale};
        pub use crate::tracefs::undo::replay::Undo;
        pub use crate::tracefs::undo::session::Session;
    }
}
