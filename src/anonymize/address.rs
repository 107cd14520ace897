//! Addresses: two of them that share their first bits share as many afterwards, and no more.
//!
//! Each bit is turned over or not by what the key makes of the bits in front of it (Xu, Fan, Ammar
//! and Moon: "Prefix-preserving IP address anonymization", the scheme of Crypto-PAn). One hash
//! decides for four bits: it has a bit for each of the fifteen places in a tree that is four high.

use core::net::Ipv6Addr;

use crate::anonymize::key::Key;

/// Bits that one hash decides on.
const STEP: u32 = 4;

/// Addresses of a kind that stays recognisable.
struct Recognised {
    /// One of them.
    address: u128,
    /// The first bits that all of them have.
    shared: u32,
    /// The first bits that stay as they are.
    kept: u32,
}

/// `::` and `::1`; link-local ones with the 54 zeros that follow their ten bits; multicast ones
/// with flags and scope.
const RECOGNISED: [Recognised; 3] = [
    Recognised {
        address: 0,
        shared: 128,
        kept: 128,
    },
    Recognised {
        address: 0xfe80 << 112,
        shared: 64,
        kept: 64,
    },
    Recognised {
        address: 0xff << 120,
        shared: 8,
        kept: 16,
    },
];

/// Whether the bit behind the first ones stays as it is. That depends on the first ones alone, as
/// everything here, or prefixes would be torn apart.
fn is_kept(bits: u128, length: u32) -> bool {
    RECOGNISED.iter().any(|kind| {
        let same = (bits ^ kind.address).leading_zeros();
        length < kind.kept && same >= length.min(kind.shared)
    })
}

/// The first bits, the others zero.
pub(super) fn prefix(bits: u128, length: u32) -> u128 {
    bits & !u128::MAX.checked_shr(length).unwrap_or(0)
}

/// The address that stands for this one.
#[must_use]
pub(super) fn address(key: &Key, address: Ipv6Addr) -> Ipv6Addr {
    let bits = address.to_bits();
    let mut turned = 0;
    for start in (0..128).step_by(STEP as usize) {
        let hash = key.hash_of_prefix(prefix(bits, start), start as u8);
        // The place in the tree, from its root on.
        let mut place = 1;
        for length in start..start + STEP {
            let turns = hash >> place & 1 == 1 && !is_kept(bits, length);
            turned |= u128::from(turns) << (127 - length);
            place = place << 1 | (bits >> (127 - length) & 1) as u32;
        }
    }
    Ipv6Addr::from_bits(bits ^ turned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shared(a: u128, b: u128) -> u32 {
        (a ^ b).leading_zeros()
    }

    fn mapped(key: &str, bits: u128) -> u128 {
        address(&Key::of_text(key), Ipv6Addr::from_bits(bits)).to_bits()
    }

    proptest! {
        #[test]
        fn as_many_first_bits_are_shared_afterwards(
            key in ".{1,9}",
            a: u128,
            other: u128,
            length in 0u32..=128,
        ) {
            let b = prefix(a, length) | other & !prefix(u128::MAX, length);
            prop_assert_eq!(shared(mapped(&key, a), mapped(&key, b)), shared(a, b));
        }

        /// The same near those that are recognised.
        #[test]
        fn as_many_where_some_bits_stay(
            start in prop::sample::select(vec![0u128, 1, 0xfe80 << 112, 0xff02 << 112, 0xfd << 120, 0x20 << 120]),
            turned in 0u32..128,
            more: u128,
        ) {
            let flipped = start ^ 1u128 << (127 - turned);
            let b = prefix(flipped, turned + 1) | more & !prefix(u128::MAX, turned + 1);
            prop_assert_eq!(shared(mapped("k", start), mapped("k", b)), turned);
        }

        #[test]
        fn what_is_recognised_stays_so(group: u128, host: u64) {
            let multicast = prefix(group, 16) >> 8 | 0xff << 120;
            let multicast = prefix(multicast, 16) | group >> 16;
            prop_assert_eq!(mapped("k", multicast) >> 112, multicast >> 112);
            let local = 0xfe80 << 112 | u128::from(host);
            prop_assert_eq!(mapped("k", local) >> 64, local >> 64);
        }

        /// Nothing else becomes one of those.
        #[test]
        fn what_is_none_of_these_becomes_none(bits: u128) {
            let is = |bits: u128| [bits < 2, bits >> 118 == 0xfe80 >> 6, bits >> 120 == 0xff];
            prop_assert_eq!(is(mapped("k", bits)), is(bits));
        }
    }

    #[test]
    fn nobody_and_oneself_stay() {
        assert_eq!(mapped("k", 0), 0);
        assert_eq!(mapped("k", 1), 1);
    }

    #[test]
    fn keys_decide() {
        let address = 0x2001_0db8 << 96 | 5;
        assert_eq!(mapped("k", address), mapped("k", address));
        assert_ne!(mapped("k", address), mapped("l", address));
        assert_ne!(mapped("k", address), address);
    }

    /// About half of the bits are turned over, wherever they stand.
    #[test]
    fn every_bit_may_turn() {
        let mut turned = [0; 128];
        for n in 0..400u128 {
            let bits = n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) | 1 << 124;
            let change = mapped("k", bits) ^ bits;
            for (at, turned) in turned.iter_mut().enumerate() {
                *turned += u32::from(change >> (127 - at) & 1 == 1);
            }
        }
        assert!(
            turned[16..].iter().all(|&n| (100..300).contains(&n)),
            "{turned:?}"
        );
    }
}
