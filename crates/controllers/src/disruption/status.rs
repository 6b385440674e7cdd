//! What a budget's status says.

use std::collections::BTreeMap;

use cowherd_runtime::{Error, Writer, conditions};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::expected::Expected;

/// The condition that says whether anything may be disrupted.
const DISRUPTION_ALLOWED: &str = "DisruptionAllowed";

/// The status of a budget with so many healthy Pods.
pub fn of(
    budget: &PodDisruptionBudget,
    expected: Expected,
    healthy: i32,
    disrupted: BTreeMap<String, Time>,
) -> PodDisruptionBudgetStatus {
    // As long as there are no Pods nothing may go: the first one may come before it is seen here.
    let allowed = if expected.pods > 0 { healthy.saturating_sub(expected.healthy).max(0) } else { 0 };
    let mut status = PodDisruptionBudgetStatus {
        current_healthy: healthy,
        desired_healthy: expected.healthy,
        expected_pods: expected.pods,
        disruptions_allowed: allowed,
        disrupted_pods: Some(disrupted).filter(|disrupted| !disrupted.is_empty()),
        observed_generation: budget.metadata.generation,
        conditions: budget.status.as_ref().and_then(|status| status.conditions.clone()),
    };
    let (value, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    tell(&mut status, value, reason, "");
    status
}

/// The status of a budget of which it cannot be told what it allows.
pub fn failed(budget: &PodDisruptionBudget, message: &str) -> PodDisruptionBudgetStatus {
    let mut status = budget.status.clone().unwrap_or_default();
    status.disruptions_allowed = 0;
    tell(&mut status, "False", "SyncFailed", message);
    status
}

fn tell(status: &mut PodDisruptionBudgetStatus, value: &str, reason: &str, message: &str) {
    let known =
        status.conditions.iter().flatten().find(|known| known.type_ == DISRUPTION_ALLOWED && known.status == value);
    let condition = Condition {
        type_: DISRUPTION_ALLOWED.to_owned(),
        status: value.to_owned(),
        reason: reason.to_owned(),
        message: conditions::told(message),
        observed_generation: status.observed_generation,
        last_transition_time: known.map_or_else(conditions::now, |known| known.last_transition_time.clone()),
    };
    conditions::set(status.conditions.get_or_insert_default(), condition);
}

/// Writes the status, if it is news.
pub async fn write(
    budgets: &Writer<PodDisruptionBudget>,
    budget: &PodDisruptionBudget,
    status: PodDisruptionBudgetStatus,
) -> Result<(), Error> {
    if budget.status.as_ref() != Some(&status) {
        budgets.replace_status(&PodDisruptionBudget { status: Some(status), ..budget.clone() }).await?;
    }
    Ok(())
}
