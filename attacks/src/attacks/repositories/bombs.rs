//! Repositories that are small and mean a lot: trees of the same trees, packed zeros, aliases of aliases, circles.

use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result};
use cowherd_gitserver::Repository;
use serde_json::json;

use crate::stage::{Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "bombs",
    about: "repositories that are small and mean a lot: trees of trees, packed zeros, aliases, circles, patterns",
    budget: Budget::USUAL.with_memory(1024),
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let names =
        ["trees", "zeros", "aliases", "deep", "circle", "substitutions", "replacements", "copies", "many", "documents"];
    for name in names {
        let (repository, url) = stage.repository(name);
        build(stage, name, &repository)?;
        let variables = json!({"postBuild": {"substitute": {"a": "x".repeat(1_000)}}});
        let spec = if name == "substitutions" { variables } else { json!({}) };
        stage.follow(name, &url, spec).await?;
    }
    let mut verdicts = Vec::new();
    for name in names {
        verdicts.push((name, stage.verdict(name).await?));
    }
    for (name, (status, message)) in verdicts {
        // These two only look as if they went on for ever.
        let harmless = matches!(name, "replacements" | "copies");
        holds(status == "False" || harmless, (name, message))?;
    }
    Ok(())
}

fn build(stage: &Stage, name: &str, repository: &Repository) -> Result<()> {
    let app = |path: &str| repository.path.join("app").join(path);
    std::fs::create_dir_all(app("a"))?;
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: tenant}\n";
    match name {
        // Ten directories that are all the same one, ten levels deep: 10^10 files.
        "trees" => return trees(repository),
        "zeros" => std::fs::write(app("a.yaml"), vec![0; stage.pick(24, 1_500) << 20])?,
        "aliases" => {
            let laughs: String =
                (1..12).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(","))).collect();
            std::fs::write(app("a.yaml"), format!("a0: &a0 ha\n{laughs}{map}"))?;
        }
        "deep" => std::fs::write(app("a.yaml"), format!("{map}data: {}", "{a: ".repeat(500_000)))?,
        "circle" => {
            std::fs::write(app("kustomization.yaml"), "resources: [a, a/../a, ./a/]\n")?;
            std::fs::write(app("a/kustomization.yaml"), "resources: [..]\n")?;
        }
        "substitutions" => {
            let many = "${a}".repeat(200_000);
            std::fs::write(app("a.yaml"), format!("{map}data: {{a: '{many}', b: '${{a:-{many}}}'}}\n"))?;
        }
        "replacements" => {
            let all = "replacements: [{source: {kind: ConfigMap, fieldPath: data}, targets: [{select: {name: '(a+)+$'}, \
                       fieldPaths: [data.a, data.b, data.c], options: {create: true}}]}]\n";
            std::fs::write(app("m.yaml"), format!("{map}data: {{a: b}}\n"))?;
            std::fs::write(app("kustomization.yaml"), format!("resources: [m.yaml]\n{all}"))?;
        }
        "copies" => {
            let copies: String =
                (0..200).map(|n| format!("    - {{op: copy, from: /data, path: /data/x{n}}}\n")).collect();
            std::fs::write(app("m.yaml"), format!("{map}data: {{a: b}}\n"))?;
            let patch = format!("resources: [m.yaml]\npatches:\n- target: {{kind: ConfigMap}}\n  patch: |-\n{copies}");
            std::fs::write(app("kustomization.yaml"), patch)?;
        }
        "many" => {
            let documents: String = (0..stage.pick(5_000, 200_000)).map(|n| format!("---\nk{n}: v\n")).collect();
            std::fs::write(app("a.yaml"), documents)?;
        }
        _ => std::fs::write(app("a.yaml"), "---\n".repeat(stage.pick(200_000, 2_000_000)))?,
    }
    repository.commit_all(name);
    Ok(())
}

/// Writes the objects with git's own plumbing, since no disk holds such a directory.
fn trees(repository: &Repository) -> Result<()> {
    let write = |kind: &str, content: &[u8]| -> Result<String> {
        let mut command = cowherd_gitserver::repository::git(&repository.path);
        command.args(["hash-object", "-w", "-t", kind, "--stdin"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        child.stdin.take().context("no input")?.write_all(content)?;
        Ok(String::from_utf8(child.wait_with_output()?.stdout)?.trim().to_owned())
    };
    let mut id = write("blob", b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: tenant}\n")?;
    let mut mode = "100644";
    for _ in 0..10 {
        let raw: Vec<u8> = (0..20).filter_map(|at| u8::from_str_radix(id.get(2 * at..2 * at + 2)?, 16).ok()).collect();
        let suffix = if mode == "100644" { ".yaml" } else { "" };
        let entries: Vec<u8> =
            (0..10).flat_map(|n| [format!("{mode} d{n}{suffix}\0").into_bytes(), raw.clone()].concat()).collect();
        (id, mode) = (write("tree", &entries)?, "40000");
    }
    let raw: Vec<u8> = (0..20).filter_map(|at| u8::from_str_radix(id.get(2 * at..2 * at + 2)?, 16).ok()).collect();
    let root = write("tree", &[b"40000 app\0".to_vec(), raw].concat())?;
    let commit = repository.git(&["commit-tree", &root, "-m", "trees"]);
    repository.git(&["update-ref", "refs/heads/main", &commit]);
    Ok(())
}
