//! Which matches of netfilter that ask for a route of their own are in use on the host.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};

use crate::host::roots::Host;

/// Matches for which the kernel makes a dst beside the packet's own, which a full route cache
/// refuses as well. True where some rule of some namespace has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RouteMatches {
    /// `-m rpfilter` (net/ipv6/netfilter/ip6t_rpfilter.c).
    pub(crate) rpfilter: bool,
    /// `fib` of nftables (net/ipv6/netfilter/nft_fib_ipv6.c).
    pub(crate) fib: bool,
    /// `-m addrtype` (net/netfilter/xt_addrtype.c), which matches nothing then.
    pub(crate) addrtype: bool,
}

impl RouteMatches {
    /// Some rule asks for the way back to a packet's source, or may.
    #[must_use]
    pub(crate) fn ask_way_back(self) -> bool {
        self.rpfilter || self.fib
    }

    /// Those that ask for the way back, by the names that rules have for them.
    #[must_use]
    pub(crate) fn way_back_names(self) -> Vec<&'static str> {
        let addrtype = false;
        RouteMatches { addrtype, ..self }.names()
    }

    /// The matches by the names that rules have for them.
    #[must_use]
    pub(crate) fn names(self) -> Vec<&'static str> {
        let all = [
            (self.rpfilter, "rpfilter"),
            (self.fib, "nft fib"),
            (self.addrtype, "addrtype"),
        ];
        let used = all.into_iter().filter(|(used, _)| *used);
        used.map(|(_, name)| name).collect()
    }
}

/// `ip6t_rpfilter 16384 2 - Live 0x0000000000000000`: how often a module is used by other than
/// modules, such as rules.
fn uses(line: &str) -> Option<(&str, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (name, _, uses) = (words.next()?, words.next()?, words.next()?);
    let by = words.next().unwrap_or("-");
    let modules = by.split(',').filter(|by| !by.is_empty() && *by != "-");
    Some((
        name,
        uses.parse::<usize>().ok()?.saturating_sub(modules.count()),
    ))
}

/// How the kernel's socket for requests of netfilter begins in `/proc/net/netlink`, behind its
/// address: `NETLINK_NETFILTER`, of no process.
const NETFILTER: [&str; 2] = ["12", "0"];
/// What asks the tables for `fib` (net/ipv6/netfilter/nft_fib_ipv6.c).
const FIB: &[u8] = b" nft_fib6_eval";

impl Host {
    /// The kernel has nftables' `fib` in itself: where what it stands on is a module, so is that.
    /// Its symbols are many, and are read as a last resort.
    fn has_fib_built_in(&self, modules: &[(&str, usize)]) -> bool {
        let sockets = self.proc_text("net/netlink").unwrap_or_default();
        let takes_requests = sockets.lines().any(|line| {
            let words = line.split_ascii_whitespace().skip(1);
            words.take(NETFILTER.len()).eq(NETFILTER)
        });
        let is_module = |(name, _): &(&str, usize)| ["nfnetlink", "nf_tables"].contains(name);
        if !takes_requests || modules.iter().any(is_module) {
            return false;
        }
        // Behind the symbol of a module stands its name.
        let symbols = File::open(self.proc.join("kallsyms")).into_iter();
        let mut lines =
            symbols.flat_map(|file| BufReader::new(file).split(b'\n').map_while(Result::ok));
        lines.any(|line| line.ends_with(FIB))
    }

    /// Whether rules of nftables can ask for the way back with nothing to be loaded.
    #[must_use]
    pub(crate) fn has_fib(&self) -> bool {
        let modules = self.proc_text("modules").unwrap_or_default();
        let modules: Vec<(&str, usize)> = modules.lines().filter_map(uses).collect();
        let is_loaded = modules.iter().any(|(name, _)| *name == "nft_fib_ipv6");
        is_loaded || self.has_fib_built_in(&modules)
    }

    /// The same of ip6tables, as far as a namespace shows that had a rule of it.
    #[must_use]
    pub(crate) fn has_rpfilter(&self) -> bool {
        let is_listed = |file: &str, name: &str| {
            let text = self.proc_text(file).unwrap_or_default();
            text.lines()
                .any(|line| line.split_whitespace().next() == Some(name))
        };
        let is_loaded = is_listed("modules", "ip6t_rpfilter");
        (is_loaded && is_listed("modules", "ip6table_raw"))
            || (is_listed("net/ip6_tables_matches", "rpfilter")
                && is_listed("net/ip6_tables_names", "raw"))
    }

    /// Which of them rules use. A match that is built into the kernel counts as used where its
    /// tables are there, and one of nftables where this namespace has a rule with it.
    #[must_use]
    pub(crate) fn route_matches(&self) -> RouteMatches {
        let words = |file: &str| -> BTreeSet<String> {
            let text = self.proc_text(file).unwrap_or_default();
            text.split_ascii_whitespace().map(str::to_owned).collect()
        };
        let modules = self.proc_text("modules").unwrap_or_default();
        let modules: Vec<(&str, usize)> = modules.lines().filter_map(uses).collect();
        let loaded = |name| modules.iter().find(|(module, _)| *module == name);
        let is_used = |name| loaded(name).is_some_and(|&(_, uses)| uses > 0);
        let (known, tables) = (
            words("net/ip6_tables_matches"),
            words("net/ip6_tables_names"),
        );
        let is_built_in = |name: &str, module, among: &[&str]| {
            let has_table = among.iter().any(|&table| tables.contains(table));
            loaded(module).is_none() && known.contains(name) && has_table
        };
        RouteMatches {
            rpfilter: is_used("ip6t_rpfilter")
                || is_built_in("rpfilter", "ip6t_rpfilter", &["raw", "mangle"]),
            fib: is_used("nft_fib_ipv6")
                || is_used("nft_fib_inet")
                || (self.has_fib_built_in(&modules) && self.nft_may_ask_routes()),
            addrtype: is_used("xt_addrtype") || is_built_in("addrtype", "xt_addrtype", &["nat"]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOADED: &str = "nft_fib_inet 16384 0 - Live 0x0\n\
        nft_fib_ipv6 16384 1 nft_fib_inet, Live 0x0\n\
        ip6t_rpfilter 16384 0 - Live 0x0\n\
        xt_addrtype 16384 0 - Live 0x0\n";

    #[test]
    fn rules_that_need_nothing_to_be_loaded() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("net")).unwrap();
        let host = Host {
            proc: root.path().to_owned(),
            sys: root.path().to_owned(),
            state: "".into(),
        };
        let has = |file: &str, text: &str| {
            std::fs::write(root.path().join(file), text).unwrap();
            (host.has_fib(), host.has_rpfilter())
        };
        assert_eq!(has("modules", ""), (false, false));
        assert_eq!(has("modules", LOADED), (true, false));
        let raw = "ip6table_raw 16384 0 - Live 0x0\nip6t_rpfilter 16384 0 - Live 0x0\n";
        assert_eq!(has("modules", raw), (false, true));
        assert_eq!(has("modules", ""), (false, false));
        assert_eq!(
            has("net/ip6_tables_matches", "udp\nrpfilter\n"),
            (false, false)
        );
        assert_eq!(has("net/ip6_tables_names", "raw\n"), (false, true));
    }

    /// What is used by a host with these modules, and these matches and tables of its own.
    fn names(modules: &str, [matches, tables]: [&str; 2]) -> Vec<&'static str> {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("net")).unwrap();
        for (file, text) in [
            ("modules", modules),
            ("net/ip6_tables_matches", matches),
            ("net/ip6_tables_names", tables),
        ] {
            std::fs::write(root.path().join(file), text).unwrap();
        }
        let host = Host {
            proc: root.path().to_owned(),
            sys: root.path().to_owned(),
            state: "".into(),
        };
        let matches = host.route_matches();
        assert_eq!(matches.ask_way_back(), matches.rpfilter || matches.fib);
        matches.names()
    }

    #[test]
    fn modules_say_how_many_rules_use_them() {
        let used = |from: &str, to: &str| {
            assert!(LOADED.contains(from));
            names(&LOADED.replace(from, to), ["rpfilter\naddrtype\n", "raw\n"])
        };
        assert_eq!(used("rpfilter 16384 0", "rpfilter 16384 0"), [""; 0]);
        assert_eq!(used("rpfilter 16384 0", "rpfilter 16384 2"), ["rpfilter"]);
        assert_eq!(used("inet 16384 0", "inet 16384 1"), ["nft fib"]);
        // One use is that of the other module.
        assert_eq!(used("ipv6 16384 1", "ipv6 16384 2"), ["nft fib"]);
        assert_eq!(used("addrtype 16384 0", "addrtype 16384 1"), ["addrtype"]);
        // A kernel that never unloads modules does not count.
        assert_eq!(used("rpfilter 16384 0", "rpfilter 16384 -"), ["rpfilter"]);
    }

    #[test]
    fn what_is_built_in_is_used_where_its_tables_are() {
        let known = "icmp6\nrpfilter\naddrtype\n";
        assert_eq!(names("", [known, "raw\nnat\n"]), ["rpfilter", "addrtype"]);
        assert_eq!(names("", [known, "mangle\n"]), ["rpfilter"]);
        assert_eq!(names("", [known, "filter\nnat\n"]), ["addrtype"]);
        assert_eq!(names("", [known, ""]), [""; 0]);
        assert_eq!(names("", ["icmp6\n", "raw\n"]), [""; 0]);
    }

    #[test]
    fn fib_is_built_in_where_nothing_below_it_is_a_module() {
        const SOCKET: &str = "sk Eth Pid Groups\n00 0 0 0\n00 12 0 0\n";
        const SYMBOLS: &str =
            "0000000000000000 T nft_fib6_eval_type\n0000000000000000 T nft_fib6_eval\n";
        let is_built_in = |sockets: &str, modules: &str, symbols: &str| {
            let root = tempfile::tempdir().unwrap();
            std::fs::create_dir(root.path().join("net")).unwrap();
            std::fs::write(root.path().join("net/netlink"), sockets).unwrap();
            std::fs::write(root.path().join("kallsyms"), symbols).unwrap();
            let host = Host {
                proc: root.path().to_owned(),
                sys: root.path().to_owned(),
                state: "".into(),
            };
            let modules: Vec<_> = modules.lines().filter_map(uses).collect();
            host.has_fib_built_in(&modules)
        };
        let other = "veth 16384 1 - Live 0x0\n";
        assert!(is_built_in(SOCKET, "", SYMBOLS));
        assert!(is_built_in(SOCKET, other, SYMBOLS));
        for module in ["nfnetlink", "nf_tables"] {
            let loaded = other.replace("veth", module);
            assert!(!is_built_in(SOCKET, &loaded, SYMBOLS), "{module}");
        }
        let of_a_process = SOCKET.replace(" 12 0 ", " 12 7 ");
        assert!(!is_built_in(&of_a_process, "", SYMBOLS));
        assert!(!is_built_in("", "", SYMBOLS));
        let of_a_module = SYMBOLS.replace("_eval\n", "_eval\t[nft_fib_ipv6]\n");
        assert!(!is_built_in(SOCKET, "", &of_a_module));
        assert!(!is_built_in(SOCKET, "", ""));
    }
}
