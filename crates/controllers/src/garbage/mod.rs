//! Garbage collection: what is owned goes when its last owner does, in the way the deletion asked for.
//!
//! Background: dependents go after their owner. Foreground: the owner waits, with the finalizer
//! `foregroundDeletion`, until the dependents that block it are gone. Orphan: the owner waits, with the finalizer
//! `orphan`, until its dependents no longer name it.
//!
//! What cannot be known keeps an object: an owner of a version that is not served, or of a namespace where the
//! object is in none. `tests/ownership` has the rules as cases, with the outcomes of Kubernetes' own collector.

mod absent;
mod collect;
mod discovery;
mod graph;
mod owner;
mod resources;
mod uid;
mod watching;
mod write;

use std::sync::Arc;

use cowherd_runtime::{Controller, Identity, Queue, Recorder, Runtime};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;

use graph::{Graph, Node};
use resources::Resources;
use uid::Uid;

const NAME: &str = "generic-garbage-collector";
/// The name that events of the collector have in Kubernetes.
const COMPONENT: &str = "garbage-collector-controller";

/// What the loop works with.
#[derive(Clone)]
struct Context {
    client: Client,
    events: Recorder,
    graph: Arc<Graph>,
    resources: Arc<Resources>,
    queue: Queue<Uid>,
}

/// Runs the loop.
pub async fn run(runtime: Runtime) {
    let client = runtime.client(NAME);
    let events = runtime.recorder_of(Identity::Controller(NAME), COMPONENT);
    let (graph, resources) = (Arc::new(Graph::default()), Arc::new(Resources::default()));
    let known = Arc::clone(&graph);
    let synced = Arc::clone(&resources);
    let controller = Controller::new(&runtime, NAME)
        .about(move |uid: &Uid| known.get(uid).map(|node| reference(uid, &node)))
        .recorder(&events)
        .workers(4)
        .after(async move { synced.first_synced().await });
    let context = Context { client, events, graph, resources, queue: controller.queue().clone() };
    let watch = watching::follow_everything(&runtime, context.clone());
    let work = controller.run(move |uid| collect::reconcile(context.clone(), uid));
    futures::future::join(watch, work).await;
}

/// How events refer to an object.
fn reference(uid: &Uid, node: &Node) -> ObjectReference {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    ObjectReference {
        api_version: Some(node.kind.api_version.clone()),
        kind: Some(node.kind.kind.clone()),
        namespace: text(&node.namespace),
        name: text(&node.name),
        uid: text(&uid.to_string()),
        ..ObjectReference::default()
    }
}
