//! The names of functions in this kernel.

use std::collections::BTreeMap;

use memchr::memchr3;

/// A function as this kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traceable {
    /// Its name in the source.
    pub(crate) name: String,
    /// What the kernel calls it, compiler suffixes included; a few where it was cloned.
    pub(crate) real: Vec<String>,
    /// True where its stack is wanted.
    pub(crate) stack: bool,
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
    pub fn parse(text: &[u8], names: &[&str]) -> Available {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        // The kernel has some tens of thousands: what is not asked for is never text.
        for line in text.split(|&byte| byte == b'\n') {
            // `name [module]` where IPv6 is a module.
            let end = memchr3(b'.', b' ', b'\t', line).unwrap_or(line.len());
            let Some(name) = names.iter().find(|name| name.as_bytes() == &line[..end]) else {
                continue;
            };
            let line = String::from_utf8_lossy(line);
            let real = line.split_ascii_whitespace().next().unwrap_or(name);
            let reals = found.entry((*name).to_owned()).or_default();
            if is_clone(&real[name.len()..]) && !reals.iter().any(|r| r == real) {
                reals.push(real.to_owned());
            }
        }
        Available(found)
    }

    /// What the kernel calls the function `name`; empty where it cannot be traced.
    #[must_use]
    pub(crate) fn real(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The function `name`, where it can be traced.
    #[must_use]
    pub fn function(&self, name: &str, stack: bool) -> Option<Traceable> {
        let real = self.real(name);
        (!real.is_empty()).then(|| Traceable {
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
        let text = b"ip6_pkt_drop.isra.0 [ipv6]\nip6_pkt_drop.part.0\nip6_dst_gc\nip6_dst_gc.cold\nip6_dst_gcx\nip6_dst_gc.constprop.0.isra.1\n";
        let available = Available::parse(text, &["ip6_pkt_drop", "ip6_dst_gc", "icmp6_send"]);
        assert_eq!(available.real("ip6_pkt_drop"), ["ip6_pkt_drop.isra.0"]);
        assert_eq!(
            available.real("ip6_dst_gc"),
            ["ip6_dst_gc", "ip6_dst_gc.constprop.0.isra.1"]
        );
        assert_eq!(available.function("icmp6_send", false), None);
    }
}
