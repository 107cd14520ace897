//! Bytes looked at sixteen at a time.

/// So many of them.
pub(super) const WIDE: usize = 16;

/// The same byte at each place.
const fn all(byte: u8) -> u128 {
    u128::from_ne_bytes([byte; WIDE])
}

/// The hexadecimal digits in front of anything else, and how many these are, up to sixteen.
#[inline(always)]
pub(super) fn hex(bytes: &[u8; WIDE]) -> (u64, usize) {
    const HIGH: u128 = all(0x80);
    let text = u128::from_le_bytes(*bytes);
    // Sums of seven bits stay within their byte, whose highest bit tells.
    let above = |value: u128, most: u8| ((value & !HIGH) + all(0x7f - most)) | value;
    let digit = text ^ all(b'0');
    let letter = (text | all(0x20)) ^ all(b'a' - 1);
    let no_letter = above(letter, 6) | !above(letter, 0);
    let other = above(digit, 9) & no_letter & HIGH;
    let len = other.trailing_zeros() as usize / 8;
    if len == 0 {
        return (0, 0);
    }
    let values = (text & all(0x0f)) + ((text >> 6) & all(1)) * 9;
    // What is no digit goes away, and zeros come in front.
    let nibbles = values << (8 * (WIDE - len));
    let bytes = (nibbles << 4 | nibbles >> 8) & 0x00ff_00ff_00ff_00ff_00ff_00ff_00ff_00ff;
    let pairs = (bytes << 8 | bytes >> 16) & 0x0000_ffff_0000_ffff_0000_ffff_0000_ffff;
    let words = pairs << 16 | pairs >> 32;
    let first = words as u32;
    let second = (words >> 64) as u32;
    (u64::from(first) << 32 | u64::from(second), len)
}

/// How many bytes stand in front of the first one that is `end`.
#[inline(always)]
pub(super) fn before(bytes: &[u8; WIDE], end: u8) -> Option<usize> {
    let differ = u128::from_le_bytes(*bytes) ^ all(end);
    // Borrows reach only what is behind the first one.
    let found = differ.wrapping_sub(all(1)) & !differ & all(0x80);
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
        fn digits_are_read_up_to_what_is_none(
            digits in "[0-9a-fA-F]{0,16}",
            behind in prop::collection::vec(any::<u8>(), WIDE),
        ) {
            let mut text = [digits.as_bytes(), &behind].concat();
            text.truncate(WIDE);
            let is_digit = |b: &&u8| b.is_ascii_hexdigit();
            let len = text.iter().take_while(is_digit).count();
            let number = str::from_utf8(&text[..len]).unwrap();
            let number = u64::from_str_radix(number, 16).unwrap_or_default();
            prop_assert_eq!(hex(text.first_chunk().unwrap()), (number, len));
        }

        #[test]
        fn the_first_one_is_found(text in "[ab\u{0}\u{7f}]{0,40}", end in "[ab\u{1}\u{7e}]") {
            let (text, end) = (text.as_bytes(), end.as_bytes()[0]);
            prop_assert_eq!(position(text, end), text.iter().position(|&b| b == end));
        }
    }
}
