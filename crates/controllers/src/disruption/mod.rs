//! PodDisruptionBudgets: how many of their Pods may be disrupted at the moment.

mod expected;
mod healthy;
mod status;

use std::sync::Arc;

use cowherd_runtime::{BrokenOff, Controller, Error, Identity, Informer, Key, Next, Recorder, Runtime, Writer, owners};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::{Client, ResourceExt};

use expected::Unexpected;

const NAME: &str = "disruption-controller";
/// Who Kubernetes says tells of budgets.
const COMPONENT: &str = "controllermanager";

/// What is said where Pods have no controller whose scale could be asked for.
const UNMANAGED: &str =
    "some of the Pods have no controller, and count for nothing; set spec.minAvailable to a number to count them";

/// What a reconciliation works with.
#[derive(Clone)]
struct Context {
    client: Client,
    budgets: Writer<PodDisruptionBudget>,
    pods: Arc<Informer<Pod>>,
    replica_sets: Arc<Informer<ReplicaSet>>,
    deployments: Arc<Informer<Deployment>>,
    events: Recorder,
}

/// Runs the controller.
pub async fn run(runtime: Runtime) {
    let client = runtime.client(NAME);
    let context = Context {
        client: client.clone(),
        budgets: Writer::namespaced(client, runtime.informer()),
        pods: runtime.informer(),
        replica_sets: runtime.informer(),
        deployments: runtime.informer(),
        events: runtime.recorder_of(Identity::Controller(NAME), COMPONENT),
    };
    let budgets = Arc::clone(context.budgets.informer());
    let reporting = context.budgets.clone();
    let of_pod = move |pod: &Pod| concerned(&budgets, pod);
    Controller::of(&runtime, NAME, context.budgets.informer())
        .watches(&context.pods, of_pod)
        .reads(&context.replica_sets)
        .reads(&context.deployments)
        .recorder(&context.events)
        .reports(move |key, broken| say_broken_off(reporting.clone(), key, broken))
        .run(move |key| reconcile(context.clone(), key))
        .await;
}

/// The budgets that take the Pod.
fn concerned(budgets: &Informer<PodDisruptionBudget>, pod: &Pod) -> Vec<Key> {
    let budgets = budgets.in_namespace(&pod.namespace().unwrap_or_default());
    budgets.into_iter().filter(|budget| takes(budget, pod)).map(|budget| Key::of(budget.as_ref())).collect()
}

/// Whether a budget is about the Pod. Without a selector it is about none, with an empty one about all of its namespace.
fn takes(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    selector.and_then(|selector| owners::selector(selector).ok()).is_some_and(|taken| owners::matches(&taken, pod))
}

async fn reconcile(context: Context, key: Key) -> Result<Next, Error> {
    let Some(budget) = context.budgets.informer().get(&key) else { return Ok(Next::Wait) };
    let pods = context.pods.in_namespace(&key.namespace);
    let pods: Vec<Arc<Pod>> = pods.into_iter().filter(|pod| takes(&budget, pod)).collect();
    if pods.is_empty() {
        context.events.normal(budget.as_ref(), "NoPods", "No matching pods found");
    }
    let expected = match expected::count(&context, &budget, &pods).await {
        Ok(expected) => expected,
        Err(unexpected) => return fail(&context, &budget, unexpected).await,
    };
    if expected.has_unmanaged {
        context.events.warning(budget.as_ref(), "UnmanagedPods", UNMANAGED);
    }
    let now = Timestamp::now();
    let disrupted = healthy::disrupted(&budget, &pods, now);
    for pod in &disrupted.not_deleted {
        let message = format!("Pod was expected by PDB {key} to be deleted but it wasn't");
        context.events.warning(pod.as_ref(), "NotDeleted", &message);
    }
    let status = status::of(&budget, expected, healthy::count(&pods, &disrupted), disrupted.pods);
    status::write(&context.budgets, &budget, status).await?;
    Ok(disrupted.recheck.map_or(Next::Wait, |at| Next::After(at.duration_since(now).unsigned_abs())))
}

/// Where it was not found out how many Pods there should be, nothing may be disrupted.
pub(crate) async fn say_broken_off(
    budgets: Writer<PodDisruptionBudget>,
    key: Key,
    broken: BrokenOff,
) -> Result<(), Error> {
    let Some(budget) = budgets.informer().get(&key) else { return Ok(()) };
    status::write(&budgets, &budget, status::failed(&budget, &broken.message)).await
}

/// Where it cannot be told how many Pods there should be, nothing may be disrupted.
async fn fail(context: &Context, budget: &PodDisruptionBudget, unexpected: Unexpected) -> Result<Next, Error> {
    let message = format!("Failed to calculate the number of expected pods: {unexpected}");
    context.events.warning(budget, "CalculateExpectedPodCountFailed", &message);
    status::write(&context.budgets, budget, status::failed(budget, &unexpected.to_string())).await?;
    match unexpected {
        // It may be better known soon; what is wrong with a Pod is when the Pod changes.
        Unexpected::Api(error) => Err(error.into()),
        _ => Ok(Next::Wait),
    }
}
