//! Functions with regular expressions.

mod syntax;

use std::ops::Range;
use std::rc::Rc;

use cowherd_template::{Fault, Function, Text, Type, Value};
use regex::bytes::{Captures, Match, Regex, RegexBuilder};

use crate::functions::Context;
use crate::functions::call::arguments::{Call, Outcome, bytes, int, made, string, text};
use crate::functions::call::limits::{MAX_ITEMS, check_items, check_text};
use crate::functions::lists::slices::strings_or_nil;
use crate::functions::strings::runes::{is_digit, is_letter};

const TWO: &[Type] = &[Type::String, Type::String];
const THREE: &[Type] = &[Type::String, Type::String, Type::String];
const COUNTED: &[Type] = &[Type::String, Type::String, Type::Int];

/// How large a compiled expression may be, in bytes.
const MAX_COMPILED: usize = 4 << 20;

/// How deep expressions may be nested: Go allows a thousand groups, and counts less besides them.
const MAX_NESTED: u32 = 4096;

/// How many groups may be inside each other in an expression that is compiled on the stack at hand.
const SHALLOW: usize = 64;

/// The stack on which others are compiled, in bytes.
const DEEP_STACK: usize = 32 << 20;

/// How many steps of an execution it takes to compile an expression: a template can make up one after the other.
const STEPS_TO_COMPILE: u64 = 50_000;

pub(in crate::functions) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::new("regexMatch", TWO, |call, given| {
            // An expression that is none matches nothing.
            Ok(is_match(call, given).unwrap_or(Value::Bool(false)))
        }),
        Function::new("mustRegexMatch", TWO, is_match),
        Function::new("regexFindAll", COUNTED, |call, given| find_all(call, given).map_err(panicked(given))),
        Function::new("mustRegexFindAll", COUNTED, find_all),
        Function::new("regexFind", TWO, |call, given| find(call, given).map_err(panicked(given))),
        Function::new("mustRegexFind", TWO, find),
        Function::new("regexReplaceAll", THREE, |call, given| {
            replace_all(call, given, expand).map_err(panicked(given))
        }),
        Function::new("mustRegexReplaceAll", THREE, |call, given| replace_all(call, given, expand)),
        Function::new("regexReplaceAllLiteral", THREE, |call, given| {
            replace_all(call, given, literal).map_err(panicked(given))
        }),
        Function::new("mustRegexReplaceAllLiteral", THREE, |call, given| replace_all(call, given, literal)),
        Function::new("regexSplit", COUNTED, |call, given| split(call, given).map_err(panicked(given))),
        Function::new("mustRegexSplit", COUNTED, split),
        Function::new("regexQuoteMeta", &[Type::String], |_, given| Ok(Value::from(syntax::quoted(&string(given, 0))))),
    ]
    .into_iter()
}

/// A compiled expression.
pub(in crate::functions) struct Expression {
    regex: Regex,
    /// The names of groups, those without one included; several may have the same.
    names: Vec<Option<String>>,
}

impl Expression {
    /// Compiles an expression in Go's syntax.
    pub(in crate::functions) fn new(source: &str) -> Result<Self, Fault> {
        let syntax::Translated { text, names, depth } = syntax::translate(source)?;
        let mut builder = RegexBuilder::new(&text);
        builder.size_limit(MAX_COMPILED).nest_limit(MAX_NESTED);
        let build = || builder.build();
        // What is deep is compiled by functions that call themselves.
        let built = if depth > SHALLOW { stacker::grow(DEEP_STACK, build) } else { build() };
        let regex = built.map_err(|error| Fault::Message(syntax::refused(source, &error)))?;
        Ok(Self { regex, names })
    }

    /// What the first group of a name matched that matched anything.
    fn named<'h>(&self, name: &str, found: &Captures<'h>) -> Option<Match<'h>> {
        let of_name = self.names.iter().enumerate().filter(|(_, other)| other.as_deref() == Some(name));
        of_name.into_iter().find_map(|(at, _)| found.get(at + 1))
    }
}

/// The compiled expression, which is in Go's syntax.
fn regex(call: &mut Call<'_, '_>, source: &[u8]) -> Result<Rc<Expression>, Fault> {
    if let Some(known) = call.context().regex(source) {
        return Ok(known);
    }
    call.spend(STEPS_TO_COMPILE)?;
    let text = std::str::from_utf8(source).map_err(|_| syntax::no_text(source))?;
    let compiled = Rc::new(Expression::new(text)?);
    call.context().keep_regex(source, compiled.clone());
    Ok(compiled)
}

/// What Go says where an expression that is none is a matter of a panic.
fn panicked(arguments: &[Value]) -> impl FnOnce(Fault) -> Fault {
    let source = string(arguments, 0);
    let quoted = match source.contains('`') {
        false => format!("`{source}`"),
        true => cowherd_template::format::quote(source.as_bytes()),
    };
    move |fault| match fault {
        Fault::Message(message) if message.starts_with("error parsing regexp") => {
            Fault::Message(format!("regexp: Compile({quoted}): {message}"))
        }
        other => other,
    }
}

fn part(text: &[u8], range: Range<usize>) -> &[u8] {
    text.get(range).unwrap_or_default()
}

fn shared(text: &[u8], range: Range<usize>) -> Text {
    Text::from_bytes(part(text, range).to_vec())
}

fn is_match(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let regex = regex(call, bytes(arguments, 0))?;
    Ok(Value::Bool(regex.regex.is_match(bytes(arguments, 1))))
}

/// Whether nothing was matched inside of a character, which Go never does.
fn splits_character(text: &[u8], range: &Range<usize>) -> bool {
    range.is_empty() && text.get(range.start).is_some_and(|byte| byte & 0xc0 == 0x80)
}

/// Where the expression matches, at most `most` times unless that is negative.
fn matches(Expression { regex, .. }: &Expression, text: &[u8], most: i64) -> Result<Vec<Range<usize>>, Fault> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let found = regex.find_iter(text).map(|found| found.range()).filter(|range| !splits_character(text, range));
    let found: Vec<_> = found.take(most.min(MAX_ITEMS + 1)).collect();
    check_items(found.len())?;
    Ok(found)
}

fn find_all(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let regex = regex(call, bytes(arguments, 0))?;
    let text = bytes(arguments, 1);
    let found = matches(&regex, text, int(arguments, 2))?;
    Ok(strings_or_nil(found.into_iter().map(|range| shared(text, range)).collect()))
}

fn find(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let regex = regex(call, bytes(arguments, 0))?;
    let text = bytes(arguments, 1);
    made(regex.regex.find(text).map(|found| part(text, found.range())).unwrap_or_default())
}

fn split(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let regex = regex(call, bytes(arguments, 0))?;
    let (text, most) = (bytes(arguments, 1), int(arguments, 2));
    if most == 0 {
        return Ok(strings_or_nil(Vec::new()));
    }
    if text.is_empty() && !bytes(arguments, 0).is_empty() {
        return Ok(strings_or_nil(vec![Text::from("")]));
    }
    let mut parts = Vec::new();
    let (mut from, mut end) = (0, 0);
    for found in matches(&regex, text, most)? {
        if usize::try_from(most).is_ok_and(|most| parts.len() + 1 >= most) {
            break;
        }
        end = found.start;
        if found.end != 0 {
            parts.push(shared(text, from..end));
        }
        from = found.end;
    }
    if end != text.len() {
        parts.push(shared(text, from..text.len()));
    }
    Ok(Value::List(cowherd_template::List::strings(parts)))
}

/// Writes what replaces a match.
type Replacement = fn(template: &[u8], found: &Captures<'_>, regex: &Expression, out: &mut Vec<u8>);

fn replace_all(call: &mut Call<'_, '_>, arguments: &[Value], replacement: Replacement) -> Outcome {
    let regex = regex(call, bytes(arguments, 0))?;
    let (whole, template) = (bytes(arguments, 1), bytes(arguments, 2));
    let mut out = Vec::new();
    let mut from = 0;
    for found in regex.regex.captures_iter(whole) {
        let range = found.get_match().range();
        if splits_character(whole, &range) {
            continue;
        }
        out.extend_from_slice(part(whole, from..range.start));
        replacement(template, &found, &regex, &mut out);
        check_text(out.len())?;
        from = range.end;
    }
    if from == 0 && out.is_empty() && !whole.is_empty() && regex.regex.find(whole).is_none() {
        return Ok(Value::String(text(arguments, 1)));
    }
    out.extend_from_slice(part(whole, from..whole.len()));
    made(out)
}

fn literal(template: &[u8], _: &Captures<'_>, _: &Expression, out: &mut Vec<u8>) {
    out.extend_from_slice(template);
}

/// The template with what the groups of a match matched in place of `$1` and `${name}`.
fn expand(template: &[u8], found: &Captures<'_>, regex: &Expression, out: &mut Vec<u8>) {
    let mut rest = template;
    while let Some(at) = memchr::memchr(b'$', rest) {
        out.extend_from_slice(part(rest, 0..at));
        rest = part(rest, at + 1..rest.len());
        if let Some(after) = rest.strip_prefix(b"$") {
            out.push(b'$');
            rest = after;
            continue;
        }
        let Some((name, after)) = group_name(rest) else {
            out.push(b'$');
            continue;
        };
        rest = after;
        let group = match group_number(name) {
            Some(number) => found.get(number),
            None => regex.named(name, found),
        };
        out.extend_from_slice(group.map(|group| group.as_bytes()).unwrap_or_default());
    }
    out.extend_from_slice(rest);
}

/// The name of a group at the start of a text behind a dollar, in braces or not, and what follows it.
fn group_name(text: &[u8]) -> Option<(&str, &[u8])> {
    let inner = text.strip_prefix(b"{");
    let start = inner.unwrap_or(text);
    let valid = start.utf8_chunks().next().map(|chunk| chunk.valid()).unwrap_or_default();
    let size = valid.find(|c| !(c == '_' || is_letter(c) || is_digit(c))).unwrap_or(valid.len());
    let name = valid.get(..size).filter(|name| !name.is_empty())?;
    let after = start.get(size..)?;
    match inner {
        Some(_) => Some((name, after.strip_prefix(b"}")?)),
        None => Some((name, after)),
    }
}

fn group_number(name: &str) -> Option<usize> {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit()) && (name.len() == 1 || !name.starts_with('0'));
    if is_number { name.parse().ok() } else { None }
}
