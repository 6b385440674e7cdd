//! The flags of a control plane on this machine, and when it is to end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use cowherd_apiserver::pki::AlternativeName;
use cowherd_apiserver::{ServiceNetwork, Undeletable};
use cowherd_apply::Actors;
use cowherd_controllers::Selection;
use cowherd_controlplane::{Budgets, Config, ControlPlane, DataDir, Listen};

use crate::bootstrap::ROOT;
use crate::cluster::{default_data_dir, set_data_dir};
use crate::followed::Followed;
use crate::limits::Limits;
use crate::logs;
use crate::station::Station;
use crate::terminal::Mark;

/// Where the API listens unless said otherwise.
const DEFAULT_LISTEN: &str = "127.0.0.1:6443";

/// The flags of a control plane on this machine.
#[derive(Args, Clone, Debug)]
pub struct Local {
    /// Where the state is kept; starting again on it resumes [env: COWHERD_DATA_DIR] [default: `.cowherd` here or above, or
    /// at the top of the repository you stand in]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where the API listens; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = DEFAULT_LISTEN)]
    listen: String,
    /// A name or an address that the API is reached by beside those of this machine, such as a load balancer's; may be
    /// repeated
    #[arg(long, value_name = "NAME")]
    tls_san: Vec<AlternativeName>,
    /// The name of the cluster in the kubeconfig [default: what it was before, or `cowherd`]
    #[arg(long, value_name = "NAME", env = "COWHERD_NAME", value_parser = cluster_name)]
    name: Option<String>,
    /// Where the certificate authority of the data directory is lost, make another one; every kubeconfig that was handed out
    /// is refused from then on
    #[arg(long)]
    new_ca: bool,
    /// The network that Services have their addresses from; it cannot be changed later
    #[arg(long, value_name = "CIDR", default_value_t = ServiceNetwork::default())]
    service_cluster_ip_range: ServiceNetwork,
    /// Which controllers run: names, `*` for all, `-NAME` for one that does not
    #[arg(long, value_name = "NAMES", default_value = "*", hide_default_value = true, allow_hyphen_values = true)]
    controllers: Selection,
    #[command(flatten)]
    limits: Limits,
}

/// A control plane that others reach.
pub struct Running {
    /// The control plane.
    pub plane: ControlPlane,
    /// Where its API listens.
    pub address: SocketAddr,
    /// The kubeconfig that was written for it.
    pub kubeconfig: PathBuf,
}

impl Running {
    /// What is said as the last word where there is nothing to start again on, since the file of the state was taken away meanwhile.
    pub fn lost_state(&self) -> Option<String> {
        let path = self.plane.lost_state()?;
        Some(format!(
            "nothing is left to go on with: {} was removed, moved or replaced while it was in use; move it back if it was moved, else \
             start again on a backup or anew",
            path.display()
        ))
    }

    /// Says that the state of before is gone, or that kubeconfigs which were handed out are of no use any more, if that is so.
    fn tell_what_is_lost(&self) {
        if self.plane.has_lost_its_state() {
            crate::terminal::tell!(
                "{} the state of before was not there, and this is a new cluster: what was only in the old one is gone; if that was not \
                 meant, end this, put {} back from a copy and start again",
                Mark::Waiting,
                DataDir::state_in(self.plane.data_dir().path()).display()
            );
        }
        if self.plane.has_lost_its_authority() {
            crate::terminal::tell!(
                "{} the certificate authority of before was not there, and another one was made: every kubeconfig that was \
                 handed out is refused from now on; the new one is {}",
                Mark::Waiting,
                self.kubeconfig.display()
            );
        }
    }
}

impl Local {
    /// Where the state is kept.
    ///
    /// # Errors
    /// When it cannot be a directory, or may be somebody else's.
    pub fn data_dir(&self) -> Result<PathBuf> {
        let path = self.named_data_dir().map_or_else(default_data_dir, Ok)?;
        let there = path.ancestors().find(|above| above.exists());
        if let Some(file) = there.filter(|there| !there.is_dir()) {
            let (shown, file) = (path.display(), file.display());
            anyhow::bail!("{shown} cannot be the data directory: {file} is a file; name another with --data-dir");
        }
        if let Some(Station { server }) = Station::of(&path) {
            anyhow::bail!(
                "{} cannot be the data directory: it is that of an agent, which works on the cluster at {server}; name another \
                 with --data-dir",
                path.display()
            );
        }
        Ok(path)
    }

    /// Whether nobody said where the state is kept.
    pub fn is_default(&self) -> bool {
        self.named_data_dir().is_none()
    }

    fn named_data_dir(&self) -> Option<PathBuf> {
        self.data_dir.clone().or_else(set_data_dir)
    }

    /// Begins to log, to standard error what is of `level` and above, and to the data directory once that is there.
    pub fn log(&self, level: &str) -> Result<()> {
        logs::start(level, logs::Encoding::Console, &self.data_dir()?);
        Ok(())
    }

    /// Starts the control plane of agents that follow a repository. What they need may not be deleted.
    pub async fn start(&self) -> Result<Running> {
        let mut config = self.config()?;
        config.api.undeletable.push(root_namespace());
        self.open(config).await
    }

    /// Starts the control plane alone. What was brought there for agents may be taken away again, unless agents of its own have
    /// worked on it: they will again, and with a definition would go all that they follow.
    pub async fn start_alone(&self) -> Result<Running> {
        if !matches!(Followed::written(&self.data_dir()?, true), Ok(None)) {
            return self.start().await;
        }
        let mut config = self.config()?;
        config.api.undeletable.clear();
        self.open(config).await
    }

    async fn open(&self, config: Config) -> Result<Running> {
        let plane = ControlPlane::open(config, &Budgets::default()).await?;
        match (plane.address(), plane.kubeconfig().map(Path::to_owned)) {
            (Some(address), Some(kubeconfig)) => {
                let running = Running { plane, address, kubeconfig };
                running.tell_what_is_lost();
                Ok(running)
            }
            _ => anyhow::bail!("the API does not listen on {}", self.listen),
        }
    }

    fn config(&self) -> Result<Config> {
        let mut config = Config::new(self.data_dir()?);
        config.listen = Some(Listen {
            address: self.listen.clone(),
            names: self.tls_san.clone(),
            cluster: self.name.clone(),
            new_authority: self.new_ca,
        });
        config.controllers = self.controllers.clone();
        let (undeletable, service_network) = (config.api.undeletable, self.service_cluster_ip_range);
        config.api = cowherd_apiserver::Config { undeletable, service_network, ..self.limits.config() };
        Ok(config)
    }
}

/// What acts upon the objects of a control plane here.
pub fn actors() -> Actors {
    Actors::of(cowherd_controllers::ACTED_UPON.iter().chain(cowherd_gitops::ACTED_UPON))
}

/// A name for the cluster: it stands in kubeconfigs and on command lines.
fn cluster_name(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '/' | ':');
    if (1..=253).contains(&text.len()) && text.chars().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("must be letters, digits and any of -_.@/: (253 at the most)".to_owned())
    }
}

/// With this namespace goes all that describes what is to be there.
fn root_namespace() -> Undeletable {
    Undeletable { group: String::new(), plural: "namespaces".to_owned(), name: ROOT.to_owned() }
}

/// Completes when a person or the system asks the program to end.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => {}
        result = tokio::signal::ctrl_c() => {
            if result.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
