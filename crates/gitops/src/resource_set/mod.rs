//! The Flux Operator's ResourceSet: an owner whose objects are made of templates and inputs.
//!
//! What the ResourceSetInputProviders give that a ResourceSet names is its source: a task for each ([`inputs`]) follows them, and has an
//! artifact of what they give, with all others that are given the same ([`providers`]), so that another input is to a ResourceSet what another commit is to a Kustomization.

mod checksums;
mod copies;
mod dependencies;
mod inputs;
mod offline;
mod owner;
mod producer;
mod providers;
mod status;

use cowherd_api::flux::annotations::{OPERATOR_FIELD_MANAGER, OPERATOR_FINALIZER, SET_NAME, SET_NAMESPACE};
use cowherd_api::flux::controlplane::v1::ResourceSet;
use cowherd_apply::Ownership;

use crate::conditions::BUILD_FAILED;
use crate::owner::{OwnerKind, read};

pub(crate) use inputs::run as follow_inputs;
pub use offline::{SetPlan, Unmade};
pub(crate) use providers::Providers;

/// The kind.
pub(crate) static KIND: OwnerKind = OwnerKind {
    group: "fluxcd.controlplane.io",
    version: "v1",
    kind: "ResourceSet",
    plural: "resourcesets",
    ownership: Ownership {
        name_label: SET_NAME,
        namespace_label: SET_NAMESPACE,
        field_manager: OPERATOR_FIELD_MANAGER,
        takes_over: true,
    },
    component: "flux-operator",
    status_manager: OPERATOR_FIELD_MANAGER,
    finalizer: OPERATOR_FINALIZER,
    // What inputs decide on goes when they do.
    minds_losses: false,
    relinquishes: false,
    status_fields: status::FIELDS,
    read: read::<ResourceSet>,
    write_status: status::write,
    source_field: "spec.inputsFrom",
    without_source: BUILD_FAILED,
    // What a provider gave that is gone is no input any more.
    needs_latest: true,
    has_commits: false,
    story: None,
};
