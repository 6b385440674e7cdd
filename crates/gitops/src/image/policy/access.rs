//! Which ImageRepositories of other namespaces an ImagePolicy may refer to.

use cowherd_api::flux::image::v1::ImageRepository;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};

use crate::NamespacedName;

/// Why an ImageRepository must not be referred to, in Flux's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Denied {
    /// Nobody may refer to another namespace.
    #[error("cannot access 'ImageRepository/{0}', cross-namespace references have been blocked")]
    Blocked(NamespacedName),
    /// It lets nobody else.
    #[error("access denied: '{0}' can't be accessed due to missing ACL labels on 'accessFrom'")]
    Missing(NamespacedName),
    /// It lets others.
    #[error("access denied: '{repository}' can't be accessed due to ACL labels mismatch on namespace '{namespace}'")]
    Mismatch {
        /// The ImageRepository.
        repository: NamespacedName,
        /// The namespace of the ImagePolicy.
        namespace: String,
    },
    /// The labels of the namespace are not known.
    #[error("access denied: the labels of the namespace '{0}' cannot be read: {1}")]
    Unknown(String, String),
}

/// Whether an ImagePolicy of a namespace may refer to an ImageRepository.
pub(super) async fn check(
    client: &Client,
    namespace: &str,
    name: &NamespacedName,
    repository: &ImageRepository,
) -> Result<(), Denied> {
    if name.namespace == namespace {
        return Ok(());
    }
    let Some(access) = &repository.spec.access_from else { return Err(Denied::Missing(name.clone())) };
    let found = Api::<Namespace>::all(client.clone()).get(namespace).await;
    let found = found.map_err(|error| {
        let cause = match error {
            kube::Error::Api(status) => status.message.clone(),
            other => other.to_string(),
        };
        Denied::Unknown(namespace.to_owned(), cause)
    })?;
    let labels = found.metadata.labels.unwrap_or_default();
    let fits = |wanted: &std::collections::BTreeMap<String, String>| {
        wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    let mut selectors = access.namespace_selectors.iter();
    match selectors.any(|selector| selector.match_labels.as_ref().is_none_or(fits)) {
        true => Ok(()),
        false => Err(Denied::Mismatch { repository: name.clone(), namespace: namespace.to_owned() }),
    }
}
