//! The order of the source: rooms and what they may import, circles, lengths.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::source::{Crate, Import, Length, Outside, Sources};

/// The longest file, without its tests.
const FILE_LINES: usize = 500;
/// The longest function, from its signature to its last brace.
const FUNCTION_LINES: usize = 80;

/// A room, a folder or file right below `src`, and the rooms it may import.
pub(crate) type Room = (&'static str, &'static [&'static str]);

/// Every room, from the ground up: each imports only from those above it in this list.
/// `lib.rs` and `main.rs` stand over all of them.
#[rustfmt::skip]
pub(crate) const ROOMS: &[Room] = &[
    ("text", &[]),
    ("order", &[]),
    ("exit", &[]),
    ("hash", &[]),
    ("kernel", &["text"]),
    ("os", &["text", "exit"]),
    ("trace", &["kernel", "hash", "text"]),
    ("ring", &["kernel", "order", "text"]),
    ("host", &["kernel", "order", "os", "text"]),
    ("capture", &["host", "kernel", "text"]),
    ("input", &["trace", "ring", "capture", "kernel", "order", "os", "text"]),
    ("tracefs", &["ring", "host", "kernel", "order", "capture", "os", "text", "exit"]),
    ("diagnosis", &["trace", "host", "kernel", "hash", "order", "capture", "exit", "text"]),
    ("status", &["diagnosis", "host", "kernel", "order", "text", "exit"]),
    ("report", &["diagnosis", "status", "trace", "host", "kernel", "hash", "order", "capture", "os", "text"]),
    ("analysis", &["input", "status", "trace", "diagnosis", "report", "host", "kernel", "capture", "os", "text"]),
    ("fleet", &["diagnosis", "status", "report", "input", "trace", "host", "kernel", "order", "capture", "os", "text", "exit"]),
    ("anonymize", &["report", "status", "diagnosis", "trace", "host", "kernel", "order", "capture", "text"]),
    ("watch", &["analysis", "report", "status", "diagnosis", "trace", "host", "kernel", "order", "capture", "text"]),
    ("lab", &["analysis", "report", "diagnosis", "trace", "host", "kernel", "os", "text", "exit"]),
    ("render", &["watch", "lab", "report", "status", "fleet", "diagnosis", "trace", "host", "kernel", "order", "capture", "os", "text", "exit"]),
    ("schema", &["render", "report", "status", "fleet", "diagnosis", "trace", "host", "kernel", "capture", "text", "exit"]),
    ("library", &["render", "analysis", "report", "diagnosis", "input", "host"]),
    ("cli", &["schema", "render", "lab", "fleet", "analysis", "report", "status", "diagnosis", "tracefs", "input", "capture", "host", "trace", "kernel", "os", "text", "exit"]),
    ("commands", &["cli", "schema", "render", "watch", "lab", "anonymize", "fleet", "analysis", "report", "status", "diagnosis", "tracefs", "input", "capture", "host", "trace", "kernel", "os", "text", "exit"]),
];

/// Rooms that take values and give values: they open no file and ask nothing of the system.
const PURE: [&str; 12] = [
    "text",
    "order",
    "exit",
    "kernel",
    "trace",
    "ring",
    "capture",
    "diagnosis",
    "report",
    "anonymize",
    "watch",
    "schema",
];
/// What asks something of the system.
const SYSTEM: [&str; 7] = [
    "std::env",
    "std::fs",
    "std::net",
    "std::os",
    "std::process",
    "rustix::",
    "tempfile::",
];

/// Everything that breaks the order.
pub(crate) fn violations(sources: &Sources, rooms: &[Room]) -> Vec<String> {
    let source = Crate::read(sources);
    let mut found = circles(&source.imports);
    found.extend(unknown_rooms(&source, rooms));
    found.extend(
        source
            .imports
            .iter()
            .filter_map(|import| against(import, rooms)),
    );
    found.extend(source.outside.iter().filter_map(asks_the_system));
    found.extend(source.lengths.iter().filter_map(too_long));
    found
}

/// The room of a file; none for `lib.rs` and `main.rs`.
fn room(file: &str) -> Option<&str> {
    let below = file.strip_prefix("src/")?;
    let room = below.split('/').next()?;
    let room = room.strip_suffix(".rs").unwrap_or(room);
    (room != "lib" && room != "main").then_some(room)
}

fn unknown_rooms(source: &Crate, rooms: &[Room]) -> Vec<String> {
    let named: BTreeSet<&str> = source.files.iter().filter_map(|file| room(file)).collect();
    let unknown = named
        .into_iter()
        .filter(|name| !rooms.iter().any(|(room, _)| room == name));
    unknown
        .map(|name| format!("src/{name} is no room that is known"))
        .collect()
}

/// An import that the rooms do not allow.
fn against(import: &Import, rooms: &[Room]) -> Option<String> {
    let Import { from, line, to } = import;
    let below = room(from)?;
    let allowed = match room(to) {
        Some(above) if above == below => true,
        Some(above) => rooms
            .iter()
            .any(|(room, may)| *room == below && may.contains(&above)),
        None => false,
    };
    (!allowed).then(|| format!("against the direction: {from}:{line} -> {to}"))
}

/// A room that should not, and yet opens files or the like.
fn asks_the_system(outside: &Outside) -> Option<String> {
    let Outside { file, line, path } = outside;
    let is_pure = room(file).is_some_and(|room| PURE.contains(&room));
    let asks = SYSTEM.iter().any(|system| path.starts_with(system));
    (is_pure && asks).then(|| format!("asks the system: {file}:{line} -> {path}"))
}

fn too_long(length: &Length) -> Option<String> {
    let Length {
        file,
        line,
        function,
        lines,
    } = length;
    let (what, most) = match function {
        Some(name) => (name.as_str(), FUNCTION_LINES),
        None => ("the file", FILE_LINES),
    };
    (*lines > most)
        .then(|| format!("too long: {file}:{line}: {what} has {lines} lines, at most {most}"))
}

/// The shortest circle through each file that is on one; circles through several files once.
fn circles(imports: &[Import]) -> Vec<String> {
    let mut next: BTreeMap<&str, Vec<&Import>> = BTreeMap::new();
    for import in imports {
        next.entry(&import.from).or_default().push(import);
    }
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for file in next.keys() {
        let Some(circle) = shortest_circle(file, &next) else {
            continue;
        };
        let files: BTreeSet<&str> = circle.iter().map(|import| import.from.as_str()).collect();
        if seen.insert(files) {
            let line = |import: &&Import| format!("{}:{} -> ", import.from, import.line);
            let lines: String = circle.iter().map(line).collect();
            found.push(format!("circle: {lines}{file}"));
        }
    }
    found
}

fn shortest_circle<'a>(
    start: &str,
    next: &BTreeMap<&str, Vec<&'a Import>>,
) -> Option<Vec<&'a Import>> {
    // How each file was reached first.
    let mut reached: BTreeMap<&str, &Import> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for import in next.get(file).into_iter().flatten() {
            if !reached.contains_key(import.to.as_str()) {
                reached.insert(&import.to, import);
                queue.push_back(&import.to);
            }
        }
    }
    let mut circle = vec![*reached.get(start)?];
    while circle[0].from != start {
        circle.insert(0, reached[circle[0].from.as_str()]);
    }
    Some(circle)
}
