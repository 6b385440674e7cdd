//! What ImagePolicies chose, for the ImageUpdateAutomations that write it to Git.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cowherd_api::flux::controlplane::v1::LabelSelector;
use cowherd_api::flux::image::v1::{ImagePolicy, ImageRef};
use kube::ResourceExt;
use tokio::sync::watch;

use crate::NamespacedName;
use crate::selector::{Labels, Selector};

/// What ImagePolicies chose.
#[derive(Clone, Default)]
pub(super) struct Choices(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    namespaces: HashMap<String, Namespace>,
    /// Whether all that were there at the start are known.
    is_listed: watch::Sender<bool>,
}

/// Those of a namespace.
#[derive(Default)]
struct Namespace {
    there: BTreeMap<String, Choice>,
    /// Counts how often one of them chose something else than before.
    changes: watch::Sender<u64>,
}

#[derive(Clone, PartialEq, Eq)]
struct Choice {
    labels: Labels,
    latest: Option<ImageRef>,
}

impl Choices {
    /// There is such an ImagePolicy.
    pub(super) fn see(&self, object: &ImagePolicy) {
        let latest = object.status.as_ref().and_then(|status| status.latest_ref.clone());
        let choice = Choice { labels: object.labels().clone(), latest };
        let name = NamespacedName::of(object);
        let mut known = self.known();
        let namespace = known.namespaces.entry(name.namespace).or_default();
        if namespace.there.get(&name.name) != Some(&choice) {
            namespace.there.insert(name.name, choice);
            namespace.changes.send_modify(|times| *times += 1);
        }
    }

    /// It is gone.
    pub(super) fn leave(&self, name: &NamespacedName) {
        let mut known = self.known();
        if let Some(namespace) = known.namespaces.get_mut(&name.namespace)
            && namespace.there.remove(&name.name).is_some()
        {
            namespace.changes.send_modify(|times| *times += 1);
        }
    }

    /// These are all that there are.
    pub(super) fn list(&self, is_there: &dyn Fn(&NamespacedName) -> bool) {
        let mut known = self.known();
        for (namespace, policies) in &mut known.namespaces {
            let before = policies.there.len();
            policies.there.retain(|name, _| is_there(&NamespacedName::new(namespace, name)));
            if policies.there.len() != before {
                policies.changes.send_modify(|times| *times += 1);
            }
        }
        known.namespaces.retain(|_, policies| !policies.there.is_empty() || policies.changes.receiver_count() > 0);
        known.is_listed.send_if_modified(|is_listed| !std::mem::replace(is_listed, true));
    }

    /// The latest images of those of a namespace that a selector means, by their names; nothing as long as not all are known.
    pub(super) fn of(&self, namespace: &str, selector: Option<&LabelSelector>) -> Option<BTreeMap<String, ImageRef>> {
        let selector = selector.map(Selector::from);
        let known = self.known();
        if !*known.is_listed.borrow() {
            return None;
        }
        let there = known.namespaces.get(namespace).map(|namespace| &namespace.there);
        let is_meant = |choice: &Choice| selector.as_ref().is_none_or(|selector| selector.selects(&choice.labels));
        let meant = there.into_iter().flatten().filter(|(_, choice)| is_meant(choice));
        Some(meant.filter_map(|(name, choice)| Some((name.clone(), choice.latest.clone()?))).collect())
    }

    /// Completes when one of a namespace chose something else, or all are known, from now on.
    pub(super) fn change(&self, namespace: &str) -> impl Future<Output = ()> + Send + use<> {
        let mut known = self.known();
        let mut is_listed = known.is_listed.subscribe();
        let mut changes = known.namespaces.entry(namespace.to_owned()).or_default().changes.subscribe();
        async move {
            tokio::select! {
                Ok(()) = changes.changed() => {}
                Ok(()) = is_listed.changed() => {}
                else => std::future::pending().await,
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use serde_json::{Value, json};

    use super::*;

    fn policy(name: &str, labels: Value, tag: Option<&str>) -> ImagePolicy {
        let latest = tag.map(|tag| json!({ "name": "a/b", "tag": tag }));
        let spec = json!({ "imageRepositoryRef": { "name": "r" }, "policy": {} });
        let metadata = json!({ "name": name, "namespace": "n", "labels": labels });
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec, "status": { "latestRef": latest } }))
            .unwrap()
    }

    #[test]
    fn an_automation_is_woken_by_what_its_namespace_chose_and_sees_what_it_selects() {
        let choices = Choices::default();
        assert_eq!(choices.of("n", None), None, "not all are known");
        choices.list(&|_| true);
        choices.see(&policy("a", json!({ "env": "prod" }), Some("1")));
        choices.see(&policy("b", json!({}), Some("2")));
        choices.see(&policy("c", json!({}), None));
        let selector: LabelSelector = serde_json::from_value(json!({ "matchLabels": { "env": "prod" } })).unwrap();
        let names =
            |selector: Option<&LabelSelector>| choices.of("n", selector).unwrap().into_keys().collect::<Vec<_>>();
        assert_eq!(names(None), ["a", "b"]);
        assert_eq!(names(Some(&selector)), ["a"]);
        let (mut here, mut there) = (Box::pin(choices.change("n")), Box::pin(choices.change("m")));
        choices.see(&policy("a", json!({ "env": "prod" }), Some("1")));
        assert!(here.as_mut().now_or_never().is_none(), "the same");
        choices.see(&policy("a", json!({ "env": "prod" }), Some("3")));
        assert!(here.as_mut().now_or_never().is_some() && there.as_mut().now_or_never().is_none());
    }
}
