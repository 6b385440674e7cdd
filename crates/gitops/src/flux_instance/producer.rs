//! The source and the Kustomization that a FluxInstance means.

use std::collections::BTreeMap;
use std::sync::Arc;

use cowherd_api::flux::controlplane::v1::{FluxInstanceSpec, Sync};
use cowherd_apply::mask::Mask;
use cowherd_apply::{Manifest, ManifestError};
use cowherd_render::{Helm, Overlay, RenderError, render};
use cowherd_tree::{MemoryTree, PathError, Recorder, Tree, TreePath};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::{VERSION, effect};
use crate::conditions::BUILD_FAILED;
use crate::owner::OwnerName;
use crate::producer::{Inputs, Outcome, Prepared, Preparing, Producer, ProducerError, Product, Production};
use crate::remotes::Brought;

/// How often the Kustomization is brought there again, as with the Flux Operator.
const INTERVAL: &str = "10m0s";
/// How often it is looked at the source, where nothing is said of that.
const LOOKED: &str = "1m";

/// On whose behalf the Kustomization acts where tenants are kept apart, as with the Flux Operator.
pub(crate) const PLATFORM_ACCOUNT: &str = "kustomize-controller";

/// What a FluxInstance says of what is followed.
#[derive(Clone, Debug)]
pub(super) struct FromSync(Arc<Said>);

#[derive(Debug)]
struct Said {
    namespace: String,
    spec: FluxInstanceSpec,
}

/// Why there are no objects.
#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error("build failed: {0}")]
    Render(Unrendered),
    #[error("build failed: spec.kustomize.patches[{place}]: {cause}")]
    Patch { place: usize, cause: Unrendered },
    #[error("build failed: {0}")]
    Manifest(String),
}

impl From<ManifestError> for MakeError {
    fn from(error: ManifestError) -> Self {
        // Nobody's Secrets are in what a FluxInstance says.
        Self::Manifest(error.told(&Mask::default()))
    }
}

/// Why nothing comes of objects and patches.
#[derive(Debug, thiserror::Error)]
enum Unrendered {
    #[error(transparent)]
    Path(#[from] PathError),
    #[error("cannot be read: {0}")]
    Patches(#[from] serde_json::Error),
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// What comes of a FluxInstance.
struct Made {
    manifests: Vec<Manifest>,
    /// The places of the patches that change nothing of it.
    idle: Vec<usize>,
}

impl FromSync {
    /// What the spec of the FluxInstance of this name says.
    pub(super) fn read(name: &OwnerName, spec: &FluxInstanceSpec) -> Self {
        Self(Arc::new(Said { namespace: name.namespace.clone(), spec: spec.clone() }))
    }
}

impl Said {
    fn make(&self) -> Result<Made, MakeError> {
        let patches = self.spec.kustomize.as_ref().map(|kustomize| kustomize.patches.as_slice()).unwrap_or_default();
        let Some(sync) = &self.spec.sync else {
            return Ok(Made { manifests: Vec::new(), idle: (0..patches.len()).collect() });
        };
        let is_multitenant = self.spec.cluster.as_ref().is_some_and(|cluster| cluster.multitenant == Some(true));
        let objects = objects(sync, &self.namespace, is_multitenant).into();
        let (objects, idle) = self.patched(objects, &sync.kind, patches)?;
        let manifests = objects.into_iter().map(|object| self.manifest(object)).collect::<Result<_, _>>()?;
        Ok(Made { manifests, idle })
    }

    /// The objects with the patches, one after the other, and the places of those that change nothing.
    fn patched(
        &self,
        objects: Vec<Value>,
        source: &str,
        patches: &[Value],
    ) -> Result<(Vec<Value>, Vec<usize>), MakeError> {
        // What comes of a render has an order, whatever it was made of.
        let mut objects = self.rendered(&objects, &[]).map_err(MakeError::Render)?;
        let mut idle = Vec::new();
        for (place, patch) in patches.iter().enumerate() {
            if patch.get("target").is_none_or(Value::is_null) && !effect::is_for_sync(patch, source) {
                idle.push(place);
                continue;
            }
            let patched = self.rendered(&objects, std::slice::from_ref(patch));
            let patched = patched.map_err(|cause| MakeError::Patch { place, cause })?;
            if patched == objects {
                idle.push(place);
            }
            objects = patched;
        }
        Ok((objects, idle))
    }

    fn rendered(&self, objects: &[Value], patches: &[Value]) -> Result<Vec<Value>, Unrendered> {
        let overlay = json!({ "patches": patches, "targetNamespace": self.namespace });
        let overlay: Overlay = serde_json::from_value(overlay)?;
        let tree = MemoryTree::new([("sync.yaml", cowherd_yaml::write_documents(objects))])?;
        Ok(render(&tree, &TreePath::root(), &overlay)?)
    }

    /// The object with the labels that all of them have, and with the common metadata.
    fn manifest(&self, object: Value) -> Result<Manifest, ManifestError> {
        let mut manifest = Manifest::new(object)?;
        let labels = [
            ("app.kubernetes.io/instance", self.namespace.as_str()),
            ("app.kubernetes.io/managed-by", "flux-operator"),
            ("app.kubernetes.io/part-of", "flux"),
            ("app.kubernetes.io/version", VERSION),
        ];
        manifest.set_metadata(labels, []);
        if let Some(common) = &self.spec.common_metadata {
            manifest.set_metadata(pairs(&common.labels), pairs(&common.annotations));
        }
        Ok(manifest)
    }
}

fn pairs(map: &Option<BTreeMap<String, String>>) -> impl Iterator<Item = (&str, &str)> {
    map.iter().flatten().map(|(key, text)| (key.as_str(), text.as_str()))
}

/// The source and the Kustomization, as the Flux Operator makes them.
fn objects(sync: &Sync, namespace: &str, is_multitenant: bool) -> [Value; 2] {
    let name = sync.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(namespace);
    let metadata = json!({ "name": name, "namespace": namespace });
    let mut spec = json!({ "interval": sync.interval.as_ref().map_or(LOOKED.to_owned(), ToString::to_string) });
    match sync.kind.as_str() {
        "GitRepository" => (spec["ref"], spec["url"]) = (json!({ "name": sync.reference }), json!(sync.url)),
        "OCIRepository" => (spec["ref"], spec["url"]) = (json!({ "tag": sync.reference }), json!(sync.url)),
        _ => (spec["bucketName"], spec["endpoint"]) = (json!(sync.reference), json!(sync.url)),
    }
    if let Some(secret) = sync.pull_secret.as_ref().filter(|secret| !secret.is_empty()) {
        spec["secretRef"] = json!({ "name": secret });
    }
    if let Some(provider) = sync.provider.as_ref().filter(|provider| !provider.is_empty()) {
        spec["provider"] = json!(provider);
    }
    let source =
        json!({ "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": sync.kind, "metadata": metadata, "spec": spec });
    let mut kustomization = json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata,
        "spec": { "interval": INTERVAL, "path": sync.path, "prune": true, "sourceRef": { "kind": sync.kind, "name": name } } });
    if is_multitenant {
        kustomization["spec"]["serviceAccountName"] = json!(PLATFORM_ACCOUNT);
    }
    [source, kustomization]
}

impl Producer for FromSync {
    fn reads_cluster(&self) -> bool {
        false
    }

    fn prepare<'a>(&'a self, _with: Preparing<'a>) -> BoxFuture<'a, Result<Prepared, ProducerError>> {
        let prepared = Prepared { production: Arc::new(self.clone()), mask: Mask::default() };
        async { Ok(prepared) }.boxed()
    }
}

impl Production for FromSync {
    fn parameters(&self) -> String {
        format!("{:?}", self.0)
    }

    fn produce(&self, tree: &dyn Tree, _helm: &Helm, _brought: &mut Brought) -> Outcome {
        let made = self.0.make().map_err(|error| ProducerError::new(error, BUILD_FAILED, false));
        let product = made.map(|Made { manifests, idle }| {
            let without_effect = Some(effect::told(&self.0.spec, &idle));
            Product { without_effect, ..Product::of(manifests) }
        });
        let inputs = Inputs { reads: Recorder::new(tree).into_reads(), is_complete: true, ..Inputs::default() };
        Outcome::Done(product, Arc::new(inputs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(sync: Value, more: Value) -> Result<(Vec<Value>, Vec<usize>), String> {
        let mut spec = json!({ "distribution": { "version": "2.x", "registry": "r" }, "sync": sync });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let name = OwnerName::new(&super::super::KIND, "flux-system", "flux");
        let from = FromSync::read(&name, &serde_json::from_value(spec).unwrap());
        let made = from.0.make().map_err(|error| error.to_string())?;
        Ok((made.manifests.iter().map(|manifest| manifest.object().clone()).collect(), made.idle))
    }

    fn of(made: &[Value], kind: &str) -> Value {
        made.iter().find(|object| object["kind"] == kind).unwrap().clone()
    }

    #[test]
    fn what_is_followed_is_named_as_the_namespace_unless_it_has_a_name() {
        let sync = json!({ "kind": "GitRepository", "url": "https://a/b", "ref": "refs/heads/main", "path": "clusters/a",
            "pullSecret": "s" });
        let common =
            json!({ "labels": { "a": "b", "app.kubernetes.io/part-of": "mine" }, "annotations": { "c": "d" } });
        let (made, _) = made(sync, json!({ "commonMetadata": common })).unwrap();
        assert_eq!(
            of(&made, "GitRepository")["spec"],
            json!({ "interval": "1m", "url": "https://a/b", "secretRef": { "name": "s" },
            "ref": { "name": "refs/heads/main" } })
        );
        assert_eq!(
            of(&made, "Kustomization")["spec"],
            json!({ "interval": "10m0s", "path": "clusters/a", "prune": true,
            "sourceRef": { "kind": "GitRepository", "name": "flux-system" } })
        );
        for object in &made {
            let labels = json!({ "a": "b", "app.kubernetes.io/instance": "flux-system",
                "app.kubernetes.io/managed-by": "flux-operator",
                "app.kubernetes.io/part-of": "mine", "app.kubernetes.io/version": VERSION });
            assert_eq!(
                object["metadata"],
                json!({ "name": "flux-system", "namespace": "flux-system", "labels": labels, "annotations": { "c": "d" } })
            );
        }
        let bucket = json!({ "kind": "Bucket", "url": "s3.example.com", "ref": "fleet", "path": "./", "name": "own",
            "interval": "5m", "provider": "aws" });
        let (made, _) = super::tests::made(bucket, json!({ "cluster": { "multitenant": true } })).unwrap();
        let source = of(&made, "Bucket");
        assert_eq!(
            source["spec"],
            json!({ "interval": "5m", "bucketName": "fleet", "endpoint": "s3.example.com", "provider": "aws" })
        );
        assert_eq!(source["metadata"]["name"], "own");
        assert_eq!(of(&made, "Kustomization")["spec"]["serviceAccountName"], "kustomize-controller");
    }

    #[test]
    fn patches_of_what_is_followed_count_and_it_is_known_which_do_not() {
        let sync = json!({ "kind": "OCIRepository", "url": "oci://a/b", "ref": "latest", "path": "./" });
        let patch = |target: Value, patch: &str| json!({ "target": target, "patch": patch });
        let decrypt = "- op: add\n  path: /spec/decryption\n  value: {provider: sops}\n";
        let arguments = "- op: add\n  path: /spec/template/spec/containers/0/args/-\n  value: --x\n";
        let merged = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\n\
                      spec: {wait: true}\n";
        let patches = json!([
            patch(json!({ "kind": "Deployment" }), arguments),
            patch(json!({ "kind": "(Kustomization|GitRepository)" }), decrypt),
            { "patch": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: helm-controller}\n" },
            { "patch": merged },
        ]);
        let (made, idle) = made(sync.clone(), json!({ "kustomize": { "patches": patches } })).unwrap();
        let kustomization = of(&made, "Kustomization");
        assert_eq!(kustomization["spec"]["decryption"], json!({ "provider": "sops" }));
        assert_eq!(kustomization["spec"]["wait"], true);
        assert_eq!((made.len(), idle), (2, vec![0, 2]));
        let nowhere = "- op: replace\n  path: /spec/no/where\n  value: 1\n";
        let wrong = json!({ "kustomize": { "patches": [patch(json!({ "kind": "Kustomization" }), nowhere)] } });
        let error = super::tests::made(sync, wrong).unwrap_err();
        assert!(error.starts_with("build failed: spec.kustomize.patches[0]: "), "{error}");
    }
}
