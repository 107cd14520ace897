//! Names in a text, found by their numbers.

/// Longest name, in bytes (`KSYM_NAME_LEN` of 6.1 and later); of a task it is 16. Longer ones are
/// none: each is printed as often as its number comes.
const MAX_NAME: usize = 512;

/// A text of many lines, each with a number and a name.
#[derive(Default)]
pub(super) struct Names {
    text: Vec<u8>,
    /// The number, and where in the text the name starts and ends.
    index: Vec<(u64, u32, u32)>,
}

/// Finds the number and the name in a line.
type Entry = fn(&[u8]) -> Option<(u64, &[u8])>;

impl Names {
    /// Takes a text. Of several names of one number the first counts.
    pub(super) fn new(text: Vec<u8>, entry: Entry) -> Self {
        let mut index = Vec::new();
        let base = text.as_ptr() as usize;
        // Places are kept in 32 bits; files keep the size in as many.
        if u32::try_from(text.len()).is_ok() {
            for line in text.split(|&b| b == b'\n' || b == 0) {
                if let Some((number, name)) = entry(line)
                    && name.len() <= MAX_NAME
                {
                    let at = (name.as_ptr() as usize).saturating_sub(base);
                    index.push((number, at as u32, at.saturating_add(name.len()) as u32));
                }
            }
        }
        index.sort_by_key(|&(number, at, _)| (number, at));
        index.dedup_by_key(|&mut (number, ..)| number);
        Names { text, index }
    }

    /// True where nothing has a name.
    pub(super) fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// All numbers, and their names.
    pub(super) fn all(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let entries = self.index.iter();
        entries.filter_map(|&(number, from, to)| {
            Some((number, self.text.get(from as usize..to as usize)?))
        })
    }

    /// The largest number up to this one that has a name, and the name.
    pub(super) fn last_up_to(&self, number: u64) -> Option<(u64, &[u8])> {
        let after = self.index.partition_point(|&(known, ..)| known <= number);
        let &(known, from, to) = self.index.get(after.checked_sub(1)?)?;
        Some((known, self.text.get(from as usize..to as usize)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_is_none() {
        for (len, found) in [(MAX_NAME, true), (MAX_NAME + 1, false)] {
            let names = Names::new(vec![b'f'; len], |line| Some((7, line)));
            assert_eq!(names.last_up_to(7).is_some(), found);
        }
    }
}
