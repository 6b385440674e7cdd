//! The little of DER that keys and certificates are written in, and keys are read from, by the crate `der`.

use x509_cert::der::asn1::{BitStringRef, UintRef};
use x509_cert::der::{AnyRef, Encode, Reader, SliceReader, Tag, TagNumber, Tagged};

/// A tag whose meaning depends on where it stands, of what holds other values.
pub(crate) const fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

/// The same of what holds none.
pub(crate) const fn implicit(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: false, number: TagNumber(number) }
}

/// A value with its tag and length.
pub(crate) fn value(tag: Tag, content: impl AsRef<[u8]>) -> Vec<u8> {
    written(AnyRef::new(tag, content.as_ref()).and_then(|value| value.to_der()))
}

/// A sequence of values.
pub(crate) fn sequence(values: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    value(Tag::Sequence, values.into_iter().flatten().collect::<Vec<u8>>())
}

/// A positive number, its bytes from the highest on.
pub(crate) fn integer(bytes: &[u8]) -> Vec<u8> {
    written(UintRef::new(bytes).and_then(|number| number.to_der()))
}

/// Bits, all of them used.
pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    written(BitStringRef::from_bytes(bytes).and_then(|bits| bits.to_der()))
}

/// What templates write is far from the 256 MiB beyond which nothing is written.
fn written(value: x509_cert::der::Result<Vec<u8>>) -> Vec<u8> {
    value.unwrap_or_default()
}

/// The content of a value that has the tag `tag`, and what follows it.
pub(crate) fn read_as(input: &[u8], tag: Tag) -> Option<(&[u8], &[u8])> {
    let mut reader = SliceReader::new(input).ok()?;
    let value: AnyRef<'_> = reader.decode().ok()?;
    let rest = input.get(usize::try_from(reader.position()).ok()?..)?;
    (value.tag() == tag).then(|| (value.value(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_with_what_follows_it() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x1_0000] {
            let content = vec![7; length];
            let written = [value(Tag::OctetString, &content), vec![1, 2]].concat();
            assert_eq!(read_as(&written, Tag::OctetString), Some((content.as_slice(), [1, 2].as_slice())), "{length}");
            assert_eq!(read_as(&written, Tag::Sequence), None);
        }
        assert_eq!(value(context(3), [5, 0]), [0xa3, 2, 5, 0]);
        assert_eq!(value(implicit(2), [9]), [0x82, 1, 9]);
        assert_eq!(sequence([integer(&[0, 0x80]), integer(&[0])]), [0x30, 7, 2, 2, 0, 0x80, 2, 1, 0]);
        assert_eq!(bit_string(&[0xff]), [3, 2, 0, 0xff]);
    }

    #[test]
    fn what_is_no_der_is_not_read() {
        // A length in more bytes than it takes, which Go refuses as well, one that leads beyond the end, and none.
        for input in [[4, 0x81, 1, 9].as_slice(), &[4, 5, 1], &[4], &[]] {
            assert_eq!(read_as(input, Tag::OctetString), None, "{input:?}");
        }
    }
}
