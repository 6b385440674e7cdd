//! What is made of the answers of an API, also of one that is busy, and how often it is asked.

use std::sync::atomic::Ordering;

use cowherd_apply::{Actors, Cause, Ownership, Tally};

use super::between::Between;
use super::*;

/// An applier whose requests somebody stands between, and the object that it may delete.
async fn with_one(world: &World, between: &Between) -> (Applier, Versioned) {
    let (applier, _drift) = Applier::new(between.client(&world.client), Options::default());
    let applied = world.apply("x", vec![config_map("a", json!({ "k": "1" }))]).await.unwrap();
    (applier, entries(&applied).remove(0))
}

fn stale(object: &Versioned) -> Stale {
    let owner = Owner::new("flux-system", "x");
    Stale { owner, objects: vec![object.clone()], account: None, abandoned_by: Owners::none() }
}

#[tokio::test]
async fn what_changes_while_it_is_to_go_is_looked_at_five_times() {
    let (world, between) = (World::new().await, Between::default());
    let (applier, object) = with_one(&world, &between).await;
    between.refuse(http::Method::DELETE, 409, 5);
    let refused = applier.prune(&stale(&object)).await.unwrap_err();
    assert!(refused.told(&Default::default()).contains("delete failed"), "{refused:?}");
    assert_eq!(between.deletes.swap(0, Ordering::Relaxed), 5);
    between.refuse(http::Method::DELETE, 500, 1);
    applier.prune(&stale(&object)).await.unwrap_err();
    assert_eq!(between.deletes.swap(0, Ordering::Relaxed), 1, "another answer is final");
    between.refuse(http::Method::DELETE, 403, 1);
    applier.prune(&stale(&object)).await.unwrap_err();
    between.refuse(http::Method::DELETE, 409, 4);
    assert_eq!(applier.prune(&stale(&object)).await.unwrap().changes.count(Action::Deleted), 1);
}

#[tokio::test]
async fn what_is_gone_when_it_is_to_go_is_gone() {
    let (world, between) = (World::new().await, Between::default());
    let (applier, object) = with_one(&world, &between).await;
    between.refuse(http::Method::DELETE, 404, 1);
    let pruned = applier.prune(&stale(&object)).await.unwrap();
    assert_eq!((pruned.changes.count(Action::Gone), pruned.leaving.len()), (1, 0), "somebody else has deleted it");
    between.refuse(http::Method::GET, 500, 1);
    assert!(applier.look_at(&object).await.is_err());
    between.refuse(http::Method::GET, 404, 1);
    assert_eq!(applier.look_at(&object).await.unwrap().message, "Resource not found");
    assert_eq!(applier.look_at(&object).await.unwrap().message, "Resource is always ready");
}

#[tokio::test]
async fn what_changes_while_it_is_handed_over_is_looked_at_five_times() {
    let (world, between) = (World::new().await, Between::default());
    let (applier, object) = with_one(&world, &between).await;
    let owner = Owner::new("flux-system", "x");
    let heir = Heir { owner: Owner::new("flux-system", "y"), ownership: Ownership::default(), account: None };
    let tries = async |code: u16, times: usize| {
        between.patches.store(0, Ordering::Relaxed);
        between.refuse(http::Method::PATCH, code, times);
        let outcome = applier.hand_over(&owner, &object, &heir).await.ok();
        (outcome, between.patches.load(Ordering::Relaxed))
    };
    assert_eq!(tries(409, 5).await, (None, 5));
    assert_eq!(tries(500, 1).await, (None, 1));
    assert_eq!(tries(403, 1).await, (Some(false), 1), "its heir may not have it");
    assert_eq!(tries(404, 1).await, (Some(true), 1), "it is gone");
    assert_eq!(tries(409, 4).await, (Some(true), 5));
    assert_eq!(tries(500, 1).await, (Some(true), 0), "it is the heir's already");
}

#[tokio::test]
async fn what_is_as_it_should_be_costs_no_request_unless_it_is_asked_for() {
    let (world, between) = (World::new().await, Between::default());
    let (applier, mut drift) = Applier::new(between.client(&world.client), Options::default());
    let mut set = desired("x", vec![config_map("a", json!({ "k": "1" })), config_map("b", json!({ "k": "1" }))]);
    assert_eq!(applier.apply(&set).await.unwrap().count(Action::Created), 2);
    // The watch has to be up before what is known can be trusted.
    let is_trusted = async {
        loop {
            between.patches.store(0, Ordering::Relaxed);
            assert_eq!(applier.apply(&set).await.unwrap().count(Action::Unchanged), 2);
            if between.patches.load(Ordering::Relaxed) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), is_trusted).await.expect("it costs nothing");
    set.recheck = true;
    assert_eq!(applier.apply(&set).await.unwrap().count(Action::Unchanged), 2);
    assert!(between.patches.load(Ordering::Relaxed) >= 2);
    assert_eq!(applier.known_objects(), 2);

    // Whoever changes what we have is told, whoever adds something of its own is not.
    let api = world.api("v1", "ConfigMap");
    let patch = |data: Value| Patch::Merge(json!({ "data": data }));
    let params = PatchParams { field_manager: Some("somebody".to_owned()), ..PatchParams::default() };
    api.patch("b", &params, &patch(json!({ "other": "1" }))).await.unwrap();
    api.patch("a", &params, &patch(json!({ "k": "2" }))).await.unwrap();
    let next = async |drift: &mut UnboundedReceiver<Drift>| {
        tokio::time::timeout(Duration::from_secs(120), drift.recv()).await.expect("a drift").unwrap()
    };
    let told = next(&mut drift).await;
    assert_eq!((told.object.name.as_str(), told.owner), ("a", Owner::new("flux-system", "x")));
    assert_eq!(told.cause, Cause::Changed { by: Some("somebody".to_owned()) });
    set.recheck = false;
    assert_eq!(applier.apply(&set).await.unwrap().count(Action::Configured), 1);
    api.delete("b", &Default::default()).await.unwrap();
    let told = next(&mut drift).await;
    assert_eq!((told.object.name.as_str(), told.cause), ("b", Cause::Deleted));
}

#[tokio::test]
async fn a_wait_tells_whenever_more_is_healthy_and_ends_where_something_failed() {
    let world = World::new().await;
    let claim = |name: &str| {
        json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": name, "namespace": "default" },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } } })
    };
    let applied = world.apply("x", vec![claim("a"), claim("b"), config_map("c", json!({}))]).await.unwrap();
    let expected: Vec<_> = entries(&applied).into_iter().map(Expectation::healthy).collect();
    let mut told = Vec::new();
    let bind = async |name: &str| {
        let bound = Patch::Merge(json!({ "status": { "phase": "Bound" } }));
        world.api("v1", "PersistentVolumeClaim").patch_status(name, &PatchParams::default(), &bound).await.unwrap();
    };
    let minutes = Duration::from_secs(120);
    bind("a").await;
    let wait = world.applier.wait_and_tell(&expected, minutes, std::future::pending(), |tally| told.push(tally));
    let (waited, ()) = tokio::join!(wait, bind("b"));
    waited.unwrap();
    assert_eq!(told.last(), Some(&Tally { ready: 3, total: 3 }));
    assert!(told.is_sorted_by(|one, next| one.ready < next.ready), "{told:?}");
    let superseded = vec![Expectation::healthy(Versioned {
        id: Manifest::new(claim("never")).unwrap().id().clone(),
        version: "v1".into(),
    })];
    let ended = world.applier.wait(&superseded, minutes, async {}).await.unwrap_err();
    assert!(matches!(ended, ApplyError::Superseded), "{ended:?}");
    let gone: Vec<_> = superseded.iter().map(|one| Expectation::healthy_or_gone(one.object.clone())).collect();
    world.applier.wait(&gone, minutes, std::future::pending()).await.unwrap();
}

#[tokio::test]
async fn what_is_to_be_gone_is_waited_for_until_its_finalizers_are_done() {
    let world = World::new().await;
    let mut held = config_map("held", json!({}));
    held["metadata"]["finalizers"] = json!(["farm.example/hold"]);
    let object = entries(&world.apply("x", vec![held]).await.unwrap()).remove(0);
    let pruned = world.applier.prune(&stale(&object)).await.unwrap();
    assert_eq!(pruned.leaving.len(), 1);
    let late = world.applier.wait_until_gone(&pruned.leaving, Duration::from_millis(100)).await.unwrap_err();
    assert!(late.told(&Default::default()).contains("its finalizers are not done"), "{late:?}");
    let release = async {
        let patch = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
        world.api("v1", "ConfigMap").patch("held", &PatchParams::default(), &patch).await.unwrap();
    };
    let (gone, ()) = tokio::join!(world.applier.wait_until_gone(&pruned.leaving, Duration::from_secs(120)), release);
    gone.unwrap();
}

#[tokio::test]
async fn what_nobody_acts_upon_is_found_until_somebody_wrote_its_status() {
    let world = World::new().await;
    let options = Options { actors: Actors::of(&[("batch", "Job")]), ..Options::default() };
    let (applier, _drift) = Applier::new(world.client.clone(), options);
    let ingress = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "i", "namespace": "default" },
        "spec": { "defaultBackend": { "service": { "name": "s", "port": { "number": 80 } } } } });
    let applied = world.apply("x", vec![ingress, config_map("a", json!({}))]).await.unwrap();
    let objects = entries(&applied);
    let idle = applier.idle(&objects, None).await.unwrap();
    assert_eq!(idle.iter().map(|id| id.kind.as_str()).collect::<Vec<_>>(), ["Ingress"]);
    let status = Patch::Merge(json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "10.0.0.1" }] } } }));
    world.api("networking.k8s.io/v1", "Ingress").patch_status("i", &PatchParams::default(), &status).await.unwrap();
    assert!(applier.idle(&objects, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_an_account_may_is_what_the_api_says_and_one_that_is_none_may_nothing() {
    let world = World::new().await;
    let account = of_one_namespace(&world).await;
    let object = |object: Value| Manifest::new(object).unwrap().versioned().clone();
    let (mine, theirs) = (object(config_map("a", json!({}))), object(elsewhere("a")));
    let none = ["a:b", "a\nb"].map(|name| Account::service_account("default", name));
    let applier = &world.applier;
    for (object, may) in [(&mine, true), (&theirs, false)] {
        let account = Some(&account);
        assert_eq!(applier.may_write(object, account).await.unwrap(), may);
        assert_eq!(applier.may_delete(object, account).await.unwrap(), may);
        assert_eq!(applier.may_read(object, account).await.unwrap(), may);
        assert!(applier.may_write(object, None).await.unwrap());
    }
    for account in &none {
        assert!(!applier.may_write(&theirs, Some(account)).await.unwrap(), "{account:?}");
    }
    let [one, another] = ["x", "y"].map(|name| Owner::new("flux-system", name));
    assert!(!applier.is_of(&mine, &one).await.unwrap(), "it is not there");
    world.apply("x", vec![config_map("a", json!({}))]).await.unwrap();
    assert!(applier.is_of(&mine, &one).await.unwrap() && !applier.is_of(&mine, &another).await.unwrap());
}

#[tokio::test]
async fn only_who_may_read_the_objects_may_ask_how_they_are() {
    let world = World::new().await;
    let account = of_one_namespace(&world).await;
    let mine = entries(&world.apply("x", vec![config_map("a", json!({}))]).await.unwrap());
    let theirs = entries(&world.apply("y", vec![elsewhere("a")]).await.unwrap());
    world.applier.check_readable(&mine, Some(&account)).await.unwrap();
    let refused = world.applier.check_readable(&theirs, Some(&account)).await.unwrap_err();
    assert!(refused.told(&Default::default()).contains("forbidden"), "{refused:?}");
    world.applier.check_readable(&theirs, None).await.unwrap();
}

#[tokio::test]
async fn every_object_is_put_where_its_kind_belongs() {
    let world = World::new().await;
    let place = async |mut object: Value, namespace: Option<&str>, default: Option<&str>| {
        if let Some(namespace) = namespace {
            object["metadata"]["namespace"] = namespace.into();
        }
        let mut manifests = [Manifest::new(object).unwrap()];
        world.applier.identify(&mut manifests, default).await.unwrap();
        manifests[0].id().namespace.clone()
    };
    let namespaced = || json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" } });
    let of_the_cluster = || json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "a" } });
    assert_eq!(place(namespaced(), None, Some("shop")).await, "shop");
    assert_eq!(place(namespaced(), Some("own"), Some("shop")).await, "own");
    assert_eq!(place(namespaced(), None, None).await, "");
    assert_eq!(place(namespaced(), Some("own"), None).await, "own");
    for default in [None, Some("shop")] {
        assert_eq!(place(of_the_cluster(), Some("own"), default).await, "");
        assert_eq!(place(of_the_cluster(), None, default).await, "");
    }
    // It is applied all the same.
    let mut namespace = of_the_cluster();
    namespace["metadata"]["namespace"] = "own".into();
    let applied = world.apply("x", vec![namespace]).await.unwrap();
    assert_eq!(actions(&applied), [("Namespace/a".to_owned(), Action::Created)]);
}

#[tokio::test]
async fn a_set_brings_its_own_kinds_and_namespaces() {
    let world = World::new().await;
    let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let definition = json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "cows.farm.example" },
        "spec": { "group": "farm.example", "scope": "Namespaced", "names": { "plural": "cows", "kind": "Cow" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } }] } });
    let cow = json!({ "apiVersion": "farm.example/v1", "kind": "Cow", "metadata": { "name": "berta", "namespace": "meadow" } });
    let meadow = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "meadow" } });
    let early = world.apply("x", vec![cow.clone(), meadow.clone()]).await.unwrap_err();
    assert!(matches!(early.error, ApplyError::Unserved(_)) && early.changes.is_empty(), "{early:?}");
    let applied = world.apply("x", vec![cow, definition, meadow]).await.unwrap();
    assert_eq!(applied.count(Action::Created), 3, "{applied}");
}
