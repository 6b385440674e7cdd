//! What is said of a path that holds clusters of their own, whether or not somebody chose it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use cowherd_review::{Below, Context, Side, below, several};
use cowherd_source::{Location, local};
use cowherd_text::shell;
use cowherd_tree::{Tree, TreePath};

use crate::blocking::blocking;
use crate::bootstrap::Root;
use crate::failure::misuse;

/// What is to be said of a path that nobody chose.
///
/// # Errors
/// When it has no manifests of its own, and several clusters below it: nobody can mean all of them as one.
pub async fn doubt(root: &Root, tree: Arc<dyn Tree>) -> Result<Option<String>> {
    let path = TreePath::parse(&root.followed.path)?;
    let (side, context) = (side(root, tree), surroundings(&root.followed.url)?);
    // It renders, which blocks the thread.
    let (found, path) = blocking(move || (below(&side, &context, &path), path)).await?;
    let (found, shown) = (found?, &root.followed.path);
    let Some(flag) = flag(&found, &path) else { return Ok(None) };
    if found.is_none_of_several() {
        refuse(root, &found, &flag, ".")?;
    }
    let (what, those) = if found.clusters.len() == 1 { ("a cluster", "that") } else { ("clusters", "one of them") };
    Ok(Some(format!(
        "below {shown}, of which all is followed, {what} may be meant: {found}; {flag} follows {those} alone"
    )))
}

/// Whether a person who named a path says that all below it is meant as one: by a dot at its end.
pub fn is_all(named: &str) -> bool {
    let named = named.trim_end_matches('/');
    named.is_empty() || named == "." || named.ends_with("/.")
}

/// Looks at a path that a person named.
///
/// # Errors
/// When it has no manifests of its own, and several clusters below it.
pub async fn check_named(root: &Root, tree: Arc<dyn Tree>, named: &str) -> Result<()> {
    let path = TreePath::parse(&root.followed.path)?;
    let (side, context) = (side(root, tree), surroundings(&root.followed.url)?);
    let (found, path) = blocking(move || (several(&side, &context, &path), path)).await?;
    let Some(found) = found? else { return Ok(()) };
    let Some((first, _)) = found.clusters.first() else { return Ok(()) };
    let named = named.trim_end_matches('/');
    let inside = first.as_str().strip_prefix(path.as_str()).unwrap_or(first.as_str());
    refuse(root, &found, &format!("--path {named}/{}", inside.trim_start_matches('/')), &format!("{named}/."))
}

fn refuse(root: &Root, found: &Below, flag: &str, all: &str) -> Result<()> {
    let shown = &root.followed.path;
    misuse!(
        "{shown} of {} has no manifests of its own, and several clusters below it: {found}\n  \
         To follow one of them: the same command with its path, such as {flag}\n  \
         To follow all that is below {shown} as one: the same command with --path {all}{}",
        root.followed.url,
        check(root)
            .map_or_else(String::new, |check| format!("\n  To see first what would fail in each of them: {check}")),
    );
}

fn side(root: &Root, tree: Arc<dyn Tree>) -> Side {
    Side { name: root.followed.url.clone(), commit: None, tree }
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
    fn a_dot_at_the_end_means_all_that_is_below() {
        for all in [".", "./", "/", "clusters/.", "clusters/./"] {
            assert!(is_all(all), "{all}");
        }
        for one in ["clusters", "./clusters", "clusters/", "clusters/.flux", "a."] {
            assert!(!is_all(one), "{one}");
        }
    }

    #[test]
    fn the_flag_names_a_cluster_as_it_is_seen_from_the_path() {
        let path = |path: &str| TreePath::parse(path).unwrap();
        let found = Below { clusters: vec![(path("clusters/dev"), By::Bootstrap)], has_manifests: false };
        assert_eq!(flag(&found, &path(".")).unwrap(), "--path clusters/dev");
        assert_eq!(flag(&found, &path("clusters")).unwrap(), "--path dev");
        assert_eq!(flag(&Below { clusters: Vec::new(), has_manifests: false }, &path(".")), None);
    }
}
