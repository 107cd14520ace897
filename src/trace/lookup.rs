//! `fib6_table_lookup`: what one table answered to one question for a route.

use core::net::Ipv6Addr;

use nom::bytes::complete::{tag, take_until, take_while, take_while1};
use nom::character::complete::{char, i32 as signed, space0, space1, u8 as byte, u32 as number};
use nom::combinator::{map_opt, opt};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

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

fn address(input: &[u8]) -> IResult<&[u8], Ipv6Addr> {
    let text = take_while1(|b: u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
    map_opt(text, |text| str::from_utf8(text).ok()?.parse().ok()).parse(input)
}

/// A word and the number behind it.
fn named<'a>(word: &'static str) -> impl Parser<&'a [u8], Output = u32, Error = Failed<'a>> {
    delimited((tag(word), space1), number, space1)
}

type Failed<'a> = nom::error::Error<&'a [u8]>;

fn parse(input: &[u8]) -> IResult<&[u8], Option<Lookup>> {
    let (rest, (table, oif, iif)) = (named("table"), named("oif"), named("iif")).parse(input)?;
    let proto = (tag("proto"), space1, byte, space1);
    let port = preceded(char('/'), number);
    let (rest, src) = preceded(opt(proto), terminated(address, (port, space1))).parse(rest)?;
    let port = preceded(char('/'), number);
    let (rest, dst) = delimited((tag("->"), space1), address, (port, space1)).parse(rest)?;
    // Traffic class, scope, flags and whatever else some kernel has here.
    let (rest, _) = (take_until("==>"), tag("==>"), space1).parse(rest)?;
    // Without a name there are two spaces: with the option hash-ptr off some kernels print none.
    let name = take_while(|b: u8| b != b' ');
    let (rest, name) = delimited(tag("dev "), name, space1).parse(rest)?;
    let (rest, gateway) = delimited((tag("gw"), space1), address, space1).parse(rest)?;
    let (rest, err) = delimited((tag("err"), space1), signed, space0).parse(rest)?;
    let dev = DevName::of_device(name).or(name.is_empty().then(DevName::default));
    let lookup = dev.map(|dev| Lookup {
        table,
        oif,
        iif,
        src,
        dst,
        dev,
        has_gateway: gateway != Ipv6Addr::UNSPECIFIED,
        is_to_itself: gateway == dst,
        err,
    });
    Ok((rest, lookup))
}

/// What the event says, behind its name; `None` in the wording of kernels before 4.18, which
/// does not tell the answer.
#[must_use]
pub(crate) fn lookup(says: &[u8]) -> Option<Lookup> {
    let (rest, lookup) = parse(says.trim_ascii_start()).ok()?;
    lookup.filter(|_| rest.is_empty())
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
        for other in [
            LOCAL.replace(" proto 58", ""),
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
