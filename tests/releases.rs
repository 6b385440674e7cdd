//! Releases of charts, seen from the real helm: what one does, the other knows.

use std::ffi::OsStr;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::program::fleet::{self, Fleet};
use crate::program::{Running, eventually, succeeded};

const CHART: &str = "apiVersion: v2
name: web
version: 0.1.0
appVersion: '1.7'
";

const CONFIG: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  color: {{ .Values.color | quote }}
  revision: {{ .Release.Revision | quote }}
";

const HOOK: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-before
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-delete-policy: before-hook-creation
data:
  color: {{ .Values.color | quote }}
";

fn release(more: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: web
  namespace: flux-system
spec:
  interval: 10m
  releaseName: web
  targetNamespace: default
  storageNamespace: default
  chart:
    spec:
      chart: ./charts/web
      sourceRef:
        kind: GitRepository
        name: flux-system
{more}"
    )
}

fn with_color(color: &str) -> String {
    release(&format!("  values:\n    color: {color}\n"))
}

/// A followed repository that holds a chart, and its release where there is one.
fn start(release: Option<&str>) -> Fleet {
    let directory = tempfile::tempdir().unwrap();
    let repository = fleet::repository(&directory.path().join("fleet"));
    repository.write("charts/web/Chart.yaml", CHART).write("charts/web/values.yaml", "color: red\n");
    repository.write("charts/web/templates/config.yaml", CONFIG).write("charts/web/templates/hook.yaml", HOOK);
    if let Some(release) = release {
        repository.write("cluster/web.yaml", release);
    }
    let first = repository.commit("begin");
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    let fleet = Fleet { repository, running, first, directory };
    fleet.wait_until_applied(&fleet.first);
    fleet
}

fn helm<S: AsRef<OsStr>>(fleet: &Fleet, arguments: impl IntoIterator<Item = S>) -> Output {
    let mut command = Command::new("helm");
    command.current_dir(&fleet.repository.path).env("HOME", fleet.directory.path()).args(arguments);
    command.arg("--kubeconfig").arg(fleet.running.kubeconfig()).args(["--namespace", "default"]).output().unwrap()
}

fn helm_says(fleet: &Fleet, arguments: &str) -> String {
    succeeded(helm(fleet, arguments.split_whitespace()))
}

fn helm_json(fleet: &Fleet, arguments: &str) -> Value {
    serde_json::from_str(&helm_says(fleet, &format!("{arguments} --output json"))).unwrap()
}

fn ready(fleet: &Fleet, words: &[&str]) {
    fleet.running.wait_for_condition("helmrelease web", "True", words);
}

fn data(fleet: &Fleet, config_map: &str) -> Value {
    fleet.running.get(&format!("configmap {config_map} -n default"))["data"].clone()
}

#[test]
fn helm_sees_what_is_installed_and_upgraded() {
    let fleet = start(Some(&with_color("blue")));
    ready(&fleet, &["Helm install succeeded for release default/web.v1 with chart web@0.1.0"]);
    assert_eq!(data(&fleet, "web"), json!({ "color": "blue", "revision": "1" }));
    assert_eq!(data(&fleet, "web-before"), json!({ "color": "blue" }));

    fleet.repository.write("cluster/web.yaml", &with_color("green")).commit("paint");
    ready(&fleet, &["Helm upgrade succeeded for release default/web.v2"]);
    assert_eq!(data(&fleet, "web"), json!({ "color": "green", "revision": "2" }));

    let list = helm_json(&fleet, "ls");
    assert_eq!(
        (&list[0]["name"], &list[0]["revision"], &list[0]["status"]),
        (&json!("web"), &json!("2"), &json!("deployed"))
    );
    assert_eq!(list[0]["app_version"], "1.7");
    let history = helm_json(&fleet, "history web");
    let told: Vec<_> = history.as_array().unwrap().iter().map(|one| (&one["status"], &one["description"])).collect();
    assert_eq!(
        told,
        [(&json!("superseded"), &json!("Install complete")), (&json!("deployed"), &json!("Upgrade complete"))]
    );
    assert_eq!(helm_json(&fleet, "get values web"), json!({ "color": "green" }));
    let manifest = helm_says(&fleet, "get manifest web");
    assert!(manifest.contains("# Source: web/templates/config.yaml"), "{manifest}");
    assert!(manifest.contains("color: green"), "{manifest}");
    assert!(helm_says(&fleet, "get hooks web").contains("name: web-before"));
    assert!(helm_says(&fleet, "status web").contains("STATUS: deployed"));

    let tree = fleet.running.cowherd_ok(["tree", "helmrelease", "web"]);
    assert_eq!(tree, "HelmRelease/flux-system/web\n└── ConfigMap/default/web\n");
    assert!(fleet.running.cowherd_ok(["tree", "flux-system"]).contains("ConfigMap/default/web\n"));
}

#[test]
fn what_helm_rolls_back_or_uninstalls_is_put_right() {
    let fleet = start(Some(&with_color("blue")));
    ready(&fleet, &["release default/web.v1"]);
    fleet.repository.write("cluster/web.yaml", &with_color("green")).commit("paint");
    ready(&fleet, &["release default/web.v2"]);
    let before = fleet.running.uid("configmap web -n default");

    helm_says(&fleet, "rollback web 1 --force-conflicts");
    assert_eq!(data(&fleet, "web")["color"], "blue");
    fleet.running.cowherd_ok(["reconcile", "helmrelease", "web"]);
    ready(&fleet, &["Helm upgrade succeeded for release default/web.v4"]);
    assert_eq!(data(&fleet, "web"), json!({ "color": "green", "revision": "4" }));
    assert_eq!(fleet.running.uid("configmap web -n default"), before);

    helm_says(&fleet, "uninstall web");
    assert!(!fleet.running.kubectl(["get", "configmap", "web", "-n", "default"]).status.success());
    fleet.running.cowherd_ok(["reconcile", "helmrelease", "web"]);
    ready(&fleet, &["Helm install succeeded for release default/web.v1"]);
    assert_eq!(data(&fleet, "web"), json!({ "color": "green", "revision": "1" }));
}

#[test]
fn a_release_that_helm_installed_is_taken_over_without_making_anything_anew() {
    let fleet = start(None);
    helm_says(&fleet, "install web charts/web --set color=blue");
    let before = fleet.running.uid("configmap web -n default");

    fleet.repository.write("cluster/web.yaml", &with_color("green")).commit("take it over");
    ready(&fleet, &["Helm upgrade succeeded for release default/web.v2"]);
    assert_eq!(data(&fleet, "web"), json!({ "color": "green", "revision": "2" }));
    assert_eq!(fleet.running.uid("configmap web -n default"), before);
    let history = helm_json(&fleet, "history web");
    let told: Vec<_> = history.as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(told, [&json!("superseded"), &json!("deployed")]);
}

#[test]
fn a_helmrelease_that_leaves_the_repository_is_uninstalled() {
    let fleet = start(Some(&with_color("blue")));
    ready(&fleet, &["release default/web.v1"]);
    fleet.repository.remove("cluster/web.yaml").commit("leave");
    eventually("the release is gone", || {
        let list = helm_json(&fleet, "ls");
        let left = fleet.running.kubectl(["get", "configmap", "web", "-n", "default"]).status.success();
        if list == json!([]) && !left { Ok(()) } else { Err(list.to_string()) }
    });
    eventually("its chart is gone", || {
        let charts = fleet.running.kubectl_ok(["get", "helmcharts", "-n", "flux-system", "-o", "name"]);
        if charts.is_empty() { Ok(()) } else { Err(charts) }
    });
}

/// What a commit changes of a chart arrives before or after what it changes of its release: no attempt may have failed for that.
#[test]
fn a_commit_that_changes_chart_and_release_breaks_nothing_off() {
    let with_color =
        |color: &str| with_color(color).replace("./charts/web\n", "./charts/web\n      reconcileStrategy: Revision\n");
    let fleet = start(Some(&with_color("blue")));
    ready(&fleet, &["release default/web.v1 with chart web@0.1.0+"]);
    for color in ["green", "white", "black"] {
        fleet.repository.write("charts/web/values.yaml", &format!("color: not {color}\n"));
        let commit = fleet.repository.write("cluster/web.yaml", &with_color(color)).commit(color);
        eventually(&format!("{color} is released"), || {
            let found = fleet.running.kubectl_ok(["get", "helmrelease", "web", "-n", "flux-system", "-o", "yaml"]);
            let is_released = found.contains(&format!("chartVersion: 0.1.0+{}", &commit[..12]));
            if is_released && data(&fleet, "web")["color"] == *color { Ok(()) } else { Err(found) }
        });
    }
    ready(&fleet, &["Helm upgrade succeeded"]);
    let history = helm_json(&fleet, "history web");
    let failed =
        history.as_array().unwrap().iter().find(|one| one["status"] != "superseded" && one["status"] != "deployed");
    assert_eq!(failed, None, "{history:#}");
}

/// Nothing runs Jobs here: the release must say what it waits for instead of looking installed.
#[test]
fn a_hook_that_nothing_here_runs_is_named() {
    let fleet = start(None);
    let job = "apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: {helm.sh/hook: pre-install}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: migrate, image: busybox}]
";
    fleet.repository.write("charts/web/templates/job.yaml", job);
    fleet.repository.write("cluster/web.yaml", &with_color("blue")).commit("migrate first");
    fleet.running.wait_for_condition("helmrelease web", "False", &["Helm install failed", "Job/default/migrate"]);
    assert!(!fleet.running.kubectl(["get", "configmap", "web", "-n", "default"]).status.success());
}
