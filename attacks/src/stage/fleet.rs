//! What the root's repository describes: a bystander, a tenant with what tenants usually have, and somebody's secrets.

/// The value of a Secret in the bystander's namespace, which must appear nowhere else.
pub const SECRET: &str = "correct-horse-battery-staple";

/// The namespaces, accounts and rights.
pub const PEOPLE: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: bystander}
---
apiVersion: v1
kind: Namespace
metadata: {name: tenant}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: bystander, namespace: bystander}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: tenant, namespace: tenant}
---
apiVersion: v1
kind: Secret
metadata: {name: password, namespace: bystander}
stringData: {password: correct-horse-battery-staple}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: bystander, namespace: bystander}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}
subjects: [{kind: ServiceAccount, name: bystander, namespace: bystander}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: tenant, namespace: tenant}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}
subjects:
- {kind: ServiceAccount, name: tenant, namespace: tenant}
- {kind: ServiceAccount, name: default, namespace: tenant}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: flux, namespace: tenant}
rules:
- apiGroups: [source.toolkit.fluxcd.io, kustomize.toolkit.fluxcd.io, helm.toolkit.fluxcd.io, notification.toolkit.fluxcd.io, \
  source.extensions.fluxcd.io, fluxcd.controlplane.io]
  resources: ['*']
  verbs: ['*']
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: flux, namespace: tenant}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: flux}
subjects: [{kind: ServiceAccount, name: tenant, namespace: tenant}]
";

/// The ConfigMap that the bystander changes by commits.
pub fn beat(number: u64) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: beat, namespace: bystander}}\ndata: {{beat: '{number}'}}\n"
    )
}
