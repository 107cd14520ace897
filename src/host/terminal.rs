//! A terminal's text as people paste it: prompts, what was asked behind them, and whose answer
//! a line is.

use crate::host::cpulist;
use crate::host::fact::Fact;

/// What was asked for, as far as the answer needs it to be understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Asked {
    /// Anything whose answer says itself what it is.
    #[default]
    Anything,
    /// The number of CPUs, which is answered by a number alone.
    Cpus,
    /// A limit of `net.ipv6.route`, which is answered by a number alone.
    Limit(String),
    /// The kernel's release, alone.
    Release,
    /// Counters since boot, as `nstat -a` prints them; without -a it prints differences.
    AbsoluteCounters,
    /// The rules of IPv4, which look like those of IPv6.
    OtherRules,
}

/// Follows the prompts of a text.
#[derive(Debug, Default)]
pub(super) struct Terminal {
    /// What the last command asks for.
    pub(super) asked: Asked,
    /// Some line was a prompt with a command.
    pub(super) has_prompts: bool,
    /// Where the first command ran: the host of its prompt, and what took it elsewhere.
    home: Option<String>,
    /// The last command ran somewhere else.
    pub(super) is_elsewhere: bool,
}

/// Commands whose answers are facts.
const KNOWN: [&str; 9] = [
    "cat", "sysctl", "nproc", "lscpu", "uname", "nstat", "ip", "grep", "date",
];
/// Commands that leave lines as they are, or out.
const FILTERS: [&str; 8] = [
    "grep", "egrep", "tee", "cat", "less", "more", "head", "tail",
];
/// Words that run another command in some other network namespace, container or host, up to
/// where that command begins.
const ELSEWHERE: [&str; 9] = [
    "nsenter", "kubectl", "oc", "docker", "podman", "crictl", "ssh", "chroot", "unshare",
];

/// A line cut into the host of its prompt and the command behind it.
fn prompt(line: &str) -> Option<(&str, &str)> {
    let at = line.find(['#', '$', '%'])?;
    let (before, command) = (line[..at].trim(), line[at + 1..].trim());
    let is_apart = line[at + 1..].starts_with([' ', '\t']);
    let first = command.split_ascii_whitespace().next()?;
    let words = before.split_ascii_whitespace().count();
    // `[root@node7 ~]`, `root@node7:/proc/net`, `node7:~`, `sh-4.2`, `~ `.
    let is_prompt = before.contains('@') && words <= 3
        || before.starts_with('[') && before.ends_with(']') && words <= 3
        || words == 1 && (before.contains([':', '~', '/']) || before.contains("sh-"));
    // `# word` alone may be a remark.
    let is_command = || KNOWN.contains(&first) || ELSEWHERE.contains(&first) || first == "sudo";
    let is_bare = before.is_empty() && (line[at..].starts_with('$') || is_command());
    let host = before
        .trim_start_matches('[')
        .rsplit('@')
        .next()?
        .split([':', ' ', '~', ']'])
        .next()?;
    (is_apart && (is_prompt || is_bare)).then_some((host, command))
}

/// The words of one command of a line, without what only raises its rights.
fn words(command: &str) -> Vec<&str> {
    let words = command.split_ascii_whitespace();
    let idle = |word: &&str| matches!(*word, "sudo" | "-E" | "-n" | "env" | "LC_ALL=C" | "LANG=C");
    words.skip_while(idle).collect()
}

/// What a command is run in or by: all words in front of what is known, where it goes elsewhere.
fn way<'a>(words: &[&'a str]) -> (Vec<&'a str>, usize) {
    let in_netns = words.first() == Some(&"ip")
        && words
            .iter()
            .any(|word| matches!(*word, "netns" | "-n" | "-netns" | "vrf"));
    let elsewhere = words.first().is_some_and(|word| ELSEWHERE.contains(word));
    if !in_netns && !elsewhere {
        return (Vec::new(), 0);
    }
    let known = |word: &&str| KNOWN.contains(word);
    let behind = words.iter().skip(1).position(known).map(|at| at + 1);
    // `ip -n pod -6 rule` asks for itself.
    let own = in_netns && behind.is_none();
    let end = match behind {
        _ if own => words.iter().position(|word| *word == "rule").unwrap_or(0),
        Some(at) => at,
        None => words.len(),
    };
    (words[..end].to_vec(), if own { 0 } else { end })
}

/// The limit that a path or a name stands for.
fn limit(word: &str) -> Option<String> {
    let name = word
        .strip_prefix("/proc/sys/net/ipv6/route/")
        .or_else(|| word.strip_prefix("net.ipv6.route."))
        .or_else(|| word.strip_prefix("net/ipv6/route/"))?;
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (is_name && !name.is_empty()).then(|| name.to_owned())
}

/// True where one of the options in short form is this letter.
fn has_flag(words: &[&str], flag: char, long: &str) -> bool {
    words.iter().any(|word| {
        *word == long || word.starts_with('-') && !word.starts_with("--") && word.contains(flag)
    })
}

/// What one command asks for.
fn asked(words: &[&str]) -> Asked {
    let Some((&tool, rest)) = words.split_first() else {
        return Asked::Anything;
    };
    let operands: Vec<&str> = rest
        .iter()
        .copied()
        .filter(|word| !word.starts_with('-'))
        .collect();
    match tool.rsplit('/').next().unwrap_or(tool) {
        "nproc" => Asked::Cpus,
        "uname" if has_flag(rest, 'r', "--kernel-release") => Asked::Release,
        "nstat" if has_flag(rest, 'a', "--ignore") => Asked::AbsoluteCounters,
        "cat" if operands.len() == 1 => limit(operands[0]).map_or(Asked::Anything, Asked::Limit),
        "sysctl" if has_flag(rest, 'n', "--values") && operands.len() == 1 => {
            limit(operands[0]).map_or(Asked::Anything, Asked::Limit)
        }
        "ip" if operands
            .first()
            .is_some_and(|o| "rules".starts_with(o) && o.len() > 1)
            && !rest.iter().any(|word| matches!(*word, "-6" | "inet6")) =>
        {
            Asked::OtherRules
        }
        _ => Asked::Anything,
    }
}

impl Terminal {
    /// Takes a line; true where it is a prompt with a command, or one without.
    pub(super) fn is_command(&mut self, line: &str) -> bool {
        let Some((host, command)) = prompt(line) else {
            return false;
        };
        self.has_prompts = true;
        let parts = command.split(';').flat_map(|part| part.split("&&"));
        let mut place = String::new();
        let mut all = Vec::new();
        for part in parts {
            let mut pipe = part.split('|').map(words);
            let first = pipe.next().unwrap_or_default();
            let (way, at) = way(&first);
            if all.is_empty() {
                place = format!("{host} {}", way.join(" "));
            }
            let passes = |words: Vec<&str>| words.first().is_some_and(|f| FILTERS.contains(f));
            all.push(if pipe.all(passes) {
                asked(&first[at..])
            } else {
                Asked::Anything
            });
        }
        all.retain(|asked| *asked != Asked::Anything);
        // Two answers that do not say what they are cannot be told apart.
        self.asked = match all.len() {
            1 => all.remove(0),
            _ => Asked::Anything,
        };
        self.is_elsewhere = *self.home.get_or_insert_with(|| place.clone()) != place;
        true
    }

    /// The fact in a line that needs to be told what was asked, or is of `lscpu`.
    pub(super) fn fact<'a>(&'a self, line: &'a str) -> Option<Fact<'a>> {
        if let Some(list) = line.strip_prefix("On-line CPU(s) list:") {
            let cpus = cpulist::parse(list.trim()).ok()?.len();
            return Some(Fact::Cpus(u32::try_from(cpus).ok()?));
        }
        match &self.asked {
            Asked::Limit(name) => Some(Fact::Route(name, line.parse().ok()?)),
            Asked::AbsoluteCounters => {
                let mut words = line.split_ascii_whitespace();
                let (name, value) = (words.next()?, words.next()?.parse().ok()?);
                let rate = words.next()?.parse::<f64>().is_ok();
                let is_counter = name.starts_with("Ip6") && rate && words.next().is_none();
                is_counter.then_some(Fact::Counter(name, value))
            }
            _ => None,
        }
    }

    /// The kernel's release in a line, of `uname -a` or where `uname -r` was asked.
    pub(super) fn release<'a>(&self, line: &'a str) -> Option<&'a str> {
        let mut words = line.split_ascii_whitespace();
        let first = words.next()?;
        let starts = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
        if self.asked == Asked::Release && words.next().is_none() {
            return starts(first).then_some(first);
        }
        let mut words = line.strip_prefix("Linux ")?.split_ascii_whitespace();
        let release = words.nth(1)?;
        let is_uname = starts(release) && words.next()?.starts_with('#');
        is_uname.then_some(release)
    }
}
