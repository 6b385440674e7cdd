//! The order in which mappings' keys are printed: that of people, who expect `a2` before `a10`.

use std::cmp::Ordering;

/// Sorts keys; what compares in circles (the order is not transitive) ends up in some order.
pub(crate) fn sort<K: AsRef<str>, T>(entries: &mut Vec<(K, T)>) {
    let sorted = entries.windows(2).all(|pair| less(pair[0].0.as_ref(), pair[1].0.as_ref()));
    if sorted {
        return;
    }
    // Merging by hand: the standard library's sort may refuse an order that is not total.
    let mut runs: Vec<Vec<(K, T)>> = entries.drain(..).map(|entry| vec![entry]).collect();
    while runs.len() > 1 {
        let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
        let mut rest = runs.into_iter();
        while let Some(left) = rest.next() {
            merged.push(match rest.next() {
                Some(right) => merge(left, right),
                None => left,
            });
        }
        runs = merged;
    }
    entries.extend(runs.into_iter().flatten());
}

fn merge<K: AsRef<str>, T>(left: Vec<(K, T)>, right: Vec<(K, T)>) -> Vec<(K, T)> {
    let mut result = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        result.extend(if less(b.0.as_ref(), a.0.as_ref()) { right.next() } else { left.next() });
    }
    result.extend(left);
    result.extend(right);
    result
}

fn less(a: &str, b: &str) -> bool {
    compare(a, b) == Ordering::Less
}

/// Letters compare as characters and come after everything else; runs of digits compare as numbers.
fn compare(a: &str, b: &str) -> Ordering {
    let same = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum();
    let (rest_a, rest_b) = (&a[same..], &b[same..]);
    let (Some(x), Some(y)) = (rest_a.chars().next(), rest_b.chars().next()) else {
        return rest_a.len().cmp(&rest_b.len());
    };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // A zero that continues a number counts as a digit of it; one that starts a number does not weigh.
    let continues =
        (x == '0' || y == '0') && a[..same].bytes().rev().take_while(u8::is_ascii_digit).any(|digit| digit != b'0');
    let (value_a, digits_a) = leading_number(rest_a, continues);
    let (value_b, digits_b) = leading_number(rest_b, continues);
    value_a.cmp(&value_b).then(digits_a.cmp(&digits_b)).then(x.cmp(&y))
}

fn leading_number(text: &str, continues: bool) -> (i64, usize) {
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    digits.fold((i64::from(continues), 0), |(value, count), digit| {
        (value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0')), count + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_as_people_order_them() {
        let expected = [
            "", "-", "_", "~", "1", "2", "10", "12", "A", "B", "a", "a b", "a-b", "a.b", "a1", "a1-x", "a1.5", "a1.9",
            "a1.10", "a01", "a001", "a2", "a10", "aB", "ab", "b", "true", "zz", "é",
        ];
        let mut keys: Vec<(&str, ())> = expected.iter().map(|key| (*key, ())).collect();
        keys.sort();
        sort(&mut keys);
        assert_eq!(keys.iter().map(|key| key.0).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_order_in_circles_is_no_problem() {
        let names: Vec<String> = (0..400).map(|n| format!("{}{}", n % 37, if n % 3 == 0 { "a" } else { "" })).collect();
        let mut keys: Vec<(&str, usize)> = names.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        sort(&mut keys);
        assert_eq!(keys.len(), 400);
    }
}
