//! What of a commit is there for who applies it.

use std::collections::BTreeSet;
use std::sync::Arc;

use cowherd_source::{Ignore, MAX_ENTRIES, Snapshot, Submodule};
use cowherd_tree::{Grafted, Tree, TreeError};
use sha2::{Digest, Sha256};

use super::super::Artifact;
use super::super::seal::hex;
use super::error::Error;
use super::include::{Included, NotIncluded};
use crate::Authorship;

/// What of a snapshot is there for Kustomizations.
pub(crate) fn content(snapshot: &Snapshot, ignore: Option<&str>) -> Result<Artifact, TreeError> {
    let parts = [snapshot.commit.tree.clone(), ignore.unwrap_or_default().to_owned()];
    artifact(snapshot, snapshot.tree.clone(), ignore, &parts)
}

/// The same with the submodules, and what other repositories give.
pub(super) fn composed(
    snapshot: &Snapshot,
    submodules: &[Submodule],
    included: &[Included],
    ignore: Option<&str>,
) -> Result<Artifact, Error> {
    let mut tree: Arc<dyn Tree> = snapshot.tree.clone();
    let mut parts = vec![snapshot.commit.tree.clone(), ignore.unwrap_or_default().to_owned()];
    let mut extent = snapshot.tree.extent();
    for submodule in submodules {
        tree = Arc::new(Grafted::new(tree, submodule.path.clone(), submodule.tree.clone())?);
        parts.extend(["submodule".to_owned(), submodule.path.to_string(), submodule.tree.id().to_string()]);
        extent += submodule.tree.extent();
    }
    let mut made_of = BTreeSet::new();
    for one in included {
        tree = one.put_into(tree)?;
        parts.extend(one.identity());
        extent += one.artifact.extent;
        made_of.insert(one.include.source().clone());
        made_of.extend(one.artifact.made_of.iter().cloned());
    }
    if extent > MAX_ENTRIES {
        return Err(NotIncluded::TooManyFiles.into());
    }
    Ok(Artifact { made_of, extent, ..artifact(snapshot, tree, ignore, &parts)? })
}

fn artifact(
    snapshot: &Snapshot,
    tree: Arc<dyn Tree>,
    ignore: Option<&str>,
    parts: &[String],
) -> Result<Artifact, TreeError> {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    Ok(Artifact {
        revision: snapshot.revision.to_string(),
        digest: format!("sha256:{}", hex(&digest.finalize())),
        authorship: Some(Authorship::of(&snapshot.commit)),
        tree: Arc::new(Ignore::new(tree.clone(), ignore)?),
        all: tree,
        ignore: ignore.map(str::to_owned),
        extent: snapshot.tree.extent(),
        ..Artifact::nothing()
    })
}
