//! Calls: requests that tell a server something, with headers and a body of the caller's.

use std::time::{Duration, SystemTime};

use ureq::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LINK, RETRY_AFTER, USER_AGENT};
use ureq::http::{Request, StatusCode};

use super::location::{next_page, shown, without_userinfo};
use super::{AGENT, Answer, MAX_REDIRECTS, Show, Web, WebProblem, not_web, origin, redirect};
use crate::connect::{Authorities, Line, authorization};
use crate::deadline::Deadline;
use crate::{Access, Auth, Cancel, ProxyServer};

/// The most that is read of an answer, in bytes.
const MAX_ANSWER: u64 = 256 * 1024;
/// The longest that a server may ask to be left alone.
const MAX_RETRY_AFTER: u64 = 3600;
/// The headers that say how many more questions are answered, and when there are more again, in seconds since 1970: as GitHub
/// has them, and as GitLab.
const QUOTAS: [(&str, &str); 2] =
    [("x-ratelimit-remaining", "x-ratelimit-reset"), ("ratelimit-remaining", "ratelimit-reset")];

/// A request that tells something.
#[derive(Clone)]
pub struct Call {
    /// What is asked of the server.
    pub method: CallMethod,
    /// Where: an http or https URL. It may be a secret, and no error shows it. Credentials in it are sent as those of basic
    /// authentication.
    pub url: String,
    /// Headers beside those that any request has. They go to the server of the URL, and to no other that it names.
    pub headers: Vec<(String, String)>,
    /// What is told; nothing, for what is only looked at.
    pub body: Vec<u8>,
}

/// What is asked of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallMethod {
    /// What is there.
    Get,
    /// To take what is told.
    Post,
    /// To keep what is told at this place.
    Put,
}

impl CallMethod {
    /// As HTTP writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// How long it asks to be left alone.
    pub retry_after: Option<Duration>,
    /// How long it is until more questions are answered, where this one was the last of those that are.
    pub exhausted_for: Option<Duration>,
    /// Whether its `Link` names a next page, where it has one.
    pub has_next: Option<bool>,
    /// The beginning of the content, which is not more than is ever read of one.
    pub body: Vec<u8>,
}

/// Makes calls. Clones share what they know of the system's certificate authorities.
#[derive(Clone, Default)]
pub struct Caller {
    authorities: Authorities,
}

/// On which terms a call is made.
#[derive(Clone, Debug, Default)]
pub struct CallTerms {
    /// Which servers are trusted, and the certificate that is shown to them.
    pub auth: Auth,
    /// The proxy through which they are called.
    pub proxy: Option<ProxyServer>,
    /// What may be reached.
    pub access: Access,
    /// Breaks calls off.
    pub cancel: Cancel,
    /// What errors say in place of the server's address, where that is a secret.
    pub alias: Option<String>,
    /// The most that is read of an answer, in bytes, where that is more than it takes to say how something went.
    pub most: Option<u64>,
}

impl Caller {
    /// Makes a call, once, and goes where the server sends it, as a client of Go's does: to a place that is only looked at after
    /// 301, 302 and 303, and with the same content after 307 and 308; never from https to http. Any status is an answer. Blocks
    /// the thread, for `timeout` at most.
    ///
    /// # Errors
    /// When no answer came. No error shows more of the URL than its server, and that not where there is an alias.
    pub fn call(&self, call: &Call, terms: &CallTerms, timeout: Duration) -> Result<Reply, WebProblem> {
        let (url, _) = without_userinfo(&call.url);
        let server = origin(&url).map_or_else(|| "its address".to_owned(), |origin| origin.to_string());
        let (name, asked) = (terms.alias.as_deref().unwrap_or(&server), super::host(&url));
        self.make(call, terms, timeout).map_err(|problem| problem.called(name, asked.as_deref()))
    }

    fn make(&self, call: &Call, terms: &CallTerms, timeout: Duration) -> Result<Reply, WebProblem> {
        let (mut url, userinfo) = without_userinfo(&call.url);
        let mut auth = terms.auth.clone();
        if let Some(userinfo) = userinfo {
            let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
            auth.username = Some(decoded(user));
            auth.password = Some(decoded(password).into());
        }
        let line = Line::new(&terms.access, &terms.cancel).through(terms.proxy.as_ref());
        let mut web = Web::new(&auth, &self.authorities, Deadline::after(timeout), line)?;
        web.trust(&url);
        let home = origin(&url).ok_or_else(|| not_web(&url))?;
        let mut headers = headers(call)?;
        if let (false, Some(given)) = (headers.contains_key(AUTHORIZATION), credentials(&auth)?) {
            headers.insert(AUTHORIZATION, given);
        }
        let (mut method, mut body) = (call.method, call.body.as_slice());
        for _ in 0..=MAX_REDIRECTS {
            let is_at_home = origin(&url).is_some_and(|origin| home.extends_to(&origin));
            if !is_at_home {
                headers.retain_content_type();
            }
            let answer = match method {
                CallMethod::Get => web.send(super::Method::Get, &url, &headers.listed(), Show::Nothing, &home)?,
                _ => web.tell(method.as_str(), &url, &headers.0, body)?,
            };
            match answer.status {
                StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => {
                    method = CallMethod::Get;
                    body = &[];
                }
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => {}
                _ => return reply(&web, answer, terms.most.unwrap_or(MAX_ANSWER)),
            }
            url = redirect(&url, &answer)?;
        }
        Err(WebProblem::Protocol { url: shown(&url).to_owned(), cause: "it redirects again and again".to_owned() })
    }
}

impl Web<'_> {
    /// Sends content to `url`, and goes nowhere else. Any status is an answer.
    fn tell(&self, method: &str, url: &str, headers: &HeaderMap, body: &[u8]) -> Result<Answer, WebProblem> {
        let origin = origin(url).ok_or_else(|| not_web(url))?;
        let trusted = self.trusted.iter().any(|trusted| trusted.extends_to(&origin));
        let mut request = Request::builder().method(method).uri(url).header(USER_AGENT, AGENT);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(body).map_err(|_| not_web(url))?;
        // A timeout of zero would mean none at all.
        let remaining = self.deadline.remaining().max(Duration::from_millis(1));
        let agent = self.agent(trusted)?;
        let request = agent.configure_request(request).timeout_global(Some(remaining)).build();
        let response = agent.run(request).map_err(|error| self.explain(url, &error))?;
        let (parts, body) = response.into_parts();
        Ok(Answer { url: url.to_owned(), status: parts.status, headers: parts.headers, body })
    }
}

/// The headers of a call.
struct Headers(HeaderMap);

impl Headers {
    fn contains_key(&self, name: HeaderName) -> bool {
        self.0.contains_key(name)
    }

    fn insert(&mut self, name: HeaderName, value: HeaderValue) {
        self.0.insert(name, value);
    }

    /// Those that are no secret of the first server's.
    fn retain_content_type(&mut self) {
        let kept = self.0.remove(ureq::http::header::CONTENT_TYPE);
        self.0.clear();
        if let Some(kept) = kept {
            self.0.insert(ureq::http::header::CONTENT_TYPE, kept);
        }
    }

    fn listed(&self) -> Vec<(HeaderName, HeaderValue)> {
        self.0.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

fn headers(call: &Call) -> Result<Headers, WebProblem> {
    let mut headers = HeaderMap::new();
    for (name, value) in &call.headers {
        let unusable = || WebProblem::Credentials("a header has a name or a value that none can have".to_owned());
        let name: HeaderName = name.parse().map_err(|_| unusable())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| unusable())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(Headers(headers))
}

/// The credentials of the URL as a header.
fn credentials(auth: &Auth) -> Result<Option<HeaderValue>, WebProblem> {
    authorization(auth).map_err(|cause| WebProblem::Credentials(cause.to_owned()))
}

/// What was answered. Of a content that is too long nothing is known; the status says what counts.
fn reply(web: &Web<'_>, answer: Answer, most: u64) -> Result<Reply, WebProblem> {
    let status = answer.status.as_u16();
    let retry_after = answer.header(RETRY_AFTER).and_then(|text| text.trim().parse().ok());
    let retry_after = retry_after.map(|seconds: u64| Duration::from_secs(seconds.min(MAX_RETRY_AFTER)));
    let said = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
    let exhausted_for = QUOTAS.iter().find_map(|(left, reset)| exhausted_for(said(left)?, said(reset)?));
    let has_next = answer.header(LINK).map(|link| next_page(link).is_some());
    let body = match web.read(answer, most) {
        Err(WebProblem::TooLarge { .. }) => Vec::new(),
        read => read?,
    };
    Ok(Reply { status, retry_after, exhausted_for, has_next, body })
}

/// How long it is until a server answers again that says how many questions are `left`, and when there are more.
fn exhausted_for(left: &str, reset: &str) -> Option<Duration> {
    let left: u64 = left.trim().parse().ok()?;
    let reset: u64 = reset.trim().parse().ok().filter(|_| left == 0)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    Some(Duration::from_secs(reset.saturating_sub(now).clamp(1, MAX_RETRY_AFTER)))
}

/// A part of a URL with its escapes read.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = (*byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_a_url_are_read() {
        for (text, read) in [("a%40b", "a@b"), ("100%", "100%"), ("%zz", "%zz"), ("%C3%A4", "ä"), ("", "")] {
            assert_eq!(decoded(text), read);
        }
    }

    #[test]
    fn a_server_that_has_no_more_answers_says_until_when() {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        assert_eq!(exhausted_for("1", &(now + 60).to_string()), None);
        assert_eq!(exhausted_for("0", "soon"), None);
        let minute = exhausted_for("0", &(now + 60).to_string()).unwrap().as_secs();
        assert!((55..=60).contains(&minute), "{minute}");
        assert_eq!(exhausted_for("0", "0"), Some(Duration::from_secs(1)));
        assert_eq!(exhausted_for("0", &u64::MAX.to_string()), Some(Duration::from_secs(MAX_RETRY_AFTER)));
    }

    #[test]
    fn nothing_of_the_url_but_its_server_is_shown() {
        let call =
            |url: &str| Call { method: CallMethod::Post, url: url.to_owned(), headers: Vec::new(), body: Vec::new() };
        for (url, told) in [
            ("http://user:hunter2@127.0.0.1:1/services/hunter2?key=hunter2", "http://127.0.0.1:1"),
            ("hunter2", "its address"),
            ("ftp://hunter2/", "its address"),
        ] {
            let (caller, terms) = (Caller::default(), CallTerms::default());
            let problem = caller.call(&call(url), &terms, Duration::from_secs(5)).unwrap_err().to_string();
            assert!(problem.contains(told) && !problem.contains("hunter2"), "{problem}");
            let terms = CallTerms { alias: Some("the address in the Secret".to_owned()), ..terms };
            let problem = caller.call(&call(url), &terms, Duration::from_secs(5)).unwrap_err().to_string();
            assert!(problem.contains("the address in the Secret") && !problem.contains(told), "{problem}");
        }
    }

    /// A server that sends whoever asks to an address, as often as it is asked.
    fn redirecting_to(location: &'static str, times: usize) -> std::net::SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for connection in listener.incoming().take(times) {
                let mut connection = connection.unwrap();
                let _ = std::io::Read::read(&mut connection, &mut [0; 4096]);
                let answer = format!(
                    "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                let _ = std::io::Write::write_all(&mut connection, answer.as_bytes());
            }
        });
        address
    }

    #[test]
    fn where_a_redirect_leads_that_must_not_be_connected_to_is_named_and_nothing_else_of_its_url() {
        let address = redirecting_to("http://127.0.0.2:1/hunter2", 2);
        let url = format!("http://{address}/hunter2");
        let call = Call { method: CallMethod::Get, url, headers: Vec::new(), body: Vec::new() };
        let access = Access::default().reaching(&["127.0.0.1".parse().unwrap()]);
        let terms = CallTerms { access, ..CallTerms::default() };
        for (alias, name) in
            [(None, format!("http://{address}")), (Some("its address".to_owned()), "its address".into())]
        {
            let terms = CallTerms { alias, ..terms.clone() };
            let problem = Caller::default().call(&call, &terms, Duration::from_secs(5)).unwrap_err().to_string();
            let told = format!("{name} leads, by a redirect or a proxy, to 127.0.0.2, where manifests must not");
            assert!(problem.starts_with(&told) && !problem.contains("hunter2"), "{problem}");
        }
    }
}
