//! The `eviction` subresource of Pods: deletes one, unless a disruption budget keeps it.

use http::StatusCode;
use serde_json::{Value, json};

use super::{
    Request,
    delete::{DeleteOptions, delete_object},
    incoming,
    list::everything,
    load,
};
use crate::{
    answer::Answer,
    object::{self, at},
    selector::{LabelSelector, Selection},
    status::{ApiError, ApiResult},
};

/// Evicts the Pod.
pub async fn evict(request: &Request<'_>) -> ApiResult<Answer> {
    let eviction = if request.call.body.is_empty() { Value::Null } else { incoming::document(request.call)?.value };
    let options = eviction.get("deleteOptions").cloned().unwrap_or_default();
    let options = DeleteOptions::read(&options, request.call)?;
    let live = load(request.server, &request.resource, &request.key()).await?.ok_or_else(|| request.not_found())?;
    budget_allows(request, &live.object).await?;
    delete_object(request.server, &request.resource, live, &options).await?.ok_or_else(|| request.not_found())?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(Answer::document(status).with_code(StatusCode::CREATED))
}

async fn budget_allows(request: &Request<'_>, pod: &Value) -> ApiResult<()> {
    let ended = matches!(object::text_at(pod, &["status", "phase"]), "Succeeded" | "Failed" | "Pending");
    if ended || object::is_terminating(pod) {
        return Ok(());
    }
    let budgets = request.server.built_in("policy", "v1", "poddisruptionbudgets")?;
    let prefix = budgets.collection_prefix(Some(request.namespace));
    let found = everything(request.server, &budgets, &prefix, &Selection::default()).await?;
    for budget in found {
        let selector =
            cowherd_kinds::labels::format_selector(at(&budget, &["spec", "selector"]).unwrap_or(&Value::Null));
        let matches = LabelSelector::parse(&selector).is_ok_and(|selector| selector.matches(object::labels(pod)));
        let allowed = at(&budget, &["status", "disruptionsAllowed"]).and_then(Value::as_i64).unwrap_or_default();
        if matches && allowed <= 0 {
            let name = object::name(&budget);
            let message =
                format!("The disruption budget {name} needs more healthy pods before this one may be evicted");
            return Err(ApiError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequests",
                "Cannot evict pod as it would violate the pod's disruption budget.",
            )
            .with_cause("DisruptionBudget", &message, None));
        }
    }
    Ok(())
}
