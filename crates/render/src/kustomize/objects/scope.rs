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

/// Whether kustomize knows without a look at its schemas whether objects of this kind belong to a namespace.
pub(crate) fn is_known(api_version: &str, kind: &str) -> bool {
    let namespaced = match api_version {
        "v1" => matches!(
            kind,
            "ConfigMap"
                | "Endpoints"
                | "Event"
                | "LimitRange"
                | "PersistentVolumeClaim"
                | "Pod"
                | "PodAttachOptions"
                | "PodExecOptions"
                | "PodPortForwardOptions"
                | "PodProxyOptions"
                | "PodTemplate"
                | "ReplicationController"
                | "ResourceQuota"
                | "Secret"
                | "Service"
                | "ServiceAccount"
                | "ServiceProxyOptions"
        ),
        "apps/v1" => {
            matches!(kind, "ControllerRevision" | "DaemonSet" | "Deployment" | "ReplicaSet" | "StatefulSet")
        }
        "autoscaling/v1" => matches!(kind, "HorizontalPodAutoscaler" | "Scale"),
        "autoscaling/v2beta1" | "autoscaling/v2beta2" => kind == "HorizontalPodAutoscaler",
        "batch/v1" => matches!(kind, "CronJob" | "Job"),
        "batch/v1beta1" => kind == "CronJob",
        "coordination.k8s.io/v1" | "coordination.k8s.io/v1beta1" => kind == "Lease",
        "discovery.k8s.io/v1" | "discovery.k8s.io/v1beta1" => kind == "EndpointSlice",
        "events.k8s.io/v1" | "events.k8s.io/v1beta1" => kind == "Event",
        "extensions/v1beta1" | "networking.k8s.io/v1beta1" => kind == "Ingress",
        "networking.k8s.io/v1" => matches!(kind, "Ingress" | "NetworkPolicy"),
        "policy/v1" | "policy/v1beta1" => kind == "PodDisruptionBudget",
        "rbac.authorization.k8s.io/v1" | "rbac.authorization.k8s.io/v1beta1" => {
            matches!(kind, "Role" | "RoleBinding")
        }
        "storage.k8s.io/v1beta1" => kind == "CSIStorageCapacity",
        _ => false,
    };
    namespaced || is_cluster_scoped(api_version, kind)
}
