//! OpenAPI v2 as the protobuf messages of gnostic, from its JSON form. Field numbers are those of its `OpenAPIv2.proto`.

use serde_json::{Map, Value};

use super::protobuf::Message;

/// The beginning of a `Document`, before its definitions and paths.
pub(super) fn beginning(info: &Value) -> Vec<u8> {
    let mut document = Message::default();
    document.text(1, "2.0");
    let mut message = Message::default();
    text(&mut message, 1, info.get("title"));
    text(&mut message, 2, info.get("version"));
    document.message(2, &message);
    document.finish()
}

/// Definitions and paths of a `Document` in the writing.
#[derive(Default)]
pub(super) struct Entries {
    document: Message,
}

impl Entries {
    /// Adds to `Definitions`; a reader merges the parts of a message.
    pub fn definition(&mut self, name: &str, value: &Value) {
        let mut definitions = Message::default();
        definitions.message(1, &named(name, &schema(value)));
        self.document.message(9, &definitions);
    }

    /// Adds to `Paths`.
    pub fn path(&mut self, path: &str, item: &Value) {
        let mut paths = Message::default();
        paths.message(2, &named(path, &path_item(item)));
        self.document.message(8, &paths);
    }

    /// What was written so far.
    pub fn bytes(&self) -> &[u8] {
        self.document.bytes()
    }

    pub fn finish(self) -> Vec<u8> {
        self.document.finish()
    }
}

fn text(message: &mut Message, field: u32, value: Option<&Value>) {
    if let Some(value) = value.and_then(Value::as_str).filter(|text| !text.is_empty()) {
        message.text(field, value);
    }
}

fn texts(message: &mut Message, field: u32, value: Option<&Value>) {
    for text in value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        message.text(field, text);
    }
}

fn flag(message: &mut Message, field: u32, value: Option<&Value>) {
    if value == Some(&Value::Bool(true)) {
        message.flag(field, true);
    }
}

fn named(name: &str, value: &Message) -> Message {
    let mut message = Message::default();
    message.text(1, name);
    message.message(2, value);
    message
}

/// `Any`: a value as YAML, of which JSON is a part.
fn any(value: &Value) -> Message {
    let mut message = Message::default();
    message.text(2, &format!("{value}\n"));
    message
}

fn extensions(message: &mut Message, field: u32, map: &Map<String, Value>) {
    for (name, value) in map.iter().filter(|(name, _)| name.starts_with("x-")) {
        message.message(field, &named(name, &any(value)));
    }
}

fn schema(value: &Value) -> Message {
    let mut message = Message::default();
    let Some(map) = value.as_object() else { return message };
    for (field, keyword) in [(1, "$ref"), (2, "format"), (3, "title"), (4, "description"), (13, "pattern")] {
        text(&mut message, field, map.get(keyword));
    }
    if let Some(default) = map.get("default") {
        message.message(5, &any(default));
    }
    for (field, keyword) in [(6, "multipleOf"), (7, "maximum"), (9, "minimum")] {
        if let Some(number) = map.get(keyword).and_then(Value::as_f64) {
            message.double(field, number);
        }
    }
    for (field, keyword) in [(8, "exclusiveMaximum"), (10, "exclusiveMinimum"), (16, "uniqueItems"), (27, "readOnly")] {
        flag(&mut message, field, map.get(keyword));
    }
    let counts = [
        (11, "maxLength"),
        (12, "minLength"),
        (14, "maxItems"),
        (15, "minItems"),
        (17, "maxProperties"),
        (18, "minProperties"),
    ];
    for (field, keyword) in counts {
        if let Some(count) = map.get(keyword).and_then(Value::as_i64) {
            message.integer(field, count);
        }
    }
    texts(&mut message, 19, map.get("required"));
    for value in map.get("enum").and_then(Value::as_array).into_iter().flatten() {
        message.message(20, &any(value));
    }
    structure(&mut message, map);
    extensions(&mut message, 31, map);
    message
}

fn structure(message: &mut Message, map: &Map<String, Value>) {
    if let Some(additional) = map.get("additionalProperties") {
        let mut item = Message::default();
        match additional {
            Value::Bool(allowed) => item.flag(2, *allowed),
            other => item.message(1, &schema(other)),
        }
        message.message(21, &item);
    }
    if let Some(of) = map.get("type").and_then(Value::as_str) {
        let mut item = Message::default();
        item.text(1, of);
        message.message(22, &item);
    }
    if let Some(items) = map.get("items") {
        let mut item = Message::default();
        item.message(1, &schema(items));
        message.message(23, &item);
    }
    for value in map.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        message.message(24, &schema(value));
    }
    if let Some(properties) = map.get("properties").and_then(Value::as_object) {
        let mut item = Message::default();
        for (name, property) in properties {
            item.message(1, &named(name, &schema(property)));
        }
        message.message(25, &item);
    }
}

fn path_item(value: &Value) -> Message {
    let mut message = Message::default();
    for (field, method) in [(2, "get"), (3, "put"), (4, "post"), (5, "delete"), (8, "patch")] {
        if let Some(value) = value.get(method).and_then(Value::as_object) {
            message.message(field, &operation(value));
        }
    }
    parameters(&mut message, 9, value.get("parameters"));
    message
}

fn operation(map: &Map<String, Value>) -> Message {
    let mut message = Message::default();
    texts(&mut message, 1, map.get("tags"));
    text(&mut message, 3, map.get("description"));
    text(&mut message, 5, map.get("operationId"));
    texts(&mut message, 6, map.get("produces"));
    texts(&mut message, 7, map.get("consumes"));
    parameters(&mut message, 8, map.get("parameters"));
    let mut responses = Message::default();
    for (code, value) in map.get("responses").and_then(Value::as_object).into_iter().flatten() {
        responses.message(1, &named(code, &response(value)));
    }
    message.message(9, &responses);
    texts(&mut message, 10, map.get("schemes"));
    extensions(&mut message, 13, map);
    message
}

/// `ResponseValue`
fn response(value: &Value) -> Message {
    let mut response = Message::default();
    text(&mut response, 1, value.get("description"));
    if let Some(value) = value.get("schema") {
        let mut item = Message::default();
        item.message(1, &schema(value));
        response.message(2, &item);
    }
    let mut message = Message::default();
    message.message(1, &response);
    message
}

fn parameters(message: &mut Message, field: u32, list: Option<&Value>) {
    for value in list.and_then(Value::as_array).into_iter().flatten() {
        let mut item = Message::default();
        item.message(1, &parameter(value));
        message.message(field, &item);
    }
}

/// `Parameter`: in the body, the query or the path.
fn parameter(value: &Value) -> Message {
    let mut parameter = Message::default();
    if value.get("in").is_some_and(|place| place == "body") {
        let mut body = Message::default();
        text(&mut body, 1, value.get("description"));
        text(&mut body, 2, value.get("name"));
        text(&mut body, 3, value.get("in"));
        flag(&mut body, 4, value.get("required"));
        if let Some(value) = value.get("schema") {
            body.message(5, &schema(value));
        }
        parameter.message(1, &body);
        return parameter;
    }
    let in_path = value.get("in").is_some_and(|place| place == "path");
    // The messages for places differ in their numbers only.
    let (place, of, unique) = if in_path { (4, 5, 19) } else { (3, 6, 20) };
    let mut fields = Message::default();
    flag(&mut fields, 1, value.get("required"));
    text(&mut fields, 2, value.get("in"));
    text(&mut fields, 3, value.get("description"));
    text(&mut fields, 4, value.get("name"));
    text(&mut fields, of, value.get("type"));
    flag(&mut fields, unique, value.get("uniqueItems"));
    let mut elsewhere = Message::default();
    elsewhere.message(place, &fields);
    parameter.message(2, &elsewhere);
    parameter
}
