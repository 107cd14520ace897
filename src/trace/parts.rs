//! Lookups read part by part. No two of them are the same, but their addresses come again and
//! again, and most of their words are always the same.

use core::net::Ipv6Addr;

use crate::trace::address::address;
use crate::trace::lookup::{Lookup, Rest};
use crate::trace::memo::mix;
use crate::trace::short::DevName;
use crate::trace::wide::{WIDE, before};

/// As many wide words are enough for an address of 39 bytes and what ends it.
const WORDS: usize = 3;
/// Addresses that are remembered; one more replaces another. A power of two.
const ENTRIES: usize = 1024;

/// The text of an address, with zeros behind its end.
type Text = [u128; WORDS];

#[derive(Clone, Copy, Default)]
struct Known {
    text: Text,
    /// Its address, and its length in bytes; 0 where there is none yet.
    address: u128,
    len: usize,
}

/// What stands in front of the numbers of a lookup.
const START: &[u8; 25] = b"fib6_table_lookup: table ";
/// What mostly stands between the destination and the answer.
const BETWEEN: &[u8; 33] = b"/0 tos 0 scope 0 flags 0 ==> dev ";

/// The addresses that were seen.
pub(super) struct Addresses {
    /// Made when the first one is read.
    known: Vec<Known>,
}

/// The name of an interface, up to the space behind it.
#[inline(always)]
fn device(text: &mut Rest<'_>) -> Option<DevName> {
    let len = before(text.0.first_chunk()?, b' ')?;
    let (name, rest) = text.0.split_at(len);
    text.0 = rest;
    DevName::of_device(name)
}

impl Addresses {
    pub(super) fn new() -> Self {
        Addresses { known: Vec::new() }
    }

    /// The address at the start of `text` up to `end`.
    #[inline(always)]
    fn read(&mut self, text: &mut Rest<'_>, end: u8) -> Option<Ipv6Addr> {
        let (wide, _) = text.0.first_chunk::<{ WIDE * WORDS }>()?.as_chunks();
        let mut key = [0; WORDS];
        let mut len = 0;
        for (word, bytes) in key.iter_mut().zip(wide) {
            *word = u128::from_le_bytes(*bytes);
            if let Some(at) = before(bytes, end) {
                *word &= (1 << (8 * at)) - 1;
                len += at;
                return self.known(text, &key, len);
            }
            len += WIDE;
        }
        None
    }

    #[inline(always)]
    fn known(&mut self, text: &mut Rest<'_>, key: &Text, len: usize) -> Option<Ipv6Addr> {
        let mixed = key[0] ^ key[1].rotate_left(41) ^ key[2];
        let place = mix(mixed as u64, (mixed >> 64) as u64) % ENTRIES;
        match self.known.get(place) {
            Some(known) if known.text == *key && known.len == len => {
                text.0 = &text.0[len..];
                Some(Ipv6Addr::from_bits(known.address))
            }
            _ => self.learn(text, key, len, place),
        }
    }

    #[cold]
    fn learn(
        &mut self,
        text: &mut Rest<'_>,
        key: &Text,
        len: usize,
        place: usize,
    ) -> Option<Ipv6Addr> {
        let (found, read) = address(text.0)?;
        if read != len {
            return None;
        }
        self.known.resize(ENTRIES, Known::default());
        self.known[place] = Known {
            text: *key,
            address: found.to_bits(),
            len,
        };
        text.0 = &text.0[len..];
        Some(found)
    }

    /// The lookup at the start of `text`, and its length with its line end; `None` where it is
    /// not worded as it mostly is.
    #[inline(never)]
    pub(super) fn lookup(&mut self, text: &[u8]) -> Option<(Lookup, usize)> {
        let mut rest = Rest(text);
        rest.word(START)?;
        let table = rest.number()?;
        rest.word(b" oif ")?;
        let oif = rest.number()?;
        rest.word(b" iif ")?;
        let iif = rest.number()?;
        let proto = if rest.word(b" proto ").is_some() {
            Some(u8::try_from(rest.number()?).ok()?)
        } else {
            None
        };
        rest.word(b" ")?;
        let src = self.read(&mut rest, b'/')?;
        rest.word(b"/")?;
        let from = rest.number()?;
        rest.word(b" -> ")?;
        let dst = self.read(&mut rest, b'/')?;
        let to = if rest.word(BETWEEN).is_some() {
            0
        } else {
            rest.word(b"/")?;
            let to = rest.number()?;
            rest.word(b" ")?;
            let end = memchr::memchr(b'\n', rest.0)?;
            let mut line = Rest(&rest.0[..end]);
            line.answer()?;
            line.word(b"dev ")?;
            rest.0 = &rest.0[end - line.0.len()..];
            to
        };
        let dev = device(&mut rest)?;
        rest.word(b" gw ")?;
        let gateway = if rest.word(b":: ").is_some() {
            Ipv6Addr::UNSPECIFIED
        } else {
            let gateway = self.read(&mut rest, b' ')?;
            rest.word(b" ")?;
            gateway
        };
        rest.word(b"err ")?;
        let err = rest.signed()?;
        rest.word(b"\n")?;
        let lookup = Lookup {
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
        };
        Some((lookup, text.len() - rest.0.len()))
    }
}
