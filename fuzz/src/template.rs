//! Go templates.

use std::sync::Arc;

use cowherd_template::parse::{Branch, List, Node, Parsed, parse};
use cowherd_template::{
    Definitions, Execution, Fault, Function, Functions, Limits, Map, MissingKey, Templates, Type, Value,
};

/// What no template of a fuzzer needs, and a machine bears many times a second.
const LIMITS: Limits = Limits { depth: 200, output: 1 << 20, steps: 20_000 };

/// Reads `data` as a template. What is read means the same when it is displayed and read again; and it ends when it is
/// executed.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let functions = functions();
    let is_function = |name: &str| functions.get(name).is_some() || GO.contains(&name);
    if let Ok(parsed) = parse("t", text, &is_function) {
        assert_displayed(&parsed, &is_function);
        execute(text, &functions);
    }
}

/// The functions that Go brings.
const GO: [&str; 19] = [
    "and", "or", "not", "call", "html", "js", "urlquery", "index", "slice", "len", "print", "println", "printf", "eq",
    "ne", "lt", "le", "gt", "ge",
];

fn assert_displayed(parsed: &Parsed, is_function: &dyn Fn(&str) -> bool) {
    let definitions = parsed.definitions.iter().map(|(_, list)| list);
    for list in std::iter::once(&parsed.main).chain(definitions) {
        // A brace that stands alone may stand beside others once comments and spaces between them are gone.
        if has_brace(list) {
            continue;
        }
        let displayed = list.to_string();
        let again = parse("t", &displayed, is_function).unwrap_or_else(|error| panic!("{error}: {displayed}"));
        assert_eq!(again.main.to_string(), displayed);
    }
}

fn has_brace(list: &List) -> bool {
    let in_branch = |branch: &Branch| has_brace(&branch.list) || branch.otherwise.as_ref().is_some_and(has_brace);
    list.nodes.iter().any(|node| match node {
        Node::Text(text) => text.to_str().contains('{'),
        Node::If(branch) | Node::With(branch) | Node::Range(branch) => in_branch(branch),
        _ => false,
    })
}

fn execute(text: &str, functions: &Functions<()>) {
    for missing_key in [MissingKey::Zero, MissingKey::Error] {
        let mut templates = Templates::new("t");
        templates.add("t", text, functions).expect("it was read before");
        let context = &mut ();
        let mut execution = Execution::new(functions, Arc::new(templates), context);
        execution.limits(LIMITS);
        execution.missing_key(missing_key);
        match execution.execute("t", &data()) {
            Ok(text) => assert!(text.len() <= LIMITS.output),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// What the template finds in its dot.
fn data() -> Value {
    let map =
        |entries: Vec<(&str, Value)>| Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect());
    map(vec![
        ("a", Value::from("text")),
        ("b", Value::Bool(true)),
        ("f", Value::Float(1.5)),
        ("i", Value::Int(3)),
        ("l", Value::list([Value::Int(1), Value::from("x"), Value::Nil])),
        ("m", map(vec![("k", Value::Float(2.0)), ("n", map(vec![("z", Value::from("{{.}}"))]))])),
        ("n", Value::Nil),
    ])
}

/// Functions by which templates can make values of their own and call each other, as those of charts can.
fn functions() -> Functions<()> {
    Functions::new([
        Function::variadic("list", &[], Type::Any, |_, values| Ok(Value::list(values.to_vec()))),
        Function::variadic("dict", &[], Type::Any, |_, values| {
            let entries = values.chunks(2).filter_map(|pair| match pair {
                [key, value] => Some((key.as_text()?.to_shared(), value.clone())),
                _ => None,
            });
            Ok(Value::Map(entries.collect()))
        }),
        Function::new("set", &[Type::Map, Type::String, Type::Any], |_, values| match values {
            [Value::Map(map), Value::String(key), value] => {
                map.insert(key.to_shared(), value.clone());
                Ok(Value::Map(map.clone()))
            }
            _ => Ok(Value::Map(Map::new())),
        }),
        Function::new("include", &[Type::String, Type::Any], |execution, values| match values {
            [Value::String(name), data] => Ok(Value::String(execution.execute(&name.to_str(), data)?)),
            _ => Err(Fault::from("two arguments are needed")),
        }),
        Function::new("tpl", &[Type::String, Type::Any], |execution, values| match values {
            [Value::String(text), data] => {
                let definitions = Definitions::parse("tpl", text.as_bytes(), execution.functions());
                let definitions = definitions.map_err(cowherd_template::Error::Parse)?;
                Ok(Value::String(execution.execute_defined(definitions, data)?))
            }
            _ => Err(Fault::from("two arguments are needed")),
        }),
    ])
}
