//! Where a data directory is, and whose control plane lies in it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use cowherd_controlplane::DataDir;
use cowherd_source::local;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};

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

/// Where a data directory keeps its kubeconfig.
pub fn kubeconfig_path(data_dir: &Path) -> PathBuf {
    data_dir.join("kubeconfig")
}

/// A control plane as a kubeconfig names it.
pub struct Plane {
    /// Where its API is, for people.
    pub address: String,
    /// The certificates that its own are signed by. No other control plane has the same.
    authority: Option<Vec<Vec<u8>>>,
}

impl Plane {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            address: config.cluster_url.to_string().trim_end_matches('/').to_owned(),
            authority: config.root_cert.clone(),
        }
    }

    /// Whether it is the one of a data directory, under whatever address and name it is reached.
    pub async fn is_of(&self, data_dir: &Path) -> bool {
        let Ok(kubeconfig) = Kubeconfig::read_from(kubeconfig_path(data_dir)) else { return false };
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        self.authority.is_some() && config.is_ok_and(|config| config.root_cert == self.authority)
    }
}
