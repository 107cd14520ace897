//! Work that gives way to everything else on the host.

use std::collections::BTreeSet;

use rustix::process::{getpriority_process, setpriority_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Behind what runs with the usual priority, and still ahead of what may wait for ever.
const NICE: i32 = 10;

/// This thread gives way, until this is dropped. Where the system refuses, it does not.
#[derive(Debug)]
pub(crate) struct Background {
    nice: Option<i32>,
    affinity: Option<CpuSet>,
}

impl Background {
    /// Lowers the priority of this thread and keeps it off these CPUs, as far as others are left.
    #[must_use]
    pub(crate) fn enter(isolated: &BTreeSet<u32>) -> Background {
        let nice = getpriority_process(None).ok().filter(|nice| *nice < NICE);
        let nice = nice.filter(|_| setpriority_process(None, NICE).is_ok());
        let affinity = sched_getaffinity(None).ok().filter(|allowed| {
            let mut rest = *allowed;
            for cpu in isolated.iter().map(|cpu| *cpu as usize) {
                if cpu < CpuSet::MAX_CPU {
                    rest.unset(cpu);
                }
            }
            rest.count() > 0 && rest != *allowed && sched_setaffinity(None, &rest).is_ok()
        });
        Background { nice, affinity }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // What it ends with is set-up being taken back, for which the host waits. Without the
        // right to, the priority stays.
        if let Some(nice) = self.nice {
            let _ = setpriority_process(None, nice);
        }
        if let Some(affinity) = &self.affinity {
            let _ = sched_setaffinity(None, affinity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> (i32, CpuSet) {
        let affinity = sched_getaffinity(None).unwrap();
        (getpriority_process(None).unwrap(), affinity)
    }

    #[test]
    fn a_thread_gives_way_and_comes_back() {
        let before = now();
        let cpus = || (0..CpuSet::MAX_CPU).filter(|cpu| before.1.is_set(*cpu));
        let first = BTreeSet::from_iter(cpus().take(1).map(|cpu| cpu as u32));
        let background = Background::enter(&first);
        let during = now();
        assert_eq!(during.0, NICE.max(before.0));
        // The last one is never given up.
        assert_eq!(during.1.count(), before.1.count().max(2) - 1);
        drop(background);
        let all = BTreeSet::from_iter(cpus().map(|cpu| cpu as u32));
        drop(Background::enter(&all));
        assert_eq!(now().1, before.1);
    }
}
