//! Makes the manifests of a Kustomization from a tree and what that names elsewhere: nothing here asks a cluster or a
//! clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cowherd_apply::{Manifest, ManifestError};
use cowherd_render::{
    Helm, Options, Remote, RemoteSource, Remotes, RenderError, Rendered, Substitution, SubstitutionError, Surroundings,
    render_in, substitute,
};
use cowherd_tree::{PathError, Recorder, Tree, TreeError, TreePath};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::settings::Settings;
use super::variables::Variables;
use crate::basis::Basis;
use crate::elsewhere::Brought;
use crate::{ElsewhereError, Unrendered};

/// The manifests, and what was read to make them.
pub(crate) struct Built {
    pub(crate) manifests: Vec<Manifest>,
    /// The identity of the manifests, as `sha256:<hex>`.
    pub(crate) digest: String,
}

/// Why there are no manifests.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// The path leaves the repository, or nothing is there.
    #[error("kustomization path not found: {0}")]
    Path(#[from] TreeError),
    /// The path is none.
    #[error("spec.path: {0}")]
    NoPath(#[from] PathError),
    /// The render failed.
    #[error("kustomize build failed: {0}")]
    Render(#[from] RenderError),
    /// Something elsewhere is not here.
    #[error("kustomize build failed: {place}{error}")]
    Elsewhere {
        /// Which file names it.
        place: String,
        /// Why it is not here.
        error: ElsewhereError,
    },
    /// Variables could not be replaced.
    #[error("post build failed: {0}")]
    Substitution(#[from] SubstitutionError),
    /// What was rendered is no object.
    #[error("{0}")]
    Manifest(#[from] ManifestError),
    /// A Secret is encrypted.
    #[error("{0} is SOPS encrypted, configuring decryption is required for this secret to be reconciled")]
    Encrypted(cowherd_apply::ObjectId),
    /// A bug in the render.
    #[error("kustomize build failed: the render broke off: {0}")]
    Broken(String),
}

impl From<Unrendered> for BuildError {
    fn from(error: Unrendered) -> Self {
        match error {
            Unrendered::Render(error) => Self::Render(error),
            Unrendered::Elsewhere { place, error } => Self::Elsewhere { place, error },
        }
    }
}

impl BuildError {
    /// Whether nothing in the repository has to change for it to work.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Elsewhere { error, .. } if !error.is_refusal())
    }

    /// The reason in one word, as Flux gives it.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Path(_) | Self::NoPath(_) => crate::conditions::ARTIFACT_FAILED,
            _ => crate::conditions::BUILD_FAILED,
        }
    }
}

/// What came of a build.
pub(crate) enum Build {
    /// This has to be fetched from elsewhere before it can go on.
    Needs(Vec<RemoteSource>),
    /// The manifests, and what they rest on, whether or not that succeeded.
    Done(Result<Built, BuildError>, Arc<Basis>),
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

/// The manifests that `settings` means in `tree`, with what was `brought` from elsewhere.
pub(crate) fn build(
    tree: &dyn Tree,
    settings: &Settings,
    variables: &Variables,
    helm: &Helm,
    brought: &mut Brought,
) -> Build {
    let recorder = Recorder::new(tree);
    let looked_elsewhere = AtomicBool::new(false);
    let rendered = match rendered(&recorder, settings, helm, brought, &looked_elsewhere) {
        Ok(rendered) => Ok(rendered),
        Err(BuildError::Render(error)) => match brought.explain(error) {
            Ok(missing) => return Build::Needs(missing),
            Err(error) => Err(error.into()),
        },
        Err(error) => Err(error),
    };
    let mut basis = Basis::default();
    let built = rendered.and_then(|rendered| {
        basis.remotes = rendered.remotes;
        manifests(rendered.objects, settings, variables)
    });
    basis.is_complete = built.is_ok() || !(looked_elsewhere.into_inner() || recorder.met_failures());
    basis.reads = recorder.into_reads();
    Build::Done(built, Arc::new(basis))
}

fn rendered(
    tree: &Recorder<'_>,
    settings: &Settings,
    helm: &Helm,
    brought: &Brought,
    looked_elsewhere: &AtomicBool,
) -> Result<Rendered, BuildError> {
    let path = TreePath::parse(&settings.path)?;
    if tree.stat(&path)?.is_none() {
        return Err(TreeError::NotFound(path).into());
    }
    let remotes = Noted { remotes: brought, looked: looked_elsewhere };
    let surroundings = Surroundings { remotes: &remotes, charts: helm };
    Ok(render_in(tree, &path, &settings.overlay, &Options::default(), &surroundings)?)
}

fn manifests(objects: Vec<Value>, settings: &Settings, variables: &Variables) -> Result<Built, BuildError> {
    let options = Substitution { strict: false, always: settings.always_substitute };
    let pairs = |map: &'_ std::collections::BTreeMap<String, String>| -> Vec<(String, String)> {
        map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let (labels, annotations) = (pairs(&settings.labels), pairs(&settings.annotations));
    let mut digest = Sha256::new();
    let mut manifests = Vec::with_capacity(objects.len());
    for object in objects {
        let object = if settings.substitutes { substitute(&object, &variables.values, &options)? } else { object };
        let mut manifest = Manifest::new(object)?;
        manifest.set_metadata(
            labels.iter().map(|(key, value)| (key.as_str(), value.as_str())),
            annotations.iter().map(|(key, value)| (key.as_str(), value.as_str())),
        );
        if is_encrypted(&manifest) {
            return Err(BuildError::Encrypted(manifest.id().clone()));
        }
        digest.update(serde_json::to_vec(manifest.object()).unwrap_or_default());
        digest.update(b"\n");
        manifests.push(manifest);
    }
    let digest = digest.finalize().iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"));
    Ok(Built { manifests, digest })
}

/// All that the manifests are made from besides the tree, in one text.
pub(crate) fn parameters(settings: &Settings, variables: &Variables) -> String {
    let Settings { path, overlay, labels, annotations, substitutes, always_substitute, .. } = settings;
    format!("{:?}", (path, overlay, labels, annotations, substitutes, always_substitute, &variables.values))
}

/// What an earlier build made.
pub(crate) fn rebuilt(objects: Vec<Value>, digest: String) -> Result<Built, BuildError> {
    let manifests = objects.into_iter().map(Manifest::new).collect::<Result<_, _>>()?;
    Ok(Built { manifests, digest })
}

/// SOPS leaves its own field beside the data that it encrypted.
fn is_encrypted(manifest: &Manifest) -> bool {
    manifest.id().kind == "Secret" && manifest.object().get("sops").is_some_and(Value::is_object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cowherd_tree::MemoryTree;

    fn settings(path: &str) -> Settings {
        let object = serde_json::from_value(serde_json::json!({ "metadata": { "name": "a", "namespace": "n" },
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "spec": { "interval": "1m", "prune": true, "path": path, "targetNamespace": "apps",
                "sourceRef": { "kind": "GitRepository", "name": "s" },
                "commonMetadata": { "labels": { "team": "a" } },
                "postBuild": { "substitute": { "port": "8080" } } } }))
        .unwrap();
        Settings::read(&object).unwrap()
    }

    fn built(tree: &MemoryTree, path: &str, variables: &Variables) -> (Result<Built, BuildError>, Arc<Basis>) {
        let helm = Helm { time: jiff::Timestamp::UNIX_EPOCH, seed: Vec::new() };
        match build(tree, &settings(path), variables, &helm, &mut Brought::default()) {
            Build::Done(built, basis) => (built, basis),
            Build::Needs(missing) => panic!("{missing:?} is missing"),
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
        let variables = Variables { values: settings("x").substitute, ..Variables::default() };
        let (built, basis) = built(&tree(), "./apps/web", &variables);
        let (built, reads) = (built.unwrap(), &basis.reads);
        let object = built.manifests[0].object();
        assert_eq!(object["spec"]["ports"][0]["port"], 8080);
        assert_eq!(object["metadata"]["labels"]["team"], "a");
        assert_eq!(built.manifests[0].id().to_string(), "Service/apps/web");
        let mut changed = tree();
        changed.insert("apps/other/x.yaml", "b").unwrap();
        assert!(reads.unchanged_in(&changed).unwrap());
        changed.insert("apps/web/service.yaml", "b").unwrap();
        assert!(!reads.unchanged_in(&changed).unwrap());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_file() {
        let error = |path: &str| built(&tree(), path, &Variables::default()).0.err().unwrap();
        assert_eq!(
            error("./apps/none").to_string(),
            "kustomization path not found: apps/none: no such file or directory"
        );
        assert_eq!(error("../../etc").to_string(), "spec.path: the path \"../../etc\" leaves the repository");
        let broken = error("./apps/other");
        assert!(broken.to_string().contains("apps/other/x.yaml"), "{broken}");
        assert_eq!(broken.reason(), "BuildFailed");
    }
}
