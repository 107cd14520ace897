//! `status` in network namespaces: found in trees, and entered on the real machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;
#[path = "common/tree.rs"]
mod tree;

use std::io::{BufRead, BufReader, Write, stderr as standard_error};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use common::{ip6drop, json, stderr};
use ip6drop::inside::host::{Host, netns};
use serde_json::{Value, json};
use tree::Tree;

const POD: &str = "0b5c3a9e-1f2d-4c6b-8a7e-9d0c1b2a3f4e";

/// A tree with the processes 1 and 10 in one namespace, and 20 and 21 in another.
fn processes() -> Tree {
    let tree = Tree::new(200, 64);
    tree.set("proc/1/ns/net", "");
    tree.hard_link("proc/1/ns/net", "proc/10/ns/net");
    tree.hard_link("proc/1/ns/net", "proc/self/ns/net");
    tree.set("proc/21/ns/net", "");
    tree.hard_link("proc/21/ns/net", "proc/20/ns/net");
    tree.set("proc/1/comm", "systemd\n");
    tree.set("proc/20/comm", "pau\u{1b}[31mse\n");
    let pod = POD.replace('-', "_");
    tree.set(
        "proc/20/cgroup",
        &format!("0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{pod}.slice/cri-containerd-0123.scope\n"),
    );
    // Not processes, and one that has ended.
    tree.set("proc/uptime", "");
    tree.set("proc/30/comm", "gone\n");
    tree
}

#[test]
fn every_namespace_once() {
    let tree = processes();
    let host = tree.host();
    let run = tree.path("run/netns");
    tree.hard_link("proc/21/ns/net", "run/netns/cni-blue");
    tree.set("run/netns/stale", "");
    let all = netns::all(&host, &[&run, Path::new("/nonexistent")]).unwrap();
    assert_eq!(all.hidden, 0);
    assert_eq!(all.namespaces.len(), 3, "{all:?}");
    let init = &all.namespaces[0];
    assert_eq!((init.init, init.own, &init.name), (Some(true), true, &None));
    assert_eq!(init.owner.as_ref().unwrap().pid, 1);
    let find = |name: &str| {
        all.namespaces
            .iter()
            .find(|n| n.name == Some(name.into()))
            .unwrap()
    };
    let pod = find("cni-blue");
    let owner = pod.owner.as_ref().unwrap();
    assert_eq!((pod.init, pod.own, owner.pid), (Some(false), false, 20));
    assert_eq!(owner.pod, Some(POD.into()));
    assert_eq!(find("stale").owner, None);
    // A file that is no namespace cannot be entered, and is named.
    let error = netns::read(&host, find("stale")).unwrap_err();
    assert_eq!(error.kind(), "not-a-namespace");
    assert!(
        error
            .to_string()
            .contains("run/netns/stale: is no network namespace"),
        "{error}"
    );
    // One whose file is gone meanwhile, or is another one now, has vanished. (The other one is
    // made first: file systems give the number of a deleted file away again.)
    tree.set("other", "");
    tree.remove("run/netns/stale");
    assert_eq!(
        netns::read(&host, find("stale")).unwrap_err().kind(),
        "vanished"
    );
    tree.hard_link("other", "run/netns/stale");
    assert_eq!(
        netns::read(&host, find("stale")).unwrap_err().kind(),
        "vanished"
    );
    assert!(
        netns::all(
            &Host {
                proc: "/nonexistent".into(),
                ..host
            },
            &[]
        )
        .is_err()
    );
}

#[test]
fn all_rows_and_their_names() {
    let tree = processes();
    let output = tree.status(&["--all-netns", "--format", "json", "--exit-code"]);
    // The own namespace was read, and is exhausted; the other is a plain file.
    assert_eq!(output.status.code(), Some(10), "{}", stderr(&output));
    let status = json(&output);
    let rows = status["namespaces"].as_array().unwrap();
    let row = |pid: u64| rows.iter().find(|row| row["netns"]["pid"] == pid).unwrap();
    assert_eq!(
        (&row(1)["netns"]["init"], &row(1)["state"]),
        (&json!(true), &json!("exhausted"))
    );
    assert_eq!(row(20)["netns"]["comm"], "pau\\u{1b}[31mse");
    assert_eq!(row(20)["netns"]["pod"], POD);
    assert_eq!(row(20)["problems"][0]["kind"], "not-a-namespace");
    let text = common::stdout(&tree.status(&["--all-netns"]));
    assert!(text.contains(&format!("pod {POD}")), "{text}");
    assert!(!text.contains('\u{1b}'));
    // Without a finding, a namespace that cannot be read is a failure.
    assert_eq!(tree.status(&["--all-netns"]).status.code(), Some(1));
}

#[test]
fn names_that_lead_nowhere() {
    for what in ["no-such-name", "4194305", "/nonexistent/ns", "", ".", ".."] {
        let output = ip6drop(["status", "--netns", what]);
        assert_eq!(output.status.code(), Some(1), "{what}");
        let error = stderr(&output);
        assert!(error.contains("no such network namespace"), "{error}");
        assert!(error.contains("--all-netns"), "{error}");
    }
    let output = ip6drop(["status", "--netns", "/etc/hostname"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("/etc/hostname: is no network namespace")
            || stderr(&output).contains("permission denied"),
        "{}",
        stderr(&output)
    );
}

/// Says past the test harness why a test did not run.
fn skipped(what: &str, reason: &str) {
    let mut out = standard_error().lock();
    writeln!(out, "skipped: {what}: {}", reason.trim()).unwrap();
}

/// A process in a network namespace of its own; the namespace ends with it.
struct Namespace {
    child: Child,
}

impl Namespace {
    /// Runs shell commands in a fresh namespace, and keeps it. `None`, with the reason on
    /// standard error, where namespaces are not permitted here.
    fn new(commands: &str) -> Option<Self> {
        let permitted = Command::new("unshare").args(["-n", "true"]).output();
        let refused = match permitted {
            Ok(output) if output.status.success() => None,
            Ok(output) => Some(stderr(&output)),
            Err(error) => Some(error.to_string()),
        };
        if let Some(reason) = refused {
            skipped("no network namespaces here", &reason);
            return None;
        }
        let script = format!("set -e; {commands}\necho ready; exec sleep 60");
        let mut child = Command::new("unshare")
            .args(["-n", "sh", "-c", &script])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "ready\n");
        Some(Namespace { child })
    }

    fn limits(max_size: i64, gc_thresh: i64) -> Option<Self> {
        let dir = "/proc/sys/net/ipv6/route";
        Self::new(&format!(
            "echo {max_size} > {dir}/max_size; echo {gc_thresh} > {dir}/gc_thresh"
        ))
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The live procfs, as that of a 4.19 kernel: this one may no longer check the limit.
fn as_old_kernel() -> Tree {
    let tree = Tree::new(0, 0);
    tree.remove_dir("proc");
    tree.set("proc/sys/kernel/osrelease", "4.19.113\n");
    for entry in std::fs::read_dir("/proc").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name != "sys" {
            tree.symlink(&format!("/proc/{name}"), &format!("proc/{name}"));
        }
    }
    tree.symlink("/proc/sys/net", "proc/sys/net");
    tree
}

fn row(output: &Output) -> Value {
    let status = json(output);
    assert_eq!(status["namespaces"].as_array().unwrap().len(), 1);
    status["namespaces"][0].clone()
}

#[test]
fn live_limits_of_a_fresh_namespace() {
    let Some(namespace) = Namespace::limits(321, 123) else {
        return;
    };
    let pid = namespace.pid();
    let path = format!("/proc/{pid}/ns/net");
    for what in [pid.as_str(), path.as_str()] {
        let output = ip6drop(["status", "--format", "json", "--netns", what]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let row = row(&output);
        assert_eq!(
            (&row["sysctls"]["max_size"], &row["sysctls"]["gc_thresh"]),
            (&json!(321), &json!(123))
        );
        assert_eq!(row["netns"]["own"], false);
        let inode = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&path).unwrap());
        assert_eq!(row["netns"]["inode"], inode);
        // Nothing happened in it yet, so that this is no other one's file.
        assert_eq!(row["rt6_stats"]["fib_rt_alloc"], 0, "{row}");
    }
    // This program's own namespace is as it was.
    let own = row(&ip6drop(["status", "--format", "json"]));
    assert_ne!(own["sysctls"]["max_size"], 321);
}

#[test]
fn live_regimes() {
    for (max_size, gc_thresh, state, status) in [
        (321, 123, json!("within-limits"), 0),
        // An empty cache is over a negative limit; with 4 CPUs fast is at most 124.
        (-1, 124, json!("latent"), 0),
        (-1, 0, Value::Null, 11),
        (-1, -1, json!("latent"), 0),
    ] {
        let Some(namespace) = Namespace::limits(max_size, gc_thresh) else {
            return;
        };
        let tree = as_old_kernel();
        let pid = namespace.pid();
        let output = tree.status(&["--format", "json", "--netns", &pid, "--exit-code"]);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{max_size} {gc_thresh}: {}",
            stderr(&output)
        );
        assert_eq!(row(&output)["state"], state, "{max_size} {gc_thresh}");
    }
}

#[test]
fn live_all_namespaces_once_and_one_that_vanishes() {
    let Some(mut namespace) = Namespace::new("sleep 5 & :") else {
        return;
    };
    let pid = namespace.child.id();
    let host = Host {
        proc: "/proc".into(),
        sys: "/sys".into(),
        state: "".into(),
    };
    let all = netns::all(&host, &[]).unwrap();
    let inode = std::os::unix::fs::MetadataExt::ino(
        &std::fs::metadata(format!("/proc/{pid}/ns/net")).unwrap(),
    );
    let mut same = all
        .namespaces
        .iter()
        .filter(|n| n.id.unwrap().inode == inode);
    let found = same.next().unwrap().clone();
    assert_eq!(same.next(), None, "two processes, one row");
    let owner = found.owner.as_ref().unwrap();
    assert_eq!(owner.pid, pid);
    assert!(
        [&b"sh"[..], b"sleep"].contains(&&owner.comm[..]),
        "{owner:?}"
    );
    assert!(netns::read(&host, &found).is_ok());
    let output = ip6drop(["status", "--all-netns", "--format", "json"]);
    let status = json(&output);
    let inodes: Vec<&Value> = status["namespaces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| &n["netns"]["inode"])
        .collect();
    assert_eq!(
        inodes.iter().filter(|i| ***i == inode).count(),
        1,
        "{inodes:?}"
    );
    namespace.child.kill().unwrap();
    namespace.child.wait().unwrap();
    let error = netns::read(&host, &found).unwrap_err();
    assert_eq!(error.kind(), "vanished", "{error}");
    assert!(
        error.to_string().contains(&format!(
            "/proc/{pid}/ns/net: the network namespace has vanished"
        )),
        "{error}"
    );
}

#[test]
fn live_names() {
    let name = format!("ip6drop-test-{}", std::process::id());
    let added = Command::new("ip").args(["netns", "add", &name]).output();
    match added {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            skipped("ip netns add", &stderr(&output));
            return;
        }
        Err(error) => {
            skipped("ip", &error.to_string());
            return;
        }
    }
    let set = Command::new("ip")
        .args([
            "netns",
            "exec",
            &name,
            "sysctl",
            "-qw",
            "net.ipv6.route.max_size=77",
        ])
        .output();
    let by_name = ip6drop(["status", "--format", "json", "--netns", &name]);
    let all = ip6drop(["status", "--format", "json", "--all-netns"]);
    let deleted = Command::new("ip")
        .args(["netns", "delete", &name])
        .status()
        .unwrap();
    assert!(set.unwrap().status.success());
    assert!(deleted.success());
    let found = row(&by_name);
    assert_eq!(
        (&found["netns"]["name"], &found["sysctls"]["max_size"]),
        (&json!(name), &json!(77))
    );
    let status = json(&all);
    let listed = status["namespaces"]
        .as_array()
        .unwrap()
        .iter()
        .find(|n| n["netns"]["name"] == name.as_str());
    assert_eq!(listed.unwrap()["sysctls"]["max_size"], 77);
}
