//! The API over TLS.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use cowherd_connections::{Activity, Admitted, Connections, Noted, UnderWay, descriptors};
use http::{HeaderMap, Method, Request, Response, header};
use http_body::Body as _;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    answer::Shared,
    body::Body,
    flow::owner,
    identity::User,
    pieces::{PIECE, Pieces},
    pki,
    server::ApiServer,
    status::ApiError,
    unread::{Unread, Waiting},
};

/// How long a client has to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a client has to send the headers of a request.
const HEADERS: Duration = Duration::from_secs(30);
/// How long requests under way may take once the server is to stop.
const GRACE: Duration = Duration::from_secs(5);
/// How many requests one connection may have under way at a time.
const STREAMS: u32 = 250;
/// How many requests a client may take back before they are looked at; the next one ends its connection.
const RESETS: usize = 20;
/// How many bytes of answers wait for a request's client to read them, beside the piece that comes next; and how many of them
/// wait once more that are encrypted already.
const SEND_BUFFER: usize = 2 * PIECE;
/// How many bytes the headers of a request may have.
const HEADERS_LIMIT: u32 = 64 * 1024;
/// Descriptors that are not for connections: the store, repositories, programs that are run.
const OTHER_DESCRIPTORS: usize = 128;
/// How often it is looked for answers that nobody reads.
const GLANCE: Duration = Duration::from_secs(1);

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
        let open = self.connections();
        let unread = Unread::new(self.config().unread);
        let mut glances = tokio::time::interval(GLANCE);
        let mut connections = JoinSet::new();
        tokio::pin!(shutdown);
        loop {
            let (stream, address) = tokio::select! {
                () = &mut shutdown => break,
                () = self.closing().cancelled() => break,
                Some(_) = connections.join_next() => continue,
                _ = glances.tick() => {
                    unread.let_go_of_stuck();
                    continue;
                }
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Too many open files, say: wait until some are closed.
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            let Some(admitted) = open.admit(address.ip()).await else {
                tracing::warn!(%address, "refused a connection: as many as may be are busy");
                continue;
            };
            let (server, acceptor, unread) = (self.clone(), acceptor.clone(), unread.clone());
            connections.spawn(async move {
                let ended = admitted.ended.clone();
                let served = serve_one(server, acceptor, stream, &admitted, unread);
                let served = tokio::select! {
                    served = served => served,
                    () = ended.cancelled() => Err("it was idle, and others needed its place".into()),
                };
                if let Err(error) = served {
                    tracing::debug!(error, "a connection ended early");
                }
            });
        }
        self.close();
        let done = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, done).await;
    }

    /// As many connections as are configured, or as the process has descriptors for. One address has no more than half.
    fn connections(&self) -> Arc<Connections> {
        let possible = descriptors().saturating_sub(OTHER_DESCRIPTORS) / 4 * 3;
        let limit = self.config().connections.min(possible).max(2);
        Connections::new(limit, self.config().connections_of_address.min(limit / 2).max(1))
    }
}

async fn serve_one(
    server: ApiServer,
    acceptor: TlsAcceptor,
    stream: TcpStream,
    admitted: &Admitted,
    unread: Arc<Unread>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let idle = server.config().idle_time;
    let mut stream = tokio::time::timeout(HANDSHAKE.min(idle), acceptor.accept(stream)).await??;
    stream.get_mut().1.set_buffer_limit(Some(SEND_BUFFER));
    let (_, session) = stream.get_ref();
    let user = session
        .peer_certificates()
        .and_then(|chain| chain.first())
        .and_then(|certificate| pki::user(certificate))
        .unwrap_or_else(User::anonymous);
    let (closing, activity) = (server.closing().clone(), admitted.activity.clone());
    let requests = activity.clone();
    let service = hyper::service::service_fn(move |request| {
        let (server, user, under_way) = (server.clone(), user.clone(), requests.request());
        let unread = unread.clone();
        async move { Ok::<_, Infallible>(respond(server, user, request, under_way, unread).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(SEND_BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(RESETS)
        .max_send_buf_size(PIECE)
        .max_header_list_size(HEADERS_LIMIT)
        .keep_alive_interval(HEADERS)
        .keep_alive_timeout(HEADERS);
    let stream = Noted::new(stream, activity.clone());
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        () = closing.cancelled() => connection.as_mut().graceful_shutdown(),
        () = left_alone(&activity, idle) => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(GRACE.min(idle), connection).await??;
            return Ok(());
        }
    }
    connection.await
}

/// Ends when the connection has been idle for `idle`, a third of that if it never asked for anything.
async fn left_alone(activity: &Activity, idle: Duration) {
    loop {
        let most = if activity.has_asked() { idle } else { idle / 3 };
        match activity.idle() {
            Some(so_far) if so_far >= most => return,
            Some(so_far) => tokio::time::sleep(most - so_far).await,
            None => tokio::time::sleep(most).await,
        }
    }
}

async fn respond(
    server: ApiServer,
    user: User,
    request: Request<Incoming>,
    under_way: UnderWay,
    unread: Arc<Unread>,
) -> Response<Tracked> {
    let is_head = request.method() == Method::HEAD;
    let response = answered(server, user, request, under_way, unread).await;
    if is_head { headers_alone(response) } else { response }
}

async fn answered(
    server: ApiServer,
    user: User,
    request: Request<Incoming>,
    under_way: UnderWay,
    unread: Arc<Unread>,
) -> Response<Tracked> {
    let (parts, body) = request.into_parts();
    let known = crate::tokens::authenticate(&server, user, &parts.headers).await;
    let placed = match known {
        Ok(user) => server.flow().place(&parts, &user).await.map(|place| (user, place)),
        Err(error) => Err(error),
    };
    let (user, place) = match placed {
        Ok(placed) => placed,
        Err(error) => return refused(&error, &parts.headers, under_way),
    };
    let room = unread.room(owner(&user));
    let response = server.serve_user(Request::from_parts(parts, body), user, Some(room.clone())).await;
    if response.extensions().get::<Shared>().is_some() {
        return response.map(|body| Tracked::Small { body: Pieces::of(body), _under_way: Some(under_way) });
    }
    response.map(|body| {
        // What comes bit by bit counts itself.
        if let Some(size) = body.size_hint().exact() {
            room.hold(usize::try_from(size).unwrap_or(usize::MAX));
        }
        // A watch keeps its place for as long as it lasts, all others until they are answered and wait to be read.
        Tracked::Waiting(room.keep(body, under_way, place.filter(|place| place.streams)))
    })
}

/// The answer to a HEAD request: what is said of a body, without it. HTTP/2 takes one that comes nevertheless for a mistake.
fn headers_alone(response: Response<Tracked>) -> Response<Tracked> {
    let (mut head, body) = response.into_parts();
    if let Some(size) = body.size_hint().exact() {
        head.headers.insert(header::CONTENT_LENGTH, size.into());
    }
    let nothing = Pieces::of(crate::body::full(Bytes::new()));
    Response::from_parts(head, Tracked::Small { body: nothing, _under_way: None })
}

/// The answer to a request that is not served.
fn refused(error: &ApiError, headers: &HeaderMap, under_way: UnderWay) -> Response<Tracked> {
    crate::service::refusal(error, headers)
        .map(|body| Tracked::Small { body: Pieces::of(body), _under_way: Some(under_way) })
}

/// The body of an answer, under way until it has gone out.
enum Tracked {
    /// One that was made and waits to be read, or a watch.
    Waiting(Waiting),
    /// A refusal, or what is kept anyway.
    Small { body: Pieces<Body>, _under_way: Option<UnderWay> },
}

impl http_body::Body for Tracked {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Waiting(body) => Pin::new(body).poll_frame(cx),
            Self::Small { body, .. } => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Waiting(body) => body.is_end_stream(),
            Self::Small { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Waiting(body) => body.size_hint(),
            Self::Small { body, .. } => body.size_hint(),
        }
    }
}
