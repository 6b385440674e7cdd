//! `source.toolkit.fluxcd.io/v1`.

mod artifact;
mod bucket;
mod external_artifact;
mod git_repository;
mod helm_chart;
mod helm_repository;
mod oci_repository;

pub use artifact::Artifact;
pub use bucket::{Bucket, BucketSTSSpec, BucketSpec, BucketStatus, bucket_crd};
pub use external_artifact::{
    ArtifactSourceReference, ExternalArtifact, ExternalArtifactSpec, ExternalArtifactStatus, external_artifact_crd,
};
pub use git_repository::{
    GitRepository, GitRepositoryInclude, GitRepositoryRef, GitRepositorySpec, GitRepositoryStatus,
    GitRepositoryVerification, git_repository_crd,
};
pub use helm_chart::{
    HelmChart, HelmChartSpec, HelmChartStatus, HelmChartVerification, LocalHelmChartSourceReference, helm_chart_crd,
};
pub use helm_repository::{
    AccessFrom, HelmRepository, HelmRepositorySpec, HelmRepositoryStatus, NamespaceSelector, helm_repository_crd,
};
pub use oci_repository::{
    OCIRepository, OCIRepositoryLayerSelector, OCIRepositoryRef, OCIRepositorySpec, OCIRepositoryStatus,
    OCIRepositoryVerification, OidcIdentityMatch, oci_repository_crd,
};
