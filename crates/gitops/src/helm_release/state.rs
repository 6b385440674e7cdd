//! What is to be done for a release: it follows from Helm's last record, from what was observed of it, and from what is asked for.

use cowherd_api::flux::helm::v2::{HelmReleaseSpec, HelmReleaseStatus};
use cowherd_helm::release::record::{Record, Status};

use super::conditions::{common_metadata_digest, post_renderers_digest};
use super::observed::{has_failed_test, is_as_observed, latest};
use super::remediation::ReleaseAction;

/// How a release is, compared with what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// There is none.
    Absent,
    /// There is one that was made by somebody else, or that somebody else changed.
    Unmanaged,
    /// An action was begun and never ended.
    Locked(Status),
    /// It is of another chart, or of other values.
    OutOfSync(&'static str),
    /// Its last action, or one of its tests, failed.
    Failed,
    /// Its tests have not run yet.
    Untested,
    /// It is as it should be, as far as its records say.
    InSync,
}

/// What a release should be.
pub(super) struct Wanted<'a> {
    pub(super) spec: &'a HelmReleaseSpec,
    pub(super) chart_name: &'a str,
    pub(super) chart_version: &'a str,
    pub(super) config_digest: &'a str,
    /// Whether the spec is another one than that which was last brought.
    pub(super) is_new_spec: bool,
}

/// How the release is whose last record this is.
///
/// # Errors
/// When the record says what nothing can be done about.
pub(super) fn determine(
    last: Option<&Record>,
    observed: &HelmReleaseStatus,
    wanted: &Wanted<'_>,
) -> Result<State, String> {
    let Some(record) = last else { return Ok(State::Absent) };
    let status = record.status();
    // An uninstallation that broke off leaves what nobody else could act upon.
    if let Some(pending) = status.filter(|status| status.is_pending() || *status == Status::Uninstalling) {
        return Ok(State::Locked(pending));
    }
    let Some(snapshot) = latest(&observed.history) else {
        return Ok(if status == Some(Status::Uninstalled) { State::Absent } else { State::Unmanaged });
    };
    if !is_as_observed(snapshot, record) {
        return Ok(State::Unmanaged);
    }
    match status {
        Some(Status::Failed) => Ok(State::Failed),
        Some(Status::Uninstalled) => Ok(State::Absent),
        Some(Status::Deployed) => {
            let of_chart =
                |field: &str| record.chart.pointer(&format!("/metadata/{field}")).and_then(|text| text.as_str());
            if (of_chart("name"), of_chart("version")) != (Some(wanted.chart_name), Some(wanted.chart_version)) {
                return Ok(State::OutOfSync("release chart changed"));
            }
            if snapshot.config_digest != wanted.config_digest {
                return Ok(State::OutOfSync("release config values changed"));
            }
            if wanted.is_new_spec && post_renderers_digest(wanted.spec) != observed.observed_post_renderers_digest {
                return Ok(State::OutOfSync("postrenderers digest has changed"));
            }
            if wanted.is_new_spec && common_metadata_digest(wanted.spec) != observed.observed_common_metadata_digest {
                return Ok(State::OutOfSync("common metadata digest has changed"));
            }
            if wanted.spec.test.as_ref().and_then(|test| test.enable) != Some(true) {
                return Ok(State::InSync);
            }
            if snapshot.test_hooks.is_none() {
                return Ok(State::Untested);
            }
            let remediation = ReleaseAction::last(observed).map(|action| action.remediation(wanted.spec));
            let minds = remediation.is_some_and(|remediation| !remediation.ignores_tests);
            Ok(if minds && has_failed_test(snapshot) { State::Failed } else { State::InSync })
        }
        _ => Err(format!("unable to determine state for release with status '{}'", record.info.status)),
    }
}

#[cfg(test)]
mod tests {
    use cowherd_api::flux::helm::v2::TestHookStatus;
    use serde_json::{Value, json};

    use super::super::digest;
    use super::super::observed::snapshot;
    use super::*;

    fn record(status: &str) -> Record {
        let mut record = Record { name: "web".into(), namespace: "apps".into(), version: 2, ..Record::default() };
        record.chart = json!({ "metadata": { "name": "web", "version": "1.0.0" } });
        record.info.status = status.into();
        record
    }

    /// The state of a release whose record was observed as it is.
    fn of(status: &str, spec: Value, change: impl FnOnce(&mut HelmReleaseStatus)) -> Result<State, String> {
        let record = record(status);
        let observed = snapshot(&record, Some("install"), None);
        let mut own = HelmReleaseStatus { history: vec![observed], ..HelmReleaseStatus::default() };
        own.last_attempted_release_action = Some("install".into());
        change(&mut own);
        state(Some(&record), &own, spec)
    }

    fn state(last: Option<&Record>, own: &HelmReleaseStatus, spec: Value) -> Result<State, String> {
        let mut full = json!({ "interval": "1m" });
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let spec: HelmReleaseSpec = serde_json::from_value(full).unwrap();
        let config_digest = digest::of_values(&Default::default());
        let (chart_name, chart_version) = ("web", "1.0.0");
        let wanted =
            Wanted { spec: &spec, chart_name, chart_version, config_digest: &config_digest, is_new_spec: true };
        determine(last, own, &wanted)
    }

    #[test]
    fn what_helm_says_decides() {
        assert_eq!(state(None, &HelmReleaseStatus::default(), json!({})), Ok(State::Absent));
        assert_eq!(of("deployed", json!({}), |_| ()), Ok(State::InSync));
        assert_eq!(of("failed", json!({}), |_| ()), Ok(State::Failed));
        assert_eq!(of("uninstalled", json!({}), |_| ()), Ok(State::Absent));
        assert_eq!(of("pending-upgrade", json!({}), |_| ()), Ok(State::Locked(Status::PendingUpgrade)));
        assert_eq!(of("uninstalling", json!({}), |_| ()), Ok(State::Locked(Status::Uninstalling)));
        assert!(of("superseded", json!({}), |_| ()).unwrap_err().contains("'superseded'"));
    }

    #[test]
    fn a_release_that_others_made_or_changed_is_taken_over() {
        assert_eq!(of("deployed", json!({}), |own| own.history.clear()), Ok(State::Unmanaged));
        assert_eq!(of("uninstalled", json!({}), |own| own.history.clear()), Ok(State::Absent));
        assert_eq!(of("deployed", json!({}), |own| own.history[0].digest = "sha256:1".into()), Ok(State::Unmanaged));
    }

    #[test]
    fn another_chart_and_other_values_are_brought() {
        let changed = |own: &mut HelmReleaseStatus| own.history[0].config_digest = "sha256:1".into();
        assert_eq!(of("deployed", json!({}), changed), Ok(State::OutOfSync("release config values changed")));
        let common = json!({ "commonMetadata": { "labels": { "a": "b" } } });
        assert_eq!(of("deployed", common, |_| ()), Ok(State::OutOfSync("common metadata digest has changed")));
    }

    #[test]
    fn tests_run_once_and_their_failure_is_one() {
        let tested = |phase: &'static str| {
            move |own: &mut HelmReleaseStatus| {
                let test = TestHookStatus { phase: Some(phase.into()), ..TestHookStatus::default() };
                own.history[0].test_hooks = Some([("t".to_owned(), test)].into());
            }
        };
        let enabled = json!({ "test": { "enable": true } });
        assert_eq!(of("deployed", enabled.clone(), |_| ()), Ok(State::Untested));
        assert_eq!(of("deployed", enabled.clone(), tested("Succeeded")), Ok(State::InSync));
        assert_eq!(of("deployed", enabled, tested("Failed")), Ok(State::Failed));
        let ignored = json!({ "test": { "enable": true, "ignoreFailures": true } });
        assert_eq!(of("deployed", ignored, tested("Failed")), Ok(State::InSync));
        assert_eq!(of("deployed", json!({}), tested("Failed")), Ok(State::InSync));
    }
}
