//! One watch and one copy, however many readers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cowherd_runtime::{Key, Runtime, Writer, finalizers};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::cluster::{Cluster, Wire, eventually, expect};

#[tokio::test(flavor = "multi_thread")]
async fn readers_share_a_watch_that_ends_with_the_last_of_them() {
    let (cluster, wire) = (Cluster::start().await, Wire::default());
    let runtime = Runtime::new(wire.client(&cluster));
    cluster.create("one", json!({})).await;
    let readers: Vec<_> = (0..5).map(|_| runtime.informer::<ConfigMap>()).collect();
    for reader in &readers {
        reader.synced().await;
        assert!(Arc::ptr_eq(reader, &readers[0]));
        assert!(reader.get(&Key::new("default", "one")).is_some());
    }
    eventually("one watch", || async { expect(wire.watches.load(Ordering::SeqCst), 1) }).await;
    assert_eq!(runtime.health().loops_by_name(), ["watch of configmaps"]);
    drop(readers);
    eventually("no watch", || async { expect(runtime.health().loops_by_name(), Vec::new()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_interrupted_is_not_well_until_it_is_back_and_misses_nothing() {
    let (cluster, wire) = (Cluster::start().await, Wire::default());
    let runtime = Runtime::new(wire.client(&cluster));
    wire.is_cut.store(true, Ordering::SeqCst);
    let informer = runtime.informer::<ConfigMap>();
    eventually("it says so", || async {
        let problems = runtime.health().problems();
        let problem = problems.first().map(|problem| (problem.name.clone(), problem.reason.clone()));
        let reason = "the watch was interrupted and is started again";
        expect(problem, Some(("watch of configmaps".to_owned(), reason.to_owned())))
    })
    .await;
    let health = runtime.health().clone();
    cluster.server.add_check("controllers", move || health.check(Duration::ZERO));
    let (code, said) = cluster.ready().await;
    assert_eq!(code, 500, "{said}");
    assert!(
        said.contains(
            "[+]store ok\n[+]shutdown ok\n[+]following ok\n[-]controllers failed: watch of configmaps since 20"
        ),
        "{said}"
    );
    cluster.create("meanwhile", json!({})).await;
    wire.is_cut.store(false, Ordering::SeqCst);
    informer.synced().await;
    assert!(informer.get(&Key::new("default", "meanwhile")).is_some());
    eventually("all is well", || async { expect(runtime.health().problems(), Vec::new()) }).await;
    assert_eq!(cluster.ready().await, (200, "ok".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_is_the_objects_of_a_label_selector() {
    let cluster = Cluster::start().await;
    let runtime = Runtime::new(cluster.client.clone());
    let (one, all) = (runtime.informer_of::<ConfigMap>(&(), "shard=one"), runtime.informer::<ConfigMap>());
    cluster.create("a", json!({ "shard": "one" })).await;
    cluster.create("b", json!({ "shard": "two" })).await;
    let names = |objects: Vec<Arc<ConfigMap>>| {
        let mut names: Vec<_> = objects.iter().map(|object| object.name_any()).collect();
        names.retain(|name| name.len() == 1);
        names
    };
    eventually("both came", || async { expect(names(all.all()), vec!["a".to_owned(), "b".to_owned()]) }).await;
    eventually("one is of the shard", || async { expect(names(one.all()), vec!["a".to_owned()]) }).await;
    let moved = Patch::Merge(json!({ "metadata": { "labels": { "shard": "one" } } }));
    cluster.config_maps().patch("b", &PatchParams::default(), &moved).await.unwrap();
    eventually("another joins", || async { expect(names(one.all()), vec!["a".to_owned(), "b".to_owned()]) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_seen_before_any_watch_brings_it() {
    let cluster = Cluster::start().await;
    // Nothing keeps this informer current but what is written.
    let informer = cowherd_runtime::Informer::new(());
    let writer: Writer<ConfigMap> = Writer::namespaced(cluster.client.clone(), informer);
    let key = Key::new("default", "mine");
    let object = serde_json::from_value(json!({ "metadata": { "name": "mine", "namespace": "default" } })).unwrap();
    let created = writer.create(&object).await.unwrap();
    assert_eq!(writer.informer().get(&key).unwrap().uid(), created.uid());

    finalizers::add(&writer, &created, "test.example/hold").await.unwrap();
    let held = writer.informer().get(&key).unwrap();
    assert!(finalizers::has(held.as_ref(), "test.example/hold"));
    let stale = finalizers::add(&writer, &created, "test.example/other").await.unwrap_err();
    assert!(stale.is_conflict(), "the object has changed since: {stale}");

    writer.delete(&held, DeleteParams::background()).await.unwrap();
    let going = writer.informer().get(&key).unwrap();
    assert!(going.metadata.deletion_timestamp.is_some(), "it waits for its finalizer");
    finalizers::remove(&writer, &going, "test.example/hold").await.unwrap();
    assert!(writer.informer().get(&key).is_none());
    assert!(cluster.config_maps().get_opt("mine").await.unwrap().is_none());
}
