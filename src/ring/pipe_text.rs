//! Events as `trace_pipe` prints them (kernel/trace/trace.c: `print_trace_fmt`, and the `funcs`
//! of each event in kernel/trace/trace_output.c and kernel/trace/trace_kprobe.c).
//!
//! What the kernel would print in another way than its description of the event says, or says
//! with numbers that only it knows, is refused before anything is read.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::kernel::printed::TRAMPOLINE;
use crate::ring::columns::{Columns, Context};
use crate::ring::conversion::Conversion;
use crate::ring::format::{EventFormat, Field};
use crate::ring::kallsyms::{Kallsyms, TracerAddresses};
use crate::ring::machine::Machine;
use crate::ring::print::{EventPrinter, push_text};
use crate::ring::print_format::{Argument, Piece};

/// Why the text of an event cannot be the kernel's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unprintable {
    /// The format file has no number, or none of the fields of every event.
    #[error("the format of an event says too little")]
    Format,
    /// `print fmt` is more than fields.
    #[error("the event {0} prints what it computes")]
    Computed(String),
    /// The kernel hashes pointers with a key of its own.
    #[error("the event {0} prints hashed pointers")]
    Hashed(String),
}

/// How an event is printed.
#[derive(Debug)]
enum Kind {
    /// An entry of the function tracer.
    Function,
    /// The stack of the event in front of it.
    Stack,
    /// What somebody wrote to `trace_marker`.
    Mark,
    /// A tracepoint or a probe.
    Event,
}

/// Fields that every event has.
#[derive(Debug, Clone)]
struct Common {
    kind: Field,
    flags: Field,
    preempt_count: Field,
    pid: Field,
}

/// Options that change the text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// `options/sym-offset`
    pub(crate) sym_offset: bool,
    /// `options/sym-addr`
    pub(crate) sym_addr: bool,
}

/// Prints the events of a running kernel.
#[derive(Debug)]
pub(crate) struct PipeText {
    machine: Machine,
    columns: Columns,
    options: Options,
    common: Option<Common>,
    formats: BTreeMap<u64, (Kind, EventFormat)>,
}

/// Where an event comes from, and what is known of its task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// CPU number.
    pub(crate) cpu: u32,
    /// Time stamp in nanoseconds.
    pub(crate) time: u64,
    /// The task's name.
    pub(crate) comm: &'a [u8],
}

/// True where a conversion of a number is one of the kernel's that is known here.
fn is_known(how: &Conversion, field: &Field) -> bool {
    match how.letter {
        's' => field.array,
        'p' if field.array => matches!(how.extension.as_str(), "I4" | "I6" | "I6c" | "i6"),
        'p' => matches!(how.extension.as_str(), "x" | "s" | "S"),
        'c' | 'd' | 'i' | 'u' | 'x' | 'X' | 'o' => !field.array && (1..=8).contains(&field.size),
        _ => false,
    }
}

fn check(format: &EventFormat) -> Result<(), Unprintable> {
    let computed = || Unprintable::Computed(format.name.clone());
    for piece in format.print.as_ref().ok_or_else(computed)? {
        let (how, argument) = match piece {
            Piece::Text(_) => continue,
            Piece::Quoted(argument) => (None, argument),
            Piece::Value(how, argument) => (Some(how), argument),
        };
        let field = format.field(argument.field()).ok_or_else(computed)?;
        let known = match (how, argument) {
            (None, _) => field.array,
            (Some(how), Argument::Symbolic(..)) => how.letter == 's' && !field.array,
            (Some(how), Argument::Field(_)) => {
                if how.letter == 'p' && !field.array && how.extension.is_empty() {
                    return Err(Unprintable::Hashed(format.name.clone()));
                }
                is_known(how, field)
            }
        };
        if !known {
            return Err(computed());
        }
    }
    Ok(())
}

impl PipeText {
    /// Knows no event yet.
    pub(crate) fn new(machine: Machine, columns: Columns, options: Options) -> PipeText {
        PipeText {
            machine,
            columns,
            options,
            common: None,
            formats: BTreeMap::new(),
        }
    }

    /// Takes the format file of an event.
    ///
    /// # Errors
    /// See [`Unprintable`].
    pub(crate) fn learn(&mut self, text: &[u8]) -> Result<(), Unprintable> {
        let format = EventFormat::parse(text);
        let field = |name| format.field(name).cloned().ok_or(Unprintable::Format);
        let kind = match format.name.as_str() {
            "function" => {
                field("ip")?;
                Kind::Function
            }
            "kernel_stack" => {
                field("caller")?;
                Kind::Stack
            }
            "print" => {
                field("ip")?;
                field("buf")?;
                Kind::Mark
            }
            _ => {
                check(&format)?;
                Kind::Event
            }
        };
        if self.common.is_none() {
            self.common = Some(Common {
                kind: field("common_type")?,
                flags: field("common_flags")?,
                preempt_count: field("common_preempt_count")?,
                pid: field("common_pid")?,
            });
        }
        let id = format.id.ok_or(Unprintable::Format)?;
        self.formats.insert(id, (kind, format));
        Ok(())
    }

    fn common(&self, event: &[u8], of: impl Fn(&Common) -> &Field) -> u64 {
        let field = self.common.as_ref().map(of);
        field.map_or(0, |field| {
            self.machine.number(field.bytes(event, self.machine))
        })
    }

    /// The process id of an event's task.
    pub(crate) fn pid(&self, event: &[u8]) -> i32 {
        self.common(event, |common| &common.pid) as u32 as i32
    }

    /// Prints an event, whole lines. Answers with the addresses that have no name.
    pub(crate) fn print(
        &self,
        out: &mut Vec<u8>,
        event: &[u8],
        origin: Origin<'_>,
        kallsyms: &Kallsyms,
    ) -> Vec<u64> {
        let context = Context {
            comm: origin.comm,
            pid: self.pid(event),
            cpu: origin.cpu,
            flags: self.common(event, |common| &common.flags) as u8,
            preempt_count: self.common(event, |common| &common.preempt_count) as u8,
            time: origin.time,
        };
        self.columns.print(out, context);
        let number = self.common(event, |common| &common.kind);
        let Some((kind, format)) = self.formats.get(&number) else {
            // As the kernel calls what it cannot print.
            out.extend(format!("Unknown type {number}\n").bytes());
            return Vec::new();
        };
        let addresses = TracerAddresses {
            kallsyms,
            sym_offset: self.options.sym_offset,
            sym_addr: self.options.sym_addr,
            digits: self.machine.hex_digits(),
            nameless: RefCell::default(),
        };
        let value = |name: &str| format.value(name, event, self.machine).unwrap_or(0);
        match kind {
            Kind::Function => {
                addresses.traced(out, value("ip"));
                if let caller @ 1.. = value("parent_ip") {
                    out.extend(b" <-");
                    addresses.traced(out, caller);
                }
                out.push(b'\n');
            }
            Kind::Stack => self.stack(out, format, event, &addresses),
            Kind::Mark => {
                addresses.traced(out, value("ip"));
                out.extend(b": ");
                let text = format.field("buf").map(|f| f.bytes(event, self.machine));
                mark(out, text.unwrap_or_default());
            }
            Kind::Event => {
                push_text(out, format.name.as_bytes());
                out.extend(b": ");
                let printer = EventPrinter {
                    format,
                    symbols: &addresses,
                    machine: self.machine,
                };
                // The description was checked; what is missing now is missing in the event.
                let _ = printer.by_print_fmt(out, event);
                out.push(b'\n');
            }
        }
        addresses.nameless.into_inner()
    }

    fn stack(
        &self,
        out: &mut Vec<u8>,
        format: &EventFormat,
        event: &[u8],
        addresses: &TracerAddresses<'_>,
    ) {
        out.extend(b"<stack trace>\n");
        let Some(callers) = format.field("caller") else {
            return;
        };
        // Where the record is longer than the array was declared, all of it counts.
        let callers = event.get(callers.offset..).unwrap_or_default();
        let long = self.machine.long.clamp(4, 8);
        let end = self.machine.long_max();
        for caller in callers.chunks_exact(long) {
            let address = self.machine.number(caller);
            if address == end {
                break;
            }
            out.extend(b" => ");
            match address {
                address if address == TRAMPOLINE.1 => out.extend(TRAMPOLINE.0.bytes()),
                _ => addresses.traced(out, address),
            }
            out.push(b'\n');
        }
    }
}

/// Prints what was written to `trace_marker`: it ends with its own line end, and may have more.
fn mark(out: &mut Vec<u8>, text: &[u8]) {
    let text = text.split(|&b| b == 0).next().unwrap_or_default();
    for line in text.split_inclusive(|&b| b == b'\n') {
        push_text(out, line.strip_suffix(b"\n").unwrap_or(line));
        if line.ends_with(b"\n") {
            out.push(b'\n');
        }
    }
    if !text.ends_with(b"\n") {
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::page::{Page, PageLayout};
    use crate::ring::tasks::Tasks;

    /// Files of a 6.1 kernel: its pages, and what its file `trace` showed of them.
    macro_rules! fixture {
        ($name:literal) => {
            include_bytes!(concat!("../../fixtures/6.1-pages/", $name))
        };
    }

    const MACHINE: Machine = Machine {
        big_endian: false,
        long: 8,
    };

    fn columns() -> Columns {
        Columns::parse(fixture!("trace")).unwrap()
    }

    fn formats() -> Vec<String> {
        let text = String::from_utf8(fixture!("formats").to_vec()).unwrap();
        let formats = text.split("name: ").skip(1);
        formats.map(|text| format!("name: {text}")).collect()
    }

    fn known(options: Options) -> PipeText {
        let mut known = PipeText::new(MACHINE, columns(), options);
        for format in formats() {
            known.learn(format.as_bytes()).unwrap();
        }
        known
    }

    fn kallsyms() -> Kallsyms {
        let modules = String::from_utf8_lossy(fixture!("modules"));
        Kallsyms::new(fixture!("kallsyms"), &modules)
    }

    /// The events of both CPUs, by time.
    fn events() -> Vec<(u64, u32, Vec<u8>)> {
        let layout = PageLayout::parse(fixture!("header_page")).unwrap();
        let mut events = Vec::new();
        let cpus: [&[u8]; 2] = [fixture!("raw0"), fixture!("raw1")];
        for (cpu, bytes) in (0..).zip(cpus) {
            for bytes in bytes.chunks(layout.size) {
                let mut page = Page::begin(bytes, layout, MACHINE).unwrap();
                while let Some(event) = page.next(bytes).unwrap() {
                    events.push((page.time(), cpu, bytes[event].to_vec()));
                }
            }
        }
        events.sort_by_key(|&(time, cpu, _)| (time, cpu));
        events
    }

    fn printed(options: Options) -> (String, Vec<u64>) {
        let (known, kallsyms) = (known(options), kallsyms());
        let tasks = Tasks::new(fixture!("saved_cmdlines").to_vec());
        let (mut out, mut nameless) = (Vec::new(), Vec::new());
        for (time, cpu, event) in events() {
            let comm = tasks.name(known.pid(&event) as u32);
            let origin = Origin { cpu, time, comm };
            nameless.extend(known.print(&mut out, &event, origin, &kallsyms));
        }
        (String::from_utf8(out).unwrap(), nameless)
    }

    #[test]
    fn the_text_is_the_kernels_own() {
        let theirs = String::from_utf8(fixture!("trace").to_vec()).unwrap();
        let theirs: Vec<&str> = theirs.lines().filter(|l| !l.starts_with('#')).collect();
        let (ours, nameless) = printed(Options::default());
        assert_eq!(ours.lines().collect::<Vec<_>>(), theirs);
        assert!(nameless.is_empty(), "{nameless:x?}");
        // All there is: entries, stacks, probes, returns, lookups, marks.
        for part in [
            ": veth_xmit <-dev_hard_start_xmit",
            "<stack trace>",
            " => entry_SYSCALL_64_after_hwframe",
            ": drop: (ip6_pkt_drop+0x0/0x1c0) skb=0x",
            " bad=(fault)",
            ": rin: (ipv6_rcv+0x10d/0x1b0 <- ip6_route_input)",
            ": fib6_table_lookup: table 255 oif 0 ",
            ": tracing_mark_write: second mark",
        ] {
            assert!(ours.contains(part), "{part}");
        }
    }

    #[test]
    fn options_add_to_names() {
        let options = Options {
            sym_offset: true,
            sym_addr: true,
        };
        let (ours, _) = printed(options);
        assert!(ours.contains(": veth_xmit+0x0/0x270 [veth] <ffffffffc04b7a80> <-dev_hard_start"));
        assert!(ours.contains(" <- veth_xmit <ffffffffc04b7a80>) ret=0\n"));
    }

    #[test]
    fn what_is_not_known_is_named_as_the_kernel_does() {
        let known = PipeText::new(MACHINE, columns(), Options::default());
        let origin = Origin {
            cpu: 1,
            time: 0,
            comm: b"a",
        };
        let mut out = Vec::new();
        known.print(&mut out, &[7, 0], origin, &kallsyms());
        let line = "               a-0       [001] .....     0.000000: Unknown type 0\n";
        assert_eq!(String::from_utf8_lossy(&out), line);
    }

    fn one(text: &str, event: &[u8]) -> String {
        let mut known = PipeText::new(MACHINE, columns(), Options::default());
        known.learn(text.as_bytes()).unwrap();
        let origin = Origin {
            cpu: 0,
            time: 0,
            comm: b"a",
        };
        let mut out = Vec::new();
        known.print(&mut out, event, origin, &kallsyms());
        let out = String::from_utf8(out).unwrap();
        out.split_once("0.000000: ").unwrap().1.to_owned()
    }

    fn format(name: &str) -> String {
        let is = |text: &String| text.starts_with(&format!("name: {name}\n"));
        formats().into_iter().find(is).unwrap()
    }

    #[test]
    fn stacks_end_where_the_kernel_ends_them() {
        let event = |frames: &[u64]| {
            let mut event = vec![4, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0];
            event.extend(frames.iter().flat_map(|frame| frame.to_le_bytes()));
            one(&format("kernel_stack"), &event)
        };
        assert_eq!(event(&[]), "<stack trace>\n");
        assert_eq!(
            event(&[TRAMPOLINE.1, 0xffff_ffff_c04b_7a81, 0x10, u64::MAX, 0x10]),
            "<stack trace>\n => [FTRACE TRAMPOLINE]\n => veth_xmit\n => 0x00000010\n"
        );
    }

    #[test]
    fn entries_without_a_caller_and_marks_of_several_lines() {
        let mut event = vec![1, 0, 0, 0, 0, 0, 0, 0];
        event.extend(0xffff_ffff_c04b_7a80_u64.to_le_bytes());
        event.extend([0; 8]);
        assert_eq!(one(&format("function"), &event), "veth_xmit\n");
        event[0] = 5;
        event.truncate(16);
        for (text, printed) in [
            (&b"a\tb\nc\n\0junk"[..], "a?b\nc\n"),
            (b"no end", "no end\n"),
        ] {
            let event = [&event[..], text].concat();
            let all = one(&format("print"), &event);
            assert_eq!(all, format!("veth_xmit: {printed}"));
        }
    }

    #[test]
    fn what_the_kernel_alone_can_print_is_refused() {
        let drop = format("drop");
        let with = |from: &str, to: &str| {
            let other = drop.replacen(from, to, 1);
            assert_ne!(other, drop);
            let mut known = PipeText::new(MACHINE, columns(), Options::default());
            known.learn(other.as_bytes())
        };
        let computed = || Err(Unprintable::Computed("drop".to_owned()));
        let hashed = || Err(Unprintable::Hashed("drop".to_owned()));
        for (from, to, refused) in [
            ("skb=0x%Lx", "skb=%p", hashed()),
            ("skb=0x%Lx", "skb=%pK", computed()),
            ("skb=0x%Lx", "skb=%pS", Ok(())),
            ("skb=0x%Lx", "skb=%s", computed()),
            ("skb=0x%Lx", "skb=%e", computed()),
            ("iif=%d", "iif=%pI6c", computed()),
            ("REC->skb", "REC->skb + 1", computed()),
            ("REC->skb", "REC->dev", computed()),
            ("REC->skb", "REC->none", computed()),
            ("__get_str(bad)", "REC->skb", computed()),
            ("common_pid", "uncommon_pid", Err(Unprintable::Format)),
            ("ID: ", "id: ", Err(Unprintable::Format)),
        ] {
            assert_eq!(with(from, to), refused, "{from} {to}");
        }
        let mut known = PipeText::new(MACHINE, columns(), Options::default());
        let stack = format("kernel_stack").replace("caller", "x");
        assert_eq!(known.learn(stack.as_bytes()), Err(Unprintable::Format));
    }
}
