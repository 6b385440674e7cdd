//! OpenAPI documents as kubectl reads them.

#![allow(clippy::unwrap_used)]

mod server;

use std::collections::BTreeSet;

use cowherd_schema::openapi::{Resource, ResourceSchema, Subresource, definition_name, v2, v3};
use serde_json::{Value, json};

use self::server::Server;

const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

fn deployments() -> Resource<'static> {
    Resource {
        group: "apps",
        version: "v1",
        kind: "Deployment",
        list_kind: "DeploymentList",
        plural: "deployments",
        namespaced: true,
        verbs: VERBS.to_vec(),
        subresources: vec![Subresource::status("apps", "v1", "Deployment"), Subresource::scale()],
        schema: ResourceSchema::Definition("io.k8s.api.apps.v1.Deployment"),
    }
}

fn nodes() -> Resource<'static> {
    Resource {
        group: "",
        version: "v1",
        kind: "Node",
        list_kind: "NodeList",
        plural: "nodes",
        namespaced: false,
        verbs: VERBS.to_vec(),
        subresources: Vec::new(),
        schema: ResourceSchema::Definition("io.k8s.api.core.v1.Node"),
    }
}

fn widgets(schema: &Value) -> Resource<'_> {
    Resource {
        group: "herd.example.com",
        version: "v1alpha1",
        kind: "Widget",
        list_kind: "WidgetList",
        plural: "widgets",
        namespaced: true,
        verbs: VERBS.to_vec(),
        subresources: vec![Subresource::status("herd.example.com", "v1alpha1", "Widget")],
        schema: ResourceSchema::Custom(schema),
    }
}

fn widget_schema() -> Value {
    json!({
        "description": "A Widget turns.",
        "type": "object",
        "properties": { "spec": {
            "description": "What is wanted.",
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": { "type": "integer", "format": "int32", "minimum": 1, "description": "How large.", "default": 3 },
                "port": { "x-kubernetes-int-or-string": true, "anyOf": [{ "type": "integer" }, { "type": "string" }] },
                "note": { "type": "string", "nullable": true },
                "template": { "type": "object", "x-kubernetes-embedded-resource": true,
                              "x-kubernetes-preserve-unknown-fields": true },
            },
            "x-kubernetes-validations": [{ "rule": "self.size < 10" }],
        } },
    })
}

fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// Every reference in a document.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

fn assert_closed(document: &Value, schemas: &Value, prefix: &str) {
    let mut found = BTreeSet::new();
    references(document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let name = reference.strip_prefix(prefix).unwrap_or_else(|| panic!("{reference}"));
        assert!(schemas.get(name).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn a_document_holds_every_definition_it_refers_to_and_no_other_kinds() {
    let document = parse(&v3::document(&[deployments()]));
    let schemas = &document["components"]["schemas"];
    assert_closed(&document, schemas, "#/components/schemas/");
    assert!(schemas.get("io.k8s.api.core.v1.Node").is_none());
    let ports = &schemas["io.k8s.api.core.v1.Container"]["properties"]["ports"];
    assert_eq!(ports["x-kubernetes-list-map-keys"], json!(["containerPort", "protocol"]));
    assert_eq!(ports["x-kubernetes-patch-merge-key"], "containerPort");
    let strategy = &schemas["io.k8s.api.apps.v1.DeploymentSpec"]["properties"]["strategy"];
    assert_eq!(strategy["allOf"], json!([{ "$ref": "#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy" }]));
    assert_eq!(strategy["x-kubernetes-patch-strategy"], "retainKeys");
    let document = parse(&v2::document(&[deployments(), nodes()]));
    assert_closed(&document, &document["definitions"], "#/definitions/");
}

#[test]
fn patches_offer_what_kubectl_looks_for() {
    let document = parse(&v3::document(&[deployments()]));
    let patch = &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
    assert_eq!(
        patch["x-kubernetes-group-version-kind"],
        json!({ "group": "apps", "version": "v1", "kind": "Deployment" })
    );
    assert_eq!(patch["x-kubernetes-action"], "patch");
    assert_eq!(patch["operationId"], "patchAppsV1NamespacedDeployment");
    let names: Vec<&str> =
        patch["parameters"].as_array().unwrap().iter().map(|of| of["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["dryRun", "fieldManager", "fieldValidation", "force"]);
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        paths,
        [
            "/apis/apps/v1/deployments",
            "/apis/apps/v1/namespaces/{namespace}/deployments",
            "/apis/apps/v1/namespaces/{namespace}/deployments/{name}",
            "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale",
            "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/status",
        ]
    );
}

#[test]
fn custom_resources_have_the_fields_of_every_object() {
    assert_eq!(definition_name("herd.example.com", "v1alpha1", "Widget"), "com.example.herd.v1alpha1.Widget");
    let schema = widget_schema();
    let document = parse(&v3::document(&[widgets(&schema)]));
    assert_closed(&document, &document["components"]["schemas"], "#/components/schemas/");
    let widget = &document["components"]["schemas"]["com.example.herd.v1alpha1.Widget"];
    let properties: Vec<&String> = widget["properties"].as_object().unwrap().keys().collect();
    assert_eq!(properties, ["apiVersion", "kind", "metadata", "spec"]);
    assert_eq!(widget["properties"]["spec"]["x-kubernetes-validations"][0]["rule"], "self.size < 10");
    assert_eq!(widget["properties"]["spec"]["properties"]["template"]["required"], json!(["apiVersion", "kind"]));
    let reduced = parse(&v2::document(&[widgets(&schema)]));
    let spec = &reduced["definitions"]["com.example.herd.v1alpha1.Widget"]["properties"]["spec"];
    assert_eq!(spec["properties"]["port"], json!({ "x-kubernetes-int-or-string": true }));
    assert_eq!(spec["properties"]["note"], json!({}));
}

#[test]
fn the_hash_changes_with_what_is_served() {
    let schema = widget_schema();
    let mut other = schema.clone();
    other["properties"]["spec"]["description"] = json!("Something else.");
    assert_eq!(v3::hash(&[widgets(&schema)]), v3::hash(&[widgets(&schema)]));
    assert_ne!(v3::hash(&[widgets(&schema)]), v3::hash(&[widgets(&other)]));
    assert_ne!(v3::hash(&[deployments()]), v3::hash(&[]));
}

#[test]
fn kubectl_explains_built_in_and_custom_kinds() {
    let schema = widget_schema();
    let server = Server::start(&[deployments(), nodes(), widgets(&schema)]);
    let text = server.kubectl(&["explain", "deployment.spec.template.spec.containers.ports.protocol"]);
    assert!(text.contains("FIELD: protocol <string>") && text.contains("Must be UDP, TCP, or SCTP"), "{text}");
    let text = server.kubectl(&["explain", "deployment.spec.strategy.rollingUpdate"]);
    assert!(text.contains("maxSurge\t<IntOrString>"), "{text}");
    let text = server.kubectl(&["explain", "node.status.capacity"]);
    assert!(text.contains("<map[string]Quantity>"), "{text}");
    let text = server.kubectl(&["explain", "widgets", "--recursive"]);
    assert!(text.contains("A Widget turns.") && text.contains("size\t<integer> -required-"), "{text}");
    assert!(text.contains("ownerReferences\t<[]OwnerReference>"), "{text}");
}

#[test]
fn kubectl_reads_the_protobuf_of_version_2() {
    let schema = widget_schema();
    let server = Server::start(&[deployments(), nodes(), widgets(&schema)]);
    let explain = |path: &str| server.kubectl(&["explain", path, "--output", "plaintext-openapiv2"]);
    let text = explain("deployment.spec.template.spec.containers.ports");
    assert!(
        text.contains("RESOURCE: ports <[]Object>") && text.contains("containerPort\t<integer> -required-"),
        "{text}"
    );
    let text = explain("widgets.spec");
    assert!(text.contains("What is wanted.") && text.contains("size\t<integer> -required-"), "{text}");
    let text = explain("nodes");
    assert!(text.contains("KIND:     Node") && text.contains("metadata\t<Object>"), "{text}");
}
