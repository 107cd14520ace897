//! The network of the lab: one namespace as the node, some as pods behind it.

use std::fs;
use std::io;
use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use rustix::net::netlink::NETFILTER;

use crate::host::{Host, Snapshot};
use crate::lab::error::LabError;
use crate::lab::links::{Answer, End, address, neighbour, pair, raise, route};
use crate::lab::nft::way_back;
use crate::lab::sender::{Sender, cpus};
use crate::lab::sizes::{LOCALS, MOST_CPUS, PODS, Regime, limits, routes_a_pod};
use crate::os::ask::ask as ask_program;
use crate::os::netlink::{Netlink, Request};
use crate::os::netns::{LO, NetNs};

/// How long links may take, and each try.
const PATIENCE: Duration = Duration::from_secs(20);
const LINK: Duration = Duration::from_millis(100);
/// The pod's interface, as each of them calls it: behind those that the kernel makes in every namespace.
const POD_INTERFACE: u32 = 100;
/// That of the node towards the first pod.
const NODE_INTERFACE: u32 = 100;
/// Settings in each namespace, some of which may come from the host: IPv6 itself; limits of answers by
/// ICMPv6, which would hide what is lost behind what is not said; what looks around on a new link.
const QUIET: [(&str, &str); 10] = [
    ("conf/all/disable_ipv6", "0"),
    ("conf/default/disable_ipv6", "0"),
    ("icmp/ratelimit", "0"),
    ("icmp/ratemask", "\n"),
    ("conf/all/accept_dad", "0"),
    ("conf/default/accept_dad", "0"),
    ("conf/default/dad_transmits", "0"),
    ("conf/default/router_solicitations", "0"),
    ("conf/default/accept_ra", "0"),
    ("route/max_size", "1000000"),
];

/// A local address of the node, from 1 on.
pub(super) fn local(n: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 1, 0, 0, 0, 0, 0, n)
}

/// An address of a pod, both from 0 on.
pub(super) fn of_pod(pod: u16, n: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0x10, 0x244, pod, 0, 0, 0, n + 1)
}

/// An address behind a router, for which the node has no route, and others for which it has one
/// that says no.
pub(super) fn elsewhere(kind: u16, n: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, kind, 0, 0, 0, 0, 0, n)
}
/// Without a route.
pub(super) const DEAD: u16 = 0xdead;
/// Behind an unreachable route.
pub(super) const GONE: u16 = 0x90fe;
/// Behind a prohibit route.
pub(super) const FORBIDDEN: u16 = 0xf0b1;
/// A source that nobody has.
pub(super) const SPOOFED: u16 = 0x5b00;
/// How much of these addresses their routes name.
const PREFIX: u8 = 32;

fn mac(of: u8, pod: u16) -> [u8; 6] {
    let [high, low] = pod.to_be_bytes();
    [2, 0, 0, of, high, low]
}

/// Writes a setting of IPv6 in the namespace of this thread.
fn write(setting: &str, value: &str) -> io::Result<()> {
    fs::write(format!("/proc/sys/net/ipv6/{setting}"), value)
}

fn quiet() -> io::Result<()> {
    for (setting, value) in QUIET {
        match write(setting, value) {
            // Later kernels have more of them.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The namespaces, and what is known of them.
#[derive(Debug)]
pub(super) struct Network {
    /// The node.
    pub(super) node: NetNs<Sender>,
    /// The pods.
    pub(super) pods: Vec<NetNs<Sender>>,
    /// Addresses of each.
    pub(super) each: u16,
    /// The CPUs that packets are sent on.
    pub(super) cpus: Vec<usize>,
    /// Those that are online.
    online: u32,
    host: Host,
}

impl Network {
    /// Makes it.
    pub(super) fn new(host: &Host) -> Result<Network, LabError> {
        let online = host.cpus().map_or(1, |cpus| cpus.online);
        let made = NetNs::new(Sender::here).map_err(LabError::NoNamespace)?;
        let all = made.run(|_| cpus(MOST_CPUS)).map_err(LabError::Packets)?;
        let mut network = Network {
            node: made,
            pods: Vec::new(),
            each: routes_a_pod(online),
            cpus: all,
            online,
            host: host.clone(),
        };
        network.settle_node()?;
        for pod in 0..PODS {
            network.add_pod(pod)?;
        }
        network.wait_for_links()?;
        Ok(network)
    }

    fn settle_node(&self) -> Result<(), LabError> {
        let set = |_: &mut Sender| {
            quiet()?;
            write("conf/all/forwarding", "1")
        };
        let doing = "settings below /proc/sys/net/ipv6, which has to be writable";
        self.node.run(set).map_err(LabError::network(doing))?;
        let locals = (1..=LOCALS).map(|n| address(LO, local(n))).collect();
        self.ask_node(locals, "addresses on lo")?;
        let no = [(GONE, Answer::Unreachable), (FORBIDDEN, Answer::Prohibited)];
        let no = no.map(|(kind, answer)| route(elsewhere(kind, 0), PREFIX, answer));
        self.ask_node(no.to_vec(), "unreachable and prohibit routes")
    }

    fn ask_node(&self, requests: Vec<Request>, what: &str) -> Result<(), LabError> {
        ask(&self.node, requests, what)
    }

    fn add_pod(&mut self, pod: u16) -> Result<(), LabError> {
        let space = NetNs::new(Sender::here).map_err(LabError::NoNamespace)?;
        let doing = "settings of a pod below /proc/sys/net/ipv6, which has to be writable";
        space.run(|_| quiet()).map_err(LabError::network(doing))?;
        let index = NODE_INTERFACE + u32::from(pod);
        let name = format!("cali{}", pod + 1);
        let here = End {
            name: &name,
            index,
            mac: mac(1, pod),
        };
        let there = End {
            name: "eth0",
            index: POD_INTERFACE,
            mac: mac(2, pod),
        };
        let pair = pair(here, there, space.tid);
        self.ask_node(vec![pair], "a veth pair (CONFIG_VETH; try: modprobe veth)")?;
        self.ask_node(vec![raise(index)], "its interface up")?;
        let addresses = (0..self.each).map(|n| of_pod(pod, n));
        let mut inside = vec![raise(POD_INTERFACE)];
        inside.extend(addresses.clone().map(|a| address(POD_INTERFACE, a)));
        inside.push(address(POD_INTERFACE, elsewhere(SPOOFED, pod + 1)));
        let router = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
        inside.push(neighbour(POD_INTERFACE, router, mac(1, pod)));
        let all = Answer::Via(POD_INTERFACE, router);
        inside.push(route(Ipv6Addr::UNSPECIFIED, 0, all));
        ask(&space, inside, "addresses and a route of a pod")?;
        let to = |a| {
            [
                route(a, 128, Answer::By(index)),
                neighbour(index, a, mac(2, pod)),
            ]
        };
        self.ask_node(addresses.flat_map(to).collect(), "routes to a pod")?;
        self.pods.push(space);
        Ok(())
    }

    /// Waits until every pod answers: a new link carries nothing before the kernel has seen to it.
    fn wait_for_links(&self) -> Result<(), LabError> {
        let end = Instant::now() + PATIENCE;
        let cpu = self.cpus.first().copied().unwrap_or(0);
        loop {
            let ask = move |node: &mut Sender| {
                for pod in 0..PODS {
                    node.ask(cpu, local(1), of_pod(pod, 0))?;
                }
                Ok(node.answers(LINK))
            };
            let answers = self.node.run(ask).map_err(LabError::Packets)?;
            if answers.iter().all(|came| *came) {
                return Ok(());
            }
            if Instant::now() >= end {
                let silent = std::io::ErrorKind::TimedOut.into();
                return Err(LabError::network("answers of the pods")(silent));
            }
        }
    }

    /// Gives every route to a pod an entry on each CPU that is used.
    pub(super) fn fill(&self) -> Result<(), LabError> {
        for &cpu in &self.cpus {
            let each = self.each;
            let fill = move |node: &mut Sender| {
                let pods = (0..PODS).flat_map(|pod| (0..each).map(move |n| of_pod(pod, n)));
                node.fill(cpu, local(1), pods)
            };
            self.node.run(fill).map_err(LabError::Packets)?;
        }
        Ok(())
    }

    /// Lets the node listen where pods send.
    pub(super) fn listen(&self) -> Result<(), LabError> {
        let listen = |node: &mut Sender| node.listen(local(1));
        self.node.run(listen).map_err(LabError::Packets)
    }

    /// Gives the node a rule that drops what has no way back to its source; why there is none.
    pub(super) fn ask_way_back(&self, may_load: bool) -> Result<Result<(), String>, LabError> {
        let has_rpfilter = may_load || self.host.has_rpfilter();
        if !may_load && !self.host.has_fib() && !has_rpfilter {
            let why = "neither nft_fib_ipv6 nor ip6t_rpfilter is loaded (--load-modules does)";
            return Ok(Err(why.to_owned()));
        }
        let by_nft = |_: &mut Sender| Netlink::to(Some(NETFILTER))?.ask(way_back());
        let by_ip6tables = |program: &'static str| {
            self.node.run(move |_| {
                let rule = "-t raw -A PREROUTING -m rpfilter --validmark --invert -j DROP";
                let words: Vec<&str> = [program].into_iter().chain(rule.split(' ')).collect();
                let done = ask_program(&words, PATIENCE, 4096).map(drop);
                done.ok_or_else(|| io::Error::other("it failed"))
            })
        };
        let made = self.node.run(by_nft);
        let refused = match made {
            Ok(()) => return Ok(Ok(())),
            Err(refused) => refused,
        };
        let mut programs = ["ip6tables-legacy", "ip6tables"].into_iter();
        if has_rpfilter && programs.any(|program| by_ip6tables(program).is_ok()) {
            return Ok(Ok(()));
        }
        Ok(Err(format!(
            "the kernel takes no rule of nftables with fib ({refused}), and ip6tables makes none with rpfilter"
        )))
    }

    /// Sets the limits that make this of a cache that was filled.
    pub(super) fn limit(&self, regime: Regime) -> Result<(), LabError> {
        let slow = self.snapshot().slow().unwrap_or(0);
        let cpus = u32::try_from(self.cpus.len()).unwrap_or(1);
        let limits = limits(regime, (self.online, cpus), slow);
        self.set(limits.max_size, limits.gc_thresh)
    }

    /// Sets these limits.
    pub(super) fn set(&self, max_size: i64, gc_thresh: i64) -> Result<(), LabError> {
        let set = move |_: &mut Sender| {
            write("route/gc_thresh", &gc_thresh.to_string())?;
            write("route/max_size", &max_size.to_string())
        };
        let doing = "limits of the route cache below /proc/sys/net/ipv6/route";
        self.node.run(set).map_err(LabError::network(doing))
    }

    /// Its namespaces, by the threads that they are of.
    pub(super) fn places(&self) -> impl Iterator<Item = (String, u32)> {
        let pods = self.pods.iter().zip(1..);
        let pods = pods.map(|(pod, n)| (format!("pod {n}"), pod.tid));
        std::iter::once(("node".to_owned(), self.node.tid)).chain(pods)
    }

    /// Counters of the node.
    pub(super) fn snapshot(&self) -> Snapshot {
        let host = Host {
            proc: format!("/proc/self/task/{}", self.node.tid).into(),
            ..self.host.clone()
        };
        host.snapshot()
    }
}

fn ask(space: &NetNs<Sender>, requests: Vec<Request>, what: &str) -> Result<(), LabError> {
    // One by one: what is acknowledged all at once has to fit a buffer.
    let asked = space.run(|inside| {
        let mut requests = requests.into_iter();
        requests.try_for_each(|request| inside.netlink.ask(vec![request]))
    });
    asked.map_err(LabError::network(what))
}
