//! Keeps a task for each source of a kind.

use std::collections::HashSet;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use cowherd_runtime::Key;
use kube::core::error_boundary::InvalidObject;
use tokio::sync::watch;

use super::news::Teller;
use super::task::{broke_off, keep};
use super::{Shared, Source, SourceName};
use crate::NamespacedName;
use crate::metrics::Measures;
use crate::tasks::{self, Tasks, key};

/// Keeps a task for each source of the kind in the cluster, for ever.
pub(crate) async fn run<K: Source>(shared: Shared) {
    let (client, health, metrics) =
        (shared.client.clone(), shared.config.health.clone(), shared.config.metrics.clone());
    Measures::new(&metrics, shared.fetches.total()).begin(K::KIND.0);
    tasks::run(Sources::<K> { shared, kind: PhantomData }, client, health, metrics).await;
}

/// What is done for the sources of a kind.
pub(super) struct Sources<K> {
    shared: Shared,
    kind: PhantomData<fn() -> K>,
}

#[cfg(test)]
impl<K> Sources<K> {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared, kind: PhantomData }
    }
}

impl<K> Clone for Sources<K> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), kind: PhantomData }
    }
}

impl<K: Source> Tasks for Sources<K> {
    type Object = K;
    type Kept = Teller;

    fn begin(&self, name: &NamespacedName) -> Teller {
        let source = SourceName { kind: K::KIND, name: name.clone() };
        let teller = Teller::new(source, self.shared.tell.clone());
        teller.begin();
        teller
    }

    fn keep(
        self,
        name: NamespacedName,
        objects: watch::Receiver<Arc<K>>,
        teller: Teller,
    ) -> impl Future<Output = ()> + Send {
        keep(self.shared, SourceName { kind: K::KIND, name }, objects, teller)
    }

    fn broke_off(self, name: NamespacedName, object: Arc<K>, teller: Teller) -> impl Future<Output = ()> + Send {
        broke_off(self.shared, SourceName { kind: K::KIND, name }, object, teller)
    }

    fn end(&self, teller: Teller) {
        teller.end();
    }

    fn unreadable(&self, invalid: &InvalidObject) {
        self.shared.unreadable(K::KIND, invalid);
    }

    fn seen(&self, object: &Arc<K>) {
        self.shared.describe(&**object);
    }

    fn left(&self, name: &NamespacedName) {
        self.shared.resources.forget::<K>(&key(name));
    }

    fn listed(&self, keys: &HashSet<Key>) {
        self.shared.resources.keep_only::<K>(keys);
    }
}
