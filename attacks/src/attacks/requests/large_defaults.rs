//! A definition with a large default, asked for by many small items.

use anyhow::Result;
use serde_json::json;

use crate::stage::ask::post;
use crate::stage::{Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "large-defaults",
    about: "a default of 200 KB that 100,000 empty items ask for",
    budget: Budget::USUAL.with_memory(512),
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let text = json!({"type": "string", "default": "x".repeat(200_000)});
    let items = json!({"type": "object", "properties": {"text": text}});
    let heaps = stage.define("defaults", json!({"type": "array", "items": items})).await?;
    let heap = json!({
        "apiVersion": "attack.example.org/v1", "kind": "Kinddefaults", "metadata": {"name": "h"},
        "spec": vec![json!({}); 100_000],
    });
    let answer = post(&stage.people().admin, &heaps, &heap).await?;
    answer.expect(413)?;
    holds(answer.size < 256 * 1024, answer.size)
}
