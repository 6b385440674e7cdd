//! ArtifactGenerators: artifacts made of parts of sources, each an ExternalArtifact.
//!
//! A [`task`] for each generator follows its sources ([`sources`]), has the artifacts made of what they bring ([`making`]), which
//! are trees of trees, and writes the ExternalArtifacts ([`objects`]). What was made is on the shelf of sources under [`MADE`]: the
//! task of the ExternalArtifact brings it to whoever uses it, and only where it is another one than before.

mod cycle;
mod error;
mod making;
mod objects;
mod offline;
mod report;
mod sources;
mod spec;
mod task;

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;

use cowherd_api::flux::source_extensions::v1beta1::ArtifactGenerator;
use cowherd_runtime::Key;
use kube::core::error_boundary::InvalidObject;
use tokio::sync::watch;

use crate::NamespacedName;
use crate::source::{Shared, SourceKind};
use crate::tasks::{self, Tasks, key};

pub(crate) use cycle::Generators;
pub use offline::{Generated, Generator, GeneratorSource};

/// The kind, among those that bring content.
pub(crate) const GENERATOR: SourceKind = SourceKind(GENERATOR_KIND);
/// What a generator made, by the name of the ExternalArtifact.
pub(crate) const MADE: SourceKind = SourceKind("ExternalArtifact of an ArtifactGenerator");
/// The group of generators.
pub(crate) const GENERATOR_GROUP: &str = "source.extensions.fluxcd.io";
/// Their kind.
pub(crate) const GENERATOR_KIND: &str = "ArtifactGenerator";

/// Keeps a task for each ArtifactGenerator in the cluster, for ever.
pub(crate) async fn run(shared: Shared) {
    let (client, health, metrics) =
        (shared.client.clone(), shared.config.health.clone(), shared.config.metrics.clone());
    tasks::run(Keeping(shared), client, health, metrics).await;
}

/// What is done for ArtifactGenerators.
#[derive(Clone)]
struct Keeping(Shared);

impl Tasks for Keeping {
    type Object = ArtifactGenerator;
    type Kept = NamespacedName;

    fn begin(&self, name: &NamespacedName) -> NamespacedName {
        name.clone()
    }

    fn keep(
        self,
        name: NamespacedName,
        objects: watch::Receiver<Arc<ArtifactGenerator>>,
        _kept: NamespacedName,
    ) -> impl Future<Output = ()> + Send {
        task::keep(self.0, name, objects)
    }

    fn broke_off(
        self,
        name: NamespacedName,
        object: Arc<ArtifactGenerator>,
        _kept: NamespacedName,
    ) -> impl Future<Output = ()> + Send {
        task::broke_off(self.0, name, object)
    }

    fn end(&self, name: NamespacedName) {
        self.0.generators.forget(&name);
    }

    fn unreadable(&self, invalid: &InvalidObject) {
        self.0.unreadable(GENERATOR, invalid);
    }

    fn seen(&self, object: &Arc<ArtifactGenerator>) {
        self.0.describe(&**object);
    }

    fn left(&self, name: &NamespacedName) {
        self.0.resources.forget::<ArtifactGenerator>(&key(name));
    }

    fn listed(&self, keys: &HashSet<Key>) {
        self.0.resources.keep_only::<ArtifactGenerator>(keys);
    }
}
