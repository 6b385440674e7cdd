//! Functions that tell what is empty from what is not.

use cowherd_template::{Function, Type, Value};

use crate::functions::Context;
use crate::functions::call::arguments::{Call, Outcome, any};

pub(in crate::functions) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::variadic("default", &[Type::Any], Type::Any, default),
        Function::new("empty", &[Type::Any], |_, given| Ok(Value::Bool(!any(given, 0).is_true()))),
        Function::variadic("coalesce", &[], Type::Any, |_, given| {
            Ok(given.iter().find(|value| value.is_true()).cloned().unwrap_or_default())
        }),
        Function::variadic("all", &[], Type::Any, |_, given| Ok(Value::Bool(given.iter().all(Value::is_true)))),
        Function::variadic("any", &[], Type::Any, |_, given| Ok(Value::Bool(given.iter().any(Value::is_true)))),
        Function::new("ternary", &[Type::Any, Type::Any, Type::Bool], |_, given| {
            Ok(any(given, if any(given, 2).is_true() { 0 } else { 1 }).clone())
        }),
    ]
    .into_iter()
}

fn default(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let given = any(arguments, 1);
    Ok(if given.is_true() { given.clone() } else { any(arguments, 0).clone() })
}
