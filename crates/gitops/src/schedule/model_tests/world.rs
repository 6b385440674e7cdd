//! A cluster and agents in simulated time, for single stories.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_tree::MemoryTree;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::super::{Schedule, Signal, watch};
use super::cluster::Cluster;
use crate::delivery::Context;
use crate::fetches::{FetchLimits, Fetches};
use crate::source::{Artifact, Latest, News, SourceName, git};
use crate::{Config, Counters, Phase, Policy, Progress, events};

/// Longer than a request takes, and shorter than anything that is waited for on purpose.
pub(super) const MOMENT: Duration = Duration::from_millis(200);

/// A cluster, the agents, and what they tell.
pub(super) struct World {
    pub(super) cluster: Cluster,
    pub(super) context: Arc<Context>,
    pub(super) counters: Arc<Counters>,
    signals: mpsc::UnboundedSender<Signal>,
    pub(super) inbox: Option<mpsc::UnboundedReceiver<Signal>>,
    pub(super) progress: mpsc::UnboundedReceiver<Progress>,
    commits: u32,
    agents: JoinSet<()>,
}

impl World {
    /// Agents that are not at work yet.
    pub(super) fn new(policy: Policy) -> Self {
        let cluster = Cluster::new(1);
        let client = cluster.client();
        let recorder = events::Recorders::new(client.clone(), &Default::default(), &Default::default());
        let (signals, inbox) = mpsc::unbounded_channel();
        let (tell, progress) = mpsc::unbounded_channel();
        let config = Config { policy: Arc::new(policy), progress: Some(tell), ..Config::default() };
        let context = Context::new(client, recorder, Fetches::new(FetchLimits::default()), &config, signals.clone());
        let (counters, agents) = (config.counters.clone(), JoinSet::new());
        Self { cluster, context, counters, signals, inbox: Some(inbox), progress, commits: 0, agents }
    }

    /// Agents that have looked around.
    pub(super) async fn at_work(policy: Policy) -> Self {
        let mut world = Self::new(policy);
        let (client, config) = (world.cluster.client(), Config::default());
        let owners =
            watch::owners::<Kustomization>(client, config.shard, config.health, config.metrics, world.signals.clone());
        world.agents.spawn(owners);
        let inbox = world.inbox.take().unwrap();
        world.agents.spawn(Schedule::new(world.context.clone(), &[&crate::kustomization::KIND]).run(inbox));
        sleep(MOMENT).await;
        world
    }

    /// Somebody makes a Kustomization, or changes its spec.
    pub(super) fn put(&self, name: &str, spec: Value) {
        self.cluster.put_kustomization(name, |object| object["spec"] = whole(name, spec));
    }

    /// Somebody asks for a Kustomization.
    pub(super) fn request(&self, name: &str, word: &str) {
        self.cluster.put_kustomization(name, |object| {
            object["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"] = word.into();
        });
    }

    /// The source brings a commit, in which each Kustomization has one ConfigMap, of its name, with this value.
    pub(super) fn commit(&mut self, values: &[(&str, &str)]) -> String {
        self.bring(values.iter().map(|(name, value)| (format!("{name}/map.yaml"), map(name, value))))
    }

    /// The source brings a commit, in which each Kustomization has an object of its own and those that are named behind it. A
    /// `!` stands for a file that can't be read, `@name` for another Kustomization.
    pub(super) fn describe(&mut self, described: &[(&str, &str)]) -> String {
        let files = described.iter().flat_map(|(name, objects)| {
            let own = format!("own-{name}");
            let objects = objects.split_whitespace().map(str::to_owned).chain([own]);
            objects.map(move |object| match object.as_str() {
                "!" => (format!("{name}/mistake.yaml"), "kind: [".to_owned()),
                object => match object.strip_prefix('@') {
                    Some(child) => (format!("{name}/ks-{child}.yaml"), kustomization(child)),
                    None => (format!("{name}/{object}.yaml"), map(object, "1")),
                },
            })
        });
        self.bring(files)
    }

    fn bring(&mut self, files: impl Iterator<Item = (String, String)>) -> String {
        self.commits += 1;
        let tree = Arc::new(MemoryTree::new(files).unwrap());
        let (revision, digest) = (format!("main@sha1:{}", self.commits), self.commits.to_string());
        let artifact =
            Artifact { revision: revision.clone(), digest, tree: tree.clone(), all: tree, ..Artifact::nothing() };
        let source = SourceName::new(git::KIND, "flux-system", "fleet");
        let _ = self.signals.send(Signal::Source(News { source, latest: Some(Latest::of(artifact)) }));
        revision
    }

    /// The source is made, and has brought nothing yet.
    pub(super) fn begin_source(&self) {
        let source = SourceName::new(git::KIND, "flux-system", "fleet");
        let _ = self.signals.send(Signal::Source(News { source, latest: Some(Latest::default()) }));
    }

    /// The source is deleted.
    pub(super) fn lose_source(&mut self) {
        let source = SourceName::new(git::KIND, "flux-system", "fleet");
        let _ = self.signals.send(Signal::Source(News { source, latest: None }));
    }

    /// A ConfigMap, by its identity and who has it.
    pub(super) fn map(&self, name: &str) -> Option<(String, String)> {
        let map = self.cluster.all("ConfigMap").remove(name)?;
        let field = |pointer: &str| map.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some((field("/metadata/uid"), field("/metadata/labels/kustomize.toolkit.fluxcd.io~1name")))
    }

    /// Reason and message of a condition of a Kustomization, where it holds.
    pub(super) fn condition(&self, name: &str, type_: &str) -> Option<(String, String)> {
        let object = self.cluster.all("Kustomization").remove(name)?;
        let all = object["status"]["conditions"].as_array()?;
        let found = all.iter().find(|condition| condition["type"] == type_ && condition["status"] == "True")?;
        let field = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        Some((field("reason"), field("message")))
    }

    pub(super) fn object(&self, name: &str) -> Value {
        self.cluster.all("Kustomization").remove(name).unwrap()
    }

    /// What a Kustomization says of whether it is ready: status, reason and message.
    pub(super) fn said(&self, name: &str) -> Option<(String, String, String)> {
        let object = self.object(name);
        let ready = object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == "Ready")?;
        let field = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
        Some((field("status"), field("reason"), field("message")))
    }

    /// The reason that it says for not being ready, with the message.
    pub(super) fn trouble(&self, name: &str) -> Option<(String, String)> {
        self.said(name).filter(|(status, ..)| status != "True").map(|(_, reason, message)| (reason, message))
    }

    pub(super) fn applied(&self, name: &str) -> Option<String> {
        self.object(name)["status"]["lastAppliedRevision"].as_str().map(str::to_owned)
    }

    pub(super) fn value(&self, name: &str) -> Option<String> {
        self.cluster.all("ConfigMap").get(name)?["data"]["key"].as_str().map(str::to_owned)
    }

    /// What was told of a Kustomization since somebody asked: what is done, and why.
    pub(super) fn told(&mut self) -> BTreeMap<String, Vec<(Phase, String)>> {
        let mut told = BTreeMap::<_, Vec<_>>::new();
        while let Ok(progress) = self.progress.try_recv() {
            let because = progress.occasion.trigger.to_string();
            told.entry(progress.name.name.clone()).or_default().push((progress.phase, because));
        }
        told
    }

    /// Of what was told since somebody asked: whether that somebody fights was told before, where it is.
    pub(super) fn known_fights(&mut self) -> Vec<bool> {
        let told = std::iter::from_fn(|| self.progress.try_recv().ok());
        let fights = |progress: &Progress| {
            progress.is_known
                || matches!(&progress.phase, Phase::Failed(why) | Phase::Waiting(why) if why.contains("drifted again"))
        };
        told.filter(fights).map(|progress| progress.is_known).collect()
    }

    /// Why a Kustomization was applied since somebody asked, each time.
    pub(super) fn reasons(&mut self, name: &str) -> Vec<String> {
        let told = self.told().remove(name).unwrap_or_default();
        told.into_iter().filter(|(phase, _)| *phase == Phase::Building).map(|(_, because)| because).collect()
    }
}

/// A spec, with what is said of it beside what all have.
fn whole(name: &str, spec: Value) -> Value {
    let mut whole = json!({ "interval": "1h", "prune": true, "path": format!("./{name}"),
        "sourceRef": { "kind": "GitRepository", "name": "fleet" } });
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    whole
}

fn kustomization(name: &str) -> String {
    let content = json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": { "name": name, "namespace": "flux-system" }, "spec": whole(name, json!({})) });
    content.to_string()
}

fn map(name: &str, value: &str) -> String {
    let content = json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": name, "namespace": "apps" }, "data": { "key": value } });
    content.to_string()
}
