//! Parts of one recording, in files of their own, read as one stream.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use crate::capture::framing::{Framing, When, lines};
use crate::input::chunks::Source;
use crate::input::error::InputError;
use crate::input::open::Opened;
use crate::input::packing::{DynReader, Packing};
use crate::order::sort_by_key;
use crate::text::FRAMING;
use crate::text::Untrusted;
use crate::trace::{Banner, Line, line};

/// How much of a file is looked at for the line that says which part it is, in bytes.
const HEAD: u64 = 64 * 1024;
/// Bytes that are looked at at once; of longer lines the rest is a piece of its own.
const MAX_PIECE: u64 = 64 * 1024;

/// One part.
#[derive(Debug, Clone)]
struct Part {
    path: PathBuf,
    number: u64,
    /// The length of its file.
    length: u64,
}

/// Several parts of one recording, in order of their numbers.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    id: Untrusted,
    parts: Vec<Part>,
}

fn framing(text: &[u8]) -> Option<Framing<'_>> {
    match line(text) {
        Line::Banner(Banner::Framing { key, value }) => Some(Framing::parse(key, value)),
        _ => None,
    }
}

/// What a file is called when its recorder has compressed it.
fn packed(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".gz");
    name.into()
}

/// Opens a part, which may be compressed while it is looked at; true where it was.
fn open(path: &Path) -> io::Result<(File, bool)> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let packed = File::open(packed(path));
            packed.map(|file| (file, true)).map_err(|_| error)
        }
        opened => opened.map(|file| (file, false)),
    }
}

/// What a file begins with says of it.
enum Start {
    /// A part, and the number of the recording.
    Part(Part, Untrusted),
    /// Nothing yet.
    Empty,
}

/// How a regular file begins, where it is a part or may become one.
fn start_of(path: &Path) -> Option<Start> {
    let is_file = path.metadata().map_or(true, |m| m.is_file());
    let mut head = Vec::new();
    let (mut file, _) = is_file.then(|| open(path).ok())??;
    file.metadata().ok().filter(|m| m.is_file())?;
    (&mut file).take(HEAD).read_to_end(&mut head).ok()?;
    if head.is_empty() {
        return Some(Start::Empty);
    }
    let length = file.metadata().ok()?.len();
    if let Some(packing) = Packing::of(&head) {
        let mut inner = Vec::new();
        // A damaged start says what it can.
        let _ = packing
            .unpack(Cursor::new(head))
            .take(HEAD)
            .read_to_end(&mut inner);
        head = inner;
    }
    let mut first = head.split(|&b| b == b'\n').map_while(framing);
    first.find_map(|said| match said {
        Framing::Part { number, id } => {
            let path = path.to_owned();
            let part = Part {
                path,
                number,
                length,
            };
            Some(Start::Part(part, id.as_str().into()))
        }
        _ => None,
    })
}

/// The recordings of which several parts are among some files.
#[derive(Debug, Default)]
pub(crate) struct Recordings {
    /// Their parts.
    pub(crate) all: Vec<Parts>,
    /// What is there twice.
    pub(crate) twice: Vec<InputError>,
    /// Files that are being put in place of others of these.
    pub(crate) twins: Vec<PathBuf>,
    /// Files beside parts that had no text. One may be the next part, begun this moment: when it is
    /// read the part before it has grown, and nobody has read by how much.
    pub(crate) empty: Vec<PathBuf>,
}

/// Finds them.
#[must_use]
pub(crate) fn recordings<'a>(files: impl Iterator<Item = &'a PathBuf>) -> Recordings {
    let mut all: Vec<Parts> = Vec::new();
    let mut errors = Vec::new();
    let mut twins = Vec::new();
    let mut empty = Vec::new();
    for path in files {
        let (part, id) = match start_of(path) {
            Some(Start::Part(part, id)) => (part, id),
            Some(Start::Empty) => {
                empty.push(path.clone());
                continue;
            }
            None => continue,
        };
        let Some(known) = all.iter_mut().find(|parts| parts.id == id) else {
            let parts = vec![part];
            all.push(Parts { id, parts });
            continue;
        };
        let same = known.parts.iter().find(|other| other.number == part.number);
        match same {
            // The recorder compresses it at this moment.
            Some(other) if packed(&other.path) == part.path => twins.push(part.path),
            Some(other) => errors.push(InputError::SamePart {
                path: part.path.into(),
                number: part.number,
                other: other.path.as_path().into(),
            }),
            None => known.parts.push(part),
        }
    }
    if all.is_empty() {
        empty.clear();
    }
    // One alone is read as any file, unless it is named twice.
    let twice = |parts: &Parts| {
        let first = &parts.parts[0].path;
        errors.iter().any(
            |error| matches!(error, InputError::SamePart { other, .. } if other.raw() == first),
        )
    };
    all.retain(|parts| parts.parts.len() > 1 || twice(parts));
    for parts in &mut all {
        sort_by_key(&mut parts.parts, |part| part.number);
    }
    Recordings {
        all,
        twice: errors,
        twins,
        empty,
    }
}

impl Parts {
    /// Their files.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().map(|part| part.path.as_path())
    }

    /// What is said of those that are missing.
    #[must_use]
    pub(crate) fn missing(&self) -> Option<String> {
        let mut expected = 1;
        let mut missing = Vec::new();
        for part in &self.parts {
            match part.number.saturating_sub(expected) {
                0 => {}
                1 => missing.push(expected.to_string()),
                _ => missing.push(format!("{expected} to {}", part.number - 1)),
            }
            expected = part.number.saturating_add(1);
        }
        (!missing.is_empty()).then(|| {
            format!(
                "{}: missing of this recording: part {}; events were lost there",
                self.id,
                missing.join(", ")
            )
        })
    }

    /// The text of all of them.
    #[must_use]
    pub(crate) fn trace(&self) -> Source<DynReader> {
        Source::Stream(Box::new(Joined {
            waiting: self.parts.iter().cloned().collect(),
            open: None,
            last: None,
            error: None,
            line: Vec::new(),
            out: Cursor::default(),
        }))
    }
}

/// The part that is being read.
struct Open {
    text: BufReader<DynReader>,
    part: Part,
    packing: Option<Packing>,
    read: u64,
    /// Only framing lines came so far.
    in_head: bool,
    /// The next piece begins a line.
    at_start: bool,
    /// Nothing stands in front of it.
    is_first: bool,
}

/// Reads parts one behind the other. What a later one says of the recording at its start, the
/// first has said; facts after a part that is not the last are not those after the recording.
struct Joined {
    waiting: VecDeque<Part>,
    open: Option<Open>,
    /// The number of the part that was read last.
    last: Option<u64>,
    /// The first error, for when everything has been read.
    error: Option<InputError>,
    line: Vec<u8>,
    out: Cursor<Vec<u8>>,
}

impl Open {
    fn new(part: Part, is_first: bool) -> Result<Self, InputError> {
        let opened = || {
            let (file, is_other) = open(&part.path)?;
            let length = match is_other {
                true => file.metadata()?.len(),
                false => part.length,
            };
            let opened = Opened::file(file, length)?;
            Ok((opened.packing(), opened.trace()?))
        };
        let (packing, trace) = opened().map_err(|e| InputError::from_io(&part.path, e))?;
        Ok(Open {
            text: BufReader::new(trace.reader()),
            part,
            packing,
            read: 0,
            in_head: true,
            at_start: true,
            is_first,
        })
    }

    /// Whether a line belongs to the stream.
    fn keeps(&mut self, text: &[u8], is_last: bool) -> bool {
        if !self.at_start || !text.starts_with(FRAMING.as_bytes()) {
            self.in_head = false;
            return true;
        }
        match framing(text) {
            // Where the start is missing, the number says so.
            Some(Framing::Part { number, .. }) => self.is_first && number > 1,
            // It may have changed in a part that is missing.
            Some(Framing::Lookups(_)) => true,
            // The last one may hold no event at all.
            Some(
                Framing::Fact(When::After, _)
                | Framing::Rule(When::After, _)
                | Framing::ThrowRoutes(When::After, _)
                | Framing::LocalRoutes(When::After, _)
                | Framing::Policy(When::After, ..),
            ) => is_last,
            // Totals of all CPUs say that a recording has ended.
            Some(Framing::Lost { events: 0, .. }) => is_last,
            Some(Framing::Lost { .. }) => true,
            _ => !self.in_head || self.is_first,
        }
    }
}

impl Joined {
    fn put(&mut self, text: &[u8]) {
        self.out.get_mut().extend_from_slice(text);
    }

    /// Something is missing here.
    fn gap(&mut self) {
        self.put(&lines([Framing::Gap]));
    }

    fn fail(&mut self, error: InputError) {
        self.gap();
        self.error.get_or_insert(error);
    }

    /// Begins the next part; false where there is none.
    fn begin(&mut self) -> bool {
        let Some(part) = self.waiting.pop_front() else {
            return false;
        };
        let before = self.last.replace(part.number);
        if before.is_some_and(|before| before + 1 != part.number) {
            self.gap();
        }
        match Open::new(part, before.is_none()) {
            Ok(open) => self.open = Some(open),
            Err(error) => self.fail(error),
        }
        true
    }

    /// Puts out what comes next; false at the end of everything.
    fn next(&mut self) -> bool {
        let Some(mut open) = self.open.take() else {
            return self.begin();
        };
        self.line.clear();
        let mut piece = (&mut open.text).take(MAX_PIECE);
        let read = piece.read_until(b'\n', &mut self.line);
        let text = std::mem::take(&mut self.line);
        open.read += text.len() as u64;
        if !text.is_empty() {
            if open.keeps(&text, self.waiting.is_empty()) {
                self.put(&text);
            }
            open.at_start = text.ends_with(b"\n");
        }
        // A line that was cut off is one all the same.
        let is_over = text.is_empty() || read.is_err();
        if is_over && !open.at_start {
            self.put(b"\n");
        }
        self.line = text;
        match read {
            Err(e) => {
                let error = InputError::ended(&open.part.path, open.packing, open.read, e);
                self.fail(error);
            }
            Ok(0) => {}
            Ok(_) => self.open = Some(open),
        }
        true
    }
}

impl Read for Joined {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.out.read(out)?;
            if n > 0 {
                return Ok(n);
            }
            self.out.get_mut().clear();
            self.out.set_position(0);
            if !self.next() {
                return match self.error.take() {
                    Some(error) => Err(io::Error::other(error)),
                    None => Ok(0),
                };
            }
        }
    }
}
