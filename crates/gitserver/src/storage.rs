//! Object storage that speaks S3, as far as it takes to list a bucket and to get its objects: signatures are verified as Amazon describes
//! it, by code of its own. With the faults that tests ask for.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use ring::{digest, hmac};

use crate::web::{self, Answer, Ending, Request, Service};

/// A request as the server saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The path, with the query.
    pub path: String,
    /// The status with which it was answered.
    pub status: u16,
}

/// An answer in place of what is asked for.
#[derive(Clone, Debug, Default)]
pub struct Fault {
    /// The status.
    pub status: u16,
    /// The code and the message of the error; without them there is no content.
    pub error: Option<(String, String)>,
    /// Headers.
    pub headers: Vec<(String, String)>,
}

impl Fault {
    /// An error as S3 has it.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self { status, error: Some((code.to_owned(), message.to_owned())), headers: Vec::new() }
    }
}

/// How the server behaves.
#[derive(Clone)]
pub struct Behaviour {
    /// The access key and the secret key by which requests have to be signed; nobody has to without them.
    pub keys: Option<(String, String)>,
    /// The region that they have to be signed for.
    pub region: String,
    /// How many objects there are on a page of the list.
    pub page: usize,
    /// Whether the keys on it are escaped where that is asked for.
    pub escapes: bool,
    /// Pages that are given in place of the real ones, one after the other, the last for ever.
    pub pages: Vec<String>,
    /// How the next requests are answered that are not for the list, or with `of_lists`, that are.
    pub faults: VecDeque<Fault>,
    /// Whether the faults are those of lists.
    pub of_lists: bool,
    /// Whether the contents of objects stop after so many bytes and nothing follows.
    pub hang_after: Option<usize>,
    /// Whether the contents of objects break off after so many bytes.
    pub cut_after: Option<usize>,
    /// Headers of every object.
    pub headers: Vec<(String, String)>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            keys: None,
            region: "us-east-1".to_owned(),
            page: 1000,
            escapes: true,
            pages: Vec::new(),
            faults: VecDeque::new(),
            of_lists: false,
            hang_after: None,
            cut_after: None,
            headers: Vec::new(),
        }
    }
}

/// A running server with one bucket. It ends with the process.
pub struct Storage {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its certificate as PEM, if it speaks TLS.
    pub certificate: Option<String>,
    state: Arc<State>,
}

struct State {
    bucket: String,
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    behaviour: Mutex<Behaviour>,
    seen: Mutex<Vec<Seen>>,
}

impl Storage {
    /// Serves an empty bucket.
    pub fn start(bucket: &str) -> Self {
        Self::serve(bucket, None)
    }

    /// The same over TLS, for `localhost`, with a certificate that nobody knows.
    pub fn start_tls(bucket: &str) -> Self {
        let (config, certificate) = web::self_signed(None);
        Self { certificate: Some(certificate), ..Self::serve(bucket, Some(config)) }
    }

    fn serve(bucket: &str, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let (listener, address) = web::bind();
        let (objects, behaviour, seen) = Default::default();
        let state = Arc::new(State { bucket: bucket.to_owned(), objects, behaviour, seen });
        web::serve(listener, tls, state.clone(), Arc::default());
        Self { address, certificate: None, state }
    }

    /// The server, as a Bucket names it.
    pub fn endpoint(&self) -> String {
        match &self.certificate {
            Some(_) => format!("localhost:{}", self.address.port()),
            None => self.address.to_string(),
        }
    }

    /// Puts an object.
    pub fn put(&self, key: &str, content: impl Into<Vec<u8>>) {
        self.state.objects.lock().unwrap().insert(key.to_owned(), content.into());
    }

    /// Removes an object.
    pub fn remove(&self, key: &str) {
        self.state.objects.lock().unwrap().remove(key).unwrap();
    }

    /// What tells the content of an object from others.
    pub fn etag(&self, key: &str) -> String {
        etag(&self.state.objects.lock().unwrap()[key])
    }

    /// Behaves otherwise from the next request on.
    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.state.behaviour.lock().unwrap());
    }

    /// The requests since the last call.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.seen.lock().unwrap())
    }

    /// The keys of the objects that were asked for since the last call.
    pub fn asked(&self) -> Vec<String> {
        let begin = format!("/{}/", self.state.bucket);
        let key = |seen: Seen| seen.path.strip_prefix(&begin).filter(|key| !key.starts_with('?')).map(unescaped);
        let mut keys: Vec<String> = self.seen().into_iter().filter_map(key).collect();
        keys.sort();
        keys
    }
}

impl Service for State {
    fn answer(&self, request: Request) -> Answer {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let answer = self.refusal(&request, path, query).unwrap_or_else(|| self.respond(path, query));
        let status = answer.status.parse().unwrap();
        self.seen.lock().unwrap().push(Seen { path: request.path.clone(), status });
        answer
    }
}

impl State {
    /// Why nothing is given, if that is so.
    fn refusal(&self, request: &Request, path: &str, query: &str) -> Option<Answer> {
        let is_list = parameters(query).contains_key("list-type");
        let mut behaviour = self.behaviour.lock().unwrap();
        let fault = if behaviour.of_lists == is_list { behaviour.faults.pop_front() } else { None };
        if let Some(Fault { status, error: said, headers }) = fault {
            let content = said.map(|(code, message)| document(&code, &message, "")).unwrap_or_default();
            let answer = Answer::new(status, content);
            return Some(headers.into_iter().fold(answer, |answer, (name, value)| answer.with(&name, value)));
        }
        let (access, secret) = behaviour.keys.clone()?;
        signed(request, (path, query), (&access, &secret), &behaviour.region).err()
    }

    fn respond(&self, path: &str, query: &str) -> Answer {
        let Some(key) = unescaped(path).strip_prefix(&format!("/{}/", self.bucket)).map(str::to_owned) else {
            return error(404, "NoSuchBucket", "The specified bucket does not exist");
        };
        if key.is_empty() {
            return self.list(&parameters(query));
        }
        let behaviour = self.behaviour.lock().unwrap().clone();
        let Some(content) = self.objects.lock().unwrap().get(&key).cloned() else {
            return error(404, "NoSuchKey", "The specified key does not exist.");
        };
        let mut answer = Answer::new(200, content.clone()).with("ETag", format!("\"{}\"", etag(&content)));
        answer.headers.extend(behaviour.headers);
        let hanging = behaviour.hang_after.map(Ending::Hanging);
        answer.ending = hanging.or(behaviour.cut_after.map(Ending::Cut)).unwrap_or_default();
        answer
    }

    fn list(&self, parameters: &BTreeMap<String, String>) -> Answer {
        let mut behaviour = self.behaviour.lock().unwrap();
        if let Some(page) = behaviour.pages.first().cloned() {
            if behaviour.pages.len() > 1 {
                behaviour.pages.remove(0);
            }
            return Answer::new(200, page);
        }
        let get = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
        let is_escaped = behaviour.escapes && get("encoding-type") == "url";
        let objects = self.objects.lock().unwrap();
        let after = get("continuation-token").strip_prefix("after ").unwrap_or_default();
        let mut found = objects.iter().filter(|(key, _)| key.starts_with(get("prefix")) && key.as_str() > after);
        let page: Vec<_> = found.by_ref().take(behaviour.page).collect();
        let is_truncated = found.next().is_some();
        let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult \
                        xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
            .to_owned();
        write!(text, "<Name>{}</Name><IsTruncated>{is_truncated}</IsTruncated>", self.bucket).unwrap();
        if is_escaped {
            text.push_str("<EncodingType>url</EncodingType>");
        }
        for (key, content) in &page {
            let shown = if is_escaped { escaped(key, "/") } else { key.replace('&', "&amp;").replace('<', "&lt;") };
            write!(
                text,
                "<Contents><Key>{shown}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;{}&quot;</ETag>\
                 <Size>{}</Size></Contents>",
                etag(content),
                content.len()
            )
            .unwrap();
        }
        if let Some((last, _)) = page.last().filter(|_| is_truncated) {
            let token = format!("after {last}").replace('&', "&amp;").replace('<', "&lt;");
            write!(text, "<NextContinuationToken>{token}</NextContinuationToken>").unwrap();
        }
        Answer::new(200, text + "</ListBucketResult>")
    }
}

/// Whether a request is signed as it has to be.
fn signed(request: &Request, asked: (&str, &str), keys: (&str, &str), region: &str) -> Result<(), Answer> {
    let (path, query) = asked;
    let refused = || error(403, "AccessDenied", "Access Denied.");
    let header = |name: &str| request.header(name).unwrap_or_default();
    let authorization = header("authorization");
    let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(refused)?;
    let parts: BTreeMap<&str, &str> = rest.split(", ").filter_map(|part| part.split_once('=')).collect();
    let get = |name: &str| parts.get(name).copied().ok_or_else(refused);
    let (credential, names, signature) = (get("Credential")?, get("SignedHeaders")?, get("Signature")?);
    let scope: Vec<&str> = credential.split('/').collect();
    let [access, day, of, "s3", "aws4_request"] = scope.as_slice() else { return Err(refused()) };
    if *access != keys.0 {
        let message = "The AWS Access Key Id you provided does not exist in our records.";
        return Err(error(403, "InvalidAccessKeyId", message));
    }
    if *of != region {
        let message = format!("The authorization header is malformed; the region is wrong; expecting '{region}'.");
        return Err(Answer::new(
            400,
            document("AuthorizationHeaderMalformed", &message, &format!("<Region>{region}</Region>")),
        ));
    }
    let date = header("x-amz-date");
    if !date.starts_with(day) || ["host", "x-amz-date"].iter().any(|name| !names.split(';').any(|one| one == *name)) {
        return Err(refused());
    }
    // What arrived is read, and written as it has to be signed.
    let path = escaped(&unescaped(path), "/");
    let query: Vec<String> =
        parameters(query).iter().map(|(name, value)| format!("{}={}", escaped(name, ""), escaped(value, ""))).collect();
    let mut canonical = format!("{}\n{path}\n{}\n", request.method, query.join("&"));
    for name in names.split(';') {
        writeln!(canonical, "{name}:{}", header(name).trim()).unwrap();
    }
    write!(canonical, "\n{names}\n{}", header("x-amz-content-sha256")).unwrap();
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{day}/{of}/s3/aws4_request\n{hashed}");
    let mut key = format!("AWS4{}", keys.1).into_bytes();
    for part in [day, of, "s3", "aws4_request", text.as_str()] {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
    }
    if hex(&key) != signature {
        let message = "The request signature we calculated does not match the signature you provided.";
        return Err(error(403, "SignatureDoesNotMatch", message));
    }
    Ok(())
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::new(status, document(code, message, ""))
}

fn document(code: &str, message: &str, more: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>"
    )
}

/// The parameters of a query, in their order.
fn parameters(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let read = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (unescaped(name), unescaped(value))
    };
    pairs.map(read).collect()
}

fn etag(content: &[u8]) -> String {
    hex(&digest::digest(&digest::SHA256, content).as_ref()[..16])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A text with escapes for all but letters, digits, some signs, and what is `kept`.
fn escaped(text: &str, kept: &str) -> String {
    let is_kept = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || kept.as_bytes().contains(byte);
    text.bytes()
        .map(|byte| if is_kept(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn unescaped(text: impl AsRef<str>) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_ref().bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte.unwrap()).to_digit(16).unwrap() as u8;
        bytes.push(if byte == b'%' { digit(rest.next()) * 16 + digit(rest.next()) } else { byte });
    }
    String::from_utf8(bytes).unwrap()
}
