//! Requests for reconciliations of what a Receiver names.

use std::collections::HashSet;

use cowherd_api::flux::annotations::RECONCILE_REQUESTED_AT;
use cowherd_api::flux::notification::EventSource;
use cowherd_api::flux::notification::v1::ReceiverResource;
use cowherd_api::supported;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::COMPONENT;
use crate::thinking::BrokenOff;

/// The group of the Flux Operator's kinds.
const OPERATOR: &str = "fluxcd.controlplane.io";
/// How many objects one webhook may have reconciled, by all references together.
pub(crate) const MOST: usize = 1000;
/// How many references a Receiver may have.
pub(crate) const MOST_REFERENCES: usize = 256;

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
    #[error("no object can be called {0:?}; write the name of one, or '*'")]
    Name(String),
    /// No namespace can be called so.
    #[error("no namespace can be called {0:?}; write the name of one")]
    Namespace(String),
    /// Those before it are as many as may be.
    #[error(
        "its references before this one name {MOST} objects, which is as many as a webhook may ask for; write several Receivers"
    )]
    TooMany,
    /// Expressions broke off.
    #[error("{0}")]
    BrokenOff(#[from] BrokenOff),
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

/// What a reference names.
pub(crate) struct Named {
    api: Api<DynamicObject>,
    resource: ApiResource,
    objects: Objects,
}

enum Objects {
    /// By a name that nobody looked for.
    Name(String),
    /// These.
    Found(Vec<ObjectMeta>),
}

/// Finds what a Receiver of the namespace `own` names by a reference, `most` objects at most. What is to be filtered is read.
pub(crate) async fn find(
    client: &Client,
    of: &EventSource,
    is_filtered: bool,
    own: &str,
    no_cross_namespace_refs: bool,
    most: usize,
) -> Result<Named, Unrequested> {
    let namespace = namespace(of, own);
    if no_cross_namespace_refs && namespace != own {
        return Err(Unrequested::CrossNamespace);
    }
    named(of, own)?;
    let resource = resource(of)?;
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let objects = match of.name.as_str() {
        "*" => Objects::Found(labelled(&api, of, most).await?),
        name if is_filtered => Objects::Found(vec![api.get_metadata(name).await?.metadata]),
        name => Objects::Name(name.to_owned()),
    };
    Ok(Named { api, resource, objects })
}

/// The objects that have the labels of a reference.
async fn labelled(api: &Api<DynamicObject>, of: &EventSource, most: usize) -> Result<Vec<ObjectMeta>, Unrequested> {
    let labels = of.match_labels.as_ref().ok_or(Unrequested::NoLabels)?;
    if most == 0 {
        return Err(Unrequested::TooMany);
    }
    let selector: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let params = ListParams::default().labels(&selector.join(",")).limit(u32::try_from(most).unwrap_or(u32::MAX));
    let found = api.list_metadata(&params).await?;
    Ok(found.items.into_iter().map(|object| object.metadata).collect())
}

impl Named {
    /// How many objects they are.
    pub(crate) fn len(&self) -> usize {
        match &self.objects {
            Objects::Name(_) => 1,
            Objects::Found(found) => found.len(),
        }
    }

    /// What filters decide on: each object by its name.
    pub(crate) fn resources(&self) -> Vec<(String, Value)> {
        let Objects::Found(found) = &self.objects else { return Vec::new() };
        let object = |metadata: &ObjectMeta| {
            let name = metadata.name.clone().unwrap_or_default();
            (name, json!({ "apiVersion": self.resource.api_version, "kind": self.resource.kind, "metadata": metadata }))
        };
        found.iter().map(object).collect()
    }

    /// Asks for their reconciliation, or for that of those alone that were accepted; how many they are.
    pub(crate) async fn request(self, accepted: Option<&HashSet<String>>) -> Result<usize, Unrequested> {
        let mut names = match self.objects {
            Objects::Name(name) => vec![name],
            Objects::Found(found) => found.into_iter().filter_map(|metadata| metadata.name).collect(),
        };
        names.retain(|name| accepted.is_none_or(|accepted| accepted.contains(name)));
        for name in &names {
            annotate(&self.api, name).await?;
        }
        Ok(names.len())
    }
}

/// The first thing that is wrong with the references of a Receiver of a namespace, whatever there is in the cluster.
pub(crate) fn wrong_references(resources: &[ReceiverResource], own: &str) -> Option<String> {
    if resources.len() > MOST_REFERENCES {
        return Some(format!(
            "spec.resources has {} references, and may have {MOST_REFERENCES}: name several resources by one with '*' and matchLabels, or \
             write several Receivers",
            resources.len()
        ));
    }
    let mut wrong = resources.iter().enumerate().filter_map(|(place, one)| Some((place, named(&one.of, own).err()?)));
    wrong.next().map(|(place, error)| format!("spec.resources[{place}]: {error}"))
}

/// Whether a reference names what there can be: its names become parts of paths, and must not lead elsewhere.
fn named(of: &EventSource, own: &str) -> Result<(), Unrequested> {
    let is_name = |name: &str| !name.is_empty() && cowherd_apply::is_path_segment(name);
    if !is_name(&of.name) {
        return Err(Unrequested::Name(of.name.clone()));
    }
    let namespace = namespace(of, own);
    if is_name(namespace) { Ok(()) } else { Err(Unrequested::Namespace(namespace.to_owned())) }
}

/// The namespace of what a reference of a Receiver in `own` names.
fn namespace<'o>(of: &'o EventSource, own: &'o str) -> &'o str {
    of.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or(own)
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
    fn no_name_leads_elsewhere_and_references_have_a_limit() {
        let of = |name: &str, namespace: &str| ReceiverResource {
            of: EventSource {
                name: name.into(),
                namespace: Some(namespace.into()),
                ..reference("GitRepository", None)
            },
            filter: None,
        };
        for (name, namespace) in [("flux-system", "flux-system"), ("*", "apps"), ("a.b", "")] {
            assert_eq!(wrong_references(&[of("x", ""), of(name, namespace)], "own"), None, "{name} {namespace}");
        }
        for (name, namespace, words) in [
            ("flux-system", "flux-system/gitrepositories/flux-system?x=", "no namespace can be called \"flux-system/"),
            ("x", "..", "no namespace can be called"),
            ("../x", "", "spec.resources[1]: no object can be called \"../x\""),
            ("", "", "no object can be called"),
            ("x%2fy", "", "no object can be called"),
        ] {
            let wrong = wrong_references(&[of("x", ""), of(name, namespace)], "own").unwrap();
            assert!(wrong.contains(words), "{wrong}");
        }
        let many = wrong_references(&vec![of("x", ""); MOST_REFERENCES + 1], "own").unwrap();
        assert!(many.contains("has 257 references, and may have 256"), "{many}");
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
