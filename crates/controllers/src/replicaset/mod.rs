//! ReplicaSet: keeps as many pods as it says.

mod claim;
mod scale;
mod status;

use std::sync::Arc;

use cowherd_runtime::{Controller, Error, Informer, Key, Next, Recorder, Runtime, Writer, owners};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

pub use status::broken_off;

const NAME: &str = "replicaset-controller";

/// What a reconciliation works with.
#[derive(Clone)]
struct Context {
    events: Recorder,
    replica_sets: Writer<ReplicaSet>,
    pods: Writer<Pod>,
}

/// Runs the loop.
pub async fn run(runtime: Runtime) {
    let client = runtime.client(NAME);
    let context = Context {
        events: runtime.recorder(NAME),
        replica_sets: Writer::namespaced(client.clone(), runtime.informer()),
        pods: Writer::namespaced(client, runtime.informer()),
    };
    let sets = Arc::clone(context.replica_sets.informer());
    let reporting = context.replica_sets.clone();
    Controller::of(&runtime, NAME, context.replica_sets.informer())
        .watches(context.pods.informer(), move |pod| concerned(pod, &sets))
        .workers(4)
        .recorder(&context.events)
        .reports(move |key, broken| broken_off(reporting.clone(), key, broken))
        .run(move |key| reconcile(context.clone(), key))
        .await;
}

/// The ReplicaSets that a pod matters to: its controller, or those that may adopt it.
fn concerned(pod: &Pod, sets: &Informer<ReplicaSet>) -> Vec<Key> {
    if owners::controller(pod).is_some() {
        return owners::controller_key::<ReplicaSet>(pod).into_iter().collect();
    }
    let matching = sets.in_namespace(&pod.namespace().unwrap_or_default()).into_iter().filter(|set| {
        let selector = set.spec.as_ref().and_then(|spec| owners::selector(&spec.selector).ok());
        selector.is_some_and(|selector| owners::matches(&selector, pod))
    });
    matching.map(|set| Key::of(set.as_ref())).collect()
}

async fn reconcile(context: Context, key: Key) -> Result<Next, Error> {
    let Some(set) = context.replica_sets.informer().get(&key) else { return Ok(Next::Wait) };
    let pods = claim::pods(&context, &set).await?;
    let active: Vec<Arc<Pod>> = pods.iter().filter(|pod| crate::pods::is_active(pod)).cloned().collect();
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
