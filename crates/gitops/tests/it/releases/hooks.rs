//! Hooks and tests of releases, definitions of charts.

use serde_json::{Value, json};

use super::{HELM, MAP, Shop, condition};

/// A hook that is there as soon as it is made, and says when that was by the revision that it has.
fn hook(name: &str, events: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  annotations:\n    helm.sh/hook: {events}\n{more}data: {{revision: \
         \"{{{{ .Release.Revision }}}}\"}}\n"
    )
}

fn annotation(key: &str, value: &str) -> String {
    format!("    helm.sh/{key}: \"{value}\"\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_run_in_their_order_and_go_as_they_say() {
    let shop = Shop::open().await;
    let weight = |weight: &str| annotation("hook-weight", weight);
    let first = hook("first", "pre-install", &weight("-5"));
    let second = hook("second", "pre-install,pre-upgrade", &weight("5"));
    let gone = hook("gone", "post-install", &annotation("hook-delete-policy", "hook-succeeded"));
    let last = hook("last", "post-upgrade", "");
    shop.sell(
        "1.0.0",
        &[
            ("templates/map.yaml", MAP),
            ("templates/a.yaml", &second),
            ("templates/b.yaml", &first),
            ("templates/c.yaml", &gone),
            ("templates/d.yaml", &last),
        ],
    );
    shop.add_repository().await;
    shop.add_release(json!({})).await;
    shop.released(1).await;
    let revision = async |name| {
        let found = shop.world.get("v1", "ConfigMap", Some("apps"), name).await;
        found.map(|found| found["data"]["revision"].as_str().unwrap().to_owned())
    };
    assert_eq!(revision("first").await.as_deref(), Some("1"));
    assert_eq!((revision("gone").await, revision("last").await), (None, None));
    let record = shop.whole_records().await.remove(0);
    let run = |name: &str| record.hooks.iter().find(|hook| hook.name == name).unwrap().last_run.clone();
    for name in ["first", "second", "gone"] {
        assert_eq!(run(name).phase, "Succeeded", "{name}");
    }
    let (one, two) = (run("first"), run("second"));
    assert!(one.completed_at <= two.started_at, "{one:?} {two:?}");
    assert!(two.completed_at <= run("gone").started_at);
    assert_eq!(run("last").phase, "");

    shop.patch_release(json!({ "values": { "key": "two" } })).await;
    shop.released(2).await;
    assert_eq!(revision("first").await.as_deref(), Some("1"), "it is no hook of upgrades");
    assert_eq!(revision("second").await.as_deref(), Some("2"));
    assert_eq!(revision("last").await.as_deref(), Some("2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_fails_keeps_what_comes_after_it_from_being_made() {
    let shop = Shop::open().await;
    let fine = hook("fine", "pre-install", &annotation("hook-delete-policy", "hook-succeeded"));
    let refused = hook("Bad_Name", "pre-install", &annotation("hook-weight", "5"));
    shop.sell("1.0.0", &[("templates/map.yaml", MAP), ("templates/a.yaml", &fine), ("templates/b.yaml", &refused)]);
    shop.add_repository().await;
    shop.add_release(json!({})).await;
    let said = "failed pre-install: warning: Hook pre-install web/templates/b.yaml failed: ";
    shop.says("False", "InstallFailed", said).await;
    assert!(shop.map().await.is_none());
    let fine = shop.world.get("v1", "ConfigMap", Some("apps"), "fine").await;
    assert!(fine.is_none(), "what succeeded before goes as it says");
    shop.patch_release(json!({ "install": { "disableHooks": true }, "upgrade": { "disableHooks": true } })).await;
    shop.released(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_run_after_a_release_and_are_told() {
    let shop = Shop::open().await;
    let files = [("check", "test"), ("other", "test")]
        .map(|(name, event)| (format!("templates/{name}.yaml"), hook(name, event, "")));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    shop.sell("1.0.0", &[&[("templates/map.yaml", MAP)], &files[..]].concat());
    shop.add_repository().await;
    shop.add_release(json!({ "test": { "enable": true, "filters": [{ "name": "other", "exclude": true }] } })).await;
    let status = shop.says("True", "TestSucceeded", "1 test hook completed successfully").await;
    assert_eq!(condition(&status, "TestSuccess")["status"], "True");
    let tests = &status["history"][0]["testHooks"];
    assert_eq!(tests["check"]["phase"], "Succeeded");
    assert_eq!(tests["other"], Value::Null);
    assert!(shop.world.get("v1", "ConfigMap", Some("apps"), "other").await.is_none());
}

/// A definition of the kind Widget, with a note of which chart it is.
fn definition(note: &str) -> String {
    json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "widgets.example.org", "annotations": { "note": note } },
        "spec": { "group": "example.org", "scope": "Namespaced",
            "names": { "kind": "Widget", "plural": "widgets", "singular": "widget" },
            "versions": [{ "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } } }] } })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_of_a_chart_are_made_first_and_replaced_where_that_is_asked_for() {
    let shop = Shop::open().await;
    let widget = "{{ if .Capabilities.APIVersions.Has \"example.org/v1/Widget\" }}\napiVersion: example.org/v1\nkind: \
                  Widget\nmetadata: {name: w}\n{{ end }}\n";
    let files = |note: &str| [("crds/widget.yaml", definition(note)), ("templates/widget.yaml", widget.to_owned())];
    let sell = |version: &str, note: &str| {
        let files = files(note);
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        shop.sell(version, &files);
    };
    sell("1.0.0", "one");
    shop.add_repository().await;
    shop.add_release(json!({})).await;
    shop.released(1).await;
    assert!(shop.world.get("example.org/v1", "Widget", Some("apps"), "w").await.is_some());
    let note = async || {
        let api_version = "apiextensions.k8s.io/v1";
        let found = shop.world.get(api_version, "CustomResourceDefinition", None, "widgets.example.org").await.unwrap();
        found["metadata"]["annotations"]["note"].as_str().unwrap().to_owned()
    };
    assert_eq!(note().await, "one");
    sell("1.1.0", "two");
    shop.reconcile(super::SOURCE, "HelmRepository", "charts", "1").await;
    shop.released(2).await;
    assert_eq!(note().await, "one", "what is there stays");
    sell("1.2.0", "three");
    shop.patch_release(json!({ "upgrade": { "crds": "CreateReplace" } })).await;
    shop.reconcile(super::SOURCE, "HelmRepository", "charts", "2").await;
    shop.released(3).await;
    assert_eq!(note().await, "three");
    let api = shop.world.api(HELM, "HelmRelease", Some("apps"));
    api.delete("web", &Default::default()).await.unwrap();
    shop.world
        .until("the release is gone", async || if shop.release().await.is_none() { Ok(()) } else { Err("it is there") })
        .await;
    assert_eq!(note().await, "three", "definitions never go");
}
