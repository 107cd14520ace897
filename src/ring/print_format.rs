//! `print fmt` of an event, taken apart: text, and what is printed between it.
//!
//! Understood is what prints fields as they are: `REC->name`, `__get_str(name)`, and
//! `__print_symbolic`, which prints a name for a number. What computes anything is not.

use crate::ring::conversion::Conversion;

/// Texts and values of one description; one that has more counts as one that computes.
const MAX_PIECES: usize = 256;

/// A part of what an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text as it is.
    Text(String),
    /// A value.
    Value(Conversion, Argument),
    /// A string in quotes: an argument of a probe.
    Quoted(Argument),
}

/// What is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Argument {
    /// A field.
    Field(String),
    /// The name of the number in a field.
    Symbolic(String, Vec<(u64, String)>),
}

impl Argument {
    /// The field that it needs.
    pub(crate) fn field(&self) -> &str {
        match self {
            Argument::Field(name) | Argument::Symbolic(name, _) => name,
        }
    }
}

/// A string of C at the front of a text, and what follows. Strings side by side are one.
fn literal(text: &str) -> Option<(String, &str)> {
    let mut rest = text.trim_start().strip_prefix('"')?;
    let mut value = String::new();
    loop {
        let at = rest.find(['"', '\\'])?;
        value.push_str(rest.get(..at)?);
        let mut behind = rest.get(at..)?.chars();
        if behind.next() == Some('"') {
            rest = behind.as_str();
            match rest.trim_start().strip_prefix('"') {
                Some(next) => rest = next,
                None => return Some((value, rest)),
            }
        } else {
            match behind.next()? {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                escaped => value.push(escaped),
            }
            rest = behind.as_str();
        }
    }
}

/// A list cut at its commas, but not at those in brackets and strings.
fn items(mut text: &str) -> Option<Vec<&str>> {
    let (mut found, mut start, mut depth) = (Vec::new(), text, 0usize);
    while let Some(c) = text.chars().next() {
        if c == '"' {
            (_, text) = literal(text)?;
            continue;
        }
        match c {
            '(' | '{' | '[' => depth = depth.saturating_add(1),
            ')' | '}' | ']' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                let len = start.len().saturating_sub(text.len());
                found.push(start.get(..len)?.trim());
                start = text.get(1..)?;
            }
            _ => {}
        }
        text = text.get(c.len_utf8()..)?;
    }
    found.push(start.trim());
    (depth == 0).then_some(found)
}

fn record(text: &str) -> Option<&str> {
    field_name(text.strip_prefix("REC->")?)
}

fn field_name(name: &str) -> Option<&str> {
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name.then_some(name)
}

/// `{ 2, "NOT_SPECIFIED" }`
fn symbol(text: &str) -> Option<(u64, String)> {
    let (number, name) = text.strip_prefix('{')?.strip_suffix('}')?.split_once(',')?;
    let number = number.trim();
    let value = match number.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok()?,
        None => number
            .parse()
            .or_else(|_| number.parse::<i64>().map(|signed| signed as u64))
            .ok()?,
    };
    let (name, rest) = literal(name)?;
    rest.trim().is_empty().then_some((value, name))
}

fn argument(text: &str) -> Option<Argument> {
    let called = |function: &str| text.strip_prefix(function)?.strip_suffix(')');
    if let Some(name) = called("__get_str(") {
        return Some(Argument::Field(field_name(name.trim())?.to_owned()));
    }
    if let Some(list) = called("__print_symbolic(") {
        let list = items(list)?;
        let (value, symbols) = list.split_first()?;
        let symbols: Option<_> = symbols.iter().map(|text| symbol(text)).collect();
        return Some(Argument::Symbolic(record(value)?.to_owned(), symbols?));
    }
    Some(Argument::Field(record(text)?.to_owned()))
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        Some(Piece::Text(before)) => before.push_str(text),
        _ if text.is_empty() => {}
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

/// A return probe is described as `(FUNCTION <- CALLER)` and printed as `(CALLER <- FUNCTION)`
/// (kernel/trace/trace_kprobe.c: `set_print_fmt`, `print_kretprobe_event`).
fn as_printed(mut pieces: Vec<Piece>) -> Vec<Piece> {
    let place = |name: &str| {
        pieces.iter().position(
            |piece| matches!(piece, Piece::Value(_, argument) if argument.field() == name),
        )
    };
    if let (Some(function), Some(caller)) = (place("__probe_func"), place("__probe_ret_ip"))
        && function < caller
    {
        pieces.swap(function, caller);
    }
    pieces
}

/// Takes a description apart; `None` where it computes something.
pub(crate) fn pieces(print: &str) -> Option<Vec<Piece>> {
    let (text, rest) = literal(print)?;
    let arguments = match rest.trim() {
        "" => Vec::new(),
        rest => items(rest.strip_prefix(',')?)?,
    };
    let mut arguments = arguments.into_iter();
    let mut pieces = Vec::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('%') {
        if pieces.len() >= MAX_PIECES {
            return None;
        }
        if let Some(after) = after.strip_prefix('%') {
            push_text(&mut pieces, before);
            push_text(&mut pieces, "%");
            rest = after;
            continue;
        }
        let (conversion, behind) = Conversion::parse(after)?;
        let argument = argument(arguments.next()?)?;
        let quoted = before.strip_suffix('"').zip(behind.strip_prefix('"'));
        match quoted.filter(|_| after.starts_with('s')) {
            Some((before, behind)) => {
                push_text(&mut pieces, before);
                pieces.push(Piece::Quoted(argument));
                rest = behind;
            }
            None => {
                push_text(&mut pieces, before);
                pieces.push(Piece::Value(conversion, argument));
                rest = behind;
            }
        }
    }
    push_text(&mut pieces, rest);
    arguments.next().is_none().then(|| as_printed(pieces))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(conversion: &str, name: &str) -> Piece {
        let (conversion, _) = Conversion::parse(conversion).unwrap();
        Piece::Value(conversion, Argument::Field(name.to_owned()))
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    #[test]
    fn a_description_is_taken_apart() {
        let print = r#""(%lx) 5%% n=%d dev=\"%s\" \"%d\"\n" " end", REC->__probe_ip, REC->n, __get_str(dev), REC->n"#;
        let quoted = Piece::Quoted(Argument::Field("dev".to_owned()));
        assert_eq!(
            pieces(print),
            Some(vec![
                text("("),
                field("lx", "__probe_ip"),
                text(") 5% n="),
                field("d", "n"),
                text(" dev="),
                quoted,
                text(" \""),
                field("d", "n"),
                text("\"\n end"),
            ])
        );
        assert_eq!(pieces("\"\""), Some(Vec::new()));
    }

    #[test]
    fn names_of_numbers() {
        let print =
            r#""%s", __print_symbolic(REC->reason, { 2, "A, \"{" }, { 0x10, "B" }, {-1,"C"})"#;
        let names = [(2, "A, \"{"), (16, "B"), (u64::MAX, "C")];
        let names = names.map(|(number, name)| (number, name.to_owned()));
        let (conversion, _) = Conversion::parse("s").unwrap();
        let symbolic = Argument::Symbolic("reason".to_owned(), names.to_vec());
        assert_eq!(symbolic.field(), "reason");
        assert_eq!(
            pieces(print),
            Some(vec![Piece::Value(conversion, symbolic)])
        );
    }

    #[test]
    fn a_return_probe_names_the_caller_first() {
        let printed = vec![
            text("("),
            field("lx", "__probe_ret_ip"),
            text(" <- "),
            field("lx", "__probe_func"),
            text(")"),
        ];
        for arguments in [
            "REC->__probe_func, REC->__probe_ret_ip",
            "REC->__probe_ret_ip, REC->__probe_func",
        ] {
            let print = format!("\"(%lx <- %lx)\", {arguments}");
            assert_eq!(pieces(&print), Some(printed.clone()));
        }
    }

    #[test]
    fn what_computes_is_not_understood() {
        for print in [
            "",
            "REC->n",
            r#""%d"#,
            r#""%d\"#,
            r#""%""#,
            r#""%d""#,
            r#""%d" REC->n"#,
            r#""%d", REC->n, REC->n"#,
            r#""%d", REC->n + 1"#,
            r#""%d", n"#,
            r#""%d", (REC->n"#,
            r#""%d", REC->n)"#,
            r#""%s", __get_str(a b)"#,
            r#""%s", __print_symbolic(REC->n + 1, { 1, "one" })"#,
            r#""%s", __print_symbolic(REC->n, { ONE, "one" })"#,
            r#""%s", __print_symbolic(REC->n, { 1, "one" + 1 })"#,
            r#""%s", __print_symbolic(REC->n, { 1, one })"#,
            r#""%s", __print_symbolic(REC->n, 1)"#,
            r#""%s", __print_flags(REC->n, "|", { 1, "one" })"#,
        ] {
            assert_eq!(pieces(print), None, "{print}");
        }
    }

    #[test]
    fn a_description_of_too_many_pieces_computes() {
        for (values, known) in [(MAX_PIECES, true), (MAX_PIECES + 1, false)] {
            let print = format!("\"{}\"{}", "%d".repeat(values), ", REC->n".repeat(values));
            assert_eq!(pieces(&print).is_some(), known);
        }
    }
}
