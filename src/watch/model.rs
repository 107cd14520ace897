//! The state of the screen: what is seen, and what was asked with keys.

use std::cmp::Reverse;

use crate::order::sort_by_key;
use crate::report::summary::CpuKey;
use crate::watch::keys::Key;
use crate::watch::picture::Picture;

/// How CPUs are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sort {
    /// Most drops in the window first.
    #[default]
    Drops,
    /// Most drops just now first.
    Now,
    /// By their numbers.
    Number,
}

impl Sort {
    /// What it is called.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Sort::Drops => "drops",
            Sort::Now => "drops now",
            Sort::Number => "number",
        }
    }

    fn next(self) -> Sort {
        match self {
            Sort::Drops => Sort::Now,
            Sort::Now => Sort::Number,
            Sort::Number => Sort::Drops,
        }
    }
}

/// What a key asks of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To end.
    Quit,
    /// A report in a file.
    Dump,
    /// Everything drawn anew.
    Redraw,
}

/// Longest filter, in characters.
const MAX_FILTER: usize = 64;
/// Rows that a page key moves by.
const PAGE: usize = 10;

/// The state of the screen.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// What is seen now.
    live: Picture,
    /// What was seen when the screen was told to stand still.
    still: Option<Box<Picture>>,
    /// How CPUs are sorted.
    pub(crate) sort: Sort,
    /// Lists show what has this in it.
    pub(crate) filter: String,
    /// It is being written.
    pub(crate) is_typing: bool,
    /// The row that is chosen.
    selected: Option<CpuKey>,
    /// The chosen CPU alone is shown.
    pub(crate) is_detail: bool,
    /// The keys are explained.
    pub(crate) is_help: bool,
    /// What was done last, until another key.
    pub(crate) note: Option<String>,
}

impl Model {
    /// What is seen at this moment.
    #[must_use]
    pub(crate) fn live(&self) -> &Picture {
        &self.live
    }

    /// Takes what is seen now.
    pub(crate) fn set_live(&mut self, picture: Picture) {
        self.live = picture;
    }

    /// What is shown.
    #[must_use]
    pub(crate) fn shown(&self) -> &Picture {
        self.still.as_deref().unwrap_or(&self.live)
    }

    /// How many drops have come since the screen stands still; `None` where it does not.
    #[must_use]
    pub(crate) fn unseen(&self) -> Option<u64> {
        let still = self.still.as_ref()?;
        Some(self.live.total().saturating_sub(still.total()))
    }

    /// The CPUs in the order that was asked for.
    #[must_use]
    pub(crate) fn cpus(&self) -> Vec<CpuKey> {
        let shown = self.shown();
        let mut all = shown.cpus();
        let rows = &shown.summary().per_cpu;
        let drops = |cpu: &CpuKey| rows.get(cpu).map_or(0, |row| row.drops());
        match self.sort {
            Sort::Number => {}
            Sort::Drops => sort_by_key(&mut all, |cpu| (Reverse(drops(cpu)), *cpu)),
            Sort::Now => sort_by_key(&mut all, |cpu| {
                (Reverse((shown.history.now(*cpu), drops(cpu))), *cpu)
            }),
        }
        all
    }

    /// The chosen CPU, and its place among these.
    #[must_use]
    pub(crate) fn selected(&self, cpus: &[CpuKey]) -> Option<(usize, CpuKey)> {
        let chosen = self.selected?;
        let place = cpus.iter().position(|cpu| *cpu == chosen)?;
        Some((place, chosen))
    }

    fn choose(&mut self, step: impl Fn(usize) -> usize) {
        let cpus = self.cpus();
        let Some(last) = cpus.len().checked_sub(1) else {
            return;
        };
        let place = self.selected(&cpus).map_or(0, |(place, _)| step(place));
        self.selected = cpus.get(place.min(last)).copied();
    }

    /// Does what a key asks for; what others must do for it.
    pub(crate) fn press(&mut self, key: Key) -> Option<Wish> {
        self.note = None;
        if self.is_typing {
            self.write(key);
            return (key == Key::Redraw).then_some(Wish::Redraw);
        }
        match key {
            Key::Char('q' | 'Q') => return Some(Wish::Quit),
            Key::Char('d') => return Some(Wish::Dump),
            Key::Redraw => return Some(Wish::Redraw),
            Key::Char('p' | ' ') => {
                self.still = match self.still.take() {
                    Some(_) => None,
                    None => Some(Box::new(self.live.clone())),
                }
            }
            Key::Char('s') => self.sort = self.sort.next(),
            Key::Char('/') => self.is_typing = true,
            Key::Char('?' | 'h') => self.is_help = !self.is_help,
            Key::Up | Key::Char('k') => self.choose(|place| place.saturating_sub(1)),
            Key::Down | Key::Char('j') => self.choose(|place| place + 1),
            Key::PageUp => self.choose(|place| place.saturating_sub(PAGE)),
            Key::PageDown => self.choose(|place| place + PAGE),
            Key::Enter => {
                if self.selected.is_none() {
                    self.choose(|place| place);
                }
                self.is_detail = !self.is_detail && self.selected.is_some();
            }
            Key::Escape => self.step_back(),
            Key::Char(_) | Key::Back => {}
        }
        None
    }

    /// Takes back one thing that was asked for.
    fn step_back(&mut self) {
        if self.is_help {
            self.is_help = false;
        } else if self.is_detail {
            self.is_detail = false;
        } else if !self.filter.is_empty() {
            self.filter.clear();
        } else {
            self.selected = None;
        }
    }

    fn write(&mut self, key: Key) {
        match key {
            Key::Enter => self.is_typing = false,
            Key::Escape => {
                self.filter.clear();
                self.is_typing = false;
            }
            Key::Back => {
                self.filter.pop();
            }
            Key::Char(c) if self.filter.len() < MAX_FILTER => self.filter.push(c),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::window::Seen;

    fn picture(drops: &[(u32, u64)]) -> Picture {
        let totals = drops.iter().map(|(cpu, n)| (CpuKey::Cpu(*cpu), *n));
        let mut picture = Picture {
            seen: Seen {
                totals: totals.collect(),
                ..Seen::default()
            },
            ..Picture::default()
        };
        let class = crate::diagnosis::class::Class::RcvNoRoute;
        for (cpu, n) in drops {
            let rows = &mut picture.seen.summary.per_cpu;
            let row = rows.entry(CpuKey::Cpu(*cpu)).or_default();
            row.by_class.insert(class, *n);
        }
        picture
    }

    fn typed(model: &mut Model, text: &str) -> Vec<Wish> {
        text.chars()
            .filter_map(|c| model.press(Key::Char(c)))
            .collect()
    }

    #[test]
    fn a_screen_that_stands_still_counts_what_it_does_not_show() {
        let mut model = Model::default();
        model.set_live(picture(&[(0, 4)]));
        assert_eq!(model.unseen(), None);
        typed(&mut model, "p");
        model.set_live(picture(&[(0, 9)]));
        assert_eq!((model.shown().total(), model.unseen()), (4, Some(5)));
        typed(&mut model, "p");
        assert_eq!((model.shown().total(), model.unseen()), (9, None));
    }

    #[test]
    fn cpus_are_sorted_as_asked_and_the_chosen_one_stays() {
        let mut model = Model::default();
        let mut now = picture(&[(0, 4), (1, 9), (2, 0)]);
        let one = picture(&[(2, 1)]).seen.totals;
        now.history.push(std::time::Duration::ZERO, &one, None);
        model.set_live(now);
        let order = |model: &Model| {
            model
                .cpus()
                .iter()
                .map(|cpu| match cpu {
                    CpuKey::Cpu(n) => *n,
                    CpuKey::None => 99,
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(order(&model), [1, 0, 2]);
        model.press(Key::Down);
        model.press(Key::Down);
        assert_eq!(model.selected(&model.cpus()), Some((1, CpuKey::Cpu(0))));
        typed(&mut model, "s");
        assert_eq!(order(&model), [2, 1, 0]);
        assert_eq!(model.selected(&model.cpus()), Some((2, CpuKey::Cpu(0))));
        model.press(Key::PageDown);
        assert_eq!(model.selected(&model.cpus()), Some((2, CpuKey::Cpu(0))));
        typed(&mut model, "s");
        assert_eq!(order(&model), [0, 1, 2]);
        model.press(Key::Enter);
        assert!(model.is_detail);
        model.press(Key::Escape);
        model.press(Key::Escape);
        assert_eq!(
            (model.is_detail, model.selected(&model.cpus())),
            (false, None)
        );
    }

    #[test]
    fn what_is_typed_into_a_filter_is_no_command() {
        let mut model = Model::default();
        assert_eq!(typed(&mut model, "/qd"), []);
        model.press(Key::Back);
        assert_eq!((model.filter.as_str(), model.is_typing), ("q", true));
        model.press(Key::Enter);
        assert_eq!(typed(&mut model, "dq"), [Wish::Dump, Wish::Quit]);
        model.press(Key::Escape);
        assert_eq!(model.filter, "");
        typed(&mut model, "/");
        typed(&mut model, &"x".repeat(500));
        assert_eq!(model.filter.len(), MAX_FILTER);
        model.press(Key::Escape);
        assert_eq!((model.filter.as_str(), model.is_typing), ("", false));
    }
}
