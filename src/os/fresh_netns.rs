//! A network namespace of our own that nobody sees: for packets whose every byte is known. It goes
//! away with its thread.

use std::io;
use std::net::SocketAddrV6;

use rustix::fd::OwnedFd;
use rustix::net::{
    AddressFamily, Protocol, SendFlags, SocketFlags, SocketType, sendto, socket_with,
};
use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};

use crate::os::netns::{LO, NetNs};

/// IPv6 in an Ethernet header (`ETH_P_IPV6`).
const ETH_P_IPV6: u16 = 0x86dd;

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
    /// Keeps this thread where it is, and opens its way to `lo`.
    fn enter() -> io::Result<Inside> {
        let cpu = sched_getcpu();
        let mut here = CpuSet::new();
        here.set(cpu);
        sched_setaffinity(None, &here)?;
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

/// The namespace, and the thread that lives in it.
pub(crate) struct FreshNetNs {
    namespace: NetNs<Inside>,
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
        let namespace = NetNs::new(Inside::enter)?;
        let cpu = namespace.run(|inside| Ok(inside.cpu))?;
        Ok(FreshNetNs {
            tid: namespace.tid,
            namespace,
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
        self.namespace.run(|inside| job(inside))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use rustix::thread::gettid;

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
