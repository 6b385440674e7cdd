//! Whose log is meant: that of the control plane that other commands would work on.

use std::path::PathBuf;

use anyhow::{Result, bail};
use cowherd_text::shell;

use super::IN_A_POD;
use crate::cluster::Cluster;
use crate::logs;

/// The data directory whose log is shown.
///
/// # Errors
/// When a kubeconfig names a control plane whose data directory is not here.
pub async fn data_dir(cluster: &Cluster) -> Result<PathBuf> {
    let Some(named_by) = cluster.kubeconfig_named_by() else { return cluster.data_dir() };
    let plane = cluster.plane().await?;
    if let Some(directory) = cluster.data_dir_of_plane().await? {
        return Ok(directory);
    }
    let here = cluster.data_dir().ok().filter(|here| logs::directory(here).exists());
    let other = here.map_or_else(String::new, |here| {
        let (here, word) = (here.display(), shell::path(&here));
        format!("\n  for that of {here}, which is another one: `cowherd logs --data-dir {word}`")
    });
    bail!(
        "{named_by} names the cluster at {}, whose log is not here\n  \
         for a control plane: `cowherd logs --data-dir DIR` on its machine, with its data directory\n  \
         {IN_A_POD}{other}",
        plane.address,
    )
}
