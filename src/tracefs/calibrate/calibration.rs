//! Finds out, with own packets in a fresh network namespace, where this kernel keeps the words of
//! a packet, and proves it by packets that it is told of before.

use std::io;

use rustix::thread::gettid;

use crate::host::Host;
use crate::host::interfaces::Interfaces;
use crate::host::netns::NetNs;
use crate::host::others::OtherNs;
use crate::kernel::functions::{Function, IN_NO_ROUTES};
use crate::os::fresh_netns::FreshNetNs;
use crate::tracefs::calibrate::bench::Bench;
use crate::tracefs::calibrate::own_packet::{OwnPacket, Packets};
use crate::tracefs::calibrate::solve::{self, Sent};
use crate::tracefs::calibrate::words::{Hit, hits};
use crate::tracefs::error::TraceError;
use crate::tracefs::files::TraceFs;
use crate::tracefs::look::selfcheck::Env;
use crate::tracefs::setup::layout::{ARGUMENTS, Layout, Offset, Route};
use crate::tracefs::setup::probes::Probe;
use crate::tracefs::undo::session::Session;

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Calibrated {
    /// The probe that fetches them.
    pub(crate) probe: Probe,
    /// Where the words of a packet are.
    pub(crate) layout: Layout,
    /// The `dst_ops` of the namespace of this process, where they could be told.
    pub(crate) ops: Option<u64>,
    /// The node's other namespaces, as far as theirs could be told.
    pub(crate) others: Vec<OtherNs>,
}

impl Calibrated {
    /// What is found out where the words of a packet are here.
    fn new(layout: Layout, function: &str, arguments: [&str; 3], ops: Option<u64>) -> Calibrated {
        Calibrated {
            probe: probe(Function::PktDrop.name(), function, layout.fetch(arguments)),
            layout,
            ops,
            others: Vec::new(),
        }
    }

    /// What would be found out, with the names of offsets in their place.
    pub(crate) fn named(function: &str, arguments: [&str; 3]) -> Calibrated {
        Calibrated::new(Layout::NAMED, function, arguments, None)
    }
}

/// Counts what every namespace has of an interface (net/core/dev.c); reading `/proc/net/dev`
/// calls it once for each.
const DEV_GET_STATS: &str = "dev_get_stats";
/// Sends a packet over `lo` (drivers/net/loopback.c).
const LOOPBACK_XMIT: &str = "loopback_xmit";
/// A threshold that no other namespace has; it has no effect in one that is all but empty.
pub(crate) const GC_THRESH: u64 = 28_657;

const NOTHING_SEEN: &str = "no probe sees anything";
const NOT_SEEN: &str = "own packets were not seen where they are dropped";

/// Reads a file of the network namespace of a thread, for what the kernel does then.
fn touch(host: &Host, file: &str) -> io::Result<()> {
    std::fs::read(host.proc.join("thread-self/net").join(file)).map(drop)
}

/// The registers that hold the arguments of functions, or why probes cannot be tried here, in words.
pub(crate) fn arguments(fs: &dyn TraceFs) -> Result<[&'static str; 3], String> {
    let arguments = ARGUMENTS.ok_or("the registers of this machine are not known")?;
    if fs.exists("instances") && fs.exists("kprobe_events") {
        Ok(arguments)
    } else {
        Err("this kernel has no instances or no kprobe events".to_owned())
    }
}

/// What stands in the way, in words, or what was found out, with a session in which its instance
/// is ready for a recording and its probes are off. `function` is the kernel's name of
/// `ip6_pkt_drop`, `show` that of `rt6_stats_seq_show`.
///
/// # Errors
/// [`TraceError::Journal`], [`TraceError::Signal`], and [`TraceError::Left`] where something
/// could not be put back. What the kernel refuses is a finding, not an error.
pub(crate) fn calibrate<'a>(
    env: &Env<'a>,
    host: &Host,
    (function, show): (&str, Option<&str>),
    buffer_kb: u32,
) -> Result<Result<(Calibrated, Session<'a>), String>, TraceError> {
    let arguments = match arguments(env.fs) {
        Ok(arguments) => arguments,
        Err(why) => return Ok(Err(why)),
    };
    let attempt = || attempt(env, host, (function, show), arguments, buffer_kb);
    match attempt()? {
        // What else went on may have been in the way of a few packets.
        Err(why) if why != NOTHING_SEEN => attempt(),
        found => Ok(found),
    }
}

fn attempt<'a>(
    env: &Env<'a>,
    host: &Host,
    (function, show): (&str, Option<&str>),
    arguments: [&'static str; 3],
    buffer_kb: u32,
) -> Result<Result<(Calibrated, Session<'a>), String>, TraceError> {
    let fresh = match FreshNetNs::new() {
        Ok(fresh) => fresh,
        Err(error) => return Ok(Err(format!("no fresh network namespace: {error}"))),
    };
    let mut session = Session::begin(env.fs, env.state)?;
    let found = Calibration {
        env,
        host,
        fresh: &fresh,
        arguments,
        function,
        show,
        buffer_kb,
    }
    .run(&mut session);
    let failed = match found {
        Ok(Ok(found)) if env.signals.came().is_none() => return Ok(Ok((found, session))),
        Ok(Ok(_)) => Ok("a signal came".to_owned()),
        Ok(Err(why)) => Ok(why),
        Err(e @ (TraceError::Journal { .. } | TraceError::Signal(_))) => Err(e),
        Err(e) => Ok(e.to_string()),
    };
    session.end()?.check()?;
    TraceError::check(env.signals)?;
    failed.map(Err)
}

/// The same steps where nothing is changed and nothing is seen: what is found out in one round for
/// the next is left open.
///
/// # Errors
/// What would be in the way.
pub fn rehearse(
    env: &Env<'_>,
    session: &mut Session<'_>,
    (function, show): (&str, Option<&str>),
    arguments: [&str; 3],
    buffer_kb: u32,
) -> Result<(), TraceError> {
    let open = |name: &str, function: &str| probe(name, function, "...".to_owned());
    let show = show.as_slice().iter();
    let own = show.clone().map(|show| open("cal_own", show));
    let rounds = [
        structures(function, show.copied().next(), arguments),
        vec![open("cal_route", function)],
        [whole(function, &Layout::NAMED, arguments)]
            .into_iter()
            .chain(own)
            .collect(),
    ];
    let mut bench = Bench::new(env, session, "common_pid == TID", buffer_kb)?;
    for probes in &rounds {
        bench.round(probes, || Ok(()), |_| true)?;
    }
    Ok(())
}

/// What the first round found.
struct Places {
    data: u32,
    dev: u32,
    name: u32,
    ifindex: Option<u32>,
    iif: Option<u32>,
    routes: Vec<(u32, bool)>,
    /// The address of `lo` in the fresh namespace.
    lo: u64,
    /// What was there when `rt6_stats` was shown in the fresh namespace.
    show: Option<Hit>,
}

struct Calibration<'c> {
    env: &'c Env<'c>,
    host: &'c Host,
    fresh: &'c FreshNetNs,
    arguments: [&'static str; 3],
    function: &'c str,
    show: Option<&'c str>,
    buffer_kb: u32,
}

fn probe(name: &str, function: &str, fetch: String) -> Probe {
    Probe {
        fetch: fetch.into(),
        ..Probe::entry(name, function)
    }
}

/// Probes that show whole structures.
fn structures(function: &str, show: Option<&str>, [skb, ..]: [&str; 3]) -> Vec<Probe> {
    let words = |name: &str, bytes| format!("{name}={skb} {}", solve::words(skb, bytes));
    let out = solve::IIF.step_by(4);
    let out: Vec<String> = out.map(|at| format!("h{at}=+{at}({skb}):u32")).collect();
    let out = format!("skb={skb} {}", out.join(" "));
    let mut probes = vec![
        probe("cal_dev", DEV_GET_STATS, words("at", solve::DEVICE)),
        probe("cal_drop", function, words("skb", solve::SKB)),
        probe("cal_out", LOOPBACK_XMIT, out),
    ];
    probes.extend(show.map(|show| probe("cal_show", show, words("seq", solve::SEQ))));
    probes
}

/// The probe of a recording, and by what else a packet is known to be our own.
fn whole(function: &str, layout: &Layout, arguments: [&str; 3]) -> Probe {
    let (skb, dev, mut fetch) = (arguments[0], layout.dev, layout.fetch(arguments));
    fetch += &format!(" lo=+{dev}({skb}):x64");
    if let Some(route) = layout.route {
        let ops = route.unmarked(skb);
        for (name, behind, kind) in [("family", 0, "u16"), ("gc_thresh", 4, "u32")] {
            fetch += &format!(" {name}=+{behind}({ops}):{kind}");
        }
    }
    probe("cal_whole", function, fetch)
}

impl Calibration<'_> {
    fn run(&self, session: &mut Session<'_>) -> Result<Result<Calibrated, String>, TraceError> {
        let own = self.host.snapshot().route.get("gc_thresh").copied();
        let proc = self.host.proc.clone();
        let set = move || {
            std::fs::write(
                proc.join("sys/net/ipv6/route/gc_thresh"),
                GC_THRESH.to_string(),
            )
        };
        // Where sysctls cannot be written, the default of a namespace tells less.
        let threshold = match self.fresh.run(move |_| set()) {
            Ok(()) => GC_THRESH,
            Err(_) => 1024,
        };
        let tid = gettid().as_raw_nonzero().get().unsigned_abs();
        // On a busy CPU a thread of the kernel's receives in place of the one that sends.
        let receiver = self.host.ksoftirqd(self.fresh.cpu);
        let threads: Vec<u32> = [tid, self.fresh.tid].into_iter().chain(receiver).collect();
        let of = |tid: &u32| format!("common_pid == {tid}");
        let filter = threads.iter().map(of).collect::<Vec<_>>().join(" || ");
        let mut bench = Bench::new(self.env, session, &filter, self.buffer_kb)?;
        let first = Packets::new();
        let places = match self.places(&mut bench, &first, tid)? {
            Ok(places) => places,
            Err(why) => return Ok(Err(why)),
        };
        let second = Packets::new();
        let route = self.route(&mut bench, &second, &places)?;
        let third = Packets::new();
        let layout = Layout {
            data: places.data.into(),
            dev: places.dev.into(),
            name: places.name.into(),
            ifindex: places.ifindex.map(Offset::from),
            iif: places.iif.map(Offset::from),
            route: route.map(|(route, _)| route),
            has_code: true,
        };
        let owned = match (route, &places.show) {
            (Some((_, ops)), Some(show)) => solve::namespaces(show, ops),
            _ => Vec::new(),
        };
        let proved = self.prove(&mut bench, &third, layout, &owned, threshold)?;
        Ok(proved.map(|(layout, shown, visited)| {
            let ops = layout.route.and_then(|_| {
                let hit = shown.iter().find(|hit| hit.tid == tid)?;
                solve::own_ops(hit, &owned, u64::try_from(own?).ok()?)
            });
            let there = shown.iter().filter(|hit| hit.tid == self.fresh.tid);
            let there: Vec<&Hit> = there.collect();
            let others = match ops {
                Some(ops) => solve::others(&there, visited, &owned, ops),
                None => Vec::new(),
            };
            Calibrated {
                others,
                ..Calibrated::new(layout, self.function, self.arguments, ops)
            }
        }))
    }

    /// Looks at whole structures: the text of the probes, and the interfaces of both namespaces.
    fn look(
        &self,
        bench: &mut Bench<'_, '_>,
        packets: &Packets,
    ) -> Result<(String, Interfaces, Interfaces), TraceError> {
        let probes = structures(self.function, self.show, self.arguments);
        let (host, inside) = (self.host, self.host.clone());
        let (mut own, mut fresh) = (Interfaces::new(), Interfaces::new());
        let act = || {
            own = host.interfaces()?;
            let inside = inside.clone();
            fresh = self.fresh.run(move |_| {
                touch(&inside, "rt6_stats")?;
                inside.interfaces()
            })?;
            packets.send(self.fresh)
        };
        let text = bench.round(&probes, act, |text| {
            let dropped = hits(text, "cal_drop").into_iter();
            dropped.filter(|hit| hit.tid == self.fresh.tid).count() >= packets.0.len()
        })?;
        Ok((text, own, fresh))
    }

    /// The offsets that one look at whole structures shows.
    fn places(
        &self,
        bench: &mut Bench<'_, '_>,
        packets: &Packets,
        tid: u32,
    ) -> Result<Result<Places, String>, TraceError> {
        let (text, own, fresh) = self.look(bench, packets)?;
        let devices = hits(&text, "cal_dev");
        if devices.is_empty() {
            return Ok(Err(NOTHING_SEEN.to_owned()));
        }
        let known = |hit: &Hit| if hit.tid == tid { &own } else { &fresh };
        let seen: Vec<(&Hit, &Interfaces)> = devices.iter().map(|hit| (hit, known(hit))).collect();
        let Some((name, ifindex)) = solve::device(&seen) else {
            return Ok(Err(
                "interfaces do not have their names in one place".to_owned()
            ));
        };
        let is_lo = |hit: &&Hit| {
            hit.tid == self.fresh.tid && solve::name(hit, name).as_deref() == Some("lo")
        };
        let Some(lo) = devices.iter().find(is_lo).and_then(|hit| hit.number("at")) else {
            return Ok(Err("no probe sees the interface lo".to_owned()));
        };
        let mut dropped = hits(&text, "cal_drop");
        dropped.retain(|hit| solve::holds(hit, lo));
        let Some(dropped) = last(&dropped, packets) else {
            return Ok(Err(NOT_SEEN.to_owned()));
        };
        let out = hits(&text, "cal_out");
        let sent = packets.0.iter().zip(dropped).map(|(packet, dropped)| {
            let skb = dropped.number("skb");
            Sent {
                packet,
                out: out.iter().rfind(|out| out.number("skb") == skb),
                dropped,
            }
        });
        let sent: Vec<Sent<'_>> = sent.collect();
        let (Some(data), Some(dev)) = (solve::data(&sent), solve::dev(&sent, lo)) else {
            return Ok(Err(
                "own packets do not have their bytes in one place".to_owned()
            ));
        };
        let shown = hits(&text, "cal_show").into_iter();
        Ok(Ok(Places {
            data,
            dev,
            name,
            ifindex,
            iif: solve::iif(&sent),
            routes: solve::routes(&sent, lo),
            lo,
            show: shown.rev().find(|hit| hit.tid == self.fresh.tid),
        }))
    }

    /// The hits for own packets: those whose interface is that `lo`.
    fn own(text: &str, event: &str, places: &Places) -> Vec<Hit> {
        let mut found = hits(text, event);
        found.retain(|hit| hit.number("lo") == Some(places.lo));
        found
    }

    /// The route of a dropped packet and the address of its `dst_ops`.
    fn route(
        &self,
        bench: &mut Bench<'_, '_>,
        packets: &Packets,
        places: &Places,
    ) -> Result<Option<(Route, u64)>, TraceError> {
        if places.routes.is_empty() {
            return Ok(None);
        }
        let (skb, dev) = (self.arguments[0], places.dev);
        let words = solve::route_words(skb, &places.routes);
        let words = format!("lo=+{dev}({skb}):x64 {words}");
        let text = bench.round(
            &[probe("cal_route", self.function, words)],
            || packets.send(self.fresh),
            |text| Self::own(text, "cal_route", places).len() >= packets.0.len(),
        )?;
        Ok(solve::route(
            &Self::own(&text, "cal_route", places),
            &places.routes,
            places.lo,
        ))
    }

    /// Sends packets again and believes only what says of each what it is; with the hits of
    /// `rt6_stats_seq_show`, and the other namespaces in which the thread of the fresh one then set
    /// it off, each with its `gc_thresh`.
    fn prove(
        &self,
        bench: &mut Bench<'_, '_>,
        packets: &Packets,
        mut layout: Layout,
        namespaces: &[(u32, u64)],
        threshold: u64,
    ) -> Result<Result<Proved, String>, TraceError> {
        let skb = self.arguments[0];
        let mut probes = vec![whole(self.function, &layout, self.arguments)];
        if let Some(show) = self.show.filter(|_| !namespaces.is_empty()) {
            let words = solve::namespace_words(skb, namespaces);
            probes.push(probe("cal_own", show, words));
        }
        let (host, inside) = (self.host, self.host.clone());
        let others = if probes.len() > 1 {
            host.other_namespaces()
        } else {
            Vec::new()
        };
        let mut visited = Vec::new();
        let text = bench.round(
            &probes,
            || {
                touch(host, "rt6_stats")?;
                packets.send(self.fresh)?;
                // The fresh namespace is not needed any more.
                let (inside, others) = (inside.clone(), others.clone());
                visited = self.fresh.run(move |_| Ok(inside.touch_each(others)))?;
                Ok(())
            },
            |text| over_lo(text).len() >= packets.0.len(),
        )?;

        let whole = over_lo(&text);
        let Some(whole) = last(&whole, packets) else {
            return Ok(Err(NOT_SEEN.to_owned()));
        };
        let all = || whole.iter().zip(&packets.0);
        if !all().all(|(hit, packet)| is_named(hit, packet, layout.iif.is_some())) {
            return Ok(Err(
                "what a probe says of own packets is not what they are".to_owned()
            ));
        }
        let number = |name, wanted| all().all(|(hit, _)| hit.number(name) == Some(wanted));
        layout.has_code = number("code", 0) && number("mib", u64::from(IN_NO_ROUTES));
        if !(number("family", 10) && number("gc_thresh", threshold)) {
            layout.route = None;
        }
        Ok(Ok((layout, hits(&text, "cal_own"), visited)))
    }
}

/// The hits of packets that came over `lo`, as own ones do: under a flood the thread that receives
/// drops others as well.
fn over_lo(text: &str) -> Vec<Hit> {
    let mut found = hits(text, "cal_whole");
    found.retain(|hit| hit.string("dev") == Some("lo"));
    found
}

/// The hits of the packets as they were sent last: they may come late, when it is tried again.
fn last<'h>(hits: &'h [Hit], packets: &Packets) -> Option<&'h [Hit]> {
    hits.get(hits.len().checked_sub(packets.0.len())?..)
}

/// What was proved: where the words are, what `rt6_stats_seq_show` was seen with, and in which
/// other namespaces, each with its `gc_thresh`.
type Proved = (Layout, Vec<Hit>, Vec<(NetNs, u64)>);

/// True where a probe says of a packet what it is.
fn is_named(hit: &Hit, packet: &OwnPacket, has_iif: bool) -> bool {
    let words = [
        ("w0", 0),
        ("s0", 8),
        ("s1", 16),
        ("d0", 24),
        ("d1", 32),
        ("l4", 40),
    ];
    let is_packet = words
        .iter()
        .all(|&(name, at)| hit.number(name) == Some(packet.word(at)));
    let came_by = !has_iif || hit.number("iif") == Some(1);
    is_packet && came_by && hit.string("dev") == Some("lo")
}
