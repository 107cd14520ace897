//! What a file holds besides events: the state that both versions of the format fill.

use std::collections::BTreeSet;
use std::io::Read;

use crate::input::trace_dat::compression::{Compression, CompressionMethod};
use crate::input::trace_dat::damage::{Damage, Remedy};
use crate::input::trace_dat::fields::Fields;
use crate::ring::clock::Clock;
use crate::ring::format::EventFormats;
use crate::ring::machine::Machine;
use crate::ring::page::{NoLayout, PageLayout};
use crate::ring::symbols::Symbols;
use crate::ring::tasks::Tasks;

/// Buffers that are read, those of text apart; each CPU of one takes memory of its own.
const MAX_BUFFERS: usize = 1024;
/// CPUs of all buffers together: eight times what the kernel can have (`NR_CPUS`).
const MAX_STREAMS: usize = 65_536;

/// The data of one CPU in one buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CpuData {
    /// CPU number.
    pub(crate) cpu: u32,
    /// Where it starts in the file.
    pub(crate) offset: u64,
    /// Its size in the file, in bytes.
    pub(crate) size: u64,
}

/// A trace buffer: the top-level one or an instance.
#[derive(Debug, Clone, Default)]
pub(super) struct Buffer {
    /// Offset of its section (version 7) or of its own table (instances in version 6).
    pub(crate) offset: u64,
    /// Its clock, where that is not the file's.
    pub(crate) clock: Option<Clock>,
    /// Size of a sub-buffer, in bytes.
    pub(crate) page_size: u64,
    /// Whether its CPU data is compressed.
    pub(crate) compression: Option<Compression>,
    /// What each CPU recorded.
    pub(crate) cpus: Vec<CpuData>,
}

/// Trace text inside the file (latency tracers).
#[derive(Debug, Clone, Copy)]
pub(super) struct EmbeddedText {
    /// Where it starts.
    pub(crate) offset: u64,
    /// Its size in the file, in bytes.
    pub(crate) size: u64,
    /// Whether it is compressed.
    pub(crate) compression: Option<Compression>,
}

/// Everything that is known before the first event.
#[derive(Default)]
pub(super) struct Contents {
    /// Byte order and word size.
    pub(crate) machine: Machine,
    /// Size of a page of the traced machine, in bytes.
    pub(crate) page_size: u64,
    /// The method that compressed sections use.
    pub(crate) method: Option<CompressionMethod>,
    /// The header of a sub-buffer.
    pub(crate) page: Option<PageLayout>,
    /// Event formats.
    pub(crate) formats: EventFormats,
    /// Kernel symbols.
    pub(crate) symbols: Symbols,
    /// Names of tasks.
    pub(crate) tasks: Tasks,
    /// Kernel release.
    pub(crate) release: Option<Vec<u8>>,
    /// CPUs of the machine.
    pub(crate) cpus: Option<u32>,
    /// CPUs that dropped new events for want of room (`per_cpu/cpuN/stats`).
    pub(crate) dropping: BTreeSet<u32>,
    /// The file's clock.
    pub(crate) clock: Clock,
    /// Trace buffers.
    pub(crate) buffers: Vec<Buffer>,
    /// Buffers that hold text.
    pub(crate) texts: Vec<EmbeddedText>,
}

/// The options of both versions (trace-cmd.dat.v7(5), "OPTIONS SECTION"). Those that hold the
/// offset of a section have the section's number.
pub(super) mod option {
    pub(in super::super) const DONE: u16 = 0;
    pub(in super::super) const DATE: u16 = 1;
    pub(in super::super) const CPUSTAT: u16 = 2;
    pub(in super::super) const BUFFER: u16 = 3;
    pub(in super::super) const TRACECLOCK: u16 = 4;
    pub(in super::super) const UNAME: u16 = 5;
    pub(in super::super) const OFFSET: u16 = 7;
    pub(in super::super) const CPUCOUNT: u16 = 8;
    pub(in super::super) const TSC2NSEC: u16 = 14;
    pub(in super::super) const HEADER_INFO: u16 = 16;
    pub(in super::super) const FTRACE_EVENTS: u16 = 17;
    pub(in super::super) const EVENT_FORMATS: u16 = 18;
    pub(in super::super) const KALLSYMS: u16 = 19;
    pub(in super::super) const CMDLINES: u16 = 21;
    pub(in super::super) const BUFFER_TEXT: u16 = 22;
}

/// `0x…` or decimal, with or without sign, up to the first other character (as `strtoll`).
fn integer(text: &[u8]) -> i64 {
    let text = String::from_utf8_lossy(text);
    let text = text.trim_matches(['\0', '\n', ' ']);
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    value.map_or(0, |n: i64| n.saturating_mul(sign))
}

/// The CPU of its statistics if it dropped events. Overwritten ones are marked in the
/// sub-buffers, these are not (`ring_buffer_lost_events` counts overruns alone).
fn dropping_cpu(stats: &[u8]) -> Option<u32> {
    let text = String::from_utf8_lossy(stats);
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
    let dropped: u64 = value("dropped events: ")?.trim().parse().ok()?;
    let cpu = value("CPU: ")?.trim().parse().ok()?;
    (dropped > 0).then_some(cpu)
}

impl Contents {
    /// Both header descriptions (HEADER INFO).
    pub(super) fn header_info(&mut self, from: &mut Fields<impl Read>) -> Result<(), Damage> {
        if from.bytes(12)? != b"header_page\0" {
            return Err(from.damage("does not start with header_page"));
        }
        let len = from.u64()?;
        let text = from.bytes(len)?;
        let layout = PageLayout::parse(&text).map_err(|error| match error {
            NoLayout::Missing => from.damage(error.to_string()),
            NoLayout::Unknown => from.damage_with(error.to_string(), Remedy::UseTraceCmd),
        })?;
        // The long of the file's header is that of the recorder, this is the kernel's.
        self.machine.long = layout.long;
        self.page = Some(layout);
        if from.bytes(13)? != b"header_event\0" {
            return Err(from.damage("does not go on with header_event"));
        }
        let len = from.u64()?;
        from.bytes(len)?;
        Ok(())
    }

    /// Formats of the tracer's own events (FTRACE EVENT FORMATS).
    pub(super) fn ftrace_events(&mut self, from: &mut Fields<impl Read>) -> Result<(), Damage> {
        for _ in 0..from.u32()? {
            let len = from.u64()?;
            self.formats.insert(from.bytes(len)?);
        }
        Ok(())
    }

    /// Formats of all other events (EVENT FORMATS).
    pub(super) fn event_formats(&mut self, from: &mut Fields<impl Read>) -> Result<(), Damage> {
        for _ in 0..from.u32()? {
            from.name()?;
            self.ftrace_events(from)?;
        }
        Ok(())
    }

    /// `/proc/kallsyms` (KALLSYMS).
    pub(super) fn kallsyms(&mut self, from: &mut Fields<impl Read>) -> Result<(), Damage> {
        let len = from.u32()?;
        self.symbols = Symbols::new(from.bytes(len.into())?);
        if self.symbols.is_empty() {
            let what = "gives no function an address";
            return Err(from.damage_with(what, Remedy::RecordAsRoot));
        }
        Ok(())
    }

    /// `saved_cmdlines` (SAVED COMMAND LINES).
    pub(super) fn command_lines(&mut self, from: &mut Fields<impl Read>) -> Result<(), Damage> {
        let len = from.u64()?;
        self.tasks = Tasks::new(from.bytes(len)?);
        Ok(())
    }

    /// One option that is not the offset of a section.
    pub(super) fn option(&mut self, id: u16, data: &[u8]) -> Result<(), Damage> {
        let mut from = Fields::of(data, "option", 0, self.machine);
        match id {
            option::CPUSTAT => self.dropping.extend(dropping_cpu(data)),
            option::DATE => {
                let us = integer(data);
                let ns = us.saturating_mul(1000);
                self.clock.offset = self.clock.offset.saturating_add(ns);
            }
            option::OFFSET => {
                self.clock.offset = self.clock.offset.saturating_add(integer(data));
            }
            option::TRACECLOCK => self.clock.name(data),
            option::UNAME => {
                let mut words = data.split(|b| matches!(b, b' ' | 0));
                self.release = words.nth(2).map(<[u8]>::to_vec);
            }
            option::CPUCOUNT => self.cpus = Some(from.u32()?),
            option::TSC2NSEC => self.clock.scale = Some((from.u32()?, from.u32()?)),
            _ => {}
        }
        Ok(())
    }

    /// Whether there is room for one more buffer, or text, of so many CPUs.
    pub(super) fn room(&self, offset: u64, cpus: usize) -> Result<(), Damage> {
        let known = self.buffers.iter().map(|buffer| buffer.cpus.len());
        let streams = known.fold(cpus, usize::saturating_add);
        let full = self.buffers.len().max(self.texts.len()) >= MAX_BUFFERS;
        if full || streams > MAX_STREAMS {
            let what = format!("is one of more than {MAX_BUFFERS}, or of {MAX_STREAMS} CPUs");
            return Err(Damage::unsupported("buffer", offset, what));
        }
        Ok(())
    }

    /// The option BUFFER of version 6: an instance, whose table is elsewhere.
    pub(super) fn instance(&mut self, data: &[u8]) -> Result<(), Damage> {
        let offset = Fields::of(data, "option BUFFER", 0, self.machine).u64()?;
        self.room(offset, 0)?;
        self.buffers.push(Buffer {
            offset,
            page_size: self.page_size,
            ..Buffer::default()
        });
        Ok(())
    }

    /// The option BUFFER of version 7.
    pub(super) fn buffer(&mut self, data: &[u8]) -> Result<(), Damage> {
        let mut from = Fields::of(data, "option BUFFER", 0, self.machine);
        let offset = from.u64()?;
        let _name = from.name()?;
        let mut clock = Clock::default();
        clock.name(&from.name()?);
        let page_size = from.u32()?.into();
        let mut cpus = Vec::new();
        let count = from.u32()?;
        self.room(offset, count as usize)?;
        for _ in 0..count {
            cpus.push(CpuData {
                cpu: from.u32()?,
                offset: from.u64()?,
                size: from.u64()?,
            });
        }
        self.buffers.push(Buffer {
            offset,
            clock: Some(clock),
            page_size,
            compression: None,
            cpus,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_both_versions() {
        let mut contents = Contents::default();
        let mut take = |id, data: &[u8]| contents.option(id, data).is_ok();
        assert!(take(option::DATE, b"0x2\0"));
        assert!(take(option::OFFSET, b"-500\n"));
        assert!(take(option::UNAME, b"Linux a-node 4.19.113-1.el7 x86_64\0"));
        assert!(take(
            option::CPUSTAT,
            b"CPU: 3\nentries: 0\ndropped events: 7\n\0"
        ));
        assert!(take(option::CPUSTAT, b"CPU: 4\ndropped events: 0\n"));
        assert!(take(option::CPUCOUNT, &[4, 0, 0, 0]));
        assert!(take(option::TSC2NSEC, &[1, 0, 0, 0, 2, 0, 0, 0]));
        assert!(take(4711, b"anything"));
        assert!(!take(option::CPUCOUNT, &[4, 0]));
        assert_eq!(contents.clock.offset, 1500);
        assert_eq!(contents.clock.scale, Some((1, 2)));
        assert_eq!(contents.release.as_deref(), Some(&b"4.19.113-1.el7"[..]));
        assert_eq!(contents.dropping, BTreeSet::from([3]));
        assert_eq!(contents.cpus, Some(4));
    }

    /// The option BUFFER of version 7 with so many CPUs, without a name.
    fn buffer(cpus: usize) -> Vec<u8> {
        let mut option = vec![0; 14];
        option.extend((cpus as u32).to_le_bytes());
        option.extend([0; 20].repeat(cpus));
        option
    }

    #[test]
    fn buffers_and_their_cpus_have_caps() {
        let mut contents = Contents::default();
        contents.buffer(&buffer(MAX_STREAMS - 1)).unwrap();
        let error = contents.buffer(&buffer(2)).unwrap_err().to_string();
        assert!(
            error.contains("65536 CPUs; turn it into text with trace-cmd"),
            "{error}"
        );
        contents.buffer(&buffer(1)).unwrap();
        for _ in 2..MAX_BUFFERS {
            contents.buffer(&buffer(0)).unwrap();
        }
        assert!(contents.buffer(&buffer(0)).is_err());
        assert!(contents.instance(&[0; 8]).is_err());
    }
}
