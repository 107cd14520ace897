//! What a packet carries, in words.

use crate::kernel::protocols;
use crate::trace::Packet;

/// The name of a protocol, or its number as text.
pub(super) fn protocol(number: u8) -> String {
    protocols::name(number).map_or_else(|| number.to_string(), str::to_owned)
}

/// `icmp6 port-unreachable`, `tcp 51234 to 8080`, `frag`; empty where it is not known.
pub(crate) fn carries(packet: &Packet) -> String {
    let Some(number) = packet.next_header else {
        return String::new();
    };
    let name = protocol(number);
    let Some(upper) = packet.upper else {
        return name;
    };
    if let Some((source, destination)) = protocols::ports(number, upper) {
        return format!("{name} {source} to {destination}");
    }
    match protocols::icmp6(number, upper) {
        None => name,
        Some((kind, code)) => match protocols::icmp6_name((kind, code)) {
            Some(message) => format!("{name} {message}"),
            None => format!("{name} type {kind} code {code}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_packets_carry() {
        let carried = |number, upper: Option<[u8; 8]>| {
            carries(&Packet {
                next_header: number,
                upper,
                ..Packet::default()
            })
        };
        let bytes = Some([1, 4, 0, 80, 0, 0, 0, 0]);
        assert_eq!(carried(Some(58), bytes), "icmp6 port-unreachable");
        assert_eq!(carried(Some(58), Some([200; 8])), "icmp6 type 200 code 200");
        assert_eq!(carried(Some(6), bytes), "tcp 260 to 80");
        assert_eq!(carried(Some(44), bytes), "frag");
        assert_eq!(carried(Some(89), bytes), "89");
        assert_eq!(carried(Some(17), None), "udp");
        assert_eq!(carried(None, bytes), "");
    }
}
