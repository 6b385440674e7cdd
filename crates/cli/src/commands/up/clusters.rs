//! What is said where nobody chose a path, and the one that is taken holds clusters of their own.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use cowherd_review::{Below, Context, Side, below};
use cowherd_source::{Location, local};
use cowherd_text::shell;
use cowherd_tree::{Tree, TreePath};

use crate::blocking::blocking;
use crate::bootstrap::Root;
use crate::failure::misuse;

/// What is to be said of the path.
///
/// # Errors
/// When it has no manifests of its own, and several clusters below it: nobody can mean all of them as one.
pub async fn doubt(root: &Root, tree: Arc<dyn Tree>) -> Result<Option<String>> {
    let path = TreePath::parse(&root.followed.path)?;
    let context = surroundings(&root.followed.url)?;
    let side = Side { name: root.followed.url.clone(), commit: None, tree };
    // It renders, which blocks the thread.
    let (found, path) = blocking(move || (below(&side, &context, &path), path)).await?;
    let (found, shown) = (found?, &root.followed.path);
    let Some(flag) = flag(&found, &path) else { return Ok(None) };
    if found.is_none_of_several() {
        misuse!(
            "{shown} of {} has no manifests of its own, and several clusters below it: {found}\n  \
             To follow one of them: the same command with its path, such as {flag}\n  \
             To follow all that is below {shown} as one: the same command with --path .{}",
            root.followed.url,
            check(root)
                .map_or_else(String::new, |check| format!("\n  To see first what would fail in each of them: {check}")),
        );
    }
    let (what, those) = if found.clusters.len() == 1 { ("a cluster", "that") } else { ("clusters", "one of them") };
    Ok(Some(format!(
        "below {shown}, of which all is followed, {what} may be meant: {found}; {flag} follows {those} alone"
    )))
}

/// The command that looks at all of them, where the repository is a directory on this machine.
fn check(root: &Root) -> Option<String> {
    let directory = Path::new(root.followed.url.strip_prefix("file://")?);
    let is_here = std::env::current_dir().is_ok_and(|here| here == directory);
    directory.is_dir().then(|| match is_here {
        true => "cowherd check".to_owned(),
        false => format!("cowherd check {}", shell::path(directory)),
    })
}

/// How the repository knows itself.
pub(super) fn surroundings(url: &str) -> Result<Context> {
    let urls = match Location::parse(url)? {
        Location::Path(directory) => local::discover(&directory)?.remotes(),
        Location::Url(url) => vec![url],
    };
    Ok(Context::alone().with_repository(urls, Vec::new()))
}

/// The flag that chooses the first of the clusters: as seen from the path that is taken, where the person stands, or which they
/// named.
fn flag(found: &Below, path: &TreePath) -> Option<String> {
    let (first, _) = found.clusters.first()?;
    let inside = first.as_str().strip_prefix(path.as_str()).unwrap_or(first.as_str());
    Some(format!("--path {}", shell::word(inside.trim_start_matches('/'))))
}

#[cfg(test)]
mod tests {
    use cowherd_review::By;

    use super::*;

    #[test]
    fn the_flag_names_a_cluster_as_it_is_seen_from_the_path() {
        let path = |path: &str| TreePath::parse(path).unwrap();
        let found = Below { clusters: vec![(path("clusters/dev"), By::Bootstrap)], has_manifests: false };
        assert_eq!(flag(&found, &path(".")).unwrap(), "--path clusters/dev");
        assert_eq!(flag(&found, &path("clusters")).unwrap(), "--path dev");
        assert_eq!(flag(&Below { clusters: Vec::new(), has_manifests: false }, &path(".")), None);
    }
}
