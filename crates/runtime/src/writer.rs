//! Writes to the API that the informer sees at once.

use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::NamespaceResourceScope;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;

use crate::informer::{Informer, Object};
use crate::{Error, Key};

/// Writes objects of one kind with the rights of one controller; the shared informer sees each answer at once.
pub struct Writer<K: Object> {
    client: Client,
    informer: Arc<Informer<K>>,
    api: fn(Client, &str, &K::DynamicType) -> Api<K>,
}

impl<K: Object> Clone for Writer<K> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), informer: Arc::clone(&self.informer), api: self.api }
    }
}

impl<K: Object> Writer<K> {
    /// A writer of objects of the cluster.
    pub fn of_cluster(client: Client, informer: Arc<Informer<K>>) -> Self {
        Self { client, informer, api: |client, _, kind| Api::all_with(client, kind) }
    }

    /// A writer of objects in namespaces.
    pub fn namespaced(client: Client, informer: Arc<Informer<K>>) -> Self
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Self { client, informer, api: |client, namespace, ()| Api::namespaced(client, namespace) }
    }

    /// The informer that sees what is written.
    pub fn informer(&self) -> &Arc<Informer<K>> {
        &self.informer
    }

    /// The API of a namespace. Who writes through it hands the answer to [`Informer::observe`].
    pub fn api(&self, namespace: &str) -> Api<K> {
        (self.api)(self.client.clone(), namespace, self.informer.kind())
    }

    fn seen(&self, written: K) -> Arc<K> {
        self.informer.observe(written.clone()).unwrap_or_else(|| Arc::new(written))
    }
}

impl<K: Object + Serialize> Writer<K> {
    /// Creates an object.
    pub async fn create(&self, object: &K) -> Result<Arc<K>, Error> {
        let namespace = object.namespace().unwrap_or_default();
        Ok(self.seen(self.api(&namespace).create(&PostParams::default(), object).await?))
    }

    /// Patches an object.
    pub async fn patch<P: Serialize + Debug>(
        &self,
        key: &Key,
        params: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<Arc<K>, Error> {
        Ok(self.seen(self.api(&key.namespace).patch(&key.name, params, patch).await?))
    }

    /// Patches an object's status.
    pub async fn patch_status<P: Serialize + Debug>(
        &self,
        key: &Key,
        params: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<Arc<K>, Error> {
        Ok(self.seen(self.api(&key.namespace).patch_status(&key.name, params, patch).await?))
    }

    /// Writes an object's status: all of it, provided that the object has not changed since it was read.
    pub async fn replace_status(&self, object: &K) -> Result<Arc<K>, Error> {
        let api = self.api(&object.namespace().unwrap_or_default());
        Ok(self.seen(api.replace_status(&object.name_any(), &PostParams::default(), object).await?))
    }

    /// Deletes an object, if it is still the one that was read. It may stay for a while, for finalizers or a grace
    /// period.
    pub async fn delete(&self, object: &K, params: DeleteParams) -> Result<(), Error> {
        let preconditions = Preconditions { uid: object.uid(), resource_version: None };
        let api = self.api(&object.namespace().unwrap_or_default());
        match api.delete(&object.name_any(), &params.preconditions(preconditions)).await {
            Ok(answer) => match answer.left() {
                Some(going) if stays(&going) => drop(self.informer.observe(going)),
                _ => self.informer.remove(object),
            },
            // It is gone, or another object has the name by now.
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {
                self.informer.remove(object);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// Whether an object that was deleted waits for a node or a finalizer.
fn stays<K: ResourceExt>(object: &K) -> bool {
    let metadata = object.meta();
    metadata.deletion_timestamp.is_some()
        && (metadata.deletion_grace_period_seconds.is_some_and(|seconds| seconds > 0)
            || !object.finalizers().is_empty())
}
