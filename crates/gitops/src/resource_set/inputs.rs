//! What ResourceSetInputProviders give to a ResourceSet, which is its source.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cowherd_api::flux::annotations::RECONCILE_REQUESTED_AT;
use cowherd_api::flux::controlplane::v1::{
    InputProviderReference, LabelSelector, LabelSelectorRequirement, ResourceSet, ResourceSetInputProvider,
};
use cowherd_apply::is_path_segment;
use cowherd_runtime::Backoff;
use cowherd_tree::{MemoryTree, Tree};
use kube::api::ListParams;
use kube::core::error_boundary::InvalidObject;
use kube::{Api, ResourceExt};
use tokio::sync::watch;

use super::producer::Given;
use crate::NamespacedName;
use crate::conditions::BUILD_FAILED;
use crate::owner::SettingsError;
use crate::source::{Artifact, Problem, Shared, SourceKind, SourceName, Teller};
use crate::tasks::{self, Tasks};

/// The kind, among those that bring content.
pub(super) const INPUTS: SourceKind = SourceKind("Inputs");
/// The file that has what the providers give.
pub(super) const FILE: &str = "inputs.json";

/// How many providers a ResourceSet may have, and how large what they give may be, in bytes.
const MOST: usize = 1_000;
const LARGEST: usize = 16 * 1024 * 1024;

/// When it is looked again that could not be found out.
const RETRY: Backoff = Backoff { first: Duration::from_secs(1), last: Duration::from_secs(60), jitter: 0.1 };

/// Tells in which namespaces providers give something else than before, or others are there.
#[derive(Clone, Default)]
pub(crate) struct Providers(Arc<Mutex<HashMap<String, watch::Sender<u64>>>>);

impl Providers {
    /// Something is different in the namespace.
    pub(crate) fn note(&self, namespace: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Who asks later looks for itself.
        known.retain(|_, changes| changes.receiver_count() > 0);
        if let Some(changes) = known.get(namespace) {
            changes.send_modify(|count| *count += 1);
        }
    }

    /// Tells of what is different in the namespace from now on.
    fn follow(&self, namespace: &str) -> watch::Receiver<u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(namespace.to_owned()).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }
}

/// Follows what the providers of each ResourceSet give, for ever.
pub(crate) async fn run(shared: Shared, providers: Providers) {
    let (client, health, metrics) =
        (shared.client.clone(), shared.config.health.clone(), shared.config.metrics.clone());
    tasks::run(Following { shared, providers }, client, health, metrics).await;
}

/// What is done for the inputs of ResourceSets.
#[derive(Clone)]
struct Following {
    shared: Shared,
    providers: Providers,
}

impl Tasks for Following {
    type Object = ResourceSet;
    type Kept = Teller;

    fn begin(&self, name: &NamespacedName) -> Teller {
        let source = SourceName { kind: INPUTS, name: name.clone() };
        let teller = Teller::new(source, self.shared.tell.clone());
        teller.begin();
        teller
    }

    fn keep(
        self,
        name: NamespacedName,
        objects: watch::Receiver<Arc<ResourceSet>>,
        teller: Teller,
    ) -> impl Future<Output = ()> + Send {
        keep(self, name, objects, teller)
    }

    async fn broke_off(self, _name: NamespacedName, _object: Arc<ResourceSet>, teller: Teller) {
        let message = "the inputs were not computed to their end; this is a bug in cowherd".to_owned();
        teller.failed(&Problem { is_bug: true, ..problem(message) }, true);
    }

    fn end(&self, teller: Teller) {
        teller.end();
    }

    fn unreadable(&self, invalid: &InvalidObject) {
        self.shared.unreadable(INPUTS, invalid);
    }
}

/// The uid, the generation and the request of an object.
type Relevant = (Option<String>, Option<i64>, Option<String>);

/// What of an object makes a difference to its inputs.
fn relevant(object: &ResourceSet) -> Relevant {
    (object.uid(), object.metadata.generation, object.annotations().get(RECONCILE_REQUESTED_AT).cloned())
}

/// Waits until something about the object makes a difference; `None` when it is gone.
async fn changed(objects: &mut watch::Receiver<Arc<ResourceSet>>, before: &Relevant) -> Option<()> {
    objects.wait_for(|object| relevant(object) != *before).await.ok().map(drop)
}

async fn keep(
    following: Following,
    name: NamespacedName,
    mut objects: watch::Receiver<Arc<ResourceSet>>,
    teller: Teller,
) {
    let mut failures = 0;
    loop {
        let object = objects.borrow_and_update().clone();
        let seen = relevant(&object);
        // What changes while it is looked is seen afterwards.
        let mut changes = following.providers.follow(&name.namespace);
        let has_providers = !object.spec.inputs_from.is_empty();
        let pause = match given(&following.shared, &name, &object).await.and_then(|given| artifact(&given)) {
            Ok(artifact) => {
                failures = 0;
                teller.brought(Arc::new(artifact));
                None
            }
            Err(problem) => {
                failures += 1;
                teller.failed(&problem, true);
                Some(RETRY.delay(failures - 1))
            }
        };
        tokio::select! {
            changed = changed(&mut objects, &seen) => if changed.is_none() { return },
            Ok(()) = changes.changed(), if has_providers => {}
            () = sleep(pause) => {}
        }
    }
}

async fn sleep(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}

fn problem(message: String) -> Problem {
    let message = format!("failed to compute inputs: {message}");
    Problem { reason: BUILD_FAILED, message, is_final: false, may_pass: true, is_unverified: false, is_bug: false }
}

/// What the providers give, in the order of their names, each once.
async fn given(shared: &Shared, name: &NamespacedName, object: &ResourceSet) -> Result<Vec<Given>, Problem> {
    let api: Api<ResourceSetInputProvider> = Api::namespaced(shared.client.clone(), &name.namespace);
    let mut found: BTreeMap<String, ResourceSetInputProvider> = BTreeMap::new();
    for reference in &object.spec.inputs_from {
        match (reference.name.as_deref(), &reference.selector) {
            (Some(wanted), _) if !wanted.is_empty() && is_path_segment(wanted) => {
                let failed =
                    |cause: String| problem(format!("failed to get provider {}/{wanted}: {cause}", name.namespace));
                let provider = api.get_opt(wanted).await.map_err(|error| failed(error.to_string()))?;
                let provider =
                    provider.ok_or_else(|| failed("there is no such ResourceSetInputProvider".to_owned()))?;
                found.insert(wanted.to_owned(), provider);
            }
            (None, Some(selector)) => {
                let selector = selected(selector);
                let listed = api.list(&ListParams::default().labels(&selector)).await;
                let failed = |error| problem(format!("failed to list providers with selector '{selector}': {error}"));
                found.extend(listed.map_err(failed)?.items.into_iter().map(|provider| (provider.name_any(), provider)));
            }
            // It is refused for that.
            _ => {}
        }
        if found.len() > MOST {
            return Err(problem(format!("inputsFrom means more than {MOST} providers; split the ResourceSet")));
        }
    }
    found.into_iter().map(|(name, provider)| exported(name, provider)).collect()
}

/// What a provider gives, if it ever gave something: what it has given nothing yet for would go otherwise.
fn exported(name: String, provider: ResourceSetInputProvider) -> Result<Given, Problem> {
    let status = provider.status.unwrap_or_default();
    if status.last_exported_revision.is_none() {
        return Err(problem(format!("ResourceSetInputProvider '{name}' has exported nothing yet")));
    }
    let inputs = status.exported_inputs.into_iter().map(|input| input.into_iter().collect());
    Ok(Given(name, inputs.collect()))
}

fn artifact(given: &[Given]) -> Result<Artifact, Problem> {
    let content = serde_json::to_vec(given).map_err(|error| problem(error.to_string()))?;
    if content.len() > LARGEST {
        return Err(problem(format!("the providers give more than {LARGEST} bytes; filter what they give")));
    }
    let revision = crate::source::digest(&content);
    let tree: Arc<dyn Tree> = Arc::new(MemoryTree::new([(FILE, content)]).map_err(|error| problem(error.to_string()))?);
    Ok(Artifact { digest: revision.clone(), revision, all: tree.clone(), tree, ..Artifact::nothing() })
}

/// A selector as the API takes it.
fn selected(selector: &LabelSelector) -> String {
    let labels = selector.match_labels.iter().flatten().map(|(key, value)| format!("{key}={value}"));
    let expressions = selector.match_expressions.iter().map(|LabelSelectorRequirement { key, operator, values }| {
        let values = values.join(",");
        match operator.as_str() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.clone(),
        }
    });
    labels.chain(expressions).collect::<Vec<_>>().join(",")
}

/// Refuses references that mean nothing.
pub(super) fn check_references(references: &[InputProviderReference]) -> Result<(), SettingsError> {
    for (place, reference) in references.iter().enumerate() {
        let name = reference.name.as_deref().unwrap_or_default();
        let field = || format!("inputsFrom[{place}]");
        if name.is_empty() == reference.selector.is_none() {
            return Err(SettingsError::new(field(), "must have exactly one of name and selector"));
        }
        if !is_path_segment(name) {
            let problem = format!("has the name {name:?}, which no object has; see Kubernetes' rules for names");
            return Err(SettingsError::new(field(), problem));
        }
        let operators = reference.selector.iter().flat_map(|selector| &selector.match_expressions);
        let known = ["In", "NotIn", "Exists", "DoesNotExist"];
        if let Some(wrong) = operators.map(|one| &one.operator).find(|operator| !known.contains(&operator.as_str())) {
            let problem = format!("has the operator {wrong:?}; write In, NotIn, Exists or DoesNotExist");
            return Err(SettingsError::new(field(), problem));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_is_written_as_the_api_takes_it() {
        let of = |selector: serde_json::Value| selected(&serde_json::from_value(selector).unwrap());
        let expressions = json!([{ "key": "e", "operator": "In", "values": ["dev", "test"] },
            { "key": "f", "operator": "NotIn", "values": ["x"] }, { "key": "g", "operator": "Exists" },
            { "key": "h", "operator": "DoesNotExist" }]);
        assert_eq!(
            of(json!({ "matchLabels": { "a": "b", "c": "d" }, "matchExpressions": expressions })),
            "a=b,c=d,e in (dev,test),f notin (x),g,!h"
        );
        assert_eq!(of(json!({})), "");
    }

    #[test]
    fn a_provider_that_has_given_nothing_yet_is_waited_for_and_one_that_gives_nothing_is_not() {
        let of = |status: serde_json::Value| {
            let object = json!({ "metadata": { "name": "p" }, "spec": { "type": "Static" }, "status": status });
            exported("p".to_owned(), serde_json::from_value(object).unwrap()).map(|Given(_, inputs)| inputs.len())
        };
        assert!(of(json!({})).unwrap_err().message.contains("'p' has exported nothing yet"));
        assert_eq!(of(json!({ "lastExportedRevision": "sha256:1" })), Ok(0));
        assert_eq!(of(json!({ "lastExportedRevision": "sha256:1", "exportedInputs": [{ "id": "1" }] })), Ok(1));
    }
}
