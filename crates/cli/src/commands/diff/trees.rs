//! The files that are compared with a cluster.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_api::flux::source::v1::GitRepository;
use cowherd_review::Sources;
use cowherd_source::local::{self, Repository};
use cowherd_source::{Ignore, RepositoryUrl};
use cowherd_tree::Tree;
use kube::{Api, Client, ResourceExt};

use crate::blocking::blocking;
use crate::checkout;
use crate::cluster::explain;

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
    client: Client,
    wanted: Wanted,
    /// By namespace and name.
    known: BTreeMap<(String, String), Arc<dyn Tree>>,
}

impl Trees {
    /// None yet; of this cluster.
    pub fn new(client: Client, wanted: Wanted) -> Self {
        Self { client, wanted, known: BTreeMap::new() }
    }

    /// Why no revision of the repository stands for the source of a Kustomization, if that is so. Somebody may have said that it is
    /// its own.
    pub async fn refusal(&self, kustomization: &Kustomization, is_own: bool) -> Result<Option<String>> {
        let reference = &kustomization.spec.source_ref;
        match reference.kind.as_str() {
            "GitRepository" => {}
            kind @ ("OCIRepository" | "Bucket") => {
                let place = if kind == "Bucket" { "its objects are put there from" } else { "its artifact is made" };
                return Ok(Some(format!(
                    "it is made of the {kind} {}, which no revision of a repository stands for; what would change is seen where {place}",
                    reference.name
                )));
            }
            other => return Ok(Some(format!("its source is of kind {other:?}, which is not supported"))),
        }
        let Some(source) = self.source(kustomization).await? else {
            return Ok(Some(format!("its source GitRepository {} is not there", reference.name)));
        };
        Ok(another(&source.spec.url).filter(|_| !is_own))
    }

    /// The source of a Kustomization; `None` where it is not there.
    async fn source(&self, kustomization: &Kustomization) -> Result<Option<GitRepository>> {
        let (namespace, name) = named(kustomization);
        let api: Api<GitRepository> = Api::namespaced(self.client.clone(), &namespace);
        api.get_opt(&name).await.map_err(explain)
    }

    /// The tree for a Kustomization.
    pub async fn tree(&mut self, kustomization: &Kustomization) -> Result<Arc<dyn Tree>> {
        let key = named(kustomization);
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let source = self.source(kustomization).await?;
        let source = source.with_context(|| format!("the source GitRepository {} is not there", key.1))?;
        let wanted = self.wanted.clone();
        let tree = blocking({
            let url = source.spec.url.clone();
            move || read(&url, &wanted)
        })
        .await??;
        let tree: Arc<dyn Tree> = Arc::new(Ignore::new(tree, source.spec.ignore.as_deref())?);
        self.known.insert(key, tree.clone());
        Ok(tree)
    }
}

/// The namespace and the name of the source of a Kustomization.
pub fn named(kustomization: &Kustomization) -> (String, String) {
    let reference = &kustomization.spec.source_ref;
    let namespace = reference.namespace.clone().or_else(|| kustomization.namespace()).unwrap_or_default();
    (namespace, reference.name.clone())
}

/// Says that a URL is that of another repository than the one that one stands in, if that is certain.
fn another(url: &str) -> Option<String> {
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

/// The files, from the local repository of this URL or, for a remote one, from the clone one stands in.
fn read(url: &str, wanted: &Wanted) -> Result<Arc<dyn Tree>> {
    let parsed = RepositoryUrl::parse(url)?;
    let repository = match parsed.local_path() {
        Some(path) => Repository::open(path)?,
        None => local::discover(Path::new("."))
            .with_context(|| format!("the cluster follows {parsed}; stand in a clone of it to compare a revision"))?,
    };
    let tree: Arc<dyn Tree> = match wanted {
        Wanted::Revision(revision) => checkout::snapshot(&repository, Some(revision))?.tree,
        Wanted::Worktree if repository.is_bare() => {
            bail!("{} has no files on disk that could be looked at: it is bare", repository.root().display())
        }
        Wanted::Worktree => checkout::worktree(&repository).tree,
        Wanted::Head { says_what_is_left_out } => {
            let tree = checkout::snapshot(&repository, None)?.tree;
            if *says_what_is_left_out {
                checkout::tell_dirty(&repository, tree.as_ref());
            }
            tree
        }
    };
    Ok(tree)
}
