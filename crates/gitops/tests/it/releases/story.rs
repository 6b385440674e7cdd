//! The life of a release: installed, upgraded, uninstalled.

use serde_json::{Value, json};

use super::{HELM, MAP, SOURCE, Shop, condition};

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_is_installed_and_told_of_in_the_words_of_flux() {
    let shop = Shop::open().await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP), ("templates/NOTES.txt", "Enjoy {{ .Release.Name }}.")]);
    shop.add_repository().await;
    shop.add_release(json!({ "values": { "key": "two" } })).await;

    let status = shop.released(1).await;
    let message = "Helm install succeeded for release apps/web.v1 with chart web@1.0.0";
    for type_ in ["Ready", "Released"] {
        let said = condition(&status, type_);
        assert_eq!((&said["reason"], &said["message"]), (&json!("InstallSucceeded"), &json!(message)), "{type_}");
    }
    assert_eq!(condition(&status, "Reconciling"), Value::Null);
    assert_eq!((&status["helmChart"], &status["storageNamespace"]), (&json!("apps/apps-web"), &json!("apps")));
    assert_eq!(status["lastAttemptedReleaseAction"], "install");
    let snapshot = &status["history"][0];
    assert_eq!((&snapshot["chartName"], &snapshot["chartVersion"]), (&json!("web"), &json!("1.0.0")));
    assert_eq!(
        (&snapshot["appVersion"], &snapshot["status"], &snapshot["action"]),
        (&json!("7"), &json!("deployed"), &json!("install"))
    );
    assert_eq!(status["inventory"]["entries"], json!([{ "id": "apps_web__ConfigMap", "v": "v1" }]));
    assert_eq!(shop.told("InstallSucceeded").await.split('\n').next(), Some(message));

    let map = shop.map().await.unwrap();
    assert_eq!(map["data"], json!({ "key": "two", "revision": "1" }));
    let labels = json!({ "app.kubernetes.io/managed-by": "Helm", "helm.toolkit.fluxcd.io/name": "web",
        "helm.toolkit.fluxcd.io/namespace": "apps" });
    assert_eq!(map["metadata"]["labels"], labels);
    let annotations = json!({ "meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "apps" });
    assert_eq!(map["metadata"]["annotations"], annotations);
    assert_eq!(map["metadata"]["managedFields"][0]["manager"], "helm-controller");

    let [record] = <[_; 1]>::try_from(shop.whole_records().await).unwrap();
    assert_eq!((record.info.status.as_str(), record.info.description.as_str()), ("deployed", "Install complete"));
    assert_eq!((record.info.notes.as_str(), record.apply_method.as_str()), ("Enjoy web.", "ssa"));
    assert_eq!(record.config.map(Value::Object), Some(json!({ "key": "two" })));
    assert!(record.manifest.starts_with("---\n# Source: web/templates/map.yaml\n"), "{}", record.manifest);
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_say_what_they_have_as_flux_does() {
    let shop = Shop::open().await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP)]);
    shop.add_repository().await;
    shop.add_release(json!({})).await;
    shop.released(1).await;
    let repository = shop.world.get(SOURCE, "HelmRepository", Some("apps"), "charts").await.unwrap()["status"].clone();
    let revision = repository["artifact"]["revision"].as_str().unwrap();
    assert!(revision.starts_with("sha256:"), "{revision}");
    assert_eq!(condition(&repository, "Ready")["message"], format!("stored artifact: revision '{revision}'"));

    let chart = shop.world.get(SOURCE, "HelmChart", Some("apps"), "apps-web").await.unwrap();
    assert_eq!(chart["metadata"]["labels"]["helm.toolkit.fluxcd.io/name"], "web");
    assert_eq!(chart["spec"]["sourceRef"], json!({ "kind": "HelmRepository", "name": "charts" }));
    let status = &chart["status"];
    let ready = condition(status, "Ready");
    assert_eq!(ready["reason"], "ChartPullSucceeded");
    assert_eq!(ready["message"], "pulled 'web' chart with version '1.0.0'");
    assert_eq!((&status["observedChartName"], &status["artifact"]["revision"]), (&json!("web"), &json!("1.0.0")));
    assert_eq!(status["observedSourceArtifactRevision"], revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_values_and_another_chart_are_upgrades_and_what_is_left_out_goes() {
    let shop = Shop::open().await;
    let spare = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: spare}\n";
    let kept =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept, annotations: {helm.sh/resource-policy: keep}}\n";
    shop.sell("1.0.0", &[("templates/map.yaml", MAP), ("templates/spare.yaml", spare), ("templates/kept.yaml", kept)]);
    shop.add_repository().await;
    shop.add_release(json!({ "maxHistory": 2 })).await;
    shop.released(1).await;
    let uid = shop.map().await.unwrap()["metadata"]["uid"].clone();

    shop.patch_release(json!({ "values": { "key": "two" } })).await;
    let status = shop.released(2).await;
    let message = "Helm upgrade succeeded for release apps/web.v2 with chart web@1.0.0";
    assert_eq!(condition(&status, "Released")["message"], message);
    assert_eq!(status["history"][1]["status"], "superseded");
    let map = shop.map().await.unwrap();
    assert_eq!((&map["data"]["key"], &map["data"]["revision"]), (&json!("two"), &json!("2")));
    assert_eq!(map["metadata"]["uid"], uid, "it was not made anew");

    shop.sell("1.1.0", &[("templates/map.yaml", MAP)]);
    shop.reconcile(SOURCE, "HelmRepository", "charts", "1").await;
    let status = shop.released(3).await;
    assert_eq!(status["history"][0]["chartVersion"], "1.1.0");
    let there = async |name| shop.world.get("v1", "ConfigMap", Some("apps"), name).await.is_some();
    assert!(!there("spare").await && there("kept").await);
    let records = shop.records().await;
    let told: Vec<_> = records.iter().map(|(version, status, _)| (*version, status.as_str())).collect();
    assert_eq!(told, [(2, "superseded"), (3, "deployed")], "no more than two are kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_released_again_that_is_as_it_should_be() {
    let shop = Shop::open().await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP)]);
    shop.add_repository().await;
    shop.add_release(json!({})).await;
    shop.released(1).await;
    shop.reconcile(HELM, "HelmRelease", "web", "1").await;
    shop.world
        .until("the request is answered", async || {
            let status = shop.release().await.unwrap()["status"].clone();
            if status["lastHandledReconcileAt"] == "1" { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
    assert_eq!(shop.records().await.len(), 1);
    // A release that is asked for whatever changed is made.
    let annotations = json!({ "reconcile.fluxcd.io/requestedAt": "2", "reconcile.fluxcd.io/forceAt": "2" });
    shop.world.patch(HELM, "HelmRelease", "apps", "web", json!({ "metadata": { "annotations": annotations } })).await;
    let status = shop.released(2).await;
    assert_eq!(status["lastHandledForceAt"], "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_with_its_helmrelease_and_stays_where_that_is_suspended() {
    let shop = Shop::open().await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP)]);
    shop.add_repository().await;
    shop.add_release(json!({})).await;
    shop.released(1).await;
    let api = shop.world.api(HELM, "HelmRelease", Some("apps"));
    api.delete("web", &Default::default()).await.unwrap();
    let gone = async || match shop.release().await {
        None => Ok(()),
        Some(object) => Err(object["status"].to_string()),
    };
    shop.world.until("the release is gone", gone).await;
    assert_eq!((shop.map().await, shop.records().await), (None, vec![]));
    let chart = shop.world.get(SOURCE, "HelmChart", Some("apps"), "apps-web").await;
    assert!(chart.is_none_or(|chart| chart["metadata"]["deletionTimestamp"].is_string()), "its chart goes too");

    shop.add_release(json!({})).await;
    shop.released(1).await;
    shop.patch_release(json!({ "suspend": true })).await;
    api.delete("web", &Default::default()).await.unwrap();
    shop.world.until("the release is gone", gone).await;
    assert!(shop.map().await.is_some());
    assert_eq!(shop.records().await.len(), 1);

    // Another one of its name takes over what is there.
    let uid = shop.map().await.unwrap()["metadata"]["uid"].clone();
    shop.add_release(json!({})).await;
    shop.released(2).await;
    assert_eq!(shop.map().await.unwrap()["metadata"]["uid"], uid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_is_called_otherwise_is_uninstalled_where_it_was() {
    let shop = Shop::open().await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP)]);
    shop.add_repository().await;
    shop.add_release(json!({})).await;
    shop.released(1).await;
    shop.patch_release(json!({ "targetNamespace": "new", "install": { "createNamespace": true } })).await;
    let status = shop.released(1).await;
    assert_eq!((&status["history"][0]["name"], &status["history"][0]["namespace"]), (&json!("new-web"), &json!("new")));
    assert!(shop.map().await.is_none());
    let moved = shop.world.get("v1", "ConfigMap", Some("new"), "new-web").await;
    assert_eq!(moved.unwrap()["data"]["key"], "one");
    let names: Vec<_> = shop.whole_records().await.into_iter().map(|record| (record.name, record.version)).collect();
    assert_eq!(names, [("new-web".to_owned(), 1)], "its records stay in the namespace of the HelmRelease");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_waits_for_those_it_depends_on() {
    let shop = Shop::open().await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP)]);
    shop.add_repository().await;
    shop.add_release(json!({ "dependsOn": [{ "name": "db" }] })).await;
    shop.says("False", "DependencyNotReady", "dependency 'apps/db' not found").await;
    let mut db = shop.release().await.unwrap();
    db["metadata"] = json!({ "name": "db", "namespace": "apps" });
    db["spec"]["dependsOn"] = json!([]);
    db["status"] = Value::Null;
    shop.world.create(HELM, "HelmRelease", db).await;
    shop.released(1).await;
    assert!(shop.world.get("v1", "ConfigMap", Some("apps"), "db").await.is_some());
}
