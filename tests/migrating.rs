//! `cowherd migrate`: the agents take over what Flux keeps, and give it back.

use std::process::{Child, Output, Stdio};

use serde_json::Value;

use crate::program::repository::{Repository, config_map};
use crate::program::{Running, cowherd, succeeded};

/// What is followed, by the names that Flux gives.
const KEPT: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: fleet, namespace: flux-system}\nspec: \
                    {interval: 1h, url: 'file://REPOSITORY', ref: {branch: main}}\n---\napiVersion: \
                    kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: \
                    flux-system}\nspec:\n  interval: 1h\n  path: apps\n  prune: true\n  sourceRef: {kind: GitRepository, name: \
                    fleet}\n";

/// A controller of Flux.
const CONTROLLER: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: NAME\n  namespace: flux-system\n  labels: \
                          {app.kubernetes.io/component: NAME, app.kubernetes.io/part-of: flux}\nspec:\n  replicas: 2\n  selector: \
                          {matchLabels: {app: NAME}}\n  template:\n    metadata: {labels: {app: NAME}}\n    spec:\n      containers:\n      \
                          - {name: manager, image: 'ghcr.io/fluxcd/NAME:v1.9.6', args: [--log-level=info, --something=else]}\n---\n";

/// The definition of a kind of the Flux Operator that nobody knows.
const HERD: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: \
                    herds.fluxcd.controlplane.io}\nspec:\n  group: fluxcd.controlplane.io\n  scope: Namespaced\n  names: {kind: Herd, \
                    plural: herds}\n  versions:\n    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: \
                    object}}}\n";

/// Says that a source is to rest.
const SUSPEND: &str = r#"{"spec":{"suspend":true}}"#;

/// A cluster in which Flux keeps a ConfigMap: as the agents left it, whom it was taken from just now.
struct Cluster {
    directory: tempfile::TempDir,
    running: Running,
    repository: Repository,
}

/// Ends the agent when the value goes.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Cluster {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let running = Running::start(directory.path(), ["server"]);
        let repository = Repository::new(directory.path().join("fleet"));
        repository.write("apps/map.yaml", &config_map("kept", "1"));
        repository.commit("begin");
        let cluster = Self { directory, running, repository };
        succeeded(cluster.run("install", &["--no-lock-down"]));
        cluster.apply(&KEPT.replace("REPOSITORY", cluster.repository.path.to_str().unwrap()));
        let agent = cluster.agent();
        cluster.running.wait_for_ready("apps", "True", "Applied revision");
        drop(agent);
        cluster.apply(
            &["source-controller", "kustomize-controller"].map(|name| CONTROLLER.replace("NAME", name)).concat(),
        );
        cluster
    }

    fn apply(&self, manifests: &str) {
        let file = self.directory.path().join("manifests.yaml");
        std::fs::write(&file, manifests).unwrap();
        self.running.kubectl_ok(["apply", "--server-side", "-f", file.to_str().unwrap()]);
    }

    fn run(&self, command: &str, words: &[&str]) -> Output {
        let mut program = cowherd(self.directory.path());
        program.arg(command).arg("--kubeconfig").arg(self.running.kubeconfig()).args(words).output().unwrap()
    }

    /// Takes over with agents that may read the repository.
    fn look(&self, words: &[&str]) -> Output {
        if words.contains(&"--back") {
            return self.run("migrate", words);
        }
        let repository = format!("--local-repository={}", self.repository.path.display());
        let behind: &[&str] = if words.contains(&"--") { &[&repository] } else { &["--", &repository] };
        self.run("migrate", &[words, behind].concat())
    }

    /// What `migrate` says, which ends so.
    fn migrate(&self, words: &[&str], status: i32) -> String {
        let output = self.look(words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(status), "{said}");
        said
    }

    fn agent(&self) -> Agent {
        let mut agent = cowherd(self.directory.path());
        agent.args(["agent", "--data-dir", "agent", "--kubeconfig"]).arg(self.running.kubeconfig());
        agent.arg("--local-repository").arg(&self.repository.path);
        Agent(agent.stderr(Stdio::null()).spawn().unwrap())
    }

    /// How many Pods each of Flux's controllers is to have, and what is remembered of it.
    fn controllers(&self) -> Vec<(Value, Value)> {
        let about = |name: &str| {
            let deployment = self.running.get(&format!("deployment {name} -n flux-system"));
            let remembered = &deployment["metadata"]["annotations"]["cowherd.dev/flux-replicas"];
            (deployment["spec"]["replicas"].clone(), remembered.clone())
        };
        ["source-controller", "kustomize-controller"].map(about).to_vec()
    }
}

fn assert_says(said: &str, words: &[&str]) {
    words.iter().for_each(|words| assert!(said.contains(words), "{words}: {said}"));
}

#[test]
fn what_flux_keeps_is_taken_over_as_it_is_and_given_back() {
    let cluster = Cluster::new();
    let running = &cluster.running;
    let before = running.identities("configmaps", "default");
    let said = cluster.migrate(&[], 0);
    assert_says(
        &said,
        &[
            "flux-system/kustomize-controller (v1.9.6)",
            "1 GitRepository, 1 Kustomization",
            "--something=else",
            "who names no account applies everything",
            "no object would be created, changed or deleted",
            "nothing was changed",
        ],
    );
    let found: Value = serde_json::from_str(&succeeded(cluster.look(&["-o", "json"]))).unwrap();
    assert_eq!((&found["changes"], found["controllers"][0]["replicas"].as_i64()), (&Value::Array(Vec::new()), Some(2)));
    assert_eq!(cluster.controllers(), [(2.into(), Value::Null), (2.into(), Value::Null)], "nothing was done yet");

    let said = cluster.migrate(&["--yes"], 0);
    assert_says(
        &said,
        &[
            "stopped flux-system/kustomize-controller",
            "cowherd agent",
            "cowherd migrate --kubeconfig=",
            " --back --yes",
        ],
    );
    assert_eq!(cluster.controllers(), [(0.into(), "2".into()), (0.into(), "2".into())]);
    let agent = cluster.agent();
    cluster.repository.write("apps/second.yaml", &config_map("second", "1"));
    cluster.repository.commit("one more");
    running.kubectl_ok([
        "annotate",
        "-n",
        "flux-system",
        "gitrepository",
        "fleet",
        "reconcile.fluxcd.io/requestedAt=now",
    ]);
    running.wait_for_value("second", "1");
    let mut after = running.identities("configmaps", "default");
    after.remove("second");
    assert_eq!(after, before, "what was there is as it was");
    drop(agent);

    assert_says(&cluster.migrate(&["--back"], 0), &["would stop the agents", "flux-system/source-controller"]);
    assert_eq!(cluster.controllers()[0].0, 0, "nothing was done yet");
    let said = cluster.migrate(&["--back", "--yes"], 0);
    assert_says(&said, &["Flux's controllers are started", "--back --uninstall --yes"]);
    assert_eq!(cluster.controllers(), [(2.into(), Value::Null), (2.into(), Value::Null)]);
    assert_says(&cluster.migrate(&["--back", "--yes"], 0), &["Flux's controllers run; nothing was done"]);

    // What somebody else keeps stays, and so does what Flux has as well.
    let is_there = |object: &str| running.kubectl(["get", object, "-n", "flux-system"]).status.success();
    running.kubectl_ok(["label", "clusterrole", "cowherd-sources", "app.kubernetes.io/managed-by=Helm"]);
    let said = cluster.migrate(&["--back", "--uninstall"], 0);
    assert_says(&said, &["would delete", "ClusterRoleBinding/cowherd-applier", "Lease/flux-system/cowherd-agent"]);
    assert!(is_there("serviceaccount/cowherd-agent"), "nothing was done yet");
    let said = cluster.migrate(&["--back", "--uninstall", "--yes"], 0);
    assert_says(
        &said,
        &["ServiceAccount/flux-system/cowherd-agent deleted", "these stay", "ClusterRole/cowherd-sources"],
    );
    for gone in ["serviceaccount/cowherd-agent", "clusterrole/cowherd-delivery", "lease/cowherd-agent"] {
        assert!(!is_there(gone), "{gone}");
    }
    for kept in [
        "clusterrole/cowherd-sources",
        "clusterrole/flux-edit-flux-system",
        "crd/kustomizations.kustomize.toolkit.fluxcd.io",
        "kustomization/apps",
        "deployment/kustomize-controller",
    ] {
        assert!(is_there(kept), "{kept}");
    }
    assert_eq!(running.value("second"), "1");
}

#[test]
fn what_would_change_or_stands_in_the_way_is_told_and_nothing_is_done() {
    let cluster = Cluster::new();
    cluster.running.kubectl_ok(["patch", "configmap", "kept", "--type=merge", "-p", r#"{"data":{"value":"by hand"}}"#]);
    cluster.apply(HERD);
    cluster.running.kubectl_ok(["wait", "--for=condition=Established", "crd/herds.fluxcd.controlplane.io"]);
    cluster.apply("apiVersion: fluxcd.controlplane.io/v1\nkind: Herd\nmetadata: {name: all, namespace: flux-system}\n");
    for words in [&[][..], &["--yes"]] {
        let said = cluster.migrate(words, 1);
        assert_says(
            &said,
            &["ConfigMap/default/kept configured", "1 configured", "nothing here does what these say: 1 Herd"],
        );
    }
    // What is accepted is accepted by name, and nothing else.
    assert_says(&cluster.migrate(&[], 1), &["--accept=ConfigMap/default/kept,Herd --yes"]);
    let said = cluster.migrate(&["--yes", "--accept", "ConfigMap/default/kept"], 1);
    assert_says(&said, &["not accepted: Herd;"]);
    assert_says(&cluster.migrate(&["--yes", "--accept=unsupported"], 1), &["not accepted: ConfigMap/default/kept;"]);
    assert_eq!(cluster.controllers()[0], (2.into(), Value::Null));
    let said = cluster.migrate(&["--accept=changes,Herd,ConfigMap/default/kpet"], 0);
    assert_says(&said, &["nothing of the name ConfigMap/default/kpet is in the way"]);
    cluster.migrate(&["--yes", "--accept=ConfigMap/default/kept,Herd"], 0);
    assert_eq!(cluster.controllers()[0], (0.into(), "2".into()));
    cluster.migrate(&["--back", "--yes"], 0);
    cluster.migrate(&["--yes", "--force"], 0);
    assert_eq!(cluster.controllers()[0], (0.into(), "2".into()));
}

#[test]
fn a_suspended_source_is_in_the_way_only_where_it_names_something_else_by_now() {
    let cluster = Cluster::new();
    cluster.running.kubectl_ok(["patch", "gitrepository", "fleet", "-n", "flux-system", "--type=merge", "-p", SUSPEND]);
    assert_says(&cluster.migrate(&[], 0), &["no object would be created, changed or deleted"]);
    cluster.repository.write("apps/second.yaml", &config_map("second", "1"));
    cluster.repository.commit("one more");
    let said = cluster.migrate(&[], 1);
    assert_says(&said, &["GitRepository/flux-system/fleet is suspended and has main@sha1:", "--accept=untold --yes"]);
}

/// There is no node that would run the agents.
#[test]
fn where_the_agents_do_not_come_to_run_flux_goes_on() {
    let cluster = Cluster::new();
    let image = ["--image", "registry.example.com/cowherd:1", "--yes", "--timeout", "3s", "--", "--max-storage=8Gi"];
    let said = cluster.migrate(&image, 1);
    assert_says(
        &said,
        &["starting Flux's controllers again", "Deployment/flux-system/cowherd-agent status: 'InProgress'"],
    );
    assert_eq!(cluster.controllers(), [(2.into(), Value::Null), (2.into(), Value::Null)]);
    let agents = cluster.running.get("deployment cowherd-agent -n flux-system");
    assert_eq!(agents["spec"]["replicas"], 0);
    let arguments = agents["spec"]["template"]["spec"]["containers"][0]["args"].to_string();
    assert!(arguments.contains("--max-storage=8Gi") && !arguments.contains("--no-remote-bases"), "{arguments}");
}

#[test]
fn where_flux_does_not_run_there_is_nothing_to_take_over() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), ["server"]);
    let mut migrate = cowherd(directory.path());
    let output = migrate.arg("migrate").arg("--kubeconfig").arg(running.kubeconfig()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("nothing to take over") && said.contains("cowherd install"), "{said}");
}
