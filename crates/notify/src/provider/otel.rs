//! Spans, as OpenTelemetry's collectors take them over HTTP (OTLP in its binary form).

use cowherd_source::{Call, CallMethod};
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest as _, Sha256};

use super::{Failure, Settings, with, with_password};
use crate::event::Event;

/// The conventions by which the attributes are named.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.34.0";
const SCOPE: &str = "flux:notification-controller";
/// An internal span, whose trace is kept.
const INTERNAL: u64 = 1;
const SAMPLED_OF_REMOTE_PARENT: u64 = 0x301;
const OK: u64 = 1;
const ERROR: u64 = 2;

/// A span of the trace of a revision: what happens to it, wherever, is in one trace of the Alert's.
pub(super) fn otel(to: &Settings, event: &Event) -> Result<Vec<Call>, Failure> {
    let address = to.web_address()?;
    if event.kind() == "HelmRepository" {
        return Ok(Vec::new());
    }
    let headers = vec![("Content-Type".to_owned(), "application/x-protobuf".to_owned())];
    let body = request(to, event)?;
    let mut call = Call { method: CallMethod::Post, url: address.to_owned(), headers, body };
    // As with Flux, credentials go along where there are headers.
    if !to.headers.is_empty() {
        let secret = to.token_or_password();
        if to.username.is_empty() {
            call = with(call, "Authorization", format!("Bearer {secret}"));
        } else if !secret.is_empty() {
            call = with_password(call, &to.username, secret);
        }
    }
    for (name, value) in &to.headers {
        call = with(call, name, value);
    }
    Ok(vec![call])
}

fn request(to: &Settings, event: &Event) -> Result<Vec<u8>, Failure> {
    let resource = Message::default()
        .message(1, attribute("service.name", &format!("{}/{}", to.alert.namespace, to.alert.name)))
        .message(1, attribute("service.namespace", &to.alert.namespace))
        .message(1, attribute("service.instance.id", &to.alert.uid));
    let scope = Message::default().text(1, SCOPE);
    let scoped = Message::default().message(1, scope).message(2, span(to, event)?);
    let of_resource = Message::default().message(1, resource).message(2, scoped).text(3, SCHEMA);
    Ok(Message::default().message(1, of_resource).0)
}

fn span(to: &Settings, event: &Event) -> Result<Message, Failure> {
    let mut id = [0; 8];
    SystemRandom::new().fill(&mut id).map_err(|_| Failure::new("the system has no randomness"))?;
    let digest = Sha256::digest(format!("{}:{}", to.alert.uid, revision(event)).as_bytes());
    let nanoseconds = u64::try_from(event.timestamp.as_nanosecond()).unwrap_or_default();
    let mut span = Message::default()
        .bytes(1, digest.get(..16).unwrap_or_default())
        .bytes(2, &id)
        .text(5, &event.object_of_trace())
        .number(6, INTERNAL)
        .fixed(7, nanoseconds)
        .fixed(8, u64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or_default());
    let own = [
        ("object.uid", event.uid()),
        ("object.kind", event.kind()),
        ("object.name", event.name()),
        ("object.namespace", event.namespace()),
    ];
    let metadata = event.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    for (key, value) in own.into_iter().chain(metadata) {
        span = span.message(9, attribute(key, value));
    }
    // A description is kept of errors alone.
    let status = match event.is_error() {
        true => Message::default().text(2, &event.message).number(3, ERROR),
        false => Message::default().number(3, OK),
    };
    Ok(span.message(15, status).fixed32(16, SAMPLED_OF_REMOTE_PARENT))
}

impl Event {
    /// `Kustomization: apps/web`.
    fn object_of_trace(&self) -> String {
        format!("{}: {}/{}", self.kind(), self.namespace(), self.name())
    }
}

/// By what the trace of a revision is known.
fn revision(event: &Event) -> String {
    let of = |key: &str| event.metadata.get(key);
    match (of("oci-digest"), of("app-version"), of(crate::event::REVISION)) {
        (Some(digest), Some(version), _) => format!("{version}@{digest}"),
        (_, _, Some(revision)) => revision.clone(),
        _ => "unknown".to_owned(),
    }
}

fn attribute(key: &str, value: &str) -> Message {
    Message::default().text(1, key).message(2, Message::default().present_text(1, value))
}

/// A message of protocol buffers.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        loop {
            let byte = u8::try_from(number & 0x7f).unwrap_or_default();
            number >>= 7;
            if number == 0 {
                return self.0.push(byte);
            }
            self.0.push(byte | 0x80);
        }
    }

    fn key(&mut self, field: u64, wire: u64) {
        self.varint(field << 3 | wire);
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.key(field, 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn message(self, field: u64, message: Self) -> Self {
        self.bytes(field, &message.0)
    }

    /// A text, also where it is empty.
    fn present_text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    fn text(self, field: u64, text: &str) -> Self {
        if text.is_empty() { self } else { self.present_text(field, text) }
    }

    fn number(mut self, field: u64, number: u64) -> Self {
        self.key(field, 0);
        self.varint(number);
        self
    }

    fn fixed(mut self, field: u64, number: u64) -> Self {
        self.key(field, 1);
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn fixed32(mut self, field: u64, number: u64) -> Self {
        self.key(field, 5);
        self.0.extend_from_slice(&u32::try_from(number).unwrap_or_default().to_le_bytes());
        self
    }
}
