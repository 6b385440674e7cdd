//! Watches the metadata of every resource that the API serves, those of new CustomResourceDefinitions included.

use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::Arc;
use std::time::Duration;

use cowherd_runtime::{Key, Pulse, Runtime, Sink, events, follow, supervise};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::ApiResource;
use kube::core::{DynamicObject, PartialObjectMeta};
use kube::discovery::{Discovery, Scope, verbs};
use kube::runtime::watcher;
use kube::{Api, Resource};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::graph::{Changes, Kind, Node};
use super::resources::Served;
use super::uid::Uid;
use super::{Context, reference};

/// Custom resources come and go in groups: discovery is asked once for all that come together.
const SETTLE: Duration = Duration::from_millis(100);
/// How long to wait after a discovery that failed.
const RETRY: Duration = Duration::from_secs(1);

/// Keeps the graph current, for ever.
pub async fn follow_everything(runtime: &Runtime, context: Context) {
    let changed = Arc::new(Notify::new());
    changed.notify_one();
    let pulse = runtime.health().register("garbage collector's watch of customresourcedefinitions");
    let definitions = follow_definitions(&context, Definitions(Arc::clone(&changed)), &pulse);
    let discovery = async {
        let pulse = runtime.health().register("garbage collector's discovery");
        let mut watches: HashMap<Kind, Watch> = HashMap::new();
        loop {
            changed.notified().await;
            tokio::time::sleep(SETTLE).await;
            match rediscover(runtime, &context, &mut watches).await {
                Ok(()) => pulse.well(),
                Err(error) => {
                    tracing::debug!(%error, "the API's resources could not be discovered");
                    pulse.unwell("the API's resources could not be discovered");
                    tokio::time::sleep(RETRY).await;
                    changed.notify_one();
                }
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

async fn follow_definitions(context: &Context, definitions: Definitions, pulse: &Pulse) {
    let api: Api<PartialObjectMeta<CustomResourceDefinition>> = Api::all(context.client.clone());
    follow(api, watcher::Config::default(), &definitions, pulse).await;
}

/// Asks for a discovery whenever a definition comes, changes or goes.
struct Definitions(Arc<Notify>);

impl Sink<PartialObjectMeta<CustomResourceDefinition>> for Definitions {
    fn applied(&self, _: PartialObjectMeta<CustomResourceDefinition>) {
        self.0.notify_one();
    }

    fn deleted(&self, _: PartialObjectMeta<CustomResourceDefinition>) {
        self.0.notify_one();
    }

    fn listed(&self, _: &HashSet<Key>) {
        self.0.notify_one();
    }
}

/// Starts watches for new resources and ends those of resources that are gone.
async fn rediscover(
    runtime: &Runtime,
    context: &Context,
    watches: &mut HashMap<Kind, Watch>,
) -> Result<(), kube::Error> {
    let discovery = Discovery::new(context.client.clone()).run_aggregated().await?;
    let (mut served, mut collectable) = (HashMap::new(), HashMap::new());
    for group in discovery.groups() {
        for version in group.versions() {
            for (resource, capabilities) in group.versioned_resources(version) {
                let namespaced = capabilities.scope == Scope::Namespaced;
                let kind = (resource.api_version.clone(), resource.kind.clone());
                served.insert(kind, Served { resource, namespaced });
            }
        }
        for (resource, capabilities) in group.recommended_resources() {
            let all = [verbs::LIST, verbs::WATCH, verbs::DELETE];
            // Events own nothing and expire by themselves.
            if all.iter().all(|verb| capabilities.supports_operation(verb)) && resource.kind != "Event" {
                let kind = Kind { api_version: resource.api_version.clone(), kind: resource.kind.clone() };
                collectable.insert(kind, resource);
            }
        }
    }
    for (kind, resource) in &collectable {
        if let Entry::Vacant(vacant) = watches.entry(kind.clone()) {
            context.resources.watched(&kind.api_version, &kind.kind);
            let following = follow_kind(runtime.clone(), context.clone(), kind.clone(), resource.clone());
            vacant.insert(Watch(tokio::spawn(following)));
        }
    }
    context.resources.replace(served);
    watches.retain(|kind, _| {
        let is_served = collectable.contains_key(kind);
        if !is_served {
            context.resources.listed(&kind.api_version, &kind.kind);
            for uid in context.graph.others_of_kind(kind, &HashSet::new()) {
                tell(context, context.graph.remove(&uid));
            }
        }
        is_served
    });
    Ok(())
}

async fn follow_kind(runtime: Runtime, context: Context, kind: Kind, resource: ApiResource) {
    let name = format!("garbage collector's watch of {}", resource.plural);
    let objects = Objects { context, kind: Arc::new(kind) };
    let start = || async {
        let pulse = runtime.health().register(&name);
        let api = Api::all_with(objects.context.client.clone(), &resource);
        follow(api, watcher::Config::default(), &objects, &pulse).await;
    };
    supervise(&name, runtime.health(), runtime.metrics(), start).await;
}

/// The objects of one kind.
struct Objects {
    context: Context,
    kind: Arc<Kind>,
}

impl Sink<PartialObjectMeta<DynamicObject>> for Objects {
    fn applied(&self, object: PartialObjectMeta<DynamicObject>) {
        let Some(uid) = object.metadata.uid.as_deref().map(Uid::from) else { return };
        tell(&self.context, self.context.graph.insert(uid, Node::new(&self.kind, object.meta())));
    }

    fn deleted(&self, object: PartialObjectMeta<DynamicObject>) {
        let Some(uid) = object.metadata.uid.as_deref().map(Uid::from) else { return };
        tell(&self.context, self.context.graph.remove(&uid));
    }

    fn listed(&self, keys: &HashSet<Key>) {
        for uid in self.context.graph.others_of_kind(&self.kind, keys) {
            tell(&self.context, self.context.graph.remove(&uid));
        }
        self.context.resources.listed(&self.kind.api_version, &self.kind.kind);
    }
}

/// Looks at the objects that are concerned, and tells people of references that lead nowhere.
fn tell(context: &Context, changes: Changes) {
    for uid in changes.concerned {
        context.queue.add(uid);
    }
    for (uid, node, owner) in changes.misplaced {
        let message = format!(
            "ownerRef [{}/{}, namespace: {}, name: {}, uid: {}] does not exist in namespace {:?}",
            owner.api_version, owner.kind, node.namespace, owner.name, owner.uid, node.namespace
        );
        let about = reference(&uid, &node);
        context.events.about(about, events::Type::Warning, "OwnerRefInvalidNamespace", &message);
    }
}
