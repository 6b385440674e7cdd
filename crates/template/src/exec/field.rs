//! Fields, entries and methods: `.A.B`.

use std::sync::Arc;

use super::{Dot, Execution, Result};
use crate::function::Type;
use crate::parse::{Operand, Place, Term};
use crate::value::{Kind, Map, Value};

/// One name of a chain, and what is given to it should it be a method.
struct Selection<'a> {
    /// The whole chain.
    operand: &'a Operand,
    name: &'a str,
    /// Whether the receiver came out of a map.
    in_interface: bool,
    arguments: &'a [Operand],
    last: Option<Value>,
}

impl<C> Execution<'_, C> {
    /// `(pipeline).A.B`.
    pub(super) fn chain(
        &mut self,
        dot: &Dot,
        operand: &Operand,
        arguments: &[Operand],
        last: Option<Value>,
    ) -> Result<Value> {
        let Term::Chain(inner, names) = &operand.term else { return Ok(Value::Nil) };
        self.look_at(Place::Operand, operand.position);
        if inner.term == Term::Nil {
            return Err(self.fail(format!("indirection through explicit nil in {}", operand.term)));
        }
        let receiver = self.argument(dot, inner, Type::Any)?;
        self.field_chain(dot, receiver.into(), operand, names, arguments, last)
    }

    /// Follows `names` from `receiver` on. The last one may be a method, which gets the arguments.
    pub(super) fn field_chain(
        &mut self,
        dot: &Dot,
        receiver: Dot,
        operand: &Operand,
        names: &[Arc<str>],
        arguments: &[Operand],
        mut last: Option<Value>,
    ) -> Result<Value> {
        // What a map holds is an interface to Go, also where it is nil.
        let Dot { value: mut receiver, mut in_interface } = receiver;
        for (at, name) in names.iter().enumerate() {
            let is_last = at + 1 == names.len();
            let arguments = if is_last { arguments } else { &[] };
            let last = if is_last { last.take() } else { None };
            let from_map = matches!(receiver, Value::Map(_));
            let selection = Selection { operand, name, in_interface, arguments, last };
            receiver = self.select(dot, &receiver, &selection)?;
            in_interface = from_map;
        }
        Ok(receiver)
    }

    fn select(&mut self, dot: &Dot, receiver: &Value, selection: &Selection<'_>) -> Result<Value> {
        let Selection { operand, name, in_interface, arguments, last } = selection;
        let has_arguments = !arguments.is_empty() || last.is_some();
        match receiver {
            Value::Nil if *in_interface => Err(self.fail(format!("nil pointer evaluating interface {{}}.{name}"))),
            Value::Nil if self.fails_on_missing() => Err(self.fail(format!("nil data; no entry for key {name:?}"))),
            Value::Nil => Ok(Value::Nil),
            Value::Map(map) => {
                if let Some(methods) = map.methods().filter(|methods| methods.has(name)) {
                    let arguments = self.method_arguments(dot, name, None, arguments, last)?;
                    if let Some(result) = methods.call(map, name, &arguments) {
                        return self.method_result(operand, name, result);
                    }
                }
                if has_arguments {
                    return Err(self.fail(format!("{name} is not a method but has arguments")));
                }
                self.entry(map, name)
            }
            Value::Object(object) => {
                if object.has_method(name) {
                    let arguments = self.method_arguments(dot, name, object.parameters(name), arguments, last)?;
                    if let Some(result) = object.call(name, &arguments) {
                        return self.method_result(operand, name, result);
                    }
                }
                match object.field(name) {
                    Some(_) if has_arguments => {
                        Err(self.fail(format!("{name} has arguments but cannot be invoked as function")))
                    }
                    Some(value) => Ok(value),
                    None if object.kind() == Kind::Map => Ok(Value::Nil),
                    None => Err(self.no_field(name, receiver, *in_interface)),
                }
            }
            _ => Err(self.no_field(name, receiver, *in_interface)),
        }
    }

    fn no_field(&self, name: &str, receiver: &Value, in_interface: bool) -> super::Stop {
        let type_name = if in_interface { "interface {}".to_owned() } else { receiver.type_name() };
        self.fail(format!("can't evaluate field {name} in type {type_name}"))
    }

    fn entry(&mut self, map: &Map, name: &str) -> Result<Value> {
        match map.get(name) {
            Some(value) => Ok(value),
            None if self.fails_on_missing() => Err(self.fail(format!("map has no entry for key {name:?}"))),
            None => Ok(map.zero()),
        }
    }

    /// The arguments of a method, of the types that it wants.
    fn method_arguments(
        &mut self,
        dot: &Dot,
        name: &str,
        parameters: Option<&[Type]>,
        arguments: &[Operand],
        last: &Option<Value>,
    ) -> Result<Vec<Value>> {
        let given = arguments.len() + usize::from(last.is_some());
        if let Some(parameters) = parameters {
            self.check_count(name, arguments.len(), given, parameters.len(), false)?;
        }
        let type_of = |at: usize| parameters.and_then(|types| types.get(at)).copied().unwrap_or(Type::Any);
        let mut values = Vec::with_capacity(given);
        for (at, argument) in arguments.iter().enumerate() {
            values.push(self.argument(dot, argument, type_of(at))?);
        }
        if let Some(last) = last {
            values.push(self.checked(last.clone(), type_of(given - 1), false)?);
        }
        Ok(values)
    }

    fn method_result(
        &mut self,
        operand: &Operand,
        name: &str,
        result: std::result::Result<Value, String>,
    ) -> Result<Value> {
        result.map_err(|message| {
            self.look_at(Place::Operand, operand.position);
            self.fail_calling(name, message.into())
        })
    }
}
