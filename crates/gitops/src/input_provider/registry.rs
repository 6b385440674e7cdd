//! The tags of a repository of a registry.

use std::time::Duration;

use cowherd_api::flux::controlplane::v1::ResourceSetInputProvider;
use cowherd_source::{ArtifactError, ArtifactRepository, ArtifactSource, WebProblem};
use kube::ResourceExt;

use super::PROVIDER;
use super::filter::Filter;
use super::found::Found;
use crate::fetches::{BrokenOff, Purpose};
use crate::source::Shared;
use crate::source::oci::{Named, shown, to_registry};
use crate::source::remedy::{self, Fields};
use crate::source::secrets::{Namespace, Unread};

/// Why nothing was found out.
#[derive(Debug, thiserror::Error)]
pub(super) enum RegistryError {
    #[error("spec.url {url:?} names no repository of a registry: {cause}; write oci://HOST/PATH")]
    Url { url: String, cause: WebProblem },
    #[error("{0}")]
    Credentials(#[from] Unread),
    #[error("failed to list the tags of '{repository}': {cause}")]
    List { repository: String, cause: ArtifactError },
    #[error("this program was started without a place to keep artifacts in")]
    NoPlace,
    #[error(transparent)]
    Broken(#[from] BrokenOff),
}

/// The fields that help where a registry does not give its tags.
const FIELDS: Fields = Fields {
    credentials: "a Secret of the type kubernetes.io/dockerconfigjson, which spec.secretRef of the ResourceSetInputProvider names, or an \
                  account with such imagePullSecrets by spec.serviceAccountName",
    insecure: "by spec.insecure: true of the ResourceSetInputProvider",
};

impl RegistryError {
    /// What is wrong, and what to do.
    pub(super) fn told(&self) -> String {
        remedy::told(self.to_string(), self.web(), &FIELDS)
    }

    /// What the registry has against it, if that is it.
    pub(super) fn web(&self) -> Option<&WebProblem> {
        match self {
            Self::List { cause, .. } => cause.web(),
            _ => None,
        }
    }

    /// Whether only a change of the object can help.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Url { .. } | Self::NoPlace)
    }
}

/// The tags that are meant, with what they name, asked for on the terms that hold for the namespace.
pub(super) async fn listed(
    shared: &Shared,
    object: &ResourceSetInputProvider,
    filter: Filter,
    timeout: Duration,
) -> Result<Vec<Found>, RegistryError> {
    let (spec, name) = (&object.spec, object.namespace().unwrap_or_default());
    let url = spec.url.clone().unwrap_or_default();
    let repository = ArtifactRepository::parse(&url).map_err(|cause| RegistryError::Url { url: shown(&url), cause })?;
    let namespace = Namespace { client: &shared.client, name: &name, kind: PROVIDER.0, hidden: &shared.hidden };
    let named = Named {
        secret: spec.secret_ref.as_ref().map(|reference| reference.name.as_str()),
        account: spec.service_account_name.as_deref(),
        certificates: spec.cert_secret_ref.as_ref().map(|reference| reference.name.as_str()),
    };
    let auth = to_registry(&namespace, named, &repository).await?;
    let artifacts = shared.config.artifacts.clone().ok_or(RegistryError::NoPlace)?;
    let access = shared.config.policy.of_tenant(&name);
    let purpose = Purpose { namespace: name, host: repository.host().to_owned(), is_own: false };
    // As with the Flux Operator, who has certificates for it has TLS.
    let insecure = spec.insecure == Some(true) && spec.cert_secret_ref.is_none();
    let source = ArtifactSource { auth, access, insecure, timeout, ..ArtifactSource::new(repository) };
    let work = move |cancel| {
        let source = ArtifactSource { cancel, ..source };
        let tags = artifacts.tags(&source, |tag| filter.fits(tag), |tags| filter.choose(tags, String::as_str));
        tags.map_err(|cause| RegistryError::List { repository: source.repository.to_string(), cause })
    };
    let tags = shared.fetches.run(&purpose, work).await??;
    Ok(tags.into_iter().map(|(tag, digest)| Found::artifact(&tag, &digest.to_string())).collect())
}
