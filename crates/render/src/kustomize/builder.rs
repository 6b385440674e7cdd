//! Gathers the objects of a kustomization and of those that it builds on.

use cowherd_tree::{Tree, TreePath};

use crate::error::{Cause, RenderError};
use crate::manifest;
use crate::options::Options;

use super::accumulator::Accumulator;
use super::config;
use super::directory::{Directory, Found};
use super::file::{self, Kustomization};
use super::resource::Resource;
use super::transform;

/// A build under way.
pub(super) struct Builder<'a> {
    tree: &'a dyn Tree,
    options: &'a Options,
    /// The directories that are being built, each built on by the one before it.
    stack: Vec<TreePath>,
    /// How many kustomizations have been built.
    built: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(tree: &'a dyn Tree, options: &'a Options) -> Self {
        Self { tree, options, stack: Vec::new(), built: 0 }
    }

    /// The directory that was asked for; one without a kustomization file gets one that lists every manifest.
    pub(super) fn top(&self, path: &TreePath) -> Result<(Directory<'a>, Kustomization), RenderError> {
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
        for (at, path) in kustomization.components.iter().enumerate() {
            let field = || format!("components[{at}]");
            gathered =
                self.component(directory, path, gathered).map_err(|error| in_own_field(directory, error, field))?;
        }
        transform::transform(directory, kustomization, &mut gathered)?;
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
        self.stack.push(directory.path.clone());
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
            match directory.find(path).map_err(|error| error.in_field(field()))? {
                Found::File(file) => {
                    let manifests = manifest::read(self.tree, &file, &self.options.yaml)?;
                    added.extend(
                        manifests.into_iter().map(|read| Resource::new(read.value, file.clone(), Some(read.line))),
                    );
                }
                Found::Directory(path) => {
                    let base = self.base(directory, &path).map_err(|error| in_own_field(directory, error, field))?;
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

    fn base(&mut self, directory: &Directory<'a>, path: &TreePath) -> Result<Accumulator, RenderError> {
        self.check_cycle(directory, path)?;
        let (base, kustomization) = self.open(path)?;
        if kustomization.component {
            let message = format!("{path} is a Component; list it under components");
            return Err(directory.error(Cause::Invalid(message)));
        }
        self.accumulate(&base, &kustomization, Accumulator::default())
    }

    fn component(
        &mut self,
        directory: &Directory<'a>,
        path: &str,
        gathered: Accumulator,
    ) -> Result<Accumulator, RenderError> {
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
        self.accumulate(&component, &kustomization, gathered)
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

/// Adds the field to an error about the kustomization itself, not to one about what it builds on.
fn in_own_field(directory: &Directory<'_>, error: RenderError, field: impl Fn() -> String) -> RenderError {
    if error.file == directory.file { error.in_field(field()) } else { error }
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
