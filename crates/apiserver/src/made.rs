//! What was made of an answer that comes bit by bit, and was not taken yet.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::pieces::PIECE;

/// How many bytes are gathered before they are one chunk, but for a single larger text.
const CHUNK: usize = 64 * 1024;

/// Texts in their order, small ones together.
#[derive(Debug, Default)]
pub(crate) struct Made {
    chunks: VecDeque<Bytes>,
    /// The chunk that is still added to.
    open: Vec<u8>,
    size: usize,
}

impl Made {
    /// Adds what this writes.
    pub(crate) fn add<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        let before = self.open.len();
        if let Err(error) = write(&mut self.open) {
            self.open.truncate(before);
            return Err(error);
        }
        self.size += self.open.len() - before;
        if self.open.len() >= CHUNK {
            self.close();
        }
        Ok(())
    }

    /// Adds a text.
    pub(crate) fn push(&mut self, text: &[u8]) {
        self.open.extend_from_slice(text);
        self.size += text.len();
    }

    /// How many bytes there are.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Takes the next piece.
    pub(crate) fn piece(&mut self) -> Option<Bytes> {
        if self.chunks.is_empty() {
            self.close();
        }
        let chunk = self.chunks.front_mut()?;
        let piece = chunk.split_to(chunk.len().min(PIECE));
        if chunk.is_empty() {
            self.chunks.pop_front();
        }
        self.size -= piece.len();
        Some(piece)
    }

    /// All of it.
    pub(crate) fn into_chunks(mut self) -> Vec<Bytes> {
        self.close();
        self.chunks.into()
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            // It may wait for long: without room for more.
            self.chunks.push_back(std::mem::take(&mut self.open).into_boxed_slice().into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_in_pieces_in_their_order_and_count_until_they_are_taken() {
        let mut made = Made::default();
        let texts = [vec![b'a'; 10], vec![b'b'; 200_000], vec![b'c'; 10], vec![b'd'; 40_000]];
        for text in &texts {
            made.add(|out| {
                out.extend_from_slice(text);
                Ok::<_, ()>(())
            })
            .unwrap();
        }
        let failed = made.add(|out| {
            out.push(b'x');
            Err(())
        });
        assert!(failed.is_err());
        let whole = texts.concat();
        let mut seen = Vec::new();
        while let Some(piece) = made.piece() {
            assert!((1..=PIECE).contains(&piece.len()), "{}", piece.len());
            seen.extend_from_slice(&piece);
            assert_eq!(made.size(), whole.len() - seen.len());
        }
        assert_eq!(seen, whole);
    }
}
