//! Events as the text that `trace-cmd report` prints, with the caller of each function.

use std::collections::{BTreeMap, BTreeSet};

use crate::capture::framing::{Framing, lines};
use crate::capture::one_line::OneLine;
use crate::input::trace_dat::contents::Contents;
use crate::input::trace_dat::merge::MergedEvent;
use crate::ring::format::EventFormat;
use crate::ring::machine::Machine;
use crate::ring::print::{EventPrinter, push_text};

/// Functions and probes of CPUs and tasks that are told apart by buffer.
const MAX_OWNED: usize = 65_536;
/// One call reaches all buffers within this time, in the clock's own unit: 1 ms, far more than
/// was seen under emulation.
const ONE_CALL: u64 = 1_000_000;
/// Width of the name of a task.
const COMM_COLUMNS: usize = 16;
/// Width of the columns behind the name of an event (`print_event_name` pads to 20).
const NAME_COLUMNS: usize = 20;

/// Prints events, and remembers which buffer shows which function.
#[derive(Default)]
pub(super) struct Printer {
    /// The buffer that showed the latest event of that kind, address, CPU and task, and when.
    owners: BTreeMap<(u64, u64, u32, u64), (usize, u64)>,
    /// The buffer that the first event is of.
    first: Option<usize>,
    /// Events of another one came as well.
    several: bool,
    /// Buffers and CPUs whose next stack belongs to a function that another buffer shows.
    dropped: BTreeSet<(usize, u32)>,
    /// Events left out because another buffer shows them too.
    pub(crate) twice: u64,
}

/// The first lines: what is known of the machine.
pub(super) fn preamble(out: &mut Vec<u8>, contents: &Contents) {
    let mut release = Vec::new();
    push_text(
        &mut release,
        contents.release.as_deref().unwrap_or_default(),
    );
    let kernel = (!release.is_empty()).then(|| Framing::Kernel(OneLine::new(&release)));
    out.extend(lines([Framing::TraceDat].into_iter().chain(kernel)));
    if let Some(cpus) = contents.cpus {
        out.extend(format!("cpus={cpus}\n").bytes());
    }
}

/// The flags column as the kernel prints it, where the event has its fields: interrupts off,
/// reschedule needed, hardirq or softirq, preemption count (kernel/trace/trace_output.c:
/// `trace_print_lat_fmt`).
fn flags(flags: Option<u8>, preempt_count: Option<u8>) -> String {
    let Some(flags) = flags else {
        return String::new();
    };
    let has = |bit: u8| flags & bit != 0;
    let irqs_off = match (has(0x01), has(0x80)) {
        (true, true) => 'D',
        (true, false) => 'd',
        (false, true) => 'b',
        (false, false) => '.',
    };
    let resched = match (has(0x04), has(0x20)) {
        (true, true) => 'N',
        (true, false) => 'n',
        (false, true) => 'p',
        (false, false) => '.',
    };
    let level = match (has(0x40), has(0x08), has(0x10)) {
        (true, true, _) => 'Z',
        (true, false, _) => 'z',
        (false, true, true) => 'H',
        (false, true, false) => 'h',
        (false, false, true) => 's',
        (false, false, false) => '.',
    };
    let preempt = match preempt_count.unwrap_or(0) & 0x0f {
        0 => '.',
        count => char::from_digit(u32::from(count), 16).unwrap_or('.'),
    };
    format!("{irqs_off}{resched}{level}{preempt} ")
}

/// Adds the blanks that a text of so many bytes leaves of its column.
fn fill(out: &mut Vec<u8>, columns: usize, text: usize) {
    out.extend(std::iter::repeat_n(b' ', columns.saturating_sub(text)));
}

impl Printer {
    /// Prints one event, and what was lost in front of it.
    pub(super) fn print(
        &mut self,
        out: &mut Vec<u8>,
        event: &MergedEvent<'_>,
        contents: &mut Contents,
    ) {
        match event.lost {
            Some(Some(events)) => {
                out.extend(format!("CPU:{} [{events} EVENTS DROPPED]\n", event.cpu).bytes());
            }
            Some(None) => out.extend(format!("CPU:{} [EVENTS DROPPED]\n", event.cpu).bytes()),
            None => {}
        }
        let Some(bytes) = event.bytes else { return };
        if *self.first.get_or_insert(event.buffer) != event.buffer && !self.several {
            self.several = true;
            out.extend(lines([Framing::SeveralBuffers]));
        }
        let machine = contents.machine;
        let kind = contents
            .formats
            .any()
            .and_then(|format| format.value("common_type", bytes, machine));
        let format = kind.and_then(|kind| contents.formats.get(kind));
        let unknown = EventFormat::default();
        let format = format.unwrap_or(&unknown);
        if self.is_shown_elsewhere(event, bytes, format, machine) {
            self.twice = self.twice.saturating_add(1);
            return;
        }
        let pid = format.value("common_pid", bytes, machine).unwrap_or(0) as u32;
        let comm = contents.tasks.name(pid);
        fill(out, COMM_COLUMNS, comm.len());
        push_text(out, comm);
        let time = event.clock.print(event.time);
        let field = |name| format.value(name, bytes, machine).map(|value| value as u8);
        let flags = flags(field("common_flags"), field("common_preempt_count"));
        out.extend(format!("-{pid:<5} [{:03}] {flags}{time}: ", event.cpu).bytes());
        let name = if format.name.is_empty() {
            "unknown"
        } else {
            &format.name
        };
        push_text(out, name.as_bytes());
        out.extend(b": ");
        fill(out, NAME_COLUMNS, name.len());
        let printer = EventPrinter {
            format,
            symbols: &contents.symbols,
            machine,
        };
        printer.says(out, bytes);
        out.push(b'\n');
        if format.name == "kernel_stack" {
            printer.frames(out, bytes);
        }
    }

    /// The tracer calls every buffer that traces a function, and so does a probe. Two entries
    /// for one call would look like two packets: the buffer that shows it first speaks for it.
    fn is_shown_elsewhere(
        &mut self,
        event: &MergedEvent<'_>,
        bytes: &[u8],
        format: &EventFormat,
        machine: Machine,
    ) -> bool {
        let place = (event.buffer, event.cpu);
        if format.name == "kernel_stack" || format.name == "user_stack" {
            return self.dropped.contains(&place);
        }
        self.dropped.remove(&place);
        let value = |name: &str| format.value(name, bytes, machine);
        let address = match format.name.as_str() {
            "function" => value("ip"),
            _ => value("__probe_ip").or_else(|| value("__probe_func")),
        };
        let (Some(kind), Some(address)) = (value("common_type"), address) else {
            return false;
        };
        let call = (kind, address, event.cpu, value("common_pid").unwrap_or(0));
        let shown = self.owners.get(&call).is_some_and(|&(buffer, time)| {
            buffer != event.buffer && event.time.abs_diff(time) < ONE_CALL
        });
        if shown {
            self.dropped.insert(place);
        } else if self.owners.len() < MAX_OWNED || self.owners.contains_key(&call) {
            self.owners.insert(call, (event.buffer, event.time));
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_those_of_the_kernel() {
        for (bits, count, printed) in [
            (0x00, Some(0), ".... "),
            (0x10, Some(1), "..s1 "),
            (0x19, Some(0x1f), "d.Hf "),
            (0x08, Some(2), "..h2 "),
            (0x48, None, "..Z. "),
            (0x50, None, "..z. "),
            (0x84, None, "bn.. "),
            (0xa5, None, "DN.. "),
            (0x20, Some(0x0a), ".p.a "),
        ] {
            assert_eq!(flags(Some(bits), count), printed, "{bits:#x}");
        }
        // An event without them has no such column.
        assert_eq!(flags(None, Some(1)), "");
    }

    #[test]
    fn calls_told_apart_by_buffer_have_a_cap() {
        let format = EventFormat::parse(
            b"name: function\n\tfield:int common_type;\toffset:0;\tsize:4;\tsigned:0;\n\
              \tfield:long ip;\toffset:4;\tsize:4;\tsigned:0;\n",
        );
        let machine = Machine::default();
        let mut printer = Printer::default();
        let mut shows = |buffer, ip: u32| {
            let bytes = [[7, 0, 0, 0], ip.to_le_bytes()].concat();
            let event = MergedEvent {
                buffer,
                cpu: 0,
                time: 1,
                clock: Default::default(),
                lost: None,
                bytes: Some(&bytes),
            };
            printer.is_shown_elsewhere(&event, &bytes, &format, machine)
        };
        let most = MAX_OWNED as u32;
        assert!(!(0..=most).any(|ip| shows(0, ip)));
        assert!(shows(1, most - 1));
        assert!(!shows(1, most));
    }
}
