//! Patterns and selectors that would take for ever, in definitions and in queries.

use anyhow::Result;
use serde_json::json;

use crate::stage::ask::{get, post};
use crate::stage::{CONFIG_MAPS, Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "endless-patterns",
    about: "definitions and selectors whose patterns and terms take for ever",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let (admin, tenant) = (stage.people().admin, stage.people().tenant);
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let patterns = [
        "(a+)+$",
        "(a|aa)+$",
        "(.*a){1000}",
        "((a{1,100}){1,100}){1,100}",
        "\\p{L}{1000}{1000}",
        "(?i)(\\w*)*\\1",
        "[",
    ];
    for (number, pattern) in patterns.into_iter().enumerate() {
        let plural = format!("patterns{number}");
        let schema = json!({"type": "object", "properties": {"spec": {"type": "array", "items": {"type": "string", "pattern": pattern}}}});
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.attack.example.org")},
            "spec": {"group": "attack.example.org", "scope": "Namespaced", "names": {"plural": plural, "kind": plural},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]},
        });
        if post(&admin, definitions, &definition).await?.code != 201 {
            continue;
        }
        let path = format!("/apis/attack.example.org/v1/namespaces/tenant/{plural}");
        stage.until("it is served", async || Ok(get(&admin, &path).await?.code == 200)).await?;
        let spec = vec!["a".repeat(100_000) + "!"; 20];
        let object =
            json!({"apiVersion": "attack.example.org/v1", "kind": plural, "metadata": {"name": "h"}, "spec": spec});
        let answer = post(&admin, &path, &object).await?;
        holds((200..500).contains(&answer.code) && answer.size < 3 << 20, (pattern, answer.code, answer.size))?;
    }
    let long = format!("a in ({})", vec!["b"; 8_000].join(","));
    let terms = vec!["a!=b"; 8_000].join(",");
    for query in [
        format!("labelSelector={}", long.replace(' ', "%20")),
        format!("labelSelector={terms}"),
        format!("fieldSelector={}", vec!["metadata.name!=b"; 3_000].join(",")),
        format!("labelSelector={}", "(".repeat(20_000)),
        format!("continue={}", "A".repeat(30_000)),
        format!("limit=-1&{}", "limit=1&".repeat(4_000)),
        "resourceVersion=99999999999999999999999&resourceVersionMatch=Exact".to_owned(),
        "timeoutSeconds=99999999999999999999&watch=false".to_owned(),
        "limit=18446744073709551615&continue=%00%ff".to_owned(),
    ] {
        let answer = get(&tenant, &format!("{CONFIG_MAPS}?{query}")).await?;
        holds(answer.code < 500 && answer.size < 256 * 1024, (query.get(..40), answer.code, answer.size))?;
    }
    Ok(())
}
