//! Creates the pods that are missing and deletes those that are too many.

use std::sync::Arc;

use cowherd_runtime::{Error, owners};
use futures::StreamExt;
use futures::stream;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use kube::api::DeleteParams;

use super::Context;
use crate::pods::ready_since;

/// How many pods are created or deleted in one reconciliation.
const BURST: usize = 500;
/// How many requests are under way at a time.
const AT_ONCE: usize = 8;

/// Why pods could not be created or deleted.
pub struct Failure {
    /// `FailedCreate` or `FailedDelete`, the reason of the `ReplicaFailure` condition.
    pub reason: &'static str,
    /// What the API said.
    pub error: Error,
}

/// Brings the number of pods to the one wanted; the pods there are then.
pub async fn to_wanted(
    context: &Context,
    set: &ReplicaSet,
    mut pods: Vec<Arc<Pod>>,
) -> (Vec<Arc<Pod>>, Option<Failure>) {
    let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let wanted = usize::try_from(wanted).unwrap_or(0);
    if pods.len() < wanted {
        let missing = (wanted - pods.len()).min(BURST);
        let (created, failure) = create(context, set, missing).await;
        pods.extend(created);
        return (pods, failure);
    }
    if pods.len() > wanted {
        pods.sort_by_cached_key(|pod| survival(pod));
        let surplus: Vec<Arc<Pod>> = pods.drain(..(pods.len() - wanted).min(BURST)).collect();
        let failure = delete(context, set, surplus).await;
        return (pods, failure);
    }
    (pods, None)
}

/// Creates pods in batches that double, so that a template which the API refuses costs one request and not
/// hundreds.
async fn create(context: &Context, set: &ReplicaSet, count: usize) -> (Vec<Arc<Pod>>, Option<Failure>) {
    let fail = |error| Some(Failure { reason: "FailedCreate", error });
    let template = match new_pod(set) {
        Ok(template) => template,
        Err(error) => return (Vec::new(), fail(error)),
    };
    let mut created = Vec::new();
    let mut batch = 1;
    while created.len() < count {
        let size = batch.min(count - created.len());
        let requests = stream::iter(0..size).map(|_| {
            let template = &template;
            async move { context.pods.create(template).await }
        });
        let answers: Vec<_> = requests.buffer_unordered(AT_ONCE).collect().await;
        for answer in answers {
            match answer {
                Ok(pod) => {
                    let message = format!("Created pod: {}", pod.name_any());
                    context.events.normal(set, "SuccessfulCreate", &message);
                    created.push(pod);
                }
                Err(error) => {
                    // A namespace that is going away takes the ReplicaSet with it.
                    let terminating = matches!(&error, Error::Api(kube::Error::Api(status))
                        if status.code == 403 && status.message.contains("being terminated"));
                    if terminating {
                        return (created, None);
                    }
                    let message = format!("Error creating: {error}");
                    context.events.warning(set, "FailedCreate", &message);
                    return (created, fail(error));
                }
            }
        }
        batch *= 2;
    }
    (created, None)
}

async fn delete(context: &Context, set: &ReplicaSet, pods: Vec<Arc<Pod>>) -> Option<Failure> {
    for pod in pods {
        match context.pods.delete(&pod, DeleteParams::background()).await {
            Ok(()) => {
                let name = pod.name_any();
                context.events.normal(set, "SuccessfulDelete", &format!("Deleted pod: {name}"));
            }
            Err(error) => {
                context.events.warning(set, "FailedDelete", &format!("Error deleting: {error}"));
                return Some(Failure { reason: "FailedDelete", error });
            }
        }
    }
    None
}

fn new_pod(set: &ReplicaSet) -> Result<Pod, Error> {
    let template: PodTemplateSpec = set.spec.as_ref().and_then(|spec| spec.template.clone()).unwrap_or_default();
    let metadata = template.metadata.unwrap_or_default();
    Ok(Pod {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", set.name_any())),
            namespace: set.namespace(),
            labels: metadata.labels,
            annotations: metadata.annotations,
            finalizers: metadata.finalizers,
            owner_references: Some(vec![owners::controller_reference(set)?]),
            ..Default::default()
        },
        spec: template.spec,
        status: None,
    })
}

/// What decides which pods go first: those without a node, then pending before running, not ready before
/// ready, cheaper to delete, ready for a shorter time, younger.
fn survival(pod: &Pod) -> impl Ord + use<> {
    let assigned = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    let phase = match pod.status.as_ref().and_then(|status| status.phase.as_deref()) {
        Some("Running") => 2,
        Some("Unknown") => 1,
        _ => 0,
    };
    let ready = ready_since(pod);
    let cost = pod
        .annotations()
        .get("controller.kubernetes.io/pod-deletion-cost")
        .and_then(|cost| cost.parse::<i32>().ok())
        .unwrap_or(0);
    let age = |time: Option<jiff::Timestamp>| std::cmp::Reverse(time.map_or(i64::MAX, jiff::Timestamp::as_second));
    let created = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
    (assigned, phase, ready.is_some(), cost, age(ready), age(created), pod.name_any())
}
