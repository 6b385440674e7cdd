//! Tells when the objects change that say how other clusters are reached: with new credentials it is tried at once, and with none
//! any more nobody goes on.

use std::collections::{BTreeSet, HashMap};
use std::pin::pin;
use std::sync::{Arc, Mutex};

use cowherd_runtime::watching;
use futures::StreamExt;
use kube::api::{ApiResource, DynamicObject};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::lock;
use crate::owner::{KubeConfig, KubeConfigSource, OwnerName};

/// Is told of whom the way to another cluster changed. It never waits.
pub(crate) type TellChange = Arc<dyn Fn(BTreeSet<OwnerName>) + Send + Sync>;

/// Watches the objects that say how other clusters are reached, one by one: of all others in the cluster nothing is held.
pub(super) struct Changes {
    client: Client,
    tell: TellChange,
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    objects: HashMap<Object, Watch>,
    of: HashMap<OwnerName, Object>,
}

/// An object, whichever of its keys somebody means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Object {
    kind: &'static str,
    plural: &'static str,
    namespace: String,
    name: String,
}

struct Watch {
    interest: Arc<Mutex<Interest>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Interest {
    owners: BTreeSet<OwnerName>,
    /// The version that was read last; nothing where there was no object.
    version: Option<String>,
    /// When they are told although nothing changed.
    until: Option<Instant>,
    /// Wakes who waits for that when it is another time.
    is_other: Arc<Notify>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Object {
    fn of(said: &KubeConfig) -> Option<Self> {
        let (kind, plural, name) = match &said.from {
            KubeConfigSource::Secret { name, .. } => ("Secret", "secrets", name),
            KubeConfigSource::ConfigMap { name } => ("ConfigMap", "configmaps", name),
            KubeConfigSource::Nothing => return None,
        };
        Some(Self { kind, plural, namespace: said.namespace.clone(), name: name.clone() })
    }
}

impl Changes {
    pub(super) fn new(client: Client, tell: TellChange) -> Self {
        Self { client, tell, watched: Mutex::default() }
    }

    /// The owner is told of when the object is another one than that of this version, and at that time.
    pub(super) fn follow(&self, name: &OwnerName, said: &KubeConfig, version: Option<String>, until: Option<Instant>) {
        let Some(object) = Object::of(said) else { return self.forget(name) };
        let mut watched = lock(&self.watched);
        if watched.of.get(name) != Some(&object) {
            watched.forget(name);
            watched.of.insert(name.clone(), object.clone());
        }
        let watch = watched.objects.entry(object.clone()).or_insert_with(|| {
            let interest = Arc::new(Mutex::new(Interest { version: version.clone(), ..Interest::default() }));
            let task = tokio::spawn(watch(self.client.clone(), object, interest.clone(), self.tell.clone()));
            Watch { interest, task }
        });
        let mut interest = lock(&watch.interest);
        interest.owners.insert(name.clone());
        interest.version = version;
        if interest.until != until {
            interest.until = until;
            interest.is_other.notify_one();
        }
    }

    /// The owner names none of them any more.
    pub(super) fn forget(&self, name: &OwnerName) {
        lock(&self.watched).forget(name);
    }
}

impl Watched {
    fn forget(&mut self, name: &OwnerName) {
        let Some(object) = self.of.remove(name) else { return };
        let Some(watch) = self.objects.get(&object) else { return };
        let mut interest = lock(&watch.interest);
        interest.owners.remove(name);
        let is_last = interest.owners.is_empty();
        drop(interest);
        if is_last {
            self.objects.remove(&object);
        }
    }
}

async fn watch(client: Client, object: Object, interest: Arc<Mutex<Interest>>, tell: TellChange) {
    let resource = ApiResource {
        group: String::new(),
        version: "v1".to_owned(),
        api_version: "v1".to_owned(),
        kind: object.kind.to_owned(),
        plural: object.plural.to_owned(),
    };
    let api: Api<PartialObjectMeta<DynamicObject>> = Api::namespaced_with(client, &object.namespace, &resource);
    let only = watcher::Config::default().fields(&format!("metadata.name={}", object.name));
    let mut events = pin!(watching(api, only, None));
    let see = |version: Option<String>| {
        let mut interest = lock(&interest);
        if interest.version != version {
            interest.version = version;
            tell(interest.owners.clone());
        }
    };
    let is_other = lock(&interest).is_other.clone();
    let mut listed = None;
    loop {
        let until = lock(&interest).until;
        let event = tokio::select! {
            event = events.next() => event,
            () = is_over(until) => {
                let mut interest = lock(&interest);
                interest.until = None;
                tell(interest.owners.clone());
                continue;
            }
            () = is_other.notified() => continue,
        };
        let Some(event) = event else { return };
        match event {
            Ok(Event::Init) => listed = None,
            Ok(Event::InitApply(found)) => listed = found.metadata.resource_version,
            Ok(Event::InitDone) => see(listed.take()),
            Ok(Event::Apply(found)) => see(found.metadata.resource_version),
            Ok(Event::Delete(_)) => see(None),
            Err(error) => {
                tracing::debug!(?object, %error, "the watch of what says how a cluster is reached was interrupted")
            }
        }
    }
}

/// Completes at the time, if there is one.
async fn is_over(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}
