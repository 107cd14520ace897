//! Lookups read part by part. No two of them are the same, but their addresses come again and
//! again, and most of their words are always the same.

use core::net::Ipv6Addr;
use std::sync::Arc;

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

/// Longest question that is remembered, in bytes.
const MAX_QUESTION: usize = 192;

/// What was asked: mostly the next table is asked the same.
struct Question {
    /// Its text, from behind the table to the name of the interface in the answer.
    text: [u8; MAX_QUESTION],
    len: usize,
    /// Whatever it says.
    says: Lookup,
}

/// The addresses that were seen, and what was asked last.
pub(super) struct Addresses {
    /// Made when the first one is read.
    known: Vec<Known>,
    last: Option<Question>,
    /// The lookup that was read last: its memory is used again once nobody else has it.
    spare: Option<Arc<Lookup>>,
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
        Addresses {
            known: Vec::new(),
            last: None,
            spare: None,
        }
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
            // A place that holds none has the text and the length of nothing.
            Some(known) if known.text == *key && known.len == len && len > 0 => {
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

    /// What is asked behind the table, as far as the interface in the answer.
    fn question(&mut self, rest: &mut Rest<'_>) -> Option<Lookup> {
        let text = rest.0;
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
        let src = self.read(rest, b'/')?;
        rest.word(b"/")?;
        let from = rest.number()?;
        rest.word(b" -> ")?;
        let dst = self.read(rest, b'/')?;
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
        let says = Lookup {
            table: 0,
            oif,
            iif,
            proto,
            has_ports: from != 0 || to != 0,
            src,
            dst,
            dev: DevName::default(),
            has_gateway: false,
            is_to_itself: false,
            err: 0,
        };
        let len = text.len() - rest.0.len();
        if let Some(text) = text.first_chunk().filter(|_| len <= MAX_QUESTION) {
            let text = *text;
            self.last = Some(Question { text, len, says });
        }
        Some(says)
    }

    fn shared(&mut self, lookup: Lookup) -> Arc<Lookup> {
        let mut shared = match self.spare.take() {
            Some(spare) => spare,
            None => Arc::new(lookup),
        };
        match Arc::get_mut(&mut shared) {
            Some(spare) => *spare = lookup,
            None => shared = Arc::new(lookup),
        }
        self.spare = Some(Arc::clone(&shared));
        shared
    }

    /// The lookup at the start of `text`, and its length with its line end; `None` where it is
    /// not worded as it mostly is.
    #[inline(never)]
    pub(super) fn lookup(&mut self, text: &[u8]) -> Option<(Arc<Lookup>, usize)> {
        let mut rest = Rest(text);
        rest.word(START)?;
        let table = rest.number()?;
        let last = self.last.as_ref();
        let again =
            last.and_then(|last| Some((last.says, rest.0.strip_prefix(&last.text[..last.len])?)));
        let asked = match again {
            Some((says, behind)) => {
                rest.0 = behind;
                says
            }
            None => self.question(&mut rest)?,
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
            dev,
            has_gateway: gateway != Ipv6Addr::UNSPECIFIED,
            is_to_itself: gateway == asked.dst,
            err,
            ..asked
        };
        Some((self.shared(lookup), text.len() - rest.0.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::lookup::lookup;

    /// What stands behind a line in a trace.
    const BEHIND: &str = "         python3-1042  [001] ..s1    52.560614: fib6_table_lookup: table";

    #[test]
    fn usual_wordings_are_read_as_they_stand() {
        let mut addresses = Addresses::new();
        let route = "dev cali1 gw fd00:1::2 err 0";
        let nothing = "dev lo gw :: err -113";
        let ends = [
            "fd00::1/0 -> fd00:1::2/0",
            "fd00::1/53 -> 2001:db8:1111:2222::3/9",
        ];
        for (ends, tos) in [(ends[0], 0), (ends[1], 0), (ends[0], 8)] {
            for (table, answer) in [(255, nothing), (254, route), (254, nothing)] {
                let says = format!(
                    "table {table} oif 0 iif 4 proto 17 {ends} tos {tos} scope 0 flags 0 ==> {answer}"
                );
                let line = format!("fib6_table_lookup: {says}\n");
                let found = addresses.lookup(format!("{line}{BEHIND}").as_bytes());
                let wanted = lookup(says.as_bytes()).map(|found| (Arc::new(found), line.len()));
                assert!(wanted.is_some());
                assert_eq!(found, wanted, "{says}");
            }
        }
    }

    #[test]
    fn nothing_is_no_address_and_what_follows_one_is_not_of_it() {
        let mut addresses = Addresses::new();
        let mut read = |src: &str, gateway: &str| {
            let line = format!(
                "fib6_table_lookup: table 255 oif 0 iif 4 {src}/0 -> fd00::2/0 tos 8 scope 0 \
                 flags 0 ==> dev lo gw {gateway} err 0\n{BEHIND}"
            );
            addresses.lookup(line.as_bytes()).is_some()
        };
        assert!(read("fd00::1", "fd00::2"));
        for (src, gateway) in [("", "fd00::2"), ("fd00::1\0", "fd00::2"), ("fd00::1", "")] {
            assert!(!read(src, gateway), "{src:?} {gateway:?}");
        }
    }

    #[test]
    fn an_arrow_of_the_next_line_is_not_this_one_s() {
        let mut addresses = Addresses::new();
        let cut = "fib6_table_lookup: table 255 oif 0 iif 4 fd00::1/0 -> fd00::2/0 tos 8\n";
        let next = "fib6_table_lookup: table 254 oif 0 iif 4 fd00::3/0 -> fd00::4/0 tos 8 scope 0 \
                    flags 0 ==> dev lo gw :: err 0\n";
        let text = format!("{cut}{next}{BEHIND}");
        assert_eq!(addresses.lookup(text.as_bytes()), None);
        assert!(addresses.lookup(&text.as_bytes()[cut.len()..]).is_some());
    }
}
