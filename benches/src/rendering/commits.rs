//! Many apps in one repository: all of them for the first time, and one of them after a commit.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use cowherd_render::{Overlay, render};
use cowherd_source::{Reference, local::Repository};
use cowherd_tree::{Differences, Reads, Recorder, Tree, TreePath};

use crate::table::{Table, percentile, seconds};

const ROUNDS: usize = 11;

/// Renders every app of a repository that nobody has read before, on every processor.
pub fn cold(apps: usize, table: &mut Table) -> Result<()> {
    let directory = tempfile::tempdir()?;
    import(directory.path(), apps)?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        // What one round read, the next one reads again.
        let tree = snapshot(directory.path())?;
        let begin = Instant::now();
        render_all(tree.as_ref(), apps)?;
        times.push(begin.elapsed());
    }
    let processors = std::thread::available_parallelism()?;
    let what = format!("{apps} apps in one repository, cold, on {processors} processors");
    table.add(what, seconds(percentile(&mut times, 50)), "under 1.5 s");
    Ok(())
}

/// Finds out which of many apps a commit concerns, and renders that one.
pub fn touched(apps: usize, table: &mut Table) -> Result<()> {
    let directory = tempfile::tempdir()?;
    import(directory.path(), apps)?;
    let mut before = snapshot(directory.path())?;
    let reads = render_all(before.as_ref(), apps)?;
    let (mut times, mut renders) = (Vec::new(), 0);
    for round in 0..ROUNDS {
        touch(directory.path(), 17 * round)?;
        let after = snapshot(directory.path())?;
        let begin = Instant::now();
        let differences = Differences::between(before.as_ref(), after.as_ref())?;
        for (app, reads) in reads.iter().enumerate().filter(|(_, reads)| differences.concern(reads)) {
            if !reads.unchanged_in(after.as_ref())? {
                render_app(after.as_ref(), app)?;
                renders += 1;
            }
        }
        times.push(begin.elapsed());
        before = after;
    }
    if renders != ROUNDS {
        bail!("{renders} renders for {ROUNDS} commits");
    }
    let what = format!("a commit that touches one of {apps} apps, from the tree's id to the manifest");
    table.add(what.clone(), seconds(percentile(&mut times, 50)), "under 50 ms");
    table.add(format!("{what}: renders for each commit"), (renders / ROUNDS).to_string(), "1");
    Ok(())
}

fn snapshot(repository: &Path) -> Result<std::sync::Arc<dyn Tree>> {
    let snapshot = Repository::open(repository)?.snapshot(&Reference::Head)?;
    Ok(snapshot.tree)
}

/// What each app read.
fn render_all(tree: &dyn Tree, apps: usize) -> Result<Vec<Reads>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Reads)>> {
        let mut done = Vec::new();
        loop {
            let app = next.fetch_add(1, Ordering::Relaxed);
            if app >= apps {
                return Ok(done);
            }
            done.push((app, render_app(tree, app)?));
        }
    };
    let processors = std::thread::available_parallelism()?.get();
    let mut done = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        let ended = workers.into_iter().map(|worker| worker.join().map_err(|_| anyhow!("a render broke off"))?);
        ended.collect::<Result<Vec<_>>>()
    })?
    .concat();
    done.sort_by_key(|(app, _)| *app);
    Ok(done.into_iter().map(|(_, reads)| reads).collect())
}

fn render_app(tree: &dyn Tree, app: usize) -> Result<Reads> {
    let recorder = Recorder::new(tree);
    let path = TreePath::parse(&format!("apps/app-{app}"))?;
    let objects = render(&recorder, &path, &Overlay::default()).map_err(|error| anyhow!("{error}"))?;
    if objects.len() != 3 {
        bail!("{} objects of app-{app}", objects.len());
    }
    Ok(recorder.into_reads())
}

/// Makes a repository of apps that share a base.
fn import(repository: &Path, apps: usize) -> Result<()> {
    git(repository, &["init", "--quiet", "--initial-branch", "main"], "")?;
    let mut commit =
        String::from("commit refs/heads/main\ncommitter Bench <bench@example.com> 0 +0000\ndata 5\nstart\n");
    add(&mut commit, "base/kustomization.yaml", "resources: [deployment.yaml, service.yaml]\n");
    add(&mut commit, "base/deployment.yaml", DEPLOYMENT);
    add(&mut commit, "base/service.yaml", SERVICE);
    for app in 0..apps {
        add_app(&mut commit, app, "1.0.0");
    }
    git(repository, &["fast-import", "--quiet"], &commit)
}

fn touch(repository: &Path, app: usize) -> Result<()> {
    let mut commit = String::from(
        "commit refs/heads/main\ncommitter Bench <bench@example.com> 0 +0000\ndata 5\ntouch\nfrom refs/heads/main^0\n",
    );
    add_app(&mut commit, app, "2.0.0");
    git(repository, &["fast-import", "--quiet"], &commit)
}

fn add_app(commit: &mut String, app: usize, version: &str) {
    let kustomization = format!(
        "resources: [../../base]\nnamespace: app-{app}\nnamePrefix: app-{app}-\nlabels:\n- pairs: {{app: \
         app-{app}}}\n  includeSelectors: true\nimages:\n- name: registry.example.com/web\n  newTag: \
         {version}\nconfigMapGenerator:\n- name: web\n  files: [settings.properties]\n"
    );
    add(commit, &format!("apps/app-{app}/kustomization.yaml"), &kustomization);
    add(commit, &format!("apps/app-{app}/settings.properties"), &format!("name=app-{app}\nlevel=info\n"));
}

fn add(commit: &mut String, path: &str, content: &str) {
    commit.push_str(&format!("M 100644 inline {path}\ndata {}\n{content}\n", content.len()));
}

fn git(repository: &Path, arguments: &[&str], input: &str) -> Result<()> {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start git")?;
    child.stdin.take().context("no input")?.write_all(input.as_bytes())?;
    let status = child.wait()?;
    if !status.success() {
        bail!("git {} ended with {status}", arguments.join(" "));
    }
    Ok(())
}

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: {part: web}
  template:
    metadata:
      labels: {part: web}
    spec:
      containers:
      - name: web
        image: registry.example.com/web:latest
        envFrom:
        - configMapRef: {name: web}
        ports:
        - {name: http, containerPort: 8080}
";

const SERVICE: &str = "apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {part: web}
  ports:
  - {name: http, port: 80, targetPort: http}
";
