//! The order of the parts in versions 6 and 7: trace-cmd.dat.v6(5), trace-cmd.dat.v7(5).

use std::collections::BTreeSet;
use std::io::{Cursor, Read};

use crate::input::trace_dat::compression::{Compression, CompressionMethod};
use crate::input::trace_dat::contents::{Buffer, Contents, CpuData, EmbeddedText, option};
use crate::input::trace_dat::damage::{Damage, Damages};
use crate::input::trace_dat::fields::Fields;
use crate::input::trace_dat::store::Store;
use crate::ring::machine::Machine;
use crate::text::harmless;

/// What every file starts with.
pub(crate) const MAGIC: &[u8; 10] = b"\x17\x08\x44tracing";
/// Size of the header of a section of version 7, in bytes.
const SECTION_HEADER: u64 = 16;
/// The flag of a compressed section.
const COMPRESSED: u64 = 1;
/// Options sections that are followed; trace-cmd writes one, and one more for each buffer.
const MAX_OPTION_SECTIONS: usize = 1024;

/// Reads everything in front of the events.
///
/// # Errors
/// Fails where nothing can be read behind the damage.
pub(super) fn read(store: &mut Store, damages: &mut Damages) -> Result<Contents, Damage> {
    let reader = store.reader("header", 0)?;
    let mut from = Fields::new(reader, "header", 0, store.len(), Machine::default());
    from.bytes(MAGIC.len() as u64)?;
    let version = from.name()?;
    let big_endian = from.u8()? == 1;
    let long = usize::from(from.u8()?);
    if !matches!(long, 4 | 8) {
        return Err(from.damage(format!("says that a long has {long} bytes")));
    }
    let machine = Machine { big_endian, long };
    from.set_machine(machine);
    let mut contents = Contents {
        machine,
        page_size: from.u32()?.into(),
        ..Contents::default()
    };
    match version.as_slice() {
        b"6" => version6(&mut from, store, &mut contents, damages)?,
        b"7" => version7(&mut from, store, &mut contents, damages)?,
        _ => {
            let version = harmless(&version);
            let what = format!("is of version {version}; versions 6 and 7 are known");
            return Err(Damage::unsupported("header", 0, what));
        }
    }
    Ok(contents)
}

/// Version 6: one part behind the other, none compressed.
fn version6(
    from: &mut Fields<impl Read>,
    store: &mut Store,
    contents: &mut Contents,
    damages: &mut Damages,
) -> Result<(), Damage> {
    from.enter("header info");
    contents.header_info(from)?;
    from.set_machine(contents.machine);
    from.enter("ftrace event formats");
    contents.ftrace_events(from)?;
    from.enter("event formats");
    contents.event_formats(from)?;
    from.enter("kallsyms");
    damages.note(contents.kallsyms(from));
    from.enter("trace_printk formats");
    let len = from.u32()?;
    from.bytes(len.into())?;
    from.enter("saved command lines");
    contents.command_lines(from)?;
    from.enter("options");
    contents.cpus = Some(from.u32()?);
    let mut kind = from.bytes(10)?;
    if kind == *b"options  \0" {
        loop {
            let id = from.u16()?;
            if id == option::DONE {
                break;
            }
            let len = from.u32()?;
            let data = from.bytes(len.into())?;
            let taken = match id {
                option::BUFFER => contents.instance(&data),
                _ => contents.option(id, &data),
            };
            damages.note(taken);
        }
        kind = from.bytes(10)?;
    }
    from.enter("CPU data");
    match kind.as_slice() {
        b"latency  \0" => contents.texts.push(EmbeddedText {
            offset: store.len().saturating_sub(from.left()),
            size: from.left(),
            compression: None,
        }),
        b"flyrecord\0" => {
            // Each instance has a table of as many CPUs.
            let tables = contents.buffers.len().saturating_add(1);
            let streams = tables.saturating_mul(contents.cpus.unwrap_or(0) as usize);
            contents.room(store.len().saturating_sub(from.left()), streams)?;
            let buffer = Buffer {
                page_size: contents.page_size,
                cpus: cpu_table(from, contents.cpus)?,
                ..Buffer::default()
            };
            contents.buffers.insert(0, buffer);
        }
        _ => return Err(from.damage("is neither flyrecord nor latency")),
    }
    let machine = contents.machine;
    for buffer in contents.buffers.iter_mut().skip(1) {
        damages.note(instance6(buffer, store, machine, contents.cpus));
    }
    Ok(())
}

fn cpu_table(from: &mut Fields<impl Read>, cpus: Option<u32>) -> Result<Vec<CpuData>, Damage> {
    (0..cpus.unwrap_or(0))
        .map(|cpu| {
            Ok(CpuData {
                cpu,
                offset: from.u64()?,
                size: from.u64()?,
            })
        })
        .collect()
}

/// The table of an instance of version 6, which looks like the end of the file's own header.
fn instance6(
    buffer: &mut Buffer,
    store: &mut Store,
    machine: Machine,
    cpus: Option<u32>,
) -> Result<(), Damage> {
    let part = "buffer instance";
    let (offset, left) = (buffer.offset, store.len().saturating_sub(buffer.offset));
    // The tables of several instances may be one and the same.
    store.reserve(part, offset, 16 * u64::from(cpus.unwrap_or(0)))?;
    let reader = store.reader(part, offset)?;
    let mut from = Fields::new(reader, part, offset, left, machine);
    if from.bytes(10)? != b"flyrecord\0" {
        return Err(from.damage("is not flyrecord"));
    }
    buffer.cpus = cpu_table(&mut from, cpus)?;
    Ok(())
}

/// What the header of a section says.
struct Section {
    id: u64,
    compression: Option<Compression>,
    /// Where its contents start, and their size in the file.
    start: u64,
    size: u64,
}

fn section_header(
    store: &mut Store,
    contents: &Contents,
    part: &'static str,
    offset: u64,
) -> Result<Section, Damage> {
    let machine = contents.machine;
    let header = store.bytes(part, offset, SECTION_HEADER)?;
    store.give_back(&header);
    let number = |from: usize, to: usize| header.get(from..to).map_or(0, |b| machine.number(b));
    let compression = match contents.method {
        _ if number(2, 4) & COMPRESSED == 0 => None,
        Some(method) => Some(Compression { method, machine }),
        None => {
            let what = "is compressed, and the header names no method";
            return Err(Damage::new(part, offset, what));
        }
    };
    Ok(Section {
        id: number(0, 2),
        compression,
        // The header was read: it ends inside the file.
        start: offset.saturating_add(SECTION_HEADER),
        size: number(8, 16),
    })
}

/// The bytes of a section, decompressed.
fn section(
    store: &mut Store,
    contents: &Contents,
    part: &'static str,
    offset: u64,
    wanted: u16,
) -> Result<Vec<u8>, Damage> {
    let found = section_header(store, contents, part, offset)?;
    let (id, start, size) = (found.id, found.start, found.size);
    if id != u64::from(wanted) {
        let what = format!("has the number {id} instead of {wanted}");
        return Err(Damage::new(part, offset, what));
    }
    match found.compression {
        Some(compression) => {
            let end = start.checked_add(size);
            let end = end.ok_or_else(|| Damage::cut_off(part, offset))?;
            Ok(store.block(part, start, end, compression)?.0)
        }
        None => store.bytes(part, start, size),
    }
}

/// Version 7: sections anywhere, found by the options.
fn version7(
    from: &mut Fields<impl Read>,
    store: &mut Store,
    contents: &mut Contents,
    damages: &mut Damages,
) -> Result<(), Damage> {
    let method = from.name()?;
    from.name()?;
    contents.method = CompressionMethod::from_name(&method).map_err(|()| {
        let method = harmless(&method);
        Damage::unsupported("header", 0, format!("names the compression {method}"))
    })?;
    let mut next = from.u64()?;
    let mut seen = BTreeSet::new();
    let mut sections = Vec::new();
    while next != 0 {
        if seen.len() == MAX_OPTION_SECTIONS || !seen.insert(next) {
            damages.push(Damage::new("options", next, "lead back to themselves"));
            break;
        }
        match options7(store, contents, next, &mut sections, damages) {
            Ok(following) => next = following,
            // Without any option there is nothing at all.
            Err(damage) if seen.len() == 1 => return Err(damage),
            Err(damage) => {
                damages.push(damage);
                break;
            }
        }
    }
    for (id, offset) in sections {
        damages.note(section7(store, contents, id, offset));
    }
    let mut buffers = std::mem::take(&mut contents.buffers);
    for buffer in &mut buffers {
        match section_header(store, contents, "buffer", buffer.offset) {
            Ok(found) => buffer.compression = found.compression,
            Err(damage) => {
                damages.push(damage);
                buffer.cpus.clear();
            }
        }
    }
    contents.buffers = buffers;
    Ok(())
}

/// One options section; the offset of the next.
fn options7(
    store: &mut Store,
    contents: &mut Contents,
    offset: u64,
    sections: &mut Vec<(u16, u64)>,
    damages: &mut Damages,
) -> Result<u64, Damage> {
    let bytes = section(store, contents, "options", offset, option::DONE)?;
    let machine = contents.machine;
    let mut from = Fields::of(&bytes, "options", offset, machine);
    loop {
        let id = from.u16()?;
        let len = from.u32()?;
        let data = from.bytes(len.into())?;
        let mut own = Fields::of(&data, "options", offset, machine);
        let taken = match id {
            option::DONE => return own.u64(),
            option::BUFFER => contents.buffer(&data),
            option::BUFFER_TEXT => own.u64().and_then(|offset| text7(store, contents, offset)),
            option::HEADER_INFO
            | option::FTRACE_EVENTS
            | option::EVENT_FORMATS
            | option::KALLSYMS
            | option::CMDLINES => own.u64().map(|offset| sections.push((id, offset))),
            _ => contents.option(id, &data),
        };
        damages.note(taken);
    }
}

fn text7(store: &mut Store, contents: &mut Contents, offset: u64) -> Result<(), Damage> {
    contents.room(offset, 0)?;
    let found = section_header(store, contents, "buffer text", offset)?;
    contents.texts.push(EmbeddedText {
        offset: found.start,
        size: found.size,
        compression: found.compression,
    });
    Ok(())
}

/// Takes what one of the sections says.
fn section7(
    store: &mut Store,
    contents: &mut Contents,
    id: u16,
    offset: u64,
) -> Result<(), Damage> {
    type Take = fn(&mut Contents, &mut Fields<Cursor<Vec<u8>>>) -> Result<(), Damage>;
    let (part, take): (_, Take) = match id {
        option::HEADER_INFO => ("header info", Contents::header_info),
        option::FTRACE_EVENTS => ("ftrace event formats", Contents::ftrace_events),
        option::EVENT_FORMATS => ("event formats", Contents::event_formats),
        option::KALLSYMS => ("kallsyms", Contents::kallsyms),
        _ => ("saved command lines", Contents::command_lines),
    };
    let bytes = section(store, contents, part, offset, id)?;
    let len = bytes.len() as u64;
    let mut from = Fields::new(Cursor::new(bytes), part, offset, len, contents.machine);
    take(contents, &mut from)
}
