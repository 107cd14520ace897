//! Looks at the host before anything is changed: can it be traced, and if not, why not.

use std::io;

use rustix::io::Errno;
use serde::Serialize;

use crate::host::Host;
use crate::kernel::functions::{Function, KFREE_SKB};
use crate::kernel::release::judge;
use crate::kernel::traced::{RT6_STATS_SEQ_SHOW, TRACED, Traced};
use crate::text::{Untrusted, shown};
use crate::tracefs::control::filter_functions;
use crate::tracefs::error::TraceError;
use crate::tracefs::files::{TraceFs, read_text};
use crate::tracefs::look::means::means;
use crate::tracefs::look::others::Others;
use crate::tracefs::setup::functions::Available;
use crate::tracefs::setup::room::Room;

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
pub struct Check {
    /// What was looked at.
    pub(crate) name: &'static str,
    /// How it is.
    pub level: Level,
    /// What was found.
    pub(crate) text: Untrusted,
    /// What to do, where something can be done.
    pub(crate) advice: Option<Untrusted>,
}

/// Everything that was looked at.
#[derive(Debug, Clone)]
pub struct Preflight {
    /// In the order of looking.
    pub checks: Vec<Check>,
    /// True where this kernel has kprobe events.
    pub(crate) kprobe_events: bool,
    /// False where the kernel is known to refuse no entry of the route cache.
    pub(crate) may_refuse: bool,
    /// The functions this kernel lets us trace.
    pub(crate) available: Available,
    /// Who else traces.
    pub others: Others,
    /// What buffers may take, where that is known.
    pub(crate) room: Option<Room>,
}

impl Preflight {
    /// The first thing that makes tracing impossible.
    ///
    /// # Errors
    /// [`TraceError::Untraceable`].
    pub fn check(&self) -> Result<(), TraceError> {
        let Some(failed) = self.checks.iter().find(|c| c.level == Level::Fail) else {
            return Ok(());
        };
        let advice = failed.advice.clone();
        Err(TraceError::untraceable(
            failed.text.clone(),
            advice.unwrap_or_else(|| "ip6drop check tells more".into()),
        ))
    }

    /// Looks at everything without changing anything. `extra` are more functions to look for.
    #[must_use]
    pub fn look(fs: &dyn TraceFs, host: &Host, read_only: bool, extra: &[String]) -> Preflight {
        let mut seen = Preflight {
            checks: Vec::new(),
            kprobe_events: fs.exists("kprobe_events"),
            may_refuse: true,
            available: Available::default(),
            others: Others::default(),
            room: None,
        };
        seen.privileges(host);
        seen.limit(host);
        if seen.access(fs, host, read_only, extra) {
            seen.tracer(fs, host);
            seen.functions(extra);
            seen.ways(fs, host);
            seen.others(fs, host);
            seen.netfilter(host);
            seen.load(host);
        }
        seen
    }

    fn add(&mut self, name: &'static str, level: Level, text: impl Into<Untrusted>) {
        self.checks.push(Check {
            name,
            level,
            text: text.into(),
            advice: None,
        });
    }

    fn fail(
        &mut self,
        name: &'static str,
        text: impl Into<Untrusted>,
        advice: impl Into<Untrusted>,
    ) {
        self.checks.push(Check {
            name,
            level: Level::Fail,
            text: text.into(),
            advice: Some(advice.into()),
        });
    }

    /// Root in a container may lack what root on the host has.
    fn privileges(&mut self, host: &Host) {
        let missing = host.missing_privileges();
        if missing.is_empty() {
            self.add("privileges", Level::Ok, "all that tracing needs");
        }
        self.checks.extend(missing.iter().map(|missing| Check {
            name: "privileges",
            level: Level::Warn,
            text: missing.loss().into(),
            advice: Some(missing.advice().into()),
        }));
    }

    /// Whether the kernel still refuses entries.
    fn limit(&mut self, host: &Host) {
        let Ok(release) = host.release() else {
            return;
        };
        let kernel = judge(&release);
        self.may_refuse = kernel.checks != Some(false);
        let means = match kernel.checks {
            Some(true) => {
                "the cache is held against it, and packets from outside can fill it (CVE-2023-52340)"
            }
            Some(false) => "nothing is refused on this kernel",
            None => "whether it is checked is not known",
        };
        self.add(
            "max_size",
            Level::Note,
            format!("{means}: {}", kernel.reason),
        );
    }

    /// True where control files can be read and written.
    fn access(&mut self, fs: &dyn TraceFs, host: &Host, read_only: bool, extra: &[String]) -> bool {
        let root = shown(fs.root());
        let mut names: Vec<&str> = TRACED.iter().map(Traced::name).collect();
        names.push(RT6_STATS_SEQ_SHOW);
        names.extend(KFREE_SKB);
        names.extend(extra.iter().map(String::as_str));
        let read = |file| fs.read(file).map_err(|e| unreadable(fs, host, file, &e));
        match read("current_tracer").and_then(|_| read("available_filter_functions")) {
            Ok(text) => {
                self.available = Available::parse(&text, &names);
            }
            Err((text, advice)) => {
                self.fail("tracefs", text, advice);
                return false;
            }
        }
        if read_only {
            self.fail(
                "tracefs",
                format!("{root} is mounted read-only"),
                format!("give it to the container without readOnly, or remount it: mount -o remount,rw {root}"),
            );
        } else {
            let text = format!("{root} can be read and written");
            self.add("tracefs", Level::Ok, text);
        }
        !read_only
    }

    fn tracer(&mut self, fs: &dyn TraceFs, host: &Host) {
        let tracers = read_text(fs, "available_tracers").unwrap_or_default();
        if tracers.split_whitespace().any(|t| t == "function") {
            self.add("function tracer", Level::Ok, "available");
        } else if self.kprobe_events {
            let text = format!("not among {tracers:?}; only the kprobe method is left");
            self.add("function tracer", Level::Warn, text);
        } else {
            self.fail(
                "function tracer",
                format!("not among {tracers:?}, and there are no kprobe events"),
                "use a kernel with CONFIG_FUNCTION_TRACER",
            );
        }
        let enabled = host.proc_text("sys/kernel/ftrace_enabled");
        match enabled.as_deref().map(str::trim) {
            Some("0") => self.fail(
                "ftrace_enabled",
                "kernel.ftrace_enabled is 0: no function is traced",
                "switch it on: sysctl kernel.ftrace_enabled=1",
            ),
            Some(_) => self.add("ftrace_enabled", Level::Ok, "1"),
            None => self.add("ftrace_enabled", Level::Note, "not shown by this kernel"),
        }
        if host.proc_text("net/rt6_stats").is_none() {
            self.fail(
                "IPv6",
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
                self.fail(name, missing, advice);
            } else {
                self.add(name, Level::Warn, missing);
            }
        }
        for name in extra {
            if self.available.real(name).is_empty() {
                let text = format!("{name} cannot be traced on this kernel");
                let advice = "look for it in available_filter_functions";
                self.fail("--function", text, advice);
            }
        }
    }

    /// Rules that lose or miss packets where the route cache is full.
    fn netfilter(&mut self, host: &Host) {
        let matches = host.route_matches();
        if matches.ask_way_back() {
            let text = format!(
                "rules use {}: packets that these drop because the route cache is full are recorded as well",
                matches.way_back_names().join(" and ")
            );
            self.add("reverse path", Level::Note, text);
        }
        if matches.addrtype {
            let text = "rules use addrtype: where the route cache is full it matches nothing, and no drop shows it";
            self.add("addrtype", Level::Note, text);
        }
    }

    fn ways(&mut self, fs: &dyn TraceFs, host: &Host) {
        for (name, how) in means(fs, host, self.kprobe_events) {
            match how {
                Ok(text) => self.add(name, Level::Ok, text),
                Err(text) => self.add(name, Level::Warn, text),
            }
        }
        let notrace = read_text(fs, "set_ftrace_notrace").unwrap_or_default();
        let hidden = filter_functions(&notrace);
        let ours: Vec<&str> = TRACED
            .iter()
            .map(Traced::name)
            .filter(|name| hidden.iter().any(|h| h == name))
            .collect();
        if !ours.is_empty() {
            let text = format!("hides {} from the top-level buffer", ours.join(", "));
            self.add("set_ftrace_notrace", Level::Warn, text);
        }
    }

    fn others(&mut self, fs: &dyn TraceFs, host: &Host) {
        let others = Others::look(fs, host);
        if let Some(why) = others.holds_top_level() {
            let text = format!("in use: {why}; an instance does not disturb it");
            self.add("top-level buffer", Level::Note, text);
        } else {
            self.add("top-level buffer", Level::Ok, "free");
        }
        let mut note = |name, text: String| self.add(name, Level::Note, text);
        if others.stopped {
            let text = "0: somebody stopped the top-level buffer";
            note("tracing_on", text.to_owned());
        }
        if others.probes > 0 {
            let text = format!("{} of others; they stay", others.probes);
            note("kprobe events", text);
        }
        if !others.instances.is_empty() {
            let text = format!("of others: {}", Untrusted::joined(&others.instances));
            note("instances", text);
        }
        if !others.users.is_empty() {
            note("processes", others.who());
        }
        self.others = others;
    }

    fn load(&mut self, host: &Host) {
        let patches: Vec<String> = std::fs::read_dir(host.sys.join("kernel/livepatch"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        if !patches.is_empty() {
            let patches = patches.join(", ");
            let text = format!("active ({patches}): a patched function is traced at its old entry");
            self.add("livepatch", Level::Note, text);
        }
        if let (Some(free_kb), Ok(cpus)) = (host.available_kb(), host.cpus()) {
            self.memory(Room {
                cpus: cpus.online,
                free_kb,
            });
        }
    }

    /// An instance starts with buffers of the kernel's own size before it can be shrunk. Where they
    /// have no room, the kernel refuses it (kernel/trace/ring_buffer.c: `__rb_allocate_pages`).
    fn memory(&mut self, room: Room) {
        let needed = room.at_first_kb();
        let scarce = room.free_kb < needed * 4;
        let level = if scarce { Level::Warn } else { Level::Ok };
        let (free, needed) = (room.free_kb / 1024, needed / 1024);
        let text = format!("{free} MiB free, buffers take up to {needed} MiB");
        self.add("memory", level, text);
        self.room = Some(room);
    }

    /// The buffer for each CPU where `asked` KiB are wanted: as much as this host has room for.
    #[must_use]
    pub(crate) fn buffer_kb(&self, asked: u32) -> u32 {
        self.room.map_or(asked, |room| room.buffer_kb(asked))
    }
}

/// Why a control file cannot be read, and what to do about it.
fn unreadable(
    fs: &dyn TraceFs,
    host: &Host,
    file: &str,
    error: &io::Error,
) -> (String, &'static str) {
    let root = shown(fs.root());
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::PERM) => {
            let mode = std::fs::read_to_string(host.sys.join("kernel/security/lockdown"));
            let mode = match mode.as_deref().map(str::trim) {
                Err(_) | Ok("") => String::new(),
                Ok(mode) => format!(" (lockdown: {mode})"),
            };
            (
                format!(
                    "the kernel is locked down: reading {root}/{file} answers EPERM to root{mode}"
                ),
                "boot without lockdown (it comes with Secure Boot or the lockdown= parameter), or trace another host with the fault; report still reads traces made elsewhere",
            )
        }
        Some(Errno::ACCESS) => (
            format!("{root}/{file} may not be read by this user"),
            "run as root: sudo ip6drop",
        ),
        Some(Errno::NOENT) if file == "current_tracer" => (
            format!(
                "{root} holds no tracing files: an empty mount, as containers show it, or a kernel without tracing"
            ),
            "run on the host, or give the container the host's /sys/kernel/tracing",
        ),
        Some(Errno::NOENT) => (
            format!("{root}/{file} is missing: this kernel was built without dynamic ftrace"),
            "use a kernel with CONFIG_DYNAMIC_FTRACE",
        ),
        _ => (format!("{root}/{file}: {error}"), "see dmesg"),
    }
}

/// An error where this user cannot trace at all.
///
/// # Errors
/// [`TraceError::Untraceable`].
pub(crate) fn check_root() -> Result<(), TraceError> {
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
    fn buffers_have_the_room_that_there_is() {
        let level = |cpus, free_mib: u64| {
            let mut seen = Preflight {
                checks: Vec::new(),
                kprobe_events: true,
                may_refuse: true,
                available: Available::default(),
                others: Others::default(),
                room: None,
            };
            let free_kb = free_mib * 1024;
            seen.memory(Room { cpus, free_kb });
            (seen.checks[0].level, seen.buffer_kb(65536))
        };
        assert_eq!(level(2, 512), (Level::Ok, 65536));
        assert_eq!(level(512, 4096), (Level::Ok, 2048));
        assert_eq!(level(512, 2048), (Level::Warn, 1024));
        assert_eq!(level(1, 1), (Level::Warn, 256));
    }
}
