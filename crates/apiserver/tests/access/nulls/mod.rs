//! What becomes of nulls in custom resources, as a real kube-apiserver does it.

mod random;

use serde_json::{Value, json};

use crate::cluster::{Asked, Cluster, Recorded};
use crate::histories::{Judged, Step, compare, forgets_owners, told};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const NULLS: &str = "/apis/nulls.example.org/v1/namespaces/walk/nulls";

/// What the `spec` of a null may have.
fn properties() -> Value {
    let text = json!({"type": "string"});
    let nullable = json!({"type": "string", "nullable": true});
    let object = json!({"type": "object", "properties": {"a": text, "b": {"type": "string", "default": "x"}}});
    let required = |schema: &Value| json!({"type": "object", "required": ["r"], "properties": {"r": schema}});
    json!({
        "text": text, "defaulted": {"type": "string", "default": "d"}, "nullable": nullable,
        "nullableDefaulted": {"type": "string", "nullable": true, "default": "d"},
        "number": {"type": "integer"}, "flag": {"type": "boolean"}, "either": {"x-kubernetes-int-or-string": true},
        "one": {"type": "string", "enum": ["a", "b"]}, "object": object,
        "list": {"type": "array", "items": text}, "nullableList": {"type": "array", "items": nullable},
        "objects": {"type": "array", "items": object}, "map": {"type": "object", "additionalProperties": text},
        "nullableMap": {"type": "object", "additionalProperties": nullable},
        "defaultedMap": {"type": "object", "additionalProperties": {"type": "string", "default": "d"}},
        "objectMap": {"type": "object", "additionalProperties": object},
        "any": {"x-kubernetes-preserve-unknown-fields": true},
        "loose": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "required": required(&text), "nullableRequired": required(&nullable),
    })
}

/// Objects with a null somewhere.
fn objects() -> Vec<Value> {
    let fields: Vec<String> = properties().as_object().unwrap().keys().cloned().collect();
    let alone = fields.into_iter().map(|field| json!({ field: null }));
    let inside = [
        json!({"object": {"a": null}}),
        json!({"object": {"b": null}}),
        json!({"list": ["a", null]}),
        json!({"nullableList": [null]}),
        json!({"objects": [null]}),
        json!({"objects": [{"a": null}]}),
        json!({"map": {"x": null}}),
        json!({"nullableMap": {"x": null}}),
        json!({"defaultedMap": {"x": null}}),
        json!({"objectMap": {"x": null}}),
        json!({"objectMap": {"x": {"a": null}}}),
        json!({"any": {"x": null}}),
        json!({"any": [null]}),
        json!({"loose": {"x": null}}),
        json!({"required": {"r": null}}),
        json!({"nullableRequired": {"r": null}}),
        json!({"unknown": null}),
    ];
    let specs = alone.chain(inside).map(|spec| json!({"spec": spec}));
    let others = [json!({"spec": null}), json!({"top": null}), json!({"metadata": {"labels": {"a": null}}})];
    specs.chain(others).collect()
}

/// Serves nulls.
async fn define(cluster: &Cluster) {
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": properties()}, "top": {"type": "string"}}});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "nulls.nulls.example.org"},
        "spec": {
            "group": "nulls.example.org", "scope": "Namespaced", "names": {"plural": "nulls", "kind": "Null"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    });
    let made = cluster.ask("POST", DEFINITIONS, definition).await;
    assert!(matches!(made.code, 201 | 409), "{}", made.message());
    let began = std::time::Instant::now();
    while cluster.ask("GET", NULLS, Value::Null).await.code != 200 {
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "nulls are not served");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// What is answered when the object is sent in this way: the object without its identity, or what is wrong.
async fn answer(cluster: &Cluster, way: &str, object: &Value) -> Value {
    let named = |content: Value| {
        let mut all = json!({"apiVersion": "nulls.example.org/v1", "kind": "Null", "metadata": {"name": "n"}});
        for (field, value) in content.as_object().unwrap() {
            match value {
                Value::Object(map) if field == "metadata" => all[field].as_object_mut().unwrap().extend(map.clone()),
                _ => all[field] = value.clone(),
            }
        }
        all
    };
    let uri = format!("{NULLS}/n");
    let mut version = Value::Null;
    if way == "update" || way == "patch" {
        let made = cluster.ask("POST", NULLS, named(json!({"spec": {"text": "a"}}))).await;
        assert_eq!(made.code, 201, "{}", made.message());
        version = made.document["metadata"]["resourceVersion"].clone();
    }
    let answered = match way {
        "create" => cluster.ask("POST", NULLS, named(object.clone())).await,
        "update" => {
            let mut all = named(object.clone());
            all["metadata"]["resourceVersion"] = version;
            cluster.ask("PUT", &uri, all).await
        }
        "apply" => {
            let path = format!("{uri}?fieldManager=m");
            let headers = vec![("content-type", b"application/apply-patch+yaml".as_slice())];
            Asked { method: "PATCH", path: &path, headers, body: named(object.clone()) }.of(&cluster.admin).await
        }
        _ => {
            // A merge patch would take nulls for words of its own.
            let add =
                |(field, value): (&String, &Value)| json!({"op": "add", "path": format!("/{field}"), "value": value});
            let mut patched = object.clone();
            if let Some(metadata) = patched.get_mut("metadata") {
                metadata["name"] = "n".into();
                metadata["namespace"] = "walk".into();
            }
            let operations: Vec<Value> = patched.as_object().unwrap().iter().map(add).collect();
            let headers = vec![("content-type", b"application/json-patch+json".as_slice())];
            Asked { method: "PATCH", path: &uri, headers, body: json!(operations) }.of(&cluster.admin).await
        }
    };
    cluster.ask("DELETE", &uri, Value::Null).await;
    if answered.code >= 400 {
        return json!({"code": answered.code, "message": answered.message()});
    }
    let labels = &answered.document["metadata"]["labels"];
    json!({"code": answered.code, "spec": answered.document.get("spec"), "top": answered.document.get("top"), "labels": labels})
}

#[tokio::test(flavor = "multi_thread")]
async fn nulls_are_kept_dropped_filled_or_refused_as_in_kubernetes() {
    let ours = Cluster::ours().await;
    define(&ours).await;
    let mut recorded = Recorded::open("nulls").await;
    if let Some(real) = recorded.real() {
        define(real).await;
    }
    let mut others = Vec::new();
    for object in objects() {
        for way in ["create", "update", "patch", "apply"] {
            let asked = format!("{way} {object}");
            let asking = object.clone();
            let real = recorded.answer(&asked, |real| async move { answer(&real, way, &asking).await }).await;
            let mut ours = answer(&ours, way, &object).await;
            if ours["code"] == 400 && real["code"] == 500 {
                // What an apply says of fields that nobody knows is no failure of the server, and names the namespace.
                ours = json!({"code": 500, "message": ours["message"].as_str().unwrap().replace("walk/n", "/n")});
            }
            if asked.starts_with("patch {\"metadata\"") {
                // There, a patch that replaces the metadata has to have the version of the object.
                assert_eq!((&real["code"], &ours["code"]), (&json!(422), &json!(200)));
                continue;
            }
            if ours != real {
                others.push(format!("{asked}\n  ours {ours}\n  real {real}"));
            }
        }
    }
    recorded.keep();
    assert!(others.is_empty(), "{} are otherwise:\n{}", others.len(), others.join("\n"));
}

/// Whether we answer what Kubernetes answers.
fn judge(step: &Step, ours: &Value, real: &Value) -> Judged {
    let codes = |ours_code: u64, real_code: u64| ours["code"] == ours_code && real["code"] == real_code;
    let message = |answer: &Value| answer["document"]["message"].as_str().unwrap_or_default().to_owned();
    // What becomes of definitions is told elsewhere; and what is not served has no document there.
    if step.path == DEFINITIONS || real["document"].is_null() {
        return (ours["code"] == real["code"]).into();
    }
    if step.media == "application/apply-patch+yaml" {
        // What is unknown in an apply is no failure of the server, and names the namespace.
        if codes(400, 500) {
            return (message(ours).replace("walk/", "/") == message(real)).into();
        }
        // Of a map from which an apply takes all that was in it Kubernetes leaves null, and refuses or drops that.
        let refuses_null = codes(200, 422) && message(real).contains(": Invalid value: \"null\": ");
        let leaves_null = refuses_null || codes(200, 200) && real["document"]["spec"].is_null();
        // A status of null is none there where there was none before, and otherwise wrong by another name.
        if leaves_null || step.path.contains("/status?") && step.body["status"].is_null() {
            return Judged::Parted;
        }
    }
    // Names in a status are without it there.
    if step.path.contains("/status?") && codes(422, 422) {
        let fields = |answer: &Value| answer["document"]["details"]["causes"].as_array().map(Vec::len);
        return (fields(ours) == fields(real)).into();
    }
    // Nulls that may not be are all that we tell of an apply with some.
    if step.media == "application/apply-patch+yaml" && codes(422, 422) {
        let causes = |answer: &Value| answer["document"]["details"]["causes"].as_array().cloned().unwrap_or_default();
        return causes(ours).iter().all(|cause| causes(real).contains(cause)).into();
    }
    // Beside a mistake in a patch Kubernetes shows the whole that comes of it.
    if message(real).starts_with(" \"\" is invalid: patch: ") {
        let field = |answer: &Value| json!([answer["code"], answer["document"]["details"]["causes"][0]["field"]]);
        return (field(ours) == field(real)).into();
    }
    // A null that takes the place of nothing is a change there.
    let ungenerated = |answer: &Value| {
        let mut document = answer["document"].clone();
        let metadata = document["metadata"].as_object_mut().map(|metadata| metadata.remove("generation"));
        metadata.map(|_| document)
    };
    let has_changed_nothing = step.media == "application/apply-patch+yaml" && ours["document"] != real["document"];
    if forgets_owners(ours, real) || has_changed_nothing && ungenerated(ours) == ungenerated(real) {
        return Judged::Parted;
    }
    // Beside a refusal Kubernetes tells as well which fields it did not know.
    let refused = real["code"].as_u64().is_some_and(|code| code >= 400);
    (ours["code"] == real["code"]
        && ours["document"] == real["document"]
        && (refused || ours["warnings"] == real["warnings"]))
        .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_definitions_and_objects_become_what_they_become_in_kubernetes() {
    let histories = told("null-histories", random::history, 24).await;
    compare(&histories, &Cluster::ours().await, judge).await;
}
