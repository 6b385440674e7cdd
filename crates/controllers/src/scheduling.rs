//! Says of pods that no node takes why they wait.
//!
//! Where there are nodes, their scheduler speaks for the pods; while there is none, every pod without a node is
//! told so, in the condition and event that Kubernetes' scheduler would write.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;

use crate::Error;
use crate::cache::{Cache, Key};
use crate::conditions::now;
use crate::events::Recorder;
use crate::queue::{Next, Queue};

const MESSAGE: &str = "no nodes available to schedule pods";

/// Runs the loop.
pub async fn run(client: Client) {
    let pods: Arc<Cache<Pod>> = Cache::new();
    let nodes: Arc<Cache<Node>> = Cache::new();
    let queue: Queue<Key> = Queue::new();
    let by_pod = queue.clone();
    let (by_node, all_pods) = (queue.clone(), pods.clone());
    let follow = futures::future::join(
        pods.clone().follow(Api::all(client.clone()), move |pod| by_pod.add(Key::of(pod))),
        nodes.clone().follow(Api::all(client.clone()), move |_| {
            for pod in all_pods.all() {
                by_node.add(Key::of(pod.as_ref()));
            }
        }),
    );
    let work = {
        let (pods, nodes) = (pods.clone(), nodes.clone());
        async move {
            futures::future::join(pods.synced(), nodes.synced()).await;
            let events = Recorder::new(client.clone(), "default-scheduler");
            let reconcile = move |key: Key| {
                let (client, events, pods, nodes) = (client.clone(), events.clone(), pods.clone(), nodes.clone());
                async move { explain(&client, &events, &pods, &nodes, &key).await }
            };
            queue.work("scheduling", 2, reconcile).await;
        }
    };
    futures::future::join(follow, work).await;
}

async fn explain(
    client: &Client,
    events: &Recorder,
    pods: &Cache<Pod>,
    nodes: &Cache<Node>,
    key: &Key,
) -> Result<Next, Error> {
    let Some(pod) = pods.get(key) else { return Ok(Next::Wait) };
    let assigned = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    if assigned || !nodes.all().is_empty() || was_told(&pod) || !crate::conditions::is_active(&pod) {
        return Ok(Next::Wait);
    }
    let status = json!({ "status": { "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": MESSAGE,
        "lastTransitionTime": now(),
    }] } });
    let api: Api<Pod> = Api::namespaced(client.clone(), &key.namespace);
    let told = api.patch_status(&key.name, &PatchParams::default(), &Patch::Strategic(status)).await?;
    pods.observe(told);
    events.warning(pod.as_ref(), "FailedScheduling", MESSAGE).await;
    Ok(Next::Wait)
}

fn was_told(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
}
