//! Jobs that are done go when their time has come, with all that they own.

use crate::cluster::{Cluster, create, eventually, expect};
use kube::ResourceExt;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

fn job(name: &str, ttl: Value) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name },
        "spec": {
            "ttlSecondsAfterFinished": ttl,
            "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": "a", "image": "a:1" }] } },
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_are_done_go_after_the_time_they_say() {
    let cluster = Cluster::start().await;
    let jobs = cluster.api("batch/v1", "Job", "jobs", "default");
    let done = json!({ "status": {
        "startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:01:00Z", "succeeded": 1,
        "conditions": [
            { "type": "SuccessCriteriaMet", "status": "True", "lastTransitionTime": "2026-01-01T00:01:00Z" },
            { "type": "Complete", "status": "True", "lastTransitionTime": "2026-01-01T00:01:00Z" },
        ],
    } });
    let mut owners: Vec<DynamicObject> = Vec::new();
    for (name, ttl) in [("now", json!(5)), ("never", json!(null)), ("late", json!(2_000_000_000))] {
        owners.push(create(&jobs, job(name, ttl)).await);
    }
    create(&jobs, job("running", json!(0))).await;
    let owned = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "owned", "ownerReferences": [{
        "apiVersion": "batch/v1", "kind": "Job", "name": "now", "uid": owners[0].uid(), "blockOwnerDeletion": true,
    }] } });
    create(&cluster.config_maps("default"), owned).await;
    for owner in &owners {
        jobs.patch_status(&owner.name_any(), &PatchParams::default(), &Patch::Merge(done.clone())).await.unwrap();
    }
    eventually("one is gone", || async {
        let left = jobs.list(&ListParams::default()).await.unwrap();
        let names: Vec<String> = left.iter().map(ResourceExt::name_any).collect();
        expect(names, ["late", "never", "running"].map(str::to_owned).to_vec())
    })
    .await;
    assert!(cluster.config_maps("default").get_opt("owned").await.unwrap().is_none(), "it goes first");
}
