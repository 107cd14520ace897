//! Where a kernel keeps the words of a packet.

use std::fmt;
use std::fmt::Write as _;

/// The registers that hold the first three arguments of a function, as probes name them; `None`
/// where they are not known.
pub(crate) const ARGUMENTS: Option<[&str; 3]> = if cfg!(target_arch = "x86_64") {
    Some(["%di", "%si", "%dx"])
} else if cfg!(target_arch = "aarch64") {
    Some(["%x0", "%x1", "%x2"])
} else {
    None
};

/// An offset in a structure, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offset {
    /// As it was found out.
    At(u32),
    /// It would be found out: its name stands in its place.
    Named(&'static str),
}

impl Offset {
    /// The offset of what is one byte before.
    fn before(self) -> String {
        match self {
            Offset::At(at) => i64::from(at).saturating_sub(1).to_string(),
            Offset::Named(name) => format!("{name}-1"),
        }
    }
}

impl Default for Offset {
    fn default() -> Self {
        Offset::At(0)
    }
}

impl From<u32> for Offset {
    fn from(at: u32) -> Self {
        Offset::At(at)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Offset::At(at) => write!(f, "{at}"),
            Offset::Named(name) => f.write_str(name),
        }
    }
}
/// What holds the address that a function returns to, at its entry.
pub(crate) const CALLER: Option<&str> = if cfg!(target_arch = "x86_64") {
    Some("$stack0")
} else if cfg!(target_arch = "aarch64") {
    Some("%x30")
} else {
    None
};

/// Where the route of a packet is kept, and in it the operations of its namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    /// `_skb_refdst` in `struct sk_buff`.
    pub(crate) refdst: Offset,
    /// `ops` in `struct dst_entry`.
    pub(crate) ops: Offset,
    /// The pointer may carry a mark in its lowest bit (`SKB_DST_NOREF`).
    pub(crate) marked: bool,
}

impl Route {
    /// What is fetched of the route at that offset, with the mark taken away.
    pub(crate) fn unmarked(&self, skb: &str) -> String {
        let Route { refdst, ops, .. } = self;
        if self.marked {
            format!("+{}(+{refdst}({skb}))", ops.before())
        } else {
            format!("+{ops}(+{refdst}({skb}))")
        }
    }
}

/// Offsets in bytes, found out on the host itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layout {
    /// `data` in `struct sk_buff`: where the IPv6 header begins when a packet is dropped.
    pub(crate) data: Offset,
    /// `dev` in `struct sk_buff`.
    pub(crate) dev: Offset,
    /// `name` in `struct net_device`.
    pub(crate) name: Offset,
    /// `ifindex` in `struct net_device`.
    pub(crate) ifindex: Option<Offset>,
    /// `skb_iif` in `struct sk_buff`.
    pub(crate) iif: Option<Offset>,
    /// Of the route.
    pub(crate) route: Option<Route>,
    /// The second and third argument of `ip6_pkt_drop` are what its source says.
    pub(crate) has_code: bool,
}

impl Layout {
    /// Offsets that are not known yet, by the names that the kernel's source has for what is there.
    pub(crate) const NAMED: Layout = Layout {
        data: Offset::Named("DATA"),
        dev: Offset::Named("DEV"),
        name: Offset::Named("NAME"),
        ifindex: None,
        iif: Some(Offset::Named("SKB_IIF")),
        route: Some(Route {
            refdst: Offset::Named("SKB_REFDST"),
            ops: Offset::Named("DST_OPS"),
            marked: true,
        }),
        has_code: true,
    };

    /// What a probe on `ip6_pkt_drop` shall fetch.
    pub(crate) fn fetch(&self, [skb, code, mib]: [&str; 3]) -> String {
        let Layout {
            data, dev, name, ..
        } = self;
        let mut words = format!("skb={skb}");
        let mut add = |word: fmt::Arguments<'_>| {
            let _ = write!(words, " {word}");
        };
        if self.has_code {
            add(format_args!("code={code}:u8 mib={mib}:u8"));
        }
        add(format_args!("dev=+{name}(+{dev}({skb})):string"));
        if let Some(iif) = self.iif {
            add(format_args!("iif=+{iif}({skb}):u32"));
        } else if let Some(ifindex) = self.ifindex {
            add(format_args!("ifindex=+{ifindex}(+{dev}({skb})):u32"));
        }
        if let Some(route) = self.route {
            let Route { refdst, ops, .. } = route;
            add(format_args!("ops=+{ops}(+{refdst}({skb})):x64"));
            if route.marked {
                add(format_args!("refdst=+{refdst}({skb}):x64"));
                add(format_args!("ops_noref={}:x64", route.unmarked(skb)));
            }
        }
        for (number, word) in ["w0", "s0", "s1", "d0", "d1", "l4"].iter().enumerate() {
            let at = 8 * number;
            add(format_args!("{word}=+{at}(+{data}({skb})):x64"));
        }
        words
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Layout {
            data, dev, name, ..
        } = self;
        write!(f, "data {data}, dev {dev}, name {name}")?;
        let mut say = |what: &str, offset: Option<Offset>| match offset {
            Some(offset) => write!(f, ", {what} {offset}"),
            None => Ok(()),
        };
        say("ifindex", self.ifindex)?;
        say("skb_iif", self.iif)?;
        say("_skb_refdst", self.route.map(|route| route.refdst))?;
        say("dst ops", self.route.map(|route| route.ops))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAINLINE: Layout = Layout {
        data: Offset::At(200),
        dev: Offset::At(16),
        name: Offset::At(0),
        ifindex: Some(Offset::At(264)),
        iif: Some(Offset::At(148)),
        route: Some(Route {
            refdst: Offset::At(88),
            ops: Offset::At(8),
            marked: false,
        }),
        has_code: true,
    };

    #[test]
    fn words_are_fetched_under_the_names_that_reports_read() {
        assert_eq!(
            MAINLINE.fetch(["%di", "%si", "%dx"]),
            "skb=%di code=%si:u8 mib=%dx:u8 dev=+0(+16(%di)):string iif=+148(%di):u32 ops=+8(+88(%di)):x64 \
             w0=+0(+200(%di)):x64 s0=+8(+200(%di)):x64 s1=+16(+200(%di)):x64 d0=+24(+200(%di)):x64 \
             d1=+32(+200(%di)):x64 l4=+40(+200(%di)):x64"
        );
        assert_eq!(
            MAINLINE.to_string(),
            "data 200, dev 16, name 0, ifindex 264, skb_iif 148, _skb_refdst 88, dst ops 8"
        );
    }

    #[test]
    fn what_would_be_found_out_has_its_name() {
        let fetch = Layout::NAMED.fetch(["%di", "%si", "%dx"]);
        assert!(
            fetch.starts_with(
                "skb=%di code=%si:u8 mib=%dx:u8 dev=+NAME(+DEV(%di)):string iif=+SKB_IIF(%di):u32 \
                 ops=+DST_OPS(+SKB_REFDST(%di)):x64 refdst=+SKB_REFDST(%di):x64 \
                 ops_noref=+DST_OPS-1(+SKB_REFDST(%di)):x64 w0=+0(+DATA(%di)):x64 "
            ),
            "{fetch}"
        );
    }

    #[test]
    fn what_was_not_found_is_not_fetched() {
        let bare = Layout {
            iif: None,
            route: MAINLINE.route.map(|route| Route {
                marked: true,
                ..route
            }),
            has_code: false,
            name: 304.into(),
            ..MAINLINE
        };
        let fetch = bare.fetch(["%x0", "%x1", "%x2"]);
        assert!(fetch.starts_with(
            "skb=%x0 dev=+304(+16(%x0)):string ifindex=+264(+16(%x0)):u32 ops=+8(+88(%x0)):x64 \
             refdst=+88(%x0):x64 ops_noref=+7(+88(%x0)):x64 w0=+0(+200(%x0)):x64 "
        ));
        let less = Layout {
            ifindex: None,
            route: None,
            ..bare
        };
        assert!(
            less.fetch(["%x0", "%x1", "%x2"])
                .starts_with("skb=%x0 dev=+304(+16(%x0)):string w0=")
        );
        assert_eq!(less.to_string(), "data 200, dev 16, name 304");
    }
}
