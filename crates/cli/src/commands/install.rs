//! `cowherd install`: brings what the agents need to a cluster, and the agents too.

pub(super) mod documents;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use cowherd_apply::mask::Mask;
use cowherd_apply::{
    Action, Applier, ApplyError, Expectation, Manifest, ManifestError, Options, Ownership, Versioned, compare, order,
};
use cowherd_runtime::Shard;
use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, Client};
use serde_json::{Value, json};

use super::reconcile::parse_duration;
use crate::bootstrap::{MANAGER, ROOT};
use crate::cluster::{Access, explain};
use crate::output::{self, Format};
use crate::terminal::{Mark, tell};
use crate::{flux, own_agents};
use documents::{InCluster, LOCK_DOWN, Rights, documents};

/// The Deployment of the agents.
const AGENTS: &str = "cowherd-agent";
/// The flag of theirs by which nobody's account is one.
const ACCOUNT: &str = "--default-service-account=";

/// Bring cowherd to a cluster that you have
///
/// Definitions, the namespace flux-system and the rights of the agents; with --image also the
/// agents themselves, as a Deployment that follows what is in the cluster. Again, it brings what
/// is there up to date. Agents are locked down for many tenants as Flux's documentation says:
/// Kustomizations and HelmReleases that name no account act for `default` of their namespace, the
/// platform's own name `kustomize-controller`.
///
/// Examples:
///   cowherd install --image registry.example.com/cowherd:1.0
///   cowherd install --image registry.example.com/cowherd:1.0 --export > cowherd.yaml
///   cowherd install                                            # then `cowherd agent`, wherever
///   cowherd install --image IMAGE -- --max-storage=8Gi         # more flags for the agents
#[derive(Args)]
#[command(verbatim_doc_comment, after_help = crate::EXIT_STATUS)]
pub struct Install {
    #[command(flatten)]
    pub access: Access,
    /// The image with this program that the cluster's nodes can fetch; without one no agent is brought
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// The Secret in flux-system with which nodes fetch the image
    #[arg(long, value_name = "NAME", requires = "image")]
    image_pull_secret: Option<String>,
    /// How many agents there are; one works, and the others wait for it
    #[arg(long, value_name = "COUNT", default_value_t = 1, requires = "image")]
    replicas: u16,
    /// Reconcile only the Kustomizations and sources with these labels
    #[arg(long, value_name = "SELECTOR", default_value_t = Shard::default(), hide_default_value = true, requires = "image")]
    watch_label_selector: Shard,
    /// Let Kustomizations and HelmReleases that name no account apply everything, and references cross namespaces, as with Flux
    /// where nobody has locked it down [default: as the agents are that the cluster has; false where it has none]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_lock_down: Option<bool>,
    /// Go on although Flux's controllers run in the cluster, since they have other shards
    #[arg(long)]
    beside_flux: bool,
    /// Print what would be applied, for kubectl or Git, and ask no cluster
    #[arg(long)]
    export: bool,
    /// How long the cluster may take to serve the definitions, and to run the agents
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    timeout: Duration,
    /// Print what was done to each object, or what would be applied, for programs
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    /// Flags of `cowherd agent` for the agents, after `--`
    #[arg(last = true, value_name = "FLAGS", requires = "image")]
    agent_flags: Vec<String>,
}

/// An object, and what was done to it.
pub(super) struct Done {
    manifest: Manifest,
    action: Action,
}

impl Install {
    pub async fn run(self) -> crate::Outcome {
        if self.export {
            return export(&self.documents(self.no_lock_down.unwrap_or_default())?, self.output);
        }
        if let Some(image) = &self.image {
            check_image(image)?;
        }
        let client = self.access.reach().await?.client;
        if !self.beside_flux {
            flux::refuse(&flux::running(&client).await.map_err(explain)?)?;
        }
        own_agents::refuse(&client).await?;
        let is_open = match self.no_lock_down {
            Some(is_open) => is_open,
            None => is_open(&client).await?,
        };
        if is_open && self.no_lock_down.is_none() {
            tell!(
                "{} the agents there are not locked down and stay so; --no-lock-down=false locks them down",
                Mark::Waiting
            );
        }
        let done = bring(client, self.documents(is_open)?, self.timeout).await?;
        if let Some(format) = self.output {
            let objects = done
                .iter()
                .map(|one| json!({ "object": one.manifest.id().to_string(), "action": one.action.to_string() }));
            output::print_structured(&json!({ "objects": objects.collect::<Vec<_>>() }), format)?;
        }
        self.tell_what_follows();
        Ok(ExitCode::SUCCESS)
    }

    /// What is said to who has no cluster, unless a flag says which is meant.
    pub fn without_a_cluster(&self) -> Option<&'static str> {
        let is_named = self.access.kubeconfig.is_some() || self.access.context.is_some();
        (!is_named).then_some("to print what it would bring, without a cluster: cowherd install --export")
    }

    fn documents(&self, is_open: bool) -> Result<Vec<Value>> {
        documents(self.agents(is_open)?.as_ref(), if is_open { Rights::Open } else { Rights::Locked })
    }

    /// The agents that are to run in the cluster.
    fn agents(&self, is_open: bool) -> Result<Option<InCluster>> {
        let Some(image) = self.image.clone() else { return Ok(None) };
        check_image(&image)?;
        let shard = self.watch_label_selector.to_string();
        let mut arguments = self.agent_flags.clone();
        if !shard.is_empty() {
            arguments.push(format!("--watch-label-selector={shard}"));
        }
        let pull_secret = self.image_pull_secret.clone();
        let lock_down = if is_open { Vec::new() } else { LOCK_DOWN.map(str::to_owned).to_vec() };
        Ok(Some(InCluster { image, pull_secret, replicas: self.replicas, lock_down, arguments }))
    }

    fn tell_what_follows(&self) {
        if self.image.is_some() {
            tell!(
                "{} the agents run in flux-system; what they follow is said by a GitRepository and a Kustomization there",
                Mark::Success
            );
        } else {
            tell!(
                "{} the cluster has what agents need; `cowherd agent` is one, and --image brings some into the cluster",
                Mark::Success
            );
        }
    }
}

/// Whether the agents that the cluster has apply everything for who names no account. Where it has none they do not.
pub(super) async fn is_open(client: &Client) -> Result<bool> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), ROOT);
    let Some(there) = deployments.get_opt(AGENTS).await.map_err(explain)? else { return Ok(false) };
    let pod = there.spec.and_then(|spec| spec.template.spec);
    let mut arguments = pod.into_iter().flat_map(|pod| pod.containers).flat_map(|one| one.args.unwrap_or_default());
    Ok(!arguments.any(|argument| argument.starts_with(ACCOUNT)))
}

/// Refuses what no node could fetch.
pub(super) fn check_image(image: &str) -> Result<()> {
    if image.is_empty() || image.contains(char::is_whitespace) {
        bail!("{image:?} is no image; name one as nodes do, such as registry.example.com/cowherd:1.0");
    }
    Ok(())
}

/// Applies all of it, what others need first, and waits until the cluster has taken it in.
pub(super) async fn bring(client: Client, documents: Vec<Value>, timeout: Duration) -> Result<Vec<Done>> {
    let ownership = Ownership { field_manager: MANAGER, ..Ownership::default() };
    let (applier, _drift) = Applier::new(client, Options { ownership, ..Options::default() });
    let manifests: Result<Vec<_>, ManifestError> = documents.into_iter().map(Manifest::new).collect();
    let mut manifests = manifests.map_err(|error| told(error.into()))?;
    manifests.sort_by(|a, b| order::compare(a.id(), b.id()));
    let mut done = Vec::new();
    for manifest in manifests {
        let action = put(&applier, &manifest).await?;
        tell!("{} {} {action}", Mark::Success, manifest.id());
        done.push(Done { manifest, action });
    }
    tell!("{} waiting until the cluster has taken it in", Mark::Waiting);
    let objects = done.iter().map(|one| one.manifest.versioned()).filter(|object| takes_time(object));
    let expected: Vec<_> = objects.cloned().map(Expectation::healthy).collect();
    let waited = applier.wait(&expected, timeout, std::future::pending()).await;
    waited.map_err(told).context(
        "it was applied, but is not all there; `kubectl describe deployment,pod --namespace flux-system` says more of the \
         agents",
    )?;
    Ok(done)
}

/// Whether the cluster has something to do once it has the object.
fn takes_time(object: &Versioned) -> bool {
    ["CustomResourceDefinition", "Deployment"].contains(&object.id.kind.as_str())
}

/// What people are told. No Secret is among what is brought.
pub(super) fn told(error: ApplyError) -> anyhow::Error {
    anyhow!(error.told(&Mask::default()))
}

/// Applies one object. One of which only who describes its fields has changed is as it was.
async fn put(applier: &Applier, manifest: &Manifest) -> Result<Action> {
    let before = applier.look(manifest.versioned(), None).await.map_err(told)?;
    applier.apply_single(manifest, None).await.map_err(told)?;
    let after = applier.look(manifest.versioned(), None).await.map_err(told)?;
    Ok(match before {
        None => Action::Created,
        before if compare(before.as_ref(), after.as_ref()).is_empty() => Action::Unchanged,
        Some(_) => Action::Configured,
    })
}

/// Prints what would be applied.
fn export(documents: &[Value], format: Option<Format>) -> crate::Outcome {
    match format {
        None => print!("{}", cowherd_yaml::write_documents(documents)),
        Some(format) => output::print_structured(&output::list(documents.to_vec()), format)?,
    }
    Ok(ExitCode::SUCCESS)
}
