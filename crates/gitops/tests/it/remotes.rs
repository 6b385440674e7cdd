//! What kustomizations name outside of their repository, and charts that they inflate.

use serde_json::json;

use crate::world::{Repository, World, condition, config_map, kustomization};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 0.1.0\n";
const TEMPLATE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n  namespace: {{ .Release.Namespace }}\n\
                        data:\n  size: {{ .Values.size | quote }}\n  chance: {{ randAlphaNum 20 }}\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_base_in_another_repository_is_applied_and_looked_at_again_when_the_interval_is_over() {
    let world = World::new().await;
    let other = tempfile::tempdir().unwrap();
    let base = Repository::new(other.path().join("base"));
    base.write("app/kustomization.yaml", "resources: [map.yaml]\n");
    base.write("app/map.yaml", &config_map("apps", "remote", "1"));
    base.commit("first");
    let url = format!("file://{}//app?ref=main", base.path().display());
    world.repository.write("apps/kustomization.yaml", &format!("resources: ['{url}']\nnamePrefix: a-\n"));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({ "interval": "2s" }))).await;
    world.ready("apps", &revision).await;
    let value = async || world.get("v1", "ConfigMap", Some("apps"), "a-remote").await.map(|map| map["data"].clone());
    assert_eq!(value().await, Some(json!({ "key": "1" })));

    base.write("app/map.yaml", &config_map("apps", "remote", "2"));
    base.commit("second");
    world
        .until("the change of the base arrives", async || match value().await {
            Some(data) if data == json!({ "key": "2" }) => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_base_that_cannot_be_fetched_is_named_and_tried_again() {
    let world = World::new().await;
    let other = tempfile::tempdir().unwrap();
    let path = other.path().join("base");
    let url = format!("file://{}//app", path.display());
    world.repository.write("apps/kustomization.yaml", &format!("resources: ['{url}']\n"));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({ "retryInterval": "1s" }))).await;
    world
        .until("the failure is said", async || {
            let object = world.kustomization("apps").await.unwrap();
            match condition(&object, "Ready") {
                Some((_, reason, message)) if reason == "BuildFailed" && message.contains("/base") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    let base = Repository::new(path);
    base.write("app/kustomization.yaml", "resources: [map.yaml]\n");
    base.write("app/map.yaml", &config_map("apps", "late", "1"));
    base.commit("first");
    world.ready("apps", &revision).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_in_the_tree_gives_the_same_after_a_restart() {
    let mut world = World::new().await;
    world.repository.write("apps/charts/web/Chart.yaml", CHART);
    world.repository.write("apps/charts/web/values.yaml", "size: 1\n");
    world.repository.write("apps/charts/web/templates/map.yaml", TEMPLATE);
    let kustomize = "helmCharts:\n- name: web\n  releaseName: shop\n  namespace: apps\n  valuesInline: {size: 2}\n";
    world.repository.write("apps/kustomization.yaml", kustomize);
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({}))).await;
    world.ready("apps", &revision).await;
    let before = world.get("v1", "ConfigMap", Some("apps"), "shop").await.unwrap();
    assert_eq!(before["data"]["size"], "2");
    assert_eq!(before["data"]["chance"].as_str().unwrap().len(), 20);

    world.kill_agents().await;
    world.forget_renders();
    world.repository.write("apps/charts/web/values.yaml", "size: 1\nmore: 1\n");
    let second = world.repository.commit("second");
    world.start_agents();
    world.ready("apps", &second).await;
    let after = world.get("v1", "ConfigMap", Some("apps"), "shop").await.unwrap();
    assert_eq!(after["data"], before["data"]);
}
