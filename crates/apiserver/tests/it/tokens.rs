//! Tokens of service accounts: how one is asked for, what it is bound to, and whom it makes of who brings it.

use crate::support::{local, request::*};
use cowherd_apiserver::{ApiServer, User};
use http::Request;
use serde_json::{Value, json};

const CORE: &str = "/api/v1/namespaces/default";
const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// A server with the service account `robot`.
async fn with_robot() -> (ApiServer, tempfile::TempDir) {
    let (server, directory) = local().await;
    let robot = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}});
    assert_eq!(post(&server.client(), &format!("{CORE}/serviceaccounts"), robot).await.0, 201);
    (server, directory)
}

/// Asks for a token of `robot` with this spec.
async fn ask(server: &ApiServer, spec: Value) -> (u16, Value) {
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
    post(&server.client(), &format!("{CORE}/serviceaccounts/robot/token"), body).await
}

async fn token(server: &ApiServer, spec: Value) -> String {
    let (code, answer) = ask(server, spec).await;
    assert_eq!(code, 201, "{answer}");
    answer["status"]["token"].as_str().unwrap().to_owned()
}

/// What a review says of a token.
async fn review(server: &ApiServer, token: &str, audiences: &[&str]) -> Value {
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
        "spec": {"token": token, "audiences": audiences}});
    post(&server.client(), "/apis/authentication.k8s.io/v1/tokenreviews", body).await.1["status"].clone()
}

/// Who somebody is who brings this header, and nothing else that says who they are unless `user` does.
async fn who(server: &ApiServer, user: User, header: &[u8]) -> Result<String, u16> {
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}).to_string();
    let request = Request::post("/apis/authentication.k8s.io/v1/selfsubjectreviews")
        .header("content-type", "application/json")
        .header("authorization", header);
    let client = server.client_as(user, "test");
    let response = client.send(request.body(kube::client::Body::from(body.into_bytes())).unwrap()).await.unwrap();
    let code = response.status().as_u16();
    let answer: Value = serde_json::from_slice(&response.into_body().collect_bytes().await.unwrap()).unwrap();
    answer["status"]["userInfo"]["username"].as_str().map(str::to_owned).ok_or(code)
}

#[tokio::test]
async fn a_token_is_for_an_hour_and_this_api_unless_it_is_asked_otherwise() {
    let (server, _directory) = with_robot().await;
    let (code, answer) = ask(&server, json!({})).await;
    assert_eq!((code, &answer["kind"]), (201, &json!("TokenRequest")));
    assert_eq!(answer["spec"], json!({"audiences": [ISSUER], "expirationSeconds": 3600}));
    assert_eq!((&answer["metadata"]["name"], &answer["metadata"]["namespace"]), (&json!("robot"), &json!("default")));

    let seconds = async |wanted: i64| {
        let (code, answer) = ask(&server, json!({"expirationSeconds": wanted})).await;
        (code, answer["spec"]["expirationSeconds"].as_i64())
    };
    assert_eq!(seconds(600).await, (201, Some(600)));
    assert_eq!(seconds(599).await.0, 422);
    assert_eq!(seconds(-1).await.0, 422);
    assert_eq!(seconds(31_536_000).await, (201, Some(31_536_000)));
    assert_eq!(seconds(31_536_001).await, (201, Some(31_536_000)), "a year is the longest");
    let path = format!("{CORE}/serviceaccounts/robot/token");
    assert_eq!(post(&server.client(), &path, json!(["spec"])).await.0, 400);
    assert_eq!(post(&server.client(), &path.replace("robot", "nobody"), json!({})).await.0, 404);
}

#[tokio::test]
async fn a_token_says_who_it_is_and_whom_it_is_for() {
    let (server, _directory) = with_robot().await;
    let account = get(&server.client(), &format!("{CORE}/serviceaccounts/robot")).await.1;
    let known = review(&server, &token(&server, json!({})).await, &[]).await;
    assert_eq!((&known["authenticated"], &known["audiences"]), (&json!(true), &json!([ISSUER])), "{known}");
    let user = &known["user"];
    assert_eq!(user["username"], "system:serviceaccount:default:robot");
    assert_eq!(user["uid"], account["metadata"]["uid"]);
    assert_eq!(
        user["groups"],
        json!(["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"])
    );

    let vault = token(&server, json!({"audiences": ["vault", "other"]})).await;
    assert_eq!(review(&server, &vault, &["third", "vault"]).await["audiences"], json!(["vault"]));
    for audiences in [&[][..], &["third"]] {
        let refused = review(&server, &vault, audiences).await;
        assert_ne!(refused["authenticated"], true, "{refused}");
        assert!(refused["error"].as_str().unwrap().contains("audiences are invalid"), "{refused}");
    }
    assert_eq!(who(&server, User::anonymous(), format!("Bearer {vault}").as_bytes()).await, Err(401));
}

#[tokio::test]
async fn who_brings_a_token_is_its_account_and_who_brings_a_wrong_one_is_nobody() {
    let (server, _directory) = with_robot().await;
    let token = token(&server, json!({})).await;
    let robot = Ok("system:serviceaccount:default:robot".to_owned());
    let nobody = async |header: &str| who(&server, User::anonymous(), header.as_bytes()).await;
    assert_eq!(nobody(&format!("Bearer {token}")).await, robot);
    assert_eq!(nobody(&format!("bearer  {token} ")).await, robot);
    assert_eq!(nobody("Bearer x").await, Err(401));
    assert_eq!(nobody(&format!("Bearer {token}x")).await, Err(401));
    assert_eq!(who(&server, User::anonymous(), b"Bearer \xff").await, Err(401));
    // Other schemes say nothing here: who brings them is who they were, and that is nobody, who may not ask this.
    assert_eq!(nobody(&format!("Basic {token}")).await, Err(403));
    assert_eq!(nobody(&token).await, Err(403));
    // Whoever is known by a certificate is that, whatever else they bring.
    let jane = User::authenticated("jane", []);
    for header in [format!("Bearer {token}"), "Bearer x".to_owned()] {
        assert_eq!(who(&server, jane.clone(), header.as_bytes()).await, Ok("jane".to_owned()));
    }
}

#[tokio::test]
async fn a_token_ends_with_what_it_is_bound_to() {
    let (server, _directory) = with_robot().await;
    let client = server.client();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"},
        "spec": {"serviceAccountName": "robot", "containers": [{"name": "c", "image": "i"}]}});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "one"}});
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "one"}});
    let within = |plural: &str| format!("{CORE}/{plural}");
    for (kind, collection, object) in [
        ("Pod", within("pods"), pod),
        ("Secret", within("secrets"), secret),
        ("Node", "/api/v1/nodes".to_owned(), node),
    ] {
        let (code, made) = post(&client, &collection, object).await;
        assert_eq!(code, 201, "{made}");
        let uid = made["metadata"]["uid"].as_str().unwrap();
        let to = |name: &str, uid: &str| json!({"boundObjectRef": {"kind": kind, "apiVersion": "v1", "name": name, "uid": uid}});
        assert_eq!(ask(&server, to("two", "")).await.0, 404);
        let (code, status) = ask(&server, to("one", "another")).await;
        assert_eq!(code, 409, "{status}");
        assert!(message(&status).contains("does not match the UID in record"), "{status}");
        let tokens = [token(&server, to("one", "")).await, token(&server, to("one", uid)).await];
        for token in &tokens {
            let known = review(&server, token, &[]).await;
            assert_eq!(known["authenticated"], true, "{known}");
            let extra = &known["user"]["extra"];
            for field in ["pod", "node"] {
                let told = &extra[format!("authentication.kubernetes.io/{field}-uid")];
                assert_eq!(*told, if kind.to_lowercase() == field { json!([uid]) } else { Value::Null });
            }
        }
        let now = json!({"gracePeriodSeconds": 0});
        assert_eq!(delete(&client, &format!("{collection}/one"), now).await.0, 200);
        for token in &tokens {
            let known = review(&server, token, &[]).await;
            assert!(known["error"].as_str().unwrap().contains("has been deleted"), "{known}");
        }
    }
    assert_eq!(ask(&server, json!({"boundObjectRef": null})).await.0, 201);
}

#[tokio::test]
async fn a_token_is_not_that_of_another_account_of_the_same_name() {
    let (server, _directory) = with_robot().await;
    let token = token(&server, json!({})).await;
    let accounts = format!("{CORE}/serviceaccounts");
    assert_eq!(delete(&server.client(), &format!("{accounts}/robot"), Value::Null).await.0, 200);
    assert_ne!(review(&server, &token, &[]).await["authenticated"], true);
    let robot = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}});
    assert_eq!(post(&server.client(), &accounts, robot).await.0, 201);
    let known = review(&server, &token, &[]).await;
    assert!(known["error"].as_str().unwrap().contains("has been deleted"), "{known}");
}
