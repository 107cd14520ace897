//! IPv6 addresses as the kernel prints them.

use core::net::Ipv6Addr;

/// Groups of an address.
const GROUPS: usize = 8;
/// Most digits of one.
const MAX_DIGITS: usize = 4;

/// What is no digit.
const NONE: u8 = u8::MAX;

/// The values of hexadecimal digits.
const DIGITS: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value] as usize] = value as u8;
        values[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// The value of a hexadecimal digit.
#[inline(always)]
fn digit(byte: u8) -> Option<u8> {
    let value = DIGITS[usize::from(byte)];
    (value != NONE).then_some(value)
}

/// The group at the start of `text`, and how many digits it has: none where there are too many.
#[inline(always)]
fn group(text: &[u8]) -> (u16, usize) {
    let (mut value, mut at) = (0, 0);
    while let Some(digit) = text.get(at).and_then(|&b| digit(b)) {
        if at == MAX_DIGITS {
            return (0, 0);
        }
        value = value << 4 | u16::from(digit);
        at += 1;
    }
    (value, at)
}

/// The address at the start of `text`, and its length: groups, and zeros left out at one place.
fn of_groups(text: &[u8]) -> Option<(Ipv6Addr, usize)> {
    let mut groups = [[0; 2]; GROUPS];
    let mut count = 0;
    // Where zeros are left out, and how far the text is read.
    let (mut gap, mut at) = if text.starts_with(b"::") {
        (Some(0), 2)
    } else {
        (None, 0)
    };
    loop {
        let (value, digits) = group(&text[at..]);
        if digits == 0 {
            // Zeros may be left out at the end.
            if gap != Some(count) {
                return None;
            }
            break;
        }
        *groups.get_mut(count)? = value.to_be_bytes();
        count += 1;
        at += digits;
        match text[at..] {
            [b':', b':', ..] if gap.is_some() => return None,
            [b':', b':', ..] => {
                gap = Some(count);
                at += 2;
            }
            [b':', ..] => at += 1,
            _ => break,
        }
    }
    if text.get(at).is_some_and(|&b| is_part(b)) {
        return None;
    }
    match gap {
        None if count == GROUPS => {}
        Some(gap) if count < GROUPS => {
            groups.copy_within(gap..count, GROUPS - (count - gap));
            groups[gap..GROUPS - (count - gap)].fill([0; 2]);
        }
        _ => return None,
    }
    let bytes: [u8; 2 * GROUPS] = groups.as_flattened().try_into().ok()?;
    Some((Ipv6Addr::from(bytes), at))
}

/// True for the bytes of an address, the last part of which may be an IPv4 address.
fn is_part(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')
}

/// The address at the start of `text`, and its length.
#[must_use]
pub(super) fn address(text: &[u8]) -> Option<(Ipv6Addr, usize)> {
    of_groups(text).or_else(|| {
        let end = text.iter().position(|&b| !is_part(b));
        let text = &text[..end.unwrap_or(text.len())];
        let address = str::from_utf8(text).ok()?.parse().ok()?;
        Some((address, text.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(text: &str) -> Option<Ipv6Addr> {
        let (address, len) = address(text.as_bytes())?;
        (len == text.len()).then_some(address)
    }

    #[test]
    fn addresses_end_where_something_else_begins() {
        for (text, len) in [
            ("fd00::1/0", 7),
            (":: err 0", 2),
            ("::ffff:192.0.2.1 x", 16),
        ] {
            let wanted = text[..len].parse().ok().map(|address| (address, len));
            assert!(wanted.is_some());
            assert_eq!(address(text.as_bytes()), wanted, "{text}");
        }
        assert_eq!(address(b""), None);
        assert_eq!(address(b"x"), None);
    }

    proptest! {
        #[test]
        fn addresses_are_read_as_the_standard_library_reads_them(
            bits in any::<u128>(),
            zeros in any::<u8>(),
        ) {
            // Groups of zeros, next to each other or not.
            let mut groups = Ipv6Addr::from(bits).segments();
            for (at, group) in groups.iter_mut().enumerate() {
                *group *= u16::from(zeros >> at & 1);
            }
            let address = Ipv6Addr::from(groups);
            prop_assert_eq!(whole(&address.to_string()), Some(address));
        }

        #[test]
        fn so_is_what_is_none(text in "(::|:|0|1f|a|00000|2001|\\.|Fd00){0,17}") {
            prop_assert_eq!(whole(&text), text.parse().ok(), "{}", text);
        }
    }
}
