//! Every namespace has a ServiceAccount `default`.

use std::sync::Arc;

use cowherd_runtime::{Controller, Error, Informer, Key, Next, Runtime, Writer};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;

const NAME: &str = "service-account-controller";
const DEFAULT: &str = "default";

/// Runs the loop.
pub async fn run(runtime: Runtime) {
    let namespaces = runtime.informer::<Namespace>();
    let accounts = Writer::namespaced(runtime.client(NAME), runtime.informer::<ServiceAccount>());
    let of_account = |account: &ServiceAccount| {
        let is_default = account.name_any() == DEFAULT;
        is_default.then(|| Key::new("", account.namespace().unwrap_or_default()))
    };
    Controller::of(&runtime, NAME, &namespaces)
        .watches(accounts.informer(), of_account)
        .run(move |key| ensure_default(Arc::clone(&namespaces), accounts.clone(), key))
        .await;
}

async fn ensure_default(
    namespaces: Arc<Informer<Namespace>>,
    accounts: Writer<ServiceAccount>,
    key: Key,
) -> Result<Next, Error> {
    let active = namespaces.get(&key).is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_none());
    if !active || accounts.informer().get(&Key::new(&key.name, DEFAULT)).is_some() {
        return Ok(Next::Wait);
    }
    let account = ServiceAccount {
        metadata: ObjectMeta { name: Some(DEFAULT.to_owned()), namespace: Some(key.name), ..ObjectMeta::default() },
        ..ServiceAccount::default()
    };
    match accounts.create(&account).await {
        // Somebody else made it; the watch brings it.
        Err(error) if error.is_conflict() => Ok(Next::Wait),
        result => result.map(|_| Next::Wait),
    }
}
