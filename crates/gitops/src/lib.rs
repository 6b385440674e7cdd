//! Delivery: what Flux's resources say is made of content, and kept as they say.
//!
//! [`run`] watches sources and owners, GitRepositories and Kustomizations say, and keeps the cluster converged on what they
//! say. A [`source`] brings content by a task of its own; one loop ([`schedule`]) decides for which [`owner`] is to be delivered
//! when, and a task per [`delivery`] does it: a [`producer`] makes manifests of the content, which are brought to a [`target`].
//!
//! A new revision concerns an owner only if something that its last render read is different in it. The others are neither
//! rendered nor applied: their status follows once those that changed are done.

mod artifact_generator;
mod budgets;
mod clients;
mod conditions;
mod counters;
mod delivery;
mod events;
mod fetches;
mod flux_instance;
mod flux_report;
mod foresight;
mod helm_release;
mod hidden;
mod hosts;
mod image;
mod input_provider;
mod install;
mod kustomization;
mod metrics;
mod name;
mod occasion;
mod owner;
mod policy;
mod producer;
mod progress;
mod remotes;
mod resource_set;
mod schedule;
#[cfg(test)]
mod second_kind_tests;
mod selector;
mod source;
mod status;
mod target;
mod tasks;
mod wanted;

pub use artifact_generator::{Generated, Generator, GeneratorSource};
pub use budgets::{Budgets, Limits};
pub use clients::Clients;
pub use conditions::awaited_dependency;
pub use counters::{Counters, Counts};
pub use cowherd_notify::RATE_LIMIT_INTERVAL;
pub use cowherd_notify::receiver::{Hooks, Receivers, WrongFilter, wrong_filters};
pub use cowherd_notify::wrong_expression;
pub use delivery::{Deed, PreviewError, approval};
pub use fetches::FetchLimits;
pub use foresight::{DefaultAccount, Foresight, Means, Preview, Subject};
pub use helm_release::{ReleasePlan, Released};
pub use hosts::Host;
pub use install::{InstallError, install};
pub use kustomization::{DecryptionKeys, Made, OfflineProblem, Plan, Values};
pub use name::NamespacedName;
pub use occasion::{Authorship, Drifted, Occasion, Trigger, short_revision};
pub use owner::{WrongExpression, wrong_expressions};
pub use policy::{Policy, Root};
pub use producer::KeptRenders;
pub use progress::{Named, Phase, Progress};
pub use remotes::{Elsewhere, ElsewhereError, Unrendered};
pub use resource_set::{SetPlan, Unmade};
pub use source::bucket::refusal as bucket_refusal;
pub use source::git::{SourceRefusal, refusal};
pub use source::oci::refusal as artifact_refusal;

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::controlplane::v1::{FluxInstance, ResourceSet};
use cowherd_api::flux::helm::v2::HelmRelease;
use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_api::flux::source::v1::{
    Bucket, ExternalArtifact, GitRepository, HelmChart, HelmRepository, OCIRepository,
};
use cowherd_apply::{Actors, Assumption, ObjectId};
use cowherd_runtime::{Health, Metrics, Shard};
use cowherd_source::{Artifacts, Mirrors};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How the agents work.
#[derive(Clone)]
pub struct Config {
    /// How much may be done at a time, in this control plane and in others of the process.
    pub budgets: Budgets,
    /// Counts what the agents do.
    pub counters: Arc<Counters>,
    /// Who may what.
    pub policy: Arc<Policy>,
    /// Where renders find what is elsewhere: remote bases, charts.
    pub elsewhere: Arc<Elsewhere>,
    /// Where artifacts of registries and what is in buckets are kept; without it no OCIRepository and no Bucket is fetched.
    pub artifacts: Option<Artifacts>,
    /// What random functions of charts follow from. It is to stay the same for as long as the cluster is kept, and
    /// nobody may know it.
    pub seed: Arc<[u8]>,
    /// Where renders are kept, so that a restart costs none; without it every start renders everything.
    pub kept: Option<Arc<KeptRenders>>,
    /// Objects that somebody else keeps as they are: no Kustomization changes them or takes them away.
    pub reserved: HashSet<ObjectId>,
    /// Whether a prune of everything that a Kustomization had, of a Namespace that holds other objects too, or of a
    /// definition with instances waits until it is approved. Without it everything is pruned as Flux does.
    pub prune_protection: bool,
    /// The revision, or the commit, at which each Kustomization may do so once.
    pub approved: Option<String>,
    /// What acts upon the objects of the cluster.
    pub actors: Actors,
    /// What counts as ready as soon as it is applied.
    pub assumptions: Vec<Assumption>,
    /// How long whom an Alert names is not told of the same event again.
    pub rate_limit_interval: Duration,
    /// Which owners and sources are reconciled here. A source of another shard is fetched where an owner of this one names it,
    /// and its status is left to whose it is.
    pub shard: Shard,
    /// The Receivers of the cluster, where somebody takes their webhooks beside the agents; else the agents follow those of their
    /// shard.
    pub receivers: Option<Receivers>,
    /// Is told which of the agents' loops are well.
    pub health: Health,
    /// Where it is counted what they do.
    pub metrics: Metrics,
    /// Is told what the agents do, as it happens.
    pub progress: Option<mpsc::UnboundedSender<Progress>>,
    /// Is told what whoever runs the agents should know of how they are run.
    pub notices: Option<mpsc::UnboundedSender<String>>,
}

impl Default for Config {
    /// Budgets of its own, for one control plane alone; nothing is elsewhere.
    fn default() -> Self {
        Self {
            budgets: Budgets::default(),
            counters: Arc::default(),
            policy: Arc::default(),
            elsewhere: Arc::new(Elsewhere::nothing()),
            artifacts: None,
            seed: Arc::default(),
            kept: None,
            reserved: HashSet::new(),
            prune_protection: true,
            approved: None,
            actors: Actors::default(),
            assumptions: Vec::new(),
            rate_limit_interval: RATE_LIMIT_INTERVAL,
            shard: Shard::default(),
            receivers: None,
            health: Health::default(),
            metrics: Metrics::default(),
            progress: None,
            notices: None,
        }
    }
}

/// The kinds of owners.
pub(crate) static OWNERS: [&owner::OwnerKind; 4] =
    [&kustomization::KIND, &helm_release::KIND, &resource_set::KIND, &flux_instance::KIND];

/// The kinds that the agents act upon, as group and kind.
pub const ACTED_UPON: &[(&str, &str)] = &[
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("fluxcd.controlplane.io", "FluxInstance"),
    ("fluxcd.controlplane.io", "FluxReport"),
    ("fluxcd.controlplane.io", "ResourceSet"),
    ("fluxcd.controlplane.io", "ResourceSetInputProvider"),
    ("source.extensions.fluxcd.io", "ArtifactGenerator"),
    ("source.toolkit.fluxcd.io", "Bucket"),
    ("source.toolkit.fluxcd.io", "ExternalArtifact"),
    ("source.toolkit.fluxcd.io", "GitRepository"),
    ("source.toolkit.fluxcd.io", "HelmChart"),
    ("source.toolkit.fluxcd.io", "HelmRepository"),
    ("source.toolkit.fluxcd.io", "OCIRepository"),
    ("image.toolkit.fluxcd.io", "ImagePolicy"),
    ("image.toolkit.fluxcd.io", "ImageRepository"),
    ("image.toolkit.fluxcd.io", "ImageUpdateAutomation"),
    ("notification.toolkit.fluxcd.io", "Alert"),
    ("notification.toolkit.fluxcd.io", "Provider"),
    ("notification.toolkit.fluxcd.io", "Receiver"),
];

/// Runs the agents until `shutdown` completes, or one of their loops ends, which is a bug: then whoever supervises them starts
/// them all again. The definitions of their resources must be served by then ([`install`]).
///
/// The agents can be stopped, or killed, at any moment: what was begun is taken up again at the next start.
pub async fn run(clients: impl Into<Clients>, mirrors: Mirrors, config: Config, shutdown: impl Future<Output = ()>) {
    let clients = clients.into();
    let (signals, inbox) = mpsc::unbounded_channel();
    let (notifications, told) = cowherd_notify::notifications();
    let recorders = |client| events::Recorders::new(client, &config.health, &config.metrics).and_to(&notifications);
    let recorder = recorders(clients.delivery.clone());
    let fetches = config.budgets.fetches.with_storage(config.policy.storage);
    let shelf = source::Shelf::default();
    let tell: source::Tell = {
        let (signals, shelf) = (signals.clone(), shelf.clone());
        Arc::new(move |news| {
            shelf.put(&news);
            drop(signals.send(schedule::Signal::Source(news)));
        })
    };
    let context = delivery::Context::new(clients.of_appliers(), recorder, fetches.clone(), &config, signals.clone());
    OWNERS.iter().for_each(|kind| context.measures.begin(kind.kind));
    let shared = source::Shared {
        recorder: recorders(clients.sources.clone()),
        client: clients.sources,
        mirrors,
        tell,
        fetches,
        shelf,
        tokens: Default::default(),
        generators: artifact_generator::Generators::default(),
        nudges: Default::default(),
        wanted: context.wanted.clone(),
        hidden: Default::default(),
        resources: config.metrics.resources(),
        config: Arc::new(config.clone()),
    };
    let policy = config.policy.clone();
    let telling = cowherd_notify::Config {
        client: clients.notifying.clone(),
        access: Arc::new(move |namespace| policy.of_tenant(namespace)),
        no_cross_namespace_refs: config.policy.no_cross_namespace_refs,
        rate_limit_interval: config.rate_limit_interval,
        sends: config.budgets.sends.clone(),
        shard: config.shard.clone(),
        health: config.health.clone(),
        metrics: config.metrics.clone(),
    };
    let Config { health, metrics, shard, receivers, .. } = config;
    let mut tasks = JoinSet::new();
    tasks.spawn(cowherd_notify::run(telling, told));
    let (client, told) = (clients.notifying, (health.clone(), metrics.clone()));
    let receivers = receivers.unwrap_or_else(|| Receivers::follow(&client, &shard, &told.0, &told.1));
    tasks.spawn(cowherd_notify::receiver::reconcile(client, receivers, shard.clone(), told.0, told.1));
    tasks.spawn(source::run::<GitRepository>(shared.clone()));
    tasks.spawn(source::run::<OCIRepository>(shared.clone()));
    tasks.spawn(source::run::<Bucket>(shared.clone()));
    tasks.spawn(source::run::<HelmRepository>(shared.clone()));
    tasks.spawn(source::run::<HelmChart>(shared.clone()));
    tasks.spawn(source::run::<ExternalArtifact>(shared.clone()));
    tasks.spawn(artifact_generator::run(shared.clone()));
    tasks.spawn(image::run(shared.clone()));
    let providers = resource_set::Providers::default();
    tasks.spawn(input_provider::run(shared.clone(), providers.clone()));
    tasks.spawn(resource_set::follow_inputs(shared.clone(), providers));
    tasks.spawn(flux_instance::run(shared, clients.delivery.clone()));
    let client = clients.delivery;
    let watch = (client.clone(), shard.clone(), health.clone(), metrics.clone(), signals.clone());
    tasks.spawn(schedule::watch::owners::<HelmRelease>(watch.0, watch.1, watch.2, watch.3, watch.4));
    let watch = (client.clone(), shard.clone(), health.clone(), metrics.clone(), signals.clone());
    tasks.spawn(schedule::watch::owners::<FluxInstance>(watch.0, watch.1, watch.2, watch.3, watch.4));
    let watch = (client.clone(), shard.clone(), health.clone(), metrics.clone(), signals.clone());
    tasks.spawn(schedule::watch::owners::<ResourceSet>(watch.0, watch.1, watch.2, watch.3, watch.4));
    tasks.spawn(schedule::watch::owners::<Kustomization>(client, shard, health, metrics, signals));
    tasks.spawn(schedule::Schedule::new(context, &OWNERS).run(inbox));
    tokio::select! {
        () = shutdown => {}
        ended = tasks.join_next() => match ended {
            Some(Err(error)) => {
                tracing::error!(error = cowherd_runtime::broken_off(error), "a loop of the agents panicked");
            }
            Some(Ok(())) | None => tracing::error!("a loop of the agents ended"),
        },
    }
}
