//! What is changed by hand becomes again what the repository says.

use crate::program::eventually;
use crate::program::fleet::Fleet;

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: default
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: nginx:1.21.0
";

#[test]
fn what_is_scaled_edited_or_deleted_by_hand_is_put_right() {
    let fleet = Fleet::start();
    let running = &fleet.running;
    fleet.repository.write("app/web.yaml", DEPLOYMENT);
    fleet.wait_until_applied(&fleet.repository.commit("deploy web"));
    let replicas = || running.get("deployment web -n default")["spec"]["replicas"].clone();
    let described = |what: &str| {
        eventually(what, || if replicas() == 2 { Ok(()) } else { Err(format!("{} replicas", replicas())) });
    };
    let generation = || running.get("deployment web -n default")["metadata"]["generation"].as_i64().unwrap();

    let before = generation();
    running.kubectl_ok(["scale", "deployment", "web", "-n", "default", "--replicas", "7"]);
    described("the scale is put right");
    assert_eq!(generation(), before + 2);

    running.kubectl_ok(["patch", "configmap", "red", "-n", "default", "-p", r#"{"data":{"value":"by hand"}}"#]);
    running.wait_for_value("red", "1");

    let before = running.uid("deployment web -n default");
    running.kubectl_ok(["delete", "deployment", "web", "-n", "default", "--wait=false"]);
    eventually("the Deployment is back", || {
        let output = running.kubectl(["get", "deployment", "web", "-n", "default", "-o", "jsonpath={.metadata.uid}"]);
        let uid = String::from_utf8_lossy(&output.stdout).into_owned();
        if !uid.is_empty() && uid != before { Ok(()) } else { Err(uid) }
    });
    described("the Deployment is as it was");
    running.kubectl_ok(["delete", "configmap", "red", "blue", "-n", "default"]);
    running.wait_for_value("red", "1");
    running.wait_for_value("blue", "1");
}

/// As with Flux: what controllers write is theirs, what people write with kubectl is drift.
#[test]
fn what_the_repository_says_nothing_of_is_left_to_other_controllers() {
    let fleet = Fleet::start();
    let running = &fleet.running;
    let controller = ["--field-manager", "a-controller", "-n", "default"];
    running.kubectl_ok(["label", "configmap", "red", "team=blue"].into_iter().chain(controller));
    let more = ["patch", "configmap", "red", "-p", r#"{"data":{"more":"theirs"}}"#];
    running.kubectl_ok(more.into_iter().chain(controller));
    running.kubectl_ok(["label", "configmap", "red", "-n", "default", "by=hand"]);
    running.kubectl_ok(["patch", "configmap", "red", "-n", "default", "-p", r#"{"data":{"value":"by hand"}}"#]);
    running.wait_for_value("red", "1");
    eventually("what was written with kubectl is gone", || {
        let object = running.get("configmap red -n default");
        if object["metadata"]["labels"]["by"].is_null() { Ok(()) } else { Err(object.to_string()) }
    });
    let object = running.get("configmap red -n default");
    assert_eq!(object["metadata"]["labels"]["team"], "blue");
    assert_eq!(object["data"]["more"], "theirs");
}

#[test]
fn who_names_owners_of_another_cluster_is_told_why_the_object_goes_again_and_again() {
    let fleet = Fleet::start();
    let owned = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: owned\n  namespace: default\n  ownerReferences:\n  - \
                 {apiVersion: apps/v1, kind: Deployment, name: web, uid: 5b2f3b0e-3c1c-4a58-9a5e-6f4d8f0c2f11}\n";
    fleet.repository.write("app/owned.yaml", owned).commit("copy from another cluster");
    let why =
        "ConfigMap/default/owned, which is deleted since its metadata.ownerReferences name an owner (Deployment/web)";
    fleet.running.wait_for_ready("app", "False", why);
    fleet.running.wait_until_said(&[why]);
}
