//! `cowherd trace`: from an object back to the commit.

use serde_json::Value;

use super::code;
use crate::program::eventually;
use crate::program::fleet::Fleet;

#[test]
fn trace_goes_from_an_object_back_to_the_commit() {
    let fleet = Fleet::start();
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: default\nspec:\n  \
        selector:\n    matchLabels:\n      app: web\n  template:\n    metadata:\n      labels:\n        app: web\n    \
        spec:\n      containers:\n      - name: web\n        image: web\n";
    fleet.repository.write("other/web.yaml", deployment);
    let commit = fleet.repository.commit("run the web");
    fleet.wait_until_applied(&commit);
    let told = fleet.running.cowherd_ok(["trace", "cm/blue", "-n", "default"]);
    for part in ["ConfigMap/default/blue", "flux-system/app", "./app", "GitRepository", &commit] {
        assert!(told.contains(part), "{part:?} is not in: {told}");
    }
    assert!(!told.contains("run the web"), "it changed nothing of this one: {told}");
    let told = fleet.running.cowherd_ok(["trace", "deployment/web", "-n", "default"]);
    assert!(told.contains(&format!("Commit:          {commit}")) && told.contains("run the web"), "{told}");
    fleet.repository.write("README.md", "nothing that is applied");
    let unrelated = fleet.repository.commit("write about it");
    fleet.wait_until_applied(&unrelated);
    fleet.running.cowherd_ok(["reconcile", "ks", "other"]);
    let told = fleet.running.cowherd_ok(["trace", "deployment/web", "-n", "default"]);
    assert!(told.contains(&unrelated) && told.contains("run the web") && !told.contains("write about it"), "{told}");
    let pods = || fleet.running.kubectl_ok(["get", "pods", "-n", "default", "-o", "name"]);
    eventually("there is a Pod", || if pods().is_empty() { Err("none".to_owned()) } else { Ok(()) });
    let told = fleet.running.cowherd_ok(["trace", pods().trim(), "-n", "default", "-o", "json"]);
    let way: Value = serde_json::from_str(&told).unwrap();
    let kinds: Vec<&Value> = way["objects"].as_array().unwrap().iter().map(|object| &object["kind"]).collect();
    assert_eq!(kinds, ["Pod", "ReplicaSet", "Deployment"]);
    assert_eq!((&way["kustomization"]["name"], &way["commit"]["id"]), (&"other".into(), &commit.into()));
    for (arguments, word) in [
        (["trace", "cm/none", "-n", "default"], "not found in \"default\" namespace"),
        (["trace", "sa/default", "-n", "default"], "applied by no Kustomization"),
        (["trace", "gadget/x", "-n", "default"], "doesn't have a resource type \"gadget\""),
        (["trace", "deploymnt/x", "-n", "default"], "resource type \"deploymnt\"; did you mean deployment?"),
    ] {
        let (status, said) = code(&fleet, &arguments);
        assert!(status == 1 && said.contains(word), "{said}");
    }
}

#[test]
fn trace_looks_where_kubectl_does_and_then_for_the_only_one() {
    let fleet = Fleet::start();
    let map = |name: &str, namespace: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: {namespace}\n")
    };
    for namespace in ["one", "two"] {
        fleet.repository.write(
            &format!("other/{namespace}.yaml"),
            &format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {namespace}\n"),
        );
        fleet.repository.write(&format!("other/twice-{namespace}.yaml"), &map("twice", namespace));
    }
    fleet.repository.write("other/far.yaml", &map("far", "two"));
    let commit = fleet.repository.commit("more namespaces");
    fleet.wait_until_applied(&commit);
    let told = fleet.running.cowherd_ok(["trace", "cm/red"]);
    assert!(told.contains("ConfigMap/default/red") && !told.contains("not in"), "{told}");
    for words in [&["trace", "cm/far"][..], &["trace", "far", "--kind", "ConfigMap", "--api-version", "v1"]] {
        let told = fleet.running.cowherd_ok(words);
        assert!(
            told.contains("ConfigMap/two/far") && told.contains("not in \"default\" namespace, but in \"two\""),
            "{told}"
        );
    }
    let flux = ["trace", "twice", "--kind", "configmap", "--api-version", "v1", "--namespace", "one"];
    assert!(fleet.running.cowherd_ok(flux).contains("ConfigMap/one/twice"));
    let kustomization = ["trace", "app", "--kind", "Kustomization", "--api-version", "kustomize.toolkit.fluxcd.io/v1"];
    assert!(fleet.running.cowherd_ok(kustomization).contains("Kustomization/flux-system/app"));
    let (status, said) = code(&fleet, &["trace", "cm/twice"]);
    assert!(status == 1 && said.contains("in several namespaces: one, two; name one with -n"), "{said}");
    let config = std::fs::read_to_string(fleet.running.kubeconfig()).unwrap();
    let set = ["config", "set-context", "--current", "--namespace", "one"];
    fleet.running.kubectl_ok(set);
    let told = fleet.running.cowherd_ok(["trace", "cm/twice"]);
    std::fs::write(fleet.running.kubeconfig(), config).unwrap();
    assert!(told.contains("ConfigMap/one/twice"), "{told}");
}
