//! What a terminal shows, of the bytes that it was told.
#![allow(dead_code, unreachable_pub)] // every test binary uses its own part

/// A terminal of some size that knows what `watch` tells it, and no more.
pub struct Picture {
    columns: usize,
    lines: Vec<Vec<char>>,
    place: (usize, usize),
    /// The other screen is shown.
    pub is_other: bool,
    /// The cursor is shown.
    pub has_cursor: bool,
}

impl Picture {
    /// What it shows after these bytes; from the last time on that all was cleared, whatever size it had before.
    pub fn of(bytes: &[u8], columns: usize, lines: usize) -> Picture {
        let mut picture = Picture {
            columns,
            lines: vec![vec![' '; columns]; lines],
            place: (0, 0),
            is_other: false,
            has_cursor: true,
        };
        let text = String::from_utf8_lossy(bytes);
        let mut rest = text.as_ref();
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match (c, rest.strip_prefix('[')) {
                ('\x1b', Some(sequence)) => {
                    let end = sequence.find(|c: char| c.is_ascii_alphabetic());
                    let Some(end) = end else { break };
                    picture.obey(&sequence[..end], sequence.as_bytes()[end]);
                    rest = &sequence[end + 1..];
                }
                _ => picture.put(c),
            }
        }
        picture
    }

    fn obey(&mut self, numbers: &str, command: u8) {
        match (numbers, command) {
            ("?1049", b'h') => self.is_other = true,
            ("?1049", b'l') => self.is_other = false,
            ("?25", b'h') => self.has_cursor = true,
            ("?25", b'l') => self.has_cursor = false,
            ("2", b'J') => self.lines.iter_mut().for_each(|line| line.fill(' ')),
            (_, b'H') => {
                let (y, x) = numbers.split_once(';').unwrap();
                self.place = (
                    y.parse::<usize>().unwrap() - 1,
                    x.parse::<usize>().unwrap() - 1,
                );
            }
            ("?7", b'h' | b'l') | (_, b'm') => {}
            _ => panic!("what is {numbers}{}?", char::from(command)),
        }
    }

    fn put(&mut self, c: char) {
        let (y, x) = self.place;
        match c {
            '\n' => self.place = (y + 1, x),
            '\r' => self.place = (y, 0),
            _ => {
                if let Some(cell) = self.lines.get_mut(y).and_then(|line| line.get_mut(x)) {
                    *cell = c;
                }
                self.place = (y, (x + 1).min(self.columns));
            }
        }
    }

    /// The same as text.
    pub fn text(&self) -> String {
        let line = |line: &Vec<char>| line.iter().collect::<String>().trim_end().to_owned() + "\n";
        self.lines.iter().map(line).collect()
    }
}
