//! What is said to somebody who names another repository, branch or path than the data directory follows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use cowherd_apply::{ObjectId, inventory};
use kube::Client;
use kube::api::ListParams;
use serde_json::Value;

use crate::bootstrap::ROOT;
use crate::cluster::explain;
pub use crate::cluster::up as resume;
use crate::followed::Followed;
use crate::resource::Resource;
use crate::target::Kind;

/// Why another one is not followed: what was applied would be pruned. `None` where nothing was applied, so that nothing would be.
pub async fn refusal(client: &Client, data_dir: &Path, before: &Followed, named: &Followed) -> Result<Option<String>> {
    let applied = applied(client).await?;
    if applied.is_empty() {
        return Ok(None);
    }
    let count = applied.len();
    let lost = format!(
        "of the {count} {} applied from it ({}), those that the other does not describe would be pruned",
        if count == 1 { "object that was" } else { "objects that were" },
        kinds(&applied),
    );
    Ok(Some(format!(
        "{} follows {}, not {}: {lost}\n  \
         To go on with what it follows: {}\n  \
         To follow the other instead: the same command with --switch\n  \
         To have both: the same command with another --data-dir",
        data_dir.display(),
        before.words(),
        named.words(),
        resume(data_dir),
    )))
}

/// What is said where the repository that is followed cannot be found.
pub fn gone(before: &Followed) -> String {
    format!("cannot resume {}; if the repository is elsewhere by now: `cowherd up REPO --switch`", before.words())
}

/// All objects that the root applied, and that those applied in turn which are Kustomizations.
async fn applied(client: &Client) -> Result<BTreeSet<ObjectId>> {
    let all = match Kind::Kustomization.api_everywhere(client).list(&ListParams::default()).await {
        Ok(all) => all.items,
        // A start that got nowhere has not even brought the kind.
        Err(kube::Error::Api(status)) if status.is_not_found() => Vec::new(),
        Err(error) => return Err(explain(error)),
    };
    let all: Vec<Resource> = all.into_iter().map(|object| Resource { kind: Kind::Kustomization, object }).collect();
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
