//! What `status` says in words, the same in every format for people.

use crate::host::netns::NetNs;
use crate::kernel::limits::Regime;
use crate::render::words::count;
use crate::status::sampler::{NetNsStatus, Status};
use crate::text::harmless;

/// A short name of a namespace: `init`, its own name, its pod, its process or its number.
#[must_use]
pub(crate) fn short_name(netns: &NetNs) -> String {
    if netns.init == Some(true) {
        return "init".to_owned();
    }
    if let Some(name) = &netns.name {
        return name.to_string();
    }
    match &netns.owner {
        Some(owner) => match &owner.pod {
            Some(pod) => format!("pod {pod}"),
            None => format!("{} ({})", harmless(&owner.comm), owner.pid),
        },
        None => match netns.id {
            Some(id) if !netns.own => format!("net:[{}]", id.inode),
            _ => "this namespace".to_owned(),
        },
    }
}

/// All that is known of who a namespace belongs to.
#[must_use]
pub(crate) fn description(netns: &NetNs) -> String {
    let mut parts = Vec::new();
    match netns.init {
        Some(true) => parts.push("init, the node's own".to_owned()),
        Some(false) => parts.push("not the node's own".to_owned()),
        None => {}
    }
    if let Some(id) = netns.id {
        parts.push(format!("net:[{}]", id.inode));
    }
    if let Some(name) = &netns.name {
        parts.push(format!("name {name}"));
    }
    if let Some(owner) = &netns.owner {
        parts.push(format!("process {} ({})", harmless(&owner.comm), owner.pid));
        if let Some(pod) = &owner.pod {
            parts.push(format!("pod {pod}"));
        }
    }
    if parts.is_empty() {
        parts.push("this namespace".to_owned());
    }
    parts.join(", ")
}

/// The state in a few words: regimes, or why there is none.
#[must_use]
pub(crate) fn state_name(row: &NetNsStatus) -> String {
    if row.is_unread() {
        let kind = row.problems.first().map_or("unreadable", |p| p.kind);
        return format!("({kind})");
    }
    row.assessment.state.names().join("|")
}

/// The verdict in one sentence.
#[must_use]
pub(crate) fn sentence(status: &Status) -> String {
    let Some(worst) = status.worst() else {
        return "No network namespace could be looked at.".to_owned();
    };
    let name = short_name(&worst.netns);
    let read = status.rows.iter().filter(|row| !row.is_unread()).count();
    if read == 0 {
        return match worst.problems.first() {
            Some(problem) => {
                let text = problem.text.to_string();
                format!("Nothing could be read: {text}.")
            }
            None => "Nothing could be read.".to_owned(),
        };
    }
    let within = worst.assessment.state.certain() == Some(Regime::WithinLimits.name());
    let meaning = if within && status.matches.ask_way_back() && status.kernel.checks != Some(false)
    {
        "nothing is refused at rest, but under load entries in flight may fill it for moments"
            .to_owned()
    } else {
        worst.assessment.meaning()
    };
    let state = state_name(worst).replace('|', " or ");
    if let [_] = status.rows[..] {
        return format!("IPv6 route cache {state}: {meaning}.");
    }
    let worse = status
        .rows
        .iter()
        .filter(|row| row.assessment.is_over())
        .count();
    if worse == 0 {
        return match worst.is_unread() {
            true => format!(
                "IPv6 route caches: the {read} network namespaces that could be read are fine."
            ),
            false => format!("IPv6 route caches: all {read} network namespaces are fine."),
        };
    }
    format!(
        "IPv6 route caches: {worse} of {read} network namespaces over the limit; worst is {name}, {state}: {meaning}."
    )
}

/// What the kernel's log says of refused allocations; `None` where it says nothing.
#[must_use]
pub(crate) fn kernel_log(status: &Status) -> Option<String> {
    let log = status.log.filter(|log| log.refused > 0)?;
    let refused = count(log.refused, "entry", "entries");
    let ago = log.ago.map(|ago| format!(", the last {ago:.0} s ago"));
    Some(format!(
        "Kernel log: the route cache was full, and {refused} refused since boot{}.",
        ago.unwrap_or_default()
    ))
}

/// A sentence on the processes whose namespace may not be looked at; `None` without any.
#[must_use]
pub(crate) fn hidden(status: &Status) -> Option<String> {
    (status.hidden > 0).then(|| {
        format!(
            "{} could not be looked at, and may be in further network namespaces; run as root on the node itself to see all, or with CAP_SYS_PTRACE in a container",
            count(status.hidden as u64, "process", "processes")
        )
    })
}
