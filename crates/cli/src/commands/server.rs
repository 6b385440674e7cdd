//! `cowherd server`: the control plane alone.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cluster::DEFAULT_DATA_DIR;
use crate::control_plane::{ControlPlane, DEFAULT_LISTEN, interrupted};
use crate::limits::Limits;
use crate::terminal::{self, Mark};
use crate::trouble;

/// Run a control plane: the Kubernetes API and its controllers, without a repository
///
/// Example:
///   cowherd server --data-dir /var/lib/cowherd --listen 0.0.0.0:6443
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Server {
    /// Where the state is kept
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    data_dir: PathBuf,
    /// Where the API listens; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = DEFAULT_LISTEN)]
    listen: String,
    #[command(flatten)]
    limits: Limits,
}

impl Server {
    pub async fn run(self) -> crate::Outcome {
        terminal::log_to_stderr("info");
        let control_plane = ControlPlane::start(&self.data_dir, &self.listen, self.limits.config()).await?;
        eprintln!("{} the Kubernetes API listens on https://{}", Mark::Success, control_plane.address);
        eprintln!("  export KUBECONFIG={}", absolute(&control_plane.kubeconfig).display());
        let trouble = trouble::watch(control_plane.health.clone(), |trouble| tracing::warn!("{trouble}"));
        tokio::select! {
            () = trouble => {}
            () = interrupted() => {}
        }
        eprintln!("{} stopping", Mark::Action);
        control_plane.stop().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// A path that holds wherever the reader stands.
pub fn absolute(path: &std::path::Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
