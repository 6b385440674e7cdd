//! Paths to fields as people write them: names joined by dots, `[name=x]` and `[=x]` for items of lists, numbers,
//! `*` for every item, `[a.b]` and `a\.b` for names with dots.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::scalar;
use crate::kustomize::budget::Budget;
use crate::kustomize::pattern::{Fault, Pattern};

/// The parts of `path`.
pub(crate) fn parts(path: &str) -> Vec<String> {
    let split = split(path, '.');
    let mut parts = Vec::with_capacity(split.len());
    let mut rest = split.into_iter();
    while let Some(mut part) = rest.next() {
        if !part.starts_with('[') || part.ends_with(']') {
            parts.push(part);
            continue;
        }
        for next in rest.by_ref() {
            part.push('.');
            part += &next;
            if next.ends_with(']') {
                break;
            }
        }
        parts.push(if part.contains('=') { part } else { part.trim_matches(['[', ']']).to_owned() });
    }
    parts
}

/// Splits `path` at every `separator` without a backslash before it. One at the start counts for nothing.
fn split(path: &str, separator: char) -> Vec<String> {
    let path = path.strip_prefix(separator).unwrap_or(path);
    let mut parts: Vec<String> = Vec::new();
    for part in path.split(separator) {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(separator);
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    parts
}

/// A part of a path.
enum Part<'a> {
    Index(usize),
    Every,
    /// Items with a field, or, where the name is empty, items themselves.
    Item(&'a str, &'a str),
    Field(&'a str),
}

impl<'a> Part<'a> {
    fn read(part: &'a str) -> Result<Self, String> {
        if let Ok(index) = part.parse() {
            return Ok(Self::Index(index));
        }
        if part == "*" {
            return Ok(Self::Every);
        }
        match part.strip_prefix('[').and_then(|part| part.strip_suffix(']')) {
            None => Ok(Self::Field(part)),
            Some(item) => item.split_once('=').map(|(name, value)| Self::Item(name, value)).ok_or_else(|| {
                format!("{part:?}: a list path element must contain fieldName=fieldValue for element to match")
            }),
        }
    }
}

/// The value at `path`; `None` where nothing is. List items are found by the whole value.
pub(crate) fn get<'a>(mut value: &'a Value, path: &[String]) -> Result<Option<&'a Value>, String> {
    for part in path.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        let found = match Part::read(part)? {
            _ if part == "-" => list(value)?.last(),
            Part::Index(index) => list(value)?.get(index),
            Part::Every => return Err("a wildcard is not supported here".into()),
            Part::Item("", wanted) => list(value)?.iter().find(|item| scalar::text(item) == wanted),
            Part::Item(name, wanted) => {
                let fits = |item: &&Value| item.get(name).is_some_and(|found| scalar::text(found) == wanted);
                list(value)?.iter().find(fits)
            }
            Part::Field(name) => match value {
                Value::Object(map) => map.get(name),
                Value::Null => None,
                _ => return Err(format!("wrong node kind at {name:?}: expected a mapping")),
            },
        };
        match found {
            Some(found) => value = found,
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}

fn list(value: &Value) -> Result<&[Value], String> {
    match value {
        Value::Array(items) => Ok(items),
        Value::Null => Ok(&[]),
        _ => Err("wrong node kind: expected a list".into()),
    }
}

/// A field that a path led to.
pub(crate) struct Place<'a> {
    pub(crate) value: &'a mut Value,
    /// It was just made, and is no more than a place.
    pub(crate) made: bool,
    /// The way to it, as RFC 6901 writes it.
    pub(crate) pointer: &'a str,
}

/// The most parts of a path along which fields are made.
const MAX_PARTS: usize = 100;

type Set<'a> = dyn FnMut(Place<'_>) -> Result<(), String> + 'a;

/// Calls `set` on every field that `path` leads to, and makes those that are missing if `create`. Returns how many
/// there were. List items are found by a regular expression that matches anywhere in the value.
pub(crate) fn set_all(
    value: &mut Value,
    path: &[String],
    create: bool,
    budget: &Budget,
    set: &mut Set<'_>,
) -> Result<usize, String> {
    if path.len() > MAX_PARTS {
        return Err(format!("the path has more than {MAX_PARTS} parts"));
    }
    Walk { create, budget, pointer: String::new(), set }.walk(value, path, false)
}

/// A walk to the fields of a path.
struct Walk<'a, 'b> {
    create: bool,
    /// What patterns are charged to.
    budget: &'a Budget,
    /// The way so far.
    pointer: String,
    set: &'a mut Set<'b>,
}

impl Walk<'_, '_> {
    fn walk(&mut self, value: &mut Value, path: &[String], made: bool) -> Result<usize, String> {
        let Some((part, rest)) = path.split_first() else {
            (self.set)(Place { value, made, pointer: &self.pointer })?;
            return Ok(1);
        };
        let part = Part::read(part)?;
        // What is made below a null is lost: it stays one.
        let mut lost = match part {
            Part::Field(_) => Value::Object(Map::new()),
            _ => Value::Array(Vec::new()),
        };
        let value = if value.is_null() { &mut lost } else { value };
        match part {
            Part::Index(index) => {
                let items = items_mut(value)?;
                let made = self.create && items.len() == index;
                if made {
                    items.push(blank(rest));
                }
                let count = items.len();
                let Some(item) = items.get_mut(index) else {
                    return Err(format!("index {index} specified but only {count} elements found"));
                };
                self.into(&index.to_string(), item, rest, made)
            }
            Part::Every => {
                let items = items_mut(value)?.iter_mut().enumerate();
                items.map(|(at, item)| self.into(&at.to_string(), item, rest, false)).sum()
            }
            Part::Item(name, pattern) => self.items(items_mut(value)?, (name, pattern), rest),
            Part::Field(name) => {
                let Value::Object(map) = value else {
                    return Err(format!("wrong node kind at {name:?}: expected a mapping"));
                };
                let token = name.replace('~', "~0").replace('/', "~1");
                if let Some(field) = map.get_mut(name) {
                    return self.into(&token, field, rest, false);
                }
                if !self.create {
                    return Ok(0);
                }
                // A field is made with the name as it stands: `true` is none.
                if scalar::plain(name) != name {
                    return Err(format!("the name {name:?} of a field that is to be made reads as no text"));
                }
                self.into(&token, map.entry(name).or_insert_with(|| blank(rest)), rest, true)
            }
        }
    }

    /// Goes on at `value`, which stands at `token`.
    fn into(&mut self, token: &str, value: &mut Value, rest: &[String], made: bool) -> Result<usize, String> {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(token);
        let found = self.walk(value, rest, made);
        self.pointer.truncate(length);
        found
    }

    fn items(
        &mut self,
        items: &mut Vec<Value>,
        (name, pattern): (&str, &str),
        rest: &[String],
    ) -> Result<usize, String> {
        let regex = Pattern::anywhere(pattern, self.budget).map_err(|fault| match fault {
            Fault::Invalid => format!("{pattern:?} is no regular expression"),
            Fault::TooMuch(why) => why,
        })?;
        // What stands behind an item that is found by its own value is not looked at.
        let rest = if name.is_empty() { &[] } else { rest };
        let mut count = 0;
        for (at, item) in items.iter_mut().enumerate() {
            let text = match name {
                "" => Cow::Owned(scalar::text(item).trim().to_owned()),
                name => match item.get(name) {
                    Some(field) => scalar::text(field),
                    None => continue,
                },
            };
            if regex.is_match(text.trim()) {
                count += self.into(&at.to_string(), item, rest, false)?;
            }
        }
        if count > 0 || !self.create {
            return Ok(count);
        }
        let value = scalar::plain(pattern);
        items.push(if name.is_empty() { value } else { Value::Object(Map::from_iter([(name.to_owned(), value)])) });
        let token = (items.len() - 1).to_string();
        items.last_mut().map_or(Ok(0), |item| self.into(&token, item, rest, true))
    }
}

/// What is made for the rest of a path to go on.
fn blank(rest: &[String]) -> Value {
    match rest.first().map(|part| Part::read(part)) {
        Some(Ok(Part::Index(_) | Part::Item(..))) => Value::Array(Vec::new()),
        Some(_) => Value::Object(Map::new()),
        None => Value::Null,
    }
}

fn items_mut(value: &mut Value) -> Result<&mut Vec<Value>, String> {
    match value {
        Value::Array(items) => Ok(items),
        _ => Err("wrong node kind: expected a list".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_taken_apart_at_dots_that_are_not_escaped() {
        assert_eq!(parts("a.b.0.*"), ["a", "b", "0", "*"]);
        assert_eq!(parts(r"metadata.annotations.x\.y/z"), ["metadata", "annotations", "x.y/z"]);
        assert_eq!(parts("a.[name=x.y.z].image"), ["a", "[name=x.y.z]", "image"]);
        assert_eq!(parts("metadata.annotations.[x.y/z]"), ["metadata", "annotations", "x.y/z"]);
        assert_eq!(parts(".a"), ["a"]);
    }

    #[test]
    fn fields_are_found_and_made() {
        let mut object = json!({"a": [{"name": "xy", "v": 1}, {"name": "z", "v": 2}]});
        let set = |object: &mut Value, path: &str, create: bool| {
            set_all(object, &parts(path), create, &Budget::new(1 << 20), &mut |place| {
                *place.value = "new".into();
                Ok(())
            })
        };
        assert_eq!(set(&mut object, "a.[name=x].v", false), Ok(1));
        assert_eq!(set(&mut object, "a.*.w", false), Ok(0));
        assert_eq!(set(&mut object, "a.[name=q].v", true), Ok(1));
        assert_eq!(set(&mut object, "b.c.0.d", true), Ok(1));
        let expected = json!({
            "a": [{"name": "xy", "v": "new"}, {"name": "z", "v": 2}, {"name": "q", "v": "new"}],
            "b": {"c": [{"d": "new"}]},
        });
        assert_eq!(object, expected);
        assert!(set(&mut object, "a.7", false).is_err());
        assert!(set(&mut object, "a.b", false).is_err());
        assert_eq!(get(&object, &parts("a.[name=z].v")), Ok(Some(&json!(2))));
        assert_eq!(get(&object, &parts("a.-.name")), Ok(Some(&json!("q"))));
    }
}
