//! The conditions of a HelmRelease, as Flux writes them.

use cowherd_api::flux::helm::v2::{HelmReleaseSpec, HelmReleaseStatus};
use cowherd_api::{Condition, ConditionStatus};

use super::digest;
use crate::conditions::{Conditions, READY, STALLED, find};
use crate::owner::{Owner, Status, status};

pub(super) const RELEASED: &str = "Released";
pub(super) const REMEDIATED: &str = "Remediated";
pub(super) const TEST_SUCCESS: &str = "TestSuccess";
pub(super) const DRIFTED: &str = "Drifted";

pub(super) const INSTALL_SUCCEEDED: &str = "InstallSucceeded";
pub(super) const INSTALL_FAILED: &str = "InstallFailed";
pub(super) const UPGRADE_SUCCEEDED: &str = "UpgradeSucceeded";
pub(super) const UPGRADE_FAILED: &str = "UpgradeFailed";
pub(super) const TEST_SUCCEEDED: &str = "TestSucceeded";
pub(super) const TEST_FAILED: &str = "TestFailed";
pub(super) const ROLLBACK_SUCCEEDED: &str = "RollbackSucceeded";
pub(super) const ROLLBACK_FAILED: &str = "RollbackFailed";
pub(super) const UNINSTALL_SUCCEEDED: &str = "UninstallSucceeded";
pub(super) const UNINSTALL_FAILED: &str = "UninstallFailed";
pub(super) const PENDING_RELEASE: &str = "PendingRelease";

/// Makes Ready of what the conditions of the actions say: that of the latest generation, and of those the most telling.
pub(super) fn summarize(status: &mut Status, own: &mut HelmReleaseStatus, owner: &Owner, spec: &HelmReleaseSpec) {
    let test = spec.test.as_ref();
    let tests = test.and_then(|test| test.enable) == Some(true);
    let ignores_tests = test.and_then(|test| test.ignore_failures) == Some(true);
    if !tests {
        status::conditions(status, owner).remove(TEST_SUCCESS);
    }
    let telling: &[&str] =
        if tests && !ignores_tests { &[REMEDIATED, TEST_SUCCESS, RELEASED] } else { &[REMEDIATED, RELEASED] };
    let told = telling.iter().filter_map(|type_| find(&status.conditions, type_));
    // Of those of one generation the first stays.
    let most = told.reduce(|most, next| if next.observed_generation > most.observed_generation { next } else { most });
    if let Some(Condition { type_, status: value, reason, message, .. }) = most.cloned() {
        let value = if type_ == REMEDIATED { ConditionStatus::False } else { value };
        let mut conditions = status::conditions(status, owner);
        if value == ConditionStatus::True {
            conditions.remove(STALLED);
        }
        conditions.set(READY, value, &reason, &message);
    }
    own.observed_post_renderers_digest = post_renderers_digest(spec);
    own.observed_common_metadata_digest = common_metadata_digest(spec);
}

/// The identity of the post renderers, where there are any.
pub(super) fn post_renderers_digest(spec: &HelmReleaseSpec) -> Option<String> {
    (!spec.post_renderers.is_empty()).then(|| digest::of_json(&spec.post_renderers))
}

/// The identity of the common labels and annotations, where there are any.
pub(super) fn common_metadata_digest(spec: &HelmReleaseSpec) -> Option<String> {
    spec.common_metadata.as_ref().map(digest::of_json)
}

/// Puts one condition in the place of another one that holds.
pub(super) fn replace(conditions: &mut Conditions<'_>, before: &str, now: &str, reason: &str, message: &str) {
    conditions.remove(before);
    conditions.set(now, ConditionStatus::True, reason, message);
}
