//! Evaluates expressions, step by step and within a budget.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ast::{Access, Entry, Expr, Item, Kind, Macro, MacroKind, Operator};
use crate::functions::{Function, contains, matches};
use crate::meter::Meter;
use crate::result::{Fault, Outcome, What};
use crate::scope::Scope;
use crate::types;
use crate::value::{Key, List, Map, TypeName, Value, compare, deeper, equal, whole};

/// What evaluates an expression over data that lives for `'a`.
pub(crate) struct Machine<'a, 's> {
    pub scope: &'s Scope<'a>,
    /// The variables of the macros around, the innermost last.
    pub locals: Vec<Value<'a>>,
    pub meter: Meter,
}

impl<'a> Machine<'a, '_> {
    /// The value of an expression.
    pub fn value(&mut self, expr: &Expr) -> Outcome<Value<'a>> {
        self.meter.spend(1)?;
        deeper(|| self.value_of(expr)).map_err(|fault| fault.at(expr.at))
    }

    fn value_of(&mut self, expr: &Expr) -> Outcome<Value<'a>> {
        match &expr.kind {
            Kind::Literal(value) => Ok(value.clone()),
            Kind::Name(name) => self.variable(name),
            Kind::Local(place) => self.locals.get(*place).cloned().ok_or_else(|| Fault::missing("a local variable")),
            Kind::Select { operand, field, how } => self.select(operand, field, *how),
            Kind::Index { operand, index, optional } => self.index(operand, index, *optional),
            Kind::Call { function, arguments, .. } => match function {
                Some(function) if matches!(function.name, "or" | "orValue") && arguments.len() == 2 => {
                    self.otherwise(function, arguments)
                }
                Some(function) => {
                    let arguments = self.values(arguments)?;
                    (function.run)(&mut self.meter, &arguments)
                }
                None => {
                    self.values(arguments)?;
                    Err(Fault::no_overload())
                }
            },
            Kind::Matches { text, pattern } => match self.value(text)? {
                Value::Text(text) => matches(&mut self.meter, pattern, &text),
                _ => Err(Fault::no_overload()),
            },
            Kind::And(terms) => self.connect(terms, false),
            Kind::Or(terms) => self.connect(terms, true),
            Kind::Conditional(parts) => {
                let [condition, then, otherwise] = &**parts;
                match self.value(condition)? {
                    Value::Bool(true) => self.value(then),
                    Value::Bool(false) => self.value(otherwise),
                    _ => Err(Fault::no_overload()),
                }
            }
            Kind::Not(operand) => match self.value(operand)? {
                Value::Bool(value) => Ok(Value::Bool(!value)),
                _ => Err(Fault::no_overload()),
            },
            Kind::Negate(operand) => negate(&self.value(operand)?),
            Kind::Binary(operator, sides) => {
                let [left, right] = &**sides;
                let left = self.value(left)?;
                let right = self.value(right)?;
                binary(&mut self.meter, *operator, &left, &right)
            }
            Kind::List(items) => self.list(items),
            Kind::Map(entries) => self.map(entries),
            Kind::Macro(it) => self.run_macro(it),
        }
    }

    fn values(&mut self, expressions: &[Expr]) -> Outcome<Vec<Value<'a>>> {
        expressions.iter().map(|expression| self.value(expression)).collect()
    }

    fn variable(&self, name: &str) -> Outcome<Value<'a>> {
        let plain = name.strip_prefix('.').unwrap_or(name);
        let of_a_type = || types::named(plain).map(|(name, _)| Value::Type(TypeName(name)));
        self.scope.get(plain).or_else(of_a_type).ok_or_else(|| Fault::missing(plain))
    }

    /// `a.or(b)` and `a.orValue(b)`, where `b` only matters if `a` is empty.
    fn otherwise(&mut self, function: &Function, arguments: &[Expr]) -> Outcome<Value<'a>> {
        let [first, second] = arguments else { return Err(Fault::no_overload()) };
        let is_or_value = function.name == "orValue";
        match self.value(first)? {
            Value::Optional(Some(value)) if is_or_value => Ok((*value).clone()),
            it @ Value::Optional(Some(_)) => Ok(it),
            empty @ Value::Optional(None) => {
                let second = self.value(second)?;
                (function.run)(&mut self.meter, &[empty, second])
            }
            // As in cel-go, what is there is what it is.
            other => Ok(other),
        }
    }

    /// `&&` and `||`: a term that decides does so whatever others come to, even if they fail.
    fn connect(&mut self, terms: &[Expr], decisive: bool) -> Outcome<Value<'a>> {
        let mut failed = None;
        for term in terms {
            match self.value(term) {
                Ok(Value::Bool(value)) if value == decisive => return Ok(Value::Bool(decisive)),
                Ok(Value::Bool(_)) => {}
                Ok(_) => drop(failed.get_or_insert_with(|| Fault::no_overload().at(term.at))),
                Err(fault) if fault.is_final() => return Err(fault),
                Err(fault) => drop(failed.get_or_insert(fault)),
            }
        }
        failed.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    fn select(&mut self, operand: &Expr, field: &str, how: Access) -> Outcome<Value<'a>> {
        let value = self.value(operand).map_err(|fault| extended(fault, operand, field))?;
        let (value, is_optional) = match value {
            Value::Optional(None) if how == Access::Presence => return Ok(Value::Bool(false)),
            Value::Optional(None) => return Ok(Value::Optional(None)),
            Value::Optional(Some(value)) => ((*value).clone(), true),
            value => (value, false),
        };
        let found = match &value {
            Value::Map(map) => {
                self.meter.spend_bytes(field.len())?;
                map.field(field)
            }
            // Nothing is present in what has no fields.
            _ if how != Access::Plain || is_optional => None,
            _ => return Err(Fault::no_overload()),
        };
        match (how, found) {
            (Access::Presence, found) => Ok(Value::Bool(found.is_some())),
            (Access::Plain, Some(found)) if !is_optional => Ok(found),
            (Access::Plain, None) if !is_optional => Err(Fault::error(format!("no such key: {field}"))),
            (_, found) => Ok(found.map_or(Value::Optional(None), Value::some)),
        }
    }

    fn index(&mut self, operand: &Expr, index: &Expr, optional: bool) -> Outcome<Value<'a>> {
        let value = self.value(operand)?;
        let index = self.value(index)?;
        let (value, is_optional) = match value {
            Value::Optional(None) => return Ok(Value::Optional(None)),
            Value::Optional(Some(value)) => ((*value).clone(), true),
            value => (value, optional),
        };
        let found = match &value {
            Value::List(list) => list_index(&index)?
                .and_then(|place| list.get(place))
                .ok_or_else(|| Fault::error(format!("index out of bounds: {}", shown(&index)))),
            Value::Map(map) => {
                if let Value::Text(text) = &index {
                    self.meter.spend_bytes(text.len())?;
                }
                map.get(&index).ok_or_else(|| Fault::error(format!("no such key: {}", shown(&index))))
            }
            _ if is_optional => return Ok(Value::Optional(None)),
            _ => return Err(Fault::no_overload()),
        };
        if is_optional { Ok(found.map_or(Value::Optional(None), Value::some)) } else { found }
    }

    /// The value of an element or entry that is written out; `None` where it is optional and empty.
    fn part(&mut self, expr: &Expr, optional: bool) -> Outcome<Option<Value<'a>>> {
        let value = self.value(expr)?;
        match value {
            value if !optional => Ok(Some(value)),
            Value::Optional(value) => Ok(value.map(|value| (*value).clone())),
            other => {
                let message =
                    format!("cannot initialize an optional entry from the non-optional type {}", other.type_name());
                Err(Fault::error(message).at(expr.at))
            }
        }
    }

    fn list(&mut self, items: &[Item]) -> Outcome<Value<'a>> {
        let mut values = Vec::new();
        for item in items {
            values.extend(self.part(&item.value, item.optional)?);
        }
        Ok(Value::list(values))
    }

    fn map(&mut self, entries: &[Entry]) -> Outcome<Value<'a>> {
        let mut map = BTreeMap::new();
        for entry in entries {
            let key = self.value(&entry.key)?;
            let value = self.part(&entry.value, entry.optional)?;
            let key = Key::of(&key).filter(|_| !matches!(key, Value::Double(_)));
            let key = key.ok_or_else(|| Fault::error("unsupported key type").at(entry.key.at))?;
            match value {
                Some(value) => drop(map.insert(key, value)),
                None => drop(map.remove(&key)),
            }
        }
        Ok(Value::Map(Map::Made(Arc::new(map))))
    }

    fn run_macro(&mut self, it: &Macro) -> Outcome<Value<'a>> {
        let range = self.value(&it.range)?;
        match (it.kind, range) {
            (MacroKind::OptMap | MacroKind::OptFlatMap, Value::Optional(None)) => Ok(Value::Optional(None)),
            (MacroKind::OptMap, Value::Optional(Some(value))) => self.with((*value).clone(), &it.body).map(Value::some),
            (MacroKind::OptFlatMap, Value::Optional(Some(value))) => self.with((*value).clone(), &it.body),
            (MacroKind::OptMap | MacroKind::OptFlatMap, _) => Err(Fault::no_overload()),
            (_, Value::List(list)) => self.fold(it, list.iter()),
            (_, Value::Map(map)) => {
                self.meter.spend(map.len())?;
                self.fold(it, map.keys().into_iter())
            }
            (_, other) => Err(Fault::error(format!(
                "a value of the type {} has no elements, only lists and maps have",
                other.type_name()
            ))),
        }
    }

    /// The value of an expression in which the variable of a macro is bound.
    fn with(&mut self, local: Value<'a>, expr: &Expr) -> Outcome<Value<'a>> {
        self.locals.push(local);
        let value = self.value(expr);
        self.locals.pop();
        value
    }

    fn holds(&mut self, local: &Value<'a>, expr: &Expr) -> Outcome<bool> {
        match self.with(local.clone(), expr)? {
            Value::Bool(value) => Ok(value),
            _ => Err(Fault::no_overload().at(expr.at)),
        }
    }

    fn fold(&mut self, it: &Macro, elements: impl Iterator<Item = Value<'a>>) -> Outcome<Value<'a>> {
        match it.kind {
            MacroKind::All => self.quantify(it, elements, false),
            MacroKind::Exists => self.quantify(it, elements, true),
            MacroKind::ExistsOne => {
                let mut count = 0_u64;
                for element in elements {
                    self.meter.spend(1)?;
                    count += u64::from(self.holds(&element, &it.body)?);
                }
                Ok(Value::Bool(count == 1))
            }
            _ => self.collect(it, elements),
        }
    }

    fn quantify(
        &mut self,
        it: &Macro,
        elements: impl Iterator<Item = Value<'a>>,
        decisive: bool,
    ) -> Outcome<Value<'a>> {
        let mut failed = None;
        for element in elements {
            self.meter.spend(1)?;
            match self.holds(&element, &it.body) {
                Ok(value) if value == decisive => return Ok(Value::Bool(decisive)),
                Ok(_) => {}
                Err(fault) if fault.is_final() => return Err(fault),
                Err(fault) => drop(failed.get_or_insert(fault)),
            }
        }
        failed.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    fn collect(&mut self, it: &Macro, elements: impl Iterator<Item = Value<'a>>) -> Outcome<Value<'a>> {
        let mut values = Vec::new();
        for element in elements {
            self.meter.spend(1)?;
            let is_mapped = it.kind == MacroKind::Map;
            let filter = if is_mapped { it.filter.as_ref() } else { Some(&it.body) };
            if let Some(filter) = filter
                && !self.holds(&element, filter)?
            {
                continue;
            }
            values.push(if is_mapped { self.with(element, &it.body)? } else { element });
        }
        Ok(Value::list(values))
    }
}

/// A variable that is missing is told with the fields that are asked of it.
fn extended(fault: Fault, operand: &Expr, field: &str) -> Fault {
    let is_chain = matches!(operand.kind, Kind::Name(_) | Kind::Select { how: Access::Plain, .. });
    match fault.what {
        What::Missing(name) if is_chain => Fault { what: What::Missing(format!("{name}.{field}")), ..fault },
        what => Fault { what, ..fault },
    }
}

/// A value for a message.
fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => text.chars().take(64).collect(),
        Value::Bool(it) => it.to_string(),
        Value::Int(it) => it.to_string(),
        Value::Uint(it) => it.to_string(),
        Value::Double(it) => it.to_string(),
        other => format!("a value of the type {}", other.type_name()),
    }
}

/// The place in a list that a value is; `None` where a list has no such place.
fn list_index(index: &Value<'_>) -> Outcome<Option<usize>> {
    let number = match index {
        Value::Int(number) => i128::from(*number),
        Value::Uint(number) => i128::from(*number),
        Value::Double(number) => {
            whole(*number).map(i128::from).ok_or_else(|| Fault::error("unsupported index value"))?
        }
        other => return Err(Fault::error(format!("unsupported index type '{}' in list", other.type_name()))),
    };
    Ok(usize::try_from(number).ok())
}

fn negate<'a>(value: &Value<'a>) -> Outcome<Value<'a>> {
    match value {
        Value::Int(number) => number.checked_neg().map(Value::Int).ok_or_else(overflow),
        Value::Double(number) => Ok(Value::Double(-number)),
        _ => Err(Fault::no_overload()),
    }
}

fn overflow() -> Fault {
    Fault::error("integer overflow")
}

fn unsigned_overflow() -> Fault {
    Fault::error("unsigned integer overflow")
}

fn binary<'a>(meter: &mut Meter, operator: Operator, left: &Value<'a>, right: &Value<'a>) -> Outcome<Value<'a>> {
    let ordered = |meter: &mut Meter, holds: fn(Ordering) -> bool| {
        compare(left, right, meter).map(|order| Value::Bool(holds(order)))
    };
    match operator {
        Operator::Equal => equal(left, right, meter).map(Value::Bool),
        Operator::NotEqual => equal(left, right, meter).map(|is_equal| Value::Bool(!is_equal)),
        Operator::Less => ordered(meter, Ordering::is_lt),
        Operator::LessOrEqual => ordered(meter, Ordering::is_le),
        Operator::Greater => ordered(meter, Ordering::is_gt),
        Operator::GreaterOrEqual => ordered(meter, Ordering::is_ge),
        Operator::In => contains(meter, left, right).map(Value::Bool),
        Operator::Add => add(meter, left, right),
        Operator::Subtract => subtract(left, right),
        Operator::Multiply => multiply(left, right),
        Operator::Divide => divide(left, right),
        Operator::Modulo => modulo(left, right),
    }
}

fn add<'a>(meter: &mut Meter, left: &Value<'a>, right: &Value<'a>) -> Outcome<Value<'a>> {
    Ok(match (left, right) {
        (Value::Int(one), Value::Int(other)) => Value::Int(one.checked_add(*other).ok_or_else(overflow)?),
        (Value::Uint(one), Value::Uint(other)) => Value::Uint(one.checked_add(*other).ok_or_else(unsigned_overflow)?),
        (Value::Double(one), Value::Double(other)) => Value::Double(one + other),
        (Value::Text(one), Value::Text(other)) => {
            meter.spend_bytes(one.len() + other.len())?;
            Value::text([one.as_str(), other.as_str()].concat())
        }
        (Value::Bytes(one), Value::Bytes(other)) => {
            meter.spend_bytes(one.len() + other.len())?;
            Value::Bytes([&**one, &**other].concat().into())
        }
        (Value::List(one), Value::List(other)) => joined(meter, one, other)?,
        (Value::Duration(one), Value::Duration(other)) => Value::Duration(one.plus(*other)?),
        (Value::Timestamp(one), Value::Duration(other)) => Value::Timestamp(one.plus(*other)?),
        (Value::Duration(one), Value::Timestamp(other)) => Value::Timestamp(other.plus(*one)?),
        _ => return Err(Fault::no_overload()),
    })
}

fn joined<'a>(meter: &mut Meter, one: &List<'a>, other: &List<'a>) -> Outcome<Value<'a>> {
    meter.spend(one.len() + other.len())?;
    Ok(Value::list(one.iter().chain(other.iter()).collect()))
}

fn subtract<'a>(left: &Value<'a>, right: &Value<'a>) -> Outcome<Value<'a>> {
    Ok(match (left, right) {
        (Value::Int(one), Value::Int(other)) => Value::Int(one.checked_sub(*other).ok_or_else(overflow)?),
        (Value::Uint(one), Value::Uint(other)) => Value::Uint(one.checked_sub(*other).ok_or_else(unsigned_overflow)?),
        (Value::Double(one), Value::Double(other)) => Value::Double(one - other),
        (Value::Duration(one), Value::Duration(other)) => Value::Duration(one.minus(*other)?),
        (Value::Timestamp(one), Value::Duration(other)) => Value::Timestamp(one.minus(*other)?),
        (Value::Timestamp(one), Value::Timestamp(other)) => Value::Duration(one.since(*other)?),
        _ => return Err(Fault::no_overload()),
    })
}

fn multiply<'a>(left: &Value<'a>, right: &Value<'a>) -> Outcome<Value<'a>> {
    Ok(match (left, right) {
        (Value::Int(one), Value::Int(other)) => Value::Int(one.checked_mul(*other).ok_or_else(overflow)?),
        (Value::Uint(one), Value::Uint(other)) => Value::Uint(one.checked_mul(*other).ok_or_else(unsigned_overflow)?),
        (Value::Double(one), Value::Double(other)) => Value::Double(one * other),
        _ => return Err(Fault::no_overload()),
    })
}

fn divide<'a>(left: &Value<'a>, right: &Value<'a>) -> Outcome<Value<'a>> {
    Ok(match (left, right) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
            return Err(Fault::error("division by zero"));
        }
        (Value::Int(one), Value::Int(other)) => Value::Int(one.checked_div(*other).ok_or_else(overflow)?),
        (Value::Uint(one), Value::Uint(other)) => Value::Uint(one.checked_div(*other).ok_or_else(unsigned_overflow)?),
        (Value::Double(one), Value::Double(other)) => Value::Double(one / other),
        _ => return Err(Fault::no_overload()),
    })
}

fn modulo<'a>(left: &Value<'a>, right: &Value<'a>) -> Outcome<Value<'a>> {
    Ok(match (left, right) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
            return Err(Fault::error("modulus by zero"));
        }
        (Value::Int(one), Value::Int(other)) => Value::Int(one.checked_rem(*other).ok_or_else(overflow)?),
        (Value::Uint(one), Value::Uint(other)) => Value::Uint(one.checked_rem(*other).ok_or_else(unsigned_overflow)?),
        _ => return Err(Fault::no_overload()),
    })
}
