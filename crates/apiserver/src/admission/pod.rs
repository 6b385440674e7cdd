//! Pods: the service account that they run as, and the number of their priority.

use std::fmt::Display;

use serde_json::Value;

use crate::{
    object::{self, as_map, text_at},
    resource::Resource,
    rest,
    selector::Selection,
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

/// The class of Pods that name none, where there is one.
async fn default_class(server: &ApiServer) -> ApiResult<Option<Value>> {
    let classes = server.built_in("scheduling.k8s.io", "v1", "priorityclasses")?;
    let all = rest::everything(server, &classes, &classes.collection_prefix(None), &Selection::default()).await?;
    let defaults = all.into_iter().filter(|class| class.get("globalDefault") == Some(&Value::Bool(true)));
    Ok(defaults.min_by_key(|class| class.get("value").and_then(Value::as_i64)))
}

async fn priority(server: &ApiServer, resource: &Resource, pod: &mut Value) -> ApiResult<()> {
    let class = object::text_at(pod, &["spec", "priorityClassName"]).to_owned();
    let found = if class.is_empty() {
        default_class(server).await?
    } else {
        let classes = server.built_in("scheduling.k8s.io", "v1", "priorityclasses")?;
        let found = rest::load(server, &classes, &classes.key("", &class)).await?;
        let missing = || {
            let why = format!("no PriorityClass with name {class} was found");
            ApiError::forbidden(resource.named(), object::name(pod), why)
        };
        Some(found.ok_or_else(missing)?.object)
    };
    let value = found.as_ref().and_then(|class| class.get("value")).and_then(Value::as_i64).unwrap_or_default();
    let preemption = found.as_ref().map(|class| text_at(class, &["preemptionPolicy"])).filter(|text| !text.is_empty());
    let preemption = preemption.unwrap_or("PreemptLowerPriority").to_owned();
    let refuse = |what: &str, given: &dyn Display, computed: &dyn Display| {
        let why = format!(
            "the {what} ({given}) must not be provided in pod spec; priority admission controller computed {computed} \
             from the given PriorityClass name"
        );
        Err(ApiError::forbidden(resource.named(), object::name(pod), why))
    };
    // Nobody is more important than a class makes them.
    let given = object::at(pod, &["spec", "priority"]).and_then(Value::as_i64);
    if let Some(given) = given.filter(|given| *given != value) {
        return refuse("integer value of priority", &given, &value);
    }
    let given = text_at(pod, &["spec", "preemptionPolicy"]);
    if !given.is_empty() && given != preemption {
        return refuse("string value of PreemptionPolicy", &given, &preemption);
    }
    let name = found.as_ref().map(|class| object::name(class).to_owned());
    let spec = as_map(as_map(pod).entry("spec").or_insert_with(|| Value::Object(Default::default())));
    if let Some(name) = name {
        spec.insert("priorityClassName".to_owned(), name.into());
    }
    spec.insert("priority".to_owned(), value.into());
    spec.insert("preemptionPolicy".to_owned(), preemption.into());
    Ok(())
}
