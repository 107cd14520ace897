//! What logs, mail and `ts` put in front of each line.

/// `rest` of `text` behind a word of which every byte is such a one.
fn word(text: &[u8], is: impl Fn(u8) -> bool) -> Option<&[u8]> {
    let len = text.iter().take_while(|&&b| is(b)).count();
    (len > 0).then(|| &text[len..])
}

/// The rest behind a pattern: `0` stands for a digit, `a` for a letter, the others for
/// themselves.
#[inline(always)]
fn like<'a>(text: &'a [u8], pattern: &[u8]) -> Option<&'a [u8]> {
    let fits = |(&p, &b): (&u8, &u8)| match p {
        b'0' => b.is_ascii_digit(),
        b'a' => b.is_ascii_alphabetic(),
        other => b == other,
    };
    let start = text.get(..pattern.len())?;
    pattern
        .iter()
        .zip(start)
        .all(fits)
        .then(|| &text[pattern.len()..])
}

/// `.123456`, `,123` or nothing, and a zone.
fn fraction_and_zone(text: &[u8]) -> &[u8] {
    let fraction = text
        .strip_prefix(b".")
        .or_else(|| text.strip_prefix(b","))
        .and_then(|rest| word(rest, |b| b.is_ascii_digit()));
    let rest = fraction.unwrap_or(text);
    let zones: [&[u8]; 5] = [b"Z", b"+00:00", b"-00:00", b"+0000", b"-0000"];
    let zone = zones.iter().find_map(|zone| like(rest, zone));
    zone.unwrap_or(rest)
}

/// A time of day with or without a date, as `ts`, journald, syslog and kubectl write it.
fn stamp(text: &[u8]) -> Option<&[u8]> {
    let dates: [&[u8]; 5] = [
        b"0000-00-00T",
        b"0000-00-00 ",
        b"aaa 00 ",
        b"aaa  0 ",
        b"aaa 0 ",
    ];
    let date = dates.iter().find_map(|date| like(text, date));
    let time = like(date.unwrap_or(text), b"00:00:00")?;
    Some(fraction_and_zone(time))
}

/// A time stamp, in brackets or not, and the space behind it.
fn time(text: &[u8]) -> Option<&[u8]> {
    let rest = match text.strip_prefix(b"[") {
        Some(inner) => stamp(inner)?.strip_prefix(b"]")?,
        None => stamp(text)?,
    };
    space(rest)
}

/// The rest behind one space, or the end of a line whose space was cut off.
fn space(text: &[u8]) -> Option<&[u8]> {
    let is_end = text.trim_ascii().is_empty() && !text.starts_with(b" ");
    if is_end {
        return Some(text);
    }
    text.strip_prefix(b" ")
}

/// `node7 cat[123]: ` behind a time; what the kernel logged keeps it.
fn writer(text: &[u8]) -> Option<&[u8]> {
    let rest = word(text, |b| b > b' ' && b != b'[')?.strip_prefix(b" ")?;
    let rest = word(rest, |b| b > b' ' && b != b'[')?.strip_prefix(b"[")?;
    let rest = word(rest, |b| b.is_ascii_digit())?.strip_prefix(b"]:")?;
    space(rest)
}

/// `stdout F ` behind a time, in files of container runtimes.
fn stream(text: &[u8]) -> Option<&[u8]> {
    let rest = text
        .strip_prefix(b"stdout ")
        .or_else(|| text.strip_prefix(b"stderr "))?;
    space(rest.strip_prefix(b"F")?)
}

/// `> ` of a mail, once or more often.
fn quote(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b">")?;
    Some(rest.strip_prefix(b" ").unwrap_or(rest))
}

/// `[pod/web-0/main] ` of `kubectl logs --prefix`.
fn pod(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"[pod/")?;
    space(word(rest, |b| b > b' ' && b != b']')?.strip_prefix(b"]")?)
}

/// How many bytes in front of a line are no part of it.
#[must_use]
pub(super) fn prefix(line: &[u8]) -> usize {
    let mut rest = line;
    while let Some(quoted) = quote(rest) {
        rest = quoted;
    }
    rest = pod(rest).unwrap_or(rest);
    if let Some(said) = time(rest) {
        rest = writer(said).or_else(|| stream(said)).unwrap_or(said);
    }
    line.len() - rest.len()
}

#[cfg(test)]
mod tests {
    use super::prefix;

    #[test]
    fn prefixes() {
        for front in [
            "> ",
            ">> > ",
            "Nov 27 10:00:00 ",
            "Nov  7 10:00:00 ",
            "Nov 27 10:00:00.123456 ",
            "00:00:07 ",
            "00:00:07.000123 ",
            "2026-11-27T10:00:00Z ",
            "2026-11-27T10:00:00.123456789Z ",
            "2026-11-27 10:00:00,123 ",
            "2026-11-27T10:00:00+01:00 ",
            "2026-11-27T10:00:00-0800 ",
            "[2026-11-27 10:00:00] ",
            "2026-11-27T10:00:00.123456789Z stdout F ",
            "[pod/web-0/main] ",
            "[pod/web-0/main] 2026-11-27T10:00:00.123456789Z ",
            "Nov 27 10:00:00 node7 cat[123]: ",
            "> Nov 27 10:00:00 node7.example.org ip6drop[123]: ",
        ] {
            for line in [
                "         a-1  [000] ..s1 1.0: x",
                " => f",
                "# tracer: function",
                "\n",
            ] {
                let text = format!("{front}{line}");
                let shorter = if line == "\n" {
                    text.replace(" \n", "\n")
                } else {
                    text.clone()
                };
                let rest = |text: &str| text[prefix(text.as_bytes())..].to_owned();
                assert_eq!(
                    (rest(&text).as_str(), rest(&shorter).as_str()),
                    (line, line),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn lines_without() {
        for line in [
            "",
            "\n",
            " => ip6_pkt_drop",
            "         python3-1042  [001] ..s1    52.560614: x",
            "[   99.187810] Route cache is full",
            "10:00 x",
            "2026-11-27 x",
            "Nov 27 x",
        ] {
            assert_eq!(prefix(line.as_bytes()), 0, "{line}");
        }
        // Whose log it is, and when, belongs to it.
        let kernel = "Nov 27 10:00:00 node7 kernel: [  104.1] x";
        assert_eq!(
            &kernel[prefix(kernel.as_bytes())..],
            "node7 kernel: [  104.1] x"
        );
    }
}
