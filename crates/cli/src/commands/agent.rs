//! `cowherd agent`: the reconcilers alone, on any cluster.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::Args;
use cowherd_controlplane::{Agents, DataDir, PATIENCE, random};
use cowherd_gitops::{Hooks, Receivers};
use cowherd_runtime::leader::{self, Candidate, Ended};
use cowherd_runtime::{Health, Metrics, Probes, Shard, supervise};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};

use crate::bootstrap::ROOT;
use crate::cluster::{Access, Reached, explain, missing};
use crate::control_plane::interrupted;
use crate::delivering::{Delivering, Kinds};
use crate::notifying::{self, Notifying};
use crate::station::{self, Station};
use crate::tenancy::Tenancy;
use crate::{flux, logs, own_agents, trouble};

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
///   cowherd agent --watch-label-selector 'sharding.fluxcd.io/key=shard1' --metrics-bind-address :8080
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = crate::EXIT_STATUS)]
pub struct Agent {
    #[command(flatten)]
    pub access: Access,
    /// Where mirrors of repositories, artifacts, charts and renders are kept; what is lost there is fetched and rendered again
    #[arg(long, value_name = "DIR", default_value = ".cowherd-agent")]
    data_dir: PathBuf,
    /// Bring the definitions of Flux's resources that are supported to the cluster, or those that are there up to date, and the
    /// namespace of the Lease
    #[arg(long)]
    install_crds: bool,
    /// Go on although Flux's controllers run in the cluster, since they have other shards
    #[arg(long)]
    beside_flux: bool,
    /// What `cowherd bootstrap` has written to the repository is brought from there as a whole, the definitions, the namespace and
    /// the Service of webhooks too, which are left alone otherwise
    #[arg(long)]
    bootstrapped: bool,
    /// The namespace of the Lease by which one of several agents leads
    #[arg(long, value_name = "NAMESPACE", default_value = ROOT)]
    leader_election_namespace: String,
    /// Reconcile only the Kustomizations and sources with these labels; each shard has a leader of its own
    #[arg(long, value_name = "SELECTOR", default_value_t = Shard::default(), hide_default_value = true)]
    watch_label_selector: Shard,
    /// Where /metrics, /healthz and /readyz are served over plain HTTP, such as :8080; 0 for nowhere
    #[arg(long, value_name = "ADDRESS", default_value = "0")]
    metrics_bind_address: String,
    /// How lines of the log are written to standard error; the data directory has them besides
    #[arg(long, value_name = "ENCODING", value_enum, default_value_t)]
    log_encoding: logs::Encoding,
    #[command(flatten)]
    delivering: Delivering,
    #[command(flatten)]
    notifying: Notifying,
    #[command(flatten)]
    tenancy: Tenancy,
}

impl Agent {
    /// The account for who names none; empty for the agents' own.
    pub fn default_service_account(&self) -> &str {
        self.tenancy.default_service_account().unwrap_or_default()
    }

    /// What it may fetch.
    ///
    /// # Errors
    /// When a flag says what cannot be.
    pub fn access(&self) -> Result<cowherd_source::Access> {
        Ok(self.tenancy.policy(None)?.access)
    }

    pub async fn run(self) -> crate::Outcome {
        station::check(&self.data_dir)?;
        let data_dir = DataDir::prepare(&self.data_dir)?;
        logs::start("info", self.log_encoding, data_dir.path());
        let (health, metrics) = (Health::default(), Metrics::default());
        let Reached { client, host, address } = self.access.reach().await?;
        let client = metrics.counting(client, &host);
        if !self.beside_flux {
            refuse_flux(&client).await?;
        }
        let probes = Probes { metrics: metrics.clone(), health: health.clone(), patience: PATIENCE };
        self.serve(probes).await?;
        let webhooks = self.notifying.listen().await?;
        if self.install_crds {
            own_agents::refuse(&client).await?;
            cowherd_gitops::install(client.clone()).await?;
        } else {
            expect_definitions(&client).await?;
            own_agents::refuse(&client).await?;
        }
        self.expect_namespace(&client).await?;
        self.check_kinds(&client).await?;
        Station { server: address }.write(data_dir.path())?;
        let Agents { mirrors, config } = Agents::in_dir(&data_dir)?;
        let mut config = self.delivering.apply(cowherd_gitops::Config {
            policy: Arc::new(self.tenancy.policy(None)?),
            shard: self.watch_label_selector.clone(),
            health: health.clone(),
            metrics: metrics.clone(),
            ..config
        });
        config = self.notifying.apply(config);
        if !self.beside_flux {
            config.reserved.extend(flux::controllers());
        }
        if !self.beside_flux && !self.bootstrapped {
            config.reserved.extend(flux::reserved(&self.leader_election_namespace));
        }
        if let Some((listener, address)) = webhooks {
            // Whoever waits for the Lease takes them as well: they only ask, and who leads does what is asked for.
            let denies = config.policy.no_cross_namespace_refs;
            let receivers = Receivers::follow(&client, &Shard::default(), &health, &metrics);
            let (hooks, listener) = (Hooks::new(client.clone(), &receivers, denies), Arc::new(listener));
            config.receivers = Some(receivers);
            keep("webhooks", &health, &metrics, move || hooks.clone().serve(listener.clone()));
            tracing::info!(%address, "takes webhooks");
        }
        if self.tenancy.no_remote_bases() {
            config.elsewhere = Arc::new(config.elsewhere.for_sources_alone());
        }
        let lease = self.watch_label_selector.name(LEASE);
        let candidate = Candidate::new(self.leader_election_namespace, &lease, identity()?);
        let told = health.clone();
        keep("trouble", &health, &metrics, move || {
            trouble::watch(told.clone(), |trouble| tracing::warn!("{}", trouble.text))
        });
        let start = || cowherd_gitops::run(client.clone(), mirrors.clone(), config.clone(), std::future::pending());
        let work = || supervise("agents", &health, &metrics, start);
        match leader::lead(&candidate, client.clone(), &health, &metrics, work, interrupted()).await {
            Ended::Released => Ok(ExitCode::SUCCESS),
            Ended::Lost => bail!(
                "the Lease {}/{lease} could not be renewed in time, so another agent may lead by now; start again to wait for it",
                candidate.namespace
            ),
        }
    }

    /// Refuses a cluster without the namespace of the Lease, or makes it where all is to be brought: without it no agent leads.
    async fn expect_namespace(&self, client: &Client) -> Result<()> {
        let (namespaces, name) = (Api::<Namespace>::all(client.clone()), &self.leader_election_namespace);
        match namespaces.get_metadata_opt(name).await {
            Ok(None) => {}
            // Who may not look may have the Lease all the same.
            Ok(Some(_)) => return Ok(()),
            Err(kube::Error::Api(status)) if status.is_forbidden() => return Ok(()),
            Err(error) => return Err(explain(error)),
        }
        if !self.install_crds {
            return Err(missing(format!(
                "the cluster has no namespace {name}, in which agents agree on who leads; bring it with `cowherd \
                 install`, start once with --install-crds, or name another one with \
                 --leader-election-namespace"
            )));
        }
        let namespace = Namespace {
            metadata: ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() },
            ..Namespace::default()
        };
        match namespaces.create(&PostParams::default(), &namespace).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
            made => made.map(drop).map_err(explain),
        }
    }

    /// Refuses kinds that are mistyped, and tells of those that nobody knows yet.
    async fn check_kinds(&self, client: &Client) -> Result<()> {
        let assumptions = self.delivering.assumptions();
        let mut kinds = Kinds::built_in();
        if !kinds.have_all(assumptions) {
            kinds.take_served(client).await?;
        }
        kinds.check(assumptions)?.iter().for_each(|doubt| tracing::warn!("{doubt}"));
        Ok(())
    }

    /// Listens, and answers whoever asks from here on.
    async fn serve(&self, probes: Probes) -> Result<()> {
        let listener = notifying::listen(&self.metrics_bind_address, "metrics", "--metrics-bind-address").await?;
        let Some((listener, address)) = listener else { return Ok(()) };
        tracing::info!(%address, "serves /metrics, /healthz and /readyz");
        let (health, metrics, listener) = (probes.health.clone(), probes.metrics.clone(), Arc::new(listener));
        keep("probes", &health, &metrics, move || probes.clone().serve(listener.clone()));
        Ok(())
    }
}

/// Runs something for as long as the program does, and starts it again whenever it ends or panics.
fn keep<F: Future<Output = ()> + Send + 'static>(
    name: &'static str,
    health: &Health,
    metrics: &Metrics,
    start: impl Fn() -> F + Send + Sync + 'static,
) {
    let (health, metrics) = (health.clone(), metrics.clone());
    tokio::spawn(async move { supervise(name, &health, &metrics, start).await });
}

/// Who this agent is among others: the machine, and what no other process has.
fn identity() -> Result<String> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let unique = random()?.iter().take(8).fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    Ok(format!("{}_{unique}", host.trim()))
}

/// Refuses a cluster in which Flux runs. Who may not see Deployments sees none.
async fn refuse_flux(client: &Client) -> Result<()> {
    match flux::running(client).await {
        Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(()),
        running => flux::refuse(&running.map_err(explain)?),
    }
}

/// Refuses a cluster that does not serve what the agents reconcile.
async fn expect_definitions(client: &Client) -> Result<()> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let mut absent = Vec::new();
    for name in cowherd_api::crd_names() {
        if definitions.get_metadata_opt(name).await.map_err(explain)?.is_none() {
            absent.push(name);
        }
    }
    if !absent.is_empty() {
        return Err(missing(format!(
            "the cluster has no {}; bring them with `cowherd install`, or start once with --install-crds",
            absent.join(" and no ")
        )));
    }
    Ok(())
}
