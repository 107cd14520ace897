//! Lines of the kernel's log: `dmesg`, `journalctl -k`, `kern.log`.
//!
//! `dst_alloc` (net/core/dst.c) says "Route cache is full: consider increasing sysctl
//! net.ipv6.route.max_size." each time the collector of dst entries reports failure, and
//! returns NULL right behind it. It does so since 5.1 (then with `net.ipv[4|6]`), and where that
//! was backported, until the check of `max_size` went in 6.3. IPv4 has had no such collector
//! since 3.6, so every such line is one IPv6 allocation that was refused, in some network
//! namespace, for a packet going either way. The message is limited to 10 in 5 s;
//! `dst_alloc: 57 callbacks suppressed` counts those that were left out.

use crate::kernel::printed::{CACHE_IS_FULL, CACHE_IS_FULL_LEFT_OUT, LEFT_OUT_END, NO_MEMORY};
use crate::trace::number::number;

/// What syslog and journald put between the host and the kernel's own words.
const FROM_KERNEL: &[u8] = b" kernel: ";

/// A date of `dmesg -T`, letters and digits left open.
const DATE: &[u8] = b"xxx xxx xx xx:xx:xx xxxx";

/// A line of the kernel's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// `dst_alloc` refused.
    Failed {
        /// When, in the log's own words: what stands in front of the message.
        when: &'a [u8],
    },
    /// It refused so many times more, and the log left the messages out.
    Suppressed(u64),
    /// Memory could not be allocated; `dst_alloc` may have been the one that asked.
    NoMemory,
    /// Anything else that the kernel said.
    Other,
}

/// `[  123.456789] ` or `[Tue Nov 24 21:41:26 2026] ` at the start of a line, behind the
/// `<4>` of `dmesg -r`.
fn is_stamped(line: &[u8]) -> bool {
    let level = line.iter().position(|&b| b == b'[').filter(|&at| at <= 4);
    let bare = level.filter(|&at| at == 0 || line.starts_with(b"<"));
    let Some(inner) = bare.map(|at| &line[at + 1..]) else {
        return false;
    };
    let Some(end) = memchr::memchr(b']', inner) else {
        return false;
    };
    let stamp = inner[..end].trim_ascii_start();
    if stamp.len() == DATE.len() {
        let fits = |(&byte, &form): (&u8, &u8)| form == b'x' || byte == form;
        return stamp.iter().zip(DATE).all(fits);
    }
    let mut halves = stamp.splitn(2, |&b| b == b'.');
    let mut digits = || {
        let half = halves.next().unwrap_or_default();
        !half.is_empty() && half.iter().all(u8::is_ascii_digit)
    };
    digits() && digits()
}

/// Recognises a line of the kernel's log.
pub(super) fn message(line: &[u8]) -> Option<Message<'_>> {
    if let Some(at) = memchr::memmem::find(line, CACHE_IS_FULL.as_bytes()) {
        let when = line[..at].trim_ascii();
        // Behind anything but a time or the kernel's name somebody else quotes it.
        let is_own = when.is_empty() || when.ends_with(b"]") || when.ends_with(b"kernel:");
        return is_own.then_some(Message::Failed { when });
    }
    if let Some(at) = memchr::memmem::find(line, CACHE_IS_FULL_LEFT_OUT.as_bytes())
        && let Ok((rest, n)) = number(&line[at + CACHE_IS_FULL_LEFT_OUT.len()..])
        && rest == LEFT_OUT_END.as_bytes()
    {
        return Some(Message::Suppressed(n));
    }
    let holds = |words: &str| memchr::memmem::find(line, words.as_bytes()).is_some();
    if NO_MEMORY.iter().any(|words| holds(words)) {
        return Some(Message::NoMemory);
    }
    let is_log = is_stamped(line) || memchr::memmem::find(line, FROM_KERNEL).is_some();
    is_log.then_some(Message::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_logs() {
        let full = "Route cache is full: consider increasing sysctl net.ipv6.route.max_size.";
        for when in [
            "",
            "[  123.456789]",
            "[Tue Nov 24 21:41:26 2026]",
            "Nov 24 21:41:26 node7 kernel: [  123.456789]",
            "2026-11-24T21:41:26+0000 node7 kernel:",
            "<5>[  123.456789]",
        ] {
            let line = format!("{when} {full}");
            let when = when.as_bytes();
            assert_eq!(message(line.as_bytes()), Some(Message::Failed { when }));
        }
        for quoted in ["root@node7:~# dmesg | grep -c '", "echo \"", "- see: "] {
            assert_eq!(message(format!("{quoted}{full}").as_bytes()), None);
        }
        let older = full.replace("ipv6", "ipv[4|6]");
        assert!(matches!(
            message(older.as_bytes()),
            Some(Message::Failed { .. })
        ));
        for (text, expected) in [
            (
                "[  5.1] dst_alloc: 7728 callbacks suppressed",
                Some(Message::Suppressed(7728)),
            ),
            (
                "[  5.1] net_ratelimit: 7 callbacks suppressed",
                Some(Message::Other),
            ),
            ("[    0.000000] Linux version 6.1.0", Some(Message::Other)),
            (
                "Nov 24 21:41:26 node7 kernel: eth0: link up",
                Some(Message::Other),
            ),
            ("Nov 24 21:41:26 node7 systemd[1]: Started x.", None),
            ("[Tue Nov 24 21:41:26 2026] eth0: x", Some(Message::Other)),
            ("<6>[    0.000000] Linux version", Some(Message::Other)),
            ("[Tue Nov 24] [21:41:26] 2026] x", None),
            ("x [1.0] y", None),
            ("[000] 1.0", None),
            ("[1.x] a", None),
            ("[", None),
            ("Route cache is full", None),
        ] {
            assert_eq!(message(text.as_bytes()), expected, "{text}");
        }
    }
}
