//! examples/tenants: what a team writes is applied with the team's rights, and nobody else is disturbed.

use std::path::Path;

use serde_json::Value;

use crate::program::repository::Repository;
use crate::program::{Running, eventually};

const TEAMS: &str = "examples/tenants/teams";

/// Waits until a Kustomization is not Ready for this reason.
fn wait_until_refused(running: &Running, name: &str, words: &[&str]) {
    eventually(&format!("{name} is refused for {words:?}"), || {
        let found = running.kubectl(["get", "kustomization"].into_iter().chain(name.split(' ')).chain(["-o", "json"]));
        // It may not be there yet.
        let seen: Value = serde_json::from_slice(&found.stdout).unwrap_or_default();
        let ready =
            seen["status"]["conditions"].as_array().and_then(|all| all.iter().find(|one| one["type"] == "Ready"));
        let ready = ready.cloned().unwrap_or_default();
        let message = ready["message"].as_str().unwrap_or_default();
        let is_told = ready["status"] == "False" && words.iter().all(|word| message.contains(word));
        if is_told { Ok(()) } else { Err(ready.to_string()) }
    });
}

#[test]
fn teams_get_what_their_accounts_may_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repository"));
    repository.copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tenants"), "examples/tenants");
    let first = repository.commit("the tenants");
    let path = repository.path.to_str().unwrap();
    let lock_down = "--default-service-account=default";
    let production = "examples/tenants/clusters/production";
    let running = Running::start(directory.path(), ["up", path, "--path", production, lock_down]);
    running.wait_for_ready("tenants", "True", &first);
    // It may not be there yet.
    let topic = |object: &str| {
        let words = ["get", "-o", "json", "channel"].into_iter().chain(object.split_whitespace());
        let found: serde_json::Value = serde_json::from_slice(&running.kubectl(words).stdout).unwrap_or_default();
        found["spec"]["topic"].clone()
    };
    let wait_for_topic = |object: &str, wanted: &str| {
        eventually(object, || match topic(object) {
            found if found == wanted => Ok(()),
            found => Err(found.to_string()),
        });
    };
    wait_for_topic("orders -n team-red", "Orders of eu-north-1");
    wait_for_topic("reports -n team-blue", "Reports");
    assert_eq!(running.get("channel incidents -n shared")["spec"]["retentionDays"], 30);

    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: all}\nrules: []\n";
    repository.write(&format!("{TEAMS}/blue/role.yaml"), role);
    let channel = format!("{TEAMS}/red/channel.yaml");
    let orders = std::fs::read_to_string(repository.path.join(&channel)).unwrap();
    repository.write(&channel, &orders.replace("Orders of", "All orders of"));
    repository.commit("blue takes too much");
    wait_for_topic("orders -n team-red", "All orders of eu-north-1");
    let words = ["ClusterRole/all", "system:serviceaccount:team-blue:team", "cannot patch resource \"clusterroles\""];
    wait_until_refused(&running, "team -n team-blue", &words);

    // A Kustomization of its own acts for the team, too.
    let other = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: other}\nspec:\n  \
                 interval: 1m\n  path: ./examples/tenants/platform/config\n  prune: true\n  serviceAccountName: \
                 team\n  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}\n";
    repository.remove(&format!("{TEAMS}/blue/role.yaml")).write(&format!("{TEAMS}/blue/other.yaml"), other);
    repository.commit("blue tries another way");
    let words = ["system:serviceaccount:team-blue:team", "cannot patch resource"];
    wait_until_refused(&running, "other -n team-blue", &words);

    repository.remove(&format!("{TEAMS}/blue/other.yaml"));
    let last = repository.commit("blue takes it back");
    eventually("blue is well again", || {
        let seen = running.get("kustomization team -n team-blue");
        let applied = seen["status"]["lastAppliedRevision"].as_str().unwrap_or_default().to_owned();
        if applied.ends_with(&last) { Ok(()) } else { Err(seen.to_string()) }
    });
    assert!(!running.kubectl(["get", "clusterrole", "all"]).status.success());
}

#[test]
fn what_was_denied_to_teams_stays_so_when_up_is_resumed_without_a_word() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("repository"));
    repository.copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tenants"), "examples/tenants");
    // It names no account.
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: all}\nrules: []\n";
    repository.write("escape/role.yaml", role);
    let escape = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: escape}\nspec:\n  interval: \
                  1m\n  path: ./escape\n  prune: true\n  sourceRef: {kind: GitRepository, name: flux-system, namespace: \
                  flux-system}\n";
    repository.write(&format!("{TEAMS}/blue/escape.yaml"), escape).commit("blue tries to escape");
    let production = "examples/tenants/clusters/production";
    let path = repository.path.to_str().unwrap();
    let lock_down = "--default-service-account=default";
    let words = ["system:serviceaccount:team-blue:default", "cannot patch resource \"clusterroles\""];
    let running = Running::start(directory.path(), ["up", path, "--path", production, lock_down]);
    wait_until_refused(&running, "escape -n team-blue", &words);
    running.stop();
    let running = Running::start(directory.path(), ["up"]);
    running.wait_until_said(&["as before", lock_down]);
    running.cowherd(["reconcile", "ks/escape", "-n", "team-blue", "--timeout", "20s"]);
    wait_until_refused(&running, "escape -n team-blue", &words);
    assert!(!running.kubectl(["get", "clusterrole", "all"]).status.success());
}
