//! Words and letters in strings: their case, and how lines of them are made.

use cowherd_template::{Fault, Text};

use super::runes::{
    is_digit, is_letter, is_lower, is_number, is_punctuation, is_space, is_title, is_upper, to_lower, to_title,
    to_upper,
};
use crate::functions::call::limits::check_text;

/// `strings.Title`: the first letter of every word in the form for titles.
pub(crate) fn title(text: &str) -> String {
    let mut previous = ' ';
    let change = |c: char| if separates(std::mem::replace(&mut previous, c)) { to_title(c) } else { c };
    text.chars().map(change).collect()
}

fn separates(c: char) -> bool {
    match c {
        '_' => false,
        c if is_letter(c) || is_digit(c) => false,
        c => c.is_ascii() || is_space(c),
    }
}

/// The first letter of every word in lower case.
pub(crate) fn untitle(text: &str) -> String {
    let mut at_start = true;
    let change = |c: char| {
        if is_space(c) {
            at_start = true;
            return c;
        }
        if std::mem::take(&mut at_start) { to_lower(c) } else { c }
    };
    text.chars().map(change).collect()
}

/// Upper case for lower case, and the other way round; at the start of words the form for titles.
pub(crate) fn swap_case(text: &str) -> String {
    let mut at_start = true;
    let change = |c: char| {
        let was_at_start = std::mem::take(&mut at_start);
        if is_upper(c) || is_title(c) {
            to_lower(c)
        } else if is_lower(c) {
            if was_at_start { to_title(c) } else { to_upper(c) }
        } else {
            at_start = is_space(c);
            c
        }
    };
    text.chars().map(change).collect()
}

/// The text without space. Sprig takes every byte for a character, which shows where any of them was space.
pub(crate) fn without_space(text: &Text) -> Text {
    let space = |byte: &u8| is_space(char::from(*byte));
    if !text.as_bytes().iter().any(space) {
        return text.clone();
    }
    let kept = text.as_bytes().iter().filter(|byte| !space(byte));
    Text::from(kept.map(|byte| char::from(*byte)).collect::<String>())
}

/// The first byte of every word, taken for a character.
pub(crate) fn initials(text: &[u8]) -> String {
    let mut after_space = true;
    let characters = text.iter().map(|byte| char::from(*byte));
    characters.filter(|c| std::mem::replace(&mut after_space, is_space(*c)) && !is_space(*c)).collect()
}

const ELLIPSIS: &[u8] = b"...";

/// The text in at most `width` bytes, from `offset` on, with dots where something is left out. Nothing where the width
/// is too small for it.
pub(crate) fn abbreviate(text: &[u8], offset: i64, width: i64) -> Vec<u8> {
    let Ok(width) = usize::try_from(width) else { return Vec::new() };
    if width < 4 {
        return Vec::new();
    }
    if text.len() <= width {
        return text.to_vec();
    }
    let room = width - ELLIPSIS.len();
    let mut offset = usize::try_from(offset).unwrap_or(0).min(text.len());
    if text.len() - offset < room {
        offset = text.len() - room;
    }
    if offset <= 4 {
        return [text.get(..room).unwrap_or_default(), ELLIPSIS].concat();
    }
    if width < 7 {
        return Vec::new();
    }
    if offset + room < text.len() {
        let rest = text.get(offset..).unwrap_or_default();
        return [ELLIPSIS, &abbreviate(rest, 0, i64::try_from(room).unwrap_or(i64::MAX))].concat();
    }
    [ELLIPSIS, text.get(text.len() - room..).unwrap_or_default()].concat()
}

/// The text in lines of at most `width` bytes, broken at spaces; words that are longer are cut only where `cuts` is set.
pub(crate) fn wrap(text: &[u8], width: i64, line_break: &[u8], cuts: bool) -> Result<Vec<u8>, Fault> {
    let width = usize::try_from(width).unwrap_or(0).max(1);
    let line_break = if line_break.is_empty() { b"\n" } else { line_break };
    check_text(text.len().saturating_add((text.len() / width + 1).saturating_mul(line_break.len())))?;
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while rest.len() > width {
        if let Some(after) = rest.strip_prefix(b" ") {
            rest = after;
            continue;
        }
        let head = rest.get(..=width).unwrap_or(rest);
        let space = head.iter().rposition(|byte| *byte == b' ');
        let later = || rest.iter().skip(width).position(|byte| *byte == b' ').map(|at| at + width);
        let (end, next) = match (space, cuts) {
            (Some(at), _) => (at, at + 1),
            (None, true) => (width, width),
            (None, false) => match later() {
                Some(at) => (at, at + 1),
                None => break,
            },
        };
        out.extend_from_slice(rest.get(..end).unwrap_or_default());
        out.extend_from_slice(line_break);
        rest = rest.get(next..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    Ok(out)
}

/// Whether a character only stands between words.
fn connects(c: char) -> bool {
    c == '-' || c == '_' || is_space(c)
}

/// The words without what is between them, each starting with an upper case letter. Runs of upper case letters become
/// words; of several connectors in a row all but one stay.
pub(crate) fn pascal_case(text: &str) -> String {
    let body = text.trim_start_matches(connects);
    let mut out = String::with_capacity(text.len());
    out.push_str(text.get(..text.len() - body.len()).unwrap_or_default());
    let mut characters = body.chars();
    let Some(first) = characters.next() else {
        // Where there is nothing else, the last connector counts as a word.
        out.extend(text.chars().next_back());
        return out;
    };
    // Whether the word began with an upper case letter, and had nothing else since.
    let mut all_upper = is_upper(first);
    let mut previous = to_upper(first);
    for c in characters {
        let mut current = c;
        match (connects(previous), connects(c)) {
            (true, true) => out.push(previous),
            (true, false) => {
                all_upper = is_upper(c);
                current = to_upper(c);
            }
            (false, _) => {
                if all_upper && is_upper(c) {
                    current = to_lower(c);
                } else {
                    all_upper = false;
                }
                out.push(previous);
            }
        }
        previous = current;
    }
    out.push(previous);
    out
}

/// What a run of characters is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Number,
    /// One that starts with an upper case letter.
    Upper,
    Letters,
    Connector,
    Punctuation,
    Other,
}

/// Whether a character is a letter of a script that has words of letters.
fn is_alphabetic(c: char) -> bool {
    let is_ideograph = matches!(c, '\u{4e00}'..='\u{9fcc}' | '\u{3400}'..='\u{4d85}' | '\u{20000}'..='\u{2b81d}');
    is_letter(c) && !is_ideograph
}

/// The first word of a text, and the rest.
fn next_word(text: &str) -> Option<(Word, &str, &str)> {
    let first = text.chars().next()?;
    let after_first = text.get(first.len_utf8()..).unwrap_or_default();
    let run = |rest: &str, belongs: &dyn Fn(char) -> bool| {
        text.len() - rest.len() + rest.find(|c| !belongs(c)).unwrap_or(rest.len())
    };
    let lower = |c: char| is_alphabetic(c) && !is_upper(c);
    let (word, size) = match first {
        c if connects(c) => (Word::Connector, run(after_first, &connects)),
        c if is_punctuation(c) => (Word::Punctuation, run(after_first, &is_punctuation)),
        c if is_upper(c) => (Word::Upper, upper_word(text, after_first)),
        c if is_alphabetic(c) => (Word::Letters, run(after_first, &lower)),
        c if is_number(c) => (Word::Number, run(after_first, &is_number)),
        _ => {
            let other = |c: char| !(connects(c) || is_alphabetic(c) || is_number(c) || is_punctuation(c));
            (Word::Other, run(after_first, &other))
        }
    };
    let (found, rest) = text.split_at(size);
    Some((word, found, rest))
}

/// The size of a word that starts with an upper case letter: `Word`, or of several of them `HTTP`, without the one that
/// starts the next word.
fn upper_word(text: &str, after_first: &str) -> usize {
    let first = text.len() - after_first.len();
    let end = |rest: &str, belongs: &dyn Fn(char) -> bool| rest.find(|c| !belongs(c)).unwrap_or(rest.len());
    match after_first.chars().next() {
        Some(c) if is_upper(c) => {
            let all = end(after_first, &is_upper);
            let follows = after_first.get(all..).and_then(|rest| rest.chars().next()).is_some_and(is_alphabetic);
            let last = after_first.get(..all).and_then(|upper| upper.chars().next_back()).map_or(0, char::len_utf8);
            first + all - if follows { last } else { 0 }
        }
        Some(c) if is_alphabetic(c) => first + end(after_first, &|c| is_alphabetic(c) && !is_upper(c)),
        _ => first,
    }
}

/// The words in lower case with `connector` between them.
pub(crate) fn joined(text: &str, connector: char) -> String {
    let mut out = Joined { out: String::with_capacity(text.len() + 8), connector };
    let mut words = Words { rest: text };
    let mut current = words.next();
    while let Some((word, found)) = current {
        if words.rest.is_empty() {
            out.push(word, found);
            break;
        }
        if word != Word::Connector {
            out.push(word, found);
        }
        current = words.next();
        current = match word {
            Word::Number => out.number_start(&mut words, current),
            Word::Connector => {
                out.push(word, found);
                current
            }
            Word::Punctuation => current,
            Word::Upper | Word::Letters | Word::Other => out.after_word(&mut words, current),
        };
    }
    out.out
}

struct Words<'t> {
    rest: &'t str,
}

type Found<'t> = Option<(Word, &'t str)>;

impl<'t> Iterator for Words<'t> {
    type Item = (Word, &'t str);

    fn next(&mut self) -> Found<'t> {
        let (word, found, rest) = next_word(self.rest)?;
        self.rest = rest;
        Some((word, found))
    }
}

struct Joined {
    out: String,
    connector: char,
}

impl Joined {
    fn push(&mut self, word: Word, text: &str) {
        match word {
            Word::Upper | Word::Connector => {
                let connector = self.connector;
                self.out.extend(text.chars().map(|c| if connects(c) { connector } else { to_lower(c) }));
            }
            _ => self.out.push_str(text),
        }
    }

    /// Connects what was written with the word that follows, unless something connects them already.
    fn connect(&mut self, next: Found<'_>) {
        if !matches!(next, None | Some((Word::Connector | Word::Punctuation, _))) {
            self.out.push(self.connector);
        }
    }

    /// Letters and numbers that follow a number belong to it.
    fn number_start<'t>(&mut self, words: &mut Words<'t>, mut current: Found<'t>) -> Found<'t> {
        while let Some((word @ (Word::Letters | Word::Number), found)) = current {
            self.push(word, found);
            current = words.next();
        }
        self.connect(current);
        current
    }

    /// A number belongs to the word in front of it, as in `Bld4Floor`, unless lower case letters follow it, as in
    /// `HTTP2xx`.
    fn after_word<'t>(&mut self, words: &mut Words<'t>, current: Found<'t>) -> Found<'t> {
        let Some((Word::Number, number)) = current else {
            self.connect(current);
            return current;
        };
        if words.rest.is_empty() {
            return current;
        }
        let next = words.next();
        if !matches!(next, Some((Word::Letters, _))) {
            self.push(Word::Number, number);
            self.connect(next);
            return next;
        }
        self.out.push(self.connector);
        self.push(Word::Number, number);
        self.number_start(words, next)
    }
}
