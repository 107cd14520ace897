//! Requests of netlink that change something, each acknowledged.

use std::io;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

/// What is waited for of a kernel that answers at once; making interfaces takes locks of all.
const PATIENCE: Duration = Duration::from_secs(10);
/// Length of a message's header.
const HEADER: usize = 16;
/// Where messages and attributes begin, in bytes.
const ALIGN: usize = 4;
/// A request that is answered (`NLM_F_REQUEST`, `NLM_F_ACK`).
const REQUEST: u16 = 1;
const ACK: u16 = 4;
/// Makes what is not there yet, and fails where it is (`NLM_F_CREATE`, `NLM_F_EXCL`).
pub(crate) const CREATE: u16 = 0x400 | 0x200;
/// An attribute that holds attributes (`NLA_F_NESTED`).
const NESTED: u16 = 0x8000;
/// An acknowledgement, or an error (`NLMSG_ERROR`).
const ERROR: u16 = 2;

/// A message in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request(Vec<u8>);

impl Request {
    /// One of this kind, with the fixed part that it has behind the header.
    #[must_use]
    pub(crate) fn new(kind: u16, flags: u16, fixed: &[u8]) -> Request {
        Request::with_flags(kind, flags | REQUEST | ACK, fixed)
    }

    /// One that is answered only where it fails: the brackets around changes of nftables.
    #[must_use]
    pub(crate) fn unanswered(kind: u16, fixed: &[u8]) -> Request {
        Request::with_flags(kind, REQUEST, fixed)
    }

    fn with_flags(kind: u16, flags: u16, fixed: &[u8]) -> Request {
        let mut bytes = vec![0; 4];
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.resize(HEADER, 0);
        Request(bytes).fixed(fixed)
    }

    /// Adds a fixed part, as some attributes have one, too.
    #[must_use]
    pub(crate) fn fixed(mut self, bytes: &[u8]) -> Request {
        self.0.extend(bytes);
        self.0.resize(self.0.len().next_multiple_of(ALIGN), 0);
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub(crate) fn with(self, kind: u16, value: &[u8]) -> Request {
        self.attribute(kind, |request| {
            Request([request.0, value.to_vec()].concat())
        })
    }

    /// Adds a name, with the zero at its end.
    #[must_use]
    pub(crate) fn named(self, kind: u16, name: &str) -> Request {
        self.with(kind, format!("{name}\0").as_bytes())
    }

    /// Adds an attribute that holds what `fill` adds.
    #[must_use]
    pub(crate) fn nested(self, kind: u16, fill: impl FnOnce(Request) -> Request) -> Request {
        self.attribute(kind | NESTED, fill)
    }

    fn attribute(mut self, kind: u16, fill: impl FnOnce(Request) -> Request) -> Request {
        let start = self.0.len();
        self.0.extend([0; 2]);
        self.0.extend(kind.to_ne_bytes());
        let mut filled = fill(self);
        let length = u16::try_from(filled.0.len() - start).unwrap_or_default();
        filled.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        filled.fixed(&[])
    }

    fn is_answered(&self) -> bool {
        self.0[6] & ACK.to_ne_bytes()[0] != 0
    }

    /// The message as it is sent.
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or_default();
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0
    }
}

/// The errors and acknowledgements in what was received: 0 or the system's number of the error.
fn answers(mut received: &[u8]) -> Option<Vec<i32>> {
    let mut answers = Vec::new();
    while !received.is_empty() {
        let length = u32::from_ne_bytes(received.get(..4)?.try_into().ok()?);
        let length = usize::try_from(length).ok()?;
        let message = received.get(..length).filter(|m| m.len() >= HEADER)?;
        if u16::from_ne_bytes([message[4], message[5]]) == ERROR {
            let error = message.get(HEADER..HEADER + 4)?.try_into().ok()?;
            answers.push(i32::from_ne_bytes(error).saturating_abs());
        }
        received = received
            .get(length.next_multiple_of(ALIGN)..)
            .unwrap_or(&[]);
    }
    Some(answers)
}

/// A way to the kernel, of the network namespace of the thread that made it.
#[derive(Debug)]
pub(crate) struct Netlink(OwnedFd);

impl Netlink {
    /// To that part of the kernel; `None` is routing.
    ///
    /// # Errors
    /// What the system answers.
    pub(crate) fn to(part: Option<Protocol>) -> io::Result<Netlink> {
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            part,
        )?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        Ok(Netlink(socket))
    }

    /// Asks for changes, all at once, and waits until they are made.
    ///
    /// # Errors
    /// What the kernel answers.
    pub(crate) fn ask(&self, requests: Vec<Request>) -> io::Result<()> {
        let mut wanted = requests.iter().filter(|r| r.is_answered()).count();
        let asked: Vec<u8> = requests.into_iter().flat_map(Request::bytes).collect();
        send(&self.0, &asked, SendFlags::empty())?;
        let mut buffer = [0; 8192];
        while wanted > 0 {
            let (length, _) = recv(&self.0, &mut buffer[..], RecvFlags::empty())?;
            let answers = buffer.get(..length).and_then(answers);
            for error in answers.ok_or(io::ErrorKind::InvalidData)? {
                if error != 0 {
                    return Err(io::Error::from_raw_os_error(error));
                }
                wanted = wanted.saturating_sub(1);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_what_the_headers_say() {
        let request = Request::new(20, CREATE, &[10, 128, 2, 0, 1, 0, 0, 0])
            .named(3, "lo")
            .nested(18, |inside| inside.fixed(&[7]).with(1, &[5, 6]));
        let mut wanted = 48_u32.to_ne_bytes().to_vec();
        wanted.extend(20_u16.to_ne_bytes());
        wanted.extend(0x605_u16.to_ne_bytes());
        wanted.extend([0; 8]);
        wanted.extend([10, 128, 2, 0, 1, 0, 0, 0]);
        for (length, kind, value) in [(7_u16, 3_u16, &b"lo\0\0"[..]), (16, 0x8012, &[7, 0, 0, 0])] {
            wanted.extend(length.to_ne_bytes());
            wanted.extend(kind.to_ne_bytes());
            wanted.extend(value);
        }
        wanted.extend(6_u16.to_ne_bytes());
        wanted.extend(1_u16.to_ne_bytes());
        wanted.extend([5, 6, 0, 0]);
        assert!(request.is_answered());
        assert_eq!(request.bytes(), wanted);
        assert!(!Request::unanswered(16, &[]).is_answered());
    }

    #[test]
    fn answers_one_behind_the_other() {
        let message = |kind: u16, error: i32| {
            let mut bytes = 36_u32.to_ne_bytes().to_vec();
            bytes.extend(kind.to_ne_bytes());
            bytes.resize(HEADER, 0);
            bytes.extend(error.to_ne_bytes());
            bytes.resize(36, 0);
            bytes
        };
        let all = [message(ERROR, 0), message(20, 0), message(ERROR, -17)].concat();
        assert_eq!(answers(&all), Some(vec![0, 17]));
        assert_eq!(answers(&all[..71]), None);
        assert_eq!(answers(b""), Some(Vec::new()));
        assert_eq!(answers(&[0; 16]), None);
    }
}
