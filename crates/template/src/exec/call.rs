//! Calls of functions: the number and the types of arguments, as Go checks them.

use super::builtins::{self, Builtin};
use super::{Dot, Execution, Result};
use crate::function::{Function, Type};
use crate::parse::{Operand, Place, Position};
use crate::value::Value;

impl<C> Execution<'_, C> {
    /// Calls the function `name`; `last` is what comes through the pipeline, `at` where failures of the function are.
    pub(super) fn call_function(
        &mut self,
        dot: &Dot,
        name: &str,
        arguments: &[Operand],
        last: Option<Value>,
        at: (Place, Position),
    ) -> Result<Value> {
        if let Some(function) = self.functions.get(name) {
            return self.call(dot, *function, arguments, last, at);
        }
        match builtins::find(name) {
            Some(builtin) => self.call_builtin(dot, name, builtin, arguments, last, at),
            None => Err(self.fail(format!("{name:?} is not a defined function"))),
        }
    }

    fn call(
        &mut self,
        dot: &Dot,
        function: Function<C>,
        arguments: &[Operand],
        last: Option<Value>,
        at: (Place, Position),
    ) -> Result<Value> {
        let Function { name, parameters, variadic, body } = function;
        let given = arguments.len() + usize::from(last.is_some());
        self.check_count(name, arguments.len(), given, parameters.len(), variadic.is_some())?;
        let type_of = |at: usize| parameters.get(at).copied().or(variadic).unwrap_or(Type::Any);
        let mut values = Vec::with_capacity(given);
        for (at, argument) in arguments.iter().enumerate() {
            values.push(self.argument(dot, argument, type_of(at))?);
        }
        if let Some(last) = last {
            values.push(self.checked(last, type_of(given - 1), false)?);
        }
        let result = body(self, &values).map_err(|fault| {
            self.look_at(at.0, at.1);
            self.fail_calling(name, fault)
        })?;
        self.charge(&values, &result)?;
        Ok(result)
    }

    fn call_builtin(
        &mut self,
        dot: &Dot,
        name: &str,
        builtin: Builtin,
        arguments: &[Operand],
        last: Option<Value>,
        at: (Place, Position),
    ) -> Result<Value> {
        let given = arguments.len() + usize::from(last.is_some());
        self.check_count(name, arguments.len(), given, builtin.fixed, builtin.is_variadic)?;
        if let Some(stops_at) = builtin.stops_at {
            return self.short_circuit(dot, arguments, last, stops_at);
        }
        let mut values = Vec::with_capacity(given);
        for (at, argument) in arguments.iter().enumerate() {
            let wanted = if builtin.takes_format && at == 0 { Type::String } else { Type::Any };
            values.push(self.argument(dot, argument, wanted)?);
        }
        if let Some(last) = last {
            let wanted = if builtin.takes_format && given == 1 { Type::String } else { Type::Any };
            values.push(self.checked(last, wanted, false)?);
        }
        if name == "call" {
            return Err(self.call_of_no_function(arguments, &values, at));
        }
        let result = (builtin.body)(&values).map_err(|message| {
            self.look_at(at.0, at.1);
            self.fail_calling(name, message.into())
        })?;
        self.charge(&values, &result)?;
        Ok(result)
    }

    /// `call`: values that are functions cannot come into being here.
    fn call_of_no_function(&mut self, arguments: &[Operand], values: &[Value], at: (Place, Position)) -> super::Stop {
        let message = match (values.first(), arguments.first()) {
            (None | Some(Value::Nil), _) => "call of nil".to_owned(),
            (Some(value), None) => {
                format!("non-function {} of type {}", crate::format::print(value), value.type_name())
            }
            (Some(value), Some(operand)) => format!("non-function {} of type {}", operand.term, value.type_name()),
        };
        self.look_at(at.0, at.1);
        self.fail_calling("call", message.into())
    }

    /// `and` and `or`: what comes behind the argument that decides is not evaluated.
    fn short_circuit(
        &mut self,
        dot: &Dot,
        arguments: &[Operand],
        last: Option<Value>,
        stops_at: bool,
    ) -> Result<Value> {
        let mut value = Value::Nil;
        for argument in arguments {
            value = self.argument(dot, argument, Type::Any)?;
            if value.is_true() == stops_at {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    pub(super) fn check_count(
        &mut self,
        name: &str,
        written: usize,
        given: usize,
        fixed: usize,
        is_variadic: bool,
    ) -> Result<()> {
        if is_variadic && given < fixed {
            return Err(self.fail(format!("wrong number of args for {name}: want at least {fixed} got {written}")));
        }
        if !is_variadic && given != fixed {
            return Err(self.fail(format!("wrong number of args for {name}: want {fixed} got {given}")));
        }
        Ok(())
    }

    /// The value, if a parameter of the type `wanted` takes it. `in_interface` tells where a nil came from, which Go
    /// words differently.
    pub(super) fn checked(&mut self, value: Value, wanted: Type, in_interface: bool) -> Result<Value> {
        let fits = match (wanted, &value) {
            (Type::Any, _)
            | (Type::String, Value::String(_))
            | (Type::Bool, Value::Bool(_))
            | (Type::Int, Value::Int(_))
            | (Type::Int64, Value::Int64(_))
            | (Type::Float, Value::Float(_)) => true,
            (wanted, Value::Nil) if !in_interface => {
                if wanted.takes_nil() {
                    return Ok(value);
                }
                return Err(self.fail(format!("invalid value; expected {}", wanted.name())));
            }
            (Type::Map, Value::Map(map)) => map.holds_anything(),
            (Type::List, Value::List(list)) => list.element_type() == "interface {}",
            (Type::Strings, Value::List(list)) => list.element_type() == "string",
            (Type::Object(name), Value::Object(object)) => object.type_name() == name,
            _ => false,
        };
        if fits {
            return Ok(value);
        }
        let got = if value.is_nil() { "interface {}".to_owned() } else { value.type_name() };
        Err(self.fail(format!("wrong type for value; expected {}; got {got}", wanted.name())))
    }
}
