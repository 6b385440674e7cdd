//! What a GitRepository asks for beyond a commit.

mod composed;
mod deleted;
mod github;
mod verified;

use serde_json::{Value, json};

use crate::world::{FLUX, World};

pub const SOURCE: &str = "source.toolkit.fluxcd.io/v1";

/// Has the GitRepository looked at now.
pub async fn reconcile(world: &World, name: &str, at: &str) {
    let annotations = json!({ "reconcile.fluxcd.io/requestedAt": at });
    world.patch(SOURCE, "GitRepository", FLUX, name, json!({ "metadata": { "annotations": annotations } })).await;
}

/// Waits until the condition Ready says this; the status.
pub async fn says(world: &World, name: &str, status: &str, reason: &str, text: &str) -> Value {
    world
        .until(&format!("{name} says {reason} {text:?}"), async || {
            let object =
                world.get(SOURCE, "GitRepository", Some(FLUX), name).await.ok_or("it does not exist".to_owned())?;
            let found = object["status"].clone();
            let ready = condition(&found, "Ready");
            let message = ready["message"].as_str().unwrap_or_default();
            match ready["status"] == status && ready["reason"] == reason && message.contains(text) {
                true => Ok(found),
                false => Err(found.to_string()),
            }
        })
        .await
}

pub fn condition(status: &Value, type_: &str) -> Value {
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|condition| condition["type"] == type_).unwrap_or_default()
}

/// Waits for an event about a source.
pub async fn event(world: &World, name: &str, reason: &str, text: &str) -> Value {
    world
        .until(&format!("an event {reason} {text:?}"), async || {
            let events = world.api("v1", "Event", Some(FLUX)).list(&Default::default()).await.unwrap().items;
            let is_it = |event: &Value| {
                event["reason"] == reason
                    && event["involvedObject"]["name"] == name
                    && event["message"].as_str().is_some_and(|message| message.contains(text))
            };
            events.into_iter().map(|event| event.data).find(is_it).ok_or("there is none")
        })
        .await
}
