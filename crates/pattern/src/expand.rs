//! Templates of what groups matched.

use regex::Captures;

/// The template with what the groups matched in it; of a group that did not match, nothing.
pub(crate) fn expand(template: &str, captures: &Captures<'_>) -> String {
    let mut output = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('$') {
        output.push_str(before);
        rest = behind;
        if let Some(behind) = rest.strip_prefix('$') {
            output.push('$');
            rest = behind;
            continue;
        }
        match name(rest) {
            Some((name, behind)) => {
                let group = match number(name) {
                    Some(number) => captures.get(number),
                    None => captures.name(name),
                };
                output.push_str(group.map_or("", |group| group.as_str()));
                rest = behind;
            }
            // What is no name leaves the dollar as it is.
            None => output.push('$'),
        }
    }
    output.push_str(rest);
    output
}

/// The name that a text begins with, in braces or without, and what is behind it.
fn name(text: &str) -> Option<(&str, &str)> {
    let (is_braced, inner) = match text.strip_prefix('{') {
        Some(inner) => (true, inner),
        None => (false, text),
    };
    let end = inner.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    if name.is_empty() {
        return None;
    }
    if is_braced { rest.strip_prefix('}').map(|rest| (name, rest)) } else { Some((name, rest)) }
}

/// The number of a group; a name with leading zeros is none.
fn number(name: &str) -> Option<usize> {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit()) && name.len() <= 8;
    let is_padded = name.len() > 1 && name.starts_with('0');
    (is_number && !is_padded).then(|| name.parse().ok()).flatten()
}
