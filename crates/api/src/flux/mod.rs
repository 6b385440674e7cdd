//! Flux's resources, and the annotations and labels that its tools agree on.

pub mod annotations;
pub mod kustomize;
mod reference;
pub mod source;

pub use reference::{LocalObjectReference, SecretKeyReference};

/// Adds the default that Flux's definitions give to `status`, which the derived schemas cannot say.
fn default_status(
    crd: &mut k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
) {
    for version in &mut crd.spec.versions {
        let schema = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
        if let Some(status) = schema.and_then(|schema| schema.properties.as_mut()?.get_mut("status")) {
            let default = serde_json::json!({ "observedGeneration": -1 });
            status.default = Some(k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSON(default));
            status.nullable = None;
        }
    }
}
