//! A service that is told things over HTTP: it keeps what it is told, and answers as tests ask for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use crate::web::{self, Answer, Ending, Request, Service};

/// Something that the service was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// By which method.
    pub method: String,
    /// The path, with the query.
    pub path: String,
    /// The headers, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// What it was told.
    pub body: Vec<u8>,
}

/// How the service answers.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// The statuses of the next answers, one after the other; 200 after that.
    pub statuses: Vec<u16>,
    /// What is said with every answer.
    pub headers: Vec<(String, String)>,
    /// The content of every answer.
    pub content: String,
    /// Whether answers never end.
    pub hangs: bool,
}

/// A running service. It ends with the process.
#[derive(Clone)]
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its certificate as PEM, if it speaks TLS.
    pub certificate: Option<String>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    told: Mutex<Vec<Told>>,
    manner: Mutex<Manner>,
}

impl Listener {
    /// Begins to listen.
    pub fn start() -> Self {
        Self::serve(None, None)
    }

    /// The same over TLS, with a certificate that nobody knows.
    pub fn start_tls() -> Self {
        let (config, certificate) = web::self_signed(None);
        Self::serve(Some(config), Some(certificate))
    }

    fn serve(tls: Option<Arc<rustls::ServerConfig>>, certificate: Option<String>) -> Self {
        let (listener, address) = web::bind();
        let state: Arc<State> = Arc::default();
        web::serve(listener, tls, state.clone(), Arc::default());
        Self { address, certificate, state }
    }

    /// A URL of it.
    pub fn url(&self, path: &str) -> String {
        match self.certificate {
            Some(_) => format!("https://localhost:{}/{path}", self.address.port()),
            None => format!("http://{}/{path}", self.address),
        }
    }

    /// All that it was told so far.
    pub fn told(&self) -> Vec<Told> {
        self.state.told.lock().unwrap().clone()
    }

    /// Has it answer in another manner from now on.
    pub fn answer(&self, manner: Manner) {
        *self.state.manner.lock().unwrap() = manner;
    }
}

impl Service for State {
    fn answer(&self, request: Request) -> Answer {
        let Request { method, path, headers, body } = request;
        self.told.lock().unwrap().push(Told { method, path, headers, body });
        let mut manner = self.manner.lock().unwrap();
        let status = if manner.statuses.is_empty() { 200 } else { manner.statuses.remove(0) };
        let mut answer = Answer::new(status, manner.content.as_bytes());
        for (name, value) in &manner.headers {
            answer = answer.with(name, value);
        }
        if manner.hangs {
            answer.content = vec![b' '];
            answer.ending = Ending::Hanging(0);
        }
        answer
    }
}
