//! Whatever operation the kernel refuses, and however a recording ends, tracing state is put
//! back, or what is left is named.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail loudly.

#[path = "tracefs_tree/bench.rs"]
mod bench;
mod tracefs_tree;

use bench::{Bench, Way, calibrate, kernels, naming, paged, plan, put_back, rounding, ways};
use ip6drop::inside::capture::Method;
use ip6drop::inside::commands::seen;
use ip6drop::inside::kernel::RT6_STATS_SEQ_SHOW;
use ip6drop::inside::tracefs::Change;
use ip6drop::inside::tracefs::Env;
use ip6drop::inside::tracefs::Others;
use ip6drop::inside::tracefs::Probe;
use ip6drop::inside::tracefs::Rewrite;
use ip6drop::inside::tracefs::Session;
use ip6drop::inside::tracefs::StateDir;
use ip6drop::inside::tracefs::TraceError;
use ip6drop::inside::tracefs::TraceFs;
use ip6drop::inside::tracefs::choose;
use ip6drop::inside::tracefs::{Deed, Stage, Write};
use ip6drop::inside::tracefs::{Limit, Stopped};
use tracefs_tree::{Build, Refuse, Tree};

/// Puts a mark in front of every line.
#[derive(Debug, Default)]
struct Marking(Vec<u8>);

impl Rewrite for Marking {
    fn rewrite(&mut self, piece: &[u8]) -> Vec<u8> {
        self.0.extend(piece);
        let whole = self.0.iter().rposition(|&b| b == b'\n');
        let lines: Vec<u8> = self.0.drain(..whole.map_or(0, |end| end + 1)).collect();
        let lines = lines.split_inclusive(|&b| b == b'\n');
        lines.flat_map(|line| [b"~", line].concat()).collect()
    }

    fn is_open(&self) -> bool {
        !self.0.is_empty()
    }

    fn cut(&mut self) {
        self.0.clear();
    }
}

#[test]
fn a_recording_puts_everything_back_in_the_safe_order() {
    let bench = Bench::new();
    for make in kernels() {
        for method in Method::ALL {
            let tree = make();
            let before = tree.snapshot();
            let recorded = bench.record(&tree, method).unwrap();
            assert!(
                matches!(recorded.ended, Stopped::Limit(Limit::Duration)),
                "{method:?}: {:?}",
                recorded.ended
            );
            assert!(recorded.undo.complete(), "{:?}", recorded.undo);
            assert_eq!(tree.snapshot(), before, "{method:?}");
            assert_eq!(
                *tree.violations.borrow(),
                Vec::<String>::new(),
                "{method:?}"
            );
            assert!(
                bench.state().stale().unwrap().is_none(),
                "the journal is settled"
            );
            let capture = std::fs::read_to_string(bench.output()).unwrap();
            assert!(capture.contains(&format!("# ip6drop: method {}\n", method.name())));
            assert!(capture.contains("# ip6drop: traced ip6_pkt_drop,"));
            assert!(capture.contains("# ip6drop: probes gc_enter,gc_exit\n"));
            assert!(capture.ends_with("# ip6drop: lost 0 0\n"), "{capture}");

            let log = tree.log.borrow().join("\n");
            let at = |what: &str| {
                log.find(what)
                    .unwrap_or_else(|| panic!("{what} not in\n{log}"))
            };
            match method {
                Method::Kprobe => assert!(
                    at("options/stacktrace: 1") < at("enable: 1\nread")
                        || at("options/stacktrace: 1") < log.rfind("enable: 1").unwrap()
                ),
                Method::Instance => {
                    assert!(at("set_ftrace_filter: fib6_run_gc") < at(":stacktrace"));
                    assert!(at(":stacktrace") < log.rfind("current_tracer: function").unwrap());
                }
                Method::FuncStackTrace => {
                    assert!(at("set_ftrace_filter: fib6_run_gc") < at("func_stack_trace: 1"));
                    assert!(at("func_stack_trace: 1") < log.rfind("func_stack_trace: 0").unwrap());
                }
            }
        }
    }
}

#[test]
fn packets_are_named_without_the_function_tracer() {
    let bench = Bench::new();
    for make in kernels() {
        let tree = make();
        let before = tree.snapshot();
        let recorded = bench.record_plan(&tree, &naming()).unwrap();
        assert!(recorded.undo.complete(), "{:?}", recorded.undo);
        assert_eq!(tree.snapshot(), before);
        let capture = std::fs::read_to_string(bench.output()).unwrap();
        for line in [
            "version 2",
            "traced ip6_pkt_drop",
            "ops 0x7",
            "offsets data 0, dev 0, name 0",
            "lookups iif != 1",
        ] {
            assert!(
                capture.contains(&format!("# ip6drop: {line}\n")),
                "{capture}"
            );
        }
        let log = tree.log.borrow();
        let last = |what: &str| log.iter().rposition(|line| line.ends_with(what)).unwrap();
        assert!(
            !log.iter()
                .any(|line| line.ends_with("current_tracer: function"))
        );
        let on = |event: &str| last(&format!("/{event}/enable: 1"));
        assert!(last("fib6_table_lookup/filter: iif != 1") < on("fib6_table_lookup"));
        assert!(on("fib6_table_lookup") < on("gc_enter") && on("gc_enter") < on("ip6_pkt_drop"));
        assert!(last(": ip6_pkt_drop:stacktrace:64") < on("ip6_pkt_drop"));
    }
}

#[test]
fn every_line_of_a_recording_can_be_written_anew() {
    let bench = Bench::new();
    for Way { plan, .. } in ways() {
        let tree = kernels()[0]();
        let mark: Box<dyn Rewrite> = Box::new(Marking::default());
        let recorded = bench.record_rewritten(&tree, &plan, Some(mark));
        assert!(recorded.unwrap().undo.complete());
        let capture = std::fs::read_to_string(bench.output()).unwrap();
        assert!(capture.starts_with("~# ip6drop: version "), "{capture}");
        assert!(capture.ends_with("\n~# ip6drop: lost 0 0\n"), "{capture}");
        for line in capture.lines() {
            assert_eq!(line.rfind('~'), Some(0), "{line}");
        }
    }
}

#[test]
fn any_refused_operation_leaves_the_state_as_it_was() {
    let bench = Bench::new();
    for make in kernels() {
        for way in ways() {
            let method = way.name;
            let whole = make();
            bench.record_way(&whole, &way);
            for n in 1..=whole.operations() {
                let tree = make();
                let before = tree.snapshot();
                tree.refuse.set(Refuse::Only(n));
                let undo = bench.record_way(&tree, &way);
                let log = tree.log.borrow().join("\n");
                assert!(undo.complete(), "{method}, {n}: {undo:?}\n{log}");
                assert_eq!(tree.snapshot(), before, "{method}, operation {n}\n{log}");
                assert_eq!(
                    *tree.violations.borrow(),
                    Vec::<String>::new(),
                    "{method}, {n}\n{log}"
                );
                assert!(bench.state().stale().unwrap().is_none(), "{method}, {n}");
            }
        }
    }
}

#[test]
fn after_a_kill_at_any_operation_the_journal_puts_everything_back() {
    let bench = Bench::new();
    for make in kernels() {
        for way in ways() {
            let method = way.name;
            let whole = make();
            bench.record_way(&whole, &way);
            let mut left_behind = 0;
            for n in 1..=whole.operations() {
                let tree = make();
                let before = tree.snapshot();
                tree.refuse.set(Refuse::From(n));
                let ended = bench.record_way(&tree, &way);
                tree.refuse.set(Refuse::Nothing);
                let state = bench.state();
                let stale = state.stale().unwrap();
                // Nothing changed may be missing from the account of what is left.
                if tree.snapshot() != before {
                    left_behind += 1;
                    assert!(!ended.complete(), "{method}, {n}");
                    let lines = ended.lines().join("\n");
                    for left in &ended.left {
                        assert!(lines.contains(&left.change.what()) && lines.contains(&left.mend));
                    }
                    assert!(stale.is_some(), "{method}, {n}: nothing to restore from");
                }
                if let Some(stale) = stale {
                    let undo = put_back(&tree, &state, &stale).unwrap();
                    let log = tree.log.borrow().join("\n");
                    assert!(undo.complete(), "{method}, {n}: {undo:?}\n{log}");
                }
                let log = tree.log.borrow().join("\n");
                assert_eq!(tree.snapshot(), before, "{method}, operation {n}\n{log}");
                assert_eq!(
                    *tree.violations.borrow(),
                    Vec::<String>::new(),
                    "{method}, {n}\n{log}"
                );
                assert!(state.stale().unwrap().is_none());
            }
            assert!(
                left_behind > 10,
                "{method}: only {left_behind} kills mattered"
            );
        }
    }
}

#[test]
fn pages_are_read_where_they_can_be_printed_and_else_it_is_said_why() {
    let bench = Bench::new();
    for method in Method::ALL {
        let tree = paged();
        let recorded = bench.record(&tree, method).unwrap();
        assert_eq!(recorded.notes, Vec::<String>::new());
        let opened = |file: &str| {
            let log = tree.log.borrow();
            log.iter()
                .any(|line| line.starts_with("open ") && line.ends_with(file))
        };
        // The top-level buffer is read as text.
        let is_paged = method != Method::FuncStackTrace;
        assert_eq!(opened("per_cpu/cpu0/trace_pipe_raw"), is_paged);
        assert!(!opened("/trace_pipe"));
        assert_eq!(opened("open trace_pipe"), !is_paged);
    }
    let recorded = bench.record(&Tree::new(Build::Fp), Method::Instance);
    let notes = recorded.unwrap().notes;
    assert_eq!(notes.len(), 1, "{notes:?}");
    let [what, why] = [
        "events are read as text, which costs more than reading pages: instances/",
        "/events/header_page: No such file or directory (os error 2)",
    ];
    assert!(
        notes[0].starts_with(what) && notes[0].ends_with(why),
        "{notes:?}"
    );
}

#[test]
fn a_kernel_that_refuses_a_probe_is_traced_without_it() {
    let bench = Bench::new();
    let mut plan = plan(Method::Instance);
    plan.probes[1] = Probe::gc_exit("not_in_this_kernel");
    for optional in [true, false] {
        plan.probes_optional = optional;
        let tree = Tree::new(Build::Fp);
        let before = tree.snapshot();
        let recorded = bench.record_plan(&tree, &plan).unwrap();
        assert_eq!(tree.snapshot(), before);
        if optional {
            assert!(matches!(recorded.ended, Stopped::Limit(_)));
            assert!(recorded.notes[0].contains("without the probe gc_exit"));
            let capture = std::fs::read_to_string(bench.output()).unwrap();
            assert!(
                capture.contains("# ip6drop: probes gc_enter\n"),
                "{capture}"
            );
        } else {
            assert!(matches!(
                recorded.ended,
                Stopped::Failed(TraceError::File { .. })
            ));
        }
    }
}

#[test]
fn what_somebody_else_changed_meanwhile_is_theirs() {
    let bench = Bench::new();
    let state = bench.state();
    let tree = Tree::new(Build::Fp);
    let mut session = Session::begin(&tree, &state).unwrap();
    session
        .set_filter("", &["ip6_pkt_drop".to_owned()])
        .unwrap();
    session.set("options/func_stack_trace", "1").unwrap();
    session.set("buffer_size_kb", "512").unwrap();
    tree.write("buffer_size_kb", b"2048\n").unwrap();
    tree.append("set_ftrace_filter", b"vfs_read\n").unwrap();
    let undo = session.end().unwrap();
    assert!(undo.complete(), "{undo:?}");
    assert_eq!(undo.notes.len(), 2, "{undo:?}");
    let top = tree.snapshot().top;
    assert_eq!(top.buffer_kb, "2048");
    assert!(top.filter.contains("vfs_read"));
    assert!(!top.options["func_stack_trace"]);
}

/// Sets the top-level buffer to 512 KiB and dies without any undo.
fn set_and_die(tree: &Tree, state: &StateDir) {
    let mut session = Session::begin(tree, state).unwrap();
    session.set("buffer_size_kb", "512").unwrap();
    std::mem::forget(session);
}

#[test]
fn the_journal_holds_what_the_kernel_made_of_a_size() {
    let bench = Bench::new();
    let state = bench.state();
    // What the others write, and what is there in the end.
    for (theirs, end) in [(None, "103"), (Some("514"), "517"), (Some("512"), "103")] {
        let tree = rounding("103");
        set_and_die(&tree, &state);
        assert_eq!(tree.snapshot().top.buffer_kb, "513");
        if let Some(theirs) = theirs {
            tree.write("buffer_size_kb", theirs.as_bytes()).unwrap();
        }
        let stale = state.stale().unwrap().unwrap();
        assert_eq!(
            stale.changes.len(),
            1,
            "the second entry replaces the first"
        );
        let undo = put_back(&tree, &state, &stale).unwrap();
        assert!(undo.complete(), "{undo:?}");
        assert_eq!(tree.snapshot().top.buffer_kb, end, "{theirs:?}: {undo:?}");
        assert_eq!(undo.notes.len(), usize::from(end == "517"), "{undo:?}");
    }
}

#[test]
fn a_size_is_put_back_from_a_journal_that_says_only_what_was_written() {
    let bench = Bench::new();
    for (now, end) in [("513", "7"), ("512", "7"), ("600", "600"), ("511", "511")] {
        let state = bench.state();
        let tree = rounding("7");
        set_and_die(&tree, &state);
        // As versions before this one wrote it, and as it is right after the write.
        let journal = bench.dir.path().join("state/journal");
        let text = std::fs::read_to_string(&journal).unwrap();
        let lines: Vec<&str> = text.lines().take(2).collect();
        assert!(
            lines[1].ends_with(r#""before":"7","after":"512"}"#),
            "{text}"
        );
        std::fs::write(&journal, lines.join("\n")).unwrap();
        tree.state.borrow_mut().top.buffer_kb = now.to_owned();
        let stale = state.stale().unwrap().unwrap();
        let undo = put_back(&tree, &state, &stale).unwrap();
        assert!(undo.complete(), "{undo:?}");
        assert_eq!(tree.snapshot().top.buffer_kb, end, "{undo:?}");
        assert_eq!(undo.notes.len(), usize::from(end != "7"), "{undo:?}");
    }
}

#[test]
fn a_size_that_cannot_be_had_again_is_named_with_the_nearest() {
    let bench = Bench::new();
    let state = bench.state();
    let tree = rounding("100");
    let mut session = Session::begin(&tree, &state).unwrap();
    session.set("buffer_size_kb", "512").unwrap();
    let undo = session.end().unwrap();
    assert!(undo.complete(), "{undo:?}");
    assert_eq!(
        undo.lines(),
        ["buffer_size_kb holds 103, the nearest this kernel takes to 100"]
    );
    // Killed after that and before the journal was settled: it is not somebody else's.
    set_and_die(&tree, &state);
    let mut stale = state.stale().unwrap().unwrap();
    tree.state.borrow_mut().top.buffer_kb = "103".to_owned();
    if let Change::Value { before, .. } = &mut stale.changes[0] {
        *before = "100".to_owned();
    }
    let again = put_back(&tree, &state, &stale).unwrap();
    assert_eq!(again.notes, undo.notes);
}

#[test]
fn a_filter_is_never_emptied_under_a_tracer_that_somebody_turned_on() {
    let bench = Bench::new();
    let state = bench.state();
    let tree = Tree::new(Build::Fp);
    let mut session = Session::begin(&tree, &state).unwrap();
    session
        .set_filter("", &["ip6_pkt_drop".to_owned()])
        .unwrap();
    tree.write("current_tracer", b"function\n").unwrap();
    let undo = session.end().unwrap();
    assert_eq!(undo.left.len(), 1);
    assert!(undo.left[0].why.contains("every function"), "{undo:?}");
    assert_eq!(*tree.violations.borrow(), Vec::<String>::new());
    // It is put back once that tracer is off.
    tree.write("current_tracer", b"nop\n").unwrap();
    let stale = state.stale().unwrap().unwrap();
    assert!(put_back(&tree, &state, &stale).unwrap().complete());
    assert!(tree.snapshot().top.filter.is_empty());
}

#[test]
fn a_panic_puts_the_state_back() {
    let bench = Bench::new();
    let state = bench.state();
    let tree = Tree::new(Build::Fp);
    let before = tree.snapshot();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut session = Session::begin(&tree, &state).unwrap();
        session.make_instance("instances/ip6drop-1").unwrap();
        session.set("tracing_on", "0").unwrap();
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert_eq!(tree.snapshot(), before);
    assert!(state.stale().unwrap().is_none());
}

/// The writes in the log of a tree, of which each must have been taken.
fn writes_in(tree: &Tree) -> Vec<String> {
    let log = tree.log.borrow();
    let is_write = |line: &&String| {
        let word = line.split(' ').next().unwrap();
        ["write", "append", "mkdir", "rmdir"].contains(&word)
    };
    log.iter().filter(is_write).cloned().collect()
}

/// The same of what would be written.
fn listed(writes: &[Write]) -> Vec<String> {
    let line = |write: &Write| {
        let path = &write.path;
        match &write.deed {
            Deed::Write(text) => format!("write {path}: {}", text.trim()),
            Deed::Append(text) => format!("append {path}: {}", text.trim()),
            Deed::Mkdir => format!("mkdir {path}"),
            Deed::Rmdir => format!("rmdir {path}"),
        }
    };
    writes.iter().map(line).collect()
}

#[test]
fn a_rehearsal_lists_what_a_recording_writes_and_writes_nothing() {
    let bench = Bench::new();
    for make in kernels() {
        for way in ways() {
            let real = make();
            bench.record_way(&real, &way);
            let tree = make();
            let before = tree.snapshot();
            let stage = Stage {
                fs: &tree,
                host: &bench.host(),
                signals: &bench.signals,
                read: seen,
            };
            let first = |env: &Env<'_>, session: &mut Session<'_>| match way.calibrates {
                true => calibrate(env, session),
                false => Ok(()),
            };
            let (mut all, writes) = stage.recording_after(&way.plan, first).unwrap();
            all.extend(writes.iter().cloned());
            let way = way.name;
            assert_eq!(listed(&all), writes_in(&real), "{way}");
            assert_eq!(writes_in(&tree), Vec::<String>::new(), "{way}");
            assert_eq!(tree.snapshot(), before, "{way}");
            let is_read = |line: &String| line.starts_with("read ") || line.starts_with("list ");
            assert!(tree.log.borrow().iter().all(is_read), "{way}");
            // All that puts back stands behind all else, and it is there.
            let undo = writes.iter().position(|write| write.is_undo).unwrap();
            assert!(writes[undo..].iter().all(|write| write.is_undo), "{way}");
        }
    }
}

#[test]
fn a_rehearsal_of_the_self_check_lists_what_it_writes() {
    let bench = Bench::new();
    let show = [RT6_STATS_SEQ_SHOW.to_owned()];
    for make in kernels() {
        for method in Method::ALL {
            let real = make();
            let state = bench.state();
            let env = Env {
                fs: &real,
                state: &state,
                signals: &bench.signals,
                trigger: &|| {
                    real.show();
                    Ok(())
                },
                read: seen,
            };
            let choice = choose(&env, Some(method), &show, &Others::default(), false, false);
            assert_eq!(choice.unwrap().method, Some(method));
            let tree = make();
            let stage = Stage {
                fs: &tree,
                host: &bench.host(),
                signals: &bench.signals,
                read: seen,
            };
            let writes = stage.self_check(method, false, &show).unwrap();
            assert_eq!(listed(&writes), writes_in(&real), "{method:?}");
            assert_eq!(writes_in(&tree), Vec::<String>::new(), "{method:?}");
        }
    }
}

/// What a recording that names packets takes: writes until it is set up and recorded, those that
/// put back, and everything that is read or listed.
fn cost(bench: &Bench, tree: &Tree) -> (usize, usize, usize) {
    let mut way = ways().pop().unwrap();
    way.plan.probes.clear();
    let undo = bench.record_way(tree, &way);
    assert!(way.calibrates && undo.complete());
    let log = tree.log.borrow();
    let off = log
        .iter()
        .rposition(|line| line.ends_with("tracing_on: 0"))
        .unwrap();
    let is_write = |line: &&String| {
        !["read ", "list ", "open "]
            .iter()
            .any(|w| line.starts_with(w))
    };
    let [before, after] =
        [&log[..=off], &log[off + 1..]].map(|log| log.iter().filter(is_write).count());
    (before, after, log.len() - before - after)
}

#[test]
fn packets_are_named_with_few_writes() {
    // Each costs a kernel milliseconds; docs/PERFORMANCE.md has those of a kernel.
    assert_eq!(cost(&Bench::new(), &paged()), (28, 3, 63));
}
