//! What is known of the host around a trace: readings of the counters, and a recording's own
//! lines.

use std::fmt::Write;

use crate::identity::Beside;
use crate::kernel::Kernel;
use crate::rng::Rng;
use crate::setup::{Checks, FactsKind, Setup, Traced};

/// Counters, limits and rules of a namespace at a moment.
#[derive(Debug, Clone)]
pub struct Reading {
    allocated: u64,
    slow: i64,
    in_no_routes: u64,
    out_no_routes: u64,
    thresh: i64,
    max: i64,
    interval_us: i64,
    cpus: usize,
    rules: Vec<String>,
    throw_routes: usize,
    ops: u64,
}

impl Reading {
    pub fn of(kernel: &Kernel, space: usize) -> Reading {
        let ns = &kernel.spaces[space];
        Reading {
            allocated: ns.allocated,
            slow: ns.entries.slow(),
            in_no_routes: ns.in_no_routes,
            out_no_routes: ns.out_no_routes,
            thresh: ns.thresh,
            max: ns.max,
            interval_us: ns.interval_us,
            cpus: kernel.cpus,
            rules: ns.rule_lines(),
            throw_routes: ns.throw_routes(),
            ops: ns.ops,
        }
    }

    fn stats(&self) -> String {
        format!(
            "02c6 0165 {:04x} 019d 0000 {:04x} 0000",
            self.allocated, self.slow
        )
    }

    fn route(&self) -> [String; 8] {
        [
            "gc_elasticity = 9".to_owned(),
            "gc_interval = 30".to_owned(),
            "gc_min_interval = 0".to_owned(),
            format!("gc_min_interval_ms = {}", self.interval_us / 1000),
            format!("gc_thresh = {}", self.thresh),
            "gc_timeout = 60".to_owned(),
            format!("max_size = {}", self.max),
            "min_adv_mss = 1220".to_owned(),
        ]
    }

    /// As lines of a preamble.
    fn framed(&self, when: &str, rules: bool, out: &mut String) {
        let mut line = |text: &str| {
            let _ = writeln!(out, "# ip6drop: {when} {text}");
        };
        line(&format!("rt6_stats {}", self.stats()));
        line(&format!("Ip6InNoRoutes {}", self.in_no_routes));
        line("Ip6InAddrErrors 0");
        line(&format!("Ip6OutNoRoutes {}", self.out_no_routes));
        for sysctl in self.route() {
            line(&format!("net.ipv6.route.{sysctl}"));
        }
        line(&format!("nproc {}", self.cpus));
        if rules {
            for rule in &self.rules {
                line(&format!("rule {rule}"));
            }
            line(&format!("throw_routes {}", self.throw_routes));
        }
    }

    /// As lines of a facts file.
    fn plain(&self, when: &str, out: &mut String) {
        let _ = writeln!(out, "# {when}\n{}", self.stats());
        let _ = writeln!(
            out,
            "Ip6InNoRoutes                   \t{}",
            self.in_no_routes
        );
        out.push_str("Ip6InAddrErrors                 \t0\n");
        let _ = writeln!(
            out,
            "Ip6OutNoRoutes                  \t{}",
            self.out_no_routes
        );
        for sysctl in self.route() {
            let _ = writeln!(out, "net.ipv6.route.{sysctl}");
        }
        let _ = writeln!(out, "{}", self.cpus);
    }
}

/// Before and after.
pub struct Readings {
    pub before: Reading,
    pub after: Reading,
}

/// The namespace that the facts are of.
pub fn space(setup: &Setup) -> usize {
    match setup.facts {
        FactsKind::Handed { other: true } => setup.spaces.len() - 1,
        _ => 0,
    }
}

/// The facts or the preamble say how lookups were filtered.
pub fn tells_filter(setup: &Setup) -> bool {
    let handed = matches!(setup.facts, FactsKind::Handed { .. });
    setup.identity.told && (framed(setup) || handed)
}

fn rules_known(setup: &Setup) -> bool {
    setup.rules_known
}

/// Whether the text says what was traced, and the facts what the rules are of every namespace
/// there is.
pub fn tell_all(setup: &Setup) -> bool {
    let told = has_own(setup) || matches!(setup.facts, FactsKind::Handed { .. });
    let rules = rules_known(setup) && !setup.spaces[0].rules.is_empty();
    framed(setup) && told && rules && setup.spaces.len() == 1
}

/// Whose rules, whose `dst_ops` and which filter, all told.
pub fn tell_packets(setup: &Setup) -> bool {
    let told = has_own(setup) || matches!(setup.facts, FactsKind::Handed { .. });
    let rules = rules_known(setup) && !setup.spaces[space(setup)].rules.is_empty();
    told && rules && setup.identity.ops && tells_filter(setup)
}

/// The text of `--facts`, where there is one.
pub fn handed(setup: &Setup, readings: &Readings) -> Option<String> {
    if !matches!(setup.facts, FactsKind::Handed { .. }) {
        return None;
    }
    let mut text = String::new();
    if setup.is_named() {
        if setup.identity.ops {
            let _ = writeln!(text, "ops 0x{:x}", readings.before.ops);
        }
        if tells_filter(setup) && !framed(setup) {
            let _ = writeln!(text, "lookups {}", setup.identity.filter.text());
        }
    }
    if rules_known(setup) {
        // One set of rules holds for the whole window.
        for rule in &readings.before.rules {
            let _ = writeln!(text, "{rule}");
        }
        let _ = writeln!(text, "throw_routes {}", readings.before.throw_routes);
    }
    readings.before.plain("before", &mut text);
    readings.after.plain("after", &mut text);
    Some(text)
}

/// Lines in front of a recording, where there is a preamble.
pub fn preamble(setup: &Setup, readings: &Readings, kernel: &Kernel, rng: &mut Rng) -> String {
    let mut text = String::new();
    if !framed(setup) {
        return text;
    }
    let release = match (setup.checks, rng.below(3)) {
        (Checks::Refuses, _) => "4.19.113-1.el7",
        (Checks::Void, 0) => "4.19.90-vendor",
        (Checks::Void, _) => "4.19.320",
        (Checks::Zero, _) => "4.19.90-2312.1.0.0255.oe1.x86_64",
    };
    let (functions, probes) = traced(setup.tracing.traced);
    let version = if setup.is_named() { 2 } else { 1 };
    let _ = write!(
        text,
        "# ip6drop: version {version}\n# ip6drop: kernel {release}\n# ip6drop: cpus {}\n\
         # ip6drop: method instance\n",
        setup.cpus
    );
    if !functions.is_empty() {
        let _ = writeln!(text, "# ip6drop: traced {functions}");
    }
    if !probes.is_empty() {
        let _ = writeln!(text, "# ip6drop: probes {probes}");
    }
    if setup.is_named() && tells_filter(setup) {
        let filter = setup.identity.filter.text();
        let _ = writeln!(text, "# ip6drop: lookups {filter}");
    }
    if has_own(setup) {
        if !setup.is_named() || setup.identity.ops {
            let _ = writeln!(text, "# ip6drop: ops 0x{:x}", kernel.spaces[0].ops);
        }
        readings
            .before
            .framed("before", rules_known(setup), &mut text);
    }
    text
}

/// Lines behind it: losses, given per CPU, and facts.
pub fn closing(setup: &Setup, readings: &Readings, lost: &[u64]) -> String {
    let mut text = String::new();
    if !framed(setup) {
        return text;
    }
    if has_own(setup) {
        readings
            .after
            .framed("after", rules_known(setup), &mut text);
    }
    for (cpu, lost) in lost.iter().enumerate() {
        let _ = writeln!(text, "# ip6drop: lost {cpu} {lost}");
    }
    text
}

/// What a preamble says was traced: functions, and probes.
fn traced(traced: Traced) -> (String, String) {
    let six = "ip6_pkt_drop,ip6_pkt_discard,ip6_pkt_discard_out,ip6_pkt_prohibit,\
               ip6_pkt_prohibit_out,ip6_dst_gc";
    let (more, probes) = match traced {
        Traced::Six { exit } => ("", probes(exit, exit, false)),
        Traced::Eight { enter, exit } => (",fib6_run_gc,icmp6_send", probes(enter, exit, false)),
        Traced::Input { enter, exit, probe } => (
            if probe {
                ",fib6_run_gc,icmp6_send"
            } else {
                ",fib6_run_gc,icmp6_send,ip6_route_input"
            },
            probes(enter, exit, probe),
        ),
        Traced::Named { beside, rin } => {
            let exit = matches!(beside, Beside::Eight { exit: true } | Beside::Probes);
            let more = probes(beside == Beside::Probes, exit, rin);
            let probes = format!("drop,{more}").trim_end_matches(',').to_owned();
            let functions = match beside {
                Beside::Nothing | Beside::Probes => String::new(),
                Beside::Entry => "ip6_pkt_drop".to_owned(),
                Beside::Eight { .. } => format!("{six},fib6_run_gc,icmp6_send"),
            };
            return (functions, probes);
        }
        _ => ("", String::new()),
    };
    (format!("{six}{more}"), probes)
}

fn probes(enter: bool, exit: bool, input: bool) -> String {
    let names = [("gc_enter", enter), ("gc_exit", exit), ("rin", input)];
    let names = names.iter().filter(|(_, on)| *on).map(|(name, _)| *name);
    names.collect::<Vec<_>>().join(",")
}

/// A recording's own text; the recipe's is not one.
fn framed(setup: &Setup) -> bool {
    let own = matches!(setup.facts, FactsKind::OwnExact | FactsKind::OwnWide);
    !setup.tracing.is_recipe() && (own || setup.tracing.preamble)
}

/// Whether the text brings facts of its own.
pub fn has_own(setup: &Setup) -> bool {
    framed(setup) && matches!(setup.facts, FactsKind::OwnExact | FactsKind::OwnWide)
}
