//! Go's layouts of dates: what January 2nd 2006, 3:04:05 PM, would look like.

use super::time::{Civil, Time};

pub(crate) const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(crate) const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The name of a month, counted from 1.
pub(crate) fn month(number: u32) -> &'static str {
    usize::try_from(number).ok().and_then(|number| MONTHS.get(number.checked_sub(1)?)).copied().unwrap_or_default()
}

/// The name of a day of the week, counted from Sunday, which is 0.
pub(crate) fn weekday(number: usize) -> &'static str {
    WEEKDAYS.get(number).copied().unwrap_or_default()
}

/// An element of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    LongMonth,
    Month,
    NumberMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
    /// A distance from UTC.
    Offset(Offset),
    /// A fraction of a second behind a separator: so many digits, with zeros at the end or without.
    Fraction {
        separator: char,
        digits: usize,
        with_zeros: bool,
    },
}

/// How a distance from UTC is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offset {
    /// Whether `Z` stands for none.
    pub(crate) with_z: bool,
    pub(crate) with_colons: bool,
    pub(crate) with_minutes: bool,
    pub(crate) with_seconds: bool,
}

/// Elements that always mean the same, longer ones first.
const FIXED: [(&str, Element); 19] = [
    ("January", Element::LongMonth),
    ("Monday", Element::LongWeekday),
    ("MST", Element::ZoneName),
    ("2006", Element::LongYear),
    ("002", Element::ZeroYearDay),
    ("__2", Element::UnderYearDay),
    ("01", Element::ZeroMonth),
    ("02", Element::ZeroDay),
    ("03", Element::ZeroHour12),
    ("04", Element::ZeroMinute),
    ("05", Element::ZeroSecond),
    ("06", Element::Year),
    ("15", Element::Hour),
    ("PM", Element::UpperPm),
    ("pm", Element::LowerPm),
    ("1", Element::NumberMonth),
    ("3", Element::Hour12),
    ("4", Element::Minute),
    ("5", Element::Second),
];

const OFFSETS: [(&str, bool, bool, bool); 5] = [
    ("070000", false, true, true),
    ("07:00:00", true, true, true),
    ("0700", false, true, false),
    ("07:00", true, true, false),
    ("07", false, false, false),
];

/// The literal text up to the first element of a layout, the element as it is written, what it is, and the rest.
pub(crate) fn next(layout: &str) -> Option<(&str, &str, Element, &str)> {
    for (at, _) in layout.char_indices() {
        let (before, rest) = layout.split_at(at);
        // The underscore in front of a year is none that pads a day.
        if rest.starts_with("_2006") {
            continue;
        }
        if let Some((size, element)) = element(rest) {
            let (written, after) = rest.split_at(size);
            return Some((before, written, element, after));
        }
    }
    None
}

/// The element at the start of a text, and its size.
fn element(text: &str) -> Option<(usize, Element)> {
    if let Some((written, element)) = FIXED.iter().find(|(written, _)| text.starts_with(written)) {
        return Some((written.len(), *element));
    }
    let continues = |size: usize| text.as_bytes().get(size).is_some_and(u8::is_ascii_lowercase);
    match text.as_bytes() {
        [b'J', b'a', b'n', ..] if !continues(3) => Some((3, Element::Month)),
        [b'M', b'o', b'n', ..] if !continues(3) => Some((3, Element::Weekday)),
        [b'_', b'2', ..] => Some((2, Element::UnderDay)),
        [b'2', ..] => Some((1, Element::Day)),
        [b'-' | b'Z', ..] => offset(text),
        [b'.' | b',', b'0' | b'9', ..] => fraction(text),
        _ => None,
    }
}

fn offset(text: &str) -> Option<(usize, Element)> {
    let rest = text.get(1..)?;
    let (written, with_colons, with_minutes, with_seconds) =
        OFFSETS.into_iter().find(|(written, ..)| rest.starts_with(written))?;
    let with_z = text.starts_with('Z');
    Some((written.len() + 1, Element::Offset(Offset { with_z, with_colons, with_minutes, with_seconds })))
}

fn fraction(text: &str) -> Option<(usize, Element)> {
    let separator = text.chars().next()?;
    let digit = *text.as_bytes().get(1)?;
    let digits = text.bytes().skip(1).take_while(|byte| *byte == digit).count();
    let ends = !text.as_bytes().get(digits + 1).is_some_and(u8::is_ascii_digit);
    ends.then_some((digits + 1, Element::Fraction { separator, digits, with_zeros: digit == b'0' }))
}

/// A time in a layout.
pub(crate) fn format(time: &Time, layout: &str) -> String {
    let civil = time.civil();
    let mut out = String::with_capacity(layout.len() + 8);
    let mut rest = layout;
    while let Some((before, _, element, after)) = next(rest) {
        out.push_str(before);
        out.push_str(&shown(element, time, &civil));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn shown(element: Element, time: &Time, civil: &Civil) -> String {
    let hour12 = if civil.hour.is_multiple_of(12) { 12 } else { civil.hour % 12 };
    let short = |name: &str| name.get(..3).unwrap_or(name).to_owned();
    match element {
        Element::LongMonth => month(civil.month).into(),
        Element::Month => short(month(civil.month)),
        Element::NumberMonth => civil.month.to_string(),
        Element::ZeroMonth => format!("{:02}", civil.month),
        Element::LongWeekday => weekday(civil.weekday).into(),
        Element::Weekday => short(weekday(civil.weekday)),
        Element::Day => civil.day.to_string(),
        Element::UnderDay => format!("{:2}", civil.day),
        Element::ZeroDay => format!("{:02}", civil.day),
        Element::UnderYearDay => format!("{:3}", civil.year_day),
        Element::ZeroYearDay => format!("{:03}", civil.year_day),
        Element::Hour => format!("{:02}", civil.hour),
        Element::Hour12 => hour12.to_string(),
        Element::ZeroHour12 => format!("{hour12:02}"),
        Element::Minute => civil.minute.to_string(),
        Element::ZeroMinute => format!("{:02}", civil.minute),
        Element::Second => civil.second.to_string(),
        Element::ZeroSecond => format!("{:02}", civil.second),
        Element::LongYear if civil.year < 0 => format!("-{:04}", civil.year.unsigned_abs()),
        Element::LongYear => format!("{:04}", civil.year),
        Element::Year => format!("{:02}", civil.year.max(0) % 100),
        Element::UpperPm => if civil.hour >= 12 { "PM" } else { "AM" }.into(),
        Element::LowerPm => if civil.hour >= 12 { "pm" } else { "am" }.into(),
        Element::ZoneName => zone_name(time),
        Element::Offset(offset) => shown_offset(offset, time.zone.at(time.seconds).0),
        Element::Fraction { separator, digits, with_zeros } => {
            shown_fraction(separator, digits, with_zeros, time.nanoseconds)
        }
    }
}

fn zone_name(time: &Time) -> String {
    let (offset, name) = time.zone.at(time.seconds);
    if !name.is_empty() {
        return name;
    }
    let minutes = offset / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

fn shown_offset(style: Offset, offset: i32) -> String {
    if style.with_z && offset == 0 {
        return "Z".into();
    }
    let sign = if offset / 60 < 0 { '-' } else { '+' };
    let seconds = offset.abs();
    let colon = if style.with_colons { ":" } else { "" };
    let mut out = format!("{sign}{:02}", seconds / 3600);
    if style.with_minutes {
        out.push_str(&format!("{colon}{:02}", seconds / 60 % 60));
    }
    if style.with_seconds {
        out.push_str(&format!("{colon}{:02}", seconds % 60));
    }
    out
}

fn shown_fraction(separator: char, digits: usize, with_zeros: bool, nanoseconds: u32) -> String {
    let all = format!("{nanoseconds:09}");
    let cut = all.get(..digits.min(9)).unwrap_or(&all);
    let cut = if with_zeros { cut } else { cut.trim_end_matches('0') };
    if cut.is_empty() { String::new() } else { format!("{separator}{cut}") }
}
