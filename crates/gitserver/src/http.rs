//! An HTTP server that runs `git http-backend`, with the faults that tests ask for.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::CertificateDer;

use crate::web::{self, Answer, Ending, Flaw, Request, Service};

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `GET` or `POST`.
    pub method: String,
    /// The path, with the query.
    pub path: String,
    /// The `Authorization` header, if the request had one.
    pub authorization: Option<String>,
    /// The body, as it came.
    pub body: Vec<u8>,
}

impl Seen {
    /// Whether the request asked for objects.
    pub fn fetches(&self) -> bool {
        self.method == "POST" && String::from_utf8_lossy(&self.body).contains("command=fetch")
    }
}

/// How the server behaves.
#[derive(Clone, Default)]
pub struct Behaviour {
    /// The `Authorization` header without which everything is refused.
    pub authorization: Option<String>,
    /// Where `GET`s are sent instead of being answered.
    pub redirect: Option<String>,
    /// The status with which everything is answered.
    pub status: Option<u16>,
    /// How long each answer waits.
    pub delay: Duration,
    /// Whether the answer to a fetch stops after so many bytes and nothing follows.
    pub hang_after: Option<usize>,
    /// Which byte of the answers is another than the one that git wrote; counted anew from the start where an answer
    /// has fewer.
    pub garble: Option<usize>,
    /// Whether the connection is closed there.
    pub cut: bool,
    /// The wire protocol that is spoken whatever the client asks for.
    pub old_protocol: bool,
}

/// A running server. It ends with the process.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its certificate as PEM, if it speaks TLS.
    pub certificate: Option<String>,
    tls: Option<Arc<rustls::ServerConfig>>,
    state: Arc<State>,
    stopped: Arc<AtomicBool>,
}

struct State {
    root: PathBuf,
    behaviour: Mutex<Behaviour>,
    seen: Mutex<Vec<Seen>>,
}

impl Server {
    /// Serves the repositories in `root`.
    pub fn start(root: &Path) -> Self {
        Self::serve(root, None)
    }

    /// The same over TLS, with a certificate that nobody knows.
    pub fn start_tls(root: &Path) -> Self {
        Self::start_tls_for(root, None)
    }

    /// The same with a certificate that has a flaw.
    pub fn start_tls_with(root: &Path, flaw: Flaw) -> Self {
        let (config, certificate) = web::flawed(flaw, None);
        let mut server = Self::serve(root, Some(config));
        server.certificate = Some(certificate);
        server
    }

    /// The same for clients that show the certificate `client`, if one is given.
    pub fn start_tls_for(root: &Path, client: Option<&CertificateDer<'static>>) -> Self {
        let (config, certificate) = web::self_signed(client);
        let mut server = Self::serve(root, Some(config));
        server.certificate = Some(certificate);
        server
    }

    fn serve(root: &Path, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let (listener, address) = web::bind();
        let state = State { root: root.to_owned(), behaviour: Mutex::default(), seen: Mutex::default() };
        let server = Self { address, certificate: None, tls, state: Arc::new(state), stopped: Arc::default() };
        server.listen(listener);
        server
    }

    fn listen(&self, listener: TcpListener) {
        web::serve(listener, self.tls.clone(), self.state.clone(), self.stopped.clone());
    }

    /// Stops to listen: connections are refused until [`Self::restart`].
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        // The listener looks up when somebody comes; it is gone once nobody can.
        while TcpStream::connect(self.address).is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Listens again where it did before.
    pub fn restart(&self) {
        self.stopped.store(false, Ordering::SeqCst);
        self.listen(TcpListener::bind(self.address).unwrap());
    }

    /// The URL of a repository of this server.
    pub fn url(&self, repository: &str) -> String {
        match &self.certificate {
            Some(_) => format!("https://localhost:{}/{repository}", self.address.port()),
            None => format!("http://{}/{repository}", self.address),
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
        let authorization = request.header("authorization");
        let Request { method, path, headers, body } = request;
        let seen = Seen { method, path, authorization, body };
        self.seen.lock().unwrap().push(seen.clone());
        let behaviour = self.behaviour.lock().unwrap().clone();
        std::thread::sleep(behaviour.delay);
        let mut answer = self.respond(&seen, |name| headers.get(name).map_or("", String::as_str), &behaviour);
        if let (Some(position), 1..) = (behaviour.garble, answer.content.len()) {
            let position = position % answer.content.len();
            answer.content[position] ^= 0x15;
        }
        answer.ending = match behaviour.hang_after.filter(|_| seen.fetches()) {
            None => Ending::Whole,
            Some(bytes) if behaviour.cut => Ending::Cut(bytes),
            Some(bytes) => Ending::Hanging(bytes),
        };
        answer
    }
}

impl State {
    fn respond<'h>(&self, seen: &Seen, header: impl Fn(&str) -> &'h str, behaviour: &Behaviour) -> Answer {
        if let Some(status) = behaviour.status {
            return Answer::new(status, "no");
        }
        if let (Some(target), "GET") = (&behaviour.redirect, seen.method.as_str()) {
            return Answer::new("302 Found", "").with("Location", format!("{target}{}", seen.path));
        }
        if behaviour.authorization.is_some() && behaviour.authorization != seen.authorization {
            return Answer::new("401 Unauthorized", "").with("WWW-Authenticate", "Basic realm=\"git\"");
        }
        let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
        let mut command = Command::new("git");
        command.arg("http-backend").env("GIT_PROJECT_ROOT", &self.root).env("GIT_HTTP_EXPORT_ALL", "1");
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "safe.directory").env("GIT_CONFIG_VALUE_0", "*");
        command.env("PATH_INFO", path).env("QUERY_STRING", query).env("REQUEST_METHOD", &seen.method);
        command.env("CONTENT_TYPE", header("content-type")).env("CONTENT_LENGTH", seen.body.len().to_string());
        if !behaviour.old_protocol {
            command.env("GIT_PROTOCOL", header("git-protocol"));
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&seen.body).unwrap();
        from_backend(&child.wait_with_output().unwrap().stdout)
    }
}

/// The answer that `git http-backend` wrote, as CGI has it.
fn from_backend(output: &[u8]) -> Answer {
    let split = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let mut answer = Answer::new("200 OK", &output[split + 4..]);
    for line in String::from_utf8_lossy(&output[..split]).lines() {
        match line.split_once(": ").unwrap() {
            ("Status", status) => answer.status = status.to_owned(),
            ("Content-Length", _) => {}
            (name, value) => answer = answer.with(name, value),
        }
    }
    answer
}

/// A server that accepts connections and never answers.
pub fn silent() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let held: Vec<TcpStream> = listener.incoming().flatten().collect();
        drop(held);
    });
    address
}
