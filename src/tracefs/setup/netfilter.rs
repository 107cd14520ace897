//! Packets that netfilter drops: a probe on what frees any packet, which the kernel shows where
//! netfilter is the caller. It costs nothing as long as no packet is freed unused.

use crate::kernel::functions::{KFREE_SKB, NETFILTER_DROP, NF_HOOK_SLOW, NFT_DO_CHAIN};
use crate::tracefs::setup::functions::Available;
use crate::tracefs::setup::layout::{ARGUMENTS, CALLER, Layout};
use crate::tracefs::setup::probes::Probe;

/// The probe, and the kernel's filter on its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NetfilterDrops {
    /// What fetches the words of the packet.
    pub(crate) probe: Probe,
    /// Holds where netfilter is the caller.
    pub(crate) filter: String,
}

/// Where the code of netfilter's that frees packets is, by the text of `/proc/kallsyms`: the first address of each
/// part, and the first one behind it. The compiler may have moved what is rarely run to a part of
/// its own (`nf_hook_slow.cold`). Empty where addresses are hidden.
fn code(kallsyms: &str) -> Vec<(u64, u64)> {
    let symbol = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let address = u64::from_str_radix(words.next()?, 16).ok()?;
        let is_part = |name: &str| {
            let mut of = [NF_HOOK_SLOW, NFT_DO_CHAIN].into_iter();
            of.any(|function| {
                let rest = name.strip_prefix(function);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        Some((address, words.nth(1).is_some_and(is_part)))
    };
    let mut all: Vec<(u64, bool)> = kallsyms.lines().filter_map(symbol).collect();
    all.sort_unstable();
    let parts = all
        .iter()
        .filter(|&&(address, is_part)| is_part && address != 0);
    let range = |&(start, _): &(u64, bool)| {
        let behind = all.partition_point(|&(address, _)| address <= start);
        Some((start, all.get(behind)?.0))
    };
    parts.filter_map(range).collect()
}

/// The probe for this kernel, or why there is none.
///
/// # Errors
/// Why, in words.
pub(crate) fn drops(
    available: &Available,
    kallsyms: &str,
    layout: &Layout,
) -> Result<NetfilterDrops, &'static str> {
    let (arguments, caller) = ARGUMENTS
        .zip(CALLER)
        .ok_or("the registers of this machine are not known")?;
    let function = KFREE_SKB
        .iter()
        .find_map(|&name| match available.real(name) {
            [real] => Some((name, real)),
            _ => None,
        });
    let (name, real) = function.ok_or("what frees packets cannot be traced (kfree_skb)")?;
    let code = code(kallsyms);
    if code.is_empty() {
        return Err("/proc/kallsyms hides where nf_hook_slow is; see sysctl kernel.kptr_restrict");
    }
    // The newest of these functions takes the socket first.
    let skb = arguments[usize::from(name == KFREE_SKB[0])];
    // Its route is not known yet, and nothing was answered.
    let words = Layout {
        route: None,
        has_code: false,
        ..*layout
    };
    let ranges: Vec<String> = code
        .iter()
        .map(|(start, end)| format!("(caller >= {start:#x} && caller < {end:#x})"))
        .collect();
    Ok(NetfilterDrops {
        probe: Probe {
            name: NETFILTER_DROP.to_owned(),
            function: real.clone(),
            on_return: false,
            fetch: format!("caller={caller}:x64 {}", words.fetch([skb; 3])).into(),
        },
        filter: ranges.join(" || "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracefs::setup::layout::{Offset, Route};

    const KALLSYMS: &str = "0000000000000000 A fixed_percpu_data\n\
        ffffffff81303220 T nf_hook_slow_list\n\
        ffffffff81303170 T nf_hook_slow\n\
        ffffffff81aa0010 t nf_hook_slow.cold\n\
        ffffffff81aa0022 t nf_other.cold\n\
        ffffffffc0001000 t nft_do_chain\t[nf_tables]\n\
        ffffffffc0001440 t nft_do_chain_ipv6\t[nf_tables]\n";
    const LAYOUT: Layout = Layout {
        data: Offset::At(192),
        dev: Offset::At(16),
        name: Offset::At(0),
        ifindex: Some(Offset::At(264)),
        iif: Some(Offset::At(140)),
        route: Some(Route {
            refdst: Offset::At(88),
            ops: Offset::At(8),
            marked: false,
        }),
        has_code: true,
    };

    fn of(functions: &str, kallsyms: &str) -> Result<NetfilterDrops, &'static str> {
        drops(
            &Available::parse(functions.as_bytes(), &KFREE_SKB),
            kallsyms,
            &LAYOUT,
        )
    }

    #[test]
    fn every_part_of_the_function_is_the_caller() {
        let found = of("kfree_skb\n", KALLSYMS).unwrap();
        assert_eq!(
            found.filter,
            "(caller >= 0xffffffff81303170 && caller < 0xffffffff81303220) || \
             (caller >= 0xffffffff81aa0010 && caller < 0xffffffff81aa0022) || \
             (caller >= 0xffffffffc0001000 && caller < 0xffffffffc0001440)"
        );
        for hidden in [
            "",
            "0000000000000000 T nf_hook_slow\n",
            "ffffffff81303170 T nf_hook_slow\n",
        ] {
            assert!(
                of("kfree_skb\n", hidden)
                    .unwrap_err()
                    .contains("kptr_restrict")
            );
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_packet_is_fetched_where_the_function_has_it() {
        for (functions, function, skb) in [
            ("kfree_skb\n", "kfree_skb", "%di"),
            ("kfree_skb\nkfree_skb_reason\n", "kfree_skb_reason", "%di"),
            (
                "kfree_skb_reason\nsk_skb_reason_drop\n",
                "sk_skb_reason_drop",
                "%si",
            ),
        ] {
            let probe = of(functions, KALLSYMS).unwrap().probe;
            let start = format!(
                "p:g/netfilter_drop {function} caller=$stack0:x64 skb={skb} \
                 dev=+0(+16({skb})):string iif=+140({skb}):u32 w0=+0(+192({skb})):x64 "
            );
            let line = probe.line("g");
            assert!(line.starts_with(&start), "{line}");
        }
        assert!(of("kfree_skb.a\nkfree_skb.b\n", KALLSYMS).is_err());
    }
}
