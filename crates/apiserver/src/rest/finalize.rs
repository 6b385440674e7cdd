//! The `finalize` subresource of namespaces: says that a namespace is empty.

use serde_json::{Value, json};

use super::{Request, incoming, update::change_internally};
use crate::{
    answer::Answer,
    object::{self, as_map},
    status::{ApiError, ApiResult},
};

/// Replaces the finalizers in the namespace's spec.
pub async fn finalize(request: &Request<'_>) -> ApiResult<Answer> {
    let mut parsed = incoming::document(request.call)?;
    request.identify(&mut parsed.value)?;
    let wanted = parsed.value;
    let version = object::resource_version(&wanted);
    let live = super::load(request.server, &request.resource, &request.key()).await?;
    let live = live.ok_or_else(|| request.not_found())?;
    if !version.is_empty() && version != object::resource_version(&live.object) {
        return Err(ApiError::stale(request.resource.named(), request.name));
    }
    let finalizers = object::at(&wanted, &["spec", "finalizers"]).filter(|list| list.is_array()).cloned();
    let changed = change_internally(request.server, &request.resource, &request.key(), |namespace| {
        let spec = as_map(as_map(namespace).entry("spec").or_insert_with(|| json!({})));
        match &finalizers {
            Some(Value::Array(list)) if !list.is_empty() => {
                spec.insert("finalizers".to_owned(), Value::Array(list.clone()));
            }
            _ => {
                spec.remove("finalizers");
            }
        }
    })
    .await?;
    Ok(Answer::object(&request.resource, changed.ok_or_else(|| request.not_found())?))
}
