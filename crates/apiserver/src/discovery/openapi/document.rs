//! A document, put together of parts that are kept: it never stands in memory as a whole.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use cowherd_schema::openapi::Frame;
use flate2::Crc;
use http_body::{Frame as BodyFrame, SizeHint};
use http_body_util::BodyExt;

use super::packed::{self, Packed};
use crate::body::{self, Body};

/// The beginning of what gzip writes: deflate, no name, no time.
const GZIP: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// The last block of a deflate stream, with nothing in it.
const END: &[u8] = &[0x03, 0x00];

/// A document as a row of pieces.
#[derive(Clone, Debug)]
pub struct Document(VecDeque<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    /// A few bytes between parts.
    Plain(Bytes),
    Packed(Packed),
}

impl Document {
    /// Puts parts together.
    pub fn of(frame: Frame, definitions: Vec<Packed>, paths: Vec<Packed>) -> Self {
        let Frame { begin, between, end, separator } = frame;
        let mut document = Self(VecDeque::new());
        document.add(begin);
        document.add_all(definitions, separator);
        document.add(between);
        document.add_all(paths, separator);
        document.add(end);
        document
    }

    fn add(&mut self, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            self.0.push_back(Piece::Plain(bytes));
        }
    }

    fn add_all(&mut self, parts: Vec<Packed>, separator: &'static str) {
        for (index, part) in parts.into_iter().filter(|part| part.len() > 0).enumerate() {
            if index > 0 {
                self.add(separator);
            }
            self.0.push_back(Piece::Packed(part));
        }
    }

    /// The document as it is, unpacked piece by piece as it is read.
    pub fn plain(self) -> Body {
        let left = self.0.iter().map(|piece| piece.len() as u64).sum();
        Unpacking { pieces: self.0, part: None, left }.boxed_unsync()
    }

    /// The document as gzip packs it: the parts as they are kept.
    pub fn gzipped(self) -> Body {
        let (mut sum, mut chunks) = (Crc::new(), vec![Bytes::from_static(GZIP)]);
        for piece in &self.0 {
            match piece {
                Piece::Plain(bytes) => {
                    sum.update(bytes);
                    chunks.push(stored(bytes));
                }
                Piece::Packed(part) => {
                    sum.combine(part.sum());
                    chunks.push(part.deflated().clone());
                }
            }
        }
        chunks.push([END, &sum.sum().to_le_bytes(), &sum.amount().to_le_bytes()].concat().into());
        body::chunks(chunks)
    }
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Self::Plain(bytes) => bytes.len(),
            Self::Packed(part) => part.len(),
        }
    }
}

/// Blocks of a deflate stream that hold bytes as they are.
fn stored(bytes: &[u8]) -> Bytes {
    let blocks = bytes.chunks(usize::from(u16::MAX)).map(|block| {
        // A chunk is no longer than its length fits.
        let length = block.len() as u16;
        [&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes(), block].concat()
    });
    blocks.collect::<Vec<_>>().concat().into()
}

/// The most bytes of a part that are unpacked before those before them are taken.
const AT_ONCE: usize = 16 * 1024;

/// A document that is read, and how many bytes are left of it.
struct Unpacking {
    pieces: VecDeque<Piece>,
    /// The part that is being read.
    part: Option<packed::Unpacking>,
    left: u64,
}

impl Unpacking {
    fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.part.as_mut().map(|part| part.next(AT_ONCE)).filter(|bytes| !bytes.is_empty()) {
                return Some(bytes);
            }
            self.part = match self.pieces.pop_front()? {
                Piece::Plain(bytes) => return Some(bytes),
                Piece::Packed(part) => Some(part.unpacking()),
            };
        }
    }
}

impl http_body::Body for Unpacking {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<BodyFrame<Bytes>>>> {
        let bytes = self.next();
        self.left = self.left.saturating_sub(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64));
        Poll::Ready(bytes.map(|bytes| Ok(BodyFrame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    async fn bytes(body: Body) -> Bytes {
        body.collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn a_document_reads_the_same_packed_and_unpacked() {
        let frame = Frame { begin: b"<".to_vec(), between: vec![b'-'; 70_000], end: b">".to_vec(), separator: "," };
        let pack = |texts: &[&str]| texts.iter().map(|text| Packed::pack(text.as_bytes())).collect::<Vec<_>>();
        let document = Document::of(frame, pack(&["a", "", "bb".repeat(50_000).as_str(), "c"]), pack(&["", "d"]));
        let expected = format!("<a,{},c{}d>", "bb".repeat(50_000), "-".repeat(70_000));
        assert_eq!(bytes(document.clone().plain()).await, expected);
        let mut plain = document.clone().plain();
        while let Some(frame) = plain.frame().await {
            let length = frame.unwrap().into_data().unwrap().len();
            assert!(length <= AT_ONCE || length == 70_000, "{length} bytes of a part at once");
        }
        let gzipped = bytes(document.gzipped()).await;
        assert!(gzipped.len() < 72_000);
        let mut read = String::new();
        flate2::read::GzDecoder::new(&*gzipped).read_to_string(&mut read).unwrap();
        assert_eq!(read, expected);
    }
}
