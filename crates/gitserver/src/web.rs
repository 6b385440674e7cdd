//! What the servers of this crate have in common: connections, with TLS or without it, requests, and answers with the
//! faults that tests ask for.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;

/// What a client that does not give up is kept waiting for.
const HANGING: Duration = Duration::from_secs(30);

/// A request.
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path, with the query.
    pub(crate) path: String,
    /// The headers, by their names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).cloned()
    }

    /// Reads a request; nothing where a client that does not trust us, or whom we do not, sends none.
    fn read(stream: &mut BufReader<impl Read>) -> Option<Self> {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, path) = (words.next()?, words.next()?);
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        Some(Self { method, path, headers, body })
    }
}

/// An answer.
pub(crate) struct Answer {
    /// The code, with or without its words.
    pub(crate) status: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) content: Vec<u8>,
    pub(crate) ending: Ending,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With its last byte.
    #[default]
    Whole,
    /// After so many bytes, and nothing follows.
    Hanging(usize),
    /// After so many bytes, and the connection is closed.
    Cut(usize),
}

impl Answer {
    /// An answer without a fault.
    pub(crate) fn new(status: impl ToString, content: impl Into<Vec<u8>>) -> Self {
        Self { status: status.to_string(), headers: Vec::new(), content: content.into(), ending: Ending::Whole }
    }

    /// The same with a header.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Whoever is not there any more does not get it.
    fn write(&self, out: &mut impl Write) {
        let length = self.content.len();
        let mut head = format!("HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: {length}\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let sent = match self.ending {
            Ending::Whole => length,
            Ending::Hanging(bytes) | Ending::Cut(bytes) => bytes.min(length),
        };
        let _ = out.write_all(format!("{head}\r\n").as_bytes());
        let _ = out.write_all(&self.content[..sent]);
        let _ = out.flush();
        if matches!(self.ending, Ending::Hanging(_)) {
            std::thread::sleep(HANGING);
        }
    }
}

/// What answers requests.
pub(crate) trait Service: Send + Sync + 'static {
    /// The answer to a request.
    fn answer(&self, request: Request) -> Answer;
}

/// A place to listen at, on this machine.
pub(crate) fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Serves until the process ends, or until somebody connects while `stopped`.
pub(crate) fn serve<S: Service>(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    service: Arc<S>,
    stopped: Arc<AtomicBool>,
) {
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            if stopped.load(Ordering::SeqCst) {
                return;
            }
            let (tls, service) = (tls.clone(), service.clone());
            std::thread::spawn(move || converse(connection, tls, service.as_ref()));
        }
    });
}

fn converse(connection: TcpStream, tls: Option<Arc<ServerConfig>>, service: &impl Service) {
    match tls {
        None => answer(connection, service),
        Some(config) => {
            let session = rustls::ServerConnection::new(config).unwrap();
            answer(rustls::StreamOwned::new(session, connection), service);
        }
    }
}

fn answer(stream: impl Read + Write, service: &impl Service) {
    let mut stream = BufReader::new(stream);
    if let Some(request) = Request::read(&mut stream) {
        service.answer(request).write(stream.get_mut());
    }
}

/// What is wrong with a certificate that a test asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing, but that nobody knows it.
    #[default]
    Unknown,
    /// It is for `other.example.com` and `*.example.org` alone.
    OtherNames,
    /// It was valid in 2020.
    Expired,
    /// It will be valid from 2100 on.
    NotYet,
}

/// A certificate for `localhost` that nobody knows, in use and as PEM. Clients have to show `client`, if it is given.
pub(crate) fn self_signed(client: Option<&CertificateDer<'static>>) -> (Arc<ServerConfig>, String) {
    flawed(Flaw::Unknown, client)
}

/// The same with a flaw.
pub(crate) fn flawed(flaw: Flaw, client: Option<&CertificateDer<'static>>) -> (Arc<ServerConfig>, String) {
    let names = if flaw == Flaw::OtherNames { vec!["other.example.com", "*.example.org"] } else { vec!["localhost"] };
    let mut params = rcgen::CertificateParams::new(names.into_iter().map(str::to_owned).collect::<Vec<_>>()).unwrap();
    match flaw {
        Flaw::Expired => {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 12, 31);
        }
        Flaw::NotYet => params.not_before = rcgen::date_time_ymd(2100, 1, 1),
        _ => {}
    }
    let signing_key = rcgen::KeyPair::generate().unwrap();
    let cert = params.self_signed(&signing_key).unwrap();
    let made = rcgen::CertifiedKey { cert, signing_key };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider.clone());
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
