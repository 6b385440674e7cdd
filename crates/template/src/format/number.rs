//! The verbs of numbers.

use super::printer::Printer;
use super::{Limit, float, is_print, quote_rune};

/// An integer, as sign and magnitude.
#[derive(Clone, Copy)]
pub(super) struct Integer {
    pub magnitude: u64,
    pub negative: bool,
    pub signed: bool,
}

impl Integer {
    pub fn signed(number: i64) -> Self {
        Self { magnitude: number.unsigned_abs(), negative: number < 0, signed: true }
    }

    pub fn unsigned(number: u64) -> Self {
        Self { magnitude: number, negative: false, signed: false }
    }

    /// The character of this code, `U+FFFD` where there is none.
    fn character(self) -> char {
        let code = if self.negative { None } else { u32::try_from(self.magnitude).ok() };
        code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

impl Printer<'_> {
    /// Writes an integer; `false` where integers do not have the verb.
    pub fn integer(&mut self, number: Integer, verb: char) -> Result<bool, Limit> {
        match verb {
            'v' if self.flags.source && !number.signed => {
                self.with(|flags| flags.sharp = true, |printer| printer.digits(number, 'x'))?;
            }
            'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X' => self.digits(number, verb)?,
            'c' => self.pad(number.character().encode_utf8(&mut [0; 4]))?,
            'q' => self.pad(quote_rune(number.character(), self.flags.plus))?,
            'U' => self.code_point(number)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn digits(&mut self, number: Integer, verb: char) -> Result<(), Limit> {
        let flags = self.flags;
        if flags.precision == Some(0) && number.magnitude == 0 {
            return self.with(|flags| flags.zero = false, Self::fill_width);
        }
        let sign = match number.negative {
            true => "-",
            false if flags.plus => "+",
            false if flags.space => " ",
            false => "",
        };
        let at_least = match (flags.precision, flags.width) {
            (Some(precision), _) => precision,
            (None, Some(width)) if flags.zero && !flags.minus => width.saturating_sub(sign.len()),
            _ => 0,
        };
        let magnitude = number.magnitude;
        let digits = match verb {
            'b' => format!("{magnitude:b}"),
            'o' | 'O' => format!("{magnitude:o}"),
            'x' => format!("{magnitude:x}"),
            'X' => format!("{magnitude:X}"),
            _ => magnitude.to_string(),
        };
        let zeros = at_least.saturating_sub(digits.len());
        let prefix = match verb {
            'b' if flags.sharp => "0b",
            'o' | 'O' if flags.sharp && zeros == 0 && magnitude != 0 => "0",
            'x' if flags.sharp => "0x",
            'X' if flags.sharp => "0X",
            _ => "",
        };
        let octal = if verb == 'O' { "0o" } else { "" };
        self.pad_with_spaces([sign, octal, prefix, &"0".repeat(zeros), &digits].concat())
    }

    /// `%U`: `U+0061`, and with `#` the character too.
    fn code_point(&mut self, number: Integer) -> Result<(), Limit> {
        let code = if number.negative { number.magnitude.wrapping_neg() } else { number.magnitude };
        let precision = self.flags.precision.unwrap_or_default().max(4);
        let digits = format!("{code:X}");
        let zeros = "0".repeat(precision.saturating_sub(digits.len()));
        let character = u32::try_from(code).ok().and_then(char::from_u32).filter(|character| is_print(*character));
        match character {
            Some(character) if self.flags.sharp => self.pad_with_spaces(format!("U+{zeros}{digits} '{character}'")),
            _ => self.pad_with_spaces(format!("U+{zeros}{digits}")),
        }
    }

    /// Writes a floating point number; `false` where they do not have the verb.
    pub fn float(&mut self, number: f64, verb: char) -> Result<bool, Limit> {
        let (verb, precision) = match verb {
            'v' => (b'g', None),
            'b' => (b'b', None),
            'g' => (b'g', None),
            'G' => (b'G', None),
            'x' => (b'x', None),
            'X' => (b'X', None),
            'e' => (b'e', Some(6)),
            'E' => (b'E', Some(6)),
            'f' | 'F' => (b'f', Some(6)),
            _ => return Ok(false),
        };
        let precision = self.flags.precision.or(precision);
        let text = float(number, verb, precision);
        let (negative, unsigned) = match text.as_bytes() {
            [b'-', ..] => (true, text.get(1..).unwrap_or_default()),
            [b'+', ..] => (false, text.get(1..).unwrap_or_default()),
            _ => (false, text.as_str()),
        };
        let sign = match negative {
            true => "-",
            false if self.flags.plus => "+",
            false if self.flags.space => " ",
            false => "",
        };
        if !number.is_finite() {
            let sign = if sign.is_empty() && number.is_infinite() { "+" } else { sign };
            self.pad_with_spaces([sign, unsigned].concat())?;
        } else if self.flags.sharp && verb != b'b' {
            self.signed_float(sign, &with_point(unsigned, verb, precision))?;
        } else {
            self.signed_float(sign, unsigned)?;
        }
        Ok(true)
    }

    /// Zeros that fill the width stand behind the sign.
    fn signed_float(&mut self, sign: &str, number: &str) -> Result<(), Limit> {
        let width = self.flags.width.unwrap_or_default();
        if sign.is_empty() || !self.flags.zero || self.flags.minus {
            return self.pad([sign, number].concat());
        }
        self.write(sign)?;
        self.fill(width.saturating_sub(sign.len() + number.len()))?;
        self.write(number)
    }
}

/// What `#` makes of a number: it has a point, and for some verbs the zeros that they leave out otherwise.
fn with_point(number: &str, verb: u8, precision: Option<usize>) -> String {
    let wanted = match verb {
        b'g' | b'G' | b'x' => precision.unwrap_or(6),
        _ => 0,
    };
    let exponent: &[char] = if matches!(verb, b'x' | b'X') { &['p', 'P'] } else { &['e', 'E'] };
    let (digits, tail) = number.split_at(number.find(exponent).unwrap_or(number.len()));
    let mut there = digits.trim_start_matches(['0', '.']).bytes().filter(|byte| *byte != b'.').count();
    let mut text = digits.to_owned();
    if !text.contains('.') {
        there += usize::from(text == "0");
        text.push('.');
    }
    text.extend(std::iter::repeat_n('0', wanted.saturating_sub(there)));
    text + tail
}
