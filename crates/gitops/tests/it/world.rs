//! A cluster, a Git repository and the agents between them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_api::flux::source::v1::GitRepository;
use cowherd_controlplane::{Budgets, ControlPlane};
use cowherd_gitops::{Clients, Config, Counters, Counts, Elsewhere, KeptRenders, Policy, Progress};
use cowherd_source::{Access, Artifacts, Charts, LocalAccess, Mirrors};
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long anything in these tests may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The namespace of the Kustomizations.
pub const FLUX: &str = "flux-system";

/// A repository made with the git binary.
pub struct Repository {
    path: PathBuf,
}

impl Repository {
    pub fn new(path: PathBuf) -> Self {
        fs::create_dir_all(&path).unwrap();
        let repository = Self { path };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs git in the repository; what it prints.
    pub fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(&self.path)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn write(&self, file: &str, content: &str) {
        let path = self.path.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Copies a directory here.
    pub fn copy(&self, from: &Path, to: &str) {
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let to = format!("{to}/{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                self.copy(&entry.path(), &to);
            } else {
                self.write(&to, &fs::read_to_string(entry.path()).unwrap());
            }
        }
    }

    pub fn remove(&self, file: &str) {
        let path = self.path.join(file);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    /// Commits everything; the revision as Flux writes it.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.revision()
    }

    pub fn revision(&self) -> String {
        format!("main@sha1:{}", self.git(&["rev-parse", "HEAD"]))
    }
}

/// A Kustomization in the repository's own language.
pub fn kustomization(name: &str, path: &str, more: Value) -> Value {
    let mut spec = json!({ "interval": "1h", "retryInterval": "1s", "path": path, "prune": true,
        "sourceRef": { "kind": "GitRepository", "name": FLUX } });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": { "name": name, "namespace": FLUX }, "spec": spec })
}

/// A ConfigMap as YAML.
pub fn config_map(namespace: &str, name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: {namespace}\ndata:\n  key: {value:?}\n"
    )
}

/// A cluster with the agents at work, and the repository that they follow.
pub struct World {
    pub client: Client,
    /// Who the agents are that are started next.
    pub agents: Clients,
    pub repository: Repository,
    pub counters: Arc<Counters>,
    /// Who may what, from the next start of the agents on. At first, any path of this machine is read.
    pub policy: Policy,
    /// Is told what the agents do, from their next start on.
    pub progress: Option<UnboundedSender<Progress>>,
    /// Is told which of the agents' loops are well, from their next start on.
    pub health: cowherd_runtime::Health,
    /// The revision at which nothing waits, from their next start on.
    pub approved: Option<String>,
    mirrors: Mirrors,
    directory: tempfile::TempDir,
    _plane: ControlPlane,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl World {
    /// A cluster with namespaces, the agents and a repository without a commit.
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = cowherd_controlplane::Config::new(directory.path().join("plane"));
        let plane = ControlPlane::open(config, &Budgets::default()).await.unwrap();
        let client = plane.client();
        let agents = plane.prepare_agents().await.unwrap();
        let mut world = Self {
            client,
            agents,
            repository: Repository::new(directory.path().join("repository")),
            counters: Arc::default(),
            policy: Policy { access: Access { local: LocalAccess::Any, ..Access::default() }, ..Policy::default() },
            progress: None,
            health: cowherd_runtime::Health::default(),
            approved: None,
            mirrors: Mirrors::open(directory.path().join("mirrors")).unwrap(),
            directory,
            _plane: plane,
            running: None,
        };
        for namespace in [FLUX, "apps", "other"] {
            world.create("v1", "Namespace", json!({ "metadata": { "name": namespace } })).await;
        }
        world.start_agents();
        world
    }

    pub fn start_agents(&mut self) {
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let agents =
            tokio::spawn(cowherd_gitops::run(self.agents.clone(), self.mirrors.clone(), self.config(), shutdown));
        self.running = Some((stop, agents));
    }

    /// How the agents are configured that are started next.
    pub fn config(&self) -> Config {
        let mirrors = self.mirrors.clone();
        let kept = KeptRenders::open(self.directory.path().join("renders"), "this one").unwrap();
        let charts = Charts::open(self.directory.path().join("charts")).unwrap();
        Config {
            counters: self.counters.clone(),
            policy: Arc::new(self.policy.clone()),
            elsewhere: Arc::new(Elsewhere::new(mirrors.clone(), charts)),
            artifacts: Some(Artifacts::open(self.directory.path().join("artifacts")).unwrap()),
            seed: Arc::from(*b"a seed"),
            kept: Some(Arc::new(kept)),
            progress: self.progress.clone(),
            health: self.health.clone(),
            approved: self.approved.clone(),
            ..Config::default()
        }
    }

    /// Other mirrors than those of the agents, as those of another process are.
    pub fn other_mirrors(&self, name: &str) -> Mirrors {
        Mirrors::open(self.directory.path().join(name)).unwrap()
    }

    /// Loses what was kept of renders.
    pub fn forget_renders(&self) {
        std::fs::remove_dir_all(self.directory.path().join("renders")).unwrap();
    }

    /// Stops the agents as a killed process would: at once, wherever they are.
    pub async fn kill_agents(&mut self) {
        if let Some((_, agents)) = self.running.take() {
            agents.abort();
            let _ = agents.await;
        }
    }

    /// Creates the GitRepository that follows the branch main.
    pub async fn follow_repository(&self) {
        let url = format!("file://{}", self.repository.path().display());
        let spec = json!({ "interval": "1h", "url": url, "ref": { "branch": "main" } });
        let object = json!({ "metadata": { "name": FLUX, "namespace": FLUX }, "spec": spec });
        self.create("source.toolkit.fluxcd.io/v1", "GitRepository", object).await;
    }

    pub async fn add(&self, kustomization: Value) {
        self.create("kustomize.toolkit.fluxcd.io/v1", "Kustomization", kustomization).await;
    }

    pub async fn create(&self, api_version: &str, kind: &str, mut object: Value) {
        object["apiVersion"] = api_version.into();
        object["kind"] = kind.into();
        let namespace = object["metadata"]["namespace"].as_str().map(str::to_owned);
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let api = self.api(api_version, kind, namespace.as_deref());
        api.create(&PostParams::default(), &object).await.unwrap();
    }

    pub fn api(&self, api_version: &str, kind: &str, namespace: Option<&str>) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        }
    }

    pub async fn get(&self, api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Option<Value> {
        let found = self.api(api_version, kind, namespace).get_opt(name).await.unwrap();
        found.map(|object| serde_json::to_value(object).unwrap())
    }

    /// The value in a ConfigMap of [`config_map`].
    pub async fn value(&self, namespace: &str, name: &str) -> Option<String> {
        let found = self.get("v1", "ConfigMap", Some(namespace), name).await?;
        Some(found["data"]["key"].as_str().unwrap_or_default().to_owned())
    }

    pub async fn patch(&self, api_version: &str, kind: &str, namespace: &str, name: &str, patch: Value) {
        self.patch_as("kubectl-edit", api_version, kind, namespace, name, patch).await;
    }

    pub async fn patch_as(
        &self,
        manager: &str,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
        patch: Value,
    ) {
        let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
        let api = self.api(api_version, kind, Some(namespace));
        api.patch(name, &params, &Patch::Merge(patch)).await.unwrap();
    }

    pub async fn patch_cluster(&self, api_version: &str, kind: &str, name: &str, patch: Value) {
        let api = self.api(api_version, kind, None);
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    pub async fn patch_kustomization(&self, name: &str, patch: Value) {
        self.patch("kustomize.toolkit.fluxcd.io/v1", "Kustomization", FLUX, name, patch).await;
    }

    pub async fn kustomization(&self, name: &str) -> Option<Kustomization> {
        let api: Api<Kustomization> = Api::namespaced(self.client.clone(), FLUX);
        api.get_opt(name).await.unwrap()
    }

    pub async fn git_repository(&self) -> GitRepository {
        let api: Api<GitRepository> = Api::namespaced(self.client.clone(), FLUX);
        api.get(FLUX).await.unwrap()
    }

    /// Waits until the Kustomization is ready at the revision.
    pub async fn ready(&self, name: &str, revision: &str) -> Kustomization {
        self.until(&format!("{name} is ready at {revision}"), async || {
            let found = self.kustomization(name).await.ok_or("it does not exist")?;
            let status = found.status.clone().unwrap_or_default();
            let ready = condition(&found, "Ready");
            let generation = status.observed_generation == found.metadata.generation;
            match ready {
                Some((status_, _, _))
                    if status_ == "True" && generation && status.last_applied_revision.as_deref() == Some(revision) =>
                {
                    Ok(found)
                }
                other => Err(format!("{other:?} at {:?}", status.last_applied_revision)),
            }
        })
        .await
    }

    /// Waits until the revision is applied, whatever has become of the objects since.
    pub async fn applied(&self, name: &str, revision: &str) {
        self.until(&format!("{revision} of {name} is applied"), async || {
            let found = self.kustomization(name).await.ok_or("it does not exist")?;
            let applied = found.status.and_then(|status| status.last_applied_revision);
            if applied.as_deref() == Some(revision) { Ok(()) } else { Err(format!("{applied:?}")) }
        })
        .await;
    }

    /// Waits until the Kustomization has failed for this reason; the message.
    pub async fn failed(&self, name: &str, reason: &str, text: &str) -> String {
        self.until(&format!("{name} has failed for {reason} with {text:?}"), async || {
            let found = self.kustomization(name).await.ok_or("it does not exist")?;
            match condition(&found, "Ready") {
                Some((status, found, message)) if status == "False" && found == reason && message.contains(text) => {
                    Ok(message)
                }
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    pub async fn until<T, E: std::fmt::Display>(&self, what: &str, check: impl AsyncFn() -> Result<T, E>) -> T {
        let began = Instant::now();
        loop {
            match check().await {
                Ok(value) => return value,
                Err(problem) if began.elapsed() > PATIENCE => panic!("waited in vain until {what}: {problem}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    pub fn counts(&self) -> Counts {
        self.counters.get()
    }

    /// The resource versions of all ConfigMaps of the namespace by name.
    pub async fn versions(&self, namespace: &str) -> Vec<(String, String)> {
        let list = self.api("v1", "ConfigMap", Some(namespace)).list(&Default::default()).await.unwrap();
        list.items
            .into_iter()
            .map(|object| (object.metadata.name.unwrap(), object.metadata.resource_version.unwrap()))
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some((_, agents)) = self.running.take() {
            agents.abort();
        }
    }
}

/// Status, reason and message of a condition.
pub fn condition(object: &Kustomization, type_: &str) -> Option<(String, String, String)> {
    let conditions = &object.status.as_ref()?.conditions;
    let found = conditions.iter().find(|condition| condition.type_ == type_)?;
    Some((format!("{:?}", found.status), found.reason.clone(), found.message.clone()))
}

/// The ids in the inventory.
pub fn inventory(object: &Kustomization) -> Vec<String> {
    let inventory = object.status.as_ref().and_then(|status| status.inventory.as_ref());
    inventory.into_iter().flat_map(|inventory| inventory.entries.iter().map(|entry| entry.id.clone())).collect()
}
