//! Writes conditions as Flux writes them.

use cowherd_api::{Condition, ConditionStatus};
use cowherd_runtime::conditions::told;
use jiff::Timestamp;

pub(crate) const READY: &str = "Ready";
pub(crate) const RECONCILING: &str = "Reconciling";
pub(crate) const STALLED: &str = "Stalled";
pub(crate) const HEALTHY: &str = "Healthy";
pub(crate) const SOURCE_NOT_READY: &str = "SourceNotReady";
pub(crate) const FETCH_FAILED: &str = "FetchFailed";
pub(crate) const SOURCE_VERIFIED: &str = "SourceVerified";
pub(crate) const INCLUDE_UNAVAILABLE: &str = "IncludeUnavailable";
pub(crate) const STORAGE_OPERATION_FAILED: &str = "StorageOperationFailed";
pub(crate) const ARTIFACT_IN_STORAGE: &str = "ArtifactInStorage";

pub(crate) const SUCCEEDED: &str = "Succeeded";
pub(crate) const RECONCILIATION_SUCCEEDED: &str = "ReconciliationSucceeded";
pub(crate) const RECONCILIATION_FAILED: &str = "ReconciliationFailed";
pub(crate) const PROGRESSING: &str = "Progressing";
pub(crate) const TERMINATING: &str = "Terminating";
pub(crate) const PROGRESSING_WITH_RETRY: &str = "ProgressingWithRetry";
pub(crate) const BUILD_FAILED: &str = "BuildFailed";
pub(crate) const ARTIFACT_FAILED: &str = "ArtifactFailed";
pub(crate) const DEPENDENCY_NOT_READY: &str = "DependencyNotReady";
pub(crate) const PRUNE_SKIPPED: &str = "PruneSkipped";
pub(crate) const PRUNE_FAILED: &str = "PruneFailed";
pub(crate) const PRUNE_PROTECTED: &str = "PruneProtected";
pub(crate) const HEALTH_CHECK_FAILED: &str = "HealthCheckFailed";
pub(crate) const DRIFT_FOUGHT: &str = "DriftFought";
pub(crate) const ASSUMED_READY: &str = "AssumedReady";
pub(crate) const SHARED: &str = "SharedObjects";
pub(crate) const DRIFT_UNSEEN: &str = "DriftUnseen";
pub(crate) const UNSET_VARIABLES: &str = "UnsetVariables";
pub(crate) const WITHOUT_EFFECT: &str = "WithoutEffect";
pub(crate) const RESTORED: &str = "Restored";
pub(crate) const ACCESS_DENIED: &str = "AccessDenied";
pub(crate) const NO_CONTROLLER: &str = "NoController";
pub(crate) const NO_NODES: &str = "NoNodes";
pub(crate) const CLUSTER_CHANGED: &str = "ClusterChanged";
pub(crate) const UNSUPPORTED: &str = "UnsupportedFeature";
/// The reason of what has an expression that is none, as Flux has it.
pub(crate) const INVALID_EXPRESSION: &str = "InvalidCELExpression";

/// The dependency that an owner waits for, by what its condition of the reason `DependencyNotReady` says; `None` where that is not just
/// a matter of time: it is not there, or waits for the owner in turn.
pub fn awaited_dependency(message: &str) -> Option<&str> {
    let (name, what) = message.strip_prefix("dependency '")?.split_once("' ")?;
    ["is not ready", "is not ready according to readyExpr eval", "revision is not up to date"]
        .contains(&what)
        .then_some(name)
}

/// A time as Kubernetes writes it: UTC, without fractions.
pub(crate) fn time(timestamp: Timestamp) -> String {
    timestamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A list of conditions that is being changed.
pub(crate) struct Conditions<'a> {
    pub(crate) list: &'a mut Vec<Condition>,
    pub(crate) generation: i64,
}

impl Conditions<'_> {
    /// Sets a condition. The time of its last transition stays as long as its status does.
    pub(crate) fn set(&mut self, type_: &str, status: ConditionStatus, reason: &str, message: &str) {
        let before = self.list.iter().find(|condition| condition.type_ == type_);
        let since = before.filter(|before| before.status == status).map(|before| before.last_transition_time.clone());
        let condition = Condition {
            type_: type_.to_owned(),
            status,
            observed_generation: Some(self.generation),
            last_transition_time: since.unwrap_or_else(|| time(Timestamp::now())),
            reason: reason.to_owned(),
            message: told(message),
        };
        self.remove(type_);
        self.list.push(condition);
        // Ready stands first, as Flux has it, the others by name.
        self.list.sort_by(|a, b| (a.type_ != READY, &a.type_).cmp(&(b.type_ != READY, &b.type_)));
    }

    /// Removes a condition if it is there.
    pub(crate) fn remove(&mut self, type_: &str) {
        self.list.retain(|condition| condition.type_ != type_);
    }

    /// Something failed, and is tried again.
    pub(crate) fn fail(&mut self, reason: &str, message: &str) {
        self.set(READY, ConditionStatus::False, reason, message);
        self.set(RECONCILING, ConditionStatus::True, PROGRESSING_WITH_RETRY, message);
        self.remove(STALLED);
    }

    /// Something failed, and only a change of the object can help.
    pub(crate) fn stall(&mut self, reason: &str, message: &str) {
        self.set(READY, ConditionStatus::False, reason, message);
        self.set(STALLED, ConditionStatus::True, reason, message);
        self.remove(RECONCILING);
    }
}

/// The condition of this type, if there is one.
pub(crate) fn find<'a>(list: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    list.iter().find(|condition| condition.type_ == type_)
}

/// Whether a condition of this type holds.
pub(crate) fn holds(list: &[Condition], type_: &str) -> bool {
    find(list, type_).is_some_and(|condition| condition.status == ConditionStatus::True)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_keeps_its_time_until_its_status_changes() {
        let mut list = vec![];
        let mut conditions = Conditions { list: &mut list, generation: 1 };
        conditions.set(READY, ConditionStatus::True, SUCCEEDED, "one");
        conditions.list[0].last_transition_time = "2020-01-01T00:00:00Z".into();
        conditions.set(READY, ConditionStatus::True, SUCCEEDED, "two");
        assert_eq!(conditions.list[0].last_transition_time, "2020-01-01T00:00:00Z");
        conditions.fail(BUILD_FAILED, "three");
        assert_ne!(conditions.list[0].last_transition_time, "2020-01-01T00:00:00Z");
        assert_eq!(conditions.list.iter().map(|found| found.type_.as_str()).collect::<Vec<_>>(), [READY, RECONCILING]);
    }

    #[test]
    fn who_is_waited_for_is_known_where_it_is_there() {
        for what in ["is not ready", "is not ready according to readyExpr eval", "revision is not up to date"] {
            assert_eq!(awaited_dependency(&format!("dependency 'n/infra' {what}")), Some("n/infra"));
        }
        for message in ["dependency 'n/infra' not found", "dependency cycle: 'n/a' -> 'n/a'", "'n/infra' is not ready"]
        {
            assert_eq!(awaited_dependency(message), None, "{message}");
        }
    }
}
