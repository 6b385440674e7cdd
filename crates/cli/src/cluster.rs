//! Which cluster a command works on: one rule for all commands, which docs/following.md tells people.

mod data_dir;
mod fault;
mod kubectl;
mod origin;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use cowherd_controlplane::DataDir;
use cowherd_text::shell;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::station::Station;
use crate::{completion, failure};
pub use data_dir::{Plane, default_data_dir, kubeconfig_path, set_data_dir};
use fault::Nowhere;
pub use fault::{explain, is_of_no_cluster, missing, told, unseen};
use origin::Named;
pub use origin::{Choice, Origin, up};

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

/// A cluster, and where it is.
pub struct Reached {
    /// A client of it.
    pub client: Client,
    /// The host and the port that requests go to.
    pub host: String,
    /// Where its API is, for people.
    pub address: String,
}

impl Access {
    /// The cluster that the flags, the environment or, in a Pod, the service account name.
    pub async fn reach(&self) -> Result<Reached> {
        let config = self.config(&self.named(), Choice::Kubeconfigs).await?;
        let host = config.cluster_url.authority().map(ToString::to_string).unwrap_or_default();
        let address = Plane::of(&config).address;
        Ok(Reached { client: client(config)?, host, address })
    }

    /// By what it is known which cluster that is, for whoever reads that something is wrong with it.
    pub fn origin(&self) -> Origin {
        Origin::find(self.named(), self.context.as_deref(), Choice::Kubeconfigs)
    }

    /// What says which cluster is meant, as kubectl would have it.
    fn named(&self) -> Named {
        match &self.kubeconfig {
            Some(file) => Named::Flag(file.clone()),
            None if is_set(KUBECONFIG) => Named::Variable,
            None => kubectl::own().map_or(Named::Nothing, Named::Home),
        }
    }

    /// The cluster that is named, for a command that can be told of these.
    async fn config(&self, named: &Named, choice: Choice) -> Result<Config> {
        let kubeconfig = match named {
            Named::Nothing => return in_a_pod().map_err(|_| Nowhere(choice).into()),
            Named::Variable => match kubectl::named() {
                // As kubectl has it, a Pod has its own cluster even so.
                Err(error) => return in_a_pod().map_err(|_| self.unusable(&failure::text(&error), choice)),
                kubeconfig => kubeconfig?,
            },
            _ => {
                let file = named.files().into_iter().next().unwrap_or_default();
                kubectl::read(&file).with_context(|| format!("cannot read the kubeconfig {}", file.display()))?
            }
        };
        let files: Vec<String> = named.files().iter().map(|file| file.display().to_string()).collect();
        let files = files.join(" and ");
        self.check_context(&kubeconfig, &files)?;
        let is_told = |name: &Option<String>| name.as_ref().is_some_and(|name| !name.is_empty());
        if !is_told(&self.context) && !is_told(&kubeconfig.current_context) {
            return Err(self.unusable(
                &format!("{files} has no current context, so it does not say which cluster is meant"),
                choice,
            ));
        }
        let has_proxy = proxy_of(&kubeconfig, self.context.as_deref());
        let options = KubeConfigOptions { context: self.context.clone(), ..Default::default() };
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .with_context(|| format!("cannot use {files}"))?;
        if !has_proxy {
            // Those of the environment are for the world outside, in which this cluster is seldom.
            config.proxy_url = None;
        }
        Ok(config)
    }

    /// The error of kubeconfigs that name no cluster, with how another one is meant.
    fn unusable(&self, text: &str, choice: Choice) -> anyhow::Error {
        let origin = Origin::find(self.named(), self.context.as_deref(), choice);
        anyhow!("{text}\n  {}", origin.another().unwrap_or_else(|| choice.name_one().to_owned()))
    }

    /// Refuses a context that the kubeconfig does not have, in kubectl's words, with those that it has.
    fn check_context(&self, kubeconfig: &Kubeconfig, files: &str) -> Result<()> {
        let Some(wanted) = &self.context else { return Ok(()) };
        let all: Vec<&str> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
        match &all[..] {
            all if all.contains(&wanted.as_str()) => Ok(()),
            [] => bail!("context {wanted:?} does not exist: {files} has no contexts"),
            all => bail!("context {wanted:?} does not exist; the contexts of {files} are: {}", all.join(", ")),
        }
    }
}

/// A client of a cluster.
fn client(config: Config) -> Result<Client> {
    Client::try_from(config).map(cowherd_runtime::understood).map_err(explain)
}

/// The cluster in which the program runs as a Pod.
fn in_a_pod() -> Result<Config, InClusterError> {
    Config::incluster()
}

/// Whether the cluster of a context is behind a proxy of its own.
fn proxy_of(kubeconfig: &Kubeconfig, context: Option<&str>) -> bool {
    let name = context.or(kubeconfig.current_context.as_deref());
    let context = kubeconfig.contexts.iter().find(|one| Some(one.name.as_str()) == name);
    let cluster = context.and_then(|one| Some(one.context.as_ref()?.cluster.as_str()));
    let cluster = kubeconfig.clusters.iter().find(|one| Some(one.name.as_str()) == cluster);
    cluster.and_then(|one| one.cluster.as_ref()?.proxy_url.as_deref()).is_some_and(|proxy| !proxy.is_empty())
}

impl Cluster {
    /// A client of the cluster that the flags, the environment or the current directory name.
    pub async fn client(&self) -> Result<Client> {
        client(self.config().await?)
    }

    async fn config(&self) -> Result<Config> {
        self.access.config(&self.named()?, Choice::All).await
    }

    /// Says that nothing is there, and where else it may be.
    pub fn tell_none(&self, what: &str) {
        let doubt = self.origin().and_then(|origin| origin.doubt());
        crate::terminal::tell!("{what}{}", doubt.map_or_else(String::new, |doubt| format!("\n{doubt}")));
    }

    /// By what it is known which cluster that is, for whoever reads that something is wrong with it. `None` where none is named.
    pub fn origin(&self) -> Option<Origin> {
        Some(Origin::find(self.named().ok()?, self.access.context.as_deref(), Choice::All))
    }

    /// The namespace of the kubeconfig's context, as kubectl has it: `default` where it names none.
    pub async fn context_namespace(&self) -> Result<String> {
        Ok(self.config().await?.default_namespace)
    }

    /// The control plane that is worked on. It is not asked.
    pub async fn plane(&self) -> Result<Plane> {
        Ok(Plane::of(&self.config().await?))
    }

    /// What names a kubeconfig, if it is one that says which cluster is meant, and no data directory.
    pub fn kubeconfig_named_by(&self) -> Option<String> {
        let Access { kubeconfig, context } = &self.access;
        let context = context.as_ref().map(|context| format!("--context {}", shell::word(context)));
        let file = kubeconfig.as_ref().map(|file| format!("--kubeconfig {}", shell::path(file)));
        let variable = || (self.named_data_dir().is_none() && is_set(KUBECONFIG)).then(|| KUBECONFIG.to_owned());
        context.or(file).or_else(variable)
    }

    /// Whether a flag says which cluster is meant.
    pub fn is_named_by_a_flag(&self) -> bool {
        self.data_dir.is_some() || self.access.kubeconfig.is_some() || self.access.context.is_some()
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
        let variable = if self.access.kubeconfig.is_none() { kubectl::files() } else { Vec::new() };
        let kubeconfigs = self.access.kubeconfig.iter().cloned().chain(variable);
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
        is_of_no_other && context.is_some() && (is_set(KUBECONFIG) || kubectl::own().is_some())
    }

    /// What says which cluster is meant. What comes first counts: a flag; `COWHERD_DATA_DIR`, which is one said once;
    /// `KUBECONFIG`; the data directory of where one stands, if a control plane lies there; `~/.kube/config`.
    fn named(&self) -> Result<Named> {
        if self.access.kubeconfig.is_some() {
            return Ok(self.access.named());
        }
        if let Some(path) = self.named_data_dir() {
            if !kubeconfig_path(&path).exists() {
                if let Some(Station { server }) = Station::of(&path) {
                    bail!(
                        "{0} is the data directory of an agent, which works on the cluster at {server}\n  to ask that one: \
                         --kubeconfig FILE, or its context; what the agent does: cowherd logs --data-dir {1}",
                        path.display(),
                        shell::path(&path)
                    );
                }
                bail!(
                    "{} holds no control plane; start one with `cowherd up --data-dir {}`",
                    path.display(),
                    shell::path(&path)
                );
            }
            let by = if self.data_dir.is_some() { "--data-dir" } else { data_dir::VARIABLE };
            return Ok(Named::DataDir { path, by });
        }
        if is_set(KUBECONFIG) || self.names_a_context_of_kubectl() {
            return Ok(self.access.named());
        }
        let found = data_dir::found_kubeconfig().map_err(|error| match kubectl::own() {
            Some(own) => anyhow!("{error}\n  for the cluster that kubectl means: --kubeconfig {}", shell::path(&own)),
            None => error,
        })?;
        Ok(match found.as_deref().and_then(Path::parent) {
            Some(home) => Named::Here(home.to_owned()),
            None => self.access.named(),
        })
    }
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}
