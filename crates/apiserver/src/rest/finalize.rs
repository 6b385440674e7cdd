//! The `finalize` subresource of namespaces: says that a namespace is empty.

use serde_json::{Value, json};

use super::{Request, incoming, options::WriteOptions, update::Change};
use crate::{
    answer::Answer,
    object::{self, as_map},
    status::ApiResult,
};

/// Replaces the finalizers in the namespace's spec.
pub async fn finalize(request: &Request<'_>) -> ApiResult<Answer> {
    let options = WriteOptions::parse(request.call, "UpdateOptions", false)?;
    let mut parsed = incoming::document(request.call)?;
    request.identify_named(&mut parsed.value)?;
    let wanted = parsed.value;
    let finalizers = object::at(&wanted, &["spec", "finalizers"]).and_then(Value::as_array);
    let change = Change { request, options: &options, applied: false };
    let changed = change
        .make(|live| {
            let mut new = live.clone();
            let spec = as_map(as_map(&mut new).entry("spec").or_insert_with(|| json!({})));
            match finalizers {
                Some(list) if !list.is_empty() => spec.insert("finalizers".to_owned(), list.clone().into()),
                _ => spec.remove("finalizers"),
            };
            // Which namespace is meant, and in which version.
            for field in ["uid", "resourceVersion"] {
                let asked = object::text_at(&wanted, &["metadata", field]);
                if !asked.is_empty() {
                    object::set(&mut new, field, asked);
                }
            }
            Ok(new)
        })
        .await?;
    Ok(Answer::object(&request.resource, changed))
}
