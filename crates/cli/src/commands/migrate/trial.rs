//! Whether the cluster would take what agents need: tried, and not done.

use std::collections::BTreeSet;

use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::Value;

use crate::bootstrap::MANAGER;

/// What it refuses, each once.
pub async fn refused(client: &Client, documents: &[Value]) -> Vec<String> {
    let mut refused = BTreeSet::new();
    for document in documents {
        if let Err(error) = tried(client, document).await {
            refused.insert(format!("the cluster refuses what agents need: {}", told(&error)));
        }
    }
    refused.into_iter().collect()
}

async fn tried(client: &Client, document: &Value) -> kube::Result<()> {
    let text = |path: &str| document.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let (group, version) = text("/apiVersion").split_once('/').unwrap_or(("", text("/apiVersion")));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, text("/kind")));
    let api: Api<DynamicObject> = match text("/metadata/namespace") {
        "" => Api::all_with(client.clone(), &resource),
        namespace => Api::namespaced_with(client.clone(), namespace, &resource),
    };
    let parameters = PatchParams { dry_run: true, ..PatchParams::apply(MANAGER).force() };
    match api.patch(text("/metadata/name"), &parameters, &Patch::Apply(document)).await {
        // What would be made before it is not there in a trial.
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        tried => tried.map(drop),
    }
}

/// No Secret is among what is brought.
fn told(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        error => error.to_string(),
    }
}
