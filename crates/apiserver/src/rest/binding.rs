//! The `binding` subresource of Pods: names the node that runs one.

use cowherd_schema::{FieldError, FieldPath};
use http::StatusCode;
use serde_json::{Value, json};

use super::{Request, incoming, load, update::change_internally};
use crate::{
    answer::Answer,
    object::{self, as_map, text_at},
    status::{ApiError, ApiResult, Named},
};

/// Binds the Pod to the node of the request's body.
pub async fn bind(request: &Request<'_>) -> ApiResult<Answer> {
    let binding = incoming::document(request.call)?.value;
    let node = text_at(&binding, &["target", "name"]).to_owned();
    if node.is_empty() {
        let error = FieldError::required(&FieldPath::new("target.name"), "");
        return Err(ApiError::invalid(Named { group: "", name: "Binding" }, request.name, &[error]));
    }
    let live = load(request.server, &request.resource, &request.key()).await?.ok_or_else(|| request.not_found())?;
    let bound = text_at(&live.object, &["spec", "nodeName"]);
    let refuse = |why: String| Err(ApiError::conflict(Named { group: "", name: "pods/binding" }, request.name, why));
    if object::is_terminating(&live.object) {
        return refuse(format!("pod {} is being deleted, cannot be assigned to a host", request.name));
    }
    if !bound.is_empty() {
        return refuse(format!("pod {} is already assigned to node {bound:?}", request.name));
    }
    let now = crate::clock::now();
    change_internally(request.server, &request.resource, &request.key(), |pod| {
        let spec = as_map(as_map(pod).entry("spec").or_insert_with(|| json!({})));
        spec.entry("nodeName").or_insert_with(|| node.as_str().into());
        let status = as_map(as_map(pod).entry("status").or_insert_with(|| json!({})));
        let conditions = status.entry("conditions").or_insert_with(|| json!([]));
        let scheduled =
            json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now});
        if let Value::Array(list) = conditions {
            list.retain(|condition| text_at(condition, &["type"]) != "PodScheduled");
            list.push(scheduled);
        }
    })
    .await?
    .ok_or_else(|| request.not_found())?;
    let status: Value = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(Answer::document(status).with_code(StatusCode::CREATED))
}
