//! Addresses of packets as the kernel prints them (lib/vsprintf.c: `ip6_compressed_string`,
//! `ip6_string`, `ip4_string`).

fn words(octets: [u8; 16]) -> [u16; 8] {
    let (pairs, _) = octets.as_chunks();
    std::array::from_fn(|n| u16::from_be_bytes(pairs[n]))
}

fn dotted([a, b, c, d]: [u8; 4]) -> String {
    format!("{a}.{b}.{c}.{d}")
}

/// True where an address holds one of IPv4 and is printed with it: `::ffff:0:0/96`, and
/// interface identifiers of ISATAP (RFC 5214).
fn holds_ipv4(words: [u16; 8]) -> bool {
    let is_mapped = words[..5].iter().all(|&word| word == 0) && words[5] == 0xffff;
    is_mapped || (words[4] & !0x0200 == 0 && words[5] == 0x5efe)
}

/// Where the longest run of noughts starts, and its length; of two the first. A single word is
/// none.
fn longest_run(words: &[u16]) -> Option<(usize, usize)> {
    let mut longest = (0, 1);
    for at in 0..words.len() {
        let run = words[at..].iter().take_while(|&&word| word == 0).count();
        if run > longest.1 {
            longest = (at, run);
        }
    }
    (longest.1 > 1).then_some(longest)
}

/// `%pI6c`: `2001:db8::1`, `::ffff:10.0.0.1`.
fn compressed(octets: [u8; 16]) -> String {
    let all = words(octets);
    let [.., a, b, c, d] = octets;
    let (words, ipv4) = if holds_ipv4(all) {
        (&all[..6], Some(dotted([a, b, c, d])))
    } else {
        (&all[..], None)
    };
    let joined = |words: &[u16], last: Option<String>| {
        let words = words.iter().map(|word| format!("{word:x}"));
        words.chain(last).collect::<Vec<_>>().join(":")
    };
    match longest_run(words) {
        Some((at, run)) => format!(
            "{}::{}",
            joined(&words[..at], None),
            joined(&words[at..][run..], ipv4)
        ),
        None => joined(words, ipv4),
    }
}

/// What `%p` and an extension of it print of the bytes of an address; `None` for other
/// extensions and other lengths.
pub(super) fn address(extension: &str, bytes: &[u8]) -> Option<String> {
    if extension == "I4" {
        return Some(dotted(bytes.try_into().ok()?));
    }
    let octets = bytes.try_into().ok()?;
    let joined = |by: &str| words(octets).map(|word| format!("{word:04x}")).join(by);
    match extension {
        "I6c" => Some(compressed(octets)),
        "I6" => Some(joined(":")),
        "i6" => Some(joined("")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn addresses_are_compressed_as_the_kernel_does() {
        for (long, printed) in [
            ("0:0:0:0:0:0:0:0", "::"),
            ("0:0:0:0:0:0:0:1", "::1"),
            ("2001:db8:0:0:0:0:0:0", "2001:db8::"),
            (
                "2001:0db8:dead:0000:0000:0000:0000:0005",
                "2001:db8:dead::5",
            ),
            ("fe80:0:0:0:ecee:eeff:feee:2", "fe80::ecee:eeff:feee:2"),
            // The longest run, of two the first, and never a single word.
            ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
            ("1:0:0:2:3:0:0:4", "1::2:3:0:0:4"),
            ("0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"),
            ("1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"),
            ("0:0:1:0:0:0:0:0", "0:0:1::"),
            // Addresses with one of IPv4 inside.
            ("::ffff:0a00:1", "::ffff:10.0.0.1"),
            ("::ffff:0:0", "::ffff:0.0.0.0"),
            ("::0a00:1", "::a00:1"),
            ("1::ffff:a00:1", "1::ffff:a00:1"),
            ("fe80::5efe:c0a8:1", "fe80::5efe:192.168.0.1"),
            ("fe80::200:5efe:c0a8:1", "fe80::200:5efe:192.168.0.1"),
            ("2001:db8:1:2:0:5efe:0:0", "2001:db8:1:2:0:5efe:0.0.0.0"),
            ("0:0:1:0:0:5efe:0:0", "::1:0:0:5efe:0.0.0.0"),
            ("::5efe:a00:1", "::5efe:10.0.0.1"),
            ("fe80::100:5efe:c0a8:1", "fe80::100:5efe:c0a8:1"),
            ("fe80::300:5efe:c0a8:1", "fe80::300:5efe:c0a8:1"),
        ] {
            let octets = long.parse::<Ipv6Addr>().unwrap().octets();
            assert_eq!(address("I6c", &octets).as_deref(), Some(printed), "{long}");
        }
    }

    /// Every pattern of noughts, held against other code that compresses addresses.
    #[test]
    fn noughts_anywhere() {
        for pattern in 0..=u8::MAX {
            let segments =
                [0, 1, 2, 3, 4, 5, 6, 7].map(|bit| u16::from(pattern >> bit & 1) * 0xa0b);
            let other = Ipv6Addr::from(segments);
            assert_eq!(compressed(other.octets()), other.to_string());
        }
    }

    #[test]
    fn other_forms_and_lengths() {
        let octets = "fd00:1::a".parse::<Ipv6Addr>().unwrap().octets();
        assert_eq!(
            address("I6", &octets).as_deref(),
            Some("fd00:0001:0000:0000:0000:0000:0000:000a")
        );
        assert_eq!(
            address("i6", &octets).as_deref(),
            Some("fd00000100000000000000000000000a")
        );
        assert_eq!(
            address("I4", &[10, 0, 200, 1]).as_deref(),
            Some("10.0.200.1")
        );
        for (extension, bytes) in [("I6c", &octets[1..]), ("I4", &octets), ("I6h", &octets)] {
            assert_eq!(address(extension, bytes), None, "{extension}");
        }
    }
}
