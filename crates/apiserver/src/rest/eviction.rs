//! The `eviction` subresource of Pods: deletes one, unless a disruption budget keeps it.

use http::StatusCode;
use serde_json::{Value, json};

use super::{
    Request,
    delete::{DeleteOptions, delete_object},
    list::everything,
    load,
    options::WriteOptions,
    update::change_internally,
};
use crate::{
    answer::Answer,
    object::{self, as_map, at},
    selector::{LabelSelector, Selection},
    status::{ApiError, ApiResult, Named},
};

const EVICTION: Named<'static> = Named { group: "policy", name: "Eviction" };

/// Evicts the Pod.
pub async fn evict(request: &Request<'_>) -> ApiResult<Answer> {
    WriteOptions::parse(request.call, "CreateOptions", false)?;
    let eviction = request.named_part(EVICTION)?;
    let options = eviction.get("deleteOptions").cloned().unwrap_or_default();
    let options = DeleteOptions::read(&options, request.call)?;
    let live = load(request.server, &request.resource, &request.key()).await?.ok_or_else(|| request.not_found())?;
    take_from_budgets(request, &live.object, options.dry_run).await?;
    delete_object(request.server, &request.resource, live, &options).await?.ok_or_else(|| request.not_found())?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(Answer::document(status).with_code(StatusCode::CREATED))
}

/// Takes the Pod's disruption from the budgets that take the Pod, in each of which it must be allowed: what is taken is written
/// down, so that no other eviction gets it before the controller has counted again.
async fn take_from_budgets(request: &Request<'_>, pod: &Value, dry_run: bool) -> ApiResult<()> {
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
        if !LabelSelector::parse(&selector).is_ok_and(|selector| selector.matches(object::labels(pod))) {
            continue;
        }
        let (name, now) = (object::name(&budget), crate::clock::now());
        let allowed = if dry_run {
            allows(&budget)
        } else {
            let key = budgets.key(request.namespace, name);
            let take = |budget: &mut Value| {
                if allows(budget) {
                    take(budget, request.name, &now);
                }
            };
            match change_internally(request.server, &budgets, &key, take).await? {
                Some(written) => object::text_at(&written, &["status", "disruptedPods", request.name]) == now,
                // It is gone, and forbids nothing any more.
                None => true,
            }
        };
        if !allowed {
            return Err(refused(name));
        }
    }
    Ok(())
}

/// Whether one more Pod may be disrupted, as far as the controller has seen what the budget says.
fn allows(budget: &Value) -> bool {
    let number = |path: &[&str]| at(budget, path).and_then(Value::as_i64).unwrap_or_default();
    number(&["status", "observedGeneration"]) >= number(&["metadata", "generation"])
        && number(&["status", "disruptionsAllowed"]) > 0
}

/// Writes down that the Pod is disrupted.
fn take(budget: &mut Value, pod: &str, now: &str) {
    let status = as_map(as_map(budget).entry("status").or_insert(Value::Null));
    let allowed = status.get("disruptionsAllowed").and_then(Value::as_i64).unwrap_or_default() - 1;
    status.insert("disruptionsAllowed".to_owned(), allowed.into());
    as_map(status.entry("disruptedPods").or_insert(Value::Null)).insert(pod.to_owned(), now.into());
    if allowed > 0 {
        return;
    }
    let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten().filter(|condition| condition["type"] == "DisruptionAllowed") {
        condition["status"] = "False".into();
        condition["reason"] = "InsufficientPods".into();
        condition["lastTransitionTime"] = now.into();
    }
}

fn refused(budget: &str) -> ApiError {
    let message = format!("The disruption budget {budget} needs more healthy pods before this one may be evicted");
    let refused = "Cannot evict pod as it would violate the pod's disruption budget.";
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", refused).with_cause(
        "DisruptionBudget",
        &message,
        None,
    )
}
