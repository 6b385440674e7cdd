//! Patterns of schemas: written in Go's syntax of regular expressions, matched with Rust's.

use std::sync::{Arc, OnceLock};

use regex::Regex;

/// A pattern, compiled when first matched.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    source: Box<str>,
    compiled: Arc<OnceLock<Result<Regex, String>>>,
}

impl Pattern {
    /// A pattern in Go's syntax, which may be wrong.
    pub fn new(source: &str) -> Self {
        Self { source: source.into(), compiled: Arc::default() }
    }

    /// The pattern as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether `text` holds a match; the error says why the pattern is none.
    pub fn matches(&self, text: &str) -> Result<bool, &str> {
        match self.compiled.get_or_init(|| compile(&self.source)) {
            Ok(regex) => Ok(regex.is_match(text)),
            Err(error) => Err(error),
        }
    }
}

/// Compiles a pattern in Go's syntax.
pub(crate) fn compile(source: &str) -> Result<Regex, String> {
    Regex::new(&translate(source)).map_err(|error| match error {
        // The error draws the pattern over several lines; its last says what is wrong.
        regex::Error::Syntax(text) => text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        other => other.to_string(),
    })
}

/// From Go's syntax to Rust's: classes such as `\d` mean ASCII in Go, brackets within classes and braces that
/// repeat nothing mean themselves, and classes have no set operations.
fn translate(source: &str) -> String {
    let mut output = String::with_capacity(source.len() + 16);
    let mut rest = source;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let tail = &rest[c.len_utf8()..];
        rest = tail;
        match c {
            '\\' => {
                let escaped = tail.chars().next();
                rest = escaped.map_or(tail, |escaped| &tail[escaped.len_utf8()..]);
                escape(&mut output, escaped, in_class);
            }
            '[' if !in_class => {
                in_class = true;
                output.push('[');
                if let Some(tail) = rest.strip_prefix('^') {
                    output.push('^');
                    rest = tail;
                }
                // A bracket that opens a class at once means itself.
                if let Some(tail) = rest.strip_prefix(']') {
                    output.push_str("\\]");
                    rest = tail;
                }
            }
            '[' if rest.starts_with(':') => match rest.split_once(":]") {
                Some((class, tail)) => {
                    output.push('[');
                    output.push_str(class);
                    output.push_str(":]");
                    rest = tail;
                }
                None => output.push_str("\\["),
            },
            '[' | '&' | '~' if in_class => {
                output.push('\\');
                output.push(c);
            }
            ']' if in_class => {
                in_class = false;
                output.push(']');
            }
            '{' if !in_class && !is_repetition(rest) => output.push_str("\\{"),
            _ => output.push(c),
        }
    }
    output
}

fn escape(output: &mut String, escaped: Option<char>, in_class: bool) {
    let class =
        |output: &mut String, outside: &str, inside: &str| output.push_str(if in_class { inside } else { outside });
    match escaped {
        Some('d') => class(output, "[0-9]", "0-9"),
        Some('D') => class(output, "[^0-9]", "[:^digit:]"),
        Some('w') => class(output, "[0-9A-Za-z_]", "0-9A-Za-z_"),
        Some('W') => class(output, "[^0-9A-Za-z_]", "[:^word:]"),
        Some('s') => class(output, "[\\t\\n\\f\\r ]", "\\t\\n\\f\\r "),
        Some('S') => class(output, "[^\\t\\n\\f\\r ]", "[^\\t\\n\\f\\r ]"),
        Some('b') if !in_class => output.push_str("(?-u:\\b)"),
        Some('B') if !in_class => output.push_str("(?-u:\\B)"),
        Some(c @ ('<' | '>')) => output.push(c),
        Some(c) => {
            output.push('\\');
            output.push(c);
        }
        None => output.push('\\'),
    }
}

/// Whether the text after a brace says how often to repeat: `3}`, `3,}`, `3,5}`.
fn is_repetition(rest: &str) -> bool {
    let Some((counts, _)) = rest.split_once('}') else { return false };
    let (least, most) = counts.split_once(',').unwrap_or((counts, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        compile(pattern).unwrap().is_match(text)
    }

    #[test]
    fn classes_mean_ascii_as_in_go() {
        assert!(matches(r"^\d+$", "42"));
        assert!(!matches(r"^\d+$", "٤٢"));
        assert!(!matches(r"^[\w.]+$", "é"));
        assert!(matches(r"^[\D]$", "x"));
        assert!(!matches(r"^[^\s]$", " "));
        assert!(matches(r"\bfoo\b", "a foo b"));
    }

    #[test]
    fn brackets_braces_and_ampersands_mean_themselves_where_go_says_so() {
        assert!(matches(r"^[[]$", "["));
        assert!(matches(r"^[]a]$", "]"));
        assert!(matches(r"^[a&&b]+$", "a&b"));
        assert!(matches(r"^{{.*}}$", "{{ x }}"));
        assert!(matches(r"^a{2}$", "aa"));
        assert!(matches(r"^[[:alpha:]_]+$", "ab_"));
        assert!(matches(r"^\<a\>\/\-\_$", "<a>/-_"));
    }

    #[test]
    fn what_is_wrong_with_a_pattern_is_said_in_a_line() {
        let error = compile("a(").unwrap_err();
        assert!(!error.contains('\n') && error.contains("unclosed group"), "{error}");
    }
}
