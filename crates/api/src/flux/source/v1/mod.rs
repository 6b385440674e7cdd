//! `source.toolkit.fluxcd.io/v1`.

mod artifact;
mod git_repository;
mod oci_repository;

pub use artifact::Artifact;
pub use git_repository::{
    GitRepository, GitRepositoryInclude, GitRepositoryRef, GitRepositorySpec, GitRepositoryStatus,
    GitRepositoryVerification, git_repository_crd,
};
pub use oci_repository::{
    OCIRepository, OCIRepositoryLayerSelector, OCIRepositoryRef, OCIRepositorySpec, OCIRepositoryStatus,
    OCIRepositoryVerification, OidcIdentityMatch, oci_repository_crd,
};
