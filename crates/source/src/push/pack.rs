//! Packs: objects as they are sent to a server, each as a whole.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use gix::objs::Kind;

/// What every pack begins with, before the number of its objects.
const BEGINNING: &[u8] = b"PACK\0\0\0\x02";

/// A pack of these objects.
pub(super) fn pack(objects: &[(Kind, Vec<u8>)]) -> std::io::Result<Vec<u8>> {
    let count = u32::try_from(objects.len()).map_err(std::io::Error::other)?;
    let mut pack = BEGINNING.to_vec();
    pack.extend(count.to_be_bytes());
    for (kind, content) in objects {
        pack.extend(header(*kind, content.len()));
        let mut encoder = ZlibEncoder::new(&mut pack, Compression::default());
        encoder.write_all(content)?;
        encoder.finish()?;
    }
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(&pack);
    let digest = hasher.try_finalize().map_err(|error| std::io::Error::other(error.to_string()))?;
    pack.extend_from_slice(digest.as_slice());
    Ok(pack)
}

/// The kind and the size of an object: four bits of the size in the first byte, seven in each of the others.
fn header(kind: Kind, size: usize) -> Vec<u8> {
    let kind: u8 = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let low = |size: usize, bits: u32| u8::try_from(size & ((1 << bits) - 1)).unwrap_or_default();
    let mut header = vec![(kind << 4) | low(size, 4)];
    let mut rest = size >> 4;
    while rest > 0 {
        if let Some(last) = header.last_mut() {
            *last |= 0x80;
        }
        header.push(low(rest, 7));
        rest >>= 7;
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_git_reads_them() {
        assert_eq!(header(Kind::Blob, 5), [0x35]);
        assert_eq!(header(Kind::Tree, 0x1234), [0xa4, 0xa3, 0x02]);
        assert_eq!(header(Kind::Commit, 16), [0x90, 0x01]);
    }
}
