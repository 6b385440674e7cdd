//! The kubeconfigs that kubectl would take, read as it reads them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use kube::config::{Kubeconfig, KubeconfigError};

use super::KUBECONFIG;

/// The files that `KUBECONFIG` names.
pub fn files() -> Vec<PathBuf> {
    let named = std::env::var_os(KUBECONFIG).unwrap_or_default();
    std::env::split_paths(&named).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// The one that kubectl takes where nothing names another, if it is there.
pub fn own() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".kube/config")).filter(|path| path.exists())
}

/// A kubeconfig; where it cannot be read, the error says no more than why.
pub fn read(file: &Path) -> Result<Kubeconfig> {
    Kubeconfig::read_from(file).map_err(|error| match error {
        KubeconfigError::ReadConfig(cause, _) => cause.into(),
        other => other.into(),
    })
}

/// All that `KUBECONFIG` names, as one: what stands first counts. As with kubectl, one that is missing is no obstacle while
/// there are others.
///
/// # Errors
/// When none of them is there, or one cannot be read.
pub fn named() -> Result<Kubeconfig> {
    let files = files();
    let there: Vec<&PathBuf> = files.iter().filter(|file| file.exists()).collect();
    if there.is_empty() {
        let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        bail!("{} names {}, which is not there", KUBECONFIG, files.join(" and "));
    }
    there.into_iter().try_fold(Kubeconfig::default(), |all, file| {
        let one = read(file).with_context(|| format!("cannot read {}, which {KUBECONFIG} names", file.display()))?;
        all.merge(one)
            .with_context(|| format!("cannot take {} together with the others that {KUBECONFIG} names", file.display()))
    })
}
