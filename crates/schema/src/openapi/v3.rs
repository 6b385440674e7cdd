//! OpenAPI v3: an index (`/openapi/v3`) and a document per group and version.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::endpoints::{self, Body, Endpoint, Operation};
use super::parameters::{self, Parameter};
use super::schemas::Dialect;
use super::{Form, Frame, Resource, ResourceSchema};

/// Counts up when documents of the same resources come out otherwise: clients keep documents by their hash forever.
const FORM: u32 = 2;

/// The place of a group and version in the index and below `/openapi/v3/`: `api/v1`, `apis/apps/v1`.
pub fn path(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// The index of documents: their [`path`]s and [`hash`]es, as JSON.
pub fn index<'a>(documents: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let paths: Map<String, Value> = documents
        .into_iter()
        .map(|(path, hash)| {
            let url = format!("/openapi/v3/{path}?hash={hash}");
            (path.to_owned(), json!({ "serverRelativeURL": url }))
        })
        .collect();
    json!({ "paths": paths }).to_string().into()
}

/// A text that changes whenever [`document`] of the same resources does, without making the document.
pub fn hash(resources: &[Resource<'_>]) -> String {
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    };
    add(&format!("{FORM} {} {}", env!("CARGO_PKG_VERSION"), crate::builtin::fingerprint()));
    for resource in resources {
        let Resource { group, version, kind, list_kind, plural, namespaced, verbs, subresources, schema } = resource;
        add(&format!("{group} {version} {kind} {list_kind} {plural} {namespaced} {verbs:?} {subresources:?}"));
        match schema {
            ResourceSchema::Definition(name) => add(name),
            ResourceSchema::Custom(schema) => add(&schema.schema().to_string()),
        }
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The document of the resources of one group and version, as JSON.
pub fn document(resources: &[Resource<'_>]) -> Vec<u8> {
    Form::V3.document(resources)
}

pub(super) fn frame() -> Frame {
    let token = json!({ "BearerToken": {
        "description": "Bearer Token authentication", "in": "header", "name": "authorization", "type": "apiKey",
    } });
    let info = super::v2::info();
    Frame {
        begin: br#"{"components":{"schemas":{"#.to_vec(),
        between: format!(r#"}},"securitySchemes":{token}}},"info":{info},"openapi":"3.0.0","paths":{{"#).into(),
        end: b"}}".to_vec(),
        separator: ",",
    }
}

pub(super) fn path_item(endpoint: &Endpoint) -> Value {
    let mut item: Map<String, Value> =
        endpoint.operations.iter().map(|found| (found.method.to_owned(), operation(found))).collect();
    let mut common = Vec::new();
    let in_path = |name: &str, description: String| {
        let schema = json!({ "type": "string", "uniqueItems": true });
        json!({ "description": description, "in": "path", "name": name, "required": true, "schema": schema })
    };
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
        "schema": { "type": parameter.json_type, "uniqueItems": true },
    })
}

fn operation(operation: &Operation) -> Value {
    let dialect = Dialect::V3;
    let mut value = json!({
        "description": operation.description,
        "operationId": operation.id,
        "responses": responses(operation),
        "tags": [operation.tag],
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": operation.group_version_kind,
    });
    if !operation.parameters.is_empty() {
        value["parameters"] = operation.parameters.iter().map(parameter).collect();
    }
    let (types, definition): (&[&str], &str) = match &operation.body {
        Body::None => return value,
        Body::Object(definition) => (&["*/*"], definition),
        Body::DeleteOptions => (&["*/*"], endpoints::DELETE_OPTIONS),
        Body::Patch(types) => (types, endpoints::PATCH),
    };
    let schema = json!({ "schema": dialect.reference(definition) });
    let content: Map<String, Value> = types.iter().map(|of| ((*of).to_owned(), schema.clone())).collect();
    value["requestBody"] = json!({ "content": content });
    if matches!(operation.body, Body::Object(_) | Body::Patch(_)) {
        value["requestBody"]["required"] = json!(true);
    }
    value
}

fn responses(operation: &Operation) -> Value {
    let schema = match &operation.answer {
        Some(definition) => Dialect::V3.reference(definition),
        None => json!({ "type": "string" }),
    };
    let types: &[&str] = match operation.action {
        "list" => &["application/json", "application/json;stream=watch", "application/yaml"],
        _ => &["application/json", "application/yaml"],
    };
    let content: Map<String, Value> =
        types.iter().map(|of| ((*of).to_owned(), json!({ "schema": schema.clone() }))).collect();
    let mut responses = Map::new();
    for (code, description) in operation.answers {
        responses.insert((*code).to_owned(), json!({ "content": content.clone(), "description": description }));
    }
    responses.insert("401".to_owned(), json!({ "description": "Unauthorized" }));
    Value::Object(responses)
}
