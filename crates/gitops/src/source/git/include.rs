//! What other GitRepositories of the namespace give to one.

use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::source::v1::{self, GitRepository, GitRepositoryInclude};
use cowherd_tree::{GraftError, Grafted, Subtree, Tree, TreePath};
use kube::{Api, ResourceExt as _};

use super::super::{Artifact, Shared, SourceName};
use super::{KIND, name};

/// How many others may be included, and how many of which those are made in turn.
const MAX_INCLUDED: usize = 64;
/// How long it is waited for what another had before.
const SETTLING: Duration = Duration::from_secs(10);
/// How many directories the path may have at which one is put.
const MAX_DEPTH: usize = 16;

/// Another GitRepository, and where its content goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Include {
    source: SourceName,
    from: TreePath,
    to: TreePath,
}

/// What another GitRepository has, and where it goes.
pub(super) struct Included {
    pub(super) include: Include,
    pub(super) artifact: Arc<Artifact>,
    /// What the status says of it.
    pub(super) stored: v1::Artifact,
}

/// Why something cannot be included, in Flux's words where it has some.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotIncluded {
    /// A path is none.
    #[error("path calculation for include '{name}' failed: {cause}")]
    Path { name: String, cause: String },
    /// There is no such GitRepository.
    #[error("could not get resource for include '{name}': {cause}")]
    NotFound { name: String, cause: String },
    /// It has nothing yet.
    #[error("no artifact available for include '{0}'")]
    NoArtifact(String),
    /// It is made of the one that includes it.
    #[error("include '{0}' is made of this GitRepository itself; leave one of the two out")]
    Cycle(String),
    /// There are too many.
    #[error("it includes more than {} GitRepositories, with those of which they are made", MAX_INCLUDED)]
    TooMany,
    /// It would have too many files.
    #[error(
        "with what it includes it has more than {} files, each counted as often as it stands somewhere; that is more than is accepted",
        cowherd_source::MAX_ENTRIES
    )]
    TooManyFiles,
    /// Its content cannot be put there.
    #[error("failed to copy '{name}' include from {from} to {to}: {cause}")]
    Copy { name: String, from: TreePath, to: TreePath, cause: Box<GraftError> },
}

impl NotIncluded {
    /// The reason in one word, as Flux gives it.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Path { .. } => "IllegalPath",
            Self::NotFound { .. } => "NotFound",
            Self::NoArtifact(_) => "NoArtifact",
            Self::Cycle(_) => "IncludeCycle",
            Self::TooMany | Self::TooManyFiles => "TooManyIncludes",
            Self::Copy { .. } => "CopyFailure",
        }
    }
}

/// What the spec asks to include.
pub(super) fn asked(object: &GitRepository) -> Result<Vec<Include>, NotIncluded> {
    let all = object.spec.include.as_deref().unwrap_or_default();
    if all.len() > MAX_INCLUDED {
        return Err(NotIncluded::TooMany);
    }
    all.iter().map(|include| Include::read(object, include)).collect()
}

impl Include {
    fn read(object: &GitRepository, include: &GitRepositoryInclude) -> Result<Self, NotIncluded> {
        let name = include.repository.name.clone();
        let path = |text: &str| {
            let path = TreePath::parse(text).map_err(|error| error.to_string());
            path.map_err(|cause| NotIncluded::Path { name: name.clone(), cause })
        };
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let from = path(&given(&include.from_path).unwrap_or_default())?;
        let to = path(&given(&include.to_path).unwrap_or_else(|| name.clone()))?;
        if to.components().count() > MAX_DEPTH {
            let cause = format!("{to} has more than {MAX_DEPTH} directories");
            return Err(NotIncluded::Path { name, cause });
        }
        let source = SourceName::new(KIND, object.namespace().unwrap_or_default(), name);
        Ok(Self { source, from, to })
    }

    /// The GitRepository that is included.
    pub(super) fn source(&self) -> &SourceName {
        &self.source
    }

    fn name(&self) -> String {
        self.source.name.name.clone()
    }
}

/// What the others have at the moment.
pub(super) async fn fetch(
    shared: &Shared,
    object: &GitRepository,
    includes: Vec<Include>,
) -> Result<Vec<Included>, NotIncluded> {
    let (own, mut made_of, mut all) = (name(object), 0, Vec::new());
    for include in includes {
        let status = status(shared, &include).await?;
        let artifact = artifact(shared, &include, status.is_some()).await;
        let (Some(artifact), Some(stored)) = (artifact, status) else {
            return Err(NotIncluded::NoArtifact(include.name()));
        };
        if include.source == own || artifact.made_of.contains(&own) {
            return Err(NotIncluded::Cycle(include.name()));
        }
        made_of += 1 + artifact.made_of.len();
        if made_of > MAX_INCLUDED {
            return Err(NotIncluded::TooMany);
        }
        // What is included is what is here, whatever was written down of it so far.
        let (revision, digest) = (artifact.revision.clone(), artifact.digest.clone());
        let stored = v1::Artifact { revision, digest, metadata: None, ..stored };
        all.push(Included { include, artifact, stored });
    }
    Ok(all)
}

/// What one has. After a start, what is known to have had something is waited for.
async fn artifact(shared: &Shared, include: &Include, is_expected: bool) -> Option<Arc<Artifact>> {
    let mut latest = shared.shelf.follow(&include.source);
    if is_expected {
        drop(tokio::time::timeout(SETTLING, latest.wait_for(|latest| latest.artifact.is_some())).await);
    }
    latest.borrow().artifact.clone()
}

/// What the status of one says that it has.
async fn status(shared: &Shared, include: &Include) -> Result<Option<v1::Artifact>, NotIncluded> {
    let SourceName { name, .. } = &include.source;
    let missing = |cause: String| NotIncluded::NotFound { name: name.name.clone(), cause };
    let absent = || format!("gitrepositories.source.toolkit.fluxcd.io \"{}\" not found", name.name);
    if !cowherd_apply::is_path_segment(&name.name) {
        return Err(missing(absent()));
    }
    let api: Api<GitRepository> = Api::namespaced(shared.client.clone(), &name.namespace);
    match api.get_opt(&name.name).await {
        Ok(Some(found)) => Ok(found.status.and_then(|status| status.artifact)),
        Ok(None) => Err(missing(absent())),
        Err(kube::Error::Api(status)) => Err(missing(status.message.clone())),
        Err(other) => Err(missing(other.to_string())),
    }
}

impl Included {
    /// A tree with this in it.
    pub(super) fn put_into(&self, tree: Arc<dyn Tree>) -> Result<Arc<dyn Tree>, NotIncluded> {
        let Include { from, to, .. } = &self.include;
        let failed = |cause: GraftError| {
            let (name, from, to) = (self.include.name(), from.clone(), to.clone());
            NotIncluded::Copy { name, from, to, cause: Box::new(cause) }
        };
        // Where links lead is found out where the files are.
        let from = self.artifact.tree.resolve(from).map_err(|error| failed(error.into()))?;
        let content = Arc::new(Subtree::new(self.artifact.tree.clone(), from));
        Ok(Arc::new(Grafted::new(tree, to.clone(), content).map_err(failed)?))
    }

    /// What tells it from what would make something else.
    pub(super) fn identity(&self) -> [String; 4] {
        let Include { from, to, .. } = &self.include;
        ["include".to_owned(), from.to_string(), to.to_string(), self.artifact.digest.clone()]
    }
}
