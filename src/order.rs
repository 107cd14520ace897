//! Sorting by one code for all types. That of the standard library is made anew for each type and
//! key, several KiB each time, which lists shown once are not worth.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Sorts places of a list: the one sort that is made.
fn by_place(places: &mut [usize], compare: &mut dyn FnMut(usize, usize) -> Ordering) {
    places.sort_by(|&a, &b| compare(a, b));
}

/// Sorts as [`slice::sort_by`] does: what is equal stays in order.
pub(crate) fn sort_by<T>(all: &mut Vec<T>, mut compare: impl FnMut(&T, &T) -> Ordering) {
    let mut places: Vec<usize> = (0..all.len()).collect();
    by_place(&mut places, &mut |a, b| compare(&all[a], &all[b]));
    let mut rest: Vec<Option<T>> = all.drain(..).map(Some).collect();
    all.extend(places.into_iter().filter_map(|place| rest[place].take()));
}

/// Sorts as [`slice::sort_by_key`] does: what is equal stays in order.
pub(crate) fn sort_by_key<T, K: Ord>(all: &mut Vec<T>, key: impl Fn(&T) -> K) {
    sort_by(all, |a, b| key(a).cmp(&key(b)));
}

/// A map of these; of two values of one key the last one counts. `collect` does the same, and
/// sorts before.
pub(crate) fn map_of<K: Ord, V>(all: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    map.extend(all);
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_what_is_equal_stays_in_order() {
        let mut all: Vec<(u32, usize)> = (0..500).map(|at| (at * 7919 % 23, at as usize)).collect();
        let mut expected = all.clone();
        expected.sort_by_key(|&(number, _)| number);
        sort_by_key(&mut all, |&(number, _)| number);
        assert_eq!(all, expected);
        expected.sort_by(|a, b| b.cmp(a));
        sort_by(&mut all, |a, b| b.cmp(a));
        assert_eq!(all, expected);
    }

    #[test]
    fn maps_are_those_that_are_collected() {
        let all = [(3, "c"), (1, "a"), (3, "d"), (2, "b")];
        assert_eq!(map_of(all), all.into_iter().collect());
    }

    #[test]
    fn nothing_and_one_are_sorted() {
        let mut none: Vec<String> = Vec::new();
        sort_by_key(&mut none, String::len);
        assert!(none.is_empty());
        let mut one = vec!["one".to_owned()];
        sort_by_key(&mut one, String::len);
        assert_eq!(one, ["one"]);
    }
}
