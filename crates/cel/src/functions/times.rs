//! Parts of timestamps and durations.

use super::{Function, Overload, Run, Sig, function, member, text};
use crate::meter::Meter;
use crate::result::{Fault, Outcome};
use crate::time::Part;
use crate::value::Value;

const OF_A_DAY: &[Overload] = &[
    member(&[Sig::Timestamp], Sig::Int),
    member(&[Sig::Timestamp, Sig::Text], Sig::Int),
    member(&[Sig::Duration], Sig::Int),
];

const OF_A_DATE: &[Overload] = &[member(&[Sig::Timestamp], Sig::Int), member(&[Sig::Timestamp, Sig::Text], Sig::Int)];

pub(super) const FUNCTIONS: &[Function] = &[
    of_a_date("getFullYear", |meter, arguments| part(meter, arguments, Part::Year)),
    of_a_date("getMonth", |meter, arguments| part(meter, arguments, Part::Month)),
    of_a_date("getDayOfYear", |meter, arguments| part(meter, arguments, Part::DayOfYear)),
    of_a_date("getDayOfMonth", |meter, arguments| part(meter, arguments, Part::DayOfMonth)),
    of_a_date("getDate", |meter, arguments| part(meter, arguments, Part::Date)),
    of_a_date("getDayOfWeek", |meter, arguments| part(meter, arguments, Part::DayOfWeek)),
    function("getHours", OF_A_DAY, |meter, arguments| part(meter, arguments, Part::Hours)),
    function("getMinutes", OF_A_DAY, |meter, arguments| part(meter, arguments, Part::Minutes)),
    function("getSeconds", OF_A_DAY, |meter, arguments| part(meter, arguments, Part::Seconds)),
    function("getMilliseconds", OF_A_DAY, |meter, arguments| part(meter, arguments, Part::Milliseconds)),
];

const fn of_a_date(name: &'static str, run: Run) -> Function {
    function(name, OF_A_DATE, run)
}

/// What it costs to look up a time zone.
const ZONE: usize = 50;

fn part<'a>(meter: &mut Meter, arguments: &[Value<'a>], part: Part) -> Outcome<Value<'a>> {
    let number = match arguments {
        [Value::Timestamp(timestamp)] => timestamp.part(part, None)?,
        [Value::Timestamp(timestamp), zone] => {
            meter.spend(ZONE)?;
            timestamp.part(part, Some(text(zone)?))?
        }
        [Value::Duration(duration)] => duration.part(part).ok_or_else(Fault::no_overload)?,
        _ => return Err(Fault::no_overload()),
    };
    Ok(Value::Int(number))
}
