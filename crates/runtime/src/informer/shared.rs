//! The informers of one control plane: one for each kind and selector, however many readers it has.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use kube::runtime::watcher;
use kube::{Api, Client};

use super::{Informer, Object, follow};
use crate::{Health, Metrics, supervise};

/// By type of object, name of the resource, and label selector.
type Scope = (TypeId, String, String);

#[derive(Default)]
pub(crate) struct Informers {
    /// An informer ends with its last reader.
    shared: Mutex<HashMap<Scope, Weak<dyn Any + Send + Sync>>>,
}

impl Informers {
    /// The informer of the objects of a kind that a watch by this configuration shows.
    pub(crate) fn get<K: Object>(
        &self,
        client: &Client,
        health: &Health,
        metrics: &Metrics,
        kind: &K::DynamicType,
        config: watcher::Config,
    ) -> Arc<Informer<K>> {
        let resource = resource_name::<K>(kind);
        let scope = (TypeId::of::<K>(), resource.clone(), config.label_selector.clone().unwrap_or_default());
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shared.get(&scope).and_then(Weak::upgrade)
            && let Ok(known) = known.downcast::<Informer<K>>()
        {
            return known;
        }
        let informer = Informer::new(kind.clone());
        let api: Api<K> = Api::all_with(client.clone(), kind);
        let (weak, health, metrics) = (Arc::downgrade(&informer), health.clone(), metrics.clone());
        let task = tokio::spawn(async move {
            let name = format!("watch of {resource}");
            let start = || {
                let (api, config, weak) = (api.clone(), config.clone(), weak.clone());
                let pulse = health.register(&name);
                async move { follow(api, config, &weak, &pulse).await }
            };
            supervise(&name, &health, &metrics, start).await;
        });
        informer.watched_by(task.abort_handle());
        let any: Arc<dyn Any + Send + Sync> = informer.clone();
        shared.retain(|_, known| known.strong_count() > 0);
        shared.insert(scope, Arc::downgrade(&any));
        informer
    }
}

/// `deployments.apps`, or `pods` for those of the core group.
fn resource_name<K: Object>(kind: &K::DynamicType) -> String {
    let (plural, group) = (K::plural(kind), K::group(kind));
    if group.is_empty() { plural.into_owned() } else { format!("{plural}.{group}") }
}
