//! Requests of an in-process client, with whatever status they are answered.

use http::{Method, Request};
use serde_json::Value;

/// Any request; the answer's code and document.
pub async fn call(client: &kube::Client, method: Method, uri: &str, kind: &str, body: Value) -> (u16, Value) {
    let request = Request::builder().method(method).uri(uri).header("content-type", kind);
    let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(&body).unwrap() };
    let response = client.send(request.body(kube::client::Body::from(body)).unwrap()).await.unwrap();
    let code = response.status().as_u16();
    let bytes = response.into_body().collect_bytes().await.unwrap();
    (code, serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).into_owned())))
}

pub async fn get(client: &kube::Client, uri: &str) -> (u16, Value) {
    call(client, Method::GET, uri, "application/json", Value::Null).await
}

pub async fn post(client: &kube::Client, uri: &str, body: Value) -> (u16, Value) {
    call(client, Method::POST, uri, "application/json", body).await
}

pub async fn put(client: &kube::Client, uri: &str, body: Value) -> (u16, Value) {
    call(client, Method::PUT, uri, "application/json", body).await
}

pub async fn merge(client: &kube::Client, uri: &str, body: Value) -> (u16, Value) {
    call(client, Method::PATCH, uri, "application/merge-patch+json", body).await
}

pub async fn apply(client: &kube::Client, uri: &str, body: Value) -> (u16, Value) {
    call(client, Method::PATCH, uri, "application/apply-patch+yaml", body).await
}

pub async fn delete(client: &kube::Client, uri: &str, body: Value) -> (u16, Value) {
    call(client, Method::DELETE, uri, "application/json", body).await
}

/// `message` of a Status.
pub fn message(status: &Value) -> &str {
    status["message"].as_str().unwrap_or_default()
}

/// `metadata.name` of each item of a list.
pub fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

/// A patch of any kind.
pub async fn patch(client: &kube::Client, uri: &str, kind: &str, body: Value) -> (u16, Value) {
    call(client, Method::PATCH, uri, kind, body).await
}
