//! Events as people see them.

use cowherd_runtime::{Health, Metrics, Recorder};
use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::ListParams;
use serde_json::json;

use crate::cluster::{Cluster, eventually, expect};

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_events_is_a_few_with_counts() {
    let cluster = Cluster::start().await;
    let object = cluster.create("stormy", json!({})).await;
    let recorder = Recorder::new(cluster.client.clone(), "test-controller", &Health::default(), &Metrics::default());
    for _ in 0..12 {
        recorder.normal(&object, "Again", "the same");
    }
    for number in 0..13 {
        recorder.warning(&object, "Differs", &format!("number {number}"));
    }
    // Of this object enough has been said.
    recorder.warning(&object, "Lost", "nobody hears this");
    let calm = cluster.create("calm", json!({})).await;
    recorder.normal(&calm, "Last", "the last");

    let events: Api<Event> = Api::namespaced(cluster.client.clone(), "default");
    eventually("they are written", || async {
        let found = events.list(&ListParams::default()).await.unwrap();
        let mut told: Vec<_> = found
            .iter()
            .map(|event| {
                assert_eq!(event.source.as_ref().unwrap().component.as_deref(), Some("test-controller"));
                (event.message.clone().unwrap(), event.count.unwrap())
            })
            .collect();
        told.sort();
        let mut wanted: Vec<_> = (0..9).map(|number| (format!("number {number}"), 1)).collect();
        wanted.insert(0, ("(combined from similar events): number 12".to_owned(), 4));
        wanted.extend([("the last".to_owned(), 1), ("the same".to_owned(), 12)]);
        expect(told, wanted)
    })
    .await;
}
