//! Ends Jobs and Pods, which nothing runs, as they say themselves: well or badly.

use std::time::Duration;

use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

/// By which annotation they say how they end; without it they never do.
const ENDS: &str = "example.org/ends";

/// Ends Jobs and Pods until it is dropped.
pub async fn run(apis: Vec<Api<DynamicObject>>) {
    loop {
        for api in &apis {
            for object in api.list(&Default::default()).await.map(|list| list.items).unwrap_or_default() {
                end(api, &object).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn end(api: &Api<DynamicObject>, object: &DynamicObject) {
    let Some(how) = object.annotations().get(ENDS) else { return };
    let status = &object.data["status"];
    let is_job = object.types.as_ref().is_some_and(|types| types.kind == "Job")
        || object.data["spec"]["template"] != Value::Null;
    let has_ended = matches!(status["phase"].as_str(), Some("Succeeded" | "Failed"));
    if has_ended || (is_job && status.get("conditions").is_some()) {
        return;
    }
    let status = if is_job { job(how == "well") } else { pod(how == "well") };
    // It may be gone by now.
    let _ =
        api.patch_status(&object.name_any(), &PatchParams::default(), &Patch::Merge(json!({ "status": status }))).await;
}

fn job(is_well: bool) -> Value {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let condition = |type_: &str| {
        json!({ "type": type_, "status": "True", "reason": "Ended", "message": "as it said", "lastTransitionTime": now,
            "lastProbeTime": now })
    };
    if is_well {
        let conditions = [condition("SuccessCriteriaMet"), condition("Complete")];
        return json!({ "startTime": now, "completionTime": now, "succeeded": 1, "conditions": conditions });
    }
    json!({ "startTime": now, "failed": 1, "conditions": [condition("FailureTarget"), condition("Failed")] })
}

fn pod(is_well: bool) -> Value {
    if is_well { json!({ "phase": "Succeeded" }) } else { json!({ "phase": "Failed", "message": "it failed" }) }
}
