//! The formats of texts that schemas may ask for (`format`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether `text` is of the given format; `None` for a format that Kubernetes does not check.
pub(crate) fn matches(format: &str, text: &str) -> Option<bool> {
    // Dashes do not count: `date-time` is `datetime`.
    let format: String = format.chars().filter(|c| *c != '-').collect();
    Some(match format.as_str() {
        "bsonobjectid" => text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "uri" => is_uri(text),
        "email" => is_email(text),
        "hostname" => is_hostname(text),
        "ipv4" => parse_ipv4(text).is_some(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => is_cidr(text),
        "mac" => is_mac(text),
        "uuid" => is_uuid(text, None),
        "uuid3" => is_uuid(text, Some('3')),
        "uuid4" => is_uuid(text, Some('4')),
        "uuid5" => is_uuid(text, Some('5')),
        "isbn" => is_isbn10(text) || is_isbn13(text),
        "isbn10" => is_isbn10(text),
        "isbn13" => is_isbn13(text),
        "creditcard" => is_credit_card(text),
        "ssn" => is_ssn(text),
        "hexcolor" => is_hex_color(text),
        "rgbcolor" => is_rgb_color(text),
        "byte" => is_base64(text),
        "password" => true,
        "date" => is_date(text),
        "duration" => is_duration(text),
        "datetime" => is_date_time(text),
        "k8sshortname" => text.len() <= 63 && is_name_segment(text),
        "k8slongname" => text.len() <= 253 && text.split('.').all(is_name_segment),
        _ => return None,
    })
}

/// Whether `format` is one that Kubernetes checks for values of the given JSON type.
pub(crate) fn is_known(format: &str, json_type: &str) -> bool {
    match json_type {
        "" | "string" => matches(format, "").is_some(),
        "integer" => matches!(format, "int32" | "int64"),
        "number" => matches!(format, "float" | "double"),
        _ => false,
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_uri(text: &str) -> bool {
    if text.starts_with('/') {
        return !text.contains(|c: char| c.is_control());
    }
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut characters = scheme.chars();
    characters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && characters.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        && !rest.is_empty()
        && !rest.contains(|c: char| c.is_control() || c == ' ')
}

/// `local@domain`, alone or as `Name <local@domain>`.
fn is_email(text: &str) -> bool {
    let address = match text.trim().strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((_, address)) => address,
        None => text.trim(),
    };
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let atom =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c));
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    (quoted || local.split('.').all(atom)) && domain.split('.').all(atom)
}

fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c == '-' || c.is_alphanumeric() || (!c.is_ascii() && !c.is_control()))
    };
    let mut labels = text.rsplit('.');
    let top = labels.next().unwrap_or_default();
    let alone = !text.contains('.');
    text.len() <= 255
        && label(top)
        && (alone || (top.chars().count() >= 2 && top.chars().all(char::is_alphabetic)))
        && labels.all(label)
}

/// Like the parser of the standard library, but for leading zeros, which old manifests hold.
fn parse_ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next().filter(|part| digits(part) && part.len() <= 3)?;
        *octet = part.parse().ok()?;
    }
    parts.next().is_none().then(|| octets.into())
}

fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let address = parse_ipv4(address).map(IpAddr::V4).or_else(|| address.parse().ok());
    let most = match address {
        Some(IpAddr::V4(_)) => 32,
        Some(IpAddr::V6(_)) => 128,
        None => return false,
    };
    digits(length) && length.len() <= 3 && length.parse::<u32>().is_ok_and(|length| length <= most)
}

/// 6, 8 or 20 bytes as `01:23:…`, `01-23-…` or `0123.4567.…`.
fn is_mac(text: &str) -> bool {
    let parts_of = |separator: char, width: usize| {
        let parts: Vec<&str> = text.split(separator).collect();
        let bytes = parts.len() * width / 2;
        matches!(bytes, 6 | 8 | 20)
            && parts.iter().all(|part| part.len() == width && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    parts_of(':', 2) || parts_of('-', 2) || parts_of('.', 4)
}

/// Groups of 8, 4, 4, 4 and 12 hexadecimal digits, with or without dashes between them.
fn is_uuid(text: &str, version: Option<char>) -> bool {
    let mut rest = text;
    for (index, width) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
        let Some((group, tail)) = rest.split_at_checked(width) else { return false };
        let fits = match (index, version) {
            (2, Some(version)) => group.starts_with(version),
            (3, Some('4' | '5')) => group.starts_with(['8', '9', 'a', 'b', 'A', 'B']),
            _ => true,
        };
        if !fits || !group.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return false;
        }
        rest = tail;
    }
    rest.is_empty()
}

fn without_separators(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '-' | ' ')).collect()
}

fn is_isbn10(text: &str) -> bool {
    let text = without_separators(text);
    let values = text.chars().enumerate().map(|(index, c)| match c {
        'X' if index == 9 => Some(10),
        c => c.to_digit(10),
    });
    let Some(values) = values.collect::<Option<Vec<u32>>>() else { return false };
    values.len() == 10 && values.iter().zip(1..).map(|(value, weight)| value * weight).sum::<u32>() % 11 == 0
}

fn is_isbn13(text: &str) -> bool {
    let text = without_separators(text);
    let Some(values) = text.chars().map(|c| c.to_digit(10)).collect::<Option<Vec<u32>>>() else { return false };
    let sum: u32 = values.iter().zip([1, 3].into_iter().cycle()).map(|(value, weight)| value * weight).sum();
    values.len() == 13 && sum.is_multiple_of(10)
}

/// The numbers of the well-known issuers, with a right check digit.
fn is_credit_card(text: &str) -> bool {
    let number: String = text.chars().filter(char::is_ascii_digit).collect();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| number.starts_with(prefix));
    let issued = match number.len() {
        13 => starts(&["4"]),
        14 => starts(&["300", "301", "302", "303", "304", "305", "36", "38"]),
        15 => starts(&["34", "37", "2131", "1800"]),
        16 => starts(&["4", "51", "52", "53", "54", "55", "6011", "65", "35"]),
        _ => false,
    };
    let sum: u32 = number.chars().rev().filter_map(|c| c.to_digit(10)).enumerate().fold(0, |sum, (index, digit)| {
        let doubled = if index % 2 == 1 { digit * 2 } else { digit };
        sum + doubled / 10 + doubled % 10
    });
    issued && sum.is_multiple_of(10)
}

fn is_ssn(text: &str) -> bool {
    let bytes = text.as_bytes();
    let plain: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    let separated = matches!(bytes.len(), 9..=11) && digits(&plain) && plain.len() == 9;
    separated && digits(text.get(..3).unwrap_or_default()) && digits(text.get(bytes.len() - 4..).unwrap_or_default())
}

fn is_hex_color(text: &str) -> bool {
    let text = text.strip_prefix('#').unwrap_or(text);
    matches!(text.len(), 3 | 6) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_rgb_color(text: &str) -> bool {
    let Some(list) = text.strip_prefix("rgb(").and_then(|text| text.strip_suffix(')')) else { return false };
    let parts: Vec<&str> = list.split(',').map(str::trim).collect();
    let percent = |part: &&str| {
        part.strip_suffix('%').is_some_and(|part| digits(part) && part.parse::<u32>().is_ok_and(|part| part <= 100))
    };
    let byte = |part: &&str| digits(part) && part.parse::<u8>().is_ok();
    parts.len() == 3 && (parts.iter().all(byte) || parts.iter().all(percent))
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && !body.is_empty()
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return false;
    }
    let number = |range: std::ops::Range<usize>| {
        text.get(range).filter(|part| digits(part)).and_then(|part| part.parse::<u32>().ok())
    };
    let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10)) else { return false };
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// RFC 3339: date, `T`, time with seconds and perhaps a fraction, `Z` or an offset.
fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't']) else { return false };
    let Some((clock, rest)) = time.split_at_checked(8) else { return false };
    let parts: Vec<&str> = clock.split(':').collect();
    let below =
        |part: &str, most: u32| part.len() == 2 && digits(part) && part.parse::<u32>().is_ok_and(|part| part <= most);
    let clock = matches!(parts.as_slice(), [h, m, s] if below(h, 23) && below(m, 59) && below(s, 59));
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if zone.len() == fraction.len() {
                return false;
            }
            zone
        }
        None => rest,
    };
    let offset = zone.strip_prefix(['+', '-']).and_then(|offset| offset.split_once(':'));
    let zone = matches!(zone, "Z" | "z")
        || offset.is_some_and(|(h, m)| h.len() == 2 && m.len() == 2 && digits(h) && digits(m));
    is_date(date) && clock && zone
}

/// Go's durations (`1h30m`, `-1.5s`, `0`), and numbers with a unit in words as in `2 days`.
fn is_duration(text: &str) -> bool {
    cowherd_duration::parse(text).is_ok() || is_worded_duration(text)
}

/// A number and a unit in words; what follows does not count.
fn is_worded_duration(text: &str) -> bool {
    let exact = ["ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk"];
    let beginnings = ["nano", "micro", "milli", "sec", "min", "hour", "day", "week"];
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = unit.len() < text.len();
    let unit = unit.trim_start().split(|c: char| !c.is_alphabetic()).next().unwrap_or_default().to_lowercase();
    numbered && (exact.contains(&unit.as_str()) || beginnings.iter().any(|beginning| unit.starts_with(beginning)))
}

fn is_name_segment(text: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.as_bytes().first().is_some_and(alphanumeric)
        && text.as_bytes().last().is_some_and(alphanumeric)
        && text.bytes().all(|byte| alphanumeric(&byte) || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_accept_what_they_name_and_nothing_else() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            (
                "date-time",
                &["2026-01-02T03:04:05Z", "2024-02-29t00:00:00.123+02:00"],
                &[
                    "2026-01-02",
                    "2026-13-02T03:04:05Z",
                    "2026-01-02T24:00:00Z",
                    "2026-01-02T03:04:05",
                    "2026-01-02T03:04:05.Z",
                ],
            ),
            ("date", &["2024-02-29"], &["2023-02-29", "2026-1-2", ""]),
            ("duration", &["1h30m", "1.5s", "-2ms", "0", "2 days", "1 week", "5d"], &["", "1", "x", "1q", "h"]),
            (
                "uuid",
                &["123e4567-e89b-12d3-a456-426614174000", "123E4567E89B12D3A456426614174000"],
                &["123e4567-e89b-12d3-a456-42661417400", "é23e4567-e89b-12d3-a456-426614174000"],
            ),
            (
                "uuid4",
                &["123e4567-e89b-42d3-a456-426614174000"],
                &["123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-42d3-c456-426614174000"],
            ),
            ("ipv4", &["10.0.0.1", "010.0.0.1"], &["10.0.0", "10.0.0.256", "::1"]),
            ("ipv6", &["::1", "fe80::1"], &["10.0.0.1", "::g"]),
            ("cidr", &["10.0.0.0/8", "fd00::/64"], &["10.0.0.0", "10.0.0.0/33", "x/8"]),
            ("mac", &["01:23:45:67:89:ab", "0123.4567.89ab"], &["01:23:45", "01:23:45:67:89:zz"]),
            (
                "hostname",
                &["example.com", "localhost", "a-b.example.io"],
                &["", "-a.com", "a..b", "under_score.com", "a.b-"],
            ),
            ("email", &["a@example.com", "Ann <a.b@example.com>"], &["a", "@example.com", "a b@example.com"]),
            ("uri", &["https://example.com/x?y", "/path", "urn:a"], &["example.com", "", "https://a b"]),
            ("byte", &["aGVsbG8="], &["aGVsbG8", "a===", "?"]),
            ("hexcolor", &["#fff", "00ff00"], &["#ffff"]),
            ("isbn", &["0321751043", "978-0321751041"], &["0321751044"]),
            ("creditcard", &["4111 1111 1111 1111"], &["4111 1111 1111 1112"]),
            ("k8s-short-name", &["a-b"], &["A", "a.b", "-a"]),
            ("k8s-long-name", &["a.b-c"], &["a..b", "a_b"]),
        ];
        for (format, good, bad) in cases {
            good.iter().for_each(|text| assert_eq!(matches(format, text), Some(true), "{format} {text:?}"));
            bad.iter().for_each(|text| assert_eq!(matches(format, text), Some(false), "{format} {text:?}"));
        }
        assert_eq!(matches("int-or-string", "x"), None);
    }
}
