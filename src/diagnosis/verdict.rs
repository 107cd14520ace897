//! The answer in short, and the exit status that it stands for.

use crate::diagnosis::class::{Class, Confidence};
use crate::diagnosis::findings::{Control, Findings};
use crate::exit::Exit;

/// The answer in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The class that matters most.
    pub class: Option<Class>,
    /// The highest confidence in it.
    pub confidence: Option<Confidence>,
    /// The status under `--exit-code`.
    pub exit: Exit,
}

/// The status of a verdict that names a class.
fn of_class(class: Class, confidence: Confidence) -> Exit {
    match (class, confidence) {
        (Class::RcvDstAlloc, Confidence::Confirmed) => Exit::Confirmed,
        (Class::RcvDstAlloc | Class::RcvUndetermined, _) => Exit::Suspected,
        _ => Exit::OtherDrops,
    }
}

impl Verdict {
    /// What the findings come to.
    #[must_use]
    pub fn of(found: &Findings) -> Verdict {
        let class = Class::ALL
            .into_iter()
            .filter(|class| found.of_class(*class) > 0)
            .max_by_key(|&class| {
                // The fault this tool exists for goes first, then what may be it, then the most.
                let rank = match class {
                    Class::RcvDstAlloc => 2,
                    Class::RcvUndetermined => 1,
                    _ => 0,
                };
                (rank, found.of_class(class), std::cmp::Reverse(class))
            });
        let confidence = class.and_then(|class| found.confidence(class));
        let exit = match class.zip(confidence) {
            Some((class, confidence)) => of_class(class, confidence),
            None => Exit::Clean,
        };
        let exit = match exit {
            Exit::Confirmed => exit,
            Exit::Suspected if class == Some(Class::RcvDstAlloc) => exit,
            // Refused it was; whether for a received packet, the log does not say.
            _ if found.health.log.refusals() > 0 => Exit::Suspected,
            _ if found.health.is_unreadable() => Exit::Inconclusive,
            _ if found.health.has_losses() && found.control() != Control::Equal => {
                Exit::Inconclusive
            }
            _ if found.health.has_only_empty_stacks() && exit == Exit::Suspected => {
                Exit::Inconclusive
            }
            _ => exit,
        };
        Verdict {
            class,
            confidence,
            exit,
        }
    }
}
