//! Namespaces that are deleted: empties them, then lets them go.

mod content;

use std::time::Duration;

use cowherd_runtime::{BrokenOff, Controller, Error, Key, Next, Runtime, Writer, conditions};
use k8s_openapi::api::core::v1::{Namespace, NamespaceCondition};
use kube::api::PostParams;
use kube::{Client, ResourceExt};

use content::Remaining;

const NAME: &str = "namespace-controller";
/// The entry of `spec.finalizers` that this controller removes.
const FINALIZER: &str = "kubernetes";
/// The condition that says that what is in a namespace cannot be deleted, and why.
const CONTENT_FAILURE: &str = "NamespaceDeletionContentFailure";
/// How soon to look again at content that has finalizers of its own.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Runs the loop.
pub async fn run(runtime: Runtime) {
    let client = runtime.client(NAME);
    let namespaces = Writer::of_cluster(client.clone(), runtime.informer());
    let reporting = namespaces.clone();
    Controller::of(&runtime, NAME, &runtime.informer::<Namespace>())
        .reports(move |key, broken| say_broken_off(reporting.clone(), key, broken))
        .run(move |key| empty(client.clone(), namespaces.clone(), key))
        .await;
}

async fn empty(client: Client, namespaces: Writer<Namespace>, key: Key) -> Result<Next, Error> {
    let Some(namespace) = namespaces.informer().get(&key) else { return Ok(Next::Wait) };
    let finalizers = namespace.spec.as_ref().and_then(|spec| spec.finalizers.as_deref()).unwrap_or_default();
    if namespace.metadata.deletion_timestamp.is_none() || !finalizers.iter().any(|name| name == FINALIZER) {
        return Ok(Next::Wait);
    }
    let remaining = content::delete(&client, &key.name).await?;
    if !remaining.is_empty() {
        say_what_remains(&namespaces, &namespace, &remaining).await?;
        return Ok(Next::After(LOOK_AGAIN));
    }
    finalize(&namespaces, &namespace).await?;
    Ok(Next::Wait)
}

/// Says of a namespace that emptying it came to no end, until it does.
pub(crate) async fn say_broken_off(namespaces: Writer<Namespace>, key: Key, broken: BrokenOff) -> Result<(), Error> {
    let Some(namespace) = namespaces.informer().get(&key) else { return Ok(()) };
    let mut changed = namespace.as_ref().clone();
    let condition = condition(CONTENT_FAILURE, "True", broken.reason, broken.message);
    if conditions::set(changed.status.get_or_insert_default().conditions.get_or_insert_default(), condition) {
        namespaces.replace_status(&changed).await?;
    }
    Ok(())
}

fn condition(kind: &str, status: &str, reason: &str, message: String) -> NamespaceCondition {
    NamespaceCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_transition_time: None,
    }
}

/// Writes the namespace's conditions as Kubernetes words them.
async fn say_what_remains(
    namespaces: &Writer<Namespace>,
    namespace: &Namespace,
    remaining: &Remaining,
) -> Result<(), Error> {
    let mut status = namespace.status.clone().unwrap_or_default();
    let before = status.conditions.clone().unwrap_or_default();
    let mut list = before.clone();
    let wanted = [
        (
            "NamespaceContentRemaining",
            ("SomeResourcesRemain", remaining.resources_message()),
            ("ContentRemoved", "All content successfully removed"),
        ),
        (
            "NamespaceFinalizersRemaining",
            ("SomeFinalizersRemain", remaining.finalizers_message()),
            ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
        ),
    ];
    for (kind, (reason, message), (absent_reason, absent)) in wanted {
        let (state, reason, message) = match message {
            Some(message) => ("True", reason, message),
            None => ("False", absent_reason, absent.to_owned()),
        };
        conditions::set(&mut list, condition(kind, state, reason, message));
    }
    // It has just been emptied as far as it can be.
    list.retain(|known| known.type_ != CONTENT_FAILURE);
    if before == list {
        return Ok(());
    }
    status.conditions = Some(list);
    let mut changed = namespace.clone();
    changed.status = Some(status);
    namespaces.replace_status(&changed).await?;
    Ok(())
}

/// Takes the finalizer away, through the subresource that alone may.
async fn finalize(namespaces: &Writer<Namespace>, namespace: &Namespace) -> Result<(), Error> {
    let mut changed = namespace.clone();
    if let Some(finalizers) = changed.spec.as_mut().and_then(|spec| spec.finalizers.as_mut()) {
        finalizers.retain(|name| name != FINALIZER);
    }
    changed.metadata.managed_fields = None;
    namespaces.api("").replace_subresource("finalize", &namespace.name_any(), &PostParams::default(), &changed).await?;
    Ok(())
}
