//! Objects and strategic merge patches, made up.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::shapes::{Field, Kind, Shape};
use crate::histories::{History, Step};

const STRATEGIC: &str = "strategic-merge-patch+json";

/// How many of a hundred patches say a directive at a place where one may stand.
const DIRECTIVES: u8 = 12;
/// How many of a hundred values are of another type than they should be.
const WRONG: u8 = 1;

fn of_hundred(chance: &mut Rng, count: u8) -> bool {
    chance.u8(..100) < count
}

fn some<T: Clone>(chance: &mut Rng, all: &[T]) -> Vec<T> {
    let mut all = all.to_vec();
    chance.shuffle(&mut all);
    all.truncate(chance.usize(..=all.len()));
    all
}

fn any(chance: &mut Rng, values: &[Value]) -> Value {
    chance.choice(values).cloned().unwrap_or_default()
}

fn texts(chance: &mut Rng) -> Map<String, Value> {
    let names = some(chance, &["a", "b", "c"]);
    names.into_iter().map(|name| (name.to_owned(), any(chance, &["1".into(), "2".into()]))).collect()
}

/// A value that an object may have.
fn whole(chance: &mut Rng, shape: &Shape) -> Value {
    match shape {
        Shape::One(values) => any(chance, values),
        Shape::Texts => texts(chance).into(),
        Shape::Several(values) => some(chance, values).into(),
        Shape::Map(fields) => whole_map(chance, fields).into(),
        Shape::Items { key, keys, fields } => {
            let mut keys = some(chance, keys).into_iter().chain(keys.first().cloned()).collect::<Vec<_>>();
            if keys.iter().filter(|key| Some(*key) == keys.last()).count() > 1 {
                keys.pop();
            }
            let item = |name: Value| {
                let mut item = whole_map(chance, fields);
                item.insert((*key).to_owned(), name);
                Value::from(item)
            };
            keys.into_iter().map(item).collect()
        }
    }
}

fn whole_map(chance: &mut Rng, fields: &[Field]) -> Map<String, Value> {
    let mut map = Map::new();
    for field in fields {
        if field.required || of_hundred(chance, 40) {
            map.insert(field.name.to_owned(), whole(chance, &field.shape));
        }
    }
    map
}

/// A value of a patch of what is `live`.
fn change(chance: &mut Rng, shape: &Shape, live: &Value) -> Value {
    if of_hundred(chance, WRONG) {
        return any(
            chance,
            &[json!(1), json!("text"), json!([]), json!({}), json!([1, "a"]), json!([null]), json!([{}])],
        );
    }
    match shape {
        Shape::One(_) | Shape::Several(_) => whole(chance, shape),
        Shape::Texts => {
            let mut map = texts(chance);
            if of_hundred(chance, 30) {
                map.insert("a".to_owned(), Value::Null);
            }
            directives(chance, &mut map, &[], live);
            map.into()
        }
        Shape::Map(fields) => change_map(chance, fields, live, 35).into(),
        Shape::Items { key, keys, fields } => {
            let mut items = Vec::new();
            for name in some(chance, keys) {
                let is_it = |item: &&Value| item[*key] == name;
                let found = live.as_array().and_then(|live| live.iter().find(is_it)).cloned();
                let mut item = match &found {
                    // What is new mostly is whole.
                    None if of_hundred(chance, 80) => whole_map(chance, fields),
                    _ => change_map(chance, fields, &found.clone().unwrap_or_default(), 35),
                };
                match chance.u8(..60) {
                    0 => drop(item.insert("$patch".to_owned(), "replace".into())),
                    1 => drop(item.insert("$patch".to_owned(), any(chance, &["merge".into(), "odd".into(), json!(1)]))),
                    2..12 => item = [("$patch".to_owned(), "delete".into())].into_iter().collect(),
                    _ => {}
                }
                if !of_hundred(chance, 2) {
                    item.insert((*key).to_owned(), name);
                }
                items.push(item.into());
                if of_hundred(chance, 2) {
                    items.extend(items.last().cloned());
                }
            }
            if of_hundred(chance, 2) {
                items.push(json!({ "$patch": "replace" }));
            }
            items.into()
        }
    }
}

fn change_map(chance: &mut Rng, fields: &[Field], live: &Value, fields_of_hundred: u8) -> Map<String, Value> {
    let mut map = Map::new();
    for field in fields {
        if !of_hundred(chance, fields_of_hundred) {
            continue;
        }
        let value = match of_hundred(chance, 12) && !field.required {
            true => Value::Null,
            false => change(chance, &field.shape, &live[field.name]),
        };
        map.insert(field.name.to_owned(), value);
    }
    directives(chance, &mut map, fields, live);
    map
}

/// Says what to do with a map beside its fields.
fn directives(chance: &mut Rng, map: &mut Map<String, Value>, fields: &[Field], live: &Value) {
    for field in fields {
        match &field.shape {
            Shape::Items { .. } | Shape::Several(_) if of_hundred(chance, 3 * DIRECTIVES) => {
                let order = order(chance, &field.shape, map.get(field.name), &live[field.name]);
                map.insert(format!("$setElementOrder/{}", field.name), order);
            }
            _ => {}
        }
        let deleted = match &field.shape {
            Shape::Several(values) if of_hundred(chance, 2 * DIRECTIVES) => some(chance, values).into(),
            Shape::Items { keys, .. } if of_hundred(chance, 1) => some(chance, keys).into(),
            Shape::One(_) | Shape::Map(_) if of_hundred(chance, 1) => any(chance, &[Value::Null, json!(["a"])]),
            _ => continue,
        };
        map.insert(format!("$deleteFromPrimitiveList/{}", field.name), deleted);
    }
    if of_hundred(chance, DIRECTIVES) {
        let mut names: Vec<String> = map.keys().filter(|name| !name.starts_with('$')).cloned().collect();
        let others: Vec<String> = live.as_object().into_iter().flat_map(|live| live.keys().cloned()).collect();
        names.extend(some(chance, &others));
        if of_hundred(chance, 10) {
            names = some(chance, &names);
        }
        let names =
            if of_hundred(chance, 4) { any(chance, &[json!("a"), Value::Null, json!([1])]) } else { names.into() };
        map.insert("$retainKeys".to_owned(), names);
    }
    if of_hundred(chance, 2) {
        let words = ["replace", "delete", "merge", "odd"].map(Value::from);
        let word = if of_hundred(chance, 10) { json!(1) } else { any(chance, &words) };
        map.insert("$patch".to_owned(), word);
    }
}

/// An order for a list that is patched, mostly one that fits.
fn order(chance: &mut Rng, shape: &Shape, patched: Option<&Value>, live: &Value) -> Value {
    if of_hundred(chance, 2) {
        return any(chance, &[Value::Null, json!("a"), json!([1, "a"]), json!([{}]), json!([null]), json!([[]])]);
    }
    let name = |item: &Value| match shape {
        Shape::Items { key, .. } => json!({ *key: item[*key] }),
        _ => item.clone(),
    };
    let items = |value: &Value| value.as_array().into_iter().flatten().map(name).collect::<Vec<Value>>();
    let mut order = patched.map(items).unwrap_or_default();
    for other in items(live) {
        if !order.contains(&other) && of_hundred(chance, 70) {
            order.insert(chance.usize(..=order.len()), other);
        }
    }
    if of_hundred(chance, 5) {
        chance.shuffle(&mut order);
    }
    if of_hundred(chance, 5) {
        order.pop();
    }
    order.into()
}

/// Puts what is fixed into an object, beside what was made up.
fn with(object: &mut Value, fixed: &Value) {
    match (object, fixed) {
        (Value::Object(map), Value::Object(fixed)) => {
            for (name, value) in fixed {
                with(map.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (object, fixed) => *object = fixed.clone(),
    }
}

/// An object is made and patched some times.
pub fn history(chance: &mut Rng, number: usize, kinds: &[Kind]) -> History {
    let kind = &kinds[number % kinds.len()];
    let mut object: Value = whole_map(chance, &kind.fields).into();
    with(&mut object, &kind.fixed);
    let name = format!("patched-{:08x}", chance.u32(..));
    object["metadata"]["name"] = name.as_str().into();
    // What is thought to be there; what a server makes of it may be something else.
    let live = object.clone();
    let mut steps = vec![Step::new("POST", format!("{}?fieldManager=maker", kind.path), object)];
    for _ in 0..chance.usize(1..4) {
        let (part, fields) = match of_hundred(chance, 30) && !kind.status.is_empty() {
            true => ("/status", &kind.status),
            false => ("", &kind.fields),
        };
        let patch = change_map(chance, fields, &live, 70).into();
        let uri = format!("{}/{name}{part}?fieldManager=patcher", kind.path);
        steps.push(Step::patch(STRATEGIC, uri, patch));
    }
    History::new(steps)
}
