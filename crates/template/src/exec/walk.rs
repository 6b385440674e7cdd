//! Walks through the nodes of a template.

use std::sync::Arc;

use super::{Dot, Execution, MissingKey, Result, Stop, Variable};
use crate::format;
use crate::parse::{Branch, Call, List, Node, Pipe, Place};
use crate::value::Value;

/// How many items or entries of an object are copied in the time of a step, also where the range is left at the first.
const COPIED_PER_STEP: u64 = 8;

impl<C> Execution<'_, C> {
    pub(super) fn walk_list(&mut self, dot: &Dot, list: &List, out: &mut Vec<u8>) -> Result<()> {
        list.nodes.iter().try_for_each(|node| self.walk(dot, node, out))
    }

    fn walk(&mut self, dot: &Dot, node: &Node, out: &mut Vec<u8>) -> Result<()> {
        self.step()?;
        match node {
            Node::Text(text) => self.write(text.as_bytes(), out),
            Node::Action(pipe) => {
                let value = self.evaluate(dot, pipe)?;
                if pipe.declared.is_empty() { self.print(&value, out) } else { Ok(()) }
            }
            Node::If(branch) => self.walk_branch(dot, branch, false, out),
            Node::With(branch) => self.walk_branch(dot, branch, true, out),
            Node::Range(branch) => self.walk_range(dot, branch, out),
            Node::Template(call) => self.walk_call(dot, call, out),
            Node::Break(_) => Err(Stop::Break),
            Node::Continue(_) => Err(Stop::Continue),
        }
    }

    fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.count(bytes.len())?;
        out.extend_from_slice(bytes);
        Ok(())
    }

    fn print(&mut self, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        let before = out.len();
        match value {
            // What helm writes for it: nothing. Go has `<no value>` here.
            Value::Nil => out.extend_from_slice(NO_VALUE),
            Value::Object(object) => out.extend_from_slice(object.print_in_place().as_bytes()),
            value => {
                if let Err(limit) = format::append(value, out) {
                    return Err(self.fail(limit.to_string()));
                }
            }
        }
        self.count(out.len() - before)
    }

    fn walk_branch(&mut self, dot: &Dot, branch: &Branch, is_with: bool, out: &mut Vec<u8>) -> Result<()> {
        let mark = self.variables.len();
        let value = self.evaluate(dot, &branch.pipe)?;
        let result = match &branch.otherwise {
            _ if value.is_true() && is_with => self.walk_list(&value.into(), &branch.list, out),
            _ if value.is_true() => self.walk_list(dot, &branch.list, out),
            Some(otherwise) => self.walk_list(dot, otherwise, out),
            None => Ok(()),
        };
        self.variables.truncate(mark);
        result
    }

    fn walk_call(&mut self, dot: &Dot, call: &Call, out: &mut Vec<u8>) -> Result<()> {
        self.look_at(Place::Call, call.position);
        let Some(template) = self.templates.get(&call.name).cloned() else {
            return Err(self.fail(format!("template {:?} not defined", call.name)));
        };
        self.check_depth()?;
        let data = match &call.pipe {
            Some(pipe) => self.evaluate(dot, pipe)?,
            None => Value::Nil,
        };
        self.enter(template, &data.into(), out)
    }

    fn walk_range(&mut self, dot: &Dot, branch: &Branch, out: &mut Vec<u8>) -> Result<()> {
        self.look_at(Place::Range, branch.position);
        let outer = self.variables.len();
        let value = self.evaluate(dot, &branch.pipe)?;
        let result = self.iterate(dot, branch, &value, out);
        self.variables.truncate(outer);
        match result {
            Err(Stop::Break) => Ok(()),
            result => result,
        }
    }

    fn iterate(&mut self, dot: &Dot, branch: &Branch, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        let mut turn = Turn { any: false, branch, out };
        match value {
            Value::Nil => {}
            Value::Int(_) | Value::Int64(_) | Value::Byte(_) | Value::Uint64(_) => self.count_up(value, &mut turn)?,
            Value::Map(map) => {
                let in_interface = map.holds_anything();
                for (key, value) in map.entries() {
                    self.turn(&mut turn, Value::string(key), Dot { value, in_interface })?;
                }
            }
            Value::List(list) => {
                let in_interface = list.element_type() == "interface {}";
                for (index, element) in list.iter().enumerate() {
                    self.turn(&mut turn, index_value(index), Dot { value: element.clone(), in_interface })?;
                }
            }
            other => match (other.items(), entries(other)) {
                (Some(items), _) => {
                    self.spend(items.len() as u64 / COPIED_PER_STEP)?;
                    for (index, element) in items.into_iter().enumerate() {
                        self.turn(&mut turn, index_value(index), element.into())?;
                    }
                }
                (None, Some(entries)) => {
                    self.spend(entries.len() as u64 / COPIED_PER_STEP)?;
                    for (key, element) in entries {
                        self.turn(&mut turn, key, element.into())?;
                    }
                }
                (None, None) => {
                    return Err(self.fail(format!("range can't iterate over {}", format::print(value))));
                }
            },
        }
        match &branch.otherwise {
            Some(otherwise) if !turn.any => self.walk_list(dot, otherwise, out),
            _ => Ok(()),
        }
    }

    /// A range over a number: as many turns, from 0 on.
    fn count_up(&mut self, value: &Value, turn: &mut Turn<'_>) -> Result<()> {
        if turn.branch.pipe.declared.len() > 1 {
            let message = format!("can't use {} to iterate over more than one variable", format::print(value));
            return Err(self.fail(message));
        }
        for number in 0..value.as_integer().unwrap_or(i64::MAX) {
            let element = match value {
                Value::Int64(_) => Value::Int64(number),
                Value::Byte(_) => Value::Byte(u8::try_from(number).unwrap_or_default()),
                Value::Uint64(_) => Value::Uint64(number.unsigned_abs()),
                _ => Value::Int(number),
            };
            self.turn(turn, Value::Nil, element.into())?;
        }
        Ok(())
    }

    /// One turn of a range. The variables that the range declares were pushed when its pipeline was evaluated.
    fn turn(&mut self, turn: &mut Turn<'_>, index: Value, element: Dot) -> Result<()> {
        self.step()?;
        turn.any = true;
        let mark = self.variables.len();
        let Pipe { declared, assigns, .. } = &turn.branch.pipe;
        match (declared.as_slice(), assigns) {
            ([], _) => {}
            ([only], true) => self.assign(only, element.clone()),
            ([first, second, ..], true) => {
                self.assign(first, index.into());
                self.assign(second, element.clone());
            }
            ([_], false) => self.set_top(1, element.clone()),
            ([_, _, ..], false) => {
                self.set_top(1, element.clone());
                self.set_top(2, index.into());
            }
        }
        let result = self.walk_list(&element, &turn.branch.list, turn.out);
        self.variables.truncate(mark);
        match result {
            Err(Stop::Continue) => Ok(()),
            result => result,
        }
    }

    pub(super) fn declare(&mut self, name: &Arc<str>, value: Value) {
        self.variables.push(Variable { name: name.clone(), value: value.into() });
    }

    pub(super) fn assign(&mut self, name: &str, value: Dot) {
        let visible = self.variables.iter_mut().skip(self.base);
        if let Some(variable) = visible.rev().find(|variable| &*variable.name == name) {
            variable.value = value;
        }
    }

    fn set_top(&mut self, from_top: usize, value: Dot) {
        let at = self.variables.len().checked_sub(from_top);
        if let Some(variable) = at.and_then(|at| self.variables.get_mut(at)) {
            variable.value = value;
        }
    }

    pub(super) fn variable(&self, name: &str) -> Option<&Dot> {
        let visible = self.variables.get(self.base..)?;
        visible.iter().rev().find(|variable| &*variable.name == name).map(|variable| &variable.value)
    }

    pub(super) fn fails_on_missing(&self) -> bool {
        self.missing_key == MissingKey::Error
    }
}

/// What the turns of a range share.
struct Turn<'a> {
    /// Whether there was one.
    any: bool,
    branch: &'a Branch,
    out: &'a mut Vec<u8>,
}

/// What Go prints where there is no value.
const NO_VALUE: &[u8] = b"<no value>";

fn index_value(index: usize) -> Value {
    Value::Int(i64::try_from(index).unwrap_or(i64::MAX))
}

fn entries(value: &Value) -> Option<Vec<(Value, Value)>> {
    match value {
        Value::Object(object) => object.entries(),
        _ => None,
    }
}
