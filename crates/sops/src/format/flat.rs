//! Metadata without mappings and lists: `age__list_0__map_enc` is the key `enc` of the first item of `age`.

use std::collections::BTreeMap;

use super::MAX_DEPTH;
use crate::tree::{Entry, Item, Map, Value};

const MAP: &str = "__map_";
const LIST: &str = "__list_";

#[derive(Default)]
struct Node {
    value: Option<Value>,
    keys: BTreeMap<String, Node>,
    items: BTreeMap<usize, Node>,
}

/// A part of a flat key.
enum Part<'k> {
    Key(&'k str),
    Item(usize),
}

/// `\n` in texts made line breaks.
pub(super) fn with_line_breaks(mut map: Map) -> Map {
    for entry in &mut map {
        if let Entry::Pair(_, Value::Text(text)) = entry {
            *text = text.replace("\\n", "\n");
        }
    }
    map
}

/// The mappings and lists that flat keys stand for.
pub(super) fn unflatten(map: Map) -> Result<Map, &'static str> {
    let mut root = Node::default();
    for entry in map {
        let Entry::Pair(key, value) = entry else { continue };
        let mut node = &mut root;
        let parts = parts(&key)?;
        for part in parts {
            node = match part {
                Part::Key(key) => node.keys.entry(key.to_owned()).or_default(),
                Part::Item(index) => node.items.entry(index).or_default(),
            };
        }
        if node.value.replace(value).is_some() {
            return Err("a key of it is there twice");
        }
    }
    match root.into_value()? {
        Value::Map(map) => Ok(map),
        _ => Err("it is no mapping"),
    }
}

fn parts(key: &str) -> Result<Vec<Part<'_>>, &'static str> {
    let (mut parts, mut rest, mut is_item) = (Vec::new(), key, false);
    loop {
        let next = [rest.find(MAP), rest.find(LIST)].into_iter().flatten().min();
        let word = &rest[..next.unwrap_or(rest.len())];
        parts.push(match is_item {
            true => Part::Item(word.parse().map_err(|_| "an item of a list in it has no number")?),
            false => Part::Key(word),
        });
        if parts.len() > MAX_DEPTH {
            return Err("it is too deep");
        }
        let Some(at) = next else { return Ok(parts) };
        is_item = rest[at..].starts_with(LIST);
        rest = &rest[at + if is_item { LIST.len() } else { MAP.len() }..];
    }
}

impl Node {
    fn into_value(self) -> Result<Value, &'static str> {
        match (self.value, self.keys.is_empty(), self.items.is_empty()) {
            (Some(value), true, true) => Ok(value),
            (None, _, true) => {
                let entry = |(key, node): (String, Self)| Ok(Entry::Pair(key, node.into_value()?));
                Ok(Value::Map(self.keys.into_iter().map(entry).collect::<Result<_, &'static str>>()?))
            }
            (None, true, false) => {
                if self.items.keys().enumerate().any(|(expected, index)| expected != *index) {
                    return Err("a list in it lacks an item");
                }
                let item = |node: Self| Ok(Item::Value(node.into_value()?));
                Ok(Value::List(self.items.into_values().map(item).collect::<Result<_, &'static str>>()?))
            }
            _ => Err("a key of it is of two kinds"),
        }
    }
}
