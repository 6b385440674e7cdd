//! Cost follows the change, not the size.

use serde_json::json;

use crate::world::{FLUX, World, config_map, kustomization};

const APPS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_touches_one_app_renders_one_and_writes_to_no_other_object() {
    let world = World::new().await;
    for app in 0..APPS {
        let name = format!("app-{app}");
        world.repository.write(&format!("{name}/map.yaml"), &config_map("apps", &name, "1"));
    }
    let first = world.repository.commit("first");
    world.follow_repository().await;
    for app in 0..APPS {
        let name = format!("app-{app}");
        world.add(kustomization(&name, &format!("./{name}"), json!({}))).await;
    }
    for app in 0..APPS {
        world.ready(&format!("app-{app}"), &first).await;
    }
    let (counts, versions) = (world.counts(), world.versions("apps").await);

    world.repository.write("app-7/map.yaml", &config_map("apps", "app-7", "2"));
    let second = world.repository.commit("second");
    world.ready("app-7", &second).await;
    for app in 0..APPS {
        world.ready(&format!("app-{app}"), &second).await;
    }
    // It is counted once the answer came, which others may see before.
    let followed = || world.counts().followed - counts.followed;
    world
        .until("all others were counted", async || match followed() {
            count if count >= APPS as u64 - 1 => Ok(()),
            count => Err(count),
        })
        .await;
    let after = world.counts();
    assert_eq!(after.renders - counts.renders, 1);
    assert_eq!(after.applies - counts.applies, 1);
    assert_eq!(after.configured - counts.configured, 1);
    assert_eq!(after.followed - counts.followed, APPS as u64 - 1);
    let now = world.versions("apps").await;
    let changed: Vec<_> = now.iter().filter(|entry| !versions.contains(entry)).map(|(name, _)| name.as_str()).collect();
    assert_eq!(changed, ["app-7"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_nothing_is_written_to_objects_that_are_right() {
    let mut world = World::new().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({}))).await;
    world.ready("apps", &revision).await;
    world.kill_agents().await;
    let before = world.versions("apps").await;
    let annotation = json!({ "metadata": { "annotations": { "mine": "x" } } });
    world.patch_as("someone", "v1", "ConfigMap", "apps", "a", annotation).await;
    world.repository.write("apps/b.yaml", &config_map("apps", "b", "1"));
    let second = world.repository.commit("second");
    world.start_agents();
    world.ready("apps", &second).await;
    let after = world.versions("apps").await;
    assert_eq!(after.len(), before.len() + 1);
    let object = world.get("v1", "ConfigMap", Some("apps"), "a").await.unwrap();
    assert_eq!(object["metadata"]["annotations"]["mine"], "x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_only_what_changed_meanwhile_is_rendered() {
    let mut world = World::new().await;
    for name in ["a", "b", "c"] {
        world.repository.write(&format!("{name}/map.yaml"), &config_map("apps", name, "1"));
    }
    let first = world.repository.commit("first");
    world.follow_repository().await;
    for name in ["a", "b", "c"] {
        world.add(kustomization(name, &format!("./{name}"), json!({}))).await;
        world.ready(name, &first).await;
    }
    world.kill_agents().await;
    world.repository.write("b/map.yaml", &config_map("apps", "b", "2"));
    let second = world.repository.commit("second");
    let patch = json!({ "spec": { "commonMetadata": { "labels": { "team": "x" } } } });
    world.patch_kustomization("c", patch).await;
    let before = world.counts();
    world.start_agents();
    for name in ["a", "b", "c"] {
        world.ready(name, &second).await;
    }
    assert_eq!(world.counts().renders - before.renders, 2, "b has other files, and c other settings");
    let object = world.get("v1", "ConfigMap", Some("apps"), "c").await.unwrap();
    assert_eq!(object["metadata"]["labels"]["team"], "x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_rendered_is_not_tried_again_until_something_that_was_read_changes() {
    let world = World::new().await;
    world.repository.write("bad/map.yaml", "a: [");
    world.repository.write("good/map.yaml", &config_map("apps", "good", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("good", "./good", json!({}))).await;
    world.ready("good", &first).await;
    world.add(kustomization("bad", "./bad", json!({}))).await;
    world.failed("bad", "BuildFailed", "bad/map.yaml").await;
    let before = world.counts();

    world.repository.write("good/map.yaml", &config_map("apps", "good", "2"));
    let second = world.repository.commit("second");
    world.ready("good", &second).await;
    world
        .until("the failure is that of the new commit, too", async || {
            let status = world.kustomization("bad").await.unwrap().status.unwrap();
            let attempted = status.last_attempted_revision;
            if attempted.as_deref() == Some(&second) { Ok(()) } else { Err(format!("{attempted:?}")) }
        })
        .await;
    world.failed("bad", "BuildFailed", "bad/map.yaml").await;
    assert_eq!(world.counts().renders - before.renders, 1, "only what changed is rendered");

    world.repository.write("bad/map.yaml", &config_map("apps", "bad", "1"));
    let third = world.repository.commit("third");
    world.ready("bad", &third).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_for_reconciliation_is_served_once() {
    let world = World::new().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({}))).await;
    world.ready("apps", &revision).await;
    let before = world.counts();
    let patch = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } } });
    world.patch_kustomization("apps", patch).await;
    world
        .until("the request was served", async || {
            let status = world.kustomization("apps").await.unwrap().status.unwrap();
            if status.last_handled_reconcile_at.as_deref() == Some("now") { Ok(()) } else { Err(format!("{status:?}")) }
        })
        .await;
    assert_eq!(world.counts().renders - before.renders, 1);
    assert_eq!(world.counts().configured, before.configured);
    let repository = world.git_repository().await;
    assert_eq!(repository.metadata.namespace.as_deref(), Some(FLUX));
}
