//! Functions on the types of values.

use cowherd_template::{Function, Type, Value};

use crate::functions::Context;
use crate::functions::call::arguments::{any, string};
use crate::functions::inspection::equality::deep_equal;

const TWO: &[Type] = &[Type::String, Type::Any];

pub(in crate::functions) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::new("typeOf", &[Type::Any], |_, given| Ok(Value::from(any(given, 0).type_name()))),
        Function::new("typeIs", TWO, |_, given| Ok(Value::Bool(string(given, 0) == any(given, 1).type_name()))),
        Function::new("typeIsLike", TWO, |_, given| {
            let (wanted, name) = (string(given, 0), any(given, 1).type_name());
            Ok(Value::Bool(name == wanted || name.strip_prefix('*') == Some(&*wanted)))
        }),
        Function::new("kindOf", &[Type::Any], |_, given| Ok(Value::from(any(given, 0).kind().name()))),
        Function::new("kindIs", TWO, |_, given| Ok(Value::Bool(string(given, 0) == any(given, 1).kind().name()))),
        Function::new("deepEqual", &[Type::Any, Type::Any], |call, given| {
            deep_equal(call, any(given, 0), any(given, 1)).map(Value::Bool)
        }),
    ]
    .into_iter()
}
