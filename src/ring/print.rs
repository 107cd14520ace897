//! What an event says, as text.
//!
//! `print fmt` says how the kernel would print the fields of an event; where all of it is
//! understood the text is the one of `trace_pipe`, but for addresses: a file has them as they
//! were, and they are printed so, or with their function's name. Where the description computes
//! something its fields are printed as they are.

use crate::kernel::printed::{FAULT, RETURN_PROBE};
use crate::ring::addresses;
use crate::ring::conversion::Conversion;
use crate::ring::format::{EventFormat, Field};
use crate::ring::machine::Machine;
use crate::ring::print_format::{Argument, Piece};
use crate::ring::symbols::{Resolved, Symbols};

/// Fields that hold the address of a probed instruction or function.
const PROBED: [&str; 3] = ["__probe_ip", "__probe_func", "__probe_ret_ip"];

/// Longest text of an event in front of its stack, and of the stack, in bytes: readers look at no
/// more of a line. What a description prints beyond it is left out, and frames as well.
const MAX_SAID: usize = 64 * 1024;

/// How addresses are printed.
pub(crate) trait Addresses {
    /// `dst_alloc`: the function that an address is in (`%ps`).
    fn function(&self, out: &mut Vec<u8>, address: u64);
    /// The function, and where in it the address is (`%pS`).
    fn place(&self, out: &mut Vec<u8>, address: u64);
    /// What a probe says in front of its arguments; `field` is one of those that hold an address.
    fn probed(&self, out: &mut Vec<u8>, field: &str, address: u64);
}

/// What an event is printed with.
pub(crate) struct EventPrinter<'a, A = Symbols> {
    /// The event's description.
    pub(crate) format: &'a EventFormat,
    /// Kernel symbols.
    pub(crate) symbols: &'a A,
    /// Byte order and word size.
    pub(crate) machine: Machine,
}

impl<A> Clone for EventPrinter<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for EventPrinter<'_, A> {}

/// Bytes of the trace that must not end or rearrange a line.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    let visible = |&b: &u8| if b < b' ' || b == 0x7f { b'?' } else { b };
    out.extend(text.iter().map(visible));
}

/// Whether what stands behind `start` is longer than anybody reads.
fn is_too_long(out: &[u8], start: usize) -> bool {
    out.len().saturating_sub(start) > MAX_SAID
}

fn text_of(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or_default()
}

impl Addresses for Symbols {
    /// `dst_alloc`, without the offset of the call inside the function, or as
    /// [`Addresses::place`] prints it.
    fn function(&self, out: &mut Vec<u8>, address: u64) {
        match self.find(address) {
            Resolved::Function(name, _) => push_text(out, name),
            _ => self.place(out, address),
        }
    }

    /// `dst_alloc+0x100`, `dst_alloc` or `0xffffffff95870188`.
    fn place(&self, out: &mut Vec<u8>, address: u64) {
        match self.find(address) {
            Resolved::Function(name, 0) => push_text(out, name),
            Resolved::Function(name, offset) => {
                push_text(out, name);
                out.extend(format!("+{offset:#x}").bytes());
            }
            Resolved::ReturnProbe => out.extend(RETURN_PROBE.bytes()),
            Resolved::Nothing => out.extend(format!("{address:#x}").bytes()),
        }
    }

    fn probed(&self, out: &mut Vec<u8>, _field: &str, address: u64) {
        self.place(out, address);
    }
}

impl EventPrinter<'_> {
    /// What an event says, behind its name.
    pub(crate) fn says(self, out: &mut Vec<u8>, event: &[u8]) {
        let value = |name: &str| self.format.value(name, event, self.machine);
        match self.format.name.as_str() {
            "function" => {
                self.symbols.function(out, value("ip").unwrap_or(0));
                if let Some(caller) = value("parent_ip") {
                    out.extend(b" <-- ");
                    self.symbols.function(out, caller);
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
        let end = self.machine.long_max();
        let start = out.len();
        for caller in callers.chunks_exact(self.machine.long.max(1)) {
            let address = self.machine.number(caller);
            if address == end || is_too_long(out, start) {
                break;
            }
            out.extend(b"=> ");
            self.symbols.function(out, address);
            if let Resolved::Function(..) = self.symbols.find(address) {
                out.extend(format!(" ({address:x})").bytes());
            }
            out.push(b'\n');
        }
    }

    /// Prints the fields of an event as they are: `name=value`.
    fn by_fields(self, out: &mut Vec<u8>, event: &[u8]) {
        let own = |field: &&Field| !field.name.starts_with("common_");
        let start = out.len();
        for (number, field) in self.format.fields.iter().filter(own).enumerate() {
            if is_too_long(out, start) {
                break;
            }
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

impl<A: Addresses> EventPrinter<'_, A> {
    /// Prints a number that is an address, as far as what stands behind `p` is known.
    fn pointer(self, out: &mut Vec<u8>, extension: &str, address: u64) -> Option<()> {
        match extension {
            "x" => {
                out.extend(format!("{address:0width$x}", width = self.machine.hex_digits()).bytes())
            }
            "s" | "f" => self.symbols.function(out, address),
            "" | "S" | "F" | "B" | "K" => self.symbols.place(out, address),
            _ => return None,
        }
        Some(())
    }

    /// The value of a field with its sign, as C hands it on.
    fn value(self, field: &Field, event: &[u8]) -> Option<i64> {
        let bytes = field.whole(event, self.machine)?;
        if field.array || !(1..=8).contains(&bytes.len()) {
            return None;
        }
        Some(if field.signed {
            self.machine.signed(bytes)
        } else {
            self.machine.number(bytes) as i64
        })
    }

    /// A string of the event, without what must not end or rearrange a line.
    fn string(self, field: &Field, event: &[u8]) -> Option<Vec<u8>> {
        let bytes = field.whole(event, self.machine)?;
        let mut text = Vec::new();
        push_text(&mut text, text_of(bytes));
        field.array.then_some(text)
    }

    /// Prints one field by its conversion.
    fn convert(
        self,
        out: &mut Vec<u8>,
        how: &Conversion,
        field: &Field,
        event: &[u8],
    ) -> Option<()> {
        match how.letter {
            's' => how.text(out, &self.string(field, event)?),
            'p' if field.array => {
                let bytes = field.whole(event, self.machine)?;
                let text = addresses::address(&how.extension, bytes)?;
                how.text(out, text.as_bytes());
            }
            'p' => self.pointer(out, &how.extension, self.value(field, event)? as u64)?,
            _ if PROBED.contains(&field.name.as_str()) => {
                let address = self.value(field, event)? as u64;
                self.symbols.probed(out, &field.name, address);
            }
            'c' => {
                let mut text = Vec::new();
                push_text(&mut text, &[self.value(field, event)? as u8]);
                how.text(out, &text);
            }
            _ => how.number(out, self.value(field, event)?, self.machine)?,
        }
        Some(())
    }

    /// Prints the name of a number, or the number where it has none (kernel/trace/trace_output.c:
    /// `trace_print_symbols_seq`).
    fn symbolic(
        self,
        out: &mut Vec<u8>,
        how: &Conversion,
        value: i64,
        names: &[(u64, String)],
    ) -> Option<()> {
        let long = self.machine.long_max();
        let value = value as u64 & long;
        let mut text = Vec::new();
        match names.iter().find(|(number, _)| number & long == value) {
            Some((_, name)) => push_text(&mut text, name.as_bytes()),
            None => text.extend(format!("{value:#x}").bytes()),
        }
        (how.letter == 's').then(|| how.text(out, &text))
    }

    /// Prints a string of a probe in quotes. One that could not be read is empty, without even
    /// its end (kernel/trace/trace_probe.c: `PRINT_TYPE_FUNC_NAME(string)`).
    fn quoted(self, out: &mut Vec<u8>, field: &Field, event: &[u8]) -> Option<()> {
        let text = self.string(field, event)?;
        if field.whole(event, self.machine)?.is_empty() {
            out.extend(FAULT.bytes());
            return Some(());
        }
        out.push(b'"');
        out.extend(text);
        out.push(b'"');
        Some(())
    }

    /// Prints an event by its description; `None` where that computes something, or asks for
    /// what the event does not have.
    pub(crate) fn by_print_fmt(self, out: &mut Vec<u8>, event: &[u8]) -> Option<()> {
        let field = |argument: &Argument| self.format.field(argument.field());
        let start = out.len();
        for piece in self.format.print.as_ref()? {
            if is_too_long(out, start) {
                break;
            }
            match piece {
                Piece::Text(text) => push_text(out, text.as_bytes()),
                Piece::Quoted(argument) => self.quoted(out, field(argument)?, event)?,
                Piece::Value(how, argument) => {
                    let field = field(argument)?;
                    match argument {
                        Argument::Field(_) => self.convert(out, how, field, event)?,
                        Argument::Symbolic(_, names) => {
                            self.symbolic(out, how, self.value(field, event)?, names)?;
                        }
                    }
                }
            }
        }
        Some(())
    }
}
