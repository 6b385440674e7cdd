//! What is told of a Kustomization that goes, and of what stays.

use crate::program::fleet::Fleet;
use crate::program::repository::{Repository, config_map};
use crate::program::{Running, eventually};

/// A ConfigMap of the namespace `default` with this in its metadata.
fn with(name: &str, metadata: &str) -> String {
    config_map(name, "1").replace("metadata:\n", &format!("metadata:\n  {metadata}\n"))
}

#[test]
fn one_that_goes_is_not_ready_and_at_its_beginning_and_its_end_its_objects_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.kustomization("shop", "./shop", "deletionPolicy: WaitForTermination\ntimeout: 1h");
    repository.config_map("shop/plain.yaml", "plain", "1");
    repository.write("shop/held.yaml", &with("held", "finalizers: [example.com/hold]"));
    repository.write("shop/kept.yaml", &with("kept", "annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}"));
    repository.config_map("cluster/map.yaml", "of-the-root", "1");
    let first = repository.commit("begin");
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    running.wait_for_ready("shop", "True", &first);
    running.wait_for_ready("flux-system", "True", &first);

    // It leaves Git with all that it was made of.
    repository.remove("cluster/shop.yaml").remove("shop");
    let second = repository.commit("no shop");
    running.wait_until_said(&[" shop: deleting 3 objects: ", "ConfigMap/default/held", "because it was deleted"]);
    let waits = "deleting: waits until ConfigMap/default/held (its finalizers: example.com/hold) is gone";
    running.wait_for_ready("shop", "Unknown", waits);
    let table = running.kubectl_ok(["get", "kustomizations", "-n", "flux-system"]);
    let row = table.lines().find(|line| line.starts_with("shop")).unwrap();
    assert!(row.contains("Unknown") && row.contains(waits), "{table}");
    let table = running.cowherd_ok(["get", "kustomizations", "shop"]);
    assert!(table.contains("Unknown") && table.contains("ConfigMap/default/held"), "{table}");
    running.wait_until_said(&[" shop: deleting; ", "1 goes once its finalizers are done: ", "held (example.com/hold)"]);

    let patch =
        ["patch", "configmap", "held", "-n", "default", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#];
    running.kubectl_ok(patch);
    let stays = "1 stays: ConfigMap/default/kept (it says kustomize.toolkit.fluxcd.io/prune: disabled)";
    let deleted = ["ConfigMap/default/plain deleted", "ConfigMap/default/held deleted"];
    let end = ["2 of 3 pruned: ", "because it was deleted; ", stays];
    running.wait_until_said(&[&[" shop: "], &end[..], &deleted[..]].concat());
    running.wait_until_said(&[" shop: deleted"]);
    running.wait_for_ready("flux-system", "True", &second);
    assert_eq!((running.value("kept").as_str(), running.value("plain").as_str()), ("1", ""));
    let said = running.said();
    assert!(!said.contains("not found"), "it was no mistake: {said}");
}

#[test]
fn after_a_switch_to_an_account_that_may_not_delete_it_is_said_what_helps_and_that_does() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.kustomization("app", "./app", "").config_map("app/red.yaml", "red", "1");
    repository.write("new/map.yaml", &config_map("new", "1").replace("namespace: default", "namespace: flux-system"));
    let first = repository.commit("begin");
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    running.wait_for_ready("app", "True", &first);
    let resources = "--resource=configmaps,kustomizations.kustomize.toolkit.fluxcd.io";
    for words in [
        &["create", "serviceaccount", "deployer"][..],
        &["create", "role", "deployer", "--verb=*", resources],
        &["create", "rolebinding", "deployer", "--role=deployer", "--serviceaccount=flux-system:deployer"],
    ] {
        running.kubectl_ok([words, &["-n", "flux-system"]].concat());
    }
    running.stop();

    let switched = ["up", "fleet", "--path", "new", "--switch", "--default-service-account", "deployer"];
    let running = Running::start(directory.path(), switched);
    let (account, object) = ("system:serviceaccount:flux-system:deployer", "ConfigMap/default/red");
    let told = ["pruning for deleted resource failed", account, object, "spec.serviceAccountName", "kubectl patch"];
    running.wait_for_condition("kustomization app", "False", &told);
    running.wait_until_said(&[&[" app: "], &told[..]].concat());
    assert_eq!(running.value("red"), "1");
    running.stop();

    let running = Running::start(directory.path(), ["up", "--default-service-account="]);
    running.wait_until_said(&[" app: ", "1 pruned: ConfigMap/default/red deleted; because it was deleted"]);
    eventually("it is gone", || {
        let found = running.kubectl(["get", "kustomization", "app", "-n", "flux-system"]);
        if found.status.success() { Err(String::from_utf8_lossy(&found.stdout).into_owned()) } else { Ok(()) }
    });
}

#[test]
fn who_suspends_and_resumes_a_source_or_a_kustomization_is_said() {
    let fleet = Fleet::start();
    let running = &fleet.running;
    for (words, name) in
        [(&["kustomization", "app"][..], " app: "), (&["source", "git", "flux-system"][..], " source flux-system: ")]
    {
        running.cowherd_ok([&["suspend"], words].concat());
        running.wait_until_said(&[name, "suspended by \"cowherd-suspend\" at 20"]);
        running.cowherd_ok([&["resume"], words].concat());
        running.wait_until_said(&[name, "resumed by \"cowherd-resume\" at 20"]);
    }
    let patch = ["patch", "gitrepository", "flux-system", "-n", "flux-system", "--type=merge", "-p"];
    running.kubectl_ok([&patch[..], &[r#"{"spec":{"suspend":true}}"#]].concat());
    running.wait_until_said(&[" source flux-system: suspended by \"kubectl-patch\" at 20"]);
}

#[test]
fn two_that_describe_the_same_object_are_said_with_who_has_it_and_why() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.kustomization("one", "./one", "").kustomization("two", "./two", "");
    repository.config_map("one/map.yaml", "shared", "of one").config_map("two/map.yaml", "shared", "of two");
    repository.commit("begin");
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    // One commit brings both, mostly within one second.
    running
        .wait_until_said(&["ConfigMap/default/shared is as described here, though flux-system/two describes it too"]);
    running
        .wait_until_said(&["ConfigMap/default/shared is as flux-system/one describes it, which describes it too and "]);
    let created = |name: &str| {
        let found = running.get(&format!("kustomization {name} -n flux-system"));
        found["metadata"]["creationTimestamp"].as_str().unwrap().to_owned()
    };
    let why = match created("one") == created("two") {
        true => "comes first by its name (both were made in the same second). Take it out of all but one",
        false => "is older. Take it out of all but one",
    };
    running.wait_until_said(&["which describes it too and", why]);
}
