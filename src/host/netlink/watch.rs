//! Whether addresses of the host, or routes to them, went away: the kernel tells who listens.

use std::io;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

use crate::host::netlink::messages::{Message, Messages};
use crate::host::roots::Host;
use crate::host::rules::TABLE_LOCAL;

/// Whom the kernel tells of IPv6 addresses and routes (`RTNLGRP_IPV6_IFADDR`, `RTNLGRP_IPV6_ROUTE`).
const GROUPS: u32 = 1 << 8 | 1 << 10;
/// An address went away (`RTM_DELADDR`).
const ADDRESS_WENT: u16 = 21;
/// A route went away (`RTM_DELROUTE`).
const ROUTE_WENT: u16 = 25;
/// What is received at once; one message has some hundred bytes.
const BUFFER: usize = 32 * 1024;
/// Most receipts that are looked at; by default a socket holds fewer.
const MAX_RECEIPTS: usize = 4096;

/// Somebody who listens, in the network namespace in which it began.
#[derive(Debug)]
pub(crate) struct Watch(OwnedFd);

impl Host {
    /// Listens from now on. `None` where the kernel does not take it, or where /proc is another
    /// one, whose kernel may be another host's.
    #[must_use]
    pub(crate) fn watch(&self) -> Option<Watch> {
        (self.proc == Path::new("/proc")).then(Watch::begin)?.ok()
    }
}

impl Watch {
    fn begin() -> io::Result<Watch> {
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            None,
        )?;
        bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
        Ok(Watch(socket))
    }

    /// True where the kernel has told of none that went away, and all that it told was received.
    #[must_use]
    pub(crate) fn saw_none_go(&self) -> bool {
        let mut buffer = vec![0; BUFFER];
        for _ in 0..MAX_RECEIPTS {
            match recv(
                &self.0,
                &mut buffer[..],
                RecvFlags::DONTWAIT | RecvFlags::TRUNC,
            ) {
                Err(Errno::AGAIN) => return true,
                Err(Errno::INTR) => {}
                Ok((_, length)) if buffer.get(..length).is_some_and(none_goes) => {}
                // Among others ENOBUFS: more was told than there was room for.
                _ => return false,
            }
        }
        false
    }
}

/// True where these messages tell of none that went away.
fn none_goes(received: &[u8]) -> bool {
    Messages(received).all(|message| match message {
        Some(Message::Entry { kind, body, .. }) => match kind {
            ADDRESS_WENT => false,
            // The table stands in the fifth byte (`struct rtmsg`).
            ROUTE_WENT => body
                .get(4)
                .is_some_and(|&table| u32::from(table) != TABLE_LOCAL),
            _ => true,
        },
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::thread;

    use super::*;

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(16 + body.len()).unwrap();
        let mut message = length.to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes());
        message.extend([0; 10]);
        message.extend(body);
        message
    }

    #[test]
    fn what_goes_and_what_does_not() {
        let route = |table: u8| [10, 128, 0, 0, table, 3, 0, 2, 0, 0, 0, 0];
        for (kind, body, none) in [
            (20, &[10; 8][..], true),
            (ADDRESS_WENT, &[10; 8], false),
            (24, &route(255), true),
            (ROUTE_WENT, &route(255), false),
            (ROUTE_WENT, &route(254), true),
            // What is cut says nothing.
            (ROUTE_WENT, &[10, 128], false),
        ] {
            assert_eq!(none_goes(&message(kind, body)), none, "{kind} {body:?}");
        }
        let both = [message(20, &[10; 8]), message(ADDRESS_WENT, &[10; 8])];
        assert!(!none_goes(&both.concat()));
        assert!(!none_goes(&both[0][..20]));
    }

    /// What a listener in a namespace of its own saw while these commands ran there; `None` where
    /// there is no such namespace, or no `ip`.
    fn saw_none_go(commands: &'static str) -> Option<bool> {
        let inside = thread::spawn(move || {
            #[allow(deprecated)]
            rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNET).ok()?;
            let run = |script: &str| {
                let mut shell = Command::new("sh");
                let shell = shell.args(["-ec", script]).stderr(Stdio::null());
                shell.status().is_ok_and(|status| status.success())
            };
            run("ip link set lo up; ip addr add 2001:db8::1/128 dev lo nodad").then_some(())?;
            let watch = Watch::begin().unwrap();
            assert!(watch.saw_none_go());
            assert!(run(commands), "{commands}");
            Some(watch.saw_none_go())
        });
        inside.join().unwrap()
    }

    #[test]
    fn an_address_that_goes_and_comes_back_is_noticed() {
        let Some(added) = saw_none_go("ip addr add 2001:db8::2/128 dev lo nodad") else {
            return;
        };
        assert!(added);
        let flaps = "ip addr del 2001:db8::1/128 dev lo; ip addr add 2001:db8::1/128 dev lo nodad";
        assert_eq!(saw_none_go(flaps), Some(false));
        assert_eq!(
            saw_none_go("ip link set lo down; ip link set lo up"),
            Some(false)
        );
        // Routes of other tables come and go.
        let other = "ip -6 route add unreachable 2001:db8:7::/48; ip -6 route del 2001:db8:7::/48";
        assert_eq!(saw_none_go(other), Some(true));
        // More than there is room for.
        let many = "for i in $(seq 2000); do echo route add unreachable 2001:db8:7:$i::/64; done | ip -6 -batch -";
        assert_eq!(saw_none_go(many), Some(false));
    }

    #[test]
    fn another_proc_is_another_host() {
        let host = |proc: &str| Host {
            proc: proc.into(),
            sys: "/sys".into(),
            state: "".into(),
        };
        assert!(host("/nowhere").watch().is_none());
        assert!(host("/proc").watch().is_some());
    }
}
