//! `fast`, `slow` and the limits over time.

use crate::render::html::markup::{add, percent};
use crate::render::report::html::gauge;
use crate::render::report::html::lanes::scale;
use crate::render::report::html::values::{Ends, Values};
use crate::render::report::words::fast_doubt;
use crate::report::timeline::{BINS, Timeline};

/// Height in pixels, and what of it is left free above the largest value.
const HEIGHT: f64 = 150.0;
const AIR: f64 = 12.0;

fn line(class: &str, from: (&str, f64), to: (&str, f64)) -> String {
    format!(
        "<line class=\"{class}\" x1=\"{}\" y1=\"{:.1}\" x2=\"{}\" y2=\"{:.1}\"/>",
        from.0, from.1, to.0, to.1
    )
}

/// Where a limit is known to have had a value: throughout, or at the ends alone where it is
/// not the same at both.
fn stretches(ends: Ends) -> Vec<(i64, &'static str, &'static str)> {
    match ends {
        [Some(before), Some(after)] if before != after => {
            vec![(before, "0%", "6%"), (after, "94%", "100%")]
        }
        [before, after] => before
            .or(after)
            .map(|n| (n, "0%", "100%"))
            .into_iter()
            .collect(),
    }
}

/// `200`, or `200 before, 4096 after`.
fn in_words(ends: Ends) -> String {
    match ends {
        [Some(before), Some(after)] if before == after => format!("<b>{before}</b>"),
        ends => {
            let sides = ends.iter().zip(["before", "after"]);
            let known = sides.filter_map(|(n, when)| Some(format!("<b>{}</b> {when}", (*n)?)));
            known.collect::<Vec<String>>().join(", ")
        }
    }
}

fn picture(values: &Values) -> String {
    let top = values.top();
    let y = |n: i64| {
        let share = n.clamp(0, top) as f64 / top as f64;
        HEIGHT - 1.0 - share * (HEIGHT - AIR)
    };
    let mut out = String::new();
    for (class, ends) in [("max", values.max_size), ("thresh", values.gc_thresh)] {
        for (n, from, to) in stretches(ends) {
            if n <= top {
                out.push_str(&line(class, (from, y(n)), (to, y(n))));
            }
        }
    }
    for (bin, band) in values.fast.iter().enumerate() {
        let Some(band) = band else { continue };
        let height = (y(band.min) - y(band.max)).max(3.0);
        add(
            &mut out,
            format_args!(
                "<rect class=\"fast\" x=\"{}\" y=\"{:.1}\" width=\"{}\" height=\"{height:.1}\"><title>fast {} to {}</title></rect>",
                percent(bin as f64, BINS as f64),
                y(band.max) - 1.5,
                percent(1.0, BINS as f64),
                band.min,
                band.max,
            ),
        );
    }
    for (slow, at) in values.slow.iter().zip(["1%", "99%"]) {
        if let Some(slow) = slow {
            add(
                &mut out,
                format_args!(
                    "<circle class=\"slow\" cx=\"{at}\" cy=\"{:.1}\" r=\"5\"><title>slow {slow}</title></circle>",
                    y(*slow)
                ),
            );
        }
    }
    out
}

fn key(sample: &str, text: &str) -> String {
    format!("<li><svg aria-hidden=\"true\" width=\"30\" height=\"14\">{sample}</svg> {text}</li>\n")
}

fn legend(values: &Values) -> String {
    let top = values.top();
    let mut out = String::from("<ul class=\"legend\">\n");
    let known = |ends: Ends| ends.into_iter().flatten().max();
    let limits = [
        ("max", "max_size", values.max_size),
        ("thresh", "gc_thresh", values.gc_thresh),
    ];
    for (class, name, ends) in limits {
        if let Some(largest) = known(ends) {
            let beyond = if largest > top {
                ", above the picture"
            } else {
                ""
            };
            let sample = line(class, ("0", 7.0), ("30", 7.0));
            out.push_str(&key(&sample, &format!("{name} {}{beyond}", in_words(ends))));
        }
    }
    if known(values.slow).is_some() {
        let sample = "<circle class=\"slow\" cx=\"15\" cy=\"7\" r=\"5\"/>";
        let text = format!("slow, the exact count: {}", in_words(values.slow));
        out.push_str(&key(sample, &text));
    }
    let lowest = values.fast.iter().flatten().map(|band| band.min).min();
    let highest = values.fast.iter().flatten().map(|band| band.max).max();
    if let Some((low, high)) = lowest.zip(highest) {
        let sample = "<rect class=\"fast\" y=\"5\" width=\"30\" height=\"4\"/>";
        out.push_str(&key(
            sample,
            &format!("fast, which the kernel compares: <b>{low}</b> to <b>{high}</b>"),
        ));
    }
    out.push_str("</ul>\n");
    out
}

/// The route cache over one input's time.
pub(super) fn write(timeline: &Timeline) -> String {
    let Some(values) = Values::of(timeline) else {
        return "<p>No counters: there are no facts with this input (<code>--facts</code>).</p>\n"
            .to_owned();
    };
    let mut out = gauge::write(&values) + &legend(&values);
    let spoken =
        "Entries of the route cache and its limits over time; the list above has the numbers";
    add(
        &mut out,
        format_args!(
            "<div class=\"lanes\">\n<div class=\"lane\"><span class=\"y\"><span>{}</span><span>entries</span><span>0</span></span><svg role=\"img\" aria-label=\"{spoken}\" width=\"100%\" height=\"{HEIGHT}\">{}</svg><span></span></div>\n",
            values.top(),
            picture(&values)
        ),
    );
    if let Some(axis) = timeline.axis {
        out.push_str(&scale(axis));
    }
    out.push_str("</div>\n");
    if values.fast.iter().all(Option::is_none) {
        let doubt = timeline
            .counters
            .as_ref()
            .and_then(|counters| counters.fast_doubt);
        let why = doubt.map_or(
            "was not read in this capture; <code>ip6drop record</code> reads it where it can"
                .to_owned(),
            fast_doubt,
        );
        add(
            &mut out,
            format_args!("<p class=\"note\">fast {why}.</p>\n"),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_changed_is_drawn_where_it_is_known() {
        assert_eq!(stretches([Some(200), Some(200)]), [(200, "0%", "100%")]);
        assert_eq!(stretches([None, Some(64)]), [(64, "0%", "100%")]);
        let changed = [(200, "0%", "6%"), (4096, "94%", "100%")];
        assert_eq!(stretches([Some(200), Some(4096)]), changed);
        assert_eq!(stretches([None, None]), []);
        assert_eq!(
            in_words([Some(200), Some(4096)]),
            "<b>200</b> before, <b>4096</b> after"
        );
        assert_eq!(in_words([Some(200), Some(200)]), "<b>200</b>");
    }
}
