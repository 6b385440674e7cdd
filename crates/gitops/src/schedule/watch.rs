//! Turns what is watched into signals.

use std::collections::HashSet;
use std::marker::PhantomData;

use cowherd_apply::RELIST;
use cowherd_runtime::{Health, Key, Metrics, Resources, Shard, Sink, follow_and_relist, supervise};
use kube::core::error_boundary::DeserializeGuard;
use kube::runtime::watcher;
use kube::{Api, Client};
use tokio::sync::mpsc;

use super::Signal;
use crate::owner::{OwnerName, Owning};

/// Tells of all owners of a kind in the shard, for ever.
pub(crate) async fn owners<K: Owning>(
    client: Client,
    shard: Shard,
    health: Health,
    metrics: Metrics,
    signals: mpsc::UnboundedSender<Signal>,
) {
    let name = format!("watch of {}.{}", K::KIND.plural, K::KIND.group);
    let sightings = Sightings::<K> { signals, resources: metrics.resources(), kind: PhantomData };
    let start = || async {
        let pulse = health.register(&name);
        let api: Api<DeserializeGuard<K>> = Api::all(client.clone());
        let of_shard = watcher::Config::default().labels(&shard.to_string());
        follow_and_relist(api, of_shard, Some(RELIST), &sightings, &pulse).await;
    };
    supervise(&name, &health, &metrics, start).await;
}

/// Signals what a watch brings.
struct Sightings<K> {
    signals: mpsc::UnboundedSender<Signal>,
    /// What metrics tell of the owners.
    resources: Resources,
    kind: PhantomData<fn(K)>,
}

impl<K: Owning> Sightings<K> {
    /// Nobody listens any more only where the agents end.
    fn signal(&self, signal: Signal) {
        let _ = self.signals.send(signal);
    }
}

impl<K: Owning> Sink<DeserializeGuard<K>> for Sightings<K> {
    fn applied(&self, DeserializeGuard(object): DeserializeGuard<K>) {
        match object {
            Ok(object) => {
                self.resources.tell(&object, object.described());
                self.signal(Signal::Seen(Box::new(object)));
            }
            Err(invalid) => {
                let (kind, name) = (K::KIND.kind, invalid.metadata.name);
                tracing::warn!(kind, name, error = invalid.error, "an owner cannot be read");
            }
        }
    }

    fn deleted(&self, object: DeserializeGuard<K>) {
        let key = Key::of(&object);
        self.resources.forget::<K>(&key);
        self.signal(Signal::Gone(name::<K>(&key)));
    }

    fn listed(&self, keys: &HashSet<Key>) {
        self.resources.keep_only::<K>(keys);
        self.signal(Signal::Listed(K::KIND, keys.iter().map(name::<K>).collect()));
    }
}

fn name<K: Owning>(key: &Key) -> OwnerName {
    OwnerName::new(K::KIND, &key.namespace, &key.name)
}
