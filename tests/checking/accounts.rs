//! What accounts may not do.

use super::Story;

/// The account of a Kustomization, with a role that is bound to it in a namespace.
fn account(verbs: &str, resources: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: robot, namespace: flux-system}}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: robot, namespace: default}}\nrules:\n\
         - {{apiGroups: [\"\", apps], resources: [{resources}], verbs: [{verbs}]}}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: robot, namespace: default}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: robot}}\n\
         subjects: [{{kind: ServiceAccount, name: robot, namespace: flux-system}}]\n"
    )
}

#[test]
fn accounts_that_may_not_apply_what_they_are_to_are_told_with_what_they_lack() {
    let story = Story::begin();
    let repository = &story.repository;
    repository.kustomization("app", "./app", "serviceAccountName: robot");
    repository.write("app/more.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
    repository.config_map("app/blue.yaml", "blue", "1");
    repository.write("cluster/account.yaml", &account("get, create, patch", "configmaps"));
    let by = "ServiceAccount flux-system/robot";
    story.says("app/blue.yaml:2", "which may not delete configmaps in namespace default by what is bound to it");
    story.says("app/blue.yaml:2", "(RoleBinding/default/robot); 2 objects, also at app/red.yaml:2 [rights]");
    story.says(
        "app/more.yaml:2",
        &format!("{by}, which may not get, create, patch, delete namespaces in namespace shop"),
    );
    // One that may all, by a role that every cluster has.
    repository.write("cluster/all.yaml", ALL);
    assert_eq!(story.lines(&["--strict"]), (Vec::new(), 0));
    // A role that is nowhere, and nothing at all.
    repository.write("cluster/all.yaml", &ALL.replace("cluster-admin", "clutser-admins"));
    story.says("cluster/app.yaml:14", "there is no ClusterRole clutser-admins in the repository");
    repository.remove("cluster/all.yaml");
    repository.write("cluster/account.yaml", account("", "").split("---").next().unwrap());
    story.says("cluster/app.yaml:14", &format!("nothing in the repository gives {by} rights"));
    let (lines, status) = story.lines(&[]);
    assert_eq!((lines.len(), status), (1, 0), "once, as a warning: {lines:#?}");
}

const ALL: &str = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: robot}\nroleRef: \
                   {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\nsubjects: [{kind: \
                   ServiceAccount, name: robot, namespace: flux-system}]\n";
