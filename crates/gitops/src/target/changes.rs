//! Tells when the objects change that say how other clusters are reached: with new credentials it is tried at once, and with none
//! any more nobody goes on.

use std::collections::{BTreeSet, HashMap};
use std::pin::pin;
use std::sync::{Arc, Mutex};

use cowherd_runtime::{Health, Metrics, Pulse, interruption, supervise, watching};
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
    health: Health,
    metrics: Metrics,
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
    pub(super) fn new(client: Client, tell: TellChange, health: &Health, metrics: &Metrics) -> Self {
        Self { client, tell, health: health.clone(), metrics: metrics.clone(), watched: Mutex::default() }
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
            let task = tokio::spawn(keep_watching(
                self.client.clone(),
                object,
                interest.clone(),
                self.tell.clone(),
                (self.health.clone(), self.metrics.clone()),
            ));
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

/// What the watches are called where it is counted how often they were started again: all alike, since anybody can make any number
/// of them.
const NAME: &str = "watch of what says how a cluster is reached";

/// Watches an object for ever, whatever ends a watch.
async fn keep_watching(
    client: Client,
    object: Object,
    interest: Arc<Mutex<Interest>>,
    tell: TellChange,
    (health, metrics): (Health, Metrics),
) {
    let start = || async {
        let pulse = health.register(format!("{NAME}: {} {}/{}", object.kind, object.namespace, object.name));
        watch(client.clone(), &object, &interest, &tell, &pulse).await;
    };
    supervise(NAME, &health, &metrics, start).await;
}

async fn watch(client: Client, object: &Object, interest: &Mutex<Interest>, tell: &TellChange, pulse: &Pulse) {
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
        let mut interest = lock(interest);
        if interest.version != version {
            tell(interest.owners.clone());
            interest.version = version;
        }
    };
    let is_other = lock(interest).is_other.clone();
    let mut listed = None;
    loop {
        let until = lock(interest).until;
        let event = tokio::select! {
            event = events.next() => event,
            () = is_over(until) => {
                let mut interest = lock(interest);
                tell(interest.owners.clone());
                interest.until = None;
                continue;
            }
            () = is_other.notified() => continue,
        };
        let Some(event) = event else { return };
        match &event {
            Ok(_) => pulse.well(),
            Err(error) => pulse.unwell(interruption(error)),
        }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use kube::client::Body;
    use serde_json::json;
    use tokio::sync::mpsc;

    use super::*;
    use crate::kustomization;

    /// An API with one Secret, whose watches tell nothing.
    fn client() -> Client {
        let service = tower::service_fn(|request: http::Request<Body>| async move {
            if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
                std::future::pending::<()>().await;
            }
            let secret = json!({ "metadata": { "name": "s", "namespace": "team", "resourceVersion": "5" } });
            let list = json!({ "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                "metadata": { "resourceVersion": "5" }, "items": [secret] });
            Ok::<_, std::convert::Infallible>(http::Response::new(Body::from(list.to_string().into_bytes())))
        });
        Client::new(service, "default")
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_panics_is_started_again_and_counted_and_nothing_that_changed_goes_untold() {
        let (health, metrics, calls) = (Health::default(), Metrics::default(), Arc::new(AtomicU32::new(0)));
        let (sender, mut told) = mpsc::unbounded_channel();
        let tell: TellChange = Arc::new(move |owners| {
            assert!(calls.fetch_add(1, Ordering::SeqCst) > 0, "a bug in who is told");
            drop(sender.send(owners));
        });
        let changes = Changes::new(client(), tell, &health, &metrics);
        let from = KubeConfigSource::Secret { name: "s".to_owned(), key: None };
        let said = KubeConfig { namespace: "team".to_owned(), from };
        let name = OwnerName::new(&kustomization::KIND, "team", "apps");
        changes.follow(&name, &said, Some("1".to_owned()), None);
        let owners = tokio::time::timeout(Duration::from_secs(60), told.recv()).await.unwrap().unwrap();
        assert_eq!(owners, BTreeSet::from([name.clone()]));
        let counted = format!("cowherd_loop_restarts_total{{name=\"{NAME}\"}} 1");
        assert!(metrics.text().contains(&counted), "{}", metrics.text());
        assert_eq!(health.problems()[0].name, NAME);
        changes.forget(&name);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(health.loops_by_name().is_empty(), "{:?}", health.loops_by_name());
    }
}
