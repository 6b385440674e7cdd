//! `cowherd agent`: the reconcilers alone, on any cluster.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::Args;
use cowherd_controlplane::{Agents, DataDir, random};
use cowherd_gitops::{Elsewhere, Phase, Progress};
use cowherd_runtime::leader::{self, Candidate, Ended};
use cowherd_runtime::{Health, Metrics, supervise};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client};
use tokio::sync::mpsc;

use crate::bootstrap::ROOT;
use crate::cluster::{Access, explain};
use crate::control_plane::interrupted;
use crate::tenancy::Tenancy;
use crate::{terminal, trouble};

/// The Lease that the leading agent holds.
const LEASE: &str = "cowherd-agent";

/// Keep a cluster converged on what its GitRepositories and Kustomizations say
///
/// Runs the reconcilers on the cluster of the current kubeconfig or, in a Pod, of its service
/// account. What they need of a cluster, definitions and rights, is in deploy/ of this program's
/// repository. Of several agents on a cluster one leads and the others wait for its Lease.
///
/// Examples:
///   cowherd agent --kubeconfig ~/.kube/config
///   cowherd agent --install-crds --data-dir /var/lib/cowherd
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Agent {
    #[command(flatten)]
    access: Access,
    /// Where mirrors of repositories, charts and renders are kept; what is lost there is fetched and rendered again
    #[arg(long, value_name = "DIR", default_value = ".cowherd-agent")]
    data_dir: PathBuf,
    /// Bring the definitions of GitRepository and Kustomization to the cluster, or those that are there up to date
    #[arg(long)]
    install_crds: bool,
    /// The namespace of the Lease by which one of several agents leads
    #[arg(long, value_name = "NAMESPACE", default_value = ROOT)]
    leader_election_namespace: String,
    #[command(flatten)]
    tenancy: Tenancy,
}

impl Agent {
    pub async fn run(self) -> crate::Outcome {
        terminal::log_to_stderr("info");
        let client = self.access.client().await?;
        if self.install_crds {
            cowherd_gitops::install(client.clone()).await?;
        } else {
            expect_definitions(&client).await?;
        }
        let Agents { mirrors, config } = Agents::in_dir(&DataDir::prepare(&self.data_dir)?)?;
        let (tell, progress) = mpsc::unbounded_channel();
        let (health, metrics) = (Health::default(), Metrics::default());
        let mut config = cowherd_gitops::Config {
            policy: Arc::new(self.tenancy.policy(None)?),
            progress: Some(tell),
            health: health.clone(),
            metrics: metrics.clone(),
            ..config
        };
        if self.tenancy.no_remote_bases {
            config.elsewhere = Arc::new(Elsewhere::nothing());
        }
        tokio::spawn(report(progress));
        let candidate = Candidate::new(self.leader_election_namespace, LEASE, identity()?);
        tokio::spawn(trouble::watch(health.clone(), |trouble| tracing::warn!("{trouble}")));
        let agents = || cowherd_gitops::run(client.clone(), mirrors.clone(), config.clone(), std::future::pending());
        let work = || supervise("agents", &health, &metrics, agents);
        match leader::lead(&candidate, client.clone(), &health, &metrics, work, interrupted()).await {
            Ended::Released => Ok(ExitCode::SUCCESS),
            Ended::Lost => bail!(
                "the Lease {}/{LEASE} could not be renewed in time, so another agent may lead by now; start again to wait for it",
                candidate.namespace
            ),
        }
    }
}

/// Who this agent is among others: the machine, and what no other process has.
fn identity() -> Result<String> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let unique = random()?.iter().take(8).fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    Ok(format!("{}_{unique}", host.trim()))
}

/// Refuses a cluster that does not serve what the agents reconcile.
async fn expect_definitions(client: &Client) -> Result<()> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let mut missing = Vec::new();
    for name in cowherd_api::crd_names() {
        if definitions.get_metadata_opt(name).await.map_err(explain)?.is_none() {
            missing.push(name);
        }
    }
    if !missing.is_empty() {
        bail!(
            "the cluster has no {}; bring them with `kubectl apply --server-side --kustomize deploy`, or start once with \
             --install-crds",
            missing.join(" and no ")
        );
    }
    Ok(())
}

/// Logs what becomes ready and what fails.
async fn report(mut progress: mpsc::UnboundedReceiver<Progress>) {
    while let Some(Progress { name, revision, phase, applied, changed, pruned, .. }) = progress.recv().await {
        match phase {
            Phase::Ready => tracing::info!(kustomization = %name, revision, applied, changed, pruned, "is ready"),
            Phase::Waiting(why) => tracing::info!(kustomization = %name, revision, why, "waits"),
            _ => {}
        }
    }
}
