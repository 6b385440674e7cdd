//! From Go's syntax to Rust's.

use crate::PatternError;

/// How often Go has anything repeated at most.
const MOST_OFTEN: u32 = 1000;

/// From Go's syntax to Rust's: classes such as `\d` mean ASCII in Go, brackets within classes and braces that
/// repeat nothing mean themselves, and classes have no set operations.
pub(crate) fn translate(source: &str) -> Result<String, PatternError> {
    let mut output = String::with_capacity(source.len() + 16);
    let mut rest = source;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let tail = &rest[c.len_utf8()..];
        rest = tail;
        match c {
            '\\' if let Some(quoted) = tail.strip_prefix('Q') => {
                let (text, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
                output.push_str(&regex::escape(text));
                rest = after;
            }
            '\\' => {
                let escaped = tail.chars().next();
                rest = escaped.map_or(tail, |escaped| &tail[escaped.len_utf8()..]);
                escape(&mut output, escaped, in_class);
                // The braces of a class by its name are no others.
                if let (Some('p' | 'P' | 'x'), Some((class, after))) = (escaped, rest.split_once('}'))
                    && rest.starts_with('{')
                {
                    output.push_str(class);
                    output.push('}');
                    rest = after;
                }
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
            '{' if !in_class => match repetition(rest) {
                None => output.push_str("\\{"),
                Some(most) if most > MOST_OFTEN => {
                    let counts = rest.split('}').next().unwrap_or_default();
                    return Err(PatternError::new(format!("invalid repeat count: `{{{counts}}}`")));
                }
                Some(_) => output.push('{'),
            },
            _ => output.push(c),
        }
    }
    Ok(output)
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

/// How often the text after a brace has it repeated at most: `3}`, `3,}`, `3,5}`; `None` where it says nothing of that.
fn repetition(rest: &str) -> Option<u32> {
    let (counts, _) = rest.split_once('}')?;
    let (least, most) = counts.split_once(',').unwrap_or((counts, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| text.parse().unwrap_or(u32::MAX);
    let is_one = !least.is_empty() && digits(least) && digits(most);
    is_one.then(|| number(least).max(if most.is_empty() { 0 } else { number(most) }))
}
