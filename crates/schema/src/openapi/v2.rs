//! OpenAPI v2: one document of everything (`/openapi/v2`), as JSON or as protobuf.

use serde_json::{Map, Value, json};

use super::endpoints::{self, Body, Endpoint, Operation};
use super::parameters::{self, Parameter};
use super::schemas::Dialect;
use super::{Form, Frame, Resource, gnostic};

/// The media type of [`protobuf`], the only one that kubectl takes for this document.
pub const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/// The media type of [`protobuf`] that older clients ask for.
pub const PROTOBUF_DEPRECATED: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

/// The document of all resources, as JSON.
pub fn document(resources: &[Resource<'_>]) -> Vec<u8> {
    Form::V2.document(resources)
}

/// The document of all resources, as the protobuf message `openapi.v2.Document` of gnostic.
pub fn protobuf(resources: &[Resource<'_>]) -> Vec<u8> {
    Form::V2Protobuf.document(resources)
}

pub(super) fn frame() -> Frame {
    Frame {
        begin: br#"{"definitions":{"#.to_vec(),
        between: format!(r#"}},"info":{},"paths":{{"#, info()).into(),
        end: br#"},"swagger":"2.0"}"#.to_vec(),
        separator: ",",
    }
}

/// A reader of the message merges all that is said of its definitions and paths.
pub(super) fn protobuf_frame() -> Frame {
    Frame { begin: gnostic::beginning(&info()), between: Vec::new(), end: Vec::new(), separator: "" }
}

pub(super) fn info() -> Value {
    let (major, minor) = crate::builtin::KUBERNETES_VERSION;
    json!({ "title": "Kubernetes", "version": format!("v{major}.{minor}.0") })
}

pub(super) fn path_item(endpoint: &Endpoint) -> Value {
    let mut item: Map<String, Value> =
        endpoint.operations.iter().map(|found| (found.method.to_owned(), operation(found))).collect();
    let in_path = |name: &str, description: String| {
        json!({ "description": description, "in": "path", "name": name, "required": true, "type": "string",
                "uniqueItems": true })
    };
    let mut common = Vec::new();
    if let Some(kind) = &endpoint.name_of {
        common.push(in_path("name", format!("The name of the {kind}.")));
    }
    if endpoint.in_namespace {
        common.push(in_path("namespace", parameters::NAMESPACE.to_owned()));
    }
    common.push(parameter(&parameters::PRETTY));
    item.insert("parameters".to_owned(), Value::Array(common));
    Value::Object(item)
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "description": parameter.description,
        "in": "query",
        "name": parameter.name,
        "type": parameter.json_type,
        "uniqueItems": true,
    })
}

fn operation(operation: &Operation) -> Value {
    let dialect = Dialect::V2;
    let mut parameters: Vec<Value> = operation.parameters.iter().map(parameter).collect();
    let mut body = |definition: &str, required: bool| {
        let mut parameter = json!({ "in": "body", "name": "body", "schema": dialect.reference(definition) });
        if required {
            parameter["required"] = json!(true);
        }
        parameters.insert(0, parameter);
    };
    let consumes: &[&str] = match &operation.body {
        Body::None => &["*/*"],
        Body::Object(definition) => {
            body(definition, true);
            &["*/*"]
        }
        Body::DeleteOptions => {
            body(endpoints::DELETE_OPTIONS, false);
            &["*/*"]
        }
        Body::Patch(types) => {
            body(endpoints::PATCH, true);
            types
        }
    };
    let schema = match &operation.answer {
        Some(definition) => dialect.reference(definition),
        None => json!({ "type": "string" }),
    };
    let mut responses: Map<String, Value> = operation
        .answers
        .iter()
        .map(|(code, description)| {
            ((*code).to_owned(), json!({ "description": description, "schema": schema.clone() }))
        })
        .collect();
    responses.insert("401".to_owned(), json!({ "description": "Unauthorized" }));
    json!({
        "consumes": consumes,
        "description": operation.description,
        "operationId": operation.id,
        "parameters": parameters,
        "produces": ["application/json", "application/yaml"],
        "responses": responses,
        "schemes": ["https"],
        "tags": [operation.tag],
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": operation.group_version_kind,
    })
}
