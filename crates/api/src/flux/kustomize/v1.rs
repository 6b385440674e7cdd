//! `kustomize.toolkit.fluxcd.io/v1`.

mod spec;
mod status;

pub use spec::*;
pub use status::*;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// The definition of [`Kustomization`].
pub fn crd() -> CustomResourceDefinition {
    crate::flux::with_version(Kustomization::crd(), "v1beta2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kustomization_as_flux_documents_it_is_read_whole() {
        let value = serde_json::json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": { "name": "apps", "namespace": "flux-system" },
            "spec": {
                "interval": "10m", "prune": true, "path": "./apps/prod", "wait": true, "timeout": "1m",
                "sourceRef": { "kind": "GitRepository", "name": "flux-system" },
                "dependsOn": [{ "name": "infra" }],
                "patches": [{ "patch": "- op: remove\n  path: /a", "target": { "kind": "Deployment" } }],
                "images": [{ "name": "nginx", "newTag": "1" }],
                "postBuild": { "substituteFrom": [{ "kind": "ConfigMap", "name": "vars", "optional": true }] },
                "healthChecks": [{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "x", "namespace": "y" }],
                "commonMetadata": { "labels": { "a": "b" } },
                "deletionPolicy": "Orphan",
            },
            "status": { "observedGeneration": 1, "inventory": { "entries": [{ "id": "_x__Namespace", "v": "v1" }] } },
        });
        let read: Kustomization = serde_json::from_value(value.clone()).unwrap();
        let written = serde_json::to_value(&read).unwrap();
        for field in ["dependsOn", "images", "healthChecks", "commonMetadata", "sourceRef", "wait"] {
            assert_eq!(written["spec"][field], value["spec"][field], "{field}");
        }
        assert_eq!(written["status"]["inventory"], value["status"]["inventory"]);
    }

    #[test]
    fn the_schema_says_what_flux_says() {
        let crd = serde_json::to_value(crd()).unwrap();
        let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        assert_eq!(spec["required"], serde_json::json!(["interval", "prune", "sourceRef"]));
        assert_eq!(spec["properties"]["force"]["default"], false);
        assert_eq!(spec["properties"]["targetNamespace"]["maxLength"], 63);
        assert_eq!(
            spec["properties"]["sourceRef"]["properties"]["kind"]["enum"],
            serde_json::json!(["OCIRepository", "GitRepository", "Bucket", "ExternalArtifact"])
        );
        assert_eq!(crd["spec"]["names"]["shortNames"], serde_json::json!(["ks"]));
    }
}
