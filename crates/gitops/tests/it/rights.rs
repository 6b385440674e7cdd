//! What the agents ask of an API as themselves is what deploy/agent.yaml gives them, and all of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use cowherd_apiserver::User;
use cowherd_runtime::leader::{self, Candidate};
use cowherd_runtime::{Health, Metrics};
use http::{Method, Request};
use kube::Client;
use kube::api::DeleteParams;
use kube::client::Body;
use serde_json::{Value, json};

use crate::world::{FLUX, World, config_map, kustomization};

const ACCOUNT: &str = "system:serviceaccount:flux-system:cowherd-agent";

/// A verb on a resource, with its group, and with its subresource behind a slash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    verb: String,
    group: String,
    resource: String,
}

impl Right {
    fn new(verb: &str, group: &str, resource: &str) -> Self {
        Self { verb: verb.to_owned(), group: group.to_owned(), resource: resource.to_owned() }
    }

    /// The right that a request takes; nothing where it is about no resource.
    fn of(request: &Request<Body>) -> Option<Self> {
        // What is asked for an account is that account's to be allowed.
        if request.headers().contains_key("impersonate-user") {
            return Some(Self::new("impersonate", "", "serviceaccounts"));
        }
        let parts: Vec<&str> = request.uri().path().trim_matches('/').split('/').collect();
        let (group, rest) = match parts[..] {
            ["api", _, ref rest @ ..] => ("", rest),
            ["apis", group, _, ref rest @ ..] => (group, rest),
            _ => return None,
        };
        let (resource, name, subresource) = match *rest {
            ["namespaces", _, resource, ref rest @ ..] => (resource, rest.first(), rest.get(1)),
            [resource, ref rest @ ..] => (resource, rest.first(), rest.get(1)),
            [] => return None,
        };
        let is_watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
        let verb = match *request.method() {
            Method::GET if is_watch => "watch",
            Method::GET if name.is_none() => "list",
            Method::GET => "get",
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            _ => return None,
        };
        let resource = subresource.map_or_else(|| resource.to_owned(), |sub| format!("{resource}/{sub}"));
        Some(Self::new(verb, group, &resource))
    }

    /// Whether this one, which may be about everything, gives the other.
    fn gives(&self, other: &Self) -> bool {
        let fits = |pattern: &str, text: &str| pattern == "*" || pattern == text;
        self.verb == other.verb && fits(&self.group, &other.group) && fits(&self.resource, &other.resource)
    }
}

/// Every right that the roles of deploy/agent.yaml give, and the documents.
fn deployed() -> (Vec<Right>, Vec<Value>) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/agent.yaml");
    let text = std::fs::read_to_string(file).unwrap();
    let documents = cowherd_yaml::parse_documents(text.as_bytes(), &cowherd_yaml::Limits::default()).unwrap();
    let documents: Vec<Value> = documents.into_iter().map(|document| document.value).collect();
    let mut rights = Vec::new();
    for rule in documents.iter().filter_map(|document| document["rules"].as_array()).flatten() {
        let texts = |field: &str| -> Vec<String> { serde_json::from_value(rule[field].clone()).unwrap() };
        for (verb, group, resource) in texts("verbs").iter().flat_map(|verb| {
            let groups = texts("apiGroups").into_iter();
            groups.flat_map(move |group| {
                texts("resources").into_iter().map(move |resource| (verb, group.clone(), resource))
            })
        }) {
            rights.push(Right::new(verb, &group, &resource));
        }
    }
    (rights, documents)
}

/// A client with the rights of the account of deploy/, and what was asked through it: each right, and with it whether it was
/// refused.
fn recorded(world: &World) -> (Client, Arc<Mutex<BTreeSet<(Right, bool)>>>) {
    let asked = Arc::<Mutex<BTreeSet<_>>>::default();
    let (client, record) = (world.client_as(User::known(ACCOUNT, &[])), asked.clone());
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, record, right) = (client.clone(), record.clone(), Right::of(&request));
        async move {
            let answer = client.send(request).await?;
            if let Some(right) = right {
                record.lock().unwrap().insert((right, answer.status() == http::StatusCode::FORBIDDEN));
            }
            Ok::<_, kube::Error>(answer)
        }
    });
    (Client::new(service, "default"), asked)
}

async fn create_all(world: &World, documents: Vec<Value>) {
    for document in documents {
        let text = |field: &str| document[field].as_str().unwrap().to_owned();
        world.create(&text("apiVersion"), &text("kind"), document.clone()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agents_need_what_deploy_gives_them_and_nothing_else() {
    let mut world = World::new().await;
    world.kill_agents().await;
    let (given, documents) = deployed();
    create_all(&world, documents).await;
    let applier = json!([
        { "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "applier", "namespace": FLUX } },
        { "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "applier" },
          "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
          "subjects": [{ "kind": "ServiceAccount", "name": "applier", "namespace": FLUX }] },
    ]);
    create_all(&world, applier.as_array().unwrap().clone()).await;
    let (client, asked) = recorded(&world);
    let candidate = Candidate {
        retry_period: std::time::Duration::from_millis(100),
        ..Candidate::new(FLUX, "cowherd-agent", "me")
    };
    let (config, mirrors) = (world.config(), world.mirrors());
    let agents = tokio::spawn(async move {
        let work = || cowherd_gitops::run(client.clone(), mirrors, config, std::future::pending());
        let (health, metrics) = (Health::default(), Metrics::default());
        leader::lead(&candidate, client.clone(), &health, &metrics, work, std::future::pending()).await
    });

    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({ "serviceAccountName": "applier" }))).await;
    world.ready("apps", &first).await;
    // The same failure again and again is one event.
    world.repository.write("apps/a.yaml", "{");
    world.repository.commit("broken");
    world
        .until("a failure is counted", async || {
            let events = world.api("v1", "Event", Some(FLUX)).list(&Default::default()).await.unwrap();
            let counts: Vec<_> =
                events.items.iter().map(|event| (event.data["reason"].clone(), event.data["count"].clone())).collect();
            let is_counted = counts.iter().any(|(reason, count)| reason == "BuildFailed" && count.as_i64() > Some(1));
            if is_counted { Ok(()) } else { Err(format!("{counts:?}")) }
        })
        .await;
    // A source that Flux followed before has Flux's finalizer, which nobody else would take away.
    let finalizer = json!({ "metadata": { "finalizers": ["finalizers.fluxcd.io"] } });
    world.patch("source.toolkit.fluxcd.io/v1", "GitRepository", FLUX, FLUX, finalizer).await;
    for (group, kind, name) in [("kustomize", "Kustomization", "apps"), ("source", "GitRepository", FLUX)] {
        let api = world.api(&format!("{group}.toolkit.fluxcd.io/v1"), kind, Some(FLUX));
        api.delete(name, &DeleteParams::default()).await.unwrap();
        world
            .until(&format!("{kind} {name} is gone"), async || match api.get_opt(name).await.unwrap() {
                None => Ok(()),
                Some(found) => Err(format!("{:?}", found.metadata.finalizers)),
            })
            .await;
    }
    // The Lease is renewed, whatever else is done.
    let all = || {
        let asked = asked.lock().unwrap().clone();
        given.iter().filter(|right| !asked.iter().any(|(used, _)| right.gives(used))).cloned().collect::<Vec<_>>()
    };
    world
        .until(
            "all that is given was used",
            async || if all().is_empty() { Ok(()) } else { Err(format!("{:?}", all())) },
        )
        .await;
    agents.abort();
    let asked = asked.lock().unwrap();
    let refused: Vec<_> = asked.iter().filter(|(_, is_refused)| *is_refused).collect();
    assert!(refused.is_empty(), "deploy/agent.yaml does not allow {refused:?}");
    let lacking: Vec<_> = asked.iter().filter(|(used, _)| !given.iter().any(|right| right.gives(used))).collect();
    assert!(lacking.is_empty(), "deploy/agent.yaml does not give {lacking:?}");
}
