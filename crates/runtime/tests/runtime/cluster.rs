//! An API in a temporary directory, whose requests are counted.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cowherd_apiserver::{ApiServer, Config};
use cowherd_store::Store;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, json};

/// The API; it ends with this value.
pub struct Cluster {
    pub server: ApiServer,
    pub client: Client,
    _directory: tempfile::TempDir,
}

impl Cluster {
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("state.redb"), Default::default()).unwrap();
        let server = ApiServer::open(store, Config::default()).await.unwrap();
        Self { client: server.client(), server, _directory: directory }
    }

    /// What `/readyz` says, with the code of its answer.
    pub async fn ready(&self) -> (u16, String) {
        let request = http::Request::get("/readyz").body(kube::client::Body::empty()).unwrap();
        let answer = self.client.send(request).await.unwrap();
        let code = answer.status().as_u16();
        let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
        (code, String::from_utf8(body.to_vec()).unwrap())
    }

    pub fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), "default")
    }

    pub async fn create(&self, name: &str, labels: Value) -> ConfigMap {
        let object = serde_json::from_value(json!({ "metadata": { "name": name, "labels": labels } })).unwrap();
        self.config_maps().create(&PostParams::default(), &object).await.unwrap()
    }
}

/// What lies between a client and the API: it counts watches, and can be cut.
#[derive(Clone, Default)]
pub struct Wire {
    pub watches: Arc<AtomicUsize>,
    pub is_cut: Arc<AtomicBool>,
}

impl Wire {
    /// A client whose requests go through this.
    pub fn client(&self, cluster: &Cluster) -> Client {
        let (wire, inner) = (self.clone(), cluster.client.clone());
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let (wire, inner) = (wire.clone(), inner.clone());
            async move {
                if wire.is_cut.load(Ordering::SeqCst) {
                    return Err(kube::Error::Service("the wire is cut".into()));
                }
                if request.uri().query().is_some_and(|query| query.contains("watch=true")) {
                    wire.watches.fetch_add(1, Ordering::SeqCst);
                }
                inner.send(request).await
            }
        });
        Client::new(service, "default")
    }
}

/// Waits until a check passes; fails with what it saw last.
pub async fn eventually<F: Future<Output = Result<(), String>>>(what: &str, check: impl Fn() -> F) {
    let start = Instant::now();
    loop {
        match check().await {
            Ok(()) => return,
            Err(seen) if start.elapsed() > Duration::from_secs(60) => panic!("{what}: {seen}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// `Ok` if the two are equal, else what was seen.
pub fn expect<T: PartialEq + std::fmt::Debug>(seen: T, wanted: T) -> Result<(), String> {
    if seen == wanted { Ok(()) } else { Err(format!("saw {seen:?}, wanted {wanted:?}")) }
}
