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

/// The smallest size of a compiled expression that is told apart, in bytes: as many as it is heavy times.
const SMALLEST: usize = 4 << 10;

/// How many steps of an execution it takes to compile an expression, and how many more for each of its weight: a template can make up one
/// after the other.
const STEPS_TO_COMPILE: u64 = 50_000;
const STEPS_BY_WEIGHT: u64 = 5_000;

/// How many steps it takes to look for an expression in a byte, for each of its weight: in the worst case each of its states is looked at.
const STEPS_TO_LOOK: u64 = 4;

/// In how many bytes of the rest of a text a step looks for the end of one more match: it may have to look at all of it for each.
const LOOKED_AHEAD: usize = 256;

pub(in crate::functions) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::new("regexMatch", TWO, |call, given| {
            // An expression that is none matches nothing.
            is_match(call, given).or_else(|fault| match fault {
                Fault::Message(_) => Ok(Value::Bool(false)),
                other => Err(other),
            })
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
    /// How large it is, from 1.
    weight: u64,
    /// The names of groups, those without one included; several may have the same.
    names: Vec<Option<String>>,
}

impl Expression {
    /// Compiles an expression in Go's syntax.
    pub(in crate::functions) fn new(source: &str) -> Result<Self, Fault> {
        let syntax::Translated { text, names, depth } = syntax::translate(source)?;
        let build = |bytes| {
            let mut builder = RegexBuilder::new(&text);
            builder.size_limit(bytes).nest_limit(MAX_NESTED);
            let build = || builder.build();
            // What is deep is compiled by functions that call themselves.
            if depth > SHALLOW { stacker::grow(DEEP_STACK, build) } else { build() }
        };
        let mut bytes = SMALLEST;
        loop {
            match build(bytes) {
                Err(regex::Error::CompiledTooBig(_)) if bytes < MAX_COMPILED => bytes *= 4,
                built => {
                    let regex = built.map_err(|error| Fault::Message(syntax::refused(source, &error)))?;
                    return Ok(Self { regex, weight: (bytes / SMALLEST) as u64, names });
                }
            }
        }
    }

    /// Counts the steps of looking for it in so many bytes.
    fn look(&self, call: &mut Call<'_, '_>, bytes: usize) -> Result<(), Fault> {
        Ok(call.spend((bytes as u64).saturating_mul(self.weight * STEPS_TO_LOOK))?)
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
    call.spend(compiled.weight * STEPS_BY_WEIGHT)?;
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
    regex.look(call, bytes(arguments, 1).len())?;
    Ok(Value::Bool(regex.regex.is_match(bytes(arguments, 1))))
}

/// Whether nothing was matched inside of a character, which Go never does.
fn splits_character(text: &[u8], range: &Range<usize>) -> bool {
    range.is_empty() && text.get(range.start).is_some_and(|byte| byte & 0xc0 == 0x80)
}

/// Where the expression matches, at most `most` times unless that is negative.
fn matches(
    call: &mut Call<'_, '_>,
    expression: &Expression,
    text: &[u8],
    most: i64,
) -> Result<Vec<Range<usize>>, Fault> {
    expression.look(call, text.len())?;
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(MAX_ITEMS + 1);
    let mut all = Vec::new();
    for found in expression.regex.find_iter(text).map(|found| found.range()) {
        call.spend(steps_ahead(text, found.end))?;
        if splits_character(text, &found) {
            continue;
        }
        if all.len() == most {
            break;
        }
        all.push(found);
    }
    check_items(all.len())?;
    Ok(all)
}

/// How many steps it may take to find the next match behind `end`.
fn steps_ahead(text: &[u8], end: usize) -> u64 {
    (text.len().saturating_sub(end) / LOOKED_AHEAD) as u64
}

fn find_all(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let regex = regex(call, bytes(arguments, 0))?;
    let text = bytes(arguments, 1);
    let found = matches(call, &regex, text, int(arguments, 2))?;
    Ok(strings_or_nil(found.into_iter().map(|range| shared(text, range)).collect()))
}

fn find(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let regex = regex(call, bytes(arguments, 0))?;
    let text = bytes(arguments, 1);
    regex.look(call, text.len())?;
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
    for found in matches(call, &regex, text, most)? {
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
    regex.look(call, whole.len())?;
    let mut out = Vec::new();
    let mut from = 0;
    for found in regex.regex.captures_iter(whole) {
        let range = found.get_match().range();
        call.spend(steps_ahead(whole, range.end))?;
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
