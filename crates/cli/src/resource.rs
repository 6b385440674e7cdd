//! The agents' resources as commands see them, whichever kind they are.

use anyhow::Result;
use cowherd_api::flux::annotations::{DISABLED, GENERATOR_RECONCILE, SET_RECONCILE};
use cowherd_text::near;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

use crate::cluster::{explain, missing, unseen};
use crate::output::{self, Format};
use crate::target::Kind;

impl Kind {
    /// Group, version, kind and plural.
    pub fn api_resource(self) -> ApiResource {
        ApiResource::from_gvk_with_plural(
            &GroupVersionKind::gvk(self.group(), self.version(), self.name()),
            self.plural(),
        )
    }

    /// What the API calls the kind where it refuses it: `kustomizations.kustomize.toolkit.fluxcd.io`.
    pub fn full_name(self) -> String {
        format!("{}.{}", self.plural(), self.group())
    }

    /// The API of this kind in a namespace.
    pub fn api(self, client: &Client, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(client.clone(), namespace, &self.api_resource())
    }

    /// The API of this kind in all namespaces.
    pub fn api_everywhere(self, client: &Client) -> Api<DynamicObject> {
        Api::all_with(client.clone(), &self.api_resource())
    }

    /// The annotation by which one of the kind is left alone, where no field of the spec says so.
    pub fn resting(self) -> Option<&'static str> {
        match self {
            Self::ArtifactGenerator => Some(GENERATOR_RECONCILE),
            Self::FluxInstance | Self::ResourceSet | Self::ResourceSetInputProvider => Some(SET_RECONCILE),
            _ => None,
        }
    }

    /// The word that Flux's commands have for the kind.
    pub fn word(self) -> &'static str {
        match self {
            Self::Kustomization => "kustomization",
            Self::GitRepository => "source git",
            Self::OCIRepository => "source oci",
            Self::Bucket => "source bucket",
            Self::HelmRepository => "source helm",
            Self::HelmChart => "source chart",
            Self::ExternalArtifact => "source external",
            Self::ArtifactGenerator => "artifact generator",
            Self::HelmRelease => "helmrelease",
            Self::FluxInstance => "fluxinstance",
            Self::ResourceSet => "resourceset",
            Self::ResourceSetInputProvider => "resourcesetinputprovider",
            Self::Alert => "alert",
            Self::Provider => "alert-provider",
            Self::Receiver => "receiver",
            Self::ImageRepository => "image repository",
            Self::ImagePolicy => "image policy",
            Self::ImageUpdateAutomation => "image update",
        }
    }
}

/// A Kustomization, a HelmRelease, a source, or what is about notifications or images.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Which of them.
    pub kind: Kind,
    /// The object as the API gave it.
    pub object: DynamicObject,
}

impl Resource {
    /// `namespace/name`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.namespace(), self.name())
    }

    /// The namespace.
    pub fn namespace(&self) -> String {
        self.object.namespace().unwrap_or_default()
    }

    /// The name.
    pub fn name(&self) -> String {
        self.object.name_any()
    }

    /// Whether nothing is ever said of it: it only says where charts are in a registry, or who is told of what.
    pub fn is_static(&self) -> bool {
        match self.kind {
            Kind::Alert | Kind::Provider => true,
            kind => kind == Kind::HelmRepository && self.text("/spec/type") == "oci",
        }
    }

    /// Whether the agents look at it, and say so: what an ExternalArtifact is, whoever makes it says.
    pub fn is_looked_at(&self) -> bool {
        !self.is_static() && self.kind != Kind::ExternalArtifact
    }

    /// Whether it is to be left alone: by `spec.suspend`, or by the annotation that some kinds have for that.
    pub fn suspended(&self) -> bool {
        let is_disabled = |value: &String| value.eq_ignore_ascii_case(DISABLED);
        match self.kind.resting() {
            Some(annotation) => self.object.annotations().get(annotation).is_some_and(is_disabled),
            None => self.at("/spec/suspend").and_then(Value::as_bool).unwrap_or(false),
        }
    }

    /// The revision that was applied, or of a source: that was fetched; empty before the first.
    pub fn revision(&self) -> &str {
        let path = match self.kind {
            Kind::Kustomization | Kind::ResourceSet | Kind::FluxInstance => "/status/lastAppliedRevision",
            Kind::ResourceSetInputProvider => "/status/lastExportedRevision",
            Kind::ImageRepository => "/status/lastScanResult/revision",
            Kind::ImagePolicy => "/status/latestRef/tag",
            Kind::ImageUpdateAutomation => "/status/observedSourceRevision",
            // They have none.
            Kind::Alert | Kind::Provider | Kind::Receiver | Kind::ArtifactGenerator => return "",
            Kind::HelmRelease => "/status/history/0/chartVersion",
            Kind::GitRepository
            | Kind::OCIRepository
            | Kind::Bucket
            | Kind::HelmRepository
            | Kind::HelmChart
            | Kind::ExternalArtifact => "/status/artifact/revision",
        };
        self.text(path)
    }

    /// Where it comes from: the source of a Kustomization, the address of a source.
    pub fn source(&self) -> String {
        match self.kind {
            Kind::Kustomization => {
                let part = |name: &str| self.text(&format!("/spec/sourceRef/{name}"));
                match part("namespace") {
                    "" => format!("{}/{}", part("kind"), part("name")),
                    namespace => format!("{}/{namespace}/{}", part("kind"), part("name")),
                }
            }
            Kind::HelmRelease => match self.text("/status/helmChart") {
                "" => {
                    let part = |name: &str| self.text(&format!("/spec/chartRef/{name}"));
                    format!("{}/{}", part("kind"), part("name"))
                }
                chart => format!("HelmChart/{chart}"),
            },
            Kind::HelmChart => {
                let part = |name: &str| self.text(&format!("/spec/{name}"));
                format!("{}/{}/{}", part("sourceRef/kind"), part("sourceRef/name"), part("chart"))
            }
            Kind::ExternalArtifact => {
                let part = |name: &str| self.text(&format!("/spec/sourceRef/{name}"));
                format!("{}/{}", part("kind"), part("name"))
            }
            Kind::ArtifactGenerator => {
                /// How many are named.
                const NAMED: usize = 3;
                let text = |source: &Value, name: &str| source[name].as_str().unwrap_or_default().to_owned();
                let named = |source: &Value| format!("{}/{}", text(source, "kind"), text(source, "name"));
                let sources = self.at("/spec/sources").and_then(Value::as_array).into_iter().flatten();
                cowherd_text::listed(sources.map(named), NAMED)
            }
            Kind::GitRepository | Kind::OCIRepository | Kind::HelmRepository => self.text("/spec/url").to_owned(),
            Kind::Bucket => format!("{}/{}", self.text("/spec/endpoint"), self.text("/spec/bucketName")),
            Kind::FluxInstance => self.text("/spec/sync/url").to_owned(),
            Kind::Alert => format!("Provider/{}", self.text("/spec/providerRef/name")),
            Kind::ResourceSet => {
                /// How many are named.
                const NAMED: usize = 3;
                let named = |from: &Value| match from["name"].as_str() {
                    Some(name) => format!("ResourceSetInputProvider/{name}"),
                    None => "ResourceSetInputProviders by labels".to_owned(),
                };
                let from = self.at("/spec/inputsFrom").and_then(Value::as_array).into_iter().flatten();
                cowherd_text::listed(from.map(named), NAMED)
            }
            Kind::ResourceSetInputProvider => match self.text("/spec/url") {
                "" => self.text("/spec/type").to_owned(),
                url => format!("{} {url}", self.text("/spec/type")),
            },
            Kind::Provider | Kind::Receiver => self.text("/spec/type").to_owned(),
            Kind::ImageRepository => self.text("/spec/image").to_owned(),
            Kind::ImagePolicy => format!("ImageRepository/{}", self.text("/spec/imageRepositoryRef/name")),
            Kind::ImageUpdateAutomation => format!("GitRepository/{}", self.text("/spec/sourceRef/name")),
        }
    }

    /// How long it has been there, as kubectl writes it: `45s`, `5m30s`, `3d4h`.
    pub fn age(&self) -> String {
        let created = self.object.creation_timestamp();
        created.map_or_else(String::new, |created| {
            cowherd_kinds::human_duration(jiff::Timestamp::now().duration_since(created.0))
        })
    }

    /// The `Ready` condition; `None` where there is none.
    pub fn ready(&self) -> Option<Condition<'_>> {
        self.condition("Ready")
    }

    /// The status of the `Ready` condition; `Unknown` where there is none.
    pub fn readiness(&self) -> &str {
        self.ready().map_or("Unknown", |ready| ready.status)
    }

    /// A condition by its type; `None` where there is none.
    pub fn condition(&self, type_: &str) -> Option<Condition<'_>> {
        let conditions = self.at("/status/conditions")?.as_array()?;
        let found = conditions.iter().find(|condition| condition["type"] == type_)?;
        let text = |name: &str| found.get(name).and_then(Value::as_str).unwrap_or_default();
        Some(Condition { status: text("status"), reason: text("reason"), message: text("message") })
    }

    /// Whether the `Ready` condition was written for the generation that is there now.
    pub fn is_ready_of_now(&self) -> bool {
        let conditions = self.at("/status/conditions").and_then(Value::as_array);
        let ready = conditions.into_iter().flatten().find(|condition| condition["type"] == "Ready");
        let observed = ready.and_then(|ready| ready["observedGeneration"].as_i64());
        observed.is_some() && observed == self.object.metadata.generation
    }

    /// Whether the `Ready` condition is true.
    pub fn is_ready(&self) -> bool {
        self.ready().is_some_and(|ready| ready.status == "True")
    }

    /// Whether the condition was written for the generation that is there now.
    pub fn observed(&self) -> bool {
        let observed = self.at("/status/observedGeneration").and_then(Value::as_i64);
        observed.is_some() && observed == self.object.metadata.generation
    }

    /// The last request for reconciliation that was handled.
    pub fn handled_request(&self) -> &str {
        self.text("/status/lastHandledReconcileAt")
    }

    /// The text at a JSON pointer; empty where there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.at(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The value at a JSON pointer.
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        self.object.data.pointer(pointer)
    }

    /// The object as JSON without `managedFields`, as `kubectl get -o json` shows it.
    pub fn to_json(&self) -> Result<Value> {
        let mut object = self.object.clone();
        object.metadata.managed_fields = None;
        Ok(serde_json::to_value(object)?)
    }
}

/// A condition of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition<'a> {
    /// `True`, `False` or `Unknown`.
    pub status: &'a str,
    /// Why, in one word.
    pub reason: &'a str,
    /// Why, for people.
    pub message: &'a str,
}

/// The error of who asks a cluster for a kind of the agents that it does not know.
pub fn unknown(kind: Kind) -> anyhow::Error {
    unserved(kind.name())
}

/// The same of a kind by its name.
pub fn unserved(kind: &str) -> anyhow::Error {
    missing(format!("the cluster does not know the kind {kind}: {NOT_OURS}"))
}

/// What that means.
const NOT_OURS: &str = "neither cowherd nor Flux works on it (`cowherd agent --install-crds` would)";

/// Lists a kind in a namespace, or everywhere, sorted by namespace and name.
///
/// # Errors
/// When the cluster does not know the kind, or does not answer.
pub async fn list(
    client: &Client,
    kind: Kind,
    namespace: Option<&str>,
    selector: Option<&str>,
) -> Result<Vec<Resource>> {
    let found = list_if_known(client, kind, namespace, selector).await?;
    found.ok_or_else(|| unknown(kind))
}

/// What there is of several kinds, as far as whoever asks may see them.
pub struct Seen {
    /// One list for each kind that the cluster knows and that may be seen.
    pub lists: Vec<Vec<Resource>>,
    /// The error of who may not see all of them.
    pub unseen: Option<anyhow::Error>,
}

/// The same of several kinds, of which the cluster may not know each: one list for each that it knows.
///
/// # Errors
/// When the cluster knows none of them, does not answer, or does not let all of them be seen.
pub async fn list_all(
    client: &Client,
    kinds: &[Kind],
    namespace: Option<&str>,
    selector: Option<&str>,
) -> Result<Vec<Vec<Resource>>> {
    let Seen { lists, unseen } = list_seen(client, kinds, namespace, selector).await?;
    unseen.map_or(Ok(lists), Err)
}

/// The same, as far as they may be seen.
///
/// # Errors
/// When the cluster knows none of them, or does not answer.
pub async fn list_seen(
    client: &Client,
    kinds: &[Kind],
    namespace: Option<&str>,
    selector: Option<&str>,
) -> Result<Seen> {
    let (mut lists, mut refused) = (Vec::new(), Vec::new());
    for kind in kinds {
        match ask_if_known(client, *kind, namespace, selector).await {
            Ok(found) => lists.extend(found),
            Err(kube::Error::Api(status)) if status.is_forbidden() => refused.push((kind.full_name(), status)),
            Err(error) => return Err(explain(error)),
        }
    }
    match kinds {
        [kind] if lists.is_empty() && refused.is_empty() => Err(unknown(*kind)),
        _ if lists.is_empty() && refused.is_empty() => {
            Err(missing(format!("the cluster knows none of Flux's kinds: {NOT_OURS}")))
        }
        _ => Ok(Seen { lists, unseen: unseen(refused) }),
    }
}

async fn list_if_known(
    client: &Client,
    kind: Kind,
    namespace: Option<&str>,
    selector: Option<&str>,
) -> Result<Option<Vec<Resource>>> {
    ask_if_known(client, kind, namespace, selector).await.map_err(explain)
}

/// Lists a kind; `None` where the cluster does not know it.
async fn ask_if_known(
    client: &Client,
    kind: Kind,
    namespace: Option<&str>,
    selector: Option<&str>,
) -> kube::Result<Option<Vec<Resource>>> {
    let api = match namespace {
        Some(namespace) => kind.api(client, namespace),
        None => kind.api_everywhere(client),
    };
    let params = ListParams { label_selector: selector.map(str::to_owned), ..Default::default() };
    let found = match api.list(&params).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(None),
        found => found?,
    };
    let mut resources: Vec<Resource> = found.items.into_iter().map(|object| Resource { kind, object }).collect();
    resources.sort_by_key(|resource| (resource.namespace(), resource.name()));
    Ok(Some(resources))
}

/// Prints resources for programs, if a format is asked for.
pub fn print(resources: &[Resource], format: Option<Format>) -> Result<()> {
    let Some(format) = format else { return Ok(()) };
    let objects = resources.iter().map(Resource::to_json).collect::<Result<Vec<_>>>()?;
    output::print_structured(&output::named(objects), format)
}

/// The resources that a command is about: those named, or where none is, all of the kind in the namespace.
pub async fn select(client: &Client, target: &crate::target::Target, namespace: &str) -> Result<Vec<Resource>> {
    if target.names.is_empty() {
        return list(client, target.kind, Some(namespace), None).await;
    }
    let mut resources = Vec::new();
    for name in &target.names {
        resources.push(get(client, target.kind, namespace, name).await?);
    }
    Ok(resources)
}

/// One resource by name.
pub async fn get(client: &Client, kind: Kind, namespace: &str, name: &str) -> Result<Resource> {
    if let Some(object) = kind.api(client, namespace).get_opt(name).await.map_err(explain)? {
        return Ok(Resource { kind, object });
    }
    // Whoever may not look elsewhere is told of what was looked for alone.
    let others = list_if_known(client, kind, None, None).await.unwrap_or(Some(Vec::new()));
    let others = others.ok_or_else(|| unknown(kind))?;
    let elsewhere = others.iter().filter(|one| one.name() == name).map(Resource::namespace);
    let elsewhere: Vec<String> = elsewhere.map(|namespace| format!("-n {namespace}")).collect();
    let here: Vec<String> = others.iter().filter(|one| one.namespace() == namespace).map(Resource::name).collect();
    let hint = match &elsewhere[..] {
        [] => near::hint(name, here.iter().map(String::as_str)),
        elsewhere => format!("; it is elsewhere: {}", elsewhere.join(", ")),
    };
    Err(missing(format!("{} object {name:?} not found in {namespace:?} namespace{hint}", kind.name())))
}
