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

/// Where the route of a packet is kept, and in it the operations of its namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    /// `_skb_refdst` in `struct sk_buff`.
    pub(crate) refdst: u32,
    /// `ops` in `struct dst_entry`.
    pub(crate) ops: u32,
    /// The pointer may carry a mark in its lowest bit (`SKB_DST_NOREF`).
    pub(crate) marked: bool,
}

/// Offsets in bytes, found out on the host itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layout {
    /// `data` in `struct sk_buff`: where the IPv6 header begins when a packet is dropped.
    pub(crate) data: u32,
    /// `dev` in `struct sk_buff`.
    pub(crate) dev: u32,
    /// `name` in `struct net_device`.
    pub(crate) name: u32,
    /// `ifindex` in `struct net_device`.
    pub(crate) ifindex: Option<u32>,
    /// `skb_iif` in `struct sk_buff`.
    pub(crate) iif: Option<u32>,
    /// Of the route.
    pub(crate) route: Option<Route>,
    /// The second and third argument of `ip6_pkt_drop` are what its source says.
    pub(crate) has_code: bool,
}

impl Layout {
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
                let behind = ops - 1;
                add(format_args!("refdst=+{refdst}({skb}):x64"));
                add(format_args!("ops_noref=+{behind}(+{refdst}({skb})):x64"));
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
        let mut say = |what: &str, offset: Option<u32>| match offset {
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
        data: 200,
        dev: 16,
        name: 0,
        ifindex: Some(264),
        iif: Some(148),
        route: Some(Route {
            refdst: 88,
            ops: 8,
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
    fn what_was_not_found_is_not_fetched() {
        let bare = Layout {
            iif: None,
            route: MAINLINE.route.map(|route| Route {
                marked: true,
                ..route
            }),
            has_code: false,
            name: 304,
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
