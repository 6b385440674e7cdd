//! A bug that one owner brings out where all of them are looked at: it is that one's trouble, and the others go on.

use cowherd_runtime::caught_call;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::{Schedule, Signal};
use crate::conditions::{READY, RECONCILIATION_FAILED};
use crate::owner::OwnerName;

/// What the owner says then.
const MESSAGE: &str = "it cannot be looked at; this is a bug in cowherd";

impl Schedule {
    /// Takes a signal in. Where that panics, the owner that was seen says so.
    pub(super) fn take(&mut self, signal: Signal) {
        let owner = if let Signal::Seen(seen) = &signal { Some(seen.name()) } else { None };
        let Err(panic) = caught_call(|| self.handle(signal)) else { return };
        let Some(name) = owner else {
            tracing::error!(panic, "what happened could not be taken in; this is a bug in cowherd");
            return;
        };
        tracing::error!(controller = name.kind.word(), object = %name, panic, "an owner cannot be looked at");
        self.context.measures.of(name.kind.kind).reconciler.panicked();
        let client = self.context.client.clone();
        self.errands.spawn(async move {
            if let Err(error) = say(client, &name).await {
                tracing::debug!(object = %name, %error, "that it cannot be looked at could not be said");
            }
        });
    }
}

/// Says so in the owner's status, once: that it is written there has it seen again.
async fn say(client: Client, name: &OwnerName) -> kube::Result<()> {
    let api: Api<DynamicObject> = Api::namespaced_with(client, &name.namespace, &name.kind.resource());
    let Some(found) = api.get_opt(&name.name).await? else { return Ok(()) };
    let conditions = found.data.pointer("/status/conditions").and_then(Value::as_array);
    let mut conditions = conditions.cloned().unwrap_or_default();
    if conditions.iter().any(|one| one["type"] == READY && one["message"] == MESSAGE) {
        return Ok(());
    }
    conditions.retain(|one| one["type"] != READY);
    let ready = json!({ "type": READY, "status": "False", "reason": RECONCILIATION_FAILED, "message": MESSAGE,
        "observedGeneration": found.metadata.generation, "lastTransitionTime": Timestamp::now().to_string() });
    conditions.insert(0, ready);
    let metadata = json!({ "resourceVersion": found.metadata.resource_version });
    let patch = Patch::Merge(json!({ "metadata": metadata, "status": { "conditions": conditions } }));
    let params = PatchParams { field_manager: Some(name.kind.status_manager.to_owned()), ..PatchParams::default() };
    api.patch_status(&name.name, &params, &patch).await.map(drop)
}
