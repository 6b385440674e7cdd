//! Gathers the objects of a kustomization and of those that it builds on.

use std::sync::Arc;

use cowherd_tree::TreePath;
use serde_json::Value;

use crate::chart::ChartRenderer;
use crate::directory;
use crate::error::{Cause, RenderError};
use crate::manifest;
use crate::options::Options;
use crate::remote::RemoteSource;
use crate::unrendered::{self, Unrendered};

use super::accumulator::Accumulator;
use super::budget::Budget;
use super::files::blank::{self, Blanks};
use super::files::directory::{Directory, Found, Root};
use super::files::file::{self, Kustomization};
use super::files::sources::Elsewhere;
use super::objects::origin::Origin;
use super::objects::resource::Resource;
use super::objects::set::ResourceSet;
use super::patches::schemas::Schemas;
use super::plugins::{self, Transformer};
use super::transform;
use super::transformers::config;

/// The most warnings that are kept.
const MAX_WARNINGS: usize = 100;

/// A build under way.
pub(super) struct Builder<'a> {
    options: &'a Options,
    charts: &'a dyn ChartRenderer,
    elsewhere: &'a Elsewhere<'a>,
    budget: &'a Budget,
    schemas: Schemas,
    /// The directories that are being built, each built on by the one before it.
    stack: Vec<Place>,
    /// How many kustomizations have been built.
    built: usize,
    warnings: Vec<String>,
    unrendered: Vec<Unrendered>,
}

/// A directory of some tree.
struct Place {
    source: Option<Arc<RemoteSource>>,
    path: TreePath,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        options: &'a Options,
        charts: &'a dyn ChartRenderer,
        elsewhere: &'a Elsewhere<'a>,
        budget: &'a Budget,
    ) -> Self {
        let (schemas, stack) = (Schemas::default(), Vec::new());
        let (warnings, unrendered) = (Vec::new(), Vec::new());
        Self { options, charts, elsewhere, budget, schemas, stack, built: 0, warnings, unrendered }
    }

    /// The directory that was asked for; one without a kustomization file gets one that lists every manifest.
    pub(super) fn top(
        &mut self,
        root: Root<'a>,
        path: &TreePath,
    ) -> Result<(Directory<'a>, Kustomization), RenderError> {
        if file::find(&*root.tree, path)?.is_empty() {
            let found = directory::contents(&*root.tree, path)?;
            let below = |found: &TreePath| {
                let skip = path.as_str().len();
                found.as_str().get(skip..).unwrap_or_default().trim_start_matches('/').to_owned()
            };
            let resources = found.resources.iter().map(below).collect();
            let directory = self.directory(root, path.clone(), path.clone());
            // Data of all sorts is JSON.
            self.unrendered = found.unrendered.into_iter().filter(|file| !file.is_json()).collect();
            return Ok((directory, Kustomization { resources, ..Default::default() }));
        }
        let (mut directory, kustomization) = self.open(root, path)?;
        self.schemas.take(&directory, &kustomization.openapi)?;
        // Asked for by whatever option; the other kustomizations have no say.
        directory.origin = (!kustomization.build_metadata.is_empty()).then(Origin::default);
        Ok((directory, kustomization))
    }

    fn directory(&self, root: Root<'a>, path: TreePath, file: TreePath) -> Directory<'a> {
        let (options, charts, elsewhere, budget) = (self.options, self.charts, self.elsewhere, self.budget);
        Directory { root, options, charts, elsewhere, budget, path, file, origin: None }
    }

    /// A directory and its kustomization.
    fn open(&mut self, root: Root<'a>, path: &TreePath) -> Result<(Directory<'a>, Kustomization), RenderError> {
        let files = file::find(&*root.tree, path)?;
        let file = match files.as_slice() {
            [file] => file.clone(),
            [] if directory::is_chart(&*root.tree, path) => {
                return Err(RenderError::new(path, Cause::ChartDirectory(path.clone())));
            }
            [] => return Err(RenderError::new(path, Cause::NoKustomization)),
            several => {
                let names = several.iter().map(|file| file.file_name().to_owned()).collect();
                return Err(RenderError::new(path, Cause::SeveralKustomizations(names)));
            }
        };
        let kustomization = file::read(&*root.tree, &file, &self.options.yaml, self.budget)?;
        let directory = self.directory(root, path.clone(), file);
        for (old, new) in &kustomization.deprecated {
            self.warn(&directory, &format!("'{old}' is deprecated; use '{new}' instead"));
        }
        Ok((directory, kustomization))
    }

    /// Keeps a warning about the kustomization of `directory`.
    pub(super) fn warn(&mut self, directory: &Directory<'_>, message: &str) {
        let warning = match &directory.root.source {
            Some(source) => format!("{source}: {}: {message}", directory.file),
            None => format!("{}: {message}", directory.file),
        };
        if self.warnings.len() < MAX_WARNINGS && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// What a person should know: warnings, and the files that were left out.
    pub(super) fn into_told(self) -> (Vec<String>, Vec<Unrendered>) {
        (self.warnings, self.unrendered)
    }

    /// Gathers what `kustomization` names, generates and changes, on top of `gathered`, which holds nothing except for
    /// components.
    pub(super) fn accumulate(
        &mut self,
        directory: &Directory<'a>,
        kustomization: &Kustomization,
        mut gathered: Accumulator,
    ) -> Result<Accumulator, RenderError> {
        self.enter(directory)?;
        self.resources(directory, "resources", &kustomization.resources, &mut gathered)?;
        configure(directory, kustomization, &mut gathered)?;
        transform::generate(directory, kustomization, &mut gathered.resources)?;
        gathered.resources.iter_mut().for_each(|resource| self.schemas.place(resource));
        for configuration in self.plugins(directory, "generators", &kustomization.generators)? {
            plugins::generate(directory, &configuration, &mut gathered.resources)?;
        }
        for (at, path) in kustomization.components.iter().enumerate() {
            let field = || format!("components[{at}]");
            self.component(directory, path, field, &mut gathered)
                .map_err(|error| in_own_field(directory, error, field))?;
        }
        transform::transform(directory, kustomization, &self.schemas, &mut gathered)?;
        for transformer in self.transformers(directory, "transformers", &kustomization.transformers)? {
            transformer.transform(directory, &self.schemas, &mut gathered.resources)?;
        }
        self.validate(directory, kustomization, &mut gathered.resources)?;
        let Accumulator { resources, vars, .. } = &mut gathered;
        let invalid = |message| directory.error(Cause::Invalid(message)).in_field("vars");
        vars.declare(&kustomization.vars, resources).map_err(invalid)?;
        self.stack.pop();
        Ok(gathered)
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
        self.stack.push(Place { source: directory.root.source.clone(), path: directory.path.clone() });
        Ok(())
    }

    /// Adds what `paths` name: files of objects, and directories to build on.
    fn resources(
        &mut self,
        directory: &Directory<'a>,
        field: &str,
        paths: &[String],
        gathered: &mut Accumulator,
    ) -> Result<(), RenderError> {
        let mut added = Vec::new();
        for (at, path) in paths.iter().enumerate() {
            let field = || format!("{field}[{at}]");
            let origin = directory.origin.as_ref().map(|origin| origin.append(path));
            let found = match directory.find(path) {
                Ok(found) => found,
                Err(error) => {
                    self.elsewhere.skip(in_root(&directory.root, error.in_field(field())))?;
                    continue;
                }
            };
            match found {
                Found::File(root, file) => {
                    let objects = self.file(&root, &file, origin.as_ref());
                    added.extend(objects.map_err(|error| unlisted(directory, error))?);
                }
                Found::Directory(root, path) => {
                    let base = self
                        .base(directory, root, &path, origin)
                        .map_err(|error| in_own_field(directory, error, field))?;
                    added.extend(base.resources.into_vec());
                    let merged = gathered.config.merge(base.config).and_then(|()| gathered.vars.merge(base.vars));
                    merged.map_err(|message| directory.error(Cause::Invalid(message)).in_field(field()))?;
                }
            }
            if added.len() + gathered.resources.len() > self.options.objects {
                return Err(directory.error(Cause::TooMuch { what: "objects", limit: self.options.objects }));
            }
        }
        gathered.resources.append(added)
    }

    fn file(&self, root: &Root<'_>, file: &TreePath, origin: Option<&Origin>) -> Result<Vec<Resource>, RenderError> {
        let read = manifest::read(&*root.tree, file, &self.options.yaml, self.budget);
        let manifests = read.map_err(|error| in_root(root, error))?;
        let text = manifests.iter().any(|read| has_null(&read.value)).then(|| root.tree.read(file).ok()).flatten();
        let text = text.filter(|text| blank::may_be_in(text));
        let mut blanks = text.as_ref().map(|text| Blanks::new(text, &self.options.yaml));
        let resource = |read: manifest::Manifest| {
            let blank = blanks.as_mut().map(|blanks| blanks.of(&read.value, read.line)).unwrap_or_default();
            let mut resource = Resource::new(read.value, file.clone(), Some(read.line));
            resource.blank = blank;
            resource.origin = origin.cloned();
            self.schemas.note(&mut resource);
            resource
        };
        Ok(manifests.into_iter().map(resource).collect())
    }

    fn base(
        &mut self,
        directory: &Directory<'a>,
        root: Root<'a>,
        path: &TreePath,
        origin: Option<Origin>,
    ) -> Result<Accumulator, RenderError> {
        self.check_cycle(directory, &root, path)?;
        let is_component = |path: &TreePath| {
            let message = format!("{path} is a Component; list it under components");
            directory.error(Cause::Invalid(message))
        };
        let build = |builder: &mut Self| {
            let (mut base, kustomization) = builder.open(root.clone(), path)?;
            base.origin = origin;
            builder.schemas.take(&base, &kustomization.openapi)?;
            if kustomization.component {
                return Err(is_component(path));
            }
            builder.accumulate(&base, &kustomization, Accumulator::default())
        };
        build(self).map_err(|error| in_root(&root, error))
    }

    fn component(
        &mut self,
        directory: &Directory<'a>,
        path: &str,
        field: impl Fn() -> String,
        gathered: &mut Accumulator,
    ) -> Result<(), RenderError> {
        let origin = directory.origin.as_ref().map(|origin| origin.append(path));
        let (root, path) = match directory.find(path) {
            Ok(Found::Directory(root, path)) => (root, path),
            Ok(Found::File(_, path)) => {
                let message = format!("{path} is a file; a component is a directory");
                return Err(directory.error(Cause::Invalid(message)));
            }
            Err(error) => return self.elsewhere.skip(in_root(&directory.root, error.in_field(field()))),
        };
        self.check_cycle(directory, &root, &path)?;
        let build = |builder: &mut Self| {
            let (mut component, kustomization) = builder.open(root.clone(), &path)?;
            component.origin = origin;
            builder.schemas.take(&component, &kustomization.openapi)?;
            if !kustomization.component {
                let message = format!("expected kind 'Component' for path {path}");
                return Err(directory.error(Cause::Invalid(message)));
            }
            builder.accumulate(&component, &kustomization, std::mem::take(gathered))
        };
        *gathered = build(self).map_err(|error| in_root(&root, error))?;
        Ok(())
    }

    /// The configurations of plugins that `entries` hold or name.
    fn plugins(
        &mut self,
        directory: &Directory<'a>,
        field: &str,
        entries: &[String],
    ) -> Result<Vec<Resource>, RenderError> {
        let mut configurations = Accumulator::default();
        let mut paths = Vec::new();
        for entry in entries {
            let Ok(inline) = manifest::parse(entry.as_bytes(), &self.options.yaml) else {
                paths.push(entry.clone());
                continue;
            };
            let origin = directory.origin.as_ref().map(|origin| origin.append(directory.file.file_name()));
            let inline = inline.into_iter().map(|read| {
                let mut resource = Resource::new(read.value, directory.file.clone(), None);
                resource.origin.clone_from(&origin);
                resource
            });
            configurations.resources.append(inline.collect())?;
        }
        self.resources(directory, field, &paths, &mut configurations)?;
        Ok(configurations.resources.into_vec())
    }

    fn transformers(
        &mut self,
        directory: &Directory<'a>,
        field: &str,
        entries: &[String],
    ) -> Result<Vec<Transformer>, RenderError> {
        let configurations = self.plugins(directory, field, entries)?;
        let new = |configuration| Transformer::new(directory, configuration);
        let transformers: Result<_, RenderError> = configurations.into_iter().map(new).collect();
        transformers
            .map_err(|error| if error.line.is_some() { error } else { in_own_field(directory, error, || field.into()) })
    }

    /// Runs the validators, which may look at everything and change nothing but a label of their own.
    fn validate(
        &mut self,
        directory: &Directory<'a>,
        kustomization: &Kustomization,
        resources: &mut ResourceSet,
    ) -> Result<(), RenderError> {
        for validator in self.transformers(directory, "validators", &kustomization.validators)? {
            let before = resources.clone();
            validator.apply(directory, &self.schemas, resources)?;
            if !resources.is_same_but_for_label(&before, "validated-by") {
                let cause = Cause::Invalid("validator shouldn't modify the resource map".into());
                return Err(directory.error(cause).in_field("validators"));
            }
        }
        Ok(())
    }

    /// Refuses to build on a directory that holds one that is being built.
    fn check_cycle(&self, directory: &Directory<'_>, root: &Root<'_>, path: &TreePath) -> Result<(), RenderError> {
        let holds = |place: &Place| place.source == root.source && place.path.starts_with(path);
        if !self.stack.iter().any(holds) {
            return Ok(());
        }
        let named = |source: &Option<Arc<RemoteSource>>, path: &TreePath| match source {
            Some(source) => format!("{source}//{path}"),
            None => path.to_string(),
        };
        let chain = self.stack.iter().rev().map(|place| named(&place.source, &place.path)).collect();
        Err(directory.error(Cause::Cycle { directory: named(&root.source, path), chain }))
    }
}

/// Whether a mapping in `value`, none in a list, has a null.
fn has_null(value: &Value) -> bool {
    let is_or_has = |value: &Value| value.is_null() || has_null(value);
    value.as_object().is_some_and(|map| map.values().any(is_or_has))
}

/// Adds the field to an error about the kustomization itself, not to one about what it builds on.
fn in_own_field(directory: &Directory<'_>, error: RenderError, field: impl Fn() -> String) -> RenderError {
    if error.file == directory.file && error.remote.is_none() { error.in_field(field()) } else { error }
}

/// Adds where the root is to an error in it.
fn in_root(root: &Root<'_>, error: RenderError) -> RenderError {
    match &root.source {
        Some(source) => error.in_remote(source),
        None => error,
    }
}

/// The error of a file, with what to do where nobody listed it, since all files of the directory are taken for manifests, and
/// it is of another sort.
fn unlisted(directory: &Directory<'_>, mut error: RenderError) -> RenderError {
    if let Cause::NotAnObject(detail) = &mut *error.cause
        && directory.file == directory.path
        && detail == manifest::NO_KIND
    {
        *detail = format!("{detail}; {}", unrendered::remedy(error.file.file_name()));
    }
    error
}

/// Adds what the kustomization says about where transformers find fields.
fn configure(
    directory: &Directory<'_>,
    kustomization: &Kustomization,
    gathered: &mut Accumulator,
) -> Result<(), RenderError> {
    let invalid = |message| directory.error(Cause::Invalid(message));
    let own = config::from_files(directory, &kustomization.configurations)?;
    gathered.config.merge(own).map_err(|message| invalid(message).in_field("configurations"))?;
    let crds = config::from_crds(directory, &kustomization.crds)?;
    gathered.config.merge(crds).map_err(|message| invalid(message).in_field("crds"))
}
