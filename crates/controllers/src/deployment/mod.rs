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

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, ReplicaSet};
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
    deployments: Arc<Cache<Deployment>>,
    replica_sets: Arc<Cache<ReplicaSet>>,
    pods: Arc<Cache<Pod>>,
}

/// Runs the loop.
pub async fn run(client: Client) {
    let context = Context {
        events: Recorder::new(client.clone(), "deployment-controller"),
        client,
        deployments: Cache::new(),
        replica_sets: Cache::new(),
        pods: Cache::new(),
    };
    let queue: Queue<Key> = Queue::new();
    let work = {
        let (context, queue) = (context.clone(), queue.clone());
        async move {
            let caches = futures::future::join3(
                context.deployments.synced(),
                context.replica_sets.synced(),
                context.pods.synced(),
            );
            caches.await;
            queue.work("deployment", 4, move |key| reconcile(context.clone(), key)).await;
        }
    };
    futures::future::join(follow(&context, &queue), work).await;
}

async fn follow(context: &Context, queue: &Queue<Key>) {
    let deployments = context.deployments.clone().follow(Api::all(context.client.clone()), {
        let queue = queue.clone();
        move |deployment| queue.add(Key::of(deployment))
    });
    let replica_sets = context.replica_sets.clone().follow(Api::all(context.client.clone()), {
        let (queue, deployments) = (queue.clone(), context.deployments.clone());
        move |set| {
            for key in concerned(set, &deployments) {
                queue.add(key);
            }
        }
    });
    // Only a deployment that recreates its pods waits for single pods to go.
    let pods = context.pods.clone().follow(Api::all(context.client.clone()), {
        let (queue, context) = (queue.clone(), context.clone());
        move |pod| {
            if let Some(key) = recreate::waiting_for(&context, pod) {
                queue.add(key);
            }
        }
    });
    futures::future::join3(deployments, replica_sets, pods).await;
}

/// The Deployments that a ReplicaSet matters to: its controller, or those that may adopt it.
fn concerned(set: &ReplicaSet, deployments: &Cache<Deployment>) -> Vec<Key> {
    let namespace = set.namespace().unwrap_or_default();
    if let Some(owner) = ownership::controller(set) {
        let ours = owner.kind == "Deployment" && owner.api_version.starts_with("apps/");
        return ours.then(|| Key { namespace, name: owner.name.clone() }).into_iter().collect();
    }
    let matching = deployments.in_namespace(&namespace).into_iter().filter(|deployment| {
        let selector = deployment.spec.as_ref().and_then(|spec| ownership::selector(&spec.selector).ok());
        selector.is_some_and(|selector| ownership::matches(&selector, set))
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
    let Some(deployment) = context.deployments.get(&key) else { return Ok(Next::Wait) };
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
