//! Watches the metadata of every resource that the API serves, those of new CustomResourceDefinitions included.

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cowherd_runtime::{Key, Runtime, Sink, events, follow, supervise};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::ApiResource;
use kube::core::{DynamicObject, PartialObjectMeta};
use kube::{Api, Resource, ResourceExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::discovery::Found;
use super::graph::{Changes, Kind, Node};
use super::uid::Uid;
use super::{Context, discovery, reference};

/// How many groups are asked for one by one; to ask for everything is less work than for more of them.
const MOST: usize = 16;
/// Custom resources come and go in groups: discovery is asked once for all that come together.
const SETTLE: Duration = Duration::from_millis(100);
/// How long to wait after a discovery that failed.
const RETRY: Duration = Duration::from_secs(1);

/// Keeps the graph current, for ever.
pub async fn follow_everything(runtime: &Runtime, context: Context) {
    let changed = Changed::default();
    changed.everything();
    let pulse = runtime.health().register("garbage collector's watch of customresourcedefinitions");
    let api: Api<PartialObjectMeta<CustomResourceDefinition>> = Api::all(context.client.clone());
    let definitions = follow(api, runtime.watches(), &changed, &pulse);
    let discovery = async {
        let pulse = runtime.health().register("garbage collector's discovery");
        let mut watches: HashMap<Kind, Watch> = HashMap::new();
        loop {
            let scope = changed.next().await;
            match rediscover(runtime, &context, &scope, &mut watches).await {
                Ok(()) => pulse.well(),
                Err(error) => {
                    tracing::debug!(%error, "the API's resources could not be discovered");
                    pulse.unwell("the API's resources could not be discovered");
                    tokio::time::sleep(RETRY).await;
                    changed.again(scope);
                }
            }
        }
    };
    futures::future::join(definitions, discovery).await;
}

/// What is to be discovered.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope {
    Everything,
    /// These groups, whose definitions have changed.
    Groups(BTreeSet<String>),
}

/// What has changed of the API since it was discovered.
#[derive(Default)]
struct Changed {
    /// Nothing where nothing has.
    scope: Mutex<Option<Scope>>,
    notify: Notify,
}

impl Changed {
    fn everything(&self) {
        self.again(Scope::Everything);
    }

    /// A definition has come, changed or gone.
    fn definition(&self, name: &str) {
        // It is called by its plural and its group.
        if let Some((_, group)) = name.split_once('.') {
            self.again(Scope::Groups(BTreeSet::from([group.to_owned()])));
        }
    }

    /// All of this is to be discovered, besides what is already.
    fn again(&self, scope: Scope) {
        {
            let mut known = self.scope.lock().unwrap_or_else(PoisonError::into_inner);
            *known = Some(match (known.take(), scope) {
                (Some(Scope::Groups(mut known)), Scope::Groups(more)) => {
                    known.extend(more);
                    if known.len() > MOST { Scope::Everything } else { Scope::Groups(known) }
                }
                (None, scope) => scope,
                _ => Scope::Everything,
            });
        }
        self.notify.notify_one();
    }

    /// What is to be discovered next, when there is something.
    async fn next(&self) -> Scope {
        loop {
            self.notify.notified().await;
            tokio::time::sleep(SETTLE).await;
            if let Some(scope) = self.scope.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return scope;
            }
        }
    }
}

/// A running watch, which ends with this value.
struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Sink<PartialObjectMeta<CustomResourceDefinition>> for Changed {
    fn applied(&self, definition: PartialObjectMeta<CustomResourceDefinition>) {
        self.definition(&definition.name_any());
    }

    fn deleted(&self, definition: PartialObjectMeta<CustomResourceDefinition>) {
        self.definition(&definition.name_any());
    }

    /// Some may have gone unseen.
    fn listed(&self, _: &HashSet<Key>) {
        self.everything();
    }
}

/// Starts watches for new resources and ends those of resources that are gone.
async fn rediscover(
    runtime: &Runtime,
    context: &Context,
    scope: &Scope,
    watches: &mut HashMap<Kind, Watch>,
) -> Result<(), kube::Error> {
    match scope {
        Scope::Everything => {
            let Found { served, collectable } = discovery::everything(&context.client).await?;
            watch_new(runtime, context, &collectable, watches);
            context.resources.replace(served);
            end_gone(context, &collectable, watches, |_| true);
        }
        Scope::Groups(groups) => {
            for group in groups {
                let Found { served, collectable } = discovery::of_group(&context.client, group).await?;
                watch_new(runtime, context, &collectable, watches);
                context.resources.replace_group(group, served);
                end_gone(context, &collectable, watches, |kind| Kind::group(&kind.api_version) == group);
            }
        }
    }
    Ok(())
}

fn watch_new(
    runtime: &Runtime,
    context: &Context,
    collectable: &HashMap<Kind, ApiResource>,
    watches: &mut HashMap<Kind, Watch>,
) {
    for (kind, resource) in collectable {
        if let Entry::Vacant(vacant) = watches.entry(kind.clone()) {
            context.resources.watched(&kind.api_version, &kind.kind);
            let following = follow_kind(runtime.clone(), context.clone(), kind.clone(), resource.clone());
            vacant.insert(Watch(tokio::spawn(following)));
        }
    }
}

/// Ends the watches of kinds of this scope that are not served any more.
fn end_gone(
    context: &Context,
    collectable: &HashMap<Kind, ApiResource>,
    watches: &mut HashMap<Kind, Watch>,
    is_in_scope: impl Fn(&Kind) -> bool,
) {
    watches.retain(|kind, _| {
        let is_served = collectable.contains_key(kind) || !is_in_scope(kind);
        if !is_served {
            context.resources.listed(&kind.api_version, &kind.kind);
            for uid in context.graph.others_of_kind(kind, &HashSet::new()) {
                tell(context, context.graph.remove(&uid));
            }
        }
        is_served
    });
}

async fn follow_kind(runtime: Runtime, context: Context, kind: Kind, resource: ApiResource) {
    let dot = if resource.group.is_empty() { "" } else { "." };
    let name = format!("garbage collector's watch of {}{dot}{}", resource.plural, resource.group);
    let objects = Objects { context, kind: Arc::new(kind) };
    let start = || async {
        let pulse = runtime.health().register(&name);
        let api: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(objects.context.client.clone(), &resource);
        follow(api, runtime.watches(), &objects, &pulse).await;
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

#[cfg(test)]
mod tests {
    use cowherd_controlplane::{Budgets, Config, ControlPlane};
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::Client;
    use kube::api::{DeleteParams, PostParams};
    use kube::client::Body;
    use kube::core::GroupVersionKind;
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn what_has_changed_is_discovered_at_once_and_all_of_it_where_that_is_much() {
        let changed = Changed::default();
        for name in ["a.x.io", "b.x.io", "a.y.io", "nameless"] {
            changed.definition(name);
        }
        let groups = ["x.io", "y.io"].map(str::to_owned);
        assert_eq!(changed.next().await, Scope::Groups(groups.into()));
        changed.definition("a.x.io");
        changed.everything();
        changed.definition("a.y.io");
        assert_eq!(changed.next().await, Scope::Everything);
        (0..=MOST).for_each(|number| changed.definition(&format!("a.x{number}.io")));
        assert_eq!(changed.next().await, Scope::Everything);
    }

    /// A client whose questions about what is served are written down.
    fn counting(client: Client) -> (Client, Arc<Mutex<Vec<String>>>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let path = request.uri().path().trim_end_matches('/').to_owned();
            // What is asked of a kind has more parts.
            if path == "/api" || (path.starts_with("/apis") && path.split('/').count() <= 4) {
                seen.lock().unwrap().push(path);
            }
            let client = client.clone();
            async move { client.send(request).await }
        });
        (Client::new(service, "default"), asked)
    }

    fn definition(group: &str) -> CustomResourceDefinition {
        let schema = json!({ "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } });
        let version = |name: &str| json!({ "name": name, "served": true, "storage": name == "v1", "schema": schema });
        let definition = json!({ "metadata": { "name": format!("things.{group}") }, "spec": {
            "group": group, "scope": "Namespaced", "versions": [version("v1"), version("v1beta1")],
            "names": { "kind": "Thing", "plural": "things", "singular": "thing" } } });
        serde_json::from_value(definition).unwrap()
    }

    async fn until(what: &str, check: impl AsyncFn() -> bool) {
        let began = std::time::Instant::now();
        while !check().await {
            assert!(began.elapsed() < Duration::from_secs(60), "waited in vain until {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Makes an object of a kind, owned by a ConfigMap that goes, and waits until it is gone.
    async fn is_collected(client: &Client, group: &str) {
        let owners: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
        let owner = serde_json::from_value(json!({ "metadata": { "name": "owner" } })).unwrap();
        let owner = owners.create(&PostParams::default(), &owner).await.unwrap();
        let kind = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, "v1", "Thing"), "things");
        let things: Api<DynamicObject> = Api::namespaced_with(client.clone(), "default", &kind);
        let reference =
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.metadata.uid.unwrap() });
        let thing = json!({ "apiVersion": format!("{group}/v1"), "kind": "Thing",
            "metadata": { "name": "owned", "ownerReferences": [reference] } });
        let thing: DynamicObject = serde_json::from_value(thing).unwrap();
        until("the kind is served", async || things.list(&Default::default()).await.is_ok()).await;
        things.create(&PostParams::default(), &thing).await.unwrap();
        owners.delete("owner", &DeleteParams::background()).await.unwrap();
        until("what is owned is gone", async || things.get_opt("owned").await.unwrap().is_none()).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_definition_costs_a_question_about_its_own_group_and_none_about_all_others() {
        let directory = tempfile::tempdir().unwrap();
        let config = Config { controllers: "".parse().unwrap(), ..Config::new(directory.path()) };
        let plane = ControlPlane::open(config, &Budgets::default()).await.unwrap();
        let (client, asked) = counting(plane.client());
        let collector = tokio::spawn(super::super::run(Runtime::new(client)));
        let definitions: Api<CustomResourceDefinition> = Api::all(plane.client());
        let add = async |group: &str| {
            definitions.create(&PostParams::default(), &definition(group)).await.unwrap();
        };
        add("first.example.com").await;
        is_collected(&plane.client(), "first.example.com").await;

        let of = |asked: &Mutex<Vec<String>>| -> Vec<String> { std::mem::take(&mut asked.lock().unwrap()) };
        of(&asked);
        add("second.example.com").await;
        is_collected(&plane.client(), "second.example.com").await;
        definitions.delete("things.first.example.com", &DeleteParams::default()).await.unwrap();
        until("it is seen that it is gone", async || asked.lock().unwrap().iter().any(|path| path.contains("first")))
            .await;
        let asked: Value = of(&asked).into();
        let is_about_a_changed_group =
            |path: &Value| path.as_str().is_some_and(|path| path.contains("first.") || path.contains("second."));
        assert!(asked.as_array().unwrap().iter().all(is_about_a_changed_group), "{asked}");
        assert!(!collector.is_finished());
        collector.abort();
    }
}
