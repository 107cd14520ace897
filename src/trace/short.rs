//! Short names, copied out of the text.

/// A name of at most `N` bytes; further ones are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Short<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

/// A task's name: at most `TASK_COMM_LEN` bytes.
pub(crate) type Comm = Short<16>;
/// The name of a network interface: at most `IFNAMSIZ` bytes, without its end.
pub(crate) type DevName = Short<15>;

impl<const N: usize> Default for Short<N> {
    fn default() -> Self {
        Short {
            bytes: [0; N],
            len: 0,
        }
    }
}

impl<const N: usize> Short<N> {
    /// Copies a name.
    #[must_use]
    pub(crate) fn new(name: &[u8]) -> Self {
        let name = &name[..name.len().min(N)];
        let mut bytes = [0; N];
        bytes[..name.len()].copy_from_slice(name);
        Short {
            bytes,
            len: name.len() as u8,
        }
    }

    /// The name's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The kernel did not know it any more.
    #[must_use]
    pub(crate) fn is_unnamed(&self) -> bool {
        self.as_bytes() == b"<...>"
    }
}

impl DevName {
    /// A name that an interface can have (net/core/dev.c: `dev_valid_name`), and that can be
    /// shown: neither empty nor too long, without white space, slash, colon and control
    /// characters.
    #[must_use]
    pub(crate) fn of_device(name: &[u8]) -> Option<DevName> {
        let fits = |b: &u8| !b.is_ascii_whitespace() && !b.is_ascii_control();
        let is_name = (1..=15).contains(&name.len())
            && name
                .iter()
                .all(|b| fits(b) && !matches!(b, b'/' | b':' | b'"'));
        is_name.then(|| DevName::new(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_without_a_name_is_unnamed() {
        assert!(Comm::new(b"<...>").is_unnamed());
        assert!(!Comm::new(b"<idle>").is_unnamed());
    }

    #[test]
    fn names_of_interfaces() {
        for name in ["lo", "eth0.100", "cali1234567890a", "\u{fc}ml"] {
            let known = DevName::of_device(name.as_bytes()).map(|dev| dev.as_bytes().to_vec());
            assert_eq!(known.as_deref(), Some(name.as_bytes()));
        }
        for name in [
            "",
            "a b",
            "a/b",
            "a:b",
            "a\"b",
            "a\x1b[2J",
            "cali1234567890ab",
        ] {
            assert_eq!(DevName::of_device(name.as_bytes()), None, "{name:?}");
        }
    }
}
