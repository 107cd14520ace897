//! What a capture says of the host, in front of its events and behind them.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::capture::framing::{Framing, PolicyPart, VERSION, When, lines};
use crate::capture::one_line::OneLine;
use crate::host::kmsg::{KernelLog, LoggedRefusals};
use crate::host::netlink::watch::Watch;
use crate::host::{Fact, Host, Policy};
use crate::kernel::functions::NETFILTER_DROP;
use crate::tracefs::setup::plan::Plan;
use crate::tracefs::setup::tracing::Tracing;

/// The first lines of a capture.
pub(super) fn preamble(plan: &Plan, host: &Host, tracing: &Tracing) -> Vec<u8> {
    let (name, kernel) = (host.name(), host.release().ok());
    // The trace's own clock counts from boot and says no date.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let began = now.map(|now| (now.as_secs_f64() * 1000.0).round() / 1000.0);
    let cpus = host.cpus().ok();
    let probes = tracing.probes();
    let probes = (!probes.is_empty()).then(|| probes.iter().map(String::as_str));
    let asked = plan.asked();
    let said = [
        Some(Framing::Version(VERSION)),
        name.as_ref().map(|n| Framing::Host(OneLine::new(n.raw()))),
        began.map(Framing::Began),
        kernel
            .as_ref()
            .map(|k| Framing::Kernel(OneLine::new(k.release.raw()))),
        host.new_max_size().map(Framing::NewMaxSize),
        cpus.map(|cpus| Framing::Cpus(cpus.online.into())),
        Some(Framing::Method(plan.method)),
        Some(Framing::Traced(OneLine::of_names(tracing.traced()))),
        probes.map(|names| Framing::Probes(OneLine::of_names(names))),
        plan.naming.as_ref().and_then(|n| n.ops.map(Framing::Ops)),
        asked.as_ref().map(|a| Framing::Packets(OneLine::new(a))),
    ];
    let matches = host.route_matches();
    let names = matches.way_back_names().join(", ");
    let way_back = matches.ask_way_back().then(|| Framing::WayBack {
        is_shown: tracing.has_event(NETFILTER_DROP),
        matches: OneLine::new(&names),
    });
    let places = plan.naming.as_ref().map(|n| n.layout.to_string());
    let places = places.as_ref().map(|p| Framing::Offsets(OneLine::new(p)));
    lines(said.into_iter().flatten().chain(way_back).chain(places))
}

/// The host's counters and limits as of now. What the host does not have is left out, and so are
/// counters of drops where not all of them are recorded.
pub(super) fn facts(plan: &Plan, host: &Host, when: When) -> Vec<u8> {
    let now = host.snapshot();
    let is_told = |fact: &Fact<'_>| plan.asked().is_none() || !matches!(fact, Fact::Counter(..));
    let told = now.facts().filter(is_told);
    lines(told.map(|fact| Framing::Fact(when, fact)))
}

/// Whose the host's interfaces are.
pub(super) fn pods(host: &Host) -> Vec<u8> {
    let pods = host.pods();
    lines(pods.iter().map(|(dev, pod)| Framing::Pod {
        dev: OneLine::new(dev.raw()),
        pod: OneLine::new(pod.raw()),
    }))
}

/// Policy rules, throw routes and the table local as of now, also of the node's other namespaces. What cannot be
/// had is left out.
pub(super) fn policy(plan: &Plan, host: &Host, when: When) -> Vec<u8> {
    policy_lines(plan, host, when, &host.policy())
}

/// What is listened to beside the trace.
#[derive(Debug)]
pub(super) struct Meanwhile {
    routes: Option<Watch>,
    log: Option<KernelLog>,
}

impl Meanwhile {
    pub(super) fn begin(host: &Host) -> Meanwhile {
        Meanwhile {
            routes: host.watch(),
            log: host.kernel_log(true),
        }
    }

    /// The policy behind all events, and what the kernel's log said of refusals meanwhile. Which
    /// routes the table local has is left out where one of them may have gone away and come back.
    pub(super) fn told(&mut self, plan: &Plan, host: &Host) -> Vec<u8> {
        let mut now = host.policy();
        if !self.routes.as_ref().is_some_and(Watch::saw_none_go) {
            now.local_routes = None;
        }
        let mut text = policy_lines(plan, host, When::After, &now);
        if let Some(log) = &mut self.log {
            text.extend(log.read(&mut LoggedRefusals::default()));
        }
        text
    }
}

fn policy_lines(plan: &Plan, host: &Host, when: When, now: &Policy) -> Vec<u8> {
    let own = rules(now).map(|rule| Framing::Rule(when, rule));
    let throw_routes = now.throw_routes.map(|n| Framing::ThrowRoutes(when, n));
    let local_routes = now.local_routes.map(|n| Framing::LocalRoutes(when, n));
    let others = plan.naming.as_ref().map_or(&[][..], |n| &n.others);
    let others = host.policies(others);
    let others = others.each().flat_map(|(number, policy, of)| {
        let rules = rules(policy).map(PolicyPart::Rule);
        let throw_routes = policy.throw_routes.map(PolicyPart::ThrowRoutes);
        let parts = rules
            .chain(throw_routes)
            .chain(of.into_iter().map(PolicyPart::Ops));
        parts.map(move |part| Framing::Policy(when, number, part))
    });
    lines(own.chain(throw_routes).chain(local_routes).chain(others))
}

fn rules(policy: &Policy) -> impl Iterator<Item = OneLine<'_>> {
    let rules = policy.rules.iter().flat_map(|set| set.rules());
    rules.map(|rule| OneLine::new(rule.text.raw()))
}
