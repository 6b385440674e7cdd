//! Scalars, which may go on for several lines, and lists in brackets.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memchr2_iter};
use serde_json::Value;

use super::Reader;

impl<'t> Reader<'t> {
    /// A plain scalar at `from` of the current line, inside of a collection at `indent`.
    pub(super) fn plain(&mut self, from: usize, indent: isize) -> Option<Cow<'t, str>> {
        let line = self.lines.current;
        let (end, has_comment) = self.plain_part(from, line.end)?;
        let first = self.lines.slice(from, end)?;
        if has_comment {
            self.lines.advance()?;
            return Some(first.into());
        }
        let mut folded: Option<String> = None;
        let (mut next, mut breaks) = (line.end + 1, 0);
        while let Some(line) = self.lines.raw(next) {
            let content = self.lines.content(line);
            if content.is_empty() {
                breaks += 1;
                next = line.end + 1;
                continue;
            }
            if line.indent <= indent {
                break;
            }
            let (end, has_comment) = self.plain_part(line.start, line.end)?;
            if has_comment || self.lines.has_tab(line) || matches!(content, [b'#', ..] | [b'-'] | [b'-', b' ', ..]) {
                return None;
            }
            fold(folded.get_or_insert_with(|| first.to_owned()), breaks, self.lines.slice(line.start, end)?);
            (next, breaks) = (line.end + 1, 0);
        }
        self.lines.move_to(next)?;
        Some(folded.map_or(first.into(), Cow::from))
    }

    /// Where the part of a plain scalar ends that stands between two places of a line, and whether a comment follows.
    fn plain_part(&self, start: usize, end: usize) -> Option<(usize, bool)> {
        let part = self.lines.bytes.get(start..end)?;
        let (mut length, mut has_comment) = (part.len(), false);
        for at in memchr2_iter(b':', b'#', part) {
            if part.get(at) == Some(&b':') {
                // A mapping, or an error.
                if matches!(part.get(at + 1), None | Some(b' ')) {
                    return None;
                }
            } else if at > 0 && part.get(at - 1) == Some(&b' ') {
                (length, has_comment) = (at, true);
                break;
            }
        }
        let spaces = part.get(..length)?.iter().rev().take_while(|byte| **byte == b' ').count();
        Some((start + length - spaces, has_comment))
    }

    /// A scalar in single quotes.
    pub(super) fn single_quoted(&mut self, from: usize, indent: isize) -> Option<String> {
        self.quoted(from, indent, |text| {
            let mut start = 0;
            loop {
                let at = start + memchr(b'\'', text.get(start..)?)?;
                if text.get(at + 1) != Some(&b'\'') {
                    return Some(at);
                }
                start = at + 2;
            }
        })
        .map(|text| if text.contains('\'') { text.replace("''", "'") } else { text })
    }

    /// A scalar in double quotes. Escapes are only read where there is but one line.
    pub(super) fn double_quoted(&mut self, from: usize, indent: isize) -> Option<String> {
        let text = self.lines.bytes.get(from + 1..self.lines.current.end)?;
        if memchr(b'\\', text).is_some() {
            return self.escaped(from + 1);
        }
        self.quoted(from, indent, |text| memchr2(b'"', b'\\', text)).filter(|text| !text.contains('\\'))
    }

    /// A scalar in the quotes that begin at `from`, lines folded. `closing` finds the quote that ends it.
    fn quoted(&mut self, from: usize, indent: isize, closing: fn(&[u8]) -> Option<usize>) -> Option<String> {
        let mut out = String::new();
        let (mut start, mut end, mut breaks) = (from + 1, self.lines.current.end, None);
        loop {
            let content = self.lines.bytes.get(start..end)?;
            let closed = closing(content);
            let length = closed.unwrap_or_else(|| content.trim_ascii_end().len());
            let part = self.lines.slice(start, start + length)?;
            match breaks {
                None => out.push_str(part),
                Some(breaks) => fold(&mut out, breaks, part),
            }
            if let Some(length) = closed {
                let quote = start + length;
                // What was closed may be a backslash in double quotes.
                if self.lines.bytes.get(quote) == Some(&b'\\') {
                    return None;
                }
                self.lines.current.end = end;
                if !self.rest_is_blank(quote + 1) {
                    return None;
                }
                self.lines.advance()?;
                return Some(out);
            }
            let mut blank = 0;
            let line = loop {
                let line = self.lines.raw(end + 1)?;
                end = line.end;
                if line.start < line.end {
                    break line;
                }
                blank += 1;
            };
            if line.indent <= indent || self.lines.has_tab(line) {
                return None;
            }
            (start, breaks) = (line.start, Some(blank));
        }
    }

    /// What stands between `from` and the closing double quote on the current line, escapes read.
    fn escaped(&mut self, from: usize) -> Option<String> {
        let mut out = String::new();
        let mut start = from;
        loop {
            let at = start + memchr2(b'"', b'\\', self.lines.bytes.get(start..self.lines.current.end)?)?;
            out.push_str(self.lines.slice(start, at)?);
            if self.lines.bytes.get(at) == Some(&b'"') {
                if !self.rest_is_blank(at + 1) {
                    return None;
                }
                self.lines.advance()?;
                return Some(out);
            }
            out.push(match self.lines.bytes.get(at + 1)? {
                b'n' => '\n',
                b't' => '\t',
                b'"' => '"',
                b'\\' => '\\',
                b'/' => '/',
                _ => return None,
            });
            start = at + 2;
        }
    }

    /// A literal block whose header stands at `from` of the current line, inside of a collection at `indent`.
    pub(super) fn literal(&mut self, from: usize, indent: isize) -> Option<String> {
        let header = self.lines.slice(from, self.lines.current.end)?;
        if !matches!(header, "|" | "|-" | "|+") {
            return None;
        }
        let mut next = self.lines.current.end + 1;
        let (mut blank, mut widest) = (0, 0);
        let first = loop {
            let line = self.lines.raw(next)?;
            if !self.lines.content(line).is_empty() {
                break line;
            }
            (next, blank, widest) = (line.end + 1, blank + 1, widest.max(line.indent));
        };
        if first.indent <= indent || widest > first.indent || self.lines.content(first).starts_with(b"\t") {
            return None;
        }
        let width = usize::try_from(first.indent).ok()?;
        let mut out = "\n".repeat(blank);
        let mut breaks = 0;
        while let Some(line) = self.lines.raw(next) {
            if line.indent < first.indent {
                if !self.lines.content(line).is_empty() {
                    if line.indent > indent || self.lines.content(line).starts_with(b"\t") {
                        return None;
                    }
                    break;
                }
                breaks += 1;
            } else if line.start == line.end && line.indent == first.indent {
                breaks += 1;
            } else {
                out.extend(std::iter::repeat_n('\n', std::mem::take(&mut breaks)));
                let begin = line.start - (usize::try_from(line.indent).ok()? - width);
                out.push_str(self.lines.slice(begin, line.end)?);
                breaks = 1;
            }
            next = line.end + 1;
        }
        // A text that ends without a line break has none at the end of a block either.
        let is_open = next > self.lines.bytes.len();
        if is_open && breaks != 1 {
            return None;
        }
        match header {
            _ if is_open => {}
            "|" => out.push('\n'),
            "|+" => out.extend(std::iter::repeat_n('\n', breaks)),
            _ => {}
        }
        self.lines.move_to(next)?;
        Some(out)
    }

    /// A list of simple scalars in brackets, on one line.
    pub(super) fn brackets(&mut self, from: usize) -> Option<Value> {
        let mut items = Vec::new();
        let mut at = self.lines.skip_spaces(from + 1);
        if self.lines.bytes.get(at) != Some(&b']') {
            loop {
                self.weight.item(items.len()).ok()?;
                let (item, end) = self.bracketed(at)?;
                items.push(item);
                at = self.lines.skip_spaces(end);
                match self.lines.bytes.get(at)? {
                    b',' => at = self.lines.skip_spaces(at + 1),
                    b']' => break,
                    _ => return None,
                }
            }
        }
        if !self.rest_is_blank(at + 1) {
            return None;
        }
        self.lines.advance()?;
        Some(Value::Array(items))
    }

    /// A simple scalar inside brackets, and where it ends.
    fn bracketed(&self, at: usize) -> Option<(Value, usize)> {
        let rest = self.lines.bytes.get(at..self.lines.current.end)?;
        match rest {
            [quote @ (b'"' | b'\''), rest @ ..] => {
                let length = rest.iter().position(|byte| byte == quote || *byte == b'\\')?;
                let end = at + 1 + length;
                let is_closed =
                    self.lines.bytes.get(end) == Some(quote) && self.lines.bytes.get(end + 1) != Some(quote);
                let text = self.lines.slice(at + 1, end).filter(|_| is_closed)?;
                Some((Value::String(text.to_owned()), end + 1))
            }
            [b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'/' | b'.', ..] => {
                let is_simple = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'/' | b'.' | b'-');
                let end = at + rest.iter().take_while(is_simple).count();
                Some((self.resolve(self.lines.slice(at, end)?)?, end))
            }
            _ => None,
        }
    }
}

/// Adds the next part of a scalar behind so many empty lines: none make a space, others stand for themselves.
fn fold(text: &mut String, breaks: usize, part: &str) {
    match breaks {
        0 => text.push(' '),
        _ => text.extend(std::iter::repeat_n('\n', breaks)),
    }
    text.push_str(part);
}
