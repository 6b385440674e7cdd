//! Functions on lists.

pub(super) mod slices;

use std::collections::HashSet;

use cowherd_template::{Fault, Function, List, Text, Type, Value};

use crate::functions::Context;
use crate::functions::call::arguments::{Call, NIL_POINTER, Outcome, any, int, rest};
use crate::functions::call::limits::check_items;
use crate::functions::inspection::equality::deep_equal;
use crate::functions::math::conversion::to_int64;
use slices::{items, list_or_nil, nil};

const ONE: &[Type] = &[Type::Any];
const TWO: &[Type] = &[Type::Any, Type::Any];

pub(super) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::variadic("list", &[], Type::Any, list),
        Function::variadic("tuple", &[], Type::Any, list),
        Function::new("append", TWO, append),
        Function::new("mustAppend", TWO, append),
        Function::new("push", TWO, append),
        Function::new("mustPush", TWO, append),
        Function::new("prepend", TWO, prepend),
        Function::new("mustPrepend", TWO, prepend),
        Function::new("first", ONE, first),
        Function::new("mustFirst", ONE, first),
        Function::new("rest", ONE, all_but_first),
        Function::new("mustRest", ONE, all_but_first),
        Function::new("last", ONE, last),
        Function::new("mustLast", ONE, last),
        Function::new("initial", ONE, initial),
        Function::new("mustInitial", ONE, initial),
        Function::new("reverse", ONE, reverse),
        Function::new("mustReverse", ONE, reverse),
        Function::new("compact", ONE, compact),
        Function::new("mustCompact", ONE, compact),
        Function::new("uniq", ONE, uniq),
        Function::new("mustUniq", ONE, uniq),
        Function::variadic("without", ONE, Type::Any, without),
        Function::variadic("mustWithout", ONE, Type::Any, without),
        Function::new("has", TWO, has),
        Function::new("mustHas", TWO, has),
        Function::variadic("slice", ONE, Type::Any, slice),
        Function::variadic("mustSlice", ONE, Type::Any, slice),
        Function::variadic("concat", &[], Type::Any, concat),
        Function::new("chunk", &[Type::Int, Type::Any], chunk),
        Function::new("mustChunk", &[Type::Int, Type::Any], chunk),
    ]
    .into_iter()
}

fn list(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    Ok(Value::list(arguments.to_vec()))
}

fn append(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let mut items = items(any(arguments, 0), "Cannot push on type")?;
    check_items(items.len() + 1)?;
    items.push(any(arguments, 1).clone());
    Ok(Value::list(items))
}

fn prepend(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let items = items(any(arguments, 0), "Cannot prepend on type")?;
    check_items(items.len() + 1)?;
    Ok(Value::list(std::iter::once(any(arguments, 1).clone()).chain(items)))
}

fn first(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    if let Value::List(list) = any(arguments, 0) {
        return Ok(list.first().cloned().unwrap_or_default());
    }
    let items = items(any(arguments, 0), "Cannot find first on type")?;
    Ok(items.into_iter().next().unwrap_or_default())
}

fn last(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    if let Value::List(list) = any(arguments, 0) {
        return Ok(list.last().cloned().unwrap_or_default());
    }
    Ok(items(any(arguments, 0), "Cannot find last on type")?.pop().unwrap_or_default())
}

fn all_but_first(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let items = items(any(arguments, 0), "Cannot find rest on type")?;
    Ok(if items.is_empty() { nil("interface {}") } else { Value::list(items.into_iter().skip(1)) })
}

fn initial(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let mut items = items(any(arguments, 0), "Cannot find initial on type")?;
    Ok(if items.pop().is_none() { nil("interface {}") } else { Value::list(items) })
}

fn reverse(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    Ok(Value::list(items(any(arguments, 0), "Cannot find reverse on type")?.into_iter().rev()))
}

fn compact(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let items = items(any(arguments, 0), "Cannot compact on type")?;
    Ok(Value::list(items.into_iter().filter(Value::is_true)))
}

/// A value that can be looked up among others, where many are compared.
#[derive(PartialEq, Eq, Hash)]
enum Simple {
    Bool(bool),
    Int(i64),
    Int64(i64),
    Text(Box<[u8]>),
}

fn simple(value: &Value) -> Option<Simple> {
    Some(match value {
        Value::Bool(value) => Simple::Bool(*value),
        Value::Int(number) => Simple::Int(*number),
        Value::Int64(number) => Simple::Int64(*number),
        Value::String(text) => Simple::Text(text.as_bytes().into()),
        _ => return None,
    })
}

/// How many values that have to be compared one by one a list may have.
const MAX_COMPARED: usize = 10_000;

fn uniq(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let mut seen = HashSet::new();
    let mut compared: Vec<Value> = Vec::new();
    let mut kept = Vec::new();
    for item in items(any(arguments, 0), "Cannot find uniq on type")? {
        let is_new = match simple(&item) {
            Some(simple) => seen.insert(simple),
            None => {
                let is_new = !contains(call, &compared, &item)?;
                if is_new {
                    compared.push(item.clone());
                }
                is_new
            }
        };
        if compared.len() > MAX_COMPARED {
            return Err(Fault::Message(format!(
                "uniq compares at most {MAX_COMPARED} different maps, lists and floats"
            )));
        }
        if is_new {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

fn contains(call: &mut Call<'_, '_>, items: &[Value], wanted: &Value) -> Result<bool, Fault> {
    for item in items {
        if deep_equal(call, wanted, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn without(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let mut kept = Vec::new();
    for item in items(any(arguments, 0), "Cannot find without on type")? {
        if !contains(call, rest(arguments, 1), &item)? {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

fn has(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let (needle, haystack) = (any(arguments, 0), any(arguments, 1));
    Ok(Value::Bool(match haystack {
        Value::Nil => false,
        Value::List(list) => contains(call, list, needle)?,
        other => contains(call, &items(other, "Cannot find has on type")?, needle)?,
    }))
}

fn slice(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let value = any(arguments, 0);
    let all = items(value, "list should be type of slice or array but")?;
    if all.is_empty() {
        return Ok(Value::Nil);
    }
    let bound = |at: usize, otherwise: usize| match arguments.get(at) {
        Some(index) => usize::try_from(to_int64(index)).ok(),
        None => Some(otherwise),
    };
    let bounds = bound(1, 0).zip(bound(2, all.len()));
    let part = bounds.and_then(|(from, to)| all.get(from..to));
    let part = part.ok_or("reflect.Value.Slice: slice index out of bounds")?;
    Ok(match value {
        Value::Bytes(bytes) => {
            let (from, to) = bounds.unwrap_or_default();
            Value::Bytes(bytes.get(from..to).unwrap_or_default().into())
        }
        Value::List(list) => Value::List(List::of(list.element_type(), part.iter().cloned())),
        _ => Value::List(List::strings(part.iter().filter_map(Value::as_text).map(Text::clone))),
    })
}

fn concat(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let mut all = Vec::new();
    for list in arguments {
        if list.is_nil() {
            return Err(NIL_POINTER.into());
        }
        match list {
            Value::List(list) => all.extend_from_slice(list),
            other => match items(other, "") {
                Ok(items) => all.extend(items),
                Err(_) => return Err(Fault::Message(format!("Cannot concat type {} as list", other.kind().name()))),
            },
        }
        check_items(all.len())?;
    }
    Ok(list_or_nil(all))
}

fn chunk(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let items = items(any(arguments, 1), "Cannot chunk type")?;
    let size = int(arguments, 0);
    let chunks = match usize::try_from(size) {
        Ok(size) if size > 0 => items.chunks(size).map(|chunk| Value::list(chunk.iter().cloned())).collect(),
        // Go finds that it needs no chunks where the list is not longer than a size below zero, and fails otherwise.
        Err(_) if (2..=size.unsigned_abs().saturating_add(1)).contains(&(items.len() as u64)) => Vec::new(),
        _ => return Err("runtime error: makeslice: len out of range".into()),
    };
    Ok(Value::List(List::of("[]interface {}", chunks)))
}
