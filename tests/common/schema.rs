//! Holds what the program prints against the schema that it prints.

use std::sync::OnceLock;

use clap::ValueEnum;
use ip6drop::inside::schema::{Definition, all, of};
use jsonschema::Validator;
use serde_json::Value;

/// Closes every object: a member that the schema does not name is an error. Answers how many.
pub fn close(schema: &mut Value) -> usize {
    match schema {
        Value::Object(members) => {
            let mut closed = 0;
            for (key, value) in members {
                let open = matches!(&**key, "additionalProperties" | "unevaluatedProperties");
                if open && *value == Value::Bool(true) {
                    *value = Value::Bool(false);
                    closed += 1;
                } else {
                    closed += close(value);
                }
            }
            closed
        }
        Value::Array(items) => items.iter_mut().map(close).sum(),
        _ => 0,
    }
}

pub fn validator(schema: &Value) -> Validator {
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .build(schema)
        .unwrap_or_else(|e| panic!("the schema is no schema: {e}"))
}

/// The schema of all documents, as it is printed.
pub fn whole() -> Value {
    serde_json::from_str(&all().unwrap()).unwrap()
}

/// Which document a value says it is.
fn document(value: &Value) -> Definition {
    match (value["type"].as_str(), value["schema"].as_str()) {
        (Some("drop"), None) => Definition::Drop,
        (Some("summary"), Some("ip6drop.report/1")) => Definition::Summary,
        (None, Some("ip6drop.report/1")) => Definition::Report,
        (None, Some("ip6drop.compare/1")) => Definition::Compare,
        (None, Some("ip6drop.status/1")) => Definition::Status,
        (None, Some("ip6drop.check/1")) => Definition::Check,
        (None, Some("ip6drop.merge/1")) => Definition::Merge,
        (None, Some("ip6drop.merge-compare/1")) => Definition::MergeCompare,
        (None, Some("ip6drop.funnel/1")) => Definition::Funnel,
        (None, Some("ip6drop.lab/1")) => Definition::Lab,
        other => panic!("no such document: {other:?}"),
    }
}

/// Every error of `value` against the closed schema of its document.
pub fn errors(value: &Value) -> Vec<String> {
    static VALIDATORS: OnceLock<Vec<Validator>> = OnceLock::new();
    let validators = VALIDATORS.get_or_init(|| {
        let closed = Definition::value_variants().iter().map(|document| {
            let mut schema = of(*document).unwrap();
            assert!(close(&mut schema) > 0, "{}", document.name());
            validator(&schema)
        });
        closed.collect()
    });
    let document = document(value);
    validators[document as usize]
        .iter_errors(value)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect()
}

/// Fails where `value` breaks the schema, or has a member that the schema does not name.
pub fn check(value: &Value) {
    let errors = errors(value);
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}
