//! Stories of objects that move from one Kustomization to another which cannot take them at once.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::world::{MOMENT, World};
use crate::Policy;
use crate::owner::OwnerName;
use crate::source::{SourceName, git};

/// Longer than anybody is waited for who may soon say what it describes.
const PATIENCE: Duration = Duration::from_secs(15);

fn name(name: &str) -> OwnerName {
    OwnerName::new(&crate::kustomization::KIND, "flux-system", name)
}

fn source() -> SourceName {
    SourceName::new(git::KIND, "flux-system", "fleet")
}

/// Two Kustomizations, `a` with an object `x`, and `b`.
async fn two() -> (World, String) {
    let mut world = World::at_work(Policy::default()).await;
    for name in ["a", "b"] {
        world.put(name, json!({}));
    }
    world.describe(&[("a", "x"), ("b", "junk")]);
    sleep(PATIENCE).await;
    let (uid, owner) = world.map("x").unwrap();
    assert_eq!(owner, "a");
    (world, uid)
}

/// What of a Kustomization waits for others, in words.
fn awaits(world: &World, name: &str) -> Option<String> {
    world.condition(name, "PruneProtected").filter(|(reason, _)| reason == "MayHaveMoved").map(|(_, message)| message)
}

fn has(world: &World, uid: &str, owner: &str) {
    assert_eq!(world.map("x"), Some((uid.to_owned(), owner.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn who_is_still_busy_with_an_earlier_commit_is_known_to_describe_what_the_next_one_moves_to_it() {
    let (mut world, uid) = two().await;
    // Somebody is slow, so that b waits before it takes away what the first commit drops.
    world.context.sharing.enter(&source(), &name("slow"));
    world.describe(&[("a", "x"), ("b", "")]);
    sleep(MOMENT).await;
    world.describe(&[("a", ""), ("b", "x")]);
    sleep(MOMENT).await;
    world.context.sharing.leave(&source(), &name("slow"));
    sleep(PATIENCE).await;
    has(&world, &uid, "b");
    assert_eq!((world.map("junk"), world.trouble("a"), world.trouble("b")), (None, None, None));
}

#[tokio::test(start_paused = true)]
async fn an_object_waits_for_who_cannot_be_rendered_and_is_told_to_for_whom() {
    let (mut world, uid) = two().await;
    world.describe(&[("a", ""), ("b", "x junk !")]);
    sleep(PATIENCE).await;
    has(&world, &uid, "a");
    let message = awaits(&world, "a").unwrap();
    assert!(
        message.contains("ConfigMap/apps/x") && message.contains("Kustomization flux-system/b, which failed"),
        "{message}"
    );
    assert_eq!(world.trouble("a"), None, "it is not the one that fails");
    let revision = world.describe(&[("a", ""), ("b", "x junk")]);
    sleep(PATIENCE).await;
    has(&world, &uid, "b");
    assert_eq!((world.trouble("a"), awaits(&world, "a"), world.applied("a")), (None, None, Some(revision)));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_describes_goes_as_soon_as_that_is_known_without_another_commit_for_it() {
    let (mut world, _) = two().await;
    world.describe(&[("a", ""), ("b", "junk !")]);
    sleep(PATIENCE).await;
    assert!(world.map("x").is_some());
    world.cluster.delete("Kustomization", "flux-system", "b");
    sleep(Duration::from_secs(3)).await;
    assert_eq!((world.map("x"), world.trouble("a"), awaits(&world, "a")), (None, None, None));
}

#[tokio::test(start_paused = true)]
async fn an_approval_ends_the_wait_for_others() {
    let (mut world, _) = two().await;
    world.describe(&[("a", ""), ("b", "junk !")]);
    sleep(PATIENCE).await;
    let message = awaits(&world, "a").unwrap();
    let identity = crate::delivery::approval(&message).unwrap().to_owned();
    world.cluster.put_kustomization("a", |object| {
        object["metadata"]["annotations"]["cowherd.dev/prune-approved"] = identity.into();
    });
    sleep(PATIENCE).await;
    assert_eq!((world.map("x"), world.trouble("a")), (None, None));
}

#[tokio::test(start_paused = true)]
async fn what_moves_to_a_suspended_one_waits_for_it_and_nothing_else_does() {
    let (mut world, uid) = two().await;
    world.put("b", json!({ "suspend": true }));
    world.put("web", json!({ "dependsOn": [{ "name": "a" }] }));
    sleep(MOMENT).await;
    let revision = world.describe(&[("a", ""), ("b", "x"), ("web", "y")]);
    sleep(PATIENCE).await;
    has(&world, &uid, "a");
    let message = awaits(&world, "a").unwrap();
    assert!(message.contains("flux-system/b, which is suspended"), "{message}");
    let (status, _, said) = world.said("a").unwrap();
    assert!(status == "True" && said.contains("PruneProtected"), "{status} {said}");
    assert_eq!(world.applied("web"), Some(revision));
    world.put("b", json!({ "suspend": false }));
    sleep(PATIENCE).await;
    has(&world, &uid, "b");
    assert_eq!((awaits(&world, "a"), world.map("junk")), (None, None));
}

#[tokio::test(start_paused = true)]
async fn what_a_suspended_one_does_not_describe_goes() {
    let (mut world, _) = two().await;
    world.put("b", json!({ "suspend": true }));
    sleep(MOMENT).await;
    world.describe(&[("a", ""), ("b", "")]);
    sleep(PATIENCE).await;
    assert_eq!((world.map("x"), awaits(&world, "a")), (None, None));
    assert!(world.map("junk").is_some(), "what is suspended is left as it is");
}

#[tokio::test(start_paused = true)]
async fn under_another_name_nothing_is_deleted_that_the_new_one_may_describe_and_the_way_back_is_open() {
    let (mut world, uid) = two().await;
    world.put("c", json!({}));
    world.describe(&[("b", ""), ("c", "x !")]);
    world.cluster.delete("Kustomization", "flux-system", "a");
    sleep(PATIENCE).await;
    has(&world, &uid, "a");
    let message = awaits(&world, "a").unwrap();
    assert!(message.contains("flux-system/c, which failed"), "{message}");
    world.describe(&[("b", ""), ("c", "x")]);
    sleep(PATIENCE).await;
    has(&world, &uid, "c");
    assert_eq!((world.map("own-a"), world.cluster.all("Kustomization").contains_key("a")), (None, false));
}

#[tokio::test(start_paused = true)]
async fn who_may_not_have_an_object_keeps_it_from_going_for_nobody() {
    let (mut world, _) = two().await;
    world.put("b", json!({ "serviceAccountName": "tenant" }));
    world.describe(&[("a", ""), ("b", "x !")]);
    sleep(PATIENCE).await;
    assert_eq!((world.map("x"), world.trouble("a"), awaits(&world, "a")), (None, None, None));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_waited_for_by_nobody() {
    let (mut world, _) = two().await;
    world.put("b", json!({ "interval": "never" }));
    world.describe(&[("a", ""), ("b", "x")]);
    sleep(PATIENCE).await;
    assert_eq!((world.map("x"), world.trouble("a")), (None, None));
}

#[tokio::test(start_paused = true)]
async fn who_is_to_have_another_spec_that_could_not_be_brought_deletes_nothing_until_it_is() {
    let (mut world, uid) = two().await;
    let other = json!({ "interval": "1h", "prune": true, "path": "./elsewhere",
        "sourceRef": { "kind": "GitRepository", "name": "fleet" } });
    let specs = [(name("a").as_object().id, other)].into_iter().collect();
    let _ = world.context.sharing.leave_unbrought(&name("b"), specs);
    world.describe(&[("a", ""), ("b", "junk")]);
    sleep(PATIENCE).await;
    has(&world, &uid, "a");
    let message = awaits(&world, "a").unwrap();
    assert!(message.contains("flux-system/b, which describes this one otherwise"), "{message}");
    world.context.tell_concerned(world.context.sharing.leave_unbrought(&name("b"), Default::default()));
    sleep(PATIENCE).await;
    assert_eq!((world.map("x"), world.trouble("a")), (None, None));
}

#[tokio::test(start_paused = true)]
async fn without_its_source_nobody_is_ready_and_with_it_again_everybody_is() {
    let (mut world, uid) = two().await;
    world.lose_source();
    sleep(Duration::from_millis(900)).await;
    assert_eq!(world.trouble("a"), None, "it may be back at once");
    sleep(MOMENT).await;
    let (reason, message) = world.trouble("a").unwrap();
    assert!(
        reason == "ArtifactFailed" && message.starts_with("Source 'GitRepository/flux-system/fleet' not found"),
        "{message}"
    );
    let writes = world.counters.get().status_writes;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(world.counters.get().status_writes, writes, "it is said once");
    has(&world, &uid, "a");
    world.describe(&[("a", "x"), ("b", "junk")]);
    sleep(PATIENCE).await;
    assert_eq!((world.trouble("a"), world.trouble("b")), (None, None));
    has(&world, &uid, "a");
}
