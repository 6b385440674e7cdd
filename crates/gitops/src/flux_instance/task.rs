//! What is kept of each FluxInstance beside what it owns: that it is made of nothing but what it says itself, and the report on what
//! is reconciled.

use std::sync::Arc;

use cowherd_api::flux::controlplane::v1::FluxInstance;
use kube::Client;
use kube::core::error_boundary::InvalidObject;
use tokio::sync::watch;

use super::{ITSELF, NAME};
use crate::NamespacedName;
use crate::flux_report;
use crate::source::{Artifact, Shared, SourceName, Teller, digest};
use crate::tasks::{self, Tasks};

/// The revision of what a FluxInstance is made of, which is nothing.
pub(super) fn revision() -> String {
    digest(b"")
}

/// Keeps a task for each FluxInstance in the cluster, for ever. What is reported is looked up and written by `client`.
pub(crate) async fn run(shared: Shared, client: Client) {
    let (watching, health, metrics) =
        (shared.client.clone(), shared.config.health.clone(), shared.config.metrics.clone());
    tasks::run(Keeping { shared, client }, watching, health, metrics).await;
}

#[derive(Clone)]
struct Keeping {
    shared: Shared,
    client: Client,
}

impl Tasks for Keeping {
    type Object = FluxInstance;
    type Kept = Teller;

    fn begin(&self, name: &NamespacedName) -> Teller {
        let teller = Teller::new(SourceName { kind: ITSELF, name: name.clone() }, self.shared.tell.clone());
        let revision = revision();
        teller.brought(Arc::new(Artifact { digest: revision.clone(), revision, ..Artifact::nothing() }));
        teller
    }

    async fn keep(self, name: NamespacedName, mut objects: watch::Receiver<Arc<FluxInstance>>, _teller: Teller) {
        let is_ours = |object: &Arc<FluxInstance>| self.shared.config.shard.has(object.metadata.labels.as_ref());
        // Of another name there is none that is acted on, and of another shard somebody else reports.
        if name.name == NAME && objects.wait_for(is_ours).await.is_ok() {
            flux_report::keep(&self.client, &self.shared.config.policy, objects).await;
            return;
        }
        while objects.changed().await.is_ok() {}
    }

    /// What it is made of stays what it is: there is nothing to say.
    async fn broke_off(self, _name: NamespacedName, _object: Arc<FluxInstance>, _teller: Teller) {}

    fn end(&self, teller: Teller) {
        teller.end();
    }

    fn unreadable(&self, invalid: &InvalidObject) {
        self.shared.unreadable(ITSELF, invalid);
    }
}
