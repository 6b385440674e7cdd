//! The Flux Operator's ResourceSetInputProviders: inputs of ResourceSets that come from elsewhere.
//!
//! A [`task`] for each looks what there is when that is due, and writes it into the status ([`report`]), of which it comes to the
//! ResourceSets that name it.

mod credentials;
mod export;
mod filter;
mod found;
mod hosts;
mod listed;
#[cfg(test)]
mod recorded_tests;
mod registry;
mod report;
mod task;

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;

use cowherd_api::flux::controlplane::v1::ResourceSetInputProvider;
use cowherd_runtime::Key;
use cowherd_source::Caller;
use kube::core::error_boundary::InvalidObject;
use tokio::sync::watch;

pub(crate) use export::given;

use crate::NamespacedName;
use crate::resource_set::Providers;
use crate::source::{Shared, SourceKind};
use crate::tasks::{self, Tasks, key};

/// The kind, among those that bring content.
pub(crate) const PROVIDER: SourceKind = SourceKind("ResourceSetInputProvider");

/// Keeps a task for each ResourceSetInputProvider in the cluster, for ever.
pub(crate) async fn run(shared: Shared, providers: Providers) {
    let (client, health, metrics) =
        (shared.client.clone(), shared.config.health.clone(), shared.config.metrics.clone());
    tasks::run(Keeping { shared, providers, caller: Caller::default() }, client, health, metrics).await;
}

/// What is done for ResourceSetInputProviders.
#[derive(Clone)]
struct Keeping {
    shared: Shared,
    /// Has what all of them give.
    providers: Providers,
    caller: Caller,
}

impl Tasks for Keeping {
    type Object = ResourceSetInputProvider;
    type Kept = ();

    fn begin(&self, _name: &NamespacedName) {}

    fn keep(
        self,
        name: NamespacedName,
        objects: watch::Receiver<Arc<ResourceSetInputProvider>>,
        _kept: (),
    ) -> impl Future<Output = ()> + Send {
        task::keep((self.shared, self.caller), name, objects)
    }

    fn broke_off(
        self,
        name: NamespacedName,
        object: Arc<ResourceSetInputProvider>,
        _kept: (),
    ) -> impl Future<Output = ()> + Send {
        task::broke_off(self.shared, name, object)
    }

    fn end(&self, _kept: ()) {}

    fn unreadable(&self, invalid: &InvalidObject) {
        self.providers.see_unreadable(&invalid.metadata, &invalid.error);
        self.shared.unreadable(PROVIDER, invalid);
    }

    fn seen(&self, object: &Arc<ResourceSetInputProvider>) {
        self.providers.see(object);
        self.shared.describe(&**object);
    }

    fn left(&self, name: &NamespacedName) {
        self.providers.leave(name);
        self.shared.resources.forget::<ResourceSetInputProvider>(&key(name));
    }

    fn listed(&self, keys: &HashSet<Key>) {
        self.providers.list(keys);
        self.shared.resources.keep_only::<ResourceSetInputProvider>(keys);
    }
}
