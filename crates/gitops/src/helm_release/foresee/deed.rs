//! What is said of an action as a whole: charts, values, and hooks, which are run and not compared.

use std::collections::BTreeMap;

use cowherd_helm::Chart;
use cowherd_helm::release::HookEvent;
use cowherd_helm::release::record::{HookRecord, Record, charted};
use cowherd_text::listed;
use serde_json::Value;

/// The hooks of an installation.
pub(super) const INSTALL: [HookEvent; 2] = [HookEvent::PreInstall, HookEvent::PostInstall];
/// Those of an upgrade.
pub(super) const UPGRADE: [HookEvent; 2] = [HookEvent::PreUpgrade, HookEvent::PostUpgrade];
/// Those of the end.
pub(super) const UNINSTALL: [HookEvent; 2] = [HookEvent::PreDelete, HookEvent::PostDelete];
/// The tests.
pub(super) const TEST: [HookEvent; 1] = [HookEvent::Test];

/// How many hooks are named.
const NAMED: usize = 8;

/// Which chart takes the place of which.
pub(super) fn charts(current: Option<&Record>, record: &Record) -> String {
    let now = chart(record);
    match current.map(chart) {
        Some(before) if before != now => format!("chart {before} → {now}"),
        _ => format!("chart {now}"),
    }
}

/// Whether its values are others, in words. What they are may come from Secrets.
pub(super) fn values(current: Option<&Record>, record: &Record) -> Option<String> {
    let of = |record: &Record| record.config.clone().unwrap_or_default();
    current.filter(|current| of(current) != of(record)).map(|_| "with other values".to_owned())
}

/// Which hooks would run, if any would.
pub(super) fn hooks(record: &Record, events: &[HookEvent]) -> Option<String> {
    let of_events = |hook: &HookRecord| -> Vec<&'static str> {
        let named = events.iter().map(|event| event.name());
        named.filter(|name| hook.events.iter().any(|event| event == name)).collect()
    };
    let runs = record.hooks.iter().filter_map(|hook| {
        let events = of_events(hook);
        (!events.is_empty()).then(|| format!("{}/{} ({})", hook.kind, hook.name, events.join(", ")))
    });
    let runs: Vec<String> = runs.collect();
    (!runs.is_empty()).then(|| format!("hooks run, which are not compared: {}", listed(runs, NAMED)))
}

/// Whether a chart has other templates than the one that was released.
pub(super) fn has_other_templates(record: &Record, chart: &Chart) -> bool {
    templates(&record.chart) != templates(&charted(chart))
}

fn templates(chart: &Value) -> BTreeMap<&str, &str> {
    let files = chart["templates"].as_array().into_iter().flatten();
    files.filter_map(|file| Some((file["name"].as_str()?, file["data"].as_str()?))).collect()
}

fn chart(record: &Record) -> String {
    let text = |field: &str| record.chart["metadata"][field].as_str().unwrap_or_default();
    format!("{}@{}", text("name"), text("version"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(version: &str, color: &str) -> Record {
        let hook = |name: &str, events: &[&str]| HookRecord {
            name: name.into(),
            kind: "Job".into(),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            ..HookRecord::default()
        };
        Record {
            chart: json!({ "metadata": { "name": "web", "version": version } }),
            config: json!({ "color": color }).as_object().cloned(),
            hooks: vec![hook("migrate", &["pre-install", "pre-upgrade"]), hook("try", &["test"])],
            ..Record::default()
        }
    }

    #[test]
    fn an_action_is_told_by_what_is_another_one() {
        let (before, after) = (record("1.0.0", "red"), record("1.1.0", "red"));
        assert_eq!(charts(Some(&before), &after), "chart web@1.0.0 → web@1.1.0");
        assert_eq!(
            (charts(None, &after), charts(Some(&after), &after)),
            ("chart web@1.1.0".into(), "chart web@1.1.0".into())
        );
        assert_eq!(values(Some(&before), &after), None);
        let said = values(Some(&before), &record("1.0.0", "blue")).unwrap();
        assert_eq!(said, "with other values");
    }

    #[test]
    fn hooks_are_told_by_the_events_that_run_them() {
        let record = record("1.0.0", "red");
        assert_eq!(
            hooks(&record, &UPGRADE).as_deref(),
            Some("hooks run, which are not compared: Job/migrate (pre-upgrade)")
        );
        assert_eq!(hooks(&record, &TEST).as_deref(), Some("hooks run, which are not compared: Job/try (test)"));
        assert_eq!(hooks(&record, &UNINSTALL), None);
    }
}
