//! Flux's resources, and the annotations and labels that its tools agree on.

pub mod annotations;
pub mod controlplane;
pub mod helm;
pub mod image;
pub mod kustomize;
pub mod notification;
mod reference;
pub mod source;
pub mod source_extensions;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, JSON};

pub use reference::{LocalObjectReference, SecretKeyReference};

/// A definition with the default of its status, and with an older version that is served too.
fn with_version(mut crd: CustomResourceDefinition, older: &str) -> CustomResourceDefinition {
    if let Some(version) = crd.spec.versions.first() {
        let (kind, newer) = (&crd.spec.names.kind, &version.name);
        let warning = format!("{older} {kind} is deprecated, upgrade to {newer}");
        let mut old = version.clone();
        old.name = older.to_owned();
        old.storage = false;
        old.deprecated = Some(true);
        old.deprecation_warning = Some(warning);
        crd.spec.versions.push(old);
    }
    default_status(&mut crd);
    crd
}

/// Adds the default that Flux's definitions give to `status`, which the derived schemas cannot say.
fn default_status(crd: &mut CustomResourceDefinition) {
    for version in &mut crd.spec.versions {
        let schema = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
        if let Some(status) = schema.and_then(|schema| schema.properties.as_mut()?.get_mut("status")) {
            let default = serde_json::json!({ "observedGeneration": -1 });
            status.default = Some(JSON(default));
            status.nullable = None;
        }
    }
}
