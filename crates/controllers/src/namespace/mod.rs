//! Namespaces that are deleted: empties them, then lets them go.

mod content;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, NamespaceCondition};
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt};

use crate::Error;
use crate::cache::{Cache, Key};
use crate::conditions::now;
use crate::queue::{Next, Queue};
use content::Remaining;

/// The entry of `spec.finalizers` that this controller removes.
const FINALIZER: &str = "kubernetes";
/// How soon to look again at content that has finalizers of its own.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Runs the loop.
pub async fn run(client: Client) {
    let namespaces: Arc<Cache<Namespace>> = Cache::new();
    let queue: Queue<Key> = Queue::new();
    let changed = queue.clone();
    let follow = namespaces.clone().follow(Api::all(client.clone()), move |namespace| {
        if namespace.metadata.deletion_timestamp.is_some() {
            changed.add(Key::of(namespace));
        }
    });
    let work = {
        let namespaces = namespaces.clone();
        async move {
            namespaces.synced().await;
            let reconcile = move |key: Key| {
                let (client, namespaces) = (client.clone(), namespaces.clone());
                async move { empty(&client, &namespaces, &key).await }
            };
            queue.work("namespace", 2, reconcile).await;
        }
    };
    futures::future::join(follow, work).await;
}

async fn empty(client: &Client, namespaces: &Cache<Namespace>, key: &Key) -> Result<Next, Error> {
    let Some(namespace) = namespaces.get(key) else { return Ok(Next::Wait) };
    let finalizers = namespace.spec.as_ref().and_then(|spec| spec.finalizers.as_deref()).unwrap_or_default();
    if namespace.metadata.deletion_timestamp.is_none() || !finalizers.iter().any(|name| name == FINALIZER) {
        return Ok(Next::Wait);
    }
    let remaining = content::delete(client, &key.name).await?;
    if !remaining.is_empty() {
        say_what_remains(client, namespaces, &namespace, &remaining).await?;
        return Ok(Next::After(LOOK_AGAIN));
    }
    finalize(client, &namespace).await?;
    Ok(Next::Wait)
}

/// Writes the namespace's conditions as Kubernetes words them.
async fn say_what_remains(
    client: &Client,
    namespaces: &Cache<Namespace>,
    namespace: &Namespace,
    remaining: &Remaining,
) -> Result<(), Error> {
    let mut status = namespace.status.clone().unwrap_or_default();
    let before = status.conditions.take().unwrap_or_default();
    let wanted = [
        ("NamespaceContentRemaining", "SomeResourcesRemain", "ContentRemoved", remaining.resources_message()),
        (
            "NamespaceFinalizersRemaining",
            "SomeFinalizersRemain",
            "ContentHasNoFinalizers",
            remaining.finalizers_message(),
        ),
    ];
    let conditions = wanted.map(|(kind, reason, absent_reason, message)| {
        let (state, reason, message) = match message {
            Some(message) => ("True", reason, message),
            None if kind == "NamespaceContentRemaining" => {
                ("False", absent_reason, "All content successfully removed".to_owned())
            }
            None => ("False", absent_reason, "All content-preserving finalizers finished".to_owned()),
        };
        let known = before.iter().find(|known| known.type_ == kind && known.status == state);
        NamespaceCondition {
            type_: kind.to_owned(),
            status: state.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message),
            last_transition_time: known.map_or_else(|| Some(now()), |known| known.last_transition_time.clone()),
        }
    });
    if before == conditions {
        return Ok(());
    }
    status.conditions = Some(conditions.to_vec());
    let mut changed = namespace.clone();
    changed.status = Some(status);
    let api: Api<Namespace> = Api::all(client.clone());
    let written = api.replace_status(&namespace.name_any(), &PostParams::default(), &changed).await?;
    namespaces.observe(written);
    Ok(())
}

/// Takes the finalizer away, through the subresource that alone may.
async fn finalize(client: &Client, namespace: &Namespace) -> Result<(), Error> {
    let mut changed = namespace.clone();
    if let Some(finalizers) = changed.spec.as_mut().and_then(|spec| spec.finalizers.as_mut()) {
        finalizers.retain(|name| name != FINALIZER);
    }
    changed.metadata.managed_fields = None;
    let api: Api<Namespace> = Api::all(client.clone());
    api.replace_subresource("finalize", &namespace.name_any(), &PostParams::default(), &changed).await?;
    Ok(())
}
