//! A host on which `record` and `diagnose` trace: a directory with the control files of a real 4.19,
//! and a fifo as `trace_pipe`.
#![allow(dead_code, unreachable_pub)] // every test binary uses its own part

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::OFlags;

use crate::tree::Tree;

/// What the self-check waits for.
const SHOWN: &str = "\
             cat-771   [000] ....     9.359255: rt6_stats_seq_show <-seq_read
             cat-771   [000] ....     9.359255: <stack trace>
 => rt6_stats_seq_show
 => seq_read
 => proc_reg_read
 => vfs_read
";
/// A host as it stands before anything is traced.
pub fn traceable() -> Tree {
    let tree = Tree::traceable();
    for (name, text) in [
        // This stands in a file as it was written.
        ("set_ftrace_filter", ""),
        ("options/func_stack_trace", "0\n"),
        ("kprobe_events", ""),
        // The mark of a tracer that was never used does not come back.
        ("buffer_size_kb", "1408\n"),
    ] {
        tree.set(&format!("tracefs/{name}"), text);
    }
    let made = Command::new("mkfifo").arg(pipe(&tree)).status().unwrap();
    assert!(made.success());
    tree
}

pub fn pipe(tree: &Tree) -> PathBuf {
    tree.path("tracefs/trace_pipe")
}

/// The names in the directory of the journal.
pub fn journal(tree: &Tree) -> Vec<String> {
    let entries = std::fs::read_dir(tree.path("state")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "lock").collect()
}

/// The kernel's side of `trace_pipe`.
pub struct Kernel {
    pipe: File,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Writes an event, which is there as a whole or, where the buffer is full, not at all.
pub fn says(mut pipe: &File, event: &str) -> bool {
    assert!(event.len() < 4096, "a fifo may take it apart");
    pipe.write_all(event.as_bytes()).is_ok()
}

impl Kernel {
    /// From now on somebody reads `/proc/net/rt6_stats` again and again.
    pub fn of(tree: &Tree) -> Kernel {
        let flags = OFlags::NONBLOCK.bits().try_into().unwrap();
        let pipe = File::options()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(pipe(tree))
            .unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (shows, is_over) = (pipe.try_clone().unwrap(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                says(&shows, SHOWN);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let thread = Some(thread);
        Kernel { pipe, stop, thread }
    }

    /// Writes an event if there is room.
    pub fn tries(&self, event: &str) -> bool {
        says(&self.pipe, event)
    }

    /// Writes an event as soon as there is room.
    pub fn writes(&self, event: &str) {
        while !self.tries(event) {
            std::thread::yield_now();
        }
    }

    /// Nobody reads `/proc/net/rt6_stats` any more.
    pub fn is_quiet(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    pub fn end(mut self) {
        self.is_quiet();
    }
}
