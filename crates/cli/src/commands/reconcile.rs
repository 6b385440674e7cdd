//! `cowherd reconcile`: does now what would be done at the next interval.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use cowherd_api::flux::annotations::{PRUNE_APPROVED, RECONCILE_REQUESTED_AT};
use futures::StreamExt;
use kube::api::{Patch, PatchParams};
use kube::runtime::watcher::watch_object;
use kube::{Api, Client, api::DynamicObject};
use serde_json::json;

use crate::cluster::{Cluster, explain};
use crate::completion;
use crate::failure::misuse;
use crate::output::Format;
use crate::resource::{self, Resource};
use crate::target::{Kind, Target};
use crate::terminal::Mark;
use crate::terminal::text::plain;

/// Reconcile a Kustomization, HelmRelease or source now
///
/// Without a name: all sources of the namespace, then all its Kustomizations and HelmReleases.
///
/// Examples:
///   cowherd reconcile
///   cowherd reconcile kustomization apps --with-source
///   cowherd reconcile source git flux-system
///   cowherd reconcile source oci apps
///   cowherd reconcile kustomization apps --allow-prune
///
/// Ends with 0 when everything that was named is Ready then, with 1 when something is not, with 2 on
/// a wrong command line.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Reconcile {
    /// `[KIND] NAME…`; without a kind: Kustomizations
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(completion::resources))]
    words: Vec<String>,
    /// Fetch the Kustomization's source first
    #[arg(long)]
    with_source: bool,
    /// Let the Kustomizations prune what their conditions say waits for approval: that, and once
    #[arg(long)]
    allow_prune: bool,
    /// How long to wait for each
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse_duration)]
    timeout: Duration,
    /// Print how each is then, for programs
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
    #[command(flatten)]
    pub cluster: Cluster,
}

impl Reconcile {
    pub async fn run(self) -> crate::Outcome {
        let target = self.target()?;
        let client = self.cluster.client().await?;
        let mut reconciled = Vec::new();
        let steps = self.steps(&client, target.as_ref()).await?;
        if self.allow_prune {
            // None is asked for where not all can be approved of.
            let all = steps.iter().flatten().filter(|one| waits_for_approval(one.kind));
            all.map(what_waits).collect::<Result<Vec<_>>>()?;
        }
        for step in steps {
            let mut requests = Vec::new();
            for resource in step {
                requests.push(Request::send(&client, &resource, self.allow_prune).await?);
            }
            for request in requests {
                reconciled.push(request.wait(self.timeout).await?);
            }
        }
        resource::print(&reconciled, self.output)?;
        Ok(if reconciled.iter().all(Resource::is_ready) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// What is named; `None` where nothing is, and all is meant.
    fn target(&self) -> Result<Option<Target>> {
        if self.words.is_empty() {
            if self.allow_prune {
                misuse!("name the Kustomizations that may prune what waits for approval");
            }
            return Ok(None);
        }
        let target = Target::parse(&self.words)?;
        if target.names.is_empty() {
            misuse!("name a {}; without any word, all sources and Kustomizations are reconciled", target.kind.word());
        }
        Ok(Some(target))
    }

    /// What to reconcile, in steps that wait for each other: sources before what is made of them.
    async fn steps(&self, client: &Client, target: Option<&Target>) -> Result<Vec<Vec<Resource>>> {
        let namespace = &self.cluster.namespace;
        let Some(target) = target else {
            let sources = resource::list_all(client, &Kind::SOURCES, Some(namespace), None).await?.concat();
            let owners = resource::list_all(client, &Kind::OWNERS, Some(namespace), None).await?.concat();
            let active =
                |found: Vec<Resource>| found.into_iter().filter(|one| !one.suspended() && one.is_looked_at()).collect();
            return Ok(vec![active(sources), active(owners)]);
        };
        let resources = resource::select(client, target, namespace).await?;
        if let Some(place) = resources.iter().find(|one| !one.is_looked_at()) {
            let what = match place.kind {
                Kind::ExternalArtifact => {
                    "is what somebody makes, who can be asked for it (`cowherd reconcile artifact generator`)"
                }
                Kind::Alert => "only says who is told of which events",
                Kind::Provider => "only says how somebody is told of events",
                _ => "only says where charts are in a registry",
            };
            bail!("{} {what}: there is nothing to reconcile of it", place.id());
        }
        if !self.with_source || target.kind != Kind::Kustomization {
            return Ok(vec![resources]);
        }
        let mut sources: Vec<Resource> = Vec::new();
        for kustomization in &resources {
            let source = source_of(client, kustomization).await?;
            if !sources.iter().any(|known| known.kind == source.kind && known.id() == source.id()) {
                sources.push(source);
            }
        }
        Ok(vec![sources, resources])
    }
}

/// The source that a Kustomization names.
pub async fn source_of(client: &Client, kustomization: &Resource) -> Result<Resource> {
    let kind = kustomization.text("/spec/sourceRef/kind");
    let Some(kind) = Kind::source(kind) else {
        bail!("{} has a source of kind {kind:?}, which is not supported", kustomization.id());
    };
    let namespace = match kustomization.text("/spec/sourceRef/namespace") {
        "" => kustomization.namespace(),
        namespace => namespace.to_owned(),
    };
    resource::get(client, kind, &namespace, kustomization.text("/spec/sourceRef/name")).await
}

/// Whether a prune of one of the kind may wait until somebody approves of it.
fn waits_for_approval(kind: Kind) -> bool {
    matches!(kind, Kind::Kustomization | Kind::FluxInstance)
}

/// The identity of what the resource says waits for approval.
fn what_waits(resource: &Resource) -> Result<&str> {
    let held = resource.condition("PruneProtected").filter(|held| held.status == "True");
    held.and_then(|held| cowherd_gitops::approval(held.message)).with_context(|| {
        format!(
            "nothing of {} {} waits for approval; reconcile it without --allow-prune, and approve of what waits then",
            resource.kind.word(),
            resource.name()
        )
    })
}

/// A request to reconcile, as Flux's annotation makes it.
pub struct Request {
    api: Api<DynamicObject>,
    resource: Resource,
    token: String,
}

impl Request {
    /// Asks for a reconciliation, which may prune what waits for approval if `allow_prune` says so.
    pub async fn send(client: &Client, resource: &Resource, allow_prune: bool) -> Result<Self> {
        if resource.suspended() {
            bail!("{} {} is suspended; take it up with `cowherd resume`", resource.kind.word(), resource.name());
        }
        let token = jiff::Timestamp::now().to_string();
        let api = resource.kind.api(client, &resource.namespace());
        let mut annotations = json!({ RECONCILE_REQUESTED_AT: token });
        if allow_prune && waits_for_approval(resource.kind) {
            annotations[PRUNE_APPROVED] = json!(what_waits(resource)?);
        }
        let patch = Patch::Merge(json!({ "metadata": { "annotations": annotations } }));
        api.patch(&resource.name(), &PatchParams::default(), &patch).await.map_err(explain)?;
        crate::terminal::tell!(
            "{} annotating {} {} in {} namespace",
            Mark::Action,
            resource.kind.word(),
            resource.name(),
            resource.namespace()
        );
        Ok(Self { api, resource: resource.clone(), token })
    }

    /// Waits until the request was handled, and says what is waited for meanwhile; how the resource is then.
    pub async fn wait(self, timeout: Duration) -> Result<Resource> {
        let (kind, name) = (self.resource.kind.word(), self.resource.name());
        crate::terminal::tell!("{} waiting for {kind} {name}", Mark::Waiting);
        let mut latest = None;
        let settled = tokio::time::timeout(timeout, self.follow(&mut latest)).await;
        let Some(resource) = latest else { bail!("{kind} {name} was deleted meanwhile") };
        let ready = resource.ready();
        let message = ready.map_or("no condition", |ready| ready.message);
        let Ok(settled) = settled else {
            let is_known = under_way(&resource).is_some() || resource.handled_request() == self.token;
            let advice = if is_known { "" } else { "; is an agent running?" };
            let message = under_way(&resource).unwrap_or(message);
            bail!("{kind} {name} was not reconciled within {timeout:?}: {message}{advice}");
        };
        settled?;
        let mark = if resource.is_ready() { Mark::Success } else { Mark::Failure };
        crate::terminal::tell!("{mark} {kind} {name}: {}", plain(message));
        Ok(resource)
    }

    /// Watches the resource until the request was handled or it is gone; `latest` is how it was seen last.
    async fn follow(&self, latest: &mut Option<Resource>) -> Result<()> {
        let Resource { kind, .. } = self.resource;
        let name = self.resource.name();
        *latest = Some(self.resource.clone());
        let mut said = String::new();
        let mut seen = watch_object(self.api.clone(), &name).boxed();
        while let Some(object) = seen.next().await {
            let Some(object) = object.with_context(|| format!("cannot watch {} {name}", kind.word()))? else {
                *latest = None;
                return Ok(());
            };
            let resource = latest.insert(Resource { kind, object });
            if settled(resource, &self.token) {
                return Ok(());
            }
            let message = under_way(resource).unwrap_or_default();
            if !message.is_empty() && message != said {
                crate::terminal::tell!("{} {} {name}: {}", Mark::Waiting, kind.word(), plain(message));
                said = message.to_owned();
            }
        }
        bail!("the watch of {} {name} ended", kind.word())
    }
}

/// What is being done for the resource, or waited for, if anything is.
fn under_way(resource: &Resource) -> Option<&str> {
    resource.ready().filter(|ready| ready.status == "Unknown")?;
    resource.condition("Reconciling").map(|reconciling| reconciling.message)
}

/// Whether the request was handled and the outcome is known: how it is, or that it waits for what may never come.
fn settled(resource: &Resource, token: &str) -> bool {
    let ready = resource.ready().filter(|ready| ready.status != "Unknown" || ready.reason == "NoNodes");
    resource.handled_request() == token && ready.is_some()
}

/// Reads a duration as manifests write it: `90s`, `5m`, `1h30m`.
pub fn parse_duration(text: &str) -> Result<Duration, cowherd_api::DurationError> {
    cowherd_api::Duration::new(text).parse()
}
