//! `values.schema.json`.

use crate::oracle::Case;

fn case(schema: &str, values: &str) -> Case {
    Case::new(&[("templates/a.yaml", "kind: A\n"), ("values.schema.json", schema), ("values.yaml", values)])
}

#[test]
fn values_that_fit_are_rendered() {
    let schemas = [
        r#"{"type": "object", "required": ["a"], "properties": {"a": {"type": "integer", "enum": [1, 2]}}}"#,
        r#"{"$schema": "http://json-schema.org/draft-04/schema#", "properties": {"a": {"type": "integer", "const": 7}}}"#,
        r#"{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": {"maximum": 1.0}}}"#,
        r##"{"$defs": {"n": {"type": "number"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}"##,
        r#"{"$ref": "urn:example:schema"}"#,
        r#"{"properties": {"text": {"format": "email"}}}"#,
        "true",
    ];
    for schema in schemas {
        case(schema, "a: 1\ntext: hello\n").same();
    }
}

#[test]
fn values_that_do_not_fit_are_refused_in_the_same_words() {
    let cases = [
        (r#"{"required": ["a", "b"]}"#, ""),
        (r#"{"required": ["a"], "properties": {"c": {"type": "string"}}}"#, "c: 1"),
        (r#"{"properties": {"d": {"type": ["integer", "null"]}}}"#, "d: x"),
        (r#"{"additionalProperties": false, "properties": {"a": {"minimum": 3}}}"#, "a: 1\nx: 1\n"),
        (r#"{"properties": {"a": {"minimum": 3, "maximum": 0}}}"#, "a: 1.5"),
        (r#"{"properties": {"a": {"exclusiveMaximum": 3}}}"#, "a: 4000"),
        (r#"{"properties": {"a": {"multipleOf": 2}}}"#, "a: 3"),
        (r#"{"properties": {"a": {"enum": ["x", "w", 1]}}}"#, "a: z"),
        (r#"{"properties": {"a": {"enum": ["x"]}}}"#, "a: z"),
        (r#"{"properties": {"a": {"enum": [{}, "x"]}}}"#, "a: z"),
        (r#"{"properties": {"a": {"const": 5}}}"#, "a: z"),
        (r#"{"properties": {"a": {"const": {}}}}"#, "a: z"),
        (r#"{"properties": {"a": {"minLength": 3}}}"#, "a: z"),
        (r#"{"properties": {"a": {"maxLength": 3}}}"#, "a: äöüß"),
        (r#"{"properties": {"a": {"minItems": 3}}}"#, "a: [1]"),
        (r#"{"properties": {"a": {"maxItems": 1}}}"#, "a: [1, 2]"),
        (r#"{"properties": {"a": {"uniqueItems": true}}}"#, "a: [1, 2, 1]"),
        (r#"{"properties": {"a": {"minProperties": 2}}}"#, "a: {b: 1}"),
        (r#"{"properties": {"a": {"anyOf": [{"type": "string", "minimum": 4}, {"type": "object"}]}}}"#, "a: 1"),
        (r#"{"properties": {"a": {"oneOf": [{"type": "string"}, {"type": "null"}]}}}"#, "a: 1"),
        (r#"{"properties": {"a": {"oneOf": [{"type": "number"}, {"minimum": 0}]}}}"#, "a: 1"),
        (r#"{"properties": {"a": {"not": {"type": "number"}}}}"#, "a: 1"),
        (r#"{"properties": {"a": false}}"#, "a: 1"),
        (r#"{"properties": {"a": {"if": {"type": "number"}, "then": {"minimum": 3}}}}"#, "a: 1"),
        (r#"{"properties": {"a": {"dependentRequired": {"x": ["w"]}}}}"#, "a: {x: 1}"),
        (r#"{"properties": {"a": {"items": {"type": "string"}}}}"#, "a: [1, x, 2]"),
        (r#"{"properties": {"a": {"items": {"type": "string"}}}, "required": ["b"]}"#, "a: [1, x, 2]"),
        (r#"{"properties": {"a/b~c": {"type": "string"}}}"#, "a/b~c: 1"),
        (r##"{"$defs": {"s": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/s"}}}"##, "a: 1"),
    ];
    for (schema, values) in cases {
        case(schema, values).refused();
    }
}

#[test]
fn subcharts_have_schemas_of_their_own() {
    let case = case(r#"{"required": ["q"]}"#, "sub: {a: 1}");
    case.file("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n");
    case.file("charts/sub/values.schema.json", r#"{"required": ["x"], "properties": {"a": {"type": "string"}}}"#);
    case.refused();
}

#[test]
fn texts_of_values_are_not_shown() {
    for schema in [r#"{"properties": {"a": {"pattern": "^x"}}}"#, r#"{"properties": {"a": {"minLength": 50}}}"#] {
        let case = case(schema, "a: hunter2");
        case.refused_beginning(
            "values don't meet the specifications of the schema(s) in the following chart(s):\nweb:\n- at '/a': ",
        );
        assert!(!case.ours().unwrap_err().contains("hunter2"));
    }
}

#[test]
fn broken_schemas_are_refused() {
    let beginning = "values don't meet the specifications of the schema(s) in the following chart(s):\nweb:\n";
    for schema in ["{\"type\":", "", r#"{"type": "foo"}"#, "[]", r#"{"properties": {"a": {"pattern": "(?=a)"}}}"#] {
        case(schema, "a: 1").refused_beginning(beginning);
    }
    for reference in ["http://localhost:1/x.json", "file:///nowhere/x.json", "other.json"] {
        let case = case(&format!("{{\"$ref\": \"{reference}\"}}"), "a: 1");
        case.refused_beginning(&format!("{beginning}failing loading "));
    }
}

#[test]
fn schemas_without_end_are_refused() {
    let beginning = "values don't meet the specifications of the schema(s) in the following chart(s):\nweb:\n";
    let definition = |at: usize| {
        format!(r##""a{at}": {{"allOf": [{{"$ref": "#/$defs/a{0}"}}, {{"$ref": "#/$defs/a{0}"}}]}}, "##, at + 1)
    };
    let definitions: String = (0..60).map(definition).collect();
    let doubling = format!(r##"{{"$ref": "#/$defs/a0", "$defs": {{{definitions} "a60": true}}}}"##);
    let error = case(&doubling, "a: 1").ours().unwrap_err();
    assert!(
        error.contains(&format!("{beginning}values.schema.json: validating the values takes more than ")),
        "{error}"
    );
    // Here Helm ends by itself.
    for schema in [r##"{"$ref": "#"}"##, r##"{"properties": {"a": {"allOf": [{"$ref": "#/properties/a"}]}}}"##] {
        case(schema, "a: 1").refused_beginning(beginning);
    }
}
