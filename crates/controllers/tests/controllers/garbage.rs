//! What is owned goes with its owner, in the way the deletion asked for; namespaces are emptied.

use crate::cluster::{Cluster, create, eventually, expect};
use kube::ResourceExt;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

fn config_map(name: &str, owner: Option<&DynamicObject>) -> Value {
    let mut object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } });
    if let Some(owner) = owner {
        object["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "v1", "kind": "ConfigMap", "name": owner.name_any(), "uid": owner.uid(),
            "blockOwnerDeletion": true,
        }]);
    }
    object
}

async fn names(cluster: &Cluster) -> Vec<String> {
    let found = cluster.config_maps("default").list(&ListParams::default()).await.unwrap();
    found.iter().map(ResourceExt::name_any).filter(|name| name != "kube-root-ca.crt").collect()
}

async fn family(cluster: &Cluster) {
    let api = cluster.config_maps("default");
    let parent = create(&api, config_map("parent", None)).await;
    let child = create(&api, config_map("child", Some(&parent))).await;
    create(&api, config_map("grandchild", Some(&child))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_background_dependents_follow_their_owner() {
    let cluster = Cluster::start().await;
    family(&cluster).await;
    cluster.config_maps("default").delete("parent", &DeleteParams::background()).await.unwrap();
    eventually("all gone", || async { expect(names(&cluster).await, vec![]) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_foreground_the_owner_waits_for_its_dependents() {
    let cluster = Cluster::start().await;
    family(&cluster).await;
    let api = cluster.config_maps("default");
    let hold = Patch::Merge(json!({ "metadata": { "finalizers": ["test/hold"] } }));
    api.patch("grandchild", &PatchParams::default(), &hold).await.unwrap();
    api.delete("parent", &DeleteParams::foreground()).await.unwrap();
    eventually("the grandchild is asked to go", || async {
        let grandchild = api.get("grandchild").await.unwrap();
        expect(grandchild.metadata.deletion_timestamp.is_some(), true)
    })
    .await;
    assert_eq!(names(&cluster).await, ["child", "grandchild", "parent"]);
    let release = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    api.patch("grandchild", &PatchParams::default(), &release).await.unwrap();
    eventually("all gone", || async { expect(names(&cluster).await, vec![]) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_stay_and_no_longer_name_their_owner() {
    let cluster = Cluster::start().await;
    family(&cluster).await;
    let api = cluster.config_maps("default");
    api.delete("parent", &DeleteParams::orphan()).await.unwrap();
    eventually("the parent is gone", || async {
        expect(names(&cluster).await, ["child", "grandchild"].map(str::to_owned).to_vec())
    })
    .await;
    assert!(api.get("child").await.unwrap().owner_references().is_empty());
    assert_eq!(api.get("grandchild").await.unwrap().owner_references().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_whose_owner_never_was_goes_and_one_with_another_owner_stays() {
    let cluster = Cluster::start().await;
    let api = cluster.config_maps("default");
    let owner = create(&api, config_map("owner", None)).await;
    let mut stray = config_map("stray", None);
    let absent = json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": "never", "uid": "no-such-uid" });
    stray["metadata"]["ownerReferences"] = json!([absent]);
    create(&api, stray).await;
    let mut shared = config_map("shared", Some(&owner));
    shared["metadata"]["ownerReferences"].as_array_mut().unwrap().push(absent);
    create(&api, shared).await;
    eventually("the stray one is gone", || async {
        expect(names(&cluster).await, ["owner", "shared"].map(str::to_owned).to_vec())
    })
    .await;
    eventually("the reference to nobody is gone", || async {
        expect(api.get("shared").await.unwrap().owner_references().len(), 1)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_resources_are_collected_too() {
    let cluster = Cluster::start().await;
    let definitions =
        cluster.api("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", "");
    create(
        &definitions,
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": "cows.farm.example" },
            "spec": {
                "group": "farm.example", "scope": "Namespaced", "names": { "kind": "Cow", "plural": "cows" },
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "schema": { "openAPIV3Schema": { "type": "object" } },
                }],
            },
        }),
    )
    .await;
    let cows = cluster.api("farm.example/v1", "Cow", "cows", "default");
    let owner = create(&cluster.config_maps("default"), config_map("owner", None)).await;
    create(
        &cows,
        json!({
            "apiVersion": "farm.example/v1", "kind": "Cow", "metadata": { "name": "bella", "ownerReferences": [{
                "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.uid(),
            }] },
        }),
    )
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    cows.get("bella").await.unwrap();
    cluster.config_maps("default").delete("owner", &DeleteParams::background()).await.unwrap();
    eventually("the cow is gone", || async { expect(cows.get_opt("bella").await.unwrap().is_none(), true) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_is_emptied_before_it_goes_and_says_what_holds_it() {
    let cluster = Cluster::start().await;
    let namespaces = cluster.api("v1", "Namespace", "namespaces", "");
    create(&namespaces, json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "team" } })).await;
    eventually("the default service account", || async {
        let accounts = cluster.api("v1", "ServiceAccount", "serviceaccounts", "team");
        expect(accounts.get_opt("default").await.unwrap().is_some(), true)
    })
    .await;
    let mut held = config_map("held", None);
    held["metadata"]["finalizers"] = json!(["test/hold"]);
    create(&cluster.config_maps("team"), held).await;
    create(&cluster.config_maps("team"), config_map("plain", None)).await;

    namespaces.delete("team", &DeleteParams::default()).await.unwrap();
    eventually("it says what holds it", || async {
        let team = namespaces.get("team").await.unwrap();
        let conditions = team.data.pointer("/status/conditions").and_then(Value::as_array).cloned();
        let messages: Vec<String> =
            conditions.iter().flatten().map(|one| one["message"].as_str().unwrap_or_default().to_owned()).collect();
        expect(
            messages.iter().any(|message| message.contains("test/hold in 1 resource instances"))
                && messages.iter().any(|message| message.contains("configmaps has 1 resource instances")),
            true,
        )
    })
    .await;
    let release = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    cluster.config_maps("team").patch("held", &PatchParams::default(), &release).await.unwrap();
    eventually("it is gone", || async { expect(namespaces.get_opt("team").await.unwrap().is_none(), true) }).await;
}
