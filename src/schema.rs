//! The JSON Schema of everything that is printed as JSON (draft 2020-12).

use std::collections::BTreeSet;
use std::io::{self, Read};

use flate2::read::DeflateDecoder;
use serde_json::{Map, Value};

/// `schema/ip6drop.json`, which build.rs packs to a fifth.
const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/ip6drop.json.deflate"));

/// The schema of all documents; `$defs` holds one definition for each.
///
/// # Errors
/// Fails where it was not packed.
pub fn all() -> io::Result<String> {
    let mut text = String::new();
    DeflateDecoder::new(PACKED).read_to_string(&mut text)?;
    Ok(text)
}

/// The definition of a document that is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Definition {
    /// What `report --format json` and `diagnose --format json` print
    Report,
    /// A line of `report --format ndjson`: one dropped packet
    Drop,
    /// The last line of `report --format ndjson`: the report
    Summary,
    /// What `report --compare --format json` prints
    Compare,
    /// What `status --format json` prints
    Status,
    /// What `check --format json` prints
    Check,
    /// What `merge --format json` prints
    Merge,
    /// What `merge --compare --format json` prints
    MergeCompare,
    /// What `funnel --format json` prints
    Funnel,
    /// What `lab --format json` prints
    Lab,
}

impl Definition {
    /// Its name in `$defs`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Definition::Report => "report",
            Definition::Drop => "drop",
            Definition::Summary => "summary",
            Definition::Compare => "compare",
            Definition::Status => "status",
            Definition::Check => "check",
            Definition::Merge => "merge",
            Definition::MergeCompare => "merge-compare",
            Definition::Funnel => "funnel",
            Definition::Lab => "lab",
        }
    }
}

const PREFIX: &str = "#/$defs/";

/// Adds the names of the definitions that `schema` refers to, and of those that these need.
fn needed(schema: &Value, defs: &Map<String, Value>, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(name) = members
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|target| target.strip_prefix(PREFIX))
                && names.insert(name.to_owned())
                && let Some(definition) = defs.get(name)
            {
                needed(definition, defs, names);
            }
            for member in members.values() {
                needed(member, defs, names);
            }
        }
        Value::Array(items) => {
            for item in items {
                needed(item, defs, names);
            }
        }
        _ => {}
    }
}

/// The schema of one document alone, with the definitions that it needs.
///
/// # Errors
/// Fails where that of [`all`] is no JSON.
pub fn of(document: Definition) -> io::Result<Value> {
    let mut all: Map<String, Value> = serde_json::from_str(&all()?)?;
    let defs = match all.shift_remove("$defs") {
        Some(Value::Object(defs)) => defs,
        _ => Map::new(),
    };
    let mut schema = Map::new();
    if let Some(dialect) = all.shift_remove("$schema") {
        schema.insert("$schema".to_owned(), dialect);
    }
    if let Some(Value::Object(definition)) = defs.get(document.name()).cloned() {
        schema.extend(definition);
    }
    let mut schema = Value::Object(schema);
    let mut names = BTreeSet::new();
    needed(&schema, &defs, &mut names);
    schema["$defs"] = defs
        .into_iter()
        .filter(|(name, _)| names.contains(name))
        .collect();
    Ok(schema)
}
