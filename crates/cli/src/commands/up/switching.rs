//! What is said to somebody who names another repository, branch or path than the data directory follows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use cowherd_apply::{ObjectId, inventory};
use kube::Client;
use serde_json::Value;

use crate::bootstrap::ROOT;
use crate::cluster::DEFAULT_DATA_DIR;
use crate::followed::Followed;
use crate::resource::{self, Resource};
use crate::target::Kind;

/// The command that resumes what a data directory follows.
pub fn resume(data_dir: &Path) -> String {
    if data_dir == Path::new(DEFAULT_DATA_DIR) {
        "cowherd up".to_owned()
    } else {
        format!("cowherd up --data-dir {}", data_dir.display())
    }
}

/// Why another one is not followed: what was applied would be pruned.
pub async fn refusal(client: &Client, data_dir: &Path, before: &Followed, named: &Followed) -> Result<String> {
    let applied = applied(client).await?;
    let lost = match applied.len() {
        0 => "nothing was applied from it yet".to_owned(),
        count => format!(
            "of the {count} {} that were applied from it ({}), those that the other does not describe would be pruned",
            if count == 1 { "object" } else { "objects" },
            kinds(&applied),
        ),
    };
    Ok(format!(
        "{} follows {}, not {}: {lost}\n  \
         To go on with what it follows: {}\n  \
         To follow the other instead: the same command with --switch\n  \
         To have both: the same command with another --data-dir",
        data_dir.display(),
        before.words(),
        named.words(),
        resume(data_dir),
    ))
}

/// What is said where the repository that is followed cannot be found.
pub fn gone(before: &Followed) -> String {
    format!("cannot resume {}; if the repository is elsewhere by now: `cowherd up REPO --switch`", before.words())
}

/// All objects that the root applied, and that those applied in turn which are Kustomizations.
async fn applied(client: &Client) -> Result<BTreeSet<ObjectId>> {
    let all = resource::list(client, Kind::Kustomization, None, None).await.unwrap_or_default();
    let by_id: BTreeMap<String, &Resource> = all.iter().map(|one| (one.id(), one)).collect();
    let mut queue = vec![format!("{ROOT}/{ROOT}")];
    let mut met = BTreeSet::new();
    let mut applied = BTreeSet::new();
    while let Some(id) = queue.pop() {
        if !met.insert(id.clone()) {
            continue;
        }
        let Some(kustomization) = by_id.get(&id) else { continue };
        for object in entries(kustomization) {
            if object.kind == Kind::Kustomization.name() {
                queue.push(format!("{}/{}", object.namespace, object.name));
            }
            applied.insert(object);
        }
    }
    Ok(applied)
}

fn entries(kustomization: &Resource) -> impl Iterator<Item = ObjectId> {
    let entries = kustomization.at("/status/inventory/entries").and_then(Value::as_array);
    entries.into_iter().flatten().filter_map(|entry| Some(inventory::parse(entry["id"].as_str()?, "").ok()?.id))
}

/// How many of which kind: `2 ConfigMap, 1 Namespace`.
fn kinds(objects: &BTreeSet<ObjectId>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for object in objects {
        *counts.entry(&object.kind).or_default() += 1;
    }
    counts.into_iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>().join(", ")
}
