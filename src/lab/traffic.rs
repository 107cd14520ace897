//! The packets of a scenario: each has addresses of its own, and its fate is known.

use std::net::Ipv6Addr;
use std::time::Duration;

use crate::lab::error::LabError;
use crate::lab::network::{DEAD, FORBIDDEN, GONE, Network, SPOOFED, elsewhere, local, of_pod};
use crate::lab::scenario::{Kind, Scenario};
use crate::lab::sender::{CLOSED, PATIENCE, SERVED, Sender, Stop};
use crate::lab::sizes::{LOCALS, PODS};
use crate::lab::truth::{Flow, Sent};
use crate::os::netns::Answer;

/// Local addresses that had no packet before.
const FRESH: u32 = LOCALS as u32 - 1;
/// Packets of a pod's flood at once.
const BURST: u16 = 30;
/// Between two packets that are answered by ICMPv6: the whole host sends a thousand of these a second,
/// and no more than fifty at once (`icmp_msgs_per_sec`, `icmp_msgs_burst`), which is not the lab's to change.
const PACE: Duration = Duration::from_millis(4);
/// How many destinations elsewhere are told apart.
const ELSEWHERE: u32 = 60_000;

/// Who will know whether a packet arrived.
#[derive(Debug, Clone, Copy)]
enum Witness {
    /// Nobody: it cannot.
    None,
    /// The node, by the number of its question.
    Node(usize),
    /// The node, for it listens.
    Server,
    /// A pod, by the same.
    Pod(u16, usize),
}

/// A packet whose end is not known yet.
#[derive(Debug)]
struct Pending {
    kind: Kind,
    flow: Flow,
    witness: Witness,
    within: bool,
}

/// What was sent so far.
pub(super) struct Traffic<'a> {
    network: &'a Network,
    scenario: &'static Scenario,
    refuses: bool,
    pending: Vec<Pending>,
    /// How many of each kind.
    sent: u32,
    /// The recording surely runs.
    pub(super) within: bool,
}

fn small(n: u32) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

/// A local address, and one of a pod: no two numbers in as many turns as there are addresses of pods
/// have the same.
fn ends(serial: u32, each: u32) -> (Ipv6Addr, Ipv6Addr) {
    let of = (serial % FRESH + serial / FRESH) % (each * u32::from(PODS));
    let to = of_pod(small(of / each), small(of % each));
    (local(small(2 + serial % FRESH)), to)
}

impl<'a> Traffic<'a> {
    pub(super) fn new(network: &'a Network, scenario: &'static Scenario, refuses: bool) -> Self {
        Traffic {
            network,
            scenario,
            refuses,
            pending: Vec::new(),
            sent: 0,
            within: true,
        }
    }

    /// How many packets go to fresh addresses on each CPU before one is used again.
    pub(super) fn rounds() -> u32 {
        FRESH
    }

    /// Sends one packet of each kind on each CPU.
    pub(super) fn round(&mut self) -> Result<(), LabError> {
        let cpus = self.network.cpus.clone();
        for (n, cpu) in cpus.iter().enumerate() {
            // On each CPU, one address after the other.
            let n = small(u32::try_from(n).unwrap_or(0));
            let serial = self.sent % FRESH + FRESH * (u32::from(n) + self.turn());
            for kind in self.scenario.kinds {
                let sent = self.send(*kind, *cpu, serial);
                let (flow, witness) = sent.map_err(LabError::Packets)?;
                if matches!(witness, Witness::Node(_) | Witness::Pod(..)) {
                    std::thread::sleep(PACE);
                }
                self.pending.push(Pending {
                    kind: *kind,
                    flow,
                    witness,
                    within: self.within,
                });
            }
        }
        self.sent += 1;
        Ok(())
    }

    /// What the serial numbers of one turn through the addresses begin with.
    fn turn(&self) -> u32 {
        self.sent / FRESH * small(u32::try_from(self.network.cpus.len()).unwrap_or(1)) as u32
    }

    fn send(&self, kind: Kind, cpu: usize, serial: u32) -> std::io::Result<(Flow, Witness)> {
        let each = u32::from(self.network.each);
        let pods = u32::from(PODS);
        let pod = small(serial % pods);
        let from = of_pod(pod, small(serial / pods % each));
        let sends = |to: u16| {
            let to = elsewhere(to, small(1 + serial % ELSEWHERE));
            let send = move |pod: &mut Sender| pod.send(cpu, from, to, CLOSED, b"nowhere");
            let flow = self.network.pods[usize::from(pod)].run(send)?;
            Ok((flow, Witness::None))
        };
        let serves = |from| {
            let send = move |pod: &mut Sender| pod.send(cpu, from, local(1), SERVED, b"served");
            let flow = self.network.pods[usize::from(pod)].run(send)?;
            Ok((flow, Witness::Server))
        };
        match kind {
            Kind::Answer => {
                let (fresh, to) = ends(serial, each);
                let ask = move |node: &mut Sender| node.ask(cpu, fresh, to);
                let (number, _) = self.network.node.run(ask)?;
                let flow = Flow {
                    src: to,
                    dst: fresh,
                    udp: [0; 3],
                };
                Ok((flow, Witness::Node(number)))
            }
            Kind::Forwarded => {
                let to = of_pod((pod + 1) % PODS, small(serial % each));
                let ask = move |pod: &mut Sender| pod.ask(cpu, from, to);
                let (number, flow) = self.network.pods[usize::from(pod)].run(ask)?;
                Ok((flow, Witness::Pod(pod, number)))
            }
            Kind::NoRoute => sends(DEAD),
            Kind::Unreachable => sends(GONE),
            Kind::Prohibited => sends(FORBIDDEN),
            Kind::Served => serves(from),
            Kind::Spoofed => serves(elsewhere(SPOOFED, pod + 1)),
        }
    }

    /// Sends as much as goes to where the node listens, from all pods, while something is waited for.
    pub(super) fn flood(
        &mut self,
        wait: impl FnOnce() -> Result<(), LabError>,
    ) -> Result<(), LabError> {
        let (sent, served) = (Stop::default(), Stop::default());
        let until = served.clone();
        let serve = move |node: &mut Sender| node.serve_until(&until);
        let server = self.network.node.start(serve).map_err(LabError::Packets)?;
        let senders = (0..PODS).zip(&self.network.pods).map(|(pod, space)| {
            let cpus = &self.network.cpus;
            let cpu = cpus[usize::from(pod) % cpus.len()];
            let addresses = 0..self.network.each.min(BURST);
            let from: Vec<_> = addresses.map(|n| of_pod(pod, n)).collect();
            let until = sent.clone();
            space.start(move |pod| pod.flood(cpu, &from, local(1), &until))
        });
        let senders: Vec<_> = senders.collect();
        let waited = wait();
        sent.now();
        let flows = senders
            .into_iter()
            .map(|sender| sender.and_then(Answer::wait));
        let flows: std::io::Result<Vec<_>> = flows.collect();
        served.now();
        server.wait().map_err(LabError::Packets)?;
        let flows = flows.map_err(LabError::Packets)?.into_iter().flatten();
        self.pending.extend(flows.map(|flow| Pending {
            kind: Kind::Served,
            flow,
            witness: Witness::Server,
            within: self.within,
        }));
        waited
    }

    /// False where no address is left that tells the next packet from those before.
    pub(super) fn has_more(&self) -> bool {
        let all = u32::from(self.network.each) * u32::from(PODS);
        self.turn() + small(u32::try_from(self.network.cpus.len()).unwrap_or(1)) as u32 <= all
    }

    /// Waits for what may still come, and tells what became of each.
    pub(super) fn end(self) -> Result<Vec<Sent>, LabError> {
        let answers = |inside: &mut Sender| Ok(inside.answers(PATIENCE));
        let node = self.network.node.run(answers).map_err(LabError::Packets)?;
        let pods = self.network.pods.iter().map(|pod| pod.run(answers));
        let pods: Vec<Vec<bool>> = pods.collect::<Result<_, _>>().map_err(LabError::Packets)?;
        let served = self.network.node.run(|node| node.take_served());
        let served = served.map_err(LabError::Packets)?;
        let regime = self.scenario.regime;
        let sent = self.pending.into_iter().map(|packet| {
            let arrived = match packet.witness {
                Witness::None => false,
                Witness::Server => served.contains(&packet.flow),
                Witness::Node(number) => node.get(number) == Some(&true),
                Witness::Pod(pod, number) => {
                    pods.get(usize::from(pod)).and_then(|pod| pod.get(number)) == Some(&true)
                }
            };
            Sent {
                flow: packet.flow,
                fate: packet.kind.fate(regime, self.refuses),
                lost: !arrived,
                names: packet.kind.names(regime),
                within: packet.within,
            }
        });
        Ok(sent.collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_answers_look_the_same() {
        let each = 5;
        let all = FRESH * each * u32::from(PODS);
        let seen: HashSet<_> = (0..all).map(|serial| ends(serial, each)).collect();
        assert_eq!(seen.len(), all as usize);
        assert!(seen.iter().all(|(fresh, _)| *fresh != local(1)));
        assert_eq!(ends(all, each), ends(0, each));
    }
}
