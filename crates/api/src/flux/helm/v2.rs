//! `helm.toolkit.fluxcd.io/v2`.

mod actions;
mod chart;
mod spec;
mod status;
mod values;

pub use actions::*;
pub use chart::*;
pub use spec::*;
pub use status::*;
pub use values::*;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// The definition of [`HelmRelease`], also under the version that many repositories still write.
pub fn crd() -> CustomResourceDefinition {
    crate::flux::with_version(HelmRelease::crd(), "v2beta2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_as_flux_documents_it_is_read_whole() {
        let value = serde_json::json!({
            "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": { "name": "podinfo", "namespace": "default" },
            "spec": {
                "interval": "10m", "timeout": "5m", "releaseName": "podinfo", "maxHistory": 2,
                "chart": { "spec": { "chart": "podinfo", "version": "6.5.*", "interval": "5m",
                    "sourceRef": { "kind": "HelmRepository", "name": "podinfo" }, "reconcileStrategy": "ChartVersion" } },
                "install": { "crds": "CreateReplace", "remediation": { "retries": 3 } },
                "upgrade": { "remediation": { "retries": 3, "strategy": "uninstall" } },
                "test": { "enable": true, "filters": [{ "name": "x", "exclude": true }] },
                "driftDetection": { "mode": "enabled", "ignore": [
                    { "paths": ["/spec/replicas"], "target": { "kind": "Deployment" } }] },
                "values": { "replicaCount": 2, "nothing": null },
                "valuesFrom": [{ "kind": "ConfigMap", "name": "a", "valuesKey": "b", "targetPath": "c.d", "optional": true }],
                "postRenderers": [{ "kustomize": { "images": [{ "name": "x", "newTag": "y" }] } }],
            },
            "status": { "history": [{ "name": "podinfo", "namespace": "default", "version": 1, "status": "deployed",
                "chartName": "podinfo", "chartVersion": "6.5.0", "configDigest": "sha256:1", "digest": "sha256:2",
                "firstDeployed": "2026-01-01T00:00:00Z", "lastDeployed": "2026-01-01T00:00:00Z" }] },
        });
        let read: HelmRelease = serde_json::from_value(value.clone()).unwrap();
        let written = serde_json::to_value(&read).unwrap();
        for field in value["spec"].as_object().unwrap().keys() {
            assert_eq!(written["spec"][field], value["spec"][field], "{field}");
        }
        assert_eq!(written["status"]["history"], value["status"]["history"]);
    }

    #[test]
    fn the_schema_says_what_flux_says() {
        let crd = serde_json::to_value(crd()).unwrap();
        let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        let of = |path: &str| spec.pointer(path).cloned().unwrap_or_default();
        assert_eq!(of("/required"), serde_json::json!(["interval"]));
        assert_eq!(of("/properties/values/x-kubernetes-preserve-unknown-fields"), true);
        assert_eq!(of("/properties/releaseName/maxLength"), 53);
        assert_eq!(of("/properties/uninstall/properties/deletionPropagation/default"), "background");
        assert_eq!(of("/properties/chart/properties/spec/properties/version/default"), "*");
        assert_eq!(crd["spec"]["names"]["shortNames"], serde_json::json!(["hr"]));
    }
}
