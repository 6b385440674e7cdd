//! Builds kustomizations as kustomize builds them.

mod accumulator;
pub(crate) mod budget;
mod builder;
mod fields;
pub(crate) mod files;
mod generators;
mod objects;
mod patches;
pub(crate) mod pattern;
mod plugins;
mod transform;
mod transformers;

use std::borrow::Cow;

use cowherd_tree::{Tree, TreePath};
use serde_json::Value;

use crate::error::{Cause, RenderError};
use crate::kustomize::fields::scalar;
use crate::options::Options;
use crate::overlay::{Image, Overlay};
use crate::surroundings::{Rendered, Surroundings};

use accumulator::Accumulator;
use budget::Budget;
use builder::Builder;
use files::directory::{Directory, Root, TreeRef};
use files::file::{Kustomization, Patch};
use files::sources::Elsewhere;
use generators::hash;
use objects::order;
use objects::origin::BuildMetadata;
use objects::resource::Resource;
use transformers::references;

/// The objects of the directory `path`, built, with `overlay` on top.
pub(crate) fn build(
    tree: &dyn Tree,
    path: &TreePath,
    overlay: &Overlay,
    options: &Options,
    surroundings: &Surroundings<'_>,
) -> Result<Rendered, RenderError> {
    let path = tree.resolve(path).map_err(|error| RenderError::new(path, Cause::Read(error)))?;
    let elsewhere = Elsewhere::new(surroundings.remotes);
    let budget = Budget::new(options.bytes);
    let mut builder = Builder::new(options, surroundings.charts, &elsewhere, &budget);
    let root = Root { tree: TreeRef::Lent(tree), source: None };
    let built = builder
        .top(root, &path)
        .and_then(|(directory, kustomization)| finish(&mut builder, &directory, kustomization, overlay));
    let objects = elsewhere.finish(built)?;
    let (warnings, unrendered) = builder.into_told();
    Ok(Rendered { objects, remotes: elsewhere.into_used(), warnings, unrendered })
}

/// Gathers all objects and does what is done once: hashes, references, variables, order.
fn finish<'a>(
    builder: &mut Builder<'a>,
    directory: &Directory<'a>,
    mut kustomization: Kustomization,
    overlay: &Overlay,
) -> Result<Vec<Value>, RenderError> {
    lay_over(directory, &mut kustomization, overlay)?;
    let gathered = builder.accumulate(directory, &kustomization, Accumulator::default())?;
    let Accumulator { mut resources, config, vars } = gathered;
    hash::append(&mut resources);
    references::update(&mut resources, &config)?;
    let unused = vars.resolve(&mut resources, &config);
    for name in unused.map_err(|error| directory.error(Cause::Invalid(error)).in_field("vars"))? {
        builder.warn(directory, &format!("the variable {name} is never used"));
    }
    resources.retain(|resource| !is_local(resource));
    let mut resources = resources.into_vec();
    order::sort(&mut resources, kustomization.sort_options.as_ref()).map_err(|cause| directory.error(cause))?;
    let metadata = BuildMetadata::new(&kustomization.build_metadata);
    Ok(resources.into_iter().map(|resource| printed(resource, metadata)).collect())
}

/// Puts what a Flux Kustomization says on top of the directory's own kustomization.
fn lay_over(
    directory: &Directory<'_>,
    kustomization: &mut Kustomization,
    overlay: &Overlay,
) -> Result<(), RenderError> {
    let replace = |into: &mut String, by: &Option<String>| {
        if let Some(by) = by {
            into.clone_from(by);
        }
    };
    replace(&mut kustomization.namespace, &overlay.target_namespace);
    replace(&mut kustomization.name_prefix, &overlay.name_prefix);
    replace(&mut kustomization.name_suffix, &overlay.name_suffix);
    kustomization.patches.extend(overlay.patches.iter().map(|patch| Patch {
        patch: patch.patch.clone(),
        target: patch.target.clone(),
        ..Patch::default()
    }));
    for image in &overlay.images {
        match kustomization.images.iter_mut().find(|existing| existing.name == image.name) {
            Some(existing) => refine(existing, image),
            None => kustomization.images.push(image.clone()),
        }
    }
    for component in &overlay.components {
        match directory.find(component) {
            Err(error) if overlay.ignore_missing_components && is_missing(&error) => {}
            _ => kustomization.components.push(component.clone()),
        }
    }
    Ok(())
}

fn is_missing(error: &RenderError) -> bool {
    matches!(*error.cause, Cause::Read(cowherd_tree::TreeError::NotFound(_)))
}

fn refine(existing: &mut Image, by: &Image) {
    if !by.new_name.is_empty() {
        existing.new_name.clone_from(&by.new_name);
    }
    if !by.new_tag.is_empty() || !by.digest.is_empty() {
        existing.new_tag.clone_from(&by.new_tag);
        existing.digest.clone_from(&by.digest);
    }
}

/// Whether an object is only there for tools.
fn is_local(resource: &Resource) -> bool {
    let annotation = &resource.value["metadata"]["annotations"]["config.kubernetes.io/local-config"];
    !annotation.is_null() && annotation.as_str() != Some("false")
}

/// The object as it is printed.
fn printed(mut resource: Resource, build: BuildMetadata) -> Value {
    build.write(&mut resource);
    // Annotations are texts, as they were written.
    for (pointer, text) in std::mem::take(&mut resource.plain) {
        if let Some(value) =
            resource.value.pointer_mut(&pointer).filter(|_| pointer.starts_with("/metadata/annotations/"))
            && *value == scalar::plain(&text)
        {
            *value = text.into();
        }
    }
    let metadata = resource.metadata();
    match metadata.get_mut("annotations") {
        Some(Value::Object(annotations)) if !annotations.is_empty() => {
            for value in annotations.values_mut() {
                match value {
                    Value::Bool(_) | Value::Number(_) => *value = Value::String(value.to_string()),
                    Value::Array(_) | Value::Object(_) => *value = Value::String(String::new()),
                    Value::Null | Value::String(_) => {}
                }
            }
        }
        Some(_) => {
            metadata.remove("annotations");
        }
        None => {}
    }
    fold_next_lines(&mut resource.value);
    resource.value
}

/// Folds texts as they are where kubectl prints them, so that a cluster gets what is printed.
fn fold_next_lines(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(folded) = cowherd_yaml::fold_next_lines(text) {
                *text = folded;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(fold_next_lines),
        Value::Object(map) => map.values_mut().for_each(fold_next_lines),
        _ => {}
    }
}
