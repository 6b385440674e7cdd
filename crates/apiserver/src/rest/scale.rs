//! The `scale` subresource: how many replicas are wanted, whatever the kind.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::{Value, json};

use super::{Request, incoming, options::WriteOptions, patch::patch_failed, storage::load, update::Change};
use crate::{
    answer::Answer,
    object,
    resource::{Behaviour, Resource, Scale},
    status::{ApiError, ApiResult, Named},
};

const SCALE: Named<'static> = Named { group: "autoscaling", name: "Scale" };

/// Answers with the scale.
pub async fn get(request: &Request<'_>) -> ApiResult<Answer> {
    let paths = paths(request)?;
    let live = load(request.server, &request.resource, &request.key()).await?;
    let live = live.ok_or_else(|| request.not_found())?;
    Ok(Answer::scale(view(&request.resource, paths, &live.object)))
}

/// Replaces the scale.
pub async fn update(request: &Request<'_>) -> ApiResult<Answer> {
    let scale = request.part(SCALE)?;
    change(request, paths(request)?, |_| Ok(scale.clone())).await
}

fn paths<'a>(request: &'a Request<'_>) -> ApiResult<&'a Scale> {
    request.resource.scale.as_ref().ok_or_else(ApiError::no_such_path)
}

/// Changes the scale by a difference.
pub async fn patch(request: &Request<'_>) -> ApiResult<Answer> {
    let paths = paths(request)?;
    let kind = request.call.content_type().unwrap_or_default();
    let parsed = match kind {
        "application/apply-patch+yaml" => incoming::yaml(&request.call.body)?,
        _ => crate::body::parse_json(&request.call.body)
            .map_err(|error| error.refused(|error| format!("error decoding patch: {error}")))?,
    };
    change(request, paths, |live| match kind {
        "application/json-patch+json" => cowherd_patch::json_patch(live, &parsed.value).map_err(patch_failed),
        "application/merge-patch+json" | "application/strategic-merge-patch+json" | "application/apply-patch+yaml" => {
            Ok(cowherd_patch::merge_patch(live, &parsed.value))
        }
        _ => Err(ApiError::unsupported_media_type(&["application/json-patch+json", "application/merge-patch+json"])),
    })
    .await
}

async fn change(
    request: &Request<'_>,
    paths: &Scale,
    wanted: impl Fn(&Value) -> ApiResult<Value>,
) -> ApiResult<Answer> {
    let resource = &request.resource;
    let options = WriteOptions::parse(request.call, "UpdateOptions", false)
        .or_else(|_| WriteOptions::parse(request.call, "PatchOptions", true))?;
    let make = Change { request, options: &options, applied: false };
    let changed = make
        .make(|live| {
            let scale = wanted(&view(resource, paths, live))?;
            request.check_name(&scale)?;
            let replicas = replicas(&scale, request.name)?;
            let mut new = live.clone();
            put(&mut new, &paths.spec_replicas, replicas.into());
            for field in ["uid", "resourceVersion"] {
                let asked = object::text_at(&scale, &["metadata", field]);
                if !asked.is_empty() {
                    object::set(&mut new, field, asked);
                }
            }
            Ok(new)
        })
        .await?;
    Ok(Answer::scale(view(resource, paths, &changed)))
}

fn replicas(scale: &Value, name: &str) -> ApiResult<i64> {
    let replicas = match object::at(scale, &["spec", "replicas"]) {
        None | Some(Value::Null) => 0,
        Some(value) => value.as_i64().ok_or_else(|| {
            ApiError::bad_request(
                "json: cannot unmarshal into field spec.replicas of a Scale: a whole number is wanted",
            )
        })?,
    };
    if replicas < 0 {
        let path = FieldPath::new("spec.replicas");
        let error = FieldError::invalid(&path, replicas, "must be greater than or equal to 0");
        return Err(ApiError::invalid(SCALE, name, &[error]));
    }
    Ok(replicas)
}

/// Sets the value at a JSON pointer, with whatever objects lead there.
fn put(object: &mut Value, pointer: &str, value: Value) {
    let mut at = object;
    for part in pointer.split('/').skip(1) {
        at = object::as_map(at).entry(part.replace("~1", "/").replace("~0", "~")).or_insert(Value::Null);
    }
    *at = value;
}

fn view(resource: &Resource, paths: &Scale, live: &Value) -> Value {
    let number = |path: &str| live.pointer(path).and_then(Value::as_i64).unwrap_or_default();
    let selector = match (&paths.selector, &resource.behaviour) {
        (Some(path), _) => live.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned(),
        (None, Behaviour::BuiltIn(kind)) => kind.scale_selector(live),
        (None, Behaviour::Custom(_)) => String::new(),
    };
    let mut status = json!({"replicas": number(&paths.status_replicas)});
    if let (false, Value::Object(status)) = (selector.is_empty(), &mut status) {
        status.insert("selector".to_owned(), selector.into());
    }
    let metadata: serde_json::Map<String, Value> = ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"]
        .into_iter()
        .filter_map(|field| Some((field.to_owned(), object::at(live, &["metadata", field])?.clone())))
        .collect();
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
        "spec": {"replicas": number(&paths.spec_replicas)}, "status": status,
    })
}
