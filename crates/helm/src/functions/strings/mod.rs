//! Functions on strings.

pub(super) mod runes;
mod words;

use cowherd_template::{Fault, Function, List, Map, Text, Type, Value, format};
use memchr::memmem;

use crate::functions::Context;
use crate::functions::call::arguments::{Call, Outcome, any, bytes, int, made, printed, rest, string, text, text_of};
use crate::functions::call::limits::{check_items, check_text};
use crate::functions::lists::slices;

const ONE: &[Type] = &[Type::String];
const TWO: &[Type] = &[Type::String, Type::String];
const SIZED: &[Type] = &[Type::Int, Type::String];

pub(super) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::new("hello", &[], |_, _| Ok(Value::from("Hello!"))),
        Function::new("abbrev", SIZED, abbrev),
        Function::new("abbrevboth", &[Type::Int, Type::Int, Type::String], abbrev_both),
        Function::new("trunc", SIZED, trunc),
        Function::new("trim", ONE, |_, given| made(trimmed(bytes(given, 0)))),
        Function::new("upper", ONE, |_, given| Ok(mapped(given, runes::to_upper))),
        Function::new("lower", ONE, |_, given| Ok(mapped(given, runes::to_lower))),
        Function::new("title", ONE, |_, given| Ok(Value::from(words::title(&string(given, 0))))),
        Function::new("untitle", ONE, |_, given| Ok(Value::from(words::untitle(&string(given, 0))))),
        Function::new("substr", &[Type::Int, Type::Int, Type::String], substr),
        Function::new("repeat", SIZED, repeat),
        Function::new("trimall", TWO, trim_all),
        Function::new("trimAll", TWO, trim_all),
        Function::new("trimSuffix", TWO, |_, given| {
            let text = bytes(given, 1);
            made(text.strip_suffix(bytes(given, 0)).unwrap_or(text))
        }),
        Function::new("trimPrefix", TWO, |_, given| {
            let text = bytes(given, 1);
            made(text.strip_prefix(bytes(given, 0)).unwrap_or(text))
        }),
        Function::new("nospace", ONE, |_, given| Ok(Value::from(words::without_space(&text(given, 0))))),
        Function::new("initials", ONE, |_, given| Ok(Value::from(words::initials(bytes(given, 0))))),
        Function::new("swapcase", ONE, |_, given| Ok(Value::from(words::swap_case(&string(given, 0))))),
        Function::new("snakecase", ONE, |_, given| Ok(Value::from(words::joined(&string(given, 0), '_')))),
        Function::new("kebabcase", ONE, |_, given| Ok(Value::from(words::joined(&string(given, 0), '-')))),
        Function::new("camelcase", ONE, |_, given| Ok(Value::from(words::pascal_case(&string(given, 0))))),
        Function::new("wrap", SIZED, |_, given| made(words::wrap(bytes(given, 1), int(given, 0), b"\n", false)?)),
        Function::new("wrapWith", &[Type::Int, Type::String, Type::String], |_, given| {
            made(words::wrap(bytes(given, 2), int(given, 0), bytes(given, 1), true)?)
        }),
        Function::new("contains", TWO, |_, given| {
            Ok(Value::Bool(memmem::find(bytes(given, 1), bytes(given, 0)).is_some()))
        }),
        Function::new("hasPrefix", TWO, |_, given| Ok(Value::Bool(bytes(given, 1).starts_with(bytes(given, 0))))),
        Function::new("hasSuffix", TWO, |_, given| Ok(Value::Bool(bytes(given, 1).ends_with(bytes(given, 0))))),
        Function::variadic("quote", &[], Type::Any, quote),
        Function::variadic("squote", &[], Type::Any, squote),
        Function::variadic("cat", &[], Type::Any, cat),
        Function::new("indent", SIZED, |_, given| made(indented(bytes(given, 1), int(given, 0), b"")?)),
        Function::new("nindent", SIZED, |_, given| made(indented(bytes(given, 1), int(given, 0), b"\n")?)),
        Function::new("replace", &[Type::String, Type::String, Type::String], replace),
        Function::new("plural", &[Type::String, Type::String, Type::Int], |_, given| {
            Ok(Value::String(text(given, if int(given, 2) == 1 { 0 } else { 1 })))
        }),
        Function::new("toString", &[Type::Any], |_, given| text_of(any(given, 0)).map(Value::String)),
        Function::new("split", TWO, |_, given| split_map(bytes(given, 1), bytes(given, 0), -1)),
        Function::new("splitn", &[Type::String, Type::Int, Type::String], |_, given| {
            split_map(bytes(given, 2), bytes(given, 0), int(given, 1))
        }),
        Function::new("splitList", TWO, split_list),
        Function::new("toStrings", &[Type::Any], |_, given| {
            Ok(Value::List(List::strings(slices::strings(any(given, 0))?)))
        }),
        Function::new("join", &[Type::String, Type::Any], join),
        Function::new("sortAlpha", &[Type::Any], sort_alpha),
    ]
    .into_iter()
}

/// `strings.TrimSpace`.
fn trimmed(text: &[u8]) -> &[u8] {
    match std::str::from_utf8(text) {
        Ok(text) => text.trim().as_bytes(),
        Err(_) => text.trim_ascii(),
    }
}

fn mapped(arguments: &[Value], change: fn(char) -> char) -> Value {
    Value::from(string(arguments, 0).chars().map(change).collect::<String>())
}

fn abbrev(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let (width, text) = (int(arguments, 0), bytes(arguments, 1));
    if width < 4 { made(text) } else { made(words::abbreviate(text, 0, width)) }
}

fn abbrev_both(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let (left, right, text) = (int(arguments, 0), int(arguments, 1), bytes(arguments, 2));
    let too_narrow = right < 4 || (left > 0 && right < 7);
    if too_narrow { made(text) } else { made(words::abbreviate(text, left, right)) }
}

fn trunc(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let (count, whole) = (int(arguments, 0), text(arguments, 1));
    let bytes = whole.as_bytes();
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let part = match count {
        ..0 if size < bytes.len() => bytes.get(bytes.len() - size..),
        0.. if size < bytes.len() => bytes.get(..size),
        _ => None,
    };
    match part {
        Some(part) => made(part),
        None => Ok(Value::String(whole)),
    }
}

fn substr(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let (start, end, text) = (int(arguments, 0), int(arguments, 1), bytes(arguments, 2));
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let (from, to) = match (start, end) {
        (..0, end) => (0, end),
        (start, end) if end < 0 || end > length => (start, length),
        bounds => bounds,
    };
    let out_of_bounds = |what: String| Fault::Message(format!("runtime error: slice bounds out of range {what}"));
    if to < 0 {
        return Err(out_of_bounds(format!("[:{to}]")));
    }
    if to > length {
        return Err(out_of_bounds(format!("[:{to}] with length {length}")));
    }
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    match range.and_then(|(from, to)| text.get(from..to)) {
        Some(part) => made(part),
        None => Err(out_of_bounds(format!("[{from}:{to}]"))),
    }
}

fn repeat(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let (count, text) = (count(int(arguments, 0))?, bytes(arguments, 1));
    check_text(count.saturating_mul(text.len()))?;
    made(text.repeat(count))
}

/// How often something is repeated.
fn count(count: i64) -> Result<usize, Fault> {
    usize::try_from(count).map_err(|_| "strings: negative Repeat count".into())
}

fn trim_all(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let (characters, text) = (string(arguments, 0), string(arguments, 1));
    Ok(Value::from(text.trim_matches(|c| characters.contains(c))))
}

fn quote(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let mut out = String::new();
    for value in arguments.iter().filter(|value| !value.is_nil()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&format::quote(text_of(value)?.as_bytes()));
    }
    Ok(Value::from(out))
}

fn squote(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let mut out = Vec::new();
    for value in arguments.iter().filter(|value| !value.is_nil()) {
        if !out.is_empty() {
            out.push(b' ');
        }
        out.push(b'\'');
        out.extend_from_slice(printed(value)?.as_bytes());
        out.push(b'\'');
    }
    made(out)
}

fn cat(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let mut out = Vec::new();
    for (at, value) in arguments.iter().filter(|value| !value.is_nil()).enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(printed(value)?.as_bytes());
    }
    made(out)
}

/// `text` with spaces in front of every line, and `before` in front of all.
fn indented(text: &[u8], spaces: i64, before: &[u8]) -> Result<Vec<u8>, Fault> {
    let spaces = count(spaces)?;
    let breaks = memchr::memchr_iter(b'\n', text).count();
    let size = spaces.saturating_mul(breaks + 1).saturating_add(text.len() + before.len());
    check_text(size)?;
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(before);
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if at > 0 {
            out.push(b'\n');
        }
        out.resize(out.len() + spaces, b' ');
        out.extend_from_slice(line);
    }
    Ok(out)
}

fn replace(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let (old, new, whole) = (bytes(arguments, 0), bytes(arguments, 1), bytes(arguments, 2));
    if old == new {
        return Ok(Value::String(text(arguments, 2)));
    }
    if old.is_empty() {
        return between_all(new, &string(arguments, 2));
    }
    let places: Vec<usize> = memmem::find_iter(whole, old).collect();
    if places.is_empty() {
        return Ok(Value::String(text(arguments, 2)));
    }
    check_text(whole.len().saturating_add(places.len().saturating_mul(new.len())))?;
    let mut out = Vec::with_capacity(whole.len());
    let mut from = 0;
    for place in places {
        out.extend_from_slice(whole.get(from..place).unwrap_or_default());
        out.extend_from_slice(new);
        from = place + old.len();
    }
    out.extend_from_slice(whole.get(from..).unwrap_or_default());
    made(out)
}

/// `new` in front of every character, and at the end.
fn between_all(new: &[u8], text: &str) -> Outcome {
    check_text(text.len().saturating_add((text.chars().count() + 1).saturating_mul(new.len())))?;
    let mut out = Vec::new();
    for c in text.chars() {
        out.extend_from_slice(new);
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    out.extend_from_slice(new);
    made(out)
}

/// `strings.SplitN`: the parts between separators, at most `most` of them unless it is negative. An empty separator
/// splits between characters.
fn parts<'t>(text: &'t [u8], separator: &[u8], most: i64) -> Result<Vec<&'t [u8]>, Fault> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let mut rest = text;
    if most == 0 || (separator.is_empty() && text.is_empty()) {
        return Ok(parts);
    }
    let finder = memmem::Finder::new(separator);
    while parts.len() + 1 < most {
        let (end, next) = if separator.is_empty() {
            let size = first_character(rest);
            if size == rest.len() {
                break;
            }
            (size, size)
        } else {
            let Some(at) = finder.find(rest) else { break };
            (at, at + separator.len())
        };
        parts.push(rest.get(..end).unwrap_or_default());
        rest = rest.get(next..).unwrap_or_default();
        check_items(parts.len())?;
    }
    parts.push(rest);
    Ok(parts)
}

/// How many bytes the first character takes.
fn first_character(text: &[u8]) -> usize {
    let head = text.get(..4).unwrap_or(text);
    let chunk = head.utf8_chunks().next();
    let size = chunk.and_then(|chunk| chunk.valid().chars().next()).map_or(1, char::len_utf8);
    size.min(text.len())
}

fn split_map(text: &[u8], separator: &[u8], most: i64) -> Outcome {
    let parts = parts(text, separator, most)?.into_iter().enumerate();
    let entry = |(at, part): (usize, &[u8])| (format!("_{at}").into(), Value::String(Text::from_bytes(part.to_vec())));
    Ok(Value::Map(Map::of("map[string]string", parts.map(entry))))
}

fn split_list(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let parts = parts(bytes(arguments, 1), bytes(arguments, 0), -1)?;
    Ok(Value::List(List::strings(parts.into_iter().map(|part| Text::from_bytes(part.to_vec())))))
}

fn join(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let separator = bytes(arguments, 0);
    let items = slices::strings(any(arguments, 1))?;
    let sizes = items.iter().map(|item| item.len() + separator.len());
    check_text(sizes.fold(0, usize::saturating_add))?;
    let mut out = Vec::new();
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(separator);
        }
        out.extend_from_slice(item.as_bytes());
    }
    made(out)
}

fn sort_alpha(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let value = any(arguments, 0);
    let mut items = match slices::is_slice(value) {
        true => slices::strings(value)?,
        false => rest(arguments, 0).iter().map(text_of).collect::<Result<_, _>>()?,
    };
    items.sort();
    Ok(Value::List(List::strings(items)))
}
