//! `patches`, `patchesStrategicMerge` and `patchesJson6902`.

use std::collections::BTreeMap;

use cowherd_tree::TreePath;
use cowherd_yaml::{Dialect, Limits, parse_documents_as};
use serde_json::Value;

use crate::error::{Cause, RenderError};
use crate::manifest::{self, Manifest, ManifestError};

use super::merge;
use super::schemas::Schemas;
use super::select::select;
use crate::kustomize::fields::scalar;
use crate::kustomize::files::directory::Directory;
use crate::kustomize::files::file::Patch;
use crate::kustomize::objects::resource::{Resource, child_map};
use crate::kustomize::objects::set::ResourceSet;

/// A patch that has been read.
enum Parsed {
    Merge(Vec<Resource>),
    /// A list of operations.
    Operations(Value),
}

/// How a strategic merge patch is merged.
#[derive(Clone, Copy)]
struct Merge<'a> {
    schemas: &'a Schemas,
    allow_name_change: bool,
    allow_kind_change: bool,
}

impl<'a> Merge<'a> {
    fn plain(schemas: &'a Schemas) -> Self {
        Self { schemas, allow_name_change: false, allow_kind_change: false }
    }

    fn new(options: &BTreeMap<String, bool>, schemas: &'a Schemas) -> Self {
        let allows = |option: &str| options.get(option).copied().unwrap_or_default();
        Self { schemas, allow_name_change: allows("allowNameChange"), allow_kind_change: allows("allowKindChange") }
    }
}

/// The text of a patch and where it stands.
struct Source {
    text: Vec<u8>,
    file: TreePath,
    /// The text is the whole file, so that its lines are those of the file.
    whole: bool,
}

/// Applies an entry of `patches`.
pub(crate) fn patch(
    directory: &Directory<'_>,
    patch: &Patch,
    schemas: &Schemas,
    resources: &mut ResourceSet,
) -> Result<(), RenderError> {
    let source = source(directory, patch)?;
    let limits = &directory.options.yaml;
    let no_target = |error: String| directory.error(Cause::NoTarget(error));
    match (parse(&source, patch.target.is_some(), limits)?, &patch.target) {
        (Parsed::Merge(patches), None) => {
            for patched in patches {
                apply_by_id(directory, patched, Merge::new(&patch.options, schemas), resources)?;
            }
            Ok(())
        }
        (Parsed::Merge(patches), Some(target)) => {
            let mut patches = patches.into_iter();
            let Some(patched) = patches.next() else { return Ok(()) };
            if patches.next().is_some() {
                let message = "several strategic merge patches in one entry cannot have a target";
                return Err(directory.error(Cause::Invalid(message.into())));
            }
            let selected = select(resources, target, directory.budget).map_err(no_target)?;
            directory.spend_on(selected.len(), source.text.len())?;
            apply(&selected, with_text_metadata(patched), Merge::new(&patch.options, schemas), resources)?;
            resources.check_unique()
        }
        (Parsed::Operations(_), None) => {
            Err(directory.error(Cause::Invalid("must specify a target for a JSON patch".into())))
        }
        (Parsed::Operations(operations), Some(target)) => {
            let selected = select(resources, target, directory.budget).map_err(no_target)?;
            directory.spend_on(selected.len(), source.text.len())?;
            for index in selected {
                let Some(resource) = resources.get_mut(index) else { continue };
                resource.remember_id();
                apply_operations(resource, &operations, &source.file)?;
            }
            Ok(())
        }
    }
}

/// Applies an entry of `patchesStrategicMerge`: a patch, or the path of one. Returns how many patches it held.
pub(crate) fn strategic_merge(
    directory: &Directory<'_>,
    entry: &str,
    schemas: &Schemas,
    resources: &mut ResourceSet,
) -> Result<usize, RenderError> {
    let limits = &directory.options.yaml;
    let read = manifest::parse_with_all_texts;
    let inline = read(entry.as_bytes(), limits).ok().filter(|manifests| !manifests.is_empty());
    let (manifests, file, whole) = match inline {
        Some(manifests) => (manifests, directory.file.clone(), false),
        None => {
            let file = directory.join(entry)?;
            (read(&directory.load(entry)?, limits).map_err(|error| error.in_file(&file))?, file, true)
        }
    };
    strategic_merge_all(directory, into_resources(manifests, &file, whole), schemas, resources)
}

/// Applies the patches in `text`, which stands where it is used. Returns how many it held.
pub(crate) fn strategic_merge_inline(
    directory: &Directory<'_>,
    text: &str,
    schemas: &Schemas,
    resources: &mut ResourceSet,
) -> Result<usize, RenderError> {
    let manifests = manifest::parse_with_all_texts(text.as_bytes(), &directory.options.yaml).map_err(|error| {
        let why = error.in_file(&directory.file).cause.to_string();
        directory.error(Cause::Patch(why))
    })?;
    strategic_merge_all(directory, into_resources(manifests, &directory.file, false), schemas, resources)
}

fn strategic_merge_all(
    directory: &Directory<'_>,
    patches: Vec<Resource>,
    schemas: &Schemas,
    resources: &mut ResourceSet,
) -> Result<usize, RenderError> {
    let count = patches.len();
    for patched in patches {
        apply_by_id(directory, with_text_metadata(patched), Merge::plain(schemas), resources)?;
    }
    Ok(count)
}

/// Applies an entry of `patchesJson6902`.
pub(crate) fn json6902(
    directory: &Directory<'_>,
    patch: &Patch,
    resources: &mut ResourceSet,
) -> Result<(), RenderError> {
    let Some(target) = &patch.target else {
        return Err(directory.error(Cause::Invalid("must specify the target field".into())));
    };
    if target.name.is_empty() {
        return Err(directory.error(Cause::Invalid("must specify the target name".into())));
    }
    let source = source(directory, patch)?;
    let operations = read_operations(&source.text, &directory.options.yaml).map_err(|error| match error {
        OperationsError::Yaml(error) if source.whole => RenderError::yaml(&source.file, error),
        error => RenderError::new(&source.file, Cause::Patch(error.to_string())),
    })?;
    if operations.as_array().is_none_or(Vec::is_empty) {
        return Err(RenderError::new(&source.file, Cause::Patch("the patch appears to be empty".into())));
    }
    let selected =
        select(resources, target, directory.budget).map_err(|error| directory.error(Cause::NoTarget(error)))?;
    directory.spend_on(selected.len(), source.text.len())?;
    for index in selected {
        if let Some(resource) = resources.get_mut(index) {
            apply_operations(resource, &operations, &source.file)?;
        }
    }
    Ok(())
}

fn source(directory: &Directory<'_>, patch: &Patch) -> Result<Source, RenderError> {
    let invalid = |message: &str| directory.error(Cause::Invalid(message.into()));
    match (patch.patch.trim(), patch.path.as_str()) {
        ("", "") => Err(invalid("must specify one of patch and path")),
        (text, "") => Ok(Source { text: text.into(), file: directory.file.clone(), whole: false }),
        ("", path) => Ok(Source { text: directory.load(path)?.to_vec(), file: directory.join(path)?, whole: true }),
        _ => Err(invalid("patch and path can't be set at the same time")),
    }
}

/// Reads a patch of either form. One with a target is copied, which makes texts of its labels too.
fn parse(source: &Source, is_copied: bool, limits: &Limits) -> Result<Parsed, RenderError> {
    let read = if is_copied { manifest::parse_with_all_texts } else { manifest::parse_with_texts };
    match read(&source.text, limits) {
        Ok(manifests) => Ok(Parsed::Merge(into_resources(manifests, &source.file, source.whole))),
        Err(ManifestError::Yaml(error)) if source.whole => Err(RenderError::yaml(&source.file, error)),
        Err(not_manifests) => match read_operations(&source.text, limits) {
            Ok(operations) => Ok(Parsed::Operations(operations)),
            Err(not_operations) => {
                let why = match not_manifests {
                    ManifestError::Yaml(error) => error.to_string(),
                    ManifestError::NotAnObject { detail, .. } => detail,
                };
                let message = format!("unable to parse SM or JSON patch: {why}; {not_operations}");
                Err(RenderError::new(&source.file, Cause::Patch(message)))
            }
        },
    }
}

fn into_resources(manifests: Vec<Manifest>, file: &TreePath, whole: bool) -> Vec<Resource> {
    let resource = |manifest: Manifest| Resource::new(manifest.value, file.clone(), whole.then_some(manifest.line));
    manifests.into_iter().map(resource).collect()
}

/// The patch as kustomize takes it where it copies it first: labels and annotations become texts, null included, and
/// none at all change nothing.
fn with_text_metadata(mut patch: Resource) -> Resource {
    let metadata = patch.metadata();
    for field in ["labels", "annotations"] {
        match metadata.get_mut(field) {
            Some(Value::Object(map)) if !map.is_empty() => {
                for value in map.values_mut().filter(|value| !value.is_string()) {
                    *value = value.to_string().into();
                }
            }
            Some(_) => {
                metadata.remove(field);
            }
            None => {}
        }
    }
    patch
}

#[derive(Debug, thiserror::Error)]
enum OperationsError {
    #[error("{0}")]
    Yaml(cowherd_yaml::YamlError),
    #[error("not a list of JSON patch operations")]
    NotAList,
    #[error("a JSON patch is not JSON: {0}")]
    Json(serde_json::Error),
}

/// The list of operations that `text` is. What they mean is found out when they are applied.
fn read_operations(text: &[u8], limits: &Limits) -> Result<Value, OperationsError> {
    // What looks like JSON must be JSON; `[{op: add}]` is none.
    let value = if text.starts_with(b"[") {
        serde_json::from_slice(text).map_err(OperationsError::Json)?
    } else {
        let documents = parse_documents_as(text, Dialect::Kubernetes, limits).map_err(OperationsError::Yaml)?;
        documents.into_iter().next().map(|document| document.value).unwrap_or_default()
    };
    let is_list = value.as_array().is_some_and(|operations| operations.iter().all(Value::is_object));
    if is_list { Ok(value) } else { Err(OperationsError::NotAList) }
}

fn apply_operations(resource: &mut Resource, operations: &Value, file: &TreePath) -> Result<(), RenderError> {
    // kustomize keeps its notes in annotations, so that a patch can add to them where there were none.
    if resource.has_history() {
        child_map(resource.metadata(), "annotations");
    }
    let id = resource.id().to_string();
    resource.forget_notation();
    resource.value = cowherd_patch::json_patch(&resource.value, operations)
        .map_err(|error| RenderError::new(file, Cause::Patch(format!("{id}: {error}"))))?;
    if !resource.value.is_object() {
        return Err(RenderError::new(file, Cause::Patch(format!("{id}: the patch leaves no object"))));
    }
    scalar::round(&mut resource.value);
    Ok(())
}

/// Applies a strategic merge patch to the object that it names.
fn apply_by_id(
    directory: &Directory<'_>,
    mut patch: Resource,
    how: Merge<'_>,
    resources: &mut ResourceSet,
) -> Result<(), RenderError> {
    how.schemas.place(&mut patch);
    let id = patch.id();
    let found = resources.with_any_id(id);
    let complaint = match found.as_slice() {
        [_] => return apply(&found, patch, how, resources),
        [] => "no matches for Id",
        _ => "multiple matches for Id",
    };
    let message = format!("{complaint} {id}; failed to find unique target for patch {id}");
    let error = if patch.line.is_some() {
        RenderError { line: patch.line, ..RenderError::new(&patch.file, Cause::NoTarget(message)) }
    } else {
        directory.error(Cause::NoTarget(message))
    };
    Err(error)
}

fn apply(selected: &[usize], patch: Resource, how: Merge<'_>, resources: &mut ResourceSet) -> Result<(), RenderError> {
    let mut deleted = false;
    for index in selected {
        let Some(resource) = resources.get_mut(*index) else { continue };
        merge_into(resource, &patch, how)?;
        deleted |= resource.value.is_null();
    }
    if deleted {
        resources.retain(|resource| !resource.value.is_null());
    }
    Ok(())
}

/// Merges `patch` into `resource`, which keeps name, namespace and kind; null where the patch deletes it.
fn merge_into(resource: &mut Resource, patch: &Resource, how: Merge<'_>) -> Result<(), RenderError> {
    let (name, namespace, kind) =
        (resource.name().to_owned(), resource.namespace().to_owned(), resource.kind().to_owned());
    let api_version = resource.api_version().to_owned();
    if how.allow_name_change || how.allow_kind_change {
        resource.remember_id();
    }
    resource.settle_plain();
    resource.drop_blank();
    // An object of an unknown kind merges as the kind of the patch does.
    let of_patch = || how.schemas.of(&api_version, patch.kind());
    let schema = how.schemas.of(&api_version, &kind).or_else(of_patch);
    let id = resource.id().to_string();
    let mut change = patch.value.clone();
    if let Value::Object(change) = &mut change {
        // A patch that is selected for objects of several versions changes the version of none.
        change.insert("apiVersion".into(), api_version.into());
    }
    let merged = merge::merge(resource.value.take(), change, schema).map_err(|error| {
        let cause = Cause::Patch(format!("{id}: {error}"));
        RenderError { line: patch.line, ..RenderError::new(&patch.file, cause) }
    })?;
    let Some(merged) = merged else {
        resource.value = Value::Null;
        return Ok(());
    };
    resource.value = merged;
    if !how.allow_kind_change
        && let Value::Object(object) = &mut resource.value
    {
        object.insert("kind".into(), kind.into());
    }
    if !how.allow_name_change {
        resource.set_name(&name);
    }
    resource.set_namespace(&namespace);
    Ok(())
}
