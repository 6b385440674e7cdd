//! What follows on a failed action: how often it is tried again, and what becomes of the release meanwhile.

use std::time::Duration;

use cowherd_api::flux::helm::v2::{ActionStrategy, HelmReleaseSpec, HelmReleaseStatus};

/// After which time an action is tried again that is not remediated, where nothing is said of that.
const RETRY_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// An action that makes a revision of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReleaseAction {
    Install,
    Upgrade,
}

/// How a release is remediated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    Rollback,
    Uninstall,
}

/// What is said of the failures of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remediation {
    action: ReleaseAction,
    /// How often it is tried again; without end where it is negative.
    retries: i64,
    pub(super) strategy: Strategy,
    /// Whether the release is remediated after the last try, too.
    pub(super) remediates_last: bool,
    /// Whether failed tests are no failure.
    pub(super) ignores_tests: bool,
}

impl ReleaseAction {
    /// The name that a status gives it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Upgrade => "upgrade",
        }
    }

    /// The action that a status says was last tried.
    pub(super) fn last(status: &HelmReleaseStatus) -> Option<Self> {
        let last = status.last_attempted_release_action.as_deref();
        [Self::Install, Self::Upgrade].into_iter().find(|action| last == Some(action.name()))
    }

    /// What is said of its failures.
    pub(super) fn remediation(self, spec: &HelmReleaseSpec) -> Remediation {
        let ignores_tests = spec.test.as_ref().and_then(|test| test.ignore_failures) == Some(true);
        match self {
            Self::Install => {
                let said = spec.install.as_ref().and_then(|install| install.remediation.clone()).unwrap_or_default();
                Remediation {
                    action: self,
                    retries: said.retries.unwrap_or_default().into(),
                    strategy: Strategy::Uninstall,
                    remediates_last: said.remediate_last_failure.unwrap_or(false),
                    ignores_tests: said.ignore_test_failures.unwrap_or(ignores_tests),
                }
            }
            Self::Upgrade => {
                let said = spec.upgrade.as_ref().and_then(|upgrade| upgrade.remediation.clone()).unwrap_or_default();
                let retries = said.retries.unwrap_or_default();
                let uninstalls = said.strategy.as_deref() == Some("uninstall");
                Remediation {
                    action: self,
                    retries: retries.into(),
                    strategy: if uninstalls { Strategy::Uninstall } else { Strategy::Rollback },
                    remediates_last: said.remediate_last_failure.unwrap_or(retries > 0),
                    ignores_tests: said.ignore_test_failures.unwrap_or(ignores_tests),
                }
            }
        }
    }

    /// When it is tried again, where it is that instead of being remediated.
    pub(super) fn retry(self, spec: &HelmReleaseSpec) -> Option<Duration> {
        let strategy: Option<&ActionStrategy> = match self {
            Self::Install => spec.install.as_ref().and_then(|install| install.strategy.as_ref()),
            Self::Upgrade => spec.upgrade.as_ref().and_then(|upgrade| upgrade.strategy.as_ref()),
        };
        let strategy = strategy.filter(|strategy| strategy.name == "RetryOnFailure")?;
        let interval = strategy.retry_interval.as_ref().and_then(|interval| interval.parse().ok());
        Some(interval.unwrap_or(RETRY_INTERVAL))
    }
}

impl Remediation {
    /// How often the action failed.
    pub(super) fn failures(&self, status: &HelmReleaseStatus) -> i64 {
        match self.action {
            ReleaseAction::Install => status.install_failures.unwrap_or_default(),
            ReleaseAction::Upgrade => status.upgrade_failures.unwrap_or_default(),
        }
    }

    /// It failed once more.
    pub(super) fn count_failure(&self, status: &mut HelmReleaseStatus) {
        let count = match self.action {
            ReleaseAction::Install => &mut status.install_failures,
            ReleaseAction::Upgrade => &mut status.upgrade_failures,
        };
        *count = Some(count.unwrap_or_default() + 1);
    }

    /// Whether it is not tried again.
    pub(super) fn is_exhausted(&self, status: &HelmReleaseStatus) -> bool {
        self.retries >= 0 && self.failures(status) > self.retries
    }

    /// Whether another action follows once the release is uninstalled.
    pub(super) fn uninstalls_after_upgrade(&self) -> bool {
        self.action == ReleaseAction::Upgrade && self.strategy == Strategy::Uninstall
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn spec(more: Value) -> HelmReleaseSpec {
        let mut full = json!({ "interval": "1m" });
        full.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(full).unwrap()
    }

    #[test]
    fn nothing_is_tried_again_unless_that_is_asked_for() {
        let mut status = HelmReleaseStatus::default();
        let install = ReleaseAction::Install.remediation(&spec(json!({})));
        assert!(!install.is_exhausted(&status));
        install.count_failure(&mut status);
        assert!(install.is_exhausted(&status) && !install.remediates_last);
        let endless =
            ReleaseAction::Install.remediation(&spec(json!({ "install": { "remediation": { "retries": -1 } } })));
        assert!(!endless.is_exhausted(&status));
        let thrice =
            ReleaseAction::Upgrade.remediation(&spec(json!({ "upgrade": { "remediation": { "retries": 2 } } })));
        assert!(!thrice.is_exhausted(&status), "an upgrade has failures of its own");
        (0..2).for_each(|_| thrice.count_failure(&mut status));
        assert!(!thrice.is_exhausted(&status) && thrice.remediates_last);
        thrice.count_failure(&mut status);
        assert!(thrice.is_exhausted(&status));
    }

    #[test]
    fn an_upgrade_is_rolled_back_unless_something_else_is_said() {
        let upgrade = |remediation: Value| {
            ReleaseAction::Upgrade.remediation(&spec(json!({ "upgrade": { "remediation": remediation } })))
        };
        assert_eq!(upgrade(json!({})).strategy, Strategy::Rollback);
        assert!(upgrade(json!({ "strategy": "uninstall" })).uninstalls_after_upgrade());
        assert_eq!(ReleaseAction::Install.remediation(&spec(json!({}))).strategy, Strategy::Uninstall);
    }

    #[test]
    fn an_action_may_be_tried_again_instead() {
        let retry =
            |strategy: Value| ReleaseAction::Install.retry(&spec(json!({ "install": { "strategy": strategy } })));
        assert_eq!(ReleaseAction::Install.retry(&spec(json!({}))), None);
        assert_eq!(retry(json!({ "name": "RemediateOnFailure" })), None);
        assert_eq!(retry(json!({ "name": "RetryOnFailure" })), Some(RETRY_INTERVAL));
        assert_eq!(retry(json!({ "name": "RetryOnFailure", "retryInterval": "30s" })), Some(Duration::from_secs(30)));
    }
}
