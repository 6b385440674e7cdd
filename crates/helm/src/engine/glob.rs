//! Patterns of file names, as `.Files.Glob` takes them.

use std::fmt::Write;

use regex::Regex;

/// A pattern: `*` and `?` stay within a component, `**` does not; `[a-z]`, `[!a-z]` and `{a,b}` are known.
pub(crate) struct Glob(Option<Regex>);

impl Glob {
    /// The pattern `text`; what is none matches every file, as in Helm.
    pub(crate) fn new(text: &str) -> Self {
        Self(translate(text).and_then(|pattern| Regex::new(&pattern).ok()))
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|regex| regex.is_match(name))
    }
}

/// The regular expression for a pattern; `None` where the pattern is none.
fn translate(text: &str) -> Option<String> {
    let mut out = String::from("(?s)^");
    let mut depth = 0usize;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '*' => {
                let mut stars = 1;
                while characters.next_if_eq(&'*').is_some() {
                    stars += 1;
                }
                out.push_str(if stars > 1 { ".*" } else { "[^/]*" });
            }
            '?' => out.push_str("[^/]"),
            '[' => {
                out.push('[');
                if characters.next_if_eq(&'!').is_some() {
                    out.push('^');
                }
                let mut any = false;
                loop {
                    match characters.next()? {
                        ']' if any => break,
                        '-' if any && characters.peek() != Some(&']') => out.push('-'),
                        '\\' => push_literal(characters.next()?, &mut out),
                        other => push_literal(other, &mut out),
                    }
                    any = true;
                }
                out.push(']');
            }
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            ',' if depth > 0 => out.push('|'),
            '\\' => push_literal(characters.next()?, &mut out),
            other => push_literal(other, &mut out),
        }
    }
    out.push('$');
    (depth == 0).then_some(out)
}

fn push_literal(c: char, out: &mut String) {
    if c.is_alphanumeric() {
        out.push(c);
    } else {
        let _ = write!(out, "\\x{{{:x}}}", u32::from(c));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stay_within_components_and_double_stars_do_not() {
        let matches = |pattern: &str, name: &str| Glob::new(pattern).matches(name);
        assert!(matches("config/*", "config/a.yaml"));
        assert!(!matches("config/*", "config/b/a.yaml"));
        assert!(matches("config/**", "config/b/a.yaml"));
        assert!(matches("**.yaml", "config/b/a.yaml"));
        assert!(matches("*.{yaml,json}", "a.json") && !matches("*.{yaml,json}", "a.txt"));
        assert!(matches("[a-c]?.txt", "b1.txt") && !matches("[!a-c]?.txt", "b1.txt"));
        assert!(matches("a\\*", "a*") && !matches("a\\*", "ab"));
        assert!(matches("[", "anything"), "what is no pattern matches everything");
    }
}
