//! Finds out the types of an expression before there are values, and refuses what cannot have one.

mod later;
mod operators;
mod unify;

use std::sync::Arc;

use cowherd_text::listed;

use crate::ast::{Access, Expr, Kind, Macro, MacroKind, Operator};
use crate::functions::{Overload, Sig};
use crate::lexer::Refusal;
use crate::result::Stage;
use crate::types::{self, Type};
use crate::value::{Value, deeper};
use later::Later;
use unify::Known;

type Checked<T = Type> = Result<T, Refusal>;

/// How many types a message names.
const NAMED: usize = 8;

/// The type of an expression over variables that are objects.
pub(crate) fn check(expression: &Expr, variables: &[&str]) -> Checked {
    let scope = variables.iter().map(|name| ((*name).to_owned(), Type::object())).collect();
    let mut checker = Checker { known: Known::default(), declared: variables.len(), scope, later: Later::default() };
    let found = checker.check(expression)?;
    let found = checker.known.resolved(&found);
    std::mem::take(&mut checker.later).check(&mut checker.known)?;
    if checker.known.is_exhausted() {
        return Err(refusal(expression.at, "the types of the expression are too complicated"));
    }
    Ok(found)
}

fn refusal(at: u32, message: impl Into<String>) -> Refusal {
    Refusal { at, message: message.into(), stage: Stage::Check }
}

struct Checker {
    known: Known,
    /// How many of the variables are those of the expression; others are those of macros.
    declared: usize,
    scope: Vec<(String, Type)>,
    /// What is looked at once all types are known.
    later: Later,
}

impl Checker {
    fn check(&mut self, expr: &Expr) -> Checked {
        if self.known.is_exhausted() {
            return Err(refusal(expr.at, "the types of the expression are too complicated"));
        }
        deeper(|| self.check_kind(expr))
    }

    fn check_kind(&mut self, expr: &Expr) -> Checked {
        let at = expr.at;
        match &expr.kind {
            Kind::Literal(value) => Ok(literal(value)),
            Kind::Name(name) => {
                self.lookup(name).ok_or_else(|| refusal(at, format!("undeclared reference to '{name}'")))
            }
            Kind::Local(_) => Ok(Type::Dyn),
            Kind::Select { operand, how, .. } => self.check_select(expr, operand, *how),
            Kind::Index { operand, index, optional } => {
                let overloads = if *optional { operators::OPTIONAL_INDEX } else { operators::INDEX };
                let name = if *optional { "[?]" } else { "[]" };
                self.check_operator(at, name, overloads, &[operand, index])
            }
            Kind::Call { name, function, is_member, arguments } => {
                let Some(function) = function else {
                    // What something is called upon that is nothing itself comes first.
                    if let Some(target) = arguments.first().filter(|_| *is_member) {
                        self.check(target)?;
                    }
                    return Err(refusal(at, format!("undeclared reference to '{name}'")));
                };
                let is_format = function.name == "format";
                self.later.in_format += usize::from(is_format);
                let types = arguments.iter().map(|argument| self.check(argument)).collect::<Checked<Vec<Type>>>();
                self.later.in_format -= usize::from(is_format);
                let types = types?;
                if is_format {
                    self.later.format(at, arguments);
                }
                self.resolve(at, name, *is_member, function.overloads.iter().map(signature), &types)
            }
            Kind::Matches { text, .. } => self.check(text),
            Kind::And(terms) | Kind::Or(terms) => {
                for term in terms {
                    self.check_bool(term)?;
                }
                Ok(Type::Bool)
            }
            Kind::Conditional(parts) => {
                let [condition, then, otherwise] = &**parts;
                self.check_operator(at, "?:", operators::CONDITIONAL, &[condition, then, otherwise])
            }
            Kind::Not(operand) => self.check_operator(at, "!", operators::NOT, &[operand]),
            Kind::Negate(operand) => self.check_operator(at, "-", operators::NEGATE, &[operand]),
            Kind::Binary(operator, sides) => {
                let [left, right] = &**sides;
                self.check_operator(at, operator.text(), operators::binary(*operator), &[left, right])
            }
            Kind::List(items) => {
                let (mut of, mut all) = (None, Vec::new());
                for item in items {
                    let found = self.check_part(&item.value, item.optional)?;
                    all.push((item.value.at, found.clone()));
                    of = Some(self.join(of, found));
                }
                self.later.together(all);
                let of = of.unwrap_or_else(|| self.known.unknown());
                Ok(Type::list(of))
            }
            Kind::Map(entries) => {
                let (mut keys, mut values) = (None, None);
                let (mut all_keys, mut all_values) = (Vec::new(), Vec::new());
                for entry in entries {
                    let key = self.check(&entry.key)?;
                    all_keys.push((entry.key.at, key.clone()));
                    keys = Some(self.join(keys, key));
                    let value = self.check_part(&entry.value, entry.optional)?;
                    all_values.push((entry.value.at, value.clone()));
                    values = Some(self.join(values, value));
                }
                self.later.together(all_keys);
                self.later.together(all_values);
                let key = keys.unwrap_or_else(|| self.known.unknown());
                let value = values.unwrap_or_else(|| self.known.unknown());
                Ok(Type::map(key, value))
            }
            Kind::Macro(it) => self.check_macro(at, it),
        }
    }

    fn lookup(&self, name: &str) -> Option<Type> {
        let (from, name) = match name.strip_prefix('.') {
            Some(name) => (self.declared, name),
            None => (self.scope.len(), name),
        };
        let variables = self.scope.get(..from).unwrap_or_default();
        let variable = variables.iter().rev().find(|(other, _)| other == name).map(|(_, type_)| type_.clone());
        variable.or_else(|| types::named(name).map(|(_, type_)| type_))
    }

    fn check_select(&mut self, expr: &Expr, operand: &Expr, how: Access) -> Checked {
        if let Some((_, named)) = expr.qualified_name().and_then(|name| types::named(&name)) {
            return Ok(named);
        }
        let found = self.check(operand)?;
        let found = self.known.resolved(&found);
        let (of, is_optional) = match &found {
            Type::Optional(of) => ((**of).clone(), true),
            other => (other.clone(), false),
        };
        let field = match &of {
            Type::Map(of) => of.1.clone(),
            Type::Dyn => Type::Dyn,
            Type::Unknown(_) => {
                self.known.fit(&Type::Dyn, &of);
                Type::Dyn
            }
            other => return Err(refusal(expr.at, format!("type '{other}' does not support field selection"))),
        };
        Ok(match how {
            Access::Presence => Type::Bool,
            Access::Plain if !is_optional => self.known.resolved(&field),
            Access::Plain | Access::Optional => Type::optional(self.known.resolved(&field)),
        })
    }

    fn check_bool(&mut self, expr: &Expr) -> Checked<()> {
        self.check_condition(expr.at, expr)
    }

    /// Checks a condition, and says of one that is none where what it decides on stands.
    fn check_condition(&mut self, at: u32, expr: &Expr) -> Checked<()> {
        let found = self.check(expr)?;
        if self.known.fit(&found, &Type::Bool) {
            return Ok(());
        }
        Err(self.mismatch(at, &Type::Bool, &found))
    }

    fn mismatch(&mut self, at: u32, wanted: &Type, found: &Type) -> Refusal {
        let (wanted, found) = (self.known.resolved(wanted), self.known.resolved(found));
        refusal(at, format!("expected type '{wanted}' but found '{found}'"))
    }

    /// The type of an element or of the value of an entry, which an optional one may lack.
    fn check_part(&mut self, expr: &Expr, optional: bool) -> Checked {
        let found = self.check(expr)?;
        match self.known.resolved(&found) {
            Type::Optional(of) if optional => Ok((*of).clone()),
            other if optional && other != Type::Dyn => {
                Err(self.mismatch(expr.at, &Type::optional(other.clone()), &other))
            }
            _ => Ok(found),
        }
    }

    /// The type of all elements so far and another one.
    fn join(&mut self, before: Option<Type>, next: Type) -> Type {
        let Some(before) = before else { return next };
        if self.known.fit(&before, &next) { self.known.more_general(&before, &next) } else { Type::Dyn }
    }

    fn check_operator(
        &mut self,
        at: u32,
        name: &str,
        overloads: &[operators::Signature],
        operands: &[&Expr],
    ) -> Checked {
        let types = operands.iter().map(|operand| self.check(operand)).collect::<Checked<Vec<Type>>>()?;
        self.resolve(at, name, false, overloads.iter().map(|(arguments, result)| (false, *arguments, *result)), &types)
    }

    /// The type of what is called with arguments of these types.
    fn resolve<'s>(
        &mut self,
        at: u32,
        name: &str,
        is_member: bool,
        overloads: impl Iterator<Item = (bool, &'s [Sig], Sig)>,
        given: &[Type],
    ) -> Checked {
        let mut result: Option<Type> = None;
        for (_, arguments, returns) in overloads.filter(|(member, ..)| *member == is_member) {
            let mut fresh = Fresh { known: &mut self.known, a: None, b: None };
            let wanted: Vec<Type> = arguments.iter().map(|argument| fresh.type_of(*argument)).collect();
            let returns = fresh.type_of(returns);
            if !self.known.fit_all(given, &wanted) {
                continue;
            }
            let returns = self.known.resolved(&returns);
            result = Some(match result {
                None => returns,
                Some(before) if before == Type::Dyn || before == returns => before,
                Some(_) => Type::Dyn,
            });
        }
        result.ok_or_else(|| {
            let given: Vec<String> = given.iter().map(|type_| self.known.resolved(type_).to_string()).collect();
            let upon = if is_member { "called on" } else { "applied to" };
            refusal(at, format!("found no matching overload for '{name}' {upon} ({})", listed(given, NAMED)))
        })
    }

    fn check_macro(&mut self, at: u32, it: &Macro) -> Checked {
        let range = self.check(&it.range)?;
        let range = self.known.resolved(&range);
        let element = match it.kind {
            MacroKind::OptMap | MacroKind::OptFlatMap => self.optional_element(at, &range)?,
            _ => self.element(&it.range, &range)?,
        };
        self.scope.push((it.variable.to_string(), element.clone()));
        let checked = self.check_body(at, it, element);
        self.scope.pop();
        checked
    }

    fn element(&mut self, range: &Expr, found: &Type) -> Checked {
        Ok(match found {
            Type::List(of) => (**of).clone(),
            Type::Map(of) => of.0.clone(),
            Type::Dyn => Type::Dyn,
            Type::Unknown(_) => {
                self.known.fit(&Type::Dyn, found);
                Type::Dyn
            }
            other => {
                let message = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                return Err(refusal(range.at, message));
            }
        })
    }

    fn optional_element(&mut self, at: u32, found: &Type) -> Checked {
        let of = self.known.unknown();
        if self.known.fit(found, &Type::optional(of.clone())) {
            return Ok(self.known.resolved(&of));
        }
        let message = format!("found no matching overload for 'hasValue' called on ({found})");
        Err(refusal(at, message))
    }

    fn check_body(&mut self, at: u32, it: &Macro, element: Type) -> Checked {
        match it.kind {
            MacroKind::All | MacroKind::Exists => {
                self.check_bool(&it.body)?;
                Ok(Type::Bool)
            }
            MacroKind::ExistsOne => {
                self.check_condition(at, &it.body)?;
                Ok(Type::Bool)
            }
            MacroKind::Filter => {
                self.check_condition(at, &it.body)?;
                Ok(Type::list(self.known.resolved(&element)))
            }
            MacroKind::Map => {
                if let Some(filter) = &it.filter {
                    self.check_condition(at, filter)?;
                }
                let of = self.check(&it.body)?;
                Ok(Type::list(self.known.resolved(&of)))
            }
            MacroKind::OptMap => {
                let of = self.check(&it.body)?;
                Ok(Type::optional(self.known.resolved(&of)))
            }
            MacroKind::OptFlatMap => {
                let found = self.check(&it.body)?;
                let of = self.known.unknown();
                if !self.known.fit(&found, &Type::optional(of.clone())) {
                    return Err(self.mismatch(at, &Type::optional(Type::Dyn), &found));
                }
                Ok(Type::optional(self.known.resolved(&of)))
            }
        }
    }
}

fn signature(overload: &'static Overload) -> (bool, &'static [Sig], Sig) {
    (overload.is_member, overload.arguments, overload.result)
}

/// The types of a signature, in which the same letter is the same type.
struct Fresh<'k> {
    known: &'k mut Known,
    a: Option<Type>,
    b: Option<Type>,
}

impl Fresh<'_> {
    fn a(&mut self) -> Type {
        self.a.get_or_insert_with(|| self.known.unknown()).clone()
    }

    fn b(&mut self) -> Type {
        self.b.get_or_insert_with(|| self.known.unknown()).clone()
    }

    fn type_of(&mut self, sig: Sig) -> Type {
        match sig {
            Sig::Dyn => Type::Dyn,
            Sig::Bool => Type::Bool,
            Sig::Int => Type::Int,
            Sig::Uint => Type::Uint,
            Sig::Double => Type::Double,
            Sig::Text => Type::Text,
            Sig::Bytes => Type::Bytes,
            Sig::Timestamp => Type::Timestamp,
            Sig::Duration => Type::Duration,
            Sig::A => self.a(),
            Sig::B => self.b(),
            Sig::ListA => Type::list(self.a()),
            Sig::ListText => Type::list(Type::Text),
            Sig::ListDyn => Type::list(Type::Dyn),
            Sig::MapAB => Type::map(self.a(), self.b()),
            Sig::OptA => Type::optional(self.a()),
            Sig::OptB => Type::optional(self.b()),
            Sig::OptListA => Type::optional(Type::list(self.a())),
            Sig::OptMapAB => Type::optional(Type::map(self.a(), self.b())),
            Sig::ListOptA => Type::list(Type::optional(self.a())),
            Sig::TypeA => Type::Kind(Arc::new(self.a())),
        }
    }
}

fn literal(value: &Value<'_>) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Bool,
        Value::Int(_) => Type::Int,
        Value::Uint(_) => Type::Uint,
        Value::Double(_) => Type::Double,
        Value::Text(_) => Type::Text,
        Value::Bytes(_) => Type::Bytes,
        Value::Timestamp(_) => Type::Timestamp,
        Value::Duration(_) => Type::Duration,
        Value::List(_) | Value::Map(_) | Value::Type(_) | Value::Optional(_) => Type::Dyn,
    }
}
