//! Where no watch tells of drift, it is looked for when the interval is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cowherd_gitops::Clients;
use cowherd_runtime::Health;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use crate::applied::{apply, becomes};
use crate::world::{World, condition, config_map};

/// Somebody before an API who refuses lists and watches of ConfigMaps, as an account without that right is.
#[derive(Clone, Default)]
struct Refusing(Arc<AtomicBool>);

impl Refusing {
    fn before(&self, api: Client) -> Client {
        let refuses = self.0.clone();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let (api, refuses) = (api.clone(), refuses.clone());
            async move {
                let is_list = request.method() == http::Method::GET && request.uri().path().ends_with("/configmaps");
                if !is_list || !refuses.load(Ordering::Relaxed) {
                    return api.send(request).await;
                }
                let message = "configmaps is forbidden: User \"agent\" cannot list resource \"configmaps\"";
                let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden",
                    "message": message, "code": 403 });
                Ok(http::Response::builder().status(403).body(Body::from(status.to_string().into_bytes())).unwrap())
            }
        });
        Client::new(service, "default")
    }

    /// A cluster whose agents may not watch ConfigMaps for now, and which of their loops are well.
    async fn world(&self) -> (World, Health) {
        let mut world = World::new().await;
        world.kill_agents().await;
        self.0.store(true, Ordering::Relaxed);
        let Clients { sources, delivery, applying, notifying } = world.agents.clone();
        world.agents = Clients { sources, delivery: self.before(delivery), applying, notifying };
        let health = Health::default();
        world.health = health.clone();
        world.start_agents();
        (world, health)
    }
}

/// Waits until the Kustomization says that drift is not seen, or does not say so any more; the message.
async fn says(world: &World, is_said: bool) -> String {
    let said = async || match world.kustomization("apps").await.and_then(|found| condition(&found, "DriftUnseen")) {
        Some((_, _, message)) if is_said => Ok(message),
        None if !is_said => Ok(String::new()),
        other => Err(format!("{other:?}")),
    };
    world.until("it is said whether drift is seen", said).await
}

async fn change(world: &World, value: &str) {
    world.patch("v1", "ConfigMap", "apps", "a", json!({ "data": { "key": value } })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_that_may_not_be_watched_is_put_right_at_the_interval_and_that_is_said() {
    let refusing = Refusing::default();
    let (world, health) = refusing.world().await;
    apply(&world, &["a", "b"], json!({ "interval": "1s" })).await;
    change(&world, "by hand").await;
    becomes(&world, "a", "1").await;
    let said = says(&world, true).await;
    let expected =
        "drift is not seen as it happens, but looked for every 1s, of: ConfigMap (the watch was refused: configmaps is";
    assert!(said.starts_with(expected), "{said}");
    let unwell = || health.problems().iter().any(|problem| problem.name == "watch of configmaps for drift");
    world.until("the watch is unwell", async || if unwell() { Ok(()) } else { Err("it is well") }).await;

    // As soon as it may be watched, it is, and what nobody changes is left alone.
    refusing.0.store(false, Ordering::Relaxed);
    says(&world, false).await;
    assert!(!unwell());
    change(&world, "by hand").await;
    becomes(&world, "a", "1").await;
}

/// A definition of a kind whose objects can be watched, as every such kind's.
fn widgets(served: &[&str]) -> Value {
    let version = |name: &str| {
        json!({ "name": name, "served": served.contains(&name), "storage": name == "v1",
            "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } } })
    };
    json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "widgets.example.com" },
        "spec": { "group": "example.com", "scope": "Namespaced", "versions": [version("v1alpha1"), version("v1")],
            "names": { "kind": "Widget", "plural": "widgets", "singular": "widget" } } })
}

fn widget(version: &str, name: &str) -> String {
    json!({ "apiVersion": format!("example.com/{version}"), "kind": "Widget",
        "metadata": { "name": name, "namespace": "apps" }, "spec": { "a": 1 } })
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_of_a_version_that_is_no_longer_served_is_deleted_as_one_of_another_version() {
    let world = World::new().await;
    world.repository.write("apps/crd.yaml", &widgets(&["v1alpha1", "v1"]).to_string());
    world.repository.write("apps/widget.yaml", &widget("v1alpha1", "old"));
    world.repository.write("apps/keep.yaml", &config_map("apps", "a", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(crate::world::kustomization("apps", "./apps", json!({}))).await;
    world.ready("apps", &first).await;
    world.repository.write("apps/crd.yaml", &widgets(&["v1"]).to_string());
    world.repository.write("apps/widget.yaml", &widget("v1", "new"));
    let second = world.repository.commit("to v1, under another name");
    world.ready("apps", &second).await;
    let widget = async |name: &str| world.get("example.com/v1", "Widget", Some("apps"), name).await;
    assert!(widget("new").await.is_some() && widget("old").await.is_none());
}
