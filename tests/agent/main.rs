//! `cowherd agent` on a Kubernetes that is not ours, with the rights that deploy/ gives it and no others.
//!
//! They need kube-apiserver, kube-controller-manager and etcd, so `cargo xtask test-agent DIRECTORY` runs them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "of the shared parts these tests take some")]

mod handover;
mod kubernetes;
#[path = "../program/mod.rs"]
mod program;
mod rights;

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use kubernetes::Kubernetes;
use program::repository::Repository;
use program::{cowherd, eventually};
use serde_json::Value;
use tempfile::TempDir;

/// The account of deploy/.
const ACCOUNT: &str = "cowherd-agent";
const NAMESPACE: &str = "flux-system";

/// A Kubernetes with what deploy/ brings, a repository, and an agent with the rights of deploy/.
struct World {
    agent: Option<Child>,
    kubernetes: Kubernetes,
    repository: Repository,
    directory: TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop_agent();
        if std::thread::panicking() {
            eprintln!("the agent said:\n{}", self.said());
        }
    }
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let kubernetes = Kubernetes::start(directory.path(), &format!("system:serviceaccount:{NAMESPACE}:{ACCOUNT}"));
        kubernetes.kubectl_ok(&["apply", "--server-side", "--kustomize", root().join("deploy").to_str().unwrap()]);
        let repository = Repository::new(directory.path().join("repository"));
        let mut world = Self { agent: None, kubernetes, repository, directory };
        world.start_agent();
        world
    }

    fn start_agent(&mut self) {
        let kubeconfig = self.kubernetes.kubeconfig_for_account(NAMESPACE, ACCOUNT);
        let log = std::fs::File::options().create(true).append(true).open(self.directory.path().join("agent.log"));
        let mut command = cowherd(self.directory.path());
        command.args(["agent", "--data-dir", "agent", "--local-repository"]).arg(&self.repository.path);
        command.arg("--kubeconfig").arg(kubeconfig).stdout(Stdio::null()).stderr(log.unwrap());
        self.agent = Some(command.spawn().unwrap());
    }

    fn stop_agent(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            let _ = agent.kill();
            let _ = agent.wait();
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("agent.log")).unwrap_or_default()
    }

    /// Makes the cluster follow the repository from a path on, as a person does, with credentials as private ones have.
    fn follow(&self, path: &str, account: &str) {
        let url = format!("file://{}", self.repository.path.display());
        let source = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: deploy-key, namespace: {NAMESPACE}}}\nstringData: {{identity: \
             key}}\n---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: flux-system, namespace: \
             {NAMESPACE}}}\nspec: {{interval: 1m, url: {url:?}, ref: {{branch: main}}, secretRef: {{name: deploy-key}}}}\n---\n"
        );
        self.apply(&(source + &kustomization("fleet", path, account)));
    }

    fn apply(&self, manifest: &str) {
        let file = self.directory.path().join("manifest.yaml");
        std::fs::write(&file, manifest).unwrap();
        self.kubernetes.kubectl_ok(&["apply", "--filename", file.to_str().unwrap()]);
    }

    /// Releases a chart and uninstalls it, and follows a repository of charts that must not be reached.
    fn release(&self) {
        self.apply(&releases());
        let (release, repository) = (Self::named("helmrelease web"), Self::named("helmrepository nothing"));
        let has = |reason: &'static str| {
            move |seen: &Value| {
                let conditions = seen["status"]["conditions"].as_array();
                conditions.is_some_and(|all| all.iter().any(|one| one["reason"] == reason))
            }
        };
        self.wait_for("a chart is released", &release, has("InstallSucceeded"));
        self.wait_for("charts that must not be reached", &repository, has("AccessDenied"));
        self.wait_for("what is made of them says so", &Self::named("helmchart none"), |seen| {
            seen["status"]["conditions"].as_array().is_some_and(|all| !all.is_empty())
        });
        for object in ["helmrelease web", "helmchart none", "helmrepository nothing"] {
            let words: Vec<&str> = object.split(' ').collect();
            self.kubernetes.kubectl_ok(&[&["delete", "--namespace", NAMESPACE], &words[..]].concat());
        }
        self.wait_for("what was released is gone", "configmap released", Value::is_null);
        self.wait_for("its chart is gone", &Self::named(&format!("helmchart {NAMESPACE}-web")), Value::is_null);
    }

    /// Has an artifact made of a part of the repository, and taken away with what made it.
    fn generate(&self) {
        self.apply(&generator());
        let artifact = Self::named("externalartifact parts");
        self.wait_for("an artifact is made", &artifact, |seen| {
            seen["status"]["artifact"]["digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:"))
        });
        let generator = ["delete", "artifactgenerator", "parts", "--namespace", NAMESPACE];
        self.kubernetes.kubectl_ok(&generator);
        self.wait_for("what was made is gone", &artifact, Value::is_null);
    }

    /// Has objects made of inputs that a provider gives, and taken away with what made them.
    fn combine(&self) {
        self.apply(&set());
        self.wait_for("what is made of inputs is there", "configmap red", |seen| !seen.is_null());
        for object in ["resourceset teams", "resourcesetinputprovider red"] {
            let words: Vec<&str> = object.split(' ').collect();
            self.kubernetes.kubectl_ok(&[&["delete", "--namespace", NAMESPACE], &words[..]].concat());
        }
        self.wait_for("what was made of inputs is gone", "configmap red", Value::is_null);
    }

    /// Has a FluxInstance reported on, and taken away.
    fn report(&self) {
        self.apply(&instance());
        self.wait_for("a FluxInstance is reconciled", &Self::named("fluxinstance flux"), |seen| {
            let conditions = seen["status"]["conditions"].as_array().cloned().unwrap_or_default();
            conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
        });
        self.wait_for("a report is written", &Self::named("fluxreport flux"), |seen| {
            seen["status"]["conditions"].as_array().is_some_and(|all| !all.is_empty())
        });
        self.kubernetes.kubectl_ok(&["delete", "fluxinstance", "flux", "--namespace", NAMESPACE]);
    }

    /// Has an image scanned whose registry must not be reached, and what would be written of it, all of which Flux followed before.
    fn automate(&self) {
        self.kubernetes.kubectl_ok(&["create", "namespace", "images"]);
        self.apply(&images());
        for object in ["imagerepository app", "imagepolicy app", "imageupdateautomation app"] {
            self.wait_for(&format!("{object} says why not"), &Self::named(object), |seen| {
                let conditions = seen["status"]["conditions"].as_array();
                conditions.is_some_and(|all| all.iter().any(|one| one["type"] == "Ready" && one["status"] == "False"))
            });
            let words: Vec<&str> = object.split(' ').collect();
            self.kubernetes.kubectl_ok(&[&["delete", "--namespace", NAMESPACE], &words[..]].concat());
        }
    }

    /// Has a Kustomization show itself by a token to a cluster that must not be reached.
    fn reach_elsewhere(&self) {
        let elsewhere = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: elsewhere, namespace: {NAMESPACE}}}\ndata: {{provider: generic, \
             address: 'https://127.0.0.1:9', serviceAccountName: applier}}\n---\n"
        );
        let to_it = kustomization("elsewhere", "./apps", "")
            .replace("spec: {", "spec: {kubeConfig: {configMapRef: {name: elsewhere}}, ");
        self.apply(&(elsewhere + &to_it));
        self.wait_for("a cluster that must not be reached", &Self::named("kustomization elsewhere"), |seen| {
            let conditions = seen["status"]["conditions"].as_array().cloned().unwrap_or_default();
            conditions.iter().any(|one| one["message"].as_str().unwrap_or_default().contains("127.0.0.1:9"))
        });
        let gone = ["delete", "kustomization", "elsewhere", "--namespace", NAMESPACE];
        self.kubernetes.kubectl_ok(&gone);
    }

    /// Has an Alert look at the labels of whatever happens to something, and a Receiver take webhooks.
    fn listen(&self) {
        self.apply(&notifications());
        self.wait_for("webhooks are taken", &Self::named("receiver hook"), |seen| {
            seen["status"]["webhookPath"].as_str().is_some_and(|path| path.starts_with("/hook/"))
        });
    }

    /// An object of the agents' namespace, as kubectl is asked for it.
    fn named(object: &str) -> String {
        format!("{object} --namespace {NAMESPACE}")
    }

    /// Has a Kustomization fail again and again, until an event about it is counted.
    fn fail_again(&self) {
        self.apply(&kustomization("nowhere", "./nowhere", ""));
        let events = "events --namespace flux-system --field-selector involvedObject.name=nowhere";
        self.wait_for("an event is counted", events, |seen| {
            let mut events = seen["items"].as_array().into_iter().flatten();
            events.any(|event| event["count"].as_u64() > Some(1))
        });
        self.kubernetes.kubectl_ok(&["delete", "kustomization", "nowhere", "--namespace", NAMESPACE]);
    }

    fn wait_until_ready(&self, names: &[&str], revision: &str) {
        eventually(&format!("{names:?} are ready at {revision}"), || {
            let list = self.kubernetes.get("kustomizations --namespace flux-system");
            let items = list["items"].as_array().cloned().unwrap_or_default();
            let is_ready = |name: &&str| {
                let found = items.iter().find(|item| item["metadata"]["name"] == **name);
                found.is_some_and(|item| {
                    let conditions = item["status"]["conditions"].as_array().cloned().unwrap_or_default();
                    let applied = item["status"]["lastAppliedRevision"].as_str().unwrap_or_default();
                    let ready = conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True");
                    ready && applied.ends_with(revision)
                })
            };
            if names.iter().all(is_ready) { Ok(()) } else { Err(list.to_string()) }
        });
    }

    fn wait_for(&self, what: &str, object: &str, check: impl Fn(&Value) -> bool) {
        eventually(what, || {
            let seen = self.kubernetes.get(object);
            if check(&seen) { Ok(()) } else { Err(seen.to_string()) }
        });
    }
}

/// A Kustomization of the repository, in the name of an account if it is named.
fn kustomization(name: &str, path: &str, account: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: \
         {NAMESPACE}}}\nspec: {{interval: 10m, retryInterval: 1s, path: {path:?}, prune: true, serviceAccountName: {account:?}, \
         sourceRef: {{kind: GitRepository, name: flux-system}}}}\n"
    )
}

/// An OCIRepository of a registry on this machine, which Flux followed before.
fn artifact(name: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {{name: {name}, namespace: {NAMESPACE}, finalizers: \
         [finalizers.fluxcd.io]}}\nspec: {{interval: 1h, url: 'oci://127.0.0.1:9/none', ref: {{tag: latest}}}}\n"
    )
}

/// A Bucket of a storage on this machine, which Flux followed before.
fn bucket(name: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: Bucket\nmetadata: {{name: {name}, namespace: {NAMESPACE}, finalizers: \
         [finalizers.fluxcd.io]}}\nspec: {{interval: 1h, endpoint: '127.0.0.1:9', insecure: true, bucketName: none}}\n"
    )
}

/// A HelmRelease of the chart in the repository, a HelmRepository on this machine, and a HelmChart of that. Flux followed the last two
/// before.
fn releases() -> String {
    let source = "apiVersion: source.toolkit.fluxcd.io/v1\nkind";
    let metadata =
        |name: &str| format!("metadata: {{name: {name}, namespace: {NAMESPACE}, finalizers: [finalizers.fluxcd.io]}}");
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: web, namespace: {NAMESPACE}}}\nspec: {{interval: 1h, \
         serviceAccountName: applier, chart: {{spec: {{chart: charts/web, sourceRef: {{kind: GitRepository, name: flux-system}}}}}}}}\n\
         ---\n{source}: HelmRepository\n{}\nspec: {{interval: 1h, url: 'http://127.0.0.1:9/none'}}\n\
         ---\n{source}: HelmChart\n{}\nspec: {{interval: 1h, chart: web, sourceRef: {{kind: HelmRepository, name: nothing}}}}\n",
        metadata("nothing"),
        metadata("none"),
    )
}

/// What makes an artifact of the repository's charts.
fn generator() -> String {
    format!(
        "apiVersion: source.extensions.fluxcd.io/v1beta1\nkind: ArtifactGenerator\nmetadata: {{name: parts, namespace: \
         {NAMESPACE}}}\nspec: {{sources: [{{alias: all, kind: GitRepository, name: flux-system}}], artifacts: [{{name: parts, copy: \
         [{{from: '@all/charts/**', to: '@artifact/'}}]}}]}}\n"
    )
}

/// A ResourceSet of a ConfigMap, and a provider that gives its name. Flux' operator followed both before.
fn set() -> String {
    let kind = "apiVersion: fluxcd.controlplane.io/v1\nkind";
    let metadata = |name: &str| {
        format!(
            "metadata: {{name: {name}, namespace: {NAMESPACE}, labels: {{gives: teams}}, finalizers: \
             [fluxcd.controlplane.io/finalizer]}}"
        )
    };
    format!(
        "{kind}: ResourceSetInputProvider\n{}\nspec: {{type: Static, defaultValues: {{team: red}}}}\n\
         ---\n{kind}: ResourceSet\n{}\nspec: {{serviceAccountName: applier, inputsFrom: [{{selector: {{matchLabels: {{gives: \
         teams}}}}}}], resources: [{{apiVersion: v1, kind: ConfigMap, metadata: {{name: '<< inputs.team >>', namespace: \
         default}}}}]}}\n",
        metadata("red"),
        metadata("teams"),
    )
}

/// A FluxInstance that follows nothing: what it followed would be applied with rights that nobody has here.
fn instance() -> String {
    format!(
        "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {{name: flux, namespace: {NAMESPACE}}}\nspec: \
         {{distribution: {{version: 2.x, registry: ghcr.io/fluxcd}}}}\n"
    )
}

/// An ImageRepository, a policy of one of another namespace, and an automation of the repository, which is on this machine.
fn images() -> String {
    let kind = "apiVersion: image.toolkit.fluxcd.io/v1\nkind";
    let metadata = format!("metadata: {{name: app, namespace: {NAMESPACE}, finalizers: [finalizers.fluxcd.io]}}");
    let spec = "image: '127.0.0.1:9/app', interval: 1h";
    format!(
        "{kind}: ImageRepository\n{metadata}\nspec: {{{spec}}}\n\
         ---\n{kind}: ImageRepository\nmetadata: {{name: app, namespace: images}}\nspec: {{{spec}, accessFrom: {{namespaceSelectors: \
         [{{matchLabels: {{no: namespace}}}}]}}}}\n\
         ---\n{kind}: ImagePolicy\n{metadata}\nspec: {{imageRepositoryRef: {{name: app, namespace: images}}, policy: {{numerical: {{}}}}}}\n\
         ---\n{kind}: ImageUpdateAutomation\n{metadata}\nspec: {{interval: 1h, sourceRef: {{kind: GitRepository, name: flux-system}}, git: \
         {{commit: {{author: {{email: robot@example.com}}}}, push: {{branch: main}}}}}}\n"
    )
}

/// An Alert about everything with a label that nothing has, and a Receiver.
fn notifications() -> String {
    let owners = ["Kustomization", "HelmRelease", "FluxInstance", "ResourceSet", "ResourceSetInputProvider"];
    let sources = [
        "GitRepository",
        "OCIRepository",
        "HelmRepository",
        "HelmChart",
        "Bucket",
        "ArtifactGenerator",
        "ExternalArtifact",
        "ImageRepository",
        "ImagePolicy",
        "ImageUpdateAutomation",
    ];
    let kinds = owners.iter().chain(&sources);
    let sources = kinds.map(|kind| format!("{{kind: {kind}, name: '*', matchLabels: {{nothing: has}}}}"));
    let sources = sources.collect::<Vec<_>>().join(", ");
    let group = "apiVersion: notification.toolkit.fluxcd.io";
    let metadata = |name: &str| format!("metadata: {{name: {name}, namespace: {NAMESPACE}}}");
    format!(
        "apiVersion: v1\nkind: Secret\n{}\nstringData: {{token: token}}\n\
         ---\n{group}/v1beta3\nkind: Provider\n{}\nspec: {{type: generic, address: 'http://127.0.0.1:9'}}\n\
         ---\n{group}/v1beta3\nkind: Alert\n{}\nspec: {{providerRef: {{name: chat}}, eventSources: [{sources}]}}\n\
         ---\n{group}/v1\nkind: Receiver\n{}\nspec: {{type: generic, secretRef: {{name: hook}}, resources: [{{kind: GitRepository, \
         name: flux-system}}]}}\n",
        metadata("hook"),
        metadata("chat"),
        metadata("chat"),
        metadata("hook"),
    )
}

/// The root of the project.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
#[ignore = "needs a Kubernetes: cargo xtask test-agent DIRECTORY"]
fn the_quickstart_converges_on_kubernetes_and_stays_so() {
    let world = World::new();
    world.repository.copy(&root().join("examples/quickstart"), "examples/quickstart");
    let first = world.repository.commit("the quickstart");
    world.follow("./examples/quickstart", "");
    let all = ["fleet", "infrastructure", "apps-dev", "apps-staging", "apps-prod"];
    world.wait_until_ready(&all, &first);
    let deployment = "deployment nginx --namespace prod";
    let replicas = |count: i64| move |seen: &Value| seen["spec"]["replicas"] == count;
    world.wait_for("the Deployment has the replicas of Git", deployment, replicas(5));

    world.kubernetes.kubectl_ok(&["scale", "deployment", "nginx", "--namespace", "prod", "--replicas", "1"]);
    world.wait_for("what was scaled by hand is put right", deployment, replicas(5));

    let overlay = "examples/quickstart/apps/prod/kustomization.yaml";
    let text = std::fs::read_to_string(world.repository.path.join(overlay)).unwrap();
    world.repository.write(overlay, &text.replace("count: 5", "count: 2"));
    let second = world.repository.commit("fewer");
    world.wait_until_ready(&all, &second);
    world.wait_for("a commit is followed", deployment, replicas(2));

    world.kubernetes.kubectl_ok(&["delete", "kustomization", "apps-dev", "--namespace", NAMESPACE, "--wait=false"]);
    world.wait_for("what the parent describes is back", "deployment nginx --namespace dev", |seen| !seen.is_null());
    world.kubernetes.kubectl_ok(&["delete", "kustomization", "fleet", "--namespace", NAMESPACE]);
    world.wait_for("nothing of it is left", "kustomizations --namespace flux-system", |seen| {
        seen["items"].as_array().is_some_and(Vec::is_empty)
    });
    world.wait_for("the Deployment is gone", deployment, Value::is_null);
}

#[test]
#[ignore = "needs a Kubernetes: cargo xtask test-agent DIRECTORY"]
fn tenants_converge_on_kubernetes_with_the_rights_of_their_accounts() {
    let world = World::new();
    world.repository.copy(&root().join("examples/tenants"), "examples/tenants");
    let first = world.repository.commit("the tenants");
    // What the platform team's own files are applied as.
    world.kubernetes.kubectl_ok(&["create", "serviceaccount", "kustomize-controller", "--namespace", NAMESPACE]);
    let to = format!("{NAMESPACE}:kustomize-controller");
    let binding =
        ["create", "clusterrolebinding", "platform", "--clusterrole", "cluster-admin", "--serviceaccount", &to];
    world.kubernetes.kubectl_ok(&binding);
    world.follow("./examples/tenants/clusters/production", "kustomize-controller");
    world.wait_until_ready(&["fleet", "definitions", "config", "tenants"], &first);
    let topic = |text: &'static str| move |seen: &Value| seen["spec"]["topic"] == text;
    world.wait_for(
        "what a team described is there",
        "channel orders --namespace team-red",
        topic("Orders of eu-north-1"),
    );
    world.wait_for("the default of the definition is", "channel reports --namespace team-blue", |seen| {
        seen["spec"]["retentionDays"] == 30
    });

    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: all}\nrules: []\n";
    world.repository.write("examples/tenants/teams/blue/role.yaml", role);
    let channel = "examples/tenants/teams/red/channel.yaml";
    let text = std::fs::read_to_string(world.repository.path.join(channel)).unwrap();
    world.repository.write(channel, &text.replace("Orders of", "All orders of"));
    world.repository.commit("blue takes too much");
    world.wait_for("the other team goes on", "channel orders --namespace team-red", topic("All orders of eu-north-1"));
    world.wait_for("who took too much is told", "kustomization team --namespace team-blue", |seen| {
        let conditions = seen["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|one| {
            let message = one["message"].as_str().unwrap_or_default();
            one["type"] == "Ready"
                && one["status"] == "False"
                && message.contains("cannot patch resource \"clusterroles\"")
        })
    });
    assert!(world.kubernetes.get("clusterrole all").is_null());
}

#[test]
#[ignore = "needs a Kubernetes: cargo xtask test-agent DIRECTORY"]
fn the_agent_needs_what_deploy_gives_it_and_nothing_else() {
    let mut world = World::new();
    // Without the binding to cluster-admin everything is applied as an account that has rights of its own.
    world.kubernetes.kubectl_ok(&["delete", "clusterrolebinding", "cowherd-applier"]);
    world.kubernetes.kubectl_ok(&["create", "serviceaccount", "applier", "--namespace", NAMESPACE]);
    let to = format!("{NAMESPACE}:applier");
    let binding =
        ["create", "clusterrolebinding", "applier", "--clusterrole", "cluster-admin", "--serviceaccount", &to];
    world.kubernetes.kubectl_ok(&binding);
    world.repository.config_map("apps/one.yaml", "one", "1").config_map("apps/two.yaml", "two", "1");
    world.repository.write("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n");
    world.repository.config_map("charts/web/templates/map.yaml", "released", "1");
    let commit = world.repository.commit("two");
    world.listen();
    world.follow("./apps", "applier");
    world.wait_until_ready(&["fleet"], &commit);
    world.kubernetes.kubectl_ok(&["delete", "configmap", "one"]);
    world.wait_for("drift is put right", "configmap one", |seen| !seen.is_null());
    world.fail_again();
    world.release();
    world.generate();
    world.combine();
    world.report();
    world.automate();
    world.reach_elsewhere();
    // A source that Flux followed before has Flux's finalizer, which nobody else would take away.
    let finalizer = r#"{"metadata":{"finalizers":["finalizers.fluxcd.io"]}}"#;
    let source = ["gitrepository", "flux-system", "--namespace", NAMESPACE];
    world.kubernetes.kubectl_ok(&[&["patch"], &source[..], &["--type=merge", "--patch", finalizer]].concat());
    world.kubernetes.kubectl_ok(&[&["delete"], &source[..]].concat());
    world.apply(&artifact("nowhere"));
    let artifact_there = format!("ocirepository nowhere --namespace {NAMESPACE}");
    world.wait_for("a registry that must not be reached", &artifact_there, |seen| {
        seen["status"]["conditions"].as_array().is_some_and(|all| all.iter().any(|one| one["reason"] == "AccessDenied"))
    });
    world.kubernetes.kubectl_ok(&["delete", "ocirepository", "nowhere", "--namespace", NAMESPACE]);
    world.apply(&bucket("nowhere"));
    let bucket_there = format!("bucket nowhere --namespace {NAMESPACE}");
    world.wait_for("a storage that must not be reached", &bucket_there, |seen| {
        seen["status"]["conditions"].as_array().is_some_and(|all| all.iter().any(|one| one["status"] == "False"))
    });
    world.kubernetes.kubectl_ok(&["delete", "bucket", "nowhere", "--namespace", NAMESPACE]);
    world.stop_agent();
    world.start_agent();
    world.follow("./apps", "applier");
    world.repository.remove("apps/two.yaml");
    let commit = world.repository.commit("one");
    world.wait_until_ready(&["fleet"], &commit);
    world.wait_for("what left the repository is pruned", "configmap two", Value::is_null);
    world.kubernetes.kubectl_ok(&["delete", "kustomization", "fleet", "--namespace", NAMESPACE]);
    world.wait_for("what it applied is gone", "configmap one", Value::is_null);

    let used = rights::used(&world.kubernetes.audited());
    assert_eq!(used.refused, Vec::<String>::new());
    let given = rights::given(&root().join("deploy/agent.yaml"));
    let spare: Vec<_> = given.iter().filter(|right| !used.uses(right)).collect();
    assert!(spare.is_empty(), "deploy/agent.yaml gives what is not used: {spare:?}; used: {:?}", used.rights);
}
