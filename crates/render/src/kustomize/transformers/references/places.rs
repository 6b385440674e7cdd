//! Where objects refer to others by their name.

use super::BackReferences;
use crate::kustomize::fields::field_path::FieldSpec;

/// The kind that a reference is to. Empty parts match everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    pub(crate) kind: &'a str,
}

/// A field that names an object of a kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) target: Target<'a>,
    pub(super) path: &'a str,
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

const POD: [Place<'static>; 13] = pod!(volumes "spec");
const POD_OWNER: [Place<'static>; 3] = pod!(owner "spec");
const POD_TEMPLATE: [Place<'static>; 13] = pod!(volumes "template/spec");
const TEMPLATE: [Place<'static>; 13] = pod!(volumes "spec/template/spec");
const TEMPLATE_OWNER: [Place<'static>; 3] = pod!(owner "spec/template/spec");
const JOB_TEMPLATE: [Place<'static>; 13] = pod!(volumes "spec/jobTemplate/spec/template/spec");
const JOB_TEMPLATE_OWNER: [Place<'static>; 3] = pod!(owner "spec/jobTemplate/spec/template/spec");

const STATEFUL_SET: [Place<'static>; 1] = [Place { target: SERVICE, path: "spec/serviceName" }];
const STATEFUL_SET_CLASS: [Place<'static>; 1] =
    [Place { target: STORAGE_CLASS, path: "spec/volumeClaimTemplates/spec/storageClassName" }];
const NODE: [Place<'static>; 1] = [Place { target: CONFIG_MAP, path: "spec/configSource/configMap" }];
const ROLES: [Place<'static>; 2] =
    [Place { target: CONFIG_MAP, path: "rules/resourceNames" }, Place { target: SECRET, path: "rules/resourceNames" }];
const VOLUME_ROLES: [Place<'static>; 1] = [Place { target: VOLUME, path: "rules/resourceNames" }];
const INGRESS: [Place<'static>; 10] = [
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
const SERVICE_ACCOUNTS: [Place<'static>; 1] = [Place { target: SECRET, path: "imagePullSecrets/name" }];
const STORAGE_CLASSES: [Place<'static>; 4] = [
    Place { target: SECRET, path: "parameters/secretName" },
    Place { target: SECRET, path: "parameters/adminSecretName" },
    Place { target: SECRET, path: "parameters/userSecretName" },
    Place { target: SECRET, path: "parameters/secretRef" },
];
const KNATIVE: [Place<'static>; 1] =
    [Place { target: SECRET, path: "spec/template/spec/containers/env/valueFrom/secretKeyRef/name" }];
const VOLUMES: [Place<'static>; 2] = [
    Place { target: STORAGE_CLASS, path: "spec/storageClassName" },
    Place { target: SECRET, path: "spec/azureFile/secretName" },
];
const CLAIMS: [Place<'static>; 2] =
    [Place { target: STORAGE_CLASS, path: "spec/storageClassName" }, Place { target: VOLUME, path: "spec/volumeName" }];
const API_SERVICE: [Place<'static>; 1] = [Place { target: SERVICE, path: "spec/service/name" }];
const WEBHOOKS: [Place<'static>; 1] = [Place { target: SERVICE, path: "webhooks/clientConfig/service" }];
const ROLE_BINDING: [Place<'static>; 3] = [
    Place { target: SERVICE_ACCOUNT, path: "subjects" },
    Place { target: ROLE, path: "roleRef/name" },
    Place { target: CLUSTER_ROLE, path: "roleRef/name" },
];
const CLUSTER_ROLE_BINDING: [Place<'static>; 2] =
    [Place { target: SERVICE_ACCOUNT, path: "subjects" }, Place { target: CLUSTER_ROLE, path: "roleRef/name" }];
const AUTOSCALER: [Place<'static>; 4] = [
    Place { target: any("Deployment"), path: "spec/scaleTargetRef/name" },
    Place { target: any("StatefulSet"), path: "spec/scaleTargetRef/name" },
    Place { target: any("ReplicaSet"), path: "spec/scaleTargetRef/name" },
    Place { target: any("ReplicationController"), path: "spec/scaleTargetRef/name" },
];
const POLICY_BINDING: [Place<'static>; 1] = [Place { target: POLICY, path: "spec/policyName" }];

/// Objects that refer, and how. Empty parts match everything.
struct Referrers {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    places: &'static [Place<'static>],
}

const fn every(kind: &'static str, places: &'static [Place<'static>]) -> Referrers {
    Referrers { group: "", version: "", kind, places }
}

const fn of_group(group: &'static str, kind: &'static str, places: &'static [Place<'static>]) -> Referrers {
    Referrers { group, version: "", kind, places }
}

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

static REFERRERS: [Referrers; 34] = [
    Referrers { version: "v1", ..every("Pod", &POD) },
    every("Pod", &POD_OWNER),
    every("PodTemplate", &POD_TEMPLATE),
    every("Deployment", &TEMPLATE),
    every("Deployment", &TEMPLATE_OWNER),
    every("DaemonSet", &TEMPLATE),
    every("DaemonSet", &TEMPLATE_OWNER),
    every("Job", &TEMPLATE),
    every("Job", &TEMPLATE_OWNER),
    every("StatefulSet", &STATEFUL_SET_CLASS),
    every("StatefulSet", &TEMPLATE),
    every("StatefulSet", &TEMPLATE_OWNER),
    of_group("apps", "StatefulSet", &STATEFUL_SET),
    every("ReplicaSet", &TEMPLATE),
    every("ReplicationController", &TEMPLATE_OWNER),
    every("CronJob", &JOB_TEMPLATE),
    every("CronJob", &JOB_TEMPLATE_OWNER),
    every("Node", &NODE),
    every("Role", &ROLES),
    every("ClusterRole", &ROLES),
    every("ClusterRole", &VOLUME_ROLES),
    every("Ingress", &INGRESS),
    every("ServiceAccount", &SERVICE_ACCOUNTS),
    every("StorageClass", &STORAGE_CLASSES),
    Referrers { group: "serving.knative.dev", version: "v1", kind: "Service", places: &KNATIVE },
    every("PersistentVolume", &VOLUMES),
    every("PersistentVolumeClaim", &CLAIMS),
    of_group("apiregistration.k8s.io", "APIService", &API_SERVICE),
    of_group(ADMISSION, "ValidatingWebhookConfiguration", &WEBHOOKS),
    of_group(ADMISSION, "MutatingWebhookConfiguration", &WEBHOOKS),
    of_group(RBAC, "RoleBinding", &ROLE_BINDING),
    of_group(RBAC, "ClusterRoleBinding", &CLUSTER_ROLE_BINDING),
    every("HorizontalPodAutoscaler", &AUTOSCALER),
    of_group(ADMISSION, "ValidatingAdmissionPolicyBinding", &POLICY_BINDING),
];

/// The references that objects of a kind hold, as kustomize knows them.
pub(super) fn of(kind: &str, group: &str, version: &str) -> Vec<Place<'static>> {
    let fits = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
    let referrers =
        REFERRERS.iter().filter(|known| known.kind == kind && fits(known.group, group) && fits(known.version, version));
    referrers.flat_map(|known| known.places.iter().copied()).collect()
}

/// All of them, by what they refer to.
pub(super) fn known() -> Vec<BackReferences> {
    let mut all: Vec<BackReferences> = Vec::new();
    for referrers in &REFERRERS {
        for Place { target, path } in referrers.places {
            let referrer = FieldSpec::new([referrers.group, referrers.version, referrers.kind], path, false);
            match all.iter_mut().find(|known| known.target() == *target) {
                Some(known) => known.referrers.push(referrer),
                None => all.push(BackReferences {
                    group: target.group.to_owned(),
                    version: target.version.to_owned(),
                    kind: target.kind.to_owned(),
                    referrers: vec![referrer],
                }),
            }
        }
    }
    all
}
