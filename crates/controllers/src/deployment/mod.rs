//! Deployment: moves pods from old ReplicaSets to the one of its template.

mod history;
mod progress;
mod recreate;
mod replica_sets;
mod rolling;
mod scaling;
mod status;
mod template;

use std::sync::Arc;

use cowherd_runtime::{Controller, Error, Informer, Key, Next, Recorder, Runtime, Writer, owners};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

pub use status::broken_off;

const NAME: &str = "deployment-controller";

/// What a reconciliation works with.
#[derive(Clone)]
struct Context {
    events: Recorder,
    deployments: Writer<Deployment>,
    replica_sets: Writer<ReplicaSet>,
    pods: Arc<Informer<Pod>>,
}

/// Runs the loop.
pub async fn run(runtime: Runtime) {
    let client = runtime.client(NAME);
    let context = Context {
        events: runtime.recorder(NAME),
        deployments: Writer::namespaced(client.clone(), runtime.informer()),
        replica_sets: Writer::namespaced(client, runtime.informer()),
        pods: runtime.informer(),
    };
    let deployments = Arc::clone(context.deployments.informer());
    let recreating = context.clone();
    let reporting = context.deployments.clone();
    Controller::of(&runtime, NAME, context.deployments.informer())
        .watches(context.replica_sets.informer(), move |set| concerned(set, &deployments))
        // Only a deployment that recreates its pods waits for single pods to go.
        .watches(&context.pods, move |pod| recreate::waiting_for(&recreating, pod))
        .workers(4)
        .recorder(&context.events)
        .reports(move |key, broken| broken_off(reporting.clone(), key, broken))
        .run(move |key| reconcile(context.clone(), key))
        .await;
}

/// The Deployments that a ReplicaSet matters to: its controller, or those that may adopt it.
fn concerned(set: &ReplicaSet, deployments: &Informer<Deployment>) -> Vec<Key> {
    if owners::controller(set).is_some() {
        return owners::controller_key::<Deployment>(set).into_iter().collect();
    }
    let matching = deployments.in_namespace(&set.namespace().unwrap_or_default()).into_iter().filter(|deployment| {
        let selector = deployment.spec.as_ref().and_then(|spec| owners::selector(&spec.selector).ok());
        selector.is_some_and(|selector| owners::matches(&selector, set))
    });
    matching.map(|deployment| Key::of(deployment.as_ref())).collect()
}

/// One Deployment and its ReplicaSets, as they are worked on.
struct Rollout<'a> {
    context: &'a Context,
    deployment: Arc<Deployment>,
    spec: DeploymentSpec,
    /// The ReplicaSet of the present template, if it was made.
    new: Option<Arc<ReplicaSet>>,
    /// The others, oldest first.
    old: Vec<Arc<ReplicaSet>>,
}

async fn reconcile(context: Context, key: Key) -> Result<Next, Error> {
    let Some(deployment) = context.deployments.informer().get(&key) else { return Ok(Next::Wait) };
    let spec = deployment.spec.clone().ok_or(Error::Incomplete("spec"))?;
    let sets = replica_sets::claim(&context, &deployment, &spec).await?;
    let (new, old) = replica_sets::split(&spec, sets);
    let mut rollout = Rollout { context: &context, deployment, spec, new, old };
    if rollout.deployment.metadata.deletion_timestamp.is_some() {
        return status::update(&mut rollout).await;
    }
    progress::note_pause(&mut rollout).await?;
    if rollout.paused() {
        rollout.find_or_make_new(false).await?;
        scaling::scale_proportionally(&mut rollout).await?;
        history::clean_up(&mut rollout).await?;
    } else if scaling::was_scaled(&rollout) {
        rollout.find_or_make_new(false).await?;
        scaling::scale_proportionally(&mut rollout).await?;
    } else if rollout.recreates() {
        recreate::proceed(&mut rollout).await?;
    } else {
        rolling::proceed(&mut rollout).await?;
    }
    status::update(&mut rollout).await
}

impl Rollout<'_> {
    fn paused(&self) -> bool {
        self.spec.paused.unwrap_or(false)
    }

    fn recreates(&self) -> bool {
        self.spec.strategy.as_ref().and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate")
    }

    /// The number of pods that are wanted.
    fn wanted(&self) -> i32 {
        self.spec.replicas.unwrap_or(1)
    }

    /// All ReplicaSets, the new one last.
    fn all(&self) -> impl Iterator<Item = &Arc<ReplicaSet>> {
        self.old.iter().chain(&self.new)
    }

    /// Whether the new ReplicaSet has all pods, they are available, and the old ones have none.
    fn complete(&self) -> bool {
        let Some(new) = &self.new else { return false };
        let status = new.status.clone().unwrap_or_default();
        let wanted = self.wanted();
        status.replicas == wanted
            && status.available_replicas.unwrap_or(0) == wanted
            && new.spec.as_ref().and_then(|spec| spec.replicas) == Some(wanted)
            && self.old.iter().all(|set| set.status.as_ref().map_or(0, |status| status.replicas) == 0)
    }
}
