//! The key that decides which pseudonym each name has.

use siphasher::{sip, sip128};

/// Of the text that somebody calls a key. It is public: what is secret is the text.
const OF_TEXT: &[u8; 16] = b"ip6drop: a key  ";

/// A key. Whoever has it can find out which pseudonym a name has that they think of.
#[derive(Clone)]
pub struct Key(sip::SipHasher24);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// A key that was drawn.
    #[must_use]
    pub(crate) fn drawn(bytes: [u8; 16]) -> Key {
        Key(sip::SipHasher24::new_with_key(&bytes))
    }

    /// The key of a text.
    #[must_use]
    pub fn of_text(text: &str) -> Key {
        let hash = sip128::SipHasher24::new_with_key(OF_TEXT).hash(text.as_bytes());
        Key::drawn(hash.as_bytes())
    }

    /// What the key makes of some bytes; of the same bytes something else for each kind.
    #[must_use]
    pub(super) fn hash(&self, kind: &str, bytes: &[u8]) -> u64 {
        let mut all = Vec::with_capacity(kind.len() + 1 + bytes.len());
        all.extend_from_slice(kind.as_bytes());
        all.push(0);
        all.extend_from_slice(bytes);
        self.0.hash(&all)
    }

    /// The same of the first bits of an address, without a kind in front.
    #[must_use]
    pub(super) fn hash_of_prefix(&self, prefix: u128, length: u8) -> u64 {
        let mut all = [0; 17];
        all[..16].copy_from_slice(&prefix.to_be_bytes());
        all[16] = length;
        self.0.hash(&all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_kinds_and_bytes_tell_hashes_apart() {
        let key = Key::of_text("a");
        assert_eq!(key.hash("dev", b"x"), Key::of_text("a").hash("dev", b"x"));
        let others = [
            Key::of_text("b").hash("dev", b"x"),
            Key::drawn([0; 16]).hash("dev", b"x"),
            key.hash("host", b"x"),
            key.hash("dev", b"y"),
        ];
        assert!(!others.contains(&key.hash("dev", b"x")));
        assert_ne!(key.hash_of_prefix(0, 4), key.hash_of_prefix(0, 8));
    }
}
