//! Timestamps, which go-yaml v3 resolves and kustomize therefore rewrites.

/// The timestamp in `text` as JSON gives it (RFC 3339), if `text` is written as one.
pub(crate) fn rfc3339(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || bytes[4] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let year: u32 = text.get(..4)?.parse().ok()?;
    let mut rest = text.get(5..)?;
    let month = take_number(&mut rest)?;
    rest = rest.strip_prefix('-')?;
    let day = take_number(&mut rest)?;
    if !(1..=12).contains(&month) || !(1..=days(year, month)).contains(&day) {
        return None;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    if rest.is_empty() {
        return Some(format!("{date}T00:00:00Z"));
    }
    let separator = rest.chars().next()?;
    rest = &rest[separator.len_utf8()..];
    let hour = take_number(&mut rest)?;
    rest = rest.strip_prefix(':')?;
    let minute = take_number(&mut rest)?;
    rest = rest.strip_prefix(':')?;
    let second = take_number(&mut rest)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = take_fraction(&mut rest)?;
    let zone = match separator {
        'T' | 't' => take_zone(rest)?,
        ' ' if rest.is_empty() => "Z".to_owned(),
        _ => return None,
    };
    Some(format!("{date}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"))
}

/// A number of one or two digits.
fn take_number(rest: &mut &str) -> Option<u32> {
    let count = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let number = rest.get(..count)?.parse().ok()?;
    *rest = rest.get(count..)?;
    Some(number)
}

/// A fraction of a second, to the nanosecond and without the zeros at its end.
fn take_fraction(rest: &mut &str) -> Option<String> {
    let Some(after) = rest.strip_prefix(['.', ',']) else {
        return Some(String::new());
    };
    let count = after.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 {
        return None;
    }
    *rest = after.get(count..)?;
    let digits = after.get(..count.min(9))?.trim_end_matches('0');
    Some(if digits.is_empty() { String::new() } else { format!(".{digits}") })
}

fn take_zone(rest: &str) -> Option<String> {
    if rest == "Z" {
        return Some("Z".to_owned());
    }
    let digits = rest.strip_prefix(['+', '-'])?;
    let (hours, minutes) = digits.split_once(':')?;
    let two = |text: &str| (text.len() == 2).then(|| text.parse::<u8>().ok()).flatten();
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    if hours > 24 || minutes > 60 {
        return None;
    }
    Some(if hours == 0 && minutes == 0 { "Z".to_owned() } else { rest.to_owned() })
}

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_become_rfc_3339() {
        let cases = [
            ("2001-01-01", "2001-01-01T00:00:00Z"),
            ("2001-1-1", "2001-01-01T00:00:00Z"),
            ("2001-01-01 10:00:00", "2001-01-01T10:00:00Z"),
            ("2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00"),
        ];
        for (text, expected) in cases {
            assert_eq!(rfc3339(text).as_deref(), Some(expected));
        }
        for text in ["2001-02-30", "2001-01-01T00:00:00", "2001-12-14 21:59:43.10 -5", "20010101", "2001-01-01é"] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }
}
