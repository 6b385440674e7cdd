//! Reads pipelines: declarations, commands, operands.

use std::sync::Arc;

use super::node::{Command, Operand, Pipe, Position, Term};
use super::number;
use super::parser::{Parser, Result};
use super::token::{Kind, Token};

impl<'t> Parser<'_, 't> {
    /// Reads a pipeline up to a token of the kind `end`.
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe> {
        let position = self.peek_non_space().position;
        let mut pipe = Pipe { position, declared: Vec::new(), assigns: false, commands: Vec::new() };
        while self.declaration(&mut pipe, context)? {}
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => {
                    self.check(&pipe, context)?;
                    return Ok(pipe);
                }
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.back_up();
                    pipe.commands.push(self.command()?);
                }
                _ => return self.unexpected(&token, context),
            }
        }
    }

    /// Reads a variable that is declared or assigned, if there is one; whether another may follow.
    fn declaration(&mut self, pipe: &mut Pipe, context: &str) -> Result<bool> {
        let variable = self.peek_non_space();
        if variable.kind != Kind::Variable {
            return Ok(false);
        }
        self.next();
        // Whether the variable is an argument shows only behind the space that may follow it.
        let adjacent = self.peek();
        let next = self.peek_non_space();
        let comma = next.kind == Kind::Char && next.value == ",";
        if !comma && !matches!(next.kind, Kind::Assign | Kind::Declare) {
            if adjacent.kind == Kind::Space {
                self.back_up_3(variable, adjacent);
            } else {
                self.back_up_2(variable);
            }
            return Ok(false);
        }
        self.next_non_space();
        pipe.declared.push(Arc::from(variable.value));
        self.declare(variable.value);
        if !comma {
            pipe.assigns = next.kind == Kind::Assign;
            return Ok(false);
        }
        if context != "range" || pipe.declared.len() > 1 {
            return self.error(format!("too many declarations in {context}"));
        }
        match self.peek_non_space().kind {
            Kind::Variable | Kind::RightDelimiter | Kind::RightParen => Ok(true),
            _ => self.error("range can only initialize variables"),
        }
    }

    fn check(&self, pipe: &Pipe, context: &str) -> Result<()> {
        if pipe.commands.is_empty() {
            return self.error(format!("missing value for {context}"));
        }
        let value = |command: &Command| {
            let first = command.operands.first().map(|operand| &operand.term);
            matches!(first, Some(Term::Bool(_) | Term::Dot | Term::Nil | Term::Number(_) | Term::String { .. }))
        };
        match pipe.commands.iter().skip(1).position(value) {
            Some(index) => self.error(format!("non executable command in pipeline stage {}", index + 2)),
            None => Ok(()),
        }
    }

    /// Reads operands up to a `|`, which is consumed, or up to the end of the pipeline, which is not.
    fn command(&mut self) -> Result<Command> {
        let position = self.peek_non_space().position;
        let mut operands = Vec::new();
        loop {
            self.peek_non_space();
            operands.extend(self.operand()?);
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelimiter | Kind::RightParen => self.back_up(),
                Kind::Pipe => {}
                _ => return self.unexpected(&token, "operand"),
            }
            break;
        }
        if operands.is_empty() {
            return self.error("empty command");
        }
        Ok(Command { position, operands })
    }

    /// Reads a term and the names behind it; `None` where none is next.
    fn operand(&mut self) -> Result<Option<Operand>> {
        let Some(mut operand) = self.term()? else { return Ok(None) };
        let next = self.peek();
        if next.kind != Kind::Field {
            return Ok(Some(operand));
        }
        let names = self.names();
        match &mut operand.term {
            Term::Field(before) | Term::Variable(_, before) => {
                before.extend(names);
                operand.position = next.position;
            }
            Term::Bool(_) | Term::String { .. } | Term::Number(_) | Term::Nil | Term::Dot => {
                let term = crate::format::quote(operand.to_string().as_bytes());
                return self.error(format!("unexpected . after term {term}"));
            }
            _ => operand = Operand { position: next.position, term: Term::Chain(Box::new(operand), names) },
        }
        Ok(Some(operand))
    }

    fn names(&mut self) -> Vec<Arc<str>> {
        let mut names = Vec::new();
        while self.peek_kind() == Kind::Field {
            names.push(name(&self.next()));
        }
        names
    }

    fn term(&mut self) -> Result<Option<Operand>> {
        let token = self.next_non_space();
        let mut position: Position = token.position;
        let term = match token.kind {
            Kind::Identifier => {
                if !self.is_function(token.value) {
                    let name = crate::format::quote(token.value.as_bytes());
                    return self.error(format!("function {name} not defined"));
                }
                Term::Function(Arc::from(token.value))
            }
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Variable => {
                if !self.is_declared(token.value) {
                    let name = crate::format::quote(token.value.as_bytes());
                    return self.error(format!("undefined variable {name}"));
                }
                Term::Variable(Arc::from(token.value), Vec::new())
            }
            Kind::Field => Term::Field(vec![name(&token)]),
            Kind::Bool => Term::Bool(token.value == "true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => {
                let read = match token.kind {
                    Kind::CharConstant => number::character(token.value),
                    Kind::Complex => number::complex(token.value),
                    _ => number::number(token.value),
                };
                match read {
                    Ok(number) => Term::Number(Box::new(number)),
                    Err(message) => return self.error(message),
                }
            }
            Kind::LeftParen => {
                let pipe = self.deeper(
                    || "max expression depth exceeded".into(),
                    |parser| parser.pipeline("parenthesized pipeline", Kind::RightParen),
                )?;
                position = pipe.position;
                Term::Pipe(Box::new(pipe))
            }
            Kind::String | Kind::RawString => match self.unquoted(token.value) {
                Some(text) => Term::String { text, quoted: Arc::from(token.value) },
                None => return self.error("invalid syntax"),
            },
            _ => {
                self.back_up();
                return Ok(None);
            }
        };
        Ok(Some(Operand { position, term }))
    }
}

/// The name in a field's token, without the dot.
fn name(token: &Token<'_>) -> Arc<str> {
    Arc::from(token.value.strip_prefix('.').unwrap_or(token.value))
}
