//! What is made of rendered manifests before they are applied and recorded: by kustomize, and the labels that every object gets.

use std::collections::BTreeMap;

use cowherd_api::flux::helm::v2::{HelmReleaseSpec, PostRendererKustomize};
use cowherd_helm::release::Manifest;
use cowherd_render::{Overlay, render, set_common_metadata};
use cowherd_tree::{MemoryTree, TreePath};
use serde_json::{Value, json};

use super::KIND;
use super::manifests::parse;
use crate::owner::OwnerName;

/// By which annotation an object that goes through kustomize says from which template it comes. It goes again.
const FROM: &str = "postrenderer.helm.sh/postrender-filename";

/// What is made of rendered manifests.
pub(super) struct PostRender {
    kustomize: Vec<PostRendererKustomize>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    /// Whose release it is: that goes before all other labels.
    origin: BTreeMap<String, String>,
}

impl PostRender {
    /// What the spec of the HelmRelease says.
    pub(super) fn of(owner: &OwnerName, spec: &HelmReleaseSpec) -> Self {
        let common = spec.common_metadata.clone().unwrap_or_default();
        let mark = [(KIND.ownership.name_label, &owner.name), (KIND.ownership.namespace_label, &owner.namespace)];
        Self {
            kustomize: spec.post_renderers.iter().filter_map(|renderer| renderer.kustomize.clone()).collect(),
            labels: common.labels.unwrap_or_default(),
            annotations: common.annotations.unwrap_or_default(),
            origin: mark.map(|(key, value)| (key.to_owned(), value.clone())).into(),
        }
    }

    /// The manifests, as a record has them.
    ///
    /// # Errors
    /// What is no object, and what kustomize has against them.
    pub(super) fn run(&self, manifests: &[Manifest]) -> Result<String, String> {
        let mut all = Vec::new();
        for manifest in manifests {
            let objects = parse(&manifest.content).map_err(|error| format!("{}: {error}", manifest.path))?;
            all.extend(objects.into_iter().map(|object| (manifest.path.clone(), object)));
        }
        for renderer in &self.kustomize {
            all = kustomized(all, renderer)
                .map_err(|error| format!("error while running post render on files: {error}"))?;
        }
        let mut text = String::new();
        for (path, object) in all {
            let mut object = [object];
            set_common_metadata(&mut object, &self.labels, &self.annotations);
            set_common_metadata(&mut object, &self.origin, &BTreeMap::new());
            let [object] = object;
            text.push_str(&format!("---\n# Source: {path}\n{}", cowherd_yaml::to_string(&object)));
        }
        Ok(text)
    }
}

/// What kustomize makes of the objects, each with the template that it comes from.
fn kustomized(objects: Vec<(String, Value)>, renderer: &PostRendererKustomize) -> Result<Vec<(String, Value)>, String> {
    if objects.is_empty() {
        return Ok(objects);
    }
    let overlay = serde_json::to_value(renderer).and_then(serde_json::from_value::<Overlay>);
    let overlay = overlay.map_err(|error| error.to_string())?;
    let marked = objects.into_iter().map(|(path, object)| {
        let mut object = [object];
        set_common_metadata(&mut object, &BTreeMap::new(), &[(FROM.to_owned(), path)].into());
        let [object] = object;
        object
    });
    let marked: Vec<Value> = marked.collect();
    let files = [
        ("kustomization.yaml", json!({ "resources": ["all.yaml"] }).to_string()),
        ("all.yaml", cowherd_yaml::write_documents(&marked)),
    ];
    let tree = MemoryTree::new(files).map_err(|error| error.to_string())?;
    let rendered = render(&tree, &TreePath::root(), &overlay).map_err(|error| error.to_string())?;
    Ok(rendered.into_iter().map(unmarked).collect())
}

/// An object, and the template that it says it comes from.
fn unmarked(mut object: Value) -> (String, Value) {
    let annotations = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    let path = annotations.and_then(|annotations| annotations.remove(FROM));
    if object.pointer("/metadata/annotations").and_then(Value::as_object).is_some_and(|left| left.is_empty())
        && let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
    {
        metadata.remove("annotations");
    }
    (path.as_ref().and_then(Value::as_str).unwrap_or("generated-by-postrender").to_owned(), object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(spec: Value, contents: &[&str]) -> Result<String, String> {
        let mut full = json!({ "interval": "1m" });
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let owner = OwnerName::new(&KIND, "apps", "web");
        let manifests = contents.iter().enumerate().map(|(at, content)| Manifest {
            path: format!("web/templates/{at}.yaml"),
            content: (*content).to_owned(),
            kind: String::new(),
        });
        let post_render = PostRender::of(&owner, &serde_json::from_value(full).unwrap());
        post_render.run(&manifests.collect::<Vec<_>>())
    }

    const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  key: one\n";

    #[test]
    fn every_object_says_whose_release_it_is_of() {
        let text = run(json!({}), &[MAP]).unwrap();
        assert_eq!(
            text,
            "---\n# Source: web/templates/0.yaml\napiVersion: v1\ndata:\n  key: one\nkind: ConfigMap\nmetadata:\n  labels:\n    \
             helm.toolkit.fluxcd.io/name: web\n    helm.toolkit.fluxcd.io/namespace: apps\n  name: a\n"
        );
    }

    #[test]
    fn kustomize_patches_what_was_rendered_and_each_object_stays_with_its_template() {
        let other = MAP.replace("name: a", "name: b");
        let patch = json!({ "patch": "- {op: replace, path: /data/key, value: two}", "target": { "name": "b" } });
        let spec = json!({ "postRenderers": [{ "kustomize": { "patches": [patch] } }],
            "commonMetadata": { "labels": { "team": "red" }, "annotations": { "note": "x" } } });
        let text = run(spec, &[MAP, &other]).unwrap();
        assert!(
            text.contains("# Source: web/templates/0.yaml") && text.contains("# Source: web/templates/1.yaml"),
            "{text}"
        );
        assert!(text.contains("key: one") && text.contains("key: two"), "{text}");
        assert_eq!((text.matches("team: red").count(), text.matches("note: x").count()), (2, 2), "{text}");
        assert!(!text.contains(FROM), "{text}");
    }

    #[test]
    fn a_patch_that_fits_nothing_it_could_is_said() {
        let spec = json!({ "postRenderers": [{ "kustomize": { "patches": [{ "patch": "- {op: remove, path: /nothing}",
            "target": { "kind": "ConfigMap" } }] } }] });
        let error = run(spec, &[MAP]).unwrap_err();
        assert!(error.starts_with("error while running post render on files: "), "{error}");
    }
}
