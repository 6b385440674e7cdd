//! Lists as sets: `ext.Sets`.

use super::{Function, Overload, Sig, contains, function, global};
use crate::meter::Meter;
use crate::result::{Fault, Outcome};
use crate::value::{List, Value};

const TWO: &[Overload] = &[global(&[Sig::ListA, Sig::ListA], Sig::Bool)];

pub(super) const FUNCTIONS: &[Function] = &[
    function("sets.contains", TWO, |meter, arguments| {
        let (all, some) = two(arguments)?;
        Ok(Value::Bool(holds_all(meter, all, some)?))
    }),
    function("sets.equivalent", TWO, |meter, arguments| {
        let (one, other) = two(arguments)?;
        Ok(Value::Bool(holds_all(meter, one, other)? && holds_all(meter, other, one)?))
    }),
    function("sets.intersects", TWO, |meter, arguments| {
        let (one, _) = two(arguments)?;
        let [_, other] = arguments else { return Err(Fault::no_overload()) };
        for element in one.iter() {
            if contains(meter, &element, other)? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }),
];

fn two<'v, 'a>(arguments: &'v [Value<'a>]) -> Outcome<(&'v List<'a>, &'v List<'a>)> {
    match arguments {
        [Value::List(one), Value::List(other)] => Ok((one, other)),
        _ => Err(Fault::no_overload()),
    }
}

fn holds_all<'a>(meter: &mut Meter, all: &List<'a>, some: &List<'a>) -> Outcome<bool> {
    let all = Value::List(all.clone());
    for element in some.iter() {
        if !contains(meter, &element, &all)? {
            return Ok(false);
        }
    }
    Ok(true)
}
