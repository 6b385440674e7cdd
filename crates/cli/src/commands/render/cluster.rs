//! `cowherd render --validate`: what a cluster says of what a chart renders to.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use cowherd_helm::Capabilities;
use cowherd_helm::capabilities::KubeVersion;
use cowherd_helm::engine::Lookup;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams, ValidationDirective};
use kube::discovery::{ApiCapabilities, ApiResource, Discovery, Scope};
use kube::{Api, Client};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::cluster::{Access, Cluster, explain};

/// Flags that choose a cluster.
#[derive(Args)]
#[command(next_help_heading = "Charts and a cluster")]
pub struct ValidationFlags {
    /// Hold the manifests against the schemas of a cluster, whose versions and objects templates then see
    #[arg(long)]
    validate: bool,
    /// With --validate: the kubeconfig file to use
    #[arg(long, value_name = "FILE", requires = "validate")]
    kubeconfig: Option<PathBuf>,
    /// With --validate: the context of the kubeconfig to use
    #[arg(long = "kube-context", value_name = "NAME", requires = "validate")]
    context: Option<String>,
}

impl ValidationFlags {
    /// The cluster that is named, if one is to be asked.
    pub fn cluster(&self) -> Option<Cluster> {
        let access = Access { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() };
        self.validate.then(|| Cluster { data_dir: None, access, namespace: String::new() })
    }

    /// The cluster to ask, if one is to be asked.
    pub async fn target(&self, namespace: &str) -> Result<Option<Target>> {
        let Some(cluster) = self.cluster() else { return Ok(None) };
        let client = cluster.client().await?;
        let discovery = Discovery::new(client.clone()).run().await.map_err(explain)?;
        Ok(Some(Target { client, discovery, namespace: namespace.to_owned(), handle: Handle::current() }))
    }

    /// Whether a cluster is to be asked.
    pub fn is_given(&self) -> bool {
        self.validate
    }
}

/// A cluster that is asked.
pub struct Target {
    client: Client,
    discovery: Discovery,
    namespace: String,
    handle: Handle,
}

impl Target {
    /// What the cluster is capable of, with `more` API versions.
    pub async fn capabilities(&self, more: &[String]) -> Result<Capabilities> {
        let version = self.client.apiserver_version().await.map_err(explain)?;
        let mut api_versions: Vec<String> = Vec::new();
        for group in self.discovery.groups() {
            for version in group.versions() {
                for (resource, _) in group.versioned_resources(version) {
                    api_versions.push(format!("{}/{}", resource.api_version, resource.kind));
                    api_versions.push(resource.api_version);
                }
            }
        }
        api_versions.sort();
        api_versions.dedup();
        api_versions.extend(more.iter().cloned());
        let kube_version = KubeVersion::parse(&version.git_version)?;
        Ok(Capabilities { kube_version, api_versions, ..Capabilities::default() })
    }

    /// Asks the cluster what it would say of each object. Nothing is written.
    pub async fn validate(&self, objects: &[Value]) -> Result<()> {
        let mut problems = Vec::new();
        for object in objects {
            if let Err(error) = self.validate_one(object).await {
                problems.push(format!("{}: {}", name(object), crate::failure::text(&error)));
            }
        }
        if problems.is_empty() {
            return Ok(());
        }
        bail!("the cluster would refuse {} of {} objects:\n{}", problems.len(), objects.len(), problems.join("\n"))
    }

    async fn validate_one(&self, object: &Value) -> Result<()> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
        let Some((resource, capabilities)) = self.find(&api_version, &kind) else {
            bail!("no matches for kind {kind:?} in version {api_version:?}; ensure CRDs are installed first");
        };
        let namespace = Some(text(&object["metadata"]["namespace"])).filter(|namespace| !namespace.is_empty());
        let api = self.api(&resource, &capabilities, namespace.as_deref());
        let parameters = PatchParams {
            dry_run: true,
            force: true,
            field_manager: Some("cowherd".to_owned()),
            field_validation: Some(ValidationDirective::Strict),
        };
        let answer = api.patch(&text(&object["metadata"]["name"]), &parameters, &Patch::Apply(object)).await;
        match answer {
            // What cannot be created for want of its namespace has been looked at by then.
            Err(kube::Error::Api(status)) if status.is_not_found() && status.message.contains("namespaces") => Ok(()),
            Err(kube::Error::Api(status)) => bail!("{}", status.message),
            Err(error) => Err(explain(error)),
            Ok(_) => Ok(()),
        }
    }

    fn find(&self, api_version: &str, kind: &str) -> Option<(ApiResource, ApiCapabilities)> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resources = self.discovery.get(group)?.versioned_resources(version);
        resources.into_iter().find(|(resource, _)| resource.kind == kind)
    }

    fn api(
        &self,
        resource: &ApiResource,
        capabilities: &ApiCapabilities,
        namespace: Option<&str>,
    ) -> Api<DynamicObject> {
        match capabilities.scope {
            Scope::Cluster => Api::all_with(self.client.clone(), resource),
            Scope::Namespaced => {
                Api::namespaced_with(self.client.clone(), namespace.unwrap_or(&self.namespace), resource)
            }
        }
    }

    async fn look_up(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>> {
        let (resource, capabilities) = self.find(api_version, kind).with_context(|| {
            format!("unable to get apiresource from unstructured: {api_version}, Kind={kind}: not found")
        })?;
        let api: Api<DynamicObject> = if namespace.is_empty() || capabilities.scope == Scope::Cluster {
            Api::all_with(self.client.clone(), &resource)
        } else {
            self.api(&resource, &capabilities, Some(namespace))
        };
        if name.is_empty() {
            let list = api.list(&ListParams::default()).await.map_err(explain)?;
            return Ok(Some(serde_json::to_value(list)?));
        }
        let found = api.get_opt(name).await.map_err(explain)?;
        Ok(found.map(serde_json::to_value).transpose()?)
    }
}

impl Lookup for Target {
    /// Templates are executed on a thread that may wait.
    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>, String> {
        let found = self.handle.block_on(self.look_up(api_version, kind, namespace, name));
        found.map_err(|error| crate::failure::text(&error))
    }
}

fn name(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, metadata) = (text(&object["kind"]), &object["metadata"]);
    match (text(&metadata["namespace"]), text(&metadata["name"])) {
        (namespace, name) if namespace.is_empty() => format!("{kind}/{name}"),
        (namespace, name) => format!("{kind}/{namespace}/{name}"),
    }
}
