//! What a generator asks for, read and checked.

use std::collections::{BTreeMap, BTreeSet};

use cowherd_api::flux::source_extensions::v1beta1::{ArtifactGenerator, CopyOperation, OutputArtifact};
use cowherd_api::supported;
use cowherd_apply::is_path_segment;
use cowherd_assemble::{Rule, Strategy, Template, object_name_problem};

use super::error::Error;
use crate::NamespacedName;
use crate::source::{SourceKind, SourceName, bucket, external_artifact, git, helm_chart, oci};

/// The kinds that artifacts are made of.
const SOURCES: &[SourceKind] = &[git::KIND, oci::KIND, bucket::KIND, helm_chart::KIND, external_artifact::KIND];
/// How many sources and artifacts there may be, and how many rules for an artifact.
const MOST: usize = 1000;

/// What a generator asks for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) name: NamespacedName,
    pub(super) sources: Vec<Named>,
    pub(super) path_pattern: Option<String>,
    pub(super) outputs: Vec<Output>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

/// A source, and how rules call it.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) alias: String,
    pub(super) source: SourceName,
}

/// An artifact, or of which artifacts are made for directories.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pub(super) template: Template,
    /// The alias of the source whose revision it has.
    pub(super) revision: Option<String>,
    /// The alias of the source whose revision it says that it came from.
    pub(super) origin_revision: Option<String>,
}

impl Wanted {
    /// What the generator asks for, where it may name other namespaces or not.
    pub(super) fn read(object: &ArtifactGenerator, no_cross_namespace_refs: bool) -> Result<Self, Error> {
        let name = NamespacedName::of(object);
        let spec = serde_json::to_value(&object.spec).unwrap_or_default();
        if let Some(refused) = supported::refused(supported::ARTIFACT_GENERATOR, &spec).next() {
            return Err(Error::Unsupported(refused));
        }
        let spec = &object.spec;
        let rules = spec.artifacts.iter().map(|artifact| artifact.copy.len()).max().unwrap_or_default();
        if spec.sources.len() > MOST || spec.artifacts.len() > MOST || rules > MOST {
            let most = format!("it has more than {MOST} sources, artifacts, or copy operations of an artifact");
            return Err(Error::Invalid(format!("{most}; use several generators")));
        }
        let mut aliases = BTreeSet::new();
        let mut sources = Vec::new();
        for reference in &spec.sources {
            let alias = &reference.alias;
            if !aliases.insert(alias.as_str()) {
                return Err(Error::Invalid(format!("duplicate source alias '{alias}' found")));
            }
            let namespace = reference.namespace.as_ref().filter(|namespace| !namespace.is_empty());
            let namespace = namespace.unwrap_or(&name.namespace);
            if let Some(wrong) = [namespace, &reference.name].into_iter().find(|part| !is_path_segment(part)) {
                let what = format!("source alias '{alias}' names {wrong:?}, which no object is called");
                return Err(Error::Invalid(format!("{what}; see Kubernetes' rules for names")));
            }
            if no_cross_namespace_refs && *namespace != name.namespace {
                return Err(Error::CrossNamespace(format!("{}/{namespace}/{}", reference.kind, reference.name)));
            }
            let kind = SourceKind::read(SOURCES, &reference.kind)
                .ok_or_else(|| Error::Invalid(format!("source kind '{}' is not known", reference.kind)))?;
            sources.push(Named { alias: alias.clone(), source: SourceName::new(kind, namespace, &reference.name) });
        }
        let path_pattern = spec.path_pattern.clone().filter(|pattern| !pattern.is_empty());
        let mut names = BTreeSet::new();
        let mut outputs = Vec::new();
        for artifact in &spec.artifacts {
            if !names.insert(artifact.name.as_str()) {
                return Err(Error::Invalid(format!("duplicate artifact name '{}' found", artifact.name)));
            }
            let problem = object_name_problem(&artifact.name).filter(|_| path_pattern.is_none());
            if let Some(problem) = problem {
                let shown = &artifact.name;
                let what = format!("artifact name \"{shown}\" is not a valid Kubernetes object name: {problem}");
                return Err(Error::Invalid(what));
            }
            outputs.push(Output::read(artifact, &aliases)?);
        }
        let metadata = spec.common_metadata.clone().unwrap_or_default();
        let (labels, annotations) = (metadata.labels.unwrap_or_default(), metadata.annotations.unwrap_or_default());
        Ok(Self { name, sources, path_pattern, outputs, labels, annotations })
    }

    /// The ExternalArtifacts among the sources.
    pub(super) fn uses(&self) -> BTreeSet<NamespacedName> {
        let artifacts = self.sources.iter().filter(|named| named.source.kind == external_artifact::KIND);
        artifacts.map(|named| named.source.name.clone()).collect()
    }

    /// The ExternalArtifacts whose names are written down.
    pub(super) fn makes(&self) -> BTreeSet<NamespacedName> {
        let outputs = self.outputs.iter().filter(|_| self.path_pattern.is_none());
        outputs.map(|output| self.artifact(&output.template.name)).collect()
    }

    /// The name of an artifact with its namespace.
    pub(super) fn artifact(&self, name: &str) -> NamespacedName {
        NamespacedName::new(&self.name.namespace, name)
    }
}

impl Output {
    fn read(artifact: &OutputArtifact, aliases: &BTreeSet<&str>) -> Result<Self, Error> {
        let alias = |text: &Option<String>| {
            let text = text.as_deref().filter(|text| !text.is_empty())?;
            Some(text.trim_start_matches('@').to_owned())
        };
        let name = &artifact.name;
        let (revision, origin_revision) = (alias(&artifact.revision), alias(&artifact.origin_revision));
        for (what, alias) in [("revision", &revision), ("originRevision", &origin_revision)] {
            if let Some(alias) = alias.as_ref().filter(|alias| !aliases.contains(alias.as_str())) {
                return Err(Error::Invalid(format!("artifact {name} {what} source alias '{alias}' not found")));
            }
        }
        let rules = artifact.copy.iter().map(rule).collect::<Result<_, _>>()?;
        Ok(Self { template: Template { name: name.clone(), rules }, revision, origin_revision })
    }
}

fn rule(operation: &CopyOperation) -> Result<Rule, Error> {
    let CopyOperation { from, to, exclude, strategy } = operation;
    let strategy = strategy.as_deref().unwrap_or_default();
    let strategy = Strategy::read(strategy)
        .ok_or_else(|| Error::Invalid(format!("strategy '{strategy}' is none of Overwrite, Merge and Extract")))?;
    Ok(Rule { from: from.clone(), to: to.clone(), exclude: exclude.clone(), strategy })
}

/// Whether a name can be that of an object of the API, and makes no other request of one about it.
pub(super) fn is_name(name: &str) -> bool {
    object_name_problem(name).is_none() && is_path_segment(name)
}
