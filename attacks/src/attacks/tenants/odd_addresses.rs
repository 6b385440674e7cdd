//! Addresses that are commands, paths, metadata servers or this very API, of sources and of bases.

use anyhow::Result;
use serde_json::json;

use crate::stage::{Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "odd-addresses",
    about: "sources and bases whose addresses are commands, paths, metadata servers, or this very API",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let (directory, api) = (stage.directory().display().to_string(), stage.people().address);
    let touched = stage.directory().join("touched");
    let touch = touched.display();
    let addresses = [
        format!("ext::sh -c touch% {touch}"),
        format!("ssh://-oProxyCommand=touch%20{touch}/x"),
        format!("ssh://a@-oProxyCommand=touch${{IFS}}{touch}/x"),
        format!("ssh://$(touch {touch})/x"),
        format!("--upload-pack=touch {touch}"),
        format!("file://{directory}/fleet"),
        format!("{directory}/fleet"),
        format!("http://{api}@169.254.169.254/latest"),
        "http://169.254.169.254/latest".to_owned(),
        "http://[::ffff:169.254.169.254]/latest".to_owned(),
        "http://2852039166/latest".to_owned(),
        "http://0xa9.0xfe.0xa9.0xfe/latest".to_owned(),
        "http://0/x".to_owned(),
        "http://[::1]:1/x".to_owned(),
        "http://metadata.google.internal/x".to_owned(),
        "gopher://127.0.0.1/x".to_owned(),
        "http://127.0.0.1:1/x\r\nx: y".to_owned(),
        format!("https://{api}/api/v1/secrets"),
        format!("http://{}.example.org/x", "a.".repeat(5_000)),
    ];
    for (number, address) in addresses.iter().enumerate() {
        let base = format!("base-{number}");
        let (repository, url) = stage.repository(&base);
        let quoted = serde_json::to_string(&format!("{address}?ref=main"))?;
        repository.commit("app/kustomization.yaml", &format!("resources: [{quoted}]\n"));
        stage.follow(&base, &url, json!({"timeout": "5s"})).await?;
        // One that is refused at once has no Kustomization to wait for.
        if stage.follow(&format!("source-{number}"), address, json!({"timeout": "5s"})).await.is_ok() {
            let (status, message) = stage.verdict_of_source(&format!("source-{number}")).await?;
            holds(status == "False", (address, message))?;
        }
    }
    for (number, address) in addresses.iter().enumerate() {
        let (status, message) = stage.verdict(&format!("base-{number}")).await?;
        holds(status == "False", (address, message))?;
    }
    holds(!touched.exists(), "a command was run")
}
