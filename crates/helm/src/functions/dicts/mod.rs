//! Functions on maps. Those that change a map change it for all who hold it.

mod copy;
mod merge;

use std::sync::Arc;

use cowherd_template::{Fault, Function, List, Map, Type, Value};

use crate::functions::Context;
use crate::functions::call::arguments::{Call, Outcome, any, string, text_of};
use crate::functions::call::limits::check_items;
use merge::Overwrite;

const MAP: &[Type] = &[Type::Map];
const ENTRY: &[Type] = &[Type::Map, Type::String];

pub(super) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::variadic("dict", &[], Type::Any, dict),
        Function::new("get", ENTRY, get),
        Function::new("set", &[Type::Map, Type::String, Type::Any], set),
        Function::new("unset", ENTRY, unset),
        Function::new("hasKey", ENTRY, has_key),
        Function::variadic("pluck", &[Type::String], Type::Map, pluck),
        Function::variadic("keys", &[], Type::Map, keys),
        Function::new("values", MAP, values),
        Function::variadic("pick", MAP, Type::String, pick),
        Function::variadic("omit", MAP, Type::String, omit),
        Function::variadic("merge", MAP, Type::Map, |call, given| merged(call, given, Overwrite::Empty)),
        Function::variadic("mustMerge", MAP, Type::Map, |call, given| merged(call, given, Overwrite::Empty)),
        Function::variadic("mergeOverwrite", MAP, Type::Map, |call, given| merged(call, given, Overwrite::All)),
        Function::variadic("mustMergeOverwrite", MAP, Type::Map, |call, given| merged(call, given, Overwrite::All)),
        Function::variadic("dig", &[], Type::Any, dig),
        Function::new("deepCopy", &[Type::Any], |call, given| copy::deep(call, any(given, 0))),
        Function::new("mustDeepCopy", &[Type::Any], |call, given| copy::deep(call, any(given, 0))),
    ]
    .into_iter()
}

const TYPE: &str = "map[string]interface {}";

/// The map at a place, as the type that the parameter has; `None` for a nil map.
fn map(arguments: &[Value], at: usize) -> Option<Map> {
    match any(arguments, at) {
        Value::Map(map) if map.is_nil() => None,
        Value::Map(map) if map.type_name() == TYPE => Some(map.clone()),
        Value::Map(map) => Some(map.as_type(TYPE)),
        _ => None,
    }
}

fn key(arguments: &[Value], at: usize) -> Arc<str> {
    string(arguments, at).into()
}

fn dict(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let map = Map::new();
    for pair in arguments.chunks(2) {
        let value = pair.get(1).cloned().unwrap_or_else(|| Value::from(""));
        map.insert(text_of(any(pair, 0))?.to_shared(), value);
    }
    Ok(Value::Map(map))
}

fn get(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let value = map(arguments, 0).and_then(|map| map.get(&string(arguments, 1)));
    Ok(value.unwrap_or_else(|| Value::from("")))
}

fn set(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let map = map(arguments, 0).ok_or("assignment to entry in nil map")?;
    call.context().insert(&map, key(arguments, 1), any(arguments, 2).clone());
    check_items(map.len())?;
    Ok(Value::Map(map))
}

fn unset(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let map = map(arguments, 0).unwrap_or_default();
    map.remove(&string(arguments, 1));
    Ok(Value::Map(map))
}

fn has_key(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Bool(map(arguments, 0).is_some_and(|map| map.contains_key(&string(arguments, 1)))))
}

fn pluck(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let key = string(arguments, 0);
    let found = (1..arguments.len()).filter_map(|at| map(arguments, at)?.get(&key));
    Ok(Value::list(found))
}

/// In Go, keys come in random order; here they are sorted.
fn keys(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let all = (0..arguments.len()).filter_map(|at| map(arguments, at)).flat_map(|map| map.keys());
    Ok(Value::List(List::strings(all)))
}

fn values(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let entries = map(arguments, 0).unwrap_or_default().entries();
    Ok(Value::list(entries.into_iter().map(|(_, value)| value)))
}

fn pick(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let map = map(arguments, 0).unwrap_or_default();
    let wanted = (1..arguments.len()).map(|at| key(arguments, at));
    Ok(Value::Map(wanted.filter_map(|key| map.get(&key).map(|value| (key, value))).collect()))
}

fn omit(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let omitted: Vec<Arc<str>> = (1..arguments.len()).map(|at| key(arguments, at)).collect();
    let entries = map(arguments, 0).unwrap_or_default().entries();
    Ok(Value::Map(entries.into_iter().filter(|(key, _)| !omitted.contains(key)).collect()))
}

fn merged(call: &mut Call<'_, '_>, arguments: &[Value], overwrite: Overwrite) -> Outcome {
    let target = map(arguments, 0).unwrap_or_default();
    for source in (1..arguments.len()).filter_map(|at| map(arguments, at)) {
        merge::merge(call, &target, &source, overwrite, 0)?;
    }
    Ok(Value::Map(target))
}

fn dig(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let [path @ .., default, dict] = arguments else { return Err(TOO_FEW.into()) };
    if path.is_empty() {
        return Err(TOO_FEW.into());
    }
    let mut found = asserted_map(dict)?.clone();
    let mut keys = Vec::with_capacity(path.len());
    for key in path {
        match key {
            Value::String(key) => keys.push(key.to_str()),
            other => return Err(conversion(other, "string")),
        }
    }
    let last = keys.pop().unwrap_or_default();
    for key in keys {
        let Some(step) = found.get(&key) else { return Ok(default.clone()) };
        found = asserted_map(&step)?.clone();
    }
    Ok(found.get(&last).unwrap_or_else(|| default.clone()))
}

const TOO_FEW: &str = "dig needs at least three arguments";

fn asserted_map(value: &Value) -> Result<&Map, Fault> {
    match value {
        Value::Map(map) if map.type_name() == TYPE => Ok(map),
        other => Err(conversion(other, TYPE)),
    }
}

/// What Go's runtime says of a value that is not of the type that it is taken for.
fn conversion(value: &Value, wanted: &str) -> Fault {
    let found = if value.is_nil() { "nil".to_owned() } else { value.type_name() };
    Fault::Message(format!("interface conversion: interface {{}} is {found}, not {wanted}"))
}
