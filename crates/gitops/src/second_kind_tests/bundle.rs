//! A kind of owner: its objects are the list in a file of JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::annotations::FINALIZER;
use cowherd_apply::mask::Mask;
use cowherd_apply::{Manifest, ManifestError, Ownership};
use cowherd_render::Helm;
use cowherd_runtime::Description;
use cowherd_tree::{Recorder, Tree, TreePath};
use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::NamespaceResourceScope;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::conditions::{ARTIFACT_FAILED, BUILD_FAILED};
use crate::metrics::Described;
use crate::owner::{
    Deletion, Expressions, Inventory, Owner, OwnerKind, OwnerName, Owning, Precedence, Settings, Status, read,
};
use crate::producer::{Inputs, Outcome, Prepared, Preparing, Producer, ProducerError, Product, Production};
use crate::remotes::Brought;
use crate::source::{SourceName, git};

pub(super) const API_VERSION: &str = "tests.cowherd.dev/v1";

pub(super) static KIND: OwnerKind = OwnerKind {
    group: "tests.cowherd.dev",
    version: "v1",
    kind: "Bundle",
    plural: "bundles",
    ownership: Ownership {
        name_label: "tests.cowherd.dev/name",
        namespace_label: "tests.cowherd.dev/namespace",
        field_manager: "bundle-controller",
        takes_over: true,
    },
    component: "bundle-controller",
    status_manager: "bundle-controller-status",
    finalizer: FINALIZER,
    minds_losses: true,
    relinquishes: false,
    status_fields: &["observedGeneration", "conditions", "delivered", "objects"],
    read: read::<Bundle>,
    write_status,
    source_field: "spec.sourceRef",
    without_source: ARTIFACT_FAILED,
    needs_latest: false,
    has_commits: true,
    story: None,
};

/// The definition of the kind.
pub(super) fn definition() -> Value {
    let open = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let properties = json!({ "spec": open, "status": open });
    let schema = json!({ "openAPIV3Schema": { "type": "object", "properties": properties } });
    let version =
        json!({ "name": "v1", "served": true, "storage": true, "schema": schema, "subresources": { "status": {} } });
    json!({ "metadata": { "name": "bundles.tests.cowherd.dev" }, "spec": {
        "group": KIND.group, "scope": "Namespaced", "versions": [version],
        "names": { "kind": KIND.kind, "plural": KIND.plural, "singular": "bundle" } } })
}

/// What a file is called, or holds, that delivery has a bug with.
pub(super) const BUG: &str = "a-bug";

/// The file of one that cannot be read without a panic.
pub(super) const UNREADABLE: &str = "unreadable.json";
/// What nobody may be told of it.
pub(super) const UNSPEAKABLE: &str = "hunter2secret";

/// An object of the kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Bundle {
    metadata: ObjectMeta,
    spec: Spec,
    #[serde(default)]
    status: BundleStatus,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Spec {
    file: String,
    from: String,
}

/// What its status says, in words of its own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BundleStatus {
    observed_generation: Option<i64>,
    conditions: Vec<cowherd_api::Condition>,
    delivered: Option<String>,
    objects: BTreeMap<String, String>,
}

fn write_status(status: &Status) -> serde_json::Result<Value> {
    let entries = status.inventory.iter().flat_map(|Inventory(entries)| entries);
    let objects = entries.map(|(id, version)| (id.to_string(), version.to_string())).collect();
    serde_json::to_value(BundleStatus {
        observed_generation: status.observed_generation,
        conditions: status.conditions.clone(),
        delivered: status.last_applied_revision.clone(),
        objects,
    })
}

impl Described for Bundle {
    fn described(&self) -> Description {
        Description::default()
    }
}

impl Owning for Bundle {
    const KIND: &'static OwnerKind = &KIND;

    fn read(self, _known: Option<&Owner>) -> (Owner, Status) {
        assert!(self.spec.file != UNREADABLE, "the spec brings out a bug");
        let hour = Duration::from_secs(3600);
        let name = OwnerName::of(&self);
        let settings = Settings {
            source: SourceName::new(git::KIND, &name.namespace, &self.spec.from),
            producer: Arc::new(FromFile(self.spec.file)),
            default_namespace: None,
            depends_on: Vec::new(),
            interval: hour,
            retry_interval: Duration::from_secs(1),
            timeout: hour,
            prune: true,
            force: false,
            wait: false,
            health_checks: Vec::new(),
            expressions: Expressions::default(),
            minds_drift: true,
            needs_lockdown: None,
        };
        let status = Status {
            observed_generation: self.status.observed_generation,
            conditions: self.status.conditions,
            last_applied_revision: self.status.delivered,
            inventory: Some(Inventory(
                self.status.objects.into_iter().map(|(id, version)| (id.into(), version.into())).collect(),
            )),
            ..Status::default()
        };
        let metadata = self.metadata.into();
        let owner = Owner {
            name,
            metadata,
            is_suspended: false,
            settings: Ok(Arc::new(settings)),
            deletion: Deletion::Delete,
            kube_config: None,
            account: None,
            has_default_account: false,
            precedence: Precedence::default(),
            own: None,
        };
        (owner, status)
    }
}

/// Makes objects of the list in a file.
#[derive(Clone, Debug)]
struct FromFile(String);

impl Producer for FromFile {
    fn reads_cluster(&self) -> bool {
        false
    }

    fn prepare<'a>(&'a self, _with: Preparing<'a>) -> BoxFuture<'a, Result<Prepared, ProducerError>> {
        assert!(self.0 != BUG, "what it works with is {UNSPEAKABLE}");
        let prepared = Prepared { production: Arc::new(self.clone()), mask: Mask::default() };
        async { Ok(prepared) }.boxed()
    }
}

impl Production for FromFile {
    fn parameters(&self) -> String {
        self.0.clone()
    }

    fn produce(&self, tree: &dyn Tree, _helm: &Helm, _brought: &mut Brought) -> Outcome {
        let recorder = Recorder::new(tree);
        let content = TreePath::parse(&self.0).ok().and_then(|path| tree.read(&path).ok()).unwrap_or_default();
        assert!(
            !content.windows(BUG.len()).any(|part| part == BUG.as_bytes()),
            "{}",
            String::from_utf8_lossy(&content)
        );
        let read = || -> Result<Product, Box<dyn std::error::Error + Send + Sync>> {
            let content = recorder.read(&TreePath::parse(&self.0)?)?;
            let objects: Vec<Value> = serde_json::from_slice(&content)?;
            let manifests: Result<Vec<_>, ManifestError> = objects.into_iter().map(Manifest::new).collect();
            Ok(Product::of(manifests.map_err(|error| error.told(&Mask::default()))?))
        };
        let product = read().map_err(|error| ProducerError::new(error, BUILD_FAILED, false));
        let inputs = Inputs { reads: recorder.into_reads(), is_complete: true, ..Inputs::default() };
        Outcome::Done(product, Arc::new(inputs))
    }
}

impl Resource for Bundle {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        KIND.kind.into()
    }

    fn group((): &()) -> Cow<'_, str> {
        KIND.group.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        KIND.version.into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        KIND.plural.into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
