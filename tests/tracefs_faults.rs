//! A tracefs that fails at any operation, with any error that kernels answer there, once or again
//! and again, and a neighbour who takes the instance away: every error names its file, and the
//! state is as before, or the journal is there to make it so.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail loudly.

#[path = "tracefs_tree/bench.rs"]
mod bench;
mod tracefs_tree;

use bench::{Bench, Way, kernels, paged, put_back, ways};
use ip6drop::inside::capture::Method;
use ip6drop::inside::commands::seen;
use ip6drop::inside::kernel::RT6_STATS_SEQ_SHOW;
use ip6drop::inside::tracefs::Env;
use ip6drop::inside::tracefs::Others;
use ip6drop::inside::tracefs::Preflight;
use ip6drop::inside::tracefs::Session;
use ip6drop::inside::tracefs::TraceError;
use ip6drop::inside::tracefs::Undo;
use ip6drop::inside::tracefs::choose;
use rustix::io::Errno;
use tracefs_tree::{Refuse, State, Tree};

/// What kernels answer in tracefs.
const ERRNOS: [Errno; 12] = [
    Errno::BUSY,
    Errno::INVAL,
    Errno::PERM,
    Errno::ACCESS,
    Errno::NOENT,
    Errno::NODEV,
    Errno::NOMEM,
    Errno::NOSPC,
    Errno::IO,
    Errno::INTR,
    Errno::AGAIN,
    Errno::OPNOTSUPP,
];

/// The files of the operations that were refused, in order.
fn refused(tree: &Tree) -> Vec<String> {
    let log = tree.log.borrow();
    let lines = log.iter().filter_map(|line| line.strip_suffix(" REFUSED"));
    let path = |line: &str| {
        line.split(' ')
            .nth(1)
            .unwrap()
            .trim_end_matches(':')
            .to_owned()
    };
    lines.map(path).collect()
}

/// Either all is as before and no journal is left, or the journal is there and puts it back as
/// soon as the kernel lets it.
fn is_mended(bench: &Bench, tree: &Tree, before: &State, undo: &Undo, what: &str) {
    tree.refuse.set(Refuse::Nothing);
    let state = bench.state();
    let stale = state.stale().unwrap();
    let log = tree.log.borrow().join("\n");
    assert_eq!(undo.complete(), stale.is_none(), "{what}: {undo:?}\n{log}");
    for left in &undo.left {
        assert!(
            !left.why.is_empty() && !left.mend.is_empty(),
            "{what}: {left:?}"
        );
    }
    if let Some(stale) = stale {
        let undo = put_back(tree, &state, &stale).unwrap();
        assert!(undo.complete(), "{what}: {undo:?}\n{log}");
    }
    assert_eq!(tree.snapshot(), *before, "{what}\n{log}");
    assert_eq!(
        *tree.violations.borrow(),
        Vec::<String>::new(),
        "{what}\n{log}"
    );
}

/// The error of a recording names one of the files that were refused.
fn names_its_file(tree: &Tree, error: Option<&TraceError>, what: &str) {
    let Some(error) = error else {
        return;
    };
    let (said, refused) = (error.to_string(), refused(tree));
    // Several files may stand behind one that is written for all of them.
    let is_named = |path: &String| said.contains(path.as_str());
    assert!(refused.iter().any(is_named), "{what}: {said}: {refused:?}");
}

/// How many operations a way of recording takes.
fn operations(bench: &Bench, make: fn() -> Tree, way: &Way) -> usize {
    let whole = make();
    bench.record_way(&whole, way);
    whole.operations()
}

fn recorded(bench: &Bench, make: fn() -> Tree, way: &Way, refuse: Refuse, errno: Errno) {
    let what = format!("{}, {refuse:?}, {errno:?}", way.name);
    let tree = make();
    let before = tree.snapshot();
    tree.refuse.set(refuse);
    tree.errno.set(errno);
    let (undo, error) = bench.try_way(&tree, way);
    names_its_file(&tree, error.as_ref(), &what);
    is_mended(bench, &tree, &before, &undo, &what);
}

#[test]
fn any_error_at_any_operation_of_a_recording() {
    let bench = Bench::new();
    for way in ways() {
        for n in 1..=operations(&bench, paged, &way) {
            for errno in ERRNOS {
                recorded(&bench, paged, &way, Refuse::Only(n), errno);
            }
        }
    }
}

#[test]
fn errors_at_every_so_many_operations_of_a_recording() {
    let bench = Bench::new();
    for make in kernels() {
        for way in ways() {
            for n in 1..=operations(&bench, make, &way) {
                let errno = ERRNOS[n % ERRNOS.len()];
                recorded(&bench, make, &way, Refuse::Every(n), errno);
            }
        }
    }
}

#[test]
fn any_error_at_any_operation_of_the_first_look() {
    let bench = Bench::new();
    let host = bench.host();
    let look = |tree: &Tree| Preflight::look(tree, &host, false, &[]).check();
    let whole = paged();
    let as_it_is = look(&whole).err().map(|e| e.to_string());
    for n in 1..=whole.operations() {
        for errno in ERRNOS {
            let what = format!("{n}, {errno:?}");
            let tree = paged();
            let before = tree.snapshot();
            tree.refuse.set(Refuse::Only(n));
            tree.errno.set(errno);
            let found = look(&tree).err();
            let said = found.as_ref().map(ToString::to_string);
            // Without its first file it is none.
            let is_none = said
                .as_ref()
                .is_some_and(|s| s.starts_with("/tree holds no tracing"));
            assert_eq!(is_none, n == 1 && errno == Errno::NOENT, "{what}: {said:?}");
            if said != as_it_is && !is_none {
                names_its_file(&tree, found.as_ref(), &what);
            }
            assert_eq!(tree.snapshot(), before, "{what}");
        }
    }
}

#[test]
fn any_error_at_any_operation_of_the_self_check() {
    let bench = Bench::new();
    let show = [RT6_STATS_SEQ_SHOW.to_owned()];
    let check = |tree: &Tree, method| {
        let state = bench.state();
        let env = Env {
            fs: tree,
            state: &state,
            signals: &bench.signals,
            trigger: &|| {
                tree.show();
                Ok(())
            },
            read: seen,
        };
        choose(&env, Some(method), &show, &Others::default(), false, false)
    };
    for method in Method::ALL {
        let whole = paged();
        check(&whole, method).unwrap();
        for n in 1..=whole.operations() {
            for (refuse, errno) in [Refuse::Only(n), Refuse::Every(n)]
                .into_iter()
                .flat_map(|refuse| ERRNOS.map(|errno| (refuse, errno)))
            {
                let what = format!("{method:?}, {refuse:?}, {errno:?}");
                let tree = paged();
                let before = tree.snapshot();
                tree.refuse.set(refuse);
                tree.errno.set(errno);
                let is_left = match check(&tree, method) {
                    Ok(choice) => {
                        // Where it did not work it is said what was refused.
                        let tried = choice.tried.iter().map(|tried| tried.words());
                        let said = tried.collect::<Vec<_>>().join("\n");
                        let refused = refused(&tree);
                        let is_named = refused.iter().any(|path| said.contains(path));
                        assert!(choice.method.is_some() || is_named, "{what}: {said}");
                        false
                    }
                    Err(TraceError::Left(_)) => true,
                    Err(e) => panic!("{what}: {e}"),
                };
                let left = if is_left {
                    bench.state().stale().unwrap()
                } else {
                    None
                };
                assert_eq!(left.is_some(), is_left, "{what}");
                let undo = match left {
                    Some(_) => continue_from(&bench, &tree),
                    None => Undo::default(),
                };
                is_mended(&bench, &tree, &before, &undo, &what);
            }
        }
    }
}

/// What `restore` does as soon as the kernel lets it.
fn continue_from(bench: &Bench, tree: &Tree) -> Undo {
    tree.refuse.set(Refuse::Nothing);
    let state = bench.state();
    let stale = state.stale().unwrap().unwrap();
    put_back(tree, &state, &stale).unwrap()
}

/// A tree on which a run was killed at the moment of its most changes, with its journal.
fn killed(bench: &Bench, way: &Way) -> (Tree, State) {
    let tree = paged();
    let before = tree.snapshot();
    let whole = paged();
    bench.record_way(&whole, way);
    let log = whole.log.borrow();
    let off = log.iter().rposition(|line| line.ends_with("tracing_on: 0"));
    tree.refuse.set(Refuse::From(off.unwrap() + 1));
    assert!(!bench.record_way(&tree, way).complete());
    tree.refuse.set(Refuse::Nothing);
    (tree, before)
}

#[test]
fn any_error_at_any_operation_of_a_restore() {
    let bench = Bench::new();
    for way in ways() {
        let (tree, _) = killed(&bench, &way);
        let begun = tree.operations();
        continue_from(&bench, &tree);
        let operations = tree.operations() - begun;
        for n in 1..=operations {
            let once = ERRNOS.map(|errno| (Refuse::Only(begun + n), errno));
            let errno = ERRNOS[n % ERRNOS.len()];
            let more = [Refuse::Every(n), Refuse::From(begun + n)].map(|refuse| (refuse, errno));
            for (refuse, errno) in once.into_iter().chain(more) {
                let what = format!("{}, {refuse:?}, {errno:?}", way.name);
                let (tree, before) = killed(&bench, &way);
                tree.refuse.set(refuse);
                tree.errno.set(errno);
                let state = bench.state();
                let stale = state.stale().unwrap().unwrap();
                let undo = put_back(&tree, &state, &stale).unwrap();
                drop(state);
                is_mended(&bench, &tree, &before, &undo, &what);
            }
        }
    }
}

#[test]
fn a_neighbour_who_removes_the_instance_at_any_operation() {
    let bench = Bench::new();
    for way in ways() {
        let mut robbed = 0;
        for n in 1..=operations(&bench, paged, &way) {
            let what = format!("{}, {n}", way.name);
            let tree = paged();
            let before = tree.snapshot();
            tree.robbed.set(n);
            let (undo, error) = bench.try_way(&tree, &way);
            if let Some(error) = error {
                robbed += 1;
                let said = error.to_string();
                assert!(said.contains("instances/ip6drop-"), "{what}: {said}");
                assert!(matches!(error, TraceError::File { .. }), "{what}: {said}");
            }
            assert!(undo.complete(), "{what}: {undo:?}");
            is_mended(&bench, &tree, &before, &undo, &what);
        }
        let has_instance = way.plan.method != Method::FuncStackTrace;
        assert_eq!(robbed > 10, has_instance, "{}: {robbed}", way.name);
    }
    // A session is none the worse for an instance that is gone.
    let tree = paged();
    let state = bench.state();
    let mut session = Session::begin(&tree, &state).unwrap();
    session.make_instance("instances/ip6drop-1").unwrap();
    tree.state.borrow_mut().instances.clear();
    assert!(session.end().unwrap().complete());
}
