//! The Flux Operator's FluxInstance: cowherd is the Flux of its cluster, and follows what it says.
//!
//! It is an owner of two objects, the source and the Kustomization that `spec.sync` means, which go with it; what they have brought
//! stays. What else it says of an installation is told as what has no effect.

mod effect;
mod owner;
mod producer;
mod status;
mod task;

use cowherd_api::flux::annotations::{INSTANCE_NAME, INSTANCE_NAMESPACE, OPERATOR_FIELD_MANAGER, OPERATOR_FINALIZER};
use cowherd_api::flux::controlplane::v1::FluxInstance;
use cowherd_apply::Ownership;

use crate::conditions::BUILD_FAILED;
use crate::owner::{OwnerKind, read};
use crate::source::SourceKind;

pub(crate) use effect::components;
pub(crate) use producer::PLATFORM_ACCOUNT;
pub(crate) use status::VERSION;
pub(crate) use task::run;

/// The only name that there is, as with the Flux Operator.
pub(crate) const NAME: &str = "flux";

/// What it is made of, which is nothing but what it says itself.
pub(crate) const ITSELF: SourceKind = SourceKind("FluxInstance");

/// The kind.
pub(crate) static KIND: OwnerKind = OwnerKind {
    group: "fluxcd.controlplane.io",
    version: "v1",
    kind: "FluxInstance",
    plural: "fluxinstances",
    ownership: Ownership {
        name_label: INSTANCE_NAME,
        namespace_label: INSTANCE_NAMESPACE,
        field_manager: OPERATOR_FIELD_MANAGER,
        takes_over: true,
    },
    component: "flux-operator",
    status_manager: OPERATOR_FIELD_MANAGER,
    finalizer: OPERATOR_FINALIZER,
    minds_losses: true,
    relinquishes: true,
    status_fields: status::FIELDS,
    read: read::<FluxInstance>,
    write_status: status::write,
    source_field: "spec.sync",
    without_source: BUILD_FAILED,
    needs_latest: false,
    has_commits: false,
    story: None,
};
