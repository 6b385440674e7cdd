//! Patterns for paths as Go's `path/filepath.Match` has them: `*` and `?` stay within a component.

/// The pattern is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern")]
pub struct BadPattern;

/// Whether `pattern` matches all of `name`. As in Go, a mistake in the pattern is only found where matching reaches it,
/// or where the rest of the pattern could still be checked.
///
/// # Errors
/// When the pattern is none.
pub fn matches(pattern: &str, name: &str) -> Result<bool, BadPattern> {
    let (mut pattern, mut name) = (pattern, name);
    while !pattern.is_empty() {
        let (star, chunk, rest) = next_chunk(pattern);
        pattern = rest;
        if star && chunk.is_empty() {
            return Ok(!name.contains('/'));
        }
        if let Some(after) = match_chunk(chunk, name)?
            && (after.is_empty() || !pattern.is_empty())
        {
            name = after;
            continue;
        }
        if star && let Some(after) = match_later(chunk, name, pattern.is_empty())? {
            name = after;
            continue;
        }
        // What is left of the pattern must still be well-formed.
        while !pattern.is_empty() {
            let (_, chunk, rest) = next_chunk(pattern);
            pattern = rest;
            match_chunk(chunk, "")?;
        }
        return Ok(false);
    }
    Ok(name.is_empty())
}

/// The rest of `name` after `chunk` matched somewhere behind characters that a star takes.
fn match_later<'a>(chunk: &str, name: &'a str, last: bool) -> Result<Option<&'a str>, BadPattern> {
    for (at, c) in name.char_indices() {
        if c == '/' {
            break;
        }
        let from = name.get(at + c.len_utf8()..).unwrap_or_default();
        if let Some(after) = match_chunk(chunk, from)? {
            if last && !after.is_empty() {
                continue;
            }
            return Ok(Some(after));
        }
    }
    Ok(None)
}

/// Whether the pattern starts with stars, what follows them up to the next star, and the rest.
fn next_chunk(pattern: &str) -> (bool, &str, &str) {
    let stripped = pattern.trim_start_matches('*');
    let star = stripped.len() < pattern.len();
    let (mut in_range, mut escaped) = (false, false);
    let end = stripped.bytes().position(|byte| {
        if std::mem::take(&mut escaped) {
            return false;
        }
        match byte {
            b'\\' => escaped = true,
            b'[' => in_range = true,
            b']' => in_range = false,
            b'*' => return !in_range,
            _ => {}
        }
        false
    });
    let (chunk, rest) = stripped.split_at(end.unwrap_or(stripped.len()));
    (star, chunk, rest)
}

/// The rest of `name` after `chunk`; `None` where it does not match.
fn match_chunk<'a>(chunk: &str, name: &'a str) -> Result<Option<&'a str>, BadPattern> {
    let mut pattern = chunk.chars();
    let mut rest = name.chars();
    // After a mismatch the pattern is only checked.
    let mut failed = false;
    while let Some(c) = pattern.next() {
        failed = failed || rest.as_str().is_empty();
        match c {
            '[' => {
                let found = if failed { None } else { rest.next() };
                if !match_range(&mut pattern, found)? {
                    failed = true;
                }
            }
            '?' => failed = failed || rest.next().is_none_or(|c| c == '/'),
            '\\' => {
                let c = pattern.next().ok_or(BadPattern)?;
                failed = failed || rest.next() != Some(c);
            }
            c => failed = failed || rest.next() != Some(c),
        }
    }
    Ok(if failed { None } else { Some(rest.as_str()) })
}

/// Whether `c` is in the range whose opening bracket was read; reads up to the closing one.
fn match_range(pattern: &mut std::str::Chars<'_>, c: Option<char>) -> Result<bool, BadPattern> {
    let negated = pattern.as_str().starts_with('^');
    if negated {
        pattern.next();
    }
    let (mut found, mut ranges) = (false, 0);
    loop {
        if ranges > 0 && pattern.as_str().starts_with(']') {
            pattern.next();
            break;
        }
        let low = range_end(pattern)?;
        let mut high = low;
        if pattern.as_str().starts_with('-') {
            pattern.next();
            high = range_end(pattern)?;
        }
        found = found || c.is_some_and(|c| (low..=high).contains(&c));
        ranges += 1;
    }
    Ok(c.is_some() && found != negated)
}

fn range_end(pattern: &mut std::str::Chars<'_>) -> Result<char, BadPattern> {
    let c = match pattern.next().ok_or(BadPattern)? {
        '-' | ']' => return Err(BadPattern),
        '\\' => pattern.next().ok_or(BadPattern)?,
        c => c,
    };
    // A range does not end the pattern.
    if pattern.as_str().is_empty() { Err(BadPattern) } else { Ok(c) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_go() {
        let yes = [
            ("*", "abc"),
            ("a*c", "abc"),
            ("a*/b", "abc/b"),
            ("*.y?ml", "x.yaml"),
            ("[a-c]x", "bx"),
            ("[^a]x", "bx"),
            ("a\\*", "a*"),
            ("", ""),
            ("a*b*c*d", "axbxcxd"),
            ("templates/*", "templates/a.yaml"),
        ];
        for (pattern, name) in yes {
            assert_eq!(matches(pattern, name), Ok(true), "{pattern} {name}");
        }
        let no =
            [("*", "a/b"), ("a?b", "a/b"), ("[^a]x", "ax"), ("a", "ab"), ("ab", "a"), ("templates/*", "templates/a/b")];
        for (pattern, name) in no {
            assert_eq!(matches(pattern, name), Ok(false), "{pattern} {name}");
        }
        for pattern in ["[", "[]", "[a", "[-]", "a\\", "[a-", "x[", "[^"] {
            assert_eq!(matches(pattern, "abc"), Err(BadPattern), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_of_stars_takes_no_exponential_time() {
        let pattern = "*a".repeat(40);
        assert_eq!(matches(&pattern, &"a".repeat(30)), Ok(false));
    }
}
