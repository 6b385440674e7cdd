//! A server of files over HTTP, with what a web server has to say about them, and the faults that tests ask for.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::web::{self, Answer, Ending, Flaw, Request, Service};

/// A request as the server saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The path, with the query.
    pub path: String,
    /// The `Authorization` header, if the request had one.
    pub authorization: Option<String>,
    /// The status with which it was answered.
    pub status: u16,
    /// How many bytes of content were sent.
    pub sent: usize,
}

/// How the server behaves.
#[derive(Clone, Default)]
pub struct Behaviour {
    /// The `Authorization` header without which nothing is given.
    pub authorization: Option<String>,
    /// Where requests are sent instead of being answered.
    pub redirect: Option<String>,
    /// The status with which everything is answered.
    pub status: Option<u16>,
    /// Whether contents are packed for clients that can unpack them.
    pub gzip: bool,
    /// Whether contents stop after so many bytes and nothing follows.
    pub hang_after: Option<usize>,
    /// Content that is sent whatever is asked for.
    pub content: Option<Vec<u8>>,
    /// What is said with every answer.
    pub headers: Vec<(String, String)>,
}

/// A running server. It ends with the process.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its certificate as PEM, if it speaks TLS.
    pub certificate: Option<String>,
    state: Arc<State>,
}

struct State {
    root: PathBuf,
    behaviour: Mutex<Behaviour>,
    seen: Mutex<Vec<Seen>>,
}

impl Server {
    /// Serves the files in `root`.
    pub fn start(root: &Path) -> Self {
        Self::serve(root, None)
    }

    /// The same over TLS, with a certificate that nobody knows.
    pub fn start_tls(root: &Path) -> Self {
        Self::start_tls_with(root, Flaw::Unknown)
    }

    /// The same with a certificate that has a flaw.
    pub fn start_tls_with(root: &Path, flaw: Flaw) -> Self {
        let (config, certificate) = web::flawed(flaw, None);
        let mut server = Self::serve(root, Some(config));
        server.certificate = Some(certificate);
        server
    }

    fn serve(root: &Path, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let (listener, address) = web::bind();
        let state = State { root: root.to_owned(), behaviour: Mutex::default(), seen: Mutex::default() };
        let state = Arc::new(state);
        web::serve(listener, tls, state.clone(), Arc::default());
        Self { address, certificate: None, state }
    }

    /// The URL of a path of this server.
    pub fn url(&self, path: &str) -> String {
        match &self.certificate {
            Some(_) => format!("https://localhost:{}/{path}", self.address.port()),
            None => format!("http://{}/{path}", self.address),
        }
    }

    /// Behaves like this from the next request on.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.state.behaviour.lock().unwrap() = behaviour;
    }

    /// The requests since the last call.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.seen.lock().unwrap())
    }
}

impl Service for State {
    fn answer(&self, request: Request) -> Answer {
        let behaviour = self.behaviour.lock().unwrap().clone();
        let mut answer = self.respond(&request, &behaviour);
        answer.headers.extend(behaviour.headers.clone());
        answer.ending = behaviour.hang_after.map_or(Ending::Whole, Ending::Hanging);
        let (authorization, status) = (request.header("authorization"), answer.status.parse().unwrap());
        let seen = Seen { path: request.path, authorization, status, sent: answer.content.len() };
        self.seen.lock().unwrap().push(seen);
        answer
    }
}

impl State {
    fn respond(&self, request: &Request, behaviour: &Behaviour) -> Answer {
        let path = &request.path;
        if let Some(target) = &behaviour.redirect {
            return Answer::new(302, "no").with("Location", format!("{target}{path}"));
        }
        if let Some(status) = behaviour.status {
            return Answer::new(status, "no");
        }
        if behaviour.authorization.is_some() && behaviour.authorization != request.header("authorization") {
            return Answer::new(401, "no");
        }
        let file = self.root.join(path.split('?').next().unwrap().trim_start_matches('/'));
        let content = behaviour.content.clone().map_or_else(|| std::fs::read(file), Ok);
        let Ok(content) = content else { return Answer::new(404, "no") };
        let digest = ring::digest::digest(&ring::digest::SHA256, &content);
        let etag: String = digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let etag = format!("\"{etag}\"");
        if request.headers.get("if-none-match") == Some(&etag) {
            return Answer::new(304, "").with("ETag", etag);
        }
        if behaviour.gzip && request.header("accept-encoding").is_some_and(|accepted| accepted.contains("gzip")) {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packed.write_all(&content).unwrap();
            let packed = Answer::new(200, packed.finish().unwrap());
            return packed.with("ETag", etag).with("Content-Encoding", "gzip");
        }
        Answer::new(200, content).with("ETag", etag)
    }
}
