//! What becomes of objects that are written, or left as they are.

use std::sync::atomic::Ordering;

use super::between::Between;
use super::*;

/// The part of a request that writes and does not only check.
const WRITE: &str = "/b?&force=true&fieldManager";

fn ids(objects: &[Versioned]) -> Vec<String> {
    objects.iter().map(|object| object.id.to_string()).collect()
}

#[tokio::test]
async fn an_object_that_was_sent_without_an_answer_that_tells_is_doubtful() {
    for (code, is_doubtful) in [(500, true), (503, true), (408, true), (403, false), (404, false), (422, false)] {
        let (world, between) = (World::new().await, Between::default());
        let (applier, _drift) = Applier::new(between.client(&world.client), Options::default());
        between.refuse_some(http::Method::PATCH, WRITE, code, 1);
        let set = desired("x", ["a", "b", "c"].map(|name| config_map(name, json!({}))).to_vec());
        let failed = applier.apply(&set).await.unwrap_err();
        assert!(
            matches!(failed.error, ApplyError::Refused { code: told, step: "apply failed", .. } if told == code),
            "{failed:?}"
        );
        let doubtful = if is_doubtful { vec!["ConfigMap/default/b".to_owned()] } else { Vec::new() };
        assert_eq!(ids(&failed.doubtful), doubtful, "{code}");
        // What was sent at the same time was done all the same.
        assert_eq!(failed.changes.count(Action::Created), 2, "{code}");
        assert_eq!(applier.apply(&set).await.unwrap().count(Action::Created), 1, "{code}");
    }
}

#[tokio::test]
async fn a_write_that_meets_another_one_is_tried_five_times() {
    let (world, between) = (World::new().await, Between::default());
    let (applier, _drift) = Applier::new(between.client(&world.client), Options::default());
    let set = desired("x", vec![config_map("b", json!({ "k": "1" }))]);
    let tries = async |code: u16, times: usize| {
        between.patches.store(0, Ordering::Relaxed);
        between.refuse_some(http::Method::PATCH, WRITE, code, times);
        let outcome = applier.apply(&set).await.map(|changes| actions(&changes).remove(0).1).ok();
        (outcome, between.patches.load(Ordering::Relaxed))
    };
    // One more is the check.
    assert_eq!(tries(409, 5).await, (None, 6));
    assert_eq!(tries(500, 1).await, (None, 2), "another answer is final");
    assert_eq!(tries(409, 4).await, (Some(Action::Created), 6));
}

/// A Service, of which somebody describes what the API gives it anyway.
fn service(name: &str, is_spelled_out: bool) -> Value {
    let mut spec = json!({ "selector": { "a": "b" }, "ports": [{ "port": 80, "protocol": "TCP" }] });
    if is_spelled_out {
        spec["sessionAffinity"] = "None".into();
    }
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": "default" }, "spec": spec })
}

#[tokio::test]
async fn what_is_taken_over_as_it_is_is_unchanged_although_other_fields_of_it_are_described() {
    let (world, between) = (World::new().await, Between::default());
    let (another, _drift) = Applier::new(between.client(&world.client), Options::default());
    let fields =
        async |name: &str| world.get("v1", "Service", name).await.unwrap()["metadata"]["managedFields"].clone();
    let set = |is_spelled_out: bool| ["a", "b"].map(|name| service(name, is_spelled_out)).to_vec();
    world.apply("x", set(true)).await.unwrap();
    let before = fields("a").await;
    let taken = another.apply(&desired("x", set(false))).await.unwrap();
    assert_eq!(taken.count(Action::Unchanged), 2, "{taken:?}");
    assert_ne!(fields("a").await, before, "it was written");
    // One that a watch has shown before is written without a check.
    let is_known = async {
        for number in 0.. {
            let name = format!("c{number}");
            world.apply("x", vec![service(&name, true)]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
            between.patches.store(0, Ordering::Relaxed);
            let taken = another.apply(&desired("x", vec![service(&name, false)])).await.unwrap();
            assert_eq!(taken.count(Action::Unchanged), 1, "{taken:?}");
            if between.patches.load(Ordering::Relaxed) == 1 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(120), is_known).await.expect("what is known is written at once");
    // What says something else is told, whoever knows it.
    let (third, _drift) = Applier::new(world.client.clone(), Options::default());
    let mut changed = service("a", false);
    changed["metadata"]["labels"] = json!({ "tier": "web" });
    let changes = third.apply(&desired("x", vec![changed, service("b", false)])).await.unwrap();
    assert_eq!((changes.count(Action::Configured), changes.count(Action::Unchanged)), (1, 1), "{changes:?}");
}

#[tokio::test]
async fn what_is_held_stays_as_it_is() {
    let world = World::new().await;
    let of = |value: &str| ["a", "b"].map(|name| config_map(name, json!({ "k": value }))).to_vec();
    world.apply("x", of("1")).await.unwrap();
    let mut set = desired("x", of("2"));
    set.held = [set.manifests[0].id().clone()].into();
    let changes = world.applier.apply(&set).await.unwrap();
    assert_eq!(changes.iter().map(|change| change.action).collect::<Vec<_>>(), [Action::Skipped, Action::Configured]);
    assert_eq!(world.get("v1", "ConfigMap", "a").await.unwrap()["data"]["k"], "1");
    assert!(!world.applier.leaves_any(&changes), "that is not what the object asks for");
}

#[tokio::test]
async fn an_object_that_asks_to_be_left_alone_is_left_until_it_does_not() {
    let world = World::new().await;
    let live = annotated(config_map("a", json!({ "k": "theirs" })), "reconcile", "disabled");
    let live: DynamicObject = serde_json::from_value(live).unwrap();
    world.api("v1", "ConfigMap").create(&PostParams::default(), &live).await.unwrap();
    let set = || vec![config_map("a", json!({ "k": "ours" })), config_map("b", json!({}))];
    for _ in 0..2 {
        let changes = world.apply("x", set()).await.unwrap();
        assert_eq!(actions(&changes)[0], ("ConfigMap/default/a".to_owned(), Action::Skipped));
        assert!(world.applier.leaves_any(&changes));
    }
    let asks_no_more = Patch::Merge(json!({ "metadata": { "annotations": null } }));
    world.api("v1", "ConfigMap").patch("a", &PatchParams::default(), &asks_no_more).await.unwrap();
    let is_applied = async {
        loop {
            let changes = world.apply("x", set()).await.unwrap();
            if changes.count(Action::Configured) == 1 {
                return changes;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let changes = tokio::time::timeout(Duration::from_secs(120), is_applied).await.expect("it is applied");
    assert!(!world.applier.leaves_any(&changes));
    assert_eq!(world.get("v1", "ConfigMap", "a").await.unwrap()["data"]["k"], "ours");
}

#[tokio::test]
async fn an_entry_that_names_no_object_of_its_kind_is_left_with_what_has_its_name() {
    let world = World::new().await;
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } });
    let applied = entries(&world.apply("x", vec![namespace, config_map("a", json!({}))]).await.unwrap());
    let mut misplaced = applied.clone();
    misplaced.iter_mut().for_each(|object| {
        object.id.namespace = if object.id.namespace.is_empty() { "default".to_owned() } else { String::new() };
    });
    let owner = Owner::new("flux-system", "x");
    let stale = |objects| Stale { owner: owner.clone(), objects, account: None, abandoned_by: Owners::none() };
    let pruned = world.applier.prune(&stale(misplaced.clone())).await.unwrap();
    assert_eq!((pruned.changes.count(Action::Skipped), pruned.leaving.len()), (2, 0));
    let heir = Heir { owner: Owner::new("flux-system", "y"), ownership: Default::default(), account: None };
    for object in &misplaced {
        assert!(world.applier.hand_over(&owner, object, &heir).await.unwrap());
    }
    let pruned = world.applier.prune(&stale(applied)).await.unwrap();
    assert_eq!(pruned.changes.count(Action::Deleted), 2, "they are x's still");
    // One of a version that is not served is looked for in another one; with its kind every object is gone.
    let older = Versioned { version: "v9".into(), ..misplaced[0].clone() };
    assert_eq!(world.applier.prune(&stale(vec![older])).await.unwrap().changes.count(Action::Skipped), 1);
    let mut unknown = misplaced[0].clone();
    unknown.id.kind = "Unicorn".into();
    assert_eq!(world.applier.prune(&stale(vec![unknown.clone()])).await.unwrap().changes.count(Action::Gone), 1);
    assert!(world.applier.hand_over(&owner, &unknown, &heir).await.unwrap());
    assert_eq!(world.applier.look_at(&unknown).await.unwrap().message, "Resource not found");
}

#[tokio::test]
async fn what_is_reserved_is_neither_pruned_nor_given_away() {
    let world = World::new().await;
    let object = entries(&world.apply("x", vec![config_map("a", json!({}))]).await.unwrap()).remove(0);
    let options = Options { reserved: [object.id.clone()].into(), ..Options::default() };
    let (applier, _drift) = Applier::new(world.client.clone(), options);
    let owner = Owner::new("flux-system", "x");
    let stale =
        Stale { owner: owner.clone(), objects: vec![object.clone()], account: None, abandoned_by: Owners::none() };
    assert_eq!(applier.prune(&stale).await.unwrap().changes.count(Action::Skipped), 1);
    let heir = Heir { owner: Owner::new("flux-system", "y"), ownership: Default::default(), account: None };
    assert!(applier.hand_over(&owner, &object, &heir).await.unwrap());
    let labels = world.get("v1", "ConfigMap", "a").await.unwrap()["metadata"]["labels"].clone();
    assert_eq!(labels["kustomize.toolkit.fluxcd.io/name"], "x");
}

#[tokio::test]
async fn all_that_can_go_goes_and_what_cannot_is_told_together() {
    let (world, between) = (World::new().await, Between::default());
    let (applier, _drift) = Applier::new(between.client(&world.client), Options::default());
    let set = ["a", "b", "c"].map(|name| config_map(name, json!({}))).to_vec();
    let objects = entries(&world.apply("x", set).await.unwrap());
    let stale = Stale { owner: Owner::new("flux-system", "x"), objects, account: None, abandoned_by: Owners::none() };
    between.refuse_some(http::Method::DELETE, "/configmaps/b", 500, 1);
    let failed = applier.prune(&stale).await.unwrap_err();
    assert!(matches!(&failed.error, ApplyError::Several(errors) if errors.len() == 1), "{failed:?}");
    let deleted: Vec<String> = failed.changes.iter().map(|change| change.object.id.name.clone()).collect();
    assert_eq!(deleted, ["c", "a"], "in the reverse of their order");
}

#[tokio::test]
async fn an_object_is_forgotten_when_it_is_gone_and_nobody_waits_for_it_any_more() {
    let world = World::new().await;
    let object = entries(&world.apply("x", vec![config_map("a", json!({}))]).await.unwrap()).remove(0);
    world
        .applier
        .wait(&[Expectation::healthy(object)], Duration::from_secs(120), std::future::pending())
        .await
        .unwrap();
    assert_eq!(world.applier.known_objects(), 1);
    world.api("v1", "ConfigMap").delete("a", &Default::default()).await.unwrap();
    let is_forgotten = async {
        while world.applier.known_objects() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), is_forgotten).await.expect("it is forgotten");
}

#[tokio::test]
async fn what_is_not_ours_is_waited_for_all_the_same() {
    let world = World::new().await;
    let theirs: DynamicObject = serde_json::from_value(config_map("theirs", json!({}))).unwrap();
    let object = Manifest::new(config_map("theirs", json!({}))).unwrap().versioned().clone();
    let expected = [Expectation::healthy(object.clone())];
    let made = async { world.api("v1", "ConfigMap").create(&PostParams::default(), &theirs).await.map(drop).unwrap() };
    let wait = world.applier.wait(&expected, Duration::from_secs(120), std::future::pending());
    let (waited, ()) = tokio::join!(wait, made);
    waited.unwrap();
    let unknown = [Expectation::healthy(Versioned { version: "v9".into(), ..object })];
    let refused = world.applier.wait(&unknown, Duration::from_secs(120), std::future::pending()).await.unwrap_err();
    assert!(
        matches!(&refused, ApplyError::UnknownKind { served_as: Some(served), .. } if served == "v1"),
        "{refused:?}"
    );
    world.applier.wait(&[], Duration::ZERO, std::future::ready(())).await.unwrap();
}

#[tokio::test]
async fn a_wait_ends_at_once_where_an_object_has_failed() {
    let world = World::new().await;
    let job = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "once", "namespace": "default" },
        "spec": { "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": "c", "image": "i" }] } } } });
    let expected = [Expectation::healthy(entries(&world.apply("x", vec![job]).await.unwrap()).remove(0))];
    let fails = async {
        let now = "2026-01-01T00:00:00Z";
        let conditions = ["FailureTarget", "Failed"]
            .map(|kind| json!({ "type": kind, "status": "True", "reason": "R", "lastTransitionTime": now }));
        let status = Patch::Merge(json!({ "status": { "startTime": now, "failed": 1, "conditions": conditions } }));
        world.api("batch/v1", "Job").patch_status("once", &PatchParams::default(), &status).await.unwrap();
    };
    let wait = world.applier.wait(&expected, Duration::from_secs(120), std::future::pending());
    let (waited, ()) = tokio::join!(wait, fails);
    let message = waited.unwrap_err().told(&Default::default());
    let told = "failed early due to stalled resources: [Job/default/once status: 'Failed': Job Failed. failed: 1/1]";
    assert_eq!(message, told);
}

#[tokio::test]
async fn a_kind_that_is_not_found_any_more_is_looked_for_again() {
    let world = World::new().await;
    let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let definition = json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "cows.farm.example" },
        "spec": { "group": "farm.example", "scope": "Cluster", "names": { "plural": "cows", "kind": "Cow" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } }] } });
    let cow = || json!({ "apiVersion": "farm.example/v1", "kind": "Cow", "metadata": { "name": "berta" } });
    world.apply("x", vec![definition, cow()]).await.unwrap();
    let resource =
        ApiResource::from_gvk(&GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition"));
    let definitions: Api<DynamicObject> = Api::all_with(world.client.clone(), &resource);
    definitions.delete("cows.farm.example", &Default::default()).await.unwrap();
    let is_unserved = async {
        loop {
            let outcome = world.apply("y", vec![cow()]).await;
            if outcome.is_err_and(|failed| matches!(failed.error, ApplyError::Unserved(_))) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), is_unserved).await.expect("its kind is not known any more");
}

#[tokio::test]
async fn a_set_needs_its_namespace_only_where_the_namespace_is_not_in_it() {
    let world = World::new().await;
    let shop = |kind: &str, group: &str| json!({ "apiVersion": group, "kind": kind, "metadata": { "name": "shop" } });
    let mut object = config_map("a", json!({}));
    object["metadata"]["namespace"] = "shop".into();
    let early =
        world.apply("x", vec![object.clone(), shop("PriorityClass", "scheduling.k8s.io/v1")]).await.unwrap_err();
    assert!(early.changes.is_empty() && early.told(&Default::default()).contains("dry-run failed"), "{early:?}");
    // What another group calls a namespace is none.
    let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let definition = json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "namespaces.farm.example" },
        "spec": { "group": "farm.example", "scope": "Cluster", "names": { "plural": "namespaces", "kind": "Namespace" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } }] } });
    world.apply("y", vec![definition]).await.unwrap();
    let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "r" }, "rules": [] });
    let early = world.apply("x", vec![role, object.clone(), shop("Namespace", "farm.example/v1")]).await.unwrap_err();
    assert!(early.changes.is_empty() && early.told(&Default::default()).contains("dry-run failed"), "{early:?}");
    let applied = world.apply("x", vec![object, shop("Namespace", "v1")]).await.unwrap();
    assert_eq!(applied.count(Action::Created), 2);
}

#[test]
fn owners_are_a_rule_that_is_not_printed() {
    let stale = Stale { owner: Owner::new("n", "x"), objects: Vec::new(), account: None, abandoned_by: Owners::none() };
    assert!(format!("{stale:?}").ends_with("abandoned_by: Owners }"), "{stale:?}");
}

#[tokio::test]
async fn owners_of_another_kind_have_labels_and_fields_of_their_own() {
    let world = World::new().await;
    let ownership = cowherd_apply::Ownership {
        name_label: "farm.example/name",
        namespace_label: "farm.example/namespace",
        field_manager: "farmer",
        takes_over: true,
    };
    let (applier, mut drift) = Applier::new(world.client.clone(), Options { ownership, ..Options::default() });
    let set = || desired("x", vec![config_map("a", json!({ "k": "1" }))]);
    let object = entries(&applier.apply(&set()).await.unwrap()).remove(0);
    let metadata = world.get("v1", "ConfigMap", "a").await.unwrap()["metadata"].clone();
    assert_eq!(metadata["labels"], json!({ "farm.example/name": "x", "farm.example/namespace": "flux-system" }));
    assert_eq!(metadata["managedFields"][0]["manager"], "farmer");
    // The owners of the usual kind see nothing of theirs in it.
    let stale = Stale {
        owner: Owner::new("flux-system", "x"),
        objects: vec![object],
        account: None,
        abandoned_by: Owners::none(),
    };
    assert_eq!(world.applier.prune(&stale).await.unwrap().changes.count(Action::Skipped), 1);
    let patch = Patch::Merge(json!({ "data": { "k": "2" } }));
    world.api("v1", "ConfigMap").patch("a", &PatchParams::default(), &patch).await.unwrap();
    let told = tokio::time::timeout(Duration::from_secs(120), drift.recv()).await.expect("a drift").unwrap();
    assert_eq!(told.object.name, "a");
    assert_eq!(applier.prune(&stale).await.unwrap().changes.count(Action::Deleted), 1);
}

#[tokio::test]
async fn what_the_api_has_against_an_object_that_is_left_alone_does_not_matter() {
    let world = World::new().await;
    world.apply("x", vec![config_map("a", json!({}))]).await.unwrap();
    let asks = json!({ "metadata": { "annotations": { "kustomize.toolkit.fluxcd.io/reconcile": "disabled" } } });
    world.api("v1", "ConfigMap").patch("a", &PatchParams::default(), &Patch::Merge(asks)).await.unwrap();
    // As soon as it is known what the object asks for.
    let is_left = async {
        while world.apply("x", vec![config_map("a", json!({ "not a key": "1" }))]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), is_left).await.expect("it is left");
}

#[tokio::test]
async fn all_of_a_stage_is_checked_before_any_of_it_is_written_and_one_object_alone_is_not() {
    let (world, between) = (World::new().await, Between::default());
    let (applier, _drift) = Applier::new(between.client(&world.client), Options::default());
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } });
    let within = |name: &str, data: Value| {
        let mut object = config_map(name, data);
        object["metadata"]["namespace"] = "shop".into();
        object
    };
    let set = vec![namespace, within("a", json!({})), within("wrong", json!({ "not a key": "1" }))];
    let failed = applier.apply(&desired("x", set)).await.unwrap_err();
    assert_eq!(actions(&failed.changes), [("Namespace/shop".to_owned(), Action::Created)], "{failed:?}");
    let is_known = async {
        for value in 0.. {
            between.patches.store(0, Ordering::Relaxed);
            applier.apply(&desired("y", vec![config_map("b", json!({ "k": value.to_string() }))])).await.unwrap();
            if between.patches.load(Ordering::Relaxed) == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), is_known).await.expect("what is known is written at once");
}
