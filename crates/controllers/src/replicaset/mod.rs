//! ReplicaSet: keeps as many pods as it says.

mod claim;
mod scale;
mod status;

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, ResourceExt};

use crate::Error;
use crate::cache::{Cache, Key};
use crate::events::Recorder;
use crate::ownership;
use crate::queue::{Next, Queue};

/// What a reconciliation works with.
#[derive(Clone)]
struct Context {
    client: Client,
    events: Recorder,
    replica_sets: Arc<Cache<ReplicaSet>>,
    pods: Arc<Cache<Pod>>,
}

/// Runs the loop.
pub async fn run(client: Client) {
    let context = Context {
        events: Recorder::new(client.clone(), "replicaset-controller"),
        client,
        replica_sets: Cache::new(),
        pods: Cache::new(),
    };
    let queue: Queue<Key> = Queue::new();
    let (by_set, by_pod) = (queue.clone(), queue.clone());
    let candidates = context.replica_sets.clone();
    let follow = futures::future::join(
        context.replica_sets.clone().follow(Api::all(context.client.clone()), move |set| by_set.add(Key::of(set))),
        context.pods.clone().follow(Api::all(context.client.clone()), move |pod| {
            for key in concerned(pod, &candidates) {
                by_pod.add(key);
            }
        }),
    );
    let work = {
        let context = context.clone();
        async move {
            futures::future::join(context.replica_sets.synced(), context.pods.synced()).await;
            queue.work("replicaset", 4, move |key| reconcile(context.clone(), key)).await;
        }
    };
    futures::future::join(follow, work).await;
}

/// The ReplicaSets that a pod matters to: its controller, or those that may adopt it.
fn concerned(pod: &Pod, sets: &Cache<ReplicaSet>) -> Vec<Key> {
    let namespace = pod.namespace().unwrap_or_default();
    if let Some(owner) = ownership::controller(pod) {
        let ours = owner.kind == "ReplicaSet" && owner.api_version.starts_with("apps/");
        return ours.then(|| Key { namespace, name: owner.name.clone() }).into_iter().collect();
    }
    let matching = sets.in_namespace(&namespace).into_iter().filter(|set| {
        let selector = set.spec.as_ref().and_then(|spec| ownership::selector(&spec.selector).ok());
        selector.is_some_and(|selector| ownership::matches(&selector, pod))
    });
    matching.map(|set| Key::of(set.as_ref())).collect()
}

async fn reconcile(context: Context, key: Key) -> Result<Next, Error> {
    let Some(set) = context.replica_sets.get(&key) else { return Ok(Next::Wait) };
    let pods = claim::pods(&context, &set).await?;
    let active: Vec<Arc<Pod>> = pods.iter().filter(|pod| crate::conditions::is_active(pod)).cloned().collect();
    let (pods, failure) = if set.metadata.deletion_timestamp.is_none() {
        scale::to_wanted(&context, &set, active).await
    } else {
        (active, None)
    };
    let next = status::update(&context, &set, &pods, failure.as_ref(), Timestamp::now()).await?;
    match failure {
        Some(failure) => Err(failure.error),
        None => Ok(next),
    }
}
