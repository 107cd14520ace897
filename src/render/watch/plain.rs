//! What is seen in one line of text: names and values, for pipes and logs.

use crate::diagnosis::verdict::Verdict;
use crate::render::utc::utc;
use crate::render::watch::words::number;
use crate::render::words::or_dash;
use crate::watch::picture::Picture;

/// One line. Names stay the same, and their order; later ones may follow behind.
#[must_use]
pub(crate) fn line(picture: &Picture, skipped: u64) -> String {
    let verdict = Verdict::of(&picture.summary().findings);
    let time = picture.status.as_ref().and_then(|status| utc(status.time));
    let time = time.map(|time| time.replace(' ', "T"));
    let class = verdict.class.map(|class| class.name());
    let confidence = verdict.confidence.map(|confidence| confidence.name());
    let cache = picture.cache();
    let of = |take: fn(&crate::watch::picture::Cache<'_>) -> Option<i64>| {
        or_dash(cache.as_ref().and_then(take))
    };
    let regime = cache.map(|cache| cache.state.names().join("|"));
    let regime = regime.filter(|names| !names.is_empty());
    let rows = picture.seen.totals.iter();
    let now = rows.map(|(cpu, _)| (*cpu, picture.history.now(*cpu)));
    let now: Vec<String> = now
        .filter(|(_, n)| *n > 0)
        .map(|(cpu, n)| format!("{}:{n}", number(cpu)))
        .collect();
    let cpus = Some(now.join(",")).filter(|text| !text.is_empty());
    let values = [
        ("time", or_dash(time)),
        ("status", verdict.exit.status().to_string()),
        ("class", or_dash(class)),
        ("confidence", or_dash(confidence)),
        ("drops", picture.history.of_all().to_string()),
        ("total", picture.total().to_string()),
        ("cpus", or_dash(cpus)),
        ("slow", of(|cache| cache.slow)),
        ("fast", of(|cache| cache.fast)),
        ("gc_thresh", of(|cache| cache.gc_thresh)),
        ("max_size", of(|cache| cache.max_size)),
        ("regime", or_dash(regime)),
        ("events", picture.rate.to_string()),
        ("lost", picture.lost.to_string()),
        ("skipped", skipped.to_string()),
        ("cpu_percent", format!("{:.1}", picture.own_cpu * 100.0)),
    ];
    let words: Vec<String> = values
        .iter()
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    words.join(" ") + "\n"
}
