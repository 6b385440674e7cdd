//! A host of repositories as its API shows it: answers that are written down, page by page, and who asked for what.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use crate::web::{self, Answer, Request, Service};

/// A running server. It ends with the process.
pub struct Host {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
}

/// A request as the host saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The path, with the query.
    pub path: String,
    /// The headers that say who asks, by their names in lower case.
    pub shown: BTreeMap<String, String>,
}

#[derive(Default)]
struct State {
    /// By the path and the page, where it is not the same for all.
    answers: Mutex<BTreeMap<(String, Option<usize>), Written>>,
    asked: Mutex<Vec<Asked>>,
}

#[derive(Clone)]
struct Written {
    status: u16,
    headers: Vec<(String, String)>,
    content: String,
}

/// The headers that say who asks.
const SHOWN: [&str; 2] = ["authorization", "private-token"];

impl Host {
    /// Starts, without an answer to anything.
    pub fn start() -> Self {
        let (listener, address) = web::bind();
        let state = Arc::new(State::default());
        web::serve(listener, None, state.clone(), Arc::default());
        Self { address, state }
    }

    /// The URL of a path of this server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers a question for this page of a path with this status, headers and content, whatever else the query says.
    pub fn answer(&self, path: &str, page: usize, status: u16, headers: &[(&str, &str)], content: impl ToString) {
        self.write(path, Some(page), status, headers, &content.to_string());
    }

    /// Answers the same to a question for any page of a path.
    pub fn answer_all(&self, path: &str, status: u16, headers: &[(&str, &str)], content: impl ToString) {
        self.write(path, None, status, headers, &content.to_string());
    }

    fn write(&self, path: &str, page: Option<usize>, status: u16, headers: &[(&str, &str)], content: &str) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let written = Written { status, headers, content: content.to_owned() };
        self.state.answers.lock().unwrap().insert((path.to_owned(), page), written);
    }

    /// What was asked since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state.asked.lock().unwrap())
    }
}

impl Service for State {
    fn answer(&self, request: Request) -> Answer {
        let shown = SHOWN.into_iter().filter_map(|name| Some((name.to_owned(), request.header(name)?))).collect();
        self.asked.lock().unwrap().push(Asked { path: request.path.clone(), shown });
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let page = query.split('&').find_map(|part| part.strip_prefix("page=")?.parse().ok()).unwrap_or(1);
        let answers = self.answers.lock().unwrap();
        let of = |page| answers.get(&(path.to_owned(), page)).cloned();
        let Some(written) = of(Some(page)).or_else(|| of(None)) else {
            return Answer::new("404 Not Found", r#"{"message":"Not Found"}"#);
        };
        let answer = Answer::new(format!("{} Written", written.status), written.content);
        written.headers.iter().fold(answer, |answer, (name, value)| answer.with(name, value.clone()))
    }
}
