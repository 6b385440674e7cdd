//! Bodies in small pieces.
//!
//! hyper copies what goes out over HTTP/1.1 and TLS into a buffer, a chunk at a time, however large the chunk is. A client
//! that reads nothing would hold each chunk twice: once here, where others may have it too, and once there.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// How many bytes a piece has at the most: as many as are encrypted at once.
pub(crate) const PIECE: usize = 16 * 1024;

/// The same body, whose chunks come in pieces.
#[derive(Debug)]
pub(crate) struct Pieces<B> {
    body: B,
    /// What was not given yet of the last chunk.
    rest: Bytes,
}

impl<B> Pieces<B> {
    /// `body` in pieces.
    pub(crate) fn of(body: B) -> Self {
        Self { body, rest: Bytes::new() }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Pieces<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(chunk) => self.rest = chunk,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return Poll::Ready(other),
            }
        }
        let size = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(size)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, of_body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower().saturating_add(rest));
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::body;

    #[tokio::test]
    async fn a_large_chunk_comes_in_pieces_and_is_told_of_to_the_end() {
        let whole: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
        let chunks = vec![whole[..90_000].to_vec().into(), whole[90_000..].to_vec().into()];
        let mut pieces = Pieces::of(body::chunks(chunks));
        let mut seen = Vec::new();
        while let Some(frame) = pieces.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            assert!((1..=PIECE).contains(&piece.len()), "{}", piece.len());
            seen.extend_from_slice(&piece);
            assert_eq!(pieces.size_hint().exact(), Some((whole.len() - seen.len()) as u64));
        }
        assert_eq!(seen, whole);
        assert!(pieces.is_end_stream());
    }
}
