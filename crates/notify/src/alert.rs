//! Which events an Alert is about, and what it adds to them.

use std::collections::BTreeMap;

use cowherd_api::flux::annotations::EVENT_PREFIX;
use cowherd_api::flux::notification::v1beta3::Alert;
use kube::ResourceExt;

use crate::event::Event;

/// How many sources of an Alert count. All of them are looked at for each event.
pub(crate) const MOST_SOURCES: usize = 1_000;

/// Whether an Alert is about an event, as far as its object's labels are not needed for it.
#[derive(Debug, PartialEq)]
pub(crate) enum Concern<'a> {
    /// It is not.
    None,
    /// It is.
    Whole,
    /// It is if the object has all labels of one of these.
    Labelled(Vec<&'a BTreeMap<String, String>>),
}

/// Whether an Alert is about an event, by its sources and its severity.
pub(crate) fn concern<'a>(alert: &'a Alert, event: &Event) -> Concern<'a> {
    let spec = &alert.spec;
    if spec.suspend.unwrap_or_default() {
        return Concern::None;
    }
    let wanted = spec.event_severity.as_deref().unwrap_or("info");
    if wanted != "info" && wanted != event.severity.as_str() {
        return Concern::None;
    }
    let own = alert.namespace().unwrap_or_default();
    let mut labelled = Vec::new();
    for source in spec.event_sources.iter().take(MOST_SOURCES) {
        let namespace = source.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or(&own);
        let names = source.name == "*" || source.name == event.name();
        if !names || source.kind != event.kind() || namespace != event.namespace() {
            continue;
        }
        match &source.match_labels {
            None => return Concern::Whole,
            Some(labels) => labelled.push(labels),
        }
    }
    if labelled.is_empty() { Concern::None } else { Concern::Labelled(labelled) }
}

/// Whether an object with these labels has all of one of the selectors.
pub(crate) fn has_labels(labels: &BTreeMap<String, String>, selectors: &[&BTreeMap<String, String>]) -> bool {
    selectors.iter().any(|selector| selector.iter().all(|(key, value)| labels.get(key) == Some(value)))
}

/// The event as the Alert has it told: its metadata without groups, with what the Alert adds. The second are the names that
/// were said more than once, with who said them.
///
/// The order is Flux's: what the object's annotations say goes last, then the Alert's metadata, its summary, and first what its
/// controller says.
pub(crate) fn told(alert: &Alert, event: &Event) -> (Event, BTreeMap<String, String>) {
    let own = format!("{}/", event.group());
    let below = |prefix: &str| -> Vec<(String, String)> {
        let named = event
            .metadata
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix(prefix)?.to_owned(), value.clone())));
        named.collect()
    };
    let summary = alert.spec.summary.iter().filter(|summary| !summary.is_empty());
    let sources: [(&str, Vec<(String, String)>); 4] = [
        ("involved object annotations", below(EVENT_PREFIX)),
        (
            "Alert object .spec.eventMetadata",
            alert.spec.event_metadata.iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect(),
        ),
        ("Alert object .spec.summary", summary.map(|summary| ("summary".to_owned(), summary.clone())).collect()),
        ("involved object controller metadata", below(&own)),
    ];
    let (mut metadata, mut said) = (BTreeMap::new(), BTreeMap::<String, Vec<&str>>::new());
    for (source, pairs) in sources {
        for (key, value) in pairs {
            said.entry(key.clone()).or_default().push(source);
            metadata.insert(key, value);
        }
    }
    let conflicts = said.into_iter().filter(|(_, sources)| sources.len() > 1);
    let conflicts = conflicts.map(|(key, sources)| (key, sources.join(", "))).collect();
    (Event { metadata, ..event.clone() }, conflicts)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::event::Severity;
    use crate::event::tests::event;

    fn alert(spec: Value) -> Alert {
        let mut whole =
            json!({ "providerRef": { "name": "p" }, "eventSources": [{ "kind": "Kustomization", "name": "*" }] });
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        serde_json::from_value(json!({ "apiVersion": "notification.toolkit.fluxcd.io/v1beta3", "kind": "Alert",
            "metadata": { "name": "a", "namespace": "apps" }, "spec": whole }))
        .unwrap()
    }

    fn is_about(spec: Value) -> bool {
        concern(&alert(spec), &event(&[])) == Concern::Whole
    }

    #[test]
    fn an_alert_is_about_events_of_what_it_names() {
        for (source, about) in [
            (json!({ "kind": "Kustomization", "name": "*" }), true),
            (json!({ "kind": "Kustomization", "name": "web" }), true),
            (json!({ "kind": "Kustomization", "name": "web", "namespace": "apps" }), true),
            (json!({ "kind": "Kustomization", "name": "we*" }), false),
            (json!({ "kind": "Kustomization", "name": "other" }), false),
            (json!({ "kind": "Kustomization", "name": "*", "namespace": "other" }), false),
            (json!({ "kind": "Kustomization", "name": "*", "namespace": "*" }), false),
            (json!({ "kind": "HelmRelease", "name": "*" }), false),
        ] {
            assert_eq!(is_about(json!({ "eventSources": [source.clone()] })), about, "{source}");
        }
        assert!(
            is_about(json!({})) && !is_about(json!({ "suspend": true })) && !is_about(json!({ "eventSources": [] }))
        );
        assert!(!is_about(json!({ "eventSeverity": "error" })));
        let error = Event { severity: Severity::Error, ..event(&[]) };
        for severity in ["error", "info"] {
            assert_eq!(concern(&alert(json!({ "eventSeverity": severity })), &error), Concern::Whole);
        }
    }

    #[test]
    fn labels_are_asked_for_where_nothing_else_decides() {
        let by_label = json!({ "kind": "Kustomization", "name": "*", "matchLabels": { "team": "red", "env": "x" } });
        let labelled = alert(json!({ "eventSources": [by_label] }));
        let Concern::Labelled(selectors) = concern(&labelled, &event(&[])) else { panic!("labels decide") };
        let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        assert!(has_labels(&labels(&[("team", "red"), ("env", "x"), ("more", "y")]), &selectors));
        assert!(!has_labels(&labels(&[("team", "red")]), &selectors));
        let both = json!({ "eventSources": [by_label, { "kind": "Kustomization", "name": "web" }] });
        assert!(is_about(both));
    }

    #[test]
    fn more_sources_than_there_may_be_do_not_count() {
        let other = json!({ "kind": "Kustomization", "name": "other" });
        let mut sources = vec![other; MOST_SOURCES - 1];
        sources.push(json!({ "kind": "Kustomization", "name": "web" }));
        assert!(is_about(json!({ "eventSources": sources })));
        sources.insert(0, sources[0].clone());
        assert!(!is_about(json!({ "eventSources": sources })));
    }

    #[test]
    fn metadata_has_the_precedence_that_flux_gives_it_and_conflicts_are_told() {
        let event = event(&[
            ("event.toolkit.fluxcd.io/env", "annotation"),
            ("event.toolkit.fluxcd.io/team", "red"),
            ("kustomize.toolkit.fluxcd.io/revision", "r"),
        ]);
        let alert = alert(json!({ "summary": "s",
            "eventMetadata": { "env": "alert", "revision": "mine", "summary": "other" } }));
        let (told, conflicts) = told(&alert, &event);
        let expected = json!({ "env": "alert", "team": "red", "summary": "s", "revision": "r" });
        assert_eq!(json!(told.metadata), expected);
        let expected = json!({
            "env": "involved object annotations, Alert object .spec.eventMetadata",
            "revision": "Alert object .spec.eventMetadata, involved object controller metadata",
            "summary": "Alert object .spec.eventMetadata, Alert object .spec.summary",
        });
        assert_eq!(json!(conflicts), expected);
    }
}
