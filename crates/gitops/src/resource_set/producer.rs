//! What is made of the templates of a ResourceSet.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use cowherd_api::flux::controlplane::v1::ResourceSetSpec;
use cowherd_apply::{Manifest, ManifestError, Unmasked};
use cowherd_render::Helm;
use cowherd_resourceset::{BuildError, CombineError, Input, Limits, Provider, Strategy, Templates, build, combine};
use cowherd_tree::{PathError, Recorder, Tree, TreeError, TreePath};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use super::copies::{self, Copied, CopyError};
use super::dependencies::{Needed, Unmet};
use super::inputs::check_references;
use super::providers::{GIVEN, NAMES};
use crate::conditions::{BUILD_FAILED, DEPENDENCY_NOT_READY, RECONCILIATION_FAILED};
use crate::owner::{Expressions, OwnerName, SettingsError};
use crate::producer::{
    Growth, Inputs, Outcome, Prepared, Preparing, Producer, ProducerError, Product, Production, TooMuch,
    weight_of_pairs,
};
use crate::remotes::Brought;

/// The API version and the kind that inputs say which stand in the ResourceSet itself.
const API_VERSION: &str = "fluxcd.controlplane.io/v1";
const KIND: &str = "ResourceSet";

/// What a ResourceSet says of how its objects are made.
#[derive(Clone, Debug)]
pub(super) struct FromTemplates {
    of: Arc<Said>,
}

/// What it says. Thousands are kept, and most of them are large.
#[derive(Debug)]
struct Said {
    name: OwnerName,
    resources: Vec<Value>,
    text: Option<String>,
    inputs: Vec<Input>,
    has_providers: bool,
    strategy: Strategy,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    needed: Vec<Needed>,
    /// Those that decide whether it is ready that is needed.
    expressions: Expressions,
    /// Whether objects may ask for what others hold.
    may_copy: bool,
    /// The identity of all of it.
    identity: String,
}

/// Why there are no objects.
#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error("failed to compute inputs: {0}")]
    Tree(#[from] TreeError),
    #[error("failed to compute inputs: {0}")]
    Path(#[from] PathError),
    #[error("failed to compute inputs: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("failed to compute inputs: {0}")]
    Combine(#[from] CombineError),
    #[error("build failed: {0}")]
    Build(#[from] BuildError),
    #[error("build failed: what was made is no object")]
    Manifest(ManifestError),
    #[error("reconciliation failed: {0}")]
    Copy(#[from] CopyError),
    #[error("build failed: {0}")]
    Growth(#[from] TooMuch),
    #[error("{0}")]
    Unmet(#[from] Unmet),
}

impl MakeError {
    /// What it says, as it is.
    fn text(&self) -> Unmasked {
        match self {
            Self::Manifest(error) => error.text().within(|error| format!("build failed: {error}")),
            other => Unmasked::of(other),
        }
    }
}

impl From<ManifestError> for MakeError {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(error)
    }
}

impl From<MakeError> for ProducerError {
    fn from(error: MakeError) -> Self {
        let (reason, may_pass) = match &error {
            MakeError::Unmet(_) => (DEPENDENCY_NOT_READY, true),
            MakeError::Copy(error) => (RECONCILIATION_FAILED, error.may_pass()),
            _ => (BUILD_FAILED, false),
        };
        Self::of(error.text(), reason, may_pass)
    }
}

impl FromTemplates {
    /// What the spec says of the ResourceSet of this name, which needs these objects.
    pub(super) fn read(
        name: &OwnerName,
        spec: &ResourceSetSpec,
        needed: Vec<Needed>,
        expressions: Expressions,
    ) -> Result<Self, SettingsError> {
        check_references(&spec.inputs_from)?;
        let common = spec.common_metadata.clone().unwrap_or_default();
        let strategy = match &spec.input_strategy {
            Some(strategy) if strategy.name == "Permute" => {
                Strategy::Permute { include_empty: strategy.include_empty_providers == Some(true) }
            }
            Some(strategy) if !matches!(strategy.name.as_str(), "" | "Flatten") => {
                let problem = format!("{:?} is none; write Flatten or Permute", strategy.name);
                return Err(SettingsError::new("inputStrategy.name", problem));
            }
            _ => Strategy::Flatten,
        };
        let written = serde_json::to_string(&(spec, &name.namespace, &name.name));
        let identity = written.map_err(|error| SettingsError::new("", format!("cannot be read: {error}")))?;
        let may_copy = copies::ANNOTATIONS.iter().any(|annotation| identity.contains(annotation));
        let input = |input: &BTreeMap<String, Value>| input.clone().into_iter().collect();
        let said = Said {
            name: name.clone(),
            resources: spec.resources.clone(),
            text: spec.resources_template.clone().filter(|text| !text.is_empty()),
            inputs: spec.inputs.iter().map(input).collect(),
            has_providers: !spec.inputs_from.is_empty(),
            strategy,
            labels: common.labels.unwrap_or_default(),
            annotations: common.annotations.unwrap_or_default(),
            needed,
            expressions,
            may_copy,
            identity: crate::source::digest(identity.as_bytes()),
        };
        Ok(Self { of: Arc::new(said) })
    }
}

impl FromTemplates {
    /// The objects as templates give them, with the inputs of the tree, where no cluster is asked. What is wrong is said in words.
    pub(super) fn objects(&self, tree: &dyn Tree) -> Result<Vec<Value>, String> {
        self.of.objects(tree).map_err(|error| error.to_string())
    }
}

impl Said {
    /// The objects as templates give them, with the inputs of the tree.
    fn objects(&self, tree: &dyn Tree) -> Result<Vec<Value>, MakeError> {
        let given = given(tree)?;
        let own = Provider {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            namespace: self.name.namespace.clone(),
            name: self.name.name.clone(),
            inputs: self.inputs.clone(),
        };
        let provider = |(name, inputs): (String, Vec<Input>)| Provider {
            api_version: API_VERSION.to_owned(),
            kind: "ResourceSetInputProvider".to_owned(),
            namespace: self.name.namespace.clone(),
            name,
            inputs,
        };
        let providers: Vec<Provider> = std::iter::once(own).chain(given.into_iter().map(provider)).collect();
        let inputs = combine(&providers, self.strategy)?;
        // Where the providers give nothing nothing is described, and what was goes.
        if self.has_providers && inputs.is_empty() {
            return Ok(Vec::new());
        }
        let templates = Templates { resources: &self.resources, text: self.text.as_deref() };
        let mut objects = build(&templates, &inputs, &Limits::default())?;
        let (common, mut growth) = (weight_of_pairs(self.labels.iter().chain(&self.annotations)), Growth::default());
        for object in &mut objects {
            growth.add("what spec.commonMetadata adds", common)?;
            set_texts(object, "labels", &self.labels);
            set_texts(object, "annotations", &self.annotations);
        }
        Ok(objects)
    }
}

/// The providers by their names, and what each gives, as the tree of inputs has them.
fn given(tree: &dyn Tree) -> Result<Vec<(String, Vec<Input>)>, MakeError> {
    let read = |path: &str| -> Result<Bytes, MakeError> { Ok(tree.read(&TreePath::parse(path)?)?) };
    let names: Vec<String> = serde_json::from_slice(&read(NAMES)?)?;
    let inputs = |name: String| -> Result<(String, Vec<Input>), MakeError> {
        let inputs = serde_json::from_slice(&read(&format!("{GIVEN}/{name}"))?)?;
        Ok((name, inputs))
    };
    names.into_iter().map(inputs).collect()
}

/// Sets texts of the metadata, where that is what it should be; who makes a manifest of it says where it is not.
fn set_texts(object: &mut Value, field: &str, texts: &BTreeMap<String, String>) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    if texts.is_empty() {
        return;
    }
    let map = metadata.entry(field).or_insert_with(|| Value::Object(Default::default()));
    if map.is_null() {
        *map = Value::Object(Default::default());
    }
    if let Some(map) = map.as_object_mut() {
        map.extend(texts.iter().map(|(key, text)| (key.clone(), Value::String(text.clone()))));
    }
}

impl Producer for FromTemplates {
    fn reads_cluster(&self) -> bool {
        self.of.may_copy || !self.of.needed.is_empty()
    }

    fn prepare<'a>(&'a self, with: Preparing<'a>) -> BoxFuture<'a, Result<Prepared, ProducerError>> {
        async move { self.prepared(with).await.map_err(ProducerError::from) }.boxed()
    }
}

impl FromTemplates {
    async fn prepared(&self, with: Preparing<'_>) -> Result<Prepared, MakeError> {
        let mut copied = Copied::default();
        // Without a cluster to act in it is only asked what there is to be described.
        if let (Some(target), Some((tree, places))) = (with.target, with.content) {
            for needed in &self.of.needed {
                needed.check(target, &self.of.name.namespace, &self.of.expressions, places).await?;
            }
            if self.of.may_copy {
                let (said, tree) = (self.of.clone(), tree.clone());
                let permit = places.acquire(&self.of.name.namespace).await;
                // Whoever stops waiting for it does not end it: it has the permit for as long as it runs.
                let step = move || {
                    let objects = said.objects(tree.as_ref());
                    drop(permit);
                    objects
                };
                let made = tokio::task::spawn_blocking(step).await;
                // What is wrong is told when it is made in earnest.
                let objects = made.ok().and_then(Result::ok).unwrap_or_default();
                copied = copies::read(with.client, target, &objects).await?;
            }
        }
        let (mask, is_whole) = (copied.mask.clone(), with.target.is_some());
        let production = Arc::new(Making { said: self.of.clone(), copied, is_whole });
        Ok(Prepared { production, mask })
    }
}

/// A ResourceSet with all that its objects are to hold of what others hold.
struct Making {
    said: Arc<Said>,
    copied: Copied,
    /// Whether that is known; otherwise only which objects there are.
    is_whole: bool,
}

impl Making {
    fn manifests(&self, tree: &dyn Tree) -> Result<Vec<Manifest>, MakeError> {
        let mut objects = self.said.objects(tree)?;
        if self.said.may_copy && self.is_whole {
            self.copied.fill(&mut objects)?;
        }
        Ok(objects.into_iter().map(Manifest::new).collect::<Result<_, _>>()?)
    }
}

impl Production for Making {
    fn parameters(&self) -> String {
        format!("{} {} {}", self.said.identity, self.copied.identity(), self.is_whole)
    }

    fn produce(&self, tree: &dyn Tree, _helm: &Helm, _brought: &mut Brought) -> Outcome {
        let recorder = Recorder::new(tree);
        let manifests = self.manifests(&recorder);
        let product = manifests.map_err(ProducerError::from).map(|manifests| match self.copied.is_empty() {
            true => Product::of(manifests),
            // What Secrets hold is to lie nowhere but in Secrets, and nobody is to learn it by trying.
            false => Product::decrypted(manifests, &self.copied.identity(), self.copied.mask.clone()),
        });
        let inputs = Inputs { reads: recorder.into_reads(), is_complete: true, ..Inputs::default() };
        Outcome::Done(product, Arc::new(inputs))
    }
}
