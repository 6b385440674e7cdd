//! Several agents share the Kustomizations of a cluster by their labels.

use std::sync::Arc;

use cowherd_gitops::{Config, Counters};
use cowherd_runtime::leader::{self, Candidate};
use cowherd_runtime::{Health, Metrics, Shard};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::world::{FLUX, World, config_map, kustomization};

const KEY: &str = "sharding.fluxcd.io/key";

/// The agents of one shard, as a process of their own has them.
struct Agents {
    counters: Arc<Counters>,
    task: JoinHandle<leader::Ended>,
}

impl Agents {
    fn start(world: &World, name: &str, selector: &str) -> Self {
        let shard: Shard = selector.parse().unwrap();
        let counters: Arc<Counters> = Arc::default();
        let config = Config {
            counters: counters.clone(),
            shard: shard.clone(),
            seed: Arc::from(name.as_bytes()),
            kept: None,
            ..world.config()
        };
        let candidate = Candidate::new(FLUX, shard.name("cowherd-agent"), name);
        let (client, mirrors) = (world.client.clone(), world.other_mirrors(name));
        let task = tokio::spawn(async move {
            let work = || cowherd_gitops::run(client.clone(), mirrors, config, std::future::pending());
            let (health, metrics) = (Health::default(), Metrics::default());
            leader::lead(&candidate, client.clone(), &health, &metrics, work, std::future::pending()).await
        });
        Self { counters, task }
    }

    fn applies(&self) -> u64 {
        self.counters.get().applies
    }
}

impl Drop for Agents {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn labelled(mut object: Value, shard: &str) -> Value {
    object["metadata"]["labels"] = json!({ KEY: shard });
    object
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_agents_share_the_kustomizations_between_them() {
    let mut world = World::new().await;
    world.kill_agents().await;
    for name in ["one", "two", "three", "four"] {
        world.repository.write(&format!("{name}/map.yaml"), &config_map("apps", name, "1"));
    }
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(labelled(kustomization("one", "./one", json!({})), "shard1")).await;
    world.add(labelled(kustomization("two", "./two", json!({})), "shard1")).await;
    world.add(kustomization("three", "./three", json!({}))).await;

    // The source is in no shard: its status is written by the agents of those, and it is fetched by both.
    let shard = Agents::start(&world, "shard1", &format!("{KEY}=shard1"));
    let rest = Agents::start(&world, "rest", &format!("!{KEY}"));
    for name in ["one", "two", "three"] {
        world.ready(name, &first).await;
    }
    assert_eq!((shard.applies(), rest.applies()), (2, 1));

    // A commit is applied by whose it is, and what comes later too.
    for name in ["one", "two", "three"] {
        world.repository.write(&format!("{name}/map.yaml"), &config_map("apps", name, "2"));
    }
    let second = world.repository.commit("second");
    world.add(labelled(kustomization("four", "./four", json!({})), "shard1")).await;
    for name in ["one", "two", "three", "four"] {
        world.ready(name, &second).await;
    }
    assert!(shard.applies() >= 5 && rest.applies() == 2, "{} and {}", shard.applies(), rest.applies());

    // Who moves is reconciled where it came to, and pruned nowhere.
    let before = rest.applies();
    world.patch_kustomization("two", json!({ "metadata": { "labels": { KEY: null } } })).await;
    world.patch("v1", "ConfigMap", "apps", "two", json!({ "data": { "key": "by hand" } })).await;
    world
        .until("the other agents put it right", async || {
            let (value, applies) = (world.value("apps", "two").await, rest.applies());
            if value.as_deref() == Some("2") && applies > before {
                Ok(())
            } else {
                Err(format!("{value:?}, {applies}"))
            }
        })
        .await;

    // Each shard has a leader of its own.
    let leases = world.api("coordination.k8s.io/v1", "Lease", Some(FLUX)).list(&Default::default()).await.unwrap();
    let mut holders: Vec<_> = leases.items.iter().map(|lease| lease.data["spec"]["holderIdentity"].clone()).collect();
    holders.sort_by_key(ToString::to_string);
    assert_eq!(holders, [json!("rest"), json!("shard1")]);
}
