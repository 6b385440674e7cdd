//! `values.schema.json`: what the values of a chart must look like.

mod effort;
mod message;
mod reference;
mod report;

use jsonschema::{PatternOptions, Retrieve, Uri, ValidationError};
use serde_json::{Map, Number, Value};

use crate::chart::Chart;
use crate::go;

/// How the values of one or more charts do not fit their schemas.
///
/// The text is Helm's, except that it never shows a text that values hold: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SchemaError(pub String);

/// Whether `values` fit the schema of `chart`, and the values of its subcharts theirs.
pub fn validate(chart: &Chart, values: &Map<String, Value>) -> Result<(), SchemaError> {
    let mut problems = String::new();
    add_problems(chart, values, &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(SchemaError(problems)) }
}

fn add_problems(chart: &Chart, values: &Map<String, Value>, problems: &mut String) {
    if let Some(problem) = chart.schema.as_ref().and_then(|schema| problem(schema, values)) {
        problems.push_str(&format!("{}:\n{problem}", chart.name()));
    }
    for subchart in &chart.dependencies {
        let name = subchart.name();
        match values.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::Object(values)) => add_problems(subchart, values, problems),
            Some(other) => {
                let found = go::kind(other);
                problems.push_str(&format!("{name}:\ninvalid type for values: expected object (map), got {found}\n"));
            }
        }
    }
}

/// What is wrong with `values`, or with the schema itself.
fn problem(schema: &[u8], values: &Map<String, Value>) -> Option<String> {
    let schema: Value = match serde_json::from_slice(schema) {
        Ok(schema) => schema,
        Err(error) => return Some(format!("values.schema.json is no JSON: {error}")),
    };
    let values = with_integers(&Value::Object(values.clone()));
    // Patterns are matched in linear time, and those that Go does not know are refused as Go refuses them.
    let options = jsonschema::options().with_retriever(Offline).with_pattern_options(PatternOptions::regex());
    let validator = match options.with_base_uri(BASE).build(&schema) {
        Ok(validator) => validator,
        Err(error) => return Some(unusable(&error, &schema)),
    };
    if let Err(error) = effort::check(&schema, &values) {
        return Some(format!("values.schema.json: {error}\n"));
    }
    let errors: Vec<ValidationError<'_>> = validator.iter_errors(&values).take(MAX_ERRORS).collect();
    (!errors.is_empty()).then(|| report::text(&errors, &schema) + "\n")
}

/// The most errors that are told: more help nobody.
const MAX_ERRORS: usize = 1000;

/// Where the schema is said to be, so that references are relative to it.
const BASE: &str = "file:///values.schema.json";

/// Why the schema itself cannot be used.
fn unusable(error: &ValidationError<'_>, schema: &Value) -> String {
    match error.kind() {
        jsonschema::error::ValidationErrorKind::Referencing(jsonschema::ReferencingError::Unretrievable {
            uri,
            source,
        }) => {
            format!("failing loading {uri:?}: {source}")
        }
        jsonschema::error::ValidationErrorKind::Referencing(error) => error.to_string(),
        _ => {
            let metaschema = "is not valid against metaschema: jsonschema validation failed";
            format!("\"{BASE}#\" {metaschema}\n{}", report::text(std::slice::from_ref(error), schema))
        }
    }
}

/// Refuses what lies outside the chart: rendering reaches neither the network nor the disk.
struct Offline;

impl Retrieve for Offline {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        // Helm takes anything where it does not know what a name stands for.
        if uri.scheme().as_str() == "urn" {
            return Ok(Value::Bool(true));
        }
        Err("schemas outside of the chart are not loaded; put what is referred to below $defs".into())
    }
}

/// `value` with integers for whole numbers: drafts differ in whether a float can be one, Helm does not.
fn with_integers(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                Value::Number(Number::from(float as i64))
            }
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(with_integers).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), with_integers(value))).collect(),
        other => other.clone(),
    }
}
