//! Whether and how `record` and `diagnose` name the packets that are dropped.

use std::io::Write;

use crate::capture::method::Method;
use crate::cli::tracing::{CaptureArgs, Identity};
use crate::commands::finds::Finds;
use crate::commands::narrowing::narrowing;
use crate::host::Host;
use crate::host::matches::RouteMatches;
use crate::report::packet_filter::PacketFilter;
use crate::tracefs::calibrate::calibration::Calibrated;
use crate::tracefs::error::TraceError;
use crate::tracefs::files::TraceFs;
use crate::tracefs::look::preflight::Preflight;
use crate::tracefs::setup::layout::{ARGUMENTS, Layout};
use crate::tracefs::setup::netfilter::{self, NetfilterDrops};
use crate::tracefs::setup::plan::Naming;
use crate::tracefs::setup::stream;

/// What names the packets, where it is wanted and to be had; says on `err` why it is not.
///
/// # Errors
/// What came in between, and what is in the way where names were asked for.
pub(crate) fn naming(
    (args, packets): (&CaptureArgs, &PacketFilter),
    (fs, host, preflight): (&dyn TraceFs, &Host, &Preflight),
    finds: &mut dyn Finds,
    err: &mut dyn Write,
) -> Result<Option<Naming>, TraceError> {
    let another = !matches!(args.how.method.asked(), None | Some(Method::Instance));
    let is_asked = packets.asks() || matches!(args.identity, Identity::Full | Identity::Least);
    let missing = |why: &str| {
        TraceError::untraceable(
            format!("packets cannot be named: {why}"),
            "without --identity and filters on packets function entries tell what they can",
        )
    };
    if args.identity == Identity::Off && packets.asks() {
        return Err(missing("--identity off"));
    }
    if args.identity == Identity::Off || (another && !is_asked) {
        return Ok(None);
    }
    if another {
        return Err(missing("that needs --method instance"));
    }
    let calibrated = match finds.identity()? {
        Ok(calibrated) => calibrated,
        Err(why) if is_asked => return Err(missing(&why)),
        Err(why) => {
            let _ = writeln!(err, "ip6drop: packets are not named: {why}");
            return Ok(None);
        }
    };
    let matches = host.route_matches();
    let streams = streams(args.identity, fs, host, matches);
    if streams.is_empty() {
        let why = "this kernel does not tell of its lookups (fib6:fib6_table_lookup, since 4.18)";
        if is_asked {
            return Err(missing(why));
        }
        let _ = writeln!(
            err,
            "ip6drop: {why}: packets are named, and function entries tell what became of them"
        );
    }
    let Calibrated {
        mut probe,
        layout,
        ops,
        others,
    } = calibrated;
    let skb = ARGUMENTS.map_or("", |[skb, ..]| skb);
    let narrowing = narrowing(packets, &layout, skb);
    if let Some(narrowing) = &narrowing {
        probe.fetch = format!("{}{}", probe.fetch, narrowing.fetch).into();
    }
    let netfilter = if matches.ask_way_back() && !streams.is_empty() {
        netfilter_drops(host, preflight, &layout, err)
    } else {
        None
    };
    Ok(Some(Naming {
        narrowing,
        netfilter,
        others,
        ..Naming::new(probe, layout, ops, &streams)
    }))
}

/// What shows the packets that netfilter drops; says on `err` why there is nothing.
fn netfilter_drops(
    host: &Host,
    preflight: &Preflight,
    layout: &Layout,
    err: &mut dyn Write,
) -> Option<NetfilterDrops> {
    let kallsyms = host.proc_text("kallsyms").unwrap_or_default();
    match netfilter::drops(&preflight.available, &kallsyms, layout) {
        Ok(drops) => Some(drops),
        Err(why) => {
            let _ = writeln!(
                err,
                "ip6drop: packets that the reverse-path filter drops are not seen: {why}"
            );
            None
        }
    }
}

/// Filters on the lookups that may be taken, the one that shows most first.
fn streams(
    identity: Identity,
    fs: &dyn TraceFs,
    host: &Host,
    matches: RouteMatches,
) -> Vec<String> {
    if !stream::is_there(fs) {
        return Vec::new();
    }
    let rules = host.policy().rules;
    let least = stream::least(rules.as_ref(), matches).to_owned();
    let all = stream::ALL.to_owned();
    match identity {
        Identity::Off => Vec::new(),
        Identity::Full => vec![all],
        Identity::Least => vec![least],
        Identity::Auto => {
            let mut filters = vec![all, least];
            filters.extend(stream::barest(rules.as_ref(), matches));
            filters.dedup();
            filters
        }
    }
}
