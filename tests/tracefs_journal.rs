//! A journal that was cut at any byte, is damaged at any byte, or is of another boot: what can be
//! put back is, nothing else is written, and no journal is lost without a word.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail loudly.

mod tracefs_tree;

use std::fs;
use std::path::PathBuf;

use ip6drop::inside::tracefs::{Restored, StateDir, replay_stale};
use ip6drop::inside::tracefs::{Session, TraceError, Undo};
use tracefs_tree::{Build, Tree};

/// One test's directory, with a state directory in it.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Bench {
        // In memory, as /run is: the journal is synced at every change.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Bench(dir.unwrap())
    }

    fn state(&self, boot: &str) -> StateDir {
        StateDir::open(&self.0.path().join("state"), boot).unwrap()
    }

    fn journal(&self) -> PathBuf {
        self.0.path().join("state/journal")
    }

    /// What is left by a run that made so many changes, of [`CHANGES`], and was killed.
    fn killed(&self, changes: usize) -> Tree {
        let _ = fs::remove_file(self.journal());
        let tree = Tree::new(Build::Fp);
        let state = self.state("one");
        let mut session = Session::begin(&tree, &state).unwrap();
        for change in 0..changes {
            make(&mut session, change).unwrap();
        }
        std::mem::forget(session);
        tree
    }

    fn restore(&self, tree: &Tree, boot: &str) -> Result<Option<Restored>, TraceError> {
        tree.log.borrow_mut().clear();
        replay_stale(&self.state(boot), |_, changes| Undo::replay(tree, changes))
    }
}

const CHANGES: usize = 4;

/// A change, with one line in the journal.
fn make(session: &mut Session<'_>, change: usize) -> Result<(), TraceError> {
    match change {
        0 => session.make_instance("instances/ip6drop-1"),
        1 => session.set_filter("", &["ip6_pkt_drop".to_owned()]),
        2 => session.set("options/func_stack_trace", "1"),
        _ => session.set("tracing_on", "0"),
    }
}

/// True for a line of the log that changes something.
fn writes(tree: &Tree) -> Vec<String> {
    let log = tree.log.borrow();
    let reads = ["read ", "list ", "open "];
    let is_read = |line: &&String| reads.iter().any(|word| line.starts_with(word));
    log.iter().filter(|line| !is_read(line)).cloned().collect()
}

#[test]
fn a_run_killed_at_any_byte_of_its_journal_is_put_back() {
    let bench = Bench::new();
    let fresh = Tree::new(Build::Fp).snapshot();
    bench.killed(CHANGES);
    let whole = fs::read(bench.journal()).unwrap();
    let lines = whole.iter().filter(|&&b| b == b'\n').count();
    assert_eq!(lines, 1 + CHANGES);
    for cut in 0..=whole.len() {
        // The change of a line is made when its line is on disk.
        let made = whole[..cut].iter().filter(|&&b| b == b'\n').count();
        let tree = bench.killed(made.saturating_sub(1));
        fs::write(bench.journal(), &whole[..cut]).unwrap();
        let restored = bench.restore(&tree, "one").unwrap().unwrap();
        assert!(restored.undo.complete(), "{cut}: {restored:?}");
        assert_eq!(tree.snapshot(), fresh, "{cut}");
        assert!(!bench.journal().exists(), "{cut}");
    }
}

#[test]
fn the_journal_of_another_boot_writes_nothing_wherever_it_is_cut() {
    let bench = Bench::new();
    let tree = bench.killed(CHANGES);
    let before = tree.snapshot();
    let whole = fs::read(bench.journal()).unwrap();
    for cut in 0..=whole.len() {
        fs::write(bench.journal(), &whole[..cut]).unwrap();
        // That there was one is never passed over.
        let restored = bench.restore(&tree, "two").unwrap();
        assert!(restored.is_some(), "{cut}");
        assert_eq!(writes(&tree), Vec::<String>::new(), "{cut}");
        assert_eq!(tree.snapshot(), before, "{cut}");
        assert!(!bench.journal().exists(), "{cut}");
    }
}

#[test]
fn a_journal_damaged_at_any_byte_is_kept_and_all_else_is_put_back() {
    let bench = Bench::new();
    bench.killed(CHANGES);
    let whole = fs::read(bench.journal()).unwrap();
    let mut starts: Vec<usize> = vec![0];
    starts.extend(
        (0..whole.len())
            .filter(|&at| whole[at] == b'\n')
            .map(|at| at + 1),
    );
    for at in 0..whole.len() {
        let tree = bench.killed(CHANGES);
        let before = tree.snapshot();
        let mut damaged = whole.clone();
        damaged[at] = 0;
        fs::write(bench.journal(), &damaged).unwrap();
        let restored = bench.restore(&tree, "one");
        let kept = fs::read(bench.journal()).unwrap();
        let line = starts.iter().filter(|&&start| start <= at).count();
        if line == 1 {
            let error = restored.unwrap_err();
            assert!(
                matches!(&error, TraceError::Left(text) if text.contains("line 1")),
                "{at}"
            );
            assert_eq!(kept, damaged, "{at}");
            assert_eq!(tree.snapshot(), before, "{at}");
            continue;
        }
        let undo = restored.unwrap().unwrap().undo;
        let unread =
            |change: usize| (change + 2 == line) || (change + 1 == line && whole[at] == b'\n');
        // As long as stacks are on the filter stays, for whoever turns a tracer on.
        let holds_filter = unread(2) && !unread(1);
        let is_left = |change: usize| unread(change) || (change == 1 && holds_filter);
        let number = 2 + usize::from(holds_filter);
        assert_eq!(undo.left.len(), number - 1, "{at}: {undo:?}");
        let said = undo.lines().join("\n");
        let named = format!("line {number} of ");
        assert!(said.contains(&named) && said.contains("\\u{0}"), "{said}");
        // The line is there as it was, and without it all is put back.
        let end = damaged[at..].iter().position(|&b| b == b'\n');
        let end = end.map_or(damaged.len(), |length| at + length);
        let damaged = &damaged[starts[line - 1]..end];
        assert_eq!(
            kept.split(|&b| b == b'\n').nth(number - 1),
            Some(damaged),
            "{at}"
        );
        let expected = Tree::new(Build::Fp);
        let state = StateDir::open(&bench.0.path().join("other"), "one").unwrap();
        let mut session = Session::begin(&expected, &state).unwrap();
        for change in (0..CHANGES).filter(|&change| is_left(change)) {
            make(&mut session, change).unwrap();
        }
        assert_eq!(tree.snapshot(), expected.snapshot(), "{at}");
        assert_eq!(*tree.violations.borrow(), Vec::<String>::new(), "{at}");
    }
}
