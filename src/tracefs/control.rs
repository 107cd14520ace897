//! The texts of control files.

use crate::tracefs::files::{TraceFs, read_text};

/// The name of our instance, and of our probes' group, in front of the process: so what a killed
/// run left behind is recognised without its journal.
pub(crate) const INSTANCE: &str = "ip6drop-";
/// The kernel allows no dash in the name of a group.
pub(crate) const GROUP: &str = "ip6drop_";

const BUFFER_SIZE: &str = "buffer_size_kb";

/// True for a file of which the kernel may hold another value than the one written.
#[must_use]
pub(crate) fn is_size(path: &str) -> bool {
    path.ends_with(BUFFER_SIZE)
}

/// True where `text` of `buffer_size_kb` has the kernel's mark on a buffer that grows on first
/// use (`7 (expanded: 1408)`). Nothing but a boot brings it back.
#[must_use]
pub(crate) fn is_unused(text: &str) -> bool {
    text.contains("(expanded:")
}

/// True where a buffer of `found` KiB is what the kernel makes of `wanted` KiB: whole
/// sub-buffers, at least two (`ring_buffer_resize`). Newer kernels show that size (512
/// reads 513 on 6.1.192), older ones the size that was asked for.
#[must_use]
pub(crate) fn is_rounded(fs: &dyn TraceFs, path: &str, wanted: &str, found: &str) -> bool {
    let (true, Ok(wanted), Ok(found)) = (is_size(path), wanted.parse::<u64>(), found.parse())
    else {
        return false;
    };
    let unit = read_text(fs, &path.replace(BUFFER_SIZE, "buffer_subbuf_size_kb"))
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(rustix::param::page_size() as u64 / 1024);
    (wanted..(wanted + unit).max(2 * unit)).contains(&found)
}

/// The value in `text` as it would be written back: the kernel decorates some of them.
#[must_use]
pub(crate) fn value_of(path: &str, text: &str) -> String {
    let text = text.trim();
    if is_size(path) {
        // `7 (expanded: 1408)` until the first use.
        return text.split(' ').next().unwrap_or_default().to_owned();
    }
    if path.ends_with("_pid") {
        if text == "no pid" {
            return String::new();
        }
        return text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    if path.ends_with("tracing_cpumask") {
        // As many digits as there can be CPUs.
        return text.trim_start_matches(['0', ',']).to_owned();
    }
    text.to_owned()
}

/// The functions of a filter file, sorted, without the commands (`FUNC:stacktrace:unlimited`)
/// and the remark that the filter is empty.
#[must_use]
pub(crate) fn filter_functions(text: &str) -> Vec<String> {
    let mut names: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.contains(':'))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The commands of a filter file, as they are given to the kernel: `FUNC:stacktrace`.
#[must_use]
pub(crate) fn filter_commands(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.starts_with('#') && line.contains(':'))
        .map(|line| line.strip_suffix(":unlimited").unwrap_or(line).to_owned())
        .collect()
}

/// The `stats` of each CPU of the buffer in `dir` (empty, or ending in a slash).
pub(crate) fn buffer_stats<'a>(
    fs: &'a dyn TraceFs,
    dir: &'a str,
) -> impl Iterator<Item = (u32, String)> + 'a {
    let names = fs.list(&format!("{dir}per_cpu")).unwrap_or_default();
    names.into_iter().filter_map(move |name| {
        let cpu = name.strip_prefix("cpu")?.parse().ok()?;
        let stats = read_text(fs, &format!("{dir}per_cpu/{name}/stats")).ok()?;
        Some((cpu, stats))
    })
}

/// One number of a `stats` file; 0 where it is not there.
#[must_use]
pub(crate) fn stat(stats: &str, name: &str) -> u64 {
    stats
        .lines()
        .find_map(|line| {
            line.strip_prefix(name)?
                .strip_prefix(':')?
                .trim()
                .parse()
                .ok()
        })
        .unwrap_or(0)
}

/// What the trace's clock says, in the `stats` of a CPU (kernel/trace/trace.c:
/// `tracing_stats_read`).
#[must_use]
pub(crate) fn now(stats: &str) -> Option<&str> {
    let mut lines = stats.lines();
    lines.find_map(|line| Some(line.strip_prefix("now ts:")?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decorated_values() {
        assert_eq!(value_of("buffer_size_kb", "7 (expanded: 1408)\n"), "7");
        assert_eq!(value_of("set_ftrace_pid", "no pid\n"), "");
        assert_eq!(value_of("set_ftrace_pid", "12\n34\n"), "12 34");
        assert_eq!(value_of("current_tracer", "nop\n"), "nop");
        let mask = |text| value_of("instances/a/tracing_cpumask", text);
        assert_eq!(mask("00000000,0000000f\n"), "f");
        assert_eq!(mask("1,00000000\n"), "1,00000000");
    }

    #[test]
    fn commands_are_no_filter() {
        let text = "#### all functions enabled ####\nip6_pkt_drop:stacktrace:unlimited\n";
        assert!(filter_functions(text).is_empty());
        assert_eq!(filter_commands(text), ["ip6_pkt_drop:stacktrace"]);
        assert_eq!(filter_functions("b\na [ipv6]\n"), ["a", "b"]);
    }

    #[test]
    fn stats_lines() {
        let text = "entries: 2\noverrun: 7\ncommit overrun: 1\ndropped events: 3\n";
        assert_eq!(
            (
                stat(text, "overrun"),
                stat(text, "dropped events"),
                stat(text, "x")
            ),
            (7, 3, 0)
        );
        let clock = "oldest event ts:  1119.1\nnow ts:  1120.760823\ndropped events: 0\n";
        assert_eq!((now(clock), now(text)), (Some("1120.760823"), None));
    }
}
