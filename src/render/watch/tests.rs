//! Screens of real captures, fed in pieces: before drops, while they come, and afterwards. `BLESS=1 cargo test
//! --lib watch` writes the expected screens anew.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::Color;
use tempfile::TempDir;

use crate::host::Host;
use crate::render::watch::plain;
use crate::render::watch::screen::{Look, draw};
use crate::report::build::Request;
use crate::status::sampler::{Sampler, Selection, Status};
use crate::text::is_harmful;
use crate::watch::keys::{Key, keys};
use crate::watch::model::Model;
use crate::watch::observer::{Measured, Observer};

const PLAIN: Look = Look {
    color: false,
    unicode: true,
};
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (240, 60)];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A node with four CPUs and so many entries.
struct Node(TempDir);

impl Node {
    fn new(slow: u64, max_size: i64) -> Node {
        let node = Node(tempfile::tempdir().unwrap());
        node.set("proc/sys/kernel/osrelease", "4.19.108\n");
        node.set("proc/sys/kernel/hostname", "node-7\n");
        node.set("proc/net/snmp6", "Ip6InNoRoutes \t7\n");
        node.set("sys/devices/system/cpu/online", "0-3\n");
        node.set("sys/devices/system/cpu/present", "0-3\n");
        let sysctls = [
            ("max_size", max_size),
            ("gc_thresh", 64),
            ("gc_min_interval_ms", 500),
            ("gc_elasticity", 9),
            ("gc_timeout", 60),
            ("gc_interval", 30),
        ];
        for (name, value) in sysctls {
            node.set(
                &format!("proc/sys/net/ipv6/route/{name}"),
                &value.to_string(),
            );
        }
        node.hold(slow);
        node
    }

    fn set(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn hold(&self, slow: u64) {
        let stats = format!("034d 01a8 02f1 01d2 0006 {slow:04x} 0000\n");
        self.set("proc/net/rt6_stats", &stats);
    }

    fn status(&self, second: u32) -> Option<Status> {
        let host = Host {
            proc: self.0.path().join("proc"),
            sys: self.0.path().join("sys"),
            state: self.0.path().join("state"),
        };
        let mut status = Sampler::new(host, Selection::Own).sample().unwrap();
        status.time = 1_784_000_000.0 + f64::from(second);
        Some(status)
    }
}

/// Screens of one capture, in pieces of equal size, a second each.
struct Scene<'r> {
    node: Node,
    observer: Observer<'r>,
    second: u32,
    model: Model,
}

impl<'r> Scene<'r> {
    fn new(request: &'r Request, node: Node) -> Self {
        let second = Duration::from_secs(1);
        Scene {
            node,
            observer: Observer::new(request, Duration::from_secs(600), second),
            second: 0,
            model: Model::default(),
        }
    }

    fn pass(&mut self, text: &[u8]) {
        self.second += 1;
        self.observer.feed(text);
        let measured = Measured {
            elapsed: Duration::from_secs(self.second.into()),
            rate: text.iter().filter(|b| **b == b'\n').count() as u64,
            lost: 0,
            own_cpu: 0.003,
        };
        let status = self.node.status(self.second);
        let picture = self.observer.look(measured, status).clone();
        self.model.set_live(picture);
    }

    fn press(&mut self, text: &str) {
        for key in keys(text.as_bytes()) {
            self.model.press(key);
        }
    }

    fn screen(&self, (width, height): (u16, u16)) -> String {
        text(&drawn(&self.model, PLAIN, (width, height)))
    }

    fn all(&self) -> String {
        let screen = |size: (u16, u16)| format!("{} x {}\n{}\n", size.0, size.1, self.screen(size));
        SIZES.into_iter().map(screen).collect()
    }
}

fn drawn(model: &Model, look: Look, (width, height): (u16, u16)) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    draw(model, look, &mut buffer);
    buffer
}

fn text(buffer: &Buffer) -> String {
    let area = buffer.area();
    let line = |y| {
        let line: String = (0..area.width).map(|x| buffer[(x, y)].symbol()).collect();
        format!("{}\n", line.trim_end())
    };
    (0..area.height).map(line).collect()
}

fn capture(name: &str) -> Vec<u8> {
    std::fs::read(root().join("fixtures").join(name)).unwrap()
}

/// What is written down of a scene.
fn expect(name: &str, shown: &str) {
    let path: PathBuf = root().join("tests/goldens/watch").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, shown).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(shown, expected, "{}", path.display());
}

/// A node whose cache fills up, drops packets and is enlarged.
fn full_cache(request: &Request) -> Scene<'_> {
    let mut scene = Scene::new(request, Node::new(180, 200));
    scene.pass(b"# ip6drop: version 2\n# ip6drop: traced ip6_pkt_drop\n# ip6drop: lookups all\n");
    scene.pass(b"");
    scene
}

#[test]
fn screens_before_while_and_after_drops() {
    let request = Request::default();
    let mut scene = full_cache(&request);
    expect("before.txt", &scene.all());
    let text = capture("4.19-identity/alternating.pipe");
    for (n, piece) in text.chunks(text.len() / 12 + 1).enumerate() {
        scene.node.hold(300 + 40 * n as u64);
        scene.pass(piece);
    }
    expect("while.txt", &scene.all());
    scene
        .node
        .set("proc/sys/net/ipv6/route/max_size", "16384\n");
    (0..20).for_each(|_| scene.pass(b""));
    expect("after.txt", &scene.all());
}

#[test]
fn the_page_of_the_program_shows_what_it_looks_like() {
    let screens = std::fs::read_to_string(root().join("tests/goldens/watch/while.txt")).unwrap();
    let first = screens.lines().skip(1).take(24);
    let shown: String = first.map(|line| format!("    {line}\n")).collect();
    let page = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(page.contains(&shown), "{shown}");
}

#[test]
fn screens_of_other_causes() {
    let request = Request::default();
    for (name, fixture) in [
        ("no-route.txt", "4.19-fp/noroute.pipe"),
        ("intermittent.txt", "4.19-more/intermittent-entry.pipe"),
        ("reverse-path-filter.txt", "4.19-rpfilter/ipt-full.pipe"),
    ] {
        let mut scene = Scene::new(&request, Node::new(376, 366));
        scene.pass(&capture(fixture));
        expect(name, &scene.screen((120, 30)));
    }
}

#[test]
fn what_keys_ask_for_is_shown() {
    let request = Request::default();
    let mut scene = full_cache(&request);
    scene.pass(&capture("4.19-identity/alternating.pipe"));
    scene.press("j\r");
    expect("one-cpu.txt", &scene.screen((100, 30)));
    scene.press("\x1b?");
    expect("help.txt", &scene.screen((80, 24)));
    scene.press("\x1b/noroute");
    assert!(scene.screen((80, 24)).contains("filter: noroute_"));
    scene.press("\r");
    let filtered = scene.screen((80, 24));
    assert!(
        filtered.contains("(with \"noroute\")") && filtered.contains("  none"),
        "{filtered}"
    );
    scene.press("\x1bp");
    scene.pass(&capture("4.19-identity/cases.pipe"));
    let paused = scene.screen((80, 24));
    assert!(
        paused.contains("PAUSED, ") && !paused.contains("PAUSED, 0"),
        "{paused}"
    );
}

#[test]
fn a_terminal_too_small_says_so() {
    let model = Model::default();
    for size in [(59, 24), (80, 15), (20, 5), (1, 1), (5, 60), (0, 0)] {
        let shown = text(&drawn(&model, PLAIN, size));
        assert!(!shown.contains("CPUs"), "{size:?}: {shown}");
        if size.0 >= 20 {
            assert!(
                shown.replace('\n', " ").contains("ip6drop watch needs 60"),
                "{shown}"
            );
        }
    }
    for size in [(60, 16), (61, 17), (500, 200)] {
        assert!(
            text(&drawn(&model, PLAIN, size)).contains("CPUs"),
            "{size:?}"
        );
    }
}

#[test]
fn without_colour_there_is_none_and_ascii_is_ascii() {
    let request = Request::default();
    let mut scene = full_cache(&request);
    scene.pass(&capture("4.19-identity/alternating.pipe"));
    let colours = |look| {
        let buffer = drawn(&scene.model, look, (120, 40));
        let cells = buffer.content();
        cells
            .iter()
            .any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
    };
    assert!(!colours(PLAIN));
    assert!(colours(Look {
        color: true,
        ..PLAIN
    }));
    let poor = Look {
        unicode: false,
        ..PLAIN
    };
    let shown = text(&drawn(&scene.model, poor, (80, 24)));
    assert!(shown.is_ascii() && shown.contains('#'), "{shown}");
}

#[test]
fn names_that_tasks_choose_are_harmless() {
    let request = Request::default();
    let mut scene = full_cache(&request);
    for (file, name) in [
        ("hostname", "n\u{9b}\u{200b}ode"),
        ("osrelease", "4.19.1\u{1b}[2J\u{2066}"),
    ] {
        scene.node.set(&format!("proc/sys/kernel/{file}"), name);
    }
    let drop = "   a\x1b[2J\u{202e}-9  [001] ..s1 10.000000: ip6_pkt_drop <-ip6_pkt_discard\n";
    scene.pass(drop.as_bytes());
    let shown = scene.screen((120, 40));
    assert!(shown.contains(r"a\u{1b}[2J"), "{shown}");
    assert!(
        shown.contains(r"n\u{9b}\u{200b}ode  4.19.1\u{1b}[2J\u{2066}"),
        "{shown}"
    );
    assert!(!shown.contains(|c| c != '\n' && is_harmful(c)), "{shown}");
}

#[test]
fn what_the_kernel_lost_is_said_and_counted_nowhere() {
    let request = Request::default();
    let mut scene = full_cache(&request);
    scene.pass(b"CPU:1 [LOST 57 EVENTS]\n  a-1  [001] ..s1 10.0: ip6_pkt_drop <-x\n");
    let picture = scene.model.live().clone();
    scene.model.set_live(crate::watch::picture::Picture {
        lost: 57,
        ..picture
    });
    let shown = scene.screen((100, 24));
    assert!(shown.contains("! dropped from view 57"), "{shown}");
    assert!(shown.contains(" 1 in 3 s"), "{shown}");
}

#[test]
fn the_line_of_pipes() {
    let request = Request::default();
    let mut scene = full_cache(&request);
    let before = plain::line(scene.model.live(), 0);
    scene.pass(&capture("4.19-identity/alternating.pipe"));
    let all = before + &plain::line(scene.model.live(), 2);
    scene.model.press(Key::Redraw);
    expect("plain.txt", &all);
}
