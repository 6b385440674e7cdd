//! Packed charts.

use std::io::Write;

use cowherd_tree::{ArchiveLimits, EntryKind, MemoryTree, Tree, unpack};
use flate2::Compression;
use flate2::write::GzEncoder;

/// The length of a header, and of the blocks that content comes in.
const BLOCK: usize = 512;

/// Where in a header the checksum is.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Where in a header the size of the content is.
const SIZE: std::ops::Range<usize> = 124..136;

/// Unpacks `data` as it is, and as an archive whose checksums are right.
pub fn check(data: &[u8]) {
    let limits = ArchiveLimits { packed: 1 << 16, unpacked: 1 << 20, file: 1 << 18, entries: 64, path: 256 };
    for packed in [data.to_vec(), packed(data)] {
        if let Ok(tree) = unpack(packed.as_slice(), &limits) {
            assert_within(&tree, &limits);
        }
    }
}

fn assert_within(tree: &MemoryTree, limits: &ArchiveLimits) {
    let mut total = 0;
    let paths: Vec<_> = tree.paths().collect();
    assert!(paths.len() <= limits.entries);
    for path in paths {
        assert!(path.as_str().len() <= limits.path);
        assert!(path.components().all(|name| !matches!(name, "" | "." | "..")), "{path}");
        let entry = tree.entry(path).expect("a tree in memory").expect("a path of the tree");
        let EntryKind::File { size } = entry.kind else { panic!("{path} is no file") };
        assert!(size <= limits.file);
        assert_eq!(tree.read(path).expect("a file").len() as u64, size);
        total += size;
    }
    assert!(total < limits.unpacked);
}

/// `archive` with right checksums, packed.
fn packed(archive: &[u8]) -> Vec<u8> {
    let mut archive = archive.to_vec();
    let mut at = 0;
    while let Some(header) = archive.get_mut(at..at + BLOCK) {
        if header.iter().any(|byte| *byte != 0) {
            header[CHECKSUM].fill(b' ');
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            header[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
        let size = std::str::from_utf8(&header[SIZE]).unwrap_or_default();
        let size = usize::from_str_radix(size.trim_matches(['\0', ' ']), 8).unwrap_or_default();
        at += BLOCK + size.min(archive.len()).next_multiple_of(BLOCK);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&archive).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}
