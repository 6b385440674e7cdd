//! Formats: `fmt.Sprintf`.

use super::Limit;
use super::printer::{Flags, Printer};
use super::rune::first;
use crate::value::Value;

/// Widths and precisions beyond this are refused, as Go refuses them.
const MAX_WIDTH: i64 = 1_000_000;

/// A format, its operands, and how far both are used.
pub(super) struct Directives<'f, 'o> {
    format: &'f [u8],
    at: usize,
    operands: &'f [Value],
    /// The operand that is next.
    operand: usize,
    /// Whether an operand was chosen by its number.
    reordered: bool,
    /// Whether the numbers in the directive at hand name operands.
    numbers_are_good: bool,
    /// Whether no further `]` stands in the format; looked for only once.
    no_bracket: bool,
    printer: Printer<'o>,
}

impl<'f, 'o> Directives<'f, 'o> {
    pub fn new(format: &'f [u8], operands: &'f [Value], printer: Printer<'o>) -> Self {
        Self {
            format,
            at: 0,
            operands,
            operand: 0,
            reordered: false,
            numbers_are_good: true,
            no_bracket: false,
            printer,
        }
    }

    /// Prints everything.
    pub fn print(mut self) -> Result<(), Limit> {
        while let Some(rest) = self.format.get(self.at..).filter(|rest| !rest.is_empty()) {
            let length = rest.iter().position(|byte| *byte == b'%').unwrap_or(rest.len());
            let (text, directive) = rest.split_at(length);
            self.printer.write(text)?;
            self.at += length;
            if directive.is_empty() {
                break;
            }
            self.at += 1;
            self.directive()?;
        }
        self.extra()
    }

    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    /// Prints what stands behind a `%`.
    fn directive(&mut self) -> Result<(), Limit> {
        self.numbers_are_good = true;
        self.printer.flags = self.flags();
        let mut numbered = self.operand_number();
        if self.peek() == Some(b'*') {
            self.at += 1;
            self.width_from_operand()?;
            numbered = false;
        } else {
            self.printer.flags.width = self.number();
            self.numbers_are_good &= !(numbered && self.printer.flags.width.is_some());
        }
        if self.peek() == Some(b'.') && self.precision_follows() {
            self.at += 1;
            self.numbers_are_good &= !numbered;
            numbered = self.operand_number();
            if self.peek() == Some(b'*') {
                self.at += 1;
                self.precision_from_operand()?;
                numbered = false;
            } else {
                self.printer.flags.precision = Some(self.number().unwrap_or_default());
            }
        }
        if !numbered {
            self.operand_number();
        }
        let Some((verb, length)) = first(self.format.get(self.at..).unwrap_or_default()) else {
            return self.printer.write("%!(NOVERB)");
        };
        self.at += length;
        self.verb(verb)
    }

    /// Whether a dot is more than the last byte of the format, which is a verb.
    fn precision_follows(&self) -> bool {
        self.at + 1 < self.format.len()
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
        flags
    }

    /// Reads decimal digits. A number that is too large is none, and takes the rest of the format with it.
    fn number(&mut self) -> Option<usize> {
        let (number, end) = number(self.format, self.at, self.format.len());
        self.at = end;
        number
    }

    /// Reads `[n]`, which makes the n-th operand the next one; whether it stands there.
    fn operand_number(&mut self) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.reordered = true;
        let rest = self.format.get(self.at + 1..).unwrap_or_default();
        let length = if self.no_bracket { None } else { rest.iter().position(|byte| *byte == b']') };
        // Go wants at least three bytes.
        let Some(length) = length.filter(|_| rest.len() >= 2) else {
            self.no_bracket |= rest.len() >= 2;
            self.at += 1;
            self.numbers_are_good = false;
            return false;
        };
        let (start, end) = (self.at + 1, self.at + 1 + length);
        let (number, read) = number(self.format, start, end);
        self.at = end + 1;
        let number = number.filter(|_| read == end);
        match number.and_then(|number| number.checked_sub(1)).filter(|index| *index < self.operands.len()) {
            Some(index) => self.operand = index,
            None => self.numbers_are_good = false,
        }
        number.is_some()
    }

    /// The next operand as a width or precision; `None` where it is no integer, or too large.
    fn integer_operand(&mut self) -> Option<i64> {
        let value = self.operands.get(self.operand)?;
        self.operand += 1;
        value.as_integer().filter(|number| (-MAX_WIDTH..=MAX_WIDTH).contains(number))
    }

    fn width_from_operand(&mut self) -> Result<(), Limit> {
        let Some(width) = self.integer_operand() else { return self.printer.write("%!(BADWIDTH)") };
        let flags = &mut self.printer.flags;
        if width < 0 {
            flags.minus = true;
            flags.zero = false;
        }
        flags.width = usize::try_from(width.unsigned_abs()).ok();
        Ok(())
    }

    fn precision_from_operand(&mut self) -> Result<(), Limit> {
        self.printer.flags.precision = self.integer_operand().and_then(|number| usize::try_from(number).ok());
        if self.printer.flags.precision.is_none() {
            return self.printer.write("%!(BADPREC)");
        }
        Ok(())
    }

    fn verb(&mut self, verb: char) -> Result<(), Limit> {
        if verb == '%' {
            return self.printer.write("%");
        }
        if !self.numbers_are_good {
            return self.complain(verb, "(BADINDEX)");
        }
        let Some(value) = self.operands.get(self.operand) else { return self.complain(verb, "(MISSING)") };
        self.operand += 1;
        if matches!(verb, 'v' | 'w') {
            let flags = &mut self.printer.flags;
            flags.source = flags.sharp;
            flags.sharp = false;
            flags.plus = false;
        }
        self.printer.operand(value, verb)
    }

    fn complain(&mut self, verb: char, about: &str) -> Result<(), Limit> {
        self.printer.write("%!")?;
        self.printer.write(verb.encode_utf8(&mut [0; 4]))?;
        self.printer.write(about)
    }

    /// Shows the operands that were not used, unless some were chosen by number.
    fn extra(&mut self) -> Result<(), Limit> {
        let left = self.operands.get(self.operand..).unwrap_or_default();
        if self.reordered || left.is_empty() {
            return Ok(());
        }
        self.printer.flags = Flags::default();
        self.printer.write("%!(EXTRA ")?;
        for (index, value) in left.iter().enumerate() {
            if index > 0 {
                self.printer.write(", ")?;
            }
            if !value.is_nil() {
                self.printer.write(value.type_name())?;
                self.printer.write("=")?;
            }
            self.printer.operand(value, 'v')?;
        }
        self.printer.write(")")
    }
}

/// The number that begins at `start`, and where it ends.
fn number(format: &[u8], start: usize, end: usize) -> (Option<usize>, usize) {
    let mut number = None;
    let mut at = start;
    while let Some(digit) = format.get(at).filter(|digit| at < end && digit.is_ascii_digit()) {
        let before: usize = number.unwrap_or_default();
        if before > 1_000_000 {
            return (None, end);
        }
        number = Some(before * 10 + usize::from(digit - b'0'));
        at += 1;
    }
    (number, at)
}
