//! Flux's Kustomization: an owner whose objects kustomize makes of the content of a source.

mod decryption;
mod made;
mod offline;
mod owner;
mod producer;
mod status;
mod variables;

use cowherd_api::flux::annotations::{FIELD_MANAGER, FINALIZER, KUSTOMIZE_STATUS_MANAGER};
use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::{OWNER_NAME, OWNER_NAMESPACE, Ownership};

use crate::conditions::ARTIFACT_FAILED;
use crate::owner::{OwnerKind, read};

pub use decryption::DecryptionKeys;
pub use offline::{Made, OfflineProblem, Plan, Values};
#[cfg(test)]
pub(crate) use producer::Kustomize;

/// The kind.
pub(crate) static KIND: OwnerKind = OwnerKind {
    group: "kustomize.toolkit.fluxcd.io",
    version: "v1",
    kind: "Kustomization",
    plural: "kustomizations",
    ownership: Ownership {
        name_label: OWNER_NAME,
        namespace_label: OWNER_NAMESPACE,
        field_manager: FIELD_MANAGER,
        takes_over: true,
    },
    component: "kustomize-controller",
    status_manager: KUSTOMIZE_STATUS_MANAGER,
    finalizer: FINALIZER,
    minds_losses: true,
    relinquishes: false,
    status_fields: status::FIELDS,
    read: read::<Kustomization>,
    write_status: status::write,
    source_field: "spec.sourceRef",
    without_source: ARTIFACT_FAILED,
    needs_latest: false,
    has_commits: true,
    story: None,
};
