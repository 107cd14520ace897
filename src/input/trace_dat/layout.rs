//! The order of the parts in versions 6 and 7: trace-cmd.dat.v6(5), trace-cmd.dat.v7(5).

use std::collections::BTreeSet;
use std::io::Read;

use crate::input::trace_dat::compression::{Compression, Method};
use crate::input::trace_dat::contents::{Buffer, Contents, CpuData, EmbeddedText, name, option};
use crate::input::trace_dat::damage::{Damage, Damages};
use crate::input::trace_dat::fields::Fields;
use crate::input::trace_dat::store::Store;
use crate::ring::machine::Machine;
use crate::text::harmless;

/// What every file starts with.
pub const MAGIC: &[u8; 10] = b"\x17\x08\x44tracing";
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
    let reader = store
        .reader(0)
        .map_err(|e| Damage::new("header", 0, format!("cannot be read: {e}")))?;
    let mut from = Fields::new(reader, "header", 0, store.len(), Machine::default());
    from.bytes(MAGIC.len() as u64)?;
    let version = name(&mut from)?;
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
            return Err(Damage::unsupported(
                "header",
                0,
                format!("is of version {version}; versions 6 and 7 are known"),
            ));
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
            offset: store.len() - from.left(),
            size: from.left(),
            compression: None,
        }),
        b"flyrecord\0" => {
            let cpus = cpu_table(from, contents.cpus)?;
            contents.buffers.insert(
                0,
                Buffer {
                    page_size: contents.page_size,
                    cpus,
                    ..Buffer::default()
                },
            );
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
    let reader = store
        .reader(offset)
        .map_err(|e| Damage::new(part, offset, format!("cannot be read: {e}")))?;
    let mut from = Fields::new(reader, part, offset, left, machine);
    if from.bytes(10)? != b"flyrecord\0" {
        return Err(from.damage("is not flyrecord"));
    }
    buffer.cpus = cpu_table(&mut from, cpus)?;
    Ok(())
}

/// The header of a section: its number, whether it is compressed, and its size in the file.
fn section_header(
    store: &mut Store,
    machine: Machine,
    part: &'static str,
    offset: u64,
) -> Result<(u64, bool, u64), Damage> {
    let header = store.bytes(part, offset, SECTION_HEADER)?;
    let number = |from: usize, to: usize| header.get(from..to).map_or(0, |b| machine.number(b));
    let found = (number(0, 2), number(2, 4) & COMPRESSED != 0, number(8, 16));
    store.give_back(&header);
    Ok(found)
}

/// How a section is compressed, if it says that it is.
fn compression(
    contents: &Contents,
    part: &'static str,
    offset: u64,
    is_compressed: bool,
) -> Result<Option<Compression>, Damage> {
    let machine = contents.machine;
    match (is_compressed, contents.method) {
        (false, _) => Ok(None),
        (true, Some(method)) => Ok(Some(Compression { method, machine })),
        (true, None) => Err(Damage::new(
            part,
            offset,
            "is compressed, and the header names no method",
        )),
    }
}

/// The bytes of a section, decompressed.
fn section(
    store: &mut Store,
    contents: &Contents,
    part: &'static str,
    offset: u64,
    wanted: u16,
) -> Result<Vec<u8>, Damage> {
    let (id, is_compressed, size) = section_header(store, contents.machine, part, offset)?;
    if id != u64::from(wanted) {
        return Err(Damage::new(
            part,
            offset,
            format!("has the number {id} instead of {wanted}"),
        ));
    }
    let start = offset + SECTION_HEADER;
    match compression(contents, part, offset, is_compressed)? {
        Some(compression) => Ok(store.block(part, start, start + size, compression)?.0),
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
    let method = name(from)?;
    name(from)?;
    contents.method = Method::from_name(&method).map_err(|()| {
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
        let (offset, part) = (buffer.offset, "buffer");
        let found = section_header(store, contents.machine, part, offset)
            .and_then(|(_, packed, _)| compression(contents, part, offset, packed));
        match found {
            Ok(found) => buffer.compression = found,
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
    let len = bytes.len() as u64;
    let mut from = Fields::new(bytes.as_slice(), "options", offset, len, contents.machine);
    loop {
        let id = from.u16()?;
        let len = from.u32()?;
        let data = from.bytes(len.into())?;
        let mut own = Fields::new(
            data.as_slice(),
            "options",
            offset,
            len.into(),
            contents.machine,
        );
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
    let part = "buffer text";
    let (_, packed, size) = section_header(store, contents.machine, part, offset)?;
    let compression = compression(contents, part, offset, packed)?;
    let offset = offset + SECTION_HEADER;
    contents.texts.push(EmbeddedText {
        offset,
        size,
        compression,
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
    let part = match id {
        option::HEADER_INFO => "header info",
        option::FTRACE_EVENTS => "ftrace event formats",
        option::EVENT_FORMATS => "event formats",
        option::KALLSYMS => "kallsyms",
        _ => "saved command lines",
    };
    let bytes = section(store, contents, part, offset, id)?;
    let len = bytes.len() as u64;
    let mut from = Fields::new(bytes.as_slice(), part, offset, len, contents.machine);
    match id {
        option::HEADER_INFO => contents.header_info(&mut from),
        option::FTRACE_EVENTS => contents.ftrace_events(&mut from),
        option::EVENT_FORMATS => contents.event_formats(&mut from),
        option::KALLSYMS => contents.kallsyms(&mut from),
        _ => contents.command_lines(&mut from),
    }
}
