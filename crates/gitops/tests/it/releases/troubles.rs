//! What fails, and what follows on it.

use serde_json::json;

use super::{HELM, MAP, SOURCE, Shop, condition};

/// A template that the API refuses where the value says so.
const REFUSED: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ if eq .Values.key \"bad\" }}Bad_Name{{ else }}fine{{ end \
                       }}\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_that_fails_is_told_and_given_up_until_something_changes() {
    let shop = Shop::open().await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP), ("templates/refused.yaml", REFUSED)]);
    shop.add_repository().await;
    shop.add_release(json!({ "values": { "key": "bad" } })).await;
    let status =
        shop.says("False", "InstallFailed", "Helm install failed for release apps/web with chart web@1.0.0: ").await;
    assert!(condition(&status, "Ready")["message"].as_str().unwrap().contains("Bad_Name"), "{status}");
    let stalled = shop
        .world
        .until("the release is given up", async || {
            let status = shop.release().await.unwrap()["status"].clone();
            let stalled = condition(&status, "Stalled");
            if stalled["status"] == "True" { Ok(stalled) } else { Err(status.to_string()) }
        })
        .await;
    assert_eq!(stalled["reason"], "RetriesExceeded");
    assert_eq!(stalled["message"], "Failed to install after 1 attempt(s)");
    let [(version, state, description)] = <[_; 1]>::try_from(shop.records().await).unwrap();
    assert_eq!((version, state.as_str()), (1, "failed"));
    assert!(description.starts_with("Release \"web\" failed: "), "{description}");
    assert!(shop.map().await.is_none(), "of what the API refuses a part of, nothing is applied");

    shop.patch_release(json!({ "values": { "key": "good" } })).await;
    let status = shop.released(2).await;
    assert_eq!(condition(&status, "Stalled"), serde_json::Value::Null);
    assert_eq!(shop.map().await.unwrap()["data"]["key"], "good");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_fails_is_rolled_back_where_that_is_asked_for() {
    let shop = Shop::open().await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP), ("templates/refused.yaml", REFUSED)]);
    shop.add_repository().await;
    shop.add_release(json!({ "upgrade": { "remediation": { "retries": 0, "remediateLastFailure": true } } })).await;
    shop.released(1).await;
    shop.patch_release(json!({ "values": { "key": "bad" } })).await;
    let message = "Helm rollback to previous release apps/web.v1 with chart web@1.0.0 succeeded";
    let status = shop.says("False", "RollbackSucceeded", message).await;
    assert_eq!(condition(&status, "Remediated")["status"], "True");
    assert_eq!(condition(&status, "Released")["reason"], "UpgradeFailed");
    assert!(
        shop.told("UpgradeFailed").await.starts_with("Helm upgrade failed for release apps/web with chart web@1.0.0: ")
    );
    let records = shop.records().await;
    let told: Vec<_> = records.iter().map(|(version, status, _)| (*version, status.as_str())).collect();
    assert_eq!(told, [(1, "superseded"), (2, "failed"), (3, "deployed")]);
    assert_eq!(records[2].2, "Rollback to 1");
    assert_eq!(shop.map().await.unwrap()["data"]["key"], "one");

    // What was rolled back to is what is asked for by now.
    shop.patch_release(json!({ "values": null })).await;
    let status = shop.released(3).await;
    assert_eq!(condition(&status, "Remediated"), serde_json::Value::Null);
    assert_eq!(condition(&status, "Ready")["reason"], "UpgradeSucceeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_is_tried_again_as_often_as_that_is_asked_for_and_uninstalled_in_between() {
    let shop = Shop::open().await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP), ("templates/refused.yaml", REFUSED)]);
    shop.add_repository().await;
    let install = json!({ "remediation": { "retries": 1 } });
    shop.add_release(json!({ "values": { "key": "bad" }, "install": install })).await;
    shop.world
        .until("it was tried twice", async || {
            let status = shop.release().await.unwrap()["status"].clone();
            let stalled = condition(&status, "Stalled");
            let is_over = stalled["message"] == "Failed to install after 2 attempt(s)";
            if is_over { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
    assert!(
        shop.told("UninstallSucceeded")
            .await
            .contains("Helm uninstall remediation for release apps/web.v1 with chart web@1.0.0")
    );
    let records = shop.records().await;
    assert_eq!(
        records.iter().map(|(version, status, _)| (*version, status.as_str())).collect::<Vec<_>>(),
        [(1, "failed")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn values_come_from_where_the_release_says_and_what_is_secret_is_not_shown() {
    let shop = Shop::open().await;
    let wrong = "{{ if eq .Values.key \"open-sesame\" }}{{ fail (printf \"it is %s\" .Values.key) }}{{ end }}\n";
    shop.sell("1.0.0", &[("templates/map.yaml", MAP), ("templates/wrong.yaml", wrong)]);
    shop.add_repository().await;
    let map = json!({ "metadata": { "name": "given", "namespace": "apps" }, "data": { "values.yaml": "key: map\nother: 1\n", "only": "path" } });
    shop.world.create("v1", "ConfigMap", map).await;
    shop.add_release(json!({ "valuesFrom": [{ "kind": "Secret", "name": "given" }] })).await;
    let missing = "could not resolve Secret chart values reference 'apps/given' with key 'values.yaml': secrets \"given\" not found";
    shop.says("False", "ValuesError", missing).await;

    shop.patch_release(json!({ "valuesFrom": [{ "kind": "ConfigMap", "name": "given" },
        { "kind": "ConfigMap", "name": "none", "optional": true }] }))
        .await;
    shop.released(1).await;
    assert_eq!(shop.map().await.unwrap()["data"]["key"], "map");
    shop.patch_release(
        json!({ "valuesFrom": [{ "kind": "ConfigMap", "name": "given", "valuesKey": "only", "targetPath": "key" }] }),
    )
    .await;
    shop.released(2).await;
    assert_eq!(shop.map().await.unwrap()["data"]["key"], "path");

    let secret = json!({ "metadata": { "name": "given", "namespace": "apps" }, "stringData": { "values.yaml": "key: open-sesame" } });
    shop.world.create("v1", "Secret", secret).await;
    shop.patch_release(json!({ "valuesFrom": [{ "kind": "Secret", "name": "given" }] })).await;
    let status = shop.says("False", "UpgradeFailed", "it is *****").await;
    assert!(!status.to_string().contains("sesame"), "{status}");
    assert!(!shop.told("UpgradeFailed").await.contains("sesame"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_supported_is_refused_by_name() {
    let shop = Shop::open().await;
    shop.add_release(json!({ "upgrade": { "preserveValues": true } })).await;
    let status = shop.says("False", "UnsupportedFeature", "spec.upgrade.preserveValues is not supported yet").await;
    assert_eq!(condition(&status, "Stalled")["status"], "True");
    assert!(shop.world.get(SOURCE, "HelmChart", Some("apps"), "apps-web").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_waits_for_what_expressions_say_of_its_objects_and_fails_where_one_is_none() {
    let shop = Shop::open().await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP)]);
    shop.add_repository().await;
    let expressions = |current: &str| json!([{ "apiVersion": "v1", "kind": "ConfigMap", "current": current, "failed": "data.key == 'bad'" }]);
    shop.add_release(json!({ "values": { "key": "bad" }, "healthCheckExprs": expressions("data.key == 'fine' &") }))
        .await;
    let words = "spec.healthCheckExprs[0].current cannot be read as an expression of CEL: 1:20: syntax error: unexpected character '&'";
    let status = shop.says("False", "InvalidCELExpression", words).await;
    assert_eq!(condition(&status, "Stalled")["reason"], "InvalidCELExpression");

    shop.patch_release(json!({ "healthCheckExprs": expressions("data.key == 'fine'") })).await;
    shop.says("False", "InstallFailed", "status: 'Failed': failed of its healthCheckExprs holds").await;
    shop.patch_release(json!({ "values": { "key": "fine" } })).await;
    shop.says("True", "UpgradeSucceeded", "").await;
    let dependency = json!([{ "name": "web", "readyExpr": "dep.spec.values.key == self.spec.values.key && dep.spec.values.none == 1" }]);
    shop.patch_release(json!({ "dependsOn": dependency, "values": { "key": "other" } })).await;
    let words = "failed to evaluate the CEL expression 'dep.spec.values.key == self.spec.values.key && dep.spec.values.none == 1': no such key: none";
    shop.says("False", "DependencyNotReady", words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_was_being_made_when_the_agents_ended_is_taken_up() {
    let mut shop = Shop::open().await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP)]);
    shop.add_repository().await;
    shop.add_release(json!({})).await;
    shop.released(1).await;
    shop.world.kill_agents().await;
    // An upgrade was begun, and nobody ended it.
    let mut record = shop.whole_records().await.remove(0);
    record.version = 2;
    record.info.status = "pending-upgrade".to_owned();
    let data = String::from_utf8(record.encode().unwrap()).unwrap();
    let labels = json!({ "name": "web", "owner": "helm", "status": "pending-upgrade", "version": "2" });
    let secret = json!({ "metadata": { "name": "sh.helm.release.v1.web.v2", "namespace": "apps", "labels": labels },
        "type": "helm.sh/release.v1", "stringData": { "release": data } });
    shop.world.create("v1", "Secret", secret).await;
    shop.world.start_agents();
    shop.released(3).await;
    let records = shop.records().await;
    assert_eq!(
        (records[1].1.as_str(), records[1].2.as_str()),
        ("failed", "Release unlocked from stale 'pending-upgrade' state")
    );
    shop.world.get(HELM, "HelmRelease", Some("apps"), "web").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_of_a_kind_that_is_not_there_yet_is_made_once_it_is() {
    let shop = Shop::open().await;
    let widget = "apiVersion: late.example.org/v1\nkind: Widget\nmetadata: {name: w}\n";
    shop.sell("1.0.0", &[("templates/map.yaml", MAP), ("templates/widget.yaml", widget)]);
    shop.add_repository().await;
    shop.add_release(json!({})).await;
    let status =
        shop.says("False", "InstallFailed", "unable to build kubernetes objects from release manifest: ").await;
    assert_eq!(condition(&status, "Stalled"), serde_json::Value::Null);
    assert!(shop.records().await.is_empty(), "nothing was begun");
    let names = json!({ "kind": "Widget", "plural": "widgets", "singular": "widget" });
    let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let version = json!({ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } });
    let definition = json!({ "metadata": { "name": "widgets.late.example.org" }, "spec": { "group": "late.example.org",
        "scope": "Namespaced", "names": names, "versions": [version] } });
    shop.world.create("apiextensions.k8s.io/v1", "CustomResourceDefinition", definition).await;
    shop.released(1).await;
    assert_eq!(shop.map().await.unwrap()["data"]["revision"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_of_more_revisions_than_are_listed_at_once_goes_on() {
    let shop = Shop::open().await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP)]);
    shop.add_repository().await;
    shop.add_release(json!({ "maxHistory": 0 })).await;
    shop.released(1).await;
    // By their names, which is how they are listed, the newest are not the last.
    let mut record = shop.whole_records().await.remove(0);
    for version in 2..=1010 {
        record.version = version;
        record.info.status = if version == 1010 { "deployed" } else { "superseded" }.to_owned();
        let data = String::from_utf8(record.encode().unwrap()).unwrap();
        let labels =
            json!({ "name": "web", "owner": "helm", "status": record.info.status, "version": version.to_string() });
        let name = format!("sh.helm.release.v1.web.v{version}");
        let secret = json!({ "metadata": { "name": name, "namespace": "apps", "labels": labels },
            "type": "helm.sh/release.v1", "stringData": { "release": data } });
        shop.world.create("v1", "Secret", secret).await;
    }
    shop.patch_release(json!({ "values": { "key": "two" } })).await;
    shop.released(1011).await;
    assert_eq!(shop.map().await.unwrap()["data"]["revision"], "1011");
}
