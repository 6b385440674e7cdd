//! Single stories, told to the moment.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::world::{MOMENT, World};
use crate::{Phase, Policy};

fn trouble(reason: &str, message: &str) -> Option<(String, String)> {
    Some((reason.to_owned(), message.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_the_source_is_told_when_it_takes_longer_than_a_second() {
    let mut world = World::at_work(Policy::default()).await;
    world.put("web", json!({}));
    sleep(Duration::from_millis(900)).await;
    assert_eq!(world.said("web"), None);
    sleep(MOMENT).await;
    let told = "Source 'GitRepository/flux-system/fleet' not found: make it, or name one in spec.sourceRef that `cowherd get \
                sources -A` lists";
    assert_eq!(world.trouble("web"), trouble("ArtifactFailed", told));
    world.begin_source();
    sleep(MOMENT).await;
    let told = "Source 'GitRepository/flux-system/fleet' has no artifact yet; it is applied as soon as it has one";
    assert_eq!(world.trouble("web"), trouble("ArtifactFailed", told));
    world.told();
    // It is said once.
    let writes = world.counters.get().status_writes;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(world.counters.get().status_writes, writes);

    let revision = world.commit(&[("web", "1")]);
    sleep(MOMENT).await;
    assert_eq!((world.trouble("web"), world.applied("web")), (None, Some(revision)));
    assert_eq!(world.reasons("web"), ["there is a new revision"]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_another_owner_is_told_when_it_takes_longer_than_a_second() {
    let mut world = World::at_work(Policy::default()).await;
    world.put("web", json!({ "dependsOn": [{ "name": "db" }] }));
    world.commit(&[("db", "1"), ("web", "1")]);
    sleep(Duration::from_millis(900)).await;
    assert_eq!(world.said("web"), None);
    sleep(MOMENT).await;
    assert_eq!(world.trouble("web"), trouble("DependencyNotReady", "dependency 'flux-system/db' not found"));
    world.told();
    world.put("db", json!({}));
    sleep(MOMENT).await;
    assert_eq!((world.trouble("web"), world.value("web").as_deref()), (None, Some("1")));
    assert_eq!(world.reasons("web"), ["its dependency flux-system/db is ready"]);
    // What waits for a moment only is not told of it.
    world.commit(&[("db", "2"), ("web", "2")]);
    sleep(MOMENT).await;
    assert_eq!((world.value("db").as_deref(), world.value("web").as_deref()), (Some("2"), Some("2")));
    assert_eq!(world.told()["web"].iter().filter(|(phase, _)| matches!(phase, Phase::Waiting(_))).count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_only_a_change_can_help_is_told_at_once_and_to_whoever_asks() {
    let cases = [
        (json!({ "sourceRef": { "kind": "GitRepository", "name": "fleet", "namespace": "other" } }), "AccessDenied"),
        (json!({ "interval": "soon" }), "UnsupportedFeature"),
    ];
    for (spec, reason) in cases {
        let mut world = World::at_work(Policy { no_cross_namespace_refs: true, ..Policy::default() }).await;
        world.commit(&[("web", "1")]);
        world.put("web", spec);
        sleep(MOMENT).await;
        assert_eq!(world.trouble("web").map(|(told, _)| told).as_deref(), Some(reason));
        let writes = world.counters.get().status_writes;
        world.commit(&[("web", "2")]);
        sleep(Duration::from_secs(600)).await;
        assert_eq!(world.counters.get().status_writes, writes, "it is said once");
        world.request("web", "please");
        sleep(MOMENT).await;
        assert_eq!(world.object("web")["status"]["lastHandledReconcileAt"], "please");
        assert_eq!(world.trouble("web").map(|(told, _)| told).as_deref(), Some(reason));

        world.put("web", json!({ "sourceRef": { "kind": "GitRepository", "name": "fleet" } }));
        sleep(MOMENT).await;
        assert_eq!((world.trouble("web"), world.value("web").as_deref()), (None, Some("2")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_does_not_concern_an_owner_is_in_its_status_without_being_applied() {
    let mut world = World::at_work(Policy::default()).await;
    for name in ["web", "db"] {
        world.put(name, json!({}));
    }
    world.commit(&[("db", "1"), ("web", "1")]);
    sleep(MOMENT).await;
    world.told();
    let before = world.counters.get();
    let revision = world.commit(&[("db", "2"), ("web", "1")]);
    sleep(Duration::from_secs(1)).await;
    assert_eq!((world.applied("db"), world.applied("web")), (Some(revision.clone()), Some(revision)));
    let after = world.counters.get();
    assert_eq!((after.applies - before.applies, after.followed - before.followed), (1, 1));
    assert_eq!(world.told().keys().collect::<Vec<_>>(), ["db"]);
}

#[tokio::test(start_paused = true)]
async fn drift_is_counted_and_put_right() {
    let mut world = World::at_work(Policy::default()).await;
    world.put("web", json!({}));
    world.commit(&[("web", "1")]);
    sleep(MOMENT).await;
    assert!(world.known_fights().is_empty(), "nobody fights");
    world.cluster.edit("web", "kubectl-edit", "by hand");
    sleep(MOMENT).await;
    assert_eq!((world.value("web").as_deref(), world.counters.get().drifts), (Some("1"), 1));
    let reasons = world.reasons("web");
    assert_eq!(reasons.len(), 1);
    assert!(reasons[0].starts_with("ConfigMap/apps/web was changed by \"kubectl-edit\""), "{reasons:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fight_is_told_of_and_ends_with_what_git_says() {
    let mut world = World::at_work(Policy::default()).await;
    world.put("web", json!({}));
    world.commit(&[("web", "1")]);
    sleep(MOMENT).await;
    for round in 0..12 {
        world.cluster.edit("web", "fighter", &format!("by hand {round}"));
        sleep(MOMENT).await;
    }
    assert_eq!(world.known_fights().first(), Some(&false), "it is news");
    let (reason, message) = world.trouble("web").unwrap();
    assert!(reason == "DriftFought" && message.contains("fought by \"fighter\""), "{reason}: {message}");
    // A commit is not kept waiting by it.
    let revision = world.commit(&[("web", "2")]);
    sleep(MOMENT).await;
    assert_eq!((world.value("web").as_deref(), world.applied("web")), (Some("2"), Some(revision)));
    world.cluster.edit("web", "fighter", "by hand");
    sleep(MOMENT).await;
    assert_eq!(world.value("web").as_deref(), Some("by hand"), "it is put right less often");
    assert_eq!(world.known_fights().first(), Some(&true), "it is the same fight");
    sleep(Duration::from_secs(10)).await;
    assert_eq!((world.value("web").as_deref(), world.trouble("web")), (Some("2"), None));
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_is_cleaned_up_after_and_then_gone() {
    let mut world = World::at_work(Policy::default()).await;
    world.put("web", json!({}));
    world.commit(&[("web", "1")]);
    sleep(MOMENT).await;
    assert_eq!(world.value("web").as_deref(), Some("1"));
    world.told();
    world.cluster.delete("Kustomization", "flux-system", "web");
    sleep(Duration::from_secs(1)).await;
    assert!(world.cluster.all("Kustomization").is_empty() && world.cluster.all("ConfigMap").is_empty());
    assert_eq!(world.told()["web"].last(), Some(&(Phase::Gone, "it was deleted".to_owned())));
    sleep(Duration::from_secs(60)).await;
    assert!(world.told().is_empty(), "nothing is done for it any more");
}
