//! A hundred Deployments through an overlay.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use cowherd_render::{Overlay, render};
use cowherd_tree::{DiskTree, TreePath};

use super::process::{Cost, median, times};
use crate::table::{Table, mebibytes, percentile, seconds};

const DEPLOYMENTS: usize = 100;
const ROUNDS: usize = 11;

pub fn measure(program: &Path, table: &mut Table) -> Result<()> {
    let directory = tempfile::tempdir()?;
    write(directory.path())?;
    let overlay = directory.path().join("overlay");
    let within = in_process(directory.path())?;
    let theirs = median(ROUNDS, || {
        let mut command = Command::new("kubectl");
        command.arg("kustomize").arg(&overlay);
        command
    })?;
    let ours = median(ROUNDS, || {
        let mut command = Command::new(program);
        command.arg("render").arg(&overlay);
        command
    })?;
    let mut add = |what: &str, measured: String, target: &str| {
        table.add(format!("{DEPLOYMENTS} Deployments through an overlay: {what}"), measured, target);
    };
    let kubectl = format!("{}, {}", seconds(theirs.time), mebibytes(theirs.memory));
    add("`kubectl kustomize`, resident memory", kubectl, "measured");
    add(
        "in process, the most memory allocated",
        format!("{}, {}", seconds(within.time), mebibytes(within.memory)),
        "measured",
    );
    add("in process: faster", times(theirs.time, within.time), "20 ×");
    add("in process: memory", share(within, theirs), "under 10 %");
    let process = format!("{}, {}", seconds(ours.time), mebibytes(ours.memory));
    add("`cowherd render`, resident memory", process, "measured");
    add("process beside process: faster", times(theirs.time, ours.time), "measured");
    add("process beside process: memory", share(ours, theirs), "measured");
    Ok(())
}

/// The memory of one beside that of the other.
fn share(ours: Cost, theirs: Cost) -> String {
    format!("{:.0} %", 100.0 * ours.memory as f64 / theirs.memory.max(1) as f64)
}

/// The cost of rendering where a process runs already.
fn in_process(root: &Path) -> Result<Cost> {
    let mut times = (0..ROUNDS).map(|_| rendered(root)).collect::<Result<Vec<_>>>()?;
    let program = std::env::current_exe()?.with_file_name("allocated");
    let output = Command::new(&program).arg(root).arg("overlay").output();
    let output = output.with_context(|| format!("cannot run {}", program.display()))?;
    let memory = String::from_utf8_lossy(&output.stdout).trim().parse();
    let memory = memory.with_context(|| format!("{}: {:?}", program.display(), output.stderr.escape_ascii()))?;
    Ok(Cost { time: percentile(&mut times, 50), memory })
}

/// From files to the text of all manifests.
fn rendered(root: &Path) -> Result<Duration> {
    let begin = Instant::now();
    let objects = render(&DiskTree::new(root), &TreePath::parse("overlay")?, &Overlay::default())
        .map_err(|error| anyhow!("{error}"))?;
    let text = cowherd_yaml::write_documents(&objects);
    let time = begin.elapsed();
    anyhow::ensure!(text.matches("kind: Deployment").count() == DEPLOYMENTS, "not every Deployment is there");
    Ok(time)
}

fn write(root: &Path) -> Result<()> {
    fs::create_dir_all(root.join("base"))?;
    fs::create_dir_all(root.join("overlay"))?;
    let mut resources = String::from("resources:\n");
    for number in 0..DEPLOYMENTS {
        writeln!(resources, "- deployment-{number}.yaml")?;
        fs::write(root.join(format!("base/deployment-{number}.yaml")), deployment(number))?;
    }
    fs::write(root.join("base/kustomization.yaml"), resources)?;
    let overlay = "resources: [../base]\nnamespace: production\nnamePrefix: prod-\nlabels:\n- pairs:\n    \
                   environment: production\n  includeSelectors: true\nimages:\n- name: registry.example.com/web\n  \
                   newTag: 2.0.0\n";
    Ok(fs::write(root.join("overlay/kustomization.yaml"), overlay)?)
}

fn deployment(number: usize) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web-{number}\n  labels:\n    app: \
         web-{number}\nspec:\n  replicas: 3\n  selector:\n    matchLabels:\n      app: web-{number}\n  template:\n    \
         metadata:\n      labels:\n        app: web-{number}\n    spec:\n      serviceAccountName: web\n      \
         containers:\n      - name: web\n        image: registry.example.com/web:1.0.0\n        ports:\n        - name: \
         http\n          containerPort: 8080\n        env:\n        - name: LOG_LEVEL\n          value: info\n        - \
         name: PASSWORD\n          valueFrom:\n            secretKeyRef:\n              name: web\n              key: \
         password\n        resources:\n          requests:\n            cpu: 100m\n            memory: 128Mi\n          \
         limits:\n            memory: 256Mi\n        readinessProbe:\n          httpGet:\n            path: /healthz\n            \
         port: http\n        volumeMounts:\n        - name: config\n          mountPath: /etc/web\n      volumes:\n      - \
         name: config\n        configMap:\n          name: web\n"
    )
}
