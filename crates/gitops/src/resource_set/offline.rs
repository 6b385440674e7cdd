//! What a ResourceSet makes where there is no cluster to ask: for whoever reviews a repository.

use std::collections::BTreeMap;

use cowherd_api::flux::annotations::{DISABLED, SET_RECONCILE};
use cowherd_api::flux::controlplane::v1::{InputProviderReference, ResourceSet, ResourceSetInputProvider};
use cowherd_apply::mask::Mask;
use cowherd_apply::{Manifest, ManifestError};
use cowherd_tree::{MemoryTree, PathError};
use kube::ResourceExt;
use serde_json::Value;

use super::owner::settings;
use super::producer::FromTemplates;
use super::providers::{GIVEN, NAMES};
use crate::NamespacedName;
use crate::input_provider::given;
use crate::owner::{Expressions, OwnerName};
use crate::selector::Selector;

/// The one type of a ResourceSetInputProvider that asks nobody.
const STATIC: &str = "Static";

/// A ResourceSet, read as the agents read it.
#[derive(Debug)]
pub struct SetPlan {
    name: NamespacedName,
    templates: FromTemplates,
    inputs_from: Vec<InputProviderReference>,
    is_suspended: bool,
}

/// Why it is not known what a ResourceSet makes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmade {
    /// It would fail, for this reason.
    #[error("{0}")]
    Fails(String),
    /// Only a cluster knows, for this reason.
    #[error("{0}")]
    Unforeseen(String),
}

impl SetPlan {
    /// What a ResourceSet asks for.
    ///
    /// # Errors
    /// When it cannot be read, or a field cannot be acted on.
    pub fn read(object: &Value) -> Result<Self, String> {
        let set: ResourceSet = serde_json::from_value(object.clone()).map_err(|error| error.to_string())?;
        settings(&set).map_err(|error| error.to_string())?;
        let says = |annotation: &str| set.annotations().get(annotation).map(String::as_str).unwrap_or_default();
        Ok(Self {
            name: NamespacedName::of(&set),
            // What has to be there first says nothing of what is made.
            templates: FromTemplates::read(&OwnerName::of(&set), &set.spec, Vec::new(), Expressions::default())
                .map_err(|error| error.to_string())?,
            is_suspended: says(SET_RECONCILE).eq_ignore_ascii_case(DISABLED),
            inputs_from: set.spec.inputs_from,
        })
    }

    /// Whether nothing happens until somebody says otherwise.
    pub fn is_suspended(&self) -> bool {
        self.is_suspended
    }

    /// The objects, with what these ResourceSetInputProviders give that it names. What objects ask to be filled in with of others is
    /// left out. The identity of an input (`inputs.id`) is that of a provider that nobody made yet.
    ///
    /// # Errors
    /// What is wrong with its templates or inputs, or why only a cluster knows what those are.
    pub fn make<'a>(&self, providers: impl Iterator<Item = &'a Value>) -> Result<Vec<Manifest>, Unmade> {
        let chosen = self.chosen(providers)?;
        let mut tree = MemoryTree::new([(NAMES, written(&chosen.keys().collect::<Vec<_>>())?)]).map_err(failed)?;
        for (name, provider) in &chosen {
            // Those that ask others are not chosen.
            let inputs =
                given(provider).map_err(|error| Unmade::Fails(format!("{name}: {error}")))?.unwrap_or_default();
            tree.insert(&format!("{GIVEN}/{name}"), written(&inputs)?).map_err(failed)?;
        }
        let objects = self.templates.objects(&tree).map_err(Unmade::Fails)?;
        let manifests = objects.into_iter().map(Manifest::new).collect::<Result<_, _>>();
        // What is in a repository is nobody's secret.
        manifests
            .map_err(|error: ManifestError| Unmade::Fails(format!("build failed: {}", error.told(&Mask::default()))))
    }

    /// The providers that it names, by their names.
    fn chosen<'a>(
        &self,
        providers: impl Iterator<Item = &'a Value>,
    ) -> Result<BTreeMap<String, ResourceSetInputProvider>, Unmade> {
        let namespace = self.name.namespace.as_str();
        let here = providers.filter(|one| one["metadata"]["namespace"] == namespace);
        let mut there = BTreeMap::new();
        for provider in here {
            let read: Result<ResourceSetInputProvider, _> = serde_json::from_value(provider.clone());
            // What cannot be read is told where it is.
            if let Ok(read) = read {
                there.insert(read.name_any(), (provider["spec"]["type"] == STATIC, read));
            }
        }
        let mut chosen = BTreeMap::new();
        for reference in &self.inputs_from {
            let selector = reference.selector.as_ref().map(Selector::from);
            let is_meant = |name: &String, provider: &ResourceSetInputProvider| match &selector {
                Some(selector) => selector.selects(provider.labels()),
                None => reference.name.as_ref() == Some(name),
            };
            let meant: Vec<_> = there.iter().filter(|(name, (_, provider))| is_meant(name, provider)).collect();
            if meant.is_empty() {
                let which = reference.name.clone().unwrap_or_else(|| "with the labels that it names".to_owned());
                let text = format!("there is no ResourceSetInputProvider {which} in namespace {namespace} here");
                return Err(Unmade::Unforeseen(text));
            }
            for (name, (is_static, provider)) in meant {
                if !is_static {
                    let text = format!("what ResourceSetInputProvider {namespace}/{name} gives is asked of others");
                    return Err(Unmade::Unforeseen(text));
                }
                chosen.insert(name.clone(), provider.clone());
            }
        }
        Ok(chosen)
    }
}

fn written(value: &impl serde::Serialize) -> Result<Vec<u8>, Unmade> {
    serde_json::to_vec(value).map_err(|error| Unmade::Fails(error.to_string()))
}

fn failed(error: PathError) -> Unmade {
    Unmade::Fails(error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(spec: Value) -> Value {
        json!({ "apiVersion": "fluxcd.controlplane.io/v1", "kind": "ResourceSet",
            "metadata": { "name": "teams", "namespace": "apps" }, "spec": spec })
    }

    fn provider(name: &str, kind: &str, values: Value) -> Value {
        let url = (kind != STATIC).then_some("https://example.com/a/b");
        json!({ "apiVersion": "fluxcd.controlplane.io/v1", "kind": "ResourceSetInputProvider",
            "metadata": { "name": name, "namespace": "apps", "labels": { "for": "teams" } },
            "spec": { "type": kind, "url": url, "defaultValues": values } })
    }

    fn map() -> Value {
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "<< inputs.team >>", "namespace": "apps" } })
    }

    fn names(spec: Value, providers: &[Value]) -> Result<Vec<String>, Unmade> {
        let made = SetPlan::read(&set(spec)).unwrap().make(providers.iter())?;
        Ok(made.iter().map(|manifest| manifest.id().name.clone()).collect())
    }

    #[test]
    fn inputs_of_the_set_and_of_static_providers_are_filled_in() {
        let own = json!({ "inputs": [{ "team": "a" }, { "team": "b" }], "resources": [map()] });
        assert_eq!(names(own, &[]).unwrap(), ["a", "b"]);
        let providers =
            [provider("one", "Static", json!({ "team": "c" })), provider("two", "Static", json!({ "team": "d" }))];
        let selected =
            json!({ "inputsFrom": [{ "selector": { "matchLabels": { "for": "teams" } } }], "resources": [map()] });
        assert_eq!(names(selected, &providers).unwrap(), ["c", "d"]);
        let named = json!({ "inputs": [{ "team": "a" }], "inputsFrom": [{ "name": "two" }], "resources": [map()] });
        assert_eq!(names(named, &providers).unwrap(), ["a", "d"]);
    }

    #[test]
    fn what_only_a_cluster_knows_is_not_guessed() {
        let spec = json!({ "inputsFrom": [{ "name": "tags" }], "resources": [map()] });
        let asks = provider("tags", "GitHubTag", json!({ "team": "a" }));
        let Err(Unmade::Unforeseen(why)) = names(spec.clone(), &[asks]) else { panic!("it was guessed") };
        assert_eq!(why, "what ResourceSetInputProvider apps/tags gives is asked of others");
        let Err(Unmade::Unforeseen(why)) = names(spec, &[]) else { panic!("it was guessed") };
        assert_eq!(why, "there is no ResourceSetInputProvider tags in namespace apps here");
    }

    #[test]
    fn a_template_that_fails_says_so() {
        let spec = json!({ "inputs": [{ "group": "a" }], "resources": [map()] });
        let Err(Unmade::Fails(why)) = names(spec, &[]) else { panic!("it did not fail") };
        assert!(why.starts_with("build failed: ") && why.contains("team"), "{why}");
        assert!(SetPlan::read(&set(json!({ "resources": [] }))).unwrap_err().starts_with("spec.resources is missing"));
    }
}
