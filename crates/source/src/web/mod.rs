//! Requests to servers of the web: limits, redirects, and who gets to see our credentials.

mod call;
pub(crate) mod location;
mod problem;

use std::cell::OnceCell;
use std::io::{self, Read, Write};
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use ureq::http::{Request, StatusCode, Uri};

use crate::connect::{Authorities, Line, Origin, TlsFault, authorization, forbidden, tls, tls_fault};
use crate::deadline::Deadline;
use crate::digest::Hasher;
use crate::{Auth, Digest};
pub use call::{Call, CallMethod, CallTerms, Caller, Reply};
pub use location::shown_url;
use location::{resolve, shown};
use problem::ANSWERED;
pub use problem::WebProblem;

/// How many times a request may be sent elsewhere.
const MAX_REDIRECTS: usize = 5;

/// Who we say we are.
const AGENT: &str = concat!("cowherd/", env!("CARGO_PKG_VERSION"));

/// Sends requests for one fetch.
pub(crate) struct Web<'a> {
    auth: &'a Auth,
    authorities: &'a Authorities,
    deadline: Deadline,
    line: Line,
    trusted: Vec<Origin>,
    authorization: Option<HeaderValue>,
    own: OnceCell<Agent>,
    strange: OnceCell<Agent>,
}

/// How something is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Method {
    /// With its content.
    Get,
    /// What is said of it alone.
    Head,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
        }
    }
}

/// What a request shows of us.
#[derive(Clone, Copy)]
pub(crate) enum Show<'a> {
    /// The credentials, where they belong.
    Credentials,
    /// A token, to the server that is asked and to none that it sends us to.
    Token(&'a HeaderValue),
    /// Nothing.
    Nothing,
}

impl<'a> Web<'a> {
    /// Requests with the credentials `auth`, which belong to nobody yet.
    pub(crate) fn new(
        auth: &'a Auth,
        authorities: &'a Authorities,
        deadline: Deadline,
        line: Line,
    ) -> Result<Self, WebProblem> {
        let authorization = authorization(auth).map_err(|cause| WebProblem::Credentials(cause.to_owned()))?;
        let (own, strange) = Default::default();
        Ok(Self { auth, authorities, deadline, line, trusted: Vec::new(), authorization, own, strange })
    }

    /// From now on, credentials go to the server of `url` too; not in clear text where they go by TLS already.
    pub(crate) fn trust(&mut self, url: &str) {
        let secured = self.trusted.iter().any(|trusted| trusted.secure);
        self.trusted.extend(origin(url).filter(|origin| origin.secure || !secured));
    }

    pub(crate) fn auth(&self) -> &Auth {
        self.auth
    }

    /// The credentials as a header, for whoever knows that the server wants them.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// Asks for `url` and goes where the server sends us, never from https to http. Any status is an answer.
    pub(crate) fn get(
        &self,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
        show: Show<'_>,
    ) -> Result<Answer, WebProblem> {
        self.ask(Method::Get, url, headers, show)
    }

    /// The same by another method.
    pub(crate) fn ask(
        &self,
        method: Method,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
        show: Show<'_>,
    ) -> Result<Answer, WebProblem> {
        let asked = origin(url).ok_or_else(|| not_web(url))?;
        let mut url = url.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.send(method, &url, headers, show, &asked)?;
            if !answer.status.is_redirection() || answer.status == StatusCode::NOT_MODIFIED {
                return Ok(answer);
            }
            url = redirect(&url, &answer)?;
        }
        Err(WebProblem::Protocol { url: shown(&url).to_owned(), cause: "it redirects again and again".to_owned() })
    }

    /// Asks for `url`, and goes nowhere else: an answer that sends us elsewhere is one. Of us it shows what `headers` say.
    pub(crate) fn once(&self, url: &str, headers: &[(HeaderName, HeaderValue)]) -> Result<Answer, WebProblem> {
        let asked = origin(url).ok_or_else(|| not_web(url))?;
        self.send(Method::Get, url, headers, Show::Nothing, &asked)
    }

    fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
        show: Show<'_>,
        asked: &Origin,
    ) -> Result<Answer, WebProblem> {
        let origin = origin(url).ok_or_else(|| not_web(url))?;
        let trusted = self.trusted.iter().any(|trusted| trusted.extends_to(&origin));
        let mut request = Request::builder().method(method.name()).uri(url).header(USER_AGENT, AGENT);
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
    fn agent(&self, trusted: bool) -> Result<&Agent, WebProblem> {
        let cell = if trusted { &self.own } else { &self.strange };
        if let Some(agent) = cell.get() {
            return Ok(agent);
        }
        let tls = tls::config(self.auth, self.authorities, trusted);
        let tls = tls.map_err(|cause| WebProblem::Credentials(cause.to_owned()))?;
        Ok(cell.get_or_init(|| self.line.agent(tls)))
    }

    /// The body of an answer, as long as it is not longer than `limit` bytes.
    pub(crate) fn read(&self, answer: Answer, limit: u64) -> Result<Vec<u8>, WebProblem> {
        let mut content = Vec::new();
        self.pass(answer, limit, true, |bytes| content.extend_from_slice(bytes))?;
        Ok(content)
    }

    /// Writes the body of an answer to `to`, as long as it is not longer than `limit` bytes; its digest. What was written is
    /// good only if this succeeds.
    pub(crate) fn copy(&self, answer: Answer, limit: u64, to: &mut impl Write) -> Result<Digest, WebProblem> {
        let (mut digest, mut failed) = (Hasher::default(), None);
        self.pass(answer, limit, true, |bytes| {
            digest.update(bytes);
            failed = failed.take().or_else(|| to.write_all(bytes).err());
        })?;
        match failed {
            Some(error) => Err(WebProblem::Storage(error.to_string())),
            None => Ok(digest.finish()),
        }
    }

    /// The same as it was sent, also where it is packed; how many bytes it has.
    pub(crate) fn copy_as_sent(&self, answer: Answer, limit: u64, to: &mut impl Write) -> Result<u64, WebProblem> {
        let (mut length, mut failed) = (0, None);
        self.pass(answer, limit, false, |bytes| {
            length += bytes.len() as u64;
            failed = failed.take().or_else(|| to.write_all(bytes).err());
        })?;
        match failed {
            Some(error) => Err(WebProblem::Storage(error.to_string())),
            None => Ok(length),
        }
    }

    /// Hands the body of an answer over piece by piece, unpacked or as it was sent.
    fn pass(&self, answer: Answer, limit: u64, unpacks: bool, mut take: impl FnMut(&[u8])) -> Result<(), WebProblem> {
        let Answer { url, headers, body, .. } = answer;
        let too_large = || WebProblem::TooLarge { url: shown(&url).to_owned(), limit };
        if body.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let body = body.into_with_config().limit(u64::MAX).reader();
        let is_packed = headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
        let mut body: Box<dyn Read> = match unpacks && is_packed {
            true => Box::new(MultiGzDecoder::new(body)),
            false => Box::new(body),
        };
        let mut left = limit;
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = match body.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.broken(&url, &error)),
            };
            left = left.checked_sub(read as u64).ok_or_else(too_large)?;
            take(buffer.get(..read).unwrap_or_default());
        }
    }

    /// Whether work that takes time here, and not on the way, is still wanted.
    pub(crate) fn go_on(&self) -> Result<(), WebProblem> {
        match (self.line.is_cancelled(), self.deadline.passed()) {
            (true, _) => Err(WebProblem::Cancelled),
            (_, true) => Err(self.timeout()),
            _ => Ok(()),
        }
    }

    fn broken(&self, url: &str, error: &io::Error) -> WebProblem {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        let timed_out = matches!(inner, Some(ureq::Error::Timeout(_))) || error.kind() == io::ErrorKind::TimedOut;
        if self.line.is_cancelled() {
            return WebProblem::Cancelled;
        }
        if timed_out || self.deadline.passed() {
            return self.timeout();
        }
        if let Some(fault) = tls_fault(error) {
            return WebProblem::Tls { url: shown(url).to_owned(), fault };
        }
        let cause = self.auth.scrub(&format!("the connection broke off: {}", crate::error::chain(error)));
        WebProblem::Unreachable { url: shown(url).to_owned(), cause }
    }

    fn explain(&self, url: &str, error: &ureq::Error) -> WebProblem {
        let url = shown(url).to_owned();
        let cause = plain(&self.auth.scrub(&crate::error::chain(error)));
        if let Some(refused) = forbidden(error) {
            return WebProblem::Forbidden {
                leads_to: refused.unless_at(host(&url).as_deref()),
                url,
                address: refused.forbidden.0,
            };
        }
        if self.line.is_cancelled() {
            return WebProblem::Cancelled;
        }
        if let Some(fault) = tls_fault(error) {
            return WebProblem::Tls { url, fault };
        }
        match error {
            ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) if !self.deadline.passed() => {
                WebProblem::Unreachable { url, cause: "no connection came about".to_owned() }
            }
            ureq::Error::Timeout(_) => self.timeout(),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => self.timeout(),
            ureq::Error::Tls(_) | ureq::Error::Pem(_) => WebProblem::Tls { url, fault: TlsFault::plain(cause) },
            ureq::Error::HostNotFound => {
                WebProblem::Unreachable { url, cause: "the host name is not known".to_owned() }
            }
            ureq::Error::Io(_) | ureq::Error::ConnectionFailed | ureq::Error::ConnectProxyFailed(_) => {
                WebProblem::Unreachable { url, cause }
            }
            _ => WebProblem::Protocol { url, cause },
        }
    }

    fn timeout(&self) -> WebProblem {
        WebProblem::Timeout(self.deadline.timeout())
    }
}

/// An answer whose body was not read yet.
pub(crate) struct Answer {
    pub(crate) url: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: ureq::Body,
}

impl Answer {
    /// The text of a header.
    pub(crate) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// This answer if it is what was asked for, or what its status means.
    pub(crate) fn success(self, auth: &Auth) -> Result<Self, WebProblem> {
        if self.status.is_success() {
            return Ok(self);
        }
        let url = shown(&self.url).to_owned();
        let said = format!("{ANSWERED}{}", self.status);
        let known = auth.has_http_credentials();
        Err(match self.status.as_u16() {
            401 | 403 if !known => {
                let cause = format!("{said}, and no credentials were given");
                WebProblem::Refused { url, cause, is_anonymous: true }
            }
            401 | 403 => {
                WebProblem::Refused { url, cause: format!("{said} to the credentials given"), is_anonymous: false }
            }
            404 | 410 => WebProblem::NotFound { url, cause: said },
            429 | 500..=599 => WebProblem::Unreachable { url, cause: said },
            _ => WebProblem::Protocol { url, cause: said },
        })
    }
}

/// The server that a URL names.
pub(crate) fn origin(url: &str) -> Option<Origin> {
    url.parse::<Uri>().ok().as_ref().and_then(Origin::of)
}

/// The host of a URL of the web.
fn host(url: &str) -> Option<String> {
    origin(url).map(|origin| origin.host)
}

/// What keeps a connection from coming about, without the words of who found it out.
fn plain(cause: &str) -> String {
    let cause = cause.strip_prefix("io: ").unwrap_or(cause);
    cause.replace("failed to lookup address information", "its name cannot be resolved")
}

fn not_web(url: &str) -> WebProblem {
    WebProblem::Location { url: shown(url).to_owned(), cause: "it is no URL of the web".to_owned() }
}

/// Where an answer to a request for `url` sends us.
fn redirect(url: &str, answer: &Answer) -> Result<String, WebProblem> {
    let refused = || {
        let cause = "it redirects to a place that is not followed".to_owned();
        WebProblem::Protocol { url: shown(url).to_owned(), cause }
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
