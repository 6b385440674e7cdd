//! Fetches what a GitRepository asks for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::source::v1::{GitRepository, GitRepositoryRef};
use cowherd_api::supported;
use cowherd_source::{
    Access, Commit, FetchError, Range, RangeError, Reference, Remote, RepositoryUrl, Revision, Scheme,
};
use kube::ResourceExt;
use serde_json::{Map, Value, json};

use super::super::{Artifact, Found, MAX_TIMEOUT, Shared, SourceName, is_requested, seal};
use super::content::{composed, content};
use super::error::Error;
use super::include::{self, Include, Included};
use super::verification::{Unverified, Verification};
use super::{credentials, name};
use crate::Authorship;
use crate::fetches::Purpose;

/// Fetches the repository as its spec says.
pub(super) async fn fetch(shared: &Shared, object: &GitRepository) -> Result<Found, Error> {
    let Asked { url, reference, verification, includes } = asked(object)?;
    let source = name(object);
    let purpose = purpose(shared, object, &url);
    // What others wrote is in it as well.
    let is_root = purpose.is_own && includes.is_empty() && !with_submodules(object);
    let mut remote = remote(shared, object, &url);
    let credentials::Credentials { auth, proxy, app } = credentials::of(shared, object).await?;
    (remote.auth, remote.proxy) = (auth, proxy);
    remote.is_requested = is_requested(object);
    remote.with_tag = verification.as_ref().is_some_and(Verification::is_of_tag);
    let signers = match &verification {
        Some(verification) => Some(verification.signers(shared, &source.name.namespace).await?),
        None => None,
    };
    let included = Arc::new(include::fetch(shared, object, includes).await?);
    let (mirrors, tokens, ignore) = (shared.mirrors.clone(), shared.tokens.clone(), object.spec.ignore.clone());
    let secret = object.spec.secret_ref.as_ref().map(|secret| secret.name.clone()).unwrap_or_default();
    let (asked, given) = (verification.clone(), included.clone());
    let of_submodules = with_submodules(object).then(|| shared.config.policy.of_submodules(&source, &url));
    let work = move |cancel| {
        remote.cancel = cancel;
        if let Some(app) = &app {
            let failed = |cause| Error::App { name: secret.clone(), cause };
            remote.auth = credentials::of_app(&tokens, app, &remote).map_err(failed)?;
        }
        let snapshot = mirrors.fetch(&remote, &reference).inspect_err(|error| {
            // It may have been taken back since.
            if matches!(error, FetchError::Refused { .. }) {
                app.iter().for_each(|app| tokens.forget(app));
            }
        })?;
        let verified = asked.zip(signers).map(|(asked, signers)| asked.verify(&snapshot, &signers)).transpose()?;
        // What a commit says of others counts once it is known who wrote it.
        let submodules = match &of_submodules {
            Some(access) => mirrors.submodules(&remote, &snapshot, access)?,
            None => Vec::new(),
        };
        let artifact = Artifact { is_root, ..composed(&snapshot, &submodules, &given, ignore.as_deref())? };
        Ok::<_, Error>((snapshot, artifact, verified))
    };
    let (snapshot, artifact, verified) = shared.fetches.run(&purpose, work).await??;
    let commit = snapshot.revision.commit();
    Ok(Found {
        artifact: Arc::new(artifact),
        url: artifact_url(&url, &snapshot.revision, verification.as_ref()),
        path: format!("gitrepository/{}/{}/{commit}", source.name.namespace, source.name.name),
        news: news(&snapshot.commit),
        stored: None,
        metadata: BTreeMap::new(),
        verified,
        observed: observed(object, verification.as_ref(), &included),
    })
}

/// What the spec asks for.
pub(super) struct Asked {
    pub(super) url: RepositoryUrl,
    pub(super) reference: Reference,
    verification: Option<Verification>,
    includes: Vec<Include>,
}

pub(super) fn asked(object: &GitRepository) -> Result<Asked, Error> {
    refuse_unsupported(object)?;
    let reference = reference(object.spec.reference.as_ref())?;
    let url = RepositoryUrl::parse(&object.spec.url)?;
    if object.spec.proxy_secret_ref.is_some() && url.scheme() == Scheme::Ssh {
        return Err(Error::ProxyOfSsh);
    }
    if object.spec.provider.as_deref() == Some("github") && !url.is_http() {
        return Err(Error::AppOfSsh);
    }
    let verification = object.spec.verify.as_ref().map(Verification::read).transpose()?;
    if verification.as_ref().is_some_and(|verification| verification.is_of_tag() && !reference.is_of_tag()) {
        return Err(Unverified::NoTag.into());
    }
    let includes = include::asked(object)?;
    Ok(Asked { url, reference, verification, includes })
}

/// The GitRepositories that one is made of.
pub(super) fn made_of(object: &GitRepository) -> Vec<SourceName> {
    let includes = include::asked(object).unwrap_or_default();
    includes.iter().map(|include| include.source().clone()).collect()
}

fn with_submodules(object: &GitRepository) -> bool {
    object.spec.recurse_submodules == Some(true)
}

/// On whose behalf the repository is fetched, and from where.
pub(super) fn purpose(shared: &Shared, object: &GitRepository, url: &RepositoryUrl) -> Purpose {
    let is_own = shared.config.policy.is_root(&name(object), url);
    Purpose { namespace: object.namespace().unwrap_or_default(), host: url.host(), is_own }
}

/// The repository on the terms that it is fetched on, but for what Secrets hold.
pub(super) fn remote(shared: &Shared, object: &GitRepository, url: &RepositoryUrl) -> Remote {
    let mut remote = Remote::new(url.clone()).with_access(shared.config.policy.of_source(&name(object), url));
    if let Some(timeout) = object.spec.timeout.as_ref().and_then(|timeout| timeout.parse().ok()) {
        remote.timeout = Duration::clamp(timeout, Duration::from_secs(1), MAX_TIMEOUT);
    }
    remote.tenant = shared.fetches.tenant(&purpose(shared, object, url));
    // A proxy of a namespace may say anything in the name of a server: what it says counts in that namespace.
    remote.scope = object.spec.proxy_secret_ref.as_ref().map(|_| object.namespace().unwrap_or_default());
    remote
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
    let checked = asked(object).and_then(|Asked { url, .. }| {
        // Behind a proxy it is the proxy that connects.
        let is_elsewhere = object.spec.proxy_secret_ref.is_some();
        if is_elsewhere { Ok(()) } else { Ok(Remote::new(url).with_access(access.clone()).check()?) }
    });
    checked.err().map(|error| SourceRefusal { is_final: error.is_final(), text: error.to_string() })
}

/// What an event says of a new commit: what Flux says, and who wrote it.
fn news(commit: &Commit) -> String {
    let Authorship { author, subject } = Authorship::of(commit);
    let by = if author.is_empty() { author } else { format!(" by {author}") };
    format!("stored artifact for commit '{subject}'{by}")
}

/// What of the spec an artifact was made with.
fn observed(object: &GitRepository, verification: Option<&Verification>, included: &[Included]) -> Map<String, Value> {
    let mut observed = Map::new();
    if let Some(verification) = verification {
        observed.insert("sourceVerificationMode".to_owned(), verification.mode().into());
    }
    if let Some(ignore) = &object.spec.ignore {
        observed.insert("observedIgnore".to_owned(), ignore.as_str().into());
    }
    if with_submodules(object) {
        observed.insert("observedRecurseSubmodules".to_owned(), true.into());
    }
    if !included.is_empty() {
        let artifacts: Vec<_> = included.iter().map(|included| &included.stored).collect();
        observed.insert("observedInclude".to_owned(), json!(object.spec.include));
        observed.insert("includedArtifacts".to_owned(), json!(artifacts));
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
    // The spec may ask for something else by now, and what is not supported is not acted on.
    let Asked { url, verification, includes, .. } = asked(object).ok()?;
    // What it is made of besides is not here yet.
    if !includes.is_empty() || with_submodules(object) {
        return None;
    }
    if artifact.url != artifact_url(&url, &revision, verification.as_ref()) {
        return None;
    }
    if !seal::holds(&shared.config.seed, object, artifact) {
        return None;
    }
    let is_root = shared.config.policy.is_root(&name(object), &url);
    let remote = remote(shared, object, &url);
    let (mirrors, ignore) = (shared.mirrors.clone(), object.spec.ignore.clone());
    let read = move || {
        let snapshot = match url.local_path() {
            // A local repository is its own mirror.
            Some(_) => {
                let branch = revision.name().map(str::to_owned);
                let reference = Reference::Commit { id: revision.commit().to_string(), branch };
                mirrors.fetch(&remote, &reference).ok()?
            }
            None => mirrors.held(&remote, &revision)?,
        };
        Some(Artifact { is_root, ..content(&snapshot, ignore.as_deref()).ok()? })
    };
    tokio::task::spawn_blocking(read).await.ok()?.map(Arc::new)
}

/// Where an artifact came from, and by what it was verified: what was not is not taken for what must be. What is displayed of a URL
/// holds no credentials.
fn artifact_url(url: &RepositoryUrl, revision: &Revision, verification: Option<&Verification>) -> String {
    let verified = verification.map(|verification| format!("&verified={verification}")).unwrap_or_default();
    format!("{url}#{}{verified}", revision.commit())
}

/// The first of commit, name, semver, tag and branch counts.
pub(super) fn reference(spec: Option<&GitRepositoryRef>) -> Result<Reference, RangeError> {
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

fn refuse_unsupported(object: &GitRepository) -> Result<(), Error> {
    let spec = serde_json::to_value(&object.spec).unwrap_or_default();
    supported::refused(supported::GIT_REPOSITORY, &spec)
        .next()
        .map_or(Ok(()), |refused| Err(Error::Unsupported(refused)))
}
