//! What can only be looked at once the types of all of an expression are known.

use super::unify::Known;
use super::{Checked, refusal};
use crate::ast::{Expr, Kind};
use crate::functions::{FormatError, clauses};
use crate::types::Type;
use crate::value::Value;

/// The parts of an expression that are looked at later.
#[derive(Default)]
pub(super) struct Later {
    together: Vec<Together>,
    formats: Vec<Format>,
    /// In how many calls of `format` the part is that is checked, whose values need not be alike.
    pub(super) in_format: usize,
}

/// Elements of a list, keys or values of a map, which are written out together: where they stand, and their types.
struct Together {
    all: Vec<(u32, Type)>,
    may_differ: bool,
}

/// A call of `format` of which all is written out.
struct Format {
    at: u32,
    pattern: String,
    /// Which of what stands together are its values.
    values: usize,
}

impl Later {
    pub(super) fn together(&mut self, all: Vec<(u32, Type)>) {
        self.together.push(Together { all, may_differ: self.in_format > 0 });
    }

    /// A call of `format` whose arguments have just been checked.
    pub(super) fn format(&mut self, at: u32, arguments: &[Expr]) {
        let [pattern, values] = arguments else { return };
        if let (Kind::Literal(Value::Text(pattern)), Kind::List(_)) = (&pattern.kind, &values.kind) {
            let (pattern, values) = (pattern.as_str().to_owned(), self.together.len().saturating_sub(1));
            self.formats.push(Format { at, pattern, values });
        }
    }

    pub(super) fn check(self, known: &mut Known) -> Checked<()> {
        for together in self.together.iter().filter(|together| !together.may_differ) {
            check_same(&together.all, known)?;
        }
        for format in &self.formats {
            let values = self.together.get(format.values).map_or(&[][..], |together| &together.all);
            check_format(format, values, known)?;
        }
        Ok(())
    }
}

fn check_same(all: &[(u32, Type)], known: &mut Known) -> Checked<()> {
    let Some(((_, first), rest)) = all.split_first() else { return Ok(()) };
    let first = known.resolved(first);
    for (at, other) in rest {
        let other = known.resolved(other);
        if !first.is_same(&other) {
            return Err(refusal(*at, format!("expected type '{first}' but found '{other}'")));
        }
    }
    Ok(())
}

fn check_format(Format { at, pattern, .. }: &Format, values: &[(u32, Type)], known: &mut Known) -> Checked<()> {
    let clauses = clauses(pattern).map_err(|FormatError(message)| refusal(*at, message))?;
    for (place, verb) in clauses.iter().enumerate() {
        let (at, value) = values.get(place).ok_or_else(|| refusal(*at, format!("index {place} out of range")))?;
        let value = known.resolved(value);
        if !takes(*verb, &value) {
            return Err(refusal(*at, format!("a value of the type {value} cannot be formatted by %{verb}")));
        }
    }
    let (wanted, given) = (clauses.len(), values.len());
    if given > wanted {
        let message = format!("too many arguments supplied to string.format (expected {wanted}, got {given})");
        return Err(refusal(*at, message));
    }
    Ok(())
}

/// Whether values of a type can be formatted so.
fn takes(verb: char, value: &Type) -> bool {
    match (verb, value) {
        (_, Type::Dyn | Type::Unknown(_)) => true,
        ('s', Type::List(of)) => takes('s', of),
        ('s', Type::Map(of)) => takes('s', &of.0) && takes('s', &of.1),
        ('s', value) => !matches!(value, Type::Optional(_)),
        ('d' | 'f' | 'e', value) => matches!(value, Type::Int | Type::Uint | Type::Double),
        ('b', value) => matches!(value, Type::Bool | Type::Int | Type::Uint),
        ('x' | 'X', value) => matches!(value, Type::Int | Type::Uint | Type::Text | Type::Bytes),
        ('o', value) => matches!(value, Type::Int | Type::Uint),
        _ => true,
    }
}
