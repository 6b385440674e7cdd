//! Which kinds belong to no namespace, as far as kustomize knows.

/// Whether objects of this kind certainly belong to no namespace.
pub(crate) fn is_cluster_scoped(api_version: &str, kind: &str) -> bool {
    let stable_or_beta = |group: &str| {
        matches!(api_version.strip_prefix(group).and_then(|rest| rest.strip_prefix('/')), Some("v1" | "v1beta1"))
    };
    match kind {
        "ComponentStatus" | "Namespace" | "Node" | "NodeProxyOptions" | "PersistentVolume" => api_version == "v1",
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => {
            stable_or_beta("admissionregistration.k8s.io")
        }
        "ValidatingAdmissionPolicy" | "ValidatingAdmissionPolicyBinding" => {
            api_version == "admissionregistration.k8s.io/v1"
        }
        "CustomResourceDefinition" => stable_or_beta("apiextensions.k8s.io"),
        "APIService" => stable_or_beta("apiregistration.k8s.io"),
        "CertificateSigningRequest" => stable_or_beta("certificates.k8s.io"),
        "FlowSchema" | "PriorityLevelConfiguration" => api_version == "flowcontrol.apiserver.k8s.io/v1beta1",
        "IngressClass" => stable_or_beta("networking.k8s.io"),
        "RuntimeClass" => stable_or_beta("node.k8s.io"),
        "PodSecurityPolicy" => api_version == "policy/v1beta1",
        "ClusterRole" | "ClusterRoleBinding" => stable_or_beta("rbac.authorization.k8s.io"),
        "PriorityClass" => stable_or_beta("scheduling.k8s.io"),
        "CSIDriver" | "CSINode" | "StorageClass" | "VolumeAttachment" => stable_or_beta("storage.k8s.io"),
        "SelfSubjectAccessReview" | "SelfSubjectRulesReview" | "SubjectAccessReview" => {
            stable_or_beta("authorization.k8s.io")
        }
        "TokenReview" => stable_or_beta("authentication.k8s.io"),
        _ => false,
    }
}
