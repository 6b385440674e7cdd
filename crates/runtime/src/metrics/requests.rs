//! Requests to an API, counted as client-go counts them.

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tower::service_fn;

use super::Metrics;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    code: String,
    host: String,
    method: String,
}

impl Metrics {
    /// The client, with its requests counted as `rest_client_requests_total`: by code (`<error>` where there was no answer),
    /// method and `host`, which is the API's.
    pub fn counting(&self, client: Client, host: &str) -> Client {
        let requests: Family<Labels, Counter> =
            self.register("rest_client_requests", "Requests by code, method and host", Family::default());
        let (namespace, host) = (client.default_namespace().to_owned(), host.to_owned());
        let service = service_fn(move |request: Request<Body>| {
            let (client, requests, host) = (client.clone(), requests.clone(), host.clone());
            async move {
                let method = request.method().to_string();
                let answer: kube::Result<Response<Body>> = client.send(request).await;
                let code = answer
                    .as_ref()
                    .map_or_else(|_| "<error>".to_owned(), |answer| answer.status().as_u16().to_string());
                requests.get_or_create(&Labels { code, host, method }).inc();
                answer
            }
        });
        Client::new(service, namespace)
    }
}
