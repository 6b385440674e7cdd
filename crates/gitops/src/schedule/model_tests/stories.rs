//! Single stories, told to the moment.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_tree::MemoryTree;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::super::{Schedule, Signal, watch};
use super::cluster::Cluster;
use crate::delivery::Context;
use crate::fetches::{FetchLimits, Fetches};
use crate::owner::{OwnerName, Owning};
use crate::source::{Artifact, Latest, News, SourceName, git};
use crate::{Config, Counters, Phase, Policy, Progress, events, kustomization};

/// Longer than a request takes, and shorter than anything that is waited for on purpose.
const MOMENT: Duration = Duration::from_millis(200);

/// A cluster, the agents, and what they tell.
struct World {
    cluster: Cluster,
    context: Arc<Context>,
    counters: Arc<Counters>,
    signals: mpsc::UnboundedSender<Signal>,
    inbox: Option<mpsc::UnboundedReceiver<Signal>>,
    progress: mpsc::UnboundedReceiver<Progress>,
    commits: u32,
    agents: JoinSet<()>,
}

impl World {
    /// Agents that are not at work yet.
    fn new(policy: Policy) -> Self {
        let cluster = Cluster::new(1);
        let client = cluster.client();
        let recorder = events::Recorders::new(client.clone());
        let (signals, inbox) = mpsc::unbounded_channel();
        let (tell, progress) = mpsc::unbounded_channel();
        let config = Config { policy: Arc::new(policy), progress: Some(tell), ..Config::default() };
        let context = Context::new(client, recorder, Fetches::new(FetchLimits::default()), &config, signals.clone());
        let (counters, agents) = (config.counters.clone(), JoinSet::new());
        Self { cluster, context, counters, signals, inbox: Some(inbox), progress, commits: 0, agents }
    }

    /// Agents that have looked around.
    async fn at_work(policy: Policy) -> Self {
        let mut world = Self::new(policy);
        let (client, config) = (world.cluster.client(), Config::default());
        let owners =
            watch::owners::<Kustomization>(client, config.shard, config.health, config.metrics, world.signals.clone());
        world.agents.spawn(owners);
        let inbox = world.inbox.take().unwrap();
        world.agents.spawn(Schedule::new(world.context.clone(), &[&kustomization::KIND]).run(inbox));
        sleep(MOMENT).await;
        world
    }

    /// Somebody makes a Kustomization, or changes its spec.
    fn put(&self, name: &str, spec: Value) {
        let mut whole = json!({ "interval": "1h", "prune": true, "path": format!("./{name}"),
            "sourceRef": { "kind": "GitRepository", "name": "fleet" } });
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        self.cluster.put_kustomization(name, |object| object["spec"] = whole);
    }

    /// Somebody asks for a Kustomization.
    fn request(&self, name: &str, word: &str) {
        self.cluster.put_kustomization(name, |object| {
            object["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"] = word.into();
        });
    }

    /// The source brings a commit, in which each Kustomization has one ConfigMap, of its name, with this value.
    fn commit(&mut self, values: &[(&str, &str)]) -> String {
        self.commits += 1;
        let file = |(name, value): &(&str, &str)| {
            let content = json!({ "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": name, "namespace": "apps" }, "data": { "key": value } });
            (format!("{name}/map.yaml"), content.to_string())
        };
        let tree = Arc::new(MemoryTree::new(values.iter().map(file)).unwrap());
        let (revision, digest) = (format!("main@sha1:{}", self.commits), self.commits.to_string());
        let artifact =
            Artifact { revision: revision.clone(), digest, tree: tree.clone(), all: tree, ..Artifact::nothing() };
        let source = SourceName::new(git::KIND, "flux-system", "fleet");
        let _ = self.signals.send(Signal::Source(News { source, latest: Some(Latest::of(artifact)) }));
        revision
    }

    fn object(&self, name: &str) -> Value {
        self.cluster.all("Kustomization").remove(name).unwrap()
    }

    /// What a Kustomization says of whether it is ready: status, reason and message.
    fn said(&self, name: &str) -> Option<(String, String, String)> {
        let object = self.object(name);
        let ready = object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == "Ready")?;
        let field = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
        Some((field("status"), field("reason"), field("message")))
    }

    /// The reason that it says for not being ready, with the message.
    fn trouble(&self, name: &str) -> Option<(String, String)> {
        self.said(name).filter(|(status, ..)| status != "True").map(|(_, reason, message)| (reason, message))
    }

    fn applied(&self, name: &str) -> Option<String> {
        self.object(name)["status"]["lastAppliedRevision"].as_str().map(str::to_owned)
    }

    fn value(&self, name: &str) -> Option<String> {
        self.cluster.all("ConfigMap").get(name)?["data"]["key"].as_str().map(str::to_owned)
    }

    /// What was told of a Kustomization since somebody asked: what is done, and why.
    fn told(&mut self) -> BTreeMap<String, Vec<(Phase, String)>> {
        let mut told = BTreeMap::<_, Vec<_>>::new();
        while let Ok(progress) = self.progress.try_recv() {
            let because = progress.occasion.trigger.to_string();
            told.entry(progress.name.name.clone()).or_default().push((progress.phase, because));
        }
        told
    }

    /// Why a Kustomization was applied since somebody asked, each time.
    fn reasons(&mut self, name: &str) -> Vec<String> {
        let told = self.told().remove(name).unwrap_or_default();
        told.into_iter().filter(|(phase, _)| *phase == Phase::Building).map(|(_, because)| because).collect()
    }
}

fn trouble(reason: &str, message: &str) -> Option<(String, String)> {
    Some((reason.to_owned(), message.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_the_source_is_told_when_it_takes_longer_than_a_second() {
    let mut world = World::at_work(Policy::default()).await;
    world.put("web", json!({}));
    sleep(Duration::from_millis(900)).await;
    assert_eq!(world.said("web"), None);
    sleep(MOMENT).await;
    let told = "Source 'GitRepository/flux-system/fleet' has no artifact yet; it is applied as soon as it has one";
    assert_eq!(world.trouble("web"), trouble("ArtifactFailed", told));
    world.told();
    // It is said once.
    let writes = world.counters.get().status_writes;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(world.counters.get().status_writes, writes);

    let revision = world.commit(&[("web", "1")]);
    sleep(MOMENT).await;
    assert_eq!((world.trouble("web"), world.applied("web")), (None, Some(revision)));
    assert_eq!(world.reasons("web"), ["it failed before"]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_another_owner_is_told_when_it_takes_longer_than_a_second() {
    let mut world = World::at_work(Policy::default()).await;
    world.put("web", json!({ "dependsOn": [{ "name": "db" }] }));
    world.commit(&[("db", "1"), ("web", "1")]);
    sleep(Duration::from_millis(900)).await;
    assert_eq!(world.said("web"), None);
    sleep(MOMENT).await;
    assert_eq!(world.trouble("web"), trouble("DependencyNotReady", "dependency 'flux-system/db' not found"));
    world.told();
    world.put("db", json!({}));
    sleep(MOMENT).await;
    assert_eq!((world.trouble("web"), world.value("web").as_deref()), (None, Some("1")));
    assert_eq!(world.reasons("web"), ["its dependency flux-system/db is ready"]);
    // What waits for a moment only is not told of it.
    world.commit(&[("db", "2"), ("web", "2")]);
    sleep(MOMENT).await;
    assert_eq!((world.value("db").as_deref(), world.value("web").as_deref()), (Some("2"), Some("2")));
    assert_eq!(world.told()["web"].iter().filter(|(phase, _)| matches!(phase, Phase::Waiting(_))).count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_only_a_change_can_help_is_told_at_once_and_to_whoever_asks() {
    let cases = [
        (json!({ "sourceRef": { "kind": "GitRepository", "name": "fleet", "namespace": "other" } }), "AccessDenied"),
        (json!({ "interval": "soon" }), "UnsupportedFeature"),
    ];
    for (spec, reason) in cases {
        let mut world = World::at_work(Policy { no_cross_namespace_refs: true, ..Policy::default() }).await;
        world.commit(&[("web", "1")]);
        world.put("web", spec);
        sleep(MOMENT).await;
        assert_eq!(world.trouble("web").map(|(told, _)| told).as_deref(), Some(reason));
        let writes = world.counters.get().status_writes;
        world.commit(&[("web", "2")]);
        sleep(Duration::from_secs(600)).await;
        assert_eq!(world.counters.get().status_writes, writes, "it is said once");
        world.request("web", "please");
        sleep(MOMENT).await;
        assert_eq!(world.object("web")["status"]["lastHandledReconcileAt"], "please");
        assert_eq!(world.trouble("web").map(|(told, _)| told).as_deref(), Some(reason));

        world.put("web", json!({ "sourceRef": { "kind": "GitRepository", "name": "fleet" } }));
        sleep(MOMENT).await;
        assert_eq!((world.trouble("web"), world.value("web").as_deref()), (None, Some("2")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_does_not_concern_an_owner_is_in_its_status_without_being_applied() {
    let mut world = World::at_work(Policy::default()).await;
    for name in ["web", "db"] {
        world.put(name, json!({}));
    }
    world.commit(&[("db", "1"), ("web", "1")]);
    sleep(MOMENT).await;
    world.told();
    let before = world.counters.get();
    let revision = world.commit(&[("db", "2"), ("web", "1")]);
    sleep(Duration::from_secs(1)).await;
    assert_eq!((world.applied("db"), world.applied("web")), (Some(revision.clone()), Some(revision)));
    let after = world.counters.get();
    assert_eq!((after.applies - before.applies, after.followed - before.followed), (1, 1));
    assert_eq!(world.told().keys().collect::<Vec<_>>(), ["db"]);
}

#[tokio::test(start_paused = true)]
async fn what_agents_find_at_their_start_is_the_start_and_a_revision_that_came_meanwhile_is_a_revision() {
    let mut world = World::new(Policy::default());
    for name in ["web", "db"] {
        world.put(name, json!({}));
    }
    world.cluster.put_kustomization("web", |object| object["status"] = json!({ "lastAppliedRevision": "main@sha1:1" }));
    world.cluster.put_kustomization("db", |object| object["status"] = json!({ "lastAppliedRevision": "main@sha1:0" }));
    world.commit(&[("db", "1"), ("web", "1")]);
    let mut schedule = Schedule::new(world.context.clone(), &[&kustomization::KIND]);
    for name in ["web", "db"] {
        schedule.handle(Signal::Seen(Box::new(read(&world.object(name)))));
    }
    schedule.handle(world.inbox.as_mut().unwrap().try_recv().unwrap());
    assert!(schedule.jobs.is_empty(), "not all are known yet");
    list(&mut schedule, &["web", "db"]);
    assert_eq!(schedule.jobs.len(), 2);
    drop(tokio::spawn(async move { while schedule.jobs.join_next().await.is_some() {} }));
    sleep(MOMENT).await;
    let told = world.told();
    assert_eq!(told["web"][0], (Phase::Building, "the agents have started".to_owned()));
    assert_eq!(told["db"][0], (Phase::Building, "there is a new revision".to_owned()));
}

fn read(object: &Value) -> Kustomization {
    serde_json::from_value(object.clone()).unwrap()
}

fn list(schedule: &mut Schedule, names: &[&str]) {
    let names: HashSet<OwnerName> =
        names.iter().map(|name| OwnerName::new(&kustomization::KIND, "flux-system", *name)).collect();
    schedule.handle(Signal::Listed(&kustomization::KIND, names));
}

/// A schedule that knows of one Kustomization, for which a job is under way.
fn with_a_job(world: &mut World) -> (Schedule, OwnerName) {
    world.put("web", json!({}));
    world.commit(&[("web", "1")]);
    let object = read(&world.object("web"));
    let name = OwnerName::of(&object);
    let mut schedule = Schedule::new(world.context.clone(), &[Kustomization::KIND]);
    schedule.handle(Signal::Seen(Box::new(object)));
    list(&mut schedule, &["web"]);
    schedule.handle(world.inbox.as_mut().unwrap().try_recv().unwrap());
    assert!(schedule.entries[&name].is_busy());
    (schedule, name)
}

/// The only job ends without a report.
async fn lose(schedule: &mut Schedule) {
    schedule.jobs.abort_all();
    let lost = schedule.jobs.join_next_with_id().await.unwrap().err().unwrap();
    schedule.lose(lost.id());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_lost_is_done_again_after_a_second() {
    let mut world = World::new(Policy::default());
    let (mut schedule, name) = with_a_job(&mut world);
    lose(&mut schedule).await;
    assert!(!schedule.entries[&name].is_busy() && schedule.workers.is_empty());
    let at = schedule.timers.next().unwrap();
    assert_eq!(at - Instant::now(), Duration::from_secs(1));
    sleep(Duration::from_secs(1)).await;
    schedule.consider(&name);
    assert!(schedule.entries[&name].is_busy());
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_leaves_when_its_job_has_ended_and_one_of_the_same_name_waits_for_that() {
    let mut world = World::new(Policy::default());
    let (mut schedule, name) = with_a_job(&mut world);
    schedule.handle(Signal::Gone(name.clone()));
    assert!(schedule.entries.is_empty() && schedule.leaving.contains_key(&name));
    assert_eq!(world.told()["web"].last().map(|(phase, _)| phase.clone()), Some(Phase::Gone));
    lose(&mut schedule).await;
    assert!(schedule.leaving.is_empty());

    let (mut schedule, name) = with_a_job(&mut world);
    // A list does not have it any more.
    list(&mut schedule, &[]);
    assert!(schedule.leaving.contains_key(&name));
    schedule.handle(Signal::Seen(Box::new(read(&world.object("web")))));
    assert!(schedule.leaving.is_empty() && schedule.entries[&name].is_busy());
    assert_eq!(schedule.jobs.len(), 1, "of two jobs nobody knows which one has the last word");
}

#[tokio::test(start_paused = true)]
async fn drift_is_counted_and_put_right() {
    let mut world = World::at_work(Policy::default()).await;
    world.put("web", json!({}));
    world.commit(&[("web", "1")]);
    sleep(MOMENT).await;
    world.told();
    world.cluster.edit("web", "kubectl-edit", "by hand");
    sleep(MOMENT).await;
    assert_eq!((world.value("web").as_deref(), world.counters.get().drifts), (Some("1"), 1));
    let reasons = world.reasons("web");
    assert_eq!(reasons.len(), 1);
    assert!(reasons[0].starts_with("ConfigMap/apps/web was changed by \"kubectl-edit\""), "{reasons:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fight_is_told_of_and_ends_with_what_git_says() {
    let mut world = World::at_work(Policy::default()).await;
    world.put("web", json!({}));
    world.commit(&[("web", "1")]);
    sleep(MOMENT).await;
    for round in 0..12 {
        world.cluster.edit("web", "fighter", &format!("by hand {round}"));
        sleep(MOMENT).await;
    }
    let (reason, message) = world.trouble("web").unwrap();
    assert!(reason == "DriftFought" && message.contains("fought by \"fighter\""), "{reason}: {message}");
    // A commit is not kept waiting by it.
    let revision = world.commit(&[("web", "2")]);
    sleep(MOMENT).await;
    assert_eq!((world.value("web").as_deref(), world.applied("web")), (Some("2"), Some(revision)));
    world.cluster.edit("web", "fighter", "by hand");
    sleep(MOMENT).await;
    assert_eq!(world.value("web").as_deref(), Some("by hand"), "it is put right less often");
    sleep(Duration::from_secs(10)).await;
    assert_eq!((world.value("web").as_deref(), world.trouble("web")), (Some("2"), None));
}
