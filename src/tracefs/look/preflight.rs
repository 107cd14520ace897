//! Looks at the host before anything is changed: can it be traced, and if not, why not.

use std::io;

use rustix::io::Errno;
use serde::Serialize;

use crate::host::Host;
use crate::kernel::functions::Function;
use crate::kernel::traced::{RT6_STATS_SEQ_SHOW, TRACED, Traced};
use crate::tracefs::control::filter_functions;
use crate::tracefs::error::TraceError;
use crate::tracefs::files::{TraceFs, read_text};
use crate::tracefs::look::foreign::Foreign;
use crate::tracefs::setup::functions::Available;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Good to know.
    Note,
    /// Costs certainty or care.
    Warn,
    /// Tracing is impossible until this is mended.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub name: &'static str,
    /// How it is.
    pub level: Level,
    /// What was found.
    pub text: String,
    /// What to do, where something can be done.
    pub advice: Option<String>,
}

/// Everything that was looked at.
#[derive(Debug, Clone)]
pub struct Preflight {
    /// In the order of looking.
    pub findings: Vec<Finding>,
    /// True where this kernel has kprobe events.
    pub kprobe_events: bool,
    /// The functions this kernel lets us trace.
    pub available: Available,
    /// Who else traces.
    pub foreign: Foreign,
}

impl Preflight {
    fn add(&mut self, name: &'static str, level: Level, text: impl Into<String>) {
        self.findings.push(Finding {
            name,
            level,
            text: text.into(),
            advice: None,
        });
    }

    fn advise(
        &mut self,
        name: &'static str,
        level: Level,
        text: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.findings.push(Finding {
            name,
            level,
            text: text.into(),
            advice: Some(advice.into()),
        });
    }

    /// The first thing that makes tracing impossible.
    ///
    /// # Errors
    /// [`TraceError::Untraceable`].
    pub fn check(&self) -> Result<(), TraceError> {
        match self.findings.iter().find(|f| f.level == Level::Fail) {
            None => Ok(()),
            Some(failed) => Err(TraceError::untraceable(
                &failed.text,
                failed
                    .advice
                    .as_deref()
                    .unwrap_or("ip6drop check tells more"),
            )),
        }
    }

    /// Looks at everything without changing anything. `extra` are more functions to look for.
    #[must_use]
    pub fn look(fs: &dyn TraceFs, host: &Host, read_only: bool, extra: &[String]) -> Preflight {
        let mut seen = Preflight {
            findings: Vec::new(),
            kprobe_events: fs.exists("kprobe_events"),
            available: Available::default(),
            foreign: Foreign::default(),
        };
        seen.capabilities(host);
        if seen.access(fs, host, read_only, extra) {
            seen.tracer(fs, host);
            seen.functions(extra);
            seen.ways(fs);
            seen.others(fs, host);
            seen.load(host);
        }
        seen
    }

    /// Root in a container may lack what root on the host has.
    fn capabilities(&mut self, host: &Host) {
        let status = host.proc_text("self/status").unwrap_or_default();
        let Some(effective) = effective_capabilities(&status) else {
            return;
        };
        let missing: Vec<&str> = CAPABILITIES
            .iter()
            .filter(|(_, bit)| effective & (1 << bit) == 0)
            .map(|(name, _)| *name)
            .collect();
        if missing.is_empty() {
            self.add("capabilities", Level::Ok, "all that tracing needs");
        } else {
            self.advise(
                "capabilities",
                Level::Warn,
                format!("root without {}", missing.join(" and ")),
                "in a container: run it privileged, or on the host itself",
            );
        }
    }

    /// True where control files can be read and written.
    fn access(&mut self, fs: &dyn TraceFs, host: &Host, read_only: bool, extra: &[String]) -> bool {
        let root = fs.root().display().to_string();
        if let Err(e) = fs.read("current_tracer") {
            self.unreadable(fs, host, "current_tracer", &e);
            return false;
        }
        let mut names: Vec<&str> = TRACED.iter().map(Traced::name).collect();
        names.push(RT6_STATS_SEQ_SHOW);
        names.extend(extra.iter().map(String::as_str));
        match fs.read("available_filter_functions") {
            Ok(text) => {
                self.available = Available::parse(&String::from_utf8_lossy(&text), &names);
            }
            Err(e) => {
                self.unreadable(fs, host, "available_filter_functions", &e);
                return false;
            }
        }
        if read_only {
            self.advise(
                "tracefs",
                Level::Fail,
                format!("{root} is mounted read-only"),
                "run on the host or in a privileged container, or remount it: mount -o remount,rw "
                    .to_owned()
                    + &root,
            );
            return false;
        }
        self.add(
            "tracefs",
            Level::Ok,
            format!("{root} can be read and written"),
        );
        true
    }

    fn unreadable(&mut self, fs: &dyn TraceFs, host: &Host, file: &str, error: &io::Error) {
        let root = fs.root().display();
        let errno = error.raw_os_error().map(Errno::from_raw_os_error);
        match errno {
            Some(Errno::PERM) => {
                let mode = std::fs::read_to_string(host.sys.join("kernel/security/lockdown"))
                    .unwrap_or_default();
                let mode = match mode.trim() {
                    "" => String::new(),
                    mode => format!(" (lockdown: {mode})"),
                };
                self.advise(
                    "tracefs",
                    Level::Fail,
                    format!("the kernel is locked down: reading {root}/{file} answers EPERM to root{mode}"),
                    "boot without lockdown (it comes with Secure Boot or the lockdown= parameter), or trace another host with the fault; report still reads traces made elsewhere",
                );
            }
            Some(Errno::ACCESS) => self.advise(
                "tracefs",
                Level::Fail,
                format!("{root}/{file} may not be read by this user"),
                "run as root: sudo ip6drop",
            ),
            _ if error.kind() == io::ErrorKind::NotFound && file == "current_tracer" => {
                self.advise(
                    "tracefs",
                    Level::Fail,
                    format!("{root} holds no tracing files: an empty mount, as containers show it, or a kernel without tracing"),
                    "run on the host, or give the container the host's /sys/kernel/tracing",
                );
            }
            _ if error.kind() == io::ErrorKind::NotFound => self.advise(
                "tracefs",
                Level::Fail,
                format!("{root}/{file} is missing: this kernel was built without dynamic ftrace"),
                "use a kernel with CONFIG_DYNAMIC_FTRACE",
            ),
            _ => self.advise(
                "tracefs",
                Level::Fail,
                format!("{root}/{file}: {error}"),
                "see dmesg",
            ),
        }
    }

    fn tracer(&mut self, fs: &dyn TraceFs, host: &Host) {
        let tracers = read_text(fs, "available_tracers").unwrap_or_default();
        if tracers
            .split_whitespace()
            .any(|tracer| tracer == "function")
        {
            self.add("function tracer", Level::Ok, "available");
        } else if self.kprobe_events {
            self.add(
                "function tracer",
                Level::Warn,
                format!("not among {tracers:?}; only the kprobe method is left"),
            );
        } else {
            self.advise(
                "function tracer",
                Level::Fail,
                format!("not among {tracers:?}, and there are no kprobe events"),
                "use a kernel with CONFIG_FUNCTION_TRACER",
            );
        }
        match host
            .proc_text("sys/kernel/ftrace_enabled")
            .as_deref()
            .map(str::trim)
        {
            Some("0") => self.advise(
                "ftrace_enabled",
                Level::Fail,
                "kernel.ftrace_enabled is 0: no function is traced",
                "switch it on: sysctl kernel.ftrace_enabled=1",
            ),
            Some(_) => self.add("ftrace_enabled", Level::Ok, "1"),
            None => self.add("ftrace_enabled", Level::Note, "not shown by this kernel"),
        }
        if host.proc_text("net/rt6_stats").is_none() {
            self.advise(
                "IPv6",
                Level::Fail,
                "/proc/net/rt6_stats is missing: IPv6 is off",
                "nothing can drop IPv6 packets here; look at ipv6.disable on the kernel's command line",
            );
        }
    }

    fn functions(&mut self, extra: &[String]) {
        for traced in TRACED {
            let name = traced.name();
            let real = self.available.real(name).join(", ");
            let missing = format!("cannot be traced on this kernel: {}", traced.cost);
            if !real.is_empty() {
                self.add(name, Level::Ok, format!("traceable as {real}"));
            } else if traced.function == Function::PktDrop {
                let advice = "look for it in available_filter_functions and set_ftrace_notrace";
                self.advise(name, Level::Fail, missing, advice);
            } else {
                self.add(name, Level::Warn, missing);
            }
        }
        for name in extra {
            if self.available.real(name).is_empty() {
                self.advise(
                    "--function",
                    Level::Fail,
                    format!("{name} cannot be traced on this kernel"),
                    "look for it in available_filter_functions",
                );
            }
        }
    }

    fn ways(&mut self, fs: &dyn TraceFs) {
        if fs.exists("instances") {
            self.add("instances", Level::Ok, "available");
        } else {
            self.add(
                "instances",
                Level::Warn,
                "not on this kernel: only the top-level buffer is left, shared with others",
            );
        }
        if self.kprobe_events {
            self.add("kprobe events", Level::Ok, "available");
        } else {
            self.add(
                "kprobe events",
                Level::Warn,
                "not on this kernel: the shared count of dst entries cannot be read",
            );
        }
        let text = |path: &str| read_text(fs, path).unwrap_or_default();
        let hidden = filter_functions(&text("set_ftrace_notrace"));
        let ours: Vec<&str> = TRACED
            .iter()
            .map(Traced::name)
            .filter(|name| hidden.iter().any(|h| h == name))
            .collect();
        if !ours.is_empty() {
            self.add(
                "set_ftrace_notrace",
                Level::Warn,
                format!("hides {} from the top-level buffer", ours.join(", ")),
            );
        }
    }

    fn others(&mut self, fs: &dyn TraceFs, host: &Host) {
        self.foreign = Foreign::look(fs, host);
        match self.foreign.holds_top_level() {
            None => self.add("top-level buffer", Level::Ok, "free"),
            Some(why) => self.add(
                "top-level buffer",
                Level::Note,
                format!("in use: {why}; an instance does not disturb it"),
            ),
        }
        if self.foreign.stopped {
            self.add(
                "tracing_on",
                Level::Note,
                "0: somebody stopped the top-level buffer",
            );
        }
        if self.foreign.probes > 0 {
            let probes = self.foreign.probes;
            self.add(
                "kprobe events",
                Level::Note,
                format!("{probes} of others; they stay"),
            );
        }
        if !self.foreign.instances.is_empty() {
            let names = self.foreign.instances.join(", ");
            self.add("instances", Level::Note, format!("of others: {names}"));
        }
        if !self.foreign.users.is_empty() {
            self.add("processes", Level::Note, self.foreign.who());
        }
    }

    fn load(&mut self, host: &Host) {
        let patches: Vec<String> = std::fs::read_dir(host.sys.join("kernel/livepatch"))
            .map(|dir| {
                dir.flatten()
                    .map(|entry| entry.file_name().to_string_lossy().into_owned())
                    .collect()
            })
            .unwrap_or_default();
        if !patches.is_empty() {
            self.add(
                "livepatch",
                Level::Note,
                format!(
                    "active ({}): a patched function is traced at its old entry",
                    patches.join(", ")
                ),
            );
        }
        // An instance starts with buffers of the default size before it can be shrunk.
        if let (Some(free), Ok(cpus)) = (host.available_kb(), host.cpus()) {
            let needed = u64::from(cpus.online) * 1408;
            let text = format!(
                "{} MiB free, buffers take up to {} MiB",
                free / 1024,
                needed / 1024
            );
            if free < needed * 4 {
                self.add("memory", Level::Warn, text);
            } else {
                self.add("memory", Level::Ok, text);
            }
        }
    }
}

/// What mounting tracefs and writing files of other owners needs, with the bit numbers of
/// include/uapi/linux/capability.h.
const CAPABILITIES: [(&str, u32); 2] = [("CAP_DAC_OVERRIDE", 1), ("CAP_SYS_ADMIN", 21)];

/// The mask in the `CapEff` line of `/proc/PID/status`.
fn effective_capabilities(status: &str) -> Option<u64> {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

/// An error where this user cannot trace at all.
///
/// # Errors
/// [`TraceError::Untraceable`].
pub fn check_root() -> Result<(), TraceError> {
    if rustix::process::geteuid().is_root() {
        Ok(())
    } else {
        Err(TraceError::untraceable(
            "tracing needs root",
            "run it as root: sudo ip6drop",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_of_a_container() {
        let status = "Name:\tip6drop\nCapEff:\t00000000a80425fb\n";
        let effective = effective_capabilities(status).unwrap();
        let has = |wanted: &str| {
            CAPABILITIES
                .iter()
                .any(|(name, bit)| *name == wanted && effective & (1 << bit) != 0)
        };
        assert!(has("CAP_DAC_OVERRIDE"));
        assert!(!has("CAP_SYS_ADMIN"));
        assert_eq!(effective_capabilities("CapEff: zz"), None);
    }
}
