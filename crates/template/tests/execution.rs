//! Executing templates: every line of the table is a template, and what Go makes of it.

use std::any::Any;
use std::fmt::Write;
use std::rc::Rc;
use std::sync::Arc;

use cowherd_template::{Execution, Function, Functions, Limits, List, Map, Object, Templates, Type, Value};
use serde_json::Value as Json;

/// What the templates of the table work on.
const DATA: &str = r#"{"name":"web","n":3,"f":1.5,"yes":true,"no":false,"empty":"","nil":null,"list":["a","b","c"],
    "nums":[1,2],"map":{"x":"1","y":{"z":"deep"},"null":null},"objs":[{"k":"a"},{"k":"b"}],
    "mixed":["s",1,true,null,{"a":"b"}],"html":"<a href='x'>&\"</a>"}"#;

/// As Go reads JSON: every number is a float.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => Value::Float(number.as_f64().expect("a float")),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::list(items.iter().map(value)),
        Json::Object(map) => Value::Map(map.iter().map(|(key, item)| (key.as_str().into(), value(item))).collect()),
    }
}

fn functions() -> Functions<()> {
    fn length(values: &[Value]) -> Value {
        Value::Int(match values.first() {
            Some(Value::Map(map)) => map.len() as i64,
            Some(Value::List(list)) => list.len() as i64,
            _ => 0,
        })
    }
    Functions::new([
        Function::new("str", &[Type::String], |_, values| {
            Ok(Value::from(format!("{}!", values[0].as_text().expect("a string").to_str())))
        }),
        Function::new("num", &[Type::Int], |_, values| Ok(Value::Int(values[0].as_integer().expect("an int") + 1))),
        Function::new("num64", &[Type::Int64], |_, values| {
            Ok(Value::Int64(values[0].as_integer().expect("an int64") + 1))
        }),
        Function::new("flt", &[Type::Float], |_, values| Ok(values[0].clone())),
        Function::new("any", &[Type::Any], |_, values| Ok(values[0].clone())),
        Function::new("mapf", &[Type::Map], |_, values| Ok(length(values))),
        Function::new("listf", &[Type::List], |_, values| Ok(length(values))),
        Function::new("strs", &[], |_, _| Ok(Value::List(List::strings(["p", "q"])))),
        Function::variadic("many", &[Type::String], Type::Any, |_, values| Ok(Value::Int(values.len() as i64 - 1))),
        Function::new("listed", &[Type::Any], |_, values| Ok(Value::list(values.to_vec()))),
        Function::new("mapped", &[Type::Any], |_, values| {
            Ok(Value::Map(values.iter().map(|value| ("x".into(), value.clone())).collect()))
        }),
        Function::new("slow", &[], |execution, _| {
            execution.spend(1000)?;
            Ok(Value::Nil)
        }),
        Function::new("anil", &[], |_, _| Ok(Value::Nil)),
        Function::new("boolf", &[Type::Bool], |_, values| Ok(Value::Bool(!values[0].is_true()))),
    ])
}

/// How it ends, and what is written or said.
fn execute(text: &str, data: &Value) -> (&'static str, String) {
    execute_within(text, data, Limits::default())
}

fn execute_within(text: &str, data: &Value, limits: Limits) -> (&'static str, String) {
    let functions = functions();
    let mut templates = Templates::new("t");
    if let Err(error) = templates.add("t", text, &functions) {
        return ("parse", error.to_string());
    }
    let context = &mut ();
    let mut execution = Execution::new(&functions, Arc::new(templates), context);
    execution.limits(limits);
    match execution.execute("t", data) {
        Ok(text) => ("ok", text.to_str().into_owned()),
        Err(error) => ("error", error.to_string()),
    }
}

#[test]
fn templates_do_what_they_do_in_go() {
    let data = value(&serde_json::from_str(DATA).expect("JSON"));
    let mut wrong = String::new();
    let mut rows = 0;
    for line in include_str!("data/execution.jsonl").lines() {
        let [text, how, expected]: [String; 3] = serde_json::from_str(line).expect("a row of three strings");
        rows += 1;
        let found = execute(&text, &data);
        if (found.0, &found.1) != (how.as_str(), &expected) {
            writeln!(wrong, "{text:?}\n  expected {how} {expected:?}\n  found    {} {:?}", found.0, found.1)
                .expect("strings can be written");
        }
    }
    assert!(rows > 150, "only {rows} rows");
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_template_that_never_ends_is_stopped() {
    let ends = |text: &str| execute(text, &Value::Nil);
    let (how, message) =
        ends("{{define \"a\"}}{{template \"b\"}}{{end}}{{define \"b\"}}{{template \"a\"}}{{end}}{{template \"a\"}}");
    assert_eq!(how, "error");
    assert!(message.ends_with("exceeded maximum template depth (5000)"), "{message}");

    let limits = Limits { steps: 1000, ..Limits::default() };
    let (how, message) = execute_within("{{range 1000000000}}{{end}}", &Value::Nil, limits);
    assert_eq!((how, message.as_str()), ("error", "the templates take more than 1000 steps; is a range too long?"));

    let limits = Limits { output: 1000, ..Limits::default() };
    let (how, message) = execute_within("{{range 1000000000}}some text{{end}}", &Value::Nil, limits);
    assert_eq!((how, message.as_str()), ("error", "the templates write more than 1000 bytes"));
}

#[test]
fn what_functions_make_of_texts_is_bounded() {
    let text = "{{$x := \"0123456789\"}}{{range 100}}{{$x = printf \"%s%s\" $x $x}}{{end}}";
    let limits = Limits { steps: 1_000_000, ..Limits::default() };
    let (how, message) = execute_within(text, &Value::Nil, limits.clone());
    assert_eq!((how, message.as_str()), ("error", "the templates take more than 1000000 steps; is a range too long?"));

    let long = Value::from("x".repeat(1 << 20));
    let (how, _) = execute_within("{{range 1000}}{{if eq $ \"y\"}}{{end}}{{end}}", &long, limits.clone());
    assert_eq!(how, "error", "reading counts");
    let (how, _) = execute_within("{{range 1000}}{{$x := or $ 1}}{{end}}", &long, limits.clone());
    assert_eq!(how, "ok", "what is only handed on does not");

    assert_eq!(execute_within("{{range 900}}{{$x := slow}}{{end}}", &Value::Nil, limits.clone()).0, "ok");
    let (how, message) = execute_within("{{range 1000}}{{$x := slow}}{{end}}", &Value::Nil, limits);
    assert_eq!(how, "error");
    assert!(message.contains("the templates take more than 1000000 steps"), "{message}");
}

#[test]
fn a_map_that_holds_itself_ends_when_it_is_cleared() {
    let inner = Map::new();
    let held = Rc::new(Held);
    let alive = Rc::downgrade(&held);
    inner.insert("self", Value::Map(inner.clone()));
    inner.insert("held", Value::Object(held));
    inner.clone().clear();
    assert!(inner.is_empty());
    assert!(alive.upgrade().is_none());
}

struct Held;

impl Object for Held {
    fn type_name(&self) -> &str {
        "held"
    }

    fn print(&self) -> String {
        String::new()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[test]
fn lists_and_maps_inside_each_other_end_without_a_stack() {
    for text in ["{{range 200000}}{{$x = listed $x}}{{end}}", "{{range 200000}}{{$x = mapped $x}}{{end}}"] {
        assert_eq!(execute(&format!("{{{{$x := 1}}}}{text}"), &Value::Nil), ("ok", String::new()));
    }
}

#[test]
fn parentheses_may_stand_inside_each_other() {
    let depth = 400;
    let text = format!("{{{{{}1{}}}}}", "(any ".repeat(depth), ")".repeat(depth));
    assert_eq!(execute(&text, &Value::Nil), ("ok", "1".to_owned()));
}

#[test]
fn a_map_that_holds_itself_is_refused_where_it_is_printed() {
    let map = Map::new();
    map.insert("self", Value::Map(map.clone()));
    let (how, message) = execute("{{.}}", &Value::Map(map));
    assert_eq!(how, "error");
    assert!(message.contains("nested too deep"), "{message}");
}
