//! Who the agents are, as people see it with kubectl.

use crate::program::Running;
use crate::program::repository::Repository;

/// The user that an account of the agents is.
fn user(name: &str) -> String {
    format!("system:serviceaccount:flux-system:{name}")
}

/// Whether an account may do something, by `kubectl auth can-i`.
fn may(running: &Running, name: &str, what: &str) -> bool {
    let account = format!("--as={}", user(name));
    let words = ["auth", "can-i"].into_iter().chain(what.split(' ')).chain([account.as_str()]);
    running.kubectl(words).status.success()
}

/// `up` on a repository of one ConfigMap, which is there.
fn started() -> (tempfile::TempDir, Repository, Running) {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.config_map("app.yaml", "app", "1");
    let first = repository.commit("first");
    let running = Running::start(directory.path(), ["up", "fleet"]);
    running.wait_for_ready("flux-system", "True", &first);
    (directory, repository, running)
}

#[test]
fn the_agents_have_accounts_and_only_who_applies_may_do_everything() {
    let (_directory, _repository, running) = started();

    let accounts = running.kubectl_ok(["get", "serviceaccounts", "-n", "flux-system", "-o", "name"]);
    for name in ["source-controller", "delivery-controller", "notification-controller", "kustomize-controller"] {
        assert!(accounts.lines().any(|line| line == format!("serviceaccount/{name}")), "{accounts}");
        let account = format!("--as={}", user(name));
        let me = running.kubectl_ok(["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}", &account]);
        assert_eq!(me, user(name));
    }
    let is_admin = |name: &str| may(&running, name, "* *");
    assert!(is_admin("kustomize-controller") && !is_admin("source-controller") && !is_admin("delivery-controller"));
    assert!(may(&running, "source-controller", "patch gitrepositories.source.toolkit.fluxcd.io --subresource=status"));
    assert!(!may(&running, "source-controller", "get configmaps"));
    assert!(may(&running, "delivery-controller", "impersonate serviceaccounts"));
    assert!(!may(&running, "delivery-controller", "create configmaps"));
    let told = "notification-controller";
    assert!(may(&running, told, "patch receivers.notification.toolkit.fluxcd.io --subresource=status"));
    assert!(
        !is_admin(told)
            && !may(&running, told, "get configmaps")
            && !may(&running, told, "delete helmreleases.helm.toolkit.fluxcd.io")
    );
}

#[test]
fn who_applies_may_what_its_account_may_and_a_start_gives_that_back() {
    let (directory, repository, running) = started();

    let binding = ["clusterrolebinding", "cowherd-applier"];
    let refused = running.kubectl([&["delete"], &binding[..]].concat());
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("needs it"));
    let nobody = r#"--patch={"subjects":[]}"#;
    running.kubectl_ok([&["patch"], &binding[..], &["--type=merge", nobody]].concat());
    repository.config_map("app.yaml", "app", "2");
    let second = repository.commit("second");
    let cannot = format!("User \"{}\" cannot patch resource \"configmaps\"", user("kustomize-controller"));
    running.wait_for_condition("kustomization flux-system -n flux-system", "False", &[&cannot]);
    assert_eq!(running.value("app"), "1");

    running.stop();
    let running = Running::start(directory.path(), ["up", "fleet"]);
    running.wait_for_ready("flux-system", "True", &second);
    assert_eq!(running.value("app"), "2");
}

#[test]
fn an_account_that_is_none_is_told_from_one_that_may_not() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.config_map("app/map.yaml", "map", "1").kustomization("app", "./app", "serviceAccountName: nope");
    repository.commit("first");
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    let give = "give system:serviceaccount:flux-system:nope a role that may do that to ConfigMap/default/map";
    let absent = format!("; there is no ServiceAccount flux-system/nope: make it, and {give}");
    running.wait_for_ready("app", "False", &absent);
    running.kubectl_ok(["create", "serviceaccount", "nope", "-n", "flux-system"]);
    running.wait_for_ready("app", "False", &format!("; {give}"));
    let bind = ["create", "clusterrolebinding", "nope", "--clusterrole=edit", "--serviceaccount=flux-system:nope"];
    running.kubectl_ok(bind);
    running.wait_for_ready("app", "True", "");
}
