//! The `binding` subresource of Pods: names the node that runs one.

use cowherd_schema::{FieldError, FieldPath};
use http::StatusCode;
use serde_json::{Value, json};

use super::{Request, options::WriteOptions, update::change_checked};
use crate::{
    answer::Answer,
    object::{self, as_map, text_at},
    status::{ApiError, ApiResult, Named},
};

const BINDING: Named<'static> = Named { group: "", name: "Binding" };

/// Binds the Pod to the node of the request's body.
pub async fn bind(request: &Request<'_>) -> ApiResult<Answer> {
    let options = WriteOptions::parse(request.call, "CreateOptions", false)?;
    let binding = request.named_part(BINDING)?;
    let node = node(request, &binding)?;
    let now = crate::clock::now();
    let change = |pod: &mut Value| {
        check(request, &binding, pod)?;
        put(&binding, node, &now, pod);
        Ok(())
    };
    let bound = change_checked(request.server, &request.resource, &request.key(), options.dry_run, change).await?;
    bound.ok_or_else(|| request.not_found())?;
    let status: Value = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(Answer::document(status).with_code(StatusCode::CREATED))
}

/// The name of the node.
fn node<'a>(request: &Request<'_>, binding: &'a Value) -> ApiResult<&'a str> {
    let target = |field: &str| text_at(binding, &["target", field]);
    let error = match (target("kind"), target("name")) {
        ("" | "Node", "") => FieldError::required(&FieldPath::new("target.name"), ""),
        ("" | "Node", name) => return Ok(name),
        (other, _) => FieldError::not_supported(&FieldPath::new("target.kind"), other, &["Node"]),
    };
    Err(ApiError::invalid(BINDING, request.name, &[error]))
}

/// Refuses a Pod that is not the one that is meant, or that nobody can be bound any more.
fn check(request: &Request<'_>, binding: &Value, pod: &Value) -> ApiResult<()> {
    for (field, called) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
        let (asked, live) = (text_at(binding, &["metadata", field]), text_at(pod, &["metadata", field]));
        if !asked.is_empty() && asked != live {
            let why =
                format!("Precondition failed: {called} in precondition: {asked}, {called} in object meta: {live}");
            return Err(ApiError::conflict(request.resource.named(), request.name, why));
        }
    }
    let refuse = |why: String| Err(ApiError::conflict(Named { group: "", name: "pods/binding" }, request.name, why));
    if object::is_terminating(pod) {
        return refuse(format!("pod {} is being deleted, cannot be assigned to a host", request.name));
    }
    match text_at(pod, &["spec", "nodeName"]) {
        "" => Ok(()),
        bound => refuse(format!("pod {} is already assigned to node {bound:?}", request.name)),
    }
}

/// Writes into the Pod that it is bound, with the labels and annotations of the binding.
fn put(binding: &Value, node: &str, now: &str, pod: &mut Value) {
    for field in ["labels", "annotations"] {
        let Some(Value::Object(texts)) = object::at(binding, &["metadata", field]) else { continue };
        let known = object::metadata_mut(pod).entry(field).or_insert_with(|| json!({}));
        as_map(known).extend(texts.clone());
    }
    let spec = as_map(as_map(pod).entry("spec").or_insert_with(|| json!({})));
    spec.insert("nodeName".to_owned(), node.into());
    let status = as_map(as_map(pod).entry("status").or_insert_with(|| json!({})));
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    let scheduled = json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now});
    if let Value::Array(list) = conditions {
        list.retain(|condition| text_at(condition, &["type"]) != "PodScheduled");
        list.push(scheduled);
    }
}
