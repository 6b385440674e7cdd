//! What cel-go says of expressions, set up as Flux sets it up: `tests/recorded` has its answers, and docs/testing.md says
//! how they came about. Where ours differ on purpose, it is said here why.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::value::{Numbers, Value};
use crate::{Allowance, Budget, CompileError, Expression, Output, Scope, Stage, check};

/// What was asked, and what was said.
#[derive(Deserialize)]
struct Case {
    expr: String,
    vars: Option<usize>,
    #[serde(default)]
    declared: Vec<String>,
    #[serde(default)]
    checked: bool,
    #[serde(default)]
    double: bool,
    #[serde(default)]
    output: String,
    stage: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    line: i64,
    #[serde(default)]
    column: i64,
    value: Option<Json>,
}

/// What ours differs in, by the beginning of the expression, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("{1.5: 'a'}", NO_KEY),
    ("{null: 1}", NO_KEY),
    ("{[1]: 1}", NO_KEY),
    ("{3.3:15.15, 1.0: 5}[1.0]", NO_KEY),
    ("{0: 1, 0u: 2}[0.0]", "keys that are equal are one key, and the later one has it"),
    ("double('0x1p-2')", "hexadecimal numbers with a fraction are Go's own"),
    ("google.protobuf.Duration{seconds: 1}", MESSAGE),
    ("google.protobuf.Struct{}", MESSAGE),
    ("a.b.c", DOTTED),
    ("x.y", DOTTED),
];

const NO_KEY: &str = "the language has no such keys";
const MESSAGE: &str = "messages are refused: nothing here is one, and what they hold can be written otherwise";
const DOTTED: &str = "the name of a variable has no dots here";

fn compile(case: &Case) -> Result<Expression, CompileError> {
    let declared: Vec<&str> = case.declared.iter().map(String::as_str).collect();
    match (case.checked, case.output.as_str()) {
        (false, _) => Expression::parse(&case.expr),
        (true, "bool") => Expression::compile(&case.expr, &declared, Output::Bool),
        (true, "string") => Expression::compile(&case.expr, &declared, Output::Text),
        (true, _) => {
            Expression::read(&case.expr, &mut Allowance::default(), |root| check::check(root, &declared).map(drop))
        }
    }
}

/// The stage that ends an expression, and the value that it has there.
fn ours(case: &Case, objects: &[Json]) -> (&'static str, String, Option<Json>, Option<(i64, i64)>) {
    let expression = match compile(case) {
        Ok(expression) => expression,
        Err(error) => {
            let stage = match error.stage {
                Stage::Syntax => "parse",
                // Where nothing is checked, a message is refused when it is about to be planned.
                Stage::Check if case.checked => "check",
                Stage::Check | Stage::Constant => "program",
            };
            return (
                stage,
                error.message.clone(),
                None,
                Some((error.position.line as i64, error.position.column as i64)),
            );
        }
    };
    let empty = json!({});
    let object = case.vars.map_or(&empty, |place| &objects[place]);
    let numbers = if case.double { Numbers::Double } else { Numbers::Whole };
    let scope = Scope::fields(object).reading(numbers);
    let failed = match case.output.as_str() {
        "bool" => expression.bool(&scope, Budget::EXPRESSION).err(),
        "string" => expression.text(&scope, Budget::EXPRESSION).err(),
        _ => None,
    };
    match (expression.value(&scope, Budget::EXPRESSION), failed) {
        (Ok(value), None) => ("value", String::new(), Some(typed(&value)), None),
        (_, Some(error)) | (Err(error), None) => ("eval", error.to_string(), None, None),
    }
}

/// A value with its types, as the recorder writes it.
fn typed(value: &Value<'_>) -> Json {
    match value {
        Value::Null => json!("null"),
        Value::Bool(it) => json!({ "bool": it }),
        Value::Int(it) => json!({ "int": it.to_string() }),
        Value::Uint(it) => json!({ "uint": it.to_string() }),
        Value::Double(it) if it.is_nan() => json!({ "double": "7ff8000000000001" }),
        Value::Double(it) => json!({ "double": format!("{:x}", it.to_bits()) }),
        Value::Text(it) => json!({ "string": it.as_str() }),
        Value::Bytes(it) => json!({ "bytes": base64::engine::general_purpose::STANDARD.encode(it) }),
        Value::List(it) => json!({ "list": it.iter().map(|value| typed(&value)).collect::<Vec<_>>() }),
        Value::Map(it) => {
            let entries = it.entries();
            let entries: BTreeMap<String, Json> = entries
                .iter()
                .map(|(key, value)| (typed(key).to_string(), json!([typed(key), typed(value)])))
                .collect();
            json!({ "map": entries.into_values().collect::<Vec<_>>() })
        }
        Value::Timestamp(it) => json!({ "timestamp": it.in_utc().text() }),
        Value::Duration(it) => json!({ "duration": it.0.to_string() }),
        Value::Type(it) => json!({ "type": it.0 }),
        Value::Optional(None) => json!("none"),
        Value::Optional(Some(it)) => json!({ "some": typed(it) }),
    }
}

#[test]
fn expressions_are_what_they_are_to_cel_go() {
    let recorded = include_str!("../tests/recorded/cel-go.jsonl");
    let mut lines = recorded.lines();
    let objects: Json = serde_json::from_str(lines.next().unwrap()).unwrap();
    let objects = objects["objects"].as_array().unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in lines {
        // What is not a number is so in more ways than one.
        let line = line.replace("fff8000000000000", "7ff8000000000001");
        let case: Case = serde_json::from_str(&line).unwrap();
        count += 1;
        if DIFFERENT.iter().any(|(expr, _)| case.expr == *expr) {
            continue;
        }
        let (stage, error, value, position) = ours(&case, objects);
        // A value that is too deep for JSON is not recorded.
        let is_same_value = value.as_ref() == case.value.as_ref() || (case.value.is_none() && stage == "value");
        let is_same_place = case.line <= 0 || stage != "check" || position == Some((case.line, case.column));
        if stage != case.stage || !is_same_value || !is_same_place {
            let expr: String = case.expr.chars().take(120).collect();
            wrong.push(format!(
                "{}{} {expr:?}\n   cel-go: {} {} {}:{} {}\n     ours: {stage} {} {position:?} {error}",
                if case.checked { "checked " } else { "" },
                case.output,
                case.stage,
                case.value.unwrap_or_default(),
                case.line,
                case.column,
                case.error,
                value.unwrap_or_default(),
            ));
        }
    }
    assert!(count > 500, "only {count} expressions are recorded");
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
}
