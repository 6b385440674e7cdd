//! Plain HTTP for ports that anybody may reach: whoever connects and says nothing keeps nobody out.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cowherd_connections::{Activity, Admitted, Connections, Noted};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How long to wait where no connection can be accepted.
const PAUSE: Duration = Duration::from_millis(100);
/// The smallest buffer that reads heads of requests.
const SMALLEST_HEAD: usize = 8 * 1024;

/// A listener of plain HTTP. Where all places are taken, the connection that has been idle for the longest time goes, and those
/// that never asked for anything go first; one address has half of them.
#[derive(Clone, Copy, Debug)]
pub struct PlainHttp {
    /// How many may be connected at a time.
    pub connections: usize,
    /// How long a connection may take to send the head of a request, and to ask again.
    pub head: Duration,
    /// The largest head of a request, in bytes; 8 KiB at least.
    pub largest_head: usize,
    /// How long a connection lasts.
    pub longest: Duration,
}

impl PlainHttp {
    /// Answers on the listener, for as long as it is polled. A connection counts as idle while an answer is made, unless that says
    /// to its [`Activity`] that a request is under way.
    pub async fn serve<A, F>(self, listener: &TcpListener, answer: A)
    where
        A: Fn(Request<Incoming>, Arc<Activity>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let open = Connections::new(self.connections.max(2), (self.connections / 2).max(1));
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Some(admitted) = open.admit(peer.ip()).await else {
                tracing::warn!(%peer, "refused a connection: as many as may be are busy");
                continue;
            };
            connections.spawn(self.serve_one(stream, peer, admitted, answer.clone()));
        }
    }

    async fn serve_one<A, F>(self, stream: TcpStream, peer: SocketAddr, admitted: Admitted, answer: A)
    where
        A: Fn(Request<Incoming>, Arc<Activity>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let activity = admitted.activity.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = answer(request, activity.clone());
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let stream = Noted::new(stream, admitted.activity.clone());
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(self.head);
        builder.max_buf_size(self.largest_head.max(SMALLEST_HEAD));
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            served = tokio::time::timeout(self.longest, connection) => match served {
                Ok(Ok(())) | Err(_) => {}
                Ok(Err(error)) => tracing::debug!(%peer, %error, "a connection ended early"),
            },
            () = admitted.ended.cancelled() => tracing::debug!(%peer, "a connection was idle, and others needed its place"),
        }
    }
}
