//! Requests with whatever status they are answered.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::StreamExt;
use http::{Method, Request};
use http_body_util::BodyStream;
use kube::Client;
use kube::client::Body;
use serde_json::Value;

/// No request waits longer for its answer.
const PATIENCE: Duration = Duration::from_secs(120);
/// No answer to what attacks ask may be larger, in bytes.
const LARGEST: usize = 64 * 1024 * 1024;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The code of HTTP.
    pub code: u16,
    /// How many bytes it had.
    pub size: usize,
    /// How many bytes its `Warning` headers had.
    pub warnings: usize,
    /// What it says; a text where it is no JSON.
    pub document: Value,
}

impl Answer {
    /// `message` of a Status.
    pub fn message(&self) -> &str {
        self.document["message"].as_str().unwrap_or_default()
    }

    /// Fails unless it has this code.
    pub fn expect(&self, code: u16) -> Result<&Self> {
        if self.code != code {
            let document: String = self.document.to_string().chars().take(500).collect();
            bail!("answered with {} where {code} was expected: {document}", self.code);
        }
        Ok(self)
    }
}

/// Any request, with a body of this media type.
pub async fn ask(client: &Client, method: &str, path: &str, media_type: &str, body: Vec<u8>) -> Result<Answer> {
    let method = Method::from_bytes(method.as_bytes())?;
    let request = Request::builder().method(method).uri(path).header("content-type", media_type);
    send(client, request.body(Body::from(body))?).await
}

/// A request with headers of one's own.
pub async fn send(client: &Client, request: Request<Body>) -> Result<Answer> {
    let asked = format!("{} {:.200}", request.method(), request.uri().to_string());
    let answer = async {
        let response = client.send(request).await?;
        let (code, headers) = (response.status().as_u16(), response.headers());
        let warnings = headers.get_all("warning").iter().map(|value| value.len()).sum();
        let bytes = read(response.into_body()).await?;
        let text = || Value::from(String::from_utf8_lossy(&bytes).into_owned());
        let document = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        anyhow::Ok(Answer { code, size: bytes.len(), warnings, document })
    };
    tokio::time::timeout(PATIENCE, answer).await.map_err(anyhow::Error::from).flatten().context(asked)
}

async fn read(body: Body) -> Result<Vec<u8>> {
    let mut frames = BodyStream::new(body);
    let mut bytes = Vec::new();
    while let Some(frame) = frames.next().await {
        bytes.extend_from_slice(&frame?.into_data().unwrap_or(Bytes::new()));
        if bytes.len() > LARGEST {
            bail!("the answer has more than {LARGEST} bytes");
        }
    }
    Ok(bytes)
}

/// Reads.
pub async fn get(client: &Client, path: &str) -> Result<Answer> {
    ask(client, "GET", path, "application/json", Vec::new()).await
}

/// Creates.
pub async fn post(client: &Client, path: &str, body: &Value) -> Result<Answer> {
    ask(client, "POST", path, "application/json", serde_json::to_vec(body)?).await
}

/// Changes by a merge patch.
pub async fn merge(client: &Client, path: &str, body: &Value) -> Result<Answer> {
    ask(client, "PATCH", path, "application/merge-patch+json", serde_json::to_vec(body)?).await
}

/// Applies, and forces it.
pub async fn apply(client: &Client, path: &str, body: &Value) -> Result<Answer> {
    let path = format!("{path}?fieldManager=attacker&force=true");
    ask(client, "PATCH", &path, "application/apply-patch+yaml", serde_json::to_vec(body)?).await
}

/// Deletes.
pub async fn delete(client: &Client, path: &str) -> Result<Answer> {
    ask(client, "DELETE", path, "application/json", Vec::new()).await
}
