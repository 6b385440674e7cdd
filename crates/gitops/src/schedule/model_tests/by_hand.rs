//! Stories of Kustomizations that somebody deletes although Git describes them.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::world::World;
use crate::{NamespacedName, Policy, Root};

/// Longer than a deletion waits for anybody, and than it takes until what was deleted is there again.
const PATIENCE: Duration = Duration::from_secs(15);

/// `root`, which describes `apps`, which has `x`; the identities of `apps` and `x`.
async fn grown() -> (World, String, String) {
    let mut world = World::at_work(Policy::default()).await;
    world.put("root", json!({}));
    world.describe(&[("root", "@apps"), ("apps", "x")]);
    sleep(PATIENCE).await;
    assert_eq!((world.trouble("root"), world.trouble("apps")), (None, None));
    let (apps, x) = (uid(&world, "apps").unwrap(), world.map("x").unwrap().0);
    (world, apps, x)
}

fn uid(world: &World, name: &str) -> Option<String> {
    let found = world.cluster.all("Kustomization").remove(name)?;
    found["metadata"]["uid"].as_str().map(str::to_owned)
}

fn delete(world: &World, name: &str) {
    world.cluster.delete("Kustomization", "flux-system", name);
}

/// `apps` was made anew, is ready and has the same `x`.
fn is_back(world: &World, apps: &str, x: &str) {
    assert!(uid(world, "apps").is_some_and(|uid| uid != apps));
    assert_eq!((world.trouble("apps"), world.map("x")), (None, Some((x.to_owned(), "apps".to_owned()))));
}

#[tokio::test(start_paused = true)]
async fn what_git_describes_is_put_back_with_all_that_it_had() {
    let (world, apps, x) = grown().await;
    delete(&world, "apps");
    sleep(PATIENCE).await;
    is_back(&world, &apps, &x);
}

#[tokio::test(start_paused = true)]
async fn what_it_described_once_and_was_put_back_with_goes_with_the_next_commit_that_drops_it() {
    let (mut world, apps, x) = grown().await;
    delete(&world, "apps");
    sleep(PATIENCE).await;
    is_back(&world, &apps, &x);
    world.describe(&[("root", "@apps"), ("apps", "")]);
    sleep(PATIENCE).await;
    assert_eq!((world.map("x"), world.trouble("apps")), (None, None));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_deleted_again_before_it_has_written_what_it_has_loses_nothing_of_that() {
    let (mut world, apps, x) = grown().await;
    let mut former = apps.clone();
    delete(&world, "apps");
    for _ in 0..3 {
        while uid(&world, "apps").is_none_or(|uid| uid == former) {
            sleep(Duration::from_millis(1)).await;
        }
        let made = world.object("apps");
        assert_eq!((&made["status"], &made["metadata"]["finalizers"]), (&Value::Null, &Value::Null));
        former = uid(&world, "apps").unwrap();
        delete(&world, "apps");
    }
    sleep(PATIENCE).await;
    is_back(&world, &apps, &x);
    world.describe(&[("root", "@apps"), ("apps", "")]);
    sleep(PATIENCE).await;
    assert_eq!((world.map("x"), world.trouble("apps")), (None, None), "it is known still that it had this");
}

#[tokio::test(start_paused = true)]
async fn what_leaves_git_after_it_was_made_anew_and_deleted_again_goes_with_all_that_it_had() {
    let (mut world, apps, _) = grown().await;
    delete(&world, "apps");
    while uid(&world, "apps").is_none_or(|uid| uid == apps) {
        sleep(Duration::from_millis(1)).await;
    }
    world.describe(&[("root", ""), ("apps", "x")]);
    delete(&world, "apps");
    sleep(PATIENCE).await;
    assert_eq!((uid(&world, "apps"), world.map("x"), world.map("own-apps")), (None, None, None));
}

#[tokio::test(start_paused = true)]
async fn what_leaves_git_goes_with_all_that_it_applied() {
    let (mut world, ..) = grown().await;
    world.describe(&[("root", ""), ("apps", "x")]);
    sleep(PATIENCE).await;
    assert_eq!((uid(&world, "apps"), world.map("x"), world.map("own-apps")), (None, None, None));
}

#[tokio::test(start_paused = true)]
async fn what_leaves_git_at_the_moment_at_which_it_is_deleted_goes_too() {
    for pause in [0, 1, 50, 120, 130, 150, 200, 300] {
        let (mut world, ..) = grown().await;
        delete(&world, "apps");
        sleep(Duration::from_millis(pause)).await;
        world.describe(&[("root", ""), ("apps", "x")]);
        sleep(PATIENCE).await;
        assert_eq!((uid(&world, "apps"), world.map("x"), world.map("own-apps")), (None, None, None), "{pause}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_means_it_says_so_by_the_policy_or_the_protection_or_suspends_who_describes_it() {
    let meant: [fn(&World); 3] = [
        |world| {
            let policy = |object: &mut Value| object["spec"]["deletionPolicy"] = "Delete".into();
            world.cluster.put_kustomization("apps", policy);
        },
        |world| {
            let disabled = |object: &mut Value| {
                object["metadata"]["annotations"]["cowherd.dev/prune-protection"] = "disabled".into();
            };
            world.cluster.put_kustomization("apps", disabled);
        },
        |world| world.cluster.put_kustomization("root", |object| object["spec"]["suspend"] = true.into()),
    ];
    for (index, mean) in meant.into_iter().enumerate() {
        let (world, _, x) = grown().await;
        mean(&world);
        sleep(PATIENCE).await;
        delete(&world, "apps");
        sleep(PATIENCE).await;
        assert_ne!(world.map("x").map(|(uid, _)| uid), Some(x), "{index}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_all_are_deleted_at_once_the_root_comes_back_and_with_it_what_it_describes() {
    let name = NamespacedName::new("flux-system", "root");
    let url = cowherd_source::RepositoryUrl::parse("https://example.com/fleet").unwrap();
    let policy = Policy { root: Some(Root { name, url }), ..Policy::default() };
    let mut world = World::at_work(policy).await;
    world.put("root", json!({}));
    world.describe(&[("root", "@apps"), ("apps", "x")]);
    sleep(PATIENCE).await;
    let (apps, x) = (uid(&world, "apps").unwrap(), world.map("x").unwrap().0);
    for name in ["root", "apps"] {
        delete(&world, name);
    }
    sleep(Duration::from_millis(500)).await;
    assert_eq!((uid(&world, "root"), world.map("x").map(|(uid, _)| uid)), (None, Some(x.clone())));
    world.put("root", json!({}));
    sleep(PATIENCE).await;
    is_back(&world, &apps, &x);
}

#[tokio::test(start_paused = true)]
async fn with_who_describes_it_and_is_described_by_nobody_it_goes() {
    let (world, ..) = grown().await;
    for name in ["apps", "root"] {
        delete(&world, name);
    }
    sleep(PATIENCE).await;
    assert!(world.cluster.all("Kustomization").is_empty() && world.cluster.all("ConfigMap").is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_moves_to_one_that_is_deleted_by_hand_at_that_moment_is_there_when_it_comes_back() {
    for pause in [0, 1, 50, 150, 250] {
        let mut world = World::at_work(Policy::default()).await;
        world.put("root", json!({}));
        world.put("other", json!({}));
        world.describe(&[("root", "@apps"), ("apps", ""), ("other", "x")]);
        sleep(PATIENCE).await;
        let (x, _) = world.map("x").unwrap();
        world.describe(&[("root", "@apps"), ("apps", "x"), ("other", "")]);
        sleep(Duration::from_millis(pause)).await;
        delete(&world, "apps");
        sleep(PATIENCE * 2).await;
        assert_eq!(world.map("x"), Some((x, "apps".to_owned())), "{pause}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_describes_itself_leaves_all_as_it_is() {
    let mut world = World::at_work(Policy::default()).await;
    world.put("root", json!({}));
    world.describe(&[("root", "@root x")]);
    sleep(PATIENCE).await;
    let (x, _) = world.map("x").unwrap();
    delete(&world, "root");
    sleep(PATIENCE).await;
    assert_eq!((uid(&world, "root"), world.map("x")), (None, Some((x.clone(), "root".to_owned()))));
    world.put("root", json!({}));
    world.describe(&[("root", "")]);
    sleep(PATIENCE).await;
    assert_eq!(world.map("x"), None, "it is known still that it had this");
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_back_is_younger_and_leaves_what_others_describe_too_to_them() {
    let mut world = World::at_work(Policy::default()).await;
    world.put("root", json!({}));
    world.describe(&[("root", "@apps"), ("apps", "x")]);
    sleep(PATIENCE).await;
    world.describe(&[("root", "@apps @other"), ("apps", "x"), ("other", "x")]);
    sleep(PATIENCE).await;
    let (x, owner) = world.map("x").unwrap();
    assert_eq!(owner, "apps");
    delete(&world, "apps");
    sleep(PATIENCE).await;
    assert_eq!(world.map("x"), Some((x, "other".to_owned())));
    assert_eq!((world.trouble("apps"), world.trouble("other")), (None, None));
}
