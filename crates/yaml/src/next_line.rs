//! The control character NEL (U+0085), which is a line break to YAML 1.1.

use std::borrow::Cow;

const NEXT_LINE: char = '\u{85}';

/// What is left of `text` once it was JSON that is read as YAML, as everything is that sigs.k8s.io/yaml writes: a line break
/// is folded into a space, and several of them into one less; spaces around them go.
pub fn fold_next_lines(text: &str) -> Cow<'_, str> {
    if !text.contains(NEXT_LINE) {
        return text.into();
    }
    let mut parts = text.split(NEXT_LINE).peekable();
    let mut out = parts.next().unwrap_or_default().to_owned();
    out.truncate(out.trim_end_matches(' ').len());
    let mut breaks = 0;
    while let Some(part) = parts.next() {
        breaks += 1;
        let part = part.trim_start_matches(' ');
        let is_last = parts.peek().is_none();
        let part = if is_last { part } else { part.trim_end_matches(' ') };
        if part.is_empty() && !is_last {
            continue;
        }
        match breaks {
            1 => out.push(' '),
            _ => out.extend(std::iter::repeat_n('\n', breaks - 1)),
        }
        out.push_str(part);
        breaks = 0;
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_lines_are_folded() {
        for (text, folded) in [
            ("a\u{85}b", "a b"),
            ("a \u{85}  b\u{85}\u{85}c", "a b\nc"),
            ("\u{85}a\u{85}", " a "),
            (" a\n", " a\n"),
            ("\u{85} \u{85}", "\n"),
            ("\t\u{85}\tb", "\t \tb"),
        ] {
            assert_eq!(fold_next_lines(text), folded, "{text:?}");
        }
    }
}
