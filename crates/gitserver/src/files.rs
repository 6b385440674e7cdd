//! A server of files over HTTP, with what a web server has to say about them, and the faults that tests ask for.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

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
        let (config, certificate) = crate::http::self_signed(None);
        let mut server = Self::serve(root, Some(config));
        server.certificate = Some(certificate);
        server
    }

    fn serve(root: &Path, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State { root: root.to_owned(), behaviour: Mutex::default(), seen: Mutex::default() };
        let state = Arc::new(state);
        let serving = state.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (state, tls) = (serving.clone(), tls.clone());
                std::thread::spawn(move || match tls {
                    None => state.answer(connection),
                    Some(config) => {
                        let session = rustls::ServerConnection::new(config).unwrap();
                        state.answer(rustls::StreamOwned::new(session, connection));
                    }
                });
            }
        });
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

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    content: Vec<u8>,
}

impl State {
    fn answer(&self, stream: impl Read + Write) {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        // A client that does not trust us sends nothing.
        if stream.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let path = line.split_whitespace().nth(1).unwrap().to_owned();
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        let behaviour = self.behaviour.lock().unwrap().clone();
        let answer = self.respond(&path, &headers, &behaviour);
        let authorization = headers.get("authorization").cloned();
        let seen = Seen { path, authorization, status: answer.status, sent: answer.content.len() };
        self.seen.lock().unwrap().push(seen);
        let length = answer.content.len();
        let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\nContent-Length: {length}\r\n", answer.status);
        for (name, value) in answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let out = stream.get_mut();
        let _ = out.write_all(format!("{head}\r\n").as_bytes());
        let sent = behaviour.hang_after.unwrap_or(length).min(length);
        let _ = out.write_all(&answer.content[..sent]);
        let _ = out.flush();
        if behaviour.hang_after.is_some() {
            std::thread::sleep(Duration::from_secs(30));
        }
    }

    fn respond(&self, path: &str, headers: &BTreeMap<String, String>, behaviour: &Behaviour) -> Answer {
        let plain = |status| Answer { status, headers: Vec::new(), content: b"no".to_vec() };
        if let Some(target) = &behaviour.redirect {
            return Answer { headers: vec![("Location", format!("{target}{path}"))], ..plain(302) };
        }
        if let Some(status) = behaviour.status {
            return plain(status);
        }
        if behaviour.authorization.is_some() && behaviour.authorization.as_ref() != headers.get("authorization") {
            return plain(401);
        }
        let file = self.root.join(path.split('?').next().unwrap().trim_start_matches('/'));
        let Ok(content) = behaviour.content.clone().map_or_else(|| std::fs::read(file), Ok) else { return plain(404) };
        let digest = ring::digest::digest(&ring::digest::SHA256, &content);
        let etag: String = digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let etag = format!("\"{etag}\"");
        if headers.get("if-none-match") == Some(&etag) {
            return Answer { status: 304, headers: vec![("ETag", etag)], content: Vec::new() };
        }
        let mut answer = Answer { status: 200, headers: vec![("ETag", etag)], content };
        if behaviour.gzip && headers.get("accept-encoding").is_some_and(|accepted| accepted.contains("gzip")) {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packed.write_all(&answer.content).unwrap();
            answer.content = packed.finish().unwrap();
            answer.headers.push(("Content-Encoding", "gzip".to_owned()));
        }
        answer
    }
}
