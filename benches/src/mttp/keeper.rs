//! Who brings the apps to the cluster.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use kube::Client;
use tempfile::TempDir;

use super::Way;
use crate::program::{self, Process, Program};
use crate::repository::Repository;

/// The registry listens on this machine, where nobody's objects may reach without a word.
const REGISTRY: &str = "--allow-network=127.0.0.0/8";

/// Running programs that keep a cluster as its Flux objects say.
pub struct Keeper {
    name: &'static str,
    cluster: Reached,
    directory: TempDir,
}

enum Reached {
    /// A control plane of ours, which keeps itself.
    Own(Program),
    /// Another one, which these keep.
    Peer(PathBuf, Vec<(&'static str, Process)>),
}

impl Keeper {
    /// The program with its own API.
    pub async fn alone(program: &Path) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let repository = Repository::new(directory.path().join("repository"))?;
        let path = repository.path.to_str().context("the path is not UTF-8")?;
        // Nothing acts on an Ingress here.
        let assumed = "--assume-ready=Ingress.networking.k8s.io";
        let arguments = ["up", path, "--path", "cluster", REGISTRY, assumed];
        let mut up = Program::start(program, &directory.path().join("data"), &arguments)?;
        up.ready().await?;
        Ok(Self { name: "`cowherd up`", cluster: Reached::Own(up), directory })
    }

    /// The agents on another cluster.
    pub async fn agent(program: &Path, peer: &Path) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let mut command = Command::new(program);
        command
            .args(["agent", REGISTRY, "--kubeconfig"])
            .arg(peer)
            .arg("--data-dir")
            .arg(directory.path().join("data"));
        let agent = Process::start(&mut command, &directory.path().join("agent.log"))?;
        let cluster = Reached::Peer(peer.to_owned(), vec![("agent", agent)]);
        Ok(Self { name: "`cowherd agent` on kube-apiserver", cluster, directory })
    }

    /// Flux's own controllers, with the concurrency that its published figures have, if the directory has those for this way.
    pub fn flux(controllers: &Path, peer: &Path, way: Way) -> Result<Option<Self>> {
        let (owner, concurrent) = match way {
            Way::Kustomization => ("kustomize-controller", "--concurrent=20"),
            Way::HelmRelease => ("helm-controller", "--concurrent=10"),
        };
        if !controllers.join(owner).exists() {
            eprintln!("{} is not there, and is not measured", controllers.join(owner).display());
            return Ok(None);
        }
        let directory = tempfile::tempdir()?;
        let storage = directory.path().join("storage");
        std::fs::create_dir(&storage)?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let source = [
            "--concurrent=10".to_owned(),
            format!("--storage-path={}", storage.display()),
            format!("--storage-addr={address}"),
            format!("--storage-adv-addr={address}"),
        ];
        let mut processes = Vec::new();
        for (name, own) in [("source-controller", &source[..]), (owner, &[concurrent.to_owned()])] {
            let mut command = Command::new(controllers.join(name));
            let common = ["--enable-leader-election=false", "--metrics-addr=127.0.0.1:0", "--health-addr=127.0.0.1:0"];
            command.args(common).args(["--events-addr=", "--log-level=error"]).args(own);
            command.env("KUBECONFIG", peer).env("RUNTIME_NAMESPACE", "flux-system");
            processes.push((name, Process::start(&mut command, &directory.path().join(format!("{name}.log")))?));
        }
        let cluster = Reached::Peer(peer.to_owned(), processes);
        Ok(Some(Self { name: "Flux on kube-apiserver", cluster, directory }))
    }

    /// What it is called in the table.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// A client of the cluster.
    pub async fn client(&mut self) -> Result<Client> {
        match &mut self.cluster {
            Reached::Own(up) => up.ready().await,
            Reached::Peer(kubeconfig, _) => program::client(kubeconfig).await,
        }
    }

    /// The most memory that was resident of each program, in KiB.
    pub fn peaks(&self) -> Result<Vec<(&'static str, u64)>> {
        match &self.cluster {
            Reached::Own(up) => Ok(vec![("API and agents", up.peak()?)]),
            Reached::Peer(_, processes) => {
                let peak = |(name, process): &(&'static str, Process)| {
                    let peak = process
                        .peak()
                        .with_context(|| format!("{name}, which logs in {}", self.directory.path().display()))?;
                    anyhow::Ok((*name, peak))
                };
                processes.iter().map(peak).collect()
            }
        }
    }
}
