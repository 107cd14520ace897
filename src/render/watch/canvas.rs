//! Frames as a terminal is told them: what has changed since the one before.

use std::io::{self, Write};

use crossterm::cursor::MoveTo;
use crossterm::queue;
use crossterm::terminal::{Clear, ClearType};
use ratatui_core::buffer::{Buffer, Cell};
use ratatui_core::layout::Rect;
use ratatui_core::style::{Color, Modifier};

/// What the terminal shows.
#[derive(Default)]
pub(crate) struct Canvas {
    shown: Buffer,
}

/// The number of an attribute in a sequence; those that are not drawn with have none.
const ATTRIBUTES: [(Modifier, u8); 4] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::UNDERLINED, 4),
    (Modifier::REVERSED, 7),
];

/// Colours of every terminal that has any.
const COLORS: [(Color, u8); 4] = [
    (Color::Red, 31),
    (Color::Green, 32),
    (Color::Yellow, 33),
    (Color::Cyan, 36),
];

fn style(cell: &Cell, out: &mut Vec<u8>) -> io::Result<()> {
    out.write_all(b"\x1b[0")?;
    for (modifier, number) in ATTRIBUTES {
        if cell.modifier.contains(modifier) {
            write!(out, ";{number}")?;
        }
    }
    for (color, number) in COLORS {
        if cell.fg == color {
            write!(out, ";{number}")?;
        }
    }
    out.write_all(b"m")
}

impl Canvas {
    /// The next frame is drawn as a whole.
    pub(crate) fn forget(&mut self) {
        self.shown = Buffer::default();
    }

    /// What to tell a terminal of this size, so that it shows what is drawn.
    ///
    /// # Errors
    /// None: it is written to memory.
    pub(crate) fn frame(
        &mut self,
        (width, height): (u16, u16),
        draw: impl FnOnce(&mut Buffer),
    ) -> io::Result<Vec<u8>> {
        let area = Rect::new(0, 0, width, height);
        let mut next = Buffer::empty(area);
        draw(&mut next);
        let mut out = Vec::new();
        if *self.shown.area() != area {
            self.shown = Buffer::empty(area);
            out.extend_from_slice(b"\x1b[0m");
            queue!(out, Clear(ClearType::All))?;
        }
        let mut place = None;
        let mut last: Option<&Cell> = None;
        for (x, y, cell) in self.shown.diff_iter(&next) {
            if place != Some((x, y)) {
                queue!(out, MoveTo(x, y))?;
            }
            let same = |last: &Cell| (last.fg, last.modifier) == (cell.fg, cell.modifier);
            if !last.is_some_and(same) {
                style(cell, &mut out)?;
            }
            out.extend_from_slice(cell.symbol().as_bytes());
            // What is wider than a column leaves the place unknown.
            place = (cell.symbol().len() == 1).then_some((x + 1, y));
            last = Some(cell);
        }
        if last.is_some() {
            out.extend_from_slice(b"\x1b[0m");
        }
        self.shown = next;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui_core::style::Style;

    fn frame(canvas: &mut Canvas, size: (u16, u16), text: &str) -> String {
        let style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
        let draw = |buffer: &mut Buffer| {
            buffer.set_string(0, 1, text, style);
        };
        String::from_utf8(canvas.frame(size, draw).unwrap()).unwrap()
    }

    #[test]
    fn only_what_has_changed_is_told() {
        let mut canvas = Canvas::default();
        assert_eq!(
            frame(&mut canvas, (10, 3), "abc"),
            "\x1b[0m\x1b[2J\x1b[2;1H\x1b[0;1;31mabc\x1b[0m"
        );
        assert_eq!(frame(&mut canvas, (10, 3), "abc"), "");
        assert_eq!(
            frame(&mut canvas, (10, 3), "axc"),
            "\x1b[2;2H\x1b[0;1;31mx\x1b[0m"
        );
        let other_size = frame(&mut canvas, (9, 3), "axc");
        assert!(other_size.contains("\x1b[2J") && other_size.contains("axc"));
        canvas.forget();
        assert!(frame(&mut canvas, (9, 3), "axc").contains("axc"));
    }
}
