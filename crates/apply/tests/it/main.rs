//! Sets of objects against a real API.

// What a test sets up may as well panic.
#![allow(clippy::unwrap_used)]

mod accounts;
mod answers;
mod between;
mod changes;
mod conflicts;
mod diffs;
mod prunes;
mod refusals;
mod writes;

use std::time::Duration;

use cowherd_apiserver::ApiServer;
use cowherd_apply::{
    Account, Action, Applier, ApplyError, ChangeSet, Desired, Drift, Expectation, Heir, Manifest, Options, Owner,
    Owners, Partial, Stale, Stays, Versioned,
};
use cowherd_store::Store;
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

struct World {
    applier: Applier,
    client: kube::Client,
    _drift: UnboundedReceiver<Drift>,
    _server: ApiServer,
    _directory: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("state.redb"), cowherd_store::Options::default()).unwrap();
        let server = ApiServer::open(store, cowherd_apiserver::Config::default()).await.unwrap();
        let client = server.client();
        let (applier, drift) = Applier::new(client.clone(), Options::default());
        Self { applier, client, _drift: drift, _server: server, _directory: directory }
    }

    async fn apply(&self, owner: &str, objects: Vec<Value>) -> Result<ChangeSet, Partial> {
        self.applier.apply(&desired(owner, objects)).await
    }

    fn api(&self, api_version: &str, kind: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::namespaced_with(self.client.clone(), "default", &resource)
    }

    async fn get(&self, api_version: &str, kind: &str, name: &str) -> Option<Value> {
        self.api(api_version, kind).get_opt(name).await.unwrap().map(|found| serde_json::to_value(found).unwrap())
    }
}

fn desired(owner: &str, objects: Vec<Value>) -> Desired {
    Desired {
        owner: Owner::new("flux-system", owner).into(),
        manifests: objects.into_iter().map(|object| Manifest::new(object).unwrap()).collect(),
        force: false,
        recheck: false,
        held: Default::default(),
        others: Default::default(),
        account: None,
        timeout: Duration::from_secs(20),
    }
}

fn config_map(name: &str, data: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "default" }, "data": data })
}

fn annotated(mut object: Value, key: &str, value: &str) -> Value {
    object["metadata"]["annotations"][format!("kustomize.toolkit.fluxcd.io/{key}")] = value.into();
    object
}

fn actions(changes: &ChangeSet) -> Vec<(String, Action)> {
    changes.iter().map(|change| (change.object.id.to_string(), change.action)).collect()
}

fn entries(changes: &ChangeSet) -> Vec<Versioned> {
    changes.iter().map(|change| change.object.clone()).collect()
}

#[tokio::test]
async fn each_object_is_told_apart_by_what_was_done_to_it() {
    let world = World::new().await;
    let a = |value: &str| config_map("a", json!({ "k": value }));
    let created = world.apply("x", vec![a("1")]).await.unwrap();
    assert_eq!(actions(&created), [("ConfigMap/default/a".to_owned(), Action::Created)]);
    let changes = world.apply("x", vec![a("2"), config_map("b", json!({}))]).await.unwrap();
    assert_eq!(
        actions(&changes),
        [("ConfigMap/default/a".to_owned(), Action::Configured), ("ConfigMap/default/b".to_owned(), Action::Created)]
    );
    let again = world.apply("x", vec![a("2"), config_map("b", json!({}))]).await.unwrap();
    assert!(again.iter().all(|change| change.action == Action::Unchanged), "{again:?}");
    assert_eq!(changes.to_string(), "ConfigMap/default/a configured, ConfigMap/default/b created");
}

#[tokio::test]
async fn who_knows_nothing_of_objects_changes_none_that_are_right_and_says_so_within_the_same_second_too() {
    let world = World::new().await;
    let objects = || vec![config_map("a", json!({ "k": "1" })), config_map("b", json!({}))];
    world.apply("x", objects()).await.unwrap();
    for _ in 0..3 {
        let (another, _drift) = Applier::new(world.client.clone(), Options::default());
        let again = another.apply(&desired("x", objects())).await.unwrap();
        assert!(again.iter().all(|change| change.action == Action::Unchanged), "{again:?}");
    }
    let (another, _drift) = Applier::new(world.client.clone(), Options::default());
    let changed = another.apply(&desired("x", vec![config_map("a", json!({ "k": "2" }))])).await.unwrap();
    assert_eq!(changed.to_string(), "ConfigMap/default/a configured");
}

#[tokio::test]
async fn one_refused_object_leaves_the_cluster_as_it_was() {
    let world = World::new().await;
    let wrong = config_map("Not_A_Name", json!({}));
    let error = world.apply("x", vec![config_map("a", json!({})), wrong]).await.unwrap_err();
    assert!(error.changes.is_empty());
    assert!(
        error.told(&Default::default()).starts_with("ConfigMap/default/Not_A_Name dry-run failed (Invalid): "),
        "{error:?}"
    );
    assert!(world.get("v1", "ConfigMap", "a").await.is_none());
}

#[tokio::test]
async fn fields_of_other_managers_are_taken_over_when_the_manifest_has_them() {
    let world = World::new().await;
    world.apply("x", vec![config_map("a", json!({ "k": "1" }))]).await.unwrap();
    let theirs: DynamicObject = serde_json::from_value(config_map("a", json!({ "k": "theirs" }))).unwrap();
    let params = PatchParams::apply("someone").force();
    world.api("v1", "ConfigMap").patch("a", &params, &Patch::Apply(&theirs)).await.unwrap();
    let mut desired = desired("x", vec![config_map("a", json!({ "k": "1" }))]);
    desired.recheck = true;
    let changes = world.applier.apply(&desired).await.unwrap();
    assert_eq!(actions(&changes)[0].1, Action::Configured);
    assert_eq!(world.get("v1", "ConfigMap", "a").await.unwrap()["data"]["k"], "1");
}

#[tokio::test]
async fn objects_say_how_they_are_applied() {
    let world = World::new().await;
    let theirs: DynamicObject = serde_json::from_value(config_map("there", json!({ "k": "theirs" }))).unwrap();
    world.api("v1", "ConfigMap").create(&PostParams::default(), &theirs).await.unwrap();
    let once = |name: &str| annotated(config_map(name, json!({ "k": "ours" })), "ssa", "IfNotPresent");
    let ignored = annotated(config_map("ignored", json!({})), "ssa", "Ignore");
    let off = annotated(config_map("off", json!({})), "reconcile", "disabled");
    let changes = world.apply("x", vec![once("there"), once("new"), ignored, off]).await.unwrap();
    assert_eq!(
        actions(&changes),
        [
            ("ConfigMap/default/ignored".to_owned(), Action::Skipped),
            ("ConfigMap/default/new".to_owned(), Action::Created),
            ("ConfigMap/default/off".to_owned(), Action::Skipped),
            ("ConfigMap/default/there".to_owned(), Action::Skipped),
        ]
    );
    assert_eq!(world.get("v1", "ConfigMap", "there").await.unwrap()["data"]["k"], "theirs");
    assert!(world.get("v1", "ConfigMap", "off").await.is_none());
}

#[tokio::test]
async fn an_immutable_field_needs_force_and_force_never_deletes_for_a_wrong_object() {
    let world = World::new().await;
    let fixed = |value: &str| {
        let mut object = config_map("a", json!({ "k": value }));
        object["immutable"] = true.into();
        object
    };
    world.apply("x", vec![fixed("1")]).await.unwrap();
    let uid = world.get("v1", "ConfigMap", "a").await.unwrap()["metadata"]["uid"].clone();
    let refused = world.apply("x", vec![fixed("2")]).await.unwrap_err();
    assert!(matches!(refused.error, ApplyError::Refused { code: 422, .. }), "{refused:?}");

    let mut wrong = fixed("2");
    wrong["data"]["not a key!"] = "x".into();
    let mut forced = desired("x", vec![wrong]);
    forced.force = true;
    world.applier.apply(&forced).await.unwrap_err();
    assert_eq!(world.get("v1", "ConfigMap", "a").await.unwrap()["metadata"]["uid"], uid);

    world.apply("x", vec![annotated(fixed("2"), "force", "enabled")]).await.unwrap();
    let recreated = world.get("v1", "ConfigMap", "a").await.unwrap();
    assert_ne!(recreated["metadata"]["uid"], uid);
    assert_eq!(recreated["data"]["k"], "2");
}

#[tokio::test]
async fn what_another_owner_took_over_is_not_pruned() {
    let world = World::new().await;
    let objects = || vec![config_map("a", json!({})), config_map("b", json!({}))];
    let applied = world.apply("x", objects()).await.unwrap();
    world.apply("y", vec![config_map("b", json!({}))]).await.unwrap();
    let stale = Stale {
        owner: Owner::new("flux-system", "x"),
        objects: entries(&applied),
        account: None,
        abandoned_by: Owners::none(),
    };
    let pruned = world.applier.prune(&stale).await.unwrap();
    assert_eq!(
        actions(&pruned.changes),
        [("ConfigMap/default/b".to_owned(), Action::Skipped), ("ConfigMap/default/a".to_owned(), Action::Deleted)]
    );
    let stayed: Vec<_> = pruned.stayed.iter().map(|(id, why)| (id.name.as_str(), why.to_string())).collect();
    assert_eq!(stayed, [("b", "it is one of flux-system/y by its labels".to_owned())]);
    world.applier.wait_until_gone(&pruned.leaving, Duration::from_secs(10)).await.unwrap();
    assert!(world.get("v1", "ConfigMap", "a").await.is_none());
    assert!(world.get("v1", "ConfigMap", "b").await.is_some());
}

#[tokio::test]
async fn what_was_deleted_is_told_from_what_was_gone_and_what_waits_for_finalizers_by_name() {
    let world = World::new().await;
    let mut held = config_map("held", json!({}));
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    let objects = vec![config_map("a", json!({})), config_map("gone", json!({})), held];
    let applied = world.apply("x", objects).await.unwrap();
    world.api("v1", "ConfigMap").delete("gone", &Default::default()).await.unwrap();
    let owner = Owner::new("flux-system", "x");
    let stale = Stale { owner, objects: entries(&applied), account: None, abandoned_by: Owners::none() };
    let mut told = Vec::new();
    let pruned = world.applier.prune_while(&stale, |_| true, |action| told.push(action)).await.unwrap();
    let named = |name: &str| format!("ConfigMap/default/{name}");
    let expected = [("held", Action::Deleted), ("gone", Action::Gone), ("a", Action::Deleted)];
    assert_eq!(actions(&pruned.changes), expected.map(|(name, action)| (named(name), action)));
    assert_eq!(told, expected.map(|(_, action)| action));
    assert_eq!(pruned.leaving.len(), 2);
    let held: Vec<_> = pruned.held.iter().map(|(id, finalizers)| (id.name.as_str(), finalizers.join(","))).collect();
    assert_eq!(held, [("held", "example.com/hold".to_owned())]);
    // Another try finds it on its way.
    let again = world.applier.prune(&stale).await.unwrap();
    let expected = [("held", Action::Deleted), ("gone", Action::Gone), ("a", Action::Gone)];
    assert_eq!(actions(&again.changes), expected.map(|(name, action)| (named(name), action)));
    assert_eq!(again.held, pruned.held);
}

#[tokio::test]
async fn what_its_owner_gave_up_is_pruned_by_whoever_had_it_too() {
    let world = World::new().await;
    let applied = world.apply("x", vec![config_map("a", json!({}))]).await.unwrap();
    world.apply("y", vec![config_map("a", json!({}))]).await.unwrap();
    let owners = |name: &'static str| Owners::those(move |owner, _| *owner == Owner::new("flux-system", name));
    let stale = |abandoned_by| Stale {
        owner: Owner::new("flux-system", "x"),
        objects: entries(&applied),
        account: None,
        abandoned_by,
    };
    world.applier.prune(&stale(owners("z"))).await.unwrap();
    assert!(world.get("v1", "ConfigMap", "a").await.is_some());
    let pruned = world.applier.prune(&stale(owners("y"))).await.unwrap();
    world.applier.wait_until_gone(&pruned.leaving, Duration::from_secs(10)).await.unwrap();
    assert!(world.get("v1", "ConfigMap", "a").await.is_none());
}

#[tokio::test]
async fn an_object_is_given_to_who_may_write_it_and_is_then_its_own() {
    let world = World::new().await;
    let owner = |name: &str| Owner::new("flux-system", name);
    let applied = world.apply("x", vec![config_map("a", json!({ "k": "1" }))]).await.unwrap();
    let object = entries(&applied).remove(0);
    let heir =
        |name: &str, account: Option<Account>| Heir { ownership: Default::default(), owner: owner(name), account };
    let labels = async || world.get("v1", "ConfigMap", "a").await.unwrap()["metadata"]["labels"].clone();
    let nobody = Some(Account::service_account("default", "nobody"));
    assert!(!world.applier.hand_over(&owner("x"), &object, &heir("y", nobody)).await.unwrap());
    assert_eq!(labels().await["kustomize.toolkit.fluxcd.io/name"], "x");
    assert!(world.applier.hand_over(&owner("x"), &object, &heir("y", None)).await.unwrap());
    assert_eq!(labels().await["kustomize.toolkit.fluxcd.io/name"], "y");
    assert!(world.applier.hand_over(&owner("x"), &object, &heir("z", None)).await.unwrap());
    assert_eq!(labels().await["kustomize.toolkit.fluxcd.io/name"], "y", "it was no longer x's to give");
    // Its new owner applies it as any other, and is the only one that has its fields.
    world.apply("y", vec![config_map("a", json!({ "k": "2" }))]).await.unwrap();
    let found = world.get("v1", "ConfigMap", "a").await.unwrap();
    assert_eq!(found["data"]["k"], "2");
    assert_eq!(found["metadata"]["managedFields"].as_array().unwrap().len(), 1, "{found}");
    let stale = Stale { owner: owner("y"), objects: vec![object], account: None, abandoned_by: Owners::none() };
    let pruned = world.applier.prune(&stale).await.unwrap();
    assert_eq!(pruned.changes.count(Action::Deleted), 1);
}

/// A ServiceAccount that may do everything with ConfigMaps in the namespace `default`, but for those in `other`.
async fn of_one_namespace(world: &World) -> Account {
    let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": { "name": "all", "namespace": "default" },
        "rules": [{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"] }] });
    let binding = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": { "name": "all", "namespace": "default" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "all" },
        "subjects": [{ "kind": "ServiceAccount", "name": "one", "namespace": "default" }] });
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "other" } });
    world.apply("rights", vec![namespace, role, binding]).await.unwrap();
    Account::service_account("default", "one")
}

fn elsewhere(name: &str) -> Value {
    let mut object = config_map(name, json!({}));
    object["metadata"]["namespace"] = "other".into();
    object
}

#[tokio::test]
async fn what_an_account_may_not_write_is_refused_whoever_keeps_it_as_it_is() {
    let world = World::new().await;
    let account = of_one_namespace(&world).await;
    let excluded = annotated(elsewhere("excluded"), "reconcile", "disabled");
    let excluded: DynamicObject = serde_json::from_value(excluded).unwrap();
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "ConfigMap"));
    let api: Api<DynamicObject> = Api::namespaced_with(world.client.clone(), "other", &resource);
    world.apply("x", vec![elsewhere("excluded"), elsewhere("theirs")]).await.unwrap();
    let params = PatchParams::apply("somebody").force();
    api.patch("excluded", &params, &Patch::Apply(&excluded)).await.unwrap();
    let reserved = Versioned { id: Manifest::new(elsewhere("reserved")).unwrap().id().clone(), version: "v1".into() };
    let options = Options { reserved: [reserved.id.clone()].into(), ..Options::default() };
    let (applier, _drift) = Applier::new(world.client.clone(), options);
    // Its watch has to have seen that the object asks to be left alone.
    applier.apply(&desired("y", vec![config_map("first", json!({}))])).await.unwrap();
    for name in ["excluded", "theirs", "reserved"] {
        let mut desired = desired("y", vec![config_map("own", json!({})), elsewhere(name)]);
        desired.others = [Manifest::new(elsewhere("theirs")).unwrap().id().clone()].into();
        let is_left = async {
            while applier.apply(&desired).await.unwrap().count(Action::Skipped) != 1 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let left = tokio::time::timeout(Duration::from_secs(120), is_left).await;
        left.unwrap_or_else(|_| panic!("{name}: who may have it leaves it as it is"));
        desired.account = Some(account.clone());
        desired.manifests[0] = Manifest::new(config_map("new", json!({}))).unwrap();
        let refused = applier.apply(&desired).await.unwrap_err();
        assert!(matches!(refused.error, ApplyError::Refused { code: 403, .. }), "{name}: {refused:?}");
        assert!(refused.changes.is_empty() && refused.doubtful.is_empty(), "{name}");
    }
    assert!(world.get("v1", "ConfigMap", "new").await.is_none(), "nothing else was written");
}

#[tokio::test]
async fn an_account_that_may_not_see_what_is_to_go_is_stopped_only_by_its_own_objects() {
    let world = World::new().await;
    let account = of_one_namespace(&world).await;
    let mine = world.apply("x", vec![elsewhere("mine")]).await.unwrap();
    let theirs = world.apply("y", vec![elsewhere("theirs")]).await.unwrap();
    let never_there = Versioned { id: Manifest::new(elsewhere("none")).unwrap().id().clone(), version: "v1".into() };
    let prune = async |objects: Vec<Versioned>| {
        let account = Some(account.clone());
        let abandoned_by = Owners::those(|_, _| true);
        world.applier.prune(&Stale { owner: Owner::new("flux-system", "x"), objects, account, abandoned_by }).await
    };
    let mut objects = entries(&theirs);
    objects.push(never_there);
    let pruned = prune(objects).await.unwrap();
    let why: Vec<&Stays> = pruned.stayed.iter().map(|(_, why)| why).collect();
    assert_eq!(why, [&Stays::Unseen, &Stays::Unseen], "nobody is told which of them is there");
    let refused = prune(entries(&mine)).await.unwrap_err();
    assert!(refused.told(&Default::default()).contains("forbidden"), "{refused:?}");
}

#[tokio::test]
async fn an_object_without_its_namespace_or_kind_is_refused_by_name() {
    let world = World::new().await;
    let mut object = config_map("a", json!({}));
    object["metadata"].as_object_mut().unwrap().remove("namespace");
    let error = world.apply("x", vec![object]).await.unwrap_err();
    assert!(matches!(error.error, ApplyError::NoNamespace(_)), "{error:?}");
    let unknown = json!({ "apiVersion": "no.org/v1", "kind": "Thing", "metadata": { "name": "a" } });
    let error = world.apply("x", vec![unknown]).await.unwrap_err();
    assert!(matches!(error.error, ApplyError::Unserved(_)), "{error:?}");
    let twice = world.apply("x", vec![config_map("a", json!({})), config_map("a", json!({}))]).await.unwrap_err();
    assert!(matches!(twice.error, ApplyError::Twice(_)), "{twice:?}");
}

#[tokio::test]
async fn a_wait_ends_with_the_objects_that_are_not_healthy() {
    let world = World::new().await;
    let claim = json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": "disk", "namespace": "default" },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } } });
    let applied = world.apply("x", vec![claim, config_map("a", json!({}))]).await.unwrap();
    let expected: Vec<_> = entries(&applied).into_iter().map(Expectation::healthy).collect();
    let waited = world.applier.wait(&expected, Duration::from_millis(300), std::future::pending()).await;
    let message = waited.unwrap_err().told(&Default::default());
    assert!(
        message.starts_with("timeout waiting for: [PersistentVolumeClaim/default/disk status: 'InProgress'"),
        "{message}"
    );
    let bind = async {
        let bound = Patch::Merge(json!({ "status": { "phase": "Bound" } }));
        world.api("v1", "PersistentVolumeClaim").patch_status("disk", &PatchParams::default(), &bound).await.unwrap();
    };
    let wait = world.applier.wait(&expected, Duration::from_secs(20), std::future::pending());
    let (waited, ()) = tokio::join!(wait, bind);
    waited.unwrap();
}

#[tokio::test]
async fn a_diff_names_the_fields_and_hides_the_values_of_secrets() {
    let world = World::new().await;
    let secret = |value: &str| {
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s", "namespace": "default" },
            "stringData": { "password": value } })
    };
    world.apply("x", vec![secret("first-secret"), config_map("a", json!({ "k": "1" }))]).await.unwrap();
    let planned = vec![secret("other-secret"), config_map("a", json!({ "k": "2" })), config_map("new", json!({}))];
    let diffs = world.applier.diff(&desired("x", planned)).await.unwrap();
    let told = format!("{diffs:?}");
    assert!(!told.contains("secret\"") && !told.contains("c2VjcmV0"), "{told}");
    let of = |name: &str| diffs.iter().find(|diff| diff.object.id.name == name).unwrap();
    assert_eq!(of("a").fields.len(), 1);
    assert_eq!(of("a").fields[0].path, "data.k");
    assert_eq!(of("s").fields[0].path, "data.password");
    assert_eq!(of("new").action, Action::Created);
    assert!(world.get("v1", "ConfigMap", "new").await.is_none(), "nothing was written");
}
