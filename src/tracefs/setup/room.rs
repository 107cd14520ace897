//! How much memory the buffers of all CPUs take together.

/// What each CPU gets when the kernel makes an instance, before it can be shrunk, in KiB
/// (kernel/trace/trace.c: `TRACE_BUF_SIZE_DEFAULT`).
const AT_FIRST_KB: u64 = 1408;
/// The most that buffers take in all, however many CPUs there are: 1 GiB.
const MOST_KB: u64 = 1 << 20;
/// The least that a CPU gets.
const LEAST_KB: u64 = 8;

/// The CPUs that buffers are for, and the memory that they may have of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// CPUs that are online.
    pub(crate) cpus: u32,
    /// Memory that can be had without swapping, in KiB.
    pub(crate) free_kb: u64,
}

impl Room {
    /// What all buffers take together while the kernel makes an instance, in KiB.
    #[must_use]
    pub(crate) fn at_first_kb(self) -> u64 {
        AT_FIRST_KB * u64::from(self.cpus)
    }

    /// The buffer for each CPU where `asked` KiB are wanted: all take together no more than 1 GiB,
    /// and no more than a quarter of what is free.
    #[must_use]
    pub(crate) fn buffer_kb(self, asked: u32) -> u32 {
        let most = MOST_KB.min(self.free_kb / 4) / u64::from(self.cpus.max(1));
        asked.min(u32::try_from(most.max(LEAST_KB)).unwrap_or(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 20;

    #[test]
    fn buffers_of_all_cpus_are_bounded_together() {
        // The default, and the most that can be asked for.
        for (cpus, default, most) in [(1, 512, 65536), (96, 512, 10922), (512, 512, 2048)] {
            let room = Room {
                cpus,
                free_kb: 256 * GIB,
            };
            assert_eq!(room.buffer_kb(512), default, "{cpus}");
            assert_eq!(room.buffer_kb(65536), most, "{cpus}");
            assert!(u64::from(room.buffer_kb(65536)) * u64::from(cpus) <= GIB);
            assert!(room.at_first_kb() < GIB, "{cpus}");
        }
    }

    #[test]
    fn a_quarter_of_what_is_free_is_the_most() {
        for (cpus, default) in [(1, 512), (96, 512), (512, 256)] {
            let room = Room {
                cpus,
                free_kb: GIB / 2,
            };
            assert_eq!(room.buffer_kb(512), default, "{cpus}");
            assert!(u64::from(room.buffer_kb(65536)) * u64::from(cpus) <= GIB / 8);
        }
        let room = Room {
            cpus: 512,
            free_kb: 0,
        };
        assert_eq!(room.buffer_kb(512), 8);
    }
}
