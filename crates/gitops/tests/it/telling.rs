//! What the agents tell: to whoever started them, in events, and by what they do.

use std::time::Duration;

use cowherd_gitops::Progress;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::world::World;

/// A cluster whose agents tell what they do.
pub async fn telling() -> (World, UnboundedReceiver<Progress>) {
    let mut world = World::new().await;
    let (tell, progress) = mpsc::unbounded_channel();
    world.kill_agents().await;
    world.progress = Some(tell);
    world.start_agents();
    (world, progress)
}

/// Waits until the agents tell such a thing of the Kustomization or source.
pub async fn heard(
    progress: &mut UnboundedReceiver<Progress>,
    name: &str,
    is_meant: impl Fn(&Progress) -> bool,
) -> Progress {
    let mut others = Vec::new();
    let found = async {
        loop {
            let told = progress.recv().await.unwrap();
            if told.name.name == name && is_meant(&told) {
                return told;
            }
            others.push(format!("{} {:?}: {:?}", told.name, told.phase, told.occasion.trigger));
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(120), found).await;
    found.unwrap_or_else(|_| panic!("nothing of the kind of {name} was told; but {others:#?}"))
}

/// Waits for an event about an object of this name with this reason whose message holds these words; its annotations.
pub async fn event(world: &World, about: &str, reason: &str, words: &[&str]) -> Value {
    world
        .until(&format!("an event {reason} about {about} says {words:?}"), async || {
            let told = events(world, about).await;
            let of_it: Vec<_> = told.into_iter().filter(|event| event.data["reason"] == reason).collect();
            let found = of_it.iter().find(|event| {
                let message = event.data["message"].as_str().unwrap_or_default();
                words.iter().all(|word| message.contains(word))
            });
            let messages =
                || of_it.iter().map(|event| event.data["message"].to_string()).collect::<Vec<_>>().join("; ");
            found.map(|event| json!(event.metadata.annotations)).ok_or_else(messages)
        })
        .await
}

/// The events about objects of this name.
pub async fn events(world: &World, about: &str) -> Vec<kube::api::DynamicObject> {
    let events = world.api("v1", "Event", None).list(&Default::default()).await.unwrap();
    events.items.into_iter().filter(|event| event.data["involvedObject"]["name"] == about).collect()
}
