//! What an event says, as text.
//!
//! `print fmt` says how the kernel would print the fields of an event. Probe events are
//! described by plain conversions of plain fields (`__set_print_fmt` in
//! kernel/trace/trace_probe.c), and those are understood. What computes anything is not; its
//! fields are printed as they are.

use crate::kernel::printed::RETURN_PROBE;
use crate::ring::format::{EventFormat, Field};
use crate::ring::machine::Machine;
use crate::ring::symbols::{Resolved, Symbols};

/// Fields that hold the address of a probed instruction or function.
const PROBED: [&str; 3] = ["__probe_ip", "__probe_func", "__probe_ret_ip"];

/// What an event is printed with.
#[derive(Clone, Copy)]
pub(crate) struct EventPrinter<'a> {
    /// The event's description.
    pub(crate) format: &'a EventFormat,
    /// Kernel symbols.
    pub(crate) symbols: &'a Symbols,
    /// Byte order and word size.
    pub(crate) machine: Machine,
}

/// Bytes of the trace that must not end or rearrange a line.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    let visible = |&b: &u8| if b < b' ' || b == 0x7f { b'?' } else { b };
    out.extend(text.iter().map(visible));
}

/// `REC->name` or `__get_str(name)`: the name.
fn argument(text: &str) -> Option<&str> {
    let text = text.trim();
    let name = match text.strip_prefix("__get_str(") {
        Some(rest) => rest.strip_suffix(')')?.trim(),
        None => text.strip_prefix("REC->")?,
    };
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name.then_some(name)
}

fn text_of(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or_default()
}

impl EventPrinter<'_> {
    /// What an event says, behind its name.
    pub(crate) fn says(self, out: &mut Vec<u8>, event: &[u8]) {
        let value = |name: &str| self.format.value(name, event, self.machine);
        match self.format.name.as_str() {
            "function" => {
                self.function(out, value("ip").unwrap_or(0));
                if let Some(caller) = value("parent_ip") {
                    out.extend(b" <-- ");
                    self.function(out, caller);
                }
            }
            "kernel_stack" => out.extend(b"<stack trace >"),
            _ => {
                let start = out.len();
                if self.by_print_fmt(out, event).is_none() {
                    out.truncate(start);
                    self.by_fields(out, event);
                }
            }
        }
    }

    /// The frames of a `kernel_stack`, one a line: up to its end or the mark behind the last one.
    pub(crate) fn frames(self, out: &mut Vec<u8>, event: &[u8]) {
        let Some(callers) = self.format.field("caller") else {
            return;
        };
        // Where the record is longer than the array was declared, all of it counts.
        let callers = if callers.located {
            callers.bytes(event, self.machine)
        } else {
            event.get(callers.offset..).unwrap_or_default()
        };
        let end = u64::MAX >> (64 - 8 * self.machine.long as u32);
        for caller in callers.chunks_exact(self.machine.long.max(1)) {
            let address = self.machine.number(caller);
            if address == end {
                break;
            }
            out.extend(b"=> ");
            self.function(out, address);
            if let Resolved::Function(..) = self.symbols.find(address) {
                out.extend(format!(" ({address:x})").bytes());
            }
            out.push(b'\n');
        }
    }

    /// `dst_alloc`, without the offset of the call inside the function, or as
    /// [`EventPrinter::address`] prints it.
    fn function(self, out: &mut Vec<u8>, address: u64) {
        match self.symbols.find(address) {
            Resolved::Function(name, _) => push_text(out, name),
            _ => self.address(out, address),
        }
    }

    /// `dst_alloc+0x100`, `dst_alloc` or `0xffffffff95870188`.
    fn address(self, out: &mut Vec<u8>, address: u64) {
        match self.symbols.find(address) {
            Resolved::Function(name, 0) => push_text(out, name),
            Resolved::Function(name, offset) => {
                push_text(out, name);
                out.extend(format!("+{offset:#x}").bytes());
            }
            Resolved::ReturnProbe => out.extend(RETURN_PROBE.bytes()),
            Resolved::Nothing => out.extend(format!("{address:#x}").bytes()),
        }
    }

    /// Prints one field by its conversion: the letter behind `%`, length and width left out.
    fn convert(self, out: &mut Vec<u8>, how: &str, field: &Field, event: &[u8]) -> Option<()> {
        let bytes = field.bytes(event, self.machine);
        if how.ends_with('s') {
            push_text(out, text_of(bytes));
            return Some(());
        }
        if field.array || !(1..=8).contains(&bytes.len()) {
            return None;
        }
        let value = self.machine.number(bytes);
        if PROBED.contains(&field.name.as_str()) || how.starts_with('p') {
            self.address(out, value);
            return Some(());
        }
        if how == "c" {
            push_text(out, &[value as u8]);
            return Some(());
        }
        let text = match how {
            "x" | "X" => format!("{value:x}"),
            "d" | "i" => self.machine.signed(bytes).to_string(),
            "u" => value.to_string(),
            _ => return None,
        };
        out.extend(text.bytes());
        Some(())
    }

    /// Prints an event by its description; `None` where that computes something.
    fn by_print_fmt(self, out: &mut Vec<u8>, event: &[u8]) -> Option<()> {
        let (text, arguments) = self.format.print.strip_prefix('"')?.rsplit_once('"')?;
        let mut arguments = arguments.split(',').skip(1).map(argument);
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            // A probe's strings are printed in quotes, which the description escapes.
            push_text(out, before.replace("\\\"", "\"").as_bytes());
            if let Some(after) = after.strip_prefix('%') {
                out.push(b'%');
                rest = after;
                continue;
            }
            let start = after.find(|c: char| c.is_ascii_alphabetic() && !"lLhzqj".contains(c))?;
            let pointer = after.get(start..)?.starts_with('p');
            let len = if pointer {
                let behind = after.get(start + 1..)?;
                1 + usize::from(behind.starts_with(['s', 'S', 'f', 'F', 'x', 'B']))
            } else {
                1
            };
            let how = after.get(start..start + len)?;
            rest = after.get(start + len..)?;
            let field = self.format.field(arguments.next()??)?;
            self.convert(out, how, field, event)?;
        }
        push_text(out, rest.replace("\\\"", "\"").as_bytes());
        arguments.next().is_none().then_some(())
    }

    /// Prints the fields of an event as they are: `name=value`.
    fn by_fields(self, out: &mut Vec<u8>, event: &[u8]) {
        let own = |field: &&Field| !field.name.starts_with("common_");
        for (number, field) in self.format.fields.iter().filter(own).enumerate() {
            let bytes = field.bytes(event, self.machine);
            if number > 0 {
                out.push(b' ');
            }
            push_text(out, field.name.as_bytes());
            out.push(b'=');
            if field.text && field.array {
                push_text(out, text_of(bytes));
            } else if field.array || !(1..=8).contains(&bytes.len()) {
                out.extend(bytes.iter().flat_map(|b| format!("{b:02x}").into_bytes()));
            } else if field.signed {
                out.extend(self.machine.signed(bytes).to_string().bytes());
            } else {
                out.extend(format!("{:#x}", self.machine.number(bytes)).bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(print: &str, event: &[u8]) -> Option<String> {
        let fields = "	field:u64 __probe_ip;	offset:0;	size:8;	signed:0;
	field:s16 n;	offset:8;	size:2;	signed:1;
	field:__data_loc char[] comm;	offset:10;	size:4;	signed:1;
	field:u32 many[2];	offset:14;	size:8;	signed:0;
";
        let format = EventFormat::parse(format!("{fields}print fmt: {print}\n").as_bytes());
        let symbols = Symbols::new(b"ffffffff81000000 T dst_alloc\n".to_vec());
        let printer = EventPrinter {
            format: &format,
            symbols: &symbols,
            machine: Machine {
                big_endian: false,
                long: 8,
            },
        };
        let mut out = Vec::new();
        printer.by_print_fmt(&mut out, event)?;
        Some(String::from_utf8_lossy(&out).into_owned())
    }

    #[test]
    fn what_probes_print() {
        let mut event = 0xffff_ffff_8100_0010_u64.to_le_bytes().to_vec();
        event.extend((-7i16).to_le_bytes());
        event.extend([22, 0, 4, 0]);
        event.extend([0; 8]);
        event.extend(b"a\nb\0");
        let print = |text: &str| printed(text, &event);
        let all = r#""(%lx) n=%d u=%u x=0x%x comm=\"%s\" 100%%", REC->__probe_ip, REC->n, REC->n, REC->n, __get_str(comm)"#;
        assert_eq!(
            print(all).as_deref(),
            Some(r#"(dst_alloc+0x10) n=-7 u=65529 x=0xfff9 comm="a?b" 100%"#)
        );
        for computed in [
            r#""%d", REC->n + 1"#,
            r#""%d %d", REC->n"#,
            r#""%d", REC->n, REC->n"#,
            r#""%d", REC->many"#,
            r#""%d", REC->none"#,
            r#""%s", __print_symbolic(REC->n, { 1, "one" })"#,
            r#""%"#,
            "",
        ] {
            assert_eq!(print(computed), None, "{computed}");
        }
        assert_eq!(printed(all, &event[..9]), None);
    }
}
