//! Reads a facts file, line by line.

use std::borrow::Cow;

use crate::host::fact::Fact;
use crate::host::facts::{Facts, FactsError, MAX_FACTS, pointer};
use crate::host::policy::Policy;
use crate::host::readings::Readings;
use crate::host::rules::PolicyRules;
use crate::host::terminal::{Asked, Terminal};
use crate::text::Untrusted;
use crate::text::{BOM, unescape};

/// Numbers alone that can be the CPUs of a file: one for each reading.
const MAX_BARE: usize = 2;

impl Facts {
    /// Parses what `cat /proc/net/rt6_stats /proc/net/snmp6; sysctl net.ipv6.route; nproc`
    /// prints, once or twice. A second reading starts with the words before or after, or
    /// with the first value that is there already.
    ///
    /// Beside that it takes the lines of `ip -6 rule`, `throw_routes N`, `lookups FILTER` and
    /// `ops 0xPOINTER`. Rules and throw routes that are given once hold for both sides. All of
    /// it may be pasted from a terminal, prompts and other commands included.
    ///
    /// # Errors
    /// Fails where no line is known, where there are more than two readings, or more than one
    /// filter.
    pub fn parse(text: &[u8]) -> Result<Facts, FactsError> {
        if text.len() as u64 > MAX_FACTS {
            return Err(FactsError::TooLong);
        }
        let text = text.strip_prefix(BOM).unwrap_or(text);
        let mut reader = Reader::default();
        for (number, line) in text.split(|&b| b == b'\n').enumerate() {
            let line = if memchr::memchr(b'&', line).is_some() {
                Cow::Owned(unescape(line))
            } else {
                Cow::Borrowed(line)
            };
            reader.line(number + 1, &line)?;
        }
        let facts = reader.end();
        if facts == Facts::default() {
            return Err(FactsError::Nothing);
        }
        Ok(facts)
    }
}

/// Reads a facts file.
#[derive(Debug, Default)]
struct Reader {
    facts: Facts,
    terminal: Terminal,
    readings: Readings,
    /// Rules belong to the second set.
    rules_after: bool,
    /// Counters are those of one interface.
    of_interface: bool,
    /// Numbers alone behind no prompt.
    bare: Vec<u32>,
    /// Kernels that were named.
    kernels: Vec<String>,
}

impl Reader {
    /// Takes a line.
    ///
    /// # Errors
    /// See [`FactsError`].
    fn line(&mut self, number: usize, line: &[u8]) -> Result<(), FactsError> {
        let Ok(text) = str::from_utf8(line) else {
            return Ok(());
        };
        // Mail and wikis quote.
        let text = text.trim_start_matches(['>', ' ', '\t']).trim();
        let word = text.strip_prefix('#').unwrap_or(text).trim();
        let marked_after = word.eq_ignore_ascii_case("after");
        if marked_after || word.eq_ignore_ascii_case("before") {
            self.of_interface = false;
            return self.readings.begin(marked_after, number);
        }
        if self.terminal.is_command(text) {
            self.of_interface = false;
            return Ok(());
        }
        if self.terminal.is_elsewhere {
            return Ok(());
        }
        if let Some(release) = self.terminal.release(text) {
            self.kernels.push(release.to_owned());
            return Ok(());
        }
        // `/proc/net/dev_snmp6/eth0` has counters of the same names, behind this one.
        self.of_interface = text.starts_with("ifIndex")
            || self.of_interface && (text.starts_with("Ip6") || text.starts_with("Icmp6"));
        if self.of_interface {
            return Ok(());
        }
        if let Some(fact) = self.terminal.fact(text) {
            let nstat = self.terminal.asked == Asked::AbsoluteCounters;
            return self.readings.take(&fact, nstat, number);
        }
        match Fact::parse(text.as_bytes()) {
            Some(Fact::Cpus(cpus)) if self.terminal.asked != Asked::Cpus => {
                if self.bare.len() <= MAX_BARE {
                    self.bare.push(cpus);
                }
                Ok(())
            }
            Some(fact) => self.readings.take(&fact, false, number),
            None => self.policy(number, text),
        }
    }

    fn policy(&mut self, number: usize, text: &str) -> Result<(), FactsError> {
        if PolicyRules::is_line(text) {
            if self.terminal.asked == Asked::OtherRules {
                return Ok(());
            }
            return self.rule(number, text);
        }
        let Some((key, value)) = text.split_once(char::is_whitespace) else {
            return Ok(());
        };
        let value = value.trim();
        match key {
            "throw_routes" => {
                if let Ok(routes) = value.parse() {
                    return self.throw_routes(number, routes);
                }
            }
            "lookups" => {
                let said = self.facts.lookups.get_or_insert_with(|| value.into());
                if *said != value {
                    return Err(FactsError::Filters(number));
                }
            }
            "ops" => self.facts.ops = pointer(value).or(self.facts.ops),
            _ => {}
        }
        Ok(())
    }

    fn rule(&mut self, number: usize, text: &str) -> Result<(), FactsError> {
        self.rules_after |= self.readings.is_after;
        let policy = &mut self.facts.policy;
        let takes_on = |policy: &Policy| {
            let rules = policy.rules.as_ref();
            rules.is_none_or(|rules| rules.takes_on(text))
        };
        self.rules_after |= !takes_on(&policy.before);
        let side = if self.rules_after {
            if !takes_on(&policy.after) {
                return Err(FactsError::TooMany(number));
            }
            &mut policy.after
        } else {
            &mut policy.before
        };
        side.rules.get_or_insert_default().take(text);
        Ok(())
    }

    fn throw_routes(&mut self, number: usize, routes: u64) -> Result<(), FactsError> {
        let policy = &mut self.facts.policy;
        let side = if self.readings.is_after || policy.before.throw_routes.is_some() {
            &mut policy.after
        } else {
            &mut policy.before
        };
        match side.throw_routes.replace(routes) {
            Some(_) => Err(FactsError::TooMany(number)),
            None => Ok(()),
        }
    }

    /// The CPUs that numbers alone stand for: what `nproc` prints beside other facts, as long as
    /// nothing else can be meant.
    fn cpus(&self, readings: usize) -> Option<u32> {
        let first = *self.bare.first()?;
        let is_one = self.bare.iter().all(|cpus| *cpus == first);
        let sure = !self.terminal.has_prompts && is_one && self.bare.len() <= readings;
        sure.then_some(first)
    }

    /// The facts in all lines.
    fn end(mut self) -> Facts {
        let mut readings = std::mem::take(&mut self.readings).end();
        let count = readings.iter().flatten().count();
        if let Some(cpus) = self.cpus(count) {
            for reading in readings.iter_mut().flatten() {
                reading.cpus = reading.cpus.or(Some(cpus));
            }
        }
        let [before, after] = readings;
        let mut facts = self.facts;
        (facts.before, facts.after) = (before, after);
        self.kernels.dedup();
        if self.kernels.len() == 1 {
            facts.kernel = self.kernels.pop().map(Untrusted::from);
        }
        facts.policy.share();
        facts
    }
}
