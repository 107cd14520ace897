//! Bytes looked at sixteen at a time.

/// So many of them.
pub(super) const WIDE: usize = 16;

/// How many bytes stand in front of the first one that is `end`.
#[inline(always)]
pub(super) fn before(bytes: &[u8; WIDE], end: u8) -> Option<usize> {
    const ONES: u128 = u128::from_ne_bytes([1; WIDE]);
    let differ = u128::from_le_bytes(*bytes) ^ (ONES * end as u128);
    // Borrows reach only what is behind the first one.
    let found = differ.wrapping_sub(ONES) & !differ & (ONES << 7);
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

/// Where the first byte is that is `end`, which mostly is near.
#[inline(always)]
pub(super) fn position(text: &[u8], end: u8) -> Option<usize> {
    let Some((first, rest)) = text.split_first_chunk() else {
        return text.iter().position(|&b| b == end);
    };
    before(first, end).or_else(|| memchr::memchr(end, rest).map(|at| WIDE + at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_one_is_found(text in "[ab\u{0}\u{7f}]{0,40}", end in "[ab\u{1}\u{7e}]") {
            let (text, end) = (text.as_bytes(), end.as_bytes()[0]);
            prop_assert_eq!(position(text, end), text.iter().position(|&b| b == end));
        }
    }
}
