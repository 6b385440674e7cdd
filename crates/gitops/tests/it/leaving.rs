//! A Kustomization goes: what is told of that, from its beginning to its end.

use std::sync::{Arc, Mutex};

use cowherd_gitops::{Phase, Progress};
use futures::StreamExt;
use kube::runtime::watcher;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::applied::{apply, delete, is_gone, may_delete_nothing};
use crate::telling::{event, events, heard, telling};
use crate::world::{FLUX, World, condition, config_map, kustomization};

const HOLD: &str = "example.com/hold";

/// A ConfigMap of the namespace `apps` with this in its metadata.
fn with(name: &str, metadata: &str) -> String {
    config_map("apps", name, "1").replace("metadata:\n", &format!("metadata:\n  {metadata}\n"))
}

/// A ConfigMap loses its finalizers.
async fn let_go(world: &World, name: &str) {
    world.patch("v1", "ConfigMap", "apps", name, json!({ "metadata": { "finalizers": null } })).await;
}

fn is_over(told: &Progress) -> bool {
    told.phase == Phase::Gone && told.going.count + told.stays.count > 0
}

/// The `Ready` conditions that a Kustomization had: status and message.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// Notes each that it has from its deletion on.
fn watch(world: &World, name: &str) -> (JoinHandle<()>, Seen) {
    let api = world.api("kustomize.toolkit.fluxcd.io/v1", "Kustomization", Some(FLUX));
    let (seen, name) = (Seen::default(), name.to_owned());
    let noted = seen.clone();
    let watching = tokio::spawn(async move {
        let mut events = watcher(api, watcher::Config::default()).boxed();
        while let Some(event) = events.next().await {
            let Ok(watcher::Event::Apply(object)) = event else { continue };
            if object.metadata.name.as_deref() != Some(&name) || object.metadata.deletion_timestamp.is_none() {
                continue;
            }
            let conditions = object.data["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let ready = conditions.into_iter().find(|one| one["type"] == "Ready").unwrap_or_default();
            let text = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
            noted.lock().unwrap().push((text("status"), text("message")));
        }
    });
    (watching, seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_goes_is_ready_no_more_says_what_is_left_and_what_it_waits_for() {
    let (world, mut progress) = telling().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    world.repository.write("apps/held.yaml", &with("held", &format!("finalizers: [{HOLD}]")));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    let more = json!({ "deletionPolicy": "WaitForTermination", "timeout": "1h" });
    world.add(kustomization("apps", "./apps", more)).await;
    world.ready("apps", &revision).await;
    let (watching, seen) = watch(&world, "apps");
    delete(&world, "apps").await;

    let told = heard(&mut progress, "apps", |told| told.phase == Phase::Deleting).await;
    let mut going = told.going.first.clone();
    going.sort();
    assert_eq!((going, told.left), (vec!["ConfigMap/apps/a".to_owned(), "ConfigMap/apps/held".to_owned()], 2));
    event(&world, "apps", "Terminating", &["deleting 2 objects: ", "ConfigMap/apps/a", "ConfigMap/apps/held"]).await;
    let waits = format!("deleting: waits until ConfigMap/apps/held (its finalizers: {HOLD}) is gone");
    let found = world
        .until("it says what it waits for", async || {
            let found = world.kustomization("apps").await.ok_or("it is gone".to_owned())?;
            let (_, _, message) = condition(&found, "Ready").unwrap();
            if message.starts_with(&waits) { Ok(found) } else { Err(message) }
        })
        .await;
    for (type_, status) in [("Ready", "Unknown"), ("Reconciling", "True")] {
        let found = condition(&found, type_).unwrap();
        assert_eq!((found.0.as_str(), found.1.as_str(), found.2.starts_with(&waits)), (status, "Terminating", true));
    }
    heard(&mut progress, "apps", |told| told.held.first == [format!("ConfigMap/apps/held ({HOLD})")]).await;

    let_go(&world, "held").await;
    let told = heard(&mut progress, "apps", is_over).await;
    assert_eq!((told.going.count, told.pruned, told.gone, told.rest(5)), (2, 2, 0, None));
    is_gone(&world, "apps").await;
    watching.abort();
    let seen = seen.lock().unwrap().clone();
    // The first is that of the deletion itself.
    assert!(seen[1..].iter().all(|(status, _)| status != "True"), "{seen:?}");
    assert_eq!(seen[1], ("Unknown".to_owned(), "deleting: 2 of 2 objects left".to_owned()), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_its_end_it_is_told_what_went_what_was_gone_and_what_stays_and_why() {
    let (mut world, mut progress) = telling().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    world.repository.write("apps/b.yaml", &config_map("apps", "b", "1"));
    world
        .repository
        .write("apps/kept.yaml", &with("kept", "annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}"));
    world.repository.write("apps/held.yaml", &with("held", &format!("finalizers: [{HOLD}]")));
    for directory in ["apps", "second"] {
        world.repository.write(&format!("{directory}/shared.yaml"), &config_map("apps", "shared", "1"));
    }
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    for name in ["apps", "second"] {
        world.add(kustomization(name, &format!("./{name}"), json!({}))).await;
        world.ready(name, &revision).await;
    }
    world.kill_agents().await;
    world.api("v1", "ConfigMap", Some("apps")).delete("b", &Default::default()).await.unwrap();
    delete(&world, "apps").await;
    world.start_agents();
    let told = heard(&mut progress, "apps", is_over).await;
    assert_eq!((told.going.count, told.pruned, told.gone), (5, 2, 1), "{told:?}");
    let mut stays = told.stays.first.clone();
    stays.sort();
    let expected = [
        "ConfigMap/apps/kept (it says kustomize.toolkit.fluxcd.io/prune: disabled)",
        "ConfigMap/apps/shared (flux-system/second describes it too)",
    ];
    assert_eq!(stays, expected);
    assert_eq!(told.held.first, [format!("ConfigMap/apps/held ({HOLD})")]);
    event(
        &world,
        "apps",
        "ReconciliationSucceeded",
        &["ConfigMap/apps/a deleted", "2 stay: ", expected[0], expected[1]],
    )
    .await;
    is_gone(&world, "apps").await;
    assert!(world.value("apps", "kept").await.is_some() && world.value("apps", "shared").await.is_some());
    let_go(&world, "held").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_with_what_others_made_stays_and_what_is_in_it_is_named() {
    let (world, mut progress) = telling().await;
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: stray}\n";
    world.repository.write("apps/ns.yaml", namespace);
    apply(&world, &["a"], json!({})).await;
    world.create("v1", "ConfigMap", json!({ "metadata": { "name": "theirs", "namespace": "stray" } })).await;
    delete(&world, "apps").await;
    let told = heard(&mut progress, "apps", is_over).await;
    let why = "with it would go what this Kustomization does not prune: ConfigMap/stray/theirs";
    assert_eq!((told.pruned, told.stays.first), (1, vec![format!("Namespace/stray ({why})")]));
    is_gone(&world, "apps").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_prune_leaves_is_told_as_well() {
    let (world, mut progress) = telling().await;
    let disabled = "annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}";
    world.repository.write("apps/kept.yaml", &with("kept", disabled));
    world.repository.write("apps/held.yaml", &with("held", &format!("finalizers: [{HOLD}]")));
    apply(&world, &["a"], json!({})).await;
    world.repository.remove("apps/kept.yaml");
    world.repository.remove("apps/held.yaml");
    let revision = world.repository.commit("without both");
    let pruned = |told: &Progress| told.phase == Phase::Ready && told.occasion.revision == revision;
    let told = heard(&mut progress, "apps", pruned).await;
    assert_eq!((told.applied, told.pruned), (1, 1));
    let kept = "ConfigMap/apps/kept (it says kustomize.toolkit.fluxcd.io/prune: disabled)";
    assert_eq!(
        (told.stays.first, told.held.first),
        (vec![kept.to_owned()], vec![format!("ConfigMap/apps/held ({HOLD})")])
    );
    let_go(&world, "held").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_leaves_its_objects_says_so_by_name_and_by_the_field() {
    for (more, because) in [
        (json!({ "prune": false }), "spec.prune: false"),
        (json!({ "deletionPolicy": "Orphan" }), "spec.deletionPolicy: Orphan"),
        (json!({ "suspend": true }), "spec.suspend: true"),
    ] {
        let (world, mut progress) = telling().await;
        apply(&world, &["a"], json!({})).await;
        world.patch_kustomization("apps", json!({ "spec": more })).await;
        delete(&world, "apps").await;
        let told = heard(&mut progress, "apps", is_over).await;
        assert_eq!((told.stays.first, told.pruned), (vec![format!("ConfigMap/apps/a ({because})")], 0));
        is_gone(&world, "apps").await;
        assert!(world.value("apps", "a").await.is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_account_may_not_delete_is_named_with_the_account_and_what_helps_which_does() {
    for (default_account, helps) in [
        (true, "name an account that may in spec.serviceAccountName"),
        (false, "name another one in spec.serviceAccountName"),
    ] {
        let (mut world, mut progress) = telling().await;
        may_delete_nothing(&world, "builder").await;
        world.kill_agents().await;
        world.policy.default_service_account = default_account.then(|| "builder".to_owned());
        world.start_agents();
        let more = if default_account { json!({}) } else { json!({ "serviceAccountName": "builder" }) };
        apply(&world, &["a", "b"], more).await;
        // One that is no longer described is told of in the same way.
        world.repository.remove("apps/b.yaml");
        world.repository.commit("one less");
        let message = world.failed("apps", "PruneFailed", "ConfigMap/apps/b").await;
        let account = "give system:serviceaccount:flux-system:builder a role that may do that to ConfigMap/apps/";
        for said in [account, helps, "spec.prune: false"] {
            assert!(message.contains(said), "{said:?} is not in {message}");
        }
        delete(&world, "apps").await;
        let message = world.failed("apps", "PruneFailed", "pruning for deleted resource failed").await;
        let patch = "kubectl patch kustomizations.kustomize.toolkit.fluxcd.io apps -n flux-system --type merge -p";
        for said in ["ConfigMap/apps/a", account, helps, patch] {
            assert!(message.contains(said), "{said:?} is not in {message}");
        }
        heard(&mut progress, "apps", |told| matches!(&told.phase, Phase::Failed(why) if why.contains(helps))).await;
        if default_account {
            world.kill_agents().await;
            world.policy.default_service_account = None;
            world.start_agents();
            let told = heard(&mut progress, "apps", is_over).await;
            assert_eq!((told.pruned, told.stays.count), (2, 0));
        } else {
            world.patch_kustomization("apps", json!({ "spec": { "deletionPolicy": "Orphan" } })).await;
            let told = heard(&mut progress, "apps", is_over).await;
            assert_eq!((told.pruned, told.stays.count), (0, 2));
        }
        is_gone(&world, "apps").await;
    }
}

/// A Kustomization `root` that describes the Kustomization `child`, whose path is `child`.
async fn root_and_child(world: &World) -> String {
    let child = kustomization("child", "./child", json!({}));
    world.repository.write("root/child.yaml", &child.to_string());
    world.repository.write("root/a.yaml", &config_map("apps", "a", "1"));
    world.repository.write("child/b.yaml", &config_map("apps", "b", "1"));
    let revision = world.repository.commit("both");
    world.follow_repository().await;
    world.add(kustomization("root", "./root", json!({}))).await;
    world.ready("root", &revision).await;
    world.ready("child", &revision).await;
    revision
}

/// What warns of a Kustomization.
async fn warnings(world: &World, about: &str) -> Vec<Value> {
    let events = events(world, about).await.into_iter().map(|event| event.data);
    events.filter(|event| event["type"] == "Warning").map(|event| event["message"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_leaves_git_with_all_that_it_was_made_of_gives_no_alarm() {
    let (world, mut progress) = telling().await;
    root_and_child(&world).await;
    let (watching, seen) = watch(&world, "child");
    world.repository.remove("root/child.yaml");
    world.repository.remove("child");
    let revision = world.repository.commit("without the child");
    world.ready("root", &revision).await;
    is_gone(&world, "child").await;
    let mut told = Vec::new();
    while let Ok(one) = progress.try_recv() {
        told.extend((one.name.name == "child").then_some(one.phase));
    }
    let failed = |phase: &Phase| matches!(phase, Phase::Failed(_) | Phase::Waiting(_));
    assert!(!told.iter().any(failed), "{told:?}");
    assert_eq!(warnings(&world, "child").await, Vec::<Value>::new());
    watching.abort();
    let seen = seen.lock().unwrap().clone();
    assert!(seen.iter().all(|(status, _)| status != "False"), "{seen:?}");
    assert_eq!(world.value("apps", "b").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_whose_path_is_gone_says_so_where_nobody_takes_it_away_whatever_becomes_of_who_describes_it() {
    let world = World::new().await;
    root_and_child(&world).await;
    let path_not_found = async || world.failed("child", "ArtifactFailed", "kustomization path not found").await;
    world.repository.remove("child");
    world.repository.commit("without its path");
    path_not_found().await;

    // The root fails at the revision that would take the child away.
    world.repository.write("child/b.yaml", &config_map("apps", "b", "1"));
    let back = world.repository.commit("with it again");
    world.ready("child", &back).await;
    world.repository.remove("child");
    world.repository.remove("root/child.yaml");
    world.repository.write("root/a.yaml", "{");
    world.repository.commit("without both, but broken");
    path_not_found().await;

    // It is suspended.
    world.repository.write("root/a.yaml", &config_map("apps", "a", "1"));
    world.repository.write("root/child.yaml", &kustomization("child", "./child", json!({})).to_string());
    world.repository.write("child/b.yaml", &config_map("apps", "b", "1"));
    let back = world.repository.commit("with both again");
    world.ready("root", &back).await;
    world.ready("child", &back).await;
    world.patch_kustomization("root", json!({ "spec": { "suspend": true } })).await;
    world.repository.remove("child");
    world.repository.remove("root/child.yaml");
    world.repository.commit("without both, which nobody looks at");
    path_not_found().await;
    world.patch_kustomization("root", json!({ "spec": { "suspend": false } })).await;
    is_gone(&world, "child").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_whose_objects_are_in_another_cluster_deletes_none_here_and_stays_until_it_is_told_to_go() {
    let world = World::new().await;
    world.repository.write("hub/a.yaml", &config_map("apps", "a", "1"));
    world.repository.commit("first");
    world.follow_repository().await;
    let labels = json!({ "kustomize.toolkit.fluxcd.io/name": "hub", "kustomize.toolkit.fluxcd.io/namespace": FLUX });
    let object = json!({ "metadata": { "name": "spoke", "namespace": "apps", "labels": labels } });
    world.create("v1", "ConfigMap", object).await;
    let mut hub = kustomization("hub", "./hub", json!({ "kubeConfig": { "secretRef": { "name": "spoke" } } }));
    hub["metadata"]["finalizers"] = json!(["finalizers.fluxcd.io"]);
    world.add(hub).await;
    world.failed("hub", "ReconciliationFailed", "spec.kubeConfig: there is no Secret flux-system/spoke").await;
    let inventory = json!({ "entries": [{ "id": "apps_spoke__ConfigMap", "v": "v1" }] });
    let api = world.api("kustomize.toolkit.fluxcd.io/v1", "Kustomization", Some(FLUX));
    let status = kube::api::Patch::Merge(json!({ "status": { "inventory": inventory } }));
    api.patch_status("hub", &Default::default(), &status).await.unwrap();

    delete(&world, "hub").await;
    world.failed("hub", "PruneFailed", "Its objects (1) are in that cluster").await;
    assert!(world.value("apps", "spoke").await.is_some());
    world.patch_kustomization("hub", json!({ "spec": { "deletionPolicy": "Orphan" } })).await;
    is_gone(&world, "hub").await;
    assert!(world.value("apps", "spoke").await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_deleted_by_hand_although_git_describes_it_is_put_back_as_is_what_it_describes_in_turn() {
    let world = World::new().await;
    let grandchild = kustomization("grandchild", "./grandchild", json!({}));
    world.repository.write("child/grandchild.yaml", &grandchild.to_string());
    world.repository.write("grandchild/c.yaml", &config_map("apps", "c", "1"));
    root_and_child(&world).await;
    let revision = world.repository.revision();
    world.ready("grandchild", &revision).await;
    let before = world.versions("apps").await;
    let uid = async |name: &str| world.kustomization(name).await.and_then(|found| found.metadata.uid);
    for names in [&["child"][..], &["grandchild"], &["child", "grandchild"], &["grandchild", "child"]] {
        let former = (uid("child").await, uid("grandchild").await);
        for name in names {
            delete(&world, name).await;
        }
        for (name, former) in
            [("child", &former.0), ("grandchild", &former.1)].iter().filter(|(name, _)| names.contains(name))
        {
            world
                .until(&format!("{name} is another one"), async || match uid(name).await {
                    Some(uid) if Some(&uid) != former.as_ref() => Ok(()),
                    other => Err(format!("{other:?}")),
                })
                .await;
            event(&world, name, "Restored", &["was deleted", "describes it in Git: nothing was pruned"]).await;
            world.ready(name, &revision).await;
        }
    }
    assert_eq!(world.versions("apps").await, before, "nothing was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_put_one_back_keeps_nothing_of_it() {
    let world = World::new().await;
    may_delete_nothing(&world, "tenant").await;
    world.repository.write("tenant/apps.yaml", &kustomization("apps", "./apps", json!({})).to_string());
    apply(&world, &["a"], json!({})).await;
    world.add(kustomization("tenant", "./tenant", json!({ "serviceAccountName": "tenant" }))).await;
    world.failed("tenant", "ReconciliationFailed", "apps").await;
    delete(&world, "apps").await;
    is_gone(&world, "apps").await;
    assert_eq!(world.value("apps", "a").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_that_go_at_the_same_time_delete_keeps_no_namespace() {
    let world = World::new().await;
    world.repository.write("ns/ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n");
    for number in 0..3 {
        world.repository.write(&format!("in/{number}.yaml"), &config_map("web", &format!("in-{number}"), "1"));
    }
    let revision = world.repository.commit("a namespace, and what is in it");
    world.follow_repository().await;
    world.add(kustomization("ns", "./ns", json!({}))).await;
    world.add(kustomization("in", "./in", json!({ "dependsOn": [{ "name": "ns" }] }))).await;
    world.ready("in", &revision).await;
    // One after the other, as whoever prunes or deletes both does it.
    delete(&world, "ns").await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    delete(&world, "in").await;
    is_gone(&world, "ns").await;
    world
        .until("the namespace is gone", async || {
            let found = world.get("v1", "Namespace", None, "web").await;
            match found.filter(|found| found["metadata"]["deletionTimestamp"].is_null()) {
                None => Ok(()),
                Some(found) => Err(found.to_string()),
            }
        })
        .await;
}
