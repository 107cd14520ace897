//! `status` on directory trees that stand for /proc and /sys: regimes, sizes, bad input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;
#[path = "common/tree.rs"]
mod tree;

use common::{json, stderr, stdout};
use serde_json::{Value, json};
use tree::{ROUTES, SLOW, Tree, sysctl};

fn namespace(tree: &Tree) -> Value {
    let output = tree.status(&["--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let status = json(&output);
    assert_eq!(status["schema"], "ip6drop.status/1");
    assert_eq!(status["namespaces"].as_array().unwrap().len(), 1);
    status["namespaces"][0].clone()
}

#[test]
fn regimes_and_exit_statuses() {
    for (max_size, gc_thresh, regimes, status) in [
        (4096, 1024, json!(["within-limits"]), 0),
        (616, 64, json!(["within-limits"]), 0),
        // fast is at most 616 + 124.
        (615, 740, json!(["latent"]), 0),
        (615, 739, json!(["latent", "exhausted"]), 11),
        (615, 64, json!(["intermittent", "exhausted"]), 11),
        // fast is at least 616 - 124.
        (492, 64, json!(["intermittent", "exhausted"]), 11),
        (491, 64, json!(["exhausted"]), 10),
        (200, 64, json!(["exhausted"]), 10),
        (600, 500, json!(["latent", "intermittent", "exhausted"]), 11),
    ] {
        let tree = Tree::new(max_size, gc_thresh);
        let found = namespace(&tree);
        assert_eq!(found["regimes"], regimes, "{max_size} {gc_thresh}");
        let certain = regimes.as_array().unwrap().len() == 1;
        let expected = if certain {
            regimes[0].clone()
        } else {
            Value::Null
        };
        assert_eq!(found["state"], expected);
        let quiet = tree.status(&["--exit-code", "-q"]);
        assert_eq!(quiet.status.code(), Some(status), "{max_size} {gc_thresh}");
        assert_eq!(
            (stdout(&quiet), stderr(&quiet)),
            (String::new(), String::new())
        );
    }
}

#[test]
fn every_number() {
    let found = namespace(&Tree::new(200, 64));
    assert_eq!(found["slow"], SLOW);
    assert_eq!(found["fast"], json!({"low": 492, "high": 740}));
    assert_eq!(
        (&found["batch"], &found["slack"]),
        (&json!(32), &json!(124))
    );
    assert_eq!(
        found["headroom"],
        json!({"entries": -416, "percent": -208.0})
    );
    assert_eq!(
        found["counters"],
        json!({"in_no_routes": 7, "out_no_routes": 3})
    );
    assert_eq!(
        found["rt6_stats"],
        json!({"fib_nodes": 845, "fib_route_nodes": 424, "fib_rt_alloc": 753, "fib_rt_entries": 466, "fib_rt_cache": 6, "dst_entries": 616, "fib_discarded_routes": 0})
    );
    assert_eq!(
        found["sysctls"],
        json!({"max_size": 200, "gc_thresh": 64, "gc_min_interval_ms": 500, "gc_elasticity": 9, "gc_timeout": 60, "gc_interval": 30})
    );
    let sizing = &found["sizing"];
    assert_eq!(sizing["routes"], ROUTES);
    assert_eq!(
        (&sizing["copies"], &sizing["needed"]),
        (&json!(1864), &json!(1870))
    );
    assert_eq!(
        (&sizing["max_size"], &sizing["gc_thresh"]),
        (&json!(4096), &json!(2048))
    );
    assert_eq!(
        sizing["command"],
        "sysctl -w net.ipv6.route.max_size=4096 net.ipv6.route.gc_thresh=2048"
    );
    let file = &sizing["sysctl_d"];
    assert_eq!(file["path"], "/etc/sysctl.d/90-ip6drop.conf");
    let content = file["content"].as_str().unwrap();
    assert!(
        content.contains("\nnet.ipv6.route.max_size = 4096\n"),
        "{content}"
    );
    let advice = found["advice"].as_array().unwrap();
    assert_eq!(advice[0]["severity"], "action");
    assert_eq!(advice[0]["command"], sizing["command"]);
    let text = advice[0]["text"].as_str().unwrap();
    assert!(
        text.contains("466 routes x 4 CPUs + 6 exceptions = 1870"),
        "{text}"
    );
    assert!(
        text.contains("It costs 468 KiB with today's routes and at most 1.0 MiB"),
        "{text}"
    );
}

#[test]
fn the_incident_on_96_cpus() {
    // 96 CPUs: batch 192, so that fast can be 18336 entries away from slow.
    let tree = Tree::new(1, 1);
    tree.set("sys/devices/system/cpu/online", "0-95\n");
    tree.set("sys/devices/system/cpu/present", "0-95\n");
    let found = namespace(&tree);
    assert_eq!(
        (&found["batch"], &found["slack"]),
        (&json!(192), &json!(18_336))
    );
    assert_eq!(found["fast"], json!({"low": 0, "high": 18_952}));
    assert_eq!(found["regimes"], json!(["latent", "exhausted"]));
    assert_eq!(found["sizing"]["max_size"], 131_072);
}

#[test]
fn cpus_that_went_offline_leave_their_batch() {
    let tree = Tree::new(200, 64);
    tree.set("sys/devices/system/cpu/present", "0-95\n");
    let found = namespace(&tree);
    assert_eq!(
        (&found["batch"], &found["slack"]),
        (&json!(192), &json!(764))
    );
    // Without the list of present CPUs, those online are all.
    tree.remove("sys/devices/system/cpu/present");
    assert_eq!(namespace(&tree)["batch"], 32);
}

#[test]
fn kernels_that_do_not_check() {
    let tree = Tree::new(200, 64);
    for (release, state) in [
        ("4.19.304", json!("exhausted")),
        ("4.19.305", json!("unaffected")),
        ("5.4.267-1.el7.elrepo.x86_64", json!("unaffected")),
        ("6.3.1", json!("unaffected")),
        ("4.18.0-553.el8_10.x86_64", json!("unaffected")),
        ("4.18.0-477.10.1.el8_8.x86_64", json!("exhausted")),
    ] {
        tree.set("proc/sys/kernel/osrelease", release);
        assert_eq!(namespace(&tree)["state"], state, "{release}");
        let status = tree.status(&["--exit-code", "-q"]).status.code();
        // What may not check refuses perhaps.
        let may_check = release.contains("el8_8");
        let expected = if may_check { 11 } else { 10 };
        assert_eq!(
            status,
            Some(if state == "unaffected" { 0 } else { expected })
        );
    }
    // The vendor's kernel may have the change: how to find out is said.
    let text = stdout(&tree.status(&[]));
    assert!(
        text.contains(
            "every new entry is refused, if this kernel checks max_size, which is not known"
        ),
        "{text}"
    );
    assert!(text.contains("vendors backport"), "{text}");
    assert!(
        text.contains("unshare -n cat /proc/sys/net/ipv6/route/max_size"),
        "{text}"
    );
    // From 5.10 on the batch is 32 whatever the CPUs.
    tree.set("proc/sys/kernel/osrelease", "5.10.100");
    tree.set("sys/devices/system/cpu/online", "0-95\n");
    assert_eq!(namespace(&tree)["batch"], 32);
}

#[test]
fn limits_that_will_not_do_are_told_early() {
    // 500 entries fit into 1000, and 1870 will not.
    let tree = Tree::new(1000, 512);
    let advice = &namespace(&tree)["advice"];
    assert_eq!(advice.as_array().unwrap().len(), 1);
    assert_eq!(advice[0]["severity"], "note");
    assert_eq!(namespace(&Tree::new(4096, 1024))["advice"], json!([]));
}

/// Runs on a tree that lacks something; the errors, and the JSON.
fn broken(tree: &Tree, status: i32) -> (String, Value) {
    let output = tree.status(&["--format", "json"]);
    assert_eq!(output.status.code(), Some(status), "{}", stderr(&output));
    (stderr(&output), json(&output))
}

#[test]
fn ipv6_disabled_is_absent() {
    let tree = Tree::new(200, 64);
    tree.remove_dir("proc/net");
    tree.remove_dir("proc/sys/net");
    let (errors, status) = broken(&tree, 1);
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(
        errors.contains("/proc/net/rt6_stats: no such file; IPv6 is disabled"),
        "{errors}"
    );
    assert!(errors.contains("modprobe ipv6"), "{errors}");
    let found = &status["namespaces"][0];
    assert_eq!(found["problems"][0]["kind"], "absent");
    assert_eq!(found["slow"], Value::Null);
    assert_eq!(found["regimes"], json!([]));
    assert_eq!(tree.status(&["--exit-code", "-q"]).status.code(), Some(1));
}

#[test]
fn short_and_malformed_stats() {
    let tree = Tree::new(200, 64);
    for (text, kind) in [
        ("", "short"),
        ("034d 01a8 02f1 01d2 0000\n", "short"),
        ("034d 01a8 02f1 01d2 0000 zzzz 0000\n", "malformed"),
        ("034d 01a8 02f1 01d2 0000 0268 0000 0000\n", "malformed"),
        ("034d 01a8 02f1 01d2 0000 -268 0000\n", "malformed"),
        ("\u{1b}[31m 1 2 3 4 5 6 7", "malformed"),
    ] {
        tree.set("proc/net/rt6_stats", text);
        let (errors, status) = broken(&tree, 1);
        assert!(errors.contains("proc/net/rt6_stats: "), "{errors}");
        assert!(errors.contains("seven hexadecimal fields"), "{errors}");
        assert!(!errors.contains('\u{1b}'));
        assert_eq!(
            status["namespaces"][0]["problems"][0]["kind"], kind,
            "{text:?}"
        );
        assert_eq!(status["namespaces"][0]["state"], Value::Null);
    }
    // A line without an end is a huge file at most.
    tree.set("proc/net/rt6_stats", &"0 ".repeat(1 << 20));
    let (errors, _) = broken(&tree, 1);
    assert!(errors.len() < 1000, "{}", errors.len());
}

#[test]
fn sysctls_missing_malformed_and_absurd() {
    let tree = Tree::new(200, 64);
    // One that decides nothing: named, and the rest is told.
    tree.remove(&sysctl("gc_timeout"));
    let (errors, status) = broken(&tree, 0);
    assert!(errors.contains("gc_timeout: no such file"), "{errors}");
    assert_eq!(status["namespaces"][0]["state"], "exhausted");
    assert_eq!(
        status["namespaces"][0]["sysctls"]["gc_timeout"],
        Value::Null
    );
    for (text, kind) in [
        ("", "short"),
        ("many\n", "malformed"),
        ("99999999999\n", "malformed"),
        ("1 2\n", "malformed"),
    ] {
        tree.set(&sysctl("max_size"), text);
        let (errors, status) = broken(&tree, 1);
        assert!(errors.contains("max_size: "), "{errors}");
        assert!(errors.contains("one number that fits an int"), "{errors}");
        let problems = status["namespaces"][0]["problems"].as_array().unwrap();
        assert!(problems.iter().any(|p| p["kind"] == kind), "{problems:?}");
    }
}

#[test]
fn negative_limits_are_named() {
    for (name, value, word, state) in [
        (
            "max_size",
            "-5",
            "every collection ends in a refusal",
            json!("exhausted"),
        ),
        (
            "max_size",
            "0",
            "every collection ends in a refusal",
            json!("exhausted"),
        ),
        (
            "gc_thresh",
            "-1",
            "the limit is never checked",
            json!("latent"),
        ),
        ("gc_elasticity", "64", "from 0 to 31", json!("exhausted")),
        (
            "gc_min_interval_ms",
            "-500",
            "cannot be negative",
            json!("exhausted"),
        ),
    ] {
        let tree = Tree::new(200, 64);
        tree.set(&sysctl(name), value);
        let found = namespace(&tree);
        assert_eq!(found["state"], state, "{name}");
        let advice = found["advice"].to_string();
        assert!(
            advice.contains(&format!("net.ipv6.route.{name} is {value}: ")),
            "{advice}"
        );
        assert!(advice.contains(word), "{advice}");
        if name == "max_size" {
            // Not a limit to take a share of, or to start sizing from.
            assert_eq!(found["headroom"], json!({"entries": null, "percent": null}));
            assert_eq!(found["sizing"]["max_size"], 4096);
        }
    }
}

#[test]
fn without_cpus_the_bounds_are_open() {
    let tree = Tree::new(200, 64);
    for (text, kind) in [
        (Some(""), "short"),
        (Some("x-y"), "malformed"),
        (Some("0-4294967295"), "malformed"),
        (None, "absent"),
    ] {
        match text {
            Some(text) => tree.set("sys/devices/system/cpu/online", text),
            None => tree.remove("sys/devices/system/cpu/online"),
        }
        let (errors, status) = broken(&tree, 0);
        assert!(errors.contains("devices/system/cpu/online: "), "{errors}");
        assert_eq!(status["problems"][0]["kind"], kind, "{errors}");
        assert_eq!(status["cpus"], json!({"online": null, "present": null}));
        let found = &status["namespaces"][0];
        assert_eq!(
            found["regimes"],
            json!(["latent", "intermittent", "exhausted"])
        );
        assert_eq!(found["sizing"], Value::Null);
    }
}

#[test]
fn snmp6_is_not_needed_for_the_regime() {
    let tree = Tree::new(200, 64);
    for (text, kind) in [
        ("", "short"),
        ("Ip6InNoRoutes many\n", "malformed"),
        ("Icmp6InMsgs 1\na 1\nb 1\nc 1\n", "short"),
    ] {
        tree.set("proc/net/snmp6", text);
        let (errors, status) = broken(&tree, 0);
        assert!(errors.contains("proc/net/snmp6: "), "{errors}");
        assert_eq!(
            status["namespaces"][0]["problems"][0]["kind"], kind,
            "{text}"
        );
        assert_eq!(
            status["namespaces"][0]["counters"]["in_no_routes"],
            Value::Null
        );
        assert_eq!(status["namespaces"][0]["state"], "exhausted");
    }
}

#[test]
fn denied_is_not_absent() {
    let tree = Tree::new(200, 64);
    let path = tree.path("proc/net/rt6_stats");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let open = |path: &std::path::Path| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
    };
    open(&tree.path(""));
    // Root may read anything, so that somebody else has to try.
    let binary = tree.path("ip6drop");
    // By another process: a program that is open for writing cannot be run, and what other
    // tests fork meanwhile would hold it open.
    let copied = std::process::Command::new("cp")
        .arg(env!("CARGO_BIN_EXE_ip6drop"))
        .arg(&binary)
        .status();
    assert!(copied.unwrap().success());
    open(&binary);
    let output = if std::fs::read(&path).is_ok() {
        let nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
        std::process::Command::new("setpriv")
            .args(nobody)
            .arg(&binary)
            .args(["status", "--proc"])
            .arg(tree.path("proc"))
            .arg("--sys")
            .arg(tree.path("sys"))
            .output()
            .unwrap()
    } else {
        tree.status(&[])
    };
    let errors = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("rt6_stats: permission denied; run as root"),
        "{errors}"
    );
    assert!(!errors.contains("disabled"), "{errors}");
}

#[test]
fn an_unreadable_release_decides_nothing() {
    let tree = Tree::new(200, 64);
    tree.remove("proc/sys/kernel/osrelease");
    let (errors, status) = broken(&tree, 0);
    assert!(errors.contains("osrelease: no such file"), "{errors}");
    assert_eq!(status["kernel"]["checks_max_size"], Value::Null);
    assert_eq!(status["namespaces"][0]["state"], "exhausted");
}
