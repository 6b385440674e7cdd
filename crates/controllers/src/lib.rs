//! Kubernetes' own loops: namespaces, garbage collection, aggregated roles, Deployment to ReplicaSet to Pod.
//!
//! Each loop watches the API through a `kube::Client`, compares what should be with what is, and writes the
//! difference back to the API. None calls another: they meet in the objects alone. [`run`] starts them all.

mod cache;
mod conditions;
mod deployment;
mod events;
mod garbage;
mod namespace;
mod ownership;
mod queue;
mod replicaset;
mod role_aggregation;
mod scheduling;
mod service_accounts;

use std::future::Future;

use kube::Client;
use tokio::task::JoinSet;

/// The errors of a single reconciliation. It is logged and tried again later.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The API refused a request or could not be reached.
    #[error(transparent)]
    Api(#[from] kube::Error),
    /// The object lacks what the API guarantees, such as a name or uid.
    #[error("the object has no {0}")]
    Incomplete(&'static str),
    /// The object's content cannot be worked with, such as a selector that is none.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// Whether the object is gone, which ends the work on it.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Api(kube::Error::Api(status)) if status.code == 404)
    }

    /// Whether the object changed meanwhile: the next event brings its new state.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Api(kube::Error::Api(status)) if status.code == 409)
    }
}

/// The kinds that the controllers act upon, as group and kind.
pub const ACTED_UPON: &[(&str, &str)] =
    &[("", "Namespace"), ("", "Pod"), ("", "ServiceAccount"), ("apps", "Deployment"), ("apps", "ReplicaSet")];

/// Runs all controllers until `shutdown` completes.
pub async fn run(client: Client, shutdown: impl Future<Output = ()>) {
    let mut loops = JoinSet::new();
    loops.spawn(namespace::run(client.clone()));
    loops.spawn(service_accounts::run(client.clone()));
    loops.spawn(garbage::run(client.clone()));
    loops.spawn(deployment::run(client.clone()));
    loops.spawn(replicaset::run(client.clone()));
    loops.spawn(role_aggregation::run(client.clone()));
    loops.spawn(scheduling::run(client));
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            ended = loops.join_next() => match ended {
                Some(Err(error)) => tracing::error!(%error, "a controller stopped"),
                Some(Ok(())) => {}
                None => return,
            },
        }
    }
}
