//! What goes wrong with one object is no other's trouble.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cowherd_runtime::{BrokenOff, Controller, Error, Key, Next, Runtime};
use k8s_openapi::api::core::v1::{ConfigMap, Event};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;

use crate::cluster::{Cluster, eventually, expect};

type Runs = Arc<Mutex<BTreeMap<String, usize>>>;

async fn reconcile(runs: Runs, key: Key) -> Result<Next, Error> {
    let run = {
        let mut runs = runs.lock().unwrap();
        let run = runs.entry(key.name.clone()).or_default();
        *run += 1;
        *run
    };
    match key.name.as_str() {
        "panics" if run < 4 => panic!("the password is hunter2"),
        "hangs" if run < 2 => std::future::pending().await,
        "fails" if run < 3 => Err(Error::Invalid("not now".into())),
        _ => Ok(Next::Wait),
    }
}

/// A ConfigMap has no status: what would be said there is among its data.
async fn report(config_maps: Api<ConfigMap>, key: Key, broken: BrokenOff) -> Result<(), Error> {
    let said = format!("{}: {}", broken.reason, broken.message);
    let known = config_maps.get(&key.name).await?;
    if known.data.unwrap_or_default().get("Ready") != Some(&said) {
        let patch = Patch::Merge(json!({ "data": { "Ready": said } }));
        config_maps.patch(&key.name, &PatchParams::default(), &patch).await?;
    }
    assert!(key.name != "panics", "a report that has a bug of its own");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn panics_hangs_and_errors_are_tried_again_and_disturb_nothing_else() {
    let cluster = Cluster::start().await;
    let runtime = Runtime::new(cluster.client.clone());
    let runs = Runs::default();
    let controller = tokio::spawn({
        let (runtime, runs) = (runtime.clone(), Arc::clone(&runs));
        let config_maps = cluster.config_maps();
        async move {
            let objects = runtime.informer::<ConfigMap>();
            Controller::of(&runtime, "test-controller", &objects)
                .reports(move |key, broken| report(config_maps.clone(), key, broken))
                .workers(2)
                .timeout(Duration::from_millis(200))
                .run(move |key| reconcile(Arc::clone(&runs), key))
                .await;
        }
    });
    for name in ["panics", "hangs", "fails", "fine"] {
        cluster.create(name, json!({})).await;
    }
    eventually("each is reconciled until that succeeds", || async {
        let runs = runs.lock().unwrap().clone();
        // What is said of them changes them, which has them reconciled once more.
        let runs = [("panics", 4), ("hangs", 2), ("fails", 3), ("fine", 1)]
            .map(|(name, most)| runs.get(name).copied().unwrap_or(0).min(most));
        expect(runs, [4, 2, 3, 1])
    })
    .await;
    let metrics = runtime.metrics().text();
    for line in [
        "controller_runtime_reconcile_panics_total{controller=\"test-controller\"} 3",
        "controller_runtime_reconcile_timeouts_total{controller=\"test-controller\"} 1",
        "controller_runtime_reconcile_errors_total{controller=\"test-controller\"} 6",
        "controller_runtime_max_concurrent_reconciles{controller=\"test-controller\"} 2",
        "workqueue_retries_total{name=\"test-controller\",controller=\"test-controller\"} 6",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    assert!(!controller.is_finished());
    let told = |name| {
        let config_maps = cluster.config_maps();
        async move { config_maps.get(name).await.unwrap().data.unwrap_or_default().remove("Ready") }
    };
    let said = [told("panics").await, told("hangs").await, told("fails").await, told("fine").await];
    let panicked = "ReconcilePanicked: test-controller panicked, which is a bug; it tries again later";
    let hung = "ReconcileTimedOut: test-controller was not done after 200ms; it tries again later";
    assert_eq!(said, [Some(panicked.to_owned()), Some(hung.to_owned()), None, None], "their status says so");

    let events: Api<Event> = Api::namespaced(cluster.client.clone(), "default");
    eventually("an event says which object it was, how often, and not what the panic said", || async {
        let found = events.list(&ListParams::default()).await.unwrap();
        let mut told: Vec<_> = found
            .iter()
            .map(|event| {
                let name = event.involved_object.name.clone().unwrap_or_default();
                (name, event.reason.clone().unwrap_or_default(), event.count.unwrap_or_default())
            })
            .collect();
        told.sort();
        assert!(!found.iter().any(|event| event.message.as_deref().unwrap_or_default().contains("hunter2")));
        let wanted = [("hangs", "ReconcileTimedOut", 1), ("panics", "ReconcilePanicked", 3)];
        expect(told, wanted.map(|(name, reason, count)| (name.to_owned(), reason.to_owned(), count)).to_vec())
    })
    .await;
    controller.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_what_is_concerned_that_panics_is_counted_and_told_until_it_does_no_more() {
    let cluster = Cluster::start().await;
    let runtime = Runtime::new(cluster.client.clone());
    let runs = Runs::default();
    let controller = tokio::spawn({
        let (runtime, runs) = (runtime.clone(), Arc::clone(&runs));
        async move {
            let objects = runtime.informer::<ConfigMap>();
            let concerned = |object: &ConfigMap| {
                let has_bug = object.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key("bug"));
                assert!(!has_bug, "a label that nobody thought of");
                [Key::of(object)]
            };
            let controller = Controller::new(&runtime, "mapping-controller").watches(&objects, concerned);
            controller.run(move |key| reconcile(Arc::clone(&runs), key)).await;
        }
    });
    cluster.create("odd", json!({ "bug": "yes" })).await;
    cluster.create("fine", json!({})).await;
    let odd = "it panicked over default/odd, which is a bug; what depends on that may be late until it changes";
    eventually("health says so", || async {
        let told: Vec<_> = runtime.health().problems().into_iter().map(|one| (one.name, one.reason)).collect();
        expect(told, vec![("what each ConfigMap concerns of mapping-controller".to_owned(), odd.to_owned())])
    })
    .await;
    eventually("others are reconciled", || async { expect(runs.lock().unwrap().get("fine").copied(), Some(1)) }).await;
    let (metrics, panics) = (runtime.metrics().text(), "reconcile_panics_total{controller=\"mapping-controller\"} ");
    assert!(metrics.contains(panics) && !metrics.contains(&format!("{panics}0\n")), "{metrics}");
    let mended = Patch::Merge(json!({ "metadata": { "labels": { "bug": null, "mended": "yes" } } }));
    cluster.config_maps().patch("odd", &PatchParams::default(), &mended).await.unwrap();
    eventually("it is reconciled", || async { expect(runs.lock().unwrap().get("odd").copied(), Some(1)) }).await;
    eventually("all is well", || async { expect(runtime.health().problems(), Vec::new()) }).await;
    controller.abort();
}
