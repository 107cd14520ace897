//! The functions worth tracing, and their names in this kernel.

use std::collections::BTreeMap;

/// A function the diagnosis uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Its name in the source.
    pub name: &'static str,
    /// True where its stack is wanted as well.
    pub stack: bool,
    /// What is lost in certainty where this kernel does not have it.
    pub cost: &'static str,
}

/// The function every drop ends in; without it there is nothing to trace.
pub const DROP: &str = "ip6_pkt_drop";
/// The route cache's collector, called by `dst_alloc` above `gc_thresh`.
pub const GC: &str = "ip6_dst_gc";

/// Traced by default.
pub const WANTED: [Wanted; 8] = [
    Wanted {
        name: DROP,
        stack: true,
        cost: "no drop can be seen",
    },
    Wanted {
        name: "ip6_pkt_discard",
        stack: false,
        cost: "where tail calls hide callers, the receive side cannot be told from the output side",
    },
    Wanted {
        name: "ip6_pkt_discard_out",
        stack: false,
        cost: "where tail calls hide callers, output-side discards stay unknown",
    },
    Wanted {
        name: "ip6_pkt_prohibit",
        stack: false,
        cost: "where tail calls hide callers, prohibited packets look like discarded ones",
    },
    Wanted {
        name: "ip6_pkt_prohibit_out",
        stack: false,
        cost: "where tail calls hide callers, output-side prohibits stay unknown",
    },
    Wanted {
        name: GC,
        stack: true,
        cost: "a full route cache cannot be told from a missing route",
    },
    Wanted {
        name: "fib6_run_gc",
        stack: false,
        cost: "whether the limit was checked is not seen, so refusals are at best probable",
    },
    Wanted {
        name: "icmp6_send",
        stack: false,
        cost: "a refusal for an ICMPv6 error may be taken for one of the next packet: at best probable",
    },
];

/// A function as this kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name in the source.
    pub name: String,
    /// What the kernel calls it, compiler suffixes included; a few where it was cloned.
    pub real: Vec<String>,
    /// True where its stack is wanted.
    pub stack: bool,
}

/// The names of `available_filter_functions`, by the name in the source.
#[derive(Debug, Clone, Default)]
pub struct Available(BTreeMap<String, Vec<String>>);

/// A clone stands for its function; a split-off part or the cold half is entered at other times.
fn is_clone(suffix: &str) -> bool {
    !suffix
        .split('.')
        .any(|word| word == "part" || word == "cold")
}

impl Available {
    /// Parses `available_filter_functions`, keeping only the names that `names` holds.
    #[must_use]
    pub fn parse(text: &str, names: &[&str]) -> Available {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in text.lines() {
            // `name [module]` where IPv6 is a module.
            let Some(real) = line.split_whitespace().next() else {
                continue;
            };
            let (name, suffix) = real.split_once('.').unwrap_or((real, ""));
            if is_clone(suffix) && names.contains(&name) {
                let reals = found.entry(name.to_owned()).or_default();
                if !reals.iter().any(|r| r == real) {
                    reals.push(real.to_owned());
                }
            }
        }
        Available(found)
    }

    /// What the kernel calls the function `name`; empty where it cannot be traced.
    #[must_use]
    pub fn real(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The function `name`, where it can be traced.
    #[must_use]
    pub fn function(&self, name: &str, stack: bool) -> Option<Function> {
        let real = self.real(name);
        (!real.is_empty()).then(|| Function {
            name: name.to_owned(),
            real: real.to_vec(),
            stack,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiler_suffixes_and_modules() {
        let text = "ip6_pkt_drop.isra.0 [ipv6]\nip6_pkt_drop.part.0\nip6_dst_gc\nip6_dst_gc.cold\nip6_dst_gcx\nip6_dst_gc.constprop.0.isra.1\n";
        let available = Available::parse(text, &[DROP, GC, "icmp6_send"]);
        assert_eq!(available.real(DROP), ["ip6_pkt_drop.isra.0"]);
        assert_eq!(
            available.real(GC),
            ["ip6_dst_gc", "ip6_dst_gc.constprop.0.isra.1"]
        );
        assert_eq!(available.function("icmp6_send", false), None);
    }
}
