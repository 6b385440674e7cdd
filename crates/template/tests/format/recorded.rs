//! Values and calls as the recorded table writes them. Strings are bytes, each written as the character of its number.

use cowherd_template::format::{float, quote, quote_to_ascii, sprint, sprintf, sprintln};
use cowherd_template::{List, Map, Text, Value};
use serde_json::Value as Json;

/// What a call gives: `[function, format, [operand, ...]]`.
pub fn answer(call: &[Json]) -> String {
    let [function, format, operands] = call else { panic!("{call:?} is no call") };
    let format = Text::from_bytes(bytes(format));
    let operands: Vec<Value> = operands.as_array().expect("operands are a list").iter().map(value).collect();
    let printed = match function.as_str() {
        Some("sprintf") => sprintf(&format, &operands),
        Some("sprint") => sprint(&operands),
        Some("sprintln") => sprintln(&operands),
        Some("quote") => Ok(quote(format.as_bytes()).into()),
        Some("quoteASCII") => Ok(quote_to_ascii(format.as_bytes()).into()),
        Some("float") => Ok(format_float(&format, &operands).into()),
        _ => panic!("{function} is no function"),
    };
    let printed = printed.expect("the table keeps within the limits");
    printed.as_bytes().iter().map(|byte| char::from(*byte)).collect()
}

fn format_float(verb: &Text, operands: &[Value]) -> String {
    match (verb.as_bytes(), operands) {
        ([verb], [Value::Float(number), Value::Int(precision)]) => {
            float(*number, *verb, usize::try_from(*precision).ok())
        }
        _ => panic!("{operands:?} are no number and precision"),
    }
}

fn bytes(text: &Json) -> Vec<u8> {
    let text = text.as_str().expect("a string");
    text.chars().map(|character| u8::try_from(character).expect("a byte")).collect()
}

/// A value: its type and what it is.
fn value(json: &Json) -> Value {
    let parts = json.as_array().expect("a value is a list");
    let (kind, what) = (parts[0].as_str().expect("a type"), parts.get(1).unwrap_or(&Json::Null));
    let list = || what.as_array().expect("a list").iter().map(value);
    match kind {
        "nil" => Value::Nil,
        "bool" => Value::Bool(what == true),
        "int" => Value::Int(what.as_str().expect("digits").parse().expect("an int")),
        "int64" => Value::Int64(what.as_str().expect("digits").parse().expect("an int64")),
        "uint8" => Value::Byte(what.as_str().expect("digits").parse().expect("a uint8")),
        "uint64" => Value::Uint64(what.as_str().expect("digits").parse().expect("a uint64")),
        "float" => {
            let bits = u64::from_str_radix(what.as_str().expect("bits"), 16).expect("bits");
            Value::Float(f64::from_bits(bits))
        }
        "string" => Value::String(Text::from_bytes(bytes(what))),
        "bytes" => Value::Bytes(bytes(what).into()),
        "list" => Value::list(list()),
        "strings" => Value::List(List::strings(list().filter_map(|item| item.as_text().cloned()))),
        "ints" => Value::List(List::of("int", list())),
        "map" | "stringmap" => {
            let entries = what.as_object().expect("a map").iter().map(|(key, item)| (key.as_str().into(), value(item)));
            let name = if kind == "map" { "map[string]interface {}" } else { "map[string]string" };
            Value::Map(Map::of(name, entries))
        }
        _ => panic!("{kind} is no type"),
    }
}
