//! Schemas that are cheap to write and costly to check: alternatives without end, long enumerations.

use anyhow::Result;
use serde_json::{Value, json};

use crate::stage::ask::post;
use crate::stage::{Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "costly-alternatives",
    about: "20,000 alternatives tried on 300,000 items, an enum of 1,000 values on 30,000 wrong ones",
    budget: Budget::USUAL.with_memory(512),
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let alternatives: Vec<Value> = (0..20_000).map(|least| json!({"minimum": least + 10})).collect();
    let items = json!({"type": "integer", "anyOf": alternatives});
    let tried = stage.define("alternatives", json!({"type": "array", "items": items})).await?;
    let values: Vec<String> = (0..1_000).map(|number| format!("value-{number}")).collect();
    let items = json!({"type": "string", "enum": values});
    let listed = stage.define("enumerations", json!({"type": "array", "items": items})).await?;
    let admin = stage.people().admin;
    let object = |kind: &str, spec: Vec<Value>| json!({"apiVersion": "attack.example.org/v1", "kind": kind, "metadata": {"name": "h"}, "spec": spec});
    for (path, object) in [
        (&tried, object("Kindalternatives", vec![json!(1); 300_000])),
        (&listed, object("Kindenumerations", vec![json!("wrong"); 30_000])),
    ] {
        let answer = post(&admin, path, &object).await?;
        answer.expect(422)?;
        holds(answer.size < 256 * 1024, answer.size)?;
    }
    Ok(())
}
