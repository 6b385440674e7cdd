//! Each field of each built-in kind, given null, empty and odd values, holds what Kubernetes' own types make of them.
//!
//! `values/main.go` asks those types, and `values/answers.jsonl.gz` holds what they answered; see
//! `values/README.md`.

use std::io::{BufRead as _, BufReader};

use cowherd_kinds::{encoding, find_kind};
use cowherd_schema::builtin;
use serde_json::{Value, json};

/// A field with the values that were given to it and what became of each.
struct Field {
    kind: &'static cowherd_kinds::Kind,
    path: Vec<String>,
    answers: Vec<Vec<Value>>,
}

fn recorded() -> impl Iterator<Item = Field> {
    let bytes: &[u8] = include_bytes!("values/answers.jsonl.gz");
    BufReader::new(flate2::read::GzDecoder::new(bytes)).lines().map(|line| {
        let (version, kind, path, answers): (String, String, String, Vec<Vec<Value>>) =
            serde_json::from_str(&line.expect("a line")).expect("an answer");
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        let path = path.split('.').filter(|step| !step.is_empty()).map(str::to_owned).collect();
        Field { kind: find_kind(group, version, &kind).expect("a kind"), path, answers }
    })
}

/// Numbers are read before anybody knows what they are for: the digits that were sent can't be repeated.
fn without_digits(text: &str) -> String {
    match text.split_once("unmarshal number ") {
        Some((before, after)) if after.starts_with(|c: char| c.is_ascii_digit()) => {
            format!("{before}unmarshal number {}", after.split_once(' ').map_or("", |(_, after)| after))
        }
        _ => text.to_owned(),
    }
}

/// An object that holds nothing but this value.
fn build(path: &[String], value: Value) -> Value {
    path.iter().rev().fold(value, |value, step| match step.as_str() {
        "[]" => json!([value]),
        "{}" => json!({ "k": value }),
        name => json!({ name: value }),
    })
}

fn at<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, step| match step.as_str() {
        "[]" => value.get(0),
        "{}" => value.get("k"),
        name => value.get(name),
    })
}

#[test]
fn every_field_holds_what_kubernetes_types_make_of_what_it_is_given() {
    let mut wrong = Vec::new();
    let mut asked = 0;
    for field in recorded() {
        let schema = builtin::definition(field.kind.definition).expect("a schema");
        for answer in &field.answers {
            asked += 1;
            let mut object = build(&field.path, answer[0].clone());
            let error = schema.decoding_error(field.kind.kind, &object);
            encoding::settle(&mut object, schema);
            let found = match error {
                Some(error) => json!([null, without_digits(&error)]),
                None => at(&object, &field.path).map_or(json!([]), |value| json!([value])),
            };
            let mut wanted = Value::from(&answer[1..]);
            if let Some(error) = wanted.get_mut(1) {
                *error = without_digits(error.as_str().unwrap_or_default()).into();
            }
            if found != wanted {
                let place = field.path.join(".");
                wrong.push(format!("{} {place} = {}: {found}, not {:?}", field.kind.kind, answer[0], &answer[1..]));
            }
        }
    }
    assert!(asked > 9_000, "{asked}");
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
}

/// What only a server that runs gives: identities, addresses, and what other parts of Kubernetes add.
const ELSEWHERE: &[(&str, &str)] = &[
    ("", "/metadata/creationTimestamp"),
    ("", "/metadata/managedFields"),
    ("", "/metadata/uid"),
    ("Job", "/metadata/labels"),
    ("Job", "/spec/selector"),
    ("Job", "/spec/template/metadata/labels"),
    ("Node", "/spec/taints"),
    ("PersistentVolume", "/metadata/finalizers"),
    ("PersistentVolume", "/status/lastPhaseTransitionTime"),
    ("PersistentVolumeClaim", "/metadata/finalizers"),
    ("Pod", "/spec/containers/0/volumeMounts"),
    ("Pod", "/spec/preemptionPolicy"),
    ("Pod", "/spec/priority"),
    ("Pod", "/spec/volumes"),
    ("Service", "/spec/clusterIP"),
    ("Service", "/spec/clusterIPs"),
];

fn without_elsewhere(mut object: Value) -> Value {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    for (_, pointer) in ELSEWHERE.iter().filter(|(of, _)| of.is_empty() || *of == kind) {
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        if let Some(parent) = object.pointer_mut(parent).and_then(Value::as_object_mut) {
            parent.remove(name);
        }
    }
    object
}

#[test]
fn every_kind_is_answered_as_a_real_server_answers_it() {
    let bytes: &[u8] = include_bytes!("values/created.jsonl.gz");
    let mut asked = 0;
    for line in BufReader::new(flate2::read::GzDecoder::new(bytes)).lines() {
        let (mut object, answer): (Value, Value) = serde_json::from_str(&line.expect("a line")).expect("an answer");
        let text = |name: &str| object[name].as_str().expect("a text").to_owned();
        let (version, name) = (text("apiVersion"), text("kind"));
        let (group, version) = version.split_once('/').unwrap_or(("", &version));
        let kind = find_kind(group, version, &name).expect("a kind");
        object["metadata"] = answer["metadata"].clone();
        kind.default(&mut object);
        kind.prepare_create(&mut object);
        assert_eq!(without_elsewhere(object), without_elsewhere(answer), "{name}");
        asked += 1;
    }
    assert_eq!(asked, cowherd_kinds::all().len());
}
