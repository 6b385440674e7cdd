//! Evaluates pipelines and the commands and operands in them.

use std::sync::Arc;

use super::{Dot, Execution, Result};
use crate::function::Type;
use crate::parse::{Command, Number, Operand, Pipe, Place, Term};
use crate::value::Value;

impl<C> Execution<'_, C> {
    /// The value of a pipeline. Variables that it declares stay until the end of what encloses it.
    pub(super) fn evaluate(&mut self, dot: &Dot, pipe: &Pipe) -> Result<Value> {
        self.look_at(Place::Pipe, pipe.position);
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(dot, command, value)?);
        }
        let value = value.unwrap_or_default();
        for name in &pipe.declared {
            if pipe.assigns {
                self.assign(name, value.clone().into());
            } else {
                self.declare(name, value.clone());
            }
        }
        Ok(value)
    }

    /// The value of a command; `last` is what the command before it gave.
    fn command(&mut self, dot: &Dot, command: &Command, last: Option<Value>) -> Result<Value> {
        self.step()?;
        let Some((first, arguments)) = command.operands.split_first() else {
            return Ok(Value::Nil);
        };
        let at = (Place::Command, command.position);
        match &first.term {
            Term::Function(name) => {
                self.look_at(Place::Operand, first.position);
                return self.call_function(dot, name, arguments, last, at);
            }
            Term::Field(names) => {
                self.look_at(Place::Operand, first.position);
                return self.field_chain(dot, dot.clone(), first, names, arguments, last);
            }
            Term::Chain(..) => return self.chain(dot, first, arguments, last),
            Term::Variable(name, names) => {
                self.look_at(Place::Operand, first.position);
                let value = self.variable_value(name)?;
                if names.is_empty() {
                    self.not_a_function(first, arguments, &last)?;
                    return Ok(value.value);
                }
                return self.field_chain(dot, value, first, names, arguments, last);
            }
            Term::Pipe(pipe) => {
                self.not_a_function(first, arguments, &last)?;
                return self.inner_pipe(dot, pipe);
            }
            Term::Dot | Term::Nil | Term::Bool(_) | Term::Number(_) | Term::String { .. } => {}
        }
        self.look_at(Place::Operand, first.position);
        self.not_a_function(first, arguments, &last)?;
        match &first.term {
            Term::Nil => Err(self.fail("nil is not a command")),
            Term::Bool(value) => Ok(Value::Bool(*value)),
            Term::Number(number) => self.ideal(number),
            Term::String { text, .. } => Ok(Value::string(text.clone())),
            _ => Ok(dot.value.clone()),
        }
    }

    /// The value of an operand that is an argument of type `wanted`.
    pub(super) fn argument(&mut self, dot: &Dot, operand: &Operand, wanted: Type) -> Result<Value> {
        self.step()?;
        self.look_at(Place::Operand, operand.position);
        match &operand.term {
            Term::Dot => self.checked(dot.value.clone(), wanted, dot.in_interface),
            Term::Nil if wanted.takes_nil() => Ok(Value::Nil),
            Term::Nil => Err(self.fail(format!("cannot assign nil to {}", wanted.name()))),
            Term::Field(names) => {
                let value = self.field_chain(dot, dot.clone(), operand, names, &[], None)?;
                self.checked(value, wanted, true)
            }
            Term::Variable(name, names) => {
                let value = self.variable_value(name)?;
                if names.is_empty() {
                    return self.checked(value.value, wanted, value.in_interface);
                }
                let value = self.field_chain(dot, value, operand, names, &[], None)?;
                self.checked(value, wanted, true)
            }
            Term::Pipe(pipe) => {
                let value = self.inner_pipe(dot, pipe)?;
                self.checked(value, wanted, false)
            }
            Term::Function(name) => {
                let value = self.call_function(dot, name, &[], None, (Place::Operand, operand.position))?;
                self.checked(value, wanted, false)
            }
            Term::Chain(..) => {
                let value = self.chain(dot, operand, &[], None)?;
                self.checked(value, wanted, true)
            }
            Term::Bool(_) | Term::Number(_) | Term::String { .. } => self.constant(operand, wanted),
        }
    }

    /// A pipeline in parentheses, which may hold more of them than one stack does.
    fn inner_pipe(&mut self, dot: &Dot, pipe: &Pipe) -> Result<Value> {
        stacker::maybe_grow(super::RED_ZONE, super::STACK, || self.evaluate(dot, pipe))
    }

    /// A constant as an argument: what it is taken for follows from the type of the parameter.
    fn constant(&mut self, operand: &Operand, wanted: Type) -> Result<Value> {
        let found = |expected: &str| format!("expected {expected}; found {}", operand.term);
        let (int, float) = match &operand.term {
            Term::Number(number) => (number.int, number.float),
            _ => (None, None),
        };
        match (wanted, &operand.term) {
            (Type::Any, Term::Bool(value)) | (Type::Bool, Term::Bool(value)) => Ok(Value::Bool(*value)),
            (Type::Any, Term::Number(number)) => self.ideal(number),
            (Type::Any | Type::String, Term::String { text, .. }) => Ok(Value::String(text.clone())),
            (Type::Bool, _) => Err(self.fail(found("bool"))),
            (Type::String, _) => Err(self.fail(found("string"))),
            (Type::Int, _) => int.map(Value::Int).ok_or_else(|| self.fail(found("integer"))),
            (Type::Int64, _) => int.map(Value::Int64).ok_or_else(|| self.fail(found("integer"))),
            (Type::Float, _) => float.map(Value::Float).ok_or_else(|| self.fail(found("float"))),
            (wanted, term) => Err(self.fail(format!("can't handle {term} for arg of type {}", wanted.name()))),
        }
    }

    /// A number where nothing says which type it should have.
    fn ideal(&mut self, number: &Number) -> Result<Value> {
        let is_character = number.text.starts_with('\'');
        let is_hex = number.text.starts_with("0x") || number.text.starts_with("0X");
        // In a hexadecimal number an `e` is a digit.
        let marks: &[char] = if is_hex { &['p', 'P'] } else { &['.', 'e', 'E', 'p', 'P'] };
        let looks_like_float = !is_character && number.text.contains(marks);
        match (number.float, number.int) {
            (Some(float), _) if looks_like_float => Ok(Value::Float(float)),
            (_, Some(int)) => Ok(Value::Int(int)),
            _ => Err(self.fail(format!("{} overflows int", number.text))),
        }
    }

    fn variable_value(&mut self, name: &Arc<str>) -> Result<Dot> {
        match self.variable(name) {
            Some(value) => Ok(value.clone()),
            None => Err(self.fail(format!("undefined variable: {name}"))),
        }
    }

    fn not_a_function(&mut self, first: &Operand, arguments: &[Operand], last: &Option<Value>) -> Result<()> {
        if arguments.is_empty() && last.is_none() {
            return Ok(());
        }
        Err(self.fail(format!("can't give argument to non-function {}", first.term)))
    }
}
