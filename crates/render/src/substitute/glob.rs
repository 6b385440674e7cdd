//! Shell patterns, and what the shell trims with them.

/// A pattern, item by item.
pub(super) struct Pattern(Vec<Item>);

enum Item {
    /// `*`: any number of characters.
    Star,
    /// `?`.
    Any,
    Literal(char),
    /// `[...]`: one of the ranges, or of everything else.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// A bracket that is not closed, which nothing matches.
    Never,
}

impl Pattern {
    /// The pattern that `text` says: `*`, `?`, `[...]`, and `\` for what follows it.
    pub(super) fn parse(text: &str) -> Self {
        let mut items = Vec::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            items.push(match c {
                '*' => Item::Star,
                '?' => Item::Any,
                '\\' => Item::Literal(rest.next().unwrap_or('\\')),
                '[' => match rest.as_str().split_once(']') {
                    Some((members, behind)) => {
                        rest = behind.chars();
                        class(members)
                    }
                    None => Item::Never,
                },
                literal => Item::Literal(literal),
            });
        }
        Self(items)
    }

    /// How many items there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// `value` without the prefix (`#`, `##`) or suffix (`%`, `%%`) that matches: the shortest one, or the longest where
    /// the operator is doubled. Takes as many steps as there are characters times items.
    pub(super) fn trim(&self, value: &str, operator: &str) -> String {
        let shortest = operator.len() == 1;
        if operator.starts_with('#') {
            let items: Vec<&Item> = self.0.iter().collect();
            let taken = taken(&items, value.chars(), shortest);
            value.chars().skip(taken).collect()
        } else {
            let items: Vec<&Item> = self.0.iter().rev().collect();
            let taken = taken(&items, value.chars().rev(), shortest);
            let count = value.chars().count();
            value.chars().take(count - taken).collect()
        }
    }
}

fn class(members: &str) -> Item {
    let (negated, members) = match members.strip_prefix('^') {
        Some(members) => (true, members),
        None => (false, members),
    };
    let mut ranges = Vec::new();
    let mut members = members.chars();
    while let Some(low) = members.next() {
        let mut behind = members.clone();
        let high = match (behind.next(), behind.next()) {
            (Some('-'), Some(high)) => {
                members = behind;
                high
            }
            _ => low,
        };
        ranges.push((low, high));
    }
    Item::Class { negated, ranges }
}

impl Item {
    fn is(&self, c: char) -> bool {
        match self {
            Self::Star | Self::Any => true,
            Self::Literal(literal) => *literal == c,
            Self::Class { negated, ranges } => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated,
            Self::Never => false,
        }
    }
}

/// How many characters of `text`, at least one, match `items`: as few or as many as possible; 0 where none do.
fn taken(items: &[&Item], text: impl Iterator<Item = char>, shortest: bool) -> usize {
    let mut found = 0;
    // Which items may come next, the end of the pattern included.
    let mut next = reached(vec![true], items);
    for (at, c) in text.enumerate() {
        let mut after = vec![false; items.len() + 1];
        for ((place, item), _) in items.iter().enumerate().zip(&next).filter(|(_, possible)| **possible) {
            let to = if matches!(item, Item::Star) { place } else { place + 1 };
            if let Some(to) = after.get_mut(to) {
                *to |= item.is(c);
            }
        }
        next = reached(after, items);
        if next.last() == Some(&true) {
            found = at + 1;
            if shortest {
                break;
            }
        }
        if !next.contains(&true) {
            break;
        }
    }
    found
}

/// The places that can be reached from `places` without taking a character: behind stars.
fn reached(mut places: Vec<bool>, items: &[&Item]) -> Vec<bool> {
    places.resize(items.len() + 1, false);
    for (at, item) in items.iter().enumerate() {
        if matches!(item, Item::Star)
            && let Some([from, to]) = places.get_mut(at..at + 2)
        {
            *to |= *from;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_the_shell() {
        let matches = |pattern: &str, text: &str| Pattern::parse(pattern).trim(text, "##").is_empty();
        assert!(matches("a*c", "abbc") && matches("*", "x/y") && matches("?[a-c]", "xb") && matches("\\*", "*"));
        assert!(matches("[^a-c]", "d") && matches("**", "x") && matches("\\", "\\") && matches("[a-]", "-"));
        assert!(!matches("a*c", "ab") && !matches("[^a-c]", "b") && !matches("\\*", "x") && !matches("[a", "a"));
    }

    #[test]
    fn the_shortest_and_the_longest_match_is_trimmed() {
        let cases = [
            ("a.b.c", "*.", "#", "b.c"),
            ("a.b.c", "*.", "##", "c"),
            ("a.b.c", ".*", "%", "a.b"),
            ("a.b.c", ".*", "%%", "a"),
            ("äöü", "?", "#", "öü"),
            ("äöü", "?", "%", "äö"),
            ("abc", "*", "#", "bc"),
            ("abc", "x", "##", "abc"),
            ("abc", "", "#", "abc"),
        ];
        for (value, pattern, operator, kept) in cases {
            assert_eq!(Pattern::parse(pattern).trim(value, operator), kept, "{value} {operator} {pattern}");
        }
    }
}
