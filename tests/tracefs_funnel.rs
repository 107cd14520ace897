//! What the kernel counts is read right, and tracing state is put back whatever the kernel
//! refuses, and however a count ends.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail loudly.

mod tracefs_tree;

use std::collections::BTreeMap;
use std::time::Duration;

use ip6drop::inside::kernel::Step;
use ip6drop::inside::os::Signals;
use ip6drop::inside::tracefs::{
    Available, Counters, Narrowing, Outcome, StateDir, TraceError, Undo, count,
};
use tracefs_tree::{Build, KProbe, Refuse, Tables, Tree, fixture};

struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Bench {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Bench(dir.unwrap())
    }

    fn state(&self) -> StateDir {
        StateDir::open(&self.0.path().join("state"), "one").unwrap()
    }

    fn count(&self, tree: &Tree) -> Result<Outcome, TraceError> {
        self.count_these(&counters(), tree)
    }

    fn count_these(&self, counters: &Counters, tree: &Tree) -> Result<Outcome, TraceError> {
        let signals = Signals::take(&[]).unwrap();
        let state = self.state();
        let mut edges = 0;
        let within = (tree as _, &state, &signals);
        let counted = count(within, counters, Duration::ZERO, &mut || edges += 1);
        assert_eq!(edges == 2, counted.is_ok() || edges == 2);
        counted
    }
}

fn counters() -> Counters {
    let functions = Step::ALL.iter().flat_map(|step| step.functions());
    let names: Vec<&str> = functions.copied().collect();
    let text = fixture("available_filter_functions");
    Counters::all(&Available::parse(text.as_bytes(), &names), true)
}

fn tree(tables: Tables) -> Tree {
    let mut tree = Tree::new(Build::Fp);
    tree.tables = tables;
    tree
}

fn kept() -> Tree {
    let hits = [
        ("ip6_rcv_core", [30, 12]),
        ("ip6_pkt_discard", [7, 5]),
        ("ip6_dst_gc", [0, 4]),
        ("ip6_input", [20, 0]),
        ("ip6_input_finish", [18, 0]),
    ];
    let freed = vec![
        "{ location: [ffffffff81303206] nf_hook_slow     } hitcount:          2",
        "{ location: [ffffffff813aa255] ip6_pkt_drop     } hitcount:         12",
    ];
    let hits = BTreeMap::from(hits);
    let tree = tree(Tables::Kept { hits, freed });
    // Somebody else's, which stay.
    let mut state = tree.state.borrow_mut();
    state.top.tracer = "function".to_owned();
    state.top.filter.insert("vfs_read".to_owned());
    state.probes.push(KProbe {
        on_return: false,
        event: "theirs/probe".to_owned(),
        function: "vfs_read".to_owned(),
    });
    state.top.events.insert("theirs/probe".to_owned());
    drop(state);
    tree
}

/// Kernels that count in different ways.
fn kernels() -> [fn() -> Tree; 3] {
    [kept, || tree(Tables::None), || tree(Tables::WithoutCpus)]
}

#[test]
fn hits_between_two_readings_are_counted_by_cpu() {
    let tree = kept();
    let before = tree.snapshot();
    let outcome = Bench::new().count(&tree).unwrap();
    assert_eq!(tree.snapshot(), before);
    assert!(outcome.undo.complete());
    let counted = outcome.counted;
    let of = |step: Step| {
        let hits = counted.of(step).unwrap();
        (
            hits.packets,
            hits.per_cpu.get(&0).copied(),
            hits.per_cpu.get(&1).copied(),
        )
    };
    assert_eq!(of(Step::Arrived), (42, Some(30), Some(12)));
    assert_eq!(of(Step::Discarded), (12, Some(7), Some(5)));
    // Only returns of 1 are counted.
    assert_eq!(of(Step::Refused), (4, None, Some(4)));
    let log = tree.log.borrow().join("\n");
    assert!(
        log.contains("/trigger: hist:keys=cpu if ret == 1\n"),
        "{log}"
    );
    assert!(log.contains("skb/kfree_skb/trigger: hist:keys=location.sym if protocol == 34525\n"));
    assert_eq!(of(Step::Delivered), (18, Some(18), None));
    assert_eq!(counted.packets(Step::Forwarded), Some(0));
    let freed = counted.freed.clone().unwrap();
    let freed: Vec<u64> = freed.iter().map(|freed| freed.packets).collect();
    assert_eq!(freed, [2, 12]);
    // Nothing of others is touched, and nothing comes as a stream.
    let changes = log.lines().filter(|line| !line.starts_with("read "));
    for word in [
        "current_tracer",
        "set_ftrace_filter",
        "trace_pipe",
        "/enable",
    ] {
        assert!(changes.clone().all(|line| !line.contains(word)), "{log}");
    }
}

#[test]
fn kernels_without_tables_give_sums() {
    for tables in [Tables::None, Tables::WithoutCpus] {
        let tree = tree(tables);
        let before = tree.snapshot();
        let outcome = Bench::new().count(&tree).unwrap();
        assert_eq!(tree.snapshot(), before);
        let counted = outcome.counted;
        assert_eq!(counted.packets(Step::Arrived), Some(7));
        assert!(counted.of(Step::Arrived).unwrap().per_cpu.is_empty());
        // Returns cannot be told apart by a sum.
        assert_eq!(counted.packets(Step::Refused), None);
        assert_eq!(counted.freed, None);
        let log = tree.log.borrow().join("\n");
        assert!(
            log.contains("funnel_ip6_rcv_core_0/filter: common_pid < 0\n"),
            "{log}"
        );
    }
}

/// Counters of packets of an interface, in these functions.
fn filtered(functions: &str) -> Counters {
    let names = Step::ALL.iter().flat_map(|step| step.functions());
    let names: Vec<&str> = names.copied().collect();
    let all = Counters::all(&Available::parse(functions.as_bytes(), &names), true);
    all.only(|_, skb| Narrowing {
        fetch: format!(" dev=+0(+16({skb})):string"),
        filter: "(dev == \"eth0\")".to_owned(),
        asked: "--dev eth0".to_owned(),
    })
}

#[test]
fn packets_asked_for_are_counted_alone() {
    let tree = kept();
    let before = tree.snapshot();
    let counters = filtered(&fixture("available_filter_functions"));
    let outcome = Bench::new().count_these(&counters, &tree).unwrap();
    assert_eq!(tree.snapshot(), before);
    let counted = outcome.counted;
    assert_eq!(counted.packets(Step::Arrived), Some(42));
    // Neither is told of packets.
    assert_eq!(counted.packets(Step::Refused), None);
    assert_eq!(counted.freed, None);
    let log = tree.log.borrow().join("\n");
    let of = "ip6_rcv_core_0/trigger: hist:keys=cpu if (dev == \"eth0\")\n";
    assert!(log.contains(of), "{log}");
    assert!(!log.contains("kfree_skb/trigger"), "{log}");
}

#[test]
#[cfg(target_arch = "x86_64")]
fn the_packet_is_where_the_function_has_it() {
    let functions = "ip6_rcv_core.constprop.0\nip6_protocol_deliver_rcu\nip6_input_finish\n";
    let tree = kept();
    let outcome = Bench::new().count_these(&filtered(functions), &tree);
    let log = tree.log.borrow().join("\n");
    for line in [
        "funnel_ip6_rcv_core_0 ip6_rcv_core.constprop.0 dev=+0(+16(%di)):string",
        "funnel_ip6_protocol_deliver_rcu_0 ip6_protocol_deliver_rcu dev=+0(+16(%si)):string",
        "funnel_ip6_input_finish_0 ip6_input_finish dev=+0(+16(%dx)):string",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
    drop(outcome.unwrap());
    // Of arguments that were changed, only the first is known to be where it was.
    let tree = kept();
    let counters = filtered("ip6_input_finish.isra.0\nip6_rcv_core\n");
    let outcome = Bench::new().count_these(&counters, &tree).unwrap();
    assert_eq!(outcome.counted.hits.len(), 1);
    assert!(outcome.counted.of(Step::Arrived).is_some());
    assert!(!tree.log.borrow().join("\n").contains("ip6_input_finish"));
}

#[test]
fn what_counts_hits_before_a_filter_is_refused() {
    for tables in [Tables::None, Tables::WithoutCpus] {
        let tree = tree(tables);
        let before = tree.snapshot();
        let counters = filtered(&fixture("available_filter_functions"));
        let refused = Bench::new().count_these(&counters, &tree).unwrap_err();
        let said = refused.to_string();
        assert!(said.contains("no tables of filtered events"), "{said}");
        assert_eq!(tree.snapshot(), before);
    }
}

#[test]
fn a_probe_that_is_refused_is_left_out() {
    let names = ["ip6_rcv_core", "ip6_input"];
    let text = b"ip6_rcv_core\nip6_input.isra.7\n";
    let tree = kept();
    let bench = Bench::new();
    let state = bench.state();
    let signals = Signals::take(&[]).unwrap();
    let counters = Counters::all(&Available::parse(text, &names), true);
    let outcome = count(
        (&tree, &state, &signals),
        &counters,
        Duration::ZERO,
        &mut || (),
    )
    .unwrap();
    assert!(outcome.undo.complete());
    assert_eq!(outcome.counted.hits.len(), 1);
    assert!(outcome.counted.of(Step::Arrived).is_some());
}

/// What became of the state, whether it was counted or not.
fn undo(bench: &Bench, tree: &Tree) -> Result<Undo, TraceError> {
    bench.count(tree).map(|outcome| outcome.undo)
}

#[test]
fn any_refused_operation_leaves_the_state_as_it_was() {
    let bench = Bench::new();
    for make in kernels() {
        let whole = make();
        undo(&bench, &whole).unwrap();
        assert!(whole.operations() > 50);
        for n in 1..=whole.operations() {
            let tree = make();
            let before = tree.snapshot();
            tree.refuse.set(Refuse::Only(n));
            let undo = undo(&bench, &tree);
            let log = tree.log.borrow().join("\n");
            assert!(!matches!(undo, Err(TraceError::Left(_))), "{n}\n{log}");
            assert_eq!(tree.snapshot(), before, "operation {n}\n{log}");
            assert_eq!(*tree.violations.borrow(), Vec::<String>::new());
            assert!(bench.state().stale().unwrap().is_none(), "{n}");
        }
    }
}

#[test]
fn after_a_kill_at_any_operation_the_journal_puts_everything_back() {
    let bench = Bench::new();
    for make in kernels() {
        let whole = make();
        undo(&bench, &whole).unwrap();
        let mut left_behind = 0;
        for n in 1..=whole.operations() {
            let tree = make();
            let before = tree.snapshot();
            tree.refuse.set(Refuse::From(n));
            let ended = undo(&bench, &tree);
            tree.refuse.set(Refuse::Nothing);
            let state = bench.state();
            if tree.snapshot() != before {
                left_behind += 1;
                let is_said = match &ended {
                    Ok(undo) => !undo.complete(),
                    Err(e) => matches!(e, TraceError::Left(_)),
                };
                assert!(is_said, "{n}");
            }
            if let Some(stale) = state.stale().unwrap() {
                let undo = Undo::replay(&tree, &stale.changes);
                let undo = undo.settle(&state, &stale.header).unwrap();
                assert!(undo.complete(), "{n}: {undo:?}");
            }
            assert_eq!(tree.snapshot(), before, "operation {n}");
            assert_eq!(*tree.violations.borrow(), Vec::<String>::new());
        }
        assert!(left_behind > 10, "only {left_behind} kills mattered");
    }
}
