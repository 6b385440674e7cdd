//! Events: what happened to an object.

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::Value;

use crate::checks::Errors;
use crate::json::Read;
use crate::kind::Kind;
use crate::strategy::Rules;
use crate::table::{self, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["ev"],
    rules: Rules { validate, columns: COLUMNS, cells, fields, ..Rules::PLAIN },
    ..Kind::namespaced(super::V1, "Event", "events", "event", "io.k8s.api.core.v1.Event")
};

/// The columns of both forms of Events.
pub(crate) const COLUMNS: &[Column] = &[
    Column::text("Last Seen", "How long ago it last happened."),
    Column::text("Type", "Whether it is normal or a warning."),
    Column::text("Reason", "What happened, in a word."),
    Column::text("Object", "What it happened to."),
    Column::wide("Subobject", "The part of the object that it happened to."),
    Column::wide("Source", "Who says so."),
    Column::text("Message", "What happened, in a sentence."),
    Column::wide("First Seen", "How long ago it first happened."),
    Column::wide("Count", "How often it happened."),
    Column { priority: 1, ..NAME },
];

fn validate(event: &Value, errors: &mut Errors) {
    let about = event["involvedObject"].text("namespace");
    let namespace = event["metadata"].text("namespace");
    // Events about what is in no namespace live in the default one.
    let right = if about.is_empty() { matches!(namespace, "default" | "kube-system" | "") } else { about == namespace };
    if !right {
        let field = FieldPath::new("involvedObject.namespace");
        errors.push(FieldError::invalid(&field, about, "does not match event.namespace"));
    }
}

pub(crate) fn cells(event: &Value, now: Timestamp) -> Vec<Value> {
    let object = &event["involvedObject"];
    let pick = |field: &str, otherwise: &str| {
        if event.has(field) { event[field].clone() } else { event[otherwise].clone() }
    };
    let first = pick("firstTimestamp", "eventTime");
    let last = if event["series"].has("lastObservedTime") {
        event["series"]["lastObservedTime"].clone()
    } else if event.has("lastTimestamp") {
        event["lastTimestamp"].clone()
    } else {
        first.clone()
    };
    let count = event["series"].number("count").or(event.number("count")).filter(|count| *count > 0).unwrap_or(1);
    let kind = object.text("kind").to_lowercase();
    let target = match object.text("name") {
        "" => kind,
        name => format!("{kind}/{name}"),
    };
    vec![
        table::since(&last, now).into(),
        event.text("type").into(),
        event.text("reason").into(),
        target.into(),
        object.text("fieldPath").into(),
        source(event).into(),
        event.text("message").trim().into(),
        table::since(&first, now).into(),
        count.into(),
        table::name(event),
    ]
}

fn source(event: &Value) -> String {
    let source = &event["source"];
    let component = table::or(source.text("component"), event.text("reportingComponent"));
    match table::or(source.text("host"), event.text("reportingInstance")) {
        "" => component.to_owned(),
        host => format!("{component}, {host}"),
    }
}

pub(crate) fn fields(event: &Value) -> Vec<(&'static str, String)> {
    let object = &event["involvedObject"];
    let component = table::or(event["source"].text("component"), event.text("reportingComponent"));
    vec![
        ("involvedObject.kind", object.text("kind").to_owned()),
        ("involvedObject.namespace", object.text("namespace").to_owned()),
        ("involvedObject.name", object.text("name").to_owned()),
        ("involvedObject.uid", object.text("uid").to_owned()),
        ("involvedObject.apiVersion", object.text("apiVersion").to_owned()),
        ("involvedObject.resourceVersion", object.text("resourceVersion").to_owned()),
        ("involvedObject.fieldPath", object.text("fieldPath").to_owned()),
        ("reason", event.text("reason").to_owned()),
        ("reportingComponent", event.text("reportingComponent").to_owned()),
        ("source", component.to_owned()),
        ("type", event.text("type").to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_reads_as_kubectl_shows_it() {
        let event = json!({
            "metadata": {"name": "web.1", "namespace": "default"},
            "involvedObject": {"kind": "Pod", "name": "web", "namespace": "default"},
            "type": "Normal", "reason": "Pulled", "message": "Image is there\n", "count": 3,
            "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:59:30Z",
            "source": {"component": "kubelet", "host": "n1"},
        });
        assert!(KIND.validate_create(&event).is_empty());
        assert_eq!(
            KIND.row(&event, "2026-01-01T01:00:00Z".parse().expect("a time")),
            [
                json!("30s"),
                json!("Normal"),
                json!("Pulled"),
                json!("pod/web"),
                json!(""),
                json!("kubelet, n1"),
                json!("Image is there"),
                json!("60m"),
                json!(3),
                json!("web.1")
            ]
        );
    }
}
