//! What is made of rendered manifests before they are applied and recorded: by kustomize, and the labels that every object gets.
//! Hooks go the same way, together with the other manifests, by themselves, or not at all.

use std::collections::BTreeMap;

use cowherd_api::flux::helm::v2::{HelmReleaseSpec, PostRendererKustomize};
use cowherd_helm::Output;
use cowherd_helm::release::{Hook, Manifest, Sorted, sort_manifests};
use cowherd_render::{Overlay, render, set_common_metadata};
use cowherd_tree::{MemoryTree, TreePath};
use serde_json::{Value, json};

use super::KIND;
use super::manifests::parse_told;
use crate::owner::OwnerName;
use crate::producer::{Growth, weight_of_pairs};

/// By which annotation an object that goes through kustomize says from which template it comes. It goes again.
const FROM: &str = "postrenderer.helm.sh/postrender-filename";

/// How hooks go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    /// Together with all other manifests.
    Combined,
    /// By themselves.
    Separate,
    /// Not at all.
    NoHooks,
}

/// How many times the objects may be rendered again.
const MOST_RENDERERS: usize = 32;

/// What is made of rendered manifests.
#[derive(Clone)]
pub(super) struct PostRender {
    strategy: Strategy,
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
        let strategy = match spec.post_render_strategy.as_deref() {
            Some("separate") => Strategy::Separate,
            Some("nohooks") => Strategy::NoHooks,
            _ => Strategy::Combined,
        };
        Self {
            strategy,
            kustomize: spec.post_renderers.iter().filter_map(|renderer| renderer.kustomize.clone()).collect(),
            labels: common.labels.unwrap_or_default(),
            annotations: common.annotations.unwrap_or_default(),
            origin: mark.map(|(key, value)| (key.to_owned(), value.clone())).into(),
        }
    }

    /// Makes that of what a chart was rendered to.
    ///
    /// # Errors
    /// What is no object, and what kustomize has against them.
    pub(super) fn run(&self, output: &mut Output) -> Result<(), String> {
        let hooks = std::mem::take(&mut output.hooks).into_iter();
        let hooks = hooks.map(|Hook { path, content, .. }| (path, content));
        let manifests = std::mem::take(&mut output.manifests).into_iter();
        let manifests = manifests.map(|Manifest { path, content, .. }| (path, content));
        let mut files = Files::new();
        match self.strategy {
            Strategy::Combined => self.add(&mut files, hooks.chain(manifests), "files")?,
            Strategy::Separate => {
                self.add(&mut files, hooks, "hooks")?;
                self.add(&mut files, manifests, "manifests")?;
            }
            Strategy::NoHooks => {
                hooks.for_each(|(path, content)| put(&mut files, path, &content));
                self.add(&mut files, manifests, "manifests")?;
            }
        }
        let sorted = sort_manifests(&files, &cowherd_yaml::Limits::default());
        let Sorted { mut hooks, mut manifests } = sorted.map_err(|error| error.to_string())?;
        hooks.iter_mut().for_each(|hook| end_line(&files, &hook.path, &mut hook.content));
        manifests.iter_mut().for_each(|manifest| end_line(&files, &manifest.path, &mut manifest.content));
        (output.hooks, output.manifests) = (hooks, manifests);
        Ok(())
    }

    /// Adds what is made of these contents, each with the template that it comes from.
    fn add(
        &self,
        files: &mut Files,
        contents: impl Iterator<Item = (String, String)>,
        what: &str,
    ) -> Result<(), String> {
        let mut contents: Vec<(String, String)> = contents.collect();
        contents.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut all = Vec::new();
        for (path, content) in contents {
            // The end of the last line belongs to a text that ends there.
            let objects = parse_told(&format!("{content}\n")).map_err(|error| format!("{path}: {error}"))?;
            // As with Helm, nobody knows any more where the items of a list come from.
            let placed = objects.into_iter().map(|(object, is_item)| ((!is_item).then(|| path.clone()), object));
            all.extend(placed);
        }
        if self.kustomize.len() > MOST_RENDERERS {
            return Err(format!("there are more than {MOST_RENDERERS} spec.postRenderers; put their patches together"));
        }
        for renderer in &self.kustomize {
            all = kustomized(all, renderer)
                .map_err(|error| format!("error while running post render on {what}: {error}"))?;
        }
        let group = if what == "files" { String::new() } else { format!("{what}-") };
        let (common, mut growth) = (weight_of_pairs(self.labels.iter().chain(&self.annotations)), Growth::default());
        for (at, (path, object)) in all.into_iter().enumerate() {
            growth.add("what spec.commonMetadata adds", common).map_err(|error| error.to_string())?;
            let path = path.unwrap_or_else(|| format!("generated-by-postrender-{group}{at}.yaml"));
            let mut object = [object];
            set_common_metadata(&mut object, &self.labels, &self.annotations);
            set_common_metadata(&mut object, &self.origin, &BTreeMap::new());
            let [object] = object;
            put(files, path, &cowherd_yaml::to_string(&object));
        }
        Ok(())
    }
}

/// The contents of files by their paths.
type Files = BTreeMap<String, String>;

/// Ends the last line of a document that ends its file: Helm leaves the end of files as it is.
fn end_line(files: &Files, path: &str, content: &mut String) {
    if files.get(path).is_some_and(|file| file.trim_end().ends_with(content.as_str())) {
        content.push('\n');
    }
}

/// Adds a document to a file.
fn put(files: &mut Files, path: String, content: &str) {
    let file = files.entry(path).or_default();
    if !file.is_empty() {
        file.push_str("---\n");
    }
    file.push_str(content);
    if !file.ends_with('\n') {
        file.push('\n');
    }
}

/// An object, and the template that it comes from, where that is known.
type Placed = (Option<String>, Value);

/// What kustomize makes of the objects, each with the template that it comes from.
fn kustomized(objects: Vec<Placed>, renderer: &PostRendererKustomize) -> Result<Vec<Placed>, String> {
    if objects.is_empty() {
        return Ok(objects);
    }
    let overlay = serde_json::to_value(renderer).and_then(serde_json::from_value::<Overlay>);
    let overlay = overlay.map_err(|error| error.to_string())?;
    let marked = objects.into_iter().map(|(path, object)| {
        let mut object = [object];
        let from = path.map(|path| (FROM.to_owned(), path)).into_iter().collect();
        set_common_metadata(&mut object, &BTreeMap::new(), &from);
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
fn unmarked(mut object: Value) -> Placed {
    let annotations = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    let path = annotations.and_then(|annotations| annotations.remove(FROM));
    if object.pointer("/metadata/annotations").and_then(Value::as_object).is_some_and(|left| left.is_empty())
        && let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
    {
        metadata.remove("annotations");
    }
    (path.as_ref().and_then(Value::as_str).map(str::to_owned), object)
}

#[cfg(test)]
mod tests {
    use cowherd_helm::release::record::Record;

    use super::*;

    fn output(contents: &[&str]) -> Output {
        let files = contents.iter().enumerate();
        let files: Files =
            files.map(|(at, content)| (format!("web/templates/{at}.yaml"), (*content).to_owned())).collect();
        let Sorted { hooks, manifests } = sort_manifests(&files, &cowherd_yaml::Limits::default()).unwrap();
        Output { chart: cowherd_helm::Chart::default(), hooks, manifests, notes: String::new() }
    }

    fn rendered(spec: Value, contents: &[&str]) -> Result<Output, String> {
        let mut full = json!({ "interval": "1m" });
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let owner = OwnerName::new(&KIND, "apps", "web");
        let mut output = output(contents);
        PostRender::of(&owner, &serde_json::from_value(full).unwrap()).run(&mut output).map(|()| output)
    }

    fn run(spec: Value, contents: &[&str]) -> Result<String, String> {
        let output = rendered(spec, contents)?;
        Ok(Record::of(&output, &cowherd_helm::Release::default(), serde_json::Map::new()).manifest)
    }

    const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  key: one\n";

    #[test]
    fn every_object_says_whose_release_it_is_of() {
        let text = run(json!({}), &[MAP]).unwrap();
        assert_eq!(
            text,
            "---\n# Source: web/templates/0.yaml\napiVersion: v1\ndata:\n  key: one\nkind: ConfigMap\nmetadata:\n  labels:\n    \
             helm.toolkit.fluxcd.io/name: web\n    helm.toolkit.fluxcd.io/namespace: apps\n  name: a\n\n"
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

    #[test]
    fn a_text_at_the_end_of_a_file_keeps_the_end_of_its_line() {
        let text =
            run(json!({}), &["apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  key: |\n    line\n"])
                .unwrap();
        assert!(text.contains("  key: |\n    line\n"), "{text}");
    }

    #[test]
    fn hooks_go_with_the_others_by_themselves_or_not_at_all() {
        let hook = MAP.replace("  name: a\n", "  name: h\n  annotations:\n    helm.sh/hook: pre-install\n");
        let patch = json!({ "patch": "- {op: add, path: /data/more, value: x}", "target": { "kind": "ConfigMap" } });
        let content = |strategy: Value| {
            let spec =
                json!({ "postRenderers": [{ "kustomize": { "patches": [patch] } }], "postRenderStrategy": strategy });
            let output = rendered(spec, &[MAP, &hook]).unwrap();
            assert!(output.manifests[0].content.contains("more: x"));
            (output.hooks.len(), output.hooks[0].content.clone())
        };
        for strategy in [Value::Null, json!("combined"), json!("separate")] {
            let (count, hook) = content(strategy);
            assert_eq!(count, 1);
            assert!(hook.contains("more: x") && hook.contains("helm.toolkit.fluxcd.io/name: web"), "{hook}");
        }
        assert_eq!(content(json!("nohooks")), (1, hook.clone()));
    }
}
