//! How what a FluxInstance has followed is.

use cowherd_apply::is_path_segment;
use kube::api::DynamicObject;
use kube::{Api, Client};
use serde_json::{Value, json};

use super::counts::{COUNTED, ready, resource};

/// The group of sources.
const SOURCES: &str = "source.toolkit.fluxcd.io";

/// How the Kustomization of this name is, with its source; nothing where there is none.
pub(super) async fn look(client: &Client, namespace: &str, name: &str) -> kube::Result<Option<Value>> {
    // What no object is called would make another request of this one; the FluxInstance says so itself.
    if !is_path_segment(name) {
        return Ok(None);
    }
    let of = |group: &str, kind: &str| -> Api<DynamicObject> {
        Api::namespaced_with(client.clone(), namespace, &resource(group, "v1", kind))
    };
    let Some(object) = of("kustomize.toolkit.fluxcd.io", "Kustomization").get_opt(name).await? else { return Ok(None) };
    let kind = text(&object.data, "/spec/sourceRef/kind");
    let is_known = COUNTED.iter().any(|(group, _, known)| *group == SOURCES && *known == kind);
    let source = match is_known {
        true => of(SOURCES, kind).get_opt(name).await?,
        false => None,
    };
    Ok(Some(told(name, &object.data, source.as_ref().map(|source| (kind, &source.data)))))
}

fn text<'a>(data: &'a Value, pointer: &str) -> &'a str {
    data.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// What is reported of a Kustomization and of its source, a kind and an object.
fn told(name: &str, kustomization: &Value, source: Option<(&str, &Value)>) -> Value {
    let own = ready(kustomization);
    let mut is_ready = own.is_some_and(|ready| ready["status"] != "False");
    let mut status = own.map_or("not initialized", |ready| ready["message"].as_str().unwrap_or_default()).to_owned();
    if let Some(failed) = source.and_then(|(_, source)| ready(source)).filter(|ready| ready["status"] == "False") {
        is_ready = false;
        status = format!("{status}\n{}", failed["message"].as_str().unwrap_or_default());
    }
    if kustomization.pointer("/spec/suspend") == Some(&Value::Bool(true)) {
        status = format!("Suspended {status}");
    }
    let address = source.map(|(kind, source)| match kind {
        "Bucket" => format!("{}/{}", text(source, "/spec/endpoint"), text(source, "/spec/bucketName")),
        _ => without_password(text(source, "/spec/url")),
    });
    json!({ "id": format!("kustomization/{name}"), "path": text(kustomization, "/spec/path"), "ready": is_ready,
        "status": status, "source": address.unwrap_or_default() })
}

/// A URL without the password that some people write into it.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{host}{path}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(spec: Value, status: &str, message: &str) -> Value {
        json!({ "spec": spec, "status": { "conditions": [{ "type": "Ready", "status": status, "message": message }] } })
    }

    #[tokio::test]
    async fn a_name_that_would_make_another_request_is_not_asked_for() {
        let service = tower::service_fn(|request: http::Request<kube::client::Body>| async move {
            Err::<http::Response<kube::client::Body>, _>(std::io::Error::other(format!("asked {}", request.uri())))
        });
        let client = Client::new(service, "default");
        for name in ["../../other/kustomizations/x", "x?watch=1", "..", "x/status"] {
            assert_eq!(look(&client, "team", name).await.unwrap(), None, "{name}");
        }
        assert!(look(&client, "team", "x").await.unwrap_err().to_string().contains("asked "));
    }

    #[test]
    fn what_is_followed_is_as_the_kustomization_and_its_source_say() {
        let kustomization = object(json!({ "path": "clusters/a" }), "True", "Applied");
        let git = object(json!({ "url": "https://user:open-sesame@example.com/fleet" }), "True", "stored");
        assert_eq!(
            told("flux-system", &kustomization, Some(("GitRepository", &git))),
            json!({ "id": "kustomization/flux-system", "path": "clusters/a", "ready": true, "status": "Applied",
                "source": "https://user@example.com/fleet" })
        );
        let bucket = object(json!({ "endpoint": "s3.example.com", "bucketName": "fleet" }), "False", "no such bucket");
        let told_of = told("a", &kustomization, Some(("Bucket", &bucket)));
        assert_eq!((&told_of["ready"], &told_of["status"]), (&json!(false), &json!("Applied\nno such bucket")));
        assert_eq!(told_of["source"], "s3.example.com/fleet");
        let rests = object(json!({ "suspend": true }), "True", "Applied");
        assert_eq!(told("a", &rests, None)["status"], "Suspended Applied");
        let new = told("a", &json!({ "spec": {} }), None);
        assert_eq!((&new["ready"], &new["status"]), (&json!(false), &json!("not initialized")));
    }
}
