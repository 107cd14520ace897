//! Keys, as a terminal sends them.

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// One that writes something.
    Char(char),
    /// Return.
    Enter,
    /// Escape.
    Escape,
    /// Backspace.
    Back,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// Ctrl-L: draw everything anew.
    Redraw,
}

const ESCAPE: u8 = 0x1b;

/// The keys that were pressed; what is none of them is passed over, an escape sequence as a whole.
#[must_use]
pub(crate) fn keys(bytes: &[u8]) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut rest = bytes;
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            ESCAPE => {
                let (key, length) = escaped(behind);
                keys.extend(key);
                rest = &behind[length..];
            }
            b'\r' | b'\n' => keys.push(Key::Enter),
            0x7f | 0x08 => keys.push(Key::Back),
            0x0c => keys.push(Key::Redraw),
            0x20..=0x7e => keys.push(Key::Char(first.into())),
            _ => {}
        }
    }
    keys
}

/// The key of a sequence behind its escape, and how long that is.
fn escaped(sequence: &[u8]) -> (Option<Key>, usize) {
    let Some(b'[' | b'O') = sequence.first() else {
        return (Some(Key::Escape), 0);
    };
    let end = sequence[1..].iter().position(|b| (0x40..=0x7e).contains(b));
    let Some(end) = end.map(|end| end + 2) else {
        return (None, sequence.len());
    };
    let key = match &sequence[1..end] {
        b"A" => Some(Key::Up),
        b"B" => Some(Key::Down),
        b"5~" => Some(Key::PageUp),
        b"6~" => Some(Key::PageDown),
        _ => None,
    };
    (key, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_one_key_or_none() {
        use Key::{Back, Char, Down, Enter, Escape, PageDown, PageUp, Redraw, Up};
        for (bytes, expected) in [
            (
                &b"qJ/ "[..],
                &[Char('q'), Char('J'), Char('/'), Char(' ')][..],
            ),
            (b"\x1b[A\x1bOB\x1b[5~\x1b[6~", &[Up, Down, PageUp, PageDown]),
            (b"\x1b", &[Escape]),
            (b"\x1b\x1b[A", &[Escape, Up]),
            (b"\x1b[1;5Cq", &[Char('q')]),
            (b"\x1b[1;", &[]),
            (b"\r\x7f\x08\x0c\x00\xc3\xa4", &[Enter, Back, Back, Redraw]),
        ] {
            assert_eq!(keys(bytes), expected, "{bytes:?}");
        }
    }
}
