//! `fib6_table_lookup`: what one table answered to one question for a route.

use core::net::Ipv6Addr;

use crate::trace::address::address;
use crate::trace::short::DevName;

/// The event's name, in the group `fib6` since Linux 4.18 (include/trace/events/fib6.h).
pub(crate) const FIB6_TABLE_LOOKUP: &[u8] = b"fib6_table_lookup";

/// One answer of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup {
    /// The table: 255 is local, 254 main.
    pub(crate) table: u32,
    /// The outgoing interface that was asked for, 0 where none was.
    pub(crate) oif: u32,
    /// The incoming interface; 1, that of `lo`, for what this host sends.
    pub(crate) iif: u32,
    /// The protocol (IANA's number), where the kernel says it.
    pub(crate) proto: Option<u8>,
    /// The question names a port.
    pub(crate) has_ports: bool,
    /// The source that the question is about.
    pub(crate) src: Ipv6Addr,
    /// The destination.
    pub(crate) dst: Ipv6Addr,
    /// The interface of the route that was found, `lo` where none was.
    pub(crate) dev: DevName,
    /// The route has a gateway, or, as local routes of 4.19 have it, its own address there.
    pub(crate) has_gateway: bool,
    /// That address is the destination itself.
    pub(crate) is_to_itself: bool,
    /// What its type answers: 0, or a negative error number.
    pub(crate) err: i32,
}

/// What is left of the text. Every lookup is another one, and there are many: they are read
/// without the means of a grammar.
pub(super) struct Rest<'a>(pub(super) &'a [u8]);

impl<'a> Rest<'a> {
    #[inline(always)]
    pub(super) fn word<const N: usize>(&mut self, word: &[u8; N]) -> Option<()> {
        let (start, rest) = self.0.split_first_chunk()?;
        (start == word).then(|| self.0 = rest)
    }

    /// As long as `belongs`.
    #[inline(always)]
    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let mut end = 0;
        while self.0.get(end).is_some_and(|&b| belongs(b)) {
            end += 1;
        }
        let (run, rest) = self.0.split_at(end);
        self.0 = rest;
        run
    }

    #[inline(always)]
    fn spaces(&mut self) -> Option<()> {
        let spaces = self.run(|b| matches!(b, b' ' | b'\t'));
        (!spaces.is_empty()).then_some(())
    }

    #[inline(always)]
    pub(super) fn number(&mut self) -> Option<u32> {
        let (mut value, mut end) = (0u32, 0);
        while let Some(digit) = self
            .0
            .get(end)
            .map(|b| b.wrapping_sub(b'0'))
            .filter(|&d| d < 10)
        {
            value = value.checked_mul(10)?.checked_add(u32::from(digit))?;
            end += 1;
        }
        self.0 = &self.0[end..];
        (end > 0).then_some(value)
    }

    pub(super) fn signed(&mut self) -> Option<i32> {
        let is_negative = self.word(b"-").is_some();
        if !is_negative {
            let _ = self.word(b"+");
        }
        let size = i64::from(self.number()?);
        i32::try_from(if is_negative { -size } else { size }).ok()
    }

    fn address(&mut self) -> Option<Ipv6Addr> {
        let (address, len) = address(self.0)?;
        self.0 = &self.0[len..];
        Some(address)
    }

    /// A word and the number behind it.
    #[inline(always)]
    fn named<const N: usize>(&mut self, word: &[u8; N]) -> Option<u32> {
        self.word(word)?;
        self.spaces()?;
        let number = self.number()?;
        self.spaces()?;
        Some(number)
    }

    /// An address and its port.
    fn end(&mut self) -> Option<(Ipv6Addr, u32)> {
        let address = self.address()?;
        self.word(b"/")?;
        let port = self.number()?;
        self.spaces()?;
        Some((address, port))
    }

    /// Behind the arrow in front of the answer.
    pub(super) fn answer(&mut self) -> Option<()> {
        let mut signs = memchr::memchr_iter(b'=', self.0);
        let arrow = signs.find(|&at| self.0[at..].starts_with(b"==>"))?;
        self.0 = &self.0[arrow + 3..];
        self.spaces()
    }
}

/// What the event says, behind its name; `None` in the wording of kernels before 4.18, which
/// does not tell the answer.
#[must_use]
pub(crate) fn lookup(says: &[u8]) -> Option<Lookup> {
    let mut rest = Rest(says.trim_ascii_start());
    let [table, oif, iif] = [
        rest.named(b"table")?,
        rest.named(b"oif")?,
        rest.named(b"iif")?,
    ];
    let proto = if rest.0.starts_with(b"proto") {
        Some(u8::try_from(rest.named(b"proto")?).ok()?)
    } else {
        None
    };
    let (src, from) = rest.end()?;
    rest.word(b"->")?;
    rest.spaces()?;
    let (dst, to) = rest.end()?;
    // Traffic class, scope, flags and whatever else some kernel has here.
    rest.answer()?;
    rest.word(b"dev ")?;
    // Without a name there are two spaces: with the option hash-ptr off some kernels print none.
    let name = rest.run(|b| b != b' ');
    rest.spaces()?;
    rest.word(b"gw")?;
    rest.spaces()?;
    let gateway = rest.address()?;
    rest.spaces()?;
    rest.word(b"err")?;
    rest.spaces()?;
    let err = rest.signed()?;
    // Nothing but space may follow.
    let _ = rest.spaces();
    let dev = DevName::of_device(name).or(name.is_empty().then(DevName::default))?;
    rest.0.is_empty().then_some(Lookup {
        table,
        oif,
        iif,
        proto,
        has_ports: from != 0 || to != 0,
        src,
        dst,
        dev,
        has_gateway: gateway != Ipv6Addr::UNSPECIFIED,
        is_to_itself: gateway == dst,
        err,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: &str = "table 255 oif 0 iif 4 proto 58 fd00:10:244:1::1/0 -> fd00:1::2/0 \
                         tos 0 scope 0 flags 0 ==> dev lo gw fd00:1::2 err 0";

    #[test]
    fn the_wording_of_4_19() {
        let wanted = Lookup {
            table: 255,
            oif: 0,
            iif: 4,
            proto: Some(58),
            has_ports: false,
            src: "fd00:10:244:1::1".parse().unwrap(),
            dst: "fd00:1::2".parse().unwrap(),
            dev: DevName::new(b"lo"),
            has_gateway: true,
            is_to_itself: true,
            err: 0,
        };
        assert_eq!(lookup(LOCAL.as_bytes()), Some(wanted));
        let main = LOCAL.replace("table 255", "table  54");
        assert_eq!(lookup(main.as_bytes()).map(|l| l.table), Some(54));
        let nothing = LOCAL.replace("gw fd00:1::2 err 0", "gw :: err -113 ");
        let nothing = lookup(nothing.as_bytes()).unwrap();
        assert_eq!((nothing.has_gateway, nothing.err), (false, -113));
        assert!(!nothing.is_to_itself);
        let other = LOCAL.replace("gw fd00:1::2", "gw fd00:1::3");
        let other = lookup(other.as_bytes()).unwrap();
        assert!(other.has_gateway && !other.is_to_itself);
    }

    #[test]
    fn the_wordings_of_others() {
        let known = lookup(LOCAL.as_bytes()).unwrap();
        let without = lookup(LOCAL.replace(" proto 58", "").as_bytes());
        assert_eq!(
            without,
            Some(Lookup {
                proto: None,
                ..known
            })
        );
        for (from, to) in [("::1/0 ->", "::1/9 ->"), ("1::2/0", "1::2/9")] {
            let ports = lookup(LOCAL.replace(from, to).as_bytes()).unwrap();
            assert_eq!(
                ports,
                Lookup {
                    has_ports: true,
                    ..known
                }
            );
        }
        for other in [
            LOCAL.replace("tos 0", "flowlabel 0x12 tos 0"),
            LOCAL.replace("lo gw", "lo    gw"),
        ] {
            assert_eq!(
                lookup(other.as_bytes()),
                lookup(LOCAL.as_bytes()),
                "{other}"
            );
        }
        let unnamed = lookup(LOCAL.replace("dev lo", "dev ").as_bytes()).unwrap();
        assert_eq!(unnamed.dev, DevName::default());
    }

    #[test]
    fn what_is_no_answer() {
        for wrong in [
            "",
            "table 255 oif 0 iif 4 src fd00:10:244:1::1 dst fd00:1::2 tos 0 scope 0 flags 0",
            &LOCAL.replace("fd00:1::2/0", "fd00:1::2::/0"),
            &LOCAL.replace("oif 0", "oif -1"),
            &LOCAL.replace("dev lo", "dev l\x1bo"),
            &LOCAL.replace("err 0", "err x"),
            &LOCAL.replace("err 0", "err 0 and more"),
        ] {
            assert_eq!(lookup(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
