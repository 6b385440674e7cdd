//! What sources would have: what a person gave for them, or what is fetched as the agents fetch it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cowherd_api::flux::source::v1::{
    Bucket, ExternalArtifact, GitRepository, HelmChart, HelmRepository, OCIRepository,
};
use cowherd_apply::{ObjectId, is_path_segment};
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::{Api, Client};
use serde::Serialize;
use serde_json::Value;

use super::{Foresight, Means};
use crate::events::Recorders;
use crate::fetches::Fetches;
use crate::owner::Owner;
use crate::source::{
    Artifact, Latest, News, Problem, Shared, Source, SourceKind, SourceName, bucket, external_artifact, git,
    helm_chart, helm_repository, oci,
};
use crate::{Config, FetchLimits, Policy, PreviewError};

/// The group of all sources.
const GROUP: &str = "source.toolkit.fluxcd.io";

/// The fields of sources that say where something is sent which is nobody else's to know, and what that is.
const TRUSTED: &[&str] = &[
    "url",
    "endpoint",
    "bucketName",
    "type",
    "provider",
    "insecure",
    "passCredentials",
    "secretRef",
    "certSecretRef",
    "proxySecretRef",
    "serviceAccountName",
    "sts",
];

/// Those of them that name credentials.
const CREDENTIALS: &[&str] = &["secretRef", "certSecretRef", "proxySecretRef", "serviceAccountName"];

/// What fetches share, who see the cluster by this client; `None` where nothing is fetched.
pub(super) fn shared(client: &Client, means: &Means) -> Option<Shared> {
    let mirrors = means.elsewhere.mirrors()?;
    let policy = Arc::new(Policy { access: means.access.clone(), ..Policy::default() });
    let (elsewhere, artifacts) = (means.elsewhere.clone(), means.artifacts.clone());
    let config = Config { policy, elsewhere, artifacts, ..Config::default() };
    Some(Shared {
        client: client.clone(),
        mirrors,
        recorder: Recorders::new(client.clone(), &config.health, &config.metrics),
        tell: Arc::new(|_| {}),
        fetches: Fetches::new(FetchLimits::default()),
        shelf: Default::default(),
        tokens: Default::default(),
        generators: Default::default(),
        resources: Default::default(),
        nudges: Default::default(),
        wanted: Default::default(),
        hidden: Default::default(),
        config: Arc::new(config),
    })
}

/// A source as an object.
pub(super) fn id(source: &SourceName) -> ObjectId {
    let (namespace, name) = (source.name.namespace.clone(), source.name.name.clone());
    ObjectId { group: GROUP.to_owned(), kind: source.kind.0.to_owned(), namespace, name }
}

impl Foresight {
    /// Has that be there which the agents make for an owner, so that its source can bring something.
    pub(super) async fn meet(&self, owner: &Owner) -> Result<(), PreviewError> {
        let Some(story) = owner.name.kind.story else { return Ok(()) };
        let made = story.foresee_source(&self.client, owner).await;
        let made = made.map_err(|error| PreviewError::Apply(told(owner), error))?;
        if let Some((source, plural, object)) = made {
            self.overlay.put(plural, &id(&source), object);
        }
        Ok(())
    }

    /// The sources that a source is made of.
    pub(super) async fn made_of(&self, owner: &Owner, source: &SourceName) -> Result<Vec<SourceName>, PreviewError> {
        match source.kind {
            helm_chart::KIND => self.made_of_as::<HelmChart>(owner, source).await,
            external_artifact::KIND => self.made_of_as::<ExternalArtifact>(owner, source).await,
            _ => Ok(Vec::new()),
        }
    }

    async fn made_of_as<K: Source>(&self, owner: &Owner, name: &SourceName) -> Result<Vec<SourceName>, PreviewError> {
        Ok(self.object::<K>(owner, name).await?.map(|found| found.made_of()).unwrap_or_default())
    }

    /// A source as the revision has it.
    pub(super) async fn object<K: Source>(&self, owner: &Owner, name: &SourceName) -> Result<Option<K>, PreviewError> {
        // What a chart or an artifact is made of stands in its spec, in which anything may be.
        if ![&name.name.namespace, &name.name.name].into_iter().all(|part| is_path_segment(part)) {
            return Ok(None);
        }
        let client = self.overlay.client(self.client.clone());
        let api: Api<K> = Api::namespaced(client, &name.name.namespace);
        let found = api.get_opt(&name.name.name).await;
        found.map_err(|error| PreviewError::Apply(told(owner), format!("its source {name} cannot be read: {error}")))
    }

    /// The content of a source.
    pub(super) fn content<'a>(
        &'a self,
        owner: &'a Owner,
        name: &'a SourceName,
    ) -> BoxFuture<'a, Result<Arc<Artifact>, PreviewError>> {
        let known = lock(&self.contents).get(name).cloned();
        async move {
            if let Some(known) = known {
                return Ok(known);
            }
            let content = match name.kind {
                git::KIND => self.fetched::<GitRepository>(owner, name).await?,
                oci::KIND => self.fetched::<OCIRepository>(owner, name).await?,
                bucket::KIND => self.fetched::<Bucket>(owner, name).await?,
                helm_chart::KIND => self.fetched::<HelmChart>(owner, name).await?,
                external_artifact::KIND => self.fetched::<ExternalArtifact>(owner, name).await?,
                // Of a repository of charts a chart is fetched, which asks for its index again.
                helm_repository::KIND => {
                    self.check::<HelmRepository>(owner, name).await?;
                    Arc::new(Artifact::nothing())
                }
                SourceKind(kind) => {
                    return Err(absent(owner, format!("its source is of kind {kind:?}, which is not supported")));
                }
            };
            self.keep(name, content.clone());
            Ok(content)
        }
        .boxed()
    }

    /// Keeps what a source has, also for those that are made of it.
    pub(super) fn keep(&self, name: &SourceName, content: Arc<Artifact>) {
        lock(&self.contents).insert(name.clone(), content.clone());
        if let Some(shared) = &self.shared {
            let latest = Latest { artifact: Some(content), ..Latest::default() };
            shared.shelf.put(&News { source: name.clone(), latest: Some(latest) });
        }
    }

    async fn fetched<K: Source + Serialize>(
        &self,
        owner: &Owner,
        name: &SourceName,
    ) -> Result<Arc<Artifact>, PreviewError> {
        let object: K = self.check(owner, name).await?;
        for source in object.made_of() {
            self.content(owner, &source).await?;
        }
        let Some(shared) = &self.shared else {
            return Err(absent(owner, format!("its source {name} is not here, and nothing is fetched")));
        };
        let shared = shared.for_a_look();
        let found = object.fetch(&shared).await;
        let told = |problem: Problem| format!("its source {name}: {}", problem.told(&shared.hidden.mask()));
        let artifact = found.map_err(|problem| absent(owner, told(problem)))?.artifact;
        let kept = object.status().artifact.map(|artifact| artifact.revision);
        if self.means.is_new && object.is_suspended() && kept.as_ref() != Some(&artifact.revision) {
            let named = &artifact.revision;
            let kept = kept.map_or_else(|| "nothing".to_owned(), |kept| format!("{kept}, which was fetched before"));
            return Err(absent(
                owner,
                format!(
                    "its source {name} is suspended and has {kept}, while its spec names {named} by now: agents that have not fetched \
                     that have nothing of it until it is resumed"
                ),
            ));
        }
        Ok(artifact)
    }

    /// A source that is there, by which nobody is told credentials of the cluster who is not told them now.
    async fn check<K: Source + Serialize>(&self, owner: &Owner, name: &SourceName) -> Result<K, PreviewError> {
        let object: Option<K> = self.object(owner, name).await?;
        let object = object.ok_or_else(|| absent(owner, format!("its source {name} is not there")))?;
        if self.overlay.changes(&id(name)) {
            let api: Api<K> = Api::namespaced(self.client.clone(), &name.name.namespace);
            let live = api.get_opt(&name.name.name).await;
            let live = live.map_err(|error| absent(owner, format!("its source {name} cannot be read: {error}")))?;
            let spec = |object: Option<&K>| object.and_then(|one| serde_json::to_value(one).ok()).unwrap_or_default();
            if let Some(field) = entrusted(&spec(live.as_ref())["spec"], &spec(Some(&object))["spec"]) {
                return Err(absent(
                    owner,
                    format!(
                        "its source {name} has another address at this revision, or other terms, and is not sent what \
                         spec.{field} names before that is applied: whoever wrote the revision would get it; have that reviewed, and \
                         look again once it is applied"
                    ),
                ));
            }
        }
        Ok(object)
    }
}

/// The field that names credentials which a source would be sent by its new spec and is not sent by the one of before.
fn entrusted(before: &Value, after: &Value) -> Option<&'static str> {
    let is_same = TRUSTED.iter().all(|field| before[field] == after[field]);
    let names = |field: &&&str| !after[**field].is_null() && after[**field] != "";
    CREDENTIALS.iter().find(names).copied().filter(|_| !is_same)
}

/// How an owner is told.
pub(super) fn told(owner: &Owner) -> String {
    format!("{} {}", owner.name.kind.kind, owner.name)
}

fn absent(owner: &Owner, why: String) -> PreviewError {
    PreviewError::Absent(told(owner), why)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn credentials_of_the_cluster_are_sent_where_they_are_sent_now_and_nowhere_else() {
        let of = |url: &str, more: Value| {
            let mut spec = json!({ "url": url, "interval": "1m" });
            spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            spec
        };
        let login = json!({ "secretRef": { "name": "login" } });
        let before = of("https://charts.example.com", login.clone());
        let after = of("https://charts.example.com", json!({ "secretRef": { "name": "login" }, "interval": "5m" }));
        assert_eq!(entrusted(&before, &after), None);
        assert_eq!(entrusted(&before, &of("https://evil.example.com", login.clone())), Some("secretRef"));
        assert_eq!(entrusted(&before, &of("https://evil.example.com", json!({}))), None);
        assert_eq!(entrusted(&Value::Null, &of("https://evil.example.com", login)), Some("secretRef"));
        let passed = json!({ "secretRef": { "name": "login" }, "passCredentials": true });
        assert_eq!(entrusted(&before, &of("https://charts.example.com", passed)), Some("secretRef"));
    }
}
