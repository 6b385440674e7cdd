//! Fetches what an OCIRepository asks for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::source::v1::{OCIRepository, OCIRepositoryRef, OCIRepositorySpec};
use cowherd_api::supported;
use cowherd_source::{
    Access, ArtifactReference, ArtifactRepository, ArtifactSource, ArtifactStep, Digest, Fetched, Ignore, Range,
};
use cowherd_tree::{Tree, TreeError, TreePath};
use kube::ResourceExt as _;
use regex::bytes::{Regex, RegexBuilder};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::super::git::SourceRefusal;
use super::super::seal::{self, hex};
use super::super::{Artifact, Found, MAX_TIMEOUT, Origin, Shared, is_requested};
use super::error::Error;
use super::verification::Verification;
use super::{credentials, name};
use crate::fetches::Purpose;

/// The most bytes of what an artifact says of itself that go into a status.
const MAX_METADATA: usize = 64 << 10;

/// The most bytes of memory that the regular expression of a filter may take.
const MAX_FILTER: usize = 64 << 10;

/// Fetches the artifact as the spec says.
pub(super) async fn fetch(shared: &Shared, object: &OCIRepository) -> Result<Found, Error> {
    let mut wanted = wanted(shared, object)?;
    wanted.auth = credentials::of(shared, object, &wanted.repository).await?;
    wanted.proxy = credentials::proxy(shared, object).await?;
    let verification = Verification::read(object)?;
    let provider = verification.as_ref().map_or("cosign", Verification::provider);
    if let Some(verification) = &verification {
        let trust = verification.trust(shared, object).await;
        wanted.trust = Some(trust.map_err(|cause| Error::Untrusting { provider, cause })?);
    }
    let source = name(object).name;
    let host = wanted.repository.host().to_owned();
    let purpose = Purpose { namespace: source.namespace.clone(), host, is_own: false };
    (wanted.is_requested, wanted.tenant) = (is_requested(object), shared.fetches.tenant(&purpose));
    let artifacts = shared.config.artifacts.clone().ok_or(Error::NoPlace)?;
    let (repository, ignore, is_copy) = (wanted.repository.clone(), object.spec.ignore.clone(), is_copy(&object.spec));
    let work = move |cancel| {
        wanted.cancel = cancel;
        let fetched = artifacts.fetch(&wanted);
        let fetched = fetched.map_err(|cause| match cause.step {
            ArtifactStep::Verify => Error::Unverified { provider, cause },
            _ => Error::Fetch { url: wanted.repository.to_string(), cause },
        })?;
        let artifact = content(&fetched, ignore.as_deref(), is_copy)?;
        Ok::<_, Error>((fetched, artifact))
    };
    let (fetched, artifact) = shared.fetches.run(&purpose, work).await??;
    Ok(Found {
        url: artifact_url(verification.as_ref(), &repository, fetched.digest),
        path: format!("ocirepository/{}/{}/{}", source.namespace, source.name, fetched.digest.hex()),
        news: news(&artifact, &object.spec.url),
        stored: None,
        verified: verification.map(|_| format!("verified signature of revision {}", fetched.revision())),
        metadata: metadata(fetched.annotations),
        observed: observed(object),
        artifact: Arc::new(artifact),
    })
}

/// What is asked for on the word of a tenant, without credentials.
fn wanted(shared: &Shared, object: &OCIRepository) -> Result<ArtifactSource, Error> {
    let access = shared.config.policy.of_tenant(&object.namespace().unwrap_or_default());
    Ok(ArtifactSource { access, ..asked(object)? })
}

/// What an OCIRepository is refused for without asking anybody, where `access` is given to it, if it is.
pub fn refusal(object: &OCIRepository, access: &Access) -> Option<SourceRefusal> {
    let repository = match asked(object).and_then(|wanted| Ok(Verification::read(object).map(|_| wanted.repository)?)) {
        Ok(repository) => repository,
        Err(error) => return Some(SourceRefusal { is_final: true, text: error.to_string() }),
    };
    // Behind a proxy it is the proxy that connects.
    let problem = access.check(&repository.to_string()).err().filter(|_| object.spec.proxy_secret_ref.is_none())?;
    Some(SourceRefusal { is_final: false, text: problem.to_string() })
}

/// What the spec asks for.
fn asked(object: &OCIRepository) -> Result<ArtifactSource, Error> {
    let OCIRepositorySpec { url, reference, layer_selector, insecure, timeout, .. } = &object.spec;
    refuse_unsupported(object)?;
    let repository = ArtifactRepository::parse(url).map_err(|cause| Error::Url { url: shown(url), cause })?;
    let mut wanted = ArtifactSource::new(repository);
    wanted.reference = self::reference(reference.as_ref())?;
    wanted.media_type = given(layer_selector.as_ref().and_then(|selector| selector.media_type.as_ref()));
    wanted.insecure = *insecure == Some(true);
    wanted.scope = scope(object);
    if let Some(timeout) = timeout.as_ref().and_then(|timeout| timeout.parse().ok()) {
        wanted.timeout = Duration::clamp(timeout, Duration::from_secs(1), MAX_TIMEOUT);
    }
    Ok(wanted)
}

/// Who chose who answers for the registry: a proxy or a certificate authority of a namespace may say anything, and is asked for
/// what is kept of the same namespace only.
fn scope(object: &OCIRepository) -> Option<String> {
    let is_chosen = object.spec.proxy_secret_ref.is_some() || object.spec.cert_secret_ref.is_some();
    is_chosen.then(|| object.namespace().unwrap_or_default())
}

/// What an artifact says of itself, as much of it as a status has room for: whoever pushed it may have written anything.
fn metadata(annotations: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut room = MAX_METADATA;
    let fits = |(name, text): &(String, String)| {
        let rest = room.checked_sub(name.len() + text.len());
        room = rest.unwrap_or(room);
        rest.is_some()
    };
    annotations.into_iter().filter(fits).collect()
}

/// What an event says of a new artifact, as Flux says it.
fn news(artifact: &Artifact, url: &str) -> String {
    let news = format!("stored artifact with revision '{}' from '{url}'", artifact.revision);
    match &artifact.origin {
        Some(Origin { source: Some(source), revision: Some(revision) }) => {
            format!("{news}, origin source '{source}', origin revision '{revision}'")
        }
        _ => news,
    }
}

/// What of the spec an artifact was made with.
fn observed(object: &OCIRepository) -> Map<String, Value> {
    let mut observed = Map::new();
    if let Some(ignore) = &object.spec.ignore {
        observed.insert("observedIgnore".to_owned(), ignore.as_str().into());
    }
    let selector = object.spec.layer_selector.as_ref().and_then(|selector| serde_json::to_value(selector).ok());
    observed.extend(selector.map(|selector| ("observedLayerSelector".to_owned(), selector)));
    observed
}

/// What was fetched before the start and is still here: the cluster is kept as it says until the registry was asked.
pub(super) async fn held(shared: &Shared, object: &OCIRepository) -> Option<Arc<Artifact>> {
    let artifact = object.status.as_ref()?.artifact.as_ref()?;
    // The spec may ask for something else by now, and what is not supported is not acted on.
    let mut wanted = wanted(shared, object).ok()?;
    let (namespace, host) = (object.namespace().unwrap_or_default(), wanted.repository.host().to_owned());
    wanted.tenant = shared.fetches.tenant(&Purpose { namespace, host, is_own: false });
    let (tag, digest) = artifact
        .revision
        .rsplit_once('@')
        .map_or((None, artifact.revision.as_str()), |(tag, digest)| (Some(tag), digest));
    let digest: Digest = digest.parse().ok()?;
    let verification = Verification::read(object).ok()?;
    if artifact.url != artifact_url(verification.as_ref(), &wanted.repository, digest)
        || !seal::holds(&shared.config.seed, object, artifact)
    {
        return None;
    }
    let (artifacts, ignore) = (shared.config.artifacts.clone()?, object.spec.ignore.clone());
    let (tag, is_copy) = (tag.map(str::to_owned), is_copy(&object.spec));
    let read = move || {
        let held = Fetched { tag, ..artifacts.held(&wanted, digest)? };
        content(&held, ignore.as_deref(), is_copy).ok()
    };
    tokio::task::spawn_blocking(read).await.ok()?.map(Arc::new)
}

/// Where an artifact came from, and by what it was verified: what was not is not taken for what must be.
fn artifact_url(verification: Option<&Verification>, repository: &ArtifactRepository, digest: Digest) -> String {
    let verified = verification.map(|by| format!("#verified-by={}", by.mark())).unwrap_or_default();
    format!("{repository}@{digest}{verified}")
}

/// What of an artifact is there for Kustomizations. What is taken as it is has all its files.
fn content(fetched: &Fetched, ignore: Option<&str>, is_copy: bool) -> Result<Artifact, TreeError> {
    let all = fetched.tree.clone();
    let tree: Arc<dyn Tree> = if is_copy { all.clone() } else { Arc::new(Ignore::new(all.clone(), ignore)?) };
    let digest = if is_copy { fetched.layer.to_string() } else { digest(all.as_ref(), ignore)? };
    let ignore = ignore.filter(|_| !is_copy).map(str::to_owned);
    let origin = Some(Origin::of(&fetched.annotations));
    let revision = fetched.revision();
    Ok(Artifact { revision, digest, origin, tree, all, ignore, ..Artifact::nothing() })
}

/// The identity of content and of what is left out of it.
fn digest(tree: &dyn Tree, ignore: Option<&str>) -> Result<String, TreeError> {
    let root = tree.entry(&TreePath::root())?.map(|entry| entry.id.to_string()).unwrap_or_default();
    let mut digest = Sha256::new();
    for part in [root.as_str(), ignore.unwrap_or_default()] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    Ok(format!("sha256:{}", hex(&digest.finalize())))
}

/// The first of digest, semver and tag counts.
fn reference(spec: Option<&OCIRepositoryRef>) -> Result<ArtifactReference, Error> {
    let Some(spec) = spec else { return Ok(ArtifactReference::default()) };
    if let Some(digest) = given(spec.digest.as_ref()) {
        let digest = digest.starts_with("sha256:").then(|| digest.parse().ok()).flatten();
        let wrong = || Error::Reference("spec.ref.digest must be sha256: and 64 hexadecimal digits".to_owned());
        return digest.map(ArtifactReference::Digest).ok_or_else(wrong);
    }
    if let Some(range) = given(spec.semver.as_ref()) {
        let filter = given(spec.semver_filter.as_ref()).map(|filter| self::filter(&filter)).transpose()?;
        return Ok(ArtifactReference::SemVer(Range::parse(&range)?, filter));
    }
    let Some(tag) = given(spec.tag.as_ref()) else { return Ok(ArtifactReference::default()) };
    ArtifactReference::tag(tag).map_err(|cause| Error::Reference(format!("spec.ref.tag: {cause}")))
}

/// A regular expression as Go has it, in which `\w` and `\d` are of ASCII; names of classes beyond that are known.
fn filter(text: &str) -> Result<Regex, Error> {
    let build = |is_unicode| RegexBuilder::new(text).unicode(is_unicode).size_limit(MAX_FILTER).build();
    build(false)
        .or_else(|_| build(true))
        .map_err(|error| Error::Reference(format!("spec.ref.semverFilter is no regular expression: {error}")))
}

fn is_copy(spec: &OCIRepositorySpec) -> bool {
    let operation = spec.layer_selector.as_ref().and_then(|selector| selector.operation.as_deref());
    operation == Some("copy")
}

fn given(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

/// A URL without what may be a password.
pub(crate) fn shown(url: &str) -> String {
    let (before, host) = url.rsplit_once('@').unwrap_or(("", url));
    let scheme = before.split_once("://").map(|(scheme, _)| format!("{scheme}://")).unwrap_or_default();
    format!("{scheme}{host}")
}

fn refuse_unsupported(object: &OCIRepository) -> Result<(), Error> {
    let spec = serde_json::to_value(&object.spec).unwrap_or_default();
    supported::refused(supported::OCI_REPOSITORY, &spec)
        .next()
        .map_or(Ok(()), |refused| Err(Error::Unsupported(refused)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_servers_of_a_namespace_say_counts_in_that_namespace() {
        let scope = |more: Value| {
            let mut spec = json!({ "interval": "1h", "url": "oci://ghcr.io/team/apps" });
            spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let object = json!({ "metadata": { "name": "apps", "namespace": "team" }, "spec": spec });
            asked(&serde_json::from_value(object).unwrap()).unwrap().scope
        };
        assert_eq!(scope(json!({})), None);
        assert_eq!(scope(json!({ "secretRef": { "name": "x" }, "insecure": true })), None);
        assert_eq!(scope(json!({ "proxySecretRef": { "name": "x" } })).as_deref(), Some("team"));
        assert_eq!(scope(json!({ "certSecretRef": { "name": "x" } })).as_deref(), Some("team"));
    }

    #[test]
    fn a_filter_has_room_for_what_people_write_and_for_no_more() {
        for text in [
            ".*-rc.*",
            r"^v?\d+\.\d+\.\d+(-[a-z]+\.\d+)?$",
            r"^\w+-\w{1,40}-\w+$",
            r"^\pL+$",
            "^main-[a-f0-9]{40}-[0-9]{10}$",
        ] {
            assert!(filter(text).is_ok(), "{text}");
        }
        for text in [r"\pL{100}", "(a{100}){100}", "(((.?){20}){20}){20}", "["] {
            let error = filter(text).unwrap_err().to_string();
            assert!(error.starts_with("spec.ref.semverFilter is no regular expression: "), "{error}");
        }
    }
}
