//! Where an attack is played: the program that follows a repository, a tenant, a real git server, and a seed.

pub mod ask;
mod fleet;
mod people;
mod program;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use cowherd_gitserver::{Repository, http};
use serde_json::{Value, json};
use tempfile::TempDir;

pub use fleet::{SECRET, beat};
pub use people::{Bystander, People};
pub use program::{Limits, Program};

use crate::Scale;
use ask::{get, post};

/// How long anything that must come may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is promised to tenants holds with these flags, which docs/security.md names; the git servers are on this machine.
const FLAGS: [&str; 5] = [
    "--allow-network=127.0.0.0/8",
    "--default-service-account=default",
    "--no-cross-namespace-refs",
    "--interval=1s",
    "--receiver-addr=127.0.0.1:0",
];

/// The stage.
pub struct Stage {
    /// The program under attack.
    pub program: Program,
    /// The repository that the root follows.
    pub fleet: Repository,
    /// A git server over the directory `repositories`.
    pub git: http::Server,
    /// Whether attacks are as small as they may be.
    pub scale: Scale,
    random: Mutex<fastrand::Rng>,
    people: Mutex<People>,
    committing: Mutex<()>,
    outages: AtomicUsize,
    out: AtomicBool,
    // Goes last, when nobody writes into it any more.
    directory: TempDir,
}

impl Stage {
    /// Starts the program, and waits until the people in its repository are there.
    pub async fn set(program: &Path, scale: Scale, seed: u64, limits: Limits) -> Result<Self> {
        let directory = TempDir::with_prefix("cowherd-attack-")?;
        let fleet = Repository::new(directory.path().join("fleet"));
        std::fs::create_dir_all(fleet.path.join("cluster"))?;
        std::fs::write(fleet.path.join("cluster/people.yaml"), fleet::PEOPLE)?;
        fleet.commit("cluster/beat.yaml", &beat(0));
        std::fs::create_dir_all(directory.path().join("repositories"))?;
        let git = http::Server::start(&directory.path().join("repositories"));
        let program = Program::start(program, directory.path(), limits, &FLAGS)?;
        let people = Mutex::new(People::of(&program.kubeconfig()).await?);
        let random = Mutex::new(fastrand::Rng::with_seed(seed));
        let (outages, out) = (AtomicUsize::new(0), AtomicBool::new(false));
        let stage =
            Self { program, fleet, git, scale, random, people, committing: Mutex::default(), outages, out, directory };
        // What comes last of a start: all that the repository describes, and accounts that it does not.
        stage
            .until("the namespaces are complete", async || {
                let admin = stage.people().admin;
                for namespace in ["bystander", "tenant"] {
                    let account = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
                    if get(&admin, &account).await?.code != 200 {
                        return Ok(false);
                    }
                }
                let root = get(&admin, ROOT).await?;
                let conditions = root.document["status"]["conditions"].as_array().cloned().unwrap_or_default();
                Ok(conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True"))
            })
            .await?;
        Ok(stage)
    }

    /// Those who ask, of the start of the program that runs.
    pub fn people(&self) -> People {
        self.people.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Kills the program and starts it again; until it answers.
    pub async fn kill_and_start(&self) -> Result<()> {
        self.begin_outage();
        self.program.kill_and_start()?;
        let people = People::of(&self.program.kubeconfig()).await?;
        *self.people.lock().unwrap_or_else(PoisonError::into_inner) = people;
        self.end_outage();
        Ok(())
    }

    /// From now on a bystander does not complain.
    pub fn begin_outage(&self) {
        self.outages.fetch_add(1, Ordering::SeqCst);
        self.out.store(true, Ordering::SeqCst);
    }

    /// From now on all has to be as usual.
    pub fn end_outage(&self) {
        // Who looked at the number meanwhile may know those who asked before.
        self.outages.fetch_add(1, Ordering::SeqCst);
        self.out.store(false, Ordering::SeqCst);
    }

    /// How many outages there were.
    pub fn outages(&self) -> usize {
        self.outages.load(Ordering::SeqCst)
    }

    /// Whether nobody can expect an answer.
    pub fn is_out(&self) -> bool {
        self.out.load(Ordering::SeqCst)
    }

    /// Chance, from the seed.
    pub fn random(&self) -> MutexGuard<'_, fastrand::Rng> {
        self.random.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for each scale.
    pub fn pick<T>(&self, small: T, large: T) -> T {
        match self.scale {
            Scale::Small => small,
            Scale::Large => large,
        }
    }

    /// A directory of the stage's own.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Commits a file to the repository that the root follows, as whoever `author` sets.
    pub fn commit(&self, path: &str, content: &str, message: &str, author: impl FnOnce(&mut Command)) -> Result<()> {
        // git lets one of two who commit at once fail.
        let _alone = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        std::fs::write(self.fleet.path.join(path), content)?;
        self.fleet.git(&["add", "--all"]);
        let mut command = cowherd_gitserver::repository::git(&self.fleet.path);
        author(&mut command);
        let status = command.args(["commit", "--quiet", "--message", message]).status()?;
        ensure!(status.success(), "git commit ended with {status}");
        Ok(())
    }

    /// A new repository that tenants may name; where it is, and its URL.
    pub fn repository(&self, name: &str) -> (Repository, String) {
        let path: PathBuf = self.directory().join("repositories").join(name);
        (Repository::new(path), self.git.url(&format!("{name}/.git")))
    }

    /// Waits until it holds; an answer that does not come counts as not yet.
    pub async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
        let began = Instant::now();
        let mut last = None;
        while began.elapsed() < PATIENCE {
            match holds().await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => last = Some(error),
            }
            if let Some(status) = self.program.ended()? {
                bail!("the program ended with {status}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("it did not come about that {what}{}", last.map_or_else(String::new, |error| format!(": {error:#}")))
    }

    /// Has the tenant follow a repository with a Kustomization of the same name; until it says how that went, which is
    /// given: the status of `Ready` and its message. `spec` is added to that of the Kustomization.
    pub async fn deliver(&self, name: &str, url: &str, spec: Value) -> Result<(String, String)> {
        self.follow(name, url, spec).await?;
        self.verdict(name).await
    }

    /// The same without waiting.
    pub async fn follow(&self, name: &str, url: &str, spec: Value) -> Result<()> {
        let tenant = self.people().tenant;
        let source = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": {"name": name},
            "spec": {"url": url, "interval": "1h", "timeout": "30s", "ref": {"branch": "main"}},
        });
        post(&tenant, REPOSITORIES, &source).await?.expect(201)?;
        let mut kustomization = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": {"name": name},
            "spec": {"interval": "1h", "retryInterval": "1h", "timeout": "30s", "prune": true, "path": "./app",
                "sourceRef": {"kind": "GitRepository", "name": name}},
        });
        if let (Some(all), Value::Object(more)) = (kustomization["spec"].as_object_mut(), spec) {
            all.extend(more);
        }
        post(&tenant, KUSTOMIZATIONS, &kustomization).await?.expect(201)?;
        Ok(())
    }

    /// Waits until a tenant's Kustomization is Ready or says what is wrong, or its source does.
    pub async fn verdict(&self, name: &str) -> Result<(String, String)> {
        // Some use the source of another.
        if get(&self.people().admin, &format!("{REPOSITORIES}/{name}")).await?.code == 200 {
            let source = self.verdict_of_source(name).await?;
            if source.0 == "False" {
                return Ok(source);
            }
        }
        self.judged(&format!("{KUSTOMIZATIONS}/{name}")).await
    }

    /// The same of a repository.
    pub async fn verdict_of_source(&self, name: &str) -> Result<(String, String)> {
        self.judged(&format!("{REPOSITORIES}/{name}")).await
    }

    /// The same of whatever has conditions, by its path.
    pub async fn judged(&self, path: &str) -> Result<(String, String)> {
        let admin = self.people().admin;
        let mut seen = (String::new(), String::new());
        self.until(&format!("{path} is judged"), async || {
            let answer = get(&admin, path).await?;
            let conditions = answer.document["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let Some(ready) = conditions.iter().find(|one| one["type"] == "Ready") else { return Ok(false) };
            let text = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
            seen = (text("status"), text("message"));
            let observed = answer.document["status"]["observedGeneration"] == answer.document["metadata"]["generation"];
            // What waits says so, and goes on to wait.
            let waits = seen.1.contains("has no artifact yet") || text("reason") == "DependencyNotReady";
            Ok(seen.0 == "False" && !waits || seen.0 == "True" && observed)
        })
        .await?;
        if std::env::var_os("ATTACK_LOG").is_some() {
            eprintln!("{path}: {} {}", seen.0, seen.1);
        }
        Ok(seen)
    }

    /// Deletes what [`Self::deliver`] made.
    pub async fn forget(&self, name: &str) -> Result<()> {
        let tenant = self.people().tenant;
        ask::delete(&tenant, &format!("{KUSTOMIZATIONS}/{name}")).await?;
        ask::delete(&tenant, &format!("{REPOSITORIES}/{name}")).await?;
        self.until("the Kustomization is gone", async || {
            Ok(get(&tenant, &format!("{KUSTOMIZATIONS}/{name}")).await?.code == 404)
        })
        .await
    }

    /// Gives the tenant so many ConfigMaps of so many bytes.
    pub async fn fill(&self, count: usize, size: usize) -> Result<()> {
        let tenant = self.people().tenant;
        let text = "x".repeat(size);
        for number in 0..count {
            let name = format!("large-{number}");
            ask::apply(&tenant, &format!("{CONFIG_MAPS}/{name}"), &config_map(&name, &text)).await?;
        }
        Ok(())
    }

    /// Serves a kind of the tenant's, cluster-wide as definitions are, with the schema of its `spec`.
    pub async fn define(&self, plural: &str, schema: Value) -> Result<String> {
        let admin = self.people().admin;
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.attack.example.org")},
            "spec": {
                "group": "attack.example.org", "scope": "Namespaced",
                "names": {"plural": plural, "kind": format!("Kind{plural}")},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
                    {"type": "object", "properties": {"spec": schema}}}}],
            },
        });
        post(&admin, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).await?.expect(201)?;
        let path = format!("/apis/attack.example.org/v1/namespaces/tenant/{plural}");
        self.until(&format!("{plural} are served"), async || Ok(get(&admin, &path).await?.code == 200)).await?;
        Ok(path)
    }
}

/// What the people are described by.
const ROOT: &str = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/flux-system";
/// The tenant's repositories.
pub const REPOSITORIES: &str = "/apis/source.toolkit.fluxcd.io/v1/namespaces/tenant/gitrepositories";
/// The tenant's Kustomizations.
pub const KUSTOMIZATIONS: &str = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/tenant/kustomizations";
/// The tenant's ConfigMaps.
pub const CONFIG_MAPS: &str = "/api/v1/namespaces/tenant/configmaps";

/// A ConfigMap with one text.
pub fn config_map(name: &str, text: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"text": text}})
}

/// Fails with what was seen unless it is true.
pub fn holds(truth: bool, seen: impl std::fmt::Debug) -> Result<()> {
    ensure!(truth, "{seen:.500?}");
    Ok(())
}
