//! Keeps a task for each object of a kind.

use std::collections::HashSet;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use cowherd_runtime::Key;
use kube::core::error_boundary::InvalidObject;
use tokio::sync::watch;

use super::kind::Kind;
use super::{Means, task};
use crate::NamespacedName;
use crate::tasks::{self, Tasks};

/// Keeps a task for each object of the kind in the cluster, for ever.
pub(super) async fn run<K: Kind>(means: Means) {
    let config = means.shared.config.clone();
    let client = means.shared.client.clone();
    tasks::run(Keeping::<K> { means, kind: PhantomData }, client, config.health.clone(), config.metrics.clone()).await;
}

/// What is done for the objects of a kind.
struct Keeping<K> {
    means: Means,
    kind: PhantomData<fn() -> K>,
}

impl<K> Clone for Keeping<K> {
    fn clone(&self) -> Self {
        Self { means: self.means.clone(), kind: PhantomData }
    }
}

impl<K: Kind> Tasks for Keeping<K> {
    type Object = K;
    type Kept = ();

    fn begin(&self, _name: &NamespacedName) {}

    fn keep(
        self,
        name: NamespacedName,
        objects: watch::Receiver<Arc<K>>,
        _kept: (),
    ) -> impl Future<Output = ()> + Send {
        task::keep(self.means, name, objects)
    }

    fn broke_off(self, name: NamespacedName, object: Arc<K>, _kept: ()) -> impl Future<Output = ()> + Send {
        task::broke_off(self.means, name, object)
    }

    fn end(&self, _kept: ()) {}

    fn unreadable(&self, invalid: &InvalidObject) {
        let name = NamespacedName::new(
            invalid.metadata.namespace.clone().unwrap_or_default(),
            invalid.metadata.name.clone().unwrap_or_default(),
        );
        K::left(&name, &self.means);
        tracing::warn!(kind = K::NAME, object = %name, error = invalid.error, "an object cannot be read; correct it");
    }

    fn seen(&self, object: &Arc<K>) {
        K::seen(object, &self.means);
    }

    fn left(&self, name: &NamespacedName) {
        K::left(name, &self.means);
    }

    fn listed(&self, keys: &HashSet<Key>) {
        K::listed(&|name| keys.contains(&Key::new(&name.namespace, &name.name)), &self.means);
    }
}
