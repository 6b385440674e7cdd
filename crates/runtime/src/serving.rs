//! `/metrics`, `/healthz` and `/readyz` over plain HTTP, for programs without an API of their own.

use std::sync::Arc;
use std::time::Duration;

use cowherd_connections::Activity;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use tokio::net::TcpListener;

use crate::plain_http::PlainHttp;
use crate::{Health, Metrics};

/// Whoever reaches the port must not keep the one from it who looks whether the program lives, and kills it where none answers.
const HTTP: PlainHttp = PlainHttp {
    connections: 64,
    head: Duration::from_secs(10),
    largest_head: 16 * 1024,
    longest: Duration::from_secs(600),
};
/// What is not said in another type.
const TEXT: &str = "text/plain; charset=utf-8";

/// Tells whoever asks what is measured, and whether all is well. A loop may be unwell for as long as `patience` before the
/// program is not ready; it lives as long as it answers.
#[derive(Clone, Debug)]
pub struct Probes {
    /// What is measured.
    pub metrics: Metrics,
    /// Which loops are well.
    pub health: Health,
    /// For how long one may not be.
    pub patience: Duration,
}

impl Probes {
    /// Answers on the listener, for as long as it is polled.
    pub async fn serve(self, listener: Arc<TcpListener>) {
        let answer = move |request: Request<Incoming>, activity: Arc<Activity>| {
            let _under_way = activity.request();
            std::future::ready(self.answer(&request))
        };
        HTTP.serve(&listener, answer).await;
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return response(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered\n".to_owned(), TEXT);
        }
        match request.uri().path() {
            "/metrics" => {
                let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
                let (text, media_type) = self.metrics.written(accept.unwrap_or_default());
                response(StatusCode::OK, text, media_type)
            }
            "/healthz" => response(StatusCode::OK, "ok".to_owned(), TEXT),
            "/readyz" => match self.health.check(self.patience) {
                Ok(()) => response(StatusCode::OK, "ok".to_owned(), TEXT),
                Err(problems) => response(StatusCode::INTERNAL_SERVER_ERROR, problems + "\n", TEXT),
            },
            _ => response(StatusCode::NOT_FOUND, "there are /metrics, /healthz and /readyz\n".to_owned(), TEXT),
        }
    }
}

fn response(code: StatusCode, text: String, media_type: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
