//! A network namespace of our own that nobody sees: for packets whose every byte is known. It goes
//! away with its thread.

use std::io;
use std::net::SocketAddrV6;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, sendto,
    socket_with,
};
use rustix::thread::{CpuSet, UnshareFlags, gettid, sched_getcpu, sched_setaffinity};

/// What is waited for of a kernel that answers at once.
const PATIENCE: Duration = Duration::from_secs(1);
/// IPv6 in an Ethernet header (`ETH_P_IPV6`).
const ETH_P_IPV6: u16 = 0x86dd;
/// `lo` is the first interface of every namespace (`LOOPBACK_IFINDEX`).
const LO: u32 = 1;

/// What can be done inside.
pub(crate) struct Inside {
    packets: OwnedFd,
    cpu: usize,
}

/// The address of whoever receives over `lo`, in the place of a `struct sockaddr_ll`: protocol,
/// interface, kind of hardware and of packet, length of an address, and the address, which is all
/// zeros. Sending looks at these alone (net/packet/af_packet.c: `packet_snd`). Received packets
/// say theirs in too few bytes for sending before 5.1 (`packet_recvmsg`).
fn lo() -> SocketAddrV6 {
    const LENGTH: u8 = 6;
    let mut rest = [0; 16];
    rest[3] = LENGTH;
    // These bytes are in the order of the network there, and in the machine's here.
    SocketAddrV6::new(rest.into(), ETH_P_IPV6, LO.to_be(), 0)
}

impl Inside {
    /// Makes the namespace that of this thread, and raises `lo` in it.
    fn enter() -> io::Result<Inside> {
        // The memory and the files of the process stay shared: only the network is another.
        #[allow(deprecated)]
        rustix::thread::unshare(UnshareFlags::NEWNET)?;
        let cpu = sched_getcpu();
        let mut here = CpuSet::new();
        here.set(cpu);
        sched_setaffinity(None, &here)?;
        raise_lo()?;
        let protocol = std::num::NonZeroU32::new(u32::from(ETH_P_IPV6.to_be()));
        let packets = socket_with(
            AddressFamily::PACKET,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            protocol.map(Protocol::from_raw),
        )?;
        Ok(Inside { packets, cpu })
    }

    /// Sends an IPv6 packet over `lo`, as if somebody else had sent it.
    ///
    /// # Errors
    /// What the kernel answers.
    pub(crate) fn send(&self, packet: &[u8]) -> io::Result<()> {
        sendto(&self.packets, packet, SendFlags::empty(), &lo())?;
        Ok(())
    }
}

/// Sets `IFF_UP` on `lo`.
fn raise_lo() -> io::Result<()> {
    /// `RTM_NEWLINK`.
    const KIND: u16 = 16;
    /// A request that is answered (`NLM_F_REQUEST`, `NLM_F_ACK`).
    const FLAGS: u16 = 1 | 4;
    const UP: u32 = 1;
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None,
    )?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    let mut asked = 32_u32.to_ne_bytes().to_vec();
    asked.extend(KIND.to_ne_bytes());
    asked.extend(FLAGS.to_ne_bytes());
    asked.extend([0; 12]);
    for word in [LO, UP, UP] {
        asked.extend(word.to_ne_bytes());
    }
    send(&socket, &asked, SendFlags::empty())?;
    let mut answer = [0; 256];
    let (length, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    match answer.get(16..20) {
        Some(&[0, 0, 0, 0]) if length >= 20 => Ok(()),
        Some(error) if length >= 20 => {
            let error = i32::from_ne_bytes(error.try_into().unwrap_or_default());
            Err(io::Error::from_raw_os_error(error.saturating_abs()))
        }
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

type Job = Box<dyn FnOnce(&Inside) + Send>;

/// The namespace, and the thread that lives in it.
pub(crate) struct FreshNetNs {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// The thread, as the kernel numbers it.
    pub(crate) tid: u32,
    /// The CPU that it stays on.
    pub(crate) cpu: usize,
}

impl FreshNetNs {
    /// Makes one.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub(crate) fn new() -> io::Result<FreshNetNs> {
        let (jobs, asked) = channel::<Job>();
        let (ready, made) = channel();
        let thread = thread::Builder::new()
            .name("ip6drop-netns".to_owned())
            .spawn(move || {
                let inside = Inside::enter();
                let tid = gettid().as_raw_nonzero().get().unsigned_abs();
                let inside = match inside {
                    Ok(inside) => inside,
                    Err(error) => {
                        let _ = ready.send(Err(error));
                        return;
                    }
                };
                let _ = ready.send(Ok((tid, inside.cpu)));
                for job in asked {
                    job(&inside);
                }
            })?;
        let (tid, cpu) = made
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the thread ended early")))?;
        Ok(FreshNetNs {
            jobs: Some(jobs),
            thread: Some(thread),
            tid,
            cpu,
        })
    }

    /// Does something inside and answers with what came of it.
    ///
    /// # Errors
    /// What `job` answers.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Inside) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let ended = || io::Error::other("the thread in the namespace ended early");
        let (done, answer) = channel();
        let job: Job = Box::new(move |inside| drop(done.send(job(inside))));
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        jobs.send(job).map_err(|_| ended())?;
        answer.recv().map_err(|_| ended())?
    }
}

impl Drop for FreshNetNs {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Ip6InNoRoutes` of the thread's namespace.
    fn no_routes() -> io::Result<u64> {
        let text = std::fs::read_to_string("/proc/thread-self/net/snmp6")?;
        let line = text.lines().find_map(|l| l.strip_prefix("Ip6InNoRoutes"));
        Ok(line.and_then(|n| n.trim().parse().ok()).unwrap_or(0))
    }

    #[test]
    fn packets_are_dropped_in_there_and_nowhere_else() {
        // Without the privilege there is nothing to see.
        let Ok(fresh) = FreshNetNs::new() else {
            return;
        };
        let mut packet = vec![0; 48];
        packet[0] = 0x60;
        packet[5] = 8;
        packet[6] = 59;
        packet[7] = 64;
        packet[8] = 0xfd;
        packet[24] = 0xfd;
        packet[39] = 2;
        let outside = no_routes().unwrap();
        let counted = fresh.run(move |inside| {
            let before = no_routes()?;
            inside.send(&packet)?;
            thread::sleep(Duration::from_millis(50));
            Ok(no_routes()? - before)
        });
        assert_eq!(counted.unwrap(), 1);
        assert_eq!(no_routes().unwrap(), outside);
        assert_ne!(fresh.tid, gettid().as_raw_nonzero().get().unsigned_abs());
    }
}
