//! What is done to the cluster: it is brought what the repository has, as agents would bring it, and waited for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use cowherd_apply::mask::Mask;
use cowherd_apply::{
    Action, Applier, Change, ChangeSet, Desired, Expectation, Manifest, ManifestError, Options, Owner, Versioned,
};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::runtime::watcher::watch_object;
use kube::{Api, Client};
use serde_json::Value;

use super::manifests::AGENTS;
use crate::bootstrap::{ROOT, object};
use crate::cluster::explain;
use crate::resource::Resource;
use crate::target::Kind;
use crate::terminal::text::plain;
use crate::terminal::{Mark, tell};

/// A cluster that is to keep itself.
pub struct Cluster {
    client: Client,
    applier: Applier,
    timeout: Duration,
}

impl Cluster {
    /// Changes nothing yet. `timeout` is how long each of the steps may take that are waited for.
    pub fn new(client: Client, timeout: Duration) -> Self {
        let (applier, _drift) = Applier::new(client.clone(), Options::default());
        Self { client, applier, timeout }
    }

    /// The Kustomization that everything grows from; `None` where there is none yet.
    ///
    /// # Errors
    /// When the cluster gives no answer.
    pub async fn root(&self) -> Result<Option<Resource>> {
        let kind = Kind::Kustomization;
        let found = kind.api(&self.client, ROOT).get_opt(ROOT).await.map_err(explain)?;
        Ok(found.map(|object| Resource { kind, object }))
    }

    /// Brings objects, what others need first: as the Kustomization would that everything grows from, so that it finds them as it
    /// would have made them.
    ///
    /// # Errors
    /// When the cluster does not take one. What was done before is told.
    pub async fn bring(&self, objects: Vec<Value>) -> Result<Vec<Change>> {
        let mut mask = Mask::default();
        objects.iter().for_each(|object| mask.add(object));
        let manifests: Result<Vec<_>, ManifestError> = objects.into_iter().map(Manifest::new).collect();
        let manifests = manifests.map_err(|error| anyhow!(error.told(&mask)))?;
        let desired = Desired {
            owner: Arc::new(Owner::new(ROOT, ROOT)),
            manifests,
            force: false,
            recheck: true,
            held: BTreeSet::new(),
            others: BTreeSet::new(),
            account: None,
            timeout: self.timeout,
        };
        match self.applier.apply(&desired).await {
            Ok(changes) => Ok(told(&changes)),
            Err(partial) => {
                told(&partial.changes);
                Err(anyhow!(partial.told(&mask)))
            }
        }
    }

    /// Whether something may run the agents. Who may not look is not told that nothing does.
    ///
    /// # Errors
    /// When the cluster gives no answer.
    pub async fn has_nodes(&self) -> Result<bool> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        match nodes.list_metadata(&ListParams::default().limit(1)).await {
            Ok(found) => Ok(!found.items.is_empty()),
            Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(true),
            Err(error) => Err(explain(error)),
        }
    }

    /// Waits until the agents run.
    ///
    /// # Errors
    /// When they do not in time.
    pub async fn wait_for_agents(&self) -> Result<()> {
        tell!("{} waiting until the agents run", Mark::Waiting);
        let agents = Versioned { id: object(ROOT, AGENTS, "apps", "Deployment"), version: "v1".to_owned() };
        let expected = [Expectation::healthy(agents)];
        let waited = self.applier.wait(&expected, self.timeout, std::future::pending()).await;
        waited.map_err(|error| anyhow!(error.told(&Mask::default()))).context(
            "the repository and the cluster have all that it takes, but the agents do not run; `kubectl describe \
             deployment,pod --namespace flux-system` says more of them",
        )
    }

    /// Waits until agents have brought this revision, or a later one than was there `before`: the revision.
    ///
    /// # Errors
    /// When they have not in time.
    pub async fn wait_for(&self, revision: &str, before: &str) -> Result<String> {
        tell!("{} waiting until the agents have brought {revision}", Mark::Waiting);
        let mut seen = String::new();
        if let Ok(followed) = tokio::time::timeout(self.timeout, self.follow(revision, before, &mut seen)).await {
            return followed;
        }
        let said = if seen.is_empty() { "no agent has said anything of it" } else { seen.as_str() };
        let source = self.of_the_source().await;
        bail!(
            "the repository and the cluster have all that it takes, but kustomization {ROOT} did not come to be Ready within \
             {:?}: {said}{source}; `cowherd get all -A` shows how it is",
            self.timeout
        )
    }

    async fn follow(&self, revision: &str, before: &str, seen: &mut String) -> Result<String> {
        let kind = Kind::Kustomization;
        let mut events = watch_object(kind.api(&self.client, ROOT), ROOT).boxed();
        while let Some(event) = events.next().await {
            let Some(object) = event.context("cannot watch kustomization flux-system")? else { continue };
            let resource = Resource { kind, object };
            if resource.suspended() {
                bail!("kustomization {ROOT} is suspended; take it up with `cowherd resume kustomization {ROOT}`");
            }
            let applied = resource.revision().to_owned();
            let is_brought = applied == revision || (!applied.is_empty() && applied != before);
            if resource.is_ready() && resource.observed() && is_brought {
                return Ok(applied);
            }
            let message = resource.ready().map(|ready| plain(ready.message)).unwrap_or_default();
            if !message.is_empty() && message != *seen {
                tell!("{} kustomization {ROOT}: {message}", Mark::Waiting);
                *seen = message;
            }
        }
        bail!("the watch of kustomization {ROOT} ended")
    }

    /// What is wrong with the source, if it is known.
    async fn of_the_source(&self) -> String {
        let kind = Kind::GitRepository;
        let found = kind.api(&self.client, ROOT).get_opt(ROOT).await.ok().flatten();
        let source = found.map(|object| Resource { kind, object });
        match source.as_ref().and_then(Resource::ready).filter(|ready| ready.status != "True") {
            Some(ready) => format!("; source git {ROOT}: {}", plain(ready.message)),
            None => String::new(),
        }
    }
}

/// Tells what was done.
fn told(changes: &ChangeSet) -> Vec<Change> {
    for change in changes.iter().filter(|change| change.action != Action::Unchanged) {
        tell!("{} {} {}", Mark::Success, change.object.id, change.action);
    }
    let unchanged = changes.count(Action::Unchanged);
    if unchanged > 0 {
        tell!("{} {unchanged} unchanged", Mark::Success);
    }
    changes.iter().cloned().collect()
}
