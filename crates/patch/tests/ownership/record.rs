//! Telling the histories to a real kube-apiserver.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{Answer, History, Step, VERSION, comparable, histories, openapi, recorded, whole};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// A request to the API, whose body goes over standard input; the answer.
fn request(method: &str, uri: &str, media: &str, body: &Value) -> Value {
    let api = std::env::var("COWHERD_ORACLE_API").expect("COWHERD_ORACLE_API, the address of `kubectl proxy`");
    let mut curl = Command::new("curl")
        .args(["--silent", "--show-error", "--request", method, &format!("{api}{uri}")])
        .args(["--header", &format!("Content-Type: {media}"), "--data-binary", "@-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("curl");
    serde_json::to_writer(curl.stdin.take().expect("its input"), body).expect("the body written");
    let output = curl.wait_with_output().expect("an answer");
    // What is not served yet is not found in plain text.
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

fn get(uri: &str) -> Value {
    request("GET", uri, "application/json", &json!({}))
}

fn define() {
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": "widgets.farm.example" },
        "spec": { "group": "farm.example", "scope": "Namespaced", "names": { "plural": "widgets", "kind": "Widget" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": openapi() } }] } });
    let made = request("POST", DEFINITIONS, "application/json", &definition);
    assert_eq!(made["kind"], "CustomResourceDefinition", "{made}");
    while get(&format!("/apis/{VERSION}"))["resources"].as_array().is_none_or(Vec::is_empty) {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

fn told(history: &History) -> Vec<Answer> {
    let all = format!("/apis/{VERSION}/namespaces/default/widgets");
    let uri = format!("{all}/{}", history.name);
    let mut answers = Vec::new();
    for Step { manager, force, object } in &history.steps {
        let mut object = whole(&history.name, object);
        let answer = match force {
            Some(force) => {
                let uri = format!("{uri}?fieldManager={manager}&force={force}");
                request("PATCH", &uri, "application/apply-patch+yaml", &object)
            }
            None => match get(&uri)["metadata"]["resourceVersion"].clone() {
                Value::Null => request("POST", &format!("{all}?fieldManager={manager}"), "application/json", &object),
                version => {
                    object["metadata"]["resourceVersion"] = version;
                    request("PUT", &format!("{uri}?fieldManager={manager}"), "application/json", &object)
                }
            },
        };
        answers.push(match answer["kind"].as_str() {
            Some("Widget") => Answer::Object(comparable(answer)),
            _ => Answer::Refused(answer["message"].as_str().expect("a message").to_owned()),
        });
    }
    answers
}

#[test]
#[ignore = "writes what a real kube-apiserver says"]
fn record() {
    define();
    let mut text = String::new();
    for mut history in histories::all() {
        history.answers = told(&history);
        text += &serde_json::to_string(&history).expect("a history");
        text.push('\n');
    }
    std::fs::write(recorded(), text).expect("the recording written");
}
