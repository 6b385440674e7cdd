//! The Service that webhooks are sent to, which has the same name for Flux and for agents.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::bootstrap::{MANAGER, ROOT};
use crate::cluster::explain;

/// Its name.
const NAME: &str = "webhook-receiver";
/// Where it is kept what it was like for Flux.
const FORMER: &str = "cowherd.dev/flux-service";
/// The label of the Pods that agents run in.
const OURS: (&str, &str) = ("app.kubernetes.io/name", "cowherd");

/// Keeps what it is like for Flux.
///
/// # Errors
/// When the cluster refuses it.
pub async fn remember(client: &Client) -> Result<()> {
    let services: Api<Service> = Api::namespaced(client.clone(), ROOT);
    let Some(service) = services.get_opt(NAME).await.map_err(explain)? else { return Ok(()) };
    let Some(spec) = service.spec.as_ref().filter(|_| !service.annotations().contains_key(FORMER)) else {
        return Ok(());
    };
    if spec.selector.as_ref().and_then(|selector| selector.get(OURS.0)).is_some_and(|name| name == OURS.1) {
        return Ok(());
    }
    let former = json!({ "selector": spec.selector, "ports": spec.ports }).to_string();
    let patch = Patch::Merge(json!({ "metadata": { "annotations": { FORMER: former } } }));
    services.patch(NAME, &parameters(), &patch).await.map(drop).map_err(explain).with_context(failed)
}

/// Makes it what it was for Flux.
///
/// # Errors
/// When the cluster refuses it.
pub async fn restore(client: &Client) -> Result<()> {
    let services: Api<Service> = Api::namespaced(client.clone(), ROOT);
    let Some(service) = services.get_opt(NAME).await.map_err(explain)? else { return Ok(()) };
    let former = service.annotations().get(FORMER).and_then(|former| serde_json::from_str::<Value>(former).ok());
    let Some(former) = former else { return Ok(()) };
    let mut selector = former["selector"].as_object().cloned().unwrap_or_default();
    for name in service.spec.into_iter().filter_map(|spec| spec.selector).flat_map(|now| now.into_keys()) {
        selector.entry(name).or_insert(Value::Null);
    }
    let patch = Patch::Merge(json!({
        "metadata": { "annotations": { FORMER: null } },
        "spec": { "selector": selector, "ports": former["ports"] },
    }));
    services.patch(NAME, &parameters(), &patch).await.map(drop).map_err(explain).with_context(failed)
}

fn parameters() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() }
}

fn failed() -> String {
    format!("cannot change the Service {ROOT}/{NAME}")
}
