//! Parts of documents, kept packed: they are many and alike, and most who ask for them take them packed anyway.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use bytes::Bytes;
use cowherd_schema::openapi::Form;
use flate2::{Compression, Crc, Decompress, FlushDecompress, write::DeflateEncoder};

/// A part of a document: a piece of a deflate stream that depends on nothing before it and ends with a whole byte, so
/// that such pieces in a row are a stream again.
#[derive(Clone, Debug, Default)]
pub struct Packed {
    deflated: Bytes,
    sum: Arc<Crc>,
}

impl Packed {
    /// Packs a part.
    pub fn pack(part: &[u8]) -> Self {
        let mut sum = Crc::new();
        sum.update(part);
        let mut packer = DeflateEncoder::new(Vec::new(), Compression::fast());
        // Memory does not fail to be written to.
        let _ = packer.write_all(part).and_then(|()| packer.flush());
        let deflated = std::mem::take(packer.get_mut()).into_boxed_slice();
        Self { deflated: deflated.into(), sum: Arc::new(sum) }
    }

    /// The part as it was, piece by piece.
    pub fn unpacking(&self) -> Unpacking {
        Unpacking { part: self.clone(), unpacker: Decompress::new(false) }
    }

    /// The bytes as they are kept.
    pub fn deflated(&self) -> &Bytes {
        &self.deflated
    }

    /// How many bytes the part has.
    pub fn len(&self) -> usize {
        // Of a part there are less than 4 GiB.
        self.sum.amount() as usize
    }

    /// Its check sum.
    pub fn sum(&self) -> &Crc {
        &self.sum
    }
}

/// A part that is being unpacked.
pub struct Unpacking {
    part: Packed,
    unpacker: Decompress,
}

impl Unpacking {
    /// The next bytes, at most so many; none after the last ones.
    pub fn next(&mut self, most: usize) -> Bytes {
        let unpacked = usize::try_from(self.unpacker.total_out()).unwrap_or(usize::MAX);
        let most = most.min(self.part.len().saturating_sub(unpacked));
        let mut piece = Vec::with_capacity(most);
        while piece.len() < most {
            let (read, written) = (self.unpacker.total_in(), piece.len());
            let rest = self.part.deflated.get(usize::try_from(read).unwrap_or(usize::MAX)..).unwrap_or_default();
            let went = self.unpacker.decompress_vec(rest, &mut piece, FlushDecompress::None);
            if went.is_err() || (self.unpacker.total_in(), piece.len()) == (read, written) {
                break;
            }
        }
        piece.into()
    }
}

/// What one thing says in documents of each form, made when it is asked for.
#[derive(Debug, Default)]
pub struct Parts([OnceLock<Said>; Form::ALL.len()]);

/// What a resource, or several, say in documents of one form.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// The definitions that are their own.
    pub definitions: Packed,
    /// Their paths.
    pub paths: Packed,
}

impl Parts {
    /// What is said in this form, made if nobody has asked before.
    pub fn get_or_make(&self, form: Form, make: impl FnOnce() -> Said) -> Said {
        self.0.get(form as usize).map(|said| said.get_or_init(make).clone()).unwrap_or_default()
    }
}

/// The built-in definitions that documents have, by the names that they need at the least: few of them, since definitions
/// of custom resources need few.
#[derive(Debug, Default)]
pub struct BuiltIn(Mutex<BTreeMap<(Form, BTreeSet<String>), Kept>>);

/// Parts that are made by whoever asks first.
type Kept = Arc<OnceLock<Vec<Packed>>>;

impl BuiltIn {
    /// The definitions of these names and all that they refer to, in parts.
    pub fn parts(&self, form: Form, names: BTreeSet<String>) -> Vec<Packed> {
        let key = (form, names);
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default().clone();
        let make = || {
            let mut parts = Vec::new();
            form.built_in(&key.1, |part| parts.push(Packed::pack(&part)));
            parts
        };
        kept.get_or_init(make).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_again() {
        for part in [Vec::new(), b"x".to_vec(), b"abc ".repeat(100_000), (0..=255).cycle().take(1_000_000).collect()] {
            let packed = Packed::pack(&part);
            assert_eq!(packed.len(), part.len());
            assert_eq!(packed.unpacking().next(usize::MAX), part);
            let mut pieces = packed.unpacking();
            let pieces: Vec<Bytes> =
                std::iter::from_fn(|| Some(pieces.next(1000)).filter(|piece| !piece.is_empty())).collect();
            assert!(pieces.iter().all(|piece| piece.len() <= 1000));
            assert_eq!(pieces.concat(), part);
        }
        assert!(Packed::pack(&b"abc ".repeat(100_000)).deflated().len() < 10_000);
    }
}
