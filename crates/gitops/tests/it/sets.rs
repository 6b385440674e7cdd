//! ResourceSets: objects made of templates and of inputs that stand there or that providers give.

use serde_json::{Value, json};

use crate::world::{FLUX, World};

const OPERATOR: &str = "fluxcd.controlplane.io/v1";
const SET: &str = "ResourceSet";
const PROVIDER: &str = "ResourceSetInputProvider";

/// A template of a ConfigMap with a value.
fn map(name: &str, value: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "apps" },
        "data": { "key": value } })
}

async fn set(world: &World, name: &str, spec: Value) {
    let object = json!({ "metadata": { "name": name, "namespace": FLUX }, "spec": spec });
    world.create(OPERATOR, SET, object).await;
}

async fn provider(world: &World, name: &str, values: Value) {
    let metadata = json!({ "name": name, "namespace": FLUX, "labels": { "gives": "teams" } });
    let object = json!({ "metadata": metadata, "spec": { "type": "Static", "defaultValues": values } });
    world.create(OPERATOR, PROVIDER, object).await;
}

async fn change(world: &World, name: &str, spec: Value) {
    world.patch(OPERATOR, SET, FLUX, name, json!({ "spec": spec })).await;
}

async fn annotate(world: &World, name: &str, annotations: Value) {
    world.patch(OPERATOR, SET, FLUX, name, json!({ "metadata": { "annotations": annotations } })).await;
}

async fn found(world: &World, name: &str) -> Value {
    world.get(OPERATOR, SET, Some(FLUX), name).await.unwrap_or_default()
}

fn ready(object: &Value) -> Value {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|condition| condition["type"] == "Ready").unwrap_or_default()
}

/// Waits until the ResourceSet says this of the spec that it has now; the object.
async fn says(world: &World, name: &str, reason: &str, text: &str) -> Value {
    world
        .until(&format!("{name} says {reason} {text:?}"), async || {
            let found = found(world, name).await;
            let ready = ready(&found);
            let is_of_now = ready["observedGeneration"] == found["metadata"]["generation"];
            let says = ready["message"].as_str().unwrap_or_default().contains(text);
            if is_of_now && ready["reason"] == reason && says { Ok(found) } else { Err(ready.to_string()) }
        })
        .await
}

async fn succeeds(world: &World, name: &str, count: &str) -> Value {
    says(world, name, "ReconciliationSucceeded", &format!("Applied {count}")).await
}

/// Waits until the ConfigMaps of the namespace have these values.
async fn maps(world: &World, expected: &[(&str, &str)]) {
    world
        .until(&format!("there are {expected:?}"), async || {
            let listed = world.api("v1", "ConfigMap", Some("apps")).list(&Default::default()).await.unwrap();
            let pair = |object: &kube::api::DynamicObject| {
                let name = object.metadata.name.clone().unwrap();
                (name, object.data["data"]["key"].as_str().unwrap_or_default().to_owned())
            };
            let all: Vec<_> = listed.items.iter().map(pair).filter(|(name, _)| name != "kube-root-ca.crt").collect();
            let expected: Vec<_> = expected.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            if all == expected { Ok(()) } else { Err(format!("{all:?}")) }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_input_makes_objects_which_change_and_go_with_it() {
    let world = World::new().await;
    let inputs = json!([{ "team": "red", "size": 1 }, { "team": "blue", "size": 2 }]);
    let common = json!({ "labels": { "of": "set" }, "annotations": { "by": "template" } });
    let resources =
        json!([map("<< inputs.team >>", "<< inputs.size | quote >>"), map("shared", "<< inputs.provider.kind >>")]);
    set(&world, "teams", json!({ "inputs": inputs, "commonMetadata": common, "resources": resources })).await;
    let object = succeeds(&world, "teams", "3 objects").await;
    maps(&world, &[("blue", "2"), ("red", "1"), ("shared", "ResourceSet")]).await;

    assert_eq!(object["metadata"]["finalizers"], json!(["fluxcd.controlplane.io/finalizer"]));
    let status = &object["status"];
    let entries: Vec<_> =
        status["inventory"]["entries"].as_array().unwrap().iter().map(|entry| entry["id"].clone()).collect();
    assert_eq!(entries.len(), 3, "{entries:?}");
    assert!(entries.contains(&json!("apps_red__ConfigMap")), "{entries:?}");
    let history = &status["history"][0];
    assert_eq!(
        (&history["lastReconciledStatus"], &history["digest"]),
        (&json!("ReconciliationSucceeded"), &status["lastAppliedRevision"])
    );
    let red = world.get("v1", "ConfigMap", Some("apps"), "red").await.unwrap();
    let labels = json!({ "of": "set", "resourceset.fluxcd.controlplane.io/name": "teams",
        "resourceset.fluxcd.controlplane.io/namespace": FLUX });
    assert_eq!((&red["metadata"]["labels"], &red["metadata"]["annotations"]["by"]), (&labels, &json!("template")));
    assert_eq!(red["metadata"]["managedFields"][0]["manager"], "flux-operator");

    // What somebody changes is put right, at once.
    world.patch("v1", "ConfigMap", "apps", "red", json!({ "data": { "key": "mine" } })).await;
    maps(&world, &[("blue", "2"), ("red", "1"), ("shared", "ResourceSet")]).await;
    // An input that goes takes its objects with it, and so does the ResourceSet.
    change(&world, "teams", json!({ "inputs": [{ "team": "blue", "size": 3 }] })).await;
    maps(&world, &[("blue", "3"), ("shared", "ResourceSet")]).await;
    world.api(OPERATOR, SET, Some(FLUX)).delete("teams", &Default::default()).await.unwrap();
    maps(&world, &[]).await;
    world
        .until("it is gone", async || if found(&world, "teams").await.is_null() { Ok(()) } else { Err("it is not") })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_providers_give_is_followed_at_once_and_nothing_of_it_leaves_nothing() {
    let world = World::new().await;
    provider(&world, "red", json!({ "team": "red" })).await;
    let from = json!([{ "selector": { "matchLabels": { "gives": "teams" } } }]);
    let spec = json!({ "inputsFrom": from, "resourcesTemplate": "\
        apiVersion: v1\nkind: ConfigMap\nmetadata: {name: << inputs.team >>, namespace: apps}\ndata: {key: << inputs.id | quote >>}\n" });
    set(&world, "teams", spec).await;
    succeeds(&world, "teams", "1 object").await;
    let given = world.get(OPERATOR, PROVIDER, Some(FLUX), "red").await.unwrap();
    let id = given["status"]["exportedInputs"][0]["id"].as_str().unwrap().to_owned();
    assert!(id.parse::<u32>().is_ok(), "{id}");
    maps(&world, &[("red", &id)]).await;

    provider(&world, "blue", json!({ "team": "blue", "id": "mine" })).await;
    succeeds(&world, "teams", "2 objects").await;
    world.patch(OPERATOR, PROVIDER, FLUX, "blue", json!({ "spec": { "defaultValues": { "team": "green" } } })).await;
    world
        .until("what was given before is gone", async || {
            let names: Vec<String> = world.versions("apps").await.into_iter().map(|(name, _)| name).collect();
            let is_so = names.contains(&"green".to_owned()) && !names.contains(&"blue".to_owned());
            if is_so { Ok(()) } else { Err(format!("{names:?}")) }
        })
        .await;
    // A preview that is closed takes with it what was made for it, all of it at last.
    for name in ["red", "blue"] {
        world.api(OPERATOR, PROVIDER, Some(FLUX)).delete(name, &Default::default()).await.unwrap();
    }
    maps(&world, &[]).await;
    succeeds(&world, "teams", "0 objects").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_missing_leaves_what_was_made_of_it_as_it_is() {
    let world = World::new().await;
    set(&world, "teams", json!({ "inputsFrom": [{ "name": "red" }], "resources": [map("<< inputs.team >>", "1")] }))
        .await;
    says(&world, "teams", "BuildFailed", "failed to get provider flux-system/red: there is no such").await;
    provider(&world, "red", json!({ "team": "red" })).await;
    succeeds(&world, "teams", "1 object").await;
    world.api(OPERATOR, PROVIDER, Some(FLUX)).delete("red", &Default::default()).await.unwrap();
    says(&world, "teams", "BuildFailed", "failed to get provider flux-system/red").await;
    maps(&world, &[("red", "1")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_fails_says_where_and_changes_nothing() {
    let world = World::new().await;
    set(&world, "one", json!({ "inputs": [{ "a": "x" }], "resources": [map("one", "<< inputs.a >>")] })).await;
    succeeds(&world, "one", "1 object").await;
    change(&world, "one", json!({ "resources": [map("two", "<< inputs.b >>")] })).await;
    says(
        &world,
        "one",
        "BuildFailed",
        "failed to build resources[0]: failed to execute template: template: resources[0]:3",
    )
    .await;
    maps(&world, &[("one", "x")]).await;
    change(&world, "one", json!({ "resources": [map("two", "<< inputs.a >>")] })).await;
    succeeds(&world, "one", "1 object").await;
    maps(&world, &[("two", "x")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_rests_does_nothing_until_it_does_not() {
    let world = World::new().await;
    set(&world, "one", json!({ "resources": [map("one", "1")] })).await;
    succeeds(&world, "one", "1 object").await;
    annotate(&world, "one", json!({ "fluxcd.controlplane.io/reconcile": "disabled" })).await;
    change(&world, "one", json!({ "resources": [map("one", "2")] })).await;
    // Others go on meanwhile.
    set(&world, "two", json!({ "resources": [map("two", "2")] })).await;
    maps(&world, &[("one", "1"), ("two", "2")]).await;
    annotate(&world, "one", json!({ "fluxcd.controlplane.io/reconcile": null })).await;
    maps(&world, &[("one", "2"), ("two", "2")]).await;
    // One that rests leaves what it has made.
    annotate(&world, "two", json!({ "fluxcd.controlplane.io/reconcile": "disabled" })).await;
    world.api(OPERATOR, SET, Some(FLUX)).delete("two", &Default::default()).await.unwrap();
    world
        .until("it is gone", async || if found(&world, "two").await.is_null() { Ok(()) } else { Err("it is not") })
        .await;
    maps(&world, &[("one", "2"), ("two", "2")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_for_objects_that_must_be_there_or_be_so() {
    let world = World::new().await;
    let gate = json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": "gate", "namespace": "other", "ready": true,
        "readyExpr": "data.gate == 'open'" });
    set(&world, "one", json!({ "dependsOn": [gate], "resources": [map("one", "1")] })).await;
    let first = json!({ "apiVersion": OPERATOR, "kind": SET, "name": "one", "namespace": FLUX, "ready": true });
    set(&world, "two", json!({ "dependsOn": [first], "resources": [map("two", "2")] })).await;
    says(&world, "one", "DependencyNotReady", "dependency v1/ConfigMap/other/gate not found").await;
    says(&world, "two", "DependencyNotReady", "dependency 'flux-system/one' is not ready").await;
    let object = json!({ "metadata": { "name": "gate", "namespace": "other" }, "data": { "gate": "shut" } });
    world.create("v1", "ConfigMap", object).await;
    says(&world, "one", "DependencyNotReady", "not ready: expression 'data.gate == 'open''").await;
    maps(&world, &[]).await;
    world.patch("v1", "ConfigMap", "other", "gate", json!({ "data": { "gate": "open" } })).await;
    succeeds(&world, "one", "1 object").await;
    succeeds(&world, "two", "1 object").await;
}

/// An account of the namespace that may do this.
async fn account(world: &World, name: &str, rules: Value) {
    const RBAC: &str = "rbac.authorization.k8s.io/v1";
    world.create("v1", "ServiceAccount", json!({ "metadata": { "name": name, "namespace": FLUX } })).await;
    world.create(RBAC, "Role", json!({ "metadata": { "name": name, "namespace": "apps" }, "rules": rules })).await;
    let binding = json!({ "metadata": { "name": name, "namespace": "apps" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": FLUX }] });
    world.create(RBAC, "RoleBinding", binding).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_copies_and_waits_for_no_more_than_it_may_see() {
    let world = World::new().await;
    let all = json!([{ "apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["*"] }]);
    account(&world, "tenant", all).await;
    let secret = |namespace: &str| {
        json!({ "metadata": { "name": "credentials", "namespace": namespace },
        "stringData": { "password": "correcthorse" } })
    };
    world.create("v1", "Secret", secret("other")).await;
    world.create("v1", "Secret", secret("apps")).await;
    let copy = |from: &str| {
        let annotations = json!({ "fluxcd.controlplane.io/copyFrom": from });
        json!([{ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "copy", "namespace": "apps", "annotations": annotations } }])
    };
    set(&world, "one", json!({ "serviceAccountName": "tenant", "resources": copy("other/credentials") })).await;
    says(&world, "one", "ReconciliationFailed", "failed to copy data from Secret/other/credentials: ").await;
    assert!(world.get("v1", "Secret", Some("apps"), "copy").await.is_none());
    change(&world, "one", json!({ "resources": copy("apps/credentials") })).await;
    succeeds(&world, "one", "1 object").await;
    let copied = world.get("v1", "Secret", Some("apps"), "copy").await.unwrap();
    assert_eq!(copied["data"]["password"], "Y29ycmVjdGhvcnNl");
    // What it may not see is as if it was not there to wait for.
    let outside = json!([{ "apiVersion": "v1", "kind": "Secret", "name": "credentials", "namespace": "other", "ready": true,
        "readyExpr": "data.password == 'Y29ycmVjdGhvcnNl'" }]);
    change(&world, "one", json!({ "dependsOn": outside })).await;
    says(&world, "one", "DependencyNotReady", "Secret/other/credentials cannot be read").await;
    // That holds of what says itself whether it is ready, too, whether it is there or not.
    set(&world, "other", json!({ "resources": [map("other", "1")] })).await;
    succeeds(&world, "other", "1 object").await;
    for name in ["none", "other"] {
        let owner = json!([{ "apiVersion": OPERATOR, "kind": SET, "name": name, "namespace": FLUX, "ready": true }]);
        change(&world, "one", json!({ "dependsOn": owner })).await;
        let told =
            format!("ResourceSet/{FLUX}/{name} cannot be read: system:serviceaccount:{FLUX}:tenant may not get it");
        says(&world, "one", "DependencyNotReady", &told).await;
    }
    // Rights that it is given count within moments.
    const RBAC: &str = "rbac.authorization.k8s.io/v1";
    let rules = json!([{ "apiGroups": ["fluxcd.controlplane.io"], "resources": ["resourcesets"], "verbs": ["get"] }]);
    world.create(RBAC, "Role", json!({ "metadata": { "name": "sees", "namespace": FLUX }, "rules": rules })).await;
    let binding = json!({ "metadata": { "name": "sees", "namespace": FLUX },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "sees" },
        "subjects": [{ "kind": "ServiceAccount", "name": "tenant", "namespace": FLUX }] });
    world.create(RBAC, "RoleBinding", binding).await;
    succeeds(&world, "one", "1 object").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_applies_is_as_much_as_its_account_may() {
    let world = World::new().await;
    let maps_only = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"] }]);
    account(&world, "tenant", maps_only).await;
    let elsewhere =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "x", "namespace": "other" } });
    set(&world, "one", json!({ "serviceAccountName": "tenant", "resources": [elsewhere] })).await;
    says(&world, "one", "ReconciliationFailed", "system:serviceaccount:flux-system:tenant").await;
    change(&world, "one", json!({ "resources": [map("mine", "1")] })).await;
    succeeds(&world, "one", "1 object").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_stays_that_says_so() {
    let world = World::new().await;
    let mut stays = map("stays", "1");
    stays["metadata"]["annotations"] = json!({ "fluxcd.controlplane.io/prune": "disabled" });
    let mut left = map("left-<< inputs.n >>", "1");
    left["metadata"]["annotations"] =
        json!({ "fluxcd.controlplane.io/reconcile": "<< if eq inputs.n \"a\" >>enabled<< else >>disabled<< end >>" });
    let inputs = json!([{ "n": "a" }, { "n": "b" }]);
    set(&world, "one", json!({ "inputs": inputs, "resources": [stays, left] })).await;
    maps(&world, &[("left-a", "1"), ("stays", "1")]).await;
    change(&world, "one", json!({ "resources": [map("other", "1")] })).await;
    maps(&world, &[("other", "1"), ("stays", "1")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_changes_nothing_and_goes_on() {
    let mut world = World::new().await;
    provider(&world, "red", json!({ "team": "red" })).await;
    set(&world, "teams", json!({ "inputsFrom": [{ "name": "red" }], "resources": [map("<< inputs.team >>", "1")] }))
        .await;
    let before = succeeds(&world, "teams", "1 object").await;
    let versions = world.versions("apps").await;
    world.kill_agents().await;
    world.patch(OPERATOR, PROVIDER, FLUX, "red", json!({ "spec": { "defaultValues": { "size": "large" } } })).await;
    world.start_agents();
    set(&world, "last", json!({ "resources": [map("last", "1")] })).await;
    succeeds(&world, "last", "1 object").await;
    assert_eq!(succeeds(&world, "teams", "1 object").await["metadata"]["uid"], before["metadata"]["uid"]);
    let now: Vec<_> = world.versions("apps").await.into_iter().filter(|(name, _)| name != "last").collect();
    assert_eq!(now, versions);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_dependency_keeps_what_it_will_describe_and_nothing_else() {
    let world = World::new().await;
    let inputs = |names: &[&str]| json!(names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>());
    let spec =
        json!({ "inputs": inputs(&["goes", "moves", "stays"]), "resources": [map("<< inputs.name >>", "first")] });
    set(&world, "first", spec).await;
    succeeds(&world, "first", "3 objects").await;
    let gate = json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": "gate", "namespace": "apps" });
    set(&world, "waits", json!({ "dependsOn": [gate], "resources": [map("moves", "second")] })).await;
    says(&world, "waits", "DependencyNotReady", "gate not found").await;

    change(&world, "first", json!({ "inputs": inputs(&["stays"]) })).await;
    succeeds(&world, "first", "1 object").await;
    maps(&world, &[("moves", "first"), ("stays", "first")]).await;
    let gate = json!({ "metadata": { "name": "gate", "namespace": "apps" }, "data": { "key": "open" } });
    world.create("v1", "ConfigMap", gate).await;
    maps(&world, &[("gate", "open"), ("moves", "second"), ("stays", "first")]).await;
}
