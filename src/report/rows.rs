//! Rows that drops are counted in.

use std::collections::HashMap;
use std::hash::Hash;

use crate::hash::Seeded;

/// Rows of one kind that are counted apart.
pub(crate) const MAX_CELLS: usize = 262_144;
/// Rows that are found without a look into their table. A power of two.
pub(super) const RECENT: usize = 2048;

/// Rows in the order of their first appearance.
#[derive(Clone)]
pub(crate) struct Rows<K, V> {
    index: HashMap<K, u32, Seeded>,
    all: Vec<(K, V)>,
}

impl<K: Copy + Eq + Hash, V: Default> Rows<K, V> {
    pub(super) fn new() -> Self {
        Rows {
            index: HashMap::default(),
            all: Vec::new(),
        }
    }

    /// All rows.
    pub(crate) fn all(&self) -> &[(K, V)] {
        &self.all
    }

    /// The place of a row, if it has one already or `room` says that there is for one more.
    pub(super) fn place(&mut self, key: K, room: bool) -> Option<u32> {
        if let Some(&known) = self.index.get(&key) {
            return Some(known);
        }
        room.then(|| {
            let place = self.all.len() as u32;
            self.index.insert(key, place);
            self.all.push((key, V::default()));
            place
        })
    }

    /// The same, with room for [`MAX_CELLS`].
    pub(super) fn capped(&mut self, key: K) -> Option<u32> {
        let room = self.all.len() < MAX_CELLS;
        self.place(key, room)
    }

    pub(super) fn value(&mut self, place: u32) -> &mut V {
        &mut self.all[place as usize].1
    }
}

/// Numbers of a key as a place among the recent ones. CPUs and pids often rise together, so
/// that the upper bits of products are taken, in which every bit has a part.
pub(super) fn recent(numbers: [usize; 3]) -> usize {
    let mixed = numbers.into_iter().fold(0, |mixed: u64, number| {
        (mixed ^ number as u64)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
    });
    mixed as usize % RECENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_kind_have_a_cap() {
        let mut rows = Rows::<u32, u64>::new();
        let most = MAX_CELLS as u32;
        assert!((0..most).all(|key| rows.capped(key) == Some(key)));
        assert_eq!(rows.capped(most), None);
        // A row that is there is found all the same, and one is made where it must be.
        assert_eq!(rows.capped(7), Some(7));
        assert_eq!(rows.place(most, true), Some(most));
    }
}
