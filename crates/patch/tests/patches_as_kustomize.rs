//! Strategic merge patches do what `kubectl kustomize` does with them.

use std::process::Command;

use cowherd_patch::{PatchError, kustomize_merge_patch};
use cowherd_schema::builtin;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

const DEPLOYMENT: &str = "io.k8s.api.apps.v1.Deployment";

/// What kustomize makes of a patch; `None` if it refuses.
fn kustomize(object: &Value, patch: &Value) -> Option<Value> {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, content: &Value| std::fs::write(dir.path().join(name), content.to_string());
    // What was patched is read back as JSON: an annotation keeps kustomize from writing it as YAML.
    write("object.yaml", object).expect("the object written");
    write("patch.yaml", patch).expect("the patch written");
    let kustomization = json!({ "resources": ["object.yaml"], "patches": [{ "path": "patch.yaml" }] });
    write("kustomization.yaml", &kustomization).expect("the kustomization written");
    let output = Command::new("kubectl").arg("kustomize").arg(dir.path()).output().expect("kubectl");
    if !output.status.success() {
        return None;
    }
    let file = dir.path().join("built.yaml");
    std::fs::write(&file, &output.stdout).expect("the result written");
    let json = Command::new("kubectl")
        .args(["patch", "--local", "-o", "json", "--type", "merge", "-p", "{}", "-f"])
        .arg(&file)
        .env("KUBECONFIG", "/dev/null")
        .output()
        .expect("kubectl");
    Some(serde_json::from_slice(&json.stdout).expect("JSON from kubectl"))
}

fn ours(object: &Value, patch: &Value) -> Result<Option<Value>, PatchError> {
    kustomize_merge_patch(object, patch, builtin::definition(DEPLOYMENT))
}

fn deployment(spec: Value) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
        "spec": { "template": { "spec": spec } } })
}

#[track_caller]
fn same(object: &Value, patch: &Value) {
    assert_eq!(ours(object, patch).ok().flatten(), kustomize(object, patch), "{patch}");
}

fn web() -> Value {
    deployment(json!({
        "containers": [
            { "name": "a", "image": "a", "ports": [{ "containerPort": 80, "protocol": "TCP" }, { "containerPort": 81 }] },
            { "name": "b", "image": "b", "env": [{ "name": "X", "value": "1" }], "args": ["1"] },
            { "name": "c", "image": "c", "ports": [{ "containerPort": 80 }, { "containerPort": 81, "name": "x" }] },
        ],
        "volumes": [{ "name": "v", "emptyDir": {} }],
        "nodeSelector": { "a": "b" },
    }))
}

#[test]
fn patches_of_items() {
    for items in [
        json!([{ "name": "c", "image": "z" }]),
        json!([{ "name": "c", "image": "z" }, { "name": "n", "image": "n" }]),
        json!([{ "name": "b", "$patch": "delete" }]),
        json!([{ "name": "b", "$patch": "replace", "image": "q" }]),
        json!([{ "name": "n", "$patch": "replace", "image": "q" }]),
        json!([{ "$patch": "replace" }, { "name": "z", "image": "q" }]),
        json!([{ "$patch": "delete" }]),
        json!([{ "name": "n", "image": null, "env": [{ "name": "A", "$patch": "delete" }], "ports": null }]),
        json!([{ "image": "nameless" }]),
        json!([]),
        json!([{}]),
        json!([{ "name": "a", "ports": [{ "containerPort": 80 }] }, {}]),
        json!([{ "name": "a", "ports": [{ "protocol": "TCP" }] }]),
        json!([{ "name": "a", "ports": [{ "containerPort": 80, "protocol": "TCP", "$patch": "replace", "name": "y" }] }]),
        json!([{ "name": "n", "ports": [{ "containerPort": 80, "$patch": "delete" }, { "containerPort": 81, "$patch": "merge" }] }]),
        json!([{ "name": "a", "ports": [{ "containerPort": 81, "protocol": "TCP" }, { "containerPort": 80 }] }]),
        json!([{ "name": "b", "args": ["2"], "env": [{ "name": "Y", "value": "2" }, { "name": "X", "value": null }] }]),
        json!([{ "name": "a", "ports": [{ "containerPort": 80, "name": "x" }, { "containerPort": 81, "protocol": "UDP" }, { "containerPort": 99 }] }]),
        json!([{ "name": "a", "ports": [{ "containerPort": 80, "protocol": "TCP", "name": "x" }] }]),
        json!([{ "name": "a", "ports": [{ "containerPort": 80, "protocol": "UDP", "name": "x" }] }]),
        json!([{ "name": "c", "ports": [{ "containerPort": 81, "name": "y" }, { "containerPort": 82 }] }]),
        json!([{ "name": "c", "ports": [{ "containerPort": 81, "$patch": "delete" }] }]),
    ] {
        same(&web(), &deployment(json!({ "containers": items })));
    }
}

#[test]
fn patches_of_items_that_have_some_of_their_keys() {
    let (any, tcp, udp) = (
        json!({ "containerPort": 80, "hostIP": "any" }),
        json!({ "containerPort": 80, "protocol": "TCP", "hostIP": "tcp" }),
        json!({ "containerPort": 80, "protocol": "UDP", "hostIP": "udp" }),
    );
    let (other, nameless) = (json!({ "containerPort": 81 }), json!({ "protocol": "TCP", "name": "x" }));
    let named = |port: &Value| {
        let mut port = port.clone();
        port["name"] = "named".into();
        port
    };
    for (live, patch) in [
        (vec![&tcp, &udp], vec![&any]),
        (vec![&udp, &tcp], vec![&any]),
        (vec![&any], vec![&tcp, &udp]),
        (vec![&any], vec![&udp, &tcp]),
        (vec![&any, &other], vec![&udp]),
        (vec![&other], vec![&nameless]),
        (vec![&any, &tcp], vec![&udp]),
        (vec![&any, &tcp, &udp], vec![&any, &udp]),
        (vec![&other, &udp], vec![&any, &other]),
    ] {
        let with =
            |ports: Vec<Value>| deployment(json!({ "containers": [{ "name": "a", "image": "i", "ports": ports }] }));
        same(&with(live.into_iter().cloned().collect()), &with(patch.into_iter().map(named).collect()));
    }
}

#[test]
fn patches_of_items_that_cannot_be_told_apart() {
    let with = |ports: Value| deployment(json!({ "containers": [{ "name": "a", "image": "i", "ports": ports }] }));
    for (live, patch) in [
        (json!([{}, { "containerPort": 80 }]), json!([{ "containerPort": 80, "name": "y" }])),
        (json!([null, { "containerPort": 80 }]), json!([{ "containerPort": 80, "name": "y" }])),
        (json!([{ "containerPort": 80 }]), json!([{}, { "containerPort": 80, "name": "y" }])),
    ] {
        same(&with(live), &with(patch));
    }
    let live = deployment(json!({ "containers": [{ "name": "a", "image": "i" }] }));
    for word in ["delete", "replace", "merge"] {
        for items in [
            json!([{ "image": "nameless", "$patch": word }]),
            json!([{ "name": "n", "image": "i", "env": [{ "value": "nameless", "$patch": word }] }]),
            json!([{ "name": "n", "image": "i", "env": [{ "name": "A", "value": "1", "$patch": word }, { "name": "B", "value": "2" }] }]),
        ] {
            same(&live, &deployment(json!({ "containers": items })));
        }
    }
}

#[test]
fn patches_of_fields() {
    for spec in [
        json!({}),
        json!({ "containers": null, "volumes": [{ "name": "v", "emptyDir": null, "configMap": { "name": "c" } }] }),
        json!({ "volumes": { "a": "b" } }),
        json!({ "nodeSelector": [] }),
        json!({ "nodeSelector": "a" }),
        json!({ "nodeSelector": { "$patch": "replace", "c": "d" } }),
        json!({ "nodeSelector": { "$patch": "delete" } }),
        json!({ "nodeSelector": { "$patch": "merge", "c": "d", "a": null } }),
        json!({ "securityContext": { "$patch": "delete" }, "affinity": { "nodeAffinity": null } }),
        json!({ "hostAliases": [{ "ip": "1.1.1.1" }], "x": null, "dnsPolicy": "Default" }),
        json!({ "tolerations": [{ "key": "a" }] }),
    ] {
        same(&web(), &deployment(spec));
    }
    let mut patch = deployment(json!({}));
    patch["metadata"]["finalizers"] = json!(["c", "a"]);
    let mut object = web();
    object["metadata"]["finalizers"] = json!(["a", "b"]);
    same(&object, &patch);
}

#[test]
fn a_patch_can_delete_the_object() {
    let mut patch = deployment(json!({}));
    patch["$patch"] = json!("delete");
    assert_eq!(ours(&web(), &patch), Ok(None));
}

#[test]
fn lists_of_unknown_kinds_are_replaced() {
    let object = json!({ "kind": "X", "spec": { "items": [{ "name": "a" }], "map": { "a": 1 } } });
    let patch = json!({ "kind": "X", "spec": { "items": [{ "name": "b" }], "map": { "b": null, "c": 2 } } });
    let patched = json!({ "kind": "X", "spec": { "items": [{ "name": "b" }], "map": { "a": 1, "c": 2 } } });
    assert_eq!(kustomize_merge_patch(&object, &patch, None), Ok(Some(patched)));
}

fn containers() -> impl Strategy<Value = Value> {
    let name = || prop::sample::select(vec!["a", "b", "c", "d"]);
    let port = (prop::sample::select(vec![80, 81]), prop::option::weighted(0.7, Just("TCP")), any::<bool>());
    let port = port.prop_map(|(number, protocol, named)| {
        let mut port = json!({ "containerPort": number });
        if let Some(protocol) = protocol {
            port["protocol"] = protocol.into();
        }
        if named {
            port["name"] = "x".into();
        }
        port
    });
    let env = (name(), 0..3_u8).prop_map(|(name, value)| json!({ "name": name, "value": value.to_string() }));
    let item = (name(), 0..3_u8, prop::collection::vec(port, 0..3), prop::collection::vec(env, 0..3)).prop_map(
        |(name, image, mut ports, mut env)| {
            ports.dedup_by_key(|port| port["containerPort"].clone());
            env.dedup_by_key(|env| env["name"].clone());
            let mut item = json!({ "name": name, "image": format!("x:{image}") });
            for (field, items) in [("ports", ports), ("env", env)] {
                if !items.is_empty() {
                    item[field] = items.into();
                }
            }
            item
        },
    );
    prop::collection::vec(item, 1..4).prop_map(|items| {
        let mut kept: Vec<Value> = Vec::new();
        for item in items {
            if !kept.iter().any(|known| known["name"] == item["name"]) {
                kept.push(item);
            }
        }
        kept.into()
    })
}

#[test]
fn random_patches() {
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(containers(), containers()), |(live, patch)| {
        let (object, patch) = (deployment(json!({ "containers": live })), deployment(json!({ "containers": patch })));
        prop_assert_eq!(ours(&object, &patch).ok().flatten(), kustomize(&object, &patch));
        Ok(())
    });
    outcome.expect("the same as kustomize");
}
