//! Links, paths and generators that lead out of a repository, to files of this machine.

use std::os::unix::fs::symlink;

use anyhow::Result;
use serde_json::json;

use crate::stage::{Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "links-outside",
    about: "links, paths and generators that lead out of a repository",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

const OUTSIDE: [&str; 9] = [
    "/etc/passwd",
    "../../../../../../etc/passwd",
    "../.git/config",
    ".git/config",
    "a/../../../etc/passwd",
    "/proc/self/environ",
    "file:///etc/passwd",
    "link",
    "linked/passwd",
];

async fn play(stage: &Stage) -> Result<()> {
    // In small, some of them by chance.
    let mut chosen: Vec<usize> = (0..OUTSIDE.len()).collect();
    stage.random().shuffle(&mut chosen);
    chosen.truncate(stage.pick(3, OUTSIDE.len()));
    for &number in &chosen {
        let path = OUTSIDE[number];
        for (field, text) in [
            ("files", format!("configMapGenerator: [{{name: out, namespace: tenant, files: [{path:?}]}}]\n")),
            ("resources", format!("resources: [{path:?}]\n")),
            ("envs", format!("configMapGenerator: [{{name: out, namespace: tenant, envs: [{path:?}]}}]\n")),
            ("patches", format!("resources: [map.yaml]\npatches: [{{path: {path:?}}}]\n")),
            ("charts", format!("helmCharts: [{{name: chart, valuesFile: {path:?}}}]\n")),
        ] {
            let name = format!("{field}-{number}");
            let (repository, url) = stage.repository(&name);
            let app = repository.path.join("app");
            std::fs::create_dir_all(&app)?;
            symlink("/etc/passwd", app.join("link"))?;
            symlink("/etc", app.join("linked"))?;
            symlink("..", app.join("up"))?;
            std::fs::create_dir_all(app.join("charts/chart/templates"))?;
            std::fs::write(app.join("charts/chart/Chart.yaml"), "apiVersion: v2\nname: chart\nversion: 1.0.0\n")?;
            symlink("/etc/passwd", app.join("charts/chart/templates/passwd.yaml"))?;
            std::fs::write(
                app.join("map.yaml"),
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: out, namespace: tenant}\n",
            )?;
            repository.commit("app/kustomization.yaml", &text);
            stage.follow(&name, &url, json!({})).await?;
        }
    }
    for number in chosen {
        for field in ["files", "resources", "envs", "patches", "charts"] {
            let (status, message) = stage.verdict(&format!("{field}-{number}")).await?;
            holds(status == "False", (field, OUTSIDE[number], message))?;
        }
    }
    // A path that is a link, and files without a kustomization.
    let (repository, url) = stage.repository("bare");
    std::fs::create_dir_all(repository.path.join("app"))?;
    symlink("/etc/passwd", repository.path.join("app/passwd.yaml"))?;
    symlink("/etc", repository.path.join("etc"))?;
    repository.commit_all("links");
    stage.follow("bare", &url, json!({})).await?;
    stage.follow("bare-path", &url, json!({"path": "./etc"})).await?;
    stage.verdict("bare").await?;
    holds(stage.verdict("bare-path").await?.0 == "False", "a linked path")
}
