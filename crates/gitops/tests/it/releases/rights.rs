//! What a release may do is what its account may.

use serde_json::json;

use super::{HELM, MAP, Shop, condition};

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
