//! JSON of `funnel`: schema `ip6drop.funnel/1`.

use std::io::{self, Write};

use serde_json::Value;

use crate::kernel::receive_path::{Freed, Step};
use crate::render::format::Format;
use crate::render::json::{json, object};
use crate::render::view::{FunnelDocument, FunnelView};
use crate::report::packet_filter::Network;
use crate::text::Untrusted;
use crate::text::harmless;

fn freed(freed: &[Freed]) -> Value {
    let rows = freed.iter().map(
        |freed| json!({"location": freed.place, "reason": freed.reason, "packets": freed.packets}),
    );
    rows.collect()
}

fn texts(networks: &[Network]) -> Vec<String> {
    networks.iter().map(ToString::to_string).collect()
}

/// The object of the schema.
fn value(view: &FunnelView<'_>) -> Value {
    let funnel = view.funnel;
    let counted = &funnel.counted;
    let step = |step: Step| {
        let hits = counted.of(step);
        let cpus = hits.iter().flat_map(|hits| &hits.per_cpu);
        let cpus = cpus.map(|(cpu, n)| json!({"cpu": cpu, "packets": n}));
        json!({
            "step": step.name(),
            "function": hits.map(|hits| &hits.function),
            "packets": hits.map(|hits| hits.packets),
            "stopped": funnel.stopped(step),
            "per_cpu": cpus.collect::<Vec<_>>(),
        })
    };
    let stops = funnel.stops.iter().map(|stop| {
        json!({
            "after": stop.after.name(),
            "packets": stop.packets,
            "unexplained": stop.unexplained,
            "freed": freed(&stop.freed),
            "text": format!("{}: {}", funnel.place(stop), funnel.why(stop)),
        })
    });
    let filter = view.filter.map(|filter| {
        let dev = filter.dev.iter().map(|dev| harmless(dev.as_bytes()));
        json!({
            "src": texts(&filter.src),
            "dst": texts(&filter.dst),
            "dev": dev.collect::<Vec<_>>(),
        })
    });
    json!({
        "schema": "ip6drop.funnel/1",
        "tool": {"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")},
        "host": {
            "name": view.host.as_ref().map(Untrusted::to_string),
            "kernel": view.kernel.as_ref().map(Untrusted::to_string),
        },
        "filter": filter,
        "seconds": counted.seconds,
        "summary": funnel.answer(),
        "steps": Step::ALL.into_iter().map(step).collect::<Vec<_>>(),
        "stops": stops.collect::<Vec<_>>(),
        "edge": funnel.edge,
        "freed": counted.freed.as_deref().map(freed),
        "missed": counted.missed,
        "counters": object(view.counters.iter().map(|&(name, n)| (name, json!(n))).collect()),
        "notes": view.notes,
    })
}

/// One object.
#[derive(Debug)]
pub(crate) struct JsonFunnel;

impl Format<FunnelDocument> for JsonFunnel {
    fn write(&self, view: &FunnelView<'_>, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, &value(view))?;
        writeln!(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::funnel::text::tests::{with_filtered, with_view};
    use crate::schema::{Definition, of};

    #[test]
    fn it_keeps_to_the_schema() {
        let schema = of(Definition::Funnel).unwrap();
        let check = |view: &FunnelView<'_>| {
            let value = value(view);
            let validator = jsonschema::validator_for(&schema).unwrap();
            let errors = validator.iter_errors(&value);
            let errors: Vec<String> = errors
                .map(|e| format!("{}: {e}", e.instance_path()))
                .collect();
            assert_eq!(errors, [""; 0]);
        };
        with_view(None, check);
        with_filtered(check);
    }

    #[test]
    fn what_was_asked_for_is_said() {
        with_filtered(|view| {
            let asked = r#"{"dev":["eth0"],"dst":[],"src":["fd00::/64"]}"#;
            let filter = value(view)["filter"].take();
            assert_eq!(filter, serde_json::from_str::<Value>(asked).unwrap());
        });
        with_view(None, |view| assert_eq!(value(view)["filter"], Value::Null));
    }

    #[test]
    fn every_step_is_there_and_what_is_not_known_is_null() {
        with_view(None, |view| {
            let value = value(view);
            let at = |pointer: &str| value.pointer(pointer).unwrap().to_string();
            assert_eq!(at("/steps/3/per_cpu/1"), r#"{"cpu":11,"packets":6}"#);
            assert_eq!(
                (at("/steps/2/packets"), at("/steps/2/stopped")),
                ("null".to_owned(), "0".to_owned())
            );
            assert_eq!(at("/stops/0/freed/0/reason"), "\"NETFILTER_DROP\"");
            assert_eq!(
                (at("/edge"), at("/counters/Ip6InReceives")),
                ("3".to_owned(), "40".to_owned())
            );
        });
    }
}
