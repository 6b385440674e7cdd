//! What a stranger proposes to merge, and a person or a pipeline reviews: `check`, `diff --base`, `render`.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::stage::{Limits, Stage, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "hostile-reviews",
    about: "`check`, `diff --base` and `render` on what a stranger proposes",
    budget: Budget::USUAL,
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

/// How many MiB of address space a review may have, and how long it may take.
const MEMORY: u64 = 4_096;
const TIME: Duration = Duration::from_secs(60);

async fn play(stage: &Stage) -> Result<()> {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\n";
    let kustomization = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: NAME, namespace: flux-system}\n\
                         spec: {interval: 1h, prune: true, path: PATH, sourceRef: {kind: GitRepository, name: flux-system}}\n";
    let laughs: String =
        (1..12).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(","))).collect();
    let many: String = (0..stage.pick(15, 300))
        .map(|n| kustomization.replace("NAME", &format!("k{n}")).replace("PATH", "./cluster") + "---\n")
        .collect();
    let proposals: [(&str, Vec<(&str, String)>); 7] = [
        ("itself", vec![("cluster/k.yaml", kustomization.replace("NAME", "k").replace("PATH", "./cluster"))]),
        ("many", vec![("cluster/k.yaml", many)]),
        ("aliases", vec![("cluster/a.yaml", format!("a0: &a0 ha\n{laughs}{map}"))]),
        ("deep", vec![("cluster/a.yaml", format!("{map}data: {}", "{a: ".repeat(500_000)))]),
        ("outside", vec![("cluster/k.yaml", kustomization.replace("NAME", "k").replace("PATH", "../../../etc"))]),
        (
            "long",
            vec![("cluster/a.yaml", format!("{map}data: {{a: \"{}\"}}\n", "x\\n".repeat(stage.pick(40_000, 400_000))))],
        ),
        ("values", vec![("cluster/a.yaml", format!("{map}data: {{a: \"\\e[31m\\e]52;c;QQ==\\a\"}}\n"))]),
    ];
    // In small, some of them by chance.
    let mut proposals = Vec::from(proposals);
    stage.random().shuffle(&mut proposals);
    proposals.truncate(stage.pick(3, proposals.len()));
    for (name, files) in proposals {
        let (repository, _) = stage.repository(name);
        repository.commit("cluster/a.yaml", map);
        symlink("/etc", repository.path.join("cluster/etc"))?;
        files.iter().try_for_each(|(path, content)| std::fs::write(repository.path.join(path), content))?;
        repository.commit_all("a proposal");
        for arguments in [vec!["check", "."], vec!["diff", "--base", "HEAD~1"], vec!["render", "cluster"]] {
            review(stage, &repository.path, &arguments).await?;
        }
    }
    Ok(())
}

/// Runs a command within the limits, and looks whether what it shows is text.
async fn review(stage: &Stage, directory: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = tokio::process::Command::new("sh");
    command.args(["-c", &format!("ulimit -v {}; exec \"$0\" \"$@\"", MEMORY * 1024)]).arg(stage.program.path());
    command.args(arguments).current_dir(directory).env("HOME", stage.directory()).kill_on_drop(true);
    let output = tokio::time::timeout(TIME, command.output()).await;
    let output = output.with_context(|| format!("{arguments:?} in {} goes on and on", directory.display()))??;
    let (code, shown) = (output.status.code(), [output.stdout, output.stderr].concat());
    let shown = String::from_utf8_lossy(&shown);
    holds(matches!(code, Some(0..=3)) && !shown.contains("panicked"), (arguments, directory, output.status, &shown))?;
    holds(!shown.contains("root:x:0:0"), (arguments, directory))?;
    let escape = shown.lines().find(|line| line.contains(['\u{1b}', '\u{7}']));
    holds(escape.is_none(), (arguments, directory, escape))
}
