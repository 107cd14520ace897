//! `print fmt`: how the kernel would print the fields of an event.
//!
//! Probe events are described by plain conversions of plain fields
//! (`__set_print_fmt` in kernel/trace/trace_probe.c), and those are understood. What computes
//! anything is not; its fields are printed as they are.

use crate::input::trace_dat::bytes::Machine;
use crate::input::trace_dat::formats::{Field, Format};
use crate::input::trace_dat::symbols::{Named, Symbols};

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

/// Prints one field by its conversion: the letter behind `%`, length and width left out.
fn convert(
    out: &mut Vec<u8>,
    how: &str,
    field: &Field,
    event: &[u8],
    context: Context<'_>,
) -> Option<()> {
    let bytes = field.bytes(event, context.machine);
    if how.ends_with('s') {
        push_text(out, text_of(bytes));
        return Some(());
    }
    if field.array || !(1..=8).contains(&bytes.len()) {
        return None;
    }
    let value = context.machine.number(bytes);
    if PROBED.contains(&field.name.as_str()) || how.starts_with('p') {
        push_address(out, value, context.symbols);
        return Some(());
    }
    if how == "c" {
        push_text(out, &[value as u8]);
        return Some(());
    }
    let text = match how {
        "x" | "X" => format!("{value:x}"),
        "d" | "i" => context.machine.signed(bytes).to_string(),
        "u" => value.to_string(),
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
        let field = context.format.field(arguments.next()??)?;
        convert(out, how, field, event, context)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(print: &str, event: &[u8]) -> Option<String> {
        let fields = "	field:u64 __probe_ip;	offset:0;	size:8;	signed:0;
	field:s16 n;	offset:8;	size:2;	signed:1;
	field:__data_loc char[] comm;	offset:10;	size:4;	signed:1;
	field:u32 many[2];	offset:14;	size:8;	signed:0;
";
        let format = Format::parse(format!("{fields}print fmt: {print}\n").as_bytes());
        let symbols = Symbols::new(b"ffffffff81000000 T dst_alloc\n".to_vec());
        let context = Context {
            format: &format,
            symbols: &symbols,
            machine: Machine {
                big_endian: false,
                long: 8,
            },
        };
        let mut out = Vec::new();
        by_print_fmt(&mut out, event, context)?;
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
