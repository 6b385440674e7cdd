//! Prints values of all types.

use std::rc::Rc;

use super::Limit;
use super::number::Integer;
use super::printer::Printer;
use crate::value::{Kind, MAX_DEPTH, Object, Value};

impl Printer<'_> {
    /// Prints an operand.
    pub fn operand(&mut self, value: &Value, verb: char) -> Result<(), Limit> {
        match (value, verb) {
            (Value::Nil, 'v' | 'T') => self.pad("<nil>"),
            (_, 'T') => self.string(value.type_name().as_bytes()),
            // There are no addresses, and only errors of Go can be wrapped.
            (_, 'p') | (Value::Nil | Value::List(_) | Value::Map(_) | Value::Object(_), 'w') => {
                self.bad_verb(value, verb)
            }
            (Value::Nil, _) => self.bad_verb(value, verb),
            (Value::Bytes(bytes), 'v' | 'd') if self.flags.source => self.items("[]byte", &as_values(bytes), 'v', 0),
            _ => self.value(value, verb, 0),
        }
    }

    /// Says that the value does not have the verb.
    fn bad_verb(&mut self, value: &Value, verb: char) -> Result<(), Limit> {
        self.write("%!")?;
        self.write(verb.encode_utf8(&mut [0; 4]))?;
        self.write("(")?;
        if !value.is_nil() {
            self.write(value.type_name())?;
            self.write("=")?;
            self.value(value, 'v', 0)?;
        } else {
            self.write("<nil>")?;
        }
        self.write(")")
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) -> Result<(), Limit> {
        let has_verb = match value {
            Value::Nil => {
                self.write(if self.flags.source { "interface {}(nil)" } else { "<nil>" })?;
                true
            }
            Value::Bool(truth) => {
                let has_verb = matches!(verb, 't' | 'v');
                if has_verb {
                    self.pad(if *truth { "true" } else { "false" })?;
                }
                has_verb
            }
            Value::Int(number) | Value::Int64(number) => self.integer(Integer::signed(*number), verb)?,
            Value::Byte(number) => self.integer(Integer::unsigned(u64::from(*number)), verb)?,
            Value::Uint64(number) => self.integer(Integer::unsigned(*number), verb)?,
            Value::Float(number) => self.float(*number, verb)?,
            Value::String(text) => self.text(text.as_bytes(), verb)?,
            Value::Bytes(bytes) if as_text(verb) => self.text(bytes, verb)?,
            Value::Bytes(bytes) => return self.items("[]uint8", &as_values(bytes), verb, depth),
            Value::List(list) if list.element_type() == "uint8" && as_text(verb) => {
                let bytes: Vec<u8> = list.iter().filter_map(as_byte).collect();
                self.text(&bytes, verb)?
            }
            Value::List(list) => return self.items(&value.type_name(), list, verb, depth),
            Value::Map(map) => {
                let entries = map.entries().into_iter().map(|(key, value)| (Value::string(key), value));
                return self.entries(map.type_name(), &entries.collect::<Vec<_>>(), verb, depth);
            }
            Value::Object(object) => return self.object(value, object, verb, depth),
        };
        if has_verb { Ok(()) } else { self.bad_verb(value, verb) }
    }

    /// Writes a string; `false` where strings do not have the verb.
    fn text(&mut self, text: &[u8], verb: char) -> Result<bool, Limit> {
        match verb {
            'v' if self.flags.source => self.quoted(text)?,
            'v' | 's' => self.string(text)?,
            'x' => self.hex(text, false)?,
            'X' => self.hex(text, true)?,
            'q' => self.quoted(text)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn object(&mut self, value: &Value, object: &Rc<dyn Object>, verb: char, depth: usize) -> Result<(), Limit> {
        let plain = verb == 'v' && !self.flags.source;
        if !plain {
            let (kind, name) = (object.kind(), object.type_name());
            if let (Kind::Map, Some(entries)) = (kind, object.entries()) {
                return self.entries(name, &entries, verb, depth);
            }
            if let (Kind::Slice, Some(items)) = (kind, object.items()) {
                return self.items(name, &items, verb, depth);
            }
        }
        match verb {
            'v' => self.string(object.print().as_bytes()),
            's' | 'x' | 'X' | 'q' => self.text(object.print().as_bytes(), verb).map(drop),
            _ => self.bad_verb(value, verb),
        }
    }

    fn items(&mut self, type_name: &str, items: &[Value], verb: char, depth: usize) -> Result<(), Limit> {
        self.deeper(depth, |printer, depth| {
            printer.open(type_name, "[")?;
            for (index, item) in items.iter().enumerate() {
                printer.separate(index)?;
                printer.value(item, verb, depth)?;
            }
            printer.close()
        })
    }

    fn entries(&mut self, type_name: &str, entries: &[(Value, Value)], verb: char, depth: usize) -> Result<(), Limit> {
        self.deeper(depth, |printer, depth| {
            printer.open(type_name, "map[")?;
            for (index, (key, value)) in entries.iter().enumerate() {
                printer.separate(index)?;
                printer.value(key, verb, depth)?;
                printer.write(":")?;
                printer.value(value, verb, depth)?;
            }
            printer.close()
        })
    }

    /// Prints what a value holds.
    fn deeper(&mut self, depth: usize, print: impl FnOnce(&mut Self, usize) -> Result<(), Limit>) -> Result<(), Limit> {
        if depth >= MAX_DEPTH {
            return Err(Limit::Depth);
        }
        stacker::maybe_grow(64 << 10, 1 << 20, || print(self, depth + 1))
    }

    fn open(&mut self, type_name: &str, plain: &str) -> Result<(), Limit> {
        if self.flags.source {
            self.write(type_name)?;
            return self.write("{");
        }
        self.write(plain)
    }

    fn separate(&mut self, index: usize) -> Result<(), Limit> {
        match index {
            0 => Ok(()),
            _ => self.write(if self.flags.source { ", " } else { " " }),
        }
    }

    fn close(&mut self) -> Result<(), Limit> {
        self.write(if self.flags.source { "}" } else { "]" })
    }
}

/// Whether the verb takes bytes as a string.
fn as_text(verb: char) -> bool {
    matches!(verb, 's' | 'q' | 'x' | 'X')
}

fn as_byte(value: &Value) -> Option<u8> {
    match value {
        Value::Byte(byte) => Some(*byte),
        _ => None,
    }
}

fn as_values(bytes: &[u8]) -> Vec<Value> {
    bytes.iter().map(|byte| Value::Byte(*byte)).collect()
}
