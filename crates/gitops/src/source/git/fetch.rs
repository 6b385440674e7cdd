//! Fetches what a GitRepository asks for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::source::v1::{GitRepository, GitRepositoryRef};
use cowherd_api::supported::{self, Refused};
use cowherd_source::{
    Access, Auth, Commit, FetchError, Ignore, Range, RangeError, Reference, Remote, RepositoryUrl, Revision, Snapshot,
    UrlError,
};
use cowherd_tree::{Tree, TreeError};
use kube::{Client, ResourceExt};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::super::seal::{self, hex};
use super::super::secrets::{Namespace, Unread};
use super::super::{Artifact, Found, MAX_TIMEOUT, Problem, Shared, is_requested};
use super::{KIND, name};
use crate::Authorship;
use crate::fetches::{BrokenOff, Purpose};

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The URL is none.
    #[error("{0}")]
    Url(#[from] UrlError),
    /// The range of versions is none.
    #[error("spec.ref.semver: {0}")]
    Range(#[from] RangeError),
    /// A field asks for what is not supported yet.
    #[error("{0}")]
    Unsupported(Refused),
    /// The Secret with the credentials cannot be read.
    #[error("{0}")]
    Secret(#[from] Unread),
    /// Git failed.
    #[error("failed to checkout and determine revision: {0}")]
    Fetch(#[from] FetchError),
    /// The patterns of files to leave out cannot be read.
    #[error("failed to load source ignore patterns from repository: {0}")]
    Ignore(#[from] TreeError),
    /// A bug.
    #[error(transparent)]
    Broken(#[from] BrokenOff),
}

impl Error {
    /// The reason in one word, as Flux gives it.
    fn reason(&self) -> &'static str {
        match self {
            Self::Url(_) => "URLInvalid",
            Self::Unsupported(_) => crate::conditions::UNSUPPORTED,
            Self::Secret(_) => "AuthenticationFailed",
            Self::Fetch(FetchError::Refused { .. } | FetchError::HostKey { .. } | FetchError::Credentials { .. }) => {
                "AuthenticationFailed"
            }
            Self::Fetch(FetchError::NotAllowed(_) | FetchError::Forbidden { .. }) => crate::conditions::ACCESS_DENIED,
            Self::Ignore(_) => "SourceIgnoreError",
            Self::Range(_) | Self::Fetch(_) | Self::Broken(_) => "GitOperationFailed",
        }
    }

    /// Whether only a change of the object can help.
    fn is_final(&self) -> bool {
        matches!(self, Self::Url(_) | Self::Range(_) | Self::Unsupported(_))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let may_pass = matches!(&error, Error::Fetch(error) if error.may_pass());
        let (reason, is_final) = (error.reason(), error.is_final());
        Self { reason, message: Self::told(&error, may_pass), is_final, may_pass, is_unverified: false }
    }
}

/// Fetches the repository as its spec says.
pub(super) async fn fetch(shared: &Shared, object: &GitRepository) -> Result<Found, Error> {
    let (url, reference) = asked(object)?;
    let (policy, source) = (&shared.config.policy, name(object));
    let (is_root, access) = (policy.is_root(&source, &url), policy.of_source(&source, &url));
    let mut remote = Remote::new(url.clone()).with_access(access);
    remote.auth = credentials(&shared.client, object).await?;
    if let Some(timeout) = object.spec.timeout.as_ref().and_then(|timeout| timeout.parse().ok()) {
        remote.timeout = Duration::clamp(timeout, Duration::from_secs(1), MAX_TIMEOUT);
    }
    remote.is_requested = is_requested(object);
    let purpose = Purpose { namespace: source.name.namespace.clone(), host: remote.url.host(), is_own: is_root };
    remote.tenant = shared.fetches.tenant(&purpose);
    let (mirrors, ignore) = (shared.mirrors.clone(), object.spec.ignore.clone());
    let work = move |cancel| {
        remote.cancel = cancel;
        let snapshot = mirrors.fetch(&remote, &reference)?;
        let artifact = Artifact { is_root, ..content(&snapshot, ignore.as_deref())? };
        Ok::<_, Error>((snapshot, artifact))
    };
    let (snapshot, artifact) = shared.fetches.run(&purpose, work).await??;
    let commit = snapshot.revision.commit();
    Ok(Found {
        artifact: Arc::new(artifact),
        url: artifact_url(&url, &snapshot.revision),
        path: format!("gitrepository/{}/{}/{commit}", source.name.namespace, source.name.name),
        news: news(&snapshot.commit),
        stored: None,
        metadata: BTreeMap::new(),
        verified: None,
        observed: observed(object),
    })
}

/// What the spec asks for.
fn asked(object: &GitRepository) -> Result<(RepositoryUrl, Reference), Error> {
    refuse_unsupported(object)?;
    let reference = reference(object.spec.reference.as_ref())?;
    Ok((RepositoryUrl::parse(&object.spec.url)?, reference))
}

/// Why a GitRepository would be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRefusal {
    /// What is said, with what to do.
    pub text: String,
    /// Whether only a change of the object helps; otherwise whoever starts the agents may allow it.
    pub is_final: bool,
}

/// Why the agents would refuse a GitRepository without asking anybody, where `access` is given to it.
pub fn refusal(object: &GitRepository, access: &Access) -> Option<SourceRefusal> {
    let checked = asked(object).and_then(|(url, _)| Ok(Remote::new(url).with_access(access.clone()).check()?));
    checked.err().map(|error| SourceRefusal { is_final: error.is_final(), text: error.to_string() })
}

/// What an event says of a new commit: what Flux says, and who wrote it.
fn news(commit: &Commit) -> String {
    let Authorship { author, subject } = Authorship::of(commit);
    let by = if author.is_empty() { author } else { format!(" by {author}") };
    format!("stored artifact for commit '{subject}'{by}")
}

/// What of the spec an artifact was made with.
fn observed(object: &GitRepository) -> Map<String, Value> {
    let mut observed = Map::new();
    if let Some(ignore) = &object.spec.ignore {
        observed.insert("observedIgnore".to_owned(), ignore.as_str().into());
    }
    let sparse = object.spec.sparse_checkout.as_ref().filter(|paths| !paths.is_empty());
    if let Some(paths) = sparse {
        observed.insert("observedSparseCheckout".to_owned(), paths.clone().into());
    }
    observed
}

/// What was fetched before the start and is still here: the cluster is kept as it says until the server was asked.
pub(super) async fn held(shared: &Shared, object: &GitRepository) -> Option<Arc<Artifact>> {
    let status = object.status.as_ref()?;
    let artifact = status.artifact.as_ref()?;
    let revision: Revision = artifact.revision.parse().ok()?;
    let url = RepositoryUrl::parse(&object.spec.url).ok()?;
    // The spec may ask for something else by now, and what is not supported is not acted on.
    if artifact.url != artifact_url(&url, &revision) || refuse_unsupported(object).is_err() {
        return None;
    }
    if !seal::holds(&shared.config.seed, object, artifact) {
        return None;
    }
    let policy = &shared.config.policy;
    let (is_root, access) = (policy.is_root(&name(object), &url), policy.of_source(&name(object), &url));
    let namespace = object.namespace().unwrap_or_default();
    let tenant = shared.fetches.tenant(&Purpose { namespace, host: url.host(), is_own: is_root });
    let (mirrors, ignore) = (shared.mirrors.clone(), object.spec.ignore.clone());
    let read = move || {
        let snapshot = match url.local_path() {
            // A local repository is its own mirror.
            Some(_) => {
                let branch = revision.name().map(str::to_owned);
                let reference = Reference::Commit { id: revision.commit().to_string(), branch };
                mirrors.fetch(&Remote::new(url).with_access(access), &reference).ok()?
            }
            None => mirrors.held(&url, &revision, tenant.as_ref())?,
        };
        Some(Artifact { is_root, ..content(&snapshot, ignore.as_deref()).ok()? })
    };
    tokio::task::spawn_blocking(read).await.ok()?.map(Arc::new)
}

/// Where an artifact came from. What is displayed of a URL holds no credentials.
fn artifact_url(url: &RepositoryUrl, revision: &Revision) -> String {
    format!("{url}#{}", revision.commit())
}

/// What of a snapshot is there for Kustomizations.
pub(crate) fn content(snapshot: &Snapshot, ignore: Option<&str>) -> Result<Artifact, TreeError> {
    let tree: Arc<dyn Tree> = snapshot.tree.clone();
    let mut digest = Sha256::new();
    for part in [&snapshot.commit.tree, ignore.unwrap_or_default()] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    Ok(Artifact {
        revision: snapshot.revision.to_string(),
        digest: format!("sha256:{}", hex(&digest.finalize())),
        authorship: Some(Authorship::of(&snapshot.commit)),
        origin: None,
        tree: Arc::new(Ignore::new(tree.clone(), ignore)?),
        all: tree,
        ignore: ignore.map(str::to_owned),
        is_root: false,
    })
}

/// The first of commit, name, semver, tag and branch counts.
fn reference(spec: Option<&GitRepositoryRef>) -> Result<Reference, RangeError> {
    let Some(spec) = spec else { return Ok(Reference::default()) };
    let given = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
    if let Some(id) = given(&spec.commit) {
        return Ok(Reference::Commit { id, branch: given(&spec.branch) });
    }
    if let Some(name) = given(&spec.name) {
        return Ok(Reference::Name(name));
    }
    if let Some(range) = given(&spec.semver) {
        return Ok(Reference::SemVer(Range::parse(&range)?));
    }
    Ok(given(&spec.tag).map(Reference::Tag).or_else(|| given(&spec.branch).map(Reference::Branch)).unwrap_or_default())
}

async fn credentials(client: &Client, object: &GitRepository) -> Result<Auth, Unread> {
    let Some(reference) = &object.spec.secret_ref else { return Ok(Auth::default()) };
    let name = object.namespace().unwrap_or_default();
    let namespace = Namespace { client, name: &name, kind: KIND.0 };
    Ok(Auth::from_secret(&namespace.secret(&reference.name, "spec.secretRef").await?))
}

fn refuse_unsupported(object: &GitRepository) -> Result<(), Error> {
    let spec = serde_json::to_value(&object.spec).unwrap_or_default();
    supported::refused(supported::GIT_REPOSITORY, &spec)
        .next()
        .map_or(Ok(()), |refused| Err(Error::Unsupported(refused)))
}
