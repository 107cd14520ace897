//! Marks in tables by which the script narrows them to what is selected in the map.
//!
//! A cell that counts drops says of which grounds (`data-why`) and of which row of the map
//! (`data-row`, else of all). One that only holds for the whole trace says so (`data-whole`).

use crate::diagnosis::class::{Class, Confidence};
use crate::report::moments::Ground;
use crate::report::summary::CpuKey;
use crate::report::timeline::Timeline;

/// Mark of a cell that holds for the whole trace alone.
pub(super) const WHOLE: &str = " data-whole=\"\"";

/// The map of a page whose tables can be narrowed.
#[derive(Clone, Copy)]
pub(super) struct Narrow<'a>(&'a Timeline);

impl<'a> Narrow<'a> {
    /// Of a page with these timelines of so many inputs; `None` where there is no map, or one
    /// for each input, for tables are of all inputs.
    pub(super) fn of(timelines: &'a [Timeline], inputs: usize) -> Option<Narrow<'a>> {
        let timeline = timelines.first().filter(|_| inputs == 1)?;
        (!timeline.moments.grounds().is_empty()).then_some(Narrow(timeline))
    }

    /// The timeline that the map is of.
    pub(super) fn timeline(self) -> &'a Timeline {
        self.0
    }

    fn sum(self, is: impl Fn(&Ground) -> bool) -> String {
        let numbers = self.0.moments.numbers(is);
        let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        format!(" data-why=\"{}\"", numbers.join(" "))
    }

    /// Mark of drops of a class, or of all, on the CPUs that a row of the table of CPUs names.
    pub(super) fn on_cpu(self, name: &str, class: Option<Class>) -> String {
        let keys = self.0.rows.keys();
        let mut names = keys.map(|cpu| match cpu {
            CpuKey::Cpu(cpu) => cpu.to_string(),
            CpuKey::None => "unknown".to_owned(),
        });
        let row = match names.position(|known| known == name) {
            Some(row) => row,
            None if name.contains("less busy") => self.0.rows.len(),
            None if name == "all" => return self.of_class(class, None),
            // Quiet ones have no drop to select.
            None => return self.sum(|_| false),
        };
        format!(" data-row=\"{row}\"{}", self.of_class(class, None))
    }

    /// Mark of drops of a class and a confidence, or of all of them.
    pub(super) fn of_class(self, class: Option<Class>, sure: Option<Confidence>) -> String {
        self.sum(|ground| {
            class.is_none_or(|class| class == ground.class)
                && sure.is_none_or(|sure| sure == ground.confidence)
        })
    }

    /// Mark of drops of one ground.
    pub(super) fn of_ground(self, wanted: Ground) -> String {
        self.sum(|ground| *ground == wanted)
    }
}
