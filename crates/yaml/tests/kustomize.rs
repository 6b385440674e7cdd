//! What is written and read, compared with `kubectl kustomize`, many values in each call of it.

use std::fs;
use std::process::Command;

use cowherd_yaml::{Dialect, Limits, parse_documents, parse_documents_as, to_string};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// What `kubectl kustomize` prints for a directory of these files.
fn kustomize(files: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, content) in files {
        fs::write(directory.path().join(name), content).expect("a file is written");
    }
    let output = Command::new("kubectl").arg("kustomize").arg(directory.path()).output().expect("kubectl runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl kustomize: {errors}");
    String::from_utf8(output.stdout).expect("kubectl prints UTF-8")
}

fn object(spec: Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": spec})
}

/// What is told apart by quotes, indicators, words, numbers and breaks.
fn text() -> impl Strategy<Value = String> {
    let words = vec![
        "yes",
        "n",
        "Off",
        "TRUE",
        "null",
        "~",
        ".nan",
        "-.inf",
        "0777",
        "0o7",
        "0x1F",
        "1_000",
        "1e3",
        "-1.5E-7",
        "1:30",
        "190:20:30.15",
        "2001-01-01",
        "2001-12-14t21:59:43.1Z",
        "<<",
        "=",
        "---",
        "--- a",
        "...",
        "0b1",
        "09",
        "+12",
        ".5",
        "1.",
        "0x",
        "12e",
        "2001-02-30",
    ];
    let pieces = prop_oneof![
        4 => "[a-z]{1,8}",
        2 => Just(" ".to_owned()),
        1 => Just("\n".to_owned()),
        2 => "[-?:,\\[\\]{}#&*!|>'\"%@`.=~]",
        1 => "[0-9_]{1,3}",
        1 => prop_oneof![Just("\t"), Just("\r"), Just("\u{1}"), Just("é"), Just("😀"),
                         Just("\u{feff}"), Just("\u{a0}"), Just("\\"), Just(": "), Just(" #")].prop_map(str::to_owned),
    ];
    prop_oneof![
        1 => proptest::sample::select(words).prop_map(str::to_owned),
        3 => vec(pieces, 0..12).prop_map(|pieces| pieces.concat()),
        1 => vec("[a-z]{1,20}", 1..40).prop_map(|words| words.join(" ")),
        1 => vec("[a-z:']{1,20} ?", 1..40).prop_map(|words| words.join(" ")),
        1 => vec("[a-z\"\\t]{1,20} {0,2}", 1..40).prop_map(|words| words.join(" ")),
    ]
}

/// Keys whose order is defined: digits only at their end.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-zA-Z]{1,3}[-_./]?[a-z]{0,3}[0-9]{0,3}",
        1 => "[a-z]{120,135}",
        1 => "[-?:,#&*!|>'\"%@`. \n]{1,2}[a-z]{0,2}",
        1 => Just("true".to_owned()),
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1000i64..1000).prop_map(Value::from),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Value::from),
        (-1e9f64..1e9).prop_map(Value::from),
        (-1i64 << 40..1 << 40).prop_map(|value| json!(value as f64 / 1024.0)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    // kustomize drops no value of a map, but refuses null in a list.
    let leaf = prop_oneof![6 => text().prop_map(Value::from), 1 => any::<bool>().prop_map(Value::from), 2 => number()];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(key(), prop_oneof![9 => inner, 1 => Just(Value::Null)], 0..4)
                .prop_map(|map| Value::Object(Map::from_iter(map))),
        ]
    })
}

/// Fails with the first line that differs.
fn same(ours: &str, expected: &str) -> Result<(), TestCaseError> {
    let differing = ours.lines().zip(expected.lines()).find(|(ours, expected)| ours != expected);
    prop_assert!(ours == expected, "first difference (ours, expected): {:?}", differing);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 60, failure_persistence: None, ..Default::default() })]

    #[test]
    fn values_are_written_as_kustomize_writes_them(values in vec(value(), 40)) {
        let objects: Vec<Value> = values.into_iter().enumerate().map(|(at, value)| {
            let mut object = object(value);
            object["metadata"]["name"] = json!(format!("thing-{at:03}"));
            object
        }).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
        let expected = kustomize(&[("kustomization.yaml", "resources: [list.yaml]\n"), ("list.yaml", &list)]);
        let ours = cowherd_yaml::write_documents(&objects);
        same(&ours, &expected)?;
        let read = parse_documents(ours.as_bytes(), &Limits::default()).unwrap();
        let rewritten = cowherd_yaml::write_documents(read.iter().map(|document| &document.value));
        same(&rewritten, &expected)?;
    }

    #[test]
    fn any_value_is_read_back(value in value()) {
        let text = to_string(&value);
        let read = parse_documents(text.as_bytes(), &Limits::default()).unwrap();
        let read = read.into_iter().next().map_or(Value::Null, |document| document.value);
        prop_assert_eq!(to_string(&read), text);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[-a-c:?,\\[\\]{}#&*!|>'\"%@ \n\t.~<0-2]{0,60}") {
        let _ = parse_documents(text.as_bytes(), &Limits::default());
    }
}

const SCALARS: &[&str] = &[
    "yes",
    "0777",
    "0o777",
    "1_000",
    "~",
    "1.0",
    "1e3",
    "2001-01-01",
    "0x1F",
    "0b11",
    "+1",
    "1:30",
    "12345678901234567890",
    "123456789012345678901234567890",
    "1e100",
    "True",
    "-0",
    "-0.0",
    "1.5e-9",
    ".5",
    "5.",
    "NULL",
    "!!binary aGVsbG8=",
    "!!str 12",
    "!!int \"12\"",
    "<<",
    "=",
    "y",
    "off",
    "1.23456789012345678e+21",
    "09",
    "08.5",
    "1_0.5",
    "\"yes\"",
    "2001-01-01T00:00:00Z",
    "0o17",
    "1__0",
    "_1",
    "0b2",
    "0x",
    "-0x1f",
    "+0x1f",
    "1e",
    "1e+3",
    "+.5",
    "-.5e3",
    "0.",
    "2001-1-1",
    "2001-01-01 10:00:00",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "-9223372036854775809",
    "0_7",
    "00",
    "-012",
    "0777_1",
    "1e1000",
    "0.1",
    "1e20",
    "1e21",
    "123456789.125",
    "1e-5",
    "0b",
    "0o8",
    "!foo x",
    "!!str yes",
    "1.e3",
    "0x1p3",
    "Inf",
    "NaN",
    "0xAB_CD",
    "--1",
    "12e03",
    "190:20:30.15",
    "2001-01-01T00:00:00",
    "2001-12-14 21:59:43.10 -5",
    "2001-02-30",
    "1_",
    "tRue",
    "1e-400",
    "!!float 0x10",
    "|\n    a\n    b",
    ">\n    a\n    b\n\n    c",
    ">-\n    first(c,\n      more\n    )",
    ">\n    a\n      b\n      c\n    d\n\n      e\n",
    ">-\n    a\n\n\n      b\n\n    c\n      d",
    ">2-\n       a\n      b\n        c",
    "'it''s'",
    "\"\\u00e9\\x41\\n\"",
    "a\n    b",
    ".2_3",
    ".2_3e1_0",
    "._2",
    ".2_",
    ".2__3",
    ".2_e1",
    ".2e_1",
    ".2e-1_0",
    "+.2__3",
    "-._2_",
    "._",
    ".",
    "[1, 'x', {y: z}]",
    "{a: ~, b: [~x]}",
];

#[test]
fn scalars_are_read_as_kustomize_reads_them() {
    let files: Vec<String> = SCALARS
        .iter()
        .enumerate()
        .map(|(at, scalar)| {
            format!("apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: t{at:03}\nspec:\n  value: {scalar}\n")
        })
        .collect();
    let text = files.join("---\n");
    let expected = kustomize(&[("kustomization.yaml", "resources: [all.yaml]\n"), ("all.yaml", &text)]);
    let documents = parse_documents(text.as_bytes(), &Limits::default()).unwrap();
    same(&cowherd_yaml::write_documents(documents.iter().map(|document| &document.value)), &expected).unwrap();
}

/// What reads as something else than a text is written in quotes, whoever reads it.
#[test]
fn texts_like_scalars_are_written_as_kustomize_writes_them() {
    let texts: Vec<&str> = SCALARS.iter().copied().filter(|scalar| !scalar.contains('\n')).collect();
    let objects = [object(texts.into())];
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
    let expected = kustomize(&[("kustomization.yaml", "resources: [list.yaml]\n"), ("list.yaml", &list)]);
    same(&cowherd_yaml::write_documents(&objects), &expected).unwrap();
}

/// JSON patches are read with the library that kubectl reads manifests with.
#[test]
fn scalars_are_read_as_kubectl_reads_them() {
    // Those that JSON patch itself passes on as floats are left out.
    let large = |scalar: &&&str| !scalar.trim_start_matches('-').starts_with(['1', '9']) || scalar.len() < 19;
    let patch: String = SCALARS
        .iter()
        .filter(large)
        .enumerate()
        .map(|(at, scalar)| {
            format!("- op: add\n  path: /spec/t{at}\n  value: {}\n", scalar.replace("\n    ", "\n      "))
        })
        .collect();
    let thing = to_string(&object(json!({"x": 1})));
    let kustomization = "resources: [thing.yaml]\npatches:\n- path: patch.yaml\n  target: {kind: Thing}\n";
    let expected = kustomize(&[("kustomization.yaml", kustomization), ("thing.yaml", &thing), ("patch.yaml", &patch)]);
    let read = parse_documents_as(patch.as_bytes(), Dialect::Kubernetes, &Limits::default()).unwrap();
    let mut spec = Map::from_iter([("x".to_owned(), json!(1))]);
    for (at, operation) in read[0].value.as_array().unwrap().iter().enumerate() {
        spec.insert(format!("t{at}"), operation["value"].clone());
    }
    same(&to_string(&object(spec.into())), &expected).unwrap();
}
