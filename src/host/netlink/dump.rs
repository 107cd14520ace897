//! Asks the kernel for a whole listing.

use std::io;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

use crate::host::netlink::messages::{Message, Messages, request};

/// IPv6, as netlink numbers families.
pub(super) const FAMILY: u8 = 10;
/// When a listing is given up; a million routes take a second or so.
const PATIENCE: Duration = Duration::from_secs(3);
/// Most bytes of a listing; a route has some 120.
const MAX_BYTES: usize = 512 * 1024 * 1024;
/// What is received at once; the kernel sends up to 32 KiB.
const BUFFER: usize = 64 * 1024;
/// How often a listing that changed meanwhile is asked for.
const ATTEMPTS: usize = 3;

/// What is listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listing {
    /// Which part of the kernel is asked; `None` for routing.
    pub of: Option<Protocol>,
    /// The family of the entries; 0 for all.
    pub family: u8,
    /// The kind of message that asks for it.
    pub ask: u16,
    /// The kind of its entries.
    pub entry: u16,
    /// Length of the fixed part of both.
    pub header: usize,
}

/// Folds the entries of a listing that is of one moment into a value.
///
/// # Errors
/// What the kernel answers; entries that `take` refuses; a listing that is too long, takes
/// too long, or changes each time.
pub(super) fn dump<T: Default>(
    listing: Listing,
    mut take: impl FnMut(&mut T, &[u8]) -> Option<()>,
) -> io::Result<T> {
    let end = Instant::now() + PATIENCE;
    for _ in 0..ATTEMPTS {
        let mut found = T::default();
        if dump_once(listing, end, &mut |body| take(&mut found, body))? {
            return Ok(found);
        }
    }
    Err(io::Error::other("the listing changed each time"))
}

/// False where the listing changed meanwhile.
fn dump_once(
    listing: Listing,
    end: Instant,
    take: &mut dyn FnMut(&[u8]) -> Option<()>,
) -> io::Result<bool> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        listing.of,
    )?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    let asked = request(listing.ask, listing.header, listing.family);
    send(&socket, &asked, SendFlags::empty())?;
    let mut buffer = vec![0; BUFFER];
    let (mut bytes, mut changed) = (0, false);
    loop {
        let length = match recv(&socket, &mut buffer[..], RecvFlags::TRUNC) {
            Ok((_, length)) => length,
            Err(Errno::INTR) if Instant::now() < end => continue,
            Err(error) => return Err(error.into()),
        };
        bytes += length;
        let received = buffer.get(..length).filter(|_| bytes <= MAX_BYTES);
        let received = received.ok_or_else(|| io::Error::other("more than was expected"))?;
        for message in Messages(received) {
            match message {
                Some(Message::End {
                    error: 0,
                    interrupted,
                }) => return Ok(!(changed || interrupted)),
                Some(Message::End { error, .. }) => {
                    return Err(io::Error::from_raw_os_error(error));
                }
                Some(Message::Entry {
                    kind,
                    interrupted,
                    body,
                }) => {
                    changed |= interrupted;
                    if kind == listing.entry && take(body).is_none() {
                        return Err(io::ErrorKind::InvalidData.into());
                    }
                }
                None => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
        if length == 0 || Instant::now() >= end {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}
