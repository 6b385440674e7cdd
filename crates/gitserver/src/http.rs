//! An HTTP server that runs `git http-backend`, with the faults that tests ask for.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;

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
    state: Arc<State>,
}

struct State {
    root: PathBuf,
    tls: Option<Arc<rustls::ServerConfig>>,
    behaviour: Mutex<Behaviour>,
    seen: Mutex<Vec<Seen>>,
    stopped: AtomicBool,
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

    /// The same for clients that show the certificate `client`, if one is given.
    pub fn start_tls_for(root: &Path, client: Option<&CertificateDer<'static>>) -> Self {
        let (config, certificate) = self_signed(client);
        let mut server = Self::serve(root, Some(config));
        server.certificate = Some(certificate);
        server
    }

    fn serve(root: &Path, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State {
            root: root.to_owned(),
            tls,
            behaviour: Mutex::default(),
            seen: Mutex::default(),
            stopped: AtomicBool::default(),
        };
        let state = Arc::new(state);
        listen(listener, state.clone());
        Self { address, certificate: None, state }
    }

    /// Stops to listen: connections are refused until [`Self::restart`].
    pub fn stop(&self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        // The listener looks up when somebody comes; it is gone once nobody can.
        while TcpStream::connect(self.address).is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Listens again where it did before.
    pub fn restart(&self) {
        self.state.stopped.store(false, Ordering::SeqCst);
        listen(TcpListener::bind(self.address).unwrap(), self.state.clone());
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

/// A certificate for `localhost` that nobody knows, in use and as PEM. Clients have to show `client`, if it is given.
pub(crate) fn self_signed(client: Option<&CertificateDer<'static>>) -> (Arc<rustls::ServerConfig>, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider.clone());
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = match client {
        None => config.with_no_client_auth(),
        Some(client) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(client.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
            config.with_client_cert_verifier(verifier)
        }
    };
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    (Arc::new(config), made.cert.pem())
}

fn listen(listener: TcpListener, state: Arc<State>) {
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            if state.stopped.load(Ordering::SeqCst) {
                return;
            }
            let state = state.clone();
            std::thread::spawn(move || match state.tls.clone() {
                None => state.answer(connection),
                Some(config) => {
                    let session = rustls::ServerConnection::new(config).unwrap();
                    state.answer(rustls::StreamOwned::new(session, connection));
                }
            });
        }
    });
}

impl State {
    fn answer(&self, stream: impl Read + Write) {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        // A client that does not trust us, or whom we do not, sends nothing.
        if stream.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ").map(|(n, v)| (n.to_lowercase(), v.to_owned()))
            else {
                break;
            };
            headers.insert(name, value);
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        let seen = Seen { method, path, authorization: headers.get("authorization").cloned(), body };
        self.seen.lock().unwrap().push(seen.clone());
        let behaviour = self.behaviour.lock().unwrap().clone();
        let (status, answer_headers, mut answer) = self.respond(&seen, &headers, &behaviour);
        if let (Some(position), 1..) = (behaviour.garble, answer.len()) {
            let position = position % answer.len();
            answer[position] ^= 0x15;
        }
        let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n", answer.len());
        for (name, value) in answer_headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let out = stream.get_mut();
        let _ = out.write_all(format!("{head}\r\n").as_bytes());
        match behaviour.hang_after {
            Some(bytes) if seen.fetches() => {
                let _ = out.write_all(&answer[..bytes.min(answer.len())]);
                let _ = out.flush();
                if !behaviour.cut {
                    std::thread::sleep(Duration::from_secs(30));
                }
            }
            _ => {
                let _ = out.write_all(&answer);
                let _ = out.flush();
            }
        }
    }

    fn respond(
        &self,
        seen: &Seen,
        headers: &BTreeMap<String, String>,
        behaviour: &Behaviour,
    ) -> (String, Vec<(String, String)>, Vec<u8>) {
        if let Some(status) = behaviour.status {
            return (status.to_string(), Vec::new(), b"no".to_vec());
        }
        if let (Some(target), "GET") = (&behaviour.redirect, seen.method.as_str()) {
            return ("302 Found".into(), vec![("Location".into(), format!("{target}{}", seen.path))], Vec::new());
        }
        if behaviour.authorization.is_some() && behaviour.authorization != seen.authorization {
            let challenge = ("WWW-Authenticate".into(), "Basic realm=\"git\"".into());
            return ("401 Unauthorized".into(), vec![challenge], Vec::new());
        }
        let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
        let mut command = Command::new("git");
        command.arg("http-backend").env("GIT_PROJECT_ROOT", &self.root).env("GIT_HTTP_EXPORT_ALL", "1");
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "safe.directory").env("GIT_CONFIG_VALUE_0", "*");
        command.env("PATH_INFO", path).env("QUERY_STRING", query).env("REQUEST_METHOD", &seen.method);
        command.env("CONTENT_TYPE", headers.get("content-type").map_or("", String::as_str));
        command.env("CONTENT_LENGTH", seen.body.len().to_string());
        if let (Some(protocol), false) = (headers.get("git-protocol"), behaviour.old_protocol) {
            command.env("GIT_PROTOCOL", protocol);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&seen.body).unwrap();
        let output = child.wait_with_output().unwrap().stdout;
        let split = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let mut status = "200 OK".to_owned();
        let mut answer_headers = Vec::new();
        for line in String::from_utf8_lossy(&output[..split]).lines() {
            let (name, value) = line.split_once(": ").unwrap();
            if name == "Status" {
                status = value.to_owned();
            } else if name != "Content-Length" {
                answer_headers.push((name.to_owned(), value.to_owned()));
            }
        }
        (status, answer_headers, output[split + 4..].to_vec())
    }
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
