//! Where a node is too busy for all that is wanted, a recording goes on with less and says so, and
//! stops where nothing is left to be done without.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail loudly.

mod tracefs_tree;

use std::time::Duration;

use ip6drop::inside::capture::Method;
use ip6drop::inside::commands::seen;
use ip6drop::inside::host::Host;
use ip6drop::inside::kernel::{TRACED, Traced};
use ip6drop::inside::os::Signals;
use ip6drop::inside::tracefs::TraceError;
use ip6drop::inside::tracefs::{
    Available, Env, Onlooker, Output, Probe, Session, StateDir, record,
};
use ip6drop::inside::tracefs::{Layout, Limit, Limits, Naming, Plan, Recorded, Stopped};
use tracefs_tree::{Build, Refuse, Tree, fixture};

/// Far more than ten times [`MAX_RATE`], however long the trial takes.
const HOT: u64 = 4000;
const MAX_RATE: u64 = 1;

struct Nobody;

impl Onlooker for Nobody {}

/// A kernel on which so many of these events come.
fn busy(heat: &[(&'static str, u64)]) -> Tree {
    let mut tree = Tree::new(Build::Fp);
    tree.heat = heat.iter().copied().collect();
    tree
}

/// A recording, and its capture; the state is as before.
fn recorded(tree: &Tree, plan: &Plan, trial: Duration) -> (Result<Recorded, TraceError>, String) {
    let before = tree.snapshot();
    // In memory, as /run is: the journal is synced at every change.
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let dir = dir.unwrap();
    let signals = Signals::take(&[]).unwrap();
    let state = StateDir::open(&dir.path().join("state"), "one").unwrap();
    let host = Host {
        proc: dir.path().join("proc"),
        sys: dir.path().join("sys"),
        state: "".into(),
    };
    let env = Env {
        fs: tree,
        state: &state,
        signals: &signals,
        trigger: &|| Ok(()),
        read: seen,
    };
    let limits = Limits {
        duration: Some(Duration::ZERO),
        events: None,
        drops: None,
        after: Duration::ZERO,
        bytes: None,
        max_rate: MAX_RATE,
        trial,
        background: false,
    };
    let path = dir.path().join("capture");
    let mut output = Output::open(&path, true, signals.clone()).unwrap();
    let session = Session::begin(tree, &state).unwrap();
    let recorded = record(
        (&env, session),
        &host,
        plan,
        &limits,
        &mut output,
        &mut Nobody,
    );
    if let Ok(recorded) = &recorded {
        assert!(recorded.undo.complete(), "{:?}", recorded.undo);
    }
    assert_eq!(tree.snapshot(), before);
    assert_eq!(*tree.violations.borrow(), Vec::<String>::new());
    (recorded, std::fs::read_to_string(path).unwrap())
}

/// The same where so many of these events come.
fn under(heat: &[(&'static str, u64)], plan: &Plan) -> (Recorded, String) {
    let (recorded, capture) = recorded(&busy(heat), plan, Duration::from_millis(100));
    (recorded.unwrap(), capture)
}

/// All functions, without stacks: these would be the first to go.
fn entries(method: Method) -> Plan {
    let names: Vec<&str> = TRACED.iter().map(Traced::name).collect();
    let available = Available::parse(fixture("available_filter_functions").as_bytes(), &names);
    Plan {
        method,
        functions: TRACED
            .iter()
            .filter_map(|traced| available.function(traced.name(), false))
            .collect(),
        probes: vec![
            Probe::entry("gc_enter", "ip6_dst_gc"),
            Probe::gc_exit("ip6_dst_gc"),
        ],
        naming: None,
        probes_optional: false,
        buffer_kb: 512,
        cpus: None,
        top_level: false,
    }
}

/// Packets are named, and lookups tell what became of them.
fn lookups() -> Plan {
    let probe = Probe::entry("ip6_pkt_drop", "ip6_pkt_drop");
    let streams = ["iif != 1", "iif != 1 && err != 0"].map(str::to_owned);
    let whole = entries(Method::Instance);
    Plan {
        functions: whole.functions[..1].to_vec(),
        naming: Some(Naming::new(probe, Layout::default(), Some(7), &streams)),
        ..whole
    }
}

/// What a line of the capture says.
fn said<'a>(capture: &'a str, what: &str) -> Option<&'a str> {
    let start = format!("# ip6drop: {what} ");
    capture.lines().find_map(|line| line.strip_prefix(&start))
}

fn is_recorded(recorded: &Recorded) -> bool {
    matches!(recorded.ended, Stopped::Limit(Limit::Duration))
}

#[test]
fn a_calm_node_is_traced_in_full() {
    for method in Method::ALL {
        let (recorded, capture) = under(&[], &entries(method));
        assert!(is_recorded(&recorded), "{:?}", recorded.ended);
        assert_eq!(
            said(&capture, "traced").unwrap().split(',').count(),
            TRACED.len()
        );
        assert_eq!(said(&capture, "probes"), Some("gc_enter,gc_exit"));
        assert!(
            !recorded
                .notes
                .iter()
                .any(|note| note.starts_with("traced without"))
        );
    }
    let (recorded, capture) = under(&[], &lookups());
    assert!(is_recorded(&recorded));
    assert_eq!(said(&capture, "probes"), Some("gc_enter,gc_exit"));
    assert_eq!(said(&capture, "lookups"), Some("iif != 1"));
}

#[test]
fn what_is_hot_and_optional_is_left_out_and_the_head_says_so() {
    for method in Method::ALL {
        let (recorded, capture) = under(&[("icmp6_send", HOT)], &entries(method));
        assert!(is_recorded(&recorded), "{method:?}: {:?}", recorded.ended);
        let traced = said(&capture, "traced").unwrap();
        assert!(!traced.contains("icmp6_send"), "{traced}");
        assert_eq!(traced.split(',').count(), TRACED.len() - 1, "{traced}");
        assert_eq!(said(&capture, "probes"), Some("gc_enter,gc_exit"));
        assert!(!capture.contains(": icmp6_send <-x"), "{capture}");
        let left = |note: &&String| note.starts_with("traced without icmp6_send: CPU 0 saw ");
        let note = recorded.notes.iter().find(left).unwrap();
        assert!(
            note.contains("may be taken for one of the next packet"),
            "{note}"
        );
    }
}

#[test]
fn probes_on_each_allocation_go_where_each_packet_makes_one() {
    let heat = [("gc_enter", HOT), ("gc_exit", HOT)];
    let (recorded, capture) = under(&heat, &lookups());
    assert!(is_recorded(&recorded), "{:?}", recorded.ended);
    assert_eq!(said(&capture, "traced"), Some("ip6_pkt_drop"));
    assert_eq!(said(&capture, "probes"), None);
    // Other lookups would have been no help.
    assert_eq!(said(&capture, "lookups"), Some("iif != 1"));
    let left: Vec<&String> = recorded.notes.iter().collect();
    assert!(
        left[left.len() - 2].starts_with("traced without gc_enter: "),
        "{left:?}"
    );
    assert!(
        left[left.len() - 1].starts_with("traced without gc_exit: "),
        "{left:?}"
    );
}

#[test]
fn what_decides_is_never_left_out() {
    let hot = |name: &'static str, plan: &Plan| {
        let (recorded, capture) = under(&[(name, HOT)], plan);
        let Stopped::TooHot(busy) = &recorded.ended else {
            panic!("{name}: {:?}", recorded.ended)
        };
        assert_eq!(busy.most.as_deref(), Some(name));
        // The head is there, and nothing behind it but facts.
        assert!(
            said(&capture, "traced")
                .unwrap()
                .starts_with("ip6_pkt_drop"),
            "{capture}"
        );
        assert!(!capture.contains("<-x"), "{capture}");
        capture
    };
    for method in Method::ALL {
        hot("ip6_pkt_drop", &entries(method));
    }
    hot("ip6_pkt_drop", &lookups());
    let capture = hot("fib6_table_lookup", &lookups());
    assert_eq!(said(&capture, "lookups"), Some("iif != 1 && err != 0"));
    assert_eq!(said(&capture, "probes"), Some("gc_enter,gc_exit"));
}

#[test]
fn whatever_is_refused_while_something_is_left_out_the_state_is_put_back() {
    let plan = Plan {
        functions: entries(Method::Instance).functions,
        ..lookups()
    };
    let make = || busy(&[("gc_enter", 100), ("gc_exit", 100), ("icmp6_send", 300)]);
    let whole = make();
    let (ended, capture) = recorded(&whole, &plan, Duration::ZERO);
    assert!(is_recorded(&ended.unwrap()));
    assert!(
        !said(&capture, "traced").unwrap().contains("icmp6_send"),
        "{capture}"
    );
    for n in 1..=whole.operations() {
        let tree = make();
        tree.refuse.set(Refuse::Only(n));
        // That it is as before is seen there.
        let _ = recorded(&tree, &plan, Duration::ZERO);
    }
}
