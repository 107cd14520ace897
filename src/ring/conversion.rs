//! One conversion of a `print fmt`, printed as the kernel does (lib/vsprintf.c: `format_decode`,
//! `number`, `string`).

use crate::ring::machine::Machine;

/// Widest column; no event of the kernel asks for more, and a file must not ask for memory.
const MAX_WIDTH: usize = 256;

/// What stands between `%` and the end of a conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conversion {
    flags: String,
    width: usize,
    precision: Option<usize>,
    length: Length,
    /// `d`, `s`, `p`…
    pub(crate) letter: char,
    /// What stands behind `p` and says how the kernel prints what is pointed to: `I6c`, `S`.
    pub(crate) extension: String,
}

/// The type that a number is handed on as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Char,
    Short,
    Int,
    Long,
    LongLong,
}

impl Length {
    fn of(text: &str) -> Option<Length> {
        Some(match text {
            "hh" => Length::Char,
            "h" => Length::Short,
            "" => Length::Int,
            "l" | "z" | "t" => Length::Long,
            "ll" | "L" => Length::LongLong,
            _ => return None,
        })
    }

    fn bits(self, machine: Machine) -> u32 {
        match self {
            Length::Char => 8,
            Length::Short => 16,
            Length::Int => 32,
            Length::Long => machine.long_bits(),
            Length::LongLong => 64,
        }
    }
}

/// The characters in front that are all of a kind, and the rest.
fn leading(text: &str, of_kind: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !of_kind(c)).unwrap_or(text.len());
    text.split_at(end)
}

impl Conversion {
    /// Takes a conversion from the front of what stands behind `%`, and gives the rest.
    pub(crate) fn parse(text: &str) -> Option<(Conversion, &str)> {
        let is_digit = |c: char| c.is_ascii_digit();
        let (flags, rest) = leading(text, |c| "-+ #0".contains(c));
        let (width, rest) = leading(rest, is_digit);
        let (precision, rest) = match rest.strip_prefix('.') {
            Some(rest) => {
                let (digits, rest) = leading(rest, is_digit);
                // As the kernel reads it, nothing behind the dot is a nought.
                let digits = if digits.is_empty() { "0" } else { digits };
                (Some(digits.parse().ok()?), rest)
            }
            None => (None, rest),
        };
        let (length, rest) = leading(rest, |c| "hlLzt".contains(c));
        let letter = rest.chars().next().filter(char::is_ascii_alphabetic)?;
        let rest = rest.get(1..)?;
        let (extension, rest) = match letter {
            'p' => leading(rest, |c| c.is_ascii_alphanumeric()),
            _ => ("", rest),
        };
        let width = if width.is_empty() { "0" } else { width };
        let conversion = Conversion {
            flags: flags.to_owned(),
            width: width.parse().ok().filter(|&width| width <= MAX_WIDTH)?,
            precision,
            length: Length::of(length)?,
            letter,
            extension: extension.to_owned(),
        };
        Some((conversion, rest))
    }

    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    /// Fills a text up to the width.
    fn pad(&self, out: &mut Vec<u8>, text: &[u8]) {
        let fill = self.width.saturating_sub(text.len());
        let before = if self.has('-') { 0 } else { fill };
        let after = fill.saturating_sub(before);
        out.extend(std::iter::repeat_n(b' ', before));
        out.extend(text);
        out.extend(std::iter::repeat_n(b' ', after));
    }

    /// Prints bytes that are harmless: as many as the precision lets pass.
    pub(crate) fn text(&self, out: &mut Vec<u8>, text: &[u8]) {
        let end = self.precision.unwrap_or(text.len()).min(text.len());
        self.pad(out, text.get(..end).unwrap_or_default());
    }

    /// Prints a number of the width and sign of its field, which C widens or cuts to the type
    /// that the conversion names. `None` for what is no conversion of numbers.
    pub(crate) fn number(&self, out: &mut Vec<u8>, value: i64, machine: Machine) -> Option<()> {
        if self.precision.is_some() {
            return None;
        }
        let unused = 64u32.saturating_sub(self.length.bits(machine));
        let unsigned = (value as u64) << unused >> unused;
        let (sign, digits) = match self.letter {
            'd' | 'i' => {
                let signed = value << unused >> unused;
                let sign = match (signed < 0, self.has('+'), self.has(' ')) {
                    (true, ..) => "-",
                    (_, true, _) => "+",
                    (.., true) => " ",
                    _ => "",
                };
                (sign, signed.unsigned_abs().to_string())
            }
            'u' => ("", unsigned.to_string()),
            // Other than in C, the prefix stands in front of a nought too.
            'x' if self.has('#') => ("0x", format!("{unsigned:x}")),
            'X' if self.has('#') => ("0X", format!("{unsigned:X}")),
            'x' => ("", format!("{unsigned:x}")),
            'X' => ("", format!("{unsigned:X}")),
            'o' if self.has('#') && unsigned != 0 => ("0", format!("{unsigned:o}")),
            'o' => ("", format!("{unsigned:o}")),
            _ => return None,
        };
        let noughts = if self.has('0') && !self.has('-') {
            self.width
                .saturating_sub(sign.len())
                .saturating_sub(digits.len())
        } else {
            0
        };
        let text = format!("{sign}{}{digits}", "0".repeat(noughts));
        self.pad(out, text.as_bytes());
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Machine = Machine {
        big_endian: false,
        long: 4,
    };

    fn number(conversion: &str, value: i64) -> Option<String> {
        let (conversion, rest) = Conversion::parse(conversion)?;
        assert_eq!(rest, "");
        let mut out = Vec::new();
        conversion.number(&mut out, value, MACHINE)?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn numbers_are_those_of_the_kernel() {
        for (conversion, value, printed) in [
            ("d", -113, "-113"),
            ("3u", 50, " 50"),
            ("3u", 1001, "1001"),
            ("-4d", 7, "7   "),
            ("-04d", 7, "7   "),
            ("05d", -7, "-0007"),
            ("+d", 7, "+7"),
            (" d", 7, " 7"),
            ("u", -1, "4294967295"),
            ("hu", -1, "65535"),
            ("hhd", 0xff, "-1"),
            ("Lx", -1, "ffffffffffffffff"),
            ("llu", -1, "18446744073709551615"),
            ("lx", -1, "ffffffff"),
            ("zu", 1 << 32, "0"),
            ("#x", 0, "0x0"),
            ("#06x", 0xab, "0x00ab"),
            ("6x", 0xab, "    ab"),
            ("X", 0xab, "AB"),
            ("#X", 0xab, "0XAB"),
            ("o", 8, "10"),
            ("#o", 8, "010"),
            ("#o", 0, "0"),
        ] {
            assert_eq!(
                number(conversion, value).as_deref(),
                Some(printed),
                "{conversion} {value}"
            );
        }
        for none in [
            "",
            "%",
            "*d",
            ".2d",
            "s",
            "lhd",
            "257d",
            "99999999999999999999d",
        ] {
            assert_eq!(number(none, 1), None, "{none}");
        }
        assert_eq!(number("256d", 1).map(|text| text.len()), Some(256));
    }

    #[test]
    fn a_text_has_its_width_and_precision() {
        for (conversion, printed) in [
            ("s", "cali1"),
            ("7s", "  cali1"),
            ("-7s", "cali1  "),
            ("3s", "cali1"),
            (".4s", "cali"),
            ("6.4s", "  cali"),
            (".s", ""),
        ] {
            let (conversion, _) = Conversion::parse(conversion).unwrap();
            let mut out = Vec::new();
            conversion.text(&mut out, b"cali1");
            assert_eq!(String::from_utf8(out).unwrap(), printed);
        }
    }

    #[test]
    fn what_stands_behind_a_pointer_belongs_to_it() {
        for (text, extension, rest) in [
            ("pI6c/%u", "I6c", "/%u"),
            ("px len", "x", " len"),
            ("p", "", ""),
        ] {
            let (conversion, left) = Conversion::parse(text).unwrap();
            assert_eq!((conversion.letter, left), ('p', rest));
            assert_eq!(conversion.extension, extension);
        }
        let (conversion, rest) = Conversion::parse("second").unwrap();
        assert_eq!((conversion.letter, rest), ('s', "econd"));
    }
}
