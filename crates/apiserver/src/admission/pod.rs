//! Pods: the service account that they run as, and the number of their priority.

use serde_json::Value;

use crate::{
    object::{self, as_map},
    resource::Resource,
    rest,
    server::ApiServer,
    status::{ApiError, ApiResult},
};

/// Fills in service account and priority.
pub async fn prepare(server: &ApiServer, resource: &Resource, pod: &mut Value) -> ApiResult<()> {
    service_account(server, resource, pod).await?;
    priority(server, resource, pod).await
}

async fn service_account(server: &ApiServer, resource: &Resource, pod: &mut Value) -> ApiResult<()> {
    let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) else { return Ok(()) };
    let named = spec.get("serviceAccountName").and_then(Value::as_str).filter(|name| !name.is_empty());
    let account = named.unwrap_or("default").to_owned();
    for field in ["serviceAccountName", "serviceAccount"] {
        spec.insert(field.to_owned(), account.as_str().into());
    }
    let namespace = object::namespace(pod);
    let accounts = server.built_in("", "v1", "serviceaccounts")?;
    if rest::load(server, &accounts, &accounts.key(namespace, &account)).await?.is_none() {
        let why = format!(
            "error looking up service account {namespace}/{account}: {}",
            ApiError::not_found(accounts.named(), &account)
        );
        return Err(ApiError::forbidden(resource.named(), object::name(pod), why));
    }
    Ok(())
}

async fn priority(server: &ApiServer, resource: &Resource, pod: &mut Value) -> ApiResult<()> {
    let class = object::text_at(pod, &["spec", "priorityClassName"]).to_owned();
    let (value, preemption) = if class.is_empty() {
        (0, "PreemptLowerPriority".to_owned())
    } else {
        let classes = server.built_in("scheduling.k8s.io", "v1", "priorityclasses")?;
        let Some(found) = rest::load(server, &classes, &classes.key("", &class)).await? else {
            let why = format!("no PriorityClass with name {class} was found");
            return Err(ApiError::forbidden(resource.named(), object::name(pod), why));
        };
        let value = found.object.get("value").and_then(Value::as_i64).unwrap_or_default();
        let preemption = object::text_at(&found.object, &["preemptionPolicy"]);
        (value, if preemption.is_empty() { "PreemptLowerPriority" } else { preemption }.to_owned())
    };
    let spec = as_map(as_map(pod).entry("spec").or_insert_with(|| Value::Object(Default::default())));
    spec.insert("priority".to_owned(), value.into());
    spec.entry("preemptionPolicy").or_insert_with(|| preemption.into());
    Ok(())
}
