//! The program under measurement: a process, its memory, and a client of its API.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

const PATIENCE: Duration = Duration::from_secs(60);

/// A client of the cluster that a kubeconfig leads to.
pub async fn client(kubeconfig: &Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// How long a process may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(5);

/// A running process, which ends with the value. It is asked to, so that it gives back what others wait for, such as a Lease.
pub struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let asked = Instant::now();
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        while asked.elapsed() < GRACE && matches!(self.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Starts it; what it has to say goes to a file.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(log)?);
        let program = command.get_program().to_owned();
        Ok(Self(command.spawn().with_context(|| format!("cannot start {}", program.display()))?))
    }

    /// The memory that is resident, in KiB.
    pub fn resident(&self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// The most memory that was resident, in KiB.
    pub fn peak(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find(|line| line.starts_with(name)).with_context(|| format!("no {name}"))?;
        let number = line.split_whitespace().nth(1).context("no number")?;
        Ok(number.parse()?)
    }
}

/// A running program with an API of its own.
pub struct Program {
    process: Process,
    data_dir: PathBuf,
    log: PathBuf,
}

impl Program {
    /// Starts it with these arguments on a data directory.
    pub fn start(program: &Path, data_dir: &Path, arguments: &[&str]) -> Result<Self> {
        let log = data_dir.with_extension("log");
        let mut command = Command::new(program);
        command.env("COWHERD_LOG", "off,cowherd_gitops::producer::render=debug").args(arguments);
        command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(data_dir);
        Ok(Self { process: Process::start(&mut command, &log)?, data_dir: data_dir.to_owned(), log })
    }

    /// A client, as soon as `/readyz` answers.
    pub async fn ready(&mut self) -> Result<Client> {
        let start = Instant::now();
        loop {
            if let Ok(client) = self.client().await {
                let request = http::Request::get("/readyz").body(Vec::new())?;
                if client.request_text(request).await.is_ok() {
                    return Ok(client);
                }
            }
            if let Some(status) = self.process.0.try_wait()? {
                bail!("the program ended with {status}");
            }
            if start.elapsed() > PATIENCE {
                bail!("the program did not become ready");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn client(&self) -> Result<Client> {
        client(&self.data_dir.join("kubeconfig")).await
    }

    /// How many Kustomizations were rendered so far, as the program's log says.
    pub fn renders(&self) -> Result<usize> {
        Ok(std::fs::read_to_string(&self.log)?.lines().filter(|line| line.contains(" rendering ")).count())
    }

    /// The memory that is resident, in KiB.
    pub fn resident(&self) -> Result<u64> {
        self.process.resident()
    }

    /// The most memory that was resident, in KiB.
    pub fn peak(&self) -> Result<u64> {
        self.process.peak()
    }
}
