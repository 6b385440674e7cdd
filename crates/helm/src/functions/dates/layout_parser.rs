//! Reads dates that are written in one of Go's layouts.

use cowherd_template::format::quote;

use super::layout::{self, Element, MONTHS, Offset, WEEKDAYS};
use super::time::{Time, Zone, days_since_1970, to_utc};

/// Why a text is no date in a layout: what is wrong, for the part that could not be read.
enum Problem {
    /// The element at the start of what is left could not be read.
    Element,
    /// In words.
    Message(String),
}

/// What was read so far.
struct Found {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanoseconds: u32,
    is_pm: Option<bool>,
    is_utc: bool,
    offset: Option<i32>,
    zone_name: String,
}

/// `time.ParseInLocation`.
pub(crate) fn parse(layout: &str, text: &str, local: &Zone) -> Result<Time, String> {
    let quoted = |text: &str| quote(text.as_bytes());
    let failed = |message: &str| format!("parsing time {}{message}", quoted(text));
    let unreadable = |rest: &str, element: &str| {
        let (text, layout, rest, element) = (quoted(text), quoted(layout), quoted(rest), quoted(element));
        format!("parsing time {text} as {layout}: cannot parse {rest} as {element}")
    };
    let mut found = Found {
        year: 0,
        month: None,
        day: None,
        year_day: None,
        hour: 0,
        minute: 0,
        second: 0,
        nanoseconds: 0,
        is_pm: None,
        is_utc: false,
        offset: None,
        zone_name: String::new(),
    };
    let (mut layout_rest, mut rest) = (layout, text);
    loop {
        let (literal, written, element, after) = match layout::next(layout_rest) {
            Some((literal, written, element, after)) => (literal, written, Some(element), after),
            None => (layout_rest, "", None, ""),
        };
        rest = skip(rest, literal).ok_or_else(|| unreadable(rest, literal))?;
        let Some(element) = element else { break };
        rest = match found.read(element, rest, after) {
            Ok(rest) => rest,
            Err(Problem::Element) => return Err(unreadable(rest, written)),
            Err(Problem::Message(message)) => return Err(failed(&message)),
        };
        layout_rest = after;
    }
    if !rest.is_empty() {
        return Err(failed(&format!(": extra text: {}", quoted(rest))));
    }
    found.time(local).map_err(|message| failed(&message))
}

/// The text behind a literal part of a layout, where a space stands for any number of them.
fn skip<'t>(mut text: &'t str, mut literal: &str) -> Option<&'t str> {
    while let Some(c) = literal.chars().next() {
        if c == ' ' {
            if !text.is_empty() && !text.starts_with(' ') {
                return None;
            }
            literal = literal.trim_start_matches(' ');
            text = text.trim_start_matches(' ');
            continue;
        }
        text = text.strip_prefix(c)?;
        literal = literal.get(c.len_utf8()..)?;
    }
    Some(text)
}

type Rest<'t> = Result<&'t str, Problem>;

/// A number of one or two digits, or of exactly two.
fn one_or_two(text: &str, exactly_two: bool) -> Result<(i64, &str), Problem> {
    let digits = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    if digits == 0 || (exactly_two && digits == 1) {
        return Err(Problem::Element);
    }
    number(text, digits)
}

fn number(text: &str, size: usize) -> Result<(i64, &str), Problem> {
    let (digits, rest) = text.split_at_checked(size).ok_or(Problem::Element)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::Element);
    }
    Ok((digits.parse().map_err(|_| Problem::Element)?, rest))
}

/// The one of `names` that a text starts with, in any case.
fn name<'t>(text: &'t str, names: &[&str], size: Option<usize>) -> Result<(usize, &'t str), Problem> {
    for (at, name) in names.iter().enumerate() {
        let name = size.and_then(|size| name.get(..size)).unwrap_or(name);
        if let Some((start, rest)) = text.split_at_checked(name.len())
            && start.eq_ignore_ascii_case(name)
        {
            return Ok((at, rest));
        }
    }
    Err(Problem::Element)
}

fn in_range(number: i64, range: std::ops::RangeInclusive<i64>, what: &str) -> Result<(), Problem> {
    if range.contains(&number) { Ok(()) } else { Err(Problem::Message(format!(": {what} out of range"))) }
}

impl Found {
    fn read<'t>(&mut self, element: Element, text: &'t str, layout_rest: &str) -> Rest<'t> {
        let index = |at: usize| i64::try_from(at).unwrap_or_default();
        let rest;
        match element {
            Element::Year => {
                let (year, after) = number(text, 2)?;
                self.year = if year >= 69 { year + 1900 } else { year + 2000 };
                rest = after;
            }
            Element::LongYear => (self.year, rest) = number(text, 4)?,
            Element::Month | Element::LongMonth => {
                let (at, after) = name(text, &MONTHS, (element == Element::Month).then_some(3))?;
                self.month = Some(index(at) + 1);
                rest = after;
            }
            Element::NumberMonth | Element::ZeroMonth => {
                let (month, after) = one_or_two(text, element == Element::ZeroMonth)?;
                in_range(month, 1..=12, "month")?;
                self.month = Some(month);
                rest = after;
            }
            Element::Weekday => rest = name(text, &WEEKDAYS, Some(3))?.1,
            Element::LongWeekday => rest = name(text, &WEEKDAYS, None)?.1,
            Element::Day | Element::UnderDay | Element::ZeroDay => {
                let text = if element == Element::UnderDay { text.strip_prefix(' ').unwrap_or(text) } else { text };
                let (day, after) = one_or_two(text, element == Element::ZeroDay)?;
                self.day = Some(day);
                rest = after;
            }
            Element::UnderYearDay | Element::ZeroYearDay => {
                let spaces = text.bytes().take(2).take_while(|byte| *byte == b' ').count();
                let spaces = if element == Element::UnderYearDay { spaces } else { 0 };
                let (day, after) = number(text.get(spaces..).unwrap_or_default(), 3 - spaces)?;
                self.year_day = Some(day);
                rest = after;
            }
            Element::Hour => {
                (self.hour, rest) = one_or_two(text, false)?;
                in_range(self.hour, 0..=23, "hour")?;
            }
            Element::Hour12 | Element::ZeroHour12 => {
                (self.hour, rest) = one_or_two(text, element == Element::ZeroHour12)?;
                in_range(self.hour, 0..=12, "hour")?;
            }
            Element::Minute | Element::ZeroMinute => {
                (self.minute, rest) = one_or_two(text, element == Element::ZeroMinute)?;
                in_range(self.minute, 0..=59, "minute")?;
            }
            Element::Second | Element::ZeroSecond => {
                let (second, after) = one_or_two(text, element == Element::ZeroSecond)?;
                in_range(second, 0..=59, "second")?;
                self.second = second;
                rest = self.fraction_without_layout(after, layout_rest)?;
            }
            Element::UpperPm | Element::LowerPm => {
                let names = if element == Element::UpperPm { ["AM", "PM"] } else { ["am", "pm"] };
                let at = names.iter().position(|name| text.starts_with(name)).ok_or(Problem::Element)?;
                self.is_pm = Some(at == 1);
                rest = text.get(2..).unwrap_or_default();
            }
            Element::Offset(style) => rest = self.offset(style, text)?,
            Element::ZoneName => rest = self.zone_name(text)?,
            Element::Fraction { digits, with_zeros: true, .. } => rest = self.fraction(text, digits)?,
            Element::Fraction { .. } => {
                let digits = fraction_digits(text);
                rest = if digits == 0 { text } else { self.fraction(text, digits)? };
            }
        }
        Ok(rest)
    }

    /// A fraction behind seconds is read even where the layout has none.
    fn fraction_without_layout<'t>(&mut self, text: &'t str, layout_rest: &str) -> Rest<'t> {
        let has_layout = matches!(layout::next(layout_rest), Some((_, _, Element::Fraction { .. }, _)));
        let digits = fraction_digits(text);
        if has_layout || digits == 0 { Ok(text) } else { self.fraction(text, digits) }
    }

    fn fraction<'t>(&mut self, text: &'t str, digits: usize) -> Rest<'t> {
        if !text.starts_with(['.', ',']) {
            return Err(Problem::Element);
        }
        let written = text.get(1..digits + 1).ok_or(Problem::Element)?;
        if !written.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Problem::Message(": fractional second out of range".into()));
        }
        let kept = written.get(..9).unwrap_or(written);
        self.nanoseconds = format!("{kept:0<9}").parse().map_err(|_| Problem::Element)?;
        text.get(digits + 1..).ok_or(Problem::Element)
    }

    fn offset<'t>(&mut self, style: Offset, text: &'t str) -> Rest<'t> {
        if let Some(rest) = text.strip_prefix('Z').filter(|_| style.with_z) {
            self.is_utc = true;
            return Ok(rest);
        }
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, text.get(1..).unwrap_or_default()),
            Some(b'+') => (false, text.get(1..).unwrap_or_default()),
            _ => return Err(Problem::Element),
        };
        let mut seconds = 0;
        let units = [(3600, true, 24), (60, style.with_minutes, 60), (1, style.with_seconds, 60)];
        for (unit, is_written, most) in units {
            if !is_written {
                continue;
            }
            if style.with_colons && unit != 3600 {
                rest = rest.strip_prefix(':').ok_or(Problem::Element)?;
            }
            let (part, after) = number(rest, 2)?;
            let names = if unit == 3600 { "time zone offset hour" } else { "time zone offset minute" };
            in_range(part, 0..=most, names)?;
            seconds += part * unit;
            rest = after;
        }
        let seconds = i32::try_from(seconds).map_err(|_| Problem::Element)?;
        self.offset = Some(if negative { -seconds } else { seconds });
        Ok(rest)
    }

    fn zone_name<'t>(&mut self, text: &'t str) -> Rest<'t> {
        if let Some(rest) = text.strip_prefix("UTC") {
            self.is_utc = true;
            return Ok(rest);
        }
        let size = zone_name_size(text).ok_or(Problem::Element)?;
        let (name, rest) = text.split_at_checked(size).ok_or(Problem::Element)?;
        self.zone_name = name.to_owned();
        Ok(rest)
    }

    fn time(mut self, local: &Zone) -> Result<Time, String> {
        match (self.is_pm, self.hour) {
            (Some(true), ..12) => self.hour += 12,
            (Some(false), 12) => self.hour = 0,
            _ => {}
        }
        let day = self.date()?;
        let seconds = day * 86_400 + self.hour * 3600 + self.minute * 60 + self.second;
        let of = |seconds: i64, zone: Zone| Ok(Time { seconds, nanoseconds: self.nanoseconds, zone });
        if self.is_utc {
            return of(seconds, Zone::Utc);
        }
        if let Some(offset) = self.offset {
            let at = seconds - i64::from(offset);
            let (usual, name) = local.at(at);
            let is_local = usual == offset && (self.zone_name.is_empty() || name == self.zone_name);
            return of(at, if is_local { local.clone() } else { Zone::Fixed(self.zone_name.as_str().into(), offset) });
        }
        if !self.zone_name.is_empty() {
            let (offset, name) = local.at(seconds);
            if name == self.zone_name {
                return of(seconds - i64::from(offset), local.clone());
            }
            let hours: i32 = self.zone_name.strip_prefix("GMT").and_then(|hours| hours.parse().ok()).unwrap_or(0);
            // The time counts as one in UTC all the same.
            return of(seconds, Zone::Fixed(self.zone_name.as_str().into(), hours * 3600));
        }
        of(to_utc(seconds, local), local.clone())
    }

    /// The date in days since 1970.
    fn date(&mut self) -> Result<i64, String> {
        let leap = (self.year % 4 == 0 && self.year % 100 != 0) || self.year % 400 == 0;
        if let Some(year_day) = self.year_day {
            if !(1..=if leap { 366 } else { 365 }).contains(&year_day) {
                return Err(": day-of-year out of range".into());
            }
            return Ok(days_since_1970(self.year, 1, 1) + year_day - 1);
        }
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        let first = days_since_1970(self.year, month, 1);
        let length = days_since_1970(self.year, month + 1, 1) - first;
        if !(1..=length).contains(&day) {
            return Err(": day out of range".into());
        }
        Ok(first + day - 1)
    }
}

/// How many digits follow a point or a comma at the start of a text.
fn fraction_digits(text: &str) -> usize {
    if !text.starts_with(['.', ',']) {
        return 0;
    }
    text.bytes().skip(1).take_while(u8::is_ascii_digit).count()
}

/// The size of the abbreviated name of a zone at the start of a text.
fn zone_name_size(text: &str) -> Option<usize> {
    for special in ["ChST", "MeST"] {
        if text.starts_with(special) {
            return Some(4);
        }
    }
    if let Some(rest) = text.strip_prefix("GMT") {
        return Some(3 + signed_offset_size(rest));
    }
    if text.starts_with(['+', '-']) {
        return Some(signed_offset_size(text)).filter(|size| *size > 0);
    }
    let size = text.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
    match size {
        5 if text.as_bytes().get(4) == Some(&b'T') => Some(5),
        4 if text.as_bytes().get(3) == Some(&b'T') || text.starts_with("WITA") => Some(4),
        3 => Some(3),
        _ => None,
    }
}

/// The size of a signed number of hours, as it follows `GMT`.
fn signed_offset_size(text: &str) -> usize {
    let Some(digits) = text.strip_prefix(['+', '-']) else { return 0 };
    let size = digits.bytes().take_while(u8::is_ascii_digit).count();
    let hours: Option<u32> = digits.get(..size).and_then(|digits| digits.parse().ok());
    if hours.is_some_and(|hours| hours <= 23) { size + 1 } else { 0 }
}
