//! What ResourceSetInputProviders give to a ResourceSet, which is its source.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::annotations::RECONCILE_REQUESTED_AT;
use cowherd_api::flux::controlplane::v1::{InputProviderReference, ResourceSet};
use cowherd_apply::is_path_segment;
use cowherd_runtime::Backoff;
use kube::ResourceExt;
use kube::core::error_boundary::InvalidObject;
use tokio::sync::watch;

use super::providers::Providers;
use crate::NamespacedName;
use crate::conditions::BUILD_FAILED;
use crate::owner::SettingsError;
use crate::source::{Artifact, Problem, Shared, SourceKind, SourceName, Teller};
use crate::tasks::{self, Tasks};

/// The kind, among those that bring content.
pub(super) const INPUTS: SourceKind = SourceKind("Inputs");

/// When it is looked again that could not be found out.
const RETRY: Backoff = Backoff { first: Duration::from_secs(1), last: Duration::from_secs(60), jitter: 0.1 };

/// How long it is waited for more changes of providers after one.
const SETTLING: Duration = Duration::from_millis(300);

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
    let providers = following.providers.clone();
    let mut changes = providers.follow(&name.namespace);
    let mut failures = 0;
    loop {
        let object = objects.borrow_and_update().clone();
        let seen = relevant(&object);
        // What changes while it is looked is seen afterwards.
        changes.mark_unchanged();
        let has_providers = !object.spec.inputs_from.is_empty();
        let pause = match given(&following, &name, &object).await {
            Ok(artifact) => {
                failures = 0;
                teller.brought(artifact);
                None
            }
            Err(problem) => {
                failures += 1;
                teller.failed(&problem, true);
                if providers.hold_too_much(&name.namespace) {
                    teller.lose();
                }
                Some(RETRY.delay(failures - 1))
            }
        };
        tokio::select! {
            changed = changed(&mut objects, &seen) => if changed.is_none() { return },
            Ok(()) = changes.changed(), if has_providers => tokio::time::sleep(SETTLING).await,
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
    let message = Problem::said(&format_args!("failed to compute inputs: {message}"), false);
    Problem { reason: BUILD_FAILED, message, is_final: false, may_pass: true, is_unverified: false, is_bug: false }
}

/// What the providers give. Making that takes a place among those of renders, so that nobody waits for all that a tenant can think of.
async fn given(following: &Following, name: &NamespacedName, object: &ResourceSet) -> Result<Arc<Artifact>, Problem> {
    let Following { shared, providers } = following;
    if object.spec.inputs_from.is_empty() {
        return providers.given(&name.namespace, &BTreeMap::new()).map_err(problem);
    }
    // Before that, one that is there would be as if it was gone.
    providers.known().await;
    let permit = shared.config.budgets.renders.acquire(&name.namespace).await;
    let chosen = providers.chosen(&name.namespace, &object.spec.inputs_from).map_err(problem)?;
    let (providers, namespace) = (providers.clone(), name.namespace.clone());
    // Whoever stops waiting for it does not end it: it has the permit for as long as it runs.
    let make = move || {
        let given = providers.given(&namespace, &chosen);
        drop(permit);
        given
    };
    let made = tokio::task::spawn_blocking(make).await.unwrap_or_else(|error| {
        tracing::error!(error = cowherd_runtime::broken_off(error), "computing inputs broke off");
        Err("it broke off; this is a bug in cowherd".to_owned())
    });
    made.map_err(problem)
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
        if let Some(wrong) =
            operators.clone().map(|one| &one.operator).find(|operator| !known.contains(&operator.as_str()))
        {
            let problem = format!("has the operator {wrong:?}; write In, NotIn, Exists or DoesNotExist");
            return Err(SettingsError::new(field(), problem));
        }
        let mut of_values = operators.filter(|one| matches!(one.operator.as_str(), "In" | "NotIn"));
        if let Some(empty) = of_values.find(|one| one.values.is_empty()) {
            let problem = format!("names no values for {} of {:?}", empty.operator, empty.key);
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
    fn references_that_mean_nothing_are_refused() {
        let of = |reference: serde_json::Value| {
            let read: InputProviderReference = serde_json::from_value(reference).unwrap();
            check_references(&[read]).map_err(|error| error.to_string())
        };
        let expression = |operator: &str, values: &[&str]| {
            of(json!({ "selector": { "matchExpressions": [{ "key": "a", "operator": operator, "values": values }] } }))
        };
        assert_eq!(of(json!({ "name": "a" })), Ok(()));
        assert_eq!(expression("In", &["b"]), Ok(()));
        assert_eq!(expression("Exists", &[]), Ok(()));
        for (refused, why) in [
            (of(json!({})), "must have exactly one of name and selector"),
            (of(json!({ "name": "../x" })), "which no object has"),
            (expression("Like", &["b"]), "has the operator \"Like\""),
            (expression("In", &[]), "names no values for In"),
            (expression("NotIn", &[]), "names no values for NotIn"),
        ] {
            let error = refused.unwrap_err();
            assert!(error.starts_with("spec.inputsFrom[0]") && error.contains(why), "{error}");
        }
    }
}
