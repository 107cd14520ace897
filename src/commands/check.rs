//! `ip6drop check`: can this host be traced, by which method, and does it work.

use std::io::{self, Write};

use serde_json::Value;

use crate::cli::check::{CheckArgs, CheckFormat};
use crate::cli::tracing::Roots;
use crate::commands::live;
use crate::commands::seen::seen;
use crate::exit::Exit;
use crate::kernel::traced::TRACED;
use crate::render::json::{Escaping, json};
use crate::tracefs::calibrate::calibration::Calibrated;
use crate::tracefs::error::TraceError;
use crate::tracefs::look::preflight::{Check, Level, Preflight};
use crate::tracefs::look::selfcheck::{Choice, Env};

/// What `check` found.
#[derive(Default)]
struct Answer {
    checks: Vec<Check>,
    choice: Option<Choice>,
    /// Where the words of a packet are, or why that is not to be had.
    identity: Option<Result<Calibrated, String>>,
    preflight: Option<Preflight>,
    /// Why the host cannot be traced, and what to do.
    refusal: Option<TraceError>,
}

impl Answer {
    fn exit(&self) -> Exit {
        self.refusal.as_ref().map_or(Exit::Clean, TraceError::exit)
    }
}

fn examine(args: &CheckArgs, roots: &Roots, err: &mut dyn Write) -> Result<Answer, TraceError> {
    let mut answer = Answer::default();
    let signals = live::signals()?;
    let ready = match live::ready(roots, &[], err) {
        Ok(ready) => ready,
        Err(e) if e.exit() == Exit::CannotTrace => {
            answer.checks.push(Check {
                name: "tracefs",
                level: Level::Fail,
                text: e.to_string().into(),
                advice: None,
            });
            answer.refusal = Some(e);
            return Ok(answer);
        }
        Err(e) => return Err(e),
    };
    answer.checks.clone_from(&ready.preflight.checks);
    if let Err(e) = ready.preflight.check() {
        answer.refusal = Some(e);
        answer.preflight = Some(ready.preflight);
        return Ok(answer);
    }
    let host = roots.host();
    let env = Env {
        fs: &ready.fs,
        state: &ready.state,
        signals: &signals,
        trigger: &|| host.touch_rt6_stats(),
        read: seen,
    };
    let choice = live::choose_method(&env, &args.how, &ready.preflight, true, err)?;
    if choice.method.is_none() {
        answer.refusal = Some(live::no_method(&choice));
    }
    answer.choice = Some(choice);
    answer.identity = Some(match live::identity(&env, &host, &ready.preflight, 0)? {
        Ok((found, session)) => {
            session.end()?.check()?;
            Ok(found)
        }
        Err(why) => Err(why),
    });
    answer.preflight = Some(ready.preflight);
    Ok(answer)
}

fn text(answer: &Answer, out: &mut dyn Write) -> io::Result<()> {
    for check in &answer.checks {
        let mark = match check.level {
            Level::Ok => "ok  ",
            Level::Note => "note",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        writeln!(out, "{mark}  {}: {}", check.name, check.text)?;
        if let Some(advice) = &check.advice {
            writeln!(out, "      {advice}")?;
        }
    }
    if let Some(choice) = &answer.choice {
        for tried in &choice.tried {
            let mark = if tried.works() { "ok  " } else { "no  " };
            let name = tried.method.name();
            writeln!(out, "{mark}  self-check, {name}: {}", tried.words())?;
        }
        match choice.return_probes_keep_frames {
            Some(true) => writeln!(out, "ok    return probes: cost no frames here")?,
            Some(false) => writeln!(
                out,
                "note  return probes: cost the frames behind them here; used only on request (--probes full)"
            )?,
            None => writeln!(out, "note  return probes: not tried")?,
        }
    }
    match &answer.identity {
        Some(Ok(found)) => writeln!(
            out,
            "ok    packets: named, by offsets found here ({})",
            found.layout
        )?,
        Some(Err(why)) => writeln!(out, "note  packets: not named: {why}")?,
        None => {}
    }
    match (
        &answer.refusal,
        answer.choice.as_ref().and_then(|c| c.method),
    ) {
        (None, Some(method)) => writeln!(out, "This host can be traced, by: {}", method.name()),
        (Some(refusal), _) => writeln!(out, "This host cannot be traced as asked: {refusal}"),
        (None, None) => Ok(()),
    }
}

fn json(answer: &Answer) -> Value {
    let functions: Vec<Value> = TRACED
        .iter()
        .map(|traced| {
            let real = answer
                .preflight
                .as_ref()
                .map_or(&[][..], |preflight| preflight.available.real(traced.name()));
            json!({
                "name": traced.name(),
                "traceable_as": real,
                "cost_if_missing": traced.cost,
            })
        })
        .collect();
    let choice = answer.choice.as_ref();
    let tried: Vec<Value> = choice
        .map(|choice| {
            choice
                .tried
                .iter()
                .map(|tried| {
                    json!({
                        "method": tried.method,
                        "works": tried.works(),
                        "entry": tried.entry,
                        "frames": tried.frames.len(),
                        "text": tried.words(),
                    })
                })
                .collect()
        })
        .unwrap_or_default();
    json!({
        "schema": "ip6drop.check/1",
        "tool": {"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")},
        "traceable": answer.refusal.is_none(),
        "exit": answer.exit().status(),
        "reason": answer.refusal.as_ref().map(ToString::to_string),
        "method": choice.and_then(|choice| choice.method),
        "methods": tried,
        "return_probes_keep_frames": choice.and_then(|choice| choice.return_probes_keep_frames),
        "packets": answer.identity.as_ref().map(|identity| json!({
            "named": identity.is_ok(),
            "text": match identity {
                Ok(found) => found.layout.to_string(),
                Err(why) => why.clone(),
            },
        })),
        "findings": answer.checks,
        "functions": functions,
        "others": answer.preflight.as_ref().map(|preflight| &preflight.others),
    })
}

/// Runs `check`.
pub(crate) fn run(
    args: &CheckArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, TraceError> {
    live::with_mount(&args.roots, args.how.mount, |roots| {
        let answer = examine(args, roots, err)?;
        let written = match args.format {
            CheckFormat::Text => text(&answer, out),
            CheckFormat::Json => serde_json::to_writer_pretty(Escaping::new(out), &json(&answer))
                .map_err(io::Error::from)
                .and_then(|()| writeln!(out)),
        };
        match written {
            Err(source) if source.kind() != io::ErrorKind::BrokenPipe => Err(TraceError::Output {
                path: "standard output".into(),
                source,
                advice: "",
            }),
            _ => Ok(answer.exit()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::method::Method;
    use crate::schema::{Definition, of};
    use crate::tracefs::look::others::Others;
    use crate::tracefs::look::selfcheck::Tried;
    use crate::tracefs::setup::functions::Available;

    #[test]
    fn a_host_that_can_be_traced_keeps_to_the_schema() {
        let checks = vec![Check {
            name: "tracefs",
            level: Level::Ok,
            text: "fine".into(),
            advice: None,
        }];
        let answer = Answer {
            checks: checks.clone(),
            choice: Some(Choice {
                method: Some(Method::Instance),
                top_level: false,
                tried: vec![Tried {
                    method: Method::Instance,
                    entry: true,
                    frames: vec!["vfs_read".to_owned(); 12],
                    error: None,
                }],
                return_probes_keep_frames: Some(false),
                notes: Vec::new(),
            }),
            identity: Some(Err("no fresh network namespace".to_owned())),
            preflight: Some(Preflight {
                may_refuse: true,
                checks,
                kprobe_events: true,
                available: Available::parse(b"ip6_dst_gc.isra.0\n", &["ip6_dst_gc"]),
                others: Others::default(),
                room: None,
            }),
            refusal: None,
        };
        let value = json(&answer);
        let schema = of(Definition::Check).unwrap();
        let errors: Vec<String> = jsonschema::validator_for(&schema)
            .unwrap()
            .iter_errors(&value)
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        assert_eq!(errors, [""; 0]);
        assert_eq!(
            (&value["exit"], &value["method"]),
            (&json!(0), &json!("instance"))
        );
        assert_eq!(
            value["functions"][5]["traceable_as"],
            json!(["ip6_dst_gc.isra.0"])
        );
    }
}
