//! What a tenant's Kustomization cannot do to what others have, whatever its account, its status and its content are.

use std::path::Path;

use serde_json::Value;

use crate::program::repository::Repository;
use crate::program::{Running, eventually};

const TEAM: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: team-red}\n---\napiVersion: v1\nkind: ServiceAccount\n\
                    metadata: {name: red, namespace: team-red}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: \
                    RoleBinding\nmetadata: {name: red, namespace: team-red}\nroleRef: {apiGroup: \
                    rbac.authorization.k8s.io, kind: ClusterRole, name: edit}\nsubjects: [{kind: ServiceAccount, name: \
                    red, namespace: team-red}]\n";

/// The account of the tenant, who may `edit` their namespace.
const TENANT: &str = "--as=system:serviceaccount:team-red:red";

/// Starts `up` on a repository whose directory `cluster` has a tenant's namespace and account.
fn start(directory: &Path, repository: &Repository) -> Running {
    repository.write("cluster/team.yaml", TEAM);
    let first = repository.commit("the team");
    let path = repository.path.to_str().unwrap();
    let lock_down = ["--default-service-account=default", "--no-cross-namespace-refs", "--local-repository", path];
    let running = Running::start(directory, ["up", path, "--path", "cluster"].into_iter().chain(lock_down));
    running.wait_for_ready("flux-system", "True", &first);
    running
}

/// The repository as a source in a namespace.
fn source(repository: &Repository, namespace: &str) -> String {
    let url = repository.path.display();
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: s, namespace: {namespace}}}\n\
         spec: {{interval: 1s, url: \"file://{url}\", ref: {{branch: main}}}}\n"
    )
}

fn kustomization(namespace: &str, name: &str, path: &str, more: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: \
         {namespace}}}\nspec: {{interval: 1h, retryInterval: 1s, prune: true, path: {path}, {more}}}\n"
    )
}

/// Applies what is written, as the tenant or as an administrator.
fn apply(running: &Running, repository: &Repository, content: &str, by: &[&str]) {
    let file = repository.path.with_file_name("applied.yaml");
    std::fs::write(&file, content).unwrap();
    running.kubectl_ok(["apply", "-f", file.to_str().unwrap()].into_iter().chain(by.iter().copied()));
}

/// Waits until the Ready condition of a Kustomization is this, with these words in its message.
fn wait(running: &Running, name: &str, status: &str, words: &str) {
    eventually(&format!("{name} is {status}"), || {
        let found = running.kubectl(["get", "kustomization", "-o", "json"].into_iter().chain(name.split(' ')));
        let seen: Value = serde_json::from_slice(&found.stdout).unwrap_or_default();
        let all = seen["status"]["conditions"].as_array();
        let ready = all.and_then(|all| all.iter().find(|one| one["type"] == "Ready")).cloned().unwrap_or_default();
        let is_it = ready["status"] == status && ready["message"].as_str().unwrap_or_default().contains(words);
        if is_it { Ok(()) } else { Err(ready.to_string()) }
    });
}

#[test]
fn rights_that_git_takes_away_go_although_a_tenant_describes_them_for_an_account_that_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repository"));
    let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: extra\n  namespace: \
                   team-red\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}\nsubjects: \
                   [{kind: ServiceAccount, name: red, namespace: team-red}]\n";
    let ignored = "metadata:\n  annotations: {kustomize.toolkit.fluxcd.io/ssa: Ignore}\n";
    repository.write("cluster/extra.yaml", binding);
    repository.write("keep/extra.yaml", &binding.replace("metadata:\n", ignored));
    repository.config_map("cluster/beside.yaml", "beside", "1");
    let running = start(directory.path(), &repository);
    apply(&running, &repository, &source(&repository, "team-red"), &[TENANT]);
    let keep = |account: &str| {
        let more = format!("serviceAccountName: {account}, sourceRef: {{kind: GitRepository, name: s}}");
        apply(&running, &repository, &kustomization("team-red", "keep", "./keep", &more), &[TENANT]);
    };
    keep("red");
    wait(&running, "keep -n team-red", "True", "Applied revision");
    keep("\"a:b\"");
    wait(&running, "keep -n team-red", "False", "a:b");

    repository.remove("cluster/extra.yaml").remove("cluster/beside.yaml");
    running.wait_for_ready("flux-system", "True", &repository.commit("the right is taken away"));
    for object in ["rolebinding/extra -n team-red", "configmap/beside -n default"] {
        let found = running.kubectl(["get"].into_iter().chain(object.split(' ')));
        assert!(!found.status.success(), "{object} is still there");
    }
}

#[test]
fn a_status_that_a_tenant_wrote_freezes_nothing_of_others_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repository"));
    let blue = TEAM.replace("team-red", "team-blue").replace("name: red", "name: default").replace("edit", "admin");
    repository.write("cluster/blue.yaml", &blue);
    let map = |value: &str| {
        let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: team-blue}\ndata: {key: ";
        repository.write("blue/settings.yaml", &format!("{map}{value:?}}}\n"));
    };
    map("1");
    let running = start(directory.path(), &repository);
    let gone = "sourceRef: {kind: GitRepository, name: gone}";
    apply(&running, &repository, &kustomization("team-red", "old", "./nothing", gone), &[TENANT]);
    wait(&running, "old -n team-red", "False", "gone");
    apply(&running, &repository, &source(&repository, "team-blue"), &[]);
    let own = "sourceRef: {kind: GitRepository, name: s}";
    apply(&running, &repository, &kustomization("team-blue", "app", "./blue", own), &[]);
    wait(&running, "app -n team-blue", "True", "Applied revision");
    let forged = r#"{"status":{"inventory":{"entries":[{"id":"team-blue_settings__ConfigMap","v":"v1"}]}}}"#;
    let patch =
        ["patch", "kustomization", "old", "-n", "team-red", "--subresource=status", "--type=merge", "-p", forged];
    running.kubectl_ok(patch.into_iter().chain([TENANT]));
    running.stop();

    let running = Running::start(directory.path(), ["up", "--local-repository", repository.path.to_str().unwrap()]);
    map("2");
    wait(&running, "app -n team-blue", "True", &repository.commit("what blue wants"));
    let found = running.get("configmap settings -n team-blue");
    assert_eq!(found["data"]["key"], "2", "{found}");
}
