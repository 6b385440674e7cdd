//! Plugins that make objects.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Cause, RenderError};
use crate::kustomize::files::decode;
use crate::kustomize::files::directory::Directory;
use crate::kustomize::files::file::Generator;
use crate::kustomize::generators::generate::{self, Made};
use crate::kustomize::generators::helm::{self, HelmChart, HelmGlobals};
use crate::kustomize::objects::origin::Origin;
use crate::kustomize::objects::resource::Resource;
use crate::kustomize::objects::set::ResourceSet;

use super::{Metadata, error, kind};

/// Settings of the plugin for service accounts of Google's clusters.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct IamPolicy {
    cloud: String,
    kubernetes_service: Metadata,
    service_account: ServiceAccount,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ServiceAccount {
    name: String,
    project_id: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct WithMetadata {
    metadata: Metadata,
}

/// Makes what the plugin that `configuration` is for makes, and puts it among `resources`.
pub(crate) fn generate(
    directory: &Directory<'_>,
    configuration: &Resource,
    resources: &mut ResourceSet,
) -> Result<(), RenderError> {
    let Made { made, behavior } = make(directory, configuration)?;
    let origin = Origin::of_plugin(configuration);
    for mut resource in made {
        if resource.origin.is_none() {
            resource.origin.clone_from(&origin);
        }
        generate::absorb(resource, &behavior, resources).map_err(|cause| error(directory, configuration, cause))?;
    }
    Ok(())
}

fn make(directory: &Directory<'_>, configuration: &Resource) -> Result<Made, RenderError> {
    let fail = |cause| error(directory, configuration, cause);
    let value = || configuration.value.clone();
    match kind(directory, configuration)? {
        "ConfigMapGenerator" => from_data(directory, configuration, generate::Kind::ConfigMap),
        "SecretGenerator" => from_data(directory, configuration, generate::Kind::Secret),
        "HelmChartInflationGenerator" => {
            let globals: HelmGlobals = decode::lenient(value()).map_err(fail)?;
            let chart: HelmChart = decode::lenient(value()).map_err(fail)?;
            Ok(Made { made: helm::inflate(directory, &globals, &chart)?, behavior: String::new() })
        }
        "IAMPolicyGenerator" => {
            let policy: IamPolicy = decode::lenient(value()).map_err(fail)?;
            if policy.cloud != "gke" {
                let message = format!("cloud provider {} not supported yet", policy.cloud);
                return Err(fail(Cause::Invalid(message)));
            }
            let made = Resource::new(policy.account(), configuration.file.clone(), configuration.line);
            Ok(Made { made: vec![made], behavior: String::new() })
        }
        kind if super::transformer::is_known(kind) => {
            Err(fail(Cause::Invalid(format!("plugin {} not a generator", configuration.id()))))
        }
        kind => Err(fail(Cause::Invalid(format!("unable to load builtin {kind}")))),
    }
}

fn from_data(directory: &Directory<'_>, configuration: &Resource, kind: generate::Kind) -> Result<Made, RenderError> {
    let fail = |cause| error(directory, configuration, cause);
    let mut generator: Generator = decode::lenient(configuration.value.clone()).map_err(fail)?;
    let WithMetadata { metadata } = decode::lenient(configuration.value.clone()).map_err(fail)?;
    // The kustomization's own `env` is a deprecated spelling; a plugin has none.
    if generator.name.is_empty() {
        generator.name = metadata.name;
    }
    if generator.namespace.is_empty() {
        generator.namespace = metadata.namespace;
    }
    // `kind` is that of the plugin; the type of a Secret has a name of its own.
    generate::make(directory, &generator, kind, None)
}

/// Whether kustomize has a generator of this kind.
pub(super) fn is_known(kind: &str) -> bool {
    matches!(kind, "ConfigMapGenerator" | "SecretGenerator" | "HelmChartInflationGenerator" | "IAMPolicyGenerator")
}

impl IamPolicy {
    fn account(&self) -> Value {
        let ServiceAccount { name, project_id } = &self.service_account;
        let mut account = json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {
                "annotations": {
                    "iam.gke.io/gcp-service-account": format!("{name}@{project_id}.iam.gserviceaccount.com"),
                },
                "name": self.kubernetes_service.name,
            },
        });
        if !self.kubernetes_service.namespace.is_empty() {
            account["metadata"]["namespace"] = self.kubernetes_service.namespace.as_str().into();
        }
        account
    }
}
