//! Brings the definitions of the agents' resources to a cluster.

use std::time::Duration;

use cowherd_apply::mask::Mask;
use cowherd_apply::{Applier, ApplyError, Desired, Manifest, Options, Owner, Ownership, Partial};

/// How long the cluster may take to serve the definitions.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Why the definitions could not be installed.
#[derive(Debug, thiserror::Error)]
#[error("cannot install the definitions of Flux's resources: {0}")]
pub struct InstallError(String);

impl From<ApplyError> for InstallError {
    fn from(error: ApplyError) -> Self {
        // Nobody's Secrets are in the definitions.
        Self(error.told(&Mask::default()))
    }
}

/// Applies the definitions of the resources that the agents reconcile, and waits until the cluster serves them.
///
/// # Errors
/// When the cluster refuses a definition, cannot be reached, or does not serve it in time.
pub async fn install(client: kube::Client) -> Result<(), InstallError> {
    let mut manifests = Vec::new();
    for crd in cowherd_api::crds() {
        let mut value = serde_json::to_value(crd).unwrap_or_default();
        value["apiVersion"] = "apiextensions.k8s.io/v1".into();
        value["kind"] = "CustomResourceDefinition".into();
        manifests.push(Manifest::new(value).map_err(ApplyError::from)?);
    }
    let options =
        Options { ownership: Ownership { field_manager: "cowherd", ..Ownership::default() }, ..Options::default() };
    let (applier, _drift) = Applier::new(client, options);
    let owner = Owner::new("flux-system", "cowherd").into();
    let desired = Desired {
        owner,
        manifests,
        force: false,
        recheck: false,
        held: Default::default(),
        others: Default::default(),
        account: None,
        timeout: TIMEOUT,
    };
    applier.apply(&desired).await.map(drop).map_err(|Partial { error, .. }| error.into())
}
