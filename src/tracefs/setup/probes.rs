//! kprobe events: how they are spelled.

use std::borrow::Cow;

use crate::kernel::dst_ops::{FAST_AT, FastAt};
use crate::tracefs::setup::layout::ARGUMENTS;

/// A kprobe event of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The event's name, as the trace shows it.
    pub(crate) name: String,
    /// The function probed, under its name in this kernel.
    pub(crate) function: String,
    /// True for a return probe.
    pub(crate) on_return: bool,
    /// What is fetched.
    pub(crate) fetch: Cow<'static, str>,
}

impl Probe {
    /// The probe on the entry of `ip6_dst_gc` that reads `fast` wherever it may be, where the
    /// registers that hold arguments are known; the reader finds out which is it.
    #[must_use]
    pub(crate) fn gc_enter(function: &str) -> Option<Probe> {
        let [ops, ..] = ARGUMENTS?;
        let places =
            FAST_AT.map(|FastAt { offset, argument }| format!(" {argument}=+{offset}({ops}):s64"));
        let head = format!("ops={ops}:x64 family=+0({ops}):u16 gc_thresh=+4({ops}):u32");
        Some(Probe {
            name: "gc_enter".to_owned(),
            function: function.to_owned(),
            on_return: false,
            fetch: (head + &places.concat()).into(),
        })
    }

    /// The probe on the return of `ip6_dst_gc`: 1 means that `dst_alloc` is refused.
    #[must_use]
    pub fn gc_exit(function: &str) -> Probe {
        Probe {
            name: "gc_exit".to_owned(),
            function: function.to_owned(),
            on_return: true,
            fetch: "ret=$retval:s32".into(),
        }
    }

    /// A probe that only says that `function` was entered.
    #[must_use]
    pub fn entry(name: &str, function: &str) -> Probe {
        Probe {
            name: name.to_owned(),
            function: function.to_owned(),
            on_return: false,
            fetch: "".into(),
        }
    }

    /// The line for `kprobe_events`.
    #[must_use]
    pub(crate) fn line(&self, group: &str) -> String {
        let kind = if self.on_return { 'r' } else { 'p' };
        format!(
            "{kind}:{group}/{} {} {}",
            self.name, self.function, self.fetch
        )
        .trim_end()
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling() {
        assert_eq!(
            Probe::entry("ip6_dst_gc", "ip6_dst_gc.isra.0").line("g"),
            "p:g/ip6_dst_gc ip6_dst_gc.isra.0"
        );
        assert_eq!(
            Probe::gc_exit("ip6_dst_gc").line("g"),
            "r:g/gc_exit ip6_dst_gc ret=$retval:s32"
        );
        let Some([ops, ..]) = ARGUMENTS else { return };
        assert_eq!(
            Probe::gc_enter("ip6_dst_gc").unwrap().line("g"),
            format!(
                "p:g/gc_enter ip6_dst_gc ops={ops}:x64 family=+0({ops}):u16 \
                 gc_thresh=+4({ops}):u32 fast=+136({ops}):s64 fast_200=+200({ops}):s64"
            )
        );
    }
}
