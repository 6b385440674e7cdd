//! Plugins that change objects.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{Cause, RenderError};
use crate::kustomize::fields::field_path::FieldSpec;
use crate::kustomize::files::decode;
use crate::kustomize::files::directory::Directory;
use crate::kustomize::files::file::{Patch, Replica};
use crate::kustomize::generators::hash;
use crate::kustomize::objects::origin::{self, Origin};
use crate::kustomize::objects::resource::Resource;
use crate::kustomize::objects::set::ResourceSet;
use crate::kustomize::patches::patch;
use crate::kustomize::patches::schemas::Schemas;
use crate::kustomize::transformers::images;
use crate::kustomize::transformers::labels;
use crate::kustomize::transformers::names::{self, Affix};
use crate::kustomize::transformers::namespace::{self, Subjects};
use crate::kustomize::transformers::replacements::{self, Replacement};
use crate::kustomize::transformers::replicas;
use crate::overlay::{Image, Selector};

use super::value_add::ValueAdd;
use super::{Metadata, error, generator, kind};

/// A transformer and where its configuration is from.
pub(crate) struct Transformer {
    settings: Settings,
    configuration: Resource,
}

/// What a transformer does.
enum Settings {
    Annotations(Entries),
    Hash,
    Images(ImageTag),
    Labels(Entries),
    Namespace(Namespace),
    Json6902(Patch),
    StrategicMerge(StrategicMerge),
    Patch(Patch),
    Names(Names),
    Replacements(Vec<Replacement>),
    Replicas(Replicas),
    ValueAdd(ValueAdd),
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Entries {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    field_specs: Vec<FieldSpec>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ImageTag {
    image_tag: Image,
    field_specs: Vec<FieldSpec>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Namespace {
    metadata: Metadata,
    field_specs: Vec<FieldSpec>,
    unset_only: bool,
    set_role_binding_subjects: Subjects,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Json6902 {
    target: Option<Selector>,
    path: String,
    json_op: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StrategicMerge {
    paths: Vec<String>,
    patches: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Names {
    prefix: String,
    suffix: String,
    field_specs: Option<Vec<FieldSpec>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Replacements {
    replacements: Vec<Replacement>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Replicas {
    replica: Replica,
    field_specs: Vec<FieldSpec>,
}

/// Whether kustomize has a transformer of this kind.
pub(super) fn is_known(kind: &str) -> bool {
    matches!(
        kind,
        "AnnotationsTransformer"
            | "HashTransformer"
            | "ImageTagTransformer"
            | "LabelTransformer"
            | "NamespaceTransformer"
            | "PatchJson6902Transformer"
            | "PatchStrategicMergeTransformer"
            | "PatchTransformer"
            | "PrefixTransformer"
            | "SuffixTransformer"
            | "PrefixSuffixTransformer"
            | "ReplacementTransformer"
            | "ReplicaCountTransformer"
            | "ValueAddTransformer"
    )
}

impl Transformer {
    /// The transformer that `configuration` is for.
    pub(crate) fn new(directory: &Directory<'_>, configuration: Resource) -> Result<Self, RenderError> {
        let settings = Settings::read(directory, &configuration)?;
        Ok(Self { settings, configuration })
    }

    /// Changes `resources`, and notes that it did where somebody asks.
    pub(crate) fn transform(
        &self,
        directory: &Directory<'_>,
        schemas: &Schemas,
        resources: &mut ResourceSet,
    ) -> Result<(), RenderError> {
        self.apply(directory, schemas, resources)?;
        if let Some(origin) = Origin::of_plugin(&self.configuration) {
            origin::note_transformation(resources, &origin);
        }
        Ok(())
    }

    /// Changes `resources`.
    pub(crate) fn apply(
        &self,
        directory: &Directory<'_>,
        schemas: &Schemas,
        resources: &mut ResourceSet,
    ) -> Result<(), RenderError> {
        let fail = |message: String| error(directory, &self.configuration, Cause::Invalid(message));
        match &self.settings {
            Settings::Annotations(settings) => {
                labels::set(resources, &settings.annotations, &settings.field_specs, directory.budget).map_err(fail)
            }
            Settings::Hash => {
                hash::append(resources);
                Ok(())
            }
            Settings::Images(settings) => {
                images::set(resources, &settings.image_tag, &settings.field_specs, directory.budget).map_err(fail)
            }
            Settings::Labels(settings) => {
                labels::set(resources, &settings.labels, &settings.field_specs, directory.budget).map_err(fail)
            }
            Settings::Namespace(settings) => {
                let change = namespace::Change {
                    namespace: &settings.metadata.namespace,
                    places: &settings.field_specs,
                    subjects: settings.set_role_binding_subjects,
                    unset_only: settings.unset_only,
                };
                namespace::set(resources, &change).map_err(fail)?;
                resources.check_unique()
            }
            Settings::Json6902(settings) => patch::json6902(directory, settings, resources),
            Settings::StrategicMerge(settings) => settings.apply(directory, schemas, resources),
            Settings::Patch(settings) => patch::patch(directory, settings, schemas, resources),
            Settings::Names(settings) => {
                let places = settings.field_specs.as_deref().unwrap_or_default();
                names::put(resources, Affix::Prefix(&settings.prefix), places, directory.budget).map_err(fail)?;
                names::put(resources, Affix::Suffix(&settings.suffix), places, directory.budget).map_err(fail)
            }
            Settings::Replacements(settings) => replacements::apply(directory, settings, resources).map_err(fail),
            Settings::Replicas(settings) => {
                replicas::set(resources, &settings.replica, &settings.field_specs).map_err(fail)
            }
            Settings::ValueAdd(settings) => settings.apply(resources, directory.budget).map_err(fail),
        }
    }
}

impl Settings {
    fn read(directory: &Directory<'_>, configuration: &Resource) -> Result<Self, RenderError> {
        let fail = |cause| error(directory, configuration, cause);
        let value = configuration.value.clone();
        let settings = match kind(directory, configuration)? {
            "AnnotationsTransformer" => decode::lenient(value).map(Self::Annotations),
            "HashTransformer" => Ok(Self::Hash),
            "ImageTagTransformer" => decode::lenient(value).map(Self::Images),
            "LabelTransformer" => decode::lenient(value).map(Self::Labels),
            "NamespaceTransformer" => decode::lenient(value).map(Self::Namespace),
            "PatchJson6902Transformer" => decode::lenient(value).map(|settings: Json6902| {
                let Json6902 { target, path, json_op } = settings;
                Self::Json6902(Patch { target, path, patch: json_op, ..Patch::default() })
            }),
            "PatchStrategicMergeTransformer" => decode::lenient(value).map(Self::StrategicMerge),
            "PatchTransformer" => decode::lenient(value).map(Self::Patch),
            "PrefixTransformer" => {
                decode::lenient(value).map(|settings| Self::Names(Names { suffix: String::new(), ..settings }))
            }
            "SuffixTransformer" => {
                decode::lenient(value).map(|settings| Self::Names(Names { prefix: String::new(), ..settings }))
            }
            "PrefixSuffixTransformer" => decode::lenient(value).map(Self::Names),
            "ReplacementTransformer" => {
                let settings: Replacements = decode::lenient(value).map_err(fail)?;
                Ok(Self::Replacements(replacements::load(directory, &settings.replacements)?))
            }
            "ReplicaCountTransformer" => decode::lenient(value).map(Self::Replicas),
            "ValueAddTransformer" => {
                let settings: ValueAdd = decode::lenient(value).map_err(fail)?;
                Ok(Self::ValueAdd(settings.complete(directory)?))
            }
            kind if generator::is_known(kind) => {
                Err(Cause::Invalid(format!("plugin {} not a transformer", configuration.id())))
            }
            kind => Err(Cause::Invalid(format!("unable to load builtin {kind}"))),
        };
        match settings.map_err(fail)? {
            Self::Names(Names { field_specs: None, .. }) => {
                Err(fail(Cause::Invalid("fieldSpecs is not expected to be nil".into())))
            }
            settings => Ok(settings),
        }
    }
}

impl StrategicMerge {
    fn apply(
        &self,
        directory: &Directory<'_>,
        schemas: &Schemas,
        resources: &mut ResourceSet,
    ) -> Result<(), RenderError> {
        if self.paths.is_empty() && self.patches.is_empty() {
            return Err(directory.error(Cause::Invalid("empty file path and empty patch content".into())));
        }
        let mut count = 0;
        for path in &self.paths {
            count += patch::strategic_merge(directory, path, schemas, resources)?;
        }
        if !self.patches.is_empty() {
            count += patch::strategic_merge_inline(directory, &self.patches, schemas, resources)?;
        }
        if count == 0 {
            return Err(directory.error(Cause::Invalid("the patches appear to be empty".into())));
        }
        Ok(())
    }
}
