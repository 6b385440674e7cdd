//! Where what is rendered comes from: a directory, an archive, a repository of charts or a registry.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use cowherd_helm::Chart;
use cowherd_helm::chart::{Limits, LoadError, load, load_unpacked};
use cowherd_source::{Access, Auth, ChartRepository, ChartSource, Charts, TlsRemedies};
use cowherd_tree::{ArchiveLimits, DiskTree, EntryKind, Tree, TreePath};

use crate::failure::misuse;
use crate::paths;

/// What the file of a kustomization may be called.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What can be done about the certificate of a server that has a chart.
const OF_CHARTS: TlsRemedies = TlsRemedies {
    authority: "if that is right, have this machine trust it, or name a file with all authorities that count: SSL_CERT_FILE",
    name: "use a name that it has, or give the server a certificate for this one",
    own: "`cowherd render` shows none: fetch the chart with `helm pull`, and render its archive",
};

/// Flags that say where a chart is.
#[derive(Args)]
#[command(next_help_heading = "Where a chart is")]
pub struct OriginFlags {
    /// The URL of the repository that has the chart PATH
    #[arg(long, value_name = "URL")]
    repo: Option<String>,
    /// The version of the chart, or a range of versions [default: the newest]
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// The user of basic authentication
    #[arg(long, value_name = "USER")]
    username: Option<String>,
    /// The password or token of basic authentication; better in the environment than on the command line
    #[arg(long, value_name = "PASSWORD", env = "HELM_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Send the credentials also to another server that the repository names for the chart
    #[arg(long)]
    pass_credentials: bool,
    /// Ask a registry without TLS
    #[arg(long)]
    plain_http: bool,
}

/// What is rendered.
pub struct Origin {
    pub tree: Arc<dyn Tree>,
    /// The directory or the archive in the tree.
    pub path: TreePath,
    /// The root of the Git repository that it stands in.
    pub repository: Option<PathBuf>,
    /// Whether the tree is all that is on this machine, so that the paths in errors begin at `/`. Then a kustomization may
    /// name directories beside its own, and no file outside of one, as kustomize has it.
    pub is_of_file_system: bool,
    /// Whether it is a chart that was packed.
    was_packed: bool,
}

impl OriginFlags {
    /// What `path` names.
    pub fn find(&self, path: &str) -> Result<Origin> {
        if let Some(repository) = &self.repo {
            return self.fetch(repository, path);
        }
        if path.starts_with("oci://") {
            return self.fetch(path, "");
        }
        if self.version.is_some() {
            misuse!("--version is for charts of a repository: name it with --repo, or give an oci:// URL");
        }
        if Path::new(path).is_file() { archive(Path::new(path)) } else { directory(path) }
    }

    fn fetch(&self, repository: &str, name: &str) -> Result<Origin> {
        let mut source = ChartSource::new(ChartRepository::parse(repository)?, name);
        source.version = self.version.clone().unwrap_or_default();
        source.auth = Auth { username: self.username.clone(), ..Auth::default() };
        source.auth.password = self.password.clone().map(|password| password.into_bytes().into());
        source.access = Access::own();
        source.pass_credentials = self.pass_credentials;
        source.plain_http = self.plain_http.then_some(true);
        let charts = Charts::open(crate::downloads::cache()?.join("charts"))?;
        let package = charts.fetch(&source).map_err(|error| error.with_remedies(&OF_CHARTS))?;
        crate::terminal::tell!("Pulled: {} {}\nDigest: {}", package.name, package.version, package.digest);
        // A chart's files are below a directory of its name.
        let tree: Arc<dyn Tree> = package.tree;
        let path = chart_directory(tree.as_ref())?;
        Ok(Origin { tree, path, repository: None, is_of_file_system: false, was_packed: true })
    }
}

impl Origin {
    /// An error of a render, with what its paths are relative to where that is not the repository.
    pub fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        if self.is_of_file_system { error.context("in /") } else { error }
    }

    /// The chart.
    pub fn chart(&self, limits: &Limits) -> Result<Chart, LoadError> {
        let load = if self.was_packed { load_unpacked } else { load };
        load(self.tree.as_ref(), &self.path, limits)
    }

    /// Whether a chart is rendered, and not manifests.
    pub fn is_chart(&self) -> Result<bool> {
        let file = self.path.join("Chart.yaml")?;
        Ok(matches!(self.tree.stat(&file)?, Some(entry) if matches!(entry.kind, EntryKind::File { .. })))
    }
}

/// The repository that a directory stands in, and the path inside. Where there is none, the directory is all there is; but
/// that a kustomization may name others beside it.
pub fn directory(path: &str) -> Result<Origin> {
    if !Path::new(path).exists() {
        let hint =
            paths::meant(Path::new(path), |near| near.is_dir() || near.extension().is_some_and(|one| one == "tgz"));
        bail!("{path} is not there; name a directory of manifests, a chart, or a chart's archive{hint}");
    }
    let directory = Path::new(path).canonicalize().with_context(|| format!("cannot read {path}"))?;
    let repository = directory.ancestors().find(|ancestor| ancestor.join(".git").exists());
    let is_kustomization = KUSTOMIZATIONS.iter().any(|name| directory.join(name).exists());
    let alone = if is_kustomization { Path::new("/") } else { &directory };
    let root = repository.unwrap_or(alone);
    let inside = directory.strip_prefix(root).unwrap_or(Path::new(""));
    let inside = inside.to_str().with_context(|| format!("{} is not UTF-8", directory.display()))?;
    Ok(Origin {
        tree: Arc::new(DiskTree::new(root)),
        path: TreePath::parse(inside)?,
        repository: repository.map(Path::to_owned),
        is_of_file_system: repository.is_none() && is_kustomization,
        was_packed: false,
    })
}

fn archive(file: &Path) -> Result<Origin> {
    let packed = std::fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let tree = cowherd_tree::unpack(packed, &ArchiveLimits::default())
        .with_context(|| format!("{} is no directory and no chart archive", file.display()))?;
    let (tree, path) = (Arc::new(tree), TreePath::root());
    let origin = Origin { tree, path, repository: None, is_of_file_system: false, was_packed: true };
    if !origin.is_chart()? {
        let file = file.display();
        bail!(
            "{file} has no Chart.yaml in the directory that its files are in; pack the chart's directory by its name"
        );
    }
    Ok(origin)
}

/// The only directory at the top of an archive, or the top itself.
fn chart_directory(tree: &dyn Tree) -> Result<TreePath> {
    let root = TreePath::root();
    match tree.read_dir(&root)?.as_slice() {
        [(name, entry)] if entry.kind == EntryKind::Directory => Ok(root.join(name)?),
        _ => Ok(root),
    }
}
