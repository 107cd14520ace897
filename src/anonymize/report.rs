//! A report with pseudonyms in place of names, once, for whatever format it is written in.

use crate::anonymize::pseudonyms::Pseudonyms;
use crate::anonymize::rule;
use crate::diagnosis::assessment::{Assessment, prefix};
use crate::diagnosis::collect::packet_drop::Identity;
use crate::diagnosis::health::Health;
use crate::host::cni::Pods;
use crate::host::netns::NetNs;
use crate::host::policy::Around;
use crate::host::rules::PolicyRules;
use crate::host::{Facts, Policy};
use crate::kernel::dst_ops::FastReadings;
use crate::order::map_of;
use crate::report::decided::{DecidedDrop, DecidedSink};
use crate::report::packets::Packets;
use crate::report::summary::{Summary, TriggerRuns};
use crate::report::timeline::Timeline;
use crate::status::rises::Rise;
use crate::text::Untrusted;
use crate::trace::lookup::Lookup;
use crate::trace::{KernelLog, Packet, Time};

/// In place of a line that was not understood, which may say anything.
const WITHHELD: &[u8] = b"(withheld)";

impl Pseudonyms {
    /// The report. What is listed here by name is all that it has, so that nothing new is missed.
    pub(crate) fn summary(&self, summary: &mut Summary) {
        let Summary {
            inputs,
            formats: _,
            hosts,
            began: _,
            kernels: _,
            cpus: _,
            window: _,
            findings,
            per_cpu: _,
            tasks,
            stacks: _,
            facts,
            packets,
            entries,
            pods,
            left_out: _,
            recorded,
            trigger: _,
            namespaces: _,
            meanwhile: _,
            rules: _,
        } = summary;
        for input in inputs {
            *input = self.file(input.raw()).into();
        }
        *hosts = hosts
            .iter()
            .map(|host| self.host(host.raw()).into())
            .collect();
        self.health(&mut findings.health);
        for row in tasks.values_mut() {
            row.comm = self.task(&row.comm);
        }
        if let Some(facts) = facts {
            self.facts(facts);
        }
        *pods = self.pods(pods.iter());
        *recorded = recorded.take().map(|_| "of a filter".into());
        *packets = packets.take().map(|packets| self.packets(packets));
        *entries = entries
            .take()
            .map(|entries| entries.renamed(|of| self.address(of), |dev| self.dev_name(dev)));
        self.surroundings(summary);
    }

    /// What a report on a capture that was written with pseudonyms has beside that capture.
    pub(crate) fn surroundings(&self, summary: &mut Summary) {
        if let Some(TriggerRuns { command, .. }) = &mut summary.trigger {
            *command = self.command(command.raw()).into();
        }
        if let Some(mut rises) = summary.namespaces.take() {
            rises.iter_mut().for_each(|rise| self.rise(rise));
            summary.set_namespaces(rises);
        }
        for change in summary
            .meanwhile
            .iter_mut()
            .flat_map(|all| &mut all.changes)
        {
            self.netns(&mut change.netns);
        }
        // A rule may hold any name and address; which one it is helps nobody elsewhere.
        for (number, rise) in summary.rules.iter_mut().flatten().enumerate() {
            rise.rule = format!("rule {}", number + 1).into();
        }
    }

    fn rise(&self, rise: &mut Rise) {
        let before = prefix(&rise.row.netns);
        self.netns(&mut rise.row.netns);
        let after = prefix(&rise.row.netns);
        let Assessment { advice, .. } = &mut rise.row.assessment;
        for command in advice.iter_mut().filter_map(|one| one.command.as_mut()) {
            if let Some(rest) = command.strip_prefix(&before) {
                *command = format!("{after}{rest}");
            }
        }
        for problem in &mut rise.row.problems {
            problem.text = Untrusted::lossy(WITHHELD);
        }
    }

    fn netns(&self, netns: &mut NetNs) {
        let NetNs {
            id: _,
            init: _,
            own: _,
            name,
            path,
            owner,
        } = netns;
        *name = name.as_ref().map(|name| self.namespace(name.raw()).into());
        *path = self.namespace_path(&path.raw().to_string_lossy()).into();
        if let Some(owner) = owner {
            owner.comm = self.task(&owner.comm);
            owner.pod = owner.pod.as_ref().map(|pod| self.pod(pod.raw()).into());
        }
    }

    fn health(&self, health: &mut Health) {
        health.samples.fill(WITHHELD.to_vec());
        let KernelLog { first, last, .. } = &mut health.log;
        *first = first.take().and_then(time_of_log);
        *last = last.take().and_then(time_of_log);
    }

    fn facts(&self, facts: &mut Facts) {
        self.policy(&mut facts.policy.before);
        self.policy(&mut facts.policy.after);
        // Nothing shows them.
        facts.others = Around::default();
    }

    fn policy(&self, policy: &mut Policy) {
        if let Some(rules) = &mut policy.rules {
            let lines = rules
                .rules()
                .iter()
                .map(|rule| rule::rule(self, rule.text.raw()));
            let lines: Vec<String> = lines.collect();
            *rules = PolicyRules::parse(lines.iter().map(String::as_str));
        }
    }

    /// Pods by their interfaces.
    fn pods<'p>(&self, pods: impl Iterator<Item = (&'p Untrusted, &'p Untrusted)>) -> Pods {
        let renamed = |(dev, pod): (&Untrusted, &Untrusted)| {
            let dev = self.device(dev.raw().as_bytes());
            (Untrusted::lossy(dev), self.pod(pod.raw()).into())
        };
        map_of(pods.map(renamed))
    }

    fn packets(&self, packets: Packets) -> Packets {
        packets.renamed(|of| self.address(*of), |dev| self.dev_name(dev))
    }

    /// Drops over time, with the input's name and facts.
    pub(crate) fn timeline(&self, timeline: &mut Timeline) {
        timeline.name = self.file(timeline.name.raw()).into();
        if let Some(facts) = &mut timeline.facts {
            self.facts(facts);
        }
    }

    fn packet(&self, packet: &Packet) -> Packet {
        Packet {
            src: packet.src.map(|of| self.address(of)),
            dst: packet.dst.map(|of| self.address(of)),
            dev: packet.dev.as_ref().map(|dev| self.dev_name(dev)),
            ..*packet
        }
    }

    fn lookup(&self, lookup: &Lookup) -> Lookup {
        Lookup {
            src: self.address(lookup.src),
            dst: self.address(lookup.dst),
            dev: self.dev_name(&lookup.dev),
            ..*lookup
        }
    }

    fn identity(&self, identity: &Identity) -> Identity {
        let lookups = identity.lookups.iter();
        Identity {
            packet: self.packet(&identity.packet),
            lookups: lookups.map(|lookup| self.lookup(lookup)).collect(),
        }
    }
}

/// When a message of the log was, in its own words: `[  123.456789]` or the date of `dmesg -T`.
/// Syslog names the host beside that, and then nothing is told.
fn time_of_log(when: Vec<u8>) -> Option<Vec<u8>> {
    let inner = when.strip_prefix(b"[")?.strip_suffix(b"]")?;
    let is_seconds = |b: &u8| b.is_ascii_digit() || matches!(b, b' ' | b'.');
    let is_time = inner.iter().all(is_seconds) || is_date(inner);
    is_time.then_some(when)
}

/// `Tue Nov 24 21:41:26 2026`.
fn is_date(text: &[u8]) -> bool {
    const FORM: &[u8] = b"Aaa Aaa 00 00:00:00 0000";
    let fits = |(&byte, &form): (&u8, &u8)| match form {
        b'A' => byte.is_ascii_uppercase(),
        b'a' => byte.is_ascii_lowercase(),
        b'0' => byte.is_ascii_digit() || byte == b' ',
        form => byte == form,
    };
    text.len() == FORM.len() && text.iter().zip(FORM).all(fits)
}

/// Hands drops on with pseudonyms.
pub(crate) struct Renamed<'a> {
    /// The pseudonyms.
    pub(crate) names: &'a Pseudonyms,
    /// Who takes the drops.
    pub(crate) sink: &'a mut dyn DecidedSink,
}

impl DecidedSink for Renamed<'_> {
    fn drop(&mut self, drop: &DecidedDrop<'_>) {
        let context = drop.context.map(|context| {
            let mut context = *context;
            context.comm = self.names.comm(&context.comm);
            context
        });
        let identity = drop.identity.map(|identity| self.names.identity(identity));
        // That of its own interface is all that is asked for.
        let dev = drop.packet().and_then(|packet| packet.dev);
        let own = dev.map(|dev| Untrusted::lossy(dev.as_bytes()));
        let own = own.and_then(|dev| drop.pods.get_key_value(&dev));
        let pods = self.names.pods(own.into_iter());
        self.sink.drop(&DecidedDrop {
            context: context.as_ref(),
            identity: identity.as_ref(),
            pods: &pods,
            ..*drop
        });
    }

    fn fast(&mut self, time: Time, readings: FastReadings) {
        self.sink.fast(time, readings);
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::anonymize::key::Key;
    use crate::host::netns::{Owner, unidentified};
    use crate::host::way_back_rules::RuleRise;

    fn names() -> Pseudonyms {
        Pseudonyms::new(Key::of_text("k"))
    }

    #[test]
    fn the_log_tells_times_and_no_hosts() {
        for (when, is_told) in [
            ("[  123.456789]", true),
            ("[Tue Nov 24 21:41:26 2026]", true),
            ("Nov 24 21:41:26 node7 kernel: [  123.456789]", false),
            ("Nov 24 21:41:26 node7 kernel:", false),
            ("[node7]", false),
            ("", false),
        ] {
            let told = time_of_log(when.as_bytes().to_vec());
            assert_eq!(told, is_told.then(|| when.as_bytes().to_vec()), "{when}");
        }
    }

    #[test]
    fn lines_that_were_not_understood_are_withheld() {
        let mut summary = Summary::default();
        summary.findings.health.samples = vec![b"root@node7".to_vec(), b"x".to_vec()];
        names().summary(&mut summary);
        assert_eq!(summary.findings.health.samples, [WITHHELD, WITHHELD]);
    }

    #[test]
    fn triggers_and_namespaces() {
        let mut netns = unidentified(PathBuf::from("/run/netns/acme"));
        netns.own = false;
        netns.name = Some("acme".into());
        netns.owner = Some(Owner {
            pid: 5,
            comm: b"shop".to_vec(),
            pod: Some("1234-5678".into()),
        });
        let names = names();
        let mut renamed = netns.clone();
        names.netns(&mut renamed);
        let said = format!("{renamed:?}");
        for word in ["acme", "shop", "1234"] {
            assert!(!said.contains(word), "{said}");
        }
        assert_eq!(renamed.owner.map(|owner| owner.pid), Some(5));
        let mut summary = Summary {
            trigger: Some(TriggerRuns {
                command: "ping fd00::1".into(),
                spread: false,
                outcome: Default::default(),
            }),
            ..Summary::default()
        };
        let rise = |packets| RuleRise {
            rule: "raw: -A PREROUTING -s fd00::1/128 -m rpfilter --invert -j DROP".into(),
            packets,
        };
        summary.rules = Some(vec![rise(3), rise(4)]);
        names.surroundings(&mut summary);
        let shown = summary.trigger.unwrap().command;
        assert_eq!(*shown.raw(), names.command("ping fd00::1"));
        let rules = summary.rules.unwrap();
        let rules: Vec<(&str, u64)> = rules
            .iter()
            .map(|r| (r.rule.raw().as_str(), r.packets))
            .collect();
        assert_eq!(rules, [("rule 1", 3), ("rule 2", 4)]);
    }
}
