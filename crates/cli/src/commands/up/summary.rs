//! What `cowherd up` says once everything has settled.

use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;

use super::Convergence;
use crate::commands::server::absolute;
use crate::control_plane::ControlPlane;
use crate::terminal::Mark;

/// Prints how it went, how long it took, and what to try next.
pub async fn print(control_plane: &ControlPlane, convergence: &Convergence, elapsed: Duration) -> Result<()> {
    eprintln!();
    for (name, message) in &convergence.failed {
        eprintln!("{} {name} is not ready: {message}", Mark::Failure);
    }
    let total = convergence.ready + convergence.failed.len();
    let mark = if convergence.is_ready() { Mark::Success } else { Mark::Failure };
    eprintln!("{mark} {} of {total} Kustomizations are ready after {:.1} s", convergence.ready, elapsed.as_secs_f64());
    let waiting = pods_without_a_node(control_plane).await?;
    if waiting > 0 {
        let (pods, wait) = if waiting == 1 { ("Pod", "waits") } else { ("Pods", "wait") };
        eprintln!("  {waiting} {pods} {wait} for a node: this control plane has none yet");
    }
    let kubeconfig = absolute(&control_plane.kubeconfig);
    eprintln!("\n  The kubeconfig is {}. Try:\n", kubeconfig.display());
    eprintln!("    export KUBECONFIG={}", kubeconfig.display());
    eprintln!("    kubectl get deployments -A");
    eprintln!("    cowherd get");
    eprintln!("    cowherd tree flux-system\n");
    Ok(())
}

async fn pods_without_a_node(control_plane: &ControlPlane) -> Result<usize> {
    let pods: Api<Pod> = Api::all(control_plane.client.clone());
    let unassigned = ListParams::default().fields("spec.nodeName=");
    Ok(pods.list_metadata(&unassigned).await?.items.len())
}
