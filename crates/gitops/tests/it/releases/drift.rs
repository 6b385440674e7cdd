//! What others change of a release.

use serde_json::json;

use super::{HELM, MAP, Shop, condition};

#[tokio::test(flavor = "multi_thread")]
async fn what_others_change_stays_unless_it_is_to_be_put_right() {
    let shop = Shop::open().await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP)]);
    shop.add_repository().await;
    shop.add_release(json!({})).await;
    shop.released(1).await;
    shop.world.patch("v1", "ConfigMap", "apps", "web", json!({ "data": { "key": "by hand" } })).await;
    shop.reconcile(HELM, "HelmRelease", "web", "1").await;
    shop.world
        .until("the request is answered", async || {
            let status = shop.release().await.unwrap()["status"].clone();
            if status["lastHandledReconcileAt"] == "1" { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
    assert_eq!(shop.map().await.unwrap()["data"]["key"], "by hand");

    shop.patch_release(json!({ "driftDetection": { "mode": "warn" } })).await;
    let told = shop.told("DriftDetected").await;
    assert!(told.contains("ConfigMap/apps/web changed (0 additions, 1 changes, 0 removals)"), "{told}");
    assert_eq!(shop.map().await.unwrap()["data"]["key"], "by hand");

    shop.patch_release(json!({ "driftDetection": { "mode": "enabled" } })).await;
    let right = async || {
        let found = shop.map().await.map(|map| map["data"]["key"].clone()).unwrap_or_default();
        if found == "one" { Ok(()) } else { Err(found.to_string()) }
    };
    shop.world.until("it is put right", right).await;
    assert!(shop.told("DriftCorrected").await.contains("Cluster state of release apps/web.v1 has been corrected"));
    let status = shop.released(1).await;
    assert_eq!(condition(&status, "Drifted")["status"], "False");

    // From now on it is put right as it happens, and what is gone is made again.
    shop.world.api("v1", "ConfigMap", Some("apps")).delete("web", &Default::default()).await.unwrap();
    shop.world.until("it is there again", right).await;
    assert_eq!(shop.records().await.len(), 1, "no release is made for that");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ignored_is_left_to_whoever_changes_it() {
    let shop = Shop::open().await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP)]);
    shop.add_repository().await;
    let ignore = json!([{ "paths": ["/data/key"], "target": { "kind": "ConfigMap" } }]);
    shop.add_release(json!({ "driftDetection": { "mode": "enabled", "ignore": ignore } })).await;
    shop.released(1).await;
    shop.world.patch("v1", "ConfigMap", "apps", "web", json!({ "data": { "key": "by hand", "revision": "9" } })).await;
    shop.world
        .until("the rest is put right", async || {
            let found = shop.map().await.unwrap()["data"].clone();
            if found["revision"] == "1" { Ok(()) } else { Err(found.to_string()) }
        })
        .await;
    assert_eq!(shop.map().await.unwrap()["data"]["key"], "by hand");
}
