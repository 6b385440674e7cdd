//! What commits do to objects: added, removed, moved and renamed, each ends as described and nothing else changes.

use crate::program::eventually;
use crate::program::fleet::Fleet;
use crate::program::repository::config_map;

fn wait_until_gone(fleet: &Fleet, object: &str) {
    eventually(&format!("{object} is gone"), || {
        let words = ["get", "-n", "default", "--ignore-not-found", "-o", "name"].into_iter().chain(object.split(' '));
        let found = fleet.running.kubectl_ok(words);
        if found.is_empty() { Ok(()) } else { Err(found) }
    });
}

#[test]
fn objects_are_added_changed_and_removed_and_the_rest_stays_untouched() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    running.kubectl_ok(["create", "configmap", "by-hand", "-n", "default"]);
    let before = running.identities("configmaps", "default");
    repository.config_map("app/red.yaml", "red", "2").config_map("app/green.yaml", "green", "1");
    fleet.wait_until_applied(&repository.commit("change red, add green"));
    let after = running.identities("configmaps", "default");
    assert_eq!(running.value("red"), "2");
    assert_eq!(running.value("green"), "1");
    assert_eq!(after["red"].0, before["red"].0);
    for untouched in ["blue", "other", "by-hand"] {
        assert_eq!(after[untouched], before[untouched], "{untouched} was touched");
    }
    repository.remove("app/green.yaml").remove("app/blue.yaml");
    fleet.wait_until_applied(&repository.commit("remove green and blue"));
    let last = running.identities("configmaps", "default");
    assert!(!last.contains_key("green") && !last.contains_key("blue"), "{last:?}");
    for untouched in ["red", "other", "by-hand"] {
        assert_eq!(last[untouched], after[untouched], "{untouched} was touched");
    }
}

#[test]
fn an_object_that_moves_to_another_kustomization_survives() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    let before = running.uid("configmap red -n default");
    for (from, to) in [("app", "other"), ("other", "app")] {
        repository.remove(&format!("{from}/red.yaml")).config_map(&format!("{to}/red.yaml"), "red", to);
        fleet.wait_until_applied(&repository.commit("move red"));
        assert_eq!(running.uid("configmap red -n default"), before);
        let object = running.get("configmap red -n default");
        assert_eq!(object["data"]["value"], to);
        assert_eq!(object["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"], to);
    }
}

#[test]
fn a_renamed_directory_keeps_its_objects() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    let before = running.identities("configmaps", "default");
    repository.git(["mv", "app", "application"]);
    repository.kustomization("app", "./application", "");
    fleet.wait_until_applied(&repository.commit("rename the directory"));
    assert_eq!(running.identities("configmaps", "default"), before);
    repository.config_map("application/red.yaml", "red", "2");
    fleet.wait_until_applied(&repository.commit("change a file of it"));
    assert_eq!(running.value("red"), "2");
}

#[test]
fn a_kustomization_that_git_no_longer_has_takes_its_objects_along() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    let before = running.identities("configmaps", "default");
    repository.remove("cluster/app.yaml").remove("app");
    let commit = repository.commit("remove app");
    wait_until_gone(&fleet, "kustomization app -n flux-system");
    wait_until_gone(&fleet, "configmap red blue");
    running.wait_for_ready("other", "True", &commit);
    running.wait_until_said(&["app: deleted"]);
    assert_eq!(running.identities("configmaps", "default")["other"], before["other"]);
}

#[test]
fn what_is_not_to_be_pruned_stays() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    let keep = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: kept\n  namespace: \
                flux-system\nspec:\n  interval: 10m\n  path: ./kept\n  prune: false\n  sourceRef: {kind: \
                GitRepository, name: flux-system}\n";
    let annotated = config_map("annotated", "1")
        .replace("metadata:\n", "metadata:\n  annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}\n");
    repository.write("cluster/kept.yaml", keep).write("app/annotated.yaml", &annotated);
    repository.config_map("kept/a.yaml", "kept-a", "1").config_map("kept/b.yaml", "kept-b", "1");
    running.wait_for_ready("kept", "True", &repository.commit("add what is to be kept"));
    running.wait_for_value("annotated", "1");
    let before = running.identities("configmaps", "default");

    repository.remove("kept/a.yaml").remove("app/annotated.yaml");
    let commit = repository.commit("describe less");
    running.wait_for_ready("kept", "True", &commit);
    running.wait_for_ready("app", "True", &commit);
    repository.remove("cluster/kept.yaml").remove("kept");
    fleet.wait_until_applied(&repository.commit("describe nothing of it"));
    wait_until_gone(&fleet, "kustomization kept -n flux-system");
    let after = running.identities("configmaps", "default");
    for kept in ["kept-a", "kept-b", "annotated"] {
        assert_eq!(after.get(kept).map(|(uid, _)| uid), before.get(kept).map(|(uid, _)| uid), "{kept}");
    }
}

#[test]
fn a_definition_and_its_objects_may_come_in_one_commit() {
    let fleet = Fleet::start();
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: \
                      gadgets.example.com\nspec:\n  group: example.com\n  scope: Namespaced\n  names: {plural: gadgets, \
                      singular: gadget, kind: Gadget}\n  versions:\n    - name: v1\n      served: true\n      storage: \
                      true\n      schema:\n        openAPIV3Schema:\n          type: object\n          properties:\n      \
                      \x20     spec: {type: object, properties: {size: {type: integer}}}\n";
    let gadget = "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: one, namespace: toys}\nspec: {size: 3}\n";
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: toys}\n";
    fleet.repository.write("app/a-gadget.yaml", gadget).write("app/b-definition.yaml", definition);
    fleet.repository.write("app/c-namespace.yaml", namespace);
    fleet.wait_until_applied(&fleet.repository.commit("add a kind, a namespace and an object"));
    assert_eq!(fleet.running.get("gadget one -n toys")["spec"]["size"], 3);

    fleet.repository.remove("app/a-gadget.yaml").remove("app/b-definition.yaml").remove("app/c-namespace.yaml");
    fleet.wait_until_applied(&fleet.repository.commit("remove all three"));
    wait_until_gone(&fleet, "namespace toys");
    wait_until_gone(&fleet, "crd gadgets.example.com");
}
