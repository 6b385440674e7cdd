//! The chart of a release, of what its source brought.

use std::sync::Arc;

use cowherd_helm::Chart;
use cowherd_helm::chart::{Limits, load_unpacked};
use cowherd_tree::{EntryKind, Tree, TreePath};
use cowherd_version::Version;

use crate::source::{Artifact, SourceKind, external_artifact, oci};

/// How many digits of an artifact's digest a version tells.
const DIGITS: usize = 12;

/// A chart, and from which artifact of a registry it was taken.
pub(super) struct Loaded {
    pub(super) chart: Chart,
    /// The digest of the artifact, where a release names it itself.
    pub(super) oci_digest: Option<String>,
}

/// Reads the chart. Blocks the thread.
pub(super) fn read(content: &Artifact, kind: SourceKind) -> Result<Loaded, String> {
    let path = place(content.tree.as_ref())?;
    let limits = Limits::default();
    let mut chart = load_unpacked(content.tree.as_ref(), &path, &limits).map_err(|error| error.to_string())?;
    if kind == external_artifact::KIND {
        return of_external_artifact(chart, &content.revision);
    }
    if kind != oci::KIND {
        return Ok(Loaded { chart, oci_digest: None });
    }
    // Another artifact under the same version is another chart.
    let digest = content.revision.rsplit('@').next().unwrap_or_default().to_owned();
    let short: String = digest.rsplit(':').next().unwrap_or_default().chars().take(DIGITS).collect();
    let version = chart.metadata.version.split('+').next().unwrap_or_default().to_owned();
    chart.metadata.version = format!("{version}+{short}");
    Ok(Loaded { chart, oci_digest: Some(digest) })
}

/// The chart of an ExternalArtifact: its version tells the digest in the revision, where that has one. A version in the revision has to
/// be the chart's.
fn of_external_artifact(mut chart: Chart, revision: &str) -> Result<Loaded, String> {
    let Some((before, digest)) = revision.rsplit_once(':') else { return Ok(Loaded { chart, oci_digest: None }) };
    let tag = before.rsplit_once('@').map(|(tag, _)| tag.replace('_', "+"));
    let own = Version::parse(&chart.metadata.version).map_err(|error| format!("invalid chart version: {error}"))?;
    let said = tag.as_deref().and_then(|tag| Version::parse(tag).ok());
    if said.as_ref().is_some_and(|said| *said != own) {
        let tag = tag.unwrap_or_default();
        return Err(format!("artifact revision {tag} does not match chart version {}", chart.metadata.version));
    }
    if digest.len() < DIGITS || before.contains(':') {
        return Err(format!("invalid artifact revision {revision}"));
    }
    let short: String = digest.chars().take(DIGITS).collect();
    let version = chart.metadata.version.split('+').next().unwrap_or_default().to_owned();
    chart.metadata.version = format!("{version}+{short}");
    // As helm-controller says it: the digest alone beside a version, else the whole revision.
    let told = if said.is_some() { revision.rsplit('@').next().unwrap_or_default() } else { revision };
    Ok(Loaded { chart, oci_digest: Some(told.to_owned()) })
}

/// Where the chart is: at the top, in the only directory there, or packed, in the only file.
fn place(tree: &dyn Tree) -> Result<TreePath, String> {
    let root = TreePath::root();
    let is_chart = |path: &TreePath| {
        let file = path.join("Chart.yaml").ok().and_then(|file| tree.entry(&file).ok().flatten());
        file.is_some_and(|entry| matches!(entry.kind, EntryKind::File { .. }))
    };
    if is_chart(&root) {
        return Ok(root);
    }
    let entries = tree.read_dir(&root).map_err(|error| error.to_string())?;
    let [(name, entry)] = entries.as_slice() else { return Err("there is no Chart.yaml at its top".to_owned()) };
    let path = root.join(name).map_err(|error| error.to_string())?;
    match entry.kind {
        EntryKind::File { .. } => Ok(path),
        _ if is_chart(&path) => Ok(path),
        _ => Err("there is no Chart.yaml at its top, nor in its only directory".to_owned()),
    }
}

/// The chart, read on a thread of its own.
pub(super) async fn load_in_a_thread(content: Arc<Artifact>, kind: SourceKind) -> Result<Loaded, String> {
    let read = tokio::task::spawn_blocking(move || read(&content, kind)).await;
    read.unwrap_or_else(|error| {
        tracing::error!(error = cowherd_runtime::broken_off(error), "reading a chart broke off");
        Err("reading it broke off; this is a bug in cowherd".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use cowherd_tree::MemoryTree;

    use super::super::super::source::helm_chart;
    use super::*;

    const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";

    fn artifact(files: &[(&str, &'static str)]) -> Artifact {
        let tree: Arc<dyn Tree> = Arc::new(MemoryTree::new(files.iter().copied()).unwrap());
        let revision = format!("1.0.0@sha256:{}", "0123456789abcdef".repeat(4));
        Artifact { revision, tree: tree.clone(), all: tree, ..Artifact::nothing() }
    }

    #[test]
    fn a_chart_is_found_at_the_top_or_in_the_only_directory() {
        for files in [&[("Chart.yaml", CHART)][..], &[("web/Chart.yaml", CHART)]] {
            let loaded = read(&artifact(files), helm_chart::KIND).unwrap();
            assert_eq!((loaded.chart.metadata.version.as_str(), loaded.oci_digest), ("1.0.0", None));
        }
        assert!(read(&artifact(&[("a/x", ""), ("b/Chart.yaml", CHART)]), helm_chart::KIND).is_err());
        assert!(read(&artifact(&[("a/x", "")]), helm_chart::KIND).is_err());
    }

    #[test]
    fn the_version_of_a_chart_of_a_registry_tells_its_digest() {
        let loaded = read(&artifact(&[("web/Chart.yaml", CHART)]), oci::KIND).unwrap();
        assert_eq!(loaded.chart.metadata.version, "1.0.0+0123456789ab");
        assert!(loaded.oci_digest.unwrap().starts_with("sha256:0123456789abcdef"));
    }
}
