//! `--dry-run` says what would be written, and writes nothing. That these are the writes of a
//! recording is proved in `tests/tracefs_undo.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests may fail loudly

mod common;
#[path = "common/tree.rs"]
mod tree;

use common::{command, fixture, stderr, stdout};
use tree::{Tree, everything};

/// A directory with files as tracefs has them.
fn traceable() -> Tree {
    let tree = Tree::traceable();
    let formats = std::fs::read_to_string(fixture("6.1-pages/formats")).unwrap();
    let (_, lookups) = formats.split_once("name: fib6_table_lookup\n").unwrap();
    tree.set("tracefs/events/fib6/fib6_table_lookup/format", lookups);
    tree.set("tracefs/kprobe_events", "p:mine/open do_sys_open\n");
    tree.set("tracefs/instances/mine/trace", "");
    tree
}

/// What a command prints of a tree that is as before afterwards; `None` where it takes another
/// user.
fn dry_run(tree: &Tree, args: &[&str]) -> Option<String> {
    let top = tree.path("tracefs");
    let before = everything(top.parent().unwrap());
    let output = command()
        .args(args)
        .arg("--dry-run")
        .args(tree.tracing_roots())
        .output()
        .unwrap();
    assert!(everything(top.parent().unwrap()) == before, "{args:?}");
    if !rustix::process::geteuid().is_root() {
        assert_eq!(output.status.code(), Some(3));
        assert!(stderr(&output).contains("tracing needs root"));
        return None;
    }
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    // A paragraph as one line.
    let said = stdout(&output)
        .replace("\n\n# ", "\n\0")
        .replace("\n# ", " ");
    let said = said.replace('\0', "# ");
    Some(said.replace(top.to_str().unwrap(), "/t"))
}

#[test]
fn a_recording_that_names_packets() {
    let Some(said) = dry_run(
        &traceable(),
        &["record", "--dst", "fd00::/16", "-o", "drops.txt"],
    ) else {
        return;
    };
    let mut at = 0;
    for wanted in [
        "# ip6drop record --dry-run: nothing was written. ",
        "goes to drops.txt, a new file with mode 0600.",
        "\nmkdir /t/instances/ip6drop-PID\n    # undo: echo nop > /t/instances/ip6drop-PID/current_tracer; rmdir /t/instances/ip6drop-PID",
        "\necho 512 > /t/instances/ip6drop-PID/buffer_size_kb  # goes away with the instance",
        "\nprintf '%s\\n' 'p:ip6drop_PID/cal_dev dev_get_stats at=",
        " >> /t/kprobe_events\n    # undo: echo '-:ip6drop_PID/cal_dev' >> /t/kprobe_events",
        "\necho 'common_pid == TID' > /t/instances/ip6drop-PID/events/ip6drop_PID/filter ",
        "\necho 'p:ip6drop_PID/cal_route ip6_pkt_drop ...' >> ",
        "\n# The recording: ",
        "echo 'p:ip6drop_PID/ip6_pkt_drop ip6_pkt_drop skb=",
        "dev=+NAME(+DEV(",
        " n24=+24(+DATA(",
        "    # undo: echo '-:ip6drop_PID/ip6_pkt_drop' >> /t/kprobe_events",
        "\necho '((n24 == 253 && n25 == 0))' > /t/instances/ip6drop-PID/events/ip6drop_PID/ip6_pkt_drop/filter ",
        "\necho 1 > /t/instances/ip6drop-PID/events/fib6/fib6_table_lookup/enable ",
        "\n# At the end, whatever it is, these put everything back:",
        "\nrmdir /t/instances/ip6drop-PID",
        "\nprintf '%s\\n' '-:ip6drop_PID/ip6_pkt_drop' '-:ip6drop_PID/cal_own' '-:ip6drop_PID/cal_whole' ",
    ] {
        let found = said[at..].find(wanted);
        at += found.unwrap_or_else(|| panic!("{wanted:?} not behind {at} in\n{said}"));
    }
    assert!(!said.contains("top-level buffer"), "{said}");
}

#[test]
fn a_recording_in_the_top_level_buffer() {
    let tree = traceable();
    tree.set("tracefs/options/func_stack_trace", "0\n");
    let Some(said) = dry_run(&tree, &["record", "--method", "func-stack-trace"]) else {
        return;
    };
    for wanted in [
        "top-level buffer is read by its trace_pipe",
        "\necho 512 > /t/buffer_size_kb\n    # undo: echo 7 > /t/buffer_size_kb\n",
        "\necho 1 > /t/options/func_stack_trace\n    # undo: echo 0 > /t/options/func_stack_trace\n",
    ] {
        assert!(said.contains(wanted), "{wanted:?} not in\n{said}");
    }
    assert!(!said.contains("goes away"), "{said}");
}

#[test]
fn a_diagnosis_by_function_entries() {
    let args = [
        "diagnose",
        "--identity=off",
        "--trigger=touch /nowhere/at/all",
    ];
    let Some(said) = dry_run(&traceable(), &args) else {
        return;
    };
    assert!(
        said.starts_with("# ip6drop diagnose --dry-run: nothing was written."),
        "{said}"
    );
    assert!(!said.contains("network namespace"), "{said}");
    let check = said.find("A self-check traces").unwrap();
    let show = said
        .find(" > /t/instances/ip6drop-PID/set_ftrace_filter")
        .unwrap();
    let filter = said
        .find("\nprintf '%s\\n' fib6_run_gc icmp6_send ")
        .unwrap();
    assert!(check < show && show < filter, "{said}");
}

#[test]
fn a_kernel_that_does_not_tell_of_its_lookups() {
    let tree = traceable();
    tree.remove_dir("tracefs/events");
    let Some(said) = dry_run(&tree, &["record"]) else {
        return;
    };
    // The instance is made three times, each time anew.
    let made = said.match_indices("\nmkdir /t/instances/ip6drop-PID\n");
    let removed = said.match_indices("\nrmdir /t/instances/ip6drop-PID\n");
    let ends: Vec<_> = made
        .zip(removed)
        .map(|(made, removed)| (made.0, removed.0))
        .collect();
    assert_eq!(ends.len(), 3, "{said}");
    assert!(ends.is_sorted_by(|a, b| a.1 < b.0), "{ends:?} in\n{said}");
}

#[test]
fn what_cannot_be_done_is_refused_as_ever() {
    let output = command()
        .args(["record", "--dry-run", "--tracefs", "/nowhere/at/all"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
}
