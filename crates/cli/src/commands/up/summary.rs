//! What `cowherd up` says once everything has settled.

use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;

use super::Convergence;
use crate::commands::server::absolute;
use crate::control_plane::Running;
use crate::terminal::Mark;

/// How long the controllers may take to make the Pods that the summary counts.
const SETTLE: Duration = Duration::from_secs(5);

/// Prints how it went, how long it took, and what to try next.
pub async fn print(control_plane: &Running, convergence: &Convergence, elapsed: Duration) -> Result<()> {
    eprintln!();
    for (name, message) in &convergence.failed {
        eprintln!("{} {name} is not ready: {}", Mark::Failure, message.replace('\n', "\n    "));
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
