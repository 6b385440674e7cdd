//! The lines of a text.

use memchr::{memchr, memchr_iter};

/// A line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// How many spaces stand before its content; -1 where documents end.
    pub(super) indent: isize,
    /// Where its content begins.
    pub(super) start: usize,
    /// Where it ends, without its line break.
    pub(super) end: usize,
    /// Whether it begins a document: `---`.
    pub(super) is_marker: bool,
}

impl Line {
    /// Whether an item of a list begins here.
    pub(super) fn is_item(&self, bytes: &[u8]) -> bool {
        matches!(bytes.get(self.start..self.end), Some([b'-'] | [b'-', b' ', ..]))
    }
}

/// A text, line by line.
pub(super) struct Lines<'t> {
    pub(super) text: &'t str,
    pub(super) bytes: &'t [u8],
    /// The line that is being read: one with content that is no comment, or the end of a document.
    pub(super) current: Line,
    has_tabs: bool,
}

impl<'t> Lines<'t> {
    /// The lines of `text`, at the first one with content; `None` where it has characters that mean something else
    /// than themselves.
    pub(super) fn new(text: &'t str) -> Option<Self> {
        let bytes = text.as_bytes();
        if !is_printable(bytes) {
            return None;
        }
        let current = Line { indent: -1, start: 0, end: 0, is_marker: false };
        let mut lines = Self { text, bytes, current, has_tabs: memchr(b'\t', bytes).is_some() };
        lines.move_to(0)?;
        Some(lines)
    }

    /// Goes on to the next line with content.
    pub(super) fn advance(&mut self) -> Option<()> {
        self.move_to(self.current.end + 1)
    }

    /// Goes to the first line with content from the one on that begins at `start`.
    pub(super) fn move_to(&mut self, mut start: usize) -> Option<()> {
        while let Some(line) = self.raw(start) {
            let content = self.content(line);
            match content {
                [] | [b'#', ..] => start = line.end + 1,
                _ if self.has_tabs && memchr(b'\t', content).is_some() => return None,
                [b'-', b'-', b'-', rest @ ..] if line.indent == 0 => match rest {
                    [] => {
                        self.current = Line { indent: -1, is_marker: true, ..line };
                        return Some(());
                    }
                    [b' ', ..] => return None,
                    _ => {
                        self.current = line;
                        return Some(());
                    }
                },
                [b'.', b'.', b'.', ..] if line.indent == 0 => return None,
                _ => {
                    self.current = line;
                    return Some(());
                }
            }
        }
        let end = self.bytes.len();
        self.current = Line { indent: -1, start: end, end, is_marker: false };
        Some(())
    }

    /// The line that begins at `start`, whatever it holds; `None` behind the last one.
    pub(super) fn raw(&self, start: usize) -> Option<Line> {
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let length = memchr(b'\n', rest).unwrap_or(rest.len());
        let indent = rest.iter().take_while(|byte| **byte == b' ').count();
        let indent = indent.min(length);
        Some(Line {
            indent: isize::try_from(indent).ok()?,
            start: start + indent,
            end: start + length,
            is_marker: false,
        })
    }

    pub(super) fn content(&self, line: Line) -> &'t [u8] {
        self.bytes.get(line.start..line.end).unwrap_or_default()
    }

    /// The part of the text between two places.
    pub(super) fn slice(&self, start: usize, end: usize) -> Option<&'t str> {
        self.text.get(start..end)
    }

    /// Whether a scalar that goes on in `line` could have a tab there, which is a space at some places.
    pub(super) fn has_tab(&self, line: Line) -> bool {
        self.has_tabs && memchr(b'\t', self.content(line)).is_some()
    }

    /// Where the spaces from `from` on end, at the latest at the end of the current line.
    pub(super) fn skip_spaces(&self, from: usize) -> usize {
        let rest = self.bytes.get(from..self.current.end).unwrap_or_default();
        from + rest.iter().take_while(|byte| **byte == b' ').count()
    }

    /// Whether the current line has nothing but a comment from `from` on, where spaces end.
    pub(super) fn is_blank(&self, from: usize) -> bool {
        matches!(self.bytes.get(from..self.current.end), None | Some([] | [b'#', ..]))
    }

    /// The number of the current line, counted from the place and the number of an earlier one.
    pub(super) fn number(&self, (place, number): (usize, usize)) -> usize {
        let between = self.bytes.get(place..self.current.start).unwrap_or_default();
        number + memchr_iter(b'\n', between).count()
    }
}

/// Whether `bytes`, which are UTF-8, have no characters but those that YAML takes for themselves, tabs and line feeds.
fn is_printable(bytes: &[u8]) -> bool {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    if bytes.iter().fold(true, |all, byte| all & is_plain(byte)) {
        return true;
    }
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| !is_plain(byte)) {
        rest = match rest.get(at..) {
            // Controls, separators of lines and paragraphs, marks of byte order and what is no character.
            Some([0xc2, ..=0x9f, ..] | [0xe2, 0x80, 0xa8 | 0xa9, ..] | [0xef, ..] | [..=0x7f, ..]) | None => {
                return false;
            }
            Some([_, rest @ ..]) => rest,
            Some([]) => return true,
        };
    }
    true
}
