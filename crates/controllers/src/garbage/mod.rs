//! Garbage collection: what is owned goes when its last owner does, in the way the deletion asked for.
//!
//! Background: dependents go after their owner. Foreground: the owner waits, with the finalizer
//! `foregroundDeletion`, until the dependents that block it are gone. Orphan: the owner waits, with the finalizer
//! `orphan`, until its dependents no longer name it.

mod collect;
mod graph;
mod watching;

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use kube::Client;
use kube::api::ApiResource;

use crate::queue::Queue;
use graph::{Graph, Uid};

/// What the loop works with.
#[derive(Clone)]
struct Context {
    client: Client,
    graph: Arc<Graph>,
    /// The resources that are watched, by group and kind.
    resources: Arc<RwLock<HashMap<(String, String), Watched>>>,
    queue: Queue<Uid>,
}

#[derive(Clone)]
struct Watched {
    resource: ApiResource,
    namespaced: bool,
}

/// Runs the loop.
pub async fn run(client: Client) {
    let queue = Queue::new();
    let context =
        Context { client, graph: Arc::new(Graph::default()), resources: Arc::default(), queue: queue.clone() };
    let watch = watching::follow_everything(context.clone());
    let work = queue.work("garbage collector", 4, {
        let context = context.clone();
        move |uid| collect::reconcile(context.clone(), uid)
    });
    futures::future::join(watch, work).await;
}
