//! Walks through the nodes of a template.

use std::sync::Arc;

use super::{Execution, MissingKey, Result, Stop, Variable};
use crate::format;
use crate::parse::{Branch, Call, List, Node, Pipe, Place};
use crate::value::Value;

impl<C> Execution<'_, C> {
    pub(super) fn walk_list(&mut self, dot: &Value, list: &List, out: &mut Vec<u8>) -> Result<()> {
        list.nodes.iter().try_for_each(|node| self.walk(dot, node, out))
    }

    fn walk(&mut self, dot: &Value, node: &Node, out: &mut Vec<u8>) -> Result<()> {
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
            value => {
                if let Err(limit) = format::append(value, out) {
                    return Err(self.fail(limit.to_string()));
                }
            }
        }
        self.count(out.len() - before)
    }

    fn walk_branch(&mut self, dot: &Value, branch: &Branch, is_with: bool, out: &mut Vec<u8>) -> Result<()> {
        let mark = self.variables.len();
        let value = self.evaluate(dot, &branch.pipe)?;
        let result = match &branch.otherwise {
            _ if value.is_true() => self.walk_list(if is_with { &value } else { dot }, &branch.list, out),
            Some(otherwise) => self.walk_list(dot, otherwise, out),
            None => Ok(()),
        };
        self.variables.truncate(mark);
        result
    }

    fn walk_call(&mut self, dot: &Value, call: &Call, out: &mut Vec<u8>) -> Result<()> {
        self.look_at(Place::Call, call.position);
        let Some(template) = self.templates.get(&call.name).cloned() else {
            return Err(self.fail(format!("template {:?} not defined", call.name)));
        };
        let dot = match &call.pipe {
            Some(pipe) => self.evaluate(dot, pipe)?,
            None => Value::Nil,
        };
        self.enter(template, &dot, out)
    }

    fn walk_range(&mut self, dot: &Value, branch: &Branch, out: &mut Vec<u8>) -> Result<()> {
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

    fn iterate(&mut self, dot: &Value, branch: &Branch, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        let mut any = false;
        match value {
            Value::Nil => {}
            Value::Int(_) | Value::Int64(_) | Value::Byte(_) | Value::Uint64(_) => {
                if branch.pipe.declared.len() > 1 {
                    let message = format!("can't use {} to iterate over more than one variable", format::print(value));
                    return Err(self.fail(message));
                }
                for number in 0..value.as_integer().unwrap_or(i64::MAX) {
                    any = true;
                    let element = match value {
                        Value::Int64(_) => Value::Int64(number),
                        Value::Byte(_) => Value::Byte(u8::try_from(number).unwrap_or_default()),
                        Value::Uint64(_) => Value::Uint64(number.unsigned_abs()),
                        _ => Value::Int(number),
                    };
                    self.iteration(branch, &Value::Nil, &element, out)?;
                }
            }
            Value::Map(map) => {
                for (key, element) in map.entries() {
                    any = true;
                    self.iteration(branch, &Value::string(key), &element, out)?;
                }
            }
            Value::List(list) => {
                for (index, element) in list.iter().enumerate() {
                    any = true;
                    self.iteration(branch, &index_value(index), element, out)?;
                }
            }
            other => match (other.items(), entries(other)) {
                (Some(items), _) => {
                    for (index, element) in items.iter().enumerate() {
                        any = true;
                        self.iteration(branch, &index_value(index), element, out)?;
                    }
                }
                (None, Some(entries)) => {
                    for (key, element) in entries {
                        any = true;
                        self.iteration(branch, &key, &element, out)?;
                    }
                }
                (None, None) => {
                    return Err(self.fail(format!("range can't iterate over {}", format::print(value))));
                }
            },
        }
        match &branch.otherwise {
            Some(otherwise) if !any => self.walk_list(dot, otherwise, out),
            _ => Ok(()),
        }
    }

    /// One turn of a range. The variables that the range declares were pushed when its pipeline was evaluated.
    fn iteration(&mut self, branch: &Branch, index: &Value, element: &Value, out: &mut Vec<u8>) -> Result<()> {
        self.step()?;
        let mark = self.variables.len();
        let Pipe { declared, assigns, .. } = &branch.pipe;
        match (declared.as_slice(), assigns) {
            ([], _) => {}
            ([only], true) => self.assign(only, element.clone()),
            ([first, second, ..], true) => {
                self.assign(first, index.clone());
                self.assign(second, element.clone());
            }
            ([_], false) => self.set_top(1, element.clone()),
            ([_, _, ..], false) => {
                self.set_top(1, element.clone());
                self.set_top(2, index.clone());
            }
        }
        let result = self.walk_list(element, &branch.list, out);
        self.variables.truncate(mark);
        match result {
            Err(Stop::Continue) => Ok(()),
            result => result,
        }
    }

    pub(super) fn declare(&mut self, name: &Arc<str>, value: Value) {
        self.variables.push(Variable { name: name.clone(), value });
    }

    pub(super) fn assign(&mut self, name: &str, value: Value) {
        let visible = self.variables.iter_mut().skip(self.base);
        if let Some(variable) = visible.rev().find(|variable| &*variable.name == name) {
            variable.value = value;
        }
    }

    fn set_top(&mut self, from_top: usize, value: Value) {
        let at = self.variables.len().checked_sub(from_top);
        if let Some(variable) = at.and_then(|at| self.variables.get_mut(at)) {
            variable.value = value;
        }
    }

    pub(super) fn variable(&self, name: &str) -> Option<&Value> {
        let visible = self.variables.get(self.base..)?;
        visible.iter().rev().find(|variable| &*variable.name == name).map(|variable| &variable.value)
    }

    pub(super) fn fails_on_missing(&self) -> bool {
        self.missing_key == MissingKey::Error
    }
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
