//! kprobe events: how they are spelled.

use std::borrow::Cow;

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

/// `struct dst_ops` as 4.19 to 6.1 lay it out on x86-64 without lock debugging; the reader
/// checks family and gc_thresh before it believes `fast`.
const DST_OPS: &str = "ops=%di:x64 family=+0(%di):u16 gc_thresh=+4(%di):u32 fast=+136(%di):s64";

impl Probe {
    /// The probe on the entry of `ip6_dst_gc` that reads `fast`, where the registers that hold
    /// arguments are known.
    #[must_use]
    pub(crate) fn gc_enter(function: &str) -> Option<Probe> {
        cfg!(target_arch = "x86_64").then(|| Probe {
            name: "gc_enter".to_owned(),
            function: function.to_owned(),
            on_return: false,
            fetch: DST_OPS.into(),
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
    }
}
