//! Kubernetes' own loops: namespaces, garbage collection, aggregated roles, Deployment to ReplicaSet to Pod, disruption
//! budgets.
//!
//! Each loop watches the API through a `kube::Client`, compares what should be with what is, and writes the
//! difference back to the API. None calls another: they meet in the objects alone. [`run`] starts them all.

#[cfg(test)]
mod broken_off_tests;
mod deployment;
mod disruption;
mod garbage;
mod namespace;
mod pods;
mod replicaset;
mod role_aggregation;
mod scheduling;
mod selection;
mod service_accounts;
mod ttl_after_finished;

use std::future::Future;

pub use cowherd_runtime::{Clients, Health, Identity, Metrics, Runtime};

pub use selection::{Selection, SelectionError};

use cowherd_runtime::supervise;
use futures::future::BoxFuture;
use tokio::task::JoinSet;

/// A controller by the name under which it is known to people: in health, metrics and logs.
type Start = (&'static str, fn(Runtime) -> BoxFuture<'static, ()>);

const ALL: [Start; 9] = [
    ("namespace", |runtime| Box::pin(namespace::run(runtime))),
    ("serviceaccount", |runtime| Box::pin(service_accounts::run(runtime))),
    ("garbage-collector", |runtime| Box::pin(garbage::run(runtime))),
    ("deployment", |runtime| Box::pin(deployment::run(runtime))),
    ("replicaset", |runtime| Box::pin(replicaset::run(runtime))),
    ("disruption", |runtime| Box::pin(disruption::run(runtime))),
    ("clusterrole-aggregation", |runtime| Box::pin(role_aggregation::run(runtime))),
    ("ttl-after-finished", |runtime| Box::pin(ttl_after_finished::run(runtime))),
    ("scheduling", |runtime| Box::pin(scheduling::run(runtime))),
];

/// The kinds that the controllers act upon, as group and kind.
pub const ACTED_UPON: &[(&str, &str)] = &[
    ("", "Namespace"),
    ("", "Pod"),
    ("", "ServiceAccount"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("policy", "PodDisruptionBudget"),
];

/// Runs the controllers of the selection until `shutdown` completes. Each reaches the API as the service account of its name;
/// health and metrics are those of the runtime.
pub async fn run(runtime: Runtime, selection: Selection, shutdown: impl Future<Output = ()>) {
    let mut loops = JoinSet::new();
    for (name, start) in ALL.into_iter().filter(|(name, _)| selection.takes(name)) {
        let runtime = runtime.clone();
        loops.spawn(async move {
            let start = || start(runtime.clone());
            supervise(name, runtime.health(), runtime.metrics(), start).await;
        });
    }
    shutdown.await;
}
