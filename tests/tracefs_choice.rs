//! The self-check chooses a method by what it sees, and leaves no trace of having looked.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail loudly.

mod tracefs_tree;

use ip6drop::inside::capture::Method;
use ip6drop::inside::commands::seen;
use ip6drop::inside::exit::Exit;
use ip6drop::inside::host::Host;
use ip6drop::inside::kernel::RT6_STATS_SEQ_SHOW;
use ip6drop::inside::os::Signals;
use ip6drop::inside::tracefs::Others;
use ip6drop::inside::tracefs::StateDir;
use ip6drop::inside::tracefs::TraceFs;
use ip6drop::inside::tracefs::Undo;
use ip6drop::inside::tracefs::orphans;
use ip6drop::inside::tracefs::{Choice, Env, choose};
use ip6drop::inside::tracefs::{Level, Preflight};
use tracefs_tree::{Build, Tree, fixture};

fn chosen(tree: &Tree, asked: Option<Method>, foreign: &Others) -> Choice {
    let dir = tempfile::tempdir().unwrap();
    let state = StateDir::open(&dir.path().join("state"), "one").unwrap();
    let signals = Signals::take(&[]).unwrap();
    let env = Env {
        fs: tree,
        state: &state,
        signals: &signals,
        trigger: &|| {
            tree.show();
            Ok(())
        },
        read: seen,
    };
    let before = tree.snapshot();
    let choice = choose(
        &env,
        asked,
        &[RT6_STATS_SEQ_SHOW.to_owned()],
        foreign,
        false,
        true,
    )
    .unwrap();
    assert_eq!(tree.snapshot(), before, "looking changed something");
    assert_eq!(*tree.violations.borrow(), Vec::<String>::new());
    choice
}

#[test]
fn where_stacks_come_out_empty_the_instance_is_chosen() {
    // The tree behaves as the kernel behind these answers did.
    let answers = fixture("refusals-odd.txt");
    assert!(
        answers.contains("<stack trace>\n-> 0"),
        "an empty stack was measured"
    );

    let tree = Tree::new(Build::Odd);
    let choice = chosen(&tree, None, &Others::default());
    assert_eq!(choice.method, Some(Method::Instance));
    assert_eq!(choice.return_probes_keep_frames, Some(false));

    let classic = chosen(&tree, Some(Method::FuncStackTrace), &Others::default());
    assert_eq!(classic.method, None);
    assert!(classic.tried[0].entry && classic.tried[0].frames.is_empty());
    assert!(classic.tried[0].words().contains("stack is empty"));
}

#[test]
fn every_method_is_proved_where_it_works() {
    for method in Method::ALL {
        for rounds in [false, true] {
            let mut tree = Tree::new(Build::Fp);
            tree.rounds = rounds;
            let choice = chosen(&tree, Some(method), &Others::default());
            assert_eq!(choice.method, Some(method));
            assert_eq!(choice.return_probes_keep_frames, Some(true), "{method:?}");
            // The kernel's mark of a buffer that was never used is gone for good.
            let [note] = &choice.notes[..] else {
                panic!("{:?}", choice.notes)
            };
            assert!(note.contains("first use"), "{note}");
            assert!(note.contains("holds 7, the nearest to 7 (expanded: 1408)"));
            let again = chosen(&tree, Some(method), &Others::default());
            assert!(again.notes.is_empty(), "{:?}", again.notes);
        }
    }
}

#[test]
fn a_held_top_level_buffer_is_not_touched() {
    let tree = Tree::new(Build::Fp);
    let foreign = Others {
        tracer: Some("blk".into()),
        ..Others::default()
    };
    let choice = chosen(&tree, Some(Method::FuncStackTrace), &foreign);
    assert_eq!(choice.method, None);
    assert!(choice.tried[0].words().contains("tracer blk is on"));
    let log = tree.log.borrow();
    assert!(log.iter().all(|what| what.starts_with("read ")), "{log:?}");
}

#[test]
fn nothing_is_set_up_that_a_foreign_reader_would_keep_busy() {
    // Before 5.9 an open trace_pipe keeps its tracer busy in every buffer.
    let pinned = |tracer: &str| Others {
        pinned: [tracer.to_owned()].into(),
        ..Others::default()
    };
    let function = chosen(&Tree::new(Build::Fp), None, &pinned("function"));
    assert_eq!(function.method, Some(Method::Kprobe));
    assert!(!function.top_level, "an idle instance can be removed");

    let tree = Tree::new(Build::Fp);
    let idle = chosen(&tree, None, &pinned("nop"));
    assert_eq!(idle.method, Some(Method::Kprobe));
    assert!(idle.top_level, "no instance could be removed");
    let log = tree.log.borrow().join("\n");
    assert!(
        !log.contains("mkdir") && !log.contains("current_tracer:"),
        "{log}"
    );
}

#[test]
fn a_dead_tracer_is_found_out() {
    // As with ftrace_enabled 0: everything can be set, and no event comes.
    let dir = tempfile::tempdir().unwrap();
    let state = StateDir::open(&dir.path().join("state"), "one").unwrap();
    let signals = Signals::take(&[]).unwrap();
    let tree = Tree::new(Build::Fp);
    let env = Env {
        fs: &tree,
        state: &state,
        signals: &signals,
        trigger: &|| Ok(()),
        read: seen,
    };
    let choice = choose(
        &env,
        Some(Method::Instance),
        &[RT6_STATS_SEQ_SHOW.to_owned()],
        &Others::default(),
        false,
        true,
    )
    .unwrap();
    assert_eq!(choice.method, None);
    assert!(choice.tried[0].words().contains("no entry was seen"));
}

#[test]
fn preflight_names_who_is_there_and_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host {
        proc: dir.path().join("proc"),
        sys: dir.path().join("sys"),
        state: "".into(),
    };
    std::fs::create_dir_all(dir.path().join("proc/net")).unwrap();
    std::fs::create_dir_all(dir.path().join("proc/sys/kernel")).unwrap();
    std::fs::write(dir.path().join("proc/net/rt6_stats"), "0000\n").unwrap();
    std::fs::write(dir.path().join("proc/sys/kernel/ftrace_enabled"), "1\n").unwrap();
    let tree = Tree::new(Build::Fp);
    let free = Preflight::look(&tree, &host, false, &[]);
    assert!(free.check().is_ok(), "{:?}", free.checks);
    assert_eq!(free.others.holds_top_level(), None);

    tree.state.borrow_mut().top.tracer = "blk".to_owned();
    let held = Preflight::look(&tree, &host, false, &[]);
    assert!(held.check().is_ok(), "an instance still works");
    assert!(
        held.others
            .holds_top_level()
            .unwrap()
            .contains("tracer blk is on")
    );

    let unknown = Preflight::look(&tree, &host, false, &["no_such_function".to_owned()]);
    assert_eq!(unknown.check().unwrap_err().exit(), Exit::CannotTrace);
    let read_only = Preflight::look(&tree, &host, true, &[]);
    assert!(
        read_only
            .check()
            .unwrap_err()
            .to_string()
            .contains("read-only")
    );

    std::fs::write(dir.path().join("proc/sys/kernel/ftrace_enabled"), "0\n").unwrap();
    let off = Preflight::look(&tree, &host, false, &[])
        .check()
        .unwrap_err();
    assert!(
        off.to_string().contains("sysctl kernel.ftrace_enabled=1"),
        "{off}"
    );
    let levels = |seen: &Preflight| {
        seen.checks
            .iter()
            .filter(|f| f.level == Level::Fail)
            .count()
    };
    assert_eq!(levels(&unknown), 1);
}

#[test]
fn leftovers_without_a_journal_are_recognised_by_their_process() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host {
        proc: dir.path().to_owned(),
        sys: dir.path().to_owned(),
        state: "".into(),
    };
    std::fs::create_dir(dir.path().join("77")).unwrap();
    std::fs::write(dir.path().join("77/comm"), "ip6drop\n").unwrap();
    let tree = Tree::new(Build::Fp);
    for pid in [66, 77] {
        tree.mkdir(&format!("instances/ip6drop-{pid}")).unwrap();
        let probe = format!("p:ip6drop_{pid}/gc_enter ip6_dst_gc");
        tree.append("kprobe_events", probe.as_bytes()).unwrap();
        let enable = format!("instances/ip6drop-{pid}/events/ip6drop_{pid}/gc_enter/enable");
        tree.write(&enable, b"1").unwrap();
    }
    tree.mkdir("instances/theirs").unwrap();
    let undo = Undo::replay(&tree, &orphans(&tree, &host));
    assert!(undo.complete(), "{undo:?}");
    let state = tree.snapshot();
    let names: Vec<&String> = state.instances.keys().collect();
    assert_eq!(
        names,
        ["ip6drop-77", "theirs"],
        "the living and the others stay"
    );
    assert_eq!(state.probes.len(), 1);
}
