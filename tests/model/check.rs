//! The program's answers against the truth.

use std::collections::BTreeSet;
use std::path::Path;

use crate::case::Case;
use crate::inside::{
    Analysis, Class, Confidence, DecidedDrop, DecidedSink, Facts, Report, Request, Stamp, Verdict,
};
use crate::setup::Setup;
use crate::truth::Drop;

/// How an answer on a drop compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    Confirmed,
    Likely,
    Undetermined,
    Wrong,
    /// Confirmed and wrong, where memory failed or where a void function's leavings look like
    /// answers: nothing in the trace could tell.
    Excused,
    ConfirmedWrong,
    /// A drop where none was.
    Phantom,
    /// A drop that was answered for already.
    Twice,
    /// A drop that is said to be another packet's.
    Misnamed,
}

pub const GRADES: [Grade; 9] = [
    Grade::Confirmed,
    Grade::Likely,
    Grade::Undetermined,
    Grade::Wrong,
    Grade::Excused,
    Grade::ConfirmedWrong,
    Grade::Phantom,
    Grade::Twice,
    Grade::Misnamed,
];

/// An answer.
#[derive(Debug, Clone)]
pub struct Answered {
    pub grade: Grade,
    /// The number of the drop.
    pub drop: Option<usize>,
    pub class: Class,
    pub rule: String,
}

/// What the program said of a case.
pub struct Answers {
    pub drops: Vec<Answered>,
    pub exit: u8,
}

struct Walk<'c> {
    case: &'c Case,
    has_context: bool,
    next: usize,
    seen: BTreeSet<usize>,
    answers: Vec<Answered>,
}

impl Walk<'_> {
    fn which(&mut self, drop: &DecidedDrop<'_>) -> Option<usize> {
        if !self.has_context {
            self.next += 1;
            return self.case.order.get(self.next - 1).copied();
        }
        let context = drop.context?;
        let Stamp::Nanoseconds(ns) = context.time.stamp() else {
            return None;
        };
        let key = (context.cpu as usize, (ns / 1000) as i64);
        self.case.shown.get(&key).copied()
    }
}

/// It is said to be of a packet that it is not of.
fn is_misnamed(drop: &DecidedDrop<'_>, truth: &Drop) -> bool {
    let named = &truth.named;
    drop.packet().is_some_and(|packet| {
        let src = packet.src.is_some_and(|src| src != named.src);
        src || packet.dst.is_some_and(|dst| dst != named.dst)
    })
}

impl DecidedSink for Walk<'_> {
    fn drop(&mut self, drop: &DecidedDrop<'_>) {
        let said = drop.classification;
        let number = self.which(drop);
        let grade = match number.map(|number| &self.case.drops[number]) {
            None => Grade::Phantom,
            Some(truth) if is_misnamed(drop, truth) => Grade::Misnamed,
            Some(_) if !self.seen.insert(number.unwrap_or_default()) => Grade::Twice,
            Some(truth) => {
                let confirmed = said.confidence == Confidence::Confirmed;
                let silent = matches!(said.class, Class::RcvUndetermined | Class::Unknown);
                let excused = truth.memory || self.case.looks_checking;
                match (silent, truth.right.contains(&said.class), confirmed) {
                    (true, ..) => Grade::Undetermined,
                    (_, true, true) => Grade::Confirmed,
                    (_, true, false) => Grade::Likely,
                    (_, false, false) => Grade::Wrong,
                    (_, false, true) if excused => Grade::Excused,
                    (_, false, true) => Grade::ConfirmedWrong,
                }
            }
        };
        for _ in 0..drop.count {
            self.answers.push(Answered {
                grade,
                drop: number,
                class: said.class,
                rule: said.rule.name.to_owned(),
            });
        }
    }
}

fn request(case: &Case) -> Request {
    let facts = case.facts.as_ref();
    Request {
        facts: facts.and_then(|text| Facts::parse(text.as_bytes()).ok()),
        threads: 1,
        ..Request::default()
    }
}

fn walk(case: &Case, setup: &Setup, report: &Report<'_, '_>) -> Answers {
    let mut walk = Walk {
        case,
        has_context: Case::has_context(setup),
        next: 0,
        seen: BTreeSet::new(),
        answers: Vec::new(),
    };
    for input in 0..report.inputs() {
        // What was kept needs no second reading.
        let _ = report.walk(input, &mut walk);
    }
    Answers {
        drops: walk.answers,
        exit: Verdict::of(&report.summary.findings).exit.status(),
    }
}

/// What the program says of the whole text; nothing where it holds no trace.
pub fn whole(case: &Case, setup: &Setup) -> Option<Answers> {
    let request = request(case);
    let mut analysis = Analysis::new(&request, true);
    analysis.begin(Path::new("model"));
    analysis.feed(case.text.as_bytes());
    analysis.end(None).ok()?;
    Some(walk(case, setup, &analysis.finish()))
}

/// What it says while the text comes, at these places.
pub fn so_far(case: &Case, setup: &Setup, places: &[usize]) -> Vec<Answers> {
    let request = request(case);
    let mut analysis = Analysis::new(&request, true);
    analysis.begin(Path::new("model"));
    let mut fed = 0;
    let mut all = Vec::new();
    for &place in places {
        analysis.feed(&case.text.as_bytes()[fed..place]);
        fed = place;
        all.push(walk(case, setup, &analysis.so_far(None)));
    }
    all
}

struct Say(Vec<String>);

impl DecidedSink for Say {
    fn drop(&mut self, drop: &DecidedDrop<'_>) {
        let said = drop.classification;
        let at = drop
            .context
            .map(|context| (context.cpu, context.time.stamp()));
        let (class, confidence) = (said.class, said.confidence);
        let rule = said.rule.name;
        self.0
            .push(format!("{at:?} {class:?} {confidence:?} {rule}"));
    }
}

/// What the program says of a text.
pub fn said(text: &str, facts: Option<&str>) -> Vec<String> {
    let request = Request {
        facts: facts.and_then(|text| Facts::parse(text.as_bytes()).ok()),
        threads: 1,
        ..Request::default()
    };
    let mut analysis = Analysis::new(&request, true);
    analysis.begin(Path::new("text"));
    analysis.feed(text.as_bytes());
    let mut say = Say(Vec::new());
    if analysis.end(None).is_ok() {
        let report = analysis.finish();
        // What was kept needs no second reading.
        let _ = report.walk(0, &mut say);
    }
    say.0
}

impl Answered {
    /// It follows from what is printed, and is not confirmed.
    pub fn is_unsure(&self, case: &Case) -> bool {
        let follows = self.drop.is_some_and(|drop| case.follows.contains(&drop));
        follows && self.grade != Grade::Confirmed
    }

    /// What kind of mistake it is: the rule, what it said, what is true, and where what it did
    /// not see was.
    pub fn mechanism(&self, case: &Case) -> String {
        let (rule, class, grade) = (&self.rule, self.class, self.grade);
        let Some(number) = self.drop else {
            return format!("{grade:?} {rule} {class:?}");
        };
        let drop = &case.drops[number];
        let own = case.shown.iter().find(|(_, shown)| **shown == number);
        // An entry comes within some microseconds of the attempt's start.
        let printed = |(cpu, time)| {
            let entries = case.attempts.range((cpu, time)..=(cpu, time + 80));
            entries.count() > 0
        };
        let place = match (drop.at, own) {
            (Some((_, time)), _) if time < case.began => "before the start",
            (Some(at), _) if !printed(at) => "not printed",
            (Some((cpu, _)), Some(((other, _), _))) if cpu != *other => "on another CPU",
            (Some(_), _) => "printed",
            (None, _) if drop.beside => "of routes passed over",
            (None, _) => "of others",
        };
        let right = &drop.right;
        format!("{grade:?} {rule} {class:?}, is {right:?}, refusals {place}")
    }
}
