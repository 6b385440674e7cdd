//! Which events an Alert is about, and what it adds to them.

use std::collections::BTreeMap;

use cowherd_api::flux::annotations::EVENT_PREFIX;
use cowherd_api::flux::notification::v1beta3::Alert;
use kube::ResourceExt;
use regex::RegexBuilder;

use crate::event::Event;

/// How many expressions of a list are looked for at most, and how large a compiled one may be, in bytes.
const MOST: usize = 64;
const SIZE: usize = 1 << 20;

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
    for source in &spec.event_sources {
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

/// What is wrong with an expression of an Alert's lists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WrongExpression {
    /// It is none.
    #[error("failed to compile {list} regex: {expression}")]
    Invalid { list: &'static str, expression: String },
    /// There are too many.
    #[error("spec.{list}List has more than {MOST} expressions; the first {MOST} of them count")]
    TooMany { list: &'static str },
}

/// Whether the lists of an Alert leave a message; what is wrong with them is added to `wrong`. An expression that is none is
/// found in no message.
pub(crate) fn admits(alert: &Alert, message: &str, wrong: &mut Vec<WrongExpression>) -> bool {
    let spec = &alert.spec;
    let is_included = spec.inclusion_list.is_empty() || finds("inclusion", &spec.inclusion_list, message, wrong);
    is_included && !finds("exclusion", &spec.exclusion_list, message, wrong)
}

fn finds(list: &'static str, expressions: &[String], message: &str, wrong: &mut Vec<WrongExpression>) -> bool {
    if expressions.len() > MOST {
        wrong.push(WrongExpression::TooMany { list });
    }
    expressions.iter().take(MOST).any(|expression| {
        match RegexBuilder::new(expression).size_limit(SIZE).dfa_size_limit(SIZE).build() {
            Ok(regex) => regex.is_match(message),
            Err(_) => {
                wrong.push(WrongExpression::Invalid { list, expression: shortened(expression) });
                false
            }
        }
    })
}

fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
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
    fn lists_leave_what_is_included_and_not_excluded_and_say_what_is_no_expression() {
        let admitted = |spec: Value| {
            let mut wrong = Vec::new();
            (admits(&alert(spec), "Deployment/apps/web configured", &mut wrong), wrong.len())
        };
        assert_eq!(admitted(json!({})), (true, 0));
        assert_eq!(admitted(json!({ "inclusionList": ["configured$"] })), (true, 0));
        assert_eq!(admitted(json!({ "inclusionList": ["created", "Deploy.*"] })), (true, 0));
        assert_eq!(admitted(json!({ "inclusionList": ["created"] })), (false, 0));
        assert_eq!(admitted(json!({ "exclusionList": ["created", "web"] })), (false, 0));
        assert_eq!(admitted(json!({ "inclusionList": ["web"], "exclusionList": ["apps"] })), (false, 0));
        assert_eq!(admitted(json!({ "inclusionList": ["("] })), (false, 1));
        assert_eq!(admitted(json!({ "exclusionList": ["(", "a{9999}{9999}"] })), (true, 2));
        assert_eq!(admitted(json!({ "exclusionList": vec!["x"; MOST + 1] })), (true, 1));
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
