//! What nobody may have meant to delete waits; what was not meant to come goes again.

use cowherd_gitops::approval;
use serde_json::{Value, json};

use crate::applied::may_delete_nothing;
use crate::telling::event;
use crate::world::{World, condition, config_map, inventory, kustomization};

const WAITS: &str = "PruneProtected";
const APPROVED: &str = "cowherd.dev/prune-approved";

const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: gadgets.example.com}\n\
    spec:\n  group: example.com\n  scope: Namespaced\n  names: {kind: Gadget, plural: gadgets, singular: gadget}\n  versions:\n  \
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}\n";

/// A Kustomization with the ConfigMaps `a` and `b` of the namespace `apps`.
async fn two() -> World {
    let world = World::new().await;
    describe(&world, &["a", "b"]);
    let revision = world.repository.commit("two");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({}))).await;
    world.ready("apps", &revision).await;
    world
}

/// Writes these ConfigMaps, and no others: of the namespace `apps`, or of `other` where that is named.
fn describe(world: &World, names: &[&str]) {
    let _ = std::fs::remove_dir_all(world.repository.path().join("apps"));
    world.repository.write("apps/kustomization.yaml", "resources: []");
    let files: Vec<String> = names.iter().map(|name| format!("{}.yaml", name.replace('/', "-"))).collect();
    for (name, file) in names.iter().zip(&files) {
        let (namespace, name) = name.split_once('/').unwrap_or(("apps", name));
        world.repository.write(&format!("apps/{file}"), &config_map(namespace, name, "1"));
    }
    world.repository.write("apps/kustomization.yaml", &format!("resources: [{}]", files.join(", ")));
}

/// Commits what is described; the Kustomization waits with these words.
async fn waits(world: &World, names: &[&str], words: &str) -> String {
    describe(world, names);
    let revision = world.repository.commit("a mistake");
    world.failed("apps", WAITS, &format!("for revision {revision} waits until it is approved: {words}")).await
}

async fn uid(world: &World, name: &str) -> Value {
    world.get("v1", "ConfigMap", Some("apps"), name).await.unwrap()["metadata"]["uid"].clone()
}

async fn annotate(world: &World, approved: &str) {
    world.patch_kustomization("apps", json!({ "metadata": { "annotations": { APPROVED: approved } } })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_mistake_brought_goes_with_its_revert_without_a_word_also_after_a_kill() {
    let mut world = two().await;
    let before = (uid(&world, "a").await, uid(&world, "b").await);
    waits(
        &world,
        &["other/z"],
        "it describes nothing of what it had before, of which 2 objects would go: ConfigMap/apps/a, ConfigMap/apps/b",
    )
    .await;
    let z = "it describes nothing of what it had before, of which 3 objects would go: ";
    waits(&world, &[], z).await;
    world.kill_agents().await;
    describe(&world, &["a", "b"]);
    let reverted = world.repository.commit("revert both");
    world.start_agents();
    let found = world.ready("apps", &reverted).await;
    assert_eq!(inventory(&found), ["apps_a__ConfigMap", "apps_b__ConfigMap"]);
    assert_eq!(world.value("other", "z").await, None, "the mistake had brought it");
    assert_eq!((uid(&world, "a").await, uid(&world, "b").await), before, "they were never gone");
    assert!(condition(&found, WAITS).is_none() && found.status.unwrap().settled_entries.is_none());

    // What is said of what comes next has forgotten all that.
    describe(&world, &["a"]);
    let less = world.repository.commit("one less");
    world.ready("apps", &less).await;
    assert_eq!(world.value("apps", "b").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_goes_on_waiting_whatever_comes_and_goes_beside_it_until_it_is_back() {
    let mut world = two().await;
    let words =
        "it describes nothing of what it had before, of which 2 objects would go: ConfigMap/apps/a, ConfigMap/apps/b";
    waits(&world, &["other/m", "other/n"], words).await;
    world.kill_agents().await;
    world.start_agents();
    waits(&world, &["other/m"], "it describes nothing of what it had before, of which 3 objects would go: ").await;
    assert_eq!(world.value("other", "n").await.as_deref(), Some("1"));
    let rest = "of what it had before it does not describe 1 object yet: ConfigMap/apps/b";
    waits(&world, &["a"], rest).await;
    assert_eq!((world.value("other", "m").await, world.value("other", "n").await), (None, None));
    assert_eq!(world.value("apps", "b").await.as_deref(), Some("1"));
    event(&world, "apps", "Progressing", &["ConfigMap/other/n deleted", "; main@sha1:"]).await;
    describe(&world, &["a", "b"]);
    let back = world.repository.commit("all is back");
    world.ready("apps", &back).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_mistake_brought_waits_after_its_revert_where_others_would_go_with_it() {
    let world = two().await;
    describe(&world, &[]);
    world.repository.write("apps/ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: stray}\n");
    world.repository.write("apps/kustomization.yaml", "resources: [ns.yaml]");
    world.repository.commit("a mistake");
    world.failed("apps", WAITS, "it describes nothing of what it had before, of which 2 objects").await;
    world.create("v1", "ConfigMap", json!({ "metadata": { "name": "theirs", "namespace": "stray" } })).await;
    describe(&world, &["a", "b"]);
    let revision = world.repository.commit("revert");
    let what = "with Namespace/stray would go what this Kustomization does not prune: ConfigMap/stray/theirs. Nothing";
    world.failed("apps", WAITS, &format!("for revision {revision} waits until it is approved: {what}")).await;
    world.api("v1", "ConfigMap", Some("stray")).delete("theirs", &Default::default()).await.unwrap();
    world.ready("apps", &revision).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_that_holds_what_waits_waits_with_it() {
    let world = two().await;
    waits(&world, &["other/z"], "it describes nothing of what it had before, of which 2 objects").await;
    describe(&world, &["a"]);
    world.repository.write("apps/ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: apps}\n");
    world.repository.write("apps/kustomization.yaml", "resources: [a.yaml, ns.yaml]");
    let revision = world.repository.commit("with the namespace");
    world.failed("apps", WAITS, &format!("for revision {revision} waits")).await;
    describe(&world, &["a"]);
    let revision = world.repository.commit("and without it");
    let message = world.failed("apps", WAITS, &format!("for revision {revision} waits")).await;
    assert!(
        message.contains("it does not describe 1 object yet: ConfigMap/apps/b; with Namespace/apps would go"),
        "{message}"
    );
    assert_eq!(world.value("apps", "b").await.as_deref(), Some("1"));
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_apply_that_fails_hides_no_mistake() {
    let mut world = two().await;
    describe(&world, &["other/z"]);
    // The definition is applied before it is known that the object is refused.
    world.repository.write("apps/definition.yaml", DEFINITION);
    let refused = "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: Not_A_Name, namespace: other}\n";
    world.repository.write("apps/refused.yaml", refused);
    world.repository.write("apps/kustomization.yaml", "resources: [other-z.yaml, definition.yaml, refused.yaml]");
    world.repository.commit("a mistake that fails");
    world.failed("apps", "ReconciliationFailed", "Not_A_Name").await;
    event(&world, "apps", "Progressing", &["CustomResourceDefinition/gadgets.example.com created; main@sha1:"]).await;
    world.kill_agents().await;
    world.repository.write("apps/kustomization.yaml", "resources: [other-z.yaml, definition.yaml]");
    let revision = world.repository.commit("a mistake");
    world.start_agents();
    world
        .failed(
            "apps",
            WAITS,
            &format!("for revision {revision} waits until it is approved: it describes nothing of what it had before, of which 2"),
        )
        .await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_of_something_else_is_told_with_what_would_be_one() {
    let world = two().await;
    let message = waits(&world, &[], "it describes nothing of what it had before, of which 2 objects").await;
    let identity = approval(&message).unwrap().to_owned();
    annotate(&world, "0123\u{202e}").await;
    let words = format!(
        "its annotation `{APPROVED}` approves of something else (\"0123\\\\u{{202e}}\"), not of this, which is {identity}"
    );
    let message = world.failed("apps", WAITS, &words).await;
    assert_eq!(approval(&message), Some(identity.as_str()));
    event(&world, "apps", WAITS, &[&words]).await;

    annotate(&world, &identity).await;
    let revision = world.repository.revision();
    world.ready("apps", &revision).await;
    assert_eq!(world.value("apps", "a").await, None);
    let why = format!("somebody approved of a prune ({identity})");
    let annotations = event(&world, "apps", "Progressing", &["ConfigMap/apps/a deleted", &why]).await;
    assert_eq!(annotations["cowherd.dev/cause"], why);

    annotate(&world, "another").await;
    event(&world, "apps", "ReconciliationSucceeded", &["approved of a prune (another); nothing waited to be pruned"])
        .await;
}

/// Writes into a directory these ConfigMaps of the namespace `apps`, and no others, and what else is named as a file.
fn describe_in(world: &World, directory: &str, names: &[&str], more: &[(&str, &str)]) {
    let _ = std::fs::remove_dir_all(world.repository.path().join(directory));
    for name in names {
        world.repository.write(&format!("{directory}/{name}.yaml"), &config_map("apps", name, directory));
    }
    more.iter().for_each(|(file, content)| world.repository.write(&format!("{directory}/{file}.yaml"), content));
    let files = names.iter().copied().chain(more.iter().map(|(file, _)| *file)).map(|file| format!("{file}.yaml"));
    let resources = format!("resources: [{}]", files.collect::<Vec<_>>().join(", "));
    world.repository.write(&format!("{directory}/kustomization.yaml"), &resources);
}

/// Two Kustomizations, of which the first is older, or comes first by its name, with what is in their directories.
async fn first_and_second(world: &World) {
    let revision = world.repository.commit("both");
    world.follow_repository().await;
    for name in ["first", "second"] {
        world.add(kustomization(name, &format!("./{name}"), json!({}))).await;
        world.ready(name, &revision).await;
    }
}

const STRAY: (&str, &str) = ("ns", "apiVersion: v1\nkind: Namespace\nmetadata: {name: stray}\n");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_one_is_not_pruned_by_another_that_described_it_too() {
    let world = World::new().await;
    describe_in(&world, "first", &["a"], &[STRAY]);
    describe_in(&world, "second", &["b"], &[STRAY]);
    first_and_second(&world).await;
    world.create("v1", "ConfigMap", json!({ "metadata": { "name": "theirs", "namespace": "stray" } })).await;
    describe_in(&world, "first", &["a"], &[]);
    describe_in(&world, "second", &["b"], &[]);
    let revision = world.repository.commit("both without the namespace");
    let what = "with Namespace/stray would go what this Kustomization does not prune: ConfigMap/stray/theirs. Nothing";
    world.failed("first", WAITS, &format!("for revision {revision} waits until it is approved: {what}")).await;
    world.ready("second", &revision).await;
    let found = world.get("v1", "Namespace", None, "stray").await.unwrap();
    assert!(found["metadata"]["deletionTimestamp"].is_null(), "{found}");
    world.api("v1", "ConfigMap", Some("stray")).delete("theirs", &Default::default()).await.unwrap();
    world.ready("first", &revision).await;
    world
        .until("the namespace is gone", async || match world.get("v1", "Namespace", None, "stray").await {
            None => Ok(()),
            Some(found) => Err(found),
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_one_had_waits_although_another_that_keeps_something_drops_it_too() {
    let world = World::new().await;
    describe_in(&world, "first", &["shared"], &[]);
    describe_in(&world, "second", &["b", "shared"], &[]);
    first_and_second(&world).await;
    describe_in(&world, "first", &[], &[]);
    describe_in(&world, "second", &["b"], &[]);
    let revision = world.repository.commit("both without it");
    world.failed("first", WAITS, "of which 1 object would go: ConfigMap/apps/shared").await;
    world.ready("second", &revision).await;
    assert_eq!(world.value("apps", "shared").await.as_deref(), Some("first"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_describes_some_of_it_too_keeps_nothing_else_from_waiting() {
    let world = World::new().await;
    describe_in(&world, "first", &["x", "y"], &[]);
    describe_in(&world, "second", &["b", "x"], &[]);
    first_and_second(&world).await;
    describe_in(&world, "first", &[], &[]);
    world.repository.commit("the first one is emptied");
    let words = "it describes nothing of what it had before, of which 1 object would go: ConfigMap/apps/y";
    world.failed("first", WAITS, words).await;
    world
        .until("the other one has its own", async || match world.value("apps", "x").await.as_deref() {
            Some("second") => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    assert_eq!(world.value("apps", "y").await.as_deref(), Some("first"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_never_wholly_applied_waits_as_well() {
    let world = World::new().await;
    // The definition is applied before it is known that the object is refused.
    let refused = "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: Not_A_Name, namespace: other}\n";
    describe_in(&world, "apps", &[], &[("definition", DEFINITION), ("refused", refused)]);
    world.repository.commit("what is never whole");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({}))).await;
    world.failed("apps", "ReconciliationFailed", "Not_A_Name").await;
    waits(&world, &[], "it describes nothing of what it had before, of which 1 object would go: CustomResource").await;
    let definition =
        world.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, "gadgets.example.com").await;
    assert!(definition.unwrap()["metadata"]["deletionTimestamp"].is_null());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_while_a_prune_went_on_failing_is_what_it_had() {
    let world = World::new().await;
    may_delete_nothing(&world, "builder").await;
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: made, namespace: apps}\n";
    describe_in(&world, "apps", &["x", "g"], &[]);
    let revision = world.repository.commit("two");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({ "serviceAccountName": "builder" }))).await;
    world.ready("apps", &revision).await;
    describe_in(&world, "apps", &["x"], &[("made", account)]);
    world.repository.commit("one for another");
    world.failed("apps", "PruneFailed", "ConfigMap/apps/g").await;
    describe_in(&world, "apps", &[], &[("made", account)]);
    world.repository.commit("without the other, too");
    world.failed("apps", "PruneFailed", "ConfigMap/apps/x").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_approval_of_a_switch_holds_for_what_the_switch_brings_to_a_kustomization_of_the_same_name() {
    let mut world = World::new().await;
    for (cluster, path) in [("a", "./x"), ("b", "./y")] {
        let child = kustomization("child", path, json!({}));
        world.repository.write(&format!("{cluster}/child.yaml"), &child.to_string());
    }
    world.repository.write("x/x.yaml", &config_map("apps", "x", "1"));
    world.repository.write("y/y.yaml", &config_map("other", "y", "1"));
    let revision = world.repository.commit("two clusters");
    world.follow_repository().await;
    world.add(kustomization("root", "./a", json!({}))).await;
    world.ready("root", &revision).await;
    world.ready("child", &revision).await;
    world.kill_agents().await;
    world.patch_kustomization("root", json!({ "spec": { "path": "./b", "suspend": true } })).await;
    world.approved = Some(revision.clone());
    world.start_agents();
    // The child is brought to the commit as it was before.
    let request = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } } });
    world.patch_kustomization("child", request).await;
    world
        .until("it was looked at", async || {
            let status = world.kustomization("child").await.unwrap().status.unwrap();
            if status.last_handled_reconcile_at.as_deref() == Some("now") { Ok(()) } else { Err("it was not") }
        })
        .await;
    world.patch_kustomization("root", json!({ "spec": { "suspend": false } })).await;
    world
        .until("x has gone for y", async || {
            let (x, y) = (world.value("apps", "x").await, world.value("other", "y").await);
            let ready = condition(&world.kustomization("child").await.unwrap(), "Ready");
            if x.is_none() && y.is_some() { Ok(()) } else { Err(format!("{x:?} {y:?} {ready:?}")) }
        })
        .await;
    world.ready("root", &revision).await;

    // By hand it is brought somewhere else without an approval.
    world.patch_kustomization("root", json!({ "spec": { "suspend": true } })).await;
    world.patch_kustomization("child", json!({ "spec": { "path": "./x" } })).await;
    world.failed("child", WAITS, "of which 1 object would go: ConfigMap/other/y").await;
}
