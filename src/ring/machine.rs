//! Numbers in the traced machine's byte order.

/// How the traced machine writes numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Machine {
    /// Most significant byte first.
    pub(crate) big_endian: bool,
    /// Size of the kernel's `long`, 4 or 8 bytes.
    pub(crate) long: usize,
}

/// Bits of a number of so many bytes, 1 to 8.
fn bits(bytes: usize) -> u32 {
    (bytes.clamp(1, 8) as u32).saturating_mul(8)
}

impl Machine {
    /// An unsigned number of up to 8 bytes.
    pub(crate) fn number(self, bytes: &[u8]) -> u64 {
        let digit = |n: u64, b: &u8| (n << 8) | u64::from(*b);
        if self.big_endian {
            bytes.iter().fold(0, digit)
        } else {
            bytes.iter().rev().fold(0, digit)
        }
    }

    /// The same with its sign.
    pub(crate) fn signed(self, bytes: &[u8]) -> i64 {
        let unused = 64u32.saturating_sub(bits(bytes.len()));
        (self.number(bytes) << unused) as i64 >> unused
    }

    /// Bits of the kernel's `long`.
    pub(crate) fn long_bits(self) -> u32 {
        bits(self.long)
    }

    /// Hexadecimal digits of a `long`.
    pub(crate) fn hex_digits(self) -> usize {
        self.long.saturating_mul(2)
    }

    /// The largest unsigned `long`.
    pub(crate) fn long_max(self) -> u64 {
        u64::MAX >> 64u32.saturating_sub(self.long_bits())
    }
}
