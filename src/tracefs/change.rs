//! One change of tracing state, as the undo journal keeps it, and how it is taken back.

use std::io;

use serde::{Deserialize, Serialize};

use crate::tracefs::files::{TraceFs, read_text};
use crate::tracefs::undo::{Outcome, patiently};

/// The line that `set_ftrace_filter` shows where no filter is set: every function is traced.
pub const ALL_FUNCTIONS: &str = "#### all functions enabled ####";

/// A change that was made, or was about to be made when the process died.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// A file that holds one value.
    Value {
        /// The file, relative to tracefs.
        path: String,
        /// Its value before.
        before: String,
        /// The value that is written.
        after: String,
        /// What the kernel held after that, where it takes sizes other than those written.
        /// Missing where the process died before it knew, and in journals of older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        read_back: Option<String>,
    },
    /// The function filter of the top-level buffer, without its commands.
    Filter {
        /// The functions before; none means every function.
        before: Vec<String>,
        /// The functions after.
        after: Vec<String>,
    },
    /// An instance of our own.
    Instance {
        /// `instances/NAME`.
        dir: String,
    },
    /// A kprobe event of our own.
    Probe {
        /// Its group.
        group: String,
        /// Its name.
        name: String,
    },
}

const BUFFER_SIZE: &str = "buffer_size_kb";

/// True for a file of which the kernel may hold another value than the one written.
#[must_use]
pub fn is_size(path: &str) -> bool {
    path.ends_with(BUFFER_SIZE)
}

/// True where `text` of `buffer_size_kb` has the kernel's mark on a buffer that grows on first
/// use (`7 (expanded: 1408)`). Nothing but a boot brings it back.
#[must_use]
pub fn is_unused(text: &str) -> bool {
    text.contains("(expanded:")
}

/// True where a buffer of `found` KiB is what the kernel makes of `wanted` KiB: whole
/// sub-buffers, at least two (`ring_buffer_resize`). Newer kernels show that size (512
/// reads 513 on 6.1.192), older ones the size that was asked for.
#[must_use]
pub fn is_rounded(fs: &dyn TraceFs, path: &str, wanted: &str, found: &str) -> bool {
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
pub fn value_of(path: &str, text: &str) -> String {
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
    text.to_owned()
}

/// The functions of a filter file, sorted, without the commands (`FUNC:stacktrace:unlimited`)
/// and the remark that the filter is empty.
#[must_use]
pub fn filter_functions(text: &str) -> Vec<String> {
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
pub fn filter_commands(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.starts_with('#') && line.contains(':'))
        .map(|line| line.strip_suffix(":unlimited").unwrap_or(line).to_owned())
        .collect()
}

impl Change {
    /// Takes the change back. What is as before already is left alone, and so is what
    /// somebody else has changed since.
    ///
    /// # Errors
    /// What the kernel answered, after a few tries.
    pub fn undo(&self, fs: &dyn TraceFs) -> io::Result<Outcome> {
        match self {
            Change::Value {
                path,
                before,
                after,
                read_back,
            } => undo_value(fs, path, before, after, read_back.as_deref()),
            Change::Filter { before, after } => undo_filter(fs, before, after),
            Change::Instance { dir } => undo_instance(fs, dir),
            Change::Probe { group, name } => undo_probe(fs, group, name),
        }
    }

    /// True where this is `earlier` with what the kernel was found to hold.
    #[must_use]
    pub fn amends(&self, earlier: &Change) -> bool {
        let mut bare = self.clone();
        match &mut bare {
            Change::Value { read_back, .. } => read_back.take().is_some() && bare == *earlier,
            _ => false,
        }
    }

    /// The change in words.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Change::Value { path, before, .. } if before.is_empty() => format!("{path} emptied"),
            Change::Value { path, before, .. } => format!("{path} back to {before}"),
            Change::Filter { before, .. } if before.is_empty() => {
                "set_ftrace_filter emptied".to_owned()
            }
            Change::Filter { before, .. } => {
                format!("set_ftrace_filter back to {} functions", before.len())
            }
            Change::Instance { dir } => format!("{dir} removed"),
            Change::Probe { group, name } => format!("probe {group}/{name} removed"),
        }
    }

    /// The shell command that does by hand what [`Change::undo`] does.
    #[must_use]
    pub fn mend(&self, fs: &dyn TraceFs) -> String {
        let root = fs.root().display();
        match self {
            Change::Value { path, before, .. } => format!("echo {before} > {root}/{path}"),
            Change::Filter { before, .. } => {
                let names = before.join("\\n");
                format!("printf '{names}\\n' > {root}/set_ftrace_filter")
            }
            Change::Instance { dir } => {
                format!("echo nop > {root}/{dir}/current_tracer; rmdir {root}/{dir}")
            }
            Change::Probe { group, name } => {
                format!("echo '-:{group}/{name}' >> {root}/kprobe_events")
            }
        }
    }
}

fn undo_value(
    fs: &dyn TraceFs,
    path: &str,
    before: &str,
    after: &str,
    read_back: Option<&str>,
) -> io::Result<Outcome> {
    let text = match patiently(|| read_text(fs, path)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Outcome::Already),
        other => other?,
    };
    let now = value_of(path, &text);
    if now == before {
        return Ok(Outcome::Already);
    }
    let nearest = |found: &str| {
        Outcome::Noted(format!(
            "{path} holds {found}, the nearest this kernel takes to {before}"
        ))
    };
    let is_ours = match read_back {
        Some(held) => now == held,
        None => now == after || is_rounded(fs, path, after, &now),
    };
    if !is_ours {
        return Ok(if is_rounded(fs, path, before, &now) {
            nearest(&now)
        } else {
            Outcome::Noted(format!(
                "{path} holds {now:?}, set by somebody else since; left alone (before: {before:?})"
            ))
        });
    }
    patiently(|| fs.write(path, format!("{before}\n").as_bytes()))?;
    let found = value_of(path, &patiently(|| read_text(fs, path))?);
    if found == before {
        Ok(Outcome::Restored)
    } else if is_rounded(fs, path, before, &found) {
        Ok(nearest(&found))
    } else {
        Err(io::Error::other(format!("the kernel holds {found:?}")))
    }
}

fn undo_filter(fs: &dyn TraceFs, before: &[String], after: &[String]) -> io::Result<Outcome> {
    const PATH: &str = "set_ftrace_filter";
    let now = filter_functions(&patiently(|| read_text(fs, PATH))?);
    if now == before {
        return Ok(Outcome::Already);
    }
    // The kernel takes names one by one, so a process killed in between leaves some of them.
    let part_of = |whole: &[String]| now.iter().all(|name| whole.contains(name));
    let tracer = patiently(|| read_text(fs, "current_tracer"))?;
    let emptied_by_others = now.is_empty() && tracer != "nop";
    if emptied_by_others || !(part_of(after) || part_of(before)) {
        return Ok(Outcome::Noted(format!(
            "{PATH} was set by somebody else since; left alone"
        )));
    }
    // An empty filter means every function: never while a tracer could use it.
    if before.is_empty() && tracer != "nop" {
        return Err(io::Error::other(format!(
            "tracer {tracer} is on, and emptying the filter would let it trace every function"
        )));
    }
    let mut text = before.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    patiently(|| fs.write(PATH, text.as_bytes()))?;
    let found = filter_functions(&patiently(|| read_text(fs, PATH))?);
    if found == before {
        Ok(Outcome::Restored)
    } else {
        Err(io::Error::other(format!(
            "the kernel holds {} functions instead of {}",
            found.len(),
            before.len()
        )))
    }
}

/// What keeps an instance from being removed.
const READER: &str = "busy: somebody has it open; before kernel 5.9 an open trace_pipe of any buffer with the same tracer is enough; nothing is recorded in it any more";

/// Switches everything in an instance off in the safe order, then removes it. Only the removal
/// has to succeed: the kernel does the rest itself.
fn undo_instance(fs: &dyn TraceFs, dir: &str) -> io::Result<Outcome> {
    if !fs.exists(dir) {
        return Ok(Outcome::Already);
    }
    let quiet = |path: &str, value: &[u8]| patiently(|| fs.write(path, value));
    let _ = quiet(&format!("{dir}/tracing_on"), b"0\n");
    let _ = quiet(&format!("{dir}/current_tracer"), b"nop\n");
    let _ = quiet(&format!("{dir}/events/enable"), b"0\n");
    let filter = format!("{dir}/set_ftrace_filter");
    if let Ok(text) = read_text(fs, &filter) {
        for command in filter_commands(&text) {
            let _ = patiently(|| fs.append(&filter, format!("!{command}\n").as_bytes()));
        }
    }
    patiently(|| match fs.rmdir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    })
    .map_err(|e| match e.kind() {
        io::ErrorKind::ResourceBusy => io::Error::new(e.kind(), READER),
        _ => e,
    })?;
    Ok(Outcome::Restored)
}

fn undo_probe(fs: &dyn TraceFs, group: &str, name: &str) -> io::Result<Outcome> {
    const PATH: &str = "kprobe_events";
    let defined = |fs: &dyn TraceFs| -> io::Result<bool> {
        let text = patiently(|| read_text(fs, PATH))?;
        let own = format!(":{group}/{name}");
        Ok(text.lines().any(|line| {
            line.split_whitespace()
                .next()
                .is_some_and(|w| w.ends_with(&own))
        }))
    };
    if !defined(fs)? {
        return Ok(Outcome::Already);
    }
    let enable = format!("events/{group}/{name}/enable");
    // The kernel refuses to remove a probe that is enabled.
    let _ = patiently(|| fs.write(&enable, b"0\n"));
    patiently(|| fs.append(PATH, format!("-:{group}/{name}\n").as_bytes()))?;
    if defined(fs)? {
        Err(io::Error::other("the kernel still lists it"))
    } else {
        Ok(Outcome::Restored)
    }
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
    }

    #[test]
    fn commands_are_no_filter() {
        let text = format!("{ALL_FUNCTIONS}\nip6_pkt_drop:stacktrace:unlimited\n");
        assert!(filter_functions(&text).is_empty());
        assert_eq!(filter_commands(&text), ["ip6_pkt_drop:stacktrace"]);
        assert_eq!(filter_functions("b\na [ipv6]\n"), ["a", "b"]);
    }
}
