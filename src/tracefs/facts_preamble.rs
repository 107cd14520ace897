//! The facts that frame a capture: counters and limits of the host, as comment lines.

use std::io::{self, Write};

use crate::host::Host;

const COUNTERS: [&str; 3] = ["Ip6InNoRoutes", "Ip6OutNoRoutes", "Ip6InAddrErrors"];
const ROUTE: &str = "sys/net/ipv6/route";

/// Reads the counters and limits now and gives them as `# ip6drop: WHEN …` lines. What the
/// host does not have is left out.
#[must_use]
pub fn facts(host: &Host, when: &str) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to memory cannot fail.
    let _ = write_facts(host, when, &mut out);
    out
}

fn write_facts(host: &Host, when: &str, out: &mut Vec<u8>) -> io::Result<()> {
    if let Some(stats) = host.proc_text("net/rt6_stats") {
        writeln!(out, "# ip6drop: {when} rt6_stats {}", stats.trim())?;
    }
    if let Some(snmp6) = host.proc_text("net/snmp6") {
        for line in snmp6.lines() {
            let mut words = line.split_whitespace();
            if let (Some(name), Some(value)) = (words.next(), words.next())
                && COUNTERS.contains(&name)
            {
                writeln!(out, "# ip6drop: {when} {name} {value}")?;
            }
        }
    }
    let mut names: Vec<String> = std::fs::read_dir(host.proc.join(ROUTE))
        .map(|dir| {
            dir.flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect()
        })
        .unwrap_or_default();
    names.sort();
    for name in names {
        // `flush` can only be written.
        if let Some(value) = host.proc_text(&format!("{ROUTE}/{name}")) {
            let value = value.trim();
            writeln!(out, "# ip6drop: {when} net.ipv6.route.{name} = {value}")?;
        }
    }
    if let Ok(cpus) = host.cpus() {
        writeln!(out, "# ip6drop: {when} nproc {}", cpus.online)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_becomes_lines() {
        let dir = tempfile::tempdir().unwrap();
        let proc = dir.path().join("proc");
        std::fs::create_dir_all(proc.join("net")).unwrap();
        std::fs::create_dir_all(proc.join(ROUTE)).unwrap();
        std::fs::write(proc.join("net/rt6_stats"), "034d 01a8\n").unwrap();
        std::fs::write(
            proc.join("net/snmp6"),
            "Ip6InReceives   \t9\nIp6InNoRoutes   \t48\n",
        )
        .unwrap();
        std::fs::write(proc.join(ROUTE).join("max_size"), "200\n").unwrap();
        let host = Host {
            proc,
            sys: dir.path().join("sys"),
        };
        assert_eq!(
            String::from_utf8(facts(&host, "before")).unwrap(),
            "# ip6drop: before rt6_stats 034d 01a8\n\
             # ip6drop: before Ip6InNoRoutes 48\n\
             # ip6drop: before net.ipv6.route.max_size = 200\n"
        );
    }
}
