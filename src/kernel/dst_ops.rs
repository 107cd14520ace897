//! Where `struct dst_ops` keeps the shared part of its counter of entries (`fast`).

/// One place, and the argument of the probe that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FastAt {
    /// Bytes from the start of the structure.
    pub(crate) offset: u16,
    /// The argument's name.
    pub(crate) argument: &'static str,
}

/// Where it may be: `pcpuc_entries` begins on a cache line, and its count is the second word
/// (include/net/dst_ops.h, include/linux/percpu_counter.h). The first is that of mainline, 4.19
/// to 6.12, on x86-64 and 64-bit Arm; vendors that pad the structure to keep their ABI have the
/// second (measured: RHEL 8.1, OpenCloudOS 5.4; read: Alibaba Cloud 4.19).
pub(crate) const FAST_AT: [FastAt; 2] = [
    FastAt {
        offset: 136,
        argument: "fast",
    },
    FastAt {
        offset: 200,
        argument: "fast_200",
    },
];

/// What one probe read, in the order of [`FAST_AT`].
pub(crate) type FastReadings = [Option<i64>; FAST_AT.len()];
