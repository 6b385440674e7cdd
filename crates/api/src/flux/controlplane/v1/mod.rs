//! `fluxcd.controlplane.io/v1`.

mod flux_instance;
mod flux_report;
mod input_provider;
mod resource_set;
mod selector;

use schemars::{Schema, SchemaGenerator, json_schema};

pub use flux_instance::{
    Cluster, ComponentImage, Distribution, FluxInstance, FluxInstanceSpec, FluxInstanceStatus, Kustomize, Sharding,
    Storage, Sync, flux_instance_crd,
};
pub use flux_report::{
    ClusterInfo, ComponentStatus, DistributionStatus, FluxReport, FluxReportSpec, FluxReportStatus, OperatorInfo,
    ReconcilerStats, ReconcilerStatus, SyncStatus, flux_report_crd,
};
pub use input_provider::{
    ExternalArtifactSelector, InputFilter, InputSkip, NextSchedule, ResourceSetInputProvider,
    ResourceSetInputProviderSpec, ResourceSetInputProviderStatus, Schedule, input_provider_crd,
};
pub use resource_set::{
    CommonMetadata, Dependency, Input, InputProviderReference, InputStrategy, ResourceSet, ResourceSetSpec,
    ResourceSetStatus, Step, resource_set_crd,
};
pub use selector::{LabelSelector, LabelSelectorRequirement};

/// The schema of a map whose values may be anything.
fn any_values(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "x-kubernetes-preserve-unknown-fields": true } })
}

/// The schema of a list of such maps.
fn lists_of_any_values(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": {
        "type": "object", "additionalProperties": { "x-kubernetes-preserve-unknown-fields": true } } })
}

/// The schema of a list of objects of any kind.
fn any_objects(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } })
}
