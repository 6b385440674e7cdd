//! Where everything is printed to, with the flags of the verb at hand.

use super::rune::{count, prefix};
use super::{Limit, MAX_SIZE};

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub width: Option<usize>,
    pub precision: Option<usize>,
    pub minus: bool,
    pub plus: bool,
    pub sharp: bool,
    pub space: bool,
    pub zero: bool,
    /// `%#v`: values as Go source.
    pub source: bool,
}

/// Prints to the end of a buffer.
pub(super) struct Printer<'o> {
    out: &'o mut Vec<u8>,
    limit: usize,
    pub flags: Flags,
}

impl<'o> Printer<'o> {
    pub fn new(out: &'o mut Vec<u8>) -> Self {
        let limit = out.len().saturating_add(MAX_SIZE);
        Self { out, limit, flags: Flags::default() }
    }

    pub fn write(&mut self, text: impl AsRef<[u8]>) -> Result<(), Limit> {
        let text = text.as_ref();
        self.room(text.len())?;
        self.out.extend_from_slice(text);
        Ok(())
    }

    fn room(&self, length: usize) -> Result<(), Limit> {
        if self.out.len().saturating_add(length) > self.limit { Err(Limit::Size) } else { Ok(()) }
    }

    /// Writes with the flags as `change` makes them.
    pub fn with<T>(&mut self, change: impl FnOnce(&mut Flags), write: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.flags;
        change(&mut self.flags);
        let result = write(self);
        self.flags = before;
        result
    }

    /// Writes so many spaces, or zeros where they are asked for and stand on the left.
    pub fn fill(&mut self, length: usize) -> Result<(), Limit> {
        self.room(length)?;
        let byte = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
        self.out.resize(self.out.len() + length, byte);
        Ok(())
    }

    /// Fills the whole width.
    pub fn fill_width(&mut self) -> Result<(), Limit> {
        self.fill(self.flags.width.unwrap_or_default())
    }

    /// Writes a text of so many characters, and fills it up to the width.
    fn padded(&mut self, text: &[u8], characters: usize) -> Result<(), Limit> {
        let missing = self.flags.width.unwrap_or_default().saturating_sub(characters);
        if !self.flags.minus {
            self.fill(missing)?;
        }
        self.write(text)?;
        if self.flags.minus {
            self.fill(missing)?;
        }
        Ok(())
    }

    /// Writes a text, filled up to the width.
    pub fn pad(&mut self, text: impl AsRef<[u8]>) -> Result<(), Limit> {
        let text = text.as_ref();
        let characters = if self.flags.width.is_some() { count(text) } else { 0 };
        self.padded(text, characters)
    }

    /// Writes a number, filled up to the width with spaces only.
    pub fn pad_with_spaces(&mut self, text: impl AsRef<[u8]>) -> Result<(), Limit> {
        self.with(|flags| flags.zero = false, |printer| printer.pad(text))
    }

    /// `%s`: a string, cut to the precision.
    pub fn string(&mut self, text: &[u8]) -> Result<(), Limit> {
        self.pad(self.cut(text))
    }

    fn cut<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        match self.flags.precision {
            Some(precision) => prefix(text, precision),
            None => text,
        }
    }

    /// `%q`: a string as a literal.
    pub fn quoted(&mut self, text: &[u8]) -> Result<(), Limit> {
        let text = self.cut(text);
        self.room(text.len())?;
        if self.flags.sharp && super::can_backquote(text) {
            return self.pad([b"`", text, b"`"].concat());
        }
        self.pad(if self.flags.plus { super::quote_to_ascii(text) } else { super::quote(text) })
    }

    /// `%x` and `%X`: the bytes of a string; the precision counts bytes.
    pub fn hex(&mut self, text: &[u8], upper: bool) -> Result<(), Limit> {
        let text = self.flags.precision.and_then(|precision| text.get(..precision)).unwrap_or(text);
        if text.is_empty() {
            return self.fill_width();
        }
        let prefix: &str = match (self.flags.sharp, upper) {
            (true, true) => "0X",
            (true, false) => "0x",
            (false, _) => "",
        };
        let digits: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
        self.room(text.len().saturating_mul(5))?;
        let mut hex = Vec::with_capacity(text.len() * 2 + prefix.len());
        hex.extend(prefix.bytes());
        for (index, byte) in text.iter().enumerate() {
            if self.flags.space && index > 0 {
                hex.push(b' ');
                hex.extend(prefix.bytes());
            }
            hex.extend([digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]);
        }
        let characters = hex.len();
        self.padded(&hex, characters)
    }
}
