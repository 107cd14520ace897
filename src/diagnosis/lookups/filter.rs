//! The kernel's filter on `fib6_table_lookup`: which answers the trace would show.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::{char, digit1, hex_digit1, space0};
use nom::combinator::{all_consuming, map, map_opt, opt, recognize, value};
use nom::multi::separated_list1;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use crate::diagnosis::lookups::sequence::Answer;
use crate::host::rules::{TABLE_LOCAL, TABLE_MAIN};

/// Stands for all tables that only rules name.
pub(super) const OTHER_TABLE: u32 = 1;
/// What the framing says where there is no filter.
const ALL: &[u8] = b"all";
/// Longest filter that is looked at, in bytes, and deepest nesting of it.
const MAX_BYTES: usize = 1024;
const MAX_DEPTH: usize = 16;

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Constant {
    Number(i64),
    Text(Vec<u8>),
}

/// An expression as the kernel takes it (kernel/trace/trace_events_filter.c).
#[derive(Debug, Clone, PartialEq, Eq)]
enum Expression {
    AnyOf(Vec<Expression>),
    AllOf(Vec<Expression>),
    Not(Box<Expression>),
    Compared(Vec<u8>, Compare, Constant),
    True,
}

fn spaced<'a, O>(
    inner: impl Parser<&'a [u8], Output = O, Error = nom::error::Error<&'a [u8]>>,
) -> impl Parser<&'a [u8], Output = O, Error = nom::error::Error<&'a [u8]>> {
    delimited(space0, inner, space0)
}

fn number(input: &[u8]) -> IResult<&[u8], i64> {
    let hexadecimal = map_opt(preceded(tag("0x"), hex_digit1), |digits| {
        i64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
    });
    let decimal = map_opt(recognize((opt(char('-')), digit1)), |digits| {
        str::from_utf8(digits).ok()?.parse().ok()
    });
    alt((hexadecimal, decimal)).parse(input)
}

fn constant(input: &[u8]) -> IResult<&[u8], Constant> {
    let quoted = delimited(char('"'), take_while1(|b| b != b'"'), char('"'));
    let word = take_while1(|b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    alt((
        map(number, Constant::Number),
        map(quoted, |text: &[u8]| Constant::Text(text.to_vec())),
        map(word, |text: &[u8]| Constant::Text(text.to_vec())),
    ))
    .parse(input)
}

fn compared(input: &[u8]) -> IResult<&[u8], Expression> {
    let field = take_while1(|b: u8| b.is_ascii_alphanumeric() || b == b'_');
    let compare = alt((
        value(Compare::Equal, tag("==")),
        value(Compare::NotEqual, tag("!=")),
        value(Compare::LessOrEqual, tag("<=")),
        value(Compare::GreaterOrEqual, tag(">=")),
        value(Compare::Less, tag("<")),
        value(Compare::Greater, tag(">")),
    ));
    let (rest, (field, compare, with)) =
        (spaced(field), spaced(compare), spaced(constant)).parse(input)?;
    Ok((rest, Expression::Compared(field.to_vec(), compare, with)))
}

fn operand(input: &[u8]) -> IResult<&[u8], Expression> {
    let group = delimited(spaced(char('(')), any_of, spaced(char(')')));
    let not = map(preceded(spaced(char('!')), operand), |inner| {
        Expression::Not(Box::new(inner))
    });
    alt((group, not, compared)).parse(input)
}

fn all_of(input: &[u8]) -> IResult<&[u8], Expression> {
    let all = separated_list1(spaced(tag("&&")), operand);
    map(all, Expression::AllOf).parse(input)
}

fn any_of(input: &[u8]) -> IResult<&[u8], Expression> {
    let any = separated_list1(spaced(tag("||")), all_of);
    map(any, Expression::AnyOf).parse(input)
}

/// How deep the groups of a filter lie in each other.
fn depth(text: &[u8]) -> usize {
    let mut now = 0_usize;
    let mut deepest = 0;
    for &b in text {
        match b {
            b'(' | b'!' => now += 1,
            b')' => now = now.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(now);
    }
    deepest
}

/// A filter that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown(Expression);

/// A lookup that may have been made: what is known of its fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking {
    /// The table.
    pub(crate) table: u32,
    /// Its answer.
    pub(crate) answer: Answer,
    /// The incoming interface; `None` is any but `lo`.
    pub(crate) iif: Option<u32>,
}

impl Shown {
    /// Everything is shown.
    #[must_use]
    pub(crate) fn everything() -> Shown {
        Shown(Expression::True)
    }

    /// Reads a filter; `None` where it is not understood.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Shown> {
        let text = text.trim().as_bytes();
        if text == ALL {
            return Some(Shown::everything());
        }
        if text.len() > MAX_BYTES || depth(text) > MAX_DEPTH {
            return None;
        }
        let (_, expression) = all_consuming(any_of).parse(text).ok()?;
        Some(Shown(expression))
    }

    /// Every answer of that table to a received packet would be in the trace.
    #[must_use]
    pub(crate) fn shows_all_of(&self, table: u32, iif: Option<u32>) -> bool {
        let shows = |answer| {
            let asking = Asking { table, answer, iif };
            self.shows(&asking) == Some(true)
        };
        Answer::ALL.into_iter().all(shows)
    }

    /// Every lookup for a received packet would be in the trace.
    #[must_use]
    pub(crate) fn shows_received(&self) -> bool {
        let tables = [TABLE_LOCAL, TABLE_MAIN, OTHER_TABLE];
        tables.iter().all(|&table| self.shows_all_of(table, None))
    }

    /// Whether the trace shows such a lookup; `None` where the filter asks for what is not known.
    #[must_use]
    pub(crate) fn shows(&self, asking: &Asking) -> Option<bool> {
        holds(&self.0, asking)
    }
}

/// All, with what is not known in between.
fn all(mut parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(true);
    parts
        .find_map(|part| match part {
            Some(false) => Some(()),
            Some(true) => None,
            None => {
                known = None;
                None
            }
        })
        .map_or(known, |()| Some(false))
}

fn not(part: Option<bool>) -> Option<bool> {
    part.map(|part| !part)
}

fn holds(expression: &Expression, asking: &Asking) -> Option<bool> {
    match expression {
        Expression::True => Some(true),
        Expression::Not(inner) => not(holds(inner, asking)),
        Expression::AllOf(parts) => all(parts.iter().map(|part| holds(part, asking))),
        Expression::AnyOf(parts) => not(all(parts.iter().map(|part| not(holds(part, asking))))),
        Expression::Compared(field, compare, with) => compare_field(field, *compare, with, asking),
    }
}

fn compare_field(field: &[u8], compare: Compare, with: &Constant, asking: &Asking) -> Option<bool> {
    let number = match (field, with) {
        (b"name", Constant::Text(text)) => {
            let named = asking.answer.names_lo(asking.table)?;
            let is_it = match (named, text.as_slice()) {
                (named, b"lo") => named,
                // Another name than `lo` is not known.
                (true, _) => false,
                (false, _) => return None,
            };
            return match compare {
                Compare::Equal => Some(is_it),
                Compare::NotEqual => Some(!is_it),
                _ => None,
            };
        }
        (b"tb_id", _) => i64::from(asking.table),
        (b"err", _) => i64::from(asking.answer.err()?),
        (b"oif", _) => 0,
        (b"iif", Constant::Number(1)) if asking.iif.is_none() => {
            return match compare {
                Compare::Equal => Some(false),
                Compare::NotEqual => Some(true),
                _ => None,
            };
        }
        (b"iif", _) => i64::from(asking.iif?),
        _ => return None,
    };
    let Constant::Number(with) = with else {
        return None;
    };
    Some(match compare {
        Compare::Equal => number == *with,
        Compare::NotEqual => number != *with,
        Compare::Less => number < *with,
        Compare::LessOrEqual => number <= *with,
        Compare::Greater => number > *with,
        Compare::GreaterOrEqual => number >= *with,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(filter: &str, table: u32, answer: Answer) -> Option<bool> {
        let asking = Asking {
            table,
            answer,
            iif: Some(4),
        };
        Shown::parse(filter).unwrap().shows(&asking)
    }

    #[test]
    fn comparisons() {
        let main = |filter| shows(filter, 254, Answer::Nothing);
        for (filter, shown) in [
            ("all", Some(true)),
            ("tb_id == 254", Some(true)),
            ("tb_id==0xfe", Some(true)),
            ("tb_id != 254", Some(false)),
            ("tb_id < 254", Some(false)),
            ("tb_id < 255", Some(true)),
            ("tb_id < 253", Some(false)),
            ("tb_id <= 254", Some(true)),
            ("tb_id > 253", Some(true)),
            ("tb_id > 254", Some(false)),
            ("tb_id >= 255", Some(false)),
            ("err == -113", Some(true)),
            ("err", None),
            ("oif == 0", Some(true)),
            ("iif == 4", Some(true)),
            ("iif != 1", Some(true)),
            ("iif < 1", Some(false)),
            ("name == lo", Some(true)),
            ("name == \"lo\"", Some(true)),
            ("name != \"lo\"", Some(false)),
            ("name == \"eth0\"", Some(false)),
            ("name != \"eth0\"", Some(true)),
            ("name > \"lo\"", None),
            ("proto == 58", None),
            ("tb_id == \"x\"", None),
            ("name == 5", None),
        ] {
            let found = Shown::parse(filter).and_then(|_| main(filter));
            assert_eq!(found, shown, "{filter}");
        }
    }

    #[test]
    fn what_an_answer_prints() {
        for (answer, found, lo) in [
            (Answer::Usable, Some(true), Some(false)),
            (Answer::ThroughLo, Some(true), Some(true)),
            (Answer::Throw, Some(false), Some(true)),
            (Answer::Prohibit, Some(false), Some(true)),
            (Answer::Blackhole, Some(false), Some(true)),
            (Answer::Unknown, None, None),
        ] {
            assert_eq!(shows("err == 0", 254, answer), found, "{answer:?}");
            assert_eq!(shows("name == lo", 254, answer), lo, "{answer:?}");
        }
        // Another interface than lo may be that one, and a local route may be of any.
        assert_eq!(shows("name == cali1", 254, Answer::Usable), None);
        assert_eq!(shows("name == lo", 255, Answer::Usable), None);
    }

    #[test]
    fn an_interface_that_is_not_known_is_not_lo() {
        let shows = |filter: &str| {
            let asking = Asking {
                table: 254,
                answer: Answer::Nothing,
                iif: None,
            };
            Shown::parse(filter).unwrap().shows(&asking)
        };
        assert_eq!(shows("iif != 1"), Some(true));
        assert_eq!(shows("iif == 1"), Some(false));
        assert_eq!(shows("iif > 1"), None);
        assert_eq!(shows("iif == 2"), None);
    }

    #[test]
    fn what_is_known_decides_what_is_not() {
        let main = |filter| shows(filter, 254, Answer::Nothing);
        for (filter, shown) in [
            ("tb_id == 254 && err == 0", Some(false)),
            ("tb_id == 254 || err == 0", Some(true)),
            ("tb_id == 1 || err == 0", Some(false)),
            ("proto == 6 && err == 0", Some(false)),
            ("proto == 6 && err != 0", None),
            ("proto == 6 || err != 0", Some(true)),
            ("proto == 6 || err == 0", None),
            ("!(err == 0)", Some(true)),
            ("!(proto == 6)", None),
            ("err == 0 && proto == 6 || tb_id == 254", Some(true)),
            ("tb_id == 254 || (tb_id == 255 && err == 0)", Some(true)),
        ] {
            assert_eq!(main(filter), shown, "{filter}");
        }
    }

    #[test]
    fn received_packets_are_shown_where_nothing_leaves_one_out() {
        let shows = |filter| Shown::parse(filter).unwrap().shows_received();
        for filter in ["all", "iif != 1", "oif == 0 && iif != 1"] {
            assert!(shows(filter), "{filter}");
        }
        for filter in [
            "oif != 0",
            "iif == 1",
            "err == 0",
            "tb_id != 255",
            "tb_id == 255 || tb_id == 254",
            "proto == 58",
        ] {
            assert!(!shows(filter), "{filter}");
        }
    }

    #[test]
    fn what_is_no_filter() {
        let deep = "(".repeat(MAX_DEPTH + 1) + "err == 0" + &")".repeat(MAX_DEPTH + 1);
        let long = vec!["err == 0"; 200].join(" && ");
        for wrong in [
            "",
            "err",
            "err = 0",
            "err == 0 &&",
            "(err == 0",
            "x",
            &deep,
            &long,
        ] {
            assert_eq!(Shown::parse(wrong), None, "{wrong}");
        }
        let longest = format!("err == {}0", " ".repeat(MAX_BYTES - 8));
        assert!(Shown::parse(&longest).is_some());
        assert_eq!(Shown::parse(&longest.replace("err", "errr")), None);
        // Side by side they may be many.
        let wide = vec!["(err == 0)"; MAX_DEPTH + 1].join(" || ");
        assert!(Shown::parse(&wide).is_some());
        let less_deep = &deep[1..deep.len() - 1];
        assert!(Shown::parse(less_deep).is_some());
        assert_eq!(Shown::parse(" all\n"), Some(Shown::everything()));
    }
}
