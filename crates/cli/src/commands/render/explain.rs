//! `cowherd render --explain`: what was read, and why it would be rendered again.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context, Result};
use cowherd_source::local::{Repository, Worktree};
use cowherd_tree::{Change, Read, Reads, Recorder, Tree, TreePath};
use serde_json::json;

use super::origin::Origin;
use super::{Render, repository};
use crate::checkout;
use crate::output;

/// Renders at a revision, lists what that read, and compares it with the files as they are now.
pub fn explain(render: &Render, release: Option<&str>, origin: &Origin) -> crate::Outcome {
    let root = repository(origin)?;
    let opened = Repository::open(root)?;
    let snapshot = checkout::snapshot(&opened, render.since.as_deref())?;
    let reads = read(render, release, snapshot.tree.as_ref(), origin)
        .with_context(|| format!("{} cannot be rendered at {}", origin.path, snapshot.revision))?;
    let now = Worktree::new(root);
    let changes: BTreeMap<TreePath, Vec<Change>> =
        reads.changes_in(&now)?.into_iter().fold(BTreeMap::new(), |mut all, change| {
            all.entry(change.path.clone()).or_insert_with(Vec::new).push(change);
            all
        });
    if let Some(format) = render.output {
        let read = list(&reads).into_iter().map(|(path, what)| {
            let changes: Vec<String> =
                changes.get(&path).into_iter().flatten().map(|one| one.what.to_string()).collect();
            json!({ "path": path.as_str(), "read": what, "changes": changes })
        });
        let explained = json!({
            "path": origin.path.as_str(), "revision": snapshot.revision.to_string(),
            "read": read.collect::<Vec<_>>(), "rendersAgain": !changes.is_empty(),
        });
        output::print_structured(&explained, format)?;
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} at {} read:", origin.path, snapshot.revision);
    for (path, what) in list(&reads) {
        println!("  {what:<9}  {path}");
        for change in changes.get(&path).into_iter().flatten() {
            println!("             ↳ {}", change.what);
        }
    }
    match changes.len() {
        0 => println!("Nothing of it changed: it would not be rendered again."),
        1 => println!("1 of them changed: it would be rendered again."),
        count => println!("{count} of them changed: it would be rendered again."),
    }
    Ok(ExitCode::SUCCESS)
}

/// What the render reads of a tree.
fn read(render: &Render, release: Option<&str>, tree: &dyn Tree, origin: &Origin) -> Result<Reads> {
    let path = &origin.path;
    let recorder = Recorder::new(tree);
    if tree.stat(&path.join("Chart.yaml")?)?.is_some() {
        render.chart.read(release, &recorder, path)?;
    } else {
        render.manifests(&recorder, path, origin)?;
    }
    Ok(recorder.into_reads())
}

/// The paths with a word for what was done there; what was only passed on the way is left out.
fn list(reads: &Reads) -> BTreeMap<TreePath, &'static str> {
    let mut all: BTreeMap<TreePath, &'static str> = BTreeMap::new();
    for (path, read) in reads.entries() {
        match read {
            Read::Content(_) => all.insert(path.clone(), "content"),
            Read::Absent => all.insert(path.clone(), "absence"),
            Read::Looked(_) => None,
        };
    }
    all.extend(reads.listings().map(|path| (path.clone(), "names in")));
    all
}
