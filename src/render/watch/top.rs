//! What a tired person looks at first: the verdict, what to do, how much, and the cache.

use ratatui_core::layout::Rect;
use unicode_width::UnicodeWidthStr;

use crate::diagnosis::class::Weight;
use crate::diagnosis::verdict::Verdict;
use crate::exit::Exit;
use crate::render::paper::Paper;
use crate::render::report::first_screen::first_step;
use crate::render::report::headline::sentence;
use crate::render::utc::utc;
use crate::render::watch::pen::{Pen, Tone, split};
use crate::render::words::drops;
use crate::watch::model::Model;
use crate::watch::picture::{Cache, Mood, Picture};

/// Columns in front of what a line says.
const LABEL: u16 = 7;
/// Columns of the gauge at most, and of the cache's history.
const GAUGE: u16 = 40;

/// A span of time in as few words as do.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A number a second.
pub(super) fn rate(per_second: f64) -> String {
    if per_second > 0.0 && per_second < 9.95 {
        format!("{per_second:.1}/s")
    } else {
        format!("{per_second:.0}/s")
    }
}

/// Draws it at the top of the screen; what is left below.
pub(super) fn draw(model: &Model, pen: &mut Pen<'_>, area: Rect) -> Rect {
    let picture = model.shown();
    let (line, rest) = split(area, 1);
    title(picture, pen, line);
    let rest = verdict(picture, pen, rest);
    let rest = advice(picture, pen, rest);
    let rest = pen.gap(rest);
    let (line, rest) = split(rest, 1);
    numbers(picture, pen, line);
    let (gauge_line, rest) = split(rest, 1);
    let (history, rest) = split(rest, 1);
    match picture.cache() {
        Some(cache) => {
            gauge(&cache, pen, gauge_line);
            cache_history(picture, pen, history);
        }
        None => {
            label("Cache", pen, gauge_line);
            let text = "its counters could not be read here";
            say(pen, gauge_line, text, Tone::Warn);
        }
    }
    pen.gap(rest)
}

fn label(text: &str, pen: &mut Pen<'_>, line: Rect) {
    pen.text((line.x, line.y), LABEL, text, Tone::Strong);
}

fn say(pen: &mut Pen<'_>, line: Rect, text: &str, tone: Tone) {
    pen.text((line.x + LABEL, line.y), line.width - LABEL, text, tone);
}

fn title(picture: &Picture, pen: &mut Pen<'_>, line: Rect) {
    pen.fill(line, Tone::Frame);
    let status = picture.status.as_ref();
    let host = status.and_then(|status| status.host.as_ref());
    let kernel = status.map(|status| &status.kernel.release);
    let named = host
        .into_iter()
        .chain(kernel)
        .filter(|text| !text.is_empty());
    let mut text = " ip6drop watch".to_owned();
    for name in named {
        text.push_str(&format!("  {name}"));
    }
    let now = status.and_then(|status| utc(status.time));
    let since = span(picture.elapsed.as_secs());
    let end = match now {
        Some(now) => format!("for {since}  {now} "),
        None => format!("for {since} "),
    };
    let taken = end.width() as u16;
    pen.text(
        (line.x, line.y),
        line.width.saturating_sub(taken + 2),
        &text,
        Tone::Frame,
    );
    pen.right((line.right(), line.y), line.width, &end, Tone::Frame);
}

/// The tone of the verdict, and a word for it.
fn mood(picture: &Picture) -> (Tone, &'static str) {
    let verdict = Verdict::of(&picture.summary().findings);
    let is_fault = verdict.class.map(|class| class.weight() != Weight::Other);
    let is_over = picture.cache().is_some_and(|cache| cache.is_over);
    match (picture.mood(), is_fault) {
        (Mood::Now, Some(false)) => (Tone::Warn, "DROPS NOW"),
        (Mood::Now, _) => (Tone::Bad, "DROPS NOW"),
        (Mood::Before, Some(true)) => (Tone::Bad, "DROPS EARLIER"),
        (Mood::Before, _) => (Tone::Warn, "DROPS EARLIER"),
        (Mood::Quiet, _) if is_over => (Tone::Warn, "OVER LIMIT"),
        (Mood::Quiet, _) if verdict.exit != Exit::Clean => (Tone::Warn, "NOT SURE"),
        (Mood::Quiet, _) => (Tone::Good, "QUIET"),
    }
}

/// The verdict in words.
pub(super) fn verdict_words(picture: &Picture) -> String {
    let verdict = Verdict::of(&picture.summary().findings);
    if picture.mood() != Mood::Quiet || verdict.exit != Exit::Clean {
        return sentence(picture.summary());
    }
    let span = span(picture.seen.span.as_secs());
    let mut text = format!("No IPv6 drop in the last {span}.");
    if let Some(cache) = picture.cache() {
        let names = cache.state.names().join(" or ");
        text.push_str(&format!(" Route cache {names}: {}.", cache.state.meaning()));
    }
    text
}

fn verdict(picture: &Picture, pen: &mut Pen<'_>, area: Rect) -> Rect {
    let (lines, rest) = split(area, 2);
    let (tone, word) = mood(picture);
    let first = format!("{word}  ");
    let paper = Paper {
        width: lines.width.into(),
        whole_names: false,
    };
    let wrapped = paper.wrap(&verdict_words(picture), &first, "");
    let rows = usize::from(lines.height);
    for (row, y) in (lines.y..lines.bottom()).enumerate() {
        // What has no line of its own shows that there is more.
        let line = match row + 1 == rows {
            true => wrapped[row.min(wrapped.len())..].join(" "),
            false => wrapped.get(row).cloned().unwrap_or_default(),
        };
        pen.text((lines.x, y), lines.width, &line, tone);
    }
    rest
}

fn advice(picture: &Picture, pen: &mut Pen<'_>, area: Rect) -> Rect {
    let is_over = picture.cache().is_some_and(|cache| cache.is_over);
    let has_drops = picture.summary().findings.drops() > 0;
    let step = first_step(picture.summary()).filter(|_| has_drops);
    // The trace may not say anything yet, where the counters do.
    let step = step.or_else(|| {
        let advice = picture
            .assessment()?
            .advice
            .iter()
            .find(|a| a.command.is_some())?;
        Some(("Fix now".to_owned(), advice.command.clone())).filter(|_| is_over)
    });
    let width = area.width;
    let (words, command) = match step {
        Some(step) => step,
        None => return area,
    };
    let (lines, rest) = split(area, if command.is_some() { 2 } else { 1 });
    let Some(command) = command else {
        pen.text((lines.x, lines.y), width, &words, Tone::Strong);
        return rest;
    };
    let paper = Paper {
        width: width.into(),
        whole_names: false,
    };
    // In one line where it fits, so that it can be copied.
    let both = format!("{words}: {command}");
    let first = if both.width() <= width.into() {
        vec![both]
    } else {
        match words.as_str() {
            "Fix now" => paper.command(&command, "Fix now: ", "  "),
            _ => vec![words, format!("  {command}")],
        }
    };
    let (lines, rest) = match first.len() {
        1 => split(area, 1),
        _ => (lines, rest),
    };
    for (y, line) in (lines.y..lines.bottom()).zip(&first) {
        pen.text((lines.x, y), width, line, Tone::Strong);
    }
    rest
}

fn numbers(picture: &Picture, pen: &mut Pen<'_>, line: Rect) {
    label("Drops", pen, line);
    let now = picture.history.per_second(picture.history.of_all());
    let window = span(picture.seen.span.as_secs());
    let seen = picture.summary().findings.drops();
    let mut text = format!("{} now, {seen} in {window}", rate(now));
    if picture.total() > seen {
        text.push_str(&format!(", {} since the start", picture.total()));
    }
    text.push_str(&format!(";  {} events/s", picture.rate));
    say(pen, line, &text, Tone::Plain);
    let x = line.x + LABEL + text.width() as u16 + 2;
    let lost = match picture.lost {
        0 => "none dropped from view".to_owned(),
        n => format!("! dropped from view {n}"),
    };
    let tone = if picture.lost > 0 {
        Tone::Warn
    } else {
        Tone::Faint
    };
    if x < line.right() {
        pen.text((x, line.y), line.right() - x, &lost, tone);
    }
}

fn gauge(cache: &Cache<'_>, pen: &mut Pen<'_>, line: Rect) {
    label("Cache", pen, line);
    let (slow, max) = (cache.slow.unwrap_or(0), cache.max_size.unwrap_or(0));
    let known = |n: Option<i64>| n.map_or("-".to_owned(), |n| n.to_string());
    let percent = match max {
        1.. => format!(" {:.0} %", slow as f64 / max as f64 * 100.0),
        _ => String::new(),
    };
    let tone = if cache.is_over {
        Tone::Bad
    } else {
        Tone::Plain
    };
    let numbers = format!(
        "slow {} of {}{percent}",
        known(cache.slow),
        known(cache.max_size)
    );
    let mut end = format!("gc_thresh {}", known(cache.gc_thresh));
    if let Some(fast) = cache.fast {
        end.push_str(&format!("  fast {fast}"));
    }
    end.push_str(&format!("  {}", cache.state.names().join(" or ")));
    let x = pen.text((line.x + LABEL, line.y), line.width - LABEL, &numbers, tone) + 1;
    let room = line
        .right()
        .saturating_sub(x + 4 + end.width() as u16)
        .min(GAUGE);
    let mut x = x;
    if room >= 8 && max > 0 {
        // Where it is over its limit, the bar is the number of entries and the limit is in it.
        let whole = slow.max(max).unsigned_abs();
        let filled = pen.bar(slow.max(0).unsigned_abs(), whole, room);
        pen.text((x, line.y), 1, "[", Tone::Faint);
        pen.text((x + 1, line.y), room, &filled, tone);
        let place = |n: i64| {
            let share = n.clamp(0, whole as i64) as f64 / whole as f64;
            x + 1 + ((share * f64::from(room)) as u16).min(room - 1)
        };
        let marks = [(cache.gc_thresh.unwrap_or(-1), "g"), (max, "m")];
        for (n, mark) in marks
            .into_iter()
            .filter(|(n, _)| *n > 0 && *n < whole as i64)
        {
            pen.text((place(n), line.y), 1, mark, Tone::Strong);
        }
        pen.text((x + 1 + room, line.y), 1, "]", Tone::Faint);
        x += room + 3;
    }
    if x < line.right() {
        pen.text((x, line.y), line.right() - x, &end, Tone::Plain);
    }
}

fn cache_history(picture: &Picture, pen: &mut Pen<'_>, line: Rect) {
    let room = line.width - LABEL;
    let (heights, time) = picture.history.cache((room / 2).into());
    let most = heights.iter().copied().max().unwrap_or(0);
    let x = line.x + LABEL;
    pen.blocks((x, line.y), &heights, most, Tone::Line);
    let text = format!("slow in {}, at most {most}", span(time.as_secs()));
    let x = x + heights.len() as u16 + 1;
    pen.text(
        (x, line.y),
        line.right().saturating_sub(x),
        &text,
        Tone::Faint,
    );
}

/// `4 drops`, for headings.
pub(super) fn of(n: u64) -> String {
    drops(n)
}
