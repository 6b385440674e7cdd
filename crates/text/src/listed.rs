//! Lists in a sentence: the first by name, and how many others there are.

use std::fmt::Display;

/// So many of the items, and how many there are beside them: `a, b, and 12 more`.
pub fn listed<T: Display>(items: impl IntoIterator<Item = T>, most: usize) -> String {
    let mut items = items.into_iter();
    let named: Vec<String> = items.by_ref().take(most).map(|item| item.to_string()).collect();
    let more = items.count();
    joined(named, more)
}

/// The same where there are `count` of them, of which `items` has the first ones only.
pub fn listed_of<T: Display>(items: impl IntoIterator<Item = T>, count: usize, most: usize) -> String {
    let named: Vec<String> = items.into_iter().take(most).map(|item| item.to_string()).collect();
    let more = count.saturating_sub(named.len());
    joined(named, more)
}

/// So many of several clauses, and how many there are beside them: `a, as b; c, as d; and 12 more`.
pub fn clauses<T: Display>(items: impl IntoIterator<Item = T>, most: usize) -> String {
    let mut items = items.into_iter();
    let named: Vec<String> = items.by_ref().take(most).map(|item| item.to_string()).collect();
    let more = items.count();
    with(named, more).join("; ")
}

fn joined(named: Vec<String>, more: usize) -> String {
    with(named, more).join(", ")
}

fn with(mut named: Vec<String>, more: usize) -> Vec<String> {
    if more > 0 {
        named.push(if named.is_empty() { more.to_string() } else { format!("and {more} more") });
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_named_and_the_others_counted() {
        assert_eq!(listed(0..0, 3), "");
        assert_eq!(listed(0..3, 3), "0, 1, 2");
        assert_eq!(listed(0..15, 3), "0, 1, 2, and 12 more");
        assert_eq!(listed_of(0..2, 15, 3), "0, 1, and 13 more");
        assert_eq!(clauses(["a, b", "c", "d"], 2), "a, b; c; and 1 more");
        assert_eq!(listed_of(0..5, 5, 0), "5");
    }
}
