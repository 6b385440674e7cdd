//! Builds kustomizations as kustomize builds them.

mod annotations;
mod directory;
mod field_path;
pub(crate) mod file;
mod generate;
mod hash;
mod images;
mod labels;
mod merge;
mod names;
mod namespace;
mod operations;
mod order;
mod patch;
mod references;
mod replicas;
mod resource;
mod scope;
mod select;
mod set;

use cowherd_tree::{Tree, TreePath};
use serde_json::Value;

use crate::error::{Cause, RenderError};
use crate::manifest;
use crate::options::Options;
use crate::overlay::{Image, Overlay};

use directory::{Directory, Found};
use file::{Kustomization, Patch};
use resource::Resource;
use set::ResourceSet;

/// The objects of the directory `path`, built, with `overlay` on top.
pub(crate) fn build(
    tree: &dyn Tree,
    path: &TreePath,
    overlay: &Overlay,
    options: &Options,
) -> Result<Vec<Value>, RenderError> {
    let path = tree.resolve(path).map_err(|error| RenderError::new(path, Cause::Read(error)))?;
    let mut builder = Builder { tree, options, stack: Vec::new(), built: 0 };
    let (directory, mut kustomization) = builder.top(&path)?;
    lay_over(&directory, &mut kustomization, overlay)?;
    let mut resources = builder.accumulate(&directory, &kustomization, ResourceSet::default())?;
    append_hashes(&mut resources);
    references::update(&mut resources)?;
    resources.retain(|resource| !is_local(resource));
    let mut resources = resources.into_vec();
    order::sort(&mut resources, kustomization.sort_options.as_ref()).map_err(|cause| directory.error(cause))?;
    Ok(resources.into_iter().map(finish).collect())
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

fn append_hashes(resources: &mut ResourceSet) {
    for resource in resources.iter_mut().filter(|resource| resource.needs_hash) {
        let name = format!("{}-{}", resource.name(), hash::suffix(resource));
        resource.remember_id();
        resource.set_name(&name);
    }
}

/// Whether an object is only there for tools.
fn is_local(resource: &Resource) -> bool {
    let annotation = &resource.value["metadata"]["annotations"]["config.kubernetes.io/local-config"];
    !annotation.is_null() && annotation.as_str() != Some("false")
}

/// The object as it is printed.
fn finish(mut resource: Resource) -> Value {
    let metadata = resource.metadata();
    match metadata.get_mut("annotations") {
        Some(Value::Object(annotations)) if !annotations.is_empty() => {
            for value in annotations.values_mut() {
                if let Value::Bool(_) | Value::Number(_) = value {
                    *value = Value::String(value.to_string());
                }
            }
        }
        Some(_) => {
            metadata.remove("annotations");
        }
        None => {}
    }
    resource.value
}

/// A build under way.
struct Builder<'a> {
    tree: &'a dyn Tree,
    options: &'a Options,
    /// The directories that are being built, each built on by the one before it.
    stack: Vec<TreePath>,
    /// How many kustomizations have been built.
    built: usize,
}

impl<'a> Builder<'a> {
    /// The directory that was asked for; one without a kustomization file gets one that lists every manifest.
    fn top(&self, path: &TreePath) -> Result<(Directory<'a>, Kustomization), RenderError> {
        if !file::find(self.tree, path)?.is_empty() {
            return self.open(path);
        }
        let found = crate::directory::resources(self.tree, path)?;
        let below = |found: &TreePath| {
            let skip = path.as_str().len();
            found.as_str().get(skip..).unwrap_or_default().trim_start_matches('/').to_owned()
        };
        let kustomization = Kustomization { resources: found.iter().map(below).collect(), ..Default::default() };
        let directory = Directory { tree: self.tree, options: self.options, path: path.clone(), file: path.clone() };
        Ok((directory, kustomization))
    }

    /// A directory and its kustomization.
    fn open(&self, path: &TreePath) -> Result<(Directory<'a>, Kustomization), RenderError> {
        let files = file::find(self.tree, path)?;
        let file = match files.as_slice() {
            [file] => file.clone(),
            [] => return Err(RenderError::new(path, Cause::NoKustomization)),
            several => {
                let names = several.iter().map(|file| file.file_name().to_owned()).collect();
                return Err(RenderError::new(path, Cause::SeveralKustomizations(names)));
            }
        };
        let kustomization = file::read(self.tree, &file, &self.options.yaml)?;
        let directory = Directory { tree: self.tree, options: self.options, path: path.clone(), file };
        Ok((directory, kustomization))
    }

    /// Gathers what `kustomization` names, generates and changes, on top of `resources`, which are empty except for
    /// components.
    fn accumulate(
        &mut self,
        directory: &Directory<'a>,
        kustomization: &Kustomization,
        mut resources: ResourceSet,
    ) -> Result<ResourceSet, RenderError> {
        self.enter(directory)?;
        self.resources(directory, kustomization, &mut resources)?;
        generators(directory, kustomization, &mut resources)?;
        for (at, path) in kustomization.components.iter().enumerate() {
            let field = || format!("components[{at}]");
            resources = self
                .component(directory, path, resources)
                .map_err(|error| if error.file == directory.file { error.in_field(field()) } else { error })?;
        }
        transform(directory, kustomization, &mut resources)?;
        self.stack.pop();
        Ok(resources)
    }

    fn enter(&mut self, directory: &Directory<'_>) -> Result<(), RenderError> {
        self.built += 1;
        let too_much = |what, limit| Err(directory.error(Cause::TooMuch { what, limit }));
        if self.built > self.options.kustomizations {
            return too_much("kustomizations in one build", self.options.kustomizations);
        }
        if self.stack.len() >= self.options.depth {
            return too_much("kustomizations that build on each other", self.options.depth);
        }
        self.stack.push(directory.path.clone());
        Ok(())
    }

    fn resources(
        &mut self,
        directory: &Directory<'a>,
        kustomization: &Kustomization,
        resources: &mut ResourceSet,
    ) -> Result<(), RenderError> {
        let mut added = Vec::new();
        for (at, path) in kustomization.resources.iter().enumerate() {
            let field = || format!("resources[{at}]");
            match directory.find(path).map_err(|error| error.in_field(field()))? {
                Found::File(file) => {
                    let manifests = manifest::read(self.tree, &file, &self.options.yaml)?;
                    added.extend(
                        manifests.into_iter().map(|read| Resource::new(read.value, file.clone(), Some(read.line))),
                    );
                }
                Found::Directory(path) => {
                    self.check_cycle(directory, &path).map_err(|error| error.in_field(field()))?;
                    let (base, kustomization) = self.open(&path)?;
                    if kustomization.component {
                        let message = format!("{path} is a Component; list it under components");
                        return Err(directory.error(Cause::Invalid(message)).in_field(field()));
                    }
                    added.extend(self.accumulate(&base, &kustomization, ResourceSet::default())?.into_vec());
                }
            }
            if added.len() + resources.len() > self.options.objects {
                return Err(directory.error(Cause::TooMuch { what: "objects", limit: self.options.objects }));
            }
        }
        resources.append(added)
    }

    fn component(
        &mut self,
        directory: &Directory<'a>,
        path: &str,
        resources: ResourceSet,
    ) -> Result<ResourceSet, RenderError> {
        let Found::Directory(path) = directory.find(path)? else {
            let message = format!("{path} is a file; a component is a directory");
            return Err(directory.error(Cause::Invalid(message)));
        };
        self.check_cycle(directory, &path)?;
        let (component, kustomization) = self.open(&path)?;
        if !kustomization.component {
            let message = format!("expected kind 'Component' for path {path}");
            return Err(directory.error(Cause::Invalid(message)));
        }
        self.accumulate(&component, &kustomization, resources)
    }

    /// Refuses to build on a directory that holds one that is being built.
    fn check_cycle(&self, directory: &Directory<'_>, path: &TreePath) -> Result<(), RenderError> {
        if !self.stack.iter().any(|visited| visited.starts_with(path)) {
            return Ok(());
        }
        let chain = self.stack.iter().rev().map(TreePath::to_string).collect();
        Err(directory.error(Cause::Cycle { directory: path.to_string(), chain }))
    }
}

fn generators(
    directory: &Directory<'_>,
    kustomization: &Kustomization,
    resources: &mut ResourceSet,
) -> Result<(), RenderError> {
    let global = kustomization.generator_options.as_ref();
    let config_maps = kustomization.config_map_generator.iter().enumerate();
    let secrets = kustomization.secret_generator.iter().enumerate();
    let all = config_maps
        .map(|(at, generator)| (generate::Kind::ConfigMap, format!("configMapGenerator[{at}]"), generator))
        .chain(secrets.map(|(at, generator)| (generate::Kind::Secret, format!("secretGenerator[{at}]"), generator)));
    for (kind, field, generator) in all {
        generate::generate(directory, generator, kind, global, resources).map_err(|error| error.in_field(field))?;
    }
    Ok(())
}

/// Changes `resources` as the fields of `kustomization` say, in kustomize's order.
fn transform(
    directory: &Directory<'_>,
    kustomization: &Kustomization,
    resources: &mut ResourceSet,
) -> Result<(), RenderError> {
    let invalid = |field: &str| {
        let field = field.to_owned();
        move |message: String| directory.error(Cause::Invalid(message)).in_field(field)
    };
    let mut merged = 0;
    for (at, patch) in kustomization.patches_strategic_merge.iter().enumerate() {
        merged += patch::strategic_merge(directory, patch, resources)
            .map_err(|error| error.in_field(format!("patchesStrategicMerge[{at}]")))?;
    }
    if merged == 0 && !kustomization.patches_strategic_merge.is_empty() {
        return Err(invalid("patchesStrategicMerge")("the patches appear to be empty".into()));
    }
    for (at, patch) in kustomization.patches.iter().enumerate() {
        patch::patch(directory, patch, resources).map_err(|error| error.in_field(format!("patches[{at}]")))?;
    }
    if !kustomization.namespace.is_empty() {
        namespace::set(resources, &kustomization.namespace).map_err(invalid("namespace"))?;
        resources.check_unique()?;
    }
    names::prefix(resources, &kustomization.name_prefix);
    names::suffix(resources, &kustomization.name_suffix);
    for (at, label) in kustomization.labels.iter().enumerate() {
        labels::set(resources, label).map_err(invalid(&format!("labels[{at}]")))?;
    }
    labels::set_common(resources, &kustomization.common_labels).map_err(invalid("commonLabels"))?;
    annotations::set(resources, &kustomization.common_annotations).map_err(invalid("commonAnnotations"))?;
    for (at, patch) in kustomization.patches_json6902.iter().enumerate() {
        patch::json6902(directory, patch, resources)
            .map_err(|error| error.in_field(format!("patchesJson6902[{at}]")))?;
    }
    for (at, replica) in kustomization.replicas.iter().enumerate() {
        replicas::set(resources, replica).map_err(invalid(&format!("replicas[{at}]")))?;
    }
    for image in &kustomization.images {
        images::set(resources, image);
    }
    Ok(())
}
