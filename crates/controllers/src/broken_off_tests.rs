//! What objects say of a reconciliation that panicked, and that the next one takes it back.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use cowherd_controlplane::{Budgets, Config, ControlPlane};
use cowherd_runtime::{BrokenOff, Informer, Key, Object, Runtime, Writer};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{deployment, disruption, namespace, replicaset, scheduling, service_accounts, ttl_after_finished};

/// A control plane on which no controller runs.
struct Cluster {
    runtime: Runtime,
    client: Client,
    _plane: ControlPlane,
    _directory: tempfile::TempDir,
}

impl Cluster {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = Config { controllers: "".parse().unwrap(), ..Config::new(directory.path()) };
        let plane = ControlPlane::open(config, &Budgets::default()).await.unwrap();
        let client = plane.client();
        Self { runtime: Runtime::new(client.clone()), client, _plane: plane, _directory: directory }
    }

    /// An object, as the shared informer has it.
    async fn add<K>(&self, object: Value) -> (Writer<K>, Key)
    where
        K: Object + Resource<DynamicType = (), Scope = NamespaceResourceScope> + Serialize + DeserializeOwned + Debug,
    {
        let writer = Writer::namespaced(self.client.clone(), self.runtime.informer::<K>());
        writer.informer().synced().await;
        let object = writer.create(&serde_json::from_value(object).unwrap()).await.unwrap();
        (writer, Key::of(object.as_ref()))
    }
}

fn panicked() -> BrokenOff {
    BrokenOff { reason: "ReconcilePanicked", message: "a controller panicked, which is a bug".to_owned() }
}

/// The reason and the message of a condition, as the shared informer has it.
fn said<K: Object + Serialize>(informer: &Informer<K>, key: &Key, kind: &str) -> Option<(String, String)> {
    let object = serde_json::to_value(informer.get(key)?.as_ref()).unwrap();
    let conditions = object.pointer("/status/conditions")?.as_array()?.clone();
    let found = conditions.into_iter().find(|condition| condition["type"] == kind)?;
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    Some((text("reason"), text("message")))
}

/// Waits until the condition says something else, while the controller runs.
async fn taken_back<K: Object + Serialize>(
    informer: &Informer<K>,
    key: &Key,
    kind: &str,
    controller: impl Future<Output = ()>,
) -> Option<String> {
    let (began, before) = (Instant::now(), said(informer, key, kind));
    let changed = async {
        while said(informer, key, kind) == before {
            assert!(began.elapsed() < Duration::from_secs(60), "{key} goes on saying {before:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        said(informer, key, kind).map(|(reason, _)| reason)
    };
    tokio::select! {
        reason = changed => reason,
        () = controller => unreachable!("a controller has ended"),
    }
}

fn workload(kind: &str) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": "web", "namespace": "default" },
        "spec": { "replicas": 0, "selector": { "matchLabels": { "app": "web" } }, "template": {
            "metadata": { "labels": { "app": "web" } }, "spec": { "containers": [{ "name": "c", "image": "web" }] },
        } } })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_says_so_and_the_next_reconciliation_takes_it_back() {
    let cluster = Cluster::start().await;
    let (deployments, key) = cluster.add::<Deployment>(workload("Deployment")).await;
    deployment::broken_off(deployments.clone(), key.clone(), panicked()).await.unwrap();
    let (informer, BrokenOff { reason, message }) = (deployments.informer(), panicked());
    assert_eq!(said(informer, &key, "ReplicaFailure"), Some((reason.to_owned(), message)));
    let version = informer.get(&key).unwrap().resource_version();
    // The time is written in whole seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    deployment::broken_off(deployments.clone(), key.clone(), panicked()).await.unwrap();
    assert_eq!(informer.get(&key).unwrap().resource_version(), version, "what is said already is not written again");
    assert_eq!(taken_back(informer, &key, "ReplicaFailure", deployment::run(cluster.runtime.clone())).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_set_says_so_and_the_next_reconciliation_takes_it_back() {
    let cluster = Cluster::start().await;
    let (sets, key) = cluster.add::<ReplicaSet>(workload("ReplicaSet")).await;
    replicaset::broken_off(sets.clone(), key.clone(), panicked()).await.unwrap();
    let BrokenOff { reason, message } = panicked();
    assert_eq!(said(sets.informer(), &key, "ReplicaFailure"), Some((reason.to_owned(), message)));
    let run = replicaset::run(cluster.runtime.clone());
    assert_eq!(taken_back(sets.informer(), &key, "ReplicaFailure", run).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_allows_nothing_until_the_next_reconciliation() {
    let cluster = Cluster::start().await;
    let (budgets, key) = cluster
        .add::<PodDisruptionBudget>(json!({ "metadata": { "name": "web", "namespace": "default" },
            "spec": { "minAvailable": 0, "selector": { "matchLabels": { "app": "web" } } } }))
        .await;
    disruption::say_broken_off(budgets.clone(), key.clone(), panicked()).await.unwrap();
    let expected = ("SyncFailed".to_owned(), panicked().message);
    assert_eq!(said(budgets.informer(), &key, "DisruptionAllowed"), Some(expected));
    let run = disruption::run(cluster.runtime.clone());
    let reason = taken_back(budgets.informer(), &key, "DisruptionAllowed", run).await;
    assert_eq!(reason.as_deref(), Some("InsufficientPods"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_says_so_and_is_then_told_why_it_waits() {
    let cluster = Cluster::start().await;
    cluster.add::<ServiceAccount>(json!({ "metadata": { "name": "default", "namespace": "default" } })).await;
    let spec = json!({ "containers": [{ "name": "c", "image": "web" }], "automountServiceAccountToken": false });
    let pod = json!({ "metadata": { "name": "web", "namespace": "default" }, "spec": spec });
    let (pods, key) = cluster.add::<Pod>(pod).await;
    scheduling::say_broken_off(pods.clone(), key.clone(), panicked()).await.unwrap();
    let expected = ("SchedulerError".to_owned(), panicked().message);
    assert_eq!(said(pods.informer(), &key, "PodScheduled"), Some(expected));
    let reason = taken_back(pods.informer(), &key, "PodScheduled", scheduling::run(cluster.runtime.clone())).await;
    assert_eq!(reason.as_deref(), Some("Unschedulable"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_says_so_until_it_is_known_what_remains_in_it() {
    let cluster = Cluster::start().await;
    let namespaces = Writer::of_cluster(cluster.client.clone(), cluster.runtime.informer::<Namespace>());
    let object = json!({ "metadata": { "name": "team" } });
    namespaces.create(&serde_json::from_value(object).unwrap()).await.unwrap();
    let held = json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "held", "namespace": "team", "finalizers": ["tests.cowherd.dev/held"] } });
    let config_maps = Api::<ConfigMap>::namespaced(cluster.client.clone(), "team");
    config_maps.create(&PostParams::default(), &serde_json::from_value(held).unwrap()).await.unwrap();
    namespaces.api("").delete("team", &DeleteParams::default()).await.unwrap();
    let (key, informer) = (Key::new("", "team"), namespaces.informer());
    while informer.get(&key).is_none_or(|namespace| namespace.metadata.deletion_timestamp.is_none()) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    namespace::say_broken_off(namespaces.clone(), key.clone(), panicked()).await.unwrap();
    let BrokenOff { reason, message } = panicked();
    let kind = "NamespaceDeletionContentFailure";
    assert_eq!(said(informer, &key, kind), Some((reason.to_owned(), message)));
    assert_eq!(taken_back(informer, &key, kind, namespace::run(cluster.runtime.clone())).await, None);
    assert!(said(informer, &key, "NamespaceContentRemaining").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_says_so_until_it_is_known_when_it_goes() {
    let cluster = Cluster::start().await;
    let template = json!({ "spec": { "containers": [{ "name": "c", "image": "web" }], "restartPolicy": "Never" } });
    let job = json!({ "metadata": { "name": "once", "namespace": "default" },
        "spec": { "template": template, "ttlSecondsAfterFinished": 90 } });
    let (jobs, key) = cluster.add::<Job>(job).await;
    ttl_after_finished::say_broken_off(jobs.clone(), key.clone(), panicked()).await.unwrap();
    let (informer, kind, BrokenOff { reason, message }) = (jobs.informer(), "TTLAfterFinishedFailure", panicked());
    assert_eq!(said(informer, &key, kind), Some((reason.to_owned(), message)));
    let version = informer.get(&key).unwrap().resource_version();
    ttl_after_finished::say_broken_off(jobs.clone(), key.clone(), panicked()).await.unwrap();
    assert_eq!(informer.get(&key).unwrap().resource_version(), version, "what is said already is not written again");
    assert_eq!(taken_back(informer, &key, kind, ttl_after_finished::run(cluster.runtime.clone())).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_says_so_until_it_has_its_account() {
    let cluster = Cluster::start().await;
    let namespaces = Writer::of_cluster(cluster.client.clone(), cluster.runtime.informer::<Namespace>());
    namespaces.create(&serde_json::from_value(json!({ "metadata": { "name": "team" } })).unwrap()).await.unwrap();
    let (key, informer, kind) = (Key::new("", "team"), namespaces.informer(), "DefaultServiceAccountFailure");
    service_accounts::say_broken_off(namespaces.clone(), key.clone(), panicked()).await.unwrap();
    let BrokenOff { reason, message } = panicked();
    assert_eq!(said(informer, &key, kind), Some((reason.to_owned(), message)));
    assert_eq!(taken_back(informer, &key, kind, service_accounts::run(cluster.runtime.clone())).await, None);
    let accounts = Api::<ServiceAccount>::namespaced(cluster.client.clone(), "team");
    assert!(accounts.get("default").await.is_ok());
}

/// Each of these controllers writes statuses by the account of another, whose rights have to be enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_not_write_a_status_says_so_by_who_may() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config { controllers: "".parse().unwrap(), ..Config::new(directory.path()) };
    let plane = ControlPlane::open(config, &Budgets::default()).await.unwrap();
    let client = plane.client();
    for (account, group, resource) in [("job-controller", "batch", "jobs"), ("namespace-controller", "", "namespaces")]
    {
        let review = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
            "user": format!("system:serviceaccount:kube-system:{account}"),
            "resourceAttributes": { "verb": "update", "group": group, "resource": resource, "subresource": "status" },
        } });
        let api = Api::<SubjectAccessReview>::all(client.clone());
        let answer = api.create(&PostParams::default(), &serde_json::from_value(review).unwrap()).await.unwrap();
        assert!(answer.status.unwrap().allowed, "{account}");
    }
}
