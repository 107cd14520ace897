//! `ip6drop funnel`: where on their way through this host packets stop, counted in the kernel.

use std::io::Write;

use crate::cli::funnel::FunnelArgs;
use crate::cli::tracing::Roots;
use crate::commands::live::{self, Ready};
use crate::commands::narrowing::narrowing_at;
use crate::commands::output::{Destination, written};
use crate::commands::seen::seen;
use crate::diagnosis::funnel::Funnel;
use crate::exit::Exit;
use crate::host::Host;
use crate::kernel::receive_path::Step;
use crate::kernel::release::judge;
use crate::os::signals::Signals;
use crate::render::paper::Paper;
use crate::render::view::FunnelView;
use crate::report::packet_filter::PacketFilter;
use crate::text::harmless;
use crate::tracefs::error::TraceError;
use crate::tracefs::files::TraceFs;
use crate::tracefs::funnel::counting::{Counters, Outcome, count};
use crate::tracefs::look::selfcheck::Env;
use crate::tracefs::setup::functions::Available;
use crate::tracefs::setup::layout::Layout;

/// Counters of the receive path in `/proc/net/snmp6`.
const COUNTERS: [&str; 9] = [
    "Ip6InReceives",
    "Ip6InHdrErrors",
    "Ip6InNoRoutes",
    "Ip6InAddrErrors",
    "Ip6InUnknownProtos",
    "Ip6InTruncatedPkts",
    "Ip6InDiscards",
    "Ip6InDelivers",
    "Ip6OutForwDatagrams",
];

/// What was counted, and what the counters of this namespace say of the same time.
type Counts = (Outcome, Vec<(&'static str, u64)>);

/// Refuses an interface that no network namespace has.
fn check_interfaces(filter: &PacketFilter, host: &Host) -> Result<(), TraceError> {
    if filter.dev.is_empty() {
        return Ok(());
    }
    let Some(names) = host.interfaces_everywhere() else {
        return Ok(());
    };
    let named = filter.dev.iter().map(|dev| harmless(dev.as_bytes()));
    match named.into_iter().find(|name| !names.contains(name)) {
        Some(name) => Err(TraceError::untraceable(
            format!("no network namespace has an interface {name}"),
            "ip link shows those of this one",
        )),
        None => Ok(()),
    }
}

/// Where this kernel keeps the words of a packet.
fn layout(ready: &Ready, host: &Host, signals: &Signals) -> Result<Layout, TraceError> {
    let trigger = || host.touch_rt6_stats();
    let env = Env {
        fs: &ready.fs,
        state: &ready.state,
        signals,
        trigger: &trigger,
        read: seen,
    };
    match live::identity(&env, host, &ready.preflight, 0)? {
        Ok((found, session)) => {
            session.end()?.check()?;
            Ok(found.layout)
        }
        Err(why) => Err(TraceError::untraceable(
            format!("packets cannot be named: {why}"),
            "without --src, --dst and --dev all packets are counted",
        )),
    }
}

/// Counts, and puts everything back.
fn counts(
    (args, filter): (&FunnelArgs, &PacketFilter),
    roots: &Roots,
    signals: &Signals,
    err: &mut dyn Write,
) -> Result<Counts, TraceError> {
    let ready = live::ready(roots, &[], err)?;
    ready.preflight.check()?;
    if !ready.preflight.kprobe_events || !ready.fs.exists("instances") {
        return Err(TraceError::untraceable(
            "this kernel has no kprobe events, or no instances of the tracer",
            "count on a host whose kernel has CONFIG_KPROBE_EVENTS",
        ));
    }
    // The instance could not be removed.
    if let Some(why) = ready.preflight.others.pins("nop") {
        return Err(TraceError::untraceable(why, "wait for them, or end them"));
    }
    let path = "available_filter_functions";
    let text = ready.fs.read(path);
    let text = text.map_err(TraceError::file(ready.fs.root().join(path), "read"))?;
    let names: Vec<&str> = Step::ALL
        .iter()
        .flat_map(|step| step.functions())
        .copied()
        .collect();
    let host = roots.host();
    let may_refuse = judge(&host.release().unwrap_or_default()).checks == Some(true);
    let mut counters = Counters::all(&Available::parse(&text, &names), may_refuse);
    if filter.asks() {
        check_interfaces(filter, &host)?;
        let layout = layout(&ready, &host, signals)?;
        counters = counters.only(|at, skb| narrowing_at(filter, &layout, at, skb));
    }
    let mut edges = Vec::new();
    let mut edge = || edges.push(host.snapshot().snmp6);
    let outcome = count(
        (&ready.fs, &ready.state, signals),
        &counters,
        args.duration,
        &mut edge,
    )?;
    let (before, after) = (edges.first(), edges.last());
    let rise = |name| {
        let risen = after?.get(name)?.saturating_sub(*before?.get(name)?);
        Some((name, risen))
    };
    Ok((outcome, COUNTERS.into_iter().filter_map(rise).collect()))
}

fn show(
    (args, filter): (&FunnelArgs, &PacketFilter),
    host: &Host,
    (outcome, counters): Counts,
    err: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let destination = Destination::new("funnel", args.output.as_deref());
    let terminal = destination.terminal();
    let release = host.release().unwrap_or_default();
    let funnel = Funnel::of(outcome.counted, judge(&release).checks);
    let view = FunnelView {
        funnel: &funnel,
        host: host.name(),
        kernel: Some(release.release).filter(|release| !release.is_empty()),
        filter: filter.asks().then_some(filter),
        counters: &counters,
        notes: &outcome.notes,
        terminal,
        paper: Paper::of(terminal, false),
    };
    let mut out = Vec::new();
    args.format.format.write(&view, &mut out)?;
    written(destination.put(&out))?;
    for line in outcome.undo.lines() {
        let _ = writeln!(err, "ip6drop: {line}");
    }
    Ok(match (outcome.undo.complete(), outcome.signal) {
        (false, _) => Exit::NotRestored,
        (true, Some(number)) => Exit::Signal(number),
        (true, None) => Exit::Clean,
    })
}

/// Runs `funnel`.
pub(crate) fn run(args: &FunnelArgs, err: &mut dyn Write) -> anyhow::Result<Exit> {
    let signals = live::signals()?;
    let filter = args.packets.filter();
    let mut counted = None;
    live::with_mount(&args.roots, args.mount, |roots| {
        counted = Some(counts((args, &filter), roots, &signals, err)?);
        Ok(Exit::Clean)
    })?;
    counted.map_or(Ok(Exit::Clean), |counted| {
        show((args, &filter), &args.roots.host(), counted, err)
    })
}
