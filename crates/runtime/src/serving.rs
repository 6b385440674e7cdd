//! `/metrics`, `/healthz` and `/readyz` over plain HTTP, for programs without an API of their own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::{Health, Metrics};

/// How many may be connected at a time.
const CONNECTIONS: usize = 64;
/// How long a connection may take to send what it asks, and to ask again.
const IDLE: Duration = Duration::from_secs(30);
/// How long a connection lasts.
const LONGEST: Duration = Duration::from_secs(600);
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
        let (places, mut connections) = (Arc::new(Semaphore::new(CONNECTIONS)), JoinSet::new());
        loop {
            while connections.try_join_next().is_some() {}
            // The semaphore is never closed.
            let Ok(place) = places.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let probes = self.clone();
                    connections.spawn(async move {
                        let _place = place;
                        probes.serve_one(stream, peer).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn serve_one(self, stream: TcpStream, peer: SocketAddr) {
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = self.answer(&request);
            async move { Ok::<_, Infallible>(answer) }
        });
        let mut builder = http1::Builder::new();
        let connection =
            builder.timer(TokioTimer::new()).header_read_timeout(IDLE).serve_connection(TokioIo::new(stream), service);
        match tokio::time::timeout(LONGEST, connection).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a connection ended early"),
        }
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
