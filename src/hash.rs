//! Hashes of what comes from inputs, by a seed that nobody knows before the run.
//!
//! Whoever knows the seed can write stacks that all have one hash, and each look-up of them then
//! passes all the others. A table's order depends on the seed, so nothing is ever shown in it.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::OnceLock;

use foldhash::SharedSeed;
use foldhash::fast::{FoldHasher, SeedableRandomState};

/// The seed of all tables of the process. Both halves must be unknown: inputs can be made
/// against either.
static DRAWN: OnceLock<(u64, SharedSeed)> = OnceLock::new();

fn draw(one: u64, other: u64) -> (u64, SharedSeed) {
    (one, SharedSeed::from_u64(other))
}

/// Hashes by the seed of the process.
#[derive(Debug, Clone)]
pub(crate) struct Seeded(SeedableRandomState);

impl Default for Seeded {
    fn default() -> Self {
        let (one, shared) = DRAWN.get_or_init(|| {
            // The standard library has its keys from the system.
            let keys = RandomState::new();
            draw(keys.hash_one(1), keys.hash_one(2))
        });
        Seeded(SeedableRandomState::with_seed(*one, shared))
    }
}

impl BuildHasher for Seeded {
    type Hasher = FoldHasher<'static>;

    #[inline(always)]
    fn build_hasher(&self) -> FoldHasher<'static> {
        self.0.build_hasher()
    }
}

/// Gives the process this seed; false where it has one already.
#[must_use]
pub fn choose(seed: u64) -> bool {
    DRAWN.set(draw(seed, !seed)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use foldhash::fast::FixedState;

    use super::*;

    /// Stacks of one hash under the seed that `foldhash` has without ours: where a word of its
    /// seed stands twice in this place, nothing else counts.
    fn made() -> impl Iterator<Item = Vec<u8>> {
        let word = 0xc0ac_29b7_c97c_50dd_u64.to_le_bytes();
        (0..1000).map(move |n| {
            let start = format!(" => ip6_pkt_drop\n => ip6_pkt_discard\n => f{n:05}");
            [start.as_bytes(), &word, &word, &[b'x'; 31], b"\n"].concat()
        })
    }

    fn hashes(hasher: &impl BuildHasher) -> usize {
        let all: BTreeSet<u64> = made().map(|stack| hasher.hash_one(&stack[..])).collect();
        all.len()
    }

    #[test]
    fn stacks_made_against_a_known_seed_are_told_apart() {
        assert_eq!(hashes(&FixedState::default()), 1);
        assert_eq!(hashes(&Seeded::default()), 1000);
    }

    /// With either half known, stacks could be made against that.
    #[test]
    fn both_halves_of_the_seed_are_drawn() {
        let of = |drawn: (u64, SharedSeed)| {
            let hasher = FoldHasher::with_seed(drawn.0, &drawn.1);
            let mut hasher = hasher.clone();
            std::hash::Hasher::write(&mut hasher, b" => ip6_pkt_drop\n");
            std::hash::Hasher::finish(&hasher)
        };
        let all: BTreeSet<u64> = [(1, 1), (1, 2), (2, 1)].map(|(a, b)| of(draw(a, b))).into();
        assert_eq!(all.len(), 3);
    }

    #[test]
    fn all_tables_of_a_process_have_one_seed() {
        let [one, other] = [(); 2].map(|()| Seeded::default().hash_one(1));
        assert_eq!(one, other);
        assert!(!choose(1));
        assert_eq!(Seeded::default().hash_one(1), one);
    }
}
