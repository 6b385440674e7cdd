//! Which cluster a command works on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use cowherd_controlplane::DataDir;
use cowherd_source::local;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::completion;

/// What a data directory is called unless said otherwise.
const DATA_DIR: &str = ".cowherd";

/// Where a data directory is unless said otherwise: the nearest that is there, from the directory that one stands in up to the
/// top of its repository; else, at the top; outside of a repository, here. As seen from here, where it is here.
///
/// # Errors
/// When what is there may have come with the repository: with it would come commands that a kubeconfig runs.
pub fn default_data_dir() -> Result<PathBuf> {
    let found = find_data_dir();
    if DataDir::is_foreign(&found) {
        let found = found.display();
        bail!(
            "{found} is not used: others than you may have written it, or could read it, as what comes with a repository. \
             If it is yours, name it: --data-dir {found}; `cowherd up` closes it to others then"
        );
    }
    Ok(found)
}

fn find_data_dir() -> PathBuf {
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    let top = local::discover(&here).ok().and_then(|repository| repository.root().canonicalize().ok());
    // A bare repository, or one whose files are elsewhere, is none that one stands in.
    let Some(top) = top.filter(|top| here.starts_with(top)) else { return PathBuf::from(DATA_DIR) };
    let above = here.ancestors().take_while(|directory| directory.starts_with(&top));
    let holds = |directory: &&Path| DataDir::is_one(&directory.join(DATA_DIR));
    let home = above.into_iter().find(holds).unwrap_or(&top);
    if home == here { PathBuf::from(DATA_DIR) } else { home.join(DATA_DIR) }
}

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

    /// The seed of the agents in the data directory of the cluster's control plane, where that is what was named.
    pub fn seed(&self) -> Option<Arc<[u8]>> {
        let file = match self.kubeconfig_file().ok()? {
            Some(file) => file,
            None => PathBuf::from(std::env::var_os("KUBECONFIG")?),
        };
        let is_of_data_dir = file.file_name()? == kubeconfig_path(Path::new("")).as_os_str();
        cowherd_controlplane::seed_in(file.parent().filter(|_| is_of_data_dir)?)
    }

    /// The file that the flags name; else that of the data directory which `COWHERD_DATA_DIR` names; else the one in the
    /// data directory that is meant here if neither `KUBECONFIG` nor the home directory has one.
    fn kubeconfig_file(&self) -> Result<Option<PathBuf>> {
        if let Some(path) = &self.access.kubeconfig {
            return Ok(Some(path.clone()));
        }
        let named = std::env::var_os("COWHERD_DATA_DIR").filter(|named| !named.is_empty()).map(PathBuf::from);
        if let Some(directory) = self.data_dir.as_ref().or(named.as_ref()) {
            let path = kubeconfig_path(directory);
            if !path.exists() {
                bail!(
                    "{} holds no control plane; start one with `cowherd up --data-dir {}`",
                    directory.display(),
                    directory.display()
                );
            }
            return Ok(Some(path));
        }
        let home = std::env::home_dir().map(|home| home.join(".kube/config"));
        let elsewhere = std::env::var_os("KUBECONFIG").is_some() || home.is_some_and(|path| path.exists());
        if elsewhere {
            return Ok(None);
        }
        let here = kubeconfig_path(&default_data_dir()?);
        Ok(here.exists().then_some(here))
    }
}

/// Where a data directory keeps its kubeconfig.
pub fn kubeconfig_path(data_dir: &Path) -> PathBuf {
    data_dir.join("kubeconfig")
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
