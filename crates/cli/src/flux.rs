//! Flux's own controllers in a cluster: they would reconcile the same resources.

use std::collections::HashSet;

use cowherd_apply::ObjectId;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::ListParams;
use kube::{Api, Client};

use crate::bootstrap::{ROOT, definitions, object};

/// How many are named.
const MOST: usize = 8;

/// Those that reconcile what cowherd does, as their Deployments are named, and labelled, however Flux was installed.
const CONTROLLERS: [&str; 7] = [
    "source-controller",
    "kustomize-controller",
    "helm-controller",
    "notification-controller",
    "source-watcher",
    "image-reflector-controller",
    "image-automation-controller",
];

/// The one that brings and keeps these where a FluxInstance says so.
pub const OPERATOR: &str = "flux-operator";
/// The label of its Deployment.
pub const OPERATOR_LABEL: &str = "app.kubernetes.io/name=flux-operator";

/// The label that says which of them it is.
pub const COMPONENT: &str = "app.kubernetes.io/component";

/// Namespace and name of each Deployment of them that is to have Pods.
///
/// # Errors
/// When the cluster gives no answer, or does not let Deployments be seen.
pub async fn running(client: &Client) -> kube::Result<Vec<(String, String)>> {
    Ok(deployments(client).await?.iter().filter(|one| runs(one)).map(name).collect())
}

/// Their Deployments, whether they are to have Pods or not.
///
/// # Errors
/// When the cluster gives no answer, or does not let Deployments be seen.
pub async fn deployments(client: &Client) -> kube::Result<Vec<Deployment>> {
    let deployments: Api<Deployment> = Api::all(client.clone());
    let components = format!("{COMPONENT} in ({})", CONTROLLERS.join(", "));
    let mut found = deployments.list(&ListParams::default().labels(&components)).await?.items;
    found.extend(deployments.list(&ListParams::default().labels(OPERATOR_LABEL)).await?.items);
    Ok(found)
}

/// Refuses a cluster in which some of them run, with how to end them.
pub fn refuse(running: &[(String, String)]) -> anyhow::Result<()> {
    let Some((namespace, _)) = running.first() else { return Ok(()) };
    let names: Vec<&str> =
        running.iter().filter(|(other, _)| other == namespace).map(|(_, name)| name.as_str()).collect();
    let all = running.iter().map(|(namespace, name)| format!("{namespace}/{name}"));
    anyhow::bail!(
        "Flux's controllers run in this cluster: {}; they and cowherd would each undo what the other one does. `cowherd migrate` \
         takes over from them; or stop them with `kubectl scale deployment --replicas=0 --namespace {namespace} {}`, which leaves all that they applied as it is, or \
         say --beside-flux where they have other shards than cowherd",
        cowherd_text::listed(all, MOST),
        names.join(" ")
    )
}

/// Whether there are to be Pods of it. Nobody says is one.
pub fn runs(deployment: &Deployment) -> bool {
    deployment.spec.as_ref().and_then(|spec| spec.replicas) != Some(0)
}

fn name(deployment: &Deployment) -> (String, String) {
    let metadata = &deployment.metadata;
    (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

/// Whether a Deployment of this name is one of Flux's controllers.
pub fn is_controller(name: &str) -> bool {
    CONTROLLERS.contains(&name)
}

/// The Deployments of Flux's controllers, as a repository that `flux bootstrap` has written describes them: they are not started by it.
pub fn controllers() -> impl Iterator<Item = ObjectId> {
    CONTROLLERS.into_iter().map(|name| object(ROOT, name, "apps", "Deployment"))
}

/// The other objects that a repository which `flux bootstrap` has written describes, and that are to be as `cowherd install` left
/// them: the definitions, the namespace and the Service of webhooks stay, also where a commit takes Flux away.
pub fn reserved(namespace: &str) -> HashSet<ObjectId> {
    let others = [object("", namespace, "", "Namespace"), object(ROOT, "webhook-receiver", "", "Service")];
    definitions().chain(others).collect()
}
