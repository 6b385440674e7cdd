//! `image.toolkit.fluxcd.io/v1`.

mod automation;
mod policy;
mod repository;

pub use automation::{
    CommitSpec, CommitUser, GitCheckoutSpec, GitSpec, ImageUpdateAutomation, ImageUpdateAutomationSpec,
    ImageUpdateAutomationStatus, PushSpec, SigningKey, SourceReference, UpdateStrategy, image_update_automation_crd,
};
pub use policy::{
    ImagePolicy, ImagePolicyChoice, ImagePolicySpec, ImagePolicyStatus, ImageRef, OrderPolicy, RepositoryReference,
    SemVerPolicy, TagFilter, image_policy_crd,
};
pub use repository::{ImageRepository, ImageRepositorySpec, ImageRepositoryStatus, ScanResult, image_repository_crd};
