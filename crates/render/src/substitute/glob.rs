//! Shell patterns, and what the shell trims with them.

/// `value` without the prefix (`#`, `##`) or suffix (`%`, `%%`) that matches `pattern`: the shortest one, or the
/// longest where the operator is doubled.
pub(super) fn trim(value: &str, pattern: &str, operator: &str) -> String {
    let pattern: Vec<char> = pattern.chars().collect();
    let value: Vec<char> = value.chars().collect();
    let count = value.len();
    let lengths: Vec<usize> = match operator.len() {
        1 => (1..=count).collect(),
        _ => (1..=count).rev().collect(),
    };
    let from_start = operator.starts_with('#');
    let part = |length: usize| if from_start { &value[..length] } else { &value[count - length..] };
    let kept = match lengths.into_iter().find(|length| matches(&pattern, part(*length))) {
        Some(length) if from_start => &value[length..],
        Some(length) => &value[..count - length],
        None => &value[..],
    };
    kept.iter().collect()
}

/// Whether `text` as a whole matches `pattern`: `*`, `?`, `[...]` and `\` for what follows it.
fn matches(pattern: &[char], text: &[char]) -> bool {
    let (mut at, mut read) = (0, 0);
    // Where the last star stands, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, read));
            at += 1;
        } else if let Some(length) = one(&pattern[at.min(pattern.len())..], text[read]) {
            at += length;
            read += 1;
        } else if let Some((star_at, taken)) = star {
            star = Some((star_at, taken + 1));
            at = star_at + 1;
            read = taken + 1;
        } else {
            return false;
        }
    }
    pattern[at.min(pattern.len())..].iter().all(|c| *c == '*')
}

/// How much of `pattern` matches the single character `c`; `None` where it does not.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', literal, ..] => (*literal == c).then_some(2),
        ['[', rest @ ..] => class(rest, c),
        [literal, ..] => (*literal == c).then_some(1),
        [] => None,
    }
}

fn class(rest: &[char], c: char) -> Option<usize> {
    let negated = rest.first() == Some(&'^');
    let start = usize::from(negated);
    let end = start + rest.get(start..)?.iter().position(|c| *c == ']')?;
    let mut members = rest.get(start..end)?;
    let mut found = false;
    while let [low, tail @ ..] = members {
        if let ['-', high, tail @ ..] = tail {
            found |= (*low..=*high).contains(&c);
            members = tail;
        } else {
            found |= *low == c;
            members = tail;
        }
    }
    (found != negated).then_some(end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_the_shell() {
        let matches = |pattern: &str, text: &str| {
            matches(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
        };
        assert!(matches("a*c", "abbc") && matches("*", "x/y") && matches("?[a-c]", "xb") && matches("\\*", "*"));
        assert!(!matches("a*c", "ab") && !matches("[^a-c]", "b") && !matches("\\*", "x") && !matches("[a", "a"));
        assert!(!matches(&"*a".repeat(50), &"b".repeat(5_000)));
    }
}
