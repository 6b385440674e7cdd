//! What objects of a cluster are to others: values of variables, sources, definitions.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use serde_json::Value;

use crate::gitops::{NamespacedName, Plan, Values};
use crate::scope::Scopes;

use super::artifact::Described;

/// What objects of a cluster are to others.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// ConfigMaps and Secrets by kind and name.
    holders: BTreeMap<(String, NamespacedName), Value>,
    /// Sources by kind and name.
    sources: BTreeMap<(String, NamespacedName), Value>,
    /// What gives inputs to ResourceSets, by name.
    providers: BTreeMap<NamespacedName, Value>,
    /// What makes artifacts of sources, by name.
    generators: BTreeMap<NamespacedName, Value>,
    /// The definitions, by name.
    pub definitions: BTreeMap<String, Value>,
    /// Which kinds live in namespaces.
    pub scopes: Scopes,
}

/// The values of the variables of a Kustomization.
pub struct Known {
    /// The values.
    pub values: Values,
    /// Those that come from Secrets.
    pub secrets: Vec<String>,
    /// What has more of them and is not known, in words.
    pub missing: Vec<String>,
}

impl World {
    /// Takes in an object.
    pub fn take(&mut self, object: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let metadata = &object["metadata"];
        let name = NamespacedName::new(text(&metadata["namespace"]), text(&metadata["name"]));
        match (api_version.as_str(), kind.as_str()) {
            ("v1", "ConfigMap" | "Secret") => {
                self.holders.insert((kind, name), object.clone());
            }
            (version, _) if version.starts_with("source.toolkit.fluxcd.io/") => {
                self.sources.insert((kind, name), object.clone());
            }
            (version, "ArtifactGenerator") if version.starts_with("source.extensions.fluxcd.io/") => {
                self.generators.insert(name, object.clone());
            }
            (version, "ResourceSetInputProvider") if version.starts_with("fluxcd.controlplane.io/") => {
                self.providers.insert(name, object.clone());
            }
            (_, "CustomResourceDefinition") => {
                self.scopes.take(object);
                self.definitions.insert(name.name, object.clone());
            }
            _ => {}
        }
    }

    /// What gives inputs to ResourceSets.
    pub(super) fn providers(&self) -> impl Iterator<Item = &Value> {
        self.providers.values()
    }

    /// Whether there is a ConfigMap or Secret.
    pub fn holds(&self, kind: &str, name: &NamespacedName) -> bool {
        self.holders.contains_key(&(kind.to_owned(), name.clone()))
    }

    /// Whether a ConfigMap or Secret is there whose values are encrypted.
    pub fn is_encrypted(&self, kind: &str, name: &NamespacedName) -> bool {
        self.holders.get(&(kind.to_owned(), name.clone())).is_some_and(|holder| holder["sops"].is_object())
    }

    /// What a ConfigMap or a Secret has; `None` where it is not here, or cannot be read.
    pub fn data(&self, kind: &str, name: &NamespacedName) -> Option<BTreeMap<String, String>> {
        self.holders.get(&(kind.to_owned(), name.clone())).and_then(|holder| data(holder).ok())
    }

    /// A source.
    pub fn source(&self, kind: &str, name: &NamespacedName) -> Option<&Value> {
        self.sources.get(&(kind.to_owned(), name.clone()))
    }

    /// How the artifact of this name is made, where a generator may make it; the error says why that makes nothing. One that names it
    /// goes before one whose pattern of directories may find it.
    pub(super) fn artifact(&self, name: &NamespacedName) -> Option<Result<Described, String>> {
        let generators = self.generators.iter().filter(|(generator, _)| generator.namespace == name.namespace);
        let all = generators.filter_map(|(_, generator)| Described::read(generator, name));
        all.min_by_key(|found| found.as_ref().is_ok_and(|described| !described.is_certain()))
    }

    /// What a Kustomization's variables come from that is not here.
    pub fn missing_values(&self, plan: &Plan, namespace: &str) -> Vec<String> {
        self.values(plan, namespace).missing
    }

    /// The values of a Kustomization's variables, as far as they are here.
    pub fn values(&self, plan: &Plan, namespace: &str) -> Known {
        let mut known = Known { values: Values::default(), secrets: Vec::new(), missing: Vec::new() };
        for reference in plan.substitute_from() {
            let name = NamespacedName::new(namespace, &reference.name);
            let shown = format!("{} {name}", reference.kind);
            match self.holders.get(&(reference.kind.clone(), name)).map(data) {
                None => known.missing.push(shown),
                Some(Err(why)) => known.missing.push(format!("{shown} ({why})")),
                Some(Ok(data)) => {
                    if reference.kind == "Secret" {
                        known.secrets.extend(data.values().cloned());
                    }
                    known.values.values.extend(data);
                }
            }
        }
        known.values.are_partial = !known.missing.is_empty();
        known.values.values.extend(plan.substitute().clone());
        known
    }
}

/// The texts in a ConfigMap or a Secret.
fn data(object: &Value) -> Result<BTreeMap<String, String>, &'static str> {
    let is_secret = object["kind"] == "Secret";
    if object["sops"].is_object() {
        return Err("encrypted");
    }
    let entries = |field: &str| object[field].as_object().into_iter().flatten();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let decoded = |value: &Value| match serde_json::from_value::<ByteString>(value.clone()) {
        Ok(bytes) if is_secret => String::from_utf8_lossy(&bytes.0).into_owned(),
        _ => text(value),
    };
    let data = entries("data").map(|(key, value)| (key.clone(), decoded(value)));
    let texts = entries("stringData").map(|(key, value)| (key.clone(), text(value)));
    Ok(data.chain(texts).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_read_from_both_kinds() {
        let of = |object: Value| data(&object).unwrap();
        let map = of(json!({ "kind": "ConfigMap", "data": { "a": "eA==" } }));
        assert_eq!(map["a"], "eA==");
        let secret = of(json!({ "kind": "Secret", "data": { "a": "eA==" }, "stringData": { "b": "y" } }));
        assert_eq!((secret["a"].as_str(), secret["b"].as_str()), ("x", "y"));
        assert!(data(&json!({ "kind": "Secret", "sops": {}, "data": {} })).is_err());
    }
}
