//! What a trace holds that names its packets: answers of tables, and words of the packets.

use std::net::Ipv6Addr;

/// A packet as its words name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    pub src: Ipv6Addr,
    pub dst: Ipv6Addr,
    pub proto: u8,
    pub sport: u16,
    pub dport: u16,
    /// Rules ask for ports, so lookups of received packets have them.
    pub dissected: bool,
    /// The interface, and the one it came in by.
    pub dev: &'static str,
    pub ifindex: u32,
    pub iif: u32,
    pub skb: u64,
    pub ops: u64,
}

/// What a table was asked and answered: an event of `fib6_table_lookup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup {
    pub asks: Asks,
    pub says: Says,
}

/// The question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asks {
    pub oif: u32,
    pub iif: u32,
    pub proto: u8,
    pub src: Ipv6Addr,
    pub sport: u16,
    pub dst: Ipv6Addr,
    pub dport: u16,
}

/// The answer of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Says {
    pub table: u32,
    pub dev: &'static str,
    pub gw: Ipv6Addr,
    pub err: i32,
}

impl Says {
    /// A reject route's, or none's.
    pub fn no(table: u32, err: i32) -> Says {
        Says {
            table,
            dev: "lo",
            gw: Ipv6Addr::UNSPECIFIED,
            err,
        }
    }
}

/// Filters on lookups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    All,
    Received,
    Input,
    /// The least stream that still proves, without and with routes through lo.
    Least,
    LeastLo,
    /// The tempting one, which does not prove.
    Errors,
}

impl Filter {
    pub fn text(self) -> &'static str {
        match self {
            Filter::All => "all",
            Filter::Received => "iif != 1",
            Filter::Input => "oif == 0 && iif != 1",
            Filter::Least => {
                "iif != 1 && ((tb_id == 255 && err == 0) || (tb_id != 255 && err != 0))"
            }
            Filter::LeastLo => {
                "iif != 1 && ((tb_id == 255 && err == 0) || \
                 (tb_id != 255 && (err != 0 || name == \"lo\")))"
            }
            Filter::Errors => "err != 0 && tb_id != 255 && iif != 1",
        }
    }

    pub fn lets(self, lookup: &Lookup) -> bool {
        let Lookup { asks, says } = lookup;
        let (local, error) = (says.table == 255, says.err != 0);
        let received = asks.iif != 1;
        match self {
            Filter::All => true,
            Filter::Received => received,
            Filter::Input => received && asks.oif == 0,
            Filter::Least => received && local != error,
            Filter::LeastLo => received && (local != error || (!local && says.dev == "lo")),
            Filter::Errors => received && error && !local,
        }
    }

    /// Every lookup of a received packet is printed.
    pub fn is_whole(self) -> bool {
        matches!(self, Filter::All | Filter::Received | Filter::Input)
    }
}

/// Which words of a packet the drop's probe prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    Full,
    NoOps,
    /// Without the function's own arguments.
    NoArguments,
    /// As 6.1 was traced.
    Few,
}

impl Words {
    pub fn has_ops(self) -> bool {
        matches!(self, Words::Full | Words::NoArguments)
    }

    pub fn has_code(self) -> bool {
        self != Words::NoArguments
    }
}

/// What is traced beside lookups and the drop's probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    Nothing,
    /// The entry of `ip6_pkt_drop` and its stack.
    Entry,
    /// The functions of a recording.
    Eight {
        exit: bool,
    },
    /// Probes on them, without stacks.
    Probes,
}

/// How packets are named, and what the kernel does about it.
#[derive(Debug, Clone)]
pub struct Identity {
    pub words: Words,
    pub filter: Filter,
    /// The facts say which filter, and whose `dst_ops`.
    pub told: bool,
    pub ops: bool,
    /// Lookups are turned on behind the drop's probe.
    pub late: bool,
    /// The probe of the drop comes in front of the entry.
    pub probe_first: bool,
    /// Tasks' names look like events.
    pub planted: bool,
    /// Namespaces have the same addresses and interfaces.
    pub alike: bool,
    /// A kernel that prints no address of local routes, and five flags.
    pub newer: bool,
    /// A rule somewhere asks for ports.
    pub dissects: bool,
    /// Bursts are looked up first and handled after, and one packet's route may serve the next.
    pub list: bool,
    pub hints: bool,
}

/// What asks tables with a packet's addresses before its own routing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    Nothing,
    /// `bpf_fib_lookup`; of the main table alone; of a packet that then goes another way; with
    /// the packet's ports.
    Bpf {
        direct: bool,
        takes: bool,
        ports: bool,
    },
    /// The route back to the source: of nft, or of rpfilter; without one the packet may die.
    Back {
        nft: bool,
        kills: bool,
    },
}

/// The words of a drop's probe.
pub fn words(named: &Named, (out, prohibit): (bool, bool), words: Words) -> String {
    use std::fmt::Write;
    let mut text = format!(" skb=0x{:x}", named.skb);
    // Writing to a string does not fail.
    let mut push = |word: std::fmt::Arguments<'_>| {
        let _ = text.write_fmt(word);
    };
    if words.has_code() {
        push(format_args!(" code={}", u8::from(prohibit)));
    }
    if matches!(words, Words::Full | Words::NoOps) {
        push(format_args!(" mib=0x{:x}", if out { 15 } else { 9 }));
    }
    push(format_args!(" dev=\"{}\"", named.dev));
    if words != Words::Few {
        let (ifindex, iif) = (named.ifindex, named.iif);
        push(format_args!(" ifindex={ifindex} iif={iif}"));
    }
    if words.has_ops() {
        push(format_args!(" ops=0x{:x}", named.ops));
    }
    let (src, dst) = (halves(named.src), halves(named.dst));
    if words != Words::Few {
        push(format_args!(" w0=0x{:x}", first(named)));
    }
    push(format_args!(" s0=0x{:x} s1=0x{:x}", src[0], src[1]));
    push(format_args!(" d0=0x{:x} d1=0x{:x}", dst[0], dst[1]));
    if words != Words::Few {
        push(format_args!(" l4=0x{:x}", transport(named)));
    }
    text
}

/// An address as two words that the CPU loads.
fn halves(address: Ipv6Addr) -> [u64; 2] {
    let number = u128::from(address);
    [
        ((number >> 64) as u64).swap_bytes(),
        (number as u64).swap_bytes(),
    ]
}

fn first(named: &Named) -> u64 {
    let label = named.skb as u32 & 0x000f_ffff;
    let [.., a, b, c] = label.to_be_bytes();
    u64::from_le_bytes([0x60, a, b, c, 0, 9, named.proto, 64])
}

fn transport(named: &Named) -> u64 {
    let ([a, b], [c, d]) = (named.sport.to_be_bytes(), named.dport.to_be_bytes());
    match named.proto {
        // An echo request.
        58 => u64::from_le_bytes([128, 0, a, b, 0, 1, 0, 1]),
        _ => u64::from_le_bytes([a, b, c, d, 0, 9, 0x2d, 0x36]),
    }
}

impl std::fmt::Display for Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Asks {
            oif,
            iif,
            proto,
            src,
            sport,
            dst,
            dport,
        } = self.asks;
        let Says {
            table,
            dev,
            gw,
            err,
        } = self.says;
        write!(
            f,
            "fib6_table_lookup: table {table:>3} oif {oif} iif {iif} proto {proto} \
             {src}/{sport} -> {dst}/{dport} tos 0 scope 0 flags 0 ==> dev {dev} gw {gw} err {err}"
        )
    }
}
