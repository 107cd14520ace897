//! What everything on the screen is drawn with.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthStr;

use crate::render::paper::Paper;
use crate::render::report::sparks;
use crate::text::screened;

/// Lines from which on parts of the screen stand apart.
const ROOMY: u16 = 30;

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// Colours are wanted.
    pub(crate) color: bool,
    /// It knows more than ASCII.
    pub(crate) unicode: bool,
}

/// What a piece of text is. Nothing is said by its colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    /// Beside what matters.
    Faint,
    /// What matters.
    Strong,
    /// The fault.
    Bad,
    /// Something else that is not well.
    Warn,
    /// All is well.
    Good,
    /// Lines of blocks.
    Line,
    /// The first line and the last.
    Frame,
    /// A heading of columns.
    Heading,
}

/// Draws on a part of the screen.
pub(super) struct Pen<'b> {
    pub(super) buffer: &'b mut Buffer,
    pub(super) look: Look,
}

impl Pen<'_> {
    fn style(&self, tone: Tone) -> Style {
        let plain = Style::new();
        let (color, modifier) = match tone {
            Tone::Plain => (None, Modifier::empty()),
            Tone::Faint => (None, Modifier::DIM),
            Tone::Strong => (None, Modifier::BOLD),
            Tone::Bad => (Some(Color::Red), Modifier::BOLD),
            Tone::Warn => (Some(Color::Yellow), Modifier::BOLD),
            Tone::Good => (Some(Color::Green), Modifier::BOLD),
            Tone::Line => (Some(Color::Cyan), Modifier::empty()),
            Tone::Frame => (None, Modifier::REVERSED),
            Tone::Heading => (None, Modifier::UNDERLINED),
        };
        let colored = color
            .filter(|_| self.look.color)
            .map_or(plain, |color| plain.fg(color));
        colored.add_modifier(modifier)
    }

    /// Writes text, cut where its place ends; the column behind it.
    pub(super) fn text(&mut self, (x, y): (u16, u16), width: u16, text: &str, tone: Tone) -> u16 {
        let area = *self.buffer.area();
        if y >= area.bottom() || x >= area.right() {
            return x;
        }
        let style = self.style(tone);
        let text = &*screened(text);
        let width = usize::from(width.min(area.right() - x));
        let cut;
        let text = if text.width() > width && width > 1 {
            cut = self.cut(text, width);
            &cut
        } else {
            text
        };
        self.buffer.set_stringn(x, y, text, width, style).0
    }

    fn cut(&self, text: &str, width: usize) -> String {
        let paper = Paper {
            width,
            whole_names: false,
        };
        let cut = paper.line(text);
        if self.look.unicode {
            cut
        } else {
            cut.replace('…', "~")
        }
    }

    /// Writes text that ends at a column.
    pub(super) fn right(&mut self, (end, y): (u16, u16), width: u16, text: &str, tone: Tone) {
        let taken = u16::try_from(text.width()).unwrap_or(width).min(width);
        self.text((end.saturating_sub(taken), y), taken, text, tone);
    }

    /// Gives a whole line its tone.
    pub(super) fn fill(&mut self, area: Rect, tone: Tone) {
        let style = self.style(tone);
        self.buffer
            .set_style(area.intersection(*self.buffer.area()), style);
    }

    /// An empty line on a screen that has room for such; what is below it.
    pub(super) fn gap(&self, area: Rect) -> Rect {
        let is_roomy = self.buffer.area().height >= ROOMY;
        split(area, u16::from(is_roomy)).1
    }

    /// A block for each number.
    pub(super) fn blocks(&mut self, (x, y): (u16, u16), heights: &[u64], most: u64, tone: Tone) {
        let drawn = sparks::blocks_of(heights, most, self.look.unicode);
        let width = u16::try_from(heights.len()).unwrap_or(u16::MAX);
        self.text((x, y), width, &drawn, tone);
    }

    /// A bar, as long as its share of `most`.
    pub(super) fn bar(&self, n: u64, most: u64, width: u16) -> String {
        sparks::bar_of(n, most, width.into(), self.look.unicode)
    }
}

/// The first `height` lines of an area, and what is below.
pub(super) fn split(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    let above = Rect { height, ..area };
    let below = Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    };
    (above, below)
}

/// The first `width` columns of an area, and what is to the right of them behind a gap.
pub(super) fn beside(area: Rect, width: u16, gap: u16) -> (Rect, Rect) {
    let width = width.min(area.width);
    let left = Rect { width, ..area };
    let taken = (width + gap).min(area.width);
    let right = Rect {
        x: area.x + taken,
        width: area.width - taken,
        ..area
    };
    (left, right)
}
