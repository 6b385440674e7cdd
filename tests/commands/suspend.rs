//! `cowherd suspend` and `resume`.

use super::code;
use crate::program::fleet::Fleet;

#[test]
fn suspended_things_wait_until_they_are_resumed() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    running.cowherd_ok(["suspend", "kustomization", "app"]);
    repository.config_map("app/red.yaml", "red", "2").config_map("other/map.yaml", "other", "2");
    running.wait_for_ready("other", "True", &repository.commit("change both"));
    running.kubectl_ok(["delete", "configmap", "blue", "-n", "default"]);
    let (status, said) = code(&fleet, &["reconcile", "kustomization", "app"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("suspended") && said.contains("cowherd resume"), "{said}");
    assert!(running.cowherd_ok(["get", "ks", "app"]).contains("True"));
    assert_eq!((running.value("red"), running.value("blue")), ("1".to_owned(), String::new()));

    running.cowherd_ok(["resume", "kustomization", "app", "--wait"]);
    running.wait_for_value("red", "2");
    running.wait_for_value("blue", "1");

    running.cowherd_ok(["suspend", "source", "git", "flux-system"]);
    repository.config_map("app/red.yaml", "red", "3");
    let commit = repository.commit("change red");
    running.cowherd_ok(["reconcile", "kustomization", "app"]);
    assert_eq!(running.value("red"), "2");
    running.cowherd_ok(["resume", "source", "git", "flux-system", "--wait"]);
    fleet.wait_until_applied(&commit);
}
