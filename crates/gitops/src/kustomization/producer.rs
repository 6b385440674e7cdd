//! What kustomize makes of a tree, with all that a Kustomization adds to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cowherd_api::flux::kustomize::v1::{KustomizationSpec, SubstituteReference};
use cowherd_apply::{Manifest, ManifestError, ObjectId, Unmasked};
use cowherd_render::{
    Helm, Options, Overlay, Remote, RemoteSource, Remotes, RenderError, Rendered, Substituted, Substitution,
    SubstitutionError, Surroundings, render_in, substitute_noting,
};
use cowherd_sops::Keys;
use cowherd_tree::{PathError, Recorder, Tree, TreeError, TreePath};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;

use super::decryption::{self, Decryption, DecryptionError, KeysError, Opener, Unsealed, is_encrypted};
use super::made::{MadeOfSecrets, TooManySecrets};
use super::variables::{self, Variables, VariablesError};
use crate::conditions::{ARTIFACT_FAILED, BUILD_FAILED};
use crate::owner::SettingsError;
use crate::producer::{
    Growth, Inputs, Outcome, Prepared, Preparing, Producer, ProducerError, Product, Production, TooMuch, weight,
    weight_of_pairs,
};
use crate::remotes::Brought;
use crate::{ElsewhereError, Unrendered};

/// What a Kustomization adds that says nothing of that.
static NONE: Overlay = Overlay {
    target_namespace: None,
    name_prefix: None,
    name_suffix: None,
    patches: Vec::new(),
    images: Vec::new(),
    components: Vec::new(),
    ignore_missing_components: false,
};

/// What a Kustomization says of how its manifests are made.
#[derive(Clone, Debug)]
pub(crate) struct Kustomize {
    /// Where the objects are that variables come from.
    namespace: String,
    path: String,
    /// Most have none, and thousands are kept.
    overlay: Option<Box<Overlay>>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    substitutes: bool,
    always_substitute: bool,
    substitute: BTreeMap<String, String>,
    substitute_from: Vec<SubstituteReference>,
    decryption: Option<Decryption>,
}

impl Kustomize {
    /// What the spec of a Kustomization in `namespace` says.
    pub(crate) fn read(namespace: &str, spec: &KustomizationSpec) -> Result<Self, SettingsError> {
        let overlay = serde_json::to_value(spec).and_then(serde_json::from_value);
        let overlay: Overlay =
            overlay.map_err(|error| SettingsError::new("patches", format!("cannot be read: {error}")))?;
        let common = spec.common_metadata.clone().unwrap_or_default();
        let post_build = spec.post_build.as_ref();
        Ok(Self {
            namespace: namespace.to_owned(),
            path: spec.path.clone().unwrap_or_default(),
            overlay: (overlay != NONE).then(|| Box::new(overlay)),
            labels: common.labels.unwrap_or_default(),
            annotations: common.annotations.unwrap_or_default(),
            substitutes: post_build.is_some(),
            always_substitute: post_build.is_some_and(|post| post.substitute_strategy.as_deref() == Some("Always")),
            substitute: post_build.and_then(|post| post.substitute.clone()).unwrap_or_default(),
            substitute_from: post_build.map(|post| post.substitute_from.clone()).unwrap_or_default(),
            decryption: Decryption::read(spec)?,
        })
    }

    /// With the values of its variables and the keys for what is encrypted it has all but content.
    pub(crate) fn with(&self, variables: Variables, keys: Option<Keys>) -> Prepared {
        let mask = variables.mask.clone();
        Prepared { production: Arc::new(Build { kustomize: self.clone(), variables, keys }), mask }
    }

    /// Whether what is encrypted is decrypted.
    pub(super) fn decrypts(&self) -> bool {
        self.decryption.is_some()
    }

    /// Where values of variables come from.
    pub(super) fn substitute_from(&self) -> &[SubstituteReference] {
        &self.substitute_from
    }

    /// The values that stand in the Kustomization itself.
    pub(super) fn substitute(&self) -> &BTreeMap<String, String> {
        &self.substitute
    }

    /// Whether variables are replaced.
    pub(super) fn substitutes(&self) -> bool {
        self.substitutes
    }

    pub(super) fn overlay(&self) -> &Overlay {
        self.overlay.as_deref().unwrap_or(&NONE)
    }

    /// The directory.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// All that manifests are made from besides the tree and what is elsewhere, in one text.
    pub(super) fn parameters(&self, values: &BTreeMap<String, String>) -> String {
        let Self { path, labels, annotations, substitutes, always_substitute, .. } = self;
        format!("{:?}", (path, self.overlay(), labels, annotations, substitutes, always_substitute, values))
    }

    /// A rendered object with the values of variables. With `keep` those without one stay as they are written.
    pub(super) fn substituted(
        &self,
        object: Value,
        variables: &Variables,
        keep: bool,
        growth: &mut Growth,
    ) -> Result<Substituted, BuildError> {
        if !self.substitutes {
            return Ok(Substituted { object, unset: BTreeSet::new(), secrets: BTreeSet::new() });
        }
        let options = Substitution { always: self.always_substitute, keep, ..Substitution::default() };
        let before = weight(&object);
        let substituted = substitute_noting(&object, &variables.values, &variables.secret, &options)?;
        growth.add("what variables stand for", weight(&substituted.object).saturating_sub(before))?;
        Ok(substituted)
    }

    /// Such an object with all that the Kustomization adds to it.
    pub(super) fn finished(&self, object: Value, growth: &mut Growth) -> Result<Manifest, BuildError> {
        let common = weight_of_pairs(self.labels.iter().chain(&self.annotations));
        growth.add("what spec.commonMetadata adds", common)?;
        let mut manifest = Manifest::new(object)?;
        manifest.set_metadata(pairs(&self.labels), pairs(&self.annotations));
        Ok(manifest)
    }

    #[cfg(test)]
    pub(crate) fn with_own_variables(&self) -> Prepared {
        self.with(Variables { values: self.substitute.clone(), ..Variables::default() }, None)
    }
}

impl Producer for Kustomize {
    fn reads_cluster(&self) -> bool {
        !self.substitute_from.is_empty() || self.decryption.is_some()
    }

    fn prepare<'a>(&'a self, with: Preparing<'a>) -> BoxFuture<'a, Result<Prepared, ProducerError>> {
        let Preparing { client, keys, .. } = with;
        let Self { namespace, substitute, substitute_from, decryption, .. } = self;
        let failed = |error: BuildError| ProducerError::new(error, BUILD_FAILED, true);
        async move {
            let keys = match decryption {
                None => None,
                Some(decryption) => {
                    let keys = decryption.keys(client, namespace, keys).await;
                    Some(keys.map_err(|error| failed(BuildError::Keys(error)))?)
                }
            };
            let variables = variables::read(client, namespace, substitute_from, substitute).await;
            variables.map(|variables| self.with(variables, keys)).map_err(|error| failed(BuildError::Variables(error)))
        }
        .boxed()
    }
}

/// Why there are no manifests.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuildError {
    /// The path leaves the repository, or nothing is there.
    #[error("kustomization path not found: {0}")]
    Path(#[from] TreeError),
    /// The path is none.
    #[error("spec.path: {0}")]
    NoPath(#[from] PathError),
    /// The render failed.
    #[error("kustomize build failed: {0}")]
    Render(#[from] RenderError),
    /// Variables make more of Secrets than can be masked.
    #[error("post build failed: {0}")]
    TooManySecrets(#[from] TooManySecrets),
    /// Something elsewhere is not here.
    #[error("kustomize build failed: {place}{error}")]
    Elsewhere {
        /// Which file names it.
        place: String,
        /// Why it is not here.
        error: ElsewhereError,
    },
    /// There are no keys for what is encrypted.
    #[error("{0}")]
    Keys(#[from] KeysError),
    /// Something cannot be decrypted.
    #[error("{0}")]
    Decryption(#[from] DecryptionError),
    /// The values of variables could not be read.
    #[error("post build failed: {0}")]
    Variables(#[from] VariablesError),
    /// Variables could not be replaced.
    #[error("post build failed: {0}")]
    Substitution(#[from] SubstitutionError),
    /// More is added to the objects than is borne.
    #[error("post build failed: {0}")]
    Growth(#[from] TooMuch),
    /// What was rendered is no object. What that says is told by [`BuildError::text`] alone.
    #[error("what was rendered is no object")]
    Manifest(ManifestError),
    /// A Secret is encrypted.
    #[error("{0} is SOPS encrypted, configuring decryption is required for this secret to be reconciled")]
    Encrypted(ObjectId),
}

impl BuildError {
    /// What it says, as it is.
    pub(super) fn text(&self) -> Unmasked {
        match self {
            Self::Manifest(error) => error.text(),
            other => Unmasked::of(other),
        }
    }
}

impl From<ManifestError> for BuildError {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(error)
    }
}

impl From<Unrendered> for BuildError {
    fn from(error: Unrendered) -> Self {
        match error {
            Unrendered::Render(error) => Self::Render(error),
            Unrendered::Elsewhere { place, error } => Self::Elsewhere { place, error },
        }
    }
}

impl From<BuildError> for ProducerError {
    fn from(error: BuildError) -> Self {
        let reason = match &error {
            BuildError::Path(_) | BuildError::NoPath(_) => ARTIFACT_FAILED,
            _ => BUILD_FAILED,
        };
        let may_pass = matches!(&error, BuildError::Elsewhere { error, .. } if !error.is_refusal());
        Self::of(error.text(), reason, may_pass)
    }
}

/// What is elsewhere, with a note of whether anybody looked.
struct Noted<'a> {
    remotes: &'a dyn Remotes,
    looked: &'a AtomicBool,
}

impl Remotes for Noted<'_> {
    fn find(&self, source: &RemoteSource) -> Option<Remote> {
        self.looked.store(true, Ordering::Relaxed);
        self.remotes.find(source)
    }
}

/// A Kustomization with the values of its variables and, where it asks for decryption, the keys for that.
struct Build {
    kustomize: Kustomize,
    variables: Variables,
    keys: Option<Keys>,
}

impl Production for Build {
    fn parameters(&self) -> String {
        let keys = self.keys.as_ref().map(Keys::identity).unwrap_or_default();
        format!("{} {keys}", self.kustomize.parameters(&self.variables.values))
    }

    fn produce(&self, tree: &dyn Tree, helm: &Helm, brought: &mut Brought) -> Outcome {
        let recorder = Recorder::new(tree);
        let looked_elsewhere = AtomicBool::new(false);
        let mut opener = self.keys.as_ref().map(Opener::new);
        let rendered = match rendered(&recorder, &self.kustomize, helm, brought, &looked_elsewhere, opener.as_mut()) {
            Ok(rendered) => Ok(rendered),
            Err(BuildError::Render(error)) => match brought.explain(error) {
                Ok(missing) => return Outcome::Needs(missing),
                Err(error) => Err(error.into()),
            },
            Err(error) => Err(error),
        };
        let mut inputs = Inputs::default();
        let mut made = MadeOfSecrets::default();
        let product = rendered.and_then(|rendered| {
            inputs.remotes = rendered.remotes;
            self.product(rendered.objects, opener.as_mut(), &mut made)
        });
        inputs.is_complete = product.is_ok() || !(looked_elsewhere.into_inner() || recorder.met_failures());
        inputs.reads = recorder.into_reads();
        let found = opener.map(|opener| opener.found).unwrap_or_default();
        Outcome::Done(self.told(product, &found, made), Arc::new(inputs))
    }
}

impl Build {
    /// What is told of a product: nothing of what was decrypted for it, or made of values of Secrets.
    fn told(
        &self,
        product: Result<Product, BuildError>,
        found: &decryption::Found,
        made: MadeOfSecrets,
    ) -> Result<Product, ProducerError> {
        let made = made.into_texts();
        let mut mask = self.variables.mask.clone();
        found.hide(&mut mask);
        let salt = self.keys.as_ref().map(Keys::identity).unwrap_or_default();
        match product {
            Ok(Product { manifests, unset, .. }) if found.any => {
                let product = Product::decrypted(manifests, &salt, mask).hiding(made);
                Ok(Product { unset, ..product })
            }
            Ok(product) => Ok(product.hiding(made)),
            Err(error) if found.any || !made.is_empty() => {
                made.iter().for_each(|text| mask.add_text(text));
                Err(ProducerError::from(error).masked(&mask))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn product(
        &self,
        objects: Vec<Value>,
        mut opener: Option<&mut Opener<'_>>,
        made: &mut MadeOfSecrets,
    ) -> Result<Product, BuildError> {
        let mut manifests = Vec::with_capacity(objects.len());
        let (mut without, mut growth) = (BTreeMap::new(), Growth::default());
        for object in objects {
            let object = match &mut opener {
                Some(opener) => decryption::opened(object, opener)?,
                None => object,
            };
            let Substituted { object, unset, secrets } =
                self.kustomize.substituted(object, &self.variables, false, &mut growth)?;
            made.add(secrets, &self.variables.mask)?;
            let manifest = self.kustomize.finished(object, &mut growth)?;
            if is_encrypted(&manifest) {
                return Err(BuildError::Encrypted(manifest.id().clone()));
            }
            for name in unset {
                without.entry(name).or_insert_with(|| manifest.id().clone());
            }
            manifests.push(manifest);
        }
        Ok(Product { unset: without_value(&without), ..Product::of(manifests) })
    }
}

/// That variables have no value, each with the first object that names it. What comes of them is Flux's way all the same.
fn without_value(unset: &BTreeMap<String, ObjectId>) -> Option<String> {
    /// How many are named.
    const NAMED: usize = 10;
    let named = unset.iter().map(|(name, object)| format!("{name} ({object})"));
    let what = if unset.len() == 1 { "a variable without a value" } else { "variables without a value" };
    (!unset.is_empty())
        .then(|| format!("{what}, in whose place nothing is put: {}", cowherd_text::listed(named, NAMED)))
}

fn pairs(map: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    map.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

pub(super) fn rendered(
    tree: &Recorder<'_>,
    kustomize: &Kustomize,
    helm: &Helm,
    brought: &Brought,
    looked_elsewhere: &AtomicBool,
    opener: Option<&mut Opener<'_>>,
) -> Result<Rendered, BuildError> {
    let path = TreePath::parse(&kustomize.path)?;
    if tree.stat(&path)?.is_none() {
        return Err(TreeError::NotFound(path).into());
    }
    let components = &kustomize.overlay().components;
    let files = opener.map(|opener| opener.files(tree, &path, components)).transpose()?.unwrap_or_default();
    let unsealed = Unsealed::new(tree, files);
    let remotes = Noted { remotes: brought, looked: looked_elsewhere };
    let surroundings = Surroundings { remotes: &remotes, charts: helm };
    Ok(render_in(&unsealed, &path, kustomize.overlay(), &Options::default(), &surroundings)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cowherd_apply::mask::Mask;
    use cowherd_tree::MemoryTree;

    fn kustomize(path: &str) -> Kustomize {
        let spec = serde_json::from_value(serde_json::json!({
            "interval": "1m", "prune": true, "path": path, "targetNamespace": "apps",
            "sourceRef": { "kind": "GitRepository", "name": "s" },
            "commonMetadata": { "labels": { "team": "a" } },
            "postBuild": { "substitute": { "port": "8080" } } }));
        Kustomize::read("n", &spec.unwrap()).unwrap()
    }

    fn produced(tree: &MemoryTree, path: &str) -> (Result<Product, ProducerError>, Arc<Inputs>) {
        let helm = Helm { time: jiff::Timestamp::UNIX_EPOCH, seed: Vec::new() };
        let production = kustomize(path).with_own_variables().production;
        match production.produce(tree, &helm, &mut Brought::default()) {
            Outcome::Done(product, inputs) => (product, inputs),
            Outcome::Needs(missing) => panic!("{missing:?} is missing"),
        }
    }

    fn tree() -> MemoryTree {
        MemoryTree::new([
            (
                "apps/web/service.yaml",
                "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  ports:\n    - port: ${port}\n",
            ),
            ("apps/other/x.yaml", "a: [broken"),
        ])
        .unwrap()
    }

    #[test]
    fn a_directory_becomes_manifests_with_all_that_the_kustomization_adds() {
        let (product, inputs) = produced(&tree(), "./apps/web");
        let (product, reads) = (product.unwrap(), &inputs.reads);
        let object = product.manifests[0].object();
        assert_eq!(object["spec"]["ports"][0]["port"], 8080);
        assert_eq!(object["metadata"]["labels"]["team"], "a");
        assert_eq!(product.manifests[0].id().to_string(), "Service/apps/web");
        let mut changed = tree();
        changed.insert("apps/other/x.yaml", "b").unwrap();
        assert!(reads.unchanged_in(&changed).unwrap());
        changed.insert("apps/web/service.yaml", "b").unwrap();
        assert!(!reads.unchanged_in(&changed).unwrap());
    }

    /// What comes of the tree where the port is a Secret's.
    fn produced_of_secrets(tree: &MemoryTree) -> Result<Product, ProducerError> {
        let mut variables = Variables::default();
        for (name, value) in [("port", "8080"), ("token", "hunter2-Pass")] {
            variables.values.insert(name.to_owned(), value.to_owned());
            variables.secret.insert(name.to_owned());
            variables.mask.add_text(value);
        }
        let production = kustomize("./apps/web").with(variables, None).production;
        let helm = Helm { time: jiff::Timestamp::UNIX_EPOCH, seed: Vec::new() };
        match production.produce(tree, &helm, &mut Brought::default()) {
            Outcome::Done(product, _) => product,
            Outcome::Needs(missing) => panic!("{missing:?} is missing"),
        }
    }

    #[test]
    fn what_expressions_make_of_a_secret_is_masked_in_what_is_told_of_it() {
        let mut tree = tree();
        let data = "{a: '${token:0:7}', b: '${token^^}', c: '${token/Pass/Word}', d: '${token##*-}', e: '${#token}'}";
        let map = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: map}}\ndata: {data}\n");
        tree.insert("apps/web/map.yaml", map).unwrap();
        let product = produced_of_secrets(&tree).unwrap();
        let told = product.mask.text("of hunter2, HUNTER2-PASS, hunter2-Word and Pass, 12 letters");
        // The whole value in capitals is known to the mask of the variables.
        assert_eq!(told, "of *****, *****-*****, ***** and *****, 12 letters");
        let again = Product::again(product.objects().cloned().collect(), String::new(), None, product.made).unwrap();
        assert_eq!(again.mask.text("of hunter2"), "of *****", "also where it was kept");
    }

    #[test]
    fn what_an_expression_makes_of_a_secret_is_masked_in_why_there_are_no_manifests() {
        let mut tree = tree();
        let text =
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 'of ${token:0:7}', namespace: 'x ${token:0:7}'}\n";
        tree.insert("apps/web/map.yaml", text).unwrap();
        let told = produced_of_secrets(&tree).err().unwrap().told(&Mask::default());
        assert!(!told.contains("hunter2") && told.contains("cannot name an object"), "{told}");
    }

    #[test]
    fn variables_without_a_value_are_named_with_the_first_object_that_has_them() {
        let mut tree = tree();
        let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\ndata: {a: '${host}${port}${zone:=x}', b: '${host}'}\n";
        tree.insert("apps/web/map.yaml", map).unwrap();
        let told = produced(&tree, "./apps/web").0.unwrap().unset;
        assert_eq!(
            told.unwrap(),
            "a variable without a value, in whose place nothing is put: host (ConfigMap/apps/map)"
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_file() {
        let error = |path: &str| produced(&tree(), path).0.err().unwrap();
        assert_eq!(
            error("./apps/none").told(&Mask::default()),
            "kustomization path not found: apps/none: no such file or directory"
        );
        assert_eq!(
            error("../../etc").told(&Mask::default()),
            "spec.path: the path \"../../etc\" leaves the repository"
        );
        let broken = error("./apps/other");
        let told = broken.told(&Mask::default());
        assert!(told.contains("apps/other/x.yaml"), "{told}");
        assert_eq!(broken.reason, "BuildFailed");
    }
}
