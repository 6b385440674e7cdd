//! OpenAPI documents over HTTP: who has one already is told so, and who takes gzip gets it packed.

use std::io::Read;

use crate::support::{local, request::*};
use http::{HeaderMap, Request};
use serde_json::{Value, json};

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

/// Serves cows that have this field.
async fn define(client: &kube::Client, field: &str) {
    let schema = json!({"type": "object", "properties": {field: {"type": "string"}}});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "cows.example.org"},
        "spec": {
            "group": "example.org", "scope": "Namespaced", "names": {"plural": "cows", "kind": "Cow"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    });
    let (code, made) = apply(client, &format!("{CRDS}/cows.example.org?fieldManager=t&force=true"), definition).await;
    assert!(code < 300, "{}", message(&made));
}

async fn ask(client: &kube::Client, uri: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
    let mut request = Request::get(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = client.send(request.body(kube::client::Body::empty()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    (head.status.as_u16(), head.headers, body.collect_bytes().await.unwrap().into())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

/// The properties that documents give to cows.
fn of_cows(document: &[u8], definitions: &str) -> Vec<String> {
    let document: Value = serde_json::from_slice(document).unwrap();
    let cow = document.pointer(definitions).unwrap().get("org.example.v1.Cow").unwrap();
    cow["properties"].as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn who_has_a_document_already_is_told_so_until_it_changes() {
    let (server, _directory) = local().await;
    let client = server.client();
    define(&client, "name").await;
    for (uri, definitions) in
        [("/openapi/v2", "/definitions"), ("/openapi/v3/apis/example.org/v1", "/components/schemas")]
    {
        define(&client, "name").await;
        let (code, headers, body) = ask(&client, uri, &[]).await;
        assert_eq!((code, text(&headers, "content-type")), (200, "application/json"));
        assert_eq!(of_cows(&body, definitions), ["apiVersion", "kind", "metadata", "name"]);
        let tag = text(&headers, "etag").to_owned();
        assert!(tag.len() > 60 && tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        for known in [&tag, &format!("\"other\", W/{tag}"), "*"] {
            let (code, headers, body) = ask(&client, uri, &[("if-none-match", known)]).await;
            assert_eq!((code, body.len(), text(&headers, "etag")), (304, 0, &*tag), "{known}");
        }
        assert_eq!(ask(&client, uri, &[("if-none-match", "\"other\"")]).await.2, body);

        define(&client, "size").await;
        let (code, headers, body) = ask(&client, uri, &[("if-none-match", &tag)]).await;
        assert_eq!(code, 200);
        assert_ne!(text(&headers, "etag"), tag);
        assert_eq!(of_cows(&body, definitions), ["apiVersion", "kind", "metadata", "size"]);
    }
}

#[tokio::test]
async fn who_takes_gzip_gets_the_same_packed() {
    let (server, _directory) = local().await;
    let client = server.client();
    define(&client, "name").await;
    let forms = [("/openapi/v2", "*/*"), ("/openapi/v2", PROTOBUF), ("/openapi/v3/apis/example.org/v1", "*/*")];
    for (uri, form) in forms {
        let (_, plain, expected) = ask(&client, uri, &[("accept", form)]).await;
        assert_eq!(text(&plain, "content-encoding"), "");
        let refused = [("accept", form), ("accept-encoding", "br, gzip;q=0")];
        assert_eq!(ask(&client, uri, &refused).await.2, expected);
        let (_, headers, packed) = ask(&client, uri, &[("accept", form), ("accept-encoding", "br, gzip")]).await;
        assert_eq!(text(&headers, "content-encoding"), "gzip");
        assert_eq!(text(&headers, "etag"), text(&plain, "etag"));
        assert!(packed.len() * 3 < expected.len(), "{} of {}", packed.len(), expected.len());
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == expected, "{uri} {form}");
    }
    // Another form is another document.
    let (_, json, _) = ask(&client, "/openapi/v2", &[]).await;
    let known = [("accept", PROTOBUF), ("if-none-match", text(&json, "etag"))];
    let (code, protobuf, _) = ask(&client, "/openapi/v2", &known).await;
    assert_eq!(code, 200);
    assert_ne!(text(&protobuf, "etag"), text(&json, "etag"));
}

#[tokio::test]
async fn who_asks_for_a_document_that_is_no_more_is_sent_to_the_one_that_is() {
    let (server, _directory) = local().await;
    let client = server.client();
    let uri = "/openapi/v3/apis/apps/v1";
    let (_, index) = get(&client, "/openapi/v3").await;
    let current = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().unwrap();
    let (code, headers, body) = ask(&client, &format!("{uri}?hash=ABC"), &[]).await;
    assert_eq!((code, text(&headers, "location"), body.len()), (301, current, 0));
    let (code, headers, _) = ask(&client, current, &[]).await;
    assert_eq!(code, 200);
    assert!(text(&headers, "cache-control").contains("immutable"));
    assert_eq!(ask(&client, "/openapi/v3/apis/example.org/v1", &[]).await.0, 404);
    assert_eq!(ask(&client, "/openapi/v2", &[("accept", "text/html")]).await.0, 406);
}
