//! Answers of an API that are in no form that says what they mean.

use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::json;
use tower::service_fn;

/// The client, with the answer of kube-apiserver to who asks for a group or version that it does not serve made a `Status`: it is 404 in
/// plain text, of which kube makes an error that is not one of `is_not_found`, so that nobody would see what it means.
pub fn understood(client: Client) -> Client {
    let namespace = client.default_namespace().to_owned();
    let service = service_fn(move |request: Request<Body>| {
        let client = client.clone();
        async move {
            let answer: kube::Result<Response<Body>> = client.send(request).await;
            answer.map(|answer| if is_of_nothing_served(&answer) { not_found() } else { answer })
        }
    });
    Client::new(service, namespace)
}

/// Whether it is such an answer. What a proxy says, as a page for people, is none.
fn is_of_nothing_served(answer: &Response<Body>) -> bool {
    let of = answer.headers().get(CONTENT_TYPE).and_then(|of| of.to_str().ok()).unwrap_or_default();
    answer.status() == StatusCode::NOT_FOUND && of.starts_with("text/plain")
}

/// The same as a `Status`, in kubectl's words. It names no object: whether there is one is not known.
fn not_found() -> Response<Body> {
    let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "NotFound",
        "code": StatusCode::NOT_FOUND.as_u16(), "message": "the server could not find the requested resource" });
    let mut answer = Response::new(Body::from(status.to_string().into_bytes()));
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    answer
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::Api;
    use kube::api::ListParams;

    use super::*;

    /// An API that answers everything so.
    fn api(code: u16, of: &'static str, text: &'static str) -> Api<ConfigMap> {
        let service = service_fn(move |_: Request<Body>| {
            let answer = Response::builder().status(code).header(CONTENT_TYPE, of);
            std::future::ready(answer.body(Body::from(text.as_bytes().to_vec())))
        });
        Api::namespaced(understood(Client::new(service, "default")), "default")
    }

    #[tokio::test]
    async fn a_group_that_is_not_served_is_not_found() {
        let api = api(404, "text/plain; charset=utf-8", "404 page not found\n");
        let Err(kube::Error::Api(status)) = api.list(&ListParams::default()).await else { panic!("it is an error") };
        assert!(status.is_not_found(), "{status:?}");
        assert!(status.message.contains("could not find") && status.details.is_none(), "{status:?}");
        assert_eq!(api.get_opt("a").await.unwrap(), None);
        assert!(api.get_metadata_opt("a").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn any_other_answer_stays_as_it_is() {
        let page = api(404, "text/html", "<h1>no such site</h1>").get_opt("a").await.unwrap_err();
        assert!(page.to_string().contains("no such site"), "{page}");
        let busy = api(503, "text/plain", "later").get_opt("a").await.unwrap_err();
        assert!(busy.to_string().contains("later"), "{busy}");
        let status = r#"{"kind":"Status","status":"Failure","reason":"NotFound","code":404,"message":"no a","details":{"name":"a"}}"#;
        let Err(kube::Error::Api(status)) = api(404, "application/json", status).get("a").await else {
            panic!("it is an error")
        };
        assert_eq!((status.message.as_str(), status.details.is_some()), ("no a", true));
    }
}
