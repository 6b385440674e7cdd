//! Which item of a list was which before.

use std::collections::HashSet;

use serde_json::Value;

/// The fields that tell items of Kubernetes' lists apart, the most telling ones first.
const KEYS: [&str; 9] = ["name", "mountPath", "containerPort", "key", "ip", "topologyKey", "host", "port", "type"];

/// How many pairs of items are looked at for two lists whose items have no names. Beyond, they are compared by place.
const MAX_PAIRS: usize = 1 << 20;

/// An item before and after.
pub(super) struct Pair<'a> {
    /// What people call it.
    pub(super) label: String,
    pub(super) before: Option<&'a Value>,
    pub(super) after: Option<&'a Value>,
}

/// That items which both lists have stand in another order.
pub(super) struct Order {
    /// The field that names the items.
    pub(super) key: &'static str,
    pub(super) before: Value,
    pub(super) after: Value,
}

/// The items of both lists, each with what it was: by name where they have names, else by what stayed the same.
pub(super) fn pairs<'a>(before: &'a [Value], after: &'a [Value]) -> Vec<Pair<'a>> {
    match key(before, after) {
        Some(key) => by_key(before, after, key),
        None => by_content(before, after),
    }
}

/// How the order of the items that both have changed, where they have names.
pub(super) fn reordered(before: &[Value], after: &[Value]) -> Option<Order> {
    let key = key(before, after)?;
    let names = |list: &[Value]| list.iter().map(|item| item[key].clone()).collect::<Vec<_>>();
    let common = |list: &[Value], other: &[Value]| {
        let other: HashSet<String> = names(other).iter().map(Value::to_string).collect();
        names(list).into_iter().filter(|name| other.contains(&name.to_string())).collect::<Vec<_>>()
    };
    (common(before, after) != common(after, before)).then(|| Order {
        key,
        before: Value::Array(names(before)),
        after: Value::Array(names(after)),
    })
}

/// The field by which all items of both lists can be told apart.
fn key(before: &[Value], after: &[Value]) -> Option<&'static str> {
    if before.is_empty() && after.is_empty() {
        return None;
    }
    let tells = |list: &[Value], key: &str| {
        let mut seen = HashSet::new();
        list.iter().all(|item| match item.get(key) {
            Some(name @ (Value::String(_) | Value::Number(_))) => seen.insert(name.to_string()),
            _ => false,
        })
    };
    KEYS.into_iter().find(|key| tells(before, key) && tells(after, key))
}

fn by_key<'a>(before: &'a [Value], after: &'a [Value], key: &str) -> Vec<Pair<'a>> {
    let find = |list: &'a [Value], name: &Value| list.iter().find(|item| item[key] == *name);
    let label = |item: &Value| match &item[key] {
        Value::String(name) => format!("{key}={name}"),
        name => format!("{key}={name}"),
    };
    let stay =
        after.iter().map(|item| Pair { label: label(item), before: find(before, &item[key]), after: Some(item) });
    let go = before.iter().filter(|item| find(after, &item[key]).is_none());
    stay.chain(go.map(|item| Pair { label: label(item), before: Some(item), after: None })).collect()
}

/// The longest run of items that stayed the same, in order; between them what was is compared with what is, by place.
fn by_content<'a>(before: &'a [Value], after: &'a [Value]) -> Vec<Pair<'a>> {
    let start = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let rest = (&before[start..], &after[start..]);
    let end = rest.0.iter().rev().zip(rest.1.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&rest.0[..rest.0.len() - end], &rest.1[..rest.1.len() - end]);
    let mut pairs = Vec::new();
    let (mut from_a, mut from_b) = (0, 0);
    for (to_a, to_b) in common(a, b).into_iter().chain([(a.len(), b.len())]) {
        let (gone, new) = (&a[from_a..to_a], &b[from_b..to_b]);
        for index in 0..gone.len().max(new.len()) {
            let place = if index < new.len() { from_b + index } else { from_a + index };
            let label = (start + place).to_string();
            pairs.push(Pair { label, before: gone.get(index), after: new.get(index) });
        }
        (from_a, from_b) = (to_a + 1, to_b + 1);
    }
    pairs
}

/// The places of items that both lists have, in the order of both: as many as there can be.
fn common(a: &[Value], b: &[Value]) -> Vec<(usize, usize)> {
    if a.len().saturating_mul(b.len()) > MAX_PAIRS {
        return Vec::new();
    }
    let width = b.len() + 1;
    let mut longest = vec![0_usize; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i * width + j] = if a[i] == b[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut found, mut i, mut j) = (Vec::new(), 0, 0);
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            found.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    found
}

#[cfg(test)]
#[path = "alignment_tests.rs"]
mod tests;
