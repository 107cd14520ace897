//! Sequences of answers, and what they tell: for each step of the table one that it decides, and
//! one that it would decide wrongly if it were open there.

use crate::diagnosis::class::Cause::{DstAlloc, NoRoute, Prohibited};
use crate::diagnosis::lookups::sequence::{Answer, Sequence, Sequences};
use crate::diagnosis::lookups::step::{STEPS, Step};
use crate::diagnosis::lookups::told::Tellings;
use crate::diagnosis::lookups::told::Told::{self, FoundOrPutBack, NotRefused, Nothing, Sure};
use crate::diagnosis::lookups::ways::DroppedBy::{self, Discard, Either, Prohibit};
use crate::host::Facts;
use crate::host::policy::Around;
use crate::host::rules::PolicyRules;

const MESSAGES: &str = include_str!("../../../docs/messages.md");
const DEFAULT: &str = "local; main";
const UNKNOWN: &str = "unknown";
const OPS: u64 = 0xffff_ffff_81a5_e340;
/// 616 entries, of 200 at most.
const OVER: &str = "034d 01a8 02f1 01d2 0000 0268 0000\nnet.ipv6.route.max_size = 200\n";
/// 616 of 4096.
const WITHIN: &str = "034d 01a8 02f1 01d2 0000 0268 0000\nnet.ipv6.route.max_size = 4096\n";
const LEAST: &str = "iif != 1 && ((tb_id == 255 && err == 0) || (tb_id != 255 && err != 0))";
const LEAST_WITH_LO: &str =
    "iif != 1 && ((tb_id == 255 && err == 0) || (tb_id != 255 && (err != 0 || name == \"lo\")))";

/// A drop: the rules, the answers, who dropped it, and what that tells.
struct Case {
    rules: &'static str,
    answers: &'static str,
    by: DroppedBy,
    told: Told,
}

const fn case(rules: &'static str, answers: &'static str, by: DroppedBy, told: Told) -> Case {
    Case {
        rules,
        answers,
        by,
        told,
    }
}

const CASES: &[Case] = &[
    // The full cache: local and main both have a route, and both copies were refused.
    case(DEFAULT, "255 local, 254 lo", Either, Sure(DstAlloc)),
    case(DEFAULT, "255 -113, 254 found", Either, Sure(DstAlloc)),
    case(DEFAULT, "255 local, 254 -113", Discard, Sure(DstAlloc)),
    case(DEFAULT, "255 local, 254 found", Discard, Sure(DstAlloc)),
    // Not forwarded by any of these, so it was not dropped by them either.
    case(DEFAULT, "255 -113, 254 found", Prohibit, Nothing),
    // No route, and a reject route.
    case(DEFAULT, "255 -113, 254 -113", Either, Sure(NoRoute)),
    case(DEFAULT, "255 -113, 254 -101", Discard, Sure(NoRoute)),
    case(DEFAULT, "255 -113, 254 lo", Either, Sure(NoRoute)),
    case(
        "local; main; prohibit",
        "255 -113, 254 lo",
        Discard,
        Sure(NoRoute),
    ),
    case(DEFAULT, "255 -113, 254 -13", Either, Sure(Prohibited)),
    case(DEFAULT, "255 -113, 254 -13", Prohibit, Sure(Prohibited)),
    // Its own copy was refused: prohibited, and refused as well.
    case(DEFAULT, "255 -113, 254 -13", Discard, Sure(Prohibited)),
    case(DEFAULT, "255 -113, 254 -22", Discard, Sure(DstAlloc)),
    // The first that decides counts.
    case(
        "local; 1001; main",
        "255 -113, 1001 -13, 254 -113",
        Discard,
        Sure(Prohibited),
    ),
    case(
        "local; 1001; main",
        "255 -113, 1001 lo, 254 -113",
        Discard,
        Sure(NoRoute),
    ),
    case(
        "local; 1001; main",
        "255 -113, 1001 lo, 254 -13",
        Prohibit,
        Sure(NoRoute),
    ),
    case(
        "local; 1001; main",
        "255 -113, 1001 -113, 254 found",
        Discard,
        Sure(DstAlloc),
    ),
    case(
        "local; 1001; main",
        "255 -113, 1001 -113, 254 -13",
        Discard,
        Sure(DstAlloc),
    ),
    case(
        "local; 1001; main",
        "255 -113, 1001 found, 254 -13",
        Prohibit,
        Sure(DstAlloc),
    ),
    case(
        "local; 1001; main",
        "255 -113, 1001 -113",
        Discard,
        Sure(NoRoute),
    ),
    case(
        "local; 1001; main",
        "255 -113, 1001 -13",
        Prohibit,
        Sure(Prohibited),
    ),
    case(
        "local; 1001; main",
        "255 -113, 1001 -22, 254 -113",
        Discard,
        Sure(DstAlloc),
    ),
    // Throw routes decide nothing.
    case(
        "local; 1001; main",
        "255 -113, 1001 -11, 254 -113",
        Discard,
        Sure(NoRoute),
    ),
    case(
        "local; 1001; main",
        "255 -113, 1001 -11, 254 found",
        Discard,
        Sure(DstAlloc),
    ),
    // What is put back decides nothing, and whether it is put back is not printed.
    case(
        "local; main suppress; 200",
        "255 -113, 254 found, 200 -113",
        Discard,
        FoundOrPutBack,
    ),
    case(
        "local; main suppress; 200",
        "255 -113, 254 found, 200 found",
        Discard,
        Sure(DstAlloc),
    ),
    case(
        "local; main suppress; 200",
        "255 -113, 254 lo, 200 found",
        Discard,
        Sure(DstAlloc),
    ),
    case(
        "local; main suppress; unreachable",
        "255 -113, 254 found",
        Discard,
        FoundOrPutBack,
    ),
    case(
        "local; main suppress",
        "255 -113, 254 -113",
        Discard,
        Sure(NoRoute),
    ),
    // Rules that ask no table print no line.
    case("local; prohibit", "255 -113", Prohibit, Sure(Prohibited)),
    case("local; prohibit", "255 -113", Either, Sure(Prohibited)),
    case(
        "local; unreachable; prohibit",
        "255 -113",
        Either,
        Sure(NoRoute),
    ),
    case(
        "local; if prohibit; main",
        "255 -113, 254 -113",
        Either,
        Sure(NoRoute),
    ),
    case(
        "local; if prohibit; if unreachable",
        "255 -113",
        Either,
        NotRefused,
    ),
    case("local; blackhole", "255 -113", Discard, Nothing),
    case(
        "local; nop; main",
        "255 -113, 254 -113",
        Discard,
        Sure(NoRoute),
    ),
    // Where the answers begin: tables in any order, and twice.
    case(
        "500; local; main",
        "500 -113, 255 -113, 254 -113",
        Discard,
        Sure(NoRoute),
    ),
    case("500; local; main", "255 -113, 254 -113", Discard, Nothing),
    case(
        "main; local; main",
        "254 -113, 255 local, 254 -113",
        Discard,
        FoundOrPutBack,
    ),
    case(
        "if 500; local; main",
        "500 found, 255 -113, 254 -113",
        Discard,
        FoundOrPutBack,
    ),
    case(
        "if 500; local; main",
        "500 -113, 255 -113, 254 -113",
        Discard,
        Sure(NoRoute),
    ),
    case(
        "local; goto; 500; main",
        "255 -113, 254 -113",
        Discard,
        Sure(NoRoute),
    ),
    // An earlier packet of the flow, or somebody who asked for it, in front.
    case(
        DEFAULT,
        "255 -113, 254 -113, 255 -113, 254 -113",
        Discard,
        Sure(NoRoute),
    ),
    case(
        DEFAULT,
        "254 -113, 255 -113, 254 -113",
        Discard,
        Sure(NoRoute),
    ),
    // Errors that nobody knows.
    case(DEFAULT, "255 -113, 254 -5", Discard, Nothing),
    // Rules that are not known: what is nowhere found cannot be refused.
    case(UNKNOWN, "255 -113, 254 -113", Discard, Sure(NoRoute)),
    case(UNKNOWN, "255 -113, 254 -113", Either, NotRefused),
    case(UNKNOWN, "255 -113, 254 -13", Prohibit, Sure(Prohibited)),
    case(UNKNOWN, "255 local, 254 lo", Either, Sure(DstAlloc)),
    case(UNKNOWN, "255 -113, 254 found", Discard, FoundOrPutBack),
    case(
        UNKNOWN,
        "255 local, 254 -113, 500 -113",
        Discard,
        FoundOrPutBack,
    ),
    case(UNKNOWN, "", Discard, Nothing),
];

/// Lines of `ip -6 rule`.
fn rules(text: &str) -> String {
    if text == UNKNOWN {
        return String::new();
    }
    let line = |(number, rule): (usize, &str)| {
        let (selector, action) = match rule.strip_prefix("if ") {
            Some(action) => ("from fd00::/8", action),
            None => ("from all", rule),
        };
        let (action, behind) = match action.strip_suffix(" suppress") {
            Some(action) => (action, " suppress_prefixlength 0"),
            None => (action, ""),
        };
        let action = match action {
            "prohibit" | "unreachable" | "blackhole" | "nop" => action.to_owned(),
            "goto" => "goto 300".to_owned(),
            table => format!("lookup {table}{behind}"),
        };
        format!("{}:\t{selector} {action}\n", number * 100)
    };
    let lines = text.split("; ").enumerate().map(line);
    lines.collect::<String>() + "throw_routes 1\n"
}

fn answers(text: &str) -> Vec<(u32, Answer)> {
    let asked = text.split(", ").filter(|asked| !asked.is_empty());
    asked
        .map(|asked| {
            let (table, answer) = asked.split_once(' ').unwrap();
            let answer = match answer {
                "local" => Answer::Local,
                "found" => Answer::Usable,
                "perhaps" => Answer::PerhapsLocal,
                "lo" => Answer::ThroughLo,
                "-113" | "-101" => Answer::Nothing,
                "-11" => Answer::Throw,
                "-13" => Answer::Prohibit,
                "-22" => Answer::Blackhole,
                _ => Answer::Unknown,
            };
            (table.parse().unwrap(), answer)
        })
        .collect()
}

/// A sequence among facts.
struct Given {
    facts: String,
    /// Policies of other namespaces, before and after: rules and throw routes.
    others: Vec<[(u64, String, u64); 2]>,
    /// Which routes the table local has, before and after.
    local_routes: [Option<u64>; 2],
    sequences: Sequences,
    sequence: Sequence,
}

impl Given {
    fn new(rules_of: &str, text: &str) -> Given {
        let answers = answers(text);
        let mut sequences = Sequences::default();
        sequences.has_other_tables = answers.iter().any(|(table, _)| ![255, 254].contains(table));
        let namespace = sequences.namespace(OPS);
        let sequence = Sequence {
            answers,
            is_whole: true,
            namespace,
            ..Sequence::default()
        };
        Given {
            facts: rules(rules_of) + "lookups all\n",
            others: Vec::new(),
            local_routes: [None; 2],
            sequences,
            sequence,
        }
    }

    fn filter(mut self, filter: &str) -> Given {
        self.facts = self
            .facts
            .replace("lookups all\n", &format!("lookups {filter}\n"));
        self
    }

    fn change(mut self, change: impl FnOnce(&mut Given)) -> Given {
        change(&mut self);
        self
    }

    fn told_by(&self, steps: &[Step], by: DroppedBy) -> Told {
        let mut facts = Facts::parse(self.facts.as_bytes()).unwrap();
        let [before, after] = self.local_routes;
        facts.policy.before.local_routes = before;
        facts.policy.after.local_routes = after;
        for sides in &self.others {
            let Around { before, after } = &mut facts.others;
            for (side, (ops, rules, throw_routes)) in [before, after].into_iter().zip(sides) {
                let policy = side.numbered(1).unwrap();
                policy.rules = Some(PolicyRules::parse(
                    rules.lines().filter(|line| line.contains('\t')),
                ));
                policy.throw_routes = Some(*throw_routes);
                side.give(*ops, 1);
            }
        }
        let mut sequences = self.sequences.clone();
        let number = sequences.intern(self.sequence.clone()).unwrap();
        Tellings::by(steps, &sequences, &facts).of(number, by)
    }

    fn told(&self, by: DroppedBy) -> Told {
        self.told_by(STEPS, by)
    }
}

#[test]
fn what_each_sequence_tells() {
    for Case {
        rules,
        answers,
        by,
        told,
    } in CASES
    {
        let found = Given::new(rules, answers).told(*by);
        assert_eq!(found, *told, "{rules} | {answers} | {by:?}");
    }
}

fn altered(name: &str, is_open: fn(&super::step::At<'_>) -> bool) -> Vec<Step> {
    let step = |step: &Step| Step {
        is_open: if step.name == name {
            is_open
        } else {
            step.is_open
        },
        ..*step
    };
    STEPS.iter().map(step).collect()
}

/// Each step decides some case, and would decide some other wrongly.
#[test]
fn every_step_decides_for_and_against() {
    for step in STEPS {
        let changes = |is_open| {
            let steps = altered(step.name, is_open);
            let mut cases = CASES.iter();
            cases.any(|case| {
                Given::new(case.rules, case.answers).told_by(&steps, case.by) != case.told
            })
        };
        assert!(changes(|_| false), "nothing for {}", step.name);
        assert!(changes(|_| true), "nothing against {}", step.name);
    }
}

#[test]
fn the_page_of_messages_explains_every_step() {
    let (_, section) = MESSAGES
        .split_once("\n### What a rule can have done\n")
        .unwrap();
    let section = section.split("\n##").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<&str> = rows.collect();
    let names: Vec<String> = STEPS
        .iter()
        .map(|step| format!("| `{}` | ", step.name))
        .collect();
    assert_eq!(rows.len(), names.len());
    for (row, name) in rows.iter().zip(names) {
        assert!(
            row.starts_with(&name) && row.len() > name.len() + 20,
            "{row}"
        );
    }
    for step in STEPS {
        assert!(step.kernel.contains(".c: ") && !step.sentence.is_empty());
    }
}

#[test]
fn a_throw_route_may_be_hidden_where_there_is_one() {
    let told = |throw_routes: &str| {
        let given = Given::new("local; 1001; main", "255 -113, 254 -113");
        let given = given.filter("tb_id != 1001 || err != -11").change(|g| {
            g.facts = g.facts.replace("throw_routes 1\n", throw_routes);
        });
        given.told(Discard)
    };
    assert_eq!(told("throw_routes 1\n"), Sure(NoRoute));
    assert_eq!(told(""), Sure(NoRoute));
    assert_eq!(told("throw_routes 0\n"), Nothing);
}

#[test]
fn what_a_filter_hides_may_have_been() {
    let told = |filter, answers| Given::new(DEFAULT, answers).filter(filter).told(Either);
    // Two usable routes, of which the least stream shows the first, or none.
    assert_eq!(told(LEAST_WITH_LO, "255 local"), Sure(DstAlloc));
    assert_eq!(told(LEAST, "254 -113"), Sure(NoRoute));
    assert_eq!(told(LEAST, "254 -13"), Sure(Prohibited));
    assert_eq!(told(LEAST_WITH_LO, ""), Sure(DstAlloc));
    assert_eq!(told(LEAST_WITH_LO, "254 lo"), Sure(NoRoute));
    // A route through lo prints err 0 as well.
    assert_eq!(told(LEAST, ""), Nothing);
    // An earlier packet of the flow may have gone on by that route, which went away behind it.
    assert_eq!(told(LEAST, "255 local"), FoundOrPutBack);
    assert_eq!(told(LEAST_WITH_LO, "255 local, 254 lo"), FoundOrPutBack);
    // The filter that looks enough, and hides whether local has the route.
    let tempting = "err != 0 && tb_id != 255 && iif != 1";
    assert_eq!(told(tempting, "254 -113"), Nothing);
    assert_eq!(told(tempting, "254 -13"), Nothing);
    assert_eq!(told(tempting, ""), Nothing);
    assert_eq!(told("iif != 1", "255 -113, 254 -113"), Sure(NoRoute));
    assert_eq!(told("oif == 0 && iif != 1", ""), Nothing);
    // Nothing shown where it would be.
    assert_eq!(told("all", ""), Nothing);
}

#[test]
fn a_filter_that_nobody_names_is_taken_to_hide_nothing_where_it_looks_so() {
    let told = |complete: bool, answers| {
        let given = Given::new(DEFAULT, answers).change(|g| {
            g.facts = g.facts.replace("lookups all\n", "");
            if complete {
                (g.sequences.has_found, g.sequences.has_failed) = (true, true);
            }
        });
        given.told(Discard)
    };
    assert_eq!(told(true, "255 local, 254 -113"), Sure(DstAlloc));
    assert_eq!(told(false, "255 -113"), Nothing);
    assert_eq!(told(true, "254 -113"), Nothing);
    assert_eq!(told(false, "254 -113"), Nothing);
}

#[test]
fn the_start_of_the_trace_may_have_cut_answers_off() {
    let cut = |rules, answers| {
        let given = Given::new(rules, answers).change(|g| g.sequence.is_whole = false);
        given.told(Discard)
    };
    assert_eq!(cut(DEFAULT, "255 -113, 254 -113"), Sure(NoRoute));
    assert_eq!(cut(DEFAULT, "254 -113"), Nothing);
    assert_eq!(
        cut("main; local; main", "255 -113, 254 -113"),
        Sure(NoRoute)
    );
    assert_eq!(cut("500; local; main", "255 -113, 254 -113"), Nothing);
    assert_eq!(
        cut("500; local; main", "500 -113, 255 -113, 254 -113"),
        Sure(NoRoute)
    );
    assert_eq!(cut(UNKNOWN, "255 local, 254 -113"), Sure(DstAlloc));
    assert_eq!(cut(UNKNOWN, "255 found, 254 -113"), FoundOrPutBack);
    assert_eq!(cut(UNKNOWN, "255 -113, 254 -113"), Nothing);
    assert_eq!(cut(UNKNOWN, "500 -113, 254 -113"), Nothing);
    // Its own entry is there: nothing is missing in front.
    let own = Given::new("500; local; main", "255 -113, 254 -113").change(|g| {
        g.sequence.is_own = true;
        g.sequence.is_whole = false;
    });
    assert_eq!(own.told(Discard), Nothing);
}

#[test]
fn answers_are_the_packets_own_from_its_entry_on() {
    let flow = "255 -113, 100 found, 255 -113";
    let rules = "local; if 100; unreachable";
    let told = |is_own, answers| {
        let given = Given::new(rules, answers).change(|g| g.sequence.is_own = is_own);
        given.told(Discard)
    };
    assert_eq!(told(false, flow), Sure(NoRoute));
    assert_eq!(told(false, "255 -113, 100 -113"), Sure(NoRoute));
    assert_eq!(told(true, "255 -113"), Sure(NoRoute));
    // Two packets cannot be in one sequence.
    assert_eq!(told(true, flow), Nothing);
    // A jump leads to rules behind it alone.
    let jumps = Given::new("if prohibit; local; goto", "255 -113");
    let jumps = jumps.change(|g| g.sequence.is_own = true);
    assert_eq!(jumps.told(Either), Sure(NoRoute));
}

#[test]
fn rules_are_those_of_the_namespace_that_dropped_the_packet() {
    let found = "255 -113, 254 found";
    let told = |change: fn(&mut Given)| Given::new(DEFAULT, found).change(change).told(Discard);
    assert_eq!(told(|_| ()), Sure(DstAlloc));
    assert_eq!(
        told(|g| g.facts += "ops 0xffffffff81a64000\n"),
        FoundOrPutBack
    );
    let same = |g: &mut Given| {
        g.sequence.namespace = g.sequences.namespace(0xffff_ffff_81a6_4000);
        g.facts += "ops 0xffffffff81a64000\n";
    };
    assert_eq!(told(same), Sure(DstAlloc));
    // Another namespace drops packets as well, and nobody says which the rules are of.
    let other = |g: &mut Given| assert!(g.sequences.namespace(8).is_some());
    assert_eq!(told(other), FoundOrPutBack);
    assert_eq!(told(|g| g.sequence.namespace = None), FoundOrPutBack);
    // Where no drop shows its own, they say what came first, and nothing else.
    let none = |g: &mut Given| {
        g.sequences = Sequences::default();
        g.sequence.namespace = None;
    };
    assert_eq!(told(none), FoundOrPutBack);
    let nameless = |answers, filter| {
        let given = Given::new(DEFAULT, answers).filter(filter).change(none);
        given.change(|g| g.sequence.is_whole = false)
    };
    let both = "255 -113, 254 -113";
    assert_eq!(nameless(both, "all").told(Discard), Sure(NoRoute));
    assert_eq!(nameless(both, LEAST).told(Discard), Nothing);
    assert_eq!(nameless("254 -113", "all").told(Discard), Nothing);
    let last_first = nameless("254 -113, 255 -113", "all");
    assert_eq!(last_first.told(Discard), Nothing);
    // What the rules would let begin in the middle does not begin there.
    let before = nameless("254 -113, 255 -113, 254 -113", "all");
    assert_eq!(before.told(Discard), Nothing);
    // A rule that is not theirs may prohibit.
    assert_eq!(nameless(both, "all").told(Either), NotRefused);
    let others = nameless(both, "all").change(|g| g.sequences.has_other_tables = true);
    assert_eq!(others.told(Discard), Nothing);
    let absent = |change: fn(&mut Given)| {
        let given = Given::new(DEFAULT, "").filter(LEAST_WITH_LO);
        given.change(change).told(Discard)
    };
    assert_eq!(absent(|_| ()), Sure(DstAlloc));
    assert_eq!(absent(none), Nothing);
    // One that was allocated is not the host's own.
    let allocated = |g: &mut Given| {
        g.sequences = Sequences::default();
        g.sequence.namespace = g.sequences.namespace(0xffff_8880_5d94_2340);
    };
    assert_eq!(told(allocated), FoundOrPutBack);
    // Rules that do not ask a table that was asked are another namespace's.
    let other_rules = |g: &mut Given| g.facts = g.facts.replace("lookup main", "lookup 200");
    assert_eq!(told(other_rules), FoundOrPutBack);
}

#[test]
fn rules_of_another_namespace_decide_its_own_drops() {
    const ITS: u64 = 0xffff_8880_5d94_2340;
    let side = || (ITS, rules(DEFAULT), 0);
    let told = |change: fn(&mut Given)| {
        // The traced namespace has rules by which the answers are nobody's.
        let given = Given::new("local; 200", "255 -113, 254 found");
        let given = given.change(|g| {
            g.facts += "ops 0xffffffff81a64000\n";
            g.sequence.namespace = g.sequences.namespace(ITS);
            g.others = vec![[side(), side()]];
        });
        given.change(change).told(Discard)
    };
    assert_eq!(told(|_| ()), Sure(DstAlloc));
    assert_eq!(told(|g| g.others.clear()), FoundOrPutBack);
    for number in 0..2 {
        // Of a side alone nothing is known, or something else.
        let mut given = vec![[side(), side()]];
        given[0][number].0 += 8;
        let other = Given::new("local; 200", "255 -113, 254 found").change(|g| {
            g.facts += "ops 0xffffffff81a64000\n";
            g.sequence.namespace = g.sequences.namespace(ITS);
            g.others = given;
        });
        assert_eq!(other.told(Discard), FoundOrPutBack);
    }
    let changed = |g: &mut Given| g.others[0][1].1 = rules("local; if prohibit; main");
    assert_eq!(told(changed), FoundOrPutBack);
    // They do not ask a table that was asked.
    let elsewhere = |g: &mut Given| {
        for side in &mut g.others[0] {
            side.1 = rules("local; 200");
        }
    };
    assert_eq!(told(elsewhere), FoundOrPutBack);
    // The traced one's own drops stay those of its own rules.
    let own = |g: &mut Given| g.sequence.namespace = g.sequences.namespace(0xffff_ffff_81a6_4000);
    assert_eq!(told(own), FoundOrPutBack);
}

#[test]
fn throw_routes_of_another_namespace_are_its_own() {
    let told = |its, after| {
        let given = Given::new("local; 1001; main", "255 -113, 254 -113");
        let side = |n| (OPS, rules("local; 1001; main"), n);
        let given = given.filter("tb_id != 1001 || err != -11").change(|g| {
            g.facts = g.facts.replace("throw_routes 1\n", "throw_routes 0\n");
            g.facts += "ops 0xffffffff81a64000\n";
            g.others = vec![[side(its), side(after)]];
        });
        given.told(Discard)
    };
    assert_eq!(told(0, 0), Nothing);
    assert_eq!(told(1, 0), Sure(NoRoute));
    assert_eq!(told(0, 1), Sure(NoRoute));
}

#[test]
fn a_local_route_that_may_be_one_through_lo_is_not_sure() {
    let told = |names_local, filter, answers| {
        let given = Given::new(DEFAULT, answers).filter(filter);
        given
            .change(|g| g.sequences.names_local = names_local)
            .told(Discard)
    };
    assert_eq!(told(false, LEAST_WITH_LO, "255 perhaps"), Sure(DstAlloc));
    assert_eq!(told(true, LEAST_WITH_LO, "255 perhaps"), Nothing);
    // Where main was asked as well, the copy of either was refused.
    assert_eq!(told(true, "all", "255 perhaps, 254 -113"), Sure(DstAlloc));
    // Where it was not, the route can only be one through lo.
    assert_eq!(told(true, "all", "255 perhaps"), Sure(NoRoute));
    assert_eq!(told(false, "all", "255 perhaps"), Nothing);
}

#[test]
fn a_local_route_that_held_all_the_time_was_not_passed_by_another_packet() {
    let told = |local_routes, answers| {
        let given = Given::new(DEFAULT, answers).filter(LEAST_WITH_LO);
        let given = given.change(|g| {
            g.local_routes = local_routes;
            g.facts += OVER;
        });
        given.told(Discard)
    };
    // The first packet of a flow was delivered, and the route is gone when the next one asks: that
    // local has nothing for it does not show, and main has the route through lo.
    let answers = "255 local, 254 lo";
    assert_eq!(told([None, None], answers), FoundOrPutBack);
    assert_eq!(told([Some(7), Some(8)], answers), FoundOrPutBack);
    assert_eq!(told([Some(7), Some(7)], answers), Sure(DstAlloc));
    // Where the cache is within its limit, the address may have gone away and come back.
    for (facts, told) in [
        (OVER, Sure(DstAlloc)),
        (WITHIN, FoundOrPutBack),
        ("", FoundOrPutBack),
    ] {
        let given = Given::new(DEFAULT, answers).filter(LEAST_WITH_LO);
        let given = given.change(|g| {
            g.local_routes = [Some(7), Some(7)];
            g.facts += facts;
        });
        assert_eq!(given.told(Discard), told, "{facts}");
    }
    // Of another table nothing is known.
    let given = |local_routes| {
        let given = Given::new("local; 1001; main", "255 -113, 1001 found, 254 lo");
        let given = given.filter("tb_id != 1001 || err == 0");
        given
            .change(|g| g.local_routes = local_routes)
            .told(Discard)
    };
    assert_eq!(given([Some(7), Some(7)]), given([None, None]));
    // Nor of another namespace's.
    let another = Given::new(DEFAULT, answers).filter(LEAST_WITH_LO);
    let another = another.change(|g| {
        g.local_routes = [Some(7), Some(7)];
        g.facts += OVER;
        g.facts += "ops 0xffffffff81a64000\n";
    });
    assert_eq!(another.told(Discard), FoundOrPutBack);
    // Not even where that one's rules are known.
    let side = || (OPS, rules(DEFAULT), 0);
    let known = Given::new("local; 200", answers).filter(LEAST_WITH_LO);
    let known = known.change(|g| {
        g.local_routes = [Some(7), Some(7)];
        g.facts += OVER;
        g.facts += "ops 0xffffffff81a64000\n";
        g.others = vec![[side(), side()]];
    });
    assert_eq!(known.told(Discard), FoundOrPutBack);
    // A cache at its limit refuses nothing.
    let at_limit = Given::new(DEFAULT, answers).filter(LEAST_WITH_LO);
    let at_limit = at_limit.change(|g| {
        g.local_routes = [Some(7), Some(7)];
        g.facts += &OVER.replace("= 200", "= 616");
    });
    assert_eq!(at_limit.told(Discard), FoundOrPutBack);
}

#[test]
fn a_rule_may_lead_to_any_behind_it() {
    let told = |rules, answers| Given::new(rules, answers).told(Discard);
    // It may lead behind all of them.
    assert_eq!(told("goto; local; main", "254 found"), FoundOrPutBack);
    assert_eq!(told("goto; local; main", "254 -113"), Sure(NoRoute));
}

#[test]
fn too_many_rules_tell_nothing() {
    let told = |rules: usize| {
        let answers = ["100 -113"; 20].join(", ");
        let given = Given::new(&vec!["if 100"; rules].join("; "), &answers);
        given.change(|g| g.sequence.is_own = true).told(Discard)
    };
    assert_eq!(told(200), Sure(NoRoute));
    assert_eq!(told(2000), Nothing);
}
