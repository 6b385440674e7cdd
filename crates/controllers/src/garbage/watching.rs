//! Watches the metadata of every resource that the API serves, those of new CustomResourceDefinitions included.

use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::ApiResource;
use kube::core::{DynamicObject, PartialObjectMeta};
use kube::discovery::{Discovery, Scope, verbs};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::graph::{Node, Uid};
use super::{Context, Watched};

/// Custom resources come and go in groups: discovery is asked once for all that come together.
const SETTLE: Duration = Duration::from_millis(100);
/// How long to wait after a discovery that failed.
const RETRY: Duration = Duration::from_secs(1);

/// Keeps the graph current, for ever.
pub async fn follow_everything(context: Context) {
    let changed = Arc::new(Notify::new());
    changed.notify_one();
    let definitions = follow_definitions(&context, Arc::clone(&changed));
    let discovery = async {
        let mut watches: HashMap<(String, String), Watch> = HashMap::new();
        loop {
            changed.notified().await;
            tokio::time::sleep(SETTLE).await;
            if let Err(error) = rediscover(&context, &mut watches).await {
                tracing::debug!(%error, "the API's resources could not be discovered");
                tokio::time::sleep(RETRY).await;
                changed.notify_one();
            }
        }
    };
    futures::future::join(definitions, discovery).await;
}

/// A running watch, which ends with this value.
struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn follow_definitions(context: &Context, changed: Arc<Notify>) {
    let api: Api<PartialObjectMeta<CustomResourceDefinition>> = Api::all(context.client.clone());
    let mut events = watcher(api, watcher::Config::default()).default_backoff().boxed();
    loop {
        match events.try_next().await {
            Ok(None) => return,
            Ok(Some(watcher::Event::Init | watcher::Event::InitDone)) | Err(_) => {}
            Ok(Some(_)) => changed.notify_one(),
        }
    }
}

/// Starts watches for new resources and ends those of resources that are gone.
async fn rediscover(context: &Context, watches: &mut HashMap<(String, String), Watch>) -> Result<(), kube::Error> {
    let discovery = Discovery::new(context.client.clone()).run_aggregated().await?;
    let mut served = HashSet::new();
    for group in discovery.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            let all = [verbs::LIST, verbs::WATCH, verbs::DELETE];
            let collectable = all.iter().all(|verb| capabilities.supports_operation(verb));
            // Events own nothing and expire by themselves.
            if !collectable || resource.kind == "Event" {
                continue;
            }
            let kind = (resource.group.clone(), resource.kind.clone());
            served.insert(kind.clone());
            let namespaced = capabilities.scope == Scope::Namespaced;
            if let Entry::Vacant(vacant) = watches.entry(kind.clone()) {
                let watched = Watched { resource: resource.clone(), namespaced };
                context.resources.write().unwrap_or_else(PoisonError::into_inner).insert(kind, watched);
                vacant.insert(Watch(tokio::spawn(follow(context.clone(), resource))));
            }
        }
    }
    watches.retain(|kind, _| served.contains(kind));
    let mut resources = context.resources.write().unwrap_or_else(PoisonError::into_inner);
    let gone: Vec<_> = resources.keys().filter(|kind| !served.contains(*kind)).cloned().collect();
    for kind in gone {
        resources.remove(&kind);
        for uid in context.graph.of_kind(&kind) {
            enqueue(context, context.graph.remove(&uid));
        }
    }
    Ok(())
}

async fn follow(context: Context, resource: ApiResource) {
    let kind = Arc::new((resource.group.clone(), resource.kind.clone()));
    let api: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(context.client.clone(), &resource);
    let mut events = watcher(api, watcher::Config::default()).default_backoff().boxed();
    let mut listed: HashSet<Uid> = HashSet::new();
    loop {
        let event = match events.try_next().await {
            Ok(Some(event)) => event,
            Ok(None) => return,
            Err(_) => continue,
        };
        match event {
            watcher::Event::Init => listed.clear(),
            watcher::Event::InitApply(object) | watcher::Event::Apply(object) => {
                let Some(uid) = object.metadata.uid.as_deref().map(Uid::from) else { continue };
                listed.insert(Arc::clone(&uid));
                enqueue(&context, context.graph.insert(uid, Node::new(&kind, object.meta())));
            }
            watcher::Event::InitDone => {
                for uid in context.graph.of_kind(&kind).difference(&listed) {
                    enqueue(&context, context.graph.remove(uid));
                }
                listed = HashSet::new();
            }
            watcher::Event::Delete(object) => {
                let Some(uid) = object.metadata.uid.as_deref() else { continue };
                enqueue(&context, context.graph.remove(uid));
            }
        }
    }
}

fn enqueue(context: &Context, uids: Vec<Uid>) {
    for uid in uids {
        context.queue.add(uid);
    }
}
