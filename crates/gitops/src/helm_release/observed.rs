//! What was observed of a release: the history in the status, and how Helm's records are told there.

use cowherd_api::flux::helm::v2::{HelmReleaseSpec, HelmReleaseStatus, Snapshot, TestHookStatus};
use cowherd_helm::release::record::{HookRecord, Record};
use jiff::Timestamp;

use super::digest;
use super::names::Names;
use crate::conditions::time;

/// The version of snapshots whose digest is that of [`digest::of_record`].
const VERSION: &str = "v2";

/// What a snapshot says of a revision that was uninstalled since something failed.
pub(super) const UNINSTALLED: &str = "uninstall-remediation";

/// How many snapshots are kept where none of them is good.
const MOST: usize = 5;

/// A record as a status tells it.
pub(super) fn snapshot(record: &Record, action: Option<&str>, oci_digest: Option<&str>) -> Snapshot {
    let metadata = |field: &str| {
        let text = record.chart.pointer(&format!("/metadata/{field}")).and_then(|text| text.as_str());
        text.unwrap_or_default().to_owned()
    };
    let config = record.config.clone().unwrap_or_default();
    Snapshot {
        api_version: Some(VERSION.to_owned()),
        digest: digest::of_record(record, oci_digest),
        action: action.map(str::to_owned),
        name: record.name.clone(),
        namespace: record.namespace.clone(),
        version: i32::try_from(record.version).unwrap_or(i32::MAX),
        status: record.info.status.clone(),
        chart_name: metadata("name"),
        chart_version: metadata("version"),
        app_version: Some(metadata("appVersion")).filter(|version| !version.is_empty()),
        config_digest: digest::of_values(&config),
        first_deployed: in_seconds(&record.info.first_deployed),
        last_deployed: in_seconds(&record.info.last_deployed),
        deleted: Some(&record.info.deleted).filter(|deleted| !deleted.is_empty()).map(|deleted| in_seconds(deleted)),
        test_hooks: None,
        oci_digest: oci_digest.filter(|digest| !digest.is_empty()).map(str::to_owned),
    }
}

/// A time of a record as a status has it.
fn in_seconds(text: &str) -> String {
    time(text.parse::<Timestamp>().unwrap_or_default())
}

/// Whether the record is the one that was observed. One that an earlier version of Flux observed is taken for it.
pub(super) fn is_as_observed(snapshot: &Snapshot, record: &Record) -> bool {
    if snapshot.api_version.as_deref() != Some(VERSION) {
        return true;
    }
    snapshot.digest == digest::of_record(record, snapshot.oci_digest.as_deref())
}

/// Whether the snapshot is of this record.
fn is_of(snapshot: &Snapshot, record: &Record) -> bool {
    (&snapshot.name, &snapshot.namespace, i64::from(snapshot.version))
        == (&record.name, &record.namespace, record.version)
}

/// Takes note of records that were written, in their last state: a new one comes first, others that are known are told as they are
/// now. What made it, and from which artifact, is that of the new one alone. What others made before is none of what was observed.
pub(super) fn note(history: &mut Vec<Snapshot>, records: &[Record], action: &str, oci_digest: Option<&str>) {
    let newest = records.iter().map(|record| record.version).max();
    for record in records {
        match history.iter_mut().find(|snapshot| is_of(snapshot, record)) {
            Some(known) => {
                let tests = known.test_hooks.take();
                // What uninstalls a revision is the last that happens to it.
                let action = if action == UNINSTALLED { Some(action.to_owned()) } else { known.action.clone() };
                let oci = known.oci_digest.clone();
                *known = Snapshot { test_hooks: tests, ..snapshot(record, action.as_deref(), oci.as_deref()) };
            }
            None if Some(record.version) != newest => {}
            None => history.push(snapshot(record, Some(action), oci_digest)),
        }
    }
    sort(history);
}

/// The newest snapshot.
pub(super) fn latest(history: &[Snapshot]) -> Option<&Snapshot> {
    history.iter().max_by_key(|snapshot| snapshot.version)
}

/// The newest snapshot before the latest that was good.
pub(super) fn previous(history: &[Snapshot], ignores_tests: bool) -> Option<&Snapshot> {
    let latest = latest(history)?.version;
    let before = history.iter().filter(|snapshot| snapshot.version < latest && is_good(snapshot, ignores_tests));
    before.max_by_key(|snapshot| snapshot.version)
}

/// Forgets what came before the last good snapshot.
pub(super) fn truncate(history: &mut Vec<Snapshot>, ignores_tests: bool) {
    sort(history);
    let good = history.iter().skip(1).position(|snapshot| is_good(snapshot, ignores_tests));
    history.truncate(good.map_or(MOST, |at| at + 2));
}

/// Forgets all but the newest snapshots.
pub(super) fn truncate_all(history: &mut Vec<Snapshot>) {
    sort(history);
    history.truncate(MOST);
}

fn sort(history: &mut [Snapshot]) {
    history.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.version));
}

fn is_good(snapshot: &Snapshot, ignores_tests: bool) -> bool {
    matches!(snapshot.status.as_str(), "deployed" | "superseded") && (ignores_tests || !has_failed_test(snapshot))
}

/// Whether a test of it failed.
pub(super) fn has_failed_test(snapshot: &Snapshot) -> bool {
    let tests = snapshot.test_hooks.iter().flat_map(|tests| tests.values());
    tests.into_iter().any(|test| test.phase.as_deref() == Some("Failed"))
}

/// How the tests of a record went, by name.
pub(super) fn tests<'a>(
    hooks: impl IntoIterator<Item = &'a HookRecord>,
) -> std::collections::BTreeMap<String, TestHookStatus> {
    let moment = |text: &String| Some(text).filter(|text| !text.is_empty()).map(|text| in_seconds(text));
    let tests = hooks.into_iter().map(|hook| {
        let status = TestHookStatus {
            last_started: moment(&hook.last_run.started_at),
            last_completed: moment(&hook.last_run.completed_at),
            phase: Some(hook.last_run.phase.clone()).filter(|phase| !phase.is_empty()),
        };
        (hook.name.clone(), status)
    });
    tests.collect()
}

/// Where the release is by what was observed of it, where it has another name or place by now, or another chart.
pub(super) fn former(
    own: &HelmReleaseStatus,
    names: &Names,
    spec: &HelmReleaseSpec,
    chart_name: &str,
) -> Option<Names> {
    let (latest, storage) = latest(&own.history).zip(own.storage_namespace.clone())?;
    let strategy = spec.upgrade.as_ref().and_then(|upgrade| upgrade.chart_name_change_strategy.as_deref());
    let is_other_chart = latest.chart_name != chart_name && strategy != Some("InPlaceUpdate");
    let former = Names { release: latest.name.clone(), namespace: latest.namespace.clone(), storage };
    (former != *names || is_other_chart).then_some(former)
}

/// A release and its revision as people are told: `apps/web.v3`.
pub(super) fn full_name(snapshot: &Snapshot) -> String {
    format!("{}/{}.v{}", snapshot.namespace, snapshot.name, snapshot.version)
}

/// A chart and its version as people are told: `web@1.0.0`.
pub(super) fn chart(snapshot: &Snapshot) -> String {
    format!("{}@{}", snapshot.chart_name, snapshot.chart_version)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(version: i64, status: &str) -> Record {
        let mut record = Record { name: "web".into(), namespace: "apps".into(), version, ..Record::default() };
        record.chart = json!({ "metadata": { "name": "web", "version": "1.0.0" } });
        record.info.status = status.into();
        record.info.last_deployed = "2026-01-02T03:04:05.678901234Z".into();
        record
    }

    fn versions(history: &[Snapshot]) -> Vec<(i32, &str)> {
        history.iter().map(|snapshot| (snapshot.version, snapshot.status.as_str())).collect()
    }

    #[test]
    fn a_new_record_comes_first_and_the_old_ones_are_told_as_they_are_now() {
        let mut history = Vec::new();
        note(&mut history, &[record(1, "deployed")], "install", None);
        note(&mut history, &[record(1, "superseded"), record(2, "deployed")], "upgrade", Some("sha256:1"));
        assert_eq!(versions(&history), [(2, "deployed"), (1, "superseded")]);
        assert_eq!((history[0].action.as_deref(), history[1].action.as_deref()), (Some("upgrade"), Some("install")));
        assert_eq!((history[0].oci_digest.as_deref(), history[1].oci_digest.as_deref()), (Some("sha256:1"), None));
        assert_eq!((full_name(&history[0]), chart(&history[0])), ("apps/web.v2".into(), "web@1.0.0".into()));
        assert_eq!(history[0].last_deployed, "2026-01-02T03:04:05Z");
    }

    #[test]
    fn what_others_made_before_is_nothing_that_was_observed() {
        let mut history = Vec::new();
        note(&mut history, &[record(3, "superseded"), record(4, "deployed")], "upgrade", None);
        assert_eq!(versions(&history), [(4, "deployed")]);
        note(&mut history, &[record(4, "uninstalled")], UNINSTALLED, None);
        assert_eq!((versions(&history), history[0].action.as_deref()), (vec![(4, "uninstalled")], Some(UNINSTALLED)));
    }

    #[test]
    fn what_others_changed_of_a_record_is_seen() {
        let observed = snapshot(&record(1, "deployed"), Some("install"), None);
        assert!(is_as_observed(&observed, &record(1, "deployed")));
        assert!(!is_as_observed(&observed, &record(2, "deployed")));
        assert!(!is_as_observed(&observed, &record(1, "superseded")));
        let old = Snapshot { api_version: None, ..observed };
        assert!(is_as_observed(&old, &record(1, "superseded")), "nobody knows how that one was made");
    }

    #[test]
    fn what_can_be_rolled_back_to_is_the_last_that_was_good() {
        let mut history = Vec::new();
        let all = [record(1, "superseded"), record(2, "superseded"), record(3, "failed"), record(4, "failed")];
        all.iter().for_each(|one| note(&mut history, std::slice::from_ref(one), "upgrade", None));
        assert_eq!(previous(&history, false).map(|snapshot| snapshot.version), Some(2));
        let failed = TestHookStatus { phase: Some("Failed".into()), ..TestHookStatus::default() };
        history.iter_mut().find(|snapshot| snapshot.version == 2).unwrap().test_hooks =
            Some([("t".to_owned(), failed)].into());
        assert_eq!(previous(&history, false).map(|snapshot| snapshot.version), Some(1));
        assert_eq!(previous(&history, true).map(|snapshot| snapshot.version), Some(2));
        truncate(&mut history, true);
        assert_eq!(versions(&history), [(4, "failed"), (3, "failed"), (2, "superseded")]);
    }
}
