//! Fetches what a GitRepository asks for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::source::v1::{GitRepository, GitRepositoryRef};
use cowherd_api::supported::{self, Refused};
use cowherd_source::{
    Auth, FetchError, Ignore, Range, RangeError, Reference, Remote, RepositoryUrl, Revision, Snapshot, UrlError,
};
use cowherd_tree::{Tree, TreeError};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, ResourceExt};
use sha2::{Digest, Sha256};

use super::Shared;
use crate::fetched::Fetched;
use crate::fetches::Purpose;

/// What was found.
pub(super) struct Found {
    pub(super) snapshot: Snapshot,
    pub(super) content: Arc<Fetched>,
}

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
    #[error("failed to get the Secret '{name}' of spec.secretRef: {cause}")]
    Secret { name: String, cause: String },
    /// Git failed.
    #[error("failed to checkout and determine revision: {0}")]
    Fetch(#[from] FetchError),
    /// The patterns of files to leave out cannot be read.
    #[error("failed to load source ignore patterns from repository: {0}")]
    Ignore(#[from] TreeError),
    /// A bug.
    #[error("the fetch broke off: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

impl Error {
    /// The reason in one word, as Flux gives it.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Url(_) => "URLInvalid",
            Self::Unsupported(_) => crate::conditions::UNSUPPORTED,
            Self::Secret { .. } => "AuthenticationFailed",
            Self::Fetch(FetchError::Refused { .. } | FetchError::HostKey { .. } | FetchError::Credentials { .. }) => {
                "AuthenticationFailed"
            }
            Self::Fetch(FetchError::NotAllowed(_) | FetchError::Forbidden { .. }) => crate::conditions::ACCESS_DENIED,
            Self::Ignore(_) => "SourceIgnoreError",
            Self::Range(_) | Self::Fetch(_) | Self::Broken(_) => "GitOperationFailed",
        }
    }

    /// Whether only a change of the object can help.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Url(_) | Self::Range(_) | Self::Unsupported(_))
    }
}

/// Fetches the repository as its spec says.
pub(super) async fn fetch(shared: &Shared, object: &GitRepository) -> Result<Found, Error> {
    refuse_unsupported(object)?;
    let reference = reference(object.spec.reference.as_ref())?;
    let policy = &shared.config.policy;
    let mut remote = Remote::new(RepositoryUrl::parse(&object.spec.url)?).with_access(policy.of_repository(object));
    remote.auth = credentials(&shared.client, object).await?;
    if let Some(timeout) = object.spec.timeout.as_ref().and_then(|timeout| timeout.parse().ok()) {
        remote.timeout = Duration::max(timeout, Duration::from_secs(1));
    }
    let is_root = policy.is_root(object);
    let purpose =
        Purpose { namespace: object.namespace().unwrap_or_default(), host: remote.url.host(), is_own: is_root };
    let (mirrors, ignore) = (shared.mirrors.clone(), object.spec.ignore.clone());
    let work = move |cancel| {
        remote.cancel = cancel;
        let snapshot = mirrors.fetch(&remote, &reference)?;
        let content = Arc::new(Fetched { is_root, ..content(&snapshot, ignore.as_deref())? });
        Ok(Found { snapshot, content })
    };
    shared.fetches.run(&purpose, work).await?
}

/// What was fetched before the start and is still here: the cluster is kept as it says until the server was asked.
pub(super) async fn held(shared: &Shared, object: &GitRepository) -> Option<Arc<Fetched>> {
    let status = object.status.as_ref()?;
    let artifact = status.artifact.as_ref()?;
    let revision: Revision = artifact.revision.parse().ok()?;
    let url = RepositoryUrl::parse(&object.spec.url).ok()?;
    // The spec may ask for something else by now, and what is not supported is not acted on.
    if artifact.url != artifact_url(&url, &revision) || refuse_unsupported(object).is_err() {
        return None;
    }
    // Others may be able to write a status. What is here was fetched with somebody's credentials, and is for them alone.
    let seal = seal(&shared.config.seed, object, &artifact.url);
    if artifact.metadata.as_ref().and_then(|metadata| metadata.get(SEAL)) != Some(&seal) {
        return None;
    }
    let policy = &shared.config.policy;
    let (is_root, access) = (policy.is_root(object), policy.of_repository(object));
    let (mirrors, ignore) = (shared.mirrors.clone(), object.spec.ignore.clone());
    let read = move || {
        let snapshot = match url.local_path() {
            // A local repository is its own mirror.
            Some(_) => {
                let branch = revision.name().map(str::to_owned);
                let reference = Reference::Commit { id: revision.commit().to_string(), branch };
                mirrors.fetch(&Remote::new(url).with_access(access), &reference).ok()?
            }
            None => mirrors.held(&url, &revision)?,
        };
        Some(Fetched { is_root, ..content(&snapshot, ignore.as_deref()).ok()? })
    };
    tokio::task::spawn_blocking(read).await.ok()?.map(Arc::new)
}

/// Under which name an artifact carries its seal.
pub(super) const SEAL: &str = "cowherd.dev/seal";

/// What shows that an artifact was fetched for this object, and by us: it takes the seed, which nobody else knows.
pub(super) fn seal(seed: &[u8], object: &GitRepository, artifact_url: &str) -> String {
    let (namespace, name, uid) = (object.namespace(), object.name_any(), object.uid());
    let what = serde_json::json!([namespace, name, uid, artifact_url]).to_string();
    let mut digest = Sha256::new();
    digest.update(seed);
    digest.update(Sha256::digest(what));
    hex(&digest.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Where an artifact came from. What is displayed of a URL holds no credentials.
pub(super) fn artifact_url(url: &RepositoryUrl, revision: &Revision) -> String {
    format!("{url}#{}", revision.commit())
}

/// What of a snapshot is there for Kustomizations.
pub(crate) fn content(snapshot: &Snapshot, ignore: Option<&str>) -> Result<Fetched, TreeError> {
    let tree: Arc<dyn Tree> = snapshot.tree.clone();
    let mut digest = Sha256::new();
    for part in [&snapshot.commit.tree, ignore.unwrap_or_default()] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    Ok(Fetched {
        revision: snapshot.revision.to_string(),
        digest: format!("sha256:{}", hex(&digest.finalize())),
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

async fn credentials(client: &Client, object: &GitRepository) -> Result<Auth, Error> {
    let Some(reference) = &object.spec.secret_ref else { return Ok(Auth::default()) };
    let name = &reference.name;
    let error = |cause: String| Error::Secret { name: name.clone(), cause };
    let api: Api<Secret> = Api::namespaced(client.clone(), &object.namespace().unwrap_or_default());
    let secret = match api.get_opt(name).await {
        Ok(Some(secret)) => secret,
        Ok(None) => return Err(error("there is no such Secret in the namespace of the GitRepository".to_owned())),
        Err(kube::Error::Api(status)) => return Err(error(status.message.clone())),
        Err(other) => return Err(error(other.to_string())),
    };
    let data: BTreeMap<String, Vec<u8>> =
        secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
    Ok(Auth::from_secret(&data))
}

fn refuse_unsupported(object: &GitRepository) -> Result<(), Error> {
    let spec = serde_json::to_value(&object.spec).unwrap_or_default();
    supported::refused(supported::GIT_REPOSITORY, &spec).map_or(Ok(()), |refused| Err(Error::Unsupported(refused)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_good_for_one_object_and_one_artifact() {
        let object = |namespace: &str, uid: &str| -> GitRepository {
            serde_json::from_value(serde_json::json!({ "apiVersion": "source.toolkit.fluxcd.io/v1",
                "kind": "GitRepository", "metadata": { "name": "a", "namespace": namespace, "uid": uid },
                "spec": { "interval": "1m", "url": "https://example.com/private" } }))
            .unwrap()
        };
        let seals = [
            seal(b"seed", &object("n", "1"), "https://example.com/private#1"),
            seal(b"other", &object("n", "1"), "https://example.com/private#1"),
            seal(b"seed", &object("team", "1"), "https://example.com/private#1"),
            seal(b"seed", &object("n", "2"), "https://example.com/private#1"),
            seal(b"seed", &object("n", "1"), "https://example.com/private#2"),
        ];
        let different: std::collections::BTreeSet<_> = seals.iter().collect();
        assert_eq!(different.len(), seals.len());
        assert_eq!(seals[0], seal(b"seed", &object("n", "1"), "https://example.com/private#1"));
    }
}
