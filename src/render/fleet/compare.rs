//! Two tables of many hosts side by side: did it help?

use std::io::{self, Write};

use crate::fleet::comparison::{Became, Pair};
use crate::fleet::row::{Finding, HostRow};
use crate::render::json::{Escaping, json};
use crate::render::paper::Paper;
use crate::render::table::table;
use crate::render::words::{count, or_dash};

/// Hosts that have a row where not all are asked for.
const MAX_ROWS: usize = 50;

/// Name and version as a JSON document.
const SCHEMA: &str = "ip6drop.merge-compare/1";

/// The answer in one sentence.
fn sentence(pairs: &[Pair<'_>]) -> String {
    let of = |wanted| pairs.iter().filter(|pair| pair.became() == wanted).count() as u64;
    let had = of(Became::Still) + of(Became::Unknown) + of(Became::Mended);
    let mut text = match had {
        0 => "No host had a full IPv6 route cache before.".to_owned(),
        had => format!(
            "Of {} whose IPv6 route cache was full or may have been, {} no longer so.",
            count(had, "host", "hosts"),
            count(of(Became::Mended), "is", "are")
        ),
    };
    let rest = [
        (Became::Still, "still so"),
        (Became::Unknown, "not known"),
        (Became::New, "so that had it not before"),
    ];
    let rest = rest.into_iter().filter(|(became, _)| of(*became) > 0);
    for (became, words) in rest {
        text.push_str(&format!(" {} {words}.", of(became)));
    }
    text
}

fn finding(row: Option<&HostRow>) -> String {
    let name = |finding| match finding {
        Finding::Confirmed => "full, confirmed",
        Finding::Suspected => "may be full",
        Finding::Inconclusive => "no verdict",
        Finding::OtherDrops => "other drops",
        Finding::Clean => "no drop",
    };
    or_dash(row.map(|row| name(row.finding)))
}

/// For people.
///
/// # Errors
/// Those of the writer.
pub(crate) fn text(
    pairs: &[Pair<'_>],
    all_hosts: bool,
    paper: Paper,
    out: &mut dyn Write,
) -> io::Result<()> {
    for line in paper.wrap(&sentence(pairs), "", "") {
        writeln!(out, "{line}")?;
    }
    let wanted = |pair: &&Pair<'_>| all_hosts || pair.became() != Became::Absent;
    let shown: Vec<&Pair<'_>> = pairs.iter().filter(wanted).collect();
    let most = if all_hosts { usize::MAX } else { MAX_ROWS };
    let mut rows = vec![
        [
            "host",
            "fault",
            "before",
            "after",
            "drops before",
            "after",
            "max_size before",
            "after",
        ]
        .map(String::from)
        .to_vec(),
    ];
    for pair in shown.iter().take(most) {
        let drops = |row: Option<&HostRow>| or_dash(row.map(|row| row.drops));
        let limit = |row: Option<&HostRow>| or_dash(row.and_then(|row| row.limits.max_size));
        rows.push(vec![
            pair.host.to_string(),
            pair.became().name().to_owned(),
            finding(pair.before),
            finding(pair.after),
            drops(pair.before),
            drops(pair.after),
            limit(pair.before),
            limit(pair.after),
        ]);
    }
    if rows.len() > 1 {
        writeln!(out)?;
        table(out, &rows, paper)?;
    }
    let left = pairs.len() + 1 - rows.len();
    if left > 0 {
        writeln!(
            out,
            "  not shown: {} (--all-hosts shows all)",
            count(left as u64, "host", "hosts")
        )?;
    }
    Ok(())
}

/// As one object: the sentence, and a row for each host.
///
/// # Errors
/// Those of the writer.
pub(crate) fn object(pairs: &[Pair<'_>], out: &mut dyn Write) -> io::Result<()> {
    let side = |row: Option<&HostRow>| {
        row.map(|row| {
            json!({
                "exit": row.finding.exit().status(),
                "drops": row.drops,
                "slow": row.limits.slow,
                "max_size": row.limits.max_size,
            })
        })
    };
    let rows = pairs.iter().map(|pair| {
        json!({
            "host": pair.host,
            "fault": pair.became().name(),
            "before": side(pair.before),
            "after": side(pair.after),
        })
    });
    let rows: serde_json::Value = rows.collect();
    let counts = Became::ALL.into_iter().map(|became| {
        let n = pairs.iter().filter(|pair| pair.became() == became).count();
        (became.name().to_owned(), serde_json::Value::from(n))
    });
    let counts = serde_json::Value::Object(counts.collect());
    let object = json!({
        "schema": SCHEMA,
        "tool": {"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")},
        "summary": sentence(pairs),
        "fault": counts,
        "hosts": rows,
    });
    serde_json::to_writer_pretty(Escaping::new(out), &object)?;
    writeln!(out)
}
