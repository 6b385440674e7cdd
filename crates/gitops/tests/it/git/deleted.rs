//! A repository that is deleted while it is fetched.

use std::time::Duration;

use cowherd_gitserver::http::{Behaviour, Server};
use cowherd_source::{Access, Network};
use serde_json::json;

use super::{SOURCE, reconcile, says};
use crate::world::{FLUX, Repository, World, config_map, kustomization};

/// How long each answer of the slow server takes.
const DELAY: Duration = Duration::from_secs(2);

/// Agents that follow a repository of a server.
struct Slow {
    world: World,
    server: Server,
    fleet: Repository,
    _directory: tempfile::TempDir,
}

impl Slow {
    async fn new() -> Self {
        let mut world = World::new().await;
        world.kill_agents().await;
        let network = Network::Others(vec!["127.0.0.1".parse().unwrap()]);
        world.policy.access = Access { network, ..Access::default() };
        world.start_agents();
        let directory = tempfile::tempdir().unwrap();
        let fleet = Repository::new(directory.path().join("fleet"));
        let server = Server::start(directory.path());
        Self { world, server, fleet, _directory: directory }
    }

    async fn follow(&self, name: &str, branch: &str) {
        let spec = json!({ "interval": "1h", "url": self.server.url("fleet/.git"), "ref": { "branch": branch } });
        let object = json!({ "metadata": { "name": name, "namespace": FLUX }, "spec": spec });
        self.world.create(SOURCE, "GitRepository", object).await;
    }

    /// Makes the server slow, and deletes the source while what is asked for now is fetched.
    async fn delete_during_a_fetch(&self) {
        self.server.behave(Behaviour { delay: DELAY, ..Behaviour::default() });
        self.server.seen();
        reconcile(&self.world, FLUX, "1").await;
        let asked = async || if self.server.seen().is_empty() { Err("it does not") } else { Ok(()) };
        self.world.until("a fetch goes on", asked).await;
        self.world.api(SOURCE, "GitRepository", Some(FLUX)).delete(FLUX, &Default::default()).await.unwrap();
    }

    /// Waits until a fetch is done that began after the one that the deletion met.
    async fn outlast_that_fetch(&self, revision: &str) {
        self.follow("later", "main").await;
        says(&self.world, "later", "True", "Succeeded", revision).await;
    }

    /// The Kustomization of the source that describes one ConfigMap, at the first revision.
    async fn applied(&self) -> String {
        self.fleet.write("apps/a.yaml", &config_map("apps", "a", "1"));
        let first = self.fleet.commit("first");
        self.follow(FLUX, "main").await;
        self.world.add(kustomization("apps", "apps", json!({}))).await;
        self.world.ready("apps", &first).await;
        first
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_was_running_does_not_bring_a_deleted_source_back_nor_what_it_fetched() {
    let slow = Slow::new().await;
    let first = slow.applied().await;
    slow.fleet.write("apps/a.yaml", &config_map("apps", "a", "2"));
    let second = slow.fleet.commit("second");
    slow.delete_during_a_fetch().await;
    slow.world.failed("apps", "ArtifactFailed", "not found").await;
    slow.outlast_that_fetch(&second).await;
    assert_eq!(slow.world.get(SOURCE, "GitRepository", Some(FLUX), FLUX).await, None);
    slow.world.failed("apps", "ArtifactFailed", "not found").await;
    let status = slow.world.kustomization("apps").await.unwrap().status.unwrap();
    assert_eq!(status.last_applied_revision.as_deref(), Some(first.as_str()));
    assert_eq!(slow.world.value("apps", "a").await.as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_for_a_deleted_source_says_nothing_of_another_one_of_its_name() {
    let slow = Slow::new().await;
    slow.fleet.write("apps/a.yaml", &config_map("apps", "a", "0"));
    slow.fleet.commit("base");
    slow.fleet.git(&["branch", "other"]);
    slow.applied().await;
    slow.fleet.write("apps/a.yaml", &config_map("apps", "a", "2"));
    let second = slow.fleet.commit("second");
    slow.delete_during_a_fetch().await;
    slow.follow(FLUX, "other").await;
    slow.outlast_that_fetch(&second).await;
    let status = says(&slow.world, FLUX, "True", "Succeeded", "other@sha1:").await;
    assert!(status["artifact"]["revision"].as_str().unwrap().starts_with("other@sha1:"), "{status}");
    let becomes = async || match slow.world.value("apps", "a").await.as_deref() {
        Some("0") => Ok(()),
        other => Err(format!("{other:?}")),
    };
    slow.world.until("what the other one has is applied", becomes).await;
    let events = slow.world.api("v1", "Event", Some(FLUX)).list(&Default::default()).await.unwrap();
    let told = events.items.iter().any(|event| {
        event.data["involvedObject"]["name"] == FLUX
            && event.data["message"].as_str().is_some_and(|message| message.contains(&second))
    });
    assert!(!told, "the second commit was never what a source of that name had");
}
