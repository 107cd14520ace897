//! Messages of netlink, as they stand one behind the other in what was received.

/// Length of a message's header.
const HEADER: usize = 16;
/// Where messages and attributes begin, in bytes.
const ALIGN: usize = 4;

const ERROR: u16 = 2;
const DONE: u16 = 3;
/// What was listed changed meanwhile (`NLM_F_DUMP_INTR`).
const INTERRUPTED: u16 = 0x10;

/// One message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message<'b> {
    /// An entry of a listing, or something else that was not asked for.
    Entry {
        /// What it is.
        kind: u16,
        /// The listing is not of one moment.
        interrupted: bool,
        /// What it says.
        body: &'b [u8],
    },
    /// The listing ends here, with this error unless it is zero.
    End {
        /// The system's number of the error.
        error: i32,
        /// The listing is not of one moment.
        interrupted: bool,
    },
}

/// The messages in what was received; `None` in place of one that is cut, after which nothing
/// follows.
pub(super) struct Messages<'b>(pub(super) &'b [u8]);

impl<'b> Iterator for Messages<'b> {
    type Item = Option<Message<'b>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let found = self.message();
        if found.is_none() {
            self.0 = &[];
        }
        Some(found)
    }
}

impl<'b> Messages<'b> {
    fn message(&mut self) -> Option<Message<'b>> {
        let length = u32_at(self.0, 0)?;
        let (kind, flags) = (u16_at(self.0, 4)?, u16_at(self.0, 6)?);
        let length = usize::try_from(length).ok()?;
        let body = self.0.get(HEADER..length)?;
        self.0 = behind(self.0, length);
        let interrupted = flags & INTERRUPTED != 0;
        Some(match kind {
            ERROR | DONE => Message::End {
                error: i32::from_ne_bytes(body.get(..4)?.try_into().ok()?).saturating_abs(),
                interrupted,
            },
            kind => Message::Entry {
                kind,
                interrupted,
                body,
            },
        })
    }
}

/// What follows behind a piece of that length.
pub(super) fn behind(bytes: &[u8], length: usize) -> &[u8] {
    bytes.get(length.next_multiple_of(ALIGN)..).unwrap_or(&[])
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_ne_bytes(bytes.try_into().ok()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

/// A request for everything of a kind, of one family.
pub(super) fn request(kind: u16, header: usize, family: u8) -> Vec<u8> {
    /// A request (`NLM_F_REQUEST`) for a whole listing (`NLM_F_DUMP`).
    const FLAGS: u16 = 1 | 0x300;
    let length = u32::try_from(HEADER + header).unwrap_or_default();
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(FLAGS.to_ne_bytes());
    bytes.resize(HEADER + header, 0);
    bytes[HEADER] = family;
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A message as the kernel writes it.
    fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEADER + body.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(ALIGN), 0);
        bytes
    }

    fn entry(body: &[u8], interrupted: bool) -> Option<Message<'_>> {
        Some(Message::Entry {
            kind: 24,
            interrupted,
            body,
        })
    }

    #[test]
    fn messages_one_behind_the_other() {
        let bytes = [
            message(24, 2, b"12345"),
            message(24, 2 | INTERRUPTED, b""),
            message(DONE, 2, &0i32.to_ne_bytes()),
            message(ERROR, 0, &(-97i32).to_ne_bytes()),
            message(DONE, INTERRUPTED, &(-4i32).to_ne_bytes()),
        ]
        .concat();
        let end = |error, interrupted| Some(Message::End { error, interrupted });
        let found: Vec<_> = Messages(&bytes).collect();
        assert_eq!(
            found,
            [
                entry(b"12345", false),
                entry(b"", true),
                end(0, false),
                end(97, false),
                end(4, true),
            ]
        );
    }

    #[test]
    fn what_is_cut_is_said_once() {
        let whole = message(24, 0, b"1234");
        for length in 1..whole.len() {
            let bytes = [&whole, &whole[..length]].concat();
            let found: Vec<_> = Messages(&bytes).collect();
            assert_eq!(found, [entry(b"1234", false), None], "{length}");
        }
        let mut short = whole.clone();
        short[..4].copy_from_slice(&15u32.to_ne_bytes());
        assert_eq!(Messages(&short).collect::<Vec<_>>(), [None]);
        let done = message(DONE, 0, b"123");
        assert_eq!(Messages(&done).collect::<Vec<_>>(), [None]);
    }

    #[test]
    fn requests_are_messages_themselves() {
        let bytes = request(26, 12, 10);
        let found: Vec<_> = Messages(&bytes).collect();
        let mut body = [0; 12];
        body[0] = 10;
        assert_eq!(
            found,
            [Some(Message::Entry {
                kind: 26,
                interrupted: false,
                body: &body,
            })]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(bytes in proptest::collection::vec(0u8..20, 0..200)) {
            prop_assert!(Messages(&bytes).count() <= bytes.len());
        }
    }
}
