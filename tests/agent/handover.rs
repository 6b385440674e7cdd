//! Flux's own controllers and the agents, one after the other on the same Kubernetes: whoever comes keeps what the other one left.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};

use cowherd_gitserver::http::Server;
use serde_json::Value;
use tempfile::TempDir;

use crate::kubernetes::{Kubernetes, free_ports};
use crate::program::repository::Repository;
use crate::program::{cowherd, eventually, succeeded};
use crate::{NAMESPACE, root};

/// What is kept, as kubectl lists it.
const KEPT: &str = "namespaces,customresourcedefinitions,clusterroles,configmaps,secrets,services,deployments,statefulsets,cronjobs,ingresses,\
                    networkpolicies,poddisruptionbudgets,horizontalpodautoscalers,widgets";
/// The label by which an object is known to be kept.
const LABEL: &str = "kustomize.toolkit.fluxcd.io/name";

/// A Kubernetes, a repository on a server, and whoever keeps the one as the other says.
struct World {
    keeper: Vec<Child>,
    kubernetes: Kubernetes,
    repository: Repository,
    _server: Server,
    directory: TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.end();
    }
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let kubernetes = Kubernetes::start(directory.path(), "nobody");
        kubernetes.kubectl_ok(&["apply", "--server-side", "--kustomize", root().join("deploy").to_str().unwrap()]);
        let repository = Repository::new(directory.path().join("fleet"));
        repository.copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/agent/handover"), ".");
        repository.commit("begin");
        let server = Server::start(directory.path());
        let manifests = format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: flux-system, namespace: \
             {NAMESPACE}}}\nspec: {{interval: 5s, url: '{}', ref: {{branch: main}}}}\n---\napiVersion: \
             kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: flux-system, namespace: \
             {NAMESPACE}}}\nspec: {{interval: 1h, path: ./clusters/prod, prune: true, sourceRef: {{kind: GitRepository, name: \
             flux-system}}}}\n",
            server.url("fleet/.git")
        );
        let file = directory.path().join("follow.yaml");
        std::fs::write(&file, manifests).unwrap();
        kubernetes.kubectl_ok(&["apply", "--server-side", "--filename", file.to_str().unwrap()]);
        Self { keeper: Vec::new(), kubernetes, repository, _server: server, directory }
    }

    /// Ends whoever keeps it, in the middle of whatever they do.
    fn end(&mut self) {
        for mut child in self.keeper.drain(..) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn flux(&mut self) {
        let [port] = free_ports();
        let common = [
            "--enable-leader-election=false",
            "--metrics-addr=127.0.0.1:0",
            "--health-addr=127.0.0.1:0",
            "--events-addr=",
        ];
        let common = common.map(str::to_owned);
        let storage = self.directory.path().join("storage");
        std::fs::create_dir_all(&storage).unwrap();
        let own = [
            format!("--storage-path={}", storage.display()),
            format!("--storage-addr=127.0.0.1:{port}"),
            format!("--storage-adv-addr=127.0.0.1:{port}"),
        ];
        self.keeper.push(self.kubernetes.spawn("source-controller", &[&common[..], &own[..]].concat()));
        let own = ["--requeue-dependency=2s".to_owned()];
        self.keeper.push(self.kubernetes.spawn("kustomize-controller", &[&common[..], &own[..]].concat()));
    }

    fn agent(&mut self) {
        let log = std::fs::File::create(self.directory.path().join("agent.log")).unwrap();
        let mut agent = cowherd(self.directory.path());
        agent.args(["agent", "--data-dir", "agent", "--allow-network", "127.0.0.0/8", "--kubeconfig"]);
        agent.arg(self.kubernetes.admin()).stdout(Stdio::null()).stderr(log);
        self.keeper.push(agent.spawn().unwrap());
    }

    /// What would change, had the agents it to keep.
    fn foreseen(&self) -> Value {
        let mut diff = cowherd(self.directory.path());
        diff.args(["diff", "--fetch", "--default-service-account=", "-o", "json", "--kubeconfig"]);
        serde_json::from_str(&succeeded(diff.arg(self.kubernetes.admin()).output().unwrap())).unwrap()
    }

    fn commit(&self, minimum: u32) -> String {
        let path = "apps/base/all.yaml";
        let text = std::fs::read_to_string(self.repository.path.join(path)).unwrap();
        let (before, after) = text.split_once("minAvailable: ").unwrap();
        let rest = after.split_once(',').unwrap().1;
        self.repository.write(path, &format!("{before}minAvailable: {minimum},{rest}"));
        self.repository.commit(&format!("At least {minimum}"))
    }

    fn wait_until_ready(&self, revision: &str) {
        eventually(&format!("all are ready at {revision}"), || {
            let list = self.kubernetes.get(&format!("kustomizations --namespace {NAMESPACE}"));
            let items = list["items"].as_array().cloned().unwrap_or_default();
            let is_ready = |item: &Value| {
                let conditions = item["status"]["conditions"].as_array().cloned().unwrap_or_default();
                let applied = item["status"]["lastAppliedRevision"].as_str().unwrap_or_default();
                conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True")
                    && applied.ends_with(revision)
            };
            if items.len() == 4 && items.iter().all(is_ready) { Ok(()) } else { Err(list.to_string()) }
        });
    }

    /// The uid, the generation and the labels of each object that is kept.
    fn kept(&self) -> BTreeMap<String, (Value, Value, Value)> {
        let list = self.kubernetes.get(&format!("{KEPT} --all-namespaces --selector {LABEL}"));
        let name = |object: &Value| format!("{}/{}", object["kind"], object["metadata"]["name"]);
        let about = |object: &Value| {
            let metadata = &object["metadata"];
            (metadata["uid"].clone(), metadata["generation"].clone(), metadata["labels"].clone())
        };
        list["items"].as_array().unwrap().iter().map(|object| (name(object), about(object))).collect()
    }
}

/// Everything but what the commit in between has changed.
fn others(kept: &BTreeMap<String, (Value, Value, Value)>) -> Vec<(&String, &(Value, Value, Value))> {
    kept.iter().filter(|(name, _)| !name.contains("PodDisruptionBudget")).collect()
}

#[test]
#[ignore = "needs kube-apiserver and Flux's controllers: cargo xtask test-agent DIRECTORY"]
fn handover_from_flux_and_back_makes_nothing_anew() {
    let mut world = World::new();
    world.flux();
    let first = world.commit(1);
    world.wait_until_ready(&first);
    let of_flux = world.kept();
    assert_eq!(of_flux.len(), 18, "{:?}", of_flux.keys());
    world.end();
    assert_eq!(world.foreseen(), Value::Array(Vec::new()));

    // A commit that Flux has not seen, so that both have something to do.
    world.agent();
    let second = world.commit(2);
    world.wait_until_ready(&second);
    let of_agents = world.kept();
    assert_eq!(others(&of_agents), others(&of_flux));
    let budget = |kept: &BTreeMap<String, (Value, Value, Value)>| kept["\"PodDisruptionBudget\"/\"p-web-x\""].clone();
    assert_eq!(budget(&of_agents).0, budget(&of_flux).0, "it was changed, not made anew");
    assert_ne!(budget(&of_agents).1, budget(&of_flux).1);
    world.end();

    world.flux();
    let third = world.commit(3);
    world.wait_until_ready(&third);
    let again = world.kept();
    assert_eq!(others(&again), others(&of_flux));
    assert_eq!(budget(&again).0, budget(&of_flux).0);
}
