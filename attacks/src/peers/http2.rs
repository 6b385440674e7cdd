//! HTTP/2, frame by frame: what honest clients do not send.

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Stream, connect};
use crate::stage::Stage;

/// Types of frames.
#[allow(missing_docs, reason = "as RFC 9113 names them")]
pub mod kind {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const CONTINUATION: u8 = 9;
}

/// Flags of frames.
#[allow(missing_docs, reason = "as RFC 9113 names them")]
pub mod flag {
    pub const END_STREAM: u8 = 1;
    pub const END_HEADERS: u8 = 4;
}

/// Settings.
#[allow(missing_docs, reason = "as RFC 9113 names them")]
pub mod setting {
    pub const INITIAL_WINDOW_SIZE: u16 = 4;
}

/// A connection that speaks HTTP/2.
pub struct Http2 {
    stream: Stream,
    token: String,
}

/// A frame that came.
#[derive(Debug)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// The stream that it belongs to.
    pub stream: u32,
}

impl Http2 {
    /// Connects as the tenant, with settings of one's own.
    pub async fn open(stage: &Stage, settings: &[(u16, u32)]) -> Result<Self> {
        let mut http2 = Self { stream: connect(stage, "h2").await?, token: stage.people().token };
        http2.stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(name, value)| name.to_be_bytes().into_iter().chain(value.to_be_bytes()))
            .collect();
        http2.send(kind::SETTINGS, 0, 0, &settings).await?;
        Ok(http2)
    }

    /// Sends a frame.
    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Result<()> {
        let length = u32::try_from(payload.len())?.to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags];
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        Ok(self.stream.write_all(&frame).await?)
    }

    /// Asks for a path as the tenant; the answer is not waited for.
    pub async fn get(&mut self, stream: u32, path: &str) -> Result<()> {
        let headers = self.request("GET", path);
        self.send(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, &headers).await
    }

    /// The headers of a request of the tenant.
    pub fn request(&self, method: &str, path: &str) -> Vec<u8> {
        let authorization = format!("Bearer {}", self.token);
        let fields = [
            (":method", method),
            (":scheme", "https"),
            (":path", path),
            (":authority", "127.0.0.1"),
            ("content-type", "application/json"),
            ("authorization", &authorization),
        ];
        fields.into_iter().flat_map(|(name, value)| field(name, value)).collect()
    }

    /// The next frame that comes; what is in it is thrown away.
    pub async fn receive(&mut self) -> Result<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await.context("the connection ended")?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length)?];
        self.stream.read_exact(&mut payload).await?;
        Ok(Frame { kind: head[3], stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]) })
    }
}

/// A header that nobody need remember, without compression.
pub fn field(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        // Lengths from 127 on go on in groups of seven bits.
        match text.len().checked_sub(127) {
            None => bytes.push(text.len() as u8),
            Some(mut rest) => {
                bytes.push(127);
                while rest >= 128 {
                    bytes.push((rest % 128 + 128) as u8);
                    rest /= 128;
                }
                bytes.push(rest as u8);
            }
        }
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}
