//! Ready is said only of what is so.

use crate::program::fleet::{self, Fleet};
use crate::program::repository::Repository;
use crate::program::{Running, cowherd};

const STATEFUL_SET: &str = "apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: default}
spec:
  serviceName: db
  replicas: 0
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: db}]}
";

const JOB: &str = "apiVersion: batch/v1
kind: Job
metadata: {name: migrate, namespace: default}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: migrate, image: migrate}]}
";

const DAEMON_SET: &str = "apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: default}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: agent}]}
";

const POLICY: &str = "apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata:
  name: podinfo
  namespace: default
spec:
  interval: 10m
";

const POLICIES: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: appprojects.argoproj.io}
spec:
  group: argoproj.io
  scope: Namespaced
  names: {kind: AppProject, plural: appprojects, singular: appproject}
  versions:
    - name: v1alpha1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
";

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
";

/// Runs `cowherd up --once` on a repository; how it ended and what it said.
fn once(directory: &tempfile::TempDir, words: &[&str]) -> (Option<i32>, String) {
    let mut command = cowherd(directory.path());
    command.args(["up", "fleet", "--once", "--listen", "127.0.0.1:0", "--data-dir", "data"]).args(words);
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn what_nothing_here_acts_on_is_not_ready() {
    for wait in ["", "wait: true"] {
        let fleet = Fleet::start();
        let (repository, running) = (&fleet.repository, &fleet.running);
        repository.kustomization("app", "./app", wait);
        repository.write("app/db.yaml", STATEFUL_SET).write("app/migrate.yaml", JOB);
        repository.write("app/agent.yaml", DAEMON_SET).write("app/policy.yaml", POLICY);
        repository.write("app/policies.yaml", POLICIES);
        let commit = repository.commit("add what nobody acts on");
        let words = [
            "nothing here acts on",
            "--assume-ready=AppProject.argoproj.io,DaemonSet.apps,Job.batch,StatefulSet.apps",
            "StatefulSet/default/db",
            "Job/default/migrate",
            "DaemonSet/default/agent",
            "AppProject/default/podinfo",
            commit.as_str(),
        ];
        running.wait_for_condition("kustomization app", "False", &words);
        running.wait_until_said(&["app", "nothing here acts on", "StatefulSet/default/db"]);
        let table = running.cowherd_ok(["get", "kustomizations"]);
        assert!(table.lines().any(|line| line.starts_with("app") && line.contains("nothing here acts on")), "{table}");
        let tree = running.cowherd_ok(["tree", "flux-system"]);
        for object in ["StatefulSet/default/db", "AppProject/default/podinfo"] {
            let marked = tree.lines().any(|line| line.contains(object) && line.contains("nothing here acts on it"));
            assert!(marked, "{object} is not marked in: {tree}");
        }
        assert!(!tree.lines().any(|line| line.contains("ConfigMap") && line.contains("nothing here")), "{tree}");
        assert_eq!(running.value("red"), "1", "the rest was applied");

        // Whoever writes a status acts on the object.
        let status = r#"{"status":{"conditions":[{"type":"Ready","status":"True","reason":"R","message":"m","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}"#;
        let patch =
            ["patch", "appproject", "podinfo", "-n", "default", "--subresource=status", "--type=merge", "-p", status];
        running.kubectl_ok(patch);
        repository.remove("app/db.yaml").remove("app/migrate.yaml").remove("app/agent.yaml");
        running.wait_for_ready("app", "True", &repository.commit("keep what is acted on"));
    }
}

#[test]
fn what_an_agent_has_not_looked_at_yet_is_waited_for() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: default}\n\
        spec: {interval: 1m, suspend: true, chartRef: {kind: OCIRepository, name: web}}\n";
    repository.kustomization("app", "./app", "wait: true\ntimeout: 2s").write("app/release.yaml", release);
    repository.commit("a release that nobody makes");
    let words = ["HelmRelease/default/web status: 'InProgress'", "latest observed generation is -1"];
    running.wait_for_condition("kustomization app", "False", &words);
}

#[test]
fn what_is_waited_for_and_another_one_applies_is_told_at_once_where_nothing_acts_on_it() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    repository.kustomization("base", "./base", "").write("base/db.yaml", STATEFUL_SET);
    let checks = "timeout: 1h\nhealthChecks: [{apiVersion: apps/v1, kind: StatefulSet, name: db, namespace: default}]";
    repository.kustomization("app", "./app", checks);
    repository.commit("wait for what nobody acts on");
    let words = ["nothing here acts on StatefulSet/default/db", "--assume-ready=StatefulSet.apps"];
    running.wait_for_condition("kustomization app", "False", &words);
}

#[test]
fn what_promises_an_effect_that_nothing_here_has_is_not_ready() {
    let fleet = Fleet::start();
    let service = |name: &str, kind: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: default}}\n\
             spec: {{type: {kind}, selector: {{app: web}}, ports: [{{port: 80}}]}}\n"
        )
    };
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: site, namespace: default}\n\
        spec: {defaultBackend: {service: {name: inside, port: {number: 80}}}}\n";
    let quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: few, namespace: default}\n\
        spec: {hard: {pods: '3'}}\n";
    fleet.repository.write("app/outside.yaml", &service("outside", "LoadBalancer"));
    fleet.repository.write("app/inside.yaml", &service("inside", "ClusterIP"));
    fleet.repository.write("app/site.yaml", ingress).write("app/few.yaml", quota);
    fleet.repository.commit("promise effects");
    let words = ["Ingress/default/site", "ResourceQuota/default/few", "Service/default/outside", "type LoadBalancer"];
    fleet.running.wait_for_condition("kustomization app", "False", &words);
    let table = fleet.running.cowherd_ok(["get", "ks/app"]);
    assert!(!table.contains("Service/default/inside"), "{table}");
}

#[test]
fn up_once_fails_with_what_nothing_acts_on() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.write("db.yaml", STATEFUL_SET).commit("a database");
    let (status, said) = once(&directory, &[]);
    assert_eq!(status, Some(1), "{said}");
    let named = said.lines().filter(|line| line.contains("is not ready") && line.contains("StatefulSet/default/db"));
    assert_eq!(named.count(), 1, "{said}");
}

#[test]
fn missing_kinds_are_told_together_with_file_and_line() {
    let directory = tempfile::tempdir().unwrap();
    let repository = fleet::repository(&directory.path().join("fleet"));
    let gadget = "# a gadget\napiVersion: example.com/v1\nkind: Gadget\nmetadata:\n  name: one\n  namespace: default\n";
    repository.write("app/gadget.yaml", gadget).write("app/policy.yaml", POLICY);
    let application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: guestbook\n  namespace: \
                       default\n";
    repository.write("app/argo/application.yaml", application);
    repository.commit("what is not here");
    let (status, said) = once(&directory, &["--path", "cluster"]);
    assert_eq!(status, Some(1), "{said}");
    let line = |words: &[&str]| said.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(line(&["app/gadget.yaml:3", "Gadget/default/one", "CustomResourceDefinition missing"]), "{said}");
    assert!(line(&["app/policy.yaml:2", "AppProject/default/podinfo", "does not do", "yet"]), "{said}");
    assert!(line(&["app/argo/application.yaml:2", "Application/default/guestbook", "does not do", "yet"]), "{said}");
}

#[test]
fn what_once_says_at_its_end_can_be_done() {
    let directory = tempfile::tempdir().unwrap();
    let repository = fleet::repository(&directory.path().join("fleet"));
    for name in ["a", "b", "c"] {
        repository.write(&format!("app/{name}.yaml"), &POLICY.replace("podinfo", name));
    }
    repository.commit("three policies");
    let (status, said) = once(&directory, &["--path", "cluster"]);
    assert_eq!(status, Some(1), "{said}");
    let told = said.lines().find(|line| line.contains("is not ready")).unwrap();
    let each = "app/a.yaml:2: AppProject/default/a, AppProject/default/b (app/b.yaml:2), AppProject/default/c (app/c.yaml:2): ";
    assert!(told.contains(each), "{said}");
    assert!(!said.contains("KUBECONFIG"), "nothing is there to talk to: {said}");
    let offered = |command: &str| {
        let line = said.lines().find(|line| line.trim_start().starts_with(command)).unwrap_or_else(|| panic!("{said}"));
        let words = line.split('#').next().unwrap().split_whitespace().skip(1).map(str::to_owned);
        words.collect::<Vec<String>>()
    };
    assert_eq!(offered("cowherd up"), ["up", "--data-dir", "data", "--listen=127.0.0.1:0"]);
    let check = cowherd(directory.path()).args(offered("cowherd check")).output().unwrap();
    let listed = String::from_utf8_lossy(&check.stdout);
    assert!(listed.contains("app/a.yaml:2: error: AppProject/default/a: cowherd does not do the kind"), "{listed}");
    repository.remove("app/a.yaml").remove("app/b.yaml").remove("app/c.yaml");
    repository.config_map("app/red.yaml", "red", "1").commit("a map instead");
    let resumed = cowherd(directory.path()).args(offered("cowherd up")).arg("--once").output().unwrap();
    let said = String::from_utf8_lossy(&resumed.stderr);
    assert!(resumed.status.success() && !said.contains("cowherd check"), "{said}");
}

#[test]
fn a_wait_for_a_node_that_is_not_there_is_said_while_it_lasts() {
    let fleet = Fleet::start();
    fleet.repository.kustomization("app", "./app", "wait: true\ntimeout: 10m").write("app/web.yaml", DEPLOYMENT);
    fleet.repository.commit("deploy web and wait for it");
    let words = ["Deployment/default/web", "node", "this cluster has none", "--assume-ready=Deployment.apps"];
    fleet.running.wait_for_condition("kustomization app", "Unknown", &words);
    fleet.running.wait_until_said(&[&["app"], &words[..]].concat());
}

#[test]
fn what_nothing_here_acts_on_or_runs_counts_as_ready_where_that_is_said_and_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let repository = fleet::repository(&directory.path().join("fleet"));
    repository.kustomization("app", "./app", "wait: true").kustomization(
        "other",
        "./other",
        "dependsOn: [{name: app}]",
    );
    repository.write("app/db.yaml", STATEFUL_SET).write("app/migrate.yaml", JOB).write("app/web.yaml", DEPLOYMENT);
    let commit = repository.commit("bring what a real cluster runs");
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster", "--assume-ready=unattended"]);
    running.wait_for_ready("other", "True", &commit);
    let assumed = ["assumed ready", "Deployment/default/web", "Job/default/migrate", "StatefulSet/default/db"];
    running.wait_until_said(&[&["app"], &assumed[..1]].concat());
    let conditions = running.get("kustomization app -n flux-system")["status"]["conditions"].to_string();
    assert!(conditions.contains("AssumedReady"), "{conditions}");
    let table = running.cowherd_ok(["get", "ks/app"]);
    assert!(assumed.iter().all(|word| table.contains(word)) && !table.contains("ConfigMap"), "{table}");
    let tree = running.cowherd_ok(["tree", "app"]);
    for object in &assumed[1..] {
        assert!(tree.contains(&format!("{object}: assumed ready")), "{object} is not marked in: {tree}");
    }
    assert_eq!(tree.matches("assumed ready").count(), 3, "{tree}");

    // It is told of what comes later too, and of nothing when nothing is assumed any more.
    repository.write("app/agent.yaml", DAEMON_SET).commit("add another");
    running.wait_until_said(&["assumed ready", "DaemonSet/default/agent"]);
    repository.remove("app/db.yaml").remove("app/migrate.yaml").remove("app/web.yaml").remove("app/agent.yaml");
    running.wait_for_ready("app", "True", &repository.commit("leave it out"));
    assert!(!running.get("kustomization app -n flux-system")["status"].to_string().contains("ssumed"));
}

#[test]
fn kinds_and_objects_are_named_one_by_one_and_the_others_are_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let repository = fleet::repository(&directory.path().join("fleet"));
    let annotated =
        JOB.replace("namespace: default", "namespace: default, annotations: {cowherd.dev/assume-ready: enabled}");
    repository.write("app/db.yaml", STATEFUL_SET).write("app/migrate.yaml", &annotated);
    repository.commit("a database and its migration");
    let (status, said) = once(&directory, &["--path", "cluster", "--assume-ready", "CronJob,StatefulSet.apps"]);
    assert_eq!(status, Some(0), "{said}");
    let told = said.lines().any(|line| {
        ["assumed ready", "Job/default/migrate", "StatefulSet/default/db"].iter().all(|word| line.contains(word))
    });
    assert!(told, "{said}");
    repository.write("app/agent.yaml", DAEMON_SET).commit("another kind");
    let (status, said) = once(&directory, &["--assume-ready", "CronJob,StatefulSet.apps"]);
    assert_eq!(status, Some(1), "{said}");
    let refused = said.lines().find(|line| line.contains("nothing here acts on DaemonSet/default/agent:")).unwrap();
    assert!(!refused.contains("StatefulSet"), "{said}");
    assert!(said.contains("--assume-ready=DaemonSet.apps"), "{said}");
    let wrong = cowherd(directory.path()).args(["up", "--assume-ready", "Cron Job"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("\"Cron Job\" is neither a kind"));
}
