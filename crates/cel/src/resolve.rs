//! Makes of an expression that was read what is evaluated: variables of macros have places, and what is always the
//! same is found out.

use std::sync::Arc;

use crate::ast::{Access, Expr, Kind};
use crate::functions;
use crate::lexer::Refusal;
use crate::meter::Meter;
use crate::pattern::Pattern;
use crate::result::{Fault, Stage, What};
use crate::types;
use crate::value::{Map, TypeName, Value, deeper};

/// What it costs to find out what is always the same is taken from `constants`.
pub(crate) fn resolve(expression: &mut Expr, constants: &mut Meter) -> Result<(), Refusal> {
    Resolver { variables: Vec::new(), meter: constants }.resolve(expression)
}

struct Resolver<'m> {
    variables: Vec<Box<str>>,
    meter: &'m mut Meter,
}

impl Resolver<'_> {
    fn resolve(&mut self, expr: &mut Expr) -> Result<(), Refusal> {
        deeper(|| self.resolve_kind(expr))
    }

    fn resolve_kind(&mut self, expr: &mut Expr) -> Result<(), Refusal> {
        if let Kind::Select { how: Access::Plain, .. } = &expr.kind
            && let Some((name, _)) = expr.qualified_name().and_then(|name| types::named(&name))
        {
            expr.kind = Kind::Literal(Value::Type(TypeName(name)));
            return Ok(());
        }
        match &mut expr.kind {
            Kind::Literal(_) | Kind::Local(_) => Ok(()),
            Kind::Name(name) => {
                if let Some(place) = self.variables.iter().rposition(|variable| variable == name) {
                    expr.kind = Kind::Local(place);
                }
                Ok(())
            }
            Kind::Select { operand, .. } => self.resolve(operand),
            Kind::Index { operand, index, .. } => {
                self.resolve(operand)?;
                self.resolve(index)?;
                Self::check_index(expr.at, index)
            }
            Kind::Call { arguments, .. } => {
                for argument in arguments {
                    self.resolve(argument)?;
                }
                self.find_constant(expr)
            }
            Kind::Matches { text, .. } => self.resolve(text),
            Kind::And(terms) | Kind::Or(terms) => terms.iter_mut().try_for_each(|term| self.resolve(term)),
            Kind::Conditional(parts) => parts.iter_mut().try_for_each(|part| self.resolve(part)),
            Kind::Not(operand) | Kind::Negate(operand) => self.resolve(operand),
            Kind::Binary(_, sides) => sides.iter_mut().try_for_each(|side| self.resolve(side)),
            Kind::List(items) => items.iter_mut().try_for_each(|item| self.resolve(&mut item.value)),
            Kind::Map(entries) => entries.iter_mut().try_for_each(|entry| {
                self.resolve(&mut entry.key)?;
                self.resolve(&mut entry.value)
            }),
            Kind::Macro(it) => {
                self.resolve(&mut it.range)?;
                self.variables.push(it.variable.clone());
                let filtered = it.filter.as_mut().map_or(Ok(()), |filter| self.resolve(filter));
                let resolved = filtered.and_then(|()| self.resolve(&mut it.body));
                self.variables.pop();
                resolved
            }
        }
    }

    /// Compiles a pattern that is written out, and converts what is.
    fn find_constant(&mut self, expr: &mut Expr) -> Result<(), Refusal> {
        let at = expr.at;
        let refused = |fault: Fault| {
            let message = match fault.what {
                What::Error(message) | What::Missing(message) => message,
                What::Exhausted => "what of the expression is always the same costs too much".into(),
            };
            Refusal { at, message, stage: Stage::Constant }
        };
        let Kind::Call { name, function, arguments, .. } = &mut expr.kind else { return Ok(()) };
        let Some(function) = function else {
            // Nothing could be called upon that brings a function of its own.
            let is_nothing = arguments.is_empty();
            return if is_nothing { Err(refused(Fault::error(format!("no such overload: {name}()")))) } else { Ok(()) };
        };
        if function.name == "matches"
            && let [_, Expr { kind: Kind::Literal(Value::Text(source)), .. }] = &arguments[..]
        {
            self.meter.spend(Pattern::cost_to_compile(source)).map_err(refused)?;
            let pattern = Pattern::compile(source).map_err(|message| refused(Fault::error(message)))?;
            self.meter.spend(pattern.cost_to_keep()).map_err(refused)?;
            let text = Box::new(arguments.swap_remove(0));
            expr.kind = Kind::Matches { text, pattern };
            return Ok(());
        }
        // Of lists and maps only the type counts: nothing else is made of them.
        let is_kept = |value: &Value<'_>| matches!(value, Value::List(_) | Value::Map(_)) && function.name == "dyn";
        if functions::is_conversion(function.name)
            && let [argument] = &arguments[..]
            && let Some(value) = constant(argument).filter(|value| !is_kept(value))
        {
            let converted = (function.run)(self.meter, std::slice::from_ref(&value));
            expr.kind = Kind::Literal(converted.map_err(refused)?);
        }
        Ok(())
    }

    /// Refuses what can never be a key.
    fn check_index(at: u32, index: &Expr) -> Result<(), Refusal> {
        let name = match &index.kind {
            Kind::Literal(Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::Text(_)) => {
                return Ok(());
            }
            Kind::Literal(value) => value.type_name(),
            _ => return Ok(()),
        };
        let message = format!("a value of the type {name} is no index");
        Err(Refusal { at, message, stage: Stage::Constant })
    }
}

/// The value of what is written out, also if it is a list or a map of such.
fn constant(expr: &Expr) -> Option<Value<'static>> {
    match &expr.kind {
        Kind::Literal(value) => Some(value.clone()),
        Kind::List(items) if items.iter().all(|item| constant(&item.value).is_some()) => {
            Some(Value::list(items.iter().filter_map(|item| constant(&item.value)).collect()))
        }
        Kind::Map(entries)
            if entries.iter().all(|entry| constant(&entry.key).and(constant(&entry.value)).is_some()) =>
        {
            Some(Value::Map(Map::Made(Arc::default())))
        }
        _ => None,
    }
}
