//! What a release may do is what its account may.

use serde_json::{Value, json};

use super::{HELM, MAP, SOURCE, Shop, condition};

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_made_with_the_rights_of_its_account() {
    let shop = Shop::open().await;
    let elsewhere = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: stolen, namespace: other}\n";
    shop.sell("1.0.0", &[("templates/map.yaml", MAP), ("templates/other.yaml", elsewhere)]);
    shop.add_repository().await;
    let account = json!({ "metadata": { "name": "tenant", "namespace": "apps" } });
    shop.world.create("v1", "ServiceAccount", account).await;
    let subject = json!({ "kind": "ServiceAccount", "name": "tenant", "namespace": "apps" });
    let binding = json!({ "metadata": { "name": "tenant", "namespace": "apps" }, "subjects": [subject],
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit" } });
    shop.world.create("rbac.authorization.k8s.io/v1", "RoleBinding", binding).await;
    shop.add_release(json!({ "serviceAccountName": "tenant" })).await;
    let user = "system:serviceaccount:apps:tenant";
    let status = shop.says("False", "InstallFailed", user).await;
    let message = condition(&status, "Ready")["message"].to_string();
    assert!(message.contains("other") && message.contains("forbidden"), "{message}");
    assert!(shop.map().await.is_none());

    shop.sell("1.1.0", &[("templates/map.yaml", MAP)]);
    shop.reconcile(super::SOURCE, "HelmRepository", "charts", "1").await;
    shop.released(2).await;
    let secret = shop.world.get("v1", "Secret", Some("apps"), "sh.helm.release.v1.web.v2").await.unwrap();
    assert_eq!(secret["type"], "helm.sh/release.v1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_does_not_exist_may_nothing_and_holds_no_deletion_up() {
    let shop = Shop::open().await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP)]);
    shop.add_repository().await;
    shop.add_release(json!({ "serviceAccountName": "nobody" })).await;
    shop.says("False", "StateError", "system:serviceaccount:apps:nobody").await;
    assert!(shop.map().await.is_none());
    shop.world.api(HELM, "HelmRelease", Some("apps")).delete("web", &Default::default()).await.unwrap();
    shop.world
        .until("the release is gone", async || if shop.release().await.is_none() { Ok(()) } else { Err("it is there") })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_templates_look_up_is_what_the_account_may_see() {
    let shop = Shop::open().await;
    let look = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seen}\ndata:\n  own: {{ (lookup \"v1\" \"ConfigMap\" \"apps\" \
                \"mine\").data.key | default \"none\" | quote }}\n  other: {{ (lookup \"v1\" \"Secret\" \"other\" \"theirs\").data | \
                toJson | quote }}\n";
    shop.sell("1.0.0", &[("templates/look.yaml", look)]);
    let map = json!({ "metadata": { "name": "mine", "namespace": "apps" }, "data": { "key": "mine" } });
    shop.world.create("v1", "ConfigMap", map).await;
    let secret =
        json!({ "metadata": { "name": "theirs", "namespace": "other" }, "stringData": { "key": "open-sesame" } });
    shop.world.create("v1", "Secret", secret).await;
    shop.world.create("v1", "ServiceAccount", json!({ "metadata": { "name": "tenant", "namespace": "apps" } })).await;
    let subject = json!({ "kind": "ServiceAccount", "name": "tenant", "namespace": "apps" });
    let binding = json!({ "metadata": { "name": "tenant", "namespace": "apps" }, "subjects": [subject],
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit" } });
    shop.world.create("rbac.authorization.k8s.io/v1", "RoleBinding", binding).await;
    shop.add_repository().await;
    shop.add_release(json!({ "serviceAccountName": "tenant" })).await;
    let status = shop.says("False", "InstallFailed", "secrets \"theirs\" is forbidden").await;
    assert!(!status.to_string().contains("sesame"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_templates_look_up_of_secrets_is_in_no_word_of_their_errors() {
    let shop = Shop::open().await;
    let look = "{{ fail (printf \"it is %s\" (lookup \"v1\" \"Secret\" \"apps\" \"own\").data.key) }}\n";
    shop.sell("1.0.0", &[("templates/look.yaml", look)]);
    let secret = json!({ "metadata": { "name": "own", "namespace": "apps" }, "stringData": { "key": "open-sesame" } });
    shop.world.create("v1", "Secret", secret).await;
    shop.add_repository().await;
    shop.add_release(json!({})).await;
    let status = shop.says("False", "InstallFailed", "it is ***").await;
    // In base64, as it is looked up.
    assert!(!status.to_string().contains("b3Blbi1zZXNhbWU"), "{status}");
}

/// A HelmRelease that takes a chart from the repository in `apps`.
async fn add(shop: &Shop, namespace: &str, name: &str, chart: &str) {
    let source = json!({ "kind": "HelmRepository", "name": "charts", "namespace": "apps" });
    let chart = json!({ "spec": { "chart": chart, "version": "*", "sourceRef": source } });
    let metadata = json!({ "name": name, "namespace": namespace });
    let object = json!({ "metadata": metadata, "spec": { "interval": "1h", "chart": chart } });
    shop.world.create(HELM, "HelmRelease", object).await;
}

/// Waits until the condition Ready of a HelmRelease says this.
async fn until_it_says(shop: &Shop, namespace: &str, name: &str, status: &str, text: &str) -> Value {
    shop.world
        .until(&format!("{namespace}/{name} says {text:?}"), async || {
            let object = shop.world.get(HELM, "HelmRelease", Some(namespace), name).await.unwrap_or_default();
            let ready = condition(&object["status"], "Ready");
            let says = ready["message"].as_str().unwrap_or_default().contains(text);
            if ready["status"] == status && says { Ok(object) } else { Err(object["status"].to_string()) }
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_is_called_like_another_one_takes_nothing_from_it() {
    let shop = Shop::open().await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP)]);
    shop.add_repository().await;
    for namespace in ["poor", "poor-x"] {
        shop.world.create("v1", "Namespace", json!({ "metadata": { "name": namespace } })).await;
    }
    let chart = async || shop.world.get(SOURCE, "HelmChart", Some("apps"), "poor-x-web").await.unwrap_or_default();
    add(&shop, "poor-x", "web", "web").await;
    until_it_says(&shop, "poor-x", "web", "True", "").await;

    // Both mean the HelmChart apps/poor-x-web.
    add(&shop, "poor", "x-web", "other").await;
    let told = "HelmChart 'apps/poor-x-web' is that of HelmRelease 'poor-x/web'";
    until_it_says(&shop, "poor", "x-web", "False", told).await;
    assert_eq!(chart().await["spec"]["chart"], "web");
    let victim = until_it_says(&shop, "poor-x", "web", "True", "").await;
    assert_eq!(victim["status"]["history"].as_array().map(Vec::len), Some(1), "{victim}");

    // One that is gone has nothing any more, even if it has left its chart: that goes with what it brought.
    shop.world.patch(HELM, "HelmRelease", "poor-x", "web", json!({ "spec": { "suspend": true } })).await;
    shop.world.api(HELM, "HelmRelease", Some("poor-x")).delete("web", &Default::default()).await.unwrap();
    let uid = chart().await["metadata"]["uid"].clone();
    let annotations = json!({ "reconcile.fluxcd.io/requestedAt": "1" });
    shop.world
        .until("the other one is gone", async || {
            let found = shop.world.get(HELM, "HelmRelease", Some("poor-x"), "web").await;
            if found.is_none() { Ok(()) } else { Err("it is there") }
        })
        .await;
    let metadata = json!({ "metadata": { "annotations": annotations } });
    shop.world.patch(HELM, "HelmRelease", "poor", "x-web", metadata).await;
    shop.world
        .until("the chart is that of the one that is left", async || {
            let chart = chart().await;
            let is_its = chart["spec"]["chart"] == "other" && chart["metadata"]["uid"] != uid;
            if is_its { Ok(()) } else { Err(chart.to_string()) }
        })
        .await;
    // What the chart of before made was never tried for it.
    assert!(shop.world.get("v1", "ConfigMap", Some("poor"), "x-web").await.is_none());
}
