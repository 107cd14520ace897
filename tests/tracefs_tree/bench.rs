//! Every way of recording on a made-up tracefs, and kernels to record on.
#![allow(dead_code, unreachable_pub, missing_docs)] // Each test file uses its part.
#![allow(clippy::unwrap_used, clippy::panic)] // A test may fail loudly.

use std::path::PathBuf;
use std::time::Duration;

use ip6drop::inside::capture::Method;
use ip6drop::inside::commands::seen;
use ip6drop::inside::host::Host;
use ip6drop::inside::kernel::{RT6_STATS_SEQ_SHOW, TRACED, Traced};
use ip6drop::inside::os::Signals;
use ip6drop::inside::tracefs::Available;
use ip6drop::inside::tracefs::Env;
use ip6drop::inside::tracefs::Onlooker;
use ip6drop::inside::tracefs::Output;
use ip6drop::inside::tracefs::Probe;
use ip6drop::inside::tracefs::Rewrite;
use ip6drop::inside::tracefs::Session;
use ip6drop::inside::tracefs::TraceError;
use ip6drop::inside::tracefs::Undo;
use ip6drop::inside::tracefs::record;
use ip6drop::inside::tracefs::rehearse;
use ip6drop::inside::tracefs::{Layout, Naming, Plan};
use ip6drop::inside::tracefs::{Limits, Recorded, Stopped};
use ip6drop::inside::tracefs::{Stale, StateDir};

use crate::tracefs_tree::{Build, KProbe, Tree, fixture};

/// One test's directory, with a state directory in it.
pub struct Bench {
    pub dir: tempfile::TempDir,
    pub signals: Signals,
}

impl Bench {
    pub fn new() -> Bench {
        Bench {
            // In memory, as /run is: the journal is synced at every change.
            dir: tempfile::tempdir_in("/dev/shm")
                .or_else(|_| tempfile::tempdir())
                .unwrap(),
            signals: Signals::take(&[]).unwrap(),
        }
    }

    pub fn state(&self) -> StateDir {
        StateDir::open(&self.dir.path().join("state"), "one").unwrap()
    }

    pub fn host(&self) -> Host {
        let proc = self.dir.path().join("proc");
        std::fs::create_dir_all(&proc).unwrap();
        let symbols = "ffffffff81000000 T _stext\nffffffff81001000 T _end\n";
        std::fs::write(proc.join("kallsyms"), symbols).unwrap();
        Host {
            proc,
            sys: self.dir.path().join("sys"),
            state: "".into(),
        }
    }

    pub fn output(&self) -> PathBuf {
        self.dir.path().join("capture")
    }

    pub fn record(&self, tree: &Tree, method: Method) -> Result<Recorded, TraceError> {
        self.record_plan(tree, &plan(method))
    }

    pub fn record_plan(&self, tree: &Tree, plan: &Plan) -> Result<Recorded, TraceError> {
        self.record_rewritten(tree, plan, None)
    }

    /// Records, and answers with what became of the state.
    pub fn record_way(&self, tree: &Tree, way: &Way) -> Undo {
        self.try_way(tree, way).0
    }

    /// The same, and why it failed, where it did.
    pub fn try_way(&self, tree: &Tree, way: &Way) -> (Undo, Option<TraceError>) {
        let state = self.state();
        let env = self.env(tree, &state);
        let mut session = Session::begin(tree, &state).unwrap();
        let calibrated = match way.calibrates {
            true => calibrate(&env, &mut session),
            false => Ok(()),
        };
        if let Err(e) = calibrated {
            return (session.end().unwrap(), Some(e));
        }
        let mut output = self.open();
        let recorded = self.record_in((&env, session), &way.plan, &mut output);
        let recorded = recorded.unwrap();
        match recorded.ended {
            Stopped::Failed(e) => (recorded.undo, Some(e)),
            _ => (recorded.undo, None),
        }
    }

    pub fn env<'a>(&'a self, tree: &'a Tree, state: &'a StateDir) -> Env<'a> {
        Env {
            fs: tree,
            state,
            signals: &self.signals,
            trigger: &|| Ok(()),
            read: seen,
        }
    }

    pub fn open(&self) -> Output {
        Output::open(&self.output(), true, self.signals.clone()).unwrap()
    }

    pub fn record_in(
        &self,
        within: (&Env<'_>, Session<'_>),
        plan: &Plan,
        output: &mut Output,
    ) -> Result<Recorded, TraceError> {
        let limits = Limits {
            duration: Some(Duration::ZERO),
            events: None,
            drops: None,
            after: Duration::ZERO,
            bytes: None,
            max_rate: 2000,
            trial: Duration::ZERO,
            background: false,
        };
        record(within, &self.host(), plan, &limits, output, &mut Nobody)
    }

    pub fn record_rewritten(
        &self,
        tree: &Tree,
        plan: &Plan,
        rewrite: Option<Box<dyn Rewrite>>,
    ) -> Result<Recorded, TraceError> {
        let state = self.state();
        let env = self.env(tree, &state);
        let session = Session::begin(tree, &state)?;
        let mut output = self.open().rewriting(rewrite);
        self.record_in((&env, session), plan, &mut output)
    }
}

/// What `restore` does with a journal.
pub fn put_back(tree: &Tree, state: &StateDir, stale: &Stale) -> Result<Undo, TraceError> {
    Undo::replay(tree, &stale.changes).settle(state, &stale.header)
}

pub struct Nobody;

impl Onlooker for Nobody {}

pub fn plan(method: Method) -> Plan {
    let names: Vec<&str> = TRACED.iter().map(Traced::name).collect();
    let available = Available::parse(fixture("available_filter_functions").as_bytes(), &names);
    Plan {
        method,
        functions: TRACED
            .iter()
            .filter_map(|traced| available.function(traced.name(), traced.stack))
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
pub fn naming() -> Plan {
    let whole = plan(Method::Instance);
    let probe = Probe::entry("ip6_pkt_drop", "ip6_pkt_drop");
    let streams = ["iif != 1", "iif != 1 && err != 0"].map(str::to_owned);
    Plan {
        functions: whole.functions[..1].to_vec(),
        naming: Some(Naming::new(probe, Layout::default(), Some(7), &streams)),
        ..whole
    }
}

/// A way of tracing.
pub struct Way {
    pub name: &'static str,
    pub plan: Plan,
    /// Where the words of a packet are is found out first, in the same session.
    pub calibrates: bool,
}

/// All ways of tracing.
pub fn ways() -> Vec<Way> {
    let way = |name, plan, calibrates| Way {
        name,
        plan,
        calibrates,
    };
    let methods = Method::ALL.map(|method| way(method.name(), plan(method), false));
    let naming = [
        way("naming", naming(), false),
        way("calibrated", naming(), true),
    ];
    methods.into_iter().chain(naming).collect()
}

/// All steps of a calibration in which everything is found.
pub fn calibrate(env: &Env<'_>, session: &mut Session<'_>) -> Result<(), TraceError> {
    let functions = ("ip6_pkt_drop", Some(RT6_STATS_SEQ_SHOW));
    rehearse(env, session, functions, ["%di", "%si", "%dx"], 512)
}

/// Somebody else's trace, stopped, with a filter, a process filter, options and a probe.
pub fn foreign() -> Tree {
    let tree = Tree::new(Build::Fp);
    {
        let mut state = tree.state.borrow_mut();
        state.top.filter.insert("vfs_read".to_owned());
        state.top.commands.push("dst_alloc:stacktrace".to_owned());
        state.top.tracer = "function".to_owned();
        state.top.tracing_on = "0".to_owned();
        state.top.pids = "12 34".to_owned();
        state.top.options.insert("latency-format".to_owned(), true);
        state.top.options.insert("stacktrace".to_owned(), true);
        state.probes.push(KProbe {
            on_return: false,
            event: "theirs/probe".to_owned(),
            function: "vfs_read".to_owned(),
        });
        state.top.events.insert("theirs/probe".to_owned());
    }
    tree
}

/// A kernel that shows the real size of its buffers, with the top-level buffer at this size.
pub fn rounding(kb: &str) -> Tree {
    let mut tree = Tree::new(Build::Fp);
    tree.rounds = true;
    tree.unused.set(false);
    tree.state.borrow_mut().top.buffer_kb = kb.to_owned();
    tree
}

/// A kernel whose pages can be read.
pub fn paged() -> Tree {
    let mut tree = Tree::new(Build::Fp);
    tree.pages = true;
    tree
}

/// An idle kernel, one whose pages can be read, one that somebody else traces on, and two that
/// show real sizes: one that nobody has traced on yet, and one with a buffer of 100 KiB.
pub fn kernels() -> [fn() -> Tree; 5] {
    [
        || Tree::new(Build::Fp),
        paged,
        foreign,
        || {
            let tree = rounding("7");
            tree.unused.set(true);
            tree
        },
        || rounding("103"),
    ]
}
