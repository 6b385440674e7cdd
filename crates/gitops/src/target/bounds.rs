//! Bounds of what another cluster may take: it may be slow, or hang, or answer without end, and costs no more than that.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use kube::client::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout_at};
use tower::{BoxError, Service};

use super::fault::{Fault, of};
use super::lock;

/// How long an answer may take, until the last byte of it is here.
const ANSWER: Duration = Duration::from_secs(30);
/// How long a watch may last; it is asked to end by itself before.
const WATCH: Duration = Duration::from_secs(330);
/// How large an answer about one object may be, and a line of a watch: no API keeps an object of that size.
const LARGEST_OBJECT: usize = 4 * 1024 * 1024;
/// How large a page of a list may be.
const LARGEST_LIST: usize = 32 * 1024 * 1024;
/// How many objects may be asked for at once, and how many lists.
const OBJECTS: usize = 16;
const LISTS: usize = 2;

/// How many bytes in a second it may say in the long run, how many at once, and for how many seconds at most it is made to wait.
const RATE: f64 = 8.0 * 1024.0 * 1024.0;
const BURST: f64 = 64.0 * 1024.0 * 1024.0;
const LONGEST_PAUSE: f64 = 10.0;

/// Bounds all that is asked of one cluster by one identity.
pub(super) struct Bounded<S> {
    inner: S,
    objects: Arc<Semaphore>,
    lists: Arc<Semaphore>,
    pace: Arc<Pace>,
}

/// How much a cluster may say, all watches together.
struct Pace(Mutex<(Instant, f64)>);

impl Pace {
    fn new() -> Self {
        Self(Mutex::new((Instant::now(), BURST)))
    }

    /// So many bytes came; how long nothing more is read.
    fn pause(&self, bytes: usize) -> Duration {
        let mut state = lock(&self.0);
        let now = Instant::now();
        let (since, left) = *state;
        let gained = now.duration_since(since).as_secs_f64() * RATE;
        let left = (left + gained).min(BURST) - bytes as f64;
        *state = (now, left);
        Duration::from_secs_f64((-left / RATE).clamp(0.0, LONGEST_PAUSE))
    }
}

/// The body of an answer, as far as the bounds let it come.
type Bound = StreamBody<BoxStream<'static, Result<Frame<Bytes>, BoxError>>>;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Object,
    List,
    Watch,
}

impl Asked {
    fn by(uri: &Uri) -> Self {
        let has = |field: &str| uri.query().is_some_and(|query| query.split('&').any(|part| part.starts_with(field)));
        match has("watch=") {
            true => Self::Watch,
            false if has("limit=") => Self::List,
            false => Self::Object,
        }
    }
}

impl<S> Bounded<S> {
    pub(super) fn new(inner: S) -> Self {
        Self {
            inner,
            objects: Arc::new(Semaphore::new(OBJECTS)),
            lists: Arc::new(Semaphore::new(LISTS)),
            pace: Arc::new(Pace::new()),
        }
    }
}

impl<S> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<Incoming>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    type Response = Response<Bound>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (asked, pace) = (Asked::by(request.uri()), self.pace.clone());
        // It is sent when somebody waits for it.
        let answer = self.inner.call(request);
        let permits = match asked {
            Asked::Object => Some(self.objects.clone()),
            Asked::List => Some(self.lists.clone()),
            Asked::Watch => None,
        };
        async move {
            let permit = match permits {
                // It is never closed.
                Some(permits) => permits.acquire_owned().await.ok(),
                None => None,
            };
            let began = Instant::now();
            let answered = timeout_at(began + ANSWER, answer).await;
            let answered = answered.map_err(|_| Fault::slow(ANSWER))?;
            let (parts, body) = answered.map_err(|error| of(error.into()))?.into_parts();
            Ok(Response::from_parts(parts, Reading::begin(body, asked, began, (pace, permit))))
        }
        .boxed()
    }
}

/// An answer that is being read.
struct Reading {
    body: Incoming,
    asked: Asked,
    until: Instant,
    /// How much of an answer, or of a line, came so far.
    read: usize,
    pace: Arc<Pace>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Reading {
    fn begin(
        body: Incoming,
        asked: Asked,
        began: Instant,
        (pace, permit): (Arc<Pace>, Option<OwnedSemaphorePermit>),
    ) -> Bound {
        let until = began + if asked == Asked::Watch { WATCH } else { ANSWER };
        let reading = Self { body, asked, until, read: 0, pace, _permit: permit };
        let frames = stream::unfold(Some(reading), |reading| async move { reading?.next().await });
        StreamBody::new(frames.boxed())
    }

    /// What comes next; after an error nothing does.
    async fn next(mut self) -> Option<(Result<Frame<Bytes>, BoxError>, Option<Self>)> {
        let Ok(next) = timeout_at(self.until, self.body.frame()).await else {
            // Who watches asks again.
            return (self.asked != Asked::Watch).then(|| (Err(Fault::slow(ANSWER).into()), None));
        };
        match next? {
            Ok(frame) if self.is_within_bounds(&frame) => {
                sleep(self.pace.pause(frame.data_ref().map_or(0, Bytes::len))).await;
                Some((Ok(frame), Some(self)))
            }
            Ok(_) => Some((Err(Fault::too_large(self.largest()).into()), None)),
            Err(error) => Some((Err(of(error.into()).into()), None)),
        }
    }

    fn is_within_bounds(&mut self, frame: &Frame<Bytes>) -> bool {
        let Some(bytes) = frame.data_ref() else { return true };
        let last_line = bytes.iter().rposition(|byte| *byte == b'\n').filter(|_| self.asked == Asked::Watch);
        match last_line {
            // What comes at once is small.
            Some(end) => self.read = bytes.len() - end,
            None => self.read += bytes.len(),
        }
        self.read <= self.largest()
    }

    fn largest(&self) -> usize {
        if self.asked == Asked::List { LARGEST_LIST } else { LARGEST_OBJECT }
    }
}

#[cfg(test)]
mod tests {
    use cowherd_source::Network;
    use kube::Client;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::super::fault::told;
    use super::super::kubeconfig::{Connection, by_token};
    use super::super::line::client;
    use super::*;

    /// A client of a server that answers so to each request, and then with the same piece again and again.
    async fn answered(head: &'static str, piece: &'static [u8]) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 4096]).await;
                    let _ = stream.write_all(head.as_bytes()).await;
                    while !piece.is_empty() && stream.write_all(piece).await.is_ok() {}
                });
            }
        });
        let connection = Connection {
            server: server.parse().unwrap(),
            authorities: None,
            server_name: None,
            is_insecure: false,
            who: by_token("hunter2"),
            stamp: Default::default(),
        };
        client(&connection, &Network::Any).unwrap()
    }

    async fn asked(client: &Client, path: &str) -> String {
        let request = Request::get(path).body(Vec::new()).unwrap();
        told(&client.request::<serde_json::Value>(request).await.unwrap_err())
    }

    const ENDLESS: &str = "HTTP/1.1 200 OK\r\n\r\n{\"a\": \"";

    #[tokio::test]
    async fn an_answer_without_end_is_broken_off() {
        let client = answered(ENDLESS, &[b'x'; 65536]).await;
        assert_eq!(asked(&client, "/api/v1/namespaces/a").await, "its answer is larger than 4 MiB");
        assert_eq!(asked(&client, "/api/v1/namespaces?&limit=500").await, "its answer is larger than 32 MiB");
        let request = Request::get("/api/v1/namespaces?&watch=true").body(Vec::new()).unwrap();
        let events = client.request_events::<kube::api::DynamicObject>(request).await.unwrap();
        let first = Box::pin(futures::TryStreamExt::into_stream(events)).next().await;
        assert!(first.unwrap().is_err(), "a line without end is none");
    }

    #[tokio::test]
    async fn what_is_no_api_is_told_as_that_and_nobody_is_sent_elsewhere() {
        let page = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>";
        assert!(asked(&answered(page, b"").await, "/version").await.contains("no Kubernetes API"));
        let moved = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n";
        let said = asked(&answered(moved, b"").await, "/version").await;
        assert!(!said.contains("169.254.169.254"), "{said}");
        let garbage = asked(&answered("nonsense\r\n\r\n", b"").await, "/version").await;
        assert!(!garbage.contains("hunter2") && !garbage.is_empty(), "{garbage}");
    }

    #[test]
    fn who_says_more_than_its_share_is_made_to_wait() {
        let pace = Pace::new();
        assert_eq!(pace.pause(1024), Duration::ZERO);
        let much = 80 * 1024 * 1024;
        assert!(pace.pause(much) >= Duration::from_secs(1));
        assert_eq!(pace.pause(1 << 40), Duration::from_secs_f64(LONGEST_PAUSE));
    }
}
