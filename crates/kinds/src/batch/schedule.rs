//! Schedules in cron's format: which are valid, and why the others are not.

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const DESCRIPTORS: [&str; 7] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/// What one of the five fields may hold.
struct Bounds {
    least: u32,
    most: u32,
    names: &'static [&'static str],
    /// The number of the first name.
    first: u32,
}

const fn numbers(least: u32, most: u32) -> Bounds {
    Bounds { least, most, names: &[], first: 0 }
}

const FIELDS: [Bounds; 5] = [
    numbers(0, 59),
    numbers(0, 23),
    numbers(1, 31),
    Bounds { least: 1, most: 12, names: &MONTHS, first: 1 },
    Bounds { least: 0, most: 6, names: &DAYS, first: 0 },
];

/// Checks a schedule: five fields or a descriptor such as `@daily` or `@every 1h`, with a time zone before it or not.
pub(super) fn check(schedule: &str) -> Result<(), String> {
    let mut spec = schedule;
    if spec.starts_with("TZ=") || spec.starts_with("CRON_TZ=") {
        let Some((_, rest)) = spec.split_once(' ') else {
            return Err("expected a schedule after the time zone".to_owned());
        };
        spec = rest.trim();
    }
    if spec.starts_with('@') {
        return descriptor(spec);
    }
    let fields: Vec<&str> = spec.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        let found = fields.len();
        return Err(format!("expected exactly 5 fields, found {found}: [{}]", fields.join(" ")));
    }
    fields.iter().zip(&FIELDS).try_for_each(|(field, bounds)| check_field(field, bounds))
}

fn descriptor(text: &str) -> Result<(), String> {
    if let Some(duration) = text.strip_prefix("@every ") {
        // Go's durations: numbers with units, as in 1h30m.
        let mut rest = duration;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let unit = ["ns", "us", "ms", "s", "m", "h"].into_iter().find(|unit| rest[digits..].starts_with(unit));
            let Some(unit) = unit.filter(|_| digits > 0) else { break };
            rest = &rest[digits + unit.len()..];
        }
        if rest.is_empty() && !duration.is_empty() {
            return Ok(());
        }
        return Err(format!("failed to parse duration {text}: time: invalid duration {duration:?}"));
    }
    if DESCRIPTORS.contains(&text) { Ok(()) } else { Err(format!("unrecognized descriptor: {text}")) }
}

fn check_field(field: &str, bounds: &Bounds) -> Result<(), String> {
    field.split(',').filter(|part| !part.is_empty()).try_for_each(|part| check_range(part, bounds))
}

fn check_range(text: &str, bounds: &Bounds) -> Result<(), String> {
    let (range, step) = match text.split('/').collect::<Vec<_>>().as_slice() {
        [range] => (*range, None),
        [range, step] => (*range, Some(number(step)?)),
        _ => return Err(format!("too many slashes: {text}")),
    };
    let (start, end) = match range.split('-').collect::<Vec<_>>().as_slice() {
        ["*" | "?"] => (bounds.least, bounds.most),
        [one] => {
            let start = value(one, bounds)?;
            (start, if step.is_some() { bounds.most } else { start })
        }
        [start, end] => (value(start, bounds)?, value(end, bounds)?),
        _ => return Err(format!("too many hyphens: {text}")),
    };
    if start < bounds.least {
        return Err(format!("beginning of range ({start}) below minimum ({}): {text}", bounds.least));
    }
    if end > bounds.most {
        return Err(format!("end of range ({end}) above maximum ({}): {text}", bounds.most));
    }
    if start > end {
        return Err(format!("beginning of range ({start}) beyond end of range ({end}): {text}"));
    }
    if step == Some(0) {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    Ok(())
}

fn value(text: &str, bounds: &Bounds) -> Result<u32, String> {
    let lower = text.to_lowercase();
    match bounds.names.iter().position(|name| *name == lower) {
        Some(index) => Ok(bounds.first + u32::try_from(index).unwrap_or_default()),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u32, String> {
    match text.parse::<i64>() {
        Ok(number) => u32::try_from(number).map_err(|_| format!("negative number ({number}) not allowed: {text}")),
        Err(_) => Err(format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: invalid syntax")),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn schedules_that_cron_knows_are_fine() {
        for schedule in ["* * * * *", "*/5 0-6,12 1 jan-MAR mon", "0 0 ? * 0", "@daily", "@every 1h30m", "5/10 * * * *"]
        {
            assert_eq!(check(schedule), Ok(()), "{schedule}");
        }
    }

    #[test]
    fn others_say_why_not() {
        for (schedule, why) in [
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("0 0 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("a * * * *", "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax"),
            ("@soon", "unrecognized descriptor: @soon"),
            ("* * * * * *", "expected exactly 5 fields, found 6: [* * * * * *]"),
        ] {
            assert_eq!(check(schedule), Err(why.to_owned()));
        }
    }
}
