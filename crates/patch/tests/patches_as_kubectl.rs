//! Patches do what `kubectl patch --local` does with them.

use std::process::Command;

use cowherd_patch::{PatchError, json_patch, merge_patch, strategic_merge_patch};
use cowherd_schema::builtin;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

/// What kubectl makes of a patch: the object, or its message.
fn kubectl(kind: &str, object: &Value, patch: &Value) -> Result<Value, String> {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("object.json");
    std::fs::write(&file, object.to_string()).expect("the object written");
    let output = Command::new("kubectl")
        .args(["patch", "--local", "-o", "json", "--type", kind, "-f"])
        .arg(&file)
        .args(["-p", &patch.to_string()])
        .env("KUBECONFIG", "/dev/null")
        .output()
        .expect("kubectl");
    if output.status.success() {
        let patched = serde_json::from_slice(&output.stdout).expect("JSON from kubectl");
        return Ok(without_leftovers(patched));
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(message.strip_prefix("error: ").unwrap_or(&message).to_owned())
}

/// Without what decoding into a type drops: nulls and fields of no type.
fn without_leftovers(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(name, value)| !value.is_null() && !name.starts_with('$'));
            Value::Object(kept.map(|(name, value)| (name, without_leftovers(value))).collect())
        }
        Value::Array(items) => items.into_iter().map(without_leftovers).collect(),
        scalar => scalar,
    }
}

fn strategic(object: &Value, patch: &Value) -> Result<Value, PatchError> {
    let group = match object["apiVersion"].as_str() {
        Some("v1") => "core.v1".to_owned(),
        Some(version) => version.replace('/', ".").replace("networking.k8s.io", "networking"),
        None => String::new(),
    };
    let name = format!("io.k8s.api.{group}.{}", object["kind"].as_str().unwrap_or_default());
    strategic_merge_patch(object, patch, builtin::definition(&name).expect("the kind's schema"))
}

#[track_caller]
fn same(kind: &str, object: &Value, patch: Value) {
    let ours = match kind {
        "json" => json_patch(object, &patch),
        "merge" => Ok(merge_patch(object, &patch)),
        _ => strategic(object, &patch),
    };
    let ours = ours.map(without_leftovers).map_err(|error| error.to_string().trim_end().to_owned());
    assert_eq!(ours, kubectl(kind, object, &patch), "{kind} {patch}");
}

/// Both refuse, each in its words.
#[track_caller]
fn refused(kind: &str, object: &Value, patch: Value) {
    let ours = if kind == "json" { json_patch(object, &patch) } else { strategic(object, &patch) };
    assert!(ours.is_err(), "{patch}: {ours:?}");
    assert!(kubectl(kind, object, &patch).is_err(), "{patch}");
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "labels": { "app": "web", "tier": "front" }, "finalizers": ["a", "b", "c"] },
        "spec": {
            "replicas": 2,
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": "25%" } },
            "template": { "spec": {
                "containers": [
                    { "name": "nginx", "image": "nginx:1", "args": ["-a", "-b"],
                      "env": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }],
                      "ports": [{ "containerPort": 80 }, { "containerPort": 443, "protocol": "TCP" }] },
                    { "name": "sidecar", "image": "sidecar:1" },
                    { "name": "logger", "image": "logger:1" },
                ],
                "volumes": [{ "name": "data", "emptyDir": {} }, { "name": "config", "configMap": { "name": "c" } }],
                "tolerations": [{ "key": "x", "operator": "Exists" }],
                "nodeSelector": { "disk": "ssd" },
            } },
        },
    })
}

fn containers(items: Value) -> Value {
    json!({ "spec": { "template": { "spec": { "containers": items } } } })
}

#[test]
fn strategic_patches_of_fields() {
    let object = deployment();
    for patch in [
        json!({}),
        json!({ "spec": { "replicas": 5 } }),
        json!({ "spec": { "replicas": null, "paused": true } }),
        json!({ "metadata": { "labels": { "tier": null, "new": "x" }, "annotations": { "a": "b", "c": null } } }),
        json!({ "spec": { "strategy": { "$retainKeys": ["type"], "type": "Recreate" } } }),
        json!({ "spec": { "strategy": { "$retainKeys": ["rollingUpdate"], "type": null, "rollingUpdate": { "maxSurge": 2 } } } }),
        json!({ "metadata": { "$retainKeys": ["name", "finalizers"], "$setElementOrder/finalizers": ["b", "a"], "$deleteFromPrimitiveList/finalizers": ["c"] } }),
        json!({ "metadata": { "$retainKeys": [] } }),
        json!({ "spec": { "replicas": { "a": 1 } } }),
        json!({ "metadata": { "labels": ["a"] } }),
        json!({ "metadata": { "finalizers": "a" } }),
        json!({ "spec": { "strategy": { "$patch": "replace", "type": "Recreate" } } }),
        json!({ "spec": { "strategy": { "$patch": "delete" } } }),
        json!({ "spec": { "template": { "spec": { "nodeSelector": { "zone": "a" }, "tolerations": [{ "key": "y" }] } } } }),
        json!({ "spec": { "template": { "spec": { "securityContext": { "runAsUser": 1, "seLinuxOptions": null } } } } }),
        json!({ "spec": { "template": { "spec": { "securityContext": { "$patch": "delete" } } } } }),
        json!({ "spec": { "template": { "spec": { "containers": null } } } }),
    ] {
        same("strategic", &object, patch);
    }
}

#[test]
fn strategic_patches_of_items() {
    let object = deployment();
    for items in [
        json!([{ "name": "nginx", "image": "nginx:2" }]),
        json!([{ "name": "logger", "image": "logger:2" }, { "name": "nginx", "image": "nginx:2" }]),
        json!([{ "name": "new", "image": "new:1", "command": null }]),
        json!([{ "name": "new", "image": "new:1" }, { "name": "sidecar", "image": "x" }, { "name": "newer" }]),
        json!([{ "name": "sidecar", "$patch": "delete" }]),
        json!([{ "name": "sidecar", "$patch": "delete" }, { "name": "sidecar", "image": "again" }]),
        json!([{ "$patch": "replace" }, { "name": "only", "image": "only:1" }]),
        json!([{ "name": "nginx", "$patch": "replace", "image": "only:1" }]),
        json!([]),
        json!([{ "name": "nginx", "env": [{ "name": "B", "$patch": "delete" }, { "name": "C", "value": "3" }] }]),
        json!([{ "name": "nginx", "env": [{ "name": "A", "value": null, "valueFrom": { "fieldRef": { "fieldPath": "x" } } }] }]),
        json!([{ "name": "nginx", "args": ["-c"], "ports": [{ "containerPort": 443, "name": "https" }, { "containerPort": 81 }] }]),
    ] {
        same("strategic", &object, containers(items));
    }
    same(
        "strategic",
        &object,
        json!({ "spec": { "template": { "spec": { "volumes": [
        { "name": "data", "$retainKeys": ["name", "hostPath"], "hostPath": { "path": "/x" } }, { "name": "new", "emptyDir": {} }
    ] } } } }),
    );
}

#[test]
fn strategic_patches_of_orders_and_scalars() {
    let object = deployment();
    for patch in [
        json!({ "metadata": { "finalizers": ["d", "a"] } }),
        json!({ "metadata": { "$deleteFromPrimitiveList/finalizers": ["a", "x"] } }),
        json!({ "metadata": { "$deleteFromPrimitiveList/finalizers": ["a"], "$setElementOrder/finalizers": ["d", "c", "b"], "finalizers": ["d"] } }),
        json!({ "metadata": { "$setElementOrder/finalizers": ["c", "a"] } }),
        json!({ "metadata": { "$setElementOrder/finalizers": ["x", "b", "d", "a"], "finalizers": ["d"] } }),
        json!({ "metadata": { "finalizers": ["a", "a", "d", "d", "c"] } }),
        json!({ "metadata": { "$deleteFromPrimitiveList/finalizers": null } }),
        json!({ "metadata": { "$deleteFromPrimitiveList/nothing": ["a"] } }),
        json!({ "metadata": { "$deleteFromPrimitiveList/finalizers": "a" } }),
        json!({ "metadata": { "finalizers": [] } }),
        json!({ "spec": { "template": { "spec": { "containers": [
            { "name": "nginx", "$setElementOrder/env": [{ "name": "B" }, { "name": "C" }, { "name": "A" }], "env": [{ "name": "C", "value": "3" }, { "name": "A", "value": null }] }] } } } }),
        json!({ "spec": { "template": { "spec": { "$setElementOrder/containers": [{ "name": "logger" }, { "name": "nginx" }] } } } }),
        json!({ "spec": { "template": { "spec": {
            "$setElementOrder/containers": [{ "name": "sidecar" }, { "name": "new" }, { "name": "nginx" }],
            "containers": [{ "name": "new", "image": "n" }, { "name": "logger", "$patch": "delete" }] } } } }),
        json!({ "spec": { "template": { "spec": {
            "$setElementOrder/initContainers": [{ "name": "b" }, { "name": "a" }],
            "initContainers": [{ "name": "b", "image": "b" }, { "name": "a", "image": null }] } } } }),
        json!({ "metadata": { "$setElementOrder/finalizers": [] } }),
        json!({ "metadata": { "$setElementOrder/finalizers": [], "finalizers": [] } }),
        json!({ "metadata": { "$setElementOrder/finalizers": [], "finalizers": ["d", "a", "e", "f"] } }),
        unordered((0..50).map(|number| format!("new-{number}")).collect()),
        unordered(
            (0..200).map(|number| if number % 7 == 0 { "nginx".to_owned() } else { format!("{number}") }).collect(),
        ),
    ] {
        same("strategic", &object, patch);
    }
}

/// Containers in an order that names none of them.
fn unordered(names: Vec<String>) -> Value {
    let containers: Vec<Value> = names.into_iter().map(|name| json!({ "name": name, "image": "i" })).collect();
    json!({ "spec": { "template": { "spec": { "$setElementOrder/containers": [], "containers": containers } } } })
}

#[test]
fn strategic_patches_that_are_refused() {
    let object = deployment();
    for patch in [
        containers(json!([{ "image": "nameless", "ports": [1] }])),
        containers(json!([{ "$patch": "delete", "image": "nameless" }])),
        containers(json!([{ "$patch": "merge", "name": "nginx" }])),
        json!({ "spec": { "strategy": { "$retainKeys": ["type"], "rollingUpdate": {} } } }),
        json!({ "spec": { "strategy": { "$retainKeys": "type" } } }),
        json!({ "metadata": { "$setElementOrder/finalizers": "a" } }),
        json!({ "metadata": { "$setElementOrder/finalizers": 1 } }),
        json!({ "metadata": { "$setElementOrder/finalizers": 1.5 } }),
        json!({ "metadata": { "$setElementOrder/finalizers": ["b", "a"], "finalizers": ["a", "b"] } }),
        json!({ "metadata": { "finalizers": [1] } }),
        json!({ "metadata": { "finalizers": [["a"]] } }),
        json!({ "metadata": { "finalizers": [true] } }),
        json!({ "metadata": { "finalizers": [{}] } }),
        json!({ "metadata": { "finalizers": ["d", 1] } }),
        json!({ "metadata": { "$setElementOrder/finalizers": true } }),
        json!({ "metadata": { "$setElementOrder/finalizers": {} } }),
        json!({ "metadata": { "$setElementOrder/finalizers": null } }),
        json!({ "metadata": { "$setElementOrder/labels": ["a"] } }),
        json!({ "metadata": { "$setElementOrder/finalizers": ["a"], "finalizers": "a" } }),
        json!({ "metadata": { "$setElementOrder/finalizers": ["a"], "finalizers": ["d"] } }),
        json!({ "metadata": { "$deleteFromPrimitiveList/finalizers": [1] } }),
        containers(json!([{ "image": null, "args": ["a", 1, 1.5, true, { "b": ["c"] }] }])),
        containers(json!(["text"])),
        containers(json!([{ "name": "nginx" }, "text"])),
        containers(json!([{ "name": "nginx", "env": [{ "value": "nameless" }] }])),
        json!({ "spec": { "strategy": { "$retainKeys": [1, null], "type": "Recreate" } } }),
        json!({ "spec": { "template": { "spec": { "$setElementOrder/containers": [{ "image": "nameless" }], "containers": [{ "name": "nginx" }] } } } }),
        json!({ "spec": { "template": { "spec": { "$setElementOrder/containers": [{ "image": "nameless" }] } } } }),
        json!({ "spec": { "template": { "spec": { "$setElementOrder/containers": [{ "name": "nginx" }], "containers": ["text"] } } } }),
        json!({ "spec": { "template": { "spec": {
            "$setElementOrder/containers": [{ "name": "sidecar" }], "containers": [{ "name": "sidecar", "$patch": "replace" }, { "name": "nginx", "$patch": "replace" }] } } } }),
    ] {
        same("strategic", &object, patch);
    }
    let empty = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "finalizers": [] }, "spec": { "containers": [] } });
    same("strategic", &empty, json!({ "metadata": { "finalizers": [{ "a": "b" }] } }));
    same("strategic", &empty, json!({ "metadata": { "$setElementOrder/finalizers": [] } }));
    same("strategic", &empty, json!({ "metadata": { "$setElementOrder/finalizers": ["a"], "finalizers": [] } }));
    same("strategic", &empty, json!({ "spec": { "containers": [{ "image": "nameless" }] } }));
    // An item of the object without its key is told, even where the patch has nothing to say of it.
    let nameless = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "spec": { "containers": [{ "image": "i" }] } });
    for items in [json!([]), json!([{ "name": "a" }]), json!([{ "$patch": "replace" }])] {
        same("strategic", &nameless, json!({ "spec": { "containers": items } }));
    }
}

#[test]
fn values_beside_an_unknown_directive_are_not_repeated() {
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "data": { "a": "MQ==" } });
    let patch = json!({ "data": { "$patch": "guess", "password": "aHVudGVyMg==" } });
    let error = strategic(&secret, &patch).expect_err("a refusal").to_string();
    assert_eq!(error, "unknown patch type: guess in map: map[$patch:*** password:***]");
    refused("strategic", &secret, patch);
    refused("strategic", &secret, json!({ "data": { "$patch": "merge" } }));
    refused("strategic", &deployment(), containers(json!([{ "$patch": "guess", "name": "nginx" }])));
}

#[test]
fn strategic_patches_of_other_kinds() {
    let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s" }, "spec": {
        "ports": [{ "name": "http", "port": 80, "targetPort": 8080 }, { "name": "https", "port": 443 }],
        "externalIPs": ["1.1.1.1"], "selector": { "a": "b" } } });
    same(
        "strategic",
        &service,
        json!({ "spec": { "ports": [{ "port": 443, "nodePort": 30000 }, { "port": 53, "protocol": "UDP" }] } }),
    );
    same("strategic", &service, json!({ "spec": { "externalIPs": ["2.2.2.2"], "selector": { "c": "d" } } }));
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "s",
        "ownerReferences": [{ "uid": "1", "name": "x", "kind": "Y", "apiVersion": "v1" }] },
        "imagePullSecrets": [{ "name": "a" }], "secrets": [{ "name": "t" }] });
    same("strategic", &account, json!({ "imagePullSecrets": [{ "name": "b" }], "secrets": [{ "name": "u" }] }));
    same("strategic", &account, json!({ "metadata": { "ownerReferences": [{ "uid": "1", "$patch": "delete" }] } }));
    let config = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c" }, "data": { "a": "1" } });
    same("strategic", &config, json!({ "data": { "a": null, "b": "2" }, "binaryData": { "$patch": "replace" } }));
    let ingress = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "i" },
        "spec": { "rules": [{ "host": "a" }], "tls": [{ "hosts": ["a"] }] } });
    same("strategic", &ingress, json!({ "spec": { "rules": [{ "host": "b" }], "tls": [] } }));
}

#[test]
fn json_patches() {
    let object = deployment();
    for operation in [
        json!({ "op": "add", "path": "/spec/paused", "value": true }),
        json!({ "op": "add", "path": "/metadata/labels/a~1b~0c", "value": "x" }),
        json!({ "op": "add", "path": "/metadata/finalizers/-", "value": "x" }),
        json!({ "op": "add", "path": "/metadata/finalizers/1", "value": "x" }),
        json!({ "op": "add", "path": "/metadata/finalizers/3", "value": "x" }),
        json!({ "op": "add", "path": "/metadata/finalizers/-1", "value": "x" }),
        json!({ "op": "add", "path": "/metadata/finalizers/4", "value": "x" }),
        json!({ "op": "add", "path": "/metadata/finalizers/-5", "value": "x" }),
        json!({ "op": "add", "path": "/metadata/finalizers/x", "value": "x" }),
        json!({ "op": "add", "path": "/metadata/annotations/x", "value": "x" }),
        json!({ "op": "add", "path": "metadata", "value": "x" }),
        json!({ "op": "add", "value": "x" }),
        json!({ "op": "remove", "path": "/spec/replicas" }),
        json!({ "op": "remove", "path": "/spec/template/spec/containers/0/args/1" }),
        json!({ "op": "remove", "path": "/spec/template/spec/containers/-1" }),
        json!({ "op": "remove", "path": "/spec/template/spec/containers/9" }),
        json!({ "op": "remove", "path": "/spec/template/spec/containers/-" }),
        json!({ "op": "remove", "path": "/spec/nothing" }),
        json!({ "op": "remove", "path": "/nothing/nothing" }),
        json!({ "op": "remove", "path": "" }),
        json!({ "op": "replace", "path": "/spec/replicas", "value": 3 }),
        json!({ "op": "replace", "path": "/spec/paused", "value": true }),
        json!({ "op": "replace", "path": "/nothing/nothing", "value": true }),
        json!({ "op": "replace", "path": "/metadata/finalizers/0", "value": "x" }),
        json!({ "op": "replace", "path": "", "value": { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "x" } } }),
        json!({ "op": "move", "from": "/metadata/labels/app", "path": "/metadata/labels/moved" }),
        json!({ "op": "move", "from": "/metadata/finalizers/0", "path": "/metadata/finalizers/2" }),
        json!({ "op": "move", "from": "/metadata/labels/nothing", "path": "/metadata/labels/moved" }),
        json!({ "op": "move", "from": "/nothing/nothing", "path": "/metadata/labels/moved" }),
        json!({ "op": "move", "from": "/spec/template", "path": "/spec/template/spec" }),
        json!({ "op": "copy", "from": "/metadata/labels/app", "path": "/metadata/labels/copied" }),
        json!({ "op": "copy", "from": "/metadata/finalizers/0", "path": "/metadata/finalizers/-" }),
        json!({ "op": "copy", "from": "/nothing/nothing", "path": "/metadata/labels/moved" }),
        json!({ "op": "copy", "from": "/metadata/labels/app", "path": "/nothing/nothing" }),
        json!({ "op": "test", "path": "/spec/replicas", "value": 2 }),
        json!({ "op": "test", "path": "/spec/replicas", "value": 3 }),
        json!({ "op": "test", "path": "/spec/paused", "value": null }),
        json!({ "op": "test", "path": "/spec/paused", "value": true }),
        json!({ "op": "test", "path": "/metadata/labels", "value": { "tier": "front", "app": "web" } }),
        json!({ "op": "test", "path": "/nothing/nothing", "value": null }),
        json!({ "op": "test", "path": "", "value": object.clone() }),
        json!({ "op": "test", "path": "", "value": {} }),
        json!({ "op": "guess", "path": "/spec" }),
        json!({ "path": "/spec" }),
        json!({ "op": "remove" }),
        json!({ "op": "replace", "value": 1 }),
        json!({ "op": "test", "value": 1 }),
        json!({ "op": "move", "path": "/metadata/labels/moved" }),
        json!({ "op": "move", "from": "/metadata/labels/app" }),
        json!({ "op": "copy", "path": "/metadata/labels/copied" }),
        json!({ "op": "copy", "from": "/metadata/labels/app" }),
        json!({ "op": "add", "path": "/spec/template/spec/containers/3/image", "value": "x" }),
        json!({ "op": "copy", "from": "/metadata/finalizers/9", "path": "/metadata/labels/copied" }),
        json!({ "op": "test", "path": "/metadata/finalizers/9", "value": "c" }),
        json!({ "op": "test", "path": "/metadata/name/x", "value": "c" }),
    ] {
        same("json", &object, json!([operation]));
    }
    refused("json", &object, json!([{ "op": "replace", "path": "/metadata/finalizers/7", "value": "x" }]));
    refused("json", &object, json!([{ "op": "replace", "path": "", "value": "text" }]));
    refused("json", &object, json!({ "op": "remove", "path": "/spec" }));
    refused("json", &object, json!(["remove"]));
}

#[test]
fn a_json_patch_has_no_more_operations_than_allowed() {
    let operations = vec![json!({ "op": "test", "path": "/spec/replicas", "value": 2 }); 10_001];
    let error = json_patch(&deployment(), &Value::Array(operations)).expect_err("too many operations");
    assert_eq!(error.to_string(), "The allowed maximum operations in a JSON patch is 10000, got 10001");
    assert_eq!(error.status(), 413);
}

#[test]
fn copies_of_copies_have_an_end() {
    let deeper = vec![json!({ "op": "copy", "from": "/spec", "path": "/spec/again" }); 200];
    assert!(json_patch(&deployment(), &Value::Array(deeper)).is_err());
    let list = json!({ "op": "add", "path": "/list", "value": ["a"] });
    let bigger = vec![json!({ "op": "copy", "from": "/list", "path": "/list/-" }); 60];
    assert!(json_patch(&deployment(), &Value::Array([vec![list], bigger].concat())).is_err());
}

#[test]
fn merge_patches() {
    let object = deployment();
    for patch in [
        json!({ "spec": { "replicas": null, "template": { "spec": { "containers": [{ "name": "x" }] } } } }),
        json!({ "metadata": { "labels": { "a": null, "b": { "c": null, "d": "e" } } } }),
        json!({ "metadata": { "annotations": { "a": null, "b": "c" }, "finalizers": null } }),
        json!({ "metadata": { "labels": "none" }, "spec": { "replicas": { "a": null, "b": 1 } } }),
        json!({ "new": [{ "a": null, "b": 1 }] }),
    ] {
        same("merge", &object, patch);
    }
}

fn name() -> impl Strategy<Value = Value> {
    prop::sample::select(vec!["a", "b", "c", "d", "e"]).prop_map(Value::from)
}

fn item() -> impl Strategy<Value = Value> {
    let images = prop::option::of(prop::sample::select(vec!["x:1", "x:2"]));
    let directive = prop::option::weighted(0.15, prop::sample::select(vec!["delete", "replace"]));
    let env = prop::collection::vec(name(), 0..3);
    (name(), images, env, directive).prop_map(|(name, image, env, directive)| {
        let mut item = json!({ "name": name });
        item["image"] = image.map_or(Value::Null, Value::from);
        if !env.is_empty() {
            item["env"] = env.into_iter().map(|name| json!({ "name": name, "value": "v" })).collect();
        }
        if let Some(directive) = directive {
            item["$patch"] = directive.into();
        }
        item
    })
}

/// Items with names that differ.
fn items() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(item(), 0..5).prop_map(|items| {
        let mut kept: Vec<Value> = Vec::new();
        for item in items {
            if !kept.iter().any(|known| known["name"] == item["name"]) {
                kept.push(item);
            }
        }
        kept
    })
}

fn pod(items: Vec<Value>) -> Value {
    let plain: Vec<Value> = items.into_iter().map(without_leftovers).collect();
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "spec": { "containers": plain } })
}

#[test]
fn random_strategic_patches() {
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    let order = prop::option::weighted(0.4, Just(vec!["a", "b", "c", "d", "e"]).prop_shuffle());
    let strategy = (items(), items(), order);
    let outcome = runner.run(&strategy, |(live, patch, order)| {
        // Ordering nothing is an error there, and nothing here.
        prop_assume!(!(live.is_empty() && patch.is_empty()));
        let object = pod(live);
        let mut spec = json!({ "containers": patch });
        if let Some(order) = order {
            spec["$setElementOrder/containers"] = order.into_iter().map(|name| json!({ "name": name })).collect();
        }
        let patch = json!({ "spec": spec });
        let ours =
            strategic(&object, &patch).map(without_leftovers).map_err(|error| error.to_string().trim_end().to_owned());
        prop_assert_eq!(ours, kubectl("strategic", &object, &patch));
        Ok(())
    });
    outcome.expect("the same as kubectl");
}

#[test]
fn a_long_list_is_merged_item_by_item_and_arranged_as_the_patch_has_it() {
    let container = |number: usize, image: &str| json!({"name": format!("c{number}"), "image": image});
    let pod = |containers: Vec<Value>| json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": containers}});
    let count = 20_000;
    let before = pod((0..count).map(|number| container(number, "old")).collect());
    let patch = pod((0..count).rev().map(|number| container(number, "new")).collect());
    let schema = builtin::definition("io.k8s.api.core.v1.Pod").expect("a built-in kind");
    assert!(strategic_merge_patch(&before, &patch, schema).unwrap() == patch);
}
