//! `cowherd suspend` and `resume`.

use serde_json::{Value, json};

use super::code;
use crate::program::eventually;
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

#[test]
fn what_kubectl_suspends_stays_so_and_only_that_of_what_it_changed() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    let patch = r#"{"spec":{"suspend":true,"interval":"17m","timeout":"18m"}}"#;
    running.kubectl_ok(["patch", "kustomization", "app", "-n", "flux-system", "--type", "merge", "-p", patch]);
    running.wait_until_said(&["app: suspended by \"kubectl-patch\" at "]);
    running.cowherd_ok(["reconcile", "kustomization", "flux-system"]);
    repository.config_map("app/red.yaml", "red", "2").config_map("other/map.yaml", "other", "2");
    running.wait_for_ready("other", "True", &repository.commit("change both"));
    let spec = running.get("kustomization app -n flux-system")["spec"].clone();
    assert_eq!((&spec["suspend"], &spec["timeout"]), (&json!(true), &Value::Null), "{spec}");
    assert_ne!(spec["interval"], "17m", "Git describes it");
    assert_eq!(running.value("red"), "1");
    let said = running.said();
    let told: Vec<&str> =
        said.lines().filter(|line| line.contains(" app: suspended") || line.contains("resumed")).collect();
    assert_eq!(told.len(), 1, "{said}");

    let patch = r#"{"spec":{"suspend":null}}"#;
    running.kubectl_ok(["patch", "kustomization", "app", "-n", "flux-system", "--type", "merge", "-p", patch]);
    running.wait_for_value("red", "2");
    running.wait_until_said(&["app: resumed"]);
}

#[test]
fn a_request_by_kubectl_is_served_once_and_stays() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    let request = "reconcile.fluxcd.io/requestedAt=now";
    running.kubectl_ok(["annotate", "kustomization", "app", "-n", "flux-system", request]);
    running.wait_until_said(&["app: ", "because somebody asked for it (now)"]);
    running.cowherd_ok(["reconcile", "kustomization", "flux-system"]);
    let annotations = running.get("kustomization app -n flux-system")["metadata"]["annotations"].clone();
    assert_eq!(annotations["reconcile.fluxcd.io/requestedAt"], "now");
    repository.config_map("app/red.yaml", "red", "2");
    fleet.wait_until_applied(&repository.commit("change red"));
    let said = running.said();
    let served = said.lines().filter(|line| line.contains(" app: ") && line.contains("somebody asked"));
    assert_eq!(served.count(), 1, "{said}");
}

#[test]
fn what_git_suspends_is_not_said_to_be_resumed() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    let is_suspended = || running.get("kustomization app -n flux-system")["spec"]["suspend"] == true;
    repository.kustomization("app", "./app", "suspend: true").commit("leave it alone");
    running.wait_until_said(&["app: suspended, as Kustomization flux-system describes it"]);

    let (status, said) = code(&fleet, &["resume", "kustomization", "app", "other"]);
    assert_eq!(status, 1, "{said}");
    for words in [
        "✗ kustomization app stays suspended: Kustomization flux-system describes it with spec.suspend: true, and would suspend \
         it again at once",
        "cowherd suspend kustomization flux-system",
        "✔ kustomization other resumed",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(is_suspended());

    running.cowherd_ok(["suspend", "kustomization", "flux-system"]);
    let (status, said) = code(&fleet, &["resume", "kustomization", "app"]);
    let until = "kustomization app resumed until Kustomization flux-system is resumed, which describes it with spec.suspend: true";
    assert!(status == 0 && said.contains(until), "{said}");
    running.kubectl_ok(["delete", "configmap", "red", "-n", "default"]);
    running.wait_for_value("red", "1");
    running.cowherd_ok(["resume", "kustomization", "flux-system"]);
    eventually("it is suspended again", || if is_suspended() { Ok(()) } else { Err(running.said()) });

    // The other way round.
    repository.kustomization("app", "./app", "suspend: false").commit("never leave it alone");
    running.wait_until_said(&["app: resumed, as Kustomization flux-system describes it"]);
    let (status, said) = code(&fleet, &["suspend", "kustomization", "app"]);
    assert!(status == 1 && said.contains("app is not suspended: Kustomization flux-system describes it"), "{said}");
    assert!(!is_suspended());
}
