//! The API over TLS.

use std::{sync::Arc, time::Duration};

use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::{identity::User, pki, server::ApiServer};

/// How long a client has to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long requests under way may take once the server is to stop.
const GRACE: Duration = Duration::from_secs(5);

impl ApiServer {
    /// Serves the API to whoever connects, until `shutdown` is ready; then ends watches, finishes what is under way
    /// and returns.
    pub async fn serve(
        &self,
        listener: TcpListener,
        tls: Arc<rustls::ServerConfig>,
        shutdown: impl Future<Output = ()> + Send,
    ) {
        let acceptor = TlsAcceptor::from(tls);
        let mut connections = JoinSet::new();
        tokio::pin!(shutdown);
        loop {
            let stream = tokio::select! {
                () = &mut shutdown => break,
                () = self.closing().cancelled() => break,
                Some(_) = connections.join_next() => continue,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // Too many open files, say: wait until some are closed.
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            let (server, acceptor) = (self.clone(), acceptor.clone());
            connections.spawn(async move {
                if let Err(error) = serve_one(server, acceptor, stream).await {
                    tracing::debug!(error, "a connection ended early");
                }
            });
        }
        self.close();
        let done = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, done).await;
    }
}

async fn serve_one(
    server: ApiServer,
    acceptor: TlsAcceptor,
    stream: TcpStream,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let stream = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await??;
    let (_, session) = stream.get_ref();
    let user = session
        .peer_certificates()
        .and_then(|chain| chain.first())
        .and_then(|certificate| pki::user(certificate))
        .unwrap_or_else(User::anonymous);
    let closing = server.closing().clone();
    let service = hyper::service::service_fn(move |request| {
        let (server, user) = (server.clone(), user.clone());
        async move { Ok::<_, std::convert::Infallible>(server.handle(request, user).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30));
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(1000);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = closing.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
