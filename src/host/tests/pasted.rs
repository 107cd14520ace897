//! Facts as people paste them.

use crate::host::facts::{Facts, MAX_FACTS};
use crate::host::snapshot::Snapshot;

const STATS: &str = "034d 01a8 02f1 01d2 0000 0268 0000";

fn facts(text: &str) -> Facts {
    Facts::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn only(text: &str) -> Snapshot {
    let facts = facts(text);
    assert_eq!(facts.after, None, "{text}");
    facts.before.unwrap_or_default()
}

/// One moment of a node, asked in every way.
fn terminal() -> String {
    let prompt = "[root@node7 ~]# ";
    let mut text = format!(
        "Last login: Fri Nov 27 09:12:01 2026 from 10.0.0.1\n\
         {prompt}uname -a\n\
         Linux node7 4.19.113-300.el7.x86_64 #1 SMP Fri Mar 27 2020 x86_64 GNU/Linux\n\
         {prompt}nproc\n96\n\
         {prompt}lscpu\nArchitecture:          x86_64\nCPU(s):                128\n\
         On-line CPU(s) list:   0-95\nThread(s) per core:    2\n\
         {prompt}cat /proc/net/rt6_stats\n{STATS}\n\
         {prompt}sysctl -a\n"
    );
    for interface in 0..500 {
        text += &format!("net.ipv6.neigh.cali{interface}.gc_thresh1 = 128\n");
    }
    text += "net.ipv6.route.gc_thresh = 1024\nnet.ipv6.route.max_size = 4096\n\
             sysctl: reading key \"net.ipv6.conf.all.stable_secret\"\nvm.max_map_count = 65530\n";
    text += &format!(
        "{prompt}sysctl -a | grep ipv6.route\n\
         net.ipv6.route.gc_thresh = 1024\nnet.ipv6.route.max_size = 4096\n\
         {prompt}cat /proc/net/snmp6\nIp6InReceives   \t9\nIp6InNoRoutes   \t48\nIcmp6InMsgs  \t3\n\
         {prompt}nstat -az | grep Ip6\nIp6InReceives           10                 0.0\n\
         Ip6InNoRoutes           49                 0.0\n\
         {prompt}ip -6 rule\n0:\tfrom all lookup local\n32766:\tfrom all lookup main\n{prompt}\n"
    );
    text
}

#[test]
fn a_whole_terminal() {
    let text = terminal();
    let expected = facts(&text);
    let now = expected.before.as_ref().unwrap();
    assert_eq!(expected.after, None);
    assert_eq!((now.slow(), now.cpus), (Some(0x268), Some(96)));
    assert_eq!((now.max_size(), now.gc_thresh()), (Some(4096), Some(1024)));
    // Where two commands show the same counters, those of the first.
    assert_eq!(now.in_no_routes(), Some(48));
    assert_eq!(expected.kernel, Some("4.19.113-300.el7.x86_64".into()));
    assert_eq!(expected.policy.rules().unwrap().rules().len(), 2);
    for (name, changed) in [
        ("line ends of Windows", text.replace('\n', "\r\n")),
        ("BOM", format!("\u{feff}{text}")),
        (
            "HTML",
            text.replace(" = ", "&nbsp;&#61; ").replace('"', "&quot;"),
        ),
        ("quoted", text.lines().map(|l| format!("> {l}\n")).collect()),
        (
            "indented",
            text.lines().map(|l| format!("\t{l}\n")).collect(),
        ),
        (
            "Debian",
            text.replace("[root@node7 ~]#", "root@node7:/proc/net#"),
        ),
        ("a user", text.replace("[root@node7 ~]#", "ann@node7:~$")),
        ("no host", text.replace("[root@node7 ~]#", "$")),
        ("busybox", text.replace("[root@node7 ~]#", "/ #")),
        ("sudo", text.replace("]# ", "]# sudo ")),
    ] {
        let found = facts(&changed);
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn the_same_commands_again_are_the_second_reading() {
    let again = terminal()
        .replace("\t48\n", "\t55\n")
        .replace("max_size = 4096", "max_size = 8192");
    let both = facts(&format!("{}{again}", terminal()));
    assert_eq!(both.before, facts(&terminal()).before);
    assert_eq!(both.after, facts(&again).before);
    assert_eq!(both.rise(Snapshot::in_no_routes), Some(7));
}

#[test]
fn a_number_alone_is_what_was_asked_for() {
    let cpus = |text: &str| only(&format!("{STATS}\n{text}")).cpus;
    // As the documented line of commands prints it.
    assert_eq!(cpus("4\n"), Some(4));
    assert_eq!(cpus("4\n7\n"), None);
    assert_eq!(cpus("4\n4\n"), None);
    assert_eq!(cpus("$ nproc\n4\n"), Some(4));
    assert_eq!(cpus("# nproc --all\n4\n"), Some(4));
    assert_eq!(cpus("$ cat /proc/net/rt6_stats; nproc\n4\n"), Some(4));
    assert_eq!(cpus("$ ls | wc -l\n4\n"), None);
    assert_eq!(cpus("$ nproc | wc -c\n4\n"), None);
    assert_eq!(cpus("4\n$ uptime\n"), None);
    let both = "$ nproc; cat /proc/sys/net/ipv6/route/max_size\n4\n4096\n";
    assert_eq!(
        (cpus(both), only(&format!("{STATS}\n{both}")).max_size()),
        (None, None)
    );
    for asked in [
        "cat /proc/sys/net/ipv6/route/max_size",
        "sysctl -n net.ipv6.route.max_size",
        "sudo sysctl -n net.ipv6.route.max_size",
    ] {
        let now = only(&format!("root@node7:~# {asked}\n16384\n"));
        assert_eq!((now.max_size(), now.cpus), (Some(16384), None), "{asked}");
    }
    for alone in ["4\n", "before\n4\n", "4\n8\n"] {
        assert!(Facts::parse(alone.as_bytes()).is_err(), "{alone}");
    }
}

#[test]
fn counters_that_are_differences_are_none() {
    let line = "Ip6InNoRoutes                   48                 0.0\n";
    for (asked, counted) in [
        ("$ nstat -az\n", Some(48)),
        ("$ nstat -a\n", Some(48)),
        ("$ nstat -a | grep Ip6\n", Some(48)),
        ("$ nstat\n", None),
        ("$ nstat -z\n", None),
        ("#kernel\n", None),
        ("", None),
    ] {
        let found = only(&format!("{STATS}\n{asked}{line}"));
        assert_eq!(found.in_no_routes(), counted, "{asked}");
    }
    let twice = facts(&format!("$ nstat -az\n{line}$ nstat -az\n{line}"));
    assert_eq!(twice.rise(Snapshot::in_no_routes), Some(0));
}

#[test]
fn what_is_of_something_else_is_passed_over() {
    let node = format!("[root@node7 ~]# cat /proc/net/rt6_stats\n{STATS}\n");
    let expected = facts(&node);
    for other in [
        "[root@node7 ~]# ip netns exec pod cat /proc/net/rt6_stats\n0001 0001 0001 0001 0000 0001 0000\n",
        "[root@node7 ~]# nsenter -t 71 -n sysctl net.ipv6.route.max_size\nnet.ipv6.route.max_size = 7\n",
        "[root@node7 ~]# kubectl exec web-0 -- nproc\n2\n",
        "[root@node8 ~]# cat /proc/net/rt6_stats\n0001 0001 0001 0001 0000 0001 0000\n",
        "[root@node7 ~]# ip rule\n0:\tfrom all lookup local\n32767:\tfrom all lookup default\n",
        "[root@node7 ~]# ip netns exec pod ip -6 rule\n0:\tfrom all lookup local\n",
        "[root@node7 ~]# ip -n pod -6 rule\n0:\tfrom all lookup local\n",
        "[root@node7 ~]# cat /proc/net/dev_snmp6/eth0\nifIndex   \t2\nIp6InNoRoutes  \t5\nIcmp6InMsgs \t1\n",
    ] {
        assert_eq!(facts(&format!("{node}{other}")), expected, "{other}");
    }
    // Where all of it is of one pod, it is the pod's.
    let pod = node.replace("cat", "kubectl exec web-0 -- cat");
    assert_eq!(facts(&pod), expected);
    // Its address does not change with the directory.
    let there = node.replace("~]# cat", "net]# cat") + &node;
    assert!(
        facts(&format!("{node}{there}\n").replacen(STATS, "", 1))
            .after
            .is_some()
    );
}

#[test]
fn kernels() {
    let kernel = |text: &str| facts(&format!("{STATS}\n{text}")).kernel;
    let uname = "Linux node7 5.10.0-9-amd64 #1 SMP Debian x86_64 GNU/Linux\n";
    assert_eq!(kernel(uname), Some("5.10.0-9-amd64".into()));
    assert_eq!(kernel("$ uname -r\n4.19.113\n"), Some("4.19.113".into()));
    assert_eq!(kernel("4.19.113\n"), None);
    assert_eq!(kernel("Linux is 4 years older #1\n"), None);
    assert_eq!(kernel(&format!("{uname}$ uname -r\n4.19.113\n")), None);
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let long = vec![b'\n'; MAX_FACTS as usize + 1];
    let said = Facts::parse(&long).unwrap_err().to_string();
    assert!(
        said.starts_with("is longer than 32 MiB; keep what `cat /proc/net/rt6_stats"),
        "{said}"
    );
}
