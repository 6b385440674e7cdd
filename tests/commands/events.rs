//! `cowherd events`: what happened to what.

use super::code;
use crate::program::eventually;
use crate::program::fleet::Fleet;

#[test]
fn events_tell_what_happened_to_what() {
    let fleet = Fleet::start();
    let running = &fleet.running;
    fleet.repository.write("app/broken.yaml", "{");
    fleet.repository.commit("make a mistake");
    running.wait_for_warning("Kustomization/app", &["app/broken.yaml"]);
    let events = running.cowherd_ok(["events", "--for", "Kustomization/app"]);
    assert!(events.contains("ReconciliationSucceeded") && events.contains("BuildFailed"), "{events}");
    assert!(!events.contains("kustomization/other") && !events.contains("Kustomization/other"), "{events}");
    for spelled in ["ks/app", "kustomizations/app", "kustomization.kustomize.toolkit.fluxcd.io/app"] {
        assert_eq!(running.cowherd_ok(["events", "--for", spelled]).lines().count(), events.lines().count());
    }
    let (status, said) = code(&fleet, &["events", "--for", "gadget/app"]);
    assert!(status == 1 && said.contains("resource type \"gadget\""), "{said}");
    let warnings = running.cowherd_ok(["events", "-A", "--types", "Warning"]);
    assert!(warnings.contains("app/broken.yaml") && !warnings.contains("ReconciliationSucceeded"), "{warnings}");
}

#[test]
fn events_of_an_object_are_found_in_the_only_namespace_that_has_some() {
    let fleet = Fleet::start();
    let set = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: default}\nspec:\n  selector: \
               {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, \
               image: web}]}\n";
    fleet.repository.write("app/web.yaml", set).commit("deploy it");
    eventually("the controller says what it did", || {
        let (_, said) = code(&fleet, &["events", "--for", "deployment/web"]);
        let is_found = said.contains("not in \"flux-system\" namespace, but in \"default\"");
        if is_found && said.contains("ScalingReplicaSet") { Ok(()) } else { Err(said) }
    });
    let (status, said) = code(&fleet, &["events", "--for", "ks/apq"]);
    assert!(status == 1 && said.contains("not found") && said.contains("did you mean app?"), "{said}");
    let (_, said) = code(&fleet, &["events", "--for", "deployment/web", "-n", "kube-public"]);
    assert!(said.contains("no events found in \"kube-public\" namespace"), "{said}");
}
