//! Where a data directory is, and whose control plane lies in it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use cowherd_controlplane::DataDir;
use cowherd_source::local;
use cowherd_text::shell;
use cowherd_tree::TreePath;
use kube::Config;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};

/// What a data directory is called unless said otherwise.
const DATA_DIR: &str = ".cowherd";
/// The variable that names one.
pub const VARIABLE: &str = "COWHERD_DATA_DIR";

/// The data directory that the environment names. An empty name is none.
pub fn set_data_dir() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).filter(|named| !named.is_empty()).map(PathBuf::from)
}

/// Where a data directory is unless said otherwise: the nearest that is there, from the directory that one stands in up to the
/// top of its repository; else, at the top; outside of a repository, here. As seen from here, where it is here.
///
/// # Errors
/// When what is there may have come with the repository: with it would come commands that a kubeconfig runs.
pub fn default_data_dir() -> Result<PathBuf> {
    let (found, is_committed) = find_data_dir();
    let (shown, word) = (found.display(), shell::path(&found));
    if found.is_symlink() {
        bail!(
            "{shown} is not used: it is a symbolic link, which may have come with a repository, and what it leads to with it. If \
             it is yours, name it: --data-dir {word}"
        );
    }
    if DataDir::is_foreign(&found) {
        bail!(
            "{shown} is not used: others than you may have written it, or could read it, as what comes with a repository. \
             If it is yours, name it: --data-dir {word}; `cowherd up` closes it to others then"
        );
    }
    if is_committed {
        bail!(
            "{shown} is not used: it is in the commit that is checked out, so that others than you may have written it. If it \
             is yours, take it out of the repository, for it holds keys (`git rm -r --cached {word}`, and commit), or name \
             it: --data-dir {word}"
        );
    }
    Ok(found)
}

/// Where it is, and whether the commit that is checked out has something there.
fn find_data_dir() -> (PathBuf, bool) {
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    let elsewhere = || (PathBuf::from(DATA_DIR), false);
    let Ok(repository) = local::discover(&here) else { return elsewhere() };
    // A bare repository, or one whose files are elsewhere, is none that one stands in.
    let top = repository.root().canonicalize().ok().filter(|top| here.starts_with(top));
    let Some(top) = top else { return elsewhere() };
    let above = here.ancestors().take_while(|directory| directory.starts_with(&top));
    let holds = |directory: &&Path| DataDir::is_one(&directory.join(DATA_DIR));
    let home = above.into_iter().find(holds).unwrap_or(&top);
    let is_committed = home.strip_prefix(&top).is_ok_and(|path| is_committed(&repository, &path.join(DATA_DIR)));
    (if home == here { PathBuf::from(DATA_DIR) } else { home.join(DATA_DIR) }, is_committed)
}

/// Whether the commit that is checked out has something at a path, whatever it is: a link is not followed, for where it leads on disk
/// a commit may have nothing, and case makes no difference, as to some disks. What cannot be read of it counts as something.
fn is_committed(repository: &local::Repository, path: &Path) -> bool {
    let Some(Ok(path)) = path.to_str().map(TreePath::parse) else { return true };
    // What cannot be read may have it.
    repository.has_committed(&path).unwrap_or(true)
}

/// The kubeconfig of the data directory that nobody named, if it has one.
///
/// # Errors
/// When it runs a command to log in, or reads a file for it: no kubeconfig of a data directory does, and it may have come with
/// what one stands in.
pub fn found_kubeconfig() -> Result<Option<PathBuf>> {
    let path = kubeconfig_path(&default_data_dir()?);
    if !path.exists() {
        return Ok(None);
    }
    // What cannot be read is told by whoever uses it.
    let users = Kubeconfig::read_from(&path).map(|kubeconfig| kubeconfig.auth_infos).unwrap_or_default();
    let reaches_out =
        |user: &AuthInfo| user.exec.is_some() || user.auth_provider.is_some() || user.token_file.is_some();
    if users.iter().filter_map(|user| user.auth_info.as_ref()).any(reaches_out) {
        let (path, word) = (path.display(), shell::path(&path));
        bail!(
            "{path} is not used: it would run a command or read a file of yours to log in, as no kubeconfig that cowherd \
             writes. If it is yours, name it: --kubeconfig {word}"
        );
    }
    Ok(Some(path))
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
