//! Who is called when something is wrong, and who keeps what happened when.

use cowherd_source::Call;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::words::{description, hex, short_name};
use super::{Failure, Settings, post, with, with_password};
use crate::event::Event;

/// The time of an event as Kubernetes writes it.
fn time(event: &Event) -> String {
    event.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(super) fn alertmanager(to: &Settings, event: &Event) -> Result<Call, Failure> {
    let mut labels = event.metadata.clone();
    let mut annotations = json!({ "message": event.message });
    if let Some(summary) = labels.remove("summary") {
        annotations["summary"] = summary.into();
    }
    for (label, value) in [
        ("alertname", format!("Flux{}{}", event.kind(), titled(&event.reason))),
        ("severity", event.severity.as_str().to_owned()),
        ("reason", event.reason.clone()),
        ("kind", event.kind().to_owned()),
        ("name", event.name().to_owned()),
        ("namespace", event.namespace().to_owned()),
        ("reportingcontroller", event.reporting_controller.clone()),
    ] {
        labels.insert(label.to_owned(), value);
    }
    let alert = json!({ "status": "firing", "labels": labels, "annotations": annotations, "startsAt": time(event),
        "endsAt": "0001-01-01T00:00:00Z" });
    let call = post(to.web_address()?, &json!([alert]))?;
    Ok(match (to.username.is_empty() || to.password.is_empty(), to.token.is_empty()) {
        (false, _) => with_password(call, &to.username, &to.password),
        (true, false) => with(call, "Authorization", format!("Bearer {}", to.token)),
        (true, true) => call,
    })
}

/// A word with a capital at its beginning alone.
fn titled(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    first + &letters.as_str().to_lowercase()
}

pub(super) fn grafana(to: &Settings, event: &Event) -> Result<Call, Failure> {
    let plain = |text: &str| text.replace(':', "|");
    let mut tags = vec!["flux".to_owned(), event.reporting_controller.clone()];
    tags.extend(event.metadata.iter().map(|(key, value)| format!("{}: {}", plain(key), plain(value))));
    let own = [("kind", event.kind()), ("name", event.name()), ("namespace", event.namespace())];
    tags.extend(own.map(|(key, value)| format!("{key}: {value}")));
    let body = json!({ "when": event.timestamp.as_second(), "text": event.title(), "tags": tags });
    let call = post(to.web_address()?, &body)?;
    Ok(match (to.token.is_empty(), to.username.is_empty() || to.password.is_empty()) {
        (false, _) => with(call, "Authorization", format!("Bearer {}", to.token)),
        (true, false) => with_password(call, &to.username, &to.password),
        (true, true) => call,
    })
}

pub(super) fn opsgenie(to: &Settings, event: &Event) -> Result<Call, Failure> {
    let token = to.needed_token()?;
    let mut details = event.metadata.clone();
    details.insert("severity".to_owned(), event.severity.as_str().to_owned());
    // By this it knows that it was called about the same before.
    let about = [to.uid.as_str(), event.kind(), event.namespace(), event.name(), &event.reason].join("/");
    let body = json!({
        "message": format!("{}/{}", event.kind(), event.name()),
        "alias": hex(&Sha256::digest(about.as_bytes())),
        "description": event.message,
        "details": details,
    });
    Ok(with(post(to.web_address()?, &body)?, "Authorization", format!("GenieKey {token}")))
}

/// An incident begins with an error and ends with what is not one, which is told as a change as well.
pub(super) fn pagerduty(to: &Settings, event: &Event) -> Result<Vec<Call>, Failure> {
    let server = server(to.web_address()?);
    if event.is_progress() {
        return Ok(Vec::new());
    }
    let (source, summary) =
        (format!("Flux {}", event.reporting_controller), format!("{}: {}", description(event), short_name(event)));
    let metadata = if event.metadata.is_empty() { Value::Null } else { json!(event.metadata) };
    let details = json!({ "message": event.message, "metadata": metadata });
    let (key, uid) = (&to.channel, event.uid());
    if event.is_error() {
        let payload = json!({ "summary": summary, "source": source, "severity": "error", "timestamp": time(event),
            "component": event.name(), "group": event.kind(), "custom_details": details });
        let body = json!({ "routing_key": key, "event_action": "trigger", "dedup_key": uid, "payload": payload });
        return Ok(vec![post(format!("{server}/v2/enqueue"), &body)?]);
    }
    let resolved = json!({ "routing_key": key, "event_action": "resolve", "dedup_key": uid });
    let payload = json!({ "summary": summary, "source": source, "timestamp": time(event), "custom_details": details });
    let changed = json!({ "routing_key": key, "payload": payload });
    Ok(vec![post(format!("{server}/v2/enqueue"), &resolved)?, post(format!("{server}/v2/change/enqueue"), &changed)?])
}

/// An address without what stands behind its server.
fn server(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{scheme}://{authority}")
}

pub(super) fn datadog(to: &Settings, event: &Event) -> Result<Call, Failure> {
    let token = to.needed_token()?;
    let mut tags = vec![
        format!("flux_reporting_controller:{}", event.reporting_controller),
        format!("flux_reason:{}", event.reason),
        format!("kube_kind:{}", event.kind()),
        format!("kube_name:{}", event.name()),
        format!("kube_namespace:{}", event.namespace()),
    ];
    tags.extend(event.metadata.iter().map(|(key, value)| format!("{key}:{value}")));
    let tags: Vec<String> = tags.iter().map(|tag| tag.to_lowercase()).collect();
    let body = json!({
        "title": format!("Events from the {} {}/{}", event.kind(), event.name(), event.namespace()),
        "text": event.message,
        "tags": tags,
        "source_type_name": "fluxcd",
        "date_happened": event.timestamp.as_second(),
        "alert_type": event.severity.as_str(),
    });
    Ok(with(post(format!("{}/api/v1/events", server(to.web_address()?)), &body)?, "DD-API-KEY", token))
}

pub(super) fn incident_io(to: &Settings, event: &Event) -> Result<Vec<Call>, Failure> {
    let token = to.needed_token()?;
    let address = to.web_address()?;
    if event.is_progress() {
        return Ok(Vec::new());
    }
    let mut metadata = event.metadata.clone();
    metadata.insert("severity".to_owned(), event.severity.as_str().to_owned());
    metadata.insert("reason".to_owned(), event.reason.clone());
    if !event.reporting_controller.is_empty() {
        metadata.insert("reportingController".to_owned(), event.reporting_controller.clone());
    }
    let mut body = json!({
        "title": format!("{}: {}", event.title(), event.reason),
        "status": if event.is_error() { "firing" } else { "resolved" },
        "deduplication_key": event.uid(),
        "metadata": metadata,
    });
    if !event.message.is_empty() {
        body["description"] = event.message.as_str().into();
    }
    Ok(vec![with(post(address, &body)?, "Authorization", format!("Bearer {token}"))])
}
