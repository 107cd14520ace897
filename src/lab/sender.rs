//! Sockets in one namespace of the lab, and what came back to them.

use std::collections::HashSet;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::lab::truth::Flow;
use crate::os::netlink::Netlink;

/// A port that nobody listens at (`discard`).
pub(super) const CLOSED: u16 = 9;
/// One at which the node listens.
pub(super) const SERVED: u16 = 7;
/// What it has room for, in bytes.
const ROOM: usize = 16 << 20;
/// Lengths by which a flood tells its packets apart, and the pause between two bursts of it.
const LENGTHS: usize = 1400;
const BETWEEN: Duration = Duration::from_millis(40);
/// How often it is served.
const SERVING: Duration = Duration::from_millis(2);
/// Length of UDP's own header.
const UDP_HEADER: u16 = 8;
/// How long an answer may take: it comes within the sending itself, unless the CPU has much to do.
pub(super) const PATIENCE: Duration = Duration::from_millis(1500);
/// How often is looked for answers.
const LOOK: Duration = Duration::from_millis(20);
/// Sockets of a namespace that wait for answers at once: all together stay below the usual limit of
/// open files, which is 1024.
const MOST_OPEN: usize = 160;

/// What lives in a namespace of the lab.
#[derive(Debug)]
pub(super) struct Sender {
    /// The way to the kernel.
    pub(super) netlink: Netlink,
    /// Sockets that wait for an answer, by the number of their question.
    asked: Vec<(usize, UdpSocket)>,
    /// Which questions were answered.
    answered: Vec<bool>,
    /// Who listens, and what came.
    served: Option<UdpSocket>,
    came: HashSet<Flow>,
}

/// What tells a sender to stop.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Tells it.
    pub(super) fn now(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it was told.
    pub(super) fn came(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Runs something on one CPU.
fn on<T>(cpu: usize, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let before = sched_getaffinity(None)?;
    let mut here = CpuSet::new();
    here.set(cpu);
    sched_setaffinity(None, &here)?;
    let done = act();
    sched_setaffinity(None, &before)?;
    done
}

/// The CPUs that this thread may use, the first of them.
pub(super) fn cpus(most: usize) -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    let mut all: Vec<usize> = (0..CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect();
    all.truncate(most);
    Ok(all)
}

/// Whether somebody answered that nobody listens there; `None` where nobody has answered yet.
fn answer(socket: &UdpSocket) -> Option<bool> {
    let mut buffer = [0; 16];
    match socket.recv(&mut buffer) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        Err(error) => Some(error.kind() == io::ErrorKind::ConnectionRefused),
        Ok(_) => Some(true),
    }
}

/// Which datagram that is, with so many bytes of payload.
fn flow((src, dst): (Ipv6Addr, Ipv6Addr), [from, to]: [u16; 2], payload: usize) -> Flow {
    let length = u16::try_from(payload).unwrap_or_default() + UDP_HEADER;
    let udp = [from, to, length];
    Flow { src, dst, udp }
}

impl Sender {
    /// In the namespace of this thread.
    pub(super) fn here() -> io::Result<Sender> {
        Ok(Sender {
            netlink: Netlink::to(None)?,
            asked: Vec::new(),
            answered: Vec::new(),
            served: None,
            came: HashSet::new(),
        })
    }

    /// Sends a datagram on that CPU to a closed port of each address.
    pub(super) fn fill(
        &mut self,
        cpu: usize,
        from: Ipv6Addr,
        to: impl Iterator<Item = Ipv6Addr>,
    ) -> io::Result<()> {
        on(cpu, || {
            let socket = UdpSocket::bind((from, 0))?;
            for address in to {
                socket.send_to(b"fill", (address, CLOSED))?;
            }
            Ok(())
        })
    }

    /// Sends a datagram on that CPU to a closed port, and keeps the socket for the answer; the number
    /// of the question, and which datagram it is.
    pub(super) fn ask(
        &mut self,
        cpu: usize,
        from: Ipv6Addr,
        to: Ipv6Addr,
    ) -> io::Result<(usize, Flow)> {
        const QUESTION: &[u8] = b"reply";
        if self.asked.len() >= MOST_OPEN {
            self.look();
            let all = self.asked.len();
            self.asked.drain(..all.saturating_sub(MOST_OPEN / 2));
        }
        let socket = on(cpu, || {
            let socket = UdpSocket::bind((from, 0))?;
            socket.set_nonblocking(true)?;
            socket.connect((to, CLOSED))?;
            socket.send(QUESTION)?;
            Ok(socket)
        })?;
        let number = self.answered.len();
        self.answered.push(false);
        let ports = [socket.local_addr()?.port(), CLOSED];
        let flow = flow((from, to), ports, QUESTION.len());
        self.asked.push((number, socket));
        Ok((number, flow))
    }

    /// Sends a datagram on that CPU; which one it is.
    pub(super) fn send(
        &mut self,
        cpu: usize,
        from: Ipv6Addr,
        to: Ipv6Addr,
        port: u16,
        payload: &[u8],
    ) -> io::Result<Flow> {
        let socket = on(cpu, || {
            let socket = UdpSocket::bind((from, 0))?;
            socket.send_to(payload, (to, port))?;
            Ok(socket)
        })?;
        let ports = [socket.local_addr()?.port(), port];
        Ok(flow((from, to), ports, payload.len()))
    }

    /// Listens at that address.
    pub(super) fn listen(&mut self, at: Ipv6Addr) -> io::Result<()> {
        let socket = UdpSocket::bind((at, SERVED))?;
        socket.set_nonblocking(true)?;
        // What does not fit would look as if the network had lost it.
        set_socket_recv_buffer_size_force(&socket, ROOM)?;
        self.served = Some(socket);
        Ok(())
    }

    /// Takes what came there.
    fn serve(&mut self) -> io::Result<()> {
        let Some(socket) = &self.served else {
            return Ok(());
        };
        let SocketAddr::V6(here) = socket.local_addr()? else {
            return Ok(());
        };
        let mut payload = [0; 2048];
        // Whatever else is said there is no packet.
        while let Ok((length, from)) = socket.recv_from(&mut payload) {
            if let SocketAddr::V6(from) = from {
                let ends = (*from.ip(), *here.ip());
                self.came.insert(flow(ends, [from.port(), SERVED], length));
            }
        }
        Ok(())
    }

    /// Takes what comes until it is told to stop.
    pub(super) fn serve_until(&mut self, stop: &Stop) -> io::Result<()> {
        while !stop.came() {
            self.serve()?;
            thread::sleep(SERVING);
        }
        Ok(())
    }

    /// All that came.
    pub(super) fn take_served(&mut self) -> io::Result<HashSet<Flow>> {
        thread::sleep(LOOK);
        self.serve()?;
        Ok(std::mem::take(&mut self.came))
    }

    /// Sends datagrams of different lengths on that CPU in bursts, until it is told to stop, or no
    /// length is left; which they are.
    pub(super) fn flood(
        &mut self,
        cpu: usize,
        from: &[Ipv6Addr],
        to: Ipv6Addr,
        stop: &Stop,
    ) -> io::Result<Vec<Flow>> {
        let mut sent = Vec::new();
        let payload = [0; LENGTHS];
        on(cpu, || {
            let bind = |from: &Ipv6Addr| Ok((*from, UdpSocket::bind((*from, 0))?));
            let sockets: Vec<(Ipv6Addr, UdpSocket)> =
                from.iter().map(bind).collect::<io::Result<_>>()?;
            for length in 1..LENGTHS {
                for (from, socket) in &sockets {
                    let piece = payload.get(..length).unwrap_or_default();
                    socket.send_to(piece, (to, SERVED))?;
                    sent.push(flow(
                        (*from, to),
                        [socket.local_addr()?.port(), SERVED],
                        length,
                    ));
                }
                if stop.came() {
                    break;
                }
                thread::sleep(BETWEEN);
            }
            Ok(())
        })?;
        Ok(sent)
    }

    /// Takes what has come.
    fn look(&mut self) {
        let answered = &mut self.answered;
        self.asked.retain(|(number, socket)| match answer(socket) {
            Some(came) => {
                answered[*number] = came;
                false
            }
            None => true,
        });
    }

    /// Waits that long for answers, and tells of each question whether it got one; then begins anew.
    pub(super) fn answers(&mut self, patience: Duration) -> Vec<bool> {
        let end = Instant::now() + patience;
        loop {
            self.look();
            if self.asked.is_empty() || Instant::now() >= end {
                break;
            }
            thread::sleep(LOOK);
        }
        self.asked.clear();
        std::mem::take(&mut self.answered)
    }
}
