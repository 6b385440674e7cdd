//! Requests to the servers that hold charts: limits, redirects, and who gets to see our credentials.

use std::cell::OnceCell;
use std::io::{self, Read};
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use ureq::http::{Request, StatusCode, Uri};

use super::ChartProblem;
use super::location::{resolve, shown};
use crate::Auth;
use crate::connect::{Authorities, Line, Origin, authorization, forbidden, tls};
use crate::deadline::Deadline;

/// How many times a request may be sent elsewhere.
const MAX_REDIRECTS: usize = 5;

/// Who we say we are.
const AGENT: &str = concat!("cowherd/", env!("CARGO_PKG_VERSION"));

/// Sends requests for one chart.
pub(super) struct Web<'a> {
    auth: &'a Auth,
    authorities: &'a Authorities,
    deadline: Deadline,
    line: Line,
    trusted: Vec<Origin>,
    authorization: Option<HeaderValue>,
    own: OnceCell<Agent>,
    strange: OnceCell<Agent>,
}

/// What a request shows of us.
#[derive(Clone, Copy)]
pub(super) enum Show<'a> {
    /// The credentials, where they belong.
    Credentials,
    /// A token, to the server that is asked and to none that it sends us to.
    Token(&'a HeaderValue),
    /// Nothing.
    Nothing,
}

impl<'a> Web<'a> {
    /// Requests with the credentials `auth`, which belong to nobody yet.
    pub(super) fn new(
        auth: &'a Auth,
        authorities: &'a Authorities,
        deadline: Deadline,
        line: Line,
    ) -> Result<Self, ChartProblem> {
        let authorization = authorization(auth).map_err(|cause| ChartProblem::Credentials(cause.to_owned()))?;
        let (own, strange) = Default::default();
        Ok(Self { auth, authorities, deadline, line, trusted: Vec::new(), authorization, own, strange })
    }

    /// From now on, credentials go to the server of `url` too; not in clear text where they go by TLS already.
    pub(super) fn trust(&mut self, url: &str) {
        let secured = self.trusted.iter().any(|trusted| trusted.secure);
        self.trusted.extend(origin(url).filter(|origin| origin.secure || !secured));
    }

    pub(super) fn auth(&self) -> &Auth {
        self.auth
    }

    /// The credentials as a header, for whoever knows that the server wants them.
    pub(super) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// Asks for `url` and goes where the server sends us, never from https to http. Any status is an answer.
    pub(super) fn get(
        &self,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
        show: Show<'_>,
    ) -> Result<Answer, ChartProblem> {
        let asked = origin(url).ok_or_else(|| not_web(url))?;
        let mut url = url.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.send(&url, headers, show, &asked)?;
            if !answer.status.is_redirection() || answer.status == StatusCode::NOT_MODIFIED {
                return Ok(answer);
            }
            url = redirect(&url, &answer)?;
        }
        Err(ChartProblem::Protocol { url: shown(&url).to_owned(), cause: "it redirects again and again".to_owned() })
    }

    fn send(
        &self,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
        show: Show<'_>,
        asked: &Origin,
    ) -> Result<Answer, ChartProblem> {
        let origin = origin(url).ok_or_else(|| not_web(url))?;
        let trusted = self.trusted.iter().any(|trusted| trusted.extends_to(&origin));
        let mut request = Request::builder().method("GET").uri(url).header(USER_AGENT, AGENT);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let shows = match show {
            Show::Credentials if trusted => self.authorization.as_ref(),
            Show::Token(token) if asked.extends_to(&origin) => Some(token),
            _ => None,
        };
        if let Some(value) = shows {
            request = request.header(AUTHORIZATION, value);
        }
        let request = request.body(()).map_err(|_| not_web(url))?;
        // A timeout of zero would mean none at all.
        let remaining = self.deadline.remaining().max(Duration::from_millis(1));
        let agent = self.agent(trusted)?;
        let request = agent.configure_request(request).timeout_global(Some(remaining)).build();
        let response = agent.run(request).map_err(|error| self.explain(url, &error))?;
        let (parts, body) = response.into_parts();
        Ok(Answer { url: url.to_owned(), status: parts.status, headers: parts.headers, body })
    }

    /// Strangers never see our certificate.
    fn agent(&self, trusted: bool) -> Result<&Agent, ChartProblem> {
        let cell = if trusted { &self.own } else { &self.strange };
        if let Some(agent) = cell.get() {
            return Ok(agent);
        }
        let tls = tls::config(self.auth, self.authorities, trusted);
        let tls = tls.map_err(|cause| ChartProblem::Credentials(cause.to_owned()))?;
        Ok(cell.get_or_init(|| self.line.agent(tls)))
    }

    /// The body of an answer, as long as it is not longer than `limit` bytes.
    pub(super) fn read(&self, answer: Answer, limit: u64) -> Result<Vec<u8>, ChartProblem> {
        let Answer { url, headers, body, .. } = answer;
        let too_large = || ChartProblem::TooLarge { url: shown(&url).to_owned(), limit };
        let length = body.content_length();
        if length.is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let body = body.into_with_config().limit(u64::MAX).reader();
        let packed = headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
        let mut content = Vec::new();
        let most = limit.saturating_add(1);
        let read = match packed {
            true => MultiGzDecoder::new(body).take(most).read_to_end(&mut content),
            false => body.take(most).read_to_end(&mut content),
        };
        read.map_err(|error| self.broken(&url, &error))?;
        if content.len() as u64 > limit { Err(too_large()) } else { Ok(content) }
    }

    fn broken(&self, url: &str, error: &io::Error) -> ChartProblem {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        let timed_out = matches!(inner, Some(ureq::Error::Timeout(_))) || error.kind() == io::ErrorKind::TimedOut;
        if self.line.is_cancelled() {
            return ChartProblem::Cancelled;
        }
        if timed_out || self.deadline.passed() {
            return self.timeout();
        }
        let cause = self.auth.scrub(&format!("the connection broke off: {}", crate::error::chain(error)));
        ChartProblem::Unreachable { url: shown(url).to_owned(), cause }
    }

    fn explain(&self, url: &str, error: &ureq::Error) -> ChartProblem {
        let url = shown(url).to_owned();
        let cause = self.auth.scrub(&crate::error::chain(error));
        if let Some(forbidden) = forbidden(error) {
            return ChartProblem::Forbidden { url, address: forbidden.0 };
        }
        if self.line.is_cancelled() {
            return ChartProblem::Cancelled;
        }
        match error {
            ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) if !self.deadline.passed() => {
                ChartProblem::Unreachable { url, cause: "no connection came about".to_owned() }
            }
            ureq::Error::Timeout(_) => self.timeout(),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => self.timeout(),
            // What TLS refuses arrives as invalid data.
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => ChartProblem::Tls { url, cause },
            ureq::Error::Tls(_) | ureq::Error::Pem(_) | ureq::Error::Rustls(_) => ChartProblem::Tls { url, cause },
            ureq::Error::HostNotFound => {
                ChartProblem::Unreachable { url, cause: "the host name is not known".to_owned() }
            }
            ureq::Error::Io(_) | ureq::Error::ConnectionFailed | ureq::Error::ConnectProxyFailed(_) => {
                ChartProblem::Unreachable { url, cause }
            }
            _ => ChartProblem::Protocol { url, cause },
        }
    }

    fn timeout(&self) -> ChartProblem {
        ChartProblem::Timeout(self.deadline.timeout())
    }
}

/// An answer whose body was not read yet.
pub(super) struct Answer {
    pub(super) url: String,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: ureq::Body,
}

impl Answer {
    /// The text of a header.
    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// This answer if it is what was asked for, or what its status means.
    pub(super) fn success(self, auth: &Auth) -> Result<Self, ChartProblem> {
        if self.status.is_success() {
            return Ok(self);
        }
        let url = shown(&self.url).to_owned();
        let said = format!("the server answered {}", self.status);
        let known = auth.has_http_credentials();
        Err(match self.status.as_u16() {
            401 | 403 if !known => {
                ChartProblem::Refused { url, cause: format!("{said}, and no credentials were given") }
            }
            401 | 403 => ChartProblem::Refused { url, cause: format!("{said} to the credentials given") },
            404 | 410 => ChartProblem::NotFound { url, cause: said },
            429 | 500..=599 => ChartProblem::Unreachable { url, cause: said },
            _ => ChartProblem::Protocol { url, cause: said },
        })
    }
}

fn origin(url: &str) -> Option<Origin> {
    url.parse::<Uri>().ok().as_ref().and_then(Origin::of)
}

fn not_web(url: &str) -> ChartProblem {
    ChartProblem::Location { url: shown(url).to_owned(), cause: "it is no URL of the web".to_owned() }
}

/// Where an answer to a request for `url` sends us.
fn redirect(url: &str, answer: &Answer) -> Result<String, ChartProblem> {
    let refused = || {
        let cause = "it redirects to a place that is not followed".to_owned();
        ChartProblem::Protocol { url: shown(url).to_owned(), cause }
    };
    let location = answer.header(LOCATION).filter(|location| !location.is_empty()).ok_or_else(refused)?;
    let from = origin(url).ok_or_else(refused)?;
    // Relative to the page; a query belongs to the page that has it.
    let page = shown(url);
    let directory = page.rsplit_once('/').map_or(page, |(directory, _)| directory);
    let (path, query) = location.split_once('?').map_or((location, None), |(path, query)| (path, Some(query)));
    let mut target = resolve(directory, path);
    if let Some(query) = query {
        target = format!("{target}?{query}");
    }
    let to = origin(&target).ok_or_else(refused)?;
    if from.secure && !to.secure { Err(refused()) } else { Ok(target) }
}
