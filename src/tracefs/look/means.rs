//! What a kernel lacks of the means of finding out, and what is left without each.

use crate::host::Host;
use crate::kernel::functions::{Function, KFREE_SKB};
use crate::tracefs::files::TraceFs;
use crate::tracefs::setup::stream;

/// What was looked at, and how it is: as it should be, or what is lost and what is left.
pub(super) type Finding = (&'static str, Result<String, String>);

/// Looks at everything without changing anything.
pub(super) fn means(fs: &dyn TraceFs, host: &Host, kprobe_events: bool) -> Vec<Finding> {
    let mut all = vec![if fs.exists("instances") {
        ("instances", Ok("available".to_owned()))
    } else {
        let text = "not on this kernel: only the top-level buffer is left, shared with others";
        ("instances", Err(text.to_owned()))
    }];
    all.push(kprobes(host, kprobe_events));
    all.push(lookups(fs));
    all.extend(ipv6_is_off(host));
    all
}

fn kprobes(host: &Host, kprobe_events: bool) -> Finding {
    let name = "kprobe events";
    if !kprobe_events {
        let text = "not on this kernel: packets cannot be named, nor the shared count of dst entries be read; stacks and function entries are left, and most drops of a full cache stay probable";
        return (name, Err(text.to_owned()));
    }
    let read = |file| std::fs::read_to_string(host.sys.join("kernel/debug/kprobes").join(file));
    if read("enabled").is_ok_and(|text| text.trim() == "0") {
        let text = "switched off: probes are taken and never hit; echo 1 > /sys/kernel/debug/kprobes/enabled";
        return (name, Err(text.to_owned()));
    }
    // `0xffffffff81a01230-0xffffffff81a01280	name`
    let list = read("blacklist").unwrap_or_default();
    let listed = |name: &&str| {
        list.lines()
            .any(|line| line.split_whitespace().nth(1) == Some(*name))
    };
    // What probes are set on.
    let probed = [Function::PktDrop, Function::DstGc].map(|function| function.name());
    let probed = probed.into_iter().chain(KFREE_SKB);
    let barred: Vec<&str> = probed.filter(listed).collect();
    if barred.is_empty() {
        (name, Ok("available".to_owned()))
    } else {
        let text = format!(
            "not on {}: this kernel has them on its blacklist of probes; what a probe there would tell is left open",
            barred.join(" and ")
        );
        (name, Err(text))
    }
}

fn lookups(fs: &dyn TraceFs) -> Finding {
    let name = "lookups";
    if !fs.exists(stream::EVENT) {
        let text = "the tracepoint fib6:fib6_table_lookup is not on this kernel (it came in 4.18): packets are named, and what their tables answered is not known";
        (name, Err(text.to_owned()))
    } else if stream::is_there(fs) {
        (
            name,
            Ok("fib6:fib6_table_lookup tells what tables answer".to_owned()),
        )
    } else {
        let text = "fib6:fib6_table_lookup is of another form here (before 4.18 it says no error): what tables answered is not known";
        (name, Err(text.to_owned()))
    }
}

/// All interfaces have IPv6 switched off.
fn ipv6_is_off(host: &Host) -> Option<Finding> {
    let off = host.proc_text("sys/net/ipv6/conf/all/disable_ipv6")?;
    (off.trim() == "1").then(|| {
        let text = "net.ipv6.conf.all.disable_ipv6 is 1: no IPv6 packet is taken in this network namespace; others may";
        ("IPv6", Err(text.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::tracefs::files::RealFs;

    /// What is found of a host with these files, by name.
    fn found(files: &[(&str, &str)], kprobe_events: bool) -> Vec<Finding> {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let at = |name: &str| dir.path().join(name);
        let host = Host {
            proc: at("proc"),
            sys: at("sys"),
            state: "".into(),
        };
        means(&RealFs::new(at("tracing")), &host, kprobe_events)
    }

    const EVENT: &str = "tracing/events/fib6/fib6_table_lookup/format";
    const FORMAT: &str = "\tfield:u32 tb_id;\toffset:8;\n\tfield:int err;\toffset:12;\n\tfield:int iif;\toffset:20;\n\tfield:char name[16];\toffset:24;\n";

    #[track_caller]
    fn one(found: Vec<Finding>, name: &str, words: Option<&str>) {
        let (_, how) = found.into_iter().find(|one| one.0 == name).unwrap();
        match (how, words) {
            (Ok(_), None) => {}
            (Err(text), Some(words)) => assert!(text.contains(words), "{text}"),
            (how, _) => panic!("{how:?}"),
        }
    }

    #[test]
    fn what_is_missing_is_named_with_what_is_left() {
        let nothing = || found(&[], false);
        one(nothing(), "instances", Some("top-level buffer"));
        one(nothing(), "kprobe events", Some("cannot be named"));
        one(nothing(), "lookups", Some("is not on this kernel"));
        let instances = [("tracing/instances/x", "")];
        one(found(&instances, true), "instances", None);
        one(found(&[], true), "kprobe events", None);
    }

    #[test]
    fn probes_may_be_barred() {
        let with = |file: &str, text: &str| {
            found(&[(&format!("sys/kernel/debug/kprobes/{file}"), text)], true)
        };
        one(
            with("enabled", "0\n"),
            "kprobe events",
            Some("switched off"),
        );
        one(with("enabled", "1\n"), "kprobe events", None);
        let line = |name| format!("0xffffffff81a01230-0xffffffff81a01280\t{name}\n");
        let barred = with("blacklist", &(line("do_int3") + &line("ip6_dst_gc")));
        one(barred, "kprobe events", Some("not on ip6_dst_gc"));
        one(with("blacklist", &line("do_int3")), "kprobe events", None);
    }

    #[test]
    fn lookups_are_of_use_where_they_say_the_error() {
        one(found(&[(EVENT, FORMAT)], true), "lookups", None);
        let old = FORMAT.replace("int err", "int other");
        one(
            found(&[(EVENT, &old)], true),
            "lookups",
            Some("another form"),
        );
    }

    #[test]
    fn ipv6_may_be_off_on_all_interfaces() {
        let off = |text| found(&[("proc/sys/net/ipv6/conf/all/disable_ipv6", text)], true);
        one(off("1\n"), "IPv6", Some("disable_ipv6 is 1"));
        assert!(off("0\n").iter().all(|one| one.0 != "IPv6"));
    }
}
