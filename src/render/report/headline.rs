//! The answer in one sentence, the same in every format.

use crate::diagnosis::class::{Class, Confidence, Weight};
use crate::diagnosis::findings::Around;
use crate::diagnosis::verdict::{Headline, Verdict};
use crate::exit::Exit;
use crate::order::sort_by_key;
use crate::render::words::{count, drops};
use crate::report::summary::{CpuKey, Summary};

/// `CPUs 0-3, 7`.
pub(super) fn cpu_ranges(cpus: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &cpu in cpus {
        match ranges.last_mut() {
            Some((_, to)) if to.checked_add(1) == Some(cpu) => *to = cpu,
            _ => ranges.push((cpu, cpu)),
        }
    }
    let texts: Vec<String> = ranges
        .iter()
        .map(|(from, to)| {
            if from == to {
                format!("{from}")
            } else {
                format!("{from}-{to}")
            }
        })
        .collect();
    let word = if cpus.len() == 1 { "CPU" } else { "CPUs" };
    format!("{word} {}", texts.join(", "))
}

fn where_dropped(summary: &Summary, class: Class) -> String {
    let cpus: Vec<u32> = summary
        .per_cpu
        .iter()
        .filter(|(_, row)| row.by_class.get(&class).is_some_and(|n| *n > 0))
        .filter_map(|(cpu, _)| match cpu {
            CpuKey::Cpu(cpu) => Some(*cpu),
            CpuKey::None => None,
        })
        .collect();
    if cpus.is_empty() {
        String::new()
    } else {
        format!(" on {}", cpu_ranges(&cpus))
    }
}

/// What filters left out, of the report or of the recording; nothing where that is nothing.
#[must_use]
pub(crate) fn left_out(summary: &Summary) -> Option<String> {
    let nameless = match summary.findings.nameless {
        0 => String::new(),
        n => format!("; of {n} of them the trace does not name the packet"),
    };
    let all = summary.left_out;
    let recorded = summary.recorded.as_ref();
    let recorded = recorded.map(|asked| format!("Only these drops were recorded: {asked}."));
    let shown = (all > 0).then(|| format!("Filters left out {}{nameless}.", drops(all)));
    let said: Vec<String> = recorded.into_iter().chain(shown).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// What a text holds that shows no drop.
fn holds(summary: &Summary) -> String {
    let lines = &summary.findings.health.lines;
    let parts = [
        (
            lines.events,
            "event of other kinds",
            "events of other kinds",
        ),
        (lines.banners, "header line", "header lines"),
        (
            lines.unparsed,
            "line that is no trace",
            "lines that are no trace",
        ),
    ];
    let parts = parts.into_iter().filter(|(n, ..)| *n > 0);
    let parts: Vec<String> = parts.map(|(n, one, many)| count(n, one, many)).collect();
    parts.join(", ")
}

/// What there is to say where no drop passes the filters, or none is there.
fn without_drops(summary: &Summary, headline: Headline) -> String {
    let is_filtered = summary.left_out > 0 || summary.recorded.is_some();
    // What filters left out is in the trace all the same.
    let none = |place: &str| match is_filtered {
        true => "no IPv6 drop passes the filters".to_owned(),
        false => format!("no IPv6 drop is in {place}"),
    };
    let counted = |n: u64| {
        let more = if is_filtered { " more" } else { "" };
        format!("the kernel counted {}{more} (Ip6InNoRoutes)", drops(n))
    };
    let around = |all: Around, what: String| {
        let begins = if all.is_over {
            "The IPv6 route cache is over its limit, and"
        } else {
            "No verdict:"
        };
        format!(
            "{begins} {}, but {what} in the {:.1} s from before tracing was set up to after it was put back.",
            none("this trace"),
            all.seconds
        )
    };
    match headline {
        Headline::CacheRefusedAll => format!("{REFUSED_ALL}; {}.", none("this trace")),
        Headline::OnlyLogged => {
            "The IPv6 route cache was full, the kernel's log says; no dropped packet is in this text.".to_owned()
        }
        Headline::Unreadable => format!(
            "No verdict: {}, but part of the trace is missing or unreadable.",
            none("what could be read")
        ),
        Headline::OnlyCounted(n) => format!(
            "No verdict: {}, but {} between the two readings.",
            none("this trace"),
            counted(n)
        ),
        Headline::OnlyAround(all) => around(all, counted(all.drops)),
        Headline::OnlyMetByRules(all) => around(
            all,
            format!(
                "rules of netfilter that ask for the way back to a source dropped {} that it does not show",
                count(all.drops, "packet", "packets")
            ),
        ),
        Headline::Unfinished => format!(
            "No verdict: {}, and the recording was cut off or never began: it does not say how it ended.",
            none("this recording")
        ),
        Headline::Untraced => format!(
            "No verdict: {}, but it could not have shown one: nothing says that ip6_pkt_drop was traced. It holds {}.",
            none("this trace"),
            holds(summary)
        ),
        Headline::Eventless => format!(
            "No verdict: this text says nothing of drops: it holds no event, but {}.",
            holds(summary)
        ),
        Headline::WayBackHidden => format!(
            "No verdict: {}, but rules of netfilter ask for the way back to a source (rpfilter, or fib of nftables), and packets that they drop because the route cache is full were not recorded.",
            none("this trace")
        ),
        Headline::OnlyNameless(n) => format!(
            "No verdict: no IPv6 drop is known to pass the filters, but the trace does not name the packet of {}.",
            drops(n)
        ),
        _ if is_filtered => "No IPv6 drop passes the filters.".to_owned(),
        _ => "No IPv6 drop in this trace.".to_owned(),
    }
}

const REFUSED_ALL: &str = "The IPv6 route cache refused every allocation in this window";

/// What became of `n` packets of a class, behind their number: `have no route`.
fn clause(class: Class, n: u64, adverb: &str) -> String {
    let (has, is, was) = if n == 1 {
        ("has", "is", "was")
    } else {
        ("have", "are", "were")
    };
    let cache = match adverb {
        "" => "by the full route cache",
        _ => "by a full route cache",
    };
    match class {
        Class::RcvDstAlloc => format!("{was} {adverb}refused {cache}"),
        Class::RcvRpfilterDstAlloc => {
            format!("{was} {adverb}dropped by the reverse-path filter, refused {cache}")
        }
        Class::RcvNoRoute => format!("{has} {adverb}no route"),
        Class::RcvProhibited => format!("{is} {adverb}prohibited by a route"),
        Class::RcvUndetermined => format!("may have been refused or {has} no route"),
        Class::OutDstAlloc => format!("of this host's own {was} {adverb}refused {cache}"),
        Class::OutNoRoute => format!("of this host's own {has} {adverb}no route"),
        Class::OutProhibited => format!("of this host's own {is} {adverb}prohibited by a route"),
        Class::Unknown => format!("{has} no known cause"),
    }
}

/// How sure a class is, as an adverb.
fn adverb(summary: &Summary, class: Class) -> &'static str {
    match summary.findings.confidence(class) {
        Some(Confidence::Confirmed) => "",
        Some(Confidence::Probable) if !summary.findings.is_only_attempted(class) => "probably ",
        _ => "perhaps ",
    }
}

/// What is said of a class beside the one that the sentence begins with.
fn beside(summary: &Summary, class: Class) -> String {
    let n = summary.findings.of_class(class);
    format!("{n} {}", clause(class, n, adverb(summary, class)))
}

/// A class of which less is dropped goes unnamed beside others, unless it may be the fault.
const SMALL: u64 = 10;

/// Classes beside the first one that are worth a word, most drops first, two at most.
fn runners_up(summary: &Summary, first: Class) -> Vec<Class> {
    let found = &summary.findings;
    let is_small = |class: Class| found.of_class(class) * SMALL < found.drops();
    let is_fault = |class: Class| class.weight() == Weight::Fault;
    let others = Class::ALL.into_iter().filter(|&class| class != first);
    let mut others: Vec<Class> = others
        .filter(|&class| found.of_class(class) > 0)
        .filter(|&class| is_fault(class) || !is_small(class))
        .collect();
    sort_by_key(&mut others, |&class| {
        (!is_fault(class), std::cmp::Reverse(found.of_class(class)))
    });
    others.truncate(2);
    others
}

/// How sure the drops of a class are, in brackets.
fn how_sure(summary: &Summary, class: Class) -> String {
    let found = &summary.findings;
    let confidence = found.confidence(class).unwrap_or(Confidence::Possible);
    let sure = found.count(class, confidence);
    match sure == found.of_class(class) {
        true => format!("({}, {})", class.name(), confidence.name()),
        false => format!("({}, {sure} {})", class.name(), confidence.name()),
    }
}

/// The class with most drops, where it is another than the verdict's, which is no claim on the
/// cache as a whole.
fn majority(summary: &Summary, verdict: &Verdict, class: Class) -> Option<Class> {
    let found = &summary.findings;
    let most = Class::ALL.into_iter().max_by_key(|&other| {
        // Of as many the verdict's own.
        (found.of_class(other), other == class)
    })?;
    let is_of_cache = verdict.headline == Headline::CacheRefusedAll;
    (most != class && !is_of_cache).then_some(most)
}

/// The verdict in one sentence, and how sure it is.
#[must_use]
pub(crate) fn sentence(summary: &Summary) -> String {
    let verdict = Verdict::of(&summary.findings);
    let Some(class) = verdict.class else {
        return without_drops(summary, verdict.headline);
    };
    let all = summary.findings.drops();
    let mut text = if let Some(most) = majority(summary, &verdict, class) {
        let n = summary.findings.of_class(most);
        let mut text = format!(
            "{n} of {all} dropped packets {}{} {}",
            clause(most, n, adverb(summary, most)),
            where_dropped(summary, most),
            how_sure(summary, most)
        );
        text.push_str(&format!(
            "; {} {}",
            beside(summary, class),
            how_sure(summary, class)
        ));
        text
    } else {
        let head = match verdict.headline {
            Headline::CacheRefusedAll => REFUSED_ALL,
            Headline::CacheOverLimit => "The IPv6 route cache is over its limit",
            Headline::CacheProbablyFull => "The IPv6 route cache is probably full",
            Headline::CacheMayBeFull => "The IPv6 route cache may be full",
            Headline::OutcomeUnseen => {
                "A full IPv6 route cache or missing routes, which of both the trace does not show"
            }
            _ => class.headline(),
        };
        let n = summary.findings.of_class(class);
        let share = if n == all {
            drops(n)
        } else {
            format!("{n} of {all} drops")
        };
        let place = where_dropped(summary, class);
        let mut text = format!("{head}: {share}{place} {}", how_sure(summary, class));
        for other in runners_up(summary, class) {
            text.push_str(&format!("; {}", beside(summary, other)));
        }
        text
    };
    text.push('.');
    if verdict.exit == Exit::Inconclusive {
        text.push_str(
            " No verdict: events are missing from the trace, or it is unreadable in part.",
        );
    }
    text
}
