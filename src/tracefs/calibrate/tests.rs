//! Offsets found in what real kernels showed, and none where there are two possibilities.

use super::own_packet::OwnPacket;
use super::solve::{self, Sent};
use super::words::{Hit, hits};
use crate::host::interfaces::Interfaces;
use crate::tracefs::setup::layout::Route;

/// What a calibration saw on a kernel, and its own packets.
struct Seen {
    text: String,
    packets: [OwnPacket; 2],
    fresh: u32,
    own: Interfaces,
    inside: Interfaces,
}

fn interfaces(known: &[(&str, u32)]) -> Interfaces {
    let known = known.iter();
    known
        .map(|&(name, number)| (name.to_owned(), Some(number)))
        .collect()
}

fn read(name: &str) -> String {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/calibration/");
    std::fs::read_to_string(format!("{dir}{name}")).unwrap()
}

impl Seen {
    fn new(name: &str, own: &[(&str, u32)], inside: &[(&str, u32)]) -> Seen {
        let text = read(name);
        let fresh = hits(&text, "cal_drop")[0].tid;
        Seen {
            text,
            packets: [8, 52].map(|length| OwnPacket::new([7; 16], length)),
            fresh,
            own: interfaces(own),
            inside: interfaces(inside),
        }
    }

    fn old() -> Seen {
        let tunnels = [
            ("dummy0", 2),
            ("tunl0", 3),
            ("sit0", 4),
            ("ip6tnl0", 5),
            ("ip6gre0", 6),
        ];
        let own = [&[("lo", 1), ("eth0", 7), ("cali0", 8)][..], &tunnels].concat();
        let inside = [
            ("lo", 1),
            ("tunl0", 2),
            ("sit0", 3),
            ("ip6tnl0", 4),
            ("ip6gre0", 5),
        ];
        Seen::new("4.19.txt", &own, &inside)
    }

    fn new_kernel() -> Seen {
        Seen::new(
            "6.1.txt",
            &[("lo", 1), ("eth0", 2), ("cali0", 3)],
            &[("lo", 1)],
        )
    }

    /// The same with the text changed.
    fn with(mut self, from: &str, to: &str) -> Seen {
        assert!(self.text.contains(from), "{from}");
        self.text = self.text.replace(from, to);
        self
    }

    fn hits(&self, event: &str) -> Vec<Hit> {
        hits(&self.text, event)
    }

    fn device(&self) -> Option<(u32, Option<u32>)> {
        let hits = self.hits("cal_dev");
        let known = |hit: &Hit| {
            if hit.tid == self.fresh {
                &self.inside
            } else {
                &self.own
            }
        };
        let seen: Vec<_> = hits.iter().map(|hit| (hit, known(hit))).collect();
        solve::device(&seen)
    }

    fn lo(&self) -> u64 {
        let hits = self.hits("cal_dev");
        let mut fresh = hits.iter().filter(|hit| hit.tid == self.fresh);
        let lo = fresh.find(|hit| solve::name(hit, 0).as_deref() == Some("lo"));
        lo.unwrap().number("at").unwrap()
    }

    fn sent<T>(&self, ask: impl Fn(&[Sent<'_>]) -> T) -> T {
        let (dropped, out) = (self.hits("cal_drop"), self.hits("cal_out"));
        let sent: Vec<Sent<'_>> = (0..2)
            .map(|n| Sent {
                packet: &self.packets[n],
                out: out.get(n),
                dropped: &dropped[n],
            })
            .collect();
        ask(&sent)
    }

    fn route(&self) -> Option<(Route, u64)> {
        let routes = self.sent(|sent| solve::routes(sent, self.lo()));
        solve::route(&self.hits("cal_route"), &routes, self.lo())
    }

    fn own_ops(&self, gc_thresh: u64) -> Option<u64> {
        let (_, ops) = self.route()?;
        let namespaces = solve::namespaces(&self.hits("cal_show")[0], ops);
        solve::own_ops(&self.hits("cal_own")[0], &namespaces, gc_thresh)
    }
}

#[test]
fn offsets_of_real_kernels() {
    let (old, new) = (Seen::old(), Seen::new_kernel());
    assert_eq!(old.device(), Some((0, Some(264))));
    assert_eq!(new.device(), Some((0, Some(216))));
    let places = |seen: &Seen| {
        let dev = |sent: &[Sent<'_>]| solve::dev(sent, seen.lo());
        (
            seen.sent(solve::data),
            seen.sent(dev),
            seen.sent(solve::iif),
        )
    };
    assert_eq!(places(&old), (Some(216), Some(16), Some(160)));
    assert_eq!(places(&new), (Some(208), Some(16), Some(144)));
    let route = |marked| Route {
        refdst: 88.into(),
        ops: 8.into(),
        marked,
    };
    assert_eq!(old.route().map(|(found, _)| found), Some(route(false)));
    assert_eq!(new.route().map(|(found, _)| found), Some(route(true)));
    // `init_net` of this boot is at 0xffffffff96c099c0 in 6.1.
    let behind = new.own_ops(1024).unwrap() - 0xffff_ffff_96c0_99c0;
    assert_eq!(behind, new.route().unwrap().1 - 0xff2d_20d1_438f_53c0);
    assert!(old.own_ops(1024).is_some());
    assert_eq!((old.own_ops(1025), new.own_ops(1025)), (None, None));
}

#[test]
fn other_namespaces_are_known_where_each_shows_its_own() {
    let seen = Seen::new_kernel();
    let (_, fresh) = seen.route().unwrap();
    let namespaces = solve::namespaces(&seen.hits("cal_show")[0], fresh);
    let own = seen.own_ops(1024).unwrap();
    let netns = |name: &str| crate::host::netns::unidentified(name.into());
    let hits = seen.hits("cal_own");
    // The hits of two namespaces: as it was seen, and with another address.
    let (first, text) = (&hits[0], seen.text.clone());
    let elsewhere = seen.with("ffffffff96c099c0", "ffffffff96d099c0");
    assert_ne!(elsewhere.text, text);
    let second = &elsewhere.hits("cal_own")[0];
    let others = |there: &[&Hit], thresholds: &[u64], own| {
        let visited = thresholds.iter().map(|&n| (netns(&n.to_string()), n));
        let found = solve::others(there, visited.collect(), &namespaces, own);
        let found = found.into_iter().map(|other| (other.netns, other.ops));
        found.collect::<Vec<_>>()
    };
    let moved = own + 0x10_0000;
    assert_eq!(
        others(&[first, second], &[1024, 1024], 7),
        [(netns("1024"), own), (netns("1024"), moved)]
    );
    // One that does not show its threshold is left out alone.
    assert_eq!(
        others(&[first, second], &[1025, 1024], 7),
        [(netns("1024"), moved)]
    );
    assert_eq!(others(&[second], &[1024], own).len(), 1);
    for (there, thresholds, own) in [
        (&[first, second][..], &[1024][..], 7),
        (&[first], &[1024, 1024], 7),
        // Two of them, or one and one's own, cannot be in one place.
        (&[first, first], &[1024, 1024], 7),
        (&[first, second], &[1024, 1024], own),
    ] {
        assert_eq!(others(there, thresholds, own), []);
    }
}

#[test]
fn a_name_that_is_nowhere_or_in_two_places_is_not_found() {
    // Every interface seems to have its name again at 16.
    let twice = Seen::new_kernel();
    let text: Vec<String> = twice
        .text
        .lines()
        .map(|line| {
            let name = line
                .split_once(" w0=")
                .and_then(|(_, rest)| rest.split_once(' '));
            let old = line
                .split_once(" w16=")
                .and_then(|(_, rest)| rest.split_once(' '));
            match (name, old) {
                (Some((name, _)), Some((old, _))) if line.contains("cal_dev") => {
                    let put = line.replacen(&format!(" w16={old}"), &format!(" w16={name}"), 1);
                    let next = put
                        .split_once(" w24=")
                        .and_then(|(_, rest)| rest.split_once(' '));
                    let next = next.map_or(String::new(), |(next, _)| format!(" w24={next}"));
                    put.replacen(&next, " w24=0x0", 1)
                }
                _ => line.to_owned(),
            }
        })
        .collect();
    let twice = Seen {
        text: text.join("\n"),
        ..twice
    };
    assert_eq!(twice.device(), None);
    let mut unknown = Seen::new_kernel();
    unknown.own.remove("cali0");
    assert_eq!(unknown.device(), None);
    let mut nothing = Seen::new_kernel();
    nothing.text.clear();
    assert_eq!(nothing.device(), None);
}

#[test]
fn a_number_that_others_share_is_not_found() {
    // Of lo alone many words are 1.
    let mut alone = Seen::new_kernel();
    let lo: Vec<&str> = alone
        .text
        .lines()
        .filter(|line| line.contains(" w0=0x6f6c "))
        .collect();
    alone.text = lo.join("\n");
    alone.fresh = 0;
    assert_eq!(alone.device(), Some((0, None)));
    let mut wrong = Seen::new_kernel();
    wrong.own.insert("cali0".to_owned(), Some(9));
    assert_eq!(wrong.device(), Some((0, None)));
    wrong.own.insert("cali0".to_owned(), None);
    assert_eq!(wrong.device(), Some((0, Some(216))));
}

#[test]
fn bytes_that_may_be_in_two_places_are_not_found() {
    let seen = Seen::new_kernel();
    let (lo, packet) = (seen.lo(), format!("{:#x}", seen.lo()));
    assert_eq!(seen.sent(|sent| solve::dev(sent, lo + 8)), None);
    // The address of lo stands in a second place too.
    let both = Seen::new_kernel().with(
        "w24=0x0 w32=0x0 w40=0x1 ",
        &format!("w24={packet} w32=0x0 w40=0x1 "),
    );
    assert_eq!(both.sent(|sent| solve::dev(sent, lo)), None);
    assert!(both.sent(solve::data).is_some());
    // A packet of another length.
    let mut longer = Seen::new_kernel();
    longer.packets[1] = OwnPacket::new([7; 16], 53);
    assert_eq!(longer.sent(solve::data), None);
    assert_eq!(seen.sent(|_| solve::data(&[])), None);
    // An interface number that was there before, and one that is in two places.
    let before = Seen::new_kernel().with(" h144=0 ", " h144=1 ");
    assert_eq!(before.sent(solve::iif), None);
    let unseen = Seen::new_kernel().with("cal_out: (", "other: (");
    assert_eq!(unseen.sent(solve::iif), None);
    let second = Seen::new_kernel().with(" w144=0x1 ", " w144=0x100000001 ");
    assert_eq!(second.sent(solve::iif), None);
}

#[test]
fn a_route_is_known_by_its_interface() {
    let seen = Seen::new_kernel();
    let lo = format!("{:#x}", seen.lo());
    // The word behind the interface is no address.
    let (_, ops) = seen.route().unwrap();
    let no_ops = Seen::new_kernel().with(&format!("r88_8={ops:#x}"), "r88_8=0x7");
    assert_eq!(no_ops.route(), None);
    let elsewhere = Seen::new_kernel().with(&format!("r88_0={lo}"), "r88_0=0xff2d20d1438e3001");
    assert_eq!(elsewhere.route(), None);
    // Two routes of one namespace have one address of operations.
    let text = seen.text.replacen(
        &format!("r88_8={ops:#x}"),
        &format!("r88_8={:#x}", ops + 64),
        1,
    );
    assert_eq!(Seen { text, ..seen }.route(), None);
}

#[test]
fn probes_are_spelled_as_the_kernel_reads_them() {
    assert_eq!(
        solve::words("%di", 24),
        "w0=+0(%di):x64 w8=+8(%di):x64 w16=+16(%di):x64"
    );
    let words = solve::route_words("%di", &[(88, true)]);
    assert!(words.starts_with("r88_0=-1(+88(%di)):x64 r88_8=+7(+88(%di)):x64 "));
    assert_eq!(
        solve::namespace_words("%di", &[(112, 1472)]),
        "w112=+112(%di):x64 f112=+1472(+112(%di)):u16 t112=+1476(+112(%di)):u32"
    );
}
