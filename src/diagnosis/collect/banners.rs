//! Lines about the trace: what they say of all of it, and where evidence ends.

use crate::capture::framing::Framing;
use crate::diagnosis::collect::collector::Collector;
use crate::diagnosis::collect::gathered::MAX_CPUS;
use crate::diagnosis::collect::packet_drop::DropSink;
use crate::text::Untrusted;
use crate::trace::{Banner, Time};

impl<D: DropSink> Collector<D> {
    /// A line about the trace.
    pub(super) fn take_banner(&mut self, banner: &Banner<'_>) {
        match *banner {
            Banner::Lost { cpu, events } => {
                if self.cpus.find(Some(cpu)).is_none() && self.cpus.len() >= MAX_CPUS {
                    self.gathered.lost_uncounted += 1;
                    return;
                }
                match events {
                    Some(events) => {
                        let known = self.gathered.lost.entry(cpu).or_default();
                        *known = known.saturating_add(events);
                    }
                    None => self.gathered.lost_uncounted += 1,
                }
                let slot = self.cpus.slot(Some(cpu));
                self.cut(slot, true);
            }
            Banner::Entries {
                kept,
                written,
                cpus,
            } => {
                self.gathered.trace_file = true;
                self.gathered.online_cpus = self.gathered.online_cpus.or(cpus);
                self.cut_all();
                let overwritten = written.saturating_sub(kept);
                self.gathered.overwritten = self.gathered.overwritten.saturating_add(overwritten);
            }
            Banner::Latency { kernel } => {
                self.cut_all();
                self.gathered.trace_file = true;
                self.gathered.kernel = Some(Untrusted::lossy(kernel));
            }
            Banner::Tracer => {
                self.cut_all();
                self.gathered.trace_file = true;
            }
            Banner::Cpus(cpus) => {
                self.gathered.trace_cmd = true;
                self.gathered.online_cpus = self.gathered.online_cpus.or(Some(cpus));
            }
            Banner::PerfKernel(kernel) => {
                self.gathered.kernel = Some(Untrusted::lossy(kernel));
            }
            Banner::PerfCpus(cpus) => self.gathered.online_cpus = Some(cpus),
            Banner::Framing { key, value } => {
                let framing = Framing::parse(key, value);
                if matches!(framing, Framing::Version(_)) {
                    // Another recording begins, with functions of its own.
                    self.cut_all();
                }
                match &framing {
                    Framing::LookupsSince(at) if !self.starts_late => {
                        self.lookups_since = Some(Time::nanoseconds(*at));
                    }
                    Framing::Part { number, id } => {
                        let preamble = &self.gathered.preamble;
                        if !preamble.goes_on_with(*number, id.as_str()) {
                            // What the start says of all lookups is not true behind a gap.
                            self.starts_late = true;
                            self.lost_somewhere();
                        }
                    }
                    Framing::Gap => self.lost_somewhere(),
                    _ => {}
                }
                self.gathered.framing(&framing);
            }
            Banner::BufferStarted => self.cut_all(),
            Banner::LostSomewhere => self.lost_somewhere(),
            Banner::Comment => {}
        }
    }

    /// Events were lost here, on any CPU.
    fn lost_somewhere(&mut self) {
        self.gathered.lost_uncounted += 1;
        self.cut_all();
    }
}
