//! What is said to somebody who names another repository, branch or path than the data directory follows.

use std::path::Path;

use anyhow::Result;
use cowherd_review::Side;
use cowherd_source::RepositoryUrl;
use kube::Client;

pub use super::again::resume;
use super::loss::Loss;
use crate::bootstrap::Root;
use crate::followed::Followed;
use crate::repository;
use crate::tentative::Fetching;

/// Why another one is not followed, with what of that which was applied would be pruned. `None` where nothing was applied.
pub async fn refusal(
    client: &Client,
    data_dir: &Path,
    before: &Followed,
    root: &Root,
    fetching: &Fetching,
) -> Result<Option<String>> {
    let named = &root.followed;
    let snapshot = repository::snapshot(root, fetching).await?;
    let side = snapshot.map(|snapshot| Side { name: named.url.clone(), commit: None, tree: snapshot.tree });
    let loss = Loss::of(client, named, side).await?;
    Ok(told(data_dir, before, &named.words(), &loss))
}

/// The same of a repository on a server. It is not fetched: a server that gives no answer would keep the refusal from being said.
pub async fn refusal_unfetched(
    client: &Client,
    data_dir: &Path,
    before: &Followed,
    url: &RepositoryUrl,
) -> Result<Option<String>> {
    let loss = Loss::unknown(client, "the other was not fetched").await?;
    Ok(told(data_dir, before, &url.to_string(), &loss))
}

/// What is said of what would be pruned, and what can be done. `None` where nothing was applied.
fn told(data_dir: &Path, before: &Followed, other: &str, loss: &Loss) -> Option<String> {
    if loss.is_of_nothing() {
        return None;
    }
    Some(format!(
        "{} follows {}, not {other}: {}\n  \
         To go on with what it follows: {}\n  \
         To follow the other instead: the same command with --switch\n  \
         To have both: the same command with another --data-dir",
        data_dir.display(),
        before.words(),
        loss.words(),
        resume(data_dir),
    ))
}

/// What is said where the repository that is followed cannot be found.
pub fn gone(before: &Followed) -> String {
    format!("cannot resume {}; if the repository is elsewhere by now: `cowherd up REPO --switch`", before.words())
}
