//! Says of pods that no node takes why they wait.
//!
//! Where there are nodes, their scheduler speaks for the pods; while there is none, every pod without a node is
//! told so, in the condition and event that Kubernetes' scheduler would write.

use std::sync::Arc;

use cowherd_runtime::{
    Controller, Error, Identity, Informer, Key, Next, Recorder, Runtime, Writer, conditions,
    conditions::{holds, now},
};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Patch, PatchParams};
use serde_json::json;

const NAME: &str = "default-scheduler";
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
        events: Recorder::new(client.clone(), NAME),
        pods: Writer::namespaced(client, runtime.informer()),
        nodes: runtime.informer(),
    };
    let pods = Arc::clone(context.pods.informer());
    let all_pods = move |_: &Node| pods.all().iter().map(|pod| Key::of(pod.as_ref())).collect::<Vec<_>>();
    Controller::of(&runtime, NAME, context.pods.informer())
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
    let status = json!({ "status": { "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": MESSAGE,
        "lastTransitionTime": now(),
    }] } });
    context.pods.patch_status(&key, &PatchParams::default(), &Patch::Strategic(status)).await?;
    context.events.warning(pod.as_ref(), "FailedScheduling", MESSAGE);
    Ok(Next::Wait)
}

fn was_told(pod: &Pod) -> bool {
    let list = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    conditions::find(list, "PodScheduled").is_some_and(|_| !holds(list, "PodScheduled"))
}
