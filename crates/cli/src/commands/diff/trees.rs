//! The files that are compared with a cluster.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_api::flux::source::v1::GitRepository;
use cowherd_gitops::{NamespacedName, Subject};
use cowherd_review::Sources;
use cowherd_source::local::{self, Repository};
use cowherd_source::{Ignore, RepositoryUrl, Snapshot};
use cowherd_tree::Tree;
use kube::ResourceExt;

use crate::blocking::blocking;
use crate::checkout;

/// Which files of a repository are compared.
#[derive(Clone)]
pub enum Wanted {
    /// Those of what is checked out.
    Head {
        /// Whether it is said that others are on disk.
        says_what_is_left_out: bool,
    },
    /// Those of a revision.
    Revision(String),
    /// Those on disk.
    Worktree,
}

/// The trees of the revision, by the GitRepository whose place they take.
pub struct Trees {
    wanted: Wanted,
    known: BTreeMap<NamespacedName, (Arc<dyn Tree>, String)>,
}

impl Trees {
    /// None yet.
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, known: BTreeMap::new() }
    }

    /// The tree that takes the place of a repository's, and its revision.
    pub async fn read(&mut self, repository: &GitRepository) -> Result<(Arc<dyn Tree>, String)> {
        let name = NamespacedName::of(repository);
        if let Some(known) = self.known.get(&name) {
            return Ok(known.clone());
        }
        let wanted = self.wanted.clone();
        let (tree, revision) = blocking({
            let url = repository.spec.url.clone();
            move || read(&url, &wanted)
        })
        .await??;
        let tree: Arc<dyn Tree> = Arc::new(Ignore::new(tree, repository.spec.ignore.as_deref())?);
        self.known.insert(name, (tree.clone(), revision.clone()));
        Ok((tree, revision))
    }
}

/// Why no revision of a repository stands for the source of an owner, if that is so.
pub fn unfit(subject: &Subject) -> Option<String> {
    let reference = &subject.object()["spec"]["sourceRef"];
    let name = reference["name"].as_str().unwrap_or_default();
    match reference["kind"].as_str().unwrap_or_default() {
        "GitRepository" => None,
        kind @ ("OCIRepository" | "Bucket") => {
            let place = if kind == "Bucket" { "its objects are put there from" } else { "its artifact is made" };
            Some(format!(
                "it is made of the {kind} {name}, which no revision of a repository stands for; what would change is seen where {place}"
            ))
        }
        other => Some(format!("its source is of kind {other:?}, which is not supported")),
    }
}

/// The name of the source of an owner.
pub fn source(subject: &Subject) -> &str {
    subject.object()["spec"]["sourceRef"]["name"].as_str().unwrap_or_default()
}

/// The namespace and the name of the source of a Kustomization.
pub fn named(kustomization: &Kustomization) -> (String, String) {
    let reference = &kustomization.spec.source_ref;
    let namespace = reference.namespace.clone().or_else(|| kustomization.namespace()).unwrap_or_default();
    (namespace, reference.name.clone())
}

/// Says that a URL is that of another repository than the one that one stands in, if that is certain.
pub fn another(url: &str) -> Option<String> {
    let parsed = RepositoryUrl::parse(url).ok().filter(|url| url.local_path().is_none())?;
    let repository = local::discover(Path::new(".")).ok()?;
    let sources = Sources { urls: repository.remotes(), ..Sources::default() };
    (!sources.may_be(url)).then(|| {
        format!(
            "it follows {parsed}, and you stand in {}, which is no clone of it; stand in one to compare it, or say by --source \
             NAMESPACE/NAME that this is one",
            repository.root().display()
        )
    })
}

/// Whether a URL is a remote one, and nobody stands in any repository.
pub fn is_nowhere(url: &str) -> bool {
    let is_remote = RepositoryUrl::parse(url).is_ok_and(|url| url.local_path().is_none());
    is_remote && local::discover(Path::new(".")).is_err()
}

/// The files with their revision, from the local repository of this URL or, for a remote one, from the clone one stands in.
fn read(url: &str, wanted: &Wanted) -> Result<(Arc<dyn Tree>, String)> {
    let parsed = RepositoryUrl::parse(url)?;
    let repository = match parsed.local_path() {
        Some(path) => Repository::open(path)?,
        None => local::discover(Path::new("."))
            .with_context(|| format!("the cluster follows {parsed}; stand in a clone of it to compare a revision"))?,
    };
    let revision = |name: &str, snapshot: &Snapshot| format!("{name}@sha1:{}", snapshot.commit.id);
    match wanted {
        Wanted::Revision(name) => {
            let snapshot = checkout::snapshot(&repository, Some(name))?;
            let revision = revision(name, &snapshot);
            Ok((snapshot.tree, revision))
        }
        Wanted::Worktree if repository.is_bare() => {
            bail!("{} has no files on disk that could be looked at: it is bare", repository.root().display())
        }
        Wanted::Worktree => {
            let side = checkout::worktree(&repository);
            Ok((side.tree, side.name))
        }
        Wanted::Head { says_what_is_left_out } => {
            let snapshot = checkout::snapshot(&repository, None)?;
            if *says_what_is_left_out {
                checkout::tell_dirty(&repository, snapshot.tree.as_ref());
            }
            let revision = revision("HEAD", &snapshot);
            Ok((snapshot.tree, revision))
        }
    }
}
