//! What is refused or warned of.

use http::{Method, Request};
use serde_json::{Value, json};

use super::{MAPS, map};
use crate::support::{local, request::*};

#[tokio::test]
async fn unknown_and_doubled_fields_are_refused_warned_of_or_dropped() {
    let (server, _directory) = local().await;
    let client = server.client();
    let text =
        r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"dta":{},"data":{"k":"1"},"data":{"k":"2"}}"#;
    let send = async |validation: &str| {
        let request = Request::builder().method(Method::POST).uri(format!("{MAPS}?{validation}"));
        let request = request.header("content-type", "application/json");
        let response = client.send(request.body(text.as_bytes().to_vec().into()).unwrap()).await.unwrap();
        let warnings: Vec<String> =
            response.headers().get_all("warning").iter().map(|text| text.to_str().unwrap().to_owned()).collect();
        let code = response.status().as_u16();
        let body: Value = serde_json::from_slice(&response.into_body().collect_bytes().await.unwrap()).unwrap();
        (code, warnings, body)
    };
    let (code, _, status) = send("fieldValidation=Strict").await;
    let words = "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: \
                 duplicate field \"data\", unknown field \"dta\"";
    assert_eq!((code, message(&status)), (400, words));
    let (code, warnings, made) = send("dryRun=All").await;
    assert_eq!(code, 201);
    assert_eq!(warnings, [r#"299 - "duplicate field \"data\"""#, r#"299 - "unknown field \"dta\"""#]);
    assert_eq!((made.get("dta"), &made["data"]["k"]), (None, &json!("2")));
    let (code, warnings, _) = send("fieldValidation=Ignore").await;
    assert_eq!((code, warnings), (201, Vec::new()));
}

#[tokio::test]
async fn what_is_wrong_with_an_object_is_said_field_by_field() {
    let (server, _directory) = local().await;
    let client = server.client();
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "Web"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"spec": {"containers": []}}},
    });
    let (code, status) = post(&client, "/apis/apps/v1/namespaces/default/deployments", deployment).await;
    assert_eq!((code, &status["reason"]), (422, &json!("Invalid")));
    assert!(message(&status).starts_with("Deployment.apps \"Web\" is invalid: ["), "{status}");
    let fields: Vec<&str> =
        status["details"]["causes"].as_array().unwrap().iter().map(|cause| cause["field"].as_str().unwrap()).collect();
    assert!(fields.contains(&"metadata.name") && fields.contains(&"spec.template.spec.containers"), "{fields:?}");
    let (code, status) = post(
        &client,
        MAPS,
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": 1}}),
    )
    .await;
    assert_eq!(code, 400);
    assert!(
        message(&status)
            .starts_with("ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal"),
        "{status}"
    );
}

#[tokio::test]
async fn what_is_too_large_or_nested_too_deeply_is_refused() {
    let (server, _directory) = local().await;
    let client = server.client();
    let (code, status) = post(&client, MAPS, map("a", json!({"k": "x".repeat(4 << 20)}))).await;
    assert_eq!((code, &status["reason"]), (413, &json!("RequestEntityTooLarge")));
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let request = Request::post(MAPS).header("content-type", "application/json");
    let response = client.send(request.body(deep.into_bytes().into()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn nothing_is_written_that_could_not_be_answered() {
    let (server, _directory) = local().await;
    let client = server.client();
    let request = Request::post(MAPS).header("content-type", "application/json").header("accept", "image/png");
    let body = serde_json::to_vec(&map("a", json!({}))).unwrap();
    let response = client.send(request.body(body.into()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 406);
    assert_eq!(get(&client, &format!("{MAPS}/a")).await.0, 404);
}

#[tokio::test]
async fn whoever_writes_what_has_no_effect_is_told() {
    let (server, _directory) = local().await;
    let client = server.client();
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}});
    let request = Request::post("/api/v1/namespaces/default/resourcequotas").header("content-type", "application/json");
    let response = client.send(request.body(serde_json::to_vec(&quota).unwrap().into()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 201);
    let warning = response.headers()["warning"].to_str().unwrap();
    assert_eq!(warning, "299 - \"v1 ResourceQuota: kept without effect, quotas are not enforced by this server\"");
}
