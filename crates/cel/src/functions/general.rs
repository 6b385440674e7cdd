//! What holds and measures: `size`, `contains`, `matches`, and the operator `in`.

use super::{Function, Sig, function, global, member, text};
use crate::meter::Meter;
use crate::pattern::Pattern;
use crate::result::{Fault, Outcome};
use crate::value::{Value, equal};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "size",
        &[
            global(&[Sig::Bytes], Sig::Int),
            member(&[Sig::Bytes], Sig::Int),
            global(&[Sig::ListA], Sig::Int),
            member(&[Sig::ListA], Sig::Int),
            global(&[Sig::MapAB], Sig::Int),
            member(&[Sig::MapAB], Sig::Int),
            global(&[Sig::Text], Sig::Int),
            member(&[Sig::Text], Sig::Int),
        ],
        |meter, arguments| {
            let size = match arguments {
                [Value::Text(text)] => {
                    meter.spend_bytes(text.len())?;
                    text.chars().count()
                }
                [Value::Bytes(bytes)] => bytes.len(),
                [Value::List(list)] => list.len(),
                [Value::Map(map)] => map.len(),
                _ => return Err(Fault::no_overload()),
            };
            Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
        },
    ),
    function("contains", &[member(&[Sig::Text, Sig::Text], Sig::Bool)], |meter, arguments| {
        compared(meter, arguments, |text, part| text.contains(part))
    }),
    function("startsWith", &[member(&[Sig::Text, Sig::Text], Sig::Bool)], |meter, arguments| {
        compared(meter, arguments, |text, part| text.starts_with(part))
    }),
    function("endsWith", &[member(&[Sig::Text, Sig::Text], Sig::Bool)], |meter, arguments| {
        compared(meter, arguments, |text, part| text.ends_with(part))
    }),
    function(
        "matches",
        &[global(&[Sig::Text, Sig::Text], Sig::Bool), member(&[Sig::Text, Sig::Text], Sig::Bool)],
        |meter, arguments| {
            let [subject, source] = arguments else { return Err(Fault::no_overload()) };
            let (subject, source) = (text(subject)?, text(source)?);
            meter.spend(Pattern::cost_to_compile(source))?;
            let pattern = Pattern::compile(source).map_err(Fault::error)?;
            matches(meter, &pattern, subject)
        },
    ),
];

fn compared<'a>(meter: &mut Meter, arguments: &[Value<'a>], holds: fn(&str, &str) -> bool) -> Outcome<Value<'a>> {
    let [subject, part] = arguments else { return Err(Fault::no_overload()) };
    let (subject, part) = (text(subject)?, text(part)?);
    meter.spend_bytes(subject.len() + part.len())?;
    Ok(Value::Bool(holds(subject, part)))
}

/// Whether a text has a match.
pub(crate) fn matches<'a>(meter: &mut Meter, pattern: &Pattern, text: &str) -> Outcome<Value<'a>> {
    meter.spend(pattern.cost_to_match(text))?;
    Ok(Value::Bool(pattern.is_match(text)))
}

/// Whether something is an element of a list, or a key of a map.
pub(crate) fn contains<'a>(meter: &mut Meter, element: &Value<'a>, all: &Value<'a>) -> Outcome<bool> {
    match all {
        Value::List(list) => {
            for other in list.iter() {
                if equal(element, &other, meter)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::Map(map) => {
            meter.spend(1)?;
            Ok(map.get(element).is_some())
        }
        _ => Err(Fault::no_overload()),
    }
}
