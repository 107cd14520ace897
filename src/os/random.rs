//! Random bytes.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;

use rustix::rand::{GetRandomFlags, getrandom};

/// Sixteen of the kernel's, which nobody can guess. Right after boot they may be waited for.
///
/// # Errors
/// Those of the system: kernels before 3.17 have no such call.
pub(crate) fn bytes() -> io::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    let mut filled = 0;
    while filled < bytes.len() {
        match getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            Ok(more) => filled += more,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(bytes)
}

/// Sixteen that are others each time, at once: kernels of 4.19 without a source of entropy, in
/// which nothing was typed or read since boot, let who asks for unguessable ones wait for minutes.
#[must_use]
pub(crate) fn distinct() -> [u8; 16] {
    let half = || RandomState::new().build_hasher().finish();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half().to_ne_bytes());
    bytes[8..].copy_from_slice(&half().to_ne_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_others() {
        assert_ne!(bytes().unwrap(), bytes().unwrap());
        let (one, other) = (distinct(), distinct());
        assert_ne!(one, other);
        assert_ne!(one[..8], one[8..]);
    }
}
