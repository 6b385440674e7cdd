//! Artifacts that an ArtifactGenerator makes of this repository.

use std::sync::Arc;

use cowherd_api::flux::source_extensions::v1beta1::ArtifactGenerator;
use cowherd_source::Ignore;
use cowherd_tree::{Tree, TreePath};
use serde_json::Value;

use crate::gitops::{Generated, Generator, GeneratorSource, NamespacedName};

/// An artifact that a generator may make.
#[derive(Clone, Debug)]
pub(super) struct Described {
    name: NamespacedName,
    generator: NamespacedName,
    asked: Generator,
}

/// An artifact that is made of this repository alone, and how.
#[derive(Clone, Debug)]
pub(super) struct Artifact {
    described: Described,
    parts: Vec<(String, Part)>,
}

/// What of the repository a source of a generator is.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The patterns of what is left out.
    pub(super) ignore: Option<String>,
    /// The artifact that it is, where it is one.
    pub(super) artifact: Option<Box<Artifact>>,
}

/// An artifact that was made.
#[derive(Clone)]
pub(super) struct Made {
    generated: Generated,
    /// The sources that are artifacts themselves.
    inner: Vec<(String, Made)>,
}

impl Described {
    /// The artifact `name`, if the generator may make it; the error says why the generator makes nothing.
    pub(super) fn read(generator: &Value, name: &NamespacedName) -> Option<Result<Self, String>> {
        let object: ArtifactGenerator = serde_json::from_value(generator.clone()).ok()?;
        let of = NamespacedName::of(&object);
        let named = object.spec.artifacts.iter().any(|artifact| artifact.name == name.name);
        match Generator::read(&object) {
            Ok(asked) if asked.may_make(name) => Some(Ok(Self { name: name.clone(), generator: of, asked })),
            Ok(_) => None,
            Err(why) => (named && of.namespace == name.namespace).then_some(Err(why)),
        }
    }

    /// Whether it is written down, and not found by a pattern of directories.
    pub(super) fn is_certain(&self) -> bool {
        !self.asked.has_pattern()
    }

    /// The sources that it is made of.
    pub(super) fn sources(&self) -> Vec<GeneratorSource> {
        let aliases = self.asked.aliases(&self.name.name);
        self.asked.sources().filter(|source| aliases.contains(&source.alias)).collect()
    }

    /// The artifact, of what its sources are.
    pub(super) fn of(self, parts: Vec<(String, Part)>) -> Artifact {
        Artifact { described: self, parts }
    }
}

impl Artifact {
    /// The files, of those of the repository.
    pub(super) fn make(&self, tree: &Arc<dyn Tree>) -> Result<Made, String> {
        let mut sources = Vec::new();
        let mut inner = Vec::new();
        for (alias, part) in &self.parts {
            let mut files = tree.clone();
            if let Some(ignore) = &part.ignore {
                files = Arc::new(Ignore::new(files, Some(ignore)).map_err(|error| error.to_string())?);
            }
            if let Some(artifact) = &part.artifact {
                let made = artifact.make(&files)?;
                files = made.tree();
                inner.push((alias.clone(), made));
            }
            sources.push((alias.clone(), files));
        }
        let Described { name, generator, asked } = &self.described;
        let generated = asked.make(&name.name, &sources);
        let generated = generated.map_err(|error| format!("ArtifactGenerator {generator}: {error}"))?;
        let generated =
            generated.ok_or_else(|| format!("ArtifactGenerator {generator} makes no artifact {}", name.name))?;
        Ok(Made { generated, inner })
    }
}

impl Made {
    /// The files.
    pub(super) fn tree(&self) -> Arc<dyn Tree> {
        self.generated.tree()
    }

    /// Where in the repository a file or a directory of it is.
    pub(super) fn origin(&self, path: &TreePath) -> TreePath {
        let Some((alias, path)) = self.generated.origin(path) else { return path.clone() };
        match self.inner.iter().find(|(inner, _)| *inner == alias) {
            Some((_, made)) => made.origin(&path),
            None => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use cowherd_tree::MemoryTree;
    use serde_json::json;

    use super::*;

    fn described(copies: Value) -> Option<Result<Described, String>> {
        let generator = json!({ "apiVersion": "source.extensions.fluxcd.io/v1beta1", "kind": "ArtifactGenerator",
            "metadata": { "name": "parts", "namespace": "flux-system" }, "spec": {
                "sources": [{ "alias": "repo", "kind": "GitRepository", "name": "flux-system" }],
                "artifacts": [{ "name": "apps", "copy": copies }] } });
        Described::read(&generator, &NamespacedName::new("flux-system", "apps"))
    }

    fn made(copies: Value) -> Result<Made, String> {
        let files = [("apps/base/x/a.yaml", "a"), ("apps/other.yaml", "b"), ("README.md", "c")];
        let tree: Arc<dyn Tree> = Arc::new(MemoryTree::new(files).unwrap());
        let described = described(copies).unwrap().unwrap();
        let part = |source: GeneratorSource| (source.alias, Part { ignore: None, artifact: None });
        let parts = described.sources().into_iter().map(part).collect();
        described.of(parts).make(&tree)
    }

    #[test]
    fn parts_of_a_source_are_where_they_were_taken_from() {
        let made = made(json!([
            { "from": "@repo/apps/base/**", "to": "@artifact/base/" },
            { "from": "@repo/README.md", "to": "@artifact/" },
        ]))
        .unwrap();
        let path = |text: &str| TreePath::parse(text).unwrap();
        assert_eq!(made.tree().read(&path("base/x/a.yaml")).unwrap(), "a");
        assert_eq!(made.origin(&path("base/x/a.yaml")), path("apps/base/x/a.yaml"));
        assert_eq!(made.origin(&path("base")), path("apps/base"));
        assert_eq!(made.origin(&path("README.md")), path("README.md"));
    }

    #[test]
    fn what_finds_nothing_is_said_with_the_generator() {
        let said = made(json!([{ "from": "@repo/gone/**", "to": "@artifact/" }])).err().unwrap();
        let expected = "ArtifactGenerator flux-system/parts: failed to apply copy operation from '@repo/gone/**'";
        assert!(said.starts_with(expected), "{said}");
        let refused = described(json!([{ "from": "@repo/a", "to": "@artifact/", "strategy": "Move" }])).unwrap();
        assert!(refused.unwrap_err().starts_with("strategy 'Move' is none of"));
    }
}
