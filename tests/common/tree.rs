//! A directory that stands for /proc and /sys.
#![allow(dead_code, unreachable_pub)] // every test binary uses its own part

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use ip6drop::inside::host::Host;
use tempfile::TempDir;

pub struct Tree {
    dir: TempDir,
}

/// `slow` of the trees, and routes: 0x268 and 0x1d2, from a real capture.
pub const SLOW: i64 = 616;
pub const ROUTES: i64 = 466;

/// All files below a directory with their texts, and its directories.
pub fn everything(below: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything(&path));
            found.insert(path, None);
        } else {
            // A fifo would wait for a writer.
            let text = path.is_file().then(|| fs::read(&path).unwrap());
            found.insert(path, text);
        }
    }
    found
}

impl Tree {
    /// The same with the control files of a real 4.19 under tracefs.
    pub fn traceable() -> Self {
        let tree = Tree::new(200, 64);
        let files = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/tracefs-4.19");
        for entry in fs::read_dir(files).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let text = fs::read_to_string(&path).unwrap();
            tree.set(&format!("tracefs/{name}"), &text);
            for option in text.lines().filter(|_| name == "trace_options") {
                let off = option.strip_prefix("no");
                let path = format!("tracefs/options/{}", off.unwrap_or(option));
                tree.set(&path, if off.is_some() { "0\n" } else { "1\n" });
            }
        }
        tree.set("proc/sys/kernel/ftrace_enabled", "1\n");
        tree
    }

    /// Four CPUs of a 4.19 kernel with 616 entries.
    pub fn new(max_size: i64, gc_thresh: i64) -> Self {
        let tree = Tree {
            dir: tempfile::tempdir().unwrap(),
        };
        tree.set("proc/sys/kernel/osrelease", "4.19.113\n");
        tree.set("proc/net/rt6_stats", "034d 01a8 02f1 01d2 0006 0268 0000\n");
        tree.set(
            "proc/net/snmp6",
            "Ip6InReceives                   \t900\nIp6InNoRoutes                   \t7\nIp6OutNoRoutes                  \t3\nIcmp6InMsgs                     \t1\n",
        );
        for (name, value) in [
            ("max_size", max_size),
            ("gc_thresh", gc_thresh),
            ("gc_min_interval_ms", 500),
            ("gc_elasticity", 9),
            ("gc_timeout", 60),
            ("gc_interval", 30),
        ] {
            tree.set(&sysctl(name), &format!("{value}\n"));
        }
        tree.set("sys/devices/system/cpu/online", "0-3\n");
        tree.set("sys/devices/system/cpu/present", "0-3\n");
        tree
    }

    /// The flags of a command that traces, so that it looks and leaves its journal here.
    pub fn tracing_roots(&self) -> Vec<OsString> {
        let roots = [
            ("--tracefs", "tracefs"),
            ("--proc", "proc"),
            ("--sys", "sys"),
            ("--state-dir", "state"),
        ];
        let flags = roots.into_iter();
        flags
            .flat_map(|(flag, name)| [flag.into(), self.path(name).into()])
            .collect()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The host that it stands for.
    pub fn host(&self) -> Host {
        Host {
            proc: self.path("proc"),
            sys: self.path("sys"),
            state: "".into(),
        }
    }

    pub fn set(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    pub fn remove_dir(&self, name: &str) {
        fs::remove_dir_all(self.path(name)).unwrap();
    }

    pub fn symlink(&self, target: &str, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(Path::new(target), path).unwrap();
    }

    pub fn hard_link(&self, target: &str, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::hard_link(self.path(target), path).unwrap();
    }

    /// `ip6drop status` on this tree.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ip6drop"));
        command.arg("status");
        command.arg("--proc").arg(self.path("proc"));
        command.arg("--sys").arg(self.path("sys"));
        command
    }

    pub fn status(&self, args: &[&str]) -> Output {
        self.command().args(args).output().unwrap()
    }
}

pub fn sysctl(name: &str) -> String {
    format!("proc/sys/net/ipv6/route/{name}")
}
