//! Lines that fit: text wrapped at a width, names cut in the middle.

use unicode_width::UnicodeWidthStr;

use crate::os::terminal::Terminal;
use crate::text::screened;

/// What text for people is written on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paper {
    /// Columns of a line.
    pub(crate) width: usize,
    /// Names stay whole, also where a line becomes longer for it.
    pub(crate) whole_names: bool,
}

/// Columns where nobody says how many there are.
const USUAL: usize = 80;
/// Narrower than that nothing is readable, and wider lines are hard to follow.
const NARROWEST: usize = 60;
const WIDEST: usize = 200;
/// Stands for what was cut.
const CUT: char = '…';

impl Paper {
    /// For tables whose width is that of what they hold.
    pub(crate) const UNBOUND: Paper = Paper {
        width: usize::MAX,
        whole_names: true,
    };

    /// As wide as a terminal, where it is shown on one; else lines are as long as they are, so that
    /// a row can be found by its name.
    #[must_use]
    pub(crate) fn on(columns: Option<usize>) -> Paper {
        columns.map_or(Paper::UNBOUND, |columns| Paper {
            width: columns.clamp(NARROWEST, WIDEST),
            whole_names: false,
        })
    }

    /// As wide as a terminal, where it is shown on one.
    #[must_use]
    pub(crate) fn of(terminal: Option<Terminal>, whole_names: bool) -> Paper {
        Paper {
            width: terminal.map_or(USUAL, |found| found.width.clamp(NARROWEST, WIDEST)),
            whole_names,
        }
    }

    /// A name of at most so many columns: without its middle where it has more.
    #[must_use]
    pub(crate) fn name(&self, name: &str, columns: usize) -> String {
        if self.whole_names || name.width() <= columns {
            return name.to_owned();
        }
        let room = columns.saturating_sub(1);
        let (head, tail) = (room.div_ceil(2), room / 2);
        let start = fitting(name.chars(), head);
        let end: String = fitting(name.chars().rev(), tail);
        let end: String = end.chars().rev().collect();
        format!("{start}{CUT}{end}")
    }

    /// One line, without its end where it is too long.
    #[must_use]
    pub(crate) fn line(&self, text: &str) -> String {
        let text = screened(text);
        if text.width() <= self.width {
            return text.into_owned();
        }
        let start = fitting(text.chars(), self.width - 1);
        format!("{}{CUT}", start.trim_end())
    }

    /// Text in lines, the first behind `first`, the others behind `rest`; broken at spaces alone.
    #[must_use]
    pub(crate) fn wrap(&self, text: &str, first: &str, rest: &str) -> Vec<String> {
        let text = screened(text);
        let words = text.split(' ').filter(|word| !word.is_empty());
        self.fill(words, "", first, rest)
    }

    /// A command for a shell in lines that can be copied together: each goes on behind a backslash,
    /// and none breaks inside quotes.
    #[must_use]
    pub(crate) fn command(&self, command: &str, first: &str, rest: &str) -> Vec<String> {
        self.fill(
            shell_words(&screened(command)).into_iter(),
            " \\",
            first,
            rest,
        )
    }

    fn fill<'a>(
        &self,
        words: impl Iterator<Item = &'a str>,
        goes_on: &str,
        first: &str,
        rest: &str,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = first.to_owned();
        let mut begun = false;
        for word in words {
            let room = self.width.saturating_sub(rest.width() + goes_on.len());
            let word = match goes_on {
                "" => self.name(word, room),
                // What is cut cannot be run.
                _ => word.to_owned(),
            };
            let gap = usize::from(begun);
            if begun && line.width() + gap + word.width() + goes_on.len() > self.width {
                line.push_str(goes_on);
                lines.push(std::mem::replace(&mut line, rest.to_owned()));
                begun = false;
            }
            if begun {
                line.push(' ');
            }
            line.push_str(&word);
            begun = true;
        }
        lines.push(line);
        lines
    }
}

/// As many characters as fit into so many columns.
fn fitting(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut text = String::new();
    for c in chars {
        text.push(c);
        if text.width() > columns {
            text.pop();
            break;
        }
    }
    text
}

/// Parts of a command between which a shell takes any space: not those inside quotes.
fn shell_words(command: &str) -> Vec<&str> {
    let (mut words, mut start, mut quote) = (Vec::new(), 0, None);
    for (at, c) in command.char_indices() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, ' ') => {
                words.push(&command[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&command[start..]);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paper(width: usize) -> Paper {
        Paper {
            width,
            whole_names: false,
        }
    }

    #[test]
    fn as_wide_as_the_terminal_within_reason() {
        let of = |width| {
            let terminal = Terminal {
                width,
                unicode: true,
            };
            Paper::of(Some(terminal), false).width
        };
        assert_eq!([of(20), of(60), of(132), of(400)], [60, 60, 132, 200]);
        assert_eq!(Paper::of(None, false).width, 80);
        assert_eq!(
            (Paper::on(Some(20)), Paper::on(None)),
            (paper(60), Paper::UNBOUND)
        );
    }

    #[test]
    fn names_lose_their_middle() {
        let name = |name, columns| paper(80).name(name, columns);
        assert_eq!(name("python3", 7), "python3");
        assert_eq!(name("python3", 6), "pyt…n3");
        assert_eq!(name("2001:db8:dead::/64", 9), "2001…:/64");
        // Characters of two columns, and those of none.
        assert_eq!(name("漢字漢字漢字", 6), "漢…字");
        assert_eq!(
            name("e\u{301}e\u{301}e\u{301}", 3),
            "e\u{301}e\u{301}e\u{301}"
        );
        let whole = Paper {
            whole_names: true,
            ..paper(80)
        };
        assert_eq!(whole.name("python3", 6), "python3");
    }

    #[test]
    fn a_line_loses_its_end() {
        assert_eq!(paper(7).line("one two"), "one two");
        assert_eq!(paper(6).line("one two"), "one t…");
        assert_eq!(paper(5).line("one two"), "one…");
    }

    #[test]
    fn text_breaks_at_spaces() {
        let wrap = |text, width| paper(width).wrap(text, "* ", "  ");
        assert_eq!(wrap("one two three", 9), ["* one two", "  three"]);
        assert_eq!(wrap("one two", 8), ["* one", "  two"]);
        assert_eq!(wrap("", 8), ["* "]);
        assert_eq!(
            wrap("a /some/long/path b", 10),
            ["* a", "  /som…ath", "  b"]
        );
    }

    #[test]
    fn commands_go_on_behind_a_backslash() {
        let command = "printf '%s\\n' 'a = 1' > /etc/x";
        assert_eq!(
            paper(80).command(command, "  ", "  "),
            [format!("  {command}")]
        );
        assert_eq!(
            paper(20).command(command, "  ", "    "),
            ["  printf '%s\\n' \\", "    'a = 1' > \\", "    /etc/x"]
        );
        assert_eq!(
            paper(12).command("echo 'one two three' \"a b\"", "", ""),
            ["echo \\", "'one two three' \\", "\"a b\""]
        );
    }
}
