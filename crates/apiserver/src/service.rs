//! From an HTTP request to an HTTP answer; the in-process client talks to this directly.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http::{HeaderMap, Method, Request, Response, StatusCode, header, request::Parts};

use crate::{
    action::{Action, Deed},
    answer::Answer,
    body::{self, Body},
    flow::Place,
    identity::User,
    negotiation::Accepted,
    query::Query,
    server::ApiServer,
    status::{ApiError, ApiResult},
    unread::Room,
};

/// How long a request's body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(60);
/// The room that is taken for the answer to a request before it is made: for as much as most objects may have.
const ANSWER: usize = 1024 * 1024;

/// A request that was read.
#[derive(Debug)]
pub struct Call {
    /// The verb of HTTP.
    pub method: Method,
    /// The path as it was sent.
    pub path: String,
    /// The query.
    pub query: Query,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Who asks.
    pub user: User,
    /// The room for its answer, if it came over a socket and not from an agent of this process.
    pub(crate) room: Option<Room>,
    /// That for its body.
    pub(crate) _body_place: Option<Place>,
}

impl Call {
    /// A header's text; empty where there is none.
    pub fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The media type of the body, without parameters; `None` where none is named.
    pub fn content_type(&self) -> Option<&str> {
        let text = self.header(header::CONTENT_TYPE);
        let text = text.split(';').next().unwrap_or_default().trim();
        Some(text).filter(|text| !text.is_empty())
    }
}

impl ApiServer {
    /// Answers a request of this process: of `user`, or of whoever its credentials say where that is nobody.
    pub async fn handle<B>(&self, request: Request<B>, user: User) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match crate::tokens::authenticate(self, user, request.headers()).await {
            Ok(user) => self.serve_user(request, user, None).await,
            Err(error) => refusal(&error, request.headers()),
        }
    }

    /// Answers a request of a user, that came over a socket if its answer needs room.
    pub(crate) async fn serve_user<B>(&self, request: Request<B>, user: User, room: Option<Room>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let accepted = Accepted::from_headers(&parts.headers);
        let (began, method, path) = (Instant::now(), parts.method.clone(), parts.uri.path().to_owned());
        // A request that panics is the failure of that request.
        let answer = AssertUnwindSafe(self.answer(parts, body, (user, room), &accepted)).catch_unwind().await;
        let answer = answer.unwrap_or_else(|_| Err(ApiError::internal("the request could not be answered")));
        let response = match answer {
            Ok(answer) => answer.into_response(accepted),
            Err(error) => Answer::error(&error).into_response(accepted.or(Ok(Accepted::JSON))),
        };
        tracing::debug!(%method, path, code = response.status().as_u16(), took = ?began.elapsed(), "answered");
        response
    }

    async fn answer<B>(
        &self,
        parts: Parts,
        body: B,
        (user, room): (User, Option<Room>),
        accepted: &ApiResult<Accepted>,
    ) -> ApiResult<Answer>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        self.catch_up(parts.uri.path()).await?;
        let action = Action::resolve(self.catalog(), &parts.method, parts.uri.path(), &query);
        let user = crate::impersonation::impersonated(self, user, &parts.headers).await?;
        crate::authorization::check(self, &user, &action.attributes).await?;
        let deed = action.deed?;
        if let (Deed::Object(_) | Deed::Review(..), Err(error)) = (&deed, accepted) {
            // Nothing is done whose outcome could not be told.
            return Err(error.clone());
        }
        let mut body_place = None;
        let body = match parts.method {
            Method::GET | Method::HEAD => Bytes::new(),
            _ => {
                if room.is_some() {
                    let size = body.size_hint().upper().and_then(|size| usize::try_from(size).ok());
                    let limit = self.config().body_limit;
                    body_place = self.flow().body(size.map_or(limit, |size| size.min(limit)), &user).await?;
                }
                let reading = body::collect(body, self.config().body_limit);
                let slow = |_| {
                    ApiError::new(StatusCode::REQUEST_TIMEOUT, "Timeout", "the request's body did not arrive in time")
                };
                tokio::time::timeout(BODY_TIME, reading).await.map_err(slow)??
            }
        };
        let path = parts.uri.path().to_owned();
        let call = Call {
            method: parts.method,
            path,
            query,
            headers: parts.headers,
            body,
            user,
            room,
            _body_place: body_place,
        };
        let reads = matches!(call.method, Method::GET | Method::HEAD);
        if let Some(room) = call.room.as_ref().filter(|_| !deed.comes_bit_by_bit()) {
            room.take_in_time(ANSWER).await?;
        }
        match deed {
            Deed::Object(deed) if reads => crate::rest::serve(self, &call, &deed).await,
            Deed::Object(deed) => crate::mutation::run(self, call, deed).await,
            Deed::Review(review, namespace) => {
                let _room = crate::mutation::room(self, &call, crate::mutation::load(&call)).await;
                crate::reviews::answer(self, &call, review, namespace.as_deref()).await
            }
            Deed::Document(route) => crate::discovery::serve(self, &call, &route).await,
        }
    }
}

/// The answer to a request that is not looked at.
pub(crate) fn refusal(error: &ApiError, headers: &HeaderMap) -> Response<Body> {
    Answer::error(error).into_response(Accepted::from_headers(headers).or(Ok(Accepted::JSON)))
}

/// A server as a `tower` service, for requests of one user.
#[derive(Clone)]
pub struct LocalService {
    server: ApiServer,
    user: Arc<User>,
    agent: Option<header::HeaderValue>,
}

impl LocalService {
    /// Answers requests of this user; those that name no user agent get this one.
    pub fn new(server: ApiServer, user: User, agent: &str) -> Self {
        Self { server, user: Arc::new(user), agent: header::HeaderValue::from_str(agent).ok() }
    }
}

impl<B> tower::Service<Request<B>> for LocalService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Self { server, user, agent } = self.clone();
        if let Some(agent) = agent {
            request.headers_mut().entry(header::USER_AGENT).or_insert(agent);
        }
        Box::pin(async move { Ok(server.handle(request, User::clone(&user)).await) })
    }
}
