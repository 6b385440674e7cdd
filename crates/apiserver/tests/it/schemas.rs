//! Objects judged by their schemas, as kubectl's users see it.

use crate::support::Served;

fn definition(schema: &str) -> String {
    format!(
        r#"{{ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
             "metadata": {{ "name": "widgets.herd.example.com" }},
             "spec": {{ "group": "herd.example.com", "scope": "Namespaced",
               "names": {{ "plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList" }},
               "versions": [{{ "name": "v1", "served": true, "storage": true, "schema": {{ "openAPIV3Schema": {schema} }} }}] }} }}"#
    )
}

const WIDGET: &str = r#"{ "type": "object", "description": "A Widget turns.", "required": ["spec"], "properties": {
    "spec": { "type": "object", "required": ["size"], "properties": {
        "size": { "type": "integer", "minimum": 1 },
        "colour": { "type": "string", "enum": ["red", "green"], "default": "red" } } } } }"#;

fn widget(spec: &str) -> String {
    format!(
        r#"{{ "apiVersion": "herd.example.com/v1", "kind": "Widget", "metadata": {{ "name": "w", "namespace": "default" }}, "spec": {spec} }}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_resources_are_explained_validated_and_defaulted() {
    let served = Served::start().await;
    served.kubectl_with(&["apply", "-f", "-"], &definition(WIDGET)).await.ok();
    served.kubectl(&["wait", "--for=condition=Established", "crd/widgets.herd.example.com"]).await;
    let explained = served.kubectl(&["explain", "widgets.spec"]).await;
    assert!(explained.contains("size\t<integer> -required-"), "{explained}");
    let refused =
        served.kubectl_with(&["apply", "-f", "-"], &widget(r#"{ "size": "big", "colour": "blue" }"#)).await.refused();
    let expected = "The Widget \"w\" is invalid: \n\
        * spec.colour: Unsupported value: \"blue\": supported values: \"red\", \"green\"\n\
        * spec.size: Invalid value: \"string\": spec.size in body must be of type integer: \"string\"\n";
    assert_eq!(refused, expected);
    let refused = served.kubectl_with(&["apply", "-f", "-"], &widget(r#"{ "size": 1, "sise": 2 }"#)).await.refused();
    assert!(refused.contains("strict decoding error: unknown field \"spec.sise\""), "{refused}");
    let annotated =
        widget(r#"{ "size": 1 }"#).replace(r#""name": "w","#, r#""name": "w", "annotations": { "on": true },"#);
    let refused = served.kubectl_with(&["create", "-f", "-"], &annotated).await.refused();
    assert!(
        refused.contains("cannot unmarshal bool into Go struct field ObjectMeta.metadata.annotations of type string"),
        "{refused}"
    );
    served.kubectl_with(&["apply", "-f", "-"], &widget(r#"{ "size": 1 }"#)).await.ok();
    assert_eq!(served.kubectl(&["get", "widget", "w", "-o", "jsonpath={.spec.colour}"]).await, "red");
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_without_structure_are_refused() {
    let served = Served::start().await;
    let schema = r#"{ "type": "object", "properties": { "spec": { "properties": { "a": { "type": "string" } } } } }"#;
    let refused = served.kubectl_with(&["apply", "-f", "-"], &definition(schema)).await.refused();
    let expected = "The CustomResourceDefinition \"widgets.herd.example.com\" is invalid: \
        spec.validation.openAPIV3Schema.properties[spec].type: Required value: must not be empty for specified object fields\n";
    assert_eq!(refused, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_built_in_object_that_cannot_be_decoded_is_refused_with_the_field() {
    let served = Served::start().await;
    let pod = r#"{ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "default" },
        "spec": { "containers": [{ "name": "c", "image": "c", "env": [{ "name": "A", "value": 1 }] }] } }"#;
    let refused = served.kubectl_with(&["create", "-f", "-"], pod).await.refused();
    assert!(
        refused.contains(
            "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal number into Go struct \
                          field EnvVar.spec.containers.env.value of type string"
        ),
        "{refused}"
    );
}
