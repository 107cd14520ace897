//! Event formats: where each field of an event is, by the kernel's own description
//! (`events/SYSTEM/EVENT/format`; Documentation/trace/events.rst, "Event formats").

use std::collections::BTreeMap;

use crate::ring::machine::Machine;
use crate::ring::print_format::{Piece, pieces};

/// Longest description of an event, in bytes; longer ones are not read.
const MAX_FORMAT: usize = 64 * 1024;
/// Fields of one event that are looked for. A probe has at most 128 (`MAX_TRACE_ARGS`).
const MAX_FIELDS: usize = 256;

/// One field of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its name in C.
    pub(crate) name: String,
    /// Offset in the event, in bytes.
    pub(crate) offset: usize,
    /// Size in bytes; 0 for what reaches to the end of the event.
    pub(crate) size: usize,
    /// Whether it has a sign.
    pub(crate) signed: bool,
    /// `name[]`.
    pub(crate) array: bool,
    /// Holds where in the event the value is: half offset, half length.
    pub(crate) located: bool,
    /// An array of characters.
    pub(crate) text: bool,
}

impl Field {
    /// The bytes of the field in an event; empty where the event does not reach so far.
    pub(crate) fn bytes<'a>(&self, event: &'a [u8], machine: Machine) -> &'a [u8] {
        self.whole(event, machine).unwrap_or_default()
    }

    /// The bytes of the field in an event; `None` where the event does not reach so far.
    pub(crate) fn whole<'a>(&self, event: &'a [u8], machine: Machine) -> Option<&'a [u8]> {
        let own = event.get(self.offset..)?;
        let own = match self.size {
            0 => own,
            size => own.get(..size)?,
        };
        if !self.located {
            return Some(own);
        }
        let place = machine.number(own);
        let (at, len) = ((place & 0xffff) as usize, (place >> 16) as usize);
        event.get(at..at.checked_add(len)?)
    }
}

/// One line of a format: `field:int common_pid; offset:4; size:4; signed:1;`
fn field(line: &str) -> Option<Field> {
    let mut parts = line.trim().split(';').map(str::trim);
    let declaration = parts.next()?.strip_prefix("field:")?.trim();
    let (mut offset, mut size, mut signed) = (None, None, false);
    for part in parts {
        match part.split_once(':') {
            Some(("offset", n)) => offset = n.parse().ok(),
            Some(("size", n)) => size = n.parse().ok(),
            Some(("signed", n)) => signed = n == "1",
            _ => {}
        }
    }
    let located = declaration.starts_with("__data_loc");
    let bare = declaration.split('[').next()?.trim_end();
    // `__data_loc char[] name` has its brackets in the type.
    let name = if located {
        declaration.rsplit(char::is_whitespace).next()?
    } else {
        bare.rsplit([' ', '*']).next()?
    };
    Some(Field {
        name: name.to_owned(),
        offset: offset?,
        size: size?,
        signed,
        array: declaration.contains('['),
        located,
        text: declaration.contains("char ") || declaration.contains("char["),
    })
}

/// The fields described in a text, in its order.
pub(crate) fn fields(text: &str) -> Vec<Field> {
    text.lines().filter_map(field).take(MAX_FIELDS).collect()
}

/// The description of one event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EventFormat {
    /// The event's name.
    pub(crate) name: String,
    /// Its number, where it has one.
    pub(crate) id: Option<u64>,
    /// Fields that every event has (`common_…`) and those of this one.
    pub(crate) fields: Vec<Field>,
    /// What `print fmt` prints; `None` where it computes something.
    pub(crate) print: Option<Vec<Piece>>,
}

impl EventFormat {
    /// Parses a format file.
    pub(crate) fn parse(text: &[u8]) -> EventFormat {
        let text = String::from_utf8_lossy(text);
        let of = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
        EventFormat {
            name: of("name:").unwrap_or_default().trim().to_owned(),
            id: of("ID:").and_then(|id| id.trim().parse().ok()),
            fields: fields(&text),
            print: of("print fmt:").and_then(pieces),
        }
    }

    /// The field of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The value of a field of an event, without sign.
    pub(crate) fn value(&self, name: &str, event: &[u8], machine: Machine) -> Option<u64> {
        let bytes = self.field(name)?.bytes(event, machine);
        (1..=8)
            .contains(&bytes.len())
            .then(|| machine.number(bytes))
    }
}

/// Descriptions by event number: as they stand in the file until an event is met.
#[derive(Default)]
pub(crate) struct EventFormats {
    texts: BTreeMap<u64, Vec<u8>>,
    parsed: BTreeMap<u64, EventFormat>,
}

impl EventFormats {
    /// Takes a format file; those without a number say nothing.
    pub(crate) fn insert(&mut self, text: Vec<u8>) {
        let id = text
            .split(|&b| b == b'\n')
            .find_map(|line| std::str::from_utf8(line.strip_prefix(b"ID:")?).ok())
            .and_then(|id| id.trim().parse().ok());
        if let Some(id) = id
            && text.len() <= MAX_FORMAT
        {
            self.texts.insert(id, text);
        }
    }

    /// Any description at all: the common fields are alike in all of them.
    pub(crate) fn any(&mut self) -> Option<&EventFormat> {
        let id = *self.texts.keys().chain(self.parsed.keys()).next()?;
        self.get(id)
    }

    /// The description of an event.
    pub(crate) fn get(&mut self, id: u64) -> Option<&EventFormat> {
        if let Some(text) = self.texts.remove(&id) {
            self.parsed.insert(id, EventFormat::parse(&text));
        }
        self.parsed.get(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name: gc_enter
ID: 1201
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:unsigned long __probe_ip;	offset:8;	size:8;	signed:0;
	field:__data_loc char[] comm;	offset:16;	size:4;	signed:1;
	field:char buf[];	offset:20;	size:0;	signed:1;
	field:const char * name;	offset:24;	size:8;	signed:0;

print fmt: \"(%lx)\", REC->__probe_ip
";

    #[test]
    fn fields_are_where_the_kernel_says() {
        let format = EventFormat::parse(TEXT.as_bytes());
        assert_eq!((format.name.as_str(), format.id), ("gc_enter", Some(1201)));
        assert_eq!(format.print.as_ref().map(Vec::len), Some(3));
        let names: Vec<_> = format.fields.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "common_type",
                "common_pid",
                "__probe_ip",
                "comm",
                "buf",
                "name"
            ]
        );
        let comm = format.field("comm").unwrap();
        assert!(comm.located && comm.text && comm.array);
        let little = Machine {
            big_endian: false,
            long: 8,
        };
        let mut event = vec![0; 20];
        event[16..20].copy_from_slice(&[20, 0, 3, 0]);
        event.extend_from_slice(b"abc");
        assert_eq!(comm.bytes(&event, little), b"abc");
        assert_eq!(format.field("buf").unwrap().bytes(&event, little), b"abc");
        assert_eq!(comm.bytes(&event[..21], little), b"");
        assert_eq!(format.value("__probe_ip", &event[..9], little), None);
    }

    #[test]
    fn a_format_is_found_by_its_number() {
        let mut formats = EventFormats::default();
        formats.insert(TEXT.as_bytes().to_vec());
        formats.insert(b"no number".to_vec());
        assert_eq!(formats.get(1201).unwrap().name, "gc_enter");
        assert_eq!(formats.any().unwrap().name, "gc_enter");
        assert!(formats.get(0).is_none());
    }

    #[test]
    fn descriptions_have_caps() {
        let field = |n| format!("field:int f{n};\toffset:8;\tsize:4;\tsigned:1;\n");
        let text: String = (0..=MAX_FIELDS).map(field).collect();
        assert_eq!(fields(&text).len(), MAX_FIELDS);
        for (len, known) in [(MAX_FORMAT, true), (MAX_FORMAT + 1, false)] {
            let mut text = b"name: a\nID: 7\n".to_vec();
            text.resize(len, b' ');
            let mut formats = EventFormats::default();
            formats.insert(text);
            assert_eq!(formats.get(7).is_some(), known);
        }
    }
}
