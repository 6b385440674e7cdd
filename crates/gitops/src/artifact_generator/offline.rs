//! What a generator makes, for who has no cluster.

use std::sync::Arc;

use cowherd_api::flux::source_extensions::v1beta1::ArtifactGenerator;
use cowherd_assemble::{Assembled, Effort, Extents, Limits, Source, assemble};
use cowherd_source::Ignore;
use cowherd_tree::{Tree, TreePath};

use super::making;
use super::spec::Wanted;
use crate::NamespacedName;

/// What an ArtifactGenerator asks for.
#[derive(Clone, Debug)]
pub struct Generator(Wanted);

/// A source that a generator names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratorSource {
    /// How its rules call it.
    pub alias: String,
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace and name.
    pub name: NamespacedName,
}

/// An artifact that was made.
#[derive(Clone)]
pub struct Generated {
    assembled: Arc<Assembled>,
    tree: Arc<dyn Tree>,
}

impl Generator {
    /// Reads a generator.
    ///
    /// # Errors
    /// When the agents would refuse it; why.
    pub fn read(object: &ArtifactGenerator) -> Result<Self, String> {
        Wanted::read(object, false).map(Self).map_err(|error| error.to_string())
    }

    /// Its sources.
    pub fn sources(&self) -> impl Iterator<Item = GeneratorSource> {
        self.0.sources.iter().map(|named| GeneratorSource {
            alias: named.alias.clone(),
            kind: named.source.kind.0,
            name: named.source.name.clone(),
        })
    }

    /// Whether it may make an artifact of this name; with a pattern of directories that is known once it was made.
    pub fn may_make(&self, name: &NamespacedName) -> bool {
        *name.namespace == self.0.name.namespace
            && (self.0.path_pattern.is_some() || self.0.outputs.iter().any(|output| output.template.name == name.name))
    }

    /// Whether a pattern of directories decides which artifacts there are.
    pub fn has_pattern(&self) -> bool {
        self.0.path_pattern.is_some()
    }

    /// The aliases that the rules of an artifact name, and that its pattern of directories looks into.
    pub fn aliases(&self, name: &str) -> Vec<String> {
        let is_it = |output: &&super::spec::Output| self.0.path_pattern.is_some() || output.template.name == name;
        let outputs = self.0.outputs.iter().filter(is_it);
        let rules = outputs.flat_map(|output| &output.template.rules).filter_map(|rule| rule.alias());
        let of_pattern = self.0.path_pattern.iter().filter_map(|pattern| pattern.strip_prefix('@')?.split_once('/'));
        let mut aliases: Vec<String> = rules.chain(of_pattern.map(|(alias, _)| alias)).map(str::to_owned).collect();
        aliases.sort();
        aliases.dedup();
        aliases
    }

    /// The artifact of this name, of sources by their aliases; nothing where it makes none. Blocks the thread.
    ///
    /// # Errors
    /// When it cannot be made; why.
    pub fn make(&self, name: &str, sources: &[(String, Arc<dyn Tree>)]) -> Result<Option<Generated>, String> {
        let effort = Effort::new(Limits::default(), &|| false);
        let source = |(alias, tree): &(String, Arc<dyn Tree>)| Source { alias: alias.clone(), tree: tree.clone() };
        let sources: Vec<Source> = sources.iter().map(source).collect();
        let tasks = making::tasks(&self.0, &sources, &effort).map_err(|error| error.to_string())?;
        let Some(task) = tasks.into_iter().find(|task| task.name == name) else { return Ok(None) };
        let assembled = assemble(&task.rules, &sources, &effort).map_err(|error| error.to_string())?;
        Extents::default().check(&assembled, &effort).map_err(|error| error.to_string())?;
        let assembled = Arc::new(assembled);
        let tree = Arc::new(Ignore::defaults(assembled.clone()));
        Ok(Some(Generated { assembled, tree }))
    }
}

impl Generated {
    /// Its files.
    pub fn tree(&self) -> Arc<dyn Tree> {
        self.tree.clone()
    }

    /// From which source, by its alias, and from which path there a file or a directory of it comes.
    pub fn origin(&self, path: &TreePath) -> Option<(String, TreePath)> {
        self.assembled.origin(path).map(|origin| (origin.alias.to_owned(), origin.path))
    }
}
