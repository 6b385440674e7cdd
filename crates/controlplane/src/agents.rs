//! The agents of a control plane.

use cowherd_source::Mirrors;

use crate::{DataDir, DataDirError};

/// What agents work with beside the cluster.
#[derive(Clone)]
pub struct Agents {
    /// Repositories as they were fetched.
    pub mirrors: Mirrors,
    /// How they work. Budgets, health and metrics are those of the control plane, whatever is said here.
    pub config: cowherd_gitops::Config,
}

impl Agents {
    /// Agents that keep what they fetch and render in the data directory, and find there what manifests name elsewhere.
    pub fn in_dir(data_dir: &DataDir) -> Result<Self, DataDirError> {
        let mirrors = data_dir.mirrors()?;
        let config = cowherd_gitops::Config {
            elsewhere: data_dir.elsewhere(&mirrors)?,
            artifacts: Some(data_dir.artifacts()?),
            kept: Some(data_dir.renders()?),
            seed: data_dir.seed()?,
            ..Default::default()
        };
        Ok(Self { mirrors, config })
    }
}
