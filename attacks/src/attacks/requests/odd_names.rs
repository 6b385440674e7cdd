//! Names, keys and managers with line feeds, escape sequences, dots and slashes, in bodies and in paths.

use anyhow::Result;
use serde_json::json;

use crate::stage::ask::{ask, post};
use crate::stage::{CONFIG_MAPS, Limits, Stage, config_map, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "odd-names",
    about: "names, keys and managers with line feeds, escape sequences, dots and slashes",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let tenant = stage.people().tenant;
    for name in
        ["a\nb", "\u{1b}[31mred", "..", ".", "a/b", "a%2fb", "", "A", "\u{202e}a", "a\0b", "ü", &"a".repeat(254)]
    {
        let answer = post(&tenant, CONFIG_MAPS, &config_map(name, "x")).await?;
        answer.expect(422)?;
        let mut keyed = config_map("keyed", "x");
        keyed["data"] = json!({name: "x"});
        let code = post(&tenant, CONFIG_MAPS, &keyed).await?.code;
        // A capital letter is a key.
        holds(code == 422 || (name == "A" && code == 201), (name, code))?;
    }
    for path in [
        "/api/v1/namespaces/tenant/../bystander/secrets",
        "/api/v1/namespaces/tenant/%2e%2e/bystander/secrets",
        "/api/v1/namespaces/bystander%2fsecrets",
        "/api/v1//namespaces/bystander/secrets",
        "/api/v1/namespaces/bystander/secrets/",
        "/API/v1/namespaces/bystander/secrets",
        "/api/v1/namespaces/bystander/secrets/password%00",
        "/api/v1/secrets?namespace=bystander",
        "/api/v1/namespaces/tenant/secrets/../../bystander/secrets/password",
        "/api/v1/proxy/namespaces/bystander/secrets",
        "/api/v1/watch/namespaces/bystander/secrets",
        "/api/v1/watch/secrets",
        "/api/v1/namespaces//secrets",
        "/api/v1/namespaces/*/secrets",
        "/api/v1/namespaces/bystander/secrets/password/status",
        "/registry/secrets/bystander/password",
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "WATCH", "CONNECTION"] {
            let answer = ask(&tenant, method, path, "application/json", Vec::new()).await?;
            holds(answer.code >= 400 || answer.size == 0, (method, path, answer.code))?;
            holds(!answer.document.to_string().contains("Y29ycmVjdC1ob3JzZS"), (method, path))?;
        }
    }
    Ok(())
}
