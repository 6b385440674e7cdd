//! Which cluster a command works on: one rule for all commands, which docs/following.md tells people.

mod data_dir;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use cowherd_controlplane::DataDir;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::completion;
pub use data_dir::{Plane, default_data_dir, kubeconfig_path, set_data_dir};

/// The variable that names the kubeconfigs of kubectl.
const KUBECONFIG: &str = "KUBECONFIG";

/// Flags that choose a cluster by its kubeconfig.
#[derive(Args, Clone, Debug)]
pub struct Access {
    /// The kubeconfig file to use
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig to use
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
}

/// Flags that choose the cluster and the namespace.
#[derive(Args, Clone, Debug)]
pub struct Cluster {
    /// Work on the control plane of this data directory [env: COWHERD_DATA_DIR]
    #[arg(long, value_name = "DIR", conflicts_with = "kubeconfig")]
    pub data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub access: Access,
    /// The namespace to look in
    #[arg(short, long, value_name = "NAMESPACE", default_value = "flux-system",
        add = ArgValueCompleter::new(completion::namespaces))]
    pub namespace: String,
}

impl Access {
    /// A client of the cluster that the flags, the environment or, in a Pod, the service account name, and the host that its
    /// requests go to.
    pub async fn client_and_host(&self) -> Result<(Client, String)> {
        let config = self.config_of(self.kubeconfig.as_deref()).await?;
        let host = config.cluster_url.authority().map(ToString::to_string).unwrap_or_default();
        Ok((Client::try_from(config)?, host))
    }

    async fn client_of(&self, file: Option<&Path>) -> Result<Client> {
        Ok(Client::try_from(self.config_of(file).await?)?)
    }

    /// The cluster of a kubeconfig file; where there is none, the one that the environment names.
    async fn config_of(&self, file: Option<&Path>) -> Result<Config> {
        self.check_context(file)?;
        let config = match file {
            Some(path) => {
                let kubeconfig =
                    Kubeconfig::read_from(path).with_context(|| format!("cannot read {}", path.display()))?;
                Config::from_custom_kubeconfig(kubeconfig, &self.options())
                    .await
                    .with_context(|| format!("cannot use {}", path.display()))?
            }
            None => match Config::from_kubeconfig(&self.options()).await {
                Ok(config) => config,
                Err(error) => Config::incluster().map_err(|_| error).context(
                    "no cluster to work on: start one here with `cowherd up`, or name one with --data-dir or --kubeconfig",
                )?,
            },
        };
        Ok(config)
    }

    /// Refuses a context that the kubeconfig does not have, in kubectl's words, with those that it has.
    fn check_context(&self, file: Option<&Path>) -> Result<()> {
        let Some(wanted) = &self.context else { return Ok(()) };
        // What cannot be read is told by whoever reads it next.
        let Ok(kubeconfig) = file.map_or_else(Kubeconfig::read, Kubeconfig::read_from) else { return Ok(()) };
        let all: Vec<&str> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
        if all.contains(&wanted.as_str()) {
            return Ok(());
        }
        let place = file.map_or_else(|| "the kubeconfig".to_owned(), |file| file.display().to_string());
        match &all[..] {
            [] => bail!("context {wanted:?} does not exist: {place} has no contexts"),
            all => bail!("context {wanted:?} does not exist; the contexts of {place} are: {}", all.join(", ")),
        }
    }

    fn options(&self) -> KubeConfigOptions {
        KubeConfigOptions { context: self.context.clone(), ..Default::default() }
    }
}

impl Cluster {
    /// A client of the cluster that the flags, the environment or the current directory name.
    pub async fn client(&self) -> Result<Client> {
        self.access.client_of(self.kubeconfig_file()?.as_deref()).await
    }

    /// The namespace of the kubeconfig's context, as kubectl has it: `default` where it names none.
    pub async fn context_namespace(&self) -> Result<String> {
        Ok(self.access.config_of(self.kubeconfig_file()?.as_deref()).await?.default_namespace)
    }

    /// The control plane that is worked on. It is not asked.
    pub async fn plane(&self) -> Result<Plane> {
        Ok(Plane::of(&self.access.config_of(self.kubeconfig_file()?.as_deref()).await?))
    }

    /// What names a kubeconfig, if it is one that says which cluster is meant, and no data directory.
    pub fn kubeconfig_named_by(&self) -> Option<String> {
        let Access { kubeconfig, context } = &self.access;
        let context = context.as_ref().map(|context| format!("--context {context}"));
        let file = kubeconfig.as_ref().map(|file| format!("--kubeconfig {}", file.display()));
        let variable = || (self.named_data_dir().is_none() && is_set(KUBECONFIG)).then(|| KUBECONFIG.to_owned());
        context.or(file).or_else(variable)
    }

    /// The data directory that is meant where no kubeconfig is.
    pub fn data_dir(&self) -> Result<PathBuf> {
        self.named_data_dir().map_or_else(default_data_dir, Ok)
    }

    /// The data directory of the control plane that is worked on, if it is one of those that lie here.
    pub async fn data_dir_of_plane(&self) -> Result<Option<PathBuf>> {
        let plane = self.plane().await?;
        for directory in self.data_dirs_at_hand() {
            if plane.is_of(&directory).await {
                return Ok(Some(directory));
            }
        }
        Ok(None)
    }

    /// The data directories that are named in whatever way.
    fn data_dirs_at_hand(&self) -> Vec<PathBuf> {
        let variable = std::env::var_os(KUBECONFIG).filter(|_| self.access.kubeconfig.is_none()).unwrap_or_default();
        let kubeconfigs = self.access.kubeconfig.iter().cloned().chain(std::env::split_paths(&variable));
        // What is called so may be the one of a data directory, and may as well lie anywhere.
        let own = kubeconfigs.filter(|file| file.file_name() == kubeconfig_path(Path::new("")).file_name());
        let homes = own.filter_map(|file| file.parent().map(Path::to_owned)).filter(|home| DataDir::holds_state(home));
        let named = self.data_dir.clone().or_else(set_data_dir);
        named.into_iter().chain(homes).chain(default_data_dir().ok()).collect()
    }

    /// The data directory that the flag names, or else `COWHERD_DATA_DIR`, unless a context is named beside that.
    fn named_data_dir(&self) -> Option<PathBuf> {
        self.data_dir.clone().or_else(|| set_data_dir().filter(|_| !self.names_a_context_of_kubectl()))
    }

    /// Whether the context that is named is one of kubectl's: it is if there are any.
    fn names_a_context_of_kubectl(&self) -> bool {
        let Access { kubeconfig, context } = &self.access;
        let is_of_no_other = self.data_dir.is_none() && kubeconfig.is_none();
        is_of_no_other && context.is_some() && (is_set(KUBECONFIG) || own_kubeconfig().is_some())
    }

    /// The kubeconfig that is meant; `None` for those that kubectl would take. What comes first counts: a flag;
    /// `COWHERD_DATA_DIR`, which is one said once; `KUBECONFIG`; the data directory of where one stands, if a control plane
    /// lies there; `~/.kube/config`.
    fn kubeconfig_file(&self) -> Result<Option<PathBuf>> {
        if let Some(path) = &self.access.kubeconfig {
            return Ok(Some(path.clone()));
        }
        if let Some(directory) = self.named_data_dir() {
            let path = kubeconfig_path(&directory);
            if !path.exists() {
                bail!(
                    "{} holds no control plane; start one with `cowherd up --data-dir {}`",
                    directory.display(),
                    directory.display()
                );
            }
            return Ok(Some(path));
        }
        if is_set(KUBECONFIG) || self.names_a_context_of_kubectl() {
            return Ok(None);
        }
        data_dir::found_kubeconfig().map_err(|error| match own_kubeconfig() {
            Some(own) => anyhow!("{error}\n  for the cluster that kubectl means: --kubeconfig {}", own.display()),
            None => error,
        })
    }
}

/// The kubeconfig that kubectl takes where nothing names another, if it is there.
fn own_kubeconfig() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".kube/config")).filter(|path| path.exists())
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// The error of a request in words that say what to do, if it never reached the cluster.
pub fn explain(error: kube::Error) -> anyhow::Error {
    if let kube::Error::Api(status) = &error {
        // What the API says is meant for people; the rest of its answer is not.
        return anyhow::anyhow!("{}", status.message);
    }
    let unreachable = matches!(&error, kube::Error::HyperError(_) | kube::Error::Service(_));
    let error = anyhow::Error::from(error);
    if unreachable {
        error.context("the control plane does not answer; is `cowherd up` or `cowherd server` running?")
    } else {
        error
    }
}
