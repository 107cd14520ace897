//! How full the route cache was: what it held, as a share of `max_size`.

use crate::render::html::markup::{add, percent};
use crate::render::report::html::values::Values;

/// Height of a row in pixels.
const HEIGHT: u64 = 18;
/// The largest `max_size` that a kernel takes: it does not check.
const UNCHECKED: i64 = i32::MAX as i64;

/// One reading of the cache with the limits that held then.
struct Reading {
    name: &'static str,
    held: i64,
    max_size: i64,
    gc_thresh: Option<i64>,
}

/// The same limit before and after; `None` where it changed, or is not known at all.
fn throughout(ends: [Option<i64>; 2]) -> Option<i64> {
    match ends {
        [Some(before), Some(after)] => (before == after).then_some(before),
        [before, after] => before.or(after),
    }
}

/// `fast` is read between the facts: a limit is held against it only where it stayed.
fn readings(values: &Values) -> Vec<Reading> {
    let limit = throughout(values.max_size);
    let thresh = throughout(values.gc_thresh);
    let fast = |name, held: Option<i64>| (name, held, limit, thresh);
    let [before, after] = [0, 1].map(|side: usize| {
        let name = ["slow before", "slow after"][side];
        let gc_thresh = values.gc_thresh[side].or(thresh);
        (
            name,
            values.slow[side],
            values.max_size[side].or(limit),
            gc_thresh,
        )
    });
    let bands = || values.fast.iter().flatten();
    let lowest = bands().map(|band| band.min).min();
    let highest = bands().map(|band| band.max).max();
    let all = [
        before,
        fast("fast, lowest", lowest),
        fast("fast, highest", highest),
        after,
    ];
    let known = all
        .into_iter()
        .filter_map(|(name, held, max_size, gc_thresh)| {
            Some(Reading {
                name,
                held: held?,
                max_size: max_size.filter(|limit| *limit > 0)?,
                gc_thresh,
            })
        });
    known.collect()
}

/// `314 %`, or `<1 %` of what is there and small.
fn share(held: i64, limit: i64) -> String {
    match held as f64 / limit as f64 * 100.0 {
        share if share > 0.0 && share < 1.0 => "&lt;1 %".to_owned(),
        share => format!("{share:.0} %"),
    }
}

/// The bar of a reading, its limits as marks; where it is over `max_size`, the rest is hatched.
fn bar(reading: &Reading, top: i64) -> String {
    let at = |n: i64| percent(n.clamp(0, top) as f64, top as f64);
    let within = at(reading.held.min(reading.max_size));
    let mut out = format!("<rect class=\"held\" y=\"3\" width=\"{within}\" height=\"12\"/>");
    if reading.held > reading.max_size {
        let over = at(reading.held - reading.max_size);
        add(
            &mut out,
            format_args!(
                "<rect class=\"over\" x=\"{within}\" y=\"3\" width=\"{over}\" height=\"12\"/>"
            ),
        );
    }
    for (class, limit) in [
        ("max", Some(reading.max_size)),
        ("thresh", reading.gc_thresh),
    ] {
        let Some(limit) = limit.filter(|limit| *limit <= top) else {
            continue;
        };
        let x = at(limit);
        add(
            &mut out,
            format_args!(
                "<line class=\"{class}\" x1=\"{x}\" x2=\"{x}\" y1=\"0\" y2=\"{HEIGHT}\"/>"
            ),
        );
    }
    out
}

/// The gauge; nothing where no reading can be held against a limit.
pub(super) fn write(values: &Values) -> String {
    let readings = readings(values);
    let checked = |reading: &&Reading| reading.max_size < UNCHECKED;
    let limits = readings
        .iter()
        .filter(checked)
        .map(|reading| reading.max_size);
    let top = readings
        .iter()
        .map(|reading| reading.held)
        .chain(limits)
        .max();
    let Some(top) = top else { return String::new() };
    // Air, so that a mark at the end is a mark.
    let top = top.max(1).saturating_add(top / 12);
    let mut out = String::from("<div class=\"lanes gauge\">\n");
    for reading in &readings {
        let Reading {
            name,
            held,
            max_size,
            ..
        } = reading;
        let words = match (checked(&reading), held > max_size) {
            (false, _) => format!("{held}, no limit"),
            (true, true) => format!("{held} of {max_size}: over, {}", share(*held, *max_size)),
            (true, false) => format!("{held} of {max_size}: {}", share(*held, *max_size)),
        };
        add(
            &mut out,
            format_args!(
                "<div class=\"lane\"><span>{name}</span><svg role=\"img\" aria-label=\"{name}: {words}\" width=\"100%\" height=\"{HEIGHT}\">{}</svg><span class=\"n\">{words}</span></div>\n",
                bar(reading, top)
            ),
        );
    }
    out + "</div>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::timeline::Band;

    fn values() -> Values {
        Values {
            fast: vec![None, Some(Band { min: 96, max: 608 })],
            slow: [Some(150), Some(627)],
            max_size: [Some(200), Some(200)],
            gc_thresh: [Some(64), Some(64)],
        }
    }

    #[test]
    fn readings_are_held_against_the_limit_of_their_time() {
        let page = write(&values());
        for words in [
            "slow before: 150 of 200: 75 %",
            "fast, lowest: 96 of 200: 48 %",
            "fast, highest: 608 of 200: over, 304 %",
            "slow after: 627 of 200: over, 314 %",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert_eq!(page.matches("class=\"over\"").count(), 2);
        let raised = Values {
            max_size: [Some(200), Some(4096)],
            ..values()
        };
        let page = write(&raised);
        assert!(page.contains("slow after: 627 of 4096: 15 %"), "{page}");
        assert!(
            !page.contains("fast, highest"),
            "which limit held is not known: {page}"
        );
    }

    #[test]
    fn a_kernel_that_does_not_check_has_no_limit_to_reach() {
        let free = Values {
            max_size: [Some(UNCHECKED); 2],
            ..values()
        };
        let page = write(&free);
        assert!(page.contains("slow after: 627, no limit"), "{page}");
        assert!(!page.contains("class=\"max\"") && !page.contains("class=\"over\""));
        let none = Values {
            max_size: [None, None],
            ..values()
        };
        assert_eq!(write(&none), "");
    }
}
