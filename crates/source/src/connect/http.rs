//! Git's smart protocol over HTTP.

use std::io::{self, BufReader};
use std::sync::Arc;

use gix_transport::Protocol;
use gix_transport::client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse, Transport};
use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, HeaderName, HeaderValue, LOCATION};
use ureq::http::{Method, Request, Response, StatusCode, Uri};
use ureq::tls::TlsConfig;

use super::Line;
use super::attempt::{Attempt, Counted};
use super::exchange::{Answer, AnswerBody, Exchange, Headers, RequestBody};
use super::fault::{TlsFault, tls_fault};
use super::origin::{Origin, authorization};
use super::tls::{self, Authorities};
use crate::{FetchError, Scheme};

/// How many times the first request may be sent elsewhere.
const MAX_REDIRECTS: usize = 5;

/// A transport to the server of `attempt`. Nothing is sent yet.
pub(super) fn transport(
    attempt: &Arc<Attempt>,
    authorities: &Authorities,
    protocol: Protocol,
) -> Result<Transport<Client>, FetchError> {
    let url = attempt.url().git().ok_or_else(|| attempt.unsupported("a URL of this form"))?.clone();
    Ok(Transport::new_http(Client::new(attempt.clone(), authorities)?, url, protocol, false))
}

/// Sends the requests of Git's protocol, with our credentials where they belong.
pub(crate) struct Client {
    requests: Arc<Requests>,
    redirected_base: Option<String>,
}

struct Requests {
    attempt: Arc<Attempt>,
    authorities: Authorities,
    home: Origin,
    authorization: Option<HeaderValue>,
    line: Line,
    agent: Agent,
}

impl Client {
    fn new(attempt: Arc<Attempt>, authorities: &Authorities) -> Result<Self, FetchError> {
        let home = attempt.url().to_string().parse::<Uri>().ok().as_ref().and_then(Origin::of);
        let home = home.ok_or_else(|| attempt.unsupported("a URL of this form"))?;
        let authorization = authorization(attempt.auth()).map_err(|cause| attempt.credentials(cause))?;
        let line = Line::new(attempt.access(), attempt.cancel()).through(attempt.proxy());
        let agent = agent(&line, &attempt, authorities, true)?;
        let authorities = authorities.clone();
        Ok(Self {
            requests: Arc::new(Requests { attempt, authorities, home, authorization, line, agent }),
            redirected_base: None,
        })
    }
}

impl Http for Client {
    type Headers = BufReader<Headers>;
    type ResponseBody = BufReader<AnswerBody>;
    type PostBody = RequestBody;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::error::Result<GetResponse<Self::Headers, Self::ResponseBody>> {
        let tail = url.strip_prefix(base_url).unwrap_or_default();
        let (answer, redirected) = self
            .requests
            .follow(url, tail, parse_headers(headers))
            .map_err(|error| noted(&self.requests.attempt, error))?;
        if let Some(base) = redirected {
            self.redirected_base = Some(base);
        }
        let exchange = Exchange::answered(answer);
        Ok(GetResponse { headers: exchange.headers(), body: exchange.body() })
    }

    fn post(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _body: PostBodyDataKind,
    ) -> gix::error::Result<PostResponse<Self::Headers, Self::ResponseBody, Self::PostBody>> {
        let requests = self.requests.clone();
        let url = url.to_owned();
        let headers = parse_headers(headers);
        let exchange = Exchange::new(move |body| requests.post(&url, &headers, body));
        Ok(PostResponse { post_body: exchange.request(), headers: exchange.headers(), body: exchange.body() })
    }

    fn configure(&mut self, _config: &dyn std::any::Any) -> gix::error::Result {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.redirected_base.clone()
    }
}

/// An error for Git's protocol to carry; what it means is noted in the attempt.
fn noted(attempt: &Attempt, error: FetchError) -> gix::Error {
    let carried = gix::Error::from_error(io::Error::other(error.to_string()));
    attempt.fail(error);
    carried
}

fn parse_headers(headers: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<(HeaderName, HeaderValue)> {
    headers
        .into_iter()
        .filter_map(|line| {
            let (name, value) = line.as_ref().split_once(':')?;
            Some((name.trim().parse().ok()?, value.trim().parse().ok()?))
        })
        .collect()
}

impl Requests {
    /// Asks for `url` and goes where the server sends us. If that is elsewhere, also gives the new base URL: what
    /// stands before `tail`.
    fn follow(
        &self,
        url: &str,
        tail: &str,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) -> Result<(Answer, Option<String>), FetchError> {
        let mut url = url.to_owned();
        let mut redirected = None;
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(Method::GET, &url, &headers, Vec::new())?;
            if !response.status().is_redirection() {
                return Ok((self.answer(response)?, redirected));
            }
            url = self.redirect(&url, &response)?;
            let base = url.strip_suffix(tail).ok_or_else(|| {
                self.attempt.protocol("it redirects to a page that is no repository; use the repository's own URL")
            })?;
            redirected = Some(base.to_owned());
        }
        Err(self.attempt.protocol("it redirects again and again"))
    }

    /// Where `response` to a request for `url` sends us: never from https to http.
    fn redirect(&self, url: &str, response: &Response<ureq::Body>) -> Result<String, FetchError> {
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let refused = || self.attempt.protocol("it redirects to a place that is not followed");
        let from = url.parse::<Uri>().ok().as_ref().and_then(Origin::of).ok_or_else(refused)?;
        let target = match location.strip_prefix('/') {
            Some(path) if !path.starts_with('/') => format!("{from}/{path}"),
            _ => location.to_owned(),
        };
        let to = target.parse::<Uri>().ok().as_ref().and_then(Origin::of).ok_or_else(refused)?;
        if from.secure && !to.secure { Err(refused()) } else { Ok(target) }
    }

    fn post(&self, url: &str, headers: &[(HeaderName, HeaderValue)], body: Vec<u8>) -> io::Result<Answer> {
        self.send(Method::POST, url, headers, body).and_then(|response| self.answer(response)).map_err(|error| {
            let carried = io::Error::other(error.to_string());
            self.attempt.fail(error);
            carried
        })
    }

    /// Sends a request. Credentials go to the server of the repository's URL alone.
    fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: Vec<u8>,
    ) -> Result<Response<ureq::Body>, FetchError> {
        let origin = url.parse::<Uri>().ok().as_ref().and_then(Origin::of);
        let at_home = origin.is_some_and(|origin| self.home.extends_to(&origin));
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers.iter().filter(|(name, _)| name != AUTHORIZATION) {
            request = request.header(name, value);
        }
        if let (true, Some(authorization)) = (at_home, &self.authorization) {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(body).map_err(|_| self.attempt.unsupported("a URL of this form"))?;
        let stranger;
        let agent = if at_home {
            &self.agent
        } else {
            stranger = agent(&self.line, &self.attempt, &self.authorities, false)?;
            &stranger
        };
        // A timeout of zero would mean none at all.
        let remaining = self.attempt.deadline().remaining().max(std::time::Duration::from_millis(1));
        let request = agent.configure_request(request).timeout_global(Some(remaining)).build();
        agent.run(request).map_err(|error| self.explain(error))
    }

    /// The answer in `response`, or what its status means.
    fn answer(&self, response: Response<ureq::Body>) -> Result<Answer, FetchError> {
        let status = response.status();
        if !status.is_success() {
            return Err(self.refusal(status));
        }
        let mut headers = Vec::new();
        for (name, value) in response.headers() {
            headers.extend_from_slice(name.as_str().as_bytes());
            headers.extend_from_slice(b": ");
            headers.extend_from_slice(value.as_bytes());
            headers.push(b'\n');
        }
        // The attempt counts on its own; the reader's limit would only be a second one.
        let body = response.into_body().into_with_config().limit(u64::MAX).reader();
        let body = Counted { attempt: self.attempt.clone(), inner: Watched { attempt: self.attempt.clone(), body } };
        Ok(Answer { headers, body: Box::new(body) })
    }

    fn refusal(&self, status: StatusCode) -> FetchError {
        let attempt = &self.attempt;
        let said = format!("the server answered {status}");
        match status.as_u16() {
            401 | 403 if !attempt.auth().has_http_credentials() => attempt.refused(&format!(
                "{said}, and no credentials were given (in the Secret that spec.secretRef names; to `cowherd up` in GIT_PASSWORD, \
                 with --username)"
            )),
            401 | 403 => attempt.refused(&format!("{said} to the credentials given")),
            404 | 410 if !attempt.auth().has_http_credentials() => {
                attempt.not_found(&format!("{said}; a private repository looks like this without credentials"))
            }
            404 | 410 => attempt.not_found(&said),
            429 | 500..=599 => attempt.unreachable(&said),
            _ => attempt.protocol(&said),
        }
    }

    fn explain(&self, error: ureq::Error) -> FetchError {
        let attempt = &self.attempt;
        if let Some(refused) = super::forbidden(&error) {
            let asked = attempt.url().git().and_then(|url| url.host());
            return attempt.forbidden(refused.forbidden, refused.unless_at(asked));
        }
        if attempt.cancel().is_cancelled() {
            return attempt.ended();
        }
        if let Some(fault) = tls_fault(&error) {
            return attempt.tls(fault);
        }
        match error {
            ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) if !attempt.deadline().passed() => {
                attempt.unreachable("no connection came about")
            }
            ureq::Error::Timeout(_) => attempt.timeout(),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => attempt.timeout(),
            ureq::Error::Io(error) => attempt.unreachable(&crate::error::chain(&error)),
            ureq::Error::HostNotFound => attempt.unreachable("the host name is not known"),
            ureq::Error::ConnectionFailed | ureq::Error::ConnectProxyFailed(_) => {
                attempt.unreachable(&crate::error::chain(&error))
            }
            ureq::Error::Tls(_) | ureq::Error::Pem(_) => attempt.tls(TlsFault::plain(crate::error::chain(&error))),
            error => attempt.protocol(&crate::error::chain(&error)),
        }
    }
}

/// A body that notes when it breaks off.
struct Watched<R> {
    attempt: Arc<Attempt>,
    body: R,
}

impl<R: io::Read> io::Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read(buffer).inspect_err(|error| {
            let attempt = &self.attempt;
            let timed_out = error.kind() == io::ErrorKind::TimedOut
                || error.get_ref().and_then(|inner| inner.downcast_ref()).is_some_and(is_timeout);
            attempt.fail(if attempt.cancel().is_cancelled() {
                attempt.ended()
            } else if let Some(fault) = tls_fault(error) {
                attempt.tls(fault)
            } else if timed_out || attempt.deadline().passed() {
                attempt.timeout()
            } else {
                attempt.unreachable(&format!("the connection broke off: {}", crate::error::chain(error)))
            });
        })
    }
}

fn is_timeout(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::Timeout(_))
}

fn agent(
    line: &Line,
    attempt: &Attempt,
    authorities: &Authorities,
    with_client_certificate: bool,
) -> Result<Agent, FetchError> {
    // In clear text no certificate is looked at, and reading the system's takes time.
    let tls = match attempt.url().scheme() {
        Scheme::Http if attempt.auth().ca.is_none() => TlsConfig::default(),
        _ => tls::config(attempt.auth(), authorities, with_client_certificate)
            .map_err(|cause| attempt.credentials(cause))?,
    };
    Ok(line.agent(tls))
}
