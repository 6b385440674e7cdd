//! Texts: `ext.Strings`. Places in a text are counted in characters.

use super::{Function, Sig, function, global, int, member, text};
use crate::meter::Meter;
use crate::result::{Fault, Outcome};
use crate::value::{List, Value};

const TEXT: Sig = Sig::Text;

pub(super) const FUNCTIONS: &[Function] = &[
    function("charAt", &[member(&[TEXT, Sig::Int], TEXT)], |meter, arguments| match arguments {
        [subject, at] => {
            let characters = characters(meter, text(subject)?)?;
            let at = place(int(at)?, characters.len())?;
            Ok(Value::text(characters.get(at).map(char::to_string).unwrap_or_default()))
        }
        _ => Err(Fault::no_overload()),
    }),
    function(
        "indexOf",
        &[member(&[TEXT, TEXT], Sig::Int), member(&[TEXT, TEXT, Sig::Int], Sig::Int)],
        |meter, arguments| match arguments {
            [subject, part] => index_of(meter, text(subject)?, text(part)?, 0),
            [subject, part, from] => index_of(meter, text(subject)?, text(part)?, int(from)?),
            _ => Err(Fault::no_overload()),
        },
    ),
    function(
        "lastIndexOf",
        &[member(&[TEXT, TEXT], Sig::Int), member(&[TEXT, TEXT, Sig::Int], Sig::Int)],
        |meter, arguments| match arguments {
            [subject, part] => last_index_of(meter, text(subject)?, text(part)?, None),
            [subject, part, from] => last_index_of(meter, text(subject)?, text(part)?, Some(int(from)?)),
            _ => Err(Fault::no_overload()),
        },
    ),
    function("lowerAscii", &[member(&[TEXT], TEXT)], |meter, arguments| {
        mapped(meter, arguments, str::to_ascii_lowercase)
    }),
    function("upperAscii", &[member(&[TEXT], TEXT)], |meter, arguments| {
        mapped(meter, arguments, str::to_ascii_uppercase)
    }),
    function("trim", &[member(&[TEXT], TEXT)], |meter, arguments| {
        mapped(meter, arguments, |text| text.trim().to_owned())
    }),
    function("reverse", &[member(&[TEXT], TEXT)], |meter, arguments| {
        mapped(meter, arguments, |text| text.chars().rev().collect())
    }),
    function("strings.quote", &[global(&[TEXT], TEXT)], |meter, arguments| mapped(meter, arguments, quote)),
    function(
        "replace",
        &[member(&[TEXT, TEXT, TEXT], TEXT), member(&[TEXT, TEXT, TEXT, Sig::Int], TEXT)],
        |meter, arguments| match arguments {
            [subject, old, new] => replace(meter, text(subject)?, text(old)?, text(new)?, -1),
            [subject, old, new, most] => replace(meter, text(subject)?, text(old)?, text(new)?, int(most)?),
            _ => Err(Fault::no_overload()),
        },
    ),
    function(
        "split",
        &[member(&[TEXT, TEXT], Sig::ListText), member(&[TEXT, TEXT, Sig::Int], Sig::ListText)],
        |meter, arguments| match arguments {
            [subject, separator] => split(meter, text(subject)?, text(separator)?, -1),
            [subject, separator, most] => split(meter, text(subject)?, text(separator)?, int(most)?),
            _ => Err(Fault::no_overload()),
        },
    ),
    function(
        "substring",
        &[member(&[TEXT, Sig::Int], TEXT), member(&[TEXT, Sig::Int, Sig::Int], TEXT)],
        |meter, arguments| match arguments {
            [subject, from] => substring(meter, text(subject)?, int(from)?, None),
            [subject, from, to] => substring(meter, text(subject)?, int(from)?, Some(int(to)?)),
            _ => Err(Fault::no_overload()),
        },
    ),
    function("join", &[member(&[Sig::ListText], TEXT), member(&[Sig::ListText, TEXT], TEXT)], |meter, arguments| {
        match arguments {
            [Value::List(list)] => join(meter, list, ""),
            [Value::List(list), separator] => join(meter, list, text(separator)?),
            _ => Err(Fault::no_overload()),
        }
    }),
];

fn characters(meter: &mut Meter, text: &str) -> Outcome<Vec<char>> {
    meter.spend_bytes(4 * text.len())?;
    Ok(text.chars().collect())
}

fn out_of_range(place: i64) -> Fault {
    Fault::error(format!("index out of range: {place}"))
}

/// A place among so many characters, or just behind them.
fn place(at: i64, length: usize) -> Outcome<usize> {
    usize::try_from(at).ok().filter(|at| *at <= length).ok_or_else(|| out_of_range(at))
}

fn mapped<'a>(meter: &mut Meter, arguments: &[Value<'a>], map: fn(&str) -> String) -> Outcome<Value<'a>> {
    let [subject] = arguments else { return Err(Fault::no_overload()) };
    let subject = text(subject)?;
    meter.spend_bytes(2 * subject.len())?;
    Ok(Value::text(map(subject)))
}

/// The place of the character that begins at this byte.
fn counted(text: &str, byte: usize) -> i64 {
    text.get(..byte).unwrap_or_default().chars().count() as i64
}

fn index_of<'a>(meter: &mut Meter, text: &str, part: &str, from: i64) -> Outcome<Value<'a>> {
    if part.is_empty() {
        return Ok(Value::Int(from));
    }
    let from = usize::try_from(from).map_err(|_| out_of_range(from))?;
    meter.spend_bytes(text.len() + part.len())?;
    let begin = text.char_indices().nth(from).map(|(byte, _)| byte);
    let found = begin.and_then(|begin| Some(begin + text.get(begin..)?.find(part)?));
    Ok(Value::Int(found.map_or(-1, |byte| counted(text, byte))))
}

fn last_index_of<'a>(meter: &mut Meter, text: &str, part: &str, from: Option<i64>) -> Outcome<Value<'a>> {
    meter.spend_bytes(text.len() + part.len())?;
    let length = text.chars().count() as i64;
    if part.is_empty() {
        return Ok(Value::Int(from.unwrap_or(length)));
    }
    let from = match from {
        Some(from) if from < 0 => return Err(out_of_range(from)),
        Some(from) if from >= length => return Ok(Value::Int(-1)),
        Some(from) => from,
        None => length,
    };
    // A match may begin at that character, and end behind it.
    let last =
        text.char_indices().nth(usize::try_from(from).unwrap_or(usize::MAX)).map_or(text.len(), |(byte, _)| byte);
    let within = text.as_bytes().get(..text.len().min(last + part.len())).unwrap_or_default();
    let found = memchr::memmem::rfind(within, part.as_bytes());
    Ok(Value::Int(found.map_or(-1, |byte| counted(text, byte))))
}

fn replace<'a>(meter: &mut Meter, text: &str, old: &str, new: &str, most: i64) -> Outcome<Value<'a>> {
    meter.spend_bytes(2 * text.len() + old.len())?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let found = text.matches(old).take(most).count();
    meter.spend_bytes(found.saturating_mul(new.len()))?;
    Ok(Value::text(text.replacen(old, new, most)))
}

fn split<'a>(meter: &mut Meter, text: &str, separator: &str, most: i64) -> Outcome<Value<'a>> {
    meter.spend_bytes(2 * text.len() + separator.len())?;
    let most = match most {
        0 => return Ok(Value::list(Vec::new())),
        most => usize::try_from(most).unwrap_or(usize::MAX),
    };
    let parts: Box<dyn Iterator<Item = &str>> = match separator {
        "" => Box::new(letters(text, most)),
        separator => Box::new(text.splitn(most, separator)),
    };
    let mut items = Vec::new();
    for part in parts {
        meter.spend(1)?;
        items.push(Value::text(part));
    }
    Ok(Value::list(items))
}

/// The characters of a text, at most so many pieces.
fn letters(text: &str, most: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    let mut count = 0;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        count += 1;
        let (piece, tail) = if count == most { (rest, "") } else { rest.split_at(first.len_utf8()) };
        rest = tail;
        Some(piece)
    })
}

fn substring<'a>(meter: &mut Meter, text: &str, from: i64, to: Option<i64>) -> Outcome<Value<'a>> {
    if let Some(to) = to.filter(|to| from > *to) {
        return Err(Fault::error(format!("invalid substring range. start: {from}, end: {to}")));
    }
    let characters = characters(meter, text)?;
    let begin = place(from, characters.len())?;
    let end = to.map_or(Ok(characters.len()), |to| place(to, characters.len()))?;
    Ok(Value::text(characters.get(begin..end).unwrap_or_default().iter().collect::<String>()))
}

fn join<'a>(meter: &mut Meter, list: &List<'_>, separator: &str) -> Outcome<Value<'a>> {
    let mut joined = String::new();
    for (place, value) in list.iter().enumerate() {
        let Value::Text(text) = &value else { return Err(Fault::no_overload()) };
        let separator = if place == 0 { "" } else { separator };
        meter.spend(1)?;
        meter.spend_bytes(separator.len() + text.len())?;
        joined.push_str(separator);
        joined.push_str(text);
    }
    Ok(Value::text(joined))
}

/// The text as it would be written in an expression.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A number as Go's `%g` writes it, as short as it can be read back.
pub(crate) fn double(number: f64) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    // As Go decides it of what it writes as short as it can.
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    format!("{number}")
}
