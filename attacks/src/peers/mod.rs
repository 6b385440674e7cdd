//! Peers that speak as no honest client does: byte by byte over TLS, and frame by frame in HTTP/2.

mod http2;
mod tls;

pub use http2::{Http2, field, flag, kind, setting};
pub use tls::{Stream, connect};
