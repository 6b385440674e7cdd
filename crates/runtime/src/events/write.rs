//! Writes events, one after the other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::Note;
use super::correlator::{Correlator, Verdict};

/// How often it is tried to write an event while the API cannot be reached, and how long to wait in between.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_secs(2);
/// The longest name of an object.
const LONGEST: usize = 253;

/// Writes what comes in until nobody can send any more.
pub(super) async fn write(
    client: &Client,
    component: &'static str,
    inbox: &mut mpsc::Receiver<Note>,
    dropped: &AtomicU64,
) {
    let mut correlator = Correlator::new();
    while let Some(note) = inbox.recv().await {
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(component, lost, "events were dropped because too many happened at once");
        }
        let Some(verdict) = correlator.judge(&note, Instant::now()) else { continue };
        let mut attempts = 1;
        loop {
            match write_one(client, component, &note, &verdict, &mut correlator).await {
                Ok(()) => break,
                // The API understood and refused, or it has been away for too long.
                Err(error) if matches!(error, kube::Error::Api(_)) || attempts == ATTEMPTS => {
                    tracing::debug!(component, %error, reason = note.reason, "an event could not be written");
                    break;
                }
                Err(_) => {
                    attempts += 1;
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

async fn write_one(
    client: &Client,
    component: &str,
    note: &Note,
    verdict: &Verdict,
    correlator: &mut Correlator,
) -> kube::Result<()> {
    let namespace = note.about.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or("default");
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    if let Some(name) = &verdict.known {
        let mut patch = json!({
            "count": verdict.count, "lastTimestamp": Time(seconds(note.at)), "message": verdict.message,
        });
        if !note.annotations.is_empty() {
            patch["metadata"] = json!({ "annotations": note.annotations });
        }
        match api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await {
            // It has expired; what happens from now on is another event.
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            result => return result.map(drop),
        }
    }
    let count = if verdict.known.is_some() { 1 } else { verdict.count };
    let name = name(note.about.name.as_deref().unwrap_or_default(), note.at);
    let event = event(component, note, verdict, count, &name, namespace);
    match api.create(&PostParams::default(), &event).await {
        // An earlier attempt was understood after all.
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        result => drop(result?),
    }
    correlator.written(verdict.key, name, count);
    Ok(())
}

fn event(component: &str, note: &Note, verdict: &Verdict, count: i32, name: &str, namespace: &str) -> Event {
    let time = Some(Time(seconds(note.at)));
    Event {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            annotations: Some(note.annotations.clone()).filter(|annotations| !annotations.is_empty()),
            ..ObjectMeta::default()
        },
        involved_object: note.about.clone(),
        type_: Some(note.severity.as_str().to_owned()),
        reason: Some(note.reason.clone()),
        message: Some(verdict.message.clone()),
        count: Some(count),
        first_timestamp: time.clone(),
        last_timestamp: time,
        source: Some(EventSource { component: Some(component.to_owned()), host: None }),
        reporting_component: Some(component.to_owned()),
        ..Event::default()
    }
}

/// The name of an event about the object of this name: unique by the time, as those of Kubernetes' own controllers.
fn name(object: &str, at: Timestamp) -> String {
    let unique = format!(".{:x}", at.as_nanosecond());
    let object = &object[..object.floor_char_boundary(LONGEST - unique.len())];
    // A name that was cut may end in what no part of a name ends in.
    format!("{}{unique}", object.trim_end_matches(['.', '-']))
}

fn seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
