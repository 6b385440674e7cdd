//! What `cowherd up` says once everything has settled.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use cowherd_text::shell;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;

use super::{Convergence, switching};
use crate::bootstrap::ROOT;
use crate::commands::server::absolute;
use crate::control_plane::Running;
use crate::followed::Followed;
use crate::target::Kind;
use crate::terminal::Mark;
use crate::terminal::text::{paragraph, plain, stderr_columns};

/// How far the further lines of a message are indented.
const INDENT: usize = 4;
/// How long the controllers may take to make the Pods that the summary counts.
const SETTLE: Duration = Duration::from_secs(5);

/// What the words of a summary depend on.
pub struct Summary<'a> {
    /// What ran.
    pub control_plane: &'a Running,
    /// What it followed.
    pub followed: &'a Followed,
    /// Where it keeps its state, as the user wrote it.
    pub data_dir: &'a Path,
    /// Whether it ends with these words, as with `--once`.
    pub ends: bool,
}

impl Summary<'_> {
    /// Prints how it went, how long it took, and what to try next.
    pub async fn print(&self, convergence: &Convergence, elapsed: Duration) -> Result<()> {
        crate::terminal::tell!("");
        for (name, message) in convergence.failed.iter().chain(&convergence.failed_sources) {
            tell(&format!("{} {} is not ready: ", Mark::Failure, plain(name)), message);
        }
        for group in &convergence.waiting {
            tell(&format!("{} ", Mark::Waiting), &group.to_string());
        }
        for (name, message) in &convergence.assumed {
            tell(&format!("{} {}: ", Mark::Action, plain(name)), message);
        }
        let mark = if convergence.is_ready() { Mark::Success } else { Mark::Failure };
        let seconds = elapsed.as_secs_f64();
        let what = if convergence.has_releases { "Kustomizations and HelmReleases" } else { "Kustomizations" };
        let sources = match convergence.failed_sources.len() {
            0 => String::new(),
            1 => ", and 1 source is not,".to_owned(),
            count => format!(", and {count} sources are not,"),
        };
        let (ready, total) = (convergence.ready, convergence.total());
        crate::terminal::tell!("{mark} {ready} of {total} {what} are ready{sources} after {seconds:.1} s");
        let waiting = pods_without_a_node(self.control_plane).await?;
        if waiting > 0 {
            let (pods, wait) = if waiting == 1 { ("Pod", "waits") } else { ("Pods", "wait") };
            crate::terminal::tell!("  {waiting} {pods} {wait} for a node: this control plane has none yet");
        }
        if convergence.is_ready() && self.brought_nothing().await? {
            let followed = self.followed;
            tell(
                &format!("{} ", Mark::Waiting),
                &format!(
                    "there are no manifests in {} of {}, so that nothing was applied: commit some there, or name another path \
                     with --path and --switch",
                    followed.path, followed.url
                ),
            );
        }
        let check = self
            .check()
            .filter(|_| convergence.is_for_what_is_in_git)
            .map(|check| format!("{check}    # what of it is wrong in the repository, in one list"));
        let kubeconfig = absolute(&self.control_plane.kubeconfig);
        let mut commands = Vec::new();
        let lost = self.control_plane.lost_state().filter(|_| self.ends);
        if let Some(lost) = lost {
            crate::terminal::tell!("");
            tell(&format!("{} ", Mark::Failure), &lost);
        } else if self.ends {
            crate::terminal::tell!(
                "\n  The control plane ends here; {} keeps its state. Try:\n",
                self.data_dir.display()
            );
            commands.push(format!("{}    # goes on where it ended", switching::resume(self.data_dir)));
        } else {
            crate::terminal::tell!("\n  The kubeconfig is {}. Try:\n", kubeconfig.display());
            commands.push(format!("export KUBECONFIG={}", shell::path(&kubeconfig)));
            commands
                .extend(["kubectl get deployments -A", "cowherd get", "cowherd tree flux-system"].map(str::to_owned));
        }
        for command in commands.into_iter().chain(check) {
            crate::terminal::tell!("    {command}");
        }
        crate::terminal::tell!("");
        Ok(())
    }

    /// Whether the path that is followed describes nothing.
    async fn brought_nothing(&self) -> Result<bool> {
        let root = Kind::Kustomization.api(&self.control_plane.plane.client(), ROOT).get_opt(ROOT).await?;
        let entries = root.as_ref().and_then(|root| root.data.pointer("/status/inventory/entries")?.as_array());
        Ok(root.is_some() && entries.is_none_or(Vec::is_empty))
    }

    /// The command that looks at what is followed, where that is a directory on this machine: as seen from here.
    fn check(&self) -> Option<String> {
        let root = Path::new(self.followed.url.strip_prefix("file://")?);
        let path = self.followed.path.trim_start_matches("./");
        let here = std::env::current_dir().ok();
        let near = here.and_then(|here| root.strip_prefix(here).map(Path::to_owned).ok());
        let near = near.map(|near| if near.as_os_str().is_empty() { PathBuf::from(".") } else { near });
        let checkout = near.unwrap_or_else(|| root.to_owned());
        // In a directory clusters would be looked for: it is followed as one. A bare repository has no files to look at.
        let path = if path.is_empty() { "./" } else { path };
        root.join(path)
            .is_dir()
            .then(|| format!("cowherd check {} --path {}", shell::path(&checkout), shell::word(path)))
    }
}

/// Prints a message behind its head, indented where it takes several lines.
fn tell(head: &str, message: &str) {
    for line in paragraph(head, &plain(message), INDENT, stderr_columns()) {
        crate::terminal::tell!("{line}");
    }
}

async fn pods_without_a_node(control_plane: &Running) -> Result<usize> {
    // A Kustomization that waits for nothing is Ready before the controllers have made its Pods.
    let patience = tokio::time::timeout(SETTLE, deployments_have_their_pods(control_plane)).await;
    if let Ok(settled) = patience {
        settled?;
    }
    let pods: Api<Pod> = Api::all(control_plane.plane.client());
    let unassigned = ListParams::default().fields("spec.nodeName=");
    Ok(pods.list_metadata(&unassigned).await?.items.len())
}

async fn deployments_have_their_pods(control_plane: &Running) -> Result<()> {
    let deployments: Api<Deployment> = Api::all(control_plane.plane.client());
    loop {
        let found = deployments.list(&ListParams::default()).await?;
        if found.iter().all(has_its_pods) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn has_its_pods(deployment: &Deployment) -> bool {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let status = deployment.status.as_ref();
    status.and_then(|status| status.observed_generation) == deployment.metadata.generation
        && status.and_then(|status| status.replicas).unwrap_or(0) >= wanted
}
