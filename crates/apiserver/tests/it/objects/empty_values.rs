//! Nulls and empty fields.

use serde_json::{Value, json};

use super::{MAPS, map};
use crate::support::{local, request::*};

/// Every way in which an object comes in.
const WAYS: [(&str, &str); 4] = [
    ("application/apply-patch+yaml", "?fieldManager=test"),
    ("application/merge-patch+json", ""),
    ("application/strategic-merge-patch+json", ""),
    ("application/json-patch+json", ""),
];

#[tokio::test]
async fn null_in_a_map_of_texts_is_the_empty_text_wherever_it_comes_in() {
    let (server, _directory) = local().await;
    let client = server.client();
    let nulls = json!({"a": null, "b": "x"});
    let (code, made) = post(&client, MAPS, map("made", nulls.clone())).await;
    assert_eq!((code, &made["data"]), (201, &json!({"a": "", "b": "x"})));
    let (code, updated) = put(&client, &format!("{MAPS}/made"), map("made", json!({"c": null}))).await;
    assert_eq!((code, &updated["data"]), (200, &json!({"c": ""})));
    for (media_type, query) in WAYS {
        let uri = format!("{MAPS}/made{query}");
        let (body, wanted) = match media_type {
            "application/apply-patch+yaml" => (map("made", nulls.clone()), json!({"a": "", "b": "x", "c": ""})),
            // In these a null takes a key away.
            "application/json-patch+json" => {
                (json!([{"op": "add", "path": "/data/d", "value": null}]), json!({"b": "x", "c": "", "d": ""}))
            }
            _ => (json!({"data": {"a": null}}), json!({"b": "x", "c": ""})),
        };
        let (code, patched) = patch(&client, &uri, media_type, body).await;
        assert_eq!((code, &patched["data"]), (200, &wanted), "{media_type}");
    }
}

#[tokio::test]
async fn nulls_inside_a_pod_are_the_zeros_of_their_types() {
    let (server, _directory) = local().await;
    let client = server.client();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "annotations": {"an": null}},
        "spec": {"containers": [{"name": "c", "image": "x", "args": [null, "b"], "resources": {
            "limits": {"cpu": null, "memory": "1024Mi"}}}]},
    });
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
    post(&client, "/api/v1/namespaces/default/serviceaccounts", account).await;
    let (_, posted) = post(&client, "/api/v1/namespaces/default/pods?dryRun=All", pod.clone()).await;
    let uri = "/api/v1/namespaces/default/pods/p?fieldManager=test";
    let (_, applied) = apply(&client, uri, pod.clone()).await;
    for made in [&posted, &applied] {
        let container = &made["spec"]["containers"][0];
        assert_eq!(container["args"], json!(["", "b"]));
        assert_eq!(container["resources"]["limits"], json!({"cpu": "0", "memory": "1Gi"}));
        assert_eq!(made["metadata"]["annotations"], json!({"an": ""}));
    }
    let (_, again) = apply(&client, uri, pod).await;
    assert_eq!(again, applied, "what is written otherwise than it is kept is no change");
    let mut held = map("held", json!({}));
    held["metadata"]["finalizers"] = json!([null]);
    let (code, refused) = post(&client, MAPS, held).await;
    assert_eq!(code, 422, "{refused}");
}

#[tokio::test]
async fn an_empty_field_that_is_taken_away_changes_nothing() {
    let (server, _directory) = local().await;
    let client = server.client();
    let deployment = |annotations: Value, more: Value| {
        let mut container = json!({"name": "c", "image": "x"});
        container.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "em"},
            "spec": {"selector": {"matchLabels": {"a": "em"}}, "template": {
                "metadata": {"labels": {"a": "em"}, "annotations": annotations}, "spec": {"containers": [container]}}},
        })
    };
    let uri = "/apis/apps/v1/namespaces/default/deployments/em?fieldManager=test";
    let applied = |body: Value| apply(&client, uri, body);
    let (code, one) = applied(deployment(json!({}), json!({"env": [], "stdin": false, "workingDir": ""}))).await;
    assert_eq!((code, &one["metadata"]["generation"]), (201, &json!(1)), "{one}");
    assert_eq!(one["spec"]["template"]["metadata"], json!({"labels": {"a": "em"}}));
    let (_, two) = applied(deployment(json!(null), json!({}))).await;
    assert_eq!(two["metadata"]["generation"], 1);
    assert_eq!(two["spec"], one["spec"]);
}
