//! Requests for reconciliations of what a Receiver names.

use cowherd_api::flux::annotations::RECONCILE_REQUESTED_AT;
use cowherd_api::flux::notification::EventSource;
use cowherd_api::supported;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::json;

use super::filter::Filter;
use crate::COMPONENT;

/// The group of the Flux Operator's kinds.
const OPERATOR: &str = "fluxcd.controlplane.io";
/// How many objects one webhook may have reconciled.
const MOST: usize = 1000;

/// The versions of kinds whose references need not say which, as Flux has them.
const VERSIONS: &[(&str, &str)] = &[
    ("Bucket", "source.toolkit.fluxcd.io/v1"),
    ("HelmChart", "source.toolkit.fluxcd.io/v1"),
    ("HelmRepository", "source.toolkit.fluxcd.io/v1"),
    ("GitRepository", "source.toolkit.fluxcd.io/v1"),
    ("OCIRepository", "source.toolkit.fluxcd.io/v1"),
    ("ImageRepository", "image.toolkit.fluxcd.io/v1"),
    ("ArtifactGenerator", "source.extensions.fluxcd.io/v1beta1"),
    ("ResourceSet", "fluxcd.controlplane.io/v1"),
    ("ResourceSetInputProvider", "fluxcd.controlplane.io/v1"),
];

/// Why something is not reconciled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unrequested {
    /// It is of another namespace.
    #[error("cross-namespace references are not allowed")]
    CrossNamespace,
    /// Nobody knows which kind is meant.
    #[error("apiVersion must be specified for kind {0:?}")]
    NoVersion(String),
    /// It is no kind of Flux's.
    #[error("no {kind} of {version:?} is reconciled; the apiVersion is that of another group")]
    ForeignKind {
        /// The kind.
        kind: String,
        /// The group and version.
        version: String,
    },
    /// All of a namespace is never meant.
    #[error("matchLabels field not set when using wildcard '*' as name")]
    NoLabels,
    /// No object can be called so.
    #[error("no object can be called {0:?}")]
    Name(String),
    /// A filter cannot decide.
    #[error("{0}")]
    Filter(String),
    /// The API refused.
    #[error("{0}")]
    Api(String),
}

impl From<kube::Error> for Unrequested {
    fn from(error: kube::Error) -> Self {
        Self::Api(match error {
            kube::Error::Api(status) => status.message.clone(),
            other => other.to_string(),
        })
    }
}

/// Asks for the reconciliation of all that a Receiver of the namespace `own` names by one reference; how many they are.
pub(crate) async fn request(
    client: &Client,
    of: &EventSource,
    filter: Option<Filter>,
    own: &str,
    no_cross_namespace_refs: bool,
) -> Result<usize, Unrequested> {
    let namespace = of.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or(own);
    if no_cross_namespace_refs && namespace != own {
        return Err(Unrequested::CrossNamespace);
    }
    if !cowherd_apply::is_path_segment(namespace) {
        return Err(Unrequested::Name(namespace.to_owned()));
    }
    let resource = resource(of)?;
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    if of.name != "*" {
        if !cowherd_apply::is_path_segment(&of.name) {
            return Err(Unrequested::Name(of.name.clone()));
        }
        let names = match filter {
            Some(filter) => accepted(filter, &resource, vec![api.get_metadata(&of.name).await?.metadata]).await?,
            None => vec![of.name.clone()],
        };
        for name in &names {
            annotate(&api, name).await?;
        }
        return Ok(names.len());
    }
    let labels = of.match_labels.as_ref().ok_or(Unrequested::NoLabels)?;
    let selector: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let params = ListParams::default().labels(&selector.join(",")).limit(u32::try_from(MOST).unwrap_or(u32::MAX));
    let found = api.list_metadata(&params).await?;
    let found: Vec<ObjectMeta> = found.items.into_iter().map(|object| object.metadata).collect();
    let names = match filter {
        Some(filter) => accepted(filter, &resource, found).await?,
        None => found.into_iter().filter_map(|metadata| metadata.name).collect(),
    };
    for name in &names {
        annotate(&api, name).await?;
    }
    Ok(names.len())
}

/// The names of those that a filter accepts.
async fn accepted(filter: Filter, of: &ApiResource, found: Vec<ObjectMeta>) -> Result<Vec<String>, Unrequested> {
    let object = |metadata: ObjectMeta| {
        let name = metadata.name.clone().unwrap_or_default();
        (name, json!({ "apiVersion": of.api_version, "kind": of.kind, "metadata": metadata }))
    };
    let resources = found.into_iter().map(object).collect();
    let accepted = tokio::task::spawn_blocking(move || filter.accepted(resources)).await;
    accepted.map_err(|error| Unrequested::Filter(error.to_string()))?.map_err(Unrequested::Filter)
}

/// The kind that a reference names. A tenant writes it: it must be one of Flux's.
fn resource(of: &EventSource) -> Result<ApiResource, Unrequested> {
    let usual = VERSIONS.iter().find(|(kind, _)| *kind == of.kind).map(|(_, version)| *version);
    let said = of.api_version.as_deref().filter(|version| !version.is_empty());
    let version = said.or(usual).ok_or_else(|| Unrequested::NoVersion(of.kind.clone()))?;
    let foreign = || Unrequested::ForeignKind { kind: of.kind.clone(), version: version.to_owned() };
    let (group, version) = version.split_once('/').ok_or_else(foreign)?;
    let is_version =
        version.starts_with('v') && version.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let is_fluxs = group.ends_with(".fluxcd.io") || group == OPERATOR;
    if !is_fluxs || supported::find(group, &of.kind).is_none() || !is_version {
        return Err(foreign());
    }
    Ok(ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &of.kind)))
}

async fn annotate(api: &Api<DynamicObject>, name: &str) -> Result<(), Unrequested> {
    let patch = json!({ "metadata": { "annotations": { RECONCILE_REQUESTED_AT: Timestamp::now().to_string() } } });
    let params = PatchParams { field_manager: Some(COMPONENT.to_owned()), ..PatchParams::default() };
    api.patch_metadata(name, &params, &Patch::Merge(patch)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(kind: &str, version: Option<&str>) -> EventSource {
        EventSource {
            api_version: version.map(str::to_owned),
            kind: kind.into(),
            name: "x".into(),
            ..Default::default()
        }
    }

    #[test]
    fn only_kinds_of_flux_are_reconciled() {
        for (kind, version, plural) in [
            ("GitRepository", None, "gitrepositories"),
            ("OCIRepository", Some("source.toolkit.fluxcd.io/v1beta2"), "ocirepositories"),
            ("Kustomization", Some("kustomize.toolkit.fluxcd.io/v1"), "kustomizations"),
            ("HelmRelease", Some("helm.toolkit.fluxcd.io/v2"), "helmreleases"),
            ("ResourceSet", None, "resourcesets"),
        ] {
            assert_eq!(resource(&reference(kind, version)).unwrap().plural, plural);
        }
        for (kind, version) in [
            ("Kustomization", None),
            ("Secret", Some("v1")),
            ("GitRepository", Some("v1")),
            ("GitRepository", Some("example.org/v1")),
            ("GitRepository", Some("source.toolkit.fluxcd.io/../v1")),
            ("GitRepository", Some("source.toolkit.fluxcd.io/v1/namespaces")),
            ("Application", Some("argoproj.io/v1alpha1")),
        ] {
            assert!(resource(&reference(kind, version)).is_err(), "{kind} {version:?}");
        }
    }
}
