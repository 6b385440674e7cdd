//! The listener of webhooks: plain HTTP, as Flux's, behind whatever speaks TLS to the world.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::hooks::{BODY_TIMEOUT, Hooks, MAX_BODY};

/// How many may be connected at a time.
const CONNECTIONS: usize = 256;
/// How long a connection may take to send the head of a request, and how long it lasts.
const HEAD: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(120);
/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 64 * 1024;

pub(super) async fn serve(hooks: Hooks, listener: &TcpListener) {
    let (places, mut connections) = (Arc::new(Semaphore::new(CONNECTIONS)), JoinSet::new());
    loop {
        while connections.try_join_next().is_some() {}
        // The semaphore is never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let hooks = hooks.clone();
                connections.spawn(async move {
                    let _place = place;
                    serve_one(hooks, stream, peer).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve_one(hooks: Hooks, stream: TcpStream, peer: SocketAddr) {
    let service = service_fn(move |request: Request<Incoming>| {
        let hooks = hooks.clone();
        async move { Ok::<_, Infallible>(answer(&hooks, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(MAX_HEAD);
    match tokio::time::timeout(LONGEST, builder.serve_connection(TokioIo::new(stream), service)).await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(error)) => tracing::debug!(%peer, %error, "a connection ended early"),
    }
}

async fn answer(hooks: &Hooks, request: Request<Incoming>) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    let status = status(hooks, request).await;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("10"));
    }
    *response.status_mut() = status;
    response
}

async fn status(hooks: &Hooks, request: Request<Incoming>) -> StatusCode {
    let (head, body) = request.into_parts();
    let at = head.uri.path_and_query().map_or("", |path| path.as_str()).to_owned();
    let receiver = match hooks.find(&head.method, &at) {
        Ok(receiver) => receiver,
        Err(status) => return status,
    };
    if body.size_hint().lower() > MAX_BODY as u64 {
        return StatusCode::PAYLOAD_TOO_LARGE;
    }
    let Some(_place) = hooks.place() else { return StatusCode::SERVICE_UNAVAILABLE };
    let content = match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(content)) => content.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return StatusCode::PAYLOAD_TOO_LARGE,
        Ok(Err(_)) => return StatusCode::BAD_REQUEST,
        Err(_) => return StatusCode::REQUEST_TIMEOUT,
    };
    hooks.answer(&receiver, &at, &head.headers, &content).await
}
