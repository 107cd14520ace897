//! Changes of one file that followed each other, as one: what was set and set again is put back to
//! what it was before the first of them, by no way round over values that were our own.

use crate::tracefs::undo::change::Change;

/// The file of tracers, where somebody else's may be on.
const TRACER: &str = "current_tracer";

/// The changes, in the order they were made, with those of one file joined as far as nobody else
/// changed it in between. A value stands where its last change stood, the filter where its first
/// one did: it is put back last.
#[must_use]
pub(super) fn joined(changes: &[Change]) -> Vec<Change> {
    let mut all: Vec<Change> = Vec::new();
    for change in changes {
        let earlier = all
            .iter()
            .rposition(|earlier| is_same_file(earlier, change));
        match earlier.and_then(|at| Some((at, join(&all[at], change)?))) {
            Some((at, both @ Change::Filter { .. })) => all[at] = both,
            Some((at, both)) => {
                all.remove(at);
                all.push(both);
            }
            None => all.push(change.clone()),
        }
    }
    all
}

/// True where both are of the same file.
pub(super) fn is_same_file(one: &Change, other: &Change) -> bool {
    match (one, other) {
        (Change::Value { path, .. }, Change::Value { path: other, .. }) => path == other,
        (Change::Filter { .. }, Change::Filter { .. }) => true,
        _ => false,
    }
}

/// Both as one, where the second began with what the first left.
fn join(first: &Change, second: &Change) -> Option<Change> {
    match (first, second) {
        (
            Change::Value {
                path,
                before,
                after,
                read_back,
                between,
            },
            Change::Value {
                before: then,
                after: last,
                read_back: found,
                between: more,
                ..
            },
        ) => {
            let held = read_back.as_ref().unwrap_or(after);
            // Somebody else's tracer is turned on again when all else is as it was.
            if held != then || (path == TRACER && before != "nop") {
                return None;
            }
            let mut between = between.clone();
            between.extend([held].into_iter().chain(more).cloned());
            between.sort();
            between.dedup();
            Some(Change::Value {
                path: path.clone(),
                before: before.clone(),
                after: last.clone(),
                read_back: found.clone(),
                between,
            })
        }
        (
            Change::Filter { before, after },
            Change::Filter {
                before: then,
                after: last,
            },
        ) if after == then => {
            let mut both = [&after[..], &last[..]].concat();
            both.sort();
            both.dedup();
            Some(Change::Filter {
                before: before.clone(),
                after: both,
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(path: &str, before: &str, after: &str, between: &[&str]) -> Change {
        Change::Value {
            path: path.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
            read_back: None,
            between: between.iter().map(|&value| value.to_owned()).collect(),
        }
    }

    fn filter(before: &[&str], after: &[&str]) -> Change {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Change::Filter {
            before: owned(before),
            after: owned(after),
        }
    }

    #[test]
    fn what_was_set_again_and_again_goes_back_at_once() {
        let changes = [
            value(TRACER, "function", "nop", &[]),
            filter(&[], &["a", "b"]),
            value("x", "0", "1", &[]),
            value(TRACER, "nop", "function", &[]),
            value(TRACER, "function", "nop", &[]),
            filter(&["a", "b"], &["b"]),
            value("x", "1", "0", &[]),
            value(TRACER, "nop", "function", &[]),
        ];
        let all = [
            value(TRACER, "function", "nop", &[]),
            filter(&[], &["a", "b"]),
            value("x", "0", "0", &["1"]),
            value(TRACER, "nop", "function", &["function", "nop"]),
        ];
        assert_eq!(joined(&changes), all);
        assert_eq!(joined(&all), all);
    }

    #[test]
    fn what_others_set_in_between_is_a_change_of_its_own() {
        let changes = [
            value("x", "0", "1", &[]),
            value("x", "2", "1", &[]),
            filter(&[], &["a"]),
            filter(&["c"], &["a"]),
        ];
        assert_eq!(joined(&changes), changes);
    }
}
