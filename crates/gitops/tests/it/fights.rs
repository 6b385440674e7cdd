//! Somebody else wants something else, again and again: that object is put right less often, and nothing else waits.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_gitops::{Phase, Progress};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::applied::{applied, apply, becomes, delete, is_gone};
use crate::telling::{event, heard, telling};
use crate::world::{FLUX, World, condition, config_map, kustomization};

/// Somebody who changes the object back as soon as it is put right, until the task is aborted.
fn fighter(world: &World, name: &str) -> JoinHandle<()> {
    let (api, name) = (world.api("v1", "ConfigMap", Some("apps")), name.to_owned());
    tokio::spawn(async move {
        let params = PatchParams { field_manager: Some("fighter".to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(json!({ "data": { "key": "theirs" } }));
        loop {
            if api.get_opt(&name).await.unwrap().is_some_and(|found| found.data["data"]["key"] != "theirs") {
                let _ = api.patch(&name, &params, &patch).await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fights_is_told_and_a_commit_does_not_wait_for_the_fight() {
    let world = applied(&["a", "b"], json!({})).await;
    let fighter = fighter(&world, "a");
    let text = "ConfigMap/apps/a, fought by \"fighter\"";
    world.failed("apps", "DriftFought", text).await;
    event(&world, "apps", "DriftFought", &[text]).await;
    for round in 2..12 {
        world.repository.write("apps/b.yaml", &config_map("apps", "b", &round.to_string()));
        let (revision, began) = (world.repository.commit("another"), Instant::now());
        becomes(&world, "b", &round.to_string()).await;
        eprintln!("a commit during a fight took {:?}", began.elapsed());
        // It is ready only until the fighter comes again.
        world.applied("apps", &revision).await;
    }
    fighter.abort();
    let (revision, began) = (world.repository.revision(), Instant::now());
    becomes(&world, "a", "1").await;
    world.ready("apps", &revision).await;
    eprintln!("all was right {:?} after the fight", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fight_is_told_of_once() {
    let world = applied(&["a", "b"], json!({})).await;
    let fighter = fighter(&world, "a");
    world.failed("apps", "DriftFought", "fighter").await;
    // It is put right, and says so anew, four times more.
    let before = world.counts().applies;
    world
        .until("the fight went on", async || {
            let applies = world.counts().applies - before;
            if applies >= 4 { Ok(()) } else { Err(applies.to_string()) }
        })
        .await;
    world.failed("apps", "DriftFought", "fighter").await;
    fighter.abort();
    // What is told later comes after what was told before.
    world.repository.write("apps/b.yaml", &config_map("apps", "b", "2"));
    world.repository.commit("the end");
    let told = world
        .until("the commit is told of", async || {
            let events = world.api("v1", "Event", Some(FLUX)).list(&Default::default()).await.unwrap();
            let events: Vec<Value> = events.items.into_iter().map(|event| event.data).collect();
            let is_told =
                |event: &Value| event["message"].as_str().is_some_and(|told| told.contains("ConfigMap/apps/b"));
            if events.iter().any(is_told) { Ok(events) } else { Err("not yet") }
        })
        .await;
    let fights: Vec<&Value> = told.iter().filter(|event| event["reason"] == "DriftFought").collect();
    assert_eq!(fights.len(), 1, "{fights:?}");
    assert_eq!(fights[0]["count"], 1, "{fights:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_beside_a_fight_that_was_told_of_is_news() {
    let (world, mut progress) = telling().await;
    apply(&world, &["a", "b"], json!({})).await;
    let fighter = fighter(&world, "a");
    world.failed("apps", "DriftFought", "fighter").await;
    // What cannot be put right.
    let patch = Patch::Merge(json!({ "data": { "key": "theirs" }, "immutable": true }));
    world.api("v1", "ConfigMap", Some("apps")).patch("b", &PatchParams::default(), &patch).await.unwrap();
    let immutable = |told: &Progress| matches!(&told.phase, Phase::Failed(why) if why.contains("immutable"));
    let told = heard(&mut progress, "apps", immutable).await;
    assert!(!told.is_known, "{told:?}");
    fighter.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fight_is_not_fought_at_full_speed() {
    let world = applied(&["a", "b"], json!({})).await;
    let fighter = fighter(&world, "a");
    world.failed("apps", "DriftFought", "fighter").await;
    let (before, began) = (world.counts().applies, Instant::now());
    tokio::time::sleep(Duration::from_secs(8)).await;
    let (applies, seconds) = (world.counts().applies - before, began.elapsed().as_secs());
    fighter.abort();
    // Pauses of one, two, four and then five seconds.
    assert!(applies <= 4 + seconds / 5, "{applies} in {seconds} s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_a_change_and_a_deletion_do_not_wait_for_a_fight() {
    let world = applied(&["a", "b"], json!({})).await;
    let fighter = fighter(&world, "a");
    for round in 0..5 {
        world.failed("apps", "DriftFought", "fighter").await;
        let asked = format!("{round}");
        let request = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": asked } } });
        world.patch_kustomization("apps", request).await;
        world
            .until("the request is handled", async || {
                let handled = world.kustomization("apps").await.unwrap().status.unwrap().last_handled_reconcile_at;
                if handled.as_deref() == Some(&asked) { Ok(()) } else { Err(format!("{handled:?}")) }
            })
            .await;
    }
    world.failed("apps", "DriftFought", "fighter").await;
    world.patch_kustomization("apps", json!({ "spec": { "commonMetadata": { "labels": { "team": "one" } } } })).await;
    world
        .until("the change is there", async || {
            let found = world.get("v1", "ConfigMap", Some("apps"), "b").await.unwrap();
            if found["metadata"]["labels"]["team"] == "one" { Ok(()) } else { Err(found.to_string()) }
        })
        .await;
    world.failed("apps", "DriftFought", "fighter").await;
    delete(&world, "apps").await;
    is_gone(&world, "apps").await;
    fighter.abort();
}

/// How many Kustomizations a storm is about, and how long it lasts: more and longer by hand.
fn storm() -> (usize, Duration) {
    let number = |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    (number("STORM_KUSTOMIZATIONS", 24), Duration::from_secs(number("STORM_SECONDS", 8) as u64))
}

/// A small random number generator: the storm is another one each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// How many objects are not what Git says.
async fn wrong(world: &World, values: &BTreeMap<usize, u32>) -> usize {
    let list = world.api("v1", "ConfigMap", Some("apps")).list(&Default::default()).await.unwrap();
    let found: BTreeMap<String, String> = list
        .items
        .into_iter()
        .map(|object| {
            (object.metadata.name.unwrap(), object.data["data"]["key"].as_str().unwrap_or_default().to_owned())
        })
        .collect();
    let is_right = |(app, value): &(&usize, &u32)| found.get(&format!("app-{app}")) == Some(&value.to_string());
    values.iter().filter(|entry| !is_right(entry)).count()
}

/// How many Kustomizations are not ready at the revision.
async fn unready(world: &World, revision: &str) -> usize {
    let api: Api<Kustomization> = Api::namespaced(world.client.clone(), FLUX);
    let all = api.list(&Default::default()).await.unwrap().items;
    let is_ready = |found: &&Kustomization| {
        let applied = found.status.as_ref().and_then(|status| status.last_applied_revision.as_deref());
        applied == Some(revision) && condition(found, "Ready").is_some_and(|(status, ..)| status == "True")
    };
    all.len() - all.iter().filter(is_ready).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_storm_of_commits_and_changes_by_hand_all_is_as_git_says() {
    let (count, lasts) = storm();
    let seed = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos().into();
    eprintln!("the seed is {seed}");
    let (mut chance, mut values) = (Chance(seed), BTreeMap::new());
    let world = World::new().await;
    let write = |app: usize, value: u32| {
        world
            .repository
            .write(&format!("app-{app}/a.yaml"), &config_map("apps", &format!("app-{app}"), &value.to_string()));
    };
    for app in 0..count {
        write(app, 0);
        values.insert(app, 0);
        world.add(kustomization(&format!("app-{app}"), &format!("./app-{app}"), json!({}))).await;
    }
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    for app in 0..count {
        world.ready(&format!("app-{app}"), &revision).await;
    }
    let (objects, began, mut step) = (world.api("v1", "ConfigMap", Some("apps")), Instant::now(), 0_u32);
    let params = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
    while began.elapsed() < lasts {
        step += 1;
        // A few of them are hit much more often than others.
        let app = if chance.below(2) == 0 { chance.below(3) } else { chance.below(count) };
        let name = format!("app-{app}");
        if chance.below(4) == 0 {
            let _ = objects.delete(&name, &DeleteParams::default()).await;
        } else {
            let patch = Patch::Merge(json!({ "data": { "key": format!("by hand {step}") } }));
            let _ = objects.patch(&name, &params, &patch).await;
        }
        if step % 6 == 0 {
            let app = chance.below(count);
            write(app, step);
            values.insert(app, step);
            world.repository.commit("another");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (revision, ended, seen) = (world.repository.revision(), Instant::now(), Cell::new(None));
    // The last change by hand may be younger than what is said: both have to be so at one moment.
    world
        .until("all is as Git says", async || {
            let now = (wrong(&world, &values).await, unready(&world, &revision).await);
            if seen.replace(Some(now)) != Some(now) {
                let (objects, unready) = now;
                eprintln!("{:?} after the storm {objects} objects differ, {unready} are not ready", ended.elapsed());
            }
            if now == (0, 0) { Ok(()) } else { Err(format!("{now:?} differ and are not ready")) }
        })
        .await;
    eprintln!("{step} changes by hand: {:?}", world.counts());
    let found = world.kustomization("app-0").await.unwrap();
    assert_eq!(condition(&found, "Ready").unwrap().1, "ReconciliationSucceeded");
}
