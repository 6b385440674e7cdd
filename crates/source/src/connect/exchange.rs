//! A request whose body is written before its answer is read.
//!
//! Git's protocol asks for a writer and a reader at once; the request is sent when the first byte of the answer
//! is asked for.

use std::io::{self, BufReader, Cursor, Read, Write};
use std::sync::{Arc, Mutex};

use crate::objects::lock;

/// The answer to a request: its headers, a line each, and its body.
pub(super) struct Answer {
    pub(super) headers: Vec<u8>,
    pub(super) body: Box<dyn Read + Send>,
}

type SendRequest = Box<dyn FnOnce(Vec<u8>) -> io::Result<Answer> + Send>;

enum State {
    Writing { request: Vec<u8>, send: SendRequest },
    Answered { headers: Cursor<Vec<u8>>, body: Box<dyn Read + Send> },
    Failed,
}

/// One request and its answer.
#[derive(Clone)]
pub(super) struct Exchange(Arc<Mutex<State>>);

impl Exchange {
    /// A request that `send` sends once its body is complete.
    pub(super) fn new(send: impl FnOnce(Vec<u8>) -> io::Result<Answer> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(State::Writing { request: Vec::new(), send: Box::new(send) })))
    }

    /// An answer that is there already.
    pub(super) fn answered(answer: Answer) -> Self {
        let state = State::Answered { headers: Cursor::new(answer.headers), body: answer.body };
        Self(Arc::new(Mutex::new(state)))
    }

    /// The headers, a line each.
    pub(super) fn headers(&self) -> BufReader<Headers> {
        BufReader::new(Headers(self.clone()))
    }

    /// The body of the answer.
    pub(super) fn body(&self) -> BufReader<AnswerBody> {
        BufReader::with_capacity(64 * 1024, AnswerBody(self.clone()))
    }

    /// The body of the request.
    pub(super) fn request(&self) -> RequestBody {
        RequestBody(self.clone())
    }

    fn read(&self, work: impl FnOnce(&mut Cursor<Vec<u8>>, &mut dyn Read) -> io::Result<usize>) -> io::Result<usize> {
        let mut state = lock(&self.0);
        if matches!(*state, State::Writing { .. })
            && let State::Writing { request, send } = std::mem::replace(&mut *state, State::Failed)
        {
            let Answer { headers, body } = send(request)?;
            *state = State::Answered { headers: Cursor::new(headers), body };
        }
        match &mut *state {
            State::Answered { headers, body } => work(headers, body),
            _ => Err(io::Error::other("the request failed")),
        }
    }
}

/// Reads the headers of an answer.
pub(crate) struct Headers(Exchange);

impl Read for Headers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(|headers, _| headers.read(buffer))
    }
}

/// Reads the body of an answer.
pub(crate) struct AnswerBody(Exchange);

impl Read for AnswerBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(|_, body| body.read(buffer))
    }
}

/// Writes the body of a request.
pub(crate) struct RequestBody(Exchange);

impl Write for RequestBody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut *lock(&self.0.0) {
            State::Writing { request, .. } => {
                request.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            _ => Err(io::Error::other("the request was sent already")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
