//! Attributes behind the fixed part of a message.

use crate::host::netlink::messages::{behind, u16_at};

/// Length of an attribute's header.
const HEADER: usize = 4;
/// The bits of a kind that say what the kind is; the others say how it is written.
const KIND: u16 = 0x3fff;

/// Calls `take` with kind and value of each attribute; `None` where one is cut, or `take`
/// does not understand one.
pub(super) fn each<'b>(
    mut bytes: &'b [u8],
    mut take: impl FnMut(u16, &'b [u8]) -> Option<()>,
) -> Option<()> {
    // Less than a header is what fills the message up.
    while bytes.len() >= HEADER {
        let length = usize::from(u16_at(bytes, 0)?);
        let value = bytes.get(HEADER..length)?;
        take(u16_at(bytes, 2)? & KIND, value)?;
        bytes = behind(bytes, length);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(bytes: &[u8]) -> Option<Vec<(u16, &[u8])>> {
        let mut found = Vec::new();
        each(bytes, |kind, value| {
            found.push((kind, value));
            Some(())
        })?;
        Some(found)
    }

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(HEADER + value.len()).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn kinds_and_values() {
        let nested = 0x8000 | 7;
        let bytes = [attribute(3, b"lo\0"), attribute(nested, b"1234")].concat();
        let both: Vec<(u16, &[u8])> = vec![(3, b"lo\0"), (7, b"1234")];
        assert_eq!(all(&bytes), Some(both));
        assert_eq!(all(b""), Some(Vec::new()));
        assert_eq!(all(&bytes[..bytes.len() - 1]), None);
        assert_eq!(each(&bytes, |kind, _| (kind == 3).then_some(())), None);
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(bytes in proptest::collection::vec(0u8..20, 0..200)) {
            let found = all(&bytes).unwrap_or_default();
            prop_assert!(found.len() <= bytes.len() / HEADER);
        }
    }
}
