//! Optional values.

use super::{Function, Overload, Run, Sig, function, global, member};
use crate::meter::Meter;
use crate::result::{Fault, Outcome};
use crate::value::Value;

const OF: &[Overload] = &[global(&[Sig::A], Sig::OptA)];

pub(super) const FUNCTIONS: &[Function] = &[
    function("optional.of", OF, |_, arguments| match arguments {
        [value] => Ok(Value::some(value.clone())),
        _ => Err(Fault::no_overload()),
    }),
    function("optional.ofNonZeroValue", OF, |_, arguments| match arguments {
        [value] if value.is_zero() => Ok(Value::Optional(None)),
        [value] => Ok(Value::some(value.clone())),
        _ => Err(Fault::no_overload()),
    }),
    function("optional.none", &[global(&[], Sig::OptA)], |_, arguments| match arguments {
        [] => Ok(Value::Optional(None)),
        _ => Err(Fault::no_overload()),
    }),
    function("value", &[member(&[Sig::OptA], Sig::A)], |_, arguments| match arguments {
        [Value::Optional(Some(value))] => Ok((**value).clone()),
        [Value::Optional(None)] => Err(Fault::error("optional.none() dereference")),
        _ => Err(Fault::no_overload()),
    }),
    function("hasValue", &[member(&[Sig::OptA], Sig::Bool)], |_, arguments| match arguments {
        [Value::Optional(value)] => Ok(Value::Bool(value.is_some())),
        _ => Err(Fault::no_overload()),
    }),
    // Their second argument is only looked at where it is needed: see `eval`.
    function("or", &[member(&[Sig::OptA, Sig::OptA], Sig::OptA)], |_, arguments| match arguments {
        [Value::Optional(None), other @ Value::Optional(_)] => Ok(other.clone()),
        _ => Err(Fault::no_overload()),
    }),
    function("orValue", &[member(&[Sig::OptA, Sig::A], Sig::A)], |_, arguments| match arguments {
        [Value::Optional(None), other] => Ok(other.clone()),
        _ => Err(Fault::no_overload()),
    }),
    function("first", &[member(&[Sig::ListA], Sig::OptA)], |_, arguments| at_end(arguments, |_| 0)),
    function("last", &[member(&[Sig::ListA], Sig::OptA)], |_, arguments| {
        at_end(arguments, |length| length.saturating_sub(1))
    }),
    function("optional.unwrap", &[global(&[Sig::ListOptA], Sig::ListA)], UNWRAP),
    function("unwrapOpt", &[member(&[Sig::ListOptA], Sig::ListA)], UNWRAP),
];

const UNWRAP: Run = |meter, arguments| unwrap(meter, arguments);

fn at_end<'a>(arguments: &[Value<'a>], place: fn(usize) -> usize) -> Outcome<Value<'a>> {
    let [Value::List(list)] = arguments else { return Err(Fault::no_overload()) };
    Ok(list.get(place(list.len())).map_or(Value::Optional(None), Value::some))
}

fn unwrap<'a>(meter: &mut Meter, arguments: &[Value<'a>]) -> Outcome<Value<'a>> {
    let [Value::List(list)] = arguments else { return Err(Fault::no_overload()) };
    meter.spend(list.len())?;
    let mut items = Vec::new();
    for value in list.iter() {
        match value {
            Value::Optional(Some(value)) => items.push((*value).clone()),
            Value::Optional(None) => {}
            other => return Err(Fault::error(format!("a value of the type {} is not optional", other.type_name()))),
        }
    }
    Ok(Value::list(items))
}
