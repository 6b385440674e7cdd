//! What was made of an answer that comes bit by bit, and was not taken yet.

use std::{collections::VecDeque, io};

use bytes::Bytes;

use crate::pieces::PIECE;

/// Texts in their order, in pieces as they are sent: what was sent of a large text takes no memory any more.
#[derive(Debug, Default)]
pub(crate) struct Made {
    pieces: VecDeque<Bytes>,
    /// The piece that is still added to.
    open: Vec<u8>,
    size: usize,
}

impl Made {
    /// Adds what this writes; nothing of it where it fails.
    pub(crate) fn add<E>(&mut self, write: impl FnOnce(&mut Self) -> Result<(), E>) -> Result<(), E> {
        let (pieces, open, size) = (self.pieces.len(), self.open.len(), self.size);
        let written = write(self);
        if written.is_err() {
            if let Some(closed) = self.pieces.get(pieces) {
                self.open = closed.to_vec();
                self.pieces.truncate(pieces);
            }
            self.open.truncate(open);
            self.size = size;
        }
        written
    }

    /// Adds a text.
    pub(crate) fn push(&mut self, mut text: &[u8]) {
        self.size += text.len();
        while !text.is_empty() {
            let (fits, rest) = text.split_at(text.len().min(PIECE - self.open.len()));
            self.open.extend_from_slice(fits);
            text = rest;
            if self.open.len() == PIECE {
                self.close();
            }
        }
    }

    /// How many bytes there are.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Takes the next piece.
    pub(crate) fn piece(&mut self) -> Option<Bytes> {
        if self.pieces.is_empty() {
            self.close();
        }
        let piece = self.pieces.pop_front()?;
        self.size -= piece.len();
        Some(piece)
    }

    /// All of it.
    pub(crate) fn into_pieces(mut self) -> Vec<Bytes> {
        self.close();
        self.pieces.into()
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            // It may wait for long: without room for more.
            self.pieces.push_back(std::mem::take(&mut self.open).into_boxed_slice().into());
        }
    }
}

impl io::Write for Made {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.push(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
                out.push(text);
                Ok::<_, ()>(())
            })
            .unwrap();
            // Nothing is left of what fails.
            for length in [1, 3 * PIECE] {
                let failed = made.add(|out| {
                    out.push(&vec![b'x'; length]);
                    Err(())
                });
                assert!(failed.is_err());
            }
        }
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
