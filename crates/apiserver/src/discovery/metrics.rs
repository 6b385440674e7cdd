//! What is measured, for Prometheus. Who may ask is decided as for any path: the role `system:monitoring` lets.

use std::sync::OnceLock;

use http::header;

use crate::{answer::Answer, server::ApiServer, service::Call};

/// Writes metrics in the form that an `Accept` header asks for, with the media type.
type Source = Box<dyn Fn(&str) -> (String, &'static str) + Send + Sync>;

/// Where metrics come from.
#[derive(Default)]
pub struct Measures(OnceLock<Source>);

impl Measures {
    /// Takes them from here, unless they come from elsewhere already.
    pub fn set(&self, source: impl Fn(&str) -> (String, &'static str) + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(source));
    }
}

/// Answers with what is measured; with nothing, where nothing is.
pub fn serve(server: &ApiServer, call: &Call) -> Answer {
    let source = server.measures().0.get();
    let (text, media_type) = match source {
        Some(source) => source(call.header(header::ACCEPT)),
        None => (String::new(), "text/plain; version=0.0.4; charset=utf-8"),
    };
    Answer::bytes(text, media_type)
}
