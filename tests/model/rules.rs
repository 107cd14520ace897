//! Policy rules in words.

use crate::kernel::NetNs;
use crate::setup::{RuleAction, Suppress, TABLES};

impl NetNs {
    /// Its rules as `ip -6 rule` prints them.
    pub fn rule_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (number, rule) in self.space.rules.iter().enumerate() {
            let pref = match rule.action {
                RuleAction::Table { table: 0, .. } if number == 0 => 0,
                _ if *rule == crate::setup::asks(1) && number + 1 == self.space.rules.len() => {
                    32766
                }
                _ => 100 * number,
            };
            let to = rule
                .only
                .map_or(String::new(), |only| format!("to 2001:db8:{only:x}::/48 "));
            let action = match rule.action {
                RuleAction::Master => "lookup [l3mdev-table]".to_owned(),
                RuleAction::Table { table, suppress } => {
                    let name = match TABLES[table] {
                        255 => "local".to_owned(),
                        254 => "main".to_owned(),
                        number => number.to_string(),
                    };
                    let behind = match suppress {
                        None => String::new(),
                        Some(Suppress::Length(limit)) => {
                            format!(" suppress_prefixlength {limit}")
                        }
                        Some(Suppress::Group) => " suppress_ifgroup 7".to_owned(),
                    };
                    format!("lookup {name}{behind}")
                }
                RuleAction::Prohibit => "prohibit".to_owned(),
                RuleAction::Unreachable => "unreachable".to_owned(),
                RuleAction::Blackhole => "blackhole".to_owned(),
            };
            lines.push(format!("{pref}:\tfrom all {to}{action}"));
        }
        lines
    }
}
