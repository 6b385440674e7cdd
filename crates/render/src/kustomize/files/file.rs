//! Kustomization files.

use std::collections::BTreeMap;

use cowherd_tree::{EntryKind, Tree, TreePath};
use cowherd_yaml::{Dialect, Limits, Step, line_of, parse_documents_as};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Cause, RenderError};
use crate::manifest::{IS_LFS_POINTER, is_lfs_pointer};
use crate::overlay::{Image, Selector};

use super::decode::{self, Misread};
use crate::kustomize::budget::Budget;
use crate::kustomize::fields::field_path::FieldSpec;
use crate::kustomize::generators::helm::{self, HelmChart, HelmGlobals, OldHelmChart};
use crate::kustomize::transformers::replacements::Replacement;
use crate::kustomize::transformers::vars::Var;

/// The names that a kustomization file can have.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Fields that will go away, and what to use instead.
const DEPRECATED: [(&str, &str); 6] = [
    ("bases", "resources"),
    ("commonLabels", "labels"),
    ("imageTags", "images"),
    ("patchesJson6902", "patches"),
    ("patchesStrategicMerge", "patches"),
    ("vars", "replacements"),
];

/// What a kustomization file says. Deprecated spellings are already merged into those that replaced them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kustomization {
    pub(crate) component: bool,
    /// Fields that will go away, with those to use instead.
    pub(crate) deprecated: Vec<(&'static str, &'static str)>,
    pub(crate) resources: Vec<String>,
    pub(crate) components: Vec<String>,
    pub(crate) namespace: String,
    pub(crate) name_prefix: String,
    pub(crate) name_suffix: String,
    pub(crate) labels: Vec<Label>,
    pub(crate) common_labels: BTreeMap<String, String>,
    pub(crate) common_annotations: BTreeMap<String, String>,
    pub(crate) images: Vec<Image>,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) patches: Vec<Patch>,
    pub(crate) patches_strategic_merge: Vec<String>,
    pub(crate) patches_json6902: Vec<Patch>,
    pub(crate) config_map_generator: Vec<Generator>,
    pub(crate) secret_generator: Vec<Generator>,
    pub(crate) generator_options: Option<GeneratorOptions>,
    pub(crate) sort_options: Option<SortOptions>,
    pub(crate) replacements: Vec<Replacement>,
    pub(crate) vars: Vec<Var>,
    pub(crate) configurations: Vec<String>,
    pub(crate) crds: Vec<String>,
    pub(crate) openapi: BTreeMap<String, String>,
    pub(crate) build_metadata: Vec<String>,
    pub(crate) generators: Vec<String>,
    pub(crate) transformers: Vec<String>,
    pub(crate) validators: Vec<String>,
    pub(crate) helm_charts: Vec<HelmChart>,
    pub(crate) helm_globals: HelmGlobals,
}

/// An entry of `labels`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Label {
    pub(crate) pairs: BTreeMap<String, String>,
    pub(crate) include_selectors: bool,
    pub(crate) include_templates: bool,
    pub(crate) fields: Vec<FieldSpec>,
}

/// An entry of `replicas`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) count: i64,
}

/// An entry of `patches` or `patchesJson6902`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Patch {
    pub(crate) path: String,
    pub(crate) patch: String,
    pub(crate) target: Option<Selector>,
    /// What the patch may change besides the usual.
    pub(crate) options: BTreeMap<String, bool>,
}

/// An entry of `configMapGenerator` or `secretGenerator`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Generator {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) behavior: String,
    pub(crate) literals: Vec<String>,
    pub(crate) files: Vec<String>,
    pub(crate) envs: Vec<String>,
    pub(crate) env: String,
    pub(crate) options: Option<GeneratorOptions>,
    /// Of a Secret.
    #[serde(rename = "type")]
    pub(crate) kind: String,
}

/// `generatorOptions`, or the options of one generator.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct GeneratorOptions {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) disable_name_suffix_hash: bool,
    pub(crate) immutable: bool,
}

/// `sortOptions`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SortOptions {
    pub(crate) order: String,
    pub(crate) legacy_sort_options: Option<LegacySortOptions>,
}

/// The kinds that come first and last.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct LegacySortOptions {
    pub(crate) order_first: Vec<String>,
    pub(crate) order_last: Vec<String>,
}

/// The kustomization files in `directory`.
pub(crate) fn find(tree: &dyn Tree, directory: &TreePath) -> Result<Vec<TreePath>, RenderError> {
    let mut found = Vec::new();
    for name in NAMES {
        let Ok(path) = directory.join(name) else { continue };
        let entry = tree.stat(&path).map_err(|error| RenderError::new(&path, Cause::Read(error)))?;
        match entry.map(|entry| entry.kind) {
            Some(EntryKind::File { .. }) => found.push(path),
            Some(EntryKind::Other) => return Err(RenderError::new(&path, Cause::Irregular(path.clone()))),
            _ => {}
        }
    }
    Ok(found)
}

/// Reads the kustomization file at `path`.
pub(crate) fn read(
    tree: &dyn Tree,
    path: &TreePath,
    limits: &Limits,
    budget: &Budget,
) -> Result<Kustomization, RenderError> {
    let fail = |cause| RenderError::new(path, cause);
    let text = tree.read(path).map_err(|error| fail(Cause::Read(error)))?;
    budget.spend(text.len()).map_err(fail)?;
    let documents =
        parse_documents_as(&text, Dialect::Kubernetes, limits).map_err(|error| RenderError::yaml(path, error))?;
    let mut documents = documents.into_iter();
    let first = documents.next();
    let begin = first.as_ref().map_or(1, |document| document.line);
    let map = match first.map(|document| document.value) {
        Some(Value::Object(map)) => map,
        Some(document) if is_lfs_pointer(&document) => return Err(fail(Cause::Invalid(IS_LFS_POINTER.into()))),
        Some(_) => return Err(fail(Cause::Invalid("a kustomization must be a mapping".into()))),
        None => return Err(fail(Cause::Empty)),
    };
    let mut read = Reading::default();
    for (name, value) in map {
        read.field(&name, value).map_err(|misread| {
            let field = misread.place(&name);
            let way: Vec<Step> = [Step::Key(name)].into_iter().chain(misread.at).collect();
            let error = match misread.cause {
                cause @ Cause::UnknownField(_) => fail(cause),
                cause => fail(cause).in_field(field),
            };
            RenderError { line: line_of(&text, begin, &way), ..error }
        })?;
    }
    read.finish().map_err(fail)
}

/// A kustomization of which some fields have been read.
#[derive(Default)]
struct Reading {
    kustomization: Kustomization,
    api_version: String,
    kind: String,
    bases: Vec<String>,
    image_tags: Vec<Image>,
    helm_globals: Option<HelmGlobals>,
    old_charts: Vec<OldHelmChart>,
    says_something: bool,
}

impl Reading {
    /// Takes one field. Names are told apart without regard to case, as Go's JSON does.
    fn field(&mut self, name: &str, value: Value) -> Result<(), Misread> {
        let into = &mut self.kustomization;
        let deprecated = DEPRECATED.iter().find(|(old, _)| old.eq_ignore_ascii_case(name));
        if !value.is_null() {
            into.deprecated.extend(deprecated);
        }
        match name.to_ascii_lowercase().as_str() {
            "apiversion" => return decode(value, &mut self.api_version),
            "kind" => return decode(value, &mut self.kind),
            "resources" => decode(value, &mut into.resources),
            "bases" => decode(value, &mut self.bases),
            "components" => decode(value, &mut into.components),
            "namespace" => decode(value, &mut into.namespace),
            "nameprefix" => decode(value, &mut into.name_prefix),
            "namesuffix" => decode(value, &mut into.name_suffix),
            "labels" => decode(value, &mut into.labels),
            "commonlabels" => decode(value, &mut into.common_labels),
            "commonannotations" => decode(value, &mut into.common_annotations),
            "images" => decode(value, &mut into.images),
            "imagetags" => decode(value, &mut self.image_tags),
            "replicas" => decode(value, &mut into.replicas),
            "patches" => decode(value, &mut into.patches),
            "patchesstrategicmerge" => decode(value, &mut into.patches_strategic_merge),
            "patchesjson6902" => decode(value, &mut into.patches_json6902),
            "configmapgenerator" => decode(value, &mut into.config_map_generator),
            "secretgenerator" => decode(value, &mut into.secret_generator),
            "generatoroptions" => decode(value, &mut into.generator_options),
            "sortoptions" => decode(value, &mut into.sort_options),
            "replacements" => decode(value, &mut into.replacements),
            "vars" => decode(value, &mut into.vars),
            "configurations" => decode(value, &mut into.configurations),
            "crds" => decode(value, &mut into.crds),
            "openapi" => decode(value, &mut into.openapi),
            "buildmetadata" => decode(value, &mut into.build_metadata),
            "generators" => decode(value, &mut into.generators),
            "transformers" => decode(value, &mut into.transformers),
            "validators" => decode(value, &mut into.validators),
            "helmcharts" => decode(value, &mut into.helm_charts),
            "helmglobals" => decode(value, &mut self.helm_globals),
            "helmchartinflationgenerator" => decode(value, &mut self.old_charts),
            "metadata" => Ok(()),
            _ => Err(Misread::whole(Cause::UnknownField(name.to_owned()))),
        }?;
        self.says_something = true;
        Ok(())
    }

    fn finish(self) -> Result<Kustomization, Cause> {
        let Self { mut kustomization, api_version, kind, bases, image_tags, helm_globals, old_charts, says_something } =
            self;
        if !says_something {
            return Err(Cause::Empty);
        }
        let version = match kind.as_str() {
            "" | "Kustomization" => "kustomize.config.k8s.io/v1beta1",
            "Component" => "kustomize.config.k8s.io/v1alpha1",
            _ => return Err(Cause::Invalid("kind should be Kustomization or Component".into())),
        };
        if !api_version.is_empty() && api_version != version {
            return Err(Cause::Invalid(format!("apiVersion for {kind} should be {version}")));
        }
        kustomization.component = kind == "Component";
        kustomization.resources.extend(bases);
        kustomization.images.extend(image_tags);
        let (charts, old_globals) = helm::modernized(old_charts);
        kustomization.helm_charts.extend(charts);
        kustomization.helm_globals = helm_globals.unwrap_or(old_globals);
        for generator in kustomization.config_map_generator.iter_mut().chain(&mut kustomization.secret_generator) {
            if !generator.env.is_empty() {
                generator.envs.push(std::mem::take(&mut generator.env));
            }
        }
        Ok(kustomization)
    }
}

fn decode<T: DeserializeOwned>(value: Value, into: &mut T) -> Result<(), Misread> {
    if !value.is_null() {
        *into = decode::strict(value)?;
    }
    Ok(())
}
