//! What one Kustomization's account, status or description can do to what another one has: nothing that its rights do not allow.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::telling::{event, events};
use crate::world::{FLUX, World, condition, config_map, kustomization};

const KUSTOMIZATIONS: &str = "kustomize.toolkit.fluxcd.io/v1";
const RBAC: &str = "rbac.authorization.k8s.io";

/// A ConfigMap that is described, and left as it is where it is there.
fn left(namespace: &str, name: &str) -> String {
    let annotation = "metadata:\n  annotations: {kustomize.toolkit.fluxcd.io/ssa: Ignore}\n";
    config_map(namespace, name, "left").replace("metadata:\n", annotation)
}

/// Makes an account beside the Kustomizations that may do this in a namespace, or everywhere.
async fn account(world: &World, name: &str, namespace: Option<&str>, rules: Value) {
    world.create("v1", "ServiceAccount", json!({ "metadata": { "name": name, "namespace": FLUX } })).await;
    let (role, binding, metadata) = match namespace {
        Some(namespace) => ("Role", "RoleBinding", json!({ "name": name, "namespace": namespace })),
        None => ("ClusterRole", "ClusterRoleBinding", json!({ "name": name })),
    };
    let version = format!("{RBAC}/v1");
    world.create(&version, role, json!({ "metadata": metadata, "rules": rules })).await;
    let object = json!({ "metadata": metadata, "roleRef": { "apiGroup": RBAC, "kind": role, "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": FLUX }] });
    world.create(&version, binding, object).await;
}

fn all_of_config_maps() -> Value {
    json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"] }])
}

async fn delete(world: &World, name: &str) {
    world.api(KUSTOMIZATIONS, "Kustomization", Some(FLUX)).delete(name, &Default::default()).await.unwrap();
    world
        .until(&format!("{name} is gone"), async || match world.kustomization(name).await {
            None => Ok(()),
            Some(found) => Err(format!("{:?}", condition(&found, "Ready"))),
        })
        .await;
}

async fn becomes(world: &World, name: &str, value: Option<&str>) {
    world
        .until(&format!("{name} is {value:?}"), async || {
            let found = world.value("apps", name).await;
            if found.as_deref() == value { Ok(()) } else { Err(format!("{found:?}")) }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_describes_an_object_and_cannot_act_keeps_neither_it_nor_anything_else_from_going() {
    let world = World::new().await;
    account(&world, "nobody", Some("other"), json!([])).await;
    for name in ["moved", "beside", "own"] {
        world.repository.write(&format!("app/{name}.yaml"), &config_map("apps", name, "1"));
    }
    world.repository.write("last/last.yaml", &config_map("apps", "last", "1"));
    for name in ["moved", "last"] {
        world.repository.write(&format!("keep/{name}.yaml"), &left("apps", name));
    }
    let first = world.repository.commit("first");
    world.follow_repository().await;
    for name in ["app", "last"] {
        world.add(kustomization(name, &format!("./{name}"), json!({}))).await;
        world.ready(name, &first).await;
    }
    world.add(kustomization("keep", "./keep", json!({ "serviceAccountName": "nobody" }))).await;
    world.ready("keep", &first).await;
    // Nobody can act for that; and the labels of this one are none that an object can have.
    world.patch_kustomization("keep", json!({ "spec": { "serviceAccountName": "a:b" } })).await;
    world.failed("keep", "UnsupportedFeature", "cannot name a ServiceAccount").await;
    let long = "k".repeat(64);
    world.add(kustomization(&long, "./keep", json!({}))).await;
    world
        .until("the other one describes it too", async || {
            let found = world.kustomization(&long).await.and_then(|found| found.status).unwrap_or_default();
            if found.inventory.is_some() { Ok(()) } else { Err("not yet") }
        })
        .await;

    world.repository.remove("app/moved.yaml");
    world.repository.remove("app/beside.yaml");
    let second = world.repository.commit("without two of them");
    world.ready("app", &second).await;
    assert_eq!((world.value("apps", "moved").await, world.value("apps", "beside").await), (None, None));
    delete(&world, "last").await;
    assert_eq!(world.value("apps", "last").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_wrote_into_a_status_keeps_an_object_from_nobody() {
    let mut world = World::new().await;
    world.follow_repository().await;
    account(&world, "tenant", Some("other"), all_of_config_maps()).await;
    let source = json!({ "kind": "GitRepository", "name": "gone" });
    // One may write everything, and has nothing; the other one may not even write what it says that it has.
    world.add(kustomization("old", "./nothing", json!({ "sourceRef": source }))).await;
    let spec = json!({ "sourceRef": source, "serviceAccountName": "tenant" });
    world.add(kustomization("tenant", "./nothing", spec)).await;
    for name in ["old", "tenant"] {
        world.failed(name, "ArtifactFailed", "gone").await;
    }
    world.repository.write("app/a.yaml", &config_map("apps", "a", "1"));
    world.repository.write("app/b.yaml", &config_map("apps", "b", "1"));
    let first = world.repository.commit("first");
    world.add(kustomization("app", "./app", json!({}))).await;
    world.ready("app", &first).await;
    world.kill_agents().await;
    let api = world.api(KUSTOMIZATIONS, "Kustomization", Some(FLUX));
    for (name, id) in [("old", "apps_a__ConfigMap"), ("tenant", "apps_b__ConfigMap")] {
        let entries = json!([{ "id": id, "v": "v1" }]);
        let forged = Patch::Merge(json!({ "status": { "inventory": { "entries": entries } } }));
        api.patch_status(name, &PatchParams::default(), &forged).await.unwrap();
    }
    world.start_agents();
    world.repository.write("app/a.yaml", &config_map("apps", "a", "2"));
    world.repository.remove("app/b.yaml");
    let second = world.repository.commit("second");
    world.ready("app", &second).await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("2"));
    assert_eq!(world.value("apps", "b").await, None);
    // It is made again, too.
    world.api("v1", "ConfigMap", Some("apps")).delete("a", &Default::default()).await.unwrap();
    becomes(&world, "a", Some("2")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_write_an_object_any_more_does_not_have_it_any_more() {
    let world = World::new().await;
    account(&world, "first", Some("apps"), all_of_config_maps()).await;
    for name in ["first", "second"] {
        world.repository.write(&format!("{name}/shared.yaml"), &config_map("apps", "shared", name));
    }
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("first", "./first", json!({ "serviceAccountName": "first" }))).await;
    world.ready("first", &revision).await;
    world.add(kustomization("second", "./second", json!({}))).await;
    world.ready("second", &revision).await;
    becomes(&world, "shared", Some("first")).await;
    let bindings = world.api(&format!("{RBAC}/v1"), "RoleBinding", Some("apps"));
    bindings.delete("first", &Default::default()).await.unwrap();
    world.repository.write("second/shared.yaml", &config_map("apps", "shared", "second, changed"));
    world.repository.commit("second");
    becomes(&world, "shared", Some("second, changed")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_platform_describes_is_as_it_says_although_a_tenant_was_there_before() {
    let mut world = World::new().await;
    world.kill_agents().await;
    world.policy.first = Some(cowherd_gitops::NamespacedName::new(FLUX, FLUX));
    world.start_agents();
    for name in ["tenant", "guard", "root"] {
        world.repository.write(&format!("{name}/shared.yaml"), &config_map("apps", "shared", name));
    }
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    let source = json!({ "sourceRef": { "kind": "GitRepository", "name": FLUX, "namespace": FLUX } });
    let mut tenant = kustomization("tenant", "./tenant", source);
    tenant["metadata"]["namespace"] = "apps".into();
    world.add(tenant).await;
    becomes(&world, "shared", Some("tenant")).await;
    world.add(kustomization("guard", "./guard", json!({}))).await;
    world.ready("guard", &revision).await;
    becomes(&world, "shared", Some("guard")).await;
    world
        .until("the tenant is told", async || {
            let found = world.get(KUSTOMIZATIONS, "Kustomization", Some("apps"), "tenant").await.unwrap();
            let told = found["status"]["conditions"].to_string();
            let words = "as flux-system/guard describes it, which describes it too and goes first as one of the root's";
            if told.contains("SharedObjects") && told.contains(words) { Ok(()) } else { Err(told) }
        })
        .await;
    world.add(kustomization(FLUX, "./root", json!({}))).await;
    becomes(&world, "shared", Some("root")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_an_object_as_it_is_is_told_nothing_of_it() {
    let world = World::new().await;
    account(&world, "spy", Some("other"), all_of_config_maps()).await;
    world.repository.write("app/a.yaml", &config_map("apps", "there", "1"));
    for name in ["there", "absent"] {
        world.repository.write(&format!("spy/{name}.yaml"), &left("apps", name));
    }
    world.repository.write("spy/own.yaml", &config_map("other", "own", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("app", "./app", json!({}))).await;
    world.ready("app", &first).await;
    world.add(kustomization("spy", "./spy", json!({ "serviceAccountName": "spy" }))).await;
    let spy = world.ready("spy", &first).await;
    assert_eq!(condition(&spy, "SharedObjects"), None);
    world.repository.write("app/more.yaml", &config_map("apps", "more", "1"));
    let second = world.repository.commit("second");
    let app = world.ready("app", &second).await;
    assert_eq!(condition(&app, "SharedObjects"), None, "nobody else wants anything of it");

    // Nor whether it is there, when it does not describe it any more.
    delete(&world, "spy").await;
    let unseen = |name: &str| format!("ConfigMap/apps/{name} (its account may not see it)");
    event(&world, "spy", "ReconciliationSucceeded", &[&unseen("there"), &unseen("absent")]).await;
    assert_eq!(world.value("apps", "there").await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_tells_of_no_namespace_that_is_another_ones_and_names_what_its_account_may_list() {
    let world = World::new().await;
    let rules = json!([{ "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "create", "patch", "delete"] },
        { "apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"] }]);
    account(&world, "owner", None, rules).await;
    account(&world, "spy", Some("apps"), all_of_config_maps()).await;
    world.repository.write("owner/made.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: made}\n");
    let other = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: other\n  annotations: \
                 {kustomize.toolkit.fluxcd.io/ssa: Ignore}\n";
    world.repository.write("spy/other.yaml", other);
    let first = world.repository.commit("first");
    world.follow_repository().await;
    for name in ["owner", "spy"] {
        world.add(kustomization(name, &format!("./{name}"), json!({ "serviceAccountName": name }))).await;
        world.ready(name, &first).await;
    }
    for namespace in ["made", "other"] {
        world.create("v1", "Secret", json!({ "metadata": { "name": "payroll", "namespace": namespace } })).await;
    }
    world.create("v1", "ConfigMap", json!({ "metadata": { "name": "listed", "namespace": "made" } })).await;
    delete(&world, "spy").await;
    event(&world, "spy", "ReconciliationSucceeded", &["Namespace/other (its account may not see it)"]).await;
    delete(&world, "owner").await;
    event(&world, "owner", "PruneProtected", &["Namespace/made", "ConfigMap/made/listed, and 1 more"]).await;
    for name in ["spy", "owner"] {
        let told = events(&world, name).await;
        assert!(told.iter().all(|event| !event.data["message"].to_string().contains("payroll")), "{told:?}");
    }
    assert!(world.get("v1", "Namespace", None, "made").await.is_some());
}
