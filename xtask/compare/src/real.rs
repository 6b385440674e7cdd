//! What `kubectl kustomize` and `helm template` say.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::discover::{Case, Kind};
use crate::process;

/// After this time the real tool is given up on.
const LIMIT: Duration = Duration::from_secs(60);

/// A real tool's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// What it printed, or what it complained of.
    pub text: Result<String, Failure>,
    /// How long it took.
    pub time: Duration,
    /// When it was given: what depends on the time can be the same only at the same time.
    #[serde(skip, default = "SystemTime::now")]
    pub at: SystemTime,
}

/// Why there is no output.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Failure {
    /// The tool said so.
    Error(String),
    /// Its time was over.
    TimeOut,
}

/// The real tools of this machine.
pub struct Tools {
    versions: String,
    helm_3: Option<String>,
    home: PathBuf,
}

impl Tools {
    /// The `kubectl` and `helm` on the `PATH`, and the Helm 3 of `HELM_3` for kustomizations with charts, which
    /// knows no later one. `home` is theirs to write to.
    pub fn new(home: PathBuf) -> Result<Self> {
        fs::create_dir_all(&home)?;
        let helm_3 = std::env::var("HELM_3").ok().filter(|path| !path.is_empty());
        let mut versions = String::new();
        for (program, arguments) in [
            ("kubectl", ["version", "--client"].as_slice()),
            ("helm", ["version", "--short"].as_slice()),
            (helm_3.as_deref().unwrap_or("true"), ["version", "--short"].as_slice()),
        ] {
            let ended = process::run(Command::new(program).args(arguments), LIMIT)?;
            versions.push_str(&ended.output);
        }
        Ok(Self { versions, helm_3, home })
    }

    /// The versions of the tools, as they say them.
    pub fn versions(&self) -> &str {
        &self.versions
    }

    /// Renders `case`.
    pub fn render(&self, case: &Case) -> Result<Answer> {
        let directory = case.root.join(&case.path);
        let mut command = match case.kind {
            Kind::Kustomize => self.kustomize(&directory),
            Kind::Helm => helm(&directory, case.values.as_deref()),
        };
        self.seclude(&mut command);
        let ended = process::run(&mut command, LIMIT).context("the real tools must be installed")?;
        let text = match ended.status {
            None => Err(Failure::TimeOut),
            Some(status) if status.success() => Ok(ended.output),
            Some(_) => Err(Failure::Error(ended.complaints)),
        };
        Ok(Answer { text, time: ended.time, at: SystemTime::now() })
    }

    fn kustomize(&self, directory: &Path) -> Command {
        let mut command = Command::new("kubectl");
        command.args(["kustomize", "--load-restrictor", "LoadRestrictionsNone"]);
        if let Some(helm) = &self.helm_3 {
            command.args(["--enable-helm", "--helm-command", helm]);
        }
        command.arg(directory);
        command
    }

    /// Keeps a tool from the network, from clusters, and from what the user has configured.
    fn seclude(&self, command: &mut Command) {
        let nowhere = "http://127.0.0.1:9";
        command.envs([("HTTP_PROXY", nowhere), ("HTTPS_PROXY", nowhere), ("GIT_SSH_COMMAND", "false")]);
        command.envs([("GIT_TERMINAL_PROMPT", "0"), ("KUBECONFIG", "/dev/null")]);
        command.env("HOME", &self.home).env_remove("XDG_CONFIG_HOME").env_remove("XDG_CACHE_HOME");
    }
}

fn helm(chart: &Path, values: Option<&str>) -> Command {
    let mut command = Command::new("helm");
    command.args(["template", "release-name"]).arg(chart).args(["--namespace", "default", "--include-crds"]);
    if let Some(values) = values {
        command.arg("--values").arg(chart.join(values));
    }
    command
}
