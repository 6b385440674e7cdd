//! Which cluster the agent of a data directory works on, written down for whoever takes the directory for that of a control plane.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use cowherd_controlplane::DataDir;
use serde::{Deserialize, Serialize};

use crate::followed::write_whole;

/// The cluster of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Station {
    /// Where its API is.
    pub server: String,
}

impl Station {
    /// The one of the agent whose data directory it is; `None` where it is none of an agent.
    pub fn of(data_dir: &Path) -> Option<Self> {
        // Where a control plane keeps its state, that counts.
        let text = fs::read(file(data_dir)).ok().filter(|_| !DataDir::holds_state(data_dir))?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes it down.
    pub fn write(&self, data_dir: &Path) -> Result<()> {
        if Self::of(data_dir).as_ref() == Some(self) { Ok(()) } else { write_whole(&file(data_dir), self) }
    }
}

/// Refuses a data directory in which a control plane keeps its state.
pub fn check(data_dir: &Path) -> Result<()> {
    if DataDir::holds_state(data_dir) {
        let shown = data_dir.display();
        bail!("{shown} holds a control plane, of `cowherd up` or `server`; name another with --data-dir for the agent");
    }
    Ok(())
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("agent.json")
}
