//! `print fmt`: how the kernel would print the fields of an event.
//!
//! Probe events are described by plain conversions of plain fields
//! (`__set_print_fmt` in kernel/trace/trace_probe.c), and those are understood. What computes
//! anything is not; its fields are printed as they are.

use super::bytes::Machine;
use super::formats::{Field, Format};
use super::symbols::{Named, Symbols};

/// What an event is printed with.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    /// The event's description.
    pub format: &'a Format,
    /// Kernel symbols.
    pub symbols: &'a Symbols,
    /// Byte order and word size.
    pub machine: Machine,
}

/// Fields that hold the address of a probed instruction or function.
const PROBED: [&str; 3] = ["__probe_ip", "__probe_func", "__probe_ret_ip"];

/// Bytes of the trace that must not end or rearrange a line.
pub(super) fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    let visible = |&b: &u8| if b < b' ' || b == 0x7f { b'?' } else { b };
    out.extend(text.iter().map(visible));
}

/// `dst_alloc+0x100`, `dst_alloc` or `0xffffffff95870188`.
pub(super) fn push_address(out: &mut Vec<u8>, address: u64, symbols: &Symbols) {
    match symbols.find(address) {
        Named::Function(name, 0) => push_text(out, name),
        Named::Function(name, offset) => {
            push_text(out, name);
            out.extend(format!("+{offset:#x}").bytes());
        }
        Named::ReturnProbe => out.extend(b"[unknown/kretprobe'd]"),
        Named::Nothing => out.extend(format!("{address:#x}").bytes()),
    }
}

/// `REC->name`, `REC->name[2]` or `__get_str(name)`: the name and which of several.
fn argument(text: &str) -> Option<(&str, usize)> {
    let text = text.trim();
    let plain = match text.strip_prefix("__get_str(") {
        Some(rest) => rest.strip_suffix(')')?.trim(),
        None => text.strip_prefix("REC->")?,
    };
    let (name, index) = match plain.split_once('[') {
        Some((name, rest)) => (name, rest.strip_suffix(']')?.parse().ok()?),
        None => (plain, 0),
    };
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name.then_some((name, index))
}

fn text_of(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or_default()
}

/// Prints one field by its conversion: the letter behind `%`, length and width left out.
fn convert(
    out: &mut Vec<u8>,
    how: &str,
    field: &Field,
    index: usize,
    event: &[u8],
    context: Context<'_>,
) -> Option<()> {
    let bytes = field.bytes(event, context.machine);
    if how.ends_with('s') {
        push_text(out, text_of(bytes));
        return Some(());
    }
    // An element is as large as its type; only arrays of words and bytes are met in probes.
    let bytes = match (field.array, field.text) {
        (false, _) => bytes,
        (true, true) => bytes.get(index..index + 1)?,
        (true, false) => {
            let word = context.machine.long;
            let from = index.checked_mul(word)?;
            bytes.get(from..from.checked_add(word)?)?
        }
    };
    if bytes.is_empty() || bytes.len() > 8 {
        return None;
    }
    let value = context.machine.number(bytes);
    if PROBED.contains(&field.name.as_str()) || how.starts_with('p') {
        push_address(out, value, context.symbols);
        return Some(());
    }
    let text = match how {
        "x" | "X" => format!("{value:x}"),
        "d" | "i" => context.machine.signed(bytes).to_string(),
        "u" => value.to_string(),
        "c" => return Some(push_text(out, &[value as u8])),
        _ => return None,
    };
    out.extend(text.bytes());
    Some(())
}

/// Prints an event by its description; `None` where that computes something.
pub(super) fn by_print_fmt(out: &mut Vec<u8>, event: &[u8], context: Context<'_>) -> Option<()> {
    let (text, arguments) = context.format.print.strip_prefix('"')?.rsplit_once('"')?;
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
        let (name, index) = arguments.next()??;
        convert(out, how, context.format.field(name)?, index, event, context)?;
    }
    push_text(out, rest.replace("\\\"", "\"").as_bytes());
    arguments.next().is_none().then_some(())
}

/// Prints the fields of an event as they are: `name=value`.
pub(super) fn by_fields(out: &mut Vec<u8>, event: &[u8], context: Context<'_>) {
    let own = |field: &&Field| !field.name.starts_with("common_");
    for (number, field) in context.format.fields.iter().filter(own).enumerate() {
        let bytes = field.bytes(event, context.machine);
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
            out.extend(context.machine.signed(bytes).to_string().bytes());
        } else {
            out.extend(format!("{:#x}", context.machine.number(bytes)).bytes());
        }
    }
}
