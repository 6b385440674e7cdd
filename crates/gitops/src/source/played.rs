//! What sources work with in tests: an API that is played, whose requests are told.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::json;
use tokio::sync::mpsc;

use super::Shared;
use crate::fetches::{FetchLimits, Fetches};
use crate::{Config, events};

/// A client whose requests are told by path and body.
pub(crate) fn client() -> (kube::Client, mpsc::UnboundedReceiver<(String, String)>) {
    let (tell, told) = mpsc::unbounded_channel();
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let tell = tell.clone();
        async move {
            let path = request.uri().path().to_owned();
            let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let _ = tell.send((path, String::from_utf8_lossy(&body).into_owned()));
            let answer = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" } });
            Ok::<_, std::convert::Infallible>(http::Response::new(Body::from(answer.to_string().into_bytes())))
        }
    });
    (kube::Client::new(service, "default"), told)
}

pub(crate) fn shared(client: kube::Client, directory: &std::path::Path, config: Config) -> Shared {
    Shared {
        recorder: events::Recorders::new(client.clone(), &config.health, &config.metrics),
        client,
        mirrors: cowherd_source::Mirrors::open(directory).unwrap(),
        tell: Arc::new(|_| {}),
        fetches: Fetches::new(FetchLimits::default()),
        shelf: Default::default(),
        tokens: Default::default(),
        generators: Default::default(),
        resources: Default::default(),
        nudges: Default::default(),
        wanted: Arc::default(),
        hidden: Default::default(),
        config: Arc::new(config),
    }
}

/// What is written into the status of the source, of which no word of a panic may be told.
pub(crate) async fn said(told: &mut mpsc::UnboundedReceiver<(String, String)>) -> String {
    let status = async {
        loop {
            let (path, body) = told.recv().await.unwrap();
            assert!(!body.contains("open-sesame"), "{body}");
            if path.ends_with("/status") {
                return body;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), status).await.unwrap()
}
