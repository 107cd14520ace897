//! Random bytes of the kernel's.

use std::io;

use rustix::rand::{GetRandomFlags, getrandom};

/// Sixteen of them, which nobody can guess.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_others() {
        assert_ne!(bytes().unwrap(), bytes().unwrap());
    }
}
