//! `cowherd server`: the control plane alone.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use cowherd_text::shell;

use crate::control_plane::{Local, interrupted};
use crate::terminal::Mark;
use crate::trouble;

/// Run a control plane: the Kubernetes API and its controllers, without a repository
///
/// Example:
///   cowherd server --data-dir /var/lib/cowherd --listen 0.0.0.0:6443
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = crate::EXIT_STATUS)]
pub struct Server {
    #[command(flatten)]
    local: Local,
}

impl Server {
    pub async fn run(self) -> crate::Outcome {
        self.local.log("info")?;
        let mut control_plane = self.local.start_alone().await?;
        crate::terminal::tell!("{} the Kubernetes API listens on https://{}", Mark::Success, control_plane.address);
        crate::terminal::tell!("  export KUBECONFIG={}", shell::path(&absolute(&control_plane.kubeconfig)));
        let health = control_plane.plane.health().clone();
        let watch = move || trouble::watch(health.clone(), |trouble| tracing::warn!("{}", trouble.text));
        control_plane.plane.keep_beside("trouble", watch);
        interrupted().await;
        match control_plane.lost_state() {
            Some(lost) => crate::terminal::tell!("{} stopping; {lost}", Mark::Failure),
            None => crate::terminal::tell!("{} stopping", Mark::Action),
        }
        control_plane.plane.stop().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// A path that holds wherever the reader stands.
pub fn absolute(path: &std::path::Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
