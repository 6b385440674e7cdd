//! Fetches what a Bucket asks for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::source::v1::{Bucket, BucketSpec};
use cowherd_api::supported;
use cowherd_source::{Access, BucketPlace, BucketSource, Digest, FetchedBucket};
use cowherd_tree::{TreeError, TreePath};
use kube::ResourceExt as _;
use serde_json::{Map, Value};

use super::super::git::SourceRefusal;
use super::super::seal;
use super::super::{Artifact, Found, MAX_TIMEOUT, Shared, Stored};
use super::error::Error;
use super::{credentials, name};
use crate::conditions::SUCCEEDED;
use crate::fetches::Purpose;

/// Fetches the bucket as the spec says.
pub(super) async fn fetch(shared: &Shared, object: &Bucket) -> Result<Found, Error> {
    let mut wanted = wanted(shared, object)?;
    let credentials::Credentials { keys, certificates, proxy } = credentials::of(shared, object).await?;
    (wanted.keys, wanted.certificates, wanted.proxy) = (keys, certificates, proxy);
    let purpose = purpose(object, &wanted.place);
    wanted.tenant = shared.fetches.tenant(&purpose);
    let artifacts = shared.config.artifacts.clone().ok_or(Error::NoPlace)?;
    let place = wanted.place.clone();
    let work = move |cancel| {
        wanted.cancel = cancel;
        let fetched = artifacts.bucket(&wanted)?;
        let artifact = content(&fetched)?;
        Ok::<_, Error>((fetched, artifact))
    };
    let (fetched, artifact) = shared.fetches.run(&purpose, work).await??;
    let source = name(object).name;
    let FetchedBucket { revision, objects, .. } = fetched;
    let bucket = &object.spec.bucket_name;
    Ok(Found {
        url: artifact_url(&place, object, revision),
        path: format!("bucket/{}/{}/{}.tar.gz", source.namespace, source.name, revision.hex()),
        news: format!("stored artifact with {objects} fetched files from '{bucket}' bucket"),
        stored: Some(Stored { reason: SUCCEEDED, message: format!("stored artifact: revision '{revision}'") }),
        metadata: BTreeMap::new(),
        verified: None,
        observed: observed(object, &artifact.revision),
        artifact: Arc::new(artifact),
    })
}

/// On whose behalf the bucket is fetched, and from where.
fn purpose(object: &Bucket, place: &BucketPlace) -> Purpose {
    Purpose { namespace: object.namespace().unwrap_or_default(), host: place.host().to_owned(), is_own: false }
}

/// What is asked for on the word of a tenant, without credentials.
fn wanted(shared: &Shared, object: &Bucket) -> Result<BucketSource, Error> {
    let access = shared.config.policy.of_tenant(&object.namespace().unwrap_or_default());
    Ok(BucketSource { access, ..asked(object)? })
}

/// What a Bucket is refused for without asking anybody, where `access` is given to it, if it is.
pub fn refusal(object: &Bucket, access: &Access) -> Option<SourceRefusal> {
    let place = match asked(object) {
        Ok(wanted) => wanted.place,
        Err(error) => return Some(SourceRefusal { is_final: true, text: error.to_string() }),
    };
    // Behind a proxy it is the proxy that connects.
    let problem = access.check(&place.to_string()).err().filter(|_| object.spec.proxy_secret_ref.is_none())?;
    Some(SourceRefusal { is_final: false, text: problem.to_string() })
}

/// What the spec asks for.
fn asked(object: &Bucket) -> Result<BucketSource, Error> {
    let BucketSpec { bucket_name, endpoint, insecure, region, prefix, ignore, timeout, provider, secret_ref, .. } =
        &object.spec;
    refuse_unsupported(object)?;
    if provider.as_deref() == Some("aws") && secret_ref.is_none() {
        return Err(Error::Workload);
    }
    let place = BucketPlace::parse(endpoint, bucket_name, *insecure == Some(true))?;
    let mut wanted = BucketSource::new(place, scope(object));
    wanted.region = region.clone().filter(|region| !region.is_empty());
    wanted.prefix = prefix.clone().unwrap_or_default();
    wanted.ignore = ignore.clone();
    if let Some(timeout) = timeout.as_ref().and_then(|timeout| timeout.parse().ok()) {
        wanted.timeout = Duration::clamp(timeout, Duration::from_secs(1), MAX_TIMEOUT);
    }
    Ok(wanted)
}

/// For whom something is kept: for this object. What one was given is no way to it for another.
fn scope(object: &Bucket) -> String {
    let (namespace, name, uid) = (object.namespace(), object.name_any(), object.uid());
    serde_json::json!([namespace, name, uid]).to_string()
}

/// What is there for Kustomizations. What is left out was not fetched.
fn content(fetched: &FetchedBucket) -> Result<Artifact, TreeError> {
    let tree = fetched.tree.clone();
    let root = tree.entry(&TreePath::root())?.map(|entry| entry.id.to_string()).unwrap_or_default();
    let (revision, digest) = (fetched.revision.to_string(), format!("sha256:{root}"));
    Ok(Artifact { revision, digest, tree: tree.clone(), all: tree, ..Artifact::nothing() })
}

/// What of the spec the artifact was made with, which stays as long as the artifact does.
fn observed(object: &Bucket, revision: &str) -> Map<String, Value> {
    let status = object.status.as_ref();
    let known = status.filter(|status| status.artifact.as_ref().is_some_and(|known| known.revision == revision));
    let ignore = known.map_or(&object.spec.ignore, |known| &known.observed_ignore);
    ignore.iter().map(|ignore| ("observedIgnore".to_owned(), ignore.as_str().into())).collect()
}

/// What was fetched before the start and is still here: the cluster is kept as it says until the bucket was looked at.
pub(super) async fn held(shared: &Shared, object: &Bucket) -> Option<Arc<Artifact>> {
    let artifact = object.status.as_ref()?.artifact.as_ref()?;
    // The spec may ask for something else by now, and what is not supported is not acted on.
    let mut wanted = wanted(shared, object).ok()?;
    wanted.tenant = shared.fetches.tenant(&purpose(object, &wanted.place));
    let revision: Digest = artifact.revision.parse().ok()?;
    if artifact.url != artifact_url(&wanted.place, object, revision)
        || !seal::holds(&shared.config.seed, object, artifact)
    {
        return None;
    }
    let artifacts = shared.config.artifacts.clone()?;
    let read = move || content(&artifacts.held_bucket(&wanted, revision)?).ok();
    tokio::task::spawn_blocking(read).await.ok()?.map(Arc::new)
}

/// Where an artifact came from.
fn artifact_url(place: &BucketPlace, object: &Bucket, revision: Digest) -> String {
    let prefix = object.spec.prefix.as_deref().unwrap_or_default();
    format!("{place}/{prefix}@{revision}")
}

fn refuse_unsupported(object: &Bucket) -> Result<(), Error> {
    let spec = serde_json::to_value(&object.spec).unwrap_or_default();
    supported::refused(supported::BUCKET, &spec).next().map_or(Ok(()), |refused| Err(Error::Unsupported(refused)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bucket(more: Value) -> Bucket {
        let mut spec = json!({ "interval": "1h", "endpoint": "minio.example.com", "bucketName": "apps" });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(json!({ "metadata": { "name": "apps", "namespace": "team" }, "spec": spec })).unwrap()
    }

    #[test]
    fn what_is_not_supported_or_not_allowed_is_refused_by_name() {
        let refused = |more: Value| refusal(&bucket(more), &Access::default()).unwrap();
        for (more, begin) in [
            (json!({ "provider": "gcp" }), "spec.provider \"gcp\" is not supported yet; use the provider generic"),
            (json!({ "provider": "azure" }), "spec.provider \"azure\" is not supported yet; "),
            (json!({ "provider": "aws" }), "spec.provider \"aws\" without secretRef"),
            (json!({ "provider": "aws", "serviceAccountName": "a" }), "spec.serviceAccountName is not supported yet; "),
            (json!({ "sts": { "provider": "ldap", "endpoint": "https://sts" } }), "spec.sts is not supported yet; "),
            (json!({ "endpoint": "https:///" }), "invalid endpoint \"https:///\": "),
            (json!({ "bucketName": "../apps" }), "invalid bucket name \"../apps\": "),
        ] {
            let refused = refused(more);
            assert!(refused.is_final && refused.text.starts_with(begin), "{refused:?}");
        }
        let local = refused(json!({ "endpoint": "localhost:9000" }));
        assert!(!local.is_final && local.text.contains("--allow-network"), "{local:?}");
        for more in [
            json!({}),
            json!({ "provider": "aws", "secretRef": { "name": "keys" } }),
            json!({ "endpoint": "localhost:9000", "proxySecretRef": { "name": "proxy" } }),
        ] {
            assert_eq!(refusal(&bucket(more), &Access::default()), None);
        }
    }

    #[test]
    fn what_is_kept_is_for_one_object() {
        let mut other = bucket(json!({}));
        other.metadata.uid = Some("2".to_owned());
        assert_ne!(scope(&bucket(json!({}))), scope(&other));
    }

    #[test]
    fn the_patterns_are_observed_with_the_artifact_that_was_made_with_them() {
        let mut object = bucket(json!({ "ignore": "*.md" }));
        assert_eq!(observed(&object, "sha256:1")["observedIgnore"], "*.md");
        let status = json!({ "observedIgnore": "*.txt", "artifact": { "revision": "sha256:1", "digest": "", "url": "", "path": "",
            "lastUpdateTime": "2026-01-01T00:00:00Z" } });
        object.status = Some(serde_json::from_value(status).unwrap());
        assert_eq!(observed(&object, "sha256:1")["observedIgnore"], "*.txt");
        assert_eq!(observed(&object, "sha256:2")["observedIgnore"], "*.md");
    }
}
