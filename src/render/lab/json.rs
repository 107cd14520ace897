//! JSON of `lab`: schema `ip6drop.lab/1`.

use std::io::{self, Write};

use serde_json::Value;

use crate::lab::truth::Score;
use crate::render::format::Format;
use crate::render::json::json;
use crate::render::view::{LabDocument, LabView};
use crate::text::Untrusted;

fn score(score: &Score) -> Value {
    json!({
        "packets": score.packets,
        "lost": score.lost,
        "rightly": score.rightly,
        "wrongly": score.wrongly,
        "unnamed": score.unnamed,
        "confirmed": score.confirmed,
        "confirmed_wrongly": score.confirmed_wrongly,
        "unexpected": score.unexpected,
        "others": score.others,
    })
}

/// The object of the schema.
fn value(view: &LabView<'_>) -> Value {
    let proof = view.proof;
    let scenarios = proof.outcomes.iter().map(|outcome| {
        json!({
            "scenario": outcome.scenario.name,
            "score": score(&outcome.score),
            "as_made": outcome.is_as_made(),
            "in_no_routes": outcome.counted,
            "remedy": outcome.remedy.as_ref().map(|remedy| json!({
                "command": remedy.command,
                "packets": remedy.packets,
                "lost": remedy.lost,
            })),
            "seconds": outcome.seconds,
        })
    });
    let skipped = proof.skipped.iter();
    let skipped = skipped.map(|(scenario, why)| json!({"scenario": scenario.name, "why": why}));
    json!({
        "schema": "ip6drop.lab/1",
        "tool": {"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")},
        "host": {
            "name": view.host.as_ref().map(Untrusted::to_string),
            "kernel": view.kernel.as_ref().map(Untrusted::to_string),
            "refuses": proof.refuses,
        },
        "summary": proof.verdict(),
        "exit": proof.exit().status(),
        "scenarios": scenarios.collect::<Vec<_>>(),
        "total": score(&proof.total()),
        "skipped": skipped.collect::<Vec<_>>(),
    })
}

/// One object.
#[derive(Debug)]
pub(crate) struct JsonLab;

impl Format<LabDocument> for JsonLab {
    fn write(&self, view: &LabView<'_>, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, &value(view))?;
        writeln!(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::lab::text::tests::with_view;
    use crate::schema::{Definition, of};

    #[test]
    fn it_keeps_to_the_schema() {
        let schema = of(Definition::Lab).unwrap();
        with_view(|view| {
            let value = value(view);
            let validator = jsonschema::validator_for(&schema).unwrap();
            let errors = validator.iter_errors(&value);
            let errors: Vec<String> = errors
                .map(|e| format!("{}: {e}", e.instance_path()))
                .collect();
            assert_eq!(errors, [""; 0]);
            let at = |pointer: &str| value.pointer(pointer).unwrap().to_string();
            assert_eq!(at("/scenarios/0/score/rightly"), "198");
            assert_eq!(at("/scenarios/1/remedy/lost"), "0");
            assert_eq!(
                (at("/total/lost"), at("/exit")),
                ("202".to_owned(), "0".to_owned())
            );
            assert_eq!(at("/skipped/0/scenario"), "\"rpfilter\"");
        });
    }
}
