//! Deployments as people see them: pods come, are replaced, scaled, paused, rolled back to.

use crate::cluster::{Cluster, create, eventually, expect};
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};

fn deployment(replicas: i32, spec: Value) -> Value {
    let mut deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "web", "image": "web:1" }] },
            },
        },
    });
    for (name, value) in spec.as_object().unwrap() {
        deployment["spec"][name] = value.clone();
    }
    deployment
}

async fn set(cluster: &Cluster, spec: Value) {
    let patch = Patch::Strategic(json!({ "spec": spec }));
    cluster.deployments().patch("web", &PatchParams::default(), &patch).await.unwrap();
}

async fn set_image(cluster: &Cluster, image: &str) {
    set(cluster, json!({ "template": { "spec": { "containers": [{ "name": "web", "image": image }] } } })).await;
}

async fn images(cluster: &Cluster) -> Vec<String> {
    let pods = cluster.pods().list(&ListParams::default()).await.unwrap();
    let live = pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    let mut images: Vec<String> =
        live.map(|pod| pod.data["spec"]["containers"][0]["image"].as_str().unwrap().to_owned()).collect();
    images.sort();
    images
}

async fn number_of_sets(cluster: &Cluster) -> usize {
    cluster.replica_sets().list(&ListParams::default()).await.unwrap().items.len()
}

async fn condition(cluster: &Cluster, kind: &str) -> (String, String) {
    let web = cluster.deployments().get("web").await.unwrap();
    let conditions = web.data.pointer("/status/conditions").and_then(Value::as_array).cloned().unwrap_or_default();
    let found = conditions.iter().find(|condition| condition["type"] == kind).cloned().unwrap_or_default();
    let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    (text("status"), text("reason"))
}

async fn rolled_out(cluster: &Cluster) {
    eventually("the rollout completes", || async {
        cluster.make_pods_ready().await;
        expect(condition(cluster, "Progressing").await, ("True".into(), "NewReplicaSetAvailable".into()))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_becomes_a_replica_set_and_its_pods_and_is_kept_at_the_count() {
    let cluster = Cluster::start().await;
    create(&cluster.deployments(), deployment(5, json!({}))).await;
    eventually("five pods", || async { expect(images(&cluster).await, vec!["web:1".to_owned(); 5]) }).await;
    eventually("the pods say why they wait", || async {
        let pods = cluster.pods().list(&ListParams::default()).await.unwrap();
        let told = |pod: &kube::api::DynamicObject| {
            let condition = pod.data.pointer("/status/conditions/0").cloned().unwrap_or_default();
            condition["reason"] == "Unschedulable" && condition["message"] == "no nodes available to schedule pods"
        };
        expect(pods.iter().filter(|pod| told(pod)).count(), 5)
    })
    .await;
    let web = cluster.deployments().get("web").await.unwrap();
    assert_eq!(web.annotations()["deployment.kubernetes.io/revision"], "1");

    let pods = cluster.pods().list(&ListParams::default()).await.unwrap().items;
    for pod in &pods[..2] {
        cluster.pods().delete(&pod.name_any(), &DeleteParams::default()).await.unwrap();
    }
    eventually("the two are replaced", || async {
        let now = cluster.pods().list(&ListParams::default()).await.unwrap().items;
        let fresh = now.iter().filter(|pod| !pods.iter().any(|old| old.uid() == pod.uid())).count();
        expect((now.len(), fresh), (5, 2))
    })
    .await;
    eventually("the status counts", || async {
        let status = cluster.deployments().get("web").await.unwrap().data["status"].clone();
        expect((status["replicas"].clone(), status["unavailableReplicas"].clone()), (json!(5), json!(5)))
    })
    .await;
    assert_eq!(condition(&cluster, "Available").await, ("False".into(), "MinimumReplicasUnavailable".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_image_rolls_out_within_surge_and_unavailability() {
    let cluster = Cluster::start().await;
    let strategy = json!({ "strategy": { "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 1 } } });
    create(&cluster.deployments(), deployment(4, strategy)).await;
    rolled_out(&cluster).await;
    set_image(&cluster, "web:2").await;
    eventually("as many new pods as fit, and no more", || async {
        expect(images(&cluster).await, ["web:1", "web:1", "web:1", "web:2", "web:2"].map(str::to_owned).to_vec())
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(images(&cluster).await.len(), 5, "nothing moves while the new pods are not ready");
    rolled_out(&cluster).await;
    assert_eq!(images(&cluster).await, vec!["web:2".to_owned(); 4]);
    assert_eq!(number_of_sets(&cluster).await, 2);

    set_image(&cluster, "web:1").await;
    rolled_out(&cluster).await;
    eventually("the old replica set is used again", || async {
        let web = cluster.deployments().get("web").await.unwrap();
        let revision = web.annotations()["deployment.kubernetes.io/revision"].clone();
        expect((number_of_sets(&cluster).await, revision), (2, "3".to_owned()))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recreate_starts_new_pods_only_when_the_old_are_gone() {
    let cluster = Cluster::start().await;
    create(&cluster.deployments(), deployment(3, json!({ "strategy": { "type": "Recreate" } }))).await;
    rolled_out(&cluster).await;
    for pod in cluster.pods().list(&ListParams::default()).await.unwrap() {
        let hold = Patch::Merge(json!({ "metadata": { "finalizers": ["test/hold"] } }));
        cluster.pods().patch(&pod.name_any(), &PatchParams::default(), &hold).await.unwrap();
    }
    set_image(&cluster, "web:2").await;
    eventually("the old pods are asked to go", || async { expect(images(&cluster).await, vec![]) }).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(images(&cluster).await, Vec::<String>::new(), "an old pod is still there");
    for pod in cluster.pods().list(&ListParams::default()).await.unwrap() {
        let release = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
        cluster.pods().patch(&pod.name_any(), &PatchParams::default(), &release).await.unwrap();
    }
    eventually("new pods", || async { expect(images(&cluster).await, vec!["web:2".to_owned(); 3]) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_deployment_scales_and_does_not_roll_out() {
    let cluster = Cluster::start().await;
    create(&cluster.deployments(), deployment(2, json!({}))).await;
    rolled_out(&cluster).await;
    set(&cluster, json!({ "paused": true })).await;
    eventually("it says so", || async {
        expect(condition(&cluster, "Progressing").await, ("Unknown".into(), "DeploymentPaused".into()))
    })
    .await;
    set_image(&cluster, "web:2").await;
    set(&cluster, json!({ "replicas": 3 })).await;
    eventually("scaled", || async { expect(images(&cluster).await, vec!["web:1".to_owned(); 3]) }).await;
    set(&cluster, json!({ "paused": false })).await;
    eventually("rolled out", || async {
        cluster.make_pods_ready().await;
        expect(images(&cluster).await, vec!["web:2".to_owned(); 3])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_that_stands_still_exceeds_its_deadline() {
    let cluster = Cluster::start().await;
    create(&cluster.deployments(), deployment(1, json!({ "progressDeadlineSeconds": 1 }))).await;
    eventually("it says so", || async {
        expect(condition(&cluster, "Progressing").await, ("False".into(), "ProgressDeadlineExceeded".into()))
    })
    .await;
    rolled_out(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_replica_sets_are_kept_up_to_the_limit() {
    let cluster = Cluster::start().await;
    create(&cluster.deployments(), deployment(1, json!({ "revisionHistoryLimit": 1 }))).await;
    rolled_out(&cluster).await;
    for image in ["web:2", "web:3", "web:4"] {
        set_image(&cluster, image).await;
        eventually("rolled out", || async {
            cluster.make_pods_ready().await;
            expect(images(&cluster).await, vec![image.to_owned()])
        })
        .await;
    }
    eventually("one old replica set", || async {
        cluster.make_pods_ready().await;
        expect(number_of_sets(&cluster).await, 2)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_relabelled_is_released_and_replaced_and_adopted_again() {
    let cluster = Cluster::start().await;
    create(&cluster.deployments(), deployment(1, json!({}))).await;
    eventually("a pod", || async { expect(images(&cluster).await.len(), 1) }).await;
    let pod = cluster.pods().list(&ListParams::default()).await.unwrap().items.remove(0);
    let label = |value: &str| Patch::Merge(json!({ "metadata": { "labels": { "app": value } } }));
    cluster.pods().patch(&pod.name_any(), &PatchParams::default(), &label("debug")).await.unwrap();
    eventually("released and replaced", || async {
        let released = cluster.pods().get(&pod.name_any()).await.unwrap();
        expect((images(&cluster).await.len(), released.owner_references().len()), (2, 0))
    })
    .await;
    cluster.pods().patch(&pod.name_any(), &PatchParams::default(), &label("web")).await.unwrap();
    eventually("one too many goes", || async { expect(images(&cluster).await.len(), 1) }).await;
}
