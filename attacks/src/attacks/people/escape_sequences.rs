//! Authors, subjects, addresses and values with escape sequences, and what each command shows of them.

use std::process::Command;

use anyhow::Result;
use serde_json::json;

use crate::stage::ask::get;
use crate::stage::{CONFIG_MAPS, Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "escape-sequences",
    about: "authors, subjects, addresses and values that write into a person's terminal",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

/// Colours, names the window, fills the clipboard, hides what was written before.
const SEQUENCES: &str = "\u{1b}[31m\u{1b}]0;title\u{7}\u{1b}]52;c;QQ==\u{7}\r\u{202e}\u{9b}2J";

async fn play(stage: &Stage) -> Result<()> {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hostile, namespace: tenant}\ndata: {a: TEXT}\n";
    let map = map.replace("TEXT", &escaped(SEQUENCES));
    stage.commit("cluster/hostile.yaml", &map, &format!("hostile {SEQUENCES}"), |command| {
        command.env("GIT_AUTHOR_NAME", format!("Eve {SEQUENCES}")).env("GIT_AUTHOR_EMAIL", format!("eve@{SEQUENCES}"));
    })?;
    let admin = stage.people().admin;
    stage
        .until("the commit is applied", async || Ok(get(&admin, &format!("{CONFIG_MAPS}/hostile")).await?.code == 200))
        .await?;
    let (repository, url) = stage.repository("hostile");
    let quoted = escaped(&format!("http://127.0.0.1:1/{SEQUENCES}"));
    repository.commit("app/kustomization.yaml", &format!("resources: [{quoted}]\n"));
    stage.follow("hostile", &url, json!({})).await?;
    stage.verdict("hostile").await?;
    for arguments in [
        vec!["get", "-A"],
        vec!["events", "-A"],
        vec!["history", "flux-system"],
        vec!["trace", "configmap/hostile", "-n", "tenant"],
        vec!["tree", "flux-system"],
        vec!["diff"],
        vec!["diff", "hostile", "-n", "tenant"],
        vec!["reconcile", "kustomization", "hostile", "-n", "tenant", "--timeout", "10s"],
    ] {
        let output = Command::new(stage.program.path())
            .args(&arguments)
            .arg("--data-dir")
            .arg(stage.program.data_dir())
            .current_dir(&stage.fleet.path)
            .env_remove("KUBECONFIG")
            .output()?;
        let shown = [output.stdout, output.stderr].concat();
        quiet(&arguments.join(" "), &String::from_utf8_lossy(&shown))?;
    }
    // Nor is there any in what the cluster keeps of it, or in the log.
    for kind in ["events", "kustomizations.kustomize.toolkit.fluxcd.io", "gitrepositories.source.toolkit.fluxcd.io"] {
        let path = match kind.split_once('.') {
            None => format!("/api/v1/{kind}"),
            Some((plural, group)) => format!("/apis/{group}/v1/{plural}"),
        };
        for item in get(&admin, &path).await?.document["items"].as_array().into_iter().flatten() {
            let conditions = item["status"]["conditions"].as_array().into_iter().flatten();
            for message in conditions.chain([item]).filter_map(|one| one["message"].as_str()) {
                quiet(kind, message)?;
            }
        }
    }
    quiet("the log", &stage.program.said()?)
}

/// Fails where a text is more than text.
fn quiet(what: &str, shown: &str) -> Result<()> {
    let is_more = |c: &char| (c.is_control() && !matches!(c, '\n' | '\t')) || *c == '\u{202e}';
    let line = shown.lines().find(|line| line.chars().any(|c| is_more(&c)));
    holds(line.is_none(), (what, line))
}

/// The text in quotes as YAML has them.
fn escaped(text: &str) -> String {
    let escape = |c: char| {
        if c.is_ascii_graphic() && c != '"' && c != '\\' { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) }
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}
