//! The values of a release: those of ConfigMaps and Secrets, and over them those of the spec.

use std::collections::BTreeMap;
use std::sync::Arc;

use cowherd_api::flux::helm::v2::{HelmReleaseSpec, ValuesReference};
use cowherd_apply::mask::Mask;
use cowherd_helm::values::{Room, merge_maps, read_values, set_string_within, set_within};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client};
use serde_json::{Map, Number, Value};

use crate::budgets::Permits;
use crate::producer::{Growth, TooMuch};

/// Under which key values are where nothing is said of that.
const KEY: &str = "values.yaml";

/// How many references there may be.
const MOST: usize = 256;

/// The values of a release.
pub(super) struct Values {
    pub(super) values: Map<String, Value>,
    /// What of them must not be shown.
    pub(super) mask: Mask,
    /// What Secrets gave to them.
    pub(super) secret: Map<String, Value>,
}

impl Values {
    /// Hides what stands in other values where Secrets give these: what an earlier revision was made with.
    pub(super) fn hide_in(&self, others: &Map<String, Value>, mask: &mut Mask) {
        hide_where(&self.secret, others, mask);
    }
}

fn hide_where(places: &Map<String, Value>, others: &Map<String, Value>, mask: &mut Mask) {
    for (key, place) in places {
        match (place, others.get(key)) {
            (Value::Object(places), Some(Value::Object(others))) => hide_where(places, others, mask),
            (_, Some(other)) => hide_all(mask, other),
            (_, None) => {}
        }
    }
}

/// Why values are not to be had. What is displayed says nothing of what a Secret holds.
#[derive(Debug, thiserror::Error)]
pub(super) enum ValuesError {
    /// An object, or what it should have, is not there, or cannot be used.
    #[error("could not resolve {kind} chart values reference '{namespace}/{name}' with key '{key}': {cause}")]
    Reference { kind: String, namespace: String, name: String, key: String, cause: String },
    /// The API gave no answer.
    #[error("{0}")]
    Api(String),
    /// There are too many references.
    #[error("spec.valuesFrom has more than {MOST} references; put their values together")]
    TooMany,
    /// They lead to too much.
    #[error("{0}")]
    TooMuch(#[from] TooMuch),
    /// Putting them together broke off.
    #[error("putting the values together broke off; this is a bug in cowherd")]
    Broken,
    /// The values of the spec are no mapping.
    #[error("spec.values cannot be used: {0}")]
    Own(String),
}

/// What an object has that values come from; `None` where there is no such object.
pub(super) type Held = Option<BTreeMap<String, Vec<u8>>>;

/// The values as the spec says, whose references are to objects of the namespace. They are put together where nobody else
/// waits, in one of `places` where there are such.
pub(super) async fn compose(
    client: &Client,
    namespace: &str,
    spec: &Arc<HelmReleaseSpec>,
    places: Option<&Permits>,
) -> Result<Values, ValuesError> {
    if spec.values_from.len() > MOST {
        return Err(ValuesError::TooMany);
    }
    let (mut held, mut growth) = (Vec::with_capacity(spec.values_from.len()), Growth::default());
    for reference in &spec.values_from {
        let found = data(client, namespace, reference).await?;
        let wanted = found.map(|mut data| {
            // What else it has is not wanted.
            data.remove_entry(key(reference)).into_iter().collect::<BTreeMap<_, _>>()
        });
        let bytes = wanted.iter().flat_map(BTreeMap::values).map(Vec::len).sum();
        growth.add("what spec.valuesFrom leads to", bytes)?;
        held.push(wanted);
    }
    let place = match places {
        Some(places) => Some(places.acquire(namespace).await),
        None => None,
    };
    let (spec, namespace) = (spec.clone(), namespace.to_owned());
    let merging = tokio::task::spawn_blocking(move || {
        let _place = place;
        merged(&namespace, &spec, held)
    });
    merging.await.unwrap_or(Err(ValuesError::Broken))
}

/// The values as the spec says, of what each of its references leads to.
pub(super) fn merged(namespace: &str, spec: &HelmReleaseSpec, held: Vec<Held>) -> Result<Values, ValuesError> {
    let own = own(spec)?;
    let (mut values, mut mask, mut secret) = (Map::new(), Mask::default(), Map::new());
    let (room, of_secret) = (Room::default(), Room::default());
    for (reference, data) in spec.values_from.iter().zip(held) {
        let wrong = |cause: String| ValuesError::Reference {
            kind: reference.kind.clone(),
            namespace: namespace.to_owned(),
            name: reference.name.clone(),
            key: key(reference).to_owned(),
            cause,
        };
        let data = match data {
            Some(data) => data,
            None if reference.optional == Some(true) => continue,
            None => {
                let plural = if reference.kind == "Secret" { "secrets" } else { "configmaps" };
                return Err(wrong(format!("{plural} {:?} not found", reference.name)));
            }
        };
        let Some(text) = data.get(key(reference)) else {
            if reference.optional == Some(true) {
                continue;
            }
            return Err(wrong("key not found".to_owned()));
        };
        let is_secret = reference.kind == "Secret";
        if is_secret {
            hide(&mut mask, text);
        }
        match reference.target_path.as_deref().filter(|path| !path.is_empty()) {
            Some(path) => {
                merge_maps(&mut values, own.clone());
                let text = String::from_utf8_lossy(text);
                if is_secret {
                    // What is wrong with it is told below.
                    let _ = put(&mut secret, path, &text, reference.literal == Some(true), &of_secret);
                }
                put(&mut values, path, &text, reference.literal == Some(true), &room).map_err(|cause| {
                    // What cannot be merged may be quoted.
                    wrong(if is_secret { "it is not as it should be".to_owned() } else { cause })
                })?;
            }
            None => {
                let read = read_values(text, &cowherd_yaml::Limits::default());
                let read = read.map_err(|error| {
                    let cause = if is_secret { "it is no mapping in YAML".to_owned() } else { error.to_string() };
                    wrong(cause)
                })?;
                if is_secret {
                    read.values().for_each(|value| hide_all(&mut mask, value));
                    merge_maps(&mut secret, read.clone());
                }
                merge_maps(&mut values, read);
            }
        }
    }
    merge_maps(&mut values, own);
    Ok(Values { values, mask, secret })
}

/// The values of the spec, numbers as Helm reads them.
fn own(spec: &HelmReleaseSpec) -> Result<Map<String, Value>, ValuesError> {
    let Some(values) = &spec.values else { return Ok(Map::new()) };
    let text = serde_json::to_vec(values).map_err(|error| ValuesError::Own(error.to_string()))?;
    read_values(&text, &cowherd_yaml::Limits::default()).map_err(|error| ValuesError::Own(error.to_string()))
}

fn key(reference: &ValuesReference) -> &str {
    reference.values_key.as_deref().filter(|key| !key.is_empty()).unwrap_or(KEY)
}

/// What the object has.
async fn data(client: &Client, namespace: &str, reference: &ValuesReference) -> Result<Held, ValuesError> {
    let failed = |error: kube::Error| match error {
        kube::Error::Api(status) => ValuesError::Api(status.message.clone()),
        other => ValuesError::Api(other.to_string()),
    };
    let name = reference.name.as_str();
    if reference.kind == "Secret" {
        let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let found = api.get_opt(name).await.map_err(failed)?;
        return Ok(found
            .map(|secret| secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect()));
    }
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let found = api.get_opt(name).await.map_err(failed)?;
    Ok(found
        .map(|map| map.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.into_bytes())).collect()))
}

/// Puts a text at a path, as `helm --set` does; a quoted one, and one that is taken as it is, as a text.
fn put(values: &mut Map<String, Value>, path: &str, text: &str, is_literal: bool, room: &Room) -> Result<(), String> {
    let is_quoted = |quote: char| text.starts_with(quote) && text.ends_with(quote);
    let put = if is_literal {
        set_string_within(&format!("{path}={}", escaped(text)), values, room)
    } else if is_quoted('\'') || is_quoted('"') {
        set_string_within(&format!("{path}={}", text.trim_matches(['\'', '"'])), values, room)
    } else {
        set_within(&format!("{path}={text}"), values, room)
    };
    put.map_err(|error| error.to_string())
}

/// A text in which nothing means more than itself.
fn escaped(text: &str) -> String {
    let special = |letter: char| matches!(letter, '\\' | ',' | '[' | ']' | '{' | '}');
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, letter| {
        if special(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
        escaped
    })
}

fn hide(mask: &mut Mask, text: &[u8]) {
    if let Ok(text) = std::str::from_utf8(text) {
        mask.add_text(text);
    }
}

/// Hides every text in a value of a Secret.
fn hide_all(mask: &mut Mask, value: &Value) {
    match value {
        Value::String(text) => mask.add_text(text),
        Value::Array(items) => items.iter().for_each(|item| hide_all(mask, item)),
        Value::Object(map) => map.values().for_each(|value| hide_all(mask, value)),
        Value::Number(number) => numbers(number).iter().for_each(|text| mask.add_text(text)),
        Value::Bool(_) | Value::Null => {}
    }
}

/// How a number may be written: as in a file, and as templates print it. Helm reads all of them as floating point.
fn numbers(number: &Number) -> [String; 2] {
    let float = number.as_f64().unwrap_or_default();
    let is_whole = number.is_f64() && float.fract() == 0.0;
    [if is_whole { format!("{float:.0}") } else { number.to_string() }, exponential(float)]
}

/// As Go prints large and small numbers: `1.5e+07`.
fn exponential(float: f64) -> String {
    let written = format!("{float:e}");
    let Some((digits, exponent)) = written.split_once('e') else { return written };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn after(path: &str, text: &str, is_literal: bool) -> Result<Value, String> {
        let mut values = json!({ "a": { "b": 1 } }).as_object().unwrap().clone();
        put(&mut values, path, text, is_literal, &Room::default()).map(|()| Value::Object(values))
    }

    #[test]
    fn what_goes_to_a_path_is_read_as_helm_reads_it() {
        assert_eq!(after("a.c", "2", false), Ok(json!({ "a": { "b": 1, "c": 2 } })));
        assert_eq!(after("a.c", "'2'", false), Ok(json!({ "a": { "b": 1, "c": "2" } })));
        assert_eq!(after("list[0]", "x", false), Ok(json!({ "a": { "b": 1 }, "list": ["x"] })));
        let text = "{\"k\": [1, 2]}\\n";
        assert_eq!(after("a.c", text, true), Ok(json!({ "a": { "b": 1, "c": text } })));
    }

    #[test]
    fn no_value_of_a_secret_is_shown() {
        let mut mask = Mask::default();
        hide_all(&mut mask, &json!({ "a": { "b": "open-sesame" }, "c": ["second-secret"] }));
        assert_eq!(mask.text("it is open-sesame, or second-secret"), "it is *****, or *****");
        // As Helm reads them, all numbers have a point.
        hide_all(&mut mask, &json!({ "pin": 83_746_591.0, "whole": 12_345_678, "part": 1234.5678 }));
        for written in ["83746591", "8.3746591e+07", "12345678", "1.2345678e+07", "1234.5678"] {
            assert_eq!(mask.text(&format!("it is {written}.")), "it is *****.", "{written}");
        }
        hide_all(&mut mask, &json!({ "replicas": 1.0 }));
        assert_eq!(mask.text("chart web@0.1.0"), "chart web@0.1.0");
    }
}
