//! What the framing lines of a capture say together.

use crate::capture::clock::Clock;
use crate::capture::framing::{Framing, PolicyPart, When};
use crate::host::cni::Pods;
use crate::host::others::Policies;
use crate::host::{Facts, Policy};
use crate::text::Untrusted;

/// Pods that are kept of one capture.
const MAX_PODS: usize = 4096;

/// What a capture says of itself, beside what other tools' text says as well.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Preamble {
    /// The version of the format; `None` where this program did not record it.
    pub(crate) version: Option<u32>,
    /// The host's name.
    pub(crate) host: Option<Untrusted>,
    /// When the recording began, in seconds since 1970.
    pub(crate) began: Option<f64>,
    /// How the trace's clock and the host's go together.
    pub(crate) clock: Clock,
    /// The text was made from a `trace.dat`.
    pub(crate) from_trace_dat: bool,
    /// It has events of more than one buffer.
    pub(crate) several_buffers: bool,
    /// The packets whose drops alone were recorded.
    pub(crate) packets: Option<Untrusted>,
    /// Netfilter has rules that ask for the way back to a source, and what it drops for that is
    /// not in the trace.
    pub(crate) way_back_hidden: bool,
    /// Pods by their interfaces on the host's side.
    pub(crate) pods: Pods,
    /// `net.ipv6.route.max_size` that a new network namespace of this kernel starts with.
    pub(crate) new_max_size: Option<i64>,
    /// Counters and limits around the trace.
    pub(crate) facts: Facts,
    /// The part of its recording that was met last: its number, and the recording.
    pub(crate) part: Option<(u64, String)>,
    /// What is said is of a later part than the first one that was met.
    is_later: bool,
}

impl Preamble {
    /// Takes one line. What is said again counts as it was said last; what is of no use to a
    /// reader is passed over.
    pub(crate) fn take(&mut self, framing: &Framing<'_>) {
        match framing {
            Framing::Part { number, id } => self.begin_part(*number, id.as_str()),
            // Between two parts is neither before nor after.
            Framing::Fact(When::Before, _)
            | Framing::Rule(When::Before, _)
            | Framing::ThrowRoutes(When::Before, _)
            | Framing::LocalRoutes(When::Before, _)
            | Framing::Policy(When::Before, ..)
                if self.is_later => {}
            Framing::Version(version) => self.version = Some(*version),
            Framing::Host(name) => self.host = Some(name.as_str().into()),
            Framing::Began(at) => self.began = Some(*at),
            Framing::Clock(pair) => self.clock.take(*pair),
            Framing::Fact(When::Before, fact) => {
                self.facts.before.get_or_insert_default().take(fact)
            }
            Framing::Fact(When::After, fact) => self.facts.after.get_or_insert_default().take(fact),
            Framing::Rule(when, rule) => {
                let rules = &mut self.policy(*when).rules;
                rules.get_or_insert_default().take(rule.as_str());
            }
            Framing::ThrowRoutes(when, routes) => self.policy(*when).throw_routes = Some(*routes),
            Framing::LocalRoutes(when, routes) => self.policy(*when).local_routes = Some(*routes),
            Framing::Policy(when, number, part) => self.other(*when, *number, part),
            Framing::Lookups(filter) => self.facts.lookups = Some(filter.as_str().into()),
            Framing::Packets(asked) => self.packets = Some(asked.as_str().into()),
            Framing::Pod { dev, pod } if self.pods.len() < MAX_PODS => {
                let (dev, pod) = (dev.as_str().into(), pod.as_str().into());
                self.pods.insert(dev, pod);
            }
            Framing::WayBack { is_shown, .. } => self.way_back_hidden = !is_shown,
            Framing::NewMaxSize(size) => self.new_max_size = Some(*size),
            Framing::Ops(ops) => self.facts.ops = Some(*ops),
            Framing::TraceDat => self.from_trace_dat = true,
            Framing::SeveralBuffers => self.several_buffers = true,
            _ => {}
        }
    }

    fn begin_part(&mut self, number: u64, id: &str) {
        self.is_later = self.part.replace((number, id.to_owned())).is_some();
        if self.is_later {
            self.facts.after = None;
            self.facts.policy.after = Policy::default();
            self.facts.others.after = Policies::default();
        }
    }

    /// Whether that part follows on what was met so far; the first one follows on nothing.
    #[must_use]
    pub(crate) fn goes_on_with(&self, number: u64, id: &str) -> bool {
        match &self.part {
            None => number == 1,
            Some((last, of)) => of == id && last.checked_add(1) == Some(number),
        }
    }

    fn policy(&mut self, when: When) -> &mut Policy {
        when.of(&mut self.facts.policy)
    }

    fn other(&mut self, when: When, number: u32, part: &PolicyPart<'_>) {
        let others = when.of(&mut self.facts.others);
        if let PolicyPart::Ops(ops) = part {
            return others.give(*ops, number);
        }
        let Some(policy) = others.numbered(number) else {
            return;
        };
        match part {
            PolicyPart::Ops(_) => {}
            PolicyPart::Rule(rule) => policy.rules.get_or_insert_default().take(rule.as_str()),
            PolicyPart::ThrowRoutes(routes) => policy.throw_routes = Some(*routes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::one_line::OneLine;

    fn take(said: &[Framing<'_>]) -> Facts {
        let mut preamble = Preamble::default();
        for framing in said {
            preamble.take(framing);
        }
        preamble.facts
    }

    #[test]
    fn pods_are_known_by_their_interfaces() {
        let mut preamble = Preamble::default();
        for number in 0..=MAX_PODS {
            let (dev, pod) = (format!("cali{number}"), format!("a/{number}"));
            preamble.take(&Framing::Pod {
                dev: OneLine::new(&dev),
                pod: OneLine::new(&pod),
            });
        }
        assert_eq!(preamble.pods.len(), MAX_PODS);
        assert_eq!(preamble.pods[&Untrusted::from("cali7")], "a/7");
    }

    #[test]
    fn what_netfilter_drops_is_shown_or_hidden() {
        let mut preamble = Preamble::default();
        assert!(!preamble.way_back_hidden);
        for is_shown in [false, true] {
            let matches = OneLine::new("rpfilter");
            preamble.take(&Framing::WayBack { is_shown, matches });
            assert_eq!(preamble.way_back_hidden, !is_shown);
        }
    }

    #[test]
    fn policy_of_each_side() {
        let rule = |when, text| Framing::Rule(when, OneLine::new(text));
        let facts = take(&[
            rule(When::Before, "0:\tfrom all lookup local"),
            rule(When::Before, "32766:\tfrom all lookup main"),
            rule(When::After, "7:\tfrom all prohibit"),
            Framing::ThrowRoutes(When::Before, 2),
            Framing::ThrowRoutes(When::After, 0),
            Framing::Lookups(OneLine::new("all")),
            Framing::Ops(7),
        ]);
        assert_eq!((&facts.before, &facts.after), (&None, &None));
        let priorities = |side: &Policy| {
            let rules = side.rules.as_ref().unwrap().rules().iter();
            rules.map(|rule| rule.priority).collect::<Vec<_>>()
        };
        assert_eq!(priorities(&facts.policy.before), [0, 32766]);
        assert_eq!(priorities(&facts.policy.after), [7]);
        assert_eq!(facts.policy.before.throw_routes, Some(2));
        assert_eq!(facts.policy.after.throw_routes, Some(0));
        assert_eq!(
            (
                facts.lookups.as_ref().map(|text| text.raw().as_str()),
                facts.ops
            ),
            (Some("all"), Some(7))
        );
    }

    #[test]
    fn policies_of_other_namespaces() {
        let policy = |when, part| Framing::Policy(when, 3, part);
        let rule = || PolicyPart::Rule(OneLine::new("0:\tfrom all lookup local"));
        let said = [When::Before, When::After].map(|when| {
            [
                policy(when, rule()),
                policy(when, PolicyPart::ThrowRoutes(2)),
                policy(when, PolicyPart::Ops(7)),
            ]
        });
        let both = take(&said.concat()).others.of(7).unwrap();
        assert_eq!((both.throw_routes(), both.before), (Some(2), both.after));
        // What stood behind a part is not what stands behind the next one.
        let part = |number| Framing::Part {
            number,
            id: OneLine::new("a"),
        };
        let [before, after] = said;
        let said = [
            vec![part(1)],
            before.to_vec(),
            after.to_vec(),
            vec![part(2)],
        ]
        .concat();
        assert_eq!(take(&said).others.of(7), None);
        let said = [said, before.to_vec()].concat();
        assert_eq!(take(&said).others.of(7), None);
        let said = [said, after.to_vec()].concat();
        assert!(take(&said).others.of(7).is_some());
    }

    #[test]
    fn a_side_without_policy_stays_without() {
        let facts = take(&[Framing::ThrowRoutes(When::Before, 2)]);
        assert!(facts.policy.before.rules.is_none());
        assert!(facts.policy.after.is_empty());
        let empty = take(&[Framing::Rule(When::After, OneLine::new(""))]);
        assert!(!empty.policy.after.rules.unwrap().is_understood());
    }
}
