//! How a text is written: plain, quoted or as a block.

use crate::resolve::{self, Dialect, Plain};

/// The notation of a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// The longest key, in bytes, that is written on one line with its value.
const MAX_SIMPLE_KEY: usize = 128;

/// Whether `key` is written as `key: value`; otherwise it takes a line of its own behind a `?`.
pub(crate) fn is_simple_key(key: &str) -> bool {
    key.len() <= MAX_SIMPLE_KEY && !key.contains(is_break)
}

/// The style in which `text` is written as a value, or as a key on one line with its value.
///
/// In blocks, tabs are allowed where `tabs_in_blocks` is set.
pub(crate) fn style(text: &str, simple_key: bool, tabs_in_blocks: bool) -> Style {
    if text.contains('\n') {
        let shape = Shape::of(text);
        let literal = !simple_key && shape.block && (tabs_in_blocks || !shape.tabs);
        return if literal { Style::Literal } else { Style::Double };
    }
    // As YAML 1.1 reads it: what anybody could take for something else is quoted.
    if resolve::resolve(text, Dialect::Kubernetes) != Plain::Text || resolve::is_base_60(text) {
        return Style::Double;
    }
    let shape = Shape::of(text);
    if shape.plain {
        Style::Plain
    } else if shape.single {
        Style::Single
    } else {
        Style::Double
    }
}

pub(crate) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a character may stand in a text as itself, without an escape.
pub(crate) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// The styles that a text allows.
struct Shape {
    plain: bool,
    single: bool,
    block: bool,
    /// Whether there are tabs in it, which blocks need not allow.
    tabs: bool,
}

impl Shape {
    fn of(text: &str) -> Self {
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut breaks, mut tabs) = (false, false, false);
        let (mut break_space, mut space_break) = (false, false);
        let mut previous = None;
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            let blank = |c: char| matches!(c, ' ' | '\t') || is_break(c);
            let ends = characters.peek().is_none_or(|next| blank(*next));
            indicators |= match (c, previous) {
                ('-' | '?' | ':', None) => ends,
                (':', Some(_)) => ends,
                ('#', Some(before)) => blank(before),
                (_, None) => "#,[]{}&*!|>'\"%@`".contains(c),
                _ => false,
            };
            tabs |= c == '\t';
            special |= c != '\t' && !is_printable(c);
            breaks |= is_break(c);
            break_space |= c == ' ' && previous.is_some_and(is_break);
            space_break |= is_break(c) && previous == Some(' ');
            previous = Some(c);
        }
        let edge = |c: Option<char>| c.is_some_and(|c| c == ' ' || is_break(c));
        let at_edge = edge(text.chars().next()) || edge(previous);
        let opaque = special || space_break;
        Self {
            plain: !(indicators || breaks || break_space || at_edge || opaque || tabs),
            single: !(break_space || opaque || tabs),
            block: !(opaque || previous == Some(' ')),
            tabs,
        }
    }
}
