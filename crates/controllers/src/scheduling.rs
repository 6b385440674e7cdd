//! Says of pods that no node takes why they wait.
//!
//! Where there are nodes, their scheduler speaks for the pods; while there is none, every pod without a node is
//! told so, in the condition and event that Kubernetes' scheduler would write.

use std::sync::Arc;

use cowherd_runtime::{
    BrokenOff, Controller, Error, Identity, Informer, Key, Next, Recorder, Runtime, Writer, conditions, conditions::now,
};
use k8s_openapi::api::core::v1::{Node, Pod, PodCondition};
use kube::api::{Patch, PatchParams};
use serde_json::json;

const NAME: &str = "default-scheduler";
/// What a condition gives as the reason where the scheduler itself failed.
const FAILED: &str = "SchedulerError";
const MESSAGE: &str = "no nodes available to schedule pods";

/// What a reconciliation works with.
#[derive(Clone)]
struct Context {
    events: Recorder,
    pods: Writer<Pod>,
    nodes: Arc<Informer<Node>>,
}

/// Runs the loop.
pub async fn run(runtime: Runtime) {
    let client = runtime.client_of(Identity::Scheduler);
    let context = Context {
        events: runtime.recorder_of(Identity::Scheduler, NAME),
        pods: Writer::namespaced(client, runtime.informer()),
        nodes: runtime.informer(),
    };
    let pods = Arc::clone(context.pods.informer());
    let all_pods = move |_: &Node| pods.all().iter().map(|pod| Key::of(pod.as_ref())).collect::<Vec<_>>();
    let reporting = context.pods.clone();
    Controller::of(&runtime, NAME, context.pods.informer())
        .reports(move |key, broken| say_broken_off(reporting.clone(), key, broken))
        .watches(&context.nodes, all_pods)
        .recorder(&context.events)
        .run(move |key| explain(context.clone(), key))
        .await;
}

async fn explain(context: Context, key: Key) -> Result<Next, Error> {
    let Some(pod) = context.pods.informer().get(&key) else { return Ok(Next::Wait) };
    let assigned = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    if assigned || !context.nodes.is_empty() || was_told(&pod) || !crate::pods::is_active(&pod) {
        return Ok(Next::Wait);
    }
    say(&context.pods, &key, "Unschedulable", MESSAGE).await?;
    context.events.warning(pod.as_ref(), "FailedScheduling", MESSAGE);
    Ok(Next::Wait)
}

/// Says of a pod that looking at it came to no end, until that does.
pub(crate) async fn say_broken_off(pods: Writer<Pod>, key: Key, broken: BrokenOff) -> Result<(), Error> {
    let Some(pod) = pods.informer().get(&key) else { return Ok(()) };
    if scheduled(&pod).is_some_and(|known| known.message.as_ref() == Some(&broken.message)) {
        return Ok(());
    }
    say(&pods, &key, FAILED, &broken.message).await
}

async fn say(pods: &Writer<Pod>, key: &Key, reason: &str, message: &str) -> Result<(), Error> {
    let status = json!({ "status": { "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": reason, "message": message, "lastTransitionTime": now(),
    }] } });
    pods.patch_status(key, &PatchParams::default(), &Patch::Strategic(status)).await.map(drop)
}

fn was_told(pod: &Pod) -> bool {
    scheduled(pod).is_some_and(|known| known.status != "True" && known.reason.as_deref() != Some(FAILED))
}

fn scheduled(pod: &Pod) -> Option<&PodCondition> {
    let list = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions::find(list, "PodScheduled")
}
