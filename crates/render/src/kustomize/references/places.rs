//! Where objects refer to others by their name.

/// The kind that a reference is to. Empty parts match everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    pub(super) group: &'a str,
    pub(super) version: &'a str,
    pub(super) kind: &'a str,
}

/// A field that names an object of a kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) target: Target<'static>,
    pub(super) path: &'static str,
}

const fn core(kind: &'static str) -> Target<'static> {
    Target { group: "", version: "v1", kind }
}

const fn any(kind: &'static str) -> Target<'static> {
    Target { group: "", version: "", kind }
}

const CONFIG_MAP: Target<'static> = core("ConfigMap");
const SECRET: Target<'static> = core("Secret");
const SERVICE: Target<'static> = core("Service");
const SERVICE_ACCOUNT: Target<'static> = core("ServiceAccount");
const CLAIM: Target<'static> = core("PersistentVolumeClaim");
const VOLUME: Target<'static> = core("PersistentVolume");
const ROLE: Target<'static> = Target { group: "rbac.authorization.k8s.io", version: "", kind: "Role" };
const CLUSTER_ROLE: Target<'static> = Target { group: "rbac.authorization.k8s.io", version: "", kind: "ClusterRole" };
const STORAGE_CLASS: Target<'static> = Target { group: "storage.k8s.io", version: "v1", kind: "StorageClass" };
const PRIORITY_CLASS: Target<'static> = Target { group: "scheduling.k8s.io", version: "v1", kind: "PriorityClass" };
const POLICY: Target<'static> =
    Target { group: "admissionregistration.k8s.io", version: "", kind: "ValidatingAdmissionPolicy" };

/// The references in a pod's specification that stands at `$at`. The three groups are those that kinds have or have
/// not; kustomize's list is older than some of them.
macro_rules! pod {
    (volumes $at:literal) => {
        [
            Place { target: CONFIG_MAP, path: concat!($at, "/volumes/configMap/name") },
            Place { target: CONFIG_MAP, path: concat!($at, "/containers/env/valueFrom/configMapKeyRef/name") },
            Place { target: CONFIG_MAP, path: concat!($at, "/initContainers/env/valueFrom/configMapKeyRef/name") },
            Place { target: CONFIG_MAP, path: concat!($at, "/containers/envFrom/configMapRef/name") },
            Place { target: CONFIG_MAP, path: concat!($at, "/initContainers/envFrom/configMapRef/name") },
            Place { target: CONFIG_MAP, path: concat!($at, "/volumes/projected/sources/configMap/name") },
            Place { target: SECRET, path: concat!($at, "/volumes/secret/secretName") },
            Place { target: SECRET, path: concat!($at, "/containers/env/valueFrom/secretKeyRef/name") },
            Place { target: SECRET, path: concat!($at, "/initContainers/env/valueFrom/secretKeyRef/name") },
            Place { target: SECRET, path: concat!($at, "/containers/envFrom/secretRef/name") },
            Place { target: SECRET, path: concat!($at, "/initContainers/envFrom/secretRef/name") },
            Place { target: SECRET, path: concat!($at, "/imagePullSecrets/name") },
            Place { target: SECRET, path: concat!($at, "/volumes/projected/sources/secret/name") },
        ]
    };
    (owner $at:literal) => {
        [
            Place { target: SERVICE_ACCOUNT, path: concat!($at, "/serviceAccountName") },
            Place { target: PRIORITY_CLASS, path: concat!($at, "/priorityClassName") },
            Place { target: CLAIM, path: concat!($at, "/volumes/persistentVolumeClaim/claimName") },
        ]
    };
}

const POD: [Place; 13] = pod!(volumes "spec");
const POD_OWNER: [Place; 3] = pod!(owner "spec");
const POD_TEMPLATE: [Place; 13] = pod!(volumes "template/spec");
const TEMPLATE: [Place; 13] = pod!(volumes "spec/template/spec");
const TEMPLATE_OWNER: [Place; 3] = pod!(owner "spec/template/spec");
const JOB_TEMPLATE: [Place; 13] = pod!(volumes "spec/jobTemplate/spec/template/spec");
const JOB_TEMPLATE_OWNER: [Place; 3] = pod!(owner "spec/jobTemplate/spec/template/spec");

const STATEFUL_SET: [Place; 1] = [Place { target: SERVICE, path: "spec/serviceName" }];
const STATEFUL_SET_CLASS: [Place; 1] =
    [Place { target: STORAGE_CLASS, path: "spec/volumeClaimTemplates/spec/storageClassName" }];
const NODE: [Place; 1] = [Place { target: CONFIG_MAP, path: "spec/configSource/configMap" }];
const ROLES: [Place; 2] =
    [Place { target: CONFIG_MAP, path: "rules/resourceNames" }, Place { target: SECRET, path: "rules/resourceNames" }];
const VOLUME_ROLES: [Place; 1] = [Place { target: VOLUME, path: "rules/resourceNames" }];
const INGRESS: [Place; 10] = [
    Place { target: CONFIG_MAP, path: r"metadata/annotations/nginx.ingress.kubernetes.io\/fastcgi-params-configmap" },
    Place { target: SECRET, path: "spec/tls/secretName" },
    Place { target: SECRET, path: r"metadata/annotations/ingress.kubernetes.io\/auth-secret" },
    Place { target: SECRET, path: r"metadata/annotations/nginx.ingress.kubernetes.io\/auth-secret" },
    Place { target: SECRET, path: r"metadata/annotations/nginx.ingress.kubernetes.io\/auth-tls-secret" },
    Place { target: SERVICE, path: "spec/rules/http/paths/backend/serviceName" },
    Place { target: SERVICE, path: "spec/backend/serviceName" },
    Place { target: SERVICE, path: "spec/rules/http/paths/backend/service/name" },
    Place { target: SERVICE, path: "spec/defaultBackend/service/name" },
    // As kustomize has it, though no group is called that.
    Place {
        target: Target { group: "networking.k8s.io/v1", version: "v1", kind: "IngressClass" },
        path: "spec/ingressClassName",
    },
];
const SERVICE_ACCOUNTS: [Place; 1] = [Place { target: SECRET, path: "imagePullSecrets/name" }];
const STORAGE_CLASSES: [Place; 4] = [
    Place { target: SECRET, path: "parameters/secretName" },
    Place { target: SECRET, path: "parameters/adminSecretName" },
    Place { target: SECRET, path: "parameters/userSecretName" },
    Place { target: SECRET, path: "parameters/secretRef" },
];
const KNATIVE: [Place; 1] =
    [Place { target: SECRET, path: "spec/template/spec/containers/env/valueFrom/secretKeyRef/name" }];
const VOLUMES: [Place; 2] = [
    Place { target: STORAGE_CLASS, path: "spec/storageClassName" },
    Place { target: SECRET, path: "spec/azureFile/secretName" },
];
const CLAIMS: [Place; 2] =
    [Place { target: STORAGE_CLASS, path: "spec/storageClassName" }, Place { target: VOLUME, path: "spec/volumeName" }];
const API_SERVICE: [Place; 1] = [Place { target: SERVICE, path: "spec/service/name" }];
const WEBHOOKS: [Place; 1] = [Place { target: SERVICE, path: "webhooks/clientConfig/service" }];
const ROLE_BINDING: [Place; 3] = [
    Place { target: SERVICE_ACCOUNT, path: "subjects" },
    Place { target: ROLE, path: "roleRef/name" },
    Place { target: CLUSTER_ROLE, path: "roleRef/name" },
];
const CLUSTER_ROLE_BINDING: [Place; 2] =
    [Place { target: SERVICE_ACCOUNT, path: "subjects" }, Place { target: CLUSTER_ROLE, path: "roleRef/name" }];
const AUTOSCALER: [Place; 4] = [
    Place { target: any("Deployment"), path: "spec/scaleTargetRef/name" },
    Place { target: any("StatefulSet"), path: "spec/scaleTargetRef/name" },
    Place { target: any("ReplicaSet"), path: "spec/scaleTargetRef/name" },
    Place { target: any("ReplicationController"), path: "spec/scaleTargetRef/name" },
];
const POLICY_BINDING: [Place; 1] = [Place { target: POLICY, path: "spec/policyName" }];

/// The references that objects of a kind hold.
pub(super) fn of(kind: &str, group: &str, version: &str) -> Vec<Place> {
    let rbac = group == "rbac.authorization.k8s.io";
    let parts: &[&[Place]] = match kind {
        "Pod" if version == "v1" => &[&POD, &POD_OWNER],
        "Pod" => &[&POD_OWNER],
        "PodTemplate" => &[&POD_TEMPLATE],
        "Deployment" | "DaemonSet" | "Job" => &[&TEMPLATE, &TEMPLATE_OWNER],
        "StatefulSet" if group == "apps" => &[&STATEFUL_SET_CLASS, &TEMPLATE, &TEMPLATE_OWNER, &STATEFUL_SET],
        "StatefulSet" => &[&STATEFUL_SET_CLASS, &TEMPLATE, &TEMPLATE_OWNER],
        "ReplicaSet" => &[&TEMPLATE],
        "ReplicationController" => &[&TEMPLATE_OWNER],
        "CronJob" => &[&JOB_TEMPLATE, &JOB_TEMPLATE_OWNER],
        "Node" => &[&NODE],
        "Role" => &[&ROLES],
        "ClusterRole" => &[&ROLES, &VOLUME_ROLES],
        "Ingress" => &[&INGRESS],
        "ServiceAccount" => &[&SERVICE_ACCOUNTS],
        "StorageClass" => &[&STORAGE_CLASSES],
        "Service" if group == "serving.knative.dev" && version == "v1" => &[&KNATIVE],
        "PersistentVolume" => &[&VOLUMES],
        "PersistentVolumeClaim" => &[&CLAIMS],
        "APIService" if group == "apiregistration.k8s.io" => &[&API_SERVICE],
        "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration"
            if group == "admissionregistration.k8s.io" =>
        {
            &[&WEBHOOKS]
        }
        "RoleBinding" if rbac => &[&ROLE_BINDING],
        "ClusterRoleBinding" if rbac => &[&CLUSTER_ROLE_BINDING],
        "HorizontalPodAutoscaler" => &[&AUTOSCALER],
        "ValidatingAdmissionPolicyBinding" if group == "admissionregistration.k8s.io" => &[&POLICY_BINDING],
        _ => &[],
    };
    parts.concat()
}
