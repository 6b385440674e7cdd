//! Layers of artifacts: what Flux makes of them, what is refused, and what broken ones do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, and so do the functions it calls")]

use std::io::Read;

use bytes::Bytes;
use cowherd_tree::{ArchiveError, ArchiveLimits, MemoryTree, Tree as _, TreePath, unpack_layer};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

/// A layer in the making.
struct Packing(Builder<GzEncoder<Vec<u8>>>);

impl Packing {
    fn new() -> Self {
        Self(Builder::new(GzEncoder::new(Vec::new(), Compression::fast())))
    }

    /// Adds an entry of a kind, whatever its name.
    fn entry(self, kind: EntryType, name: &str, content: &[u8]) -> Self {
        self.with_mode(kind, name, content, 0o644)
    }

    fn with_mode(mut self, kind: EntryType, name: &str, content: &[u8], mode: u32) -> Self {
        let mut header = Header::new_ustar();
        if name.len() <= 100 {
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        } else {
            self.0.append_pax_extensions([("path", name.as_bytes())]).unwrap();
        }
        let is_link = kind.is_symlink() || kind.is_hard_link();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(if is_link { 0 } else { content.len() as u64 });
        if is_link {
            header.set_link_name_literal(content).unwrap();
        }
        header.set_cksum();
        self.0.append(&header, if is_link { &[][..] } else { content }).unwrap();
        self
    }

    fn file(self, name: &str, content: &str) -> Self {
        self.entry(EntryType::Regular, name, content.as_bytes())
    }

    fn packed(self) -> Vec<u8> {
        self.0.into_inner().unwrap().finish().unwrap()
    }

    fn unpacked(self) -> Result<MemoryTree, ArchiveError> {
        unpacked(&self.packed(), &ArchiveLimits::default())
    }
}

fn unpacked(packed: &[u8], limits: &ArchiveLimits) -> Result<MemoryTree, ArchiveError> {
    unpack_layer(packed, limits, &mut |size, content: &mut dyn Read| {
        let mut bytes = Vec::new();
        content.take(size).read_to_end(&mut bytes)?;
        Ok(Bytes::from(bytes))
    })
}

fn files(tree: &MemoryTree) -> Vec<(String, String)> {
    let text = |path: &TreePath| String::from_utf8(tree.read(path).unwrap().to_vec()).unwrap();
    tree.paths().map(|path| (path.to_string(), text(path))).collect()
}

/// What Flux's own `tar.Untar` leaves on disk of the same entries, with `WithSkipSymlinks`.
#[test]
fn files_are_those_that_flux_unpacks() {
    let long = "d/".repeat(100) + "x";
    let layer = Packing::new()
        .entry(EntryType::Directory, "./", b"")
        // As Flux writes them.
        .entry(EntryType::Directory, ".", b"")
        .entry(EntryType::Directory, "b", b"")
        .entry(EntryType::Directory, "empty/", b"")
        .file("./a.yaml", "a")
        .file("b//c.yaml", "c")
        .file("twice", "first")
        .file("twice", "second")
        .file(&long, "long")
        .entry(EntryType::Link, "hard", b"a.yaml")
        .entry(EntryType::Symlink, "soft", b"a.yaml")
        .entry(EntryType::Symlink, "out", b"../../etc/passwd")
        .entry(EntryType::XGlobalHeader, "pax_global_header", b"16 comment=abcd\n")
        .file("with..dots", "dots");
    let expected = [
        ("a.yaml", "a"),
        ("b/c.yaml", "c"),
        (long.as_str(), "long"),
        ("hard", ""),
        ("twice", "second"),
        ("with..dots", "dots"),
    ];
    let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(files(&layer.unpacked().unwrap()), expected);
    assert!(Packing::new().unpacked().unwrap().paths().next().is_none(), "an artifact may be empty");
}

#[test]
fn nothing_gets_out_of_an_archive() {
    for name in ["../x", "a/../../x", "..", "a/..", "a/../x", "/etc/passwd", "//x", "a\\..\\x", "c:\\x"] {
        let error = Packing::new().file(name, "x").unpacked().unwrap_err();
        assert!(matches!(error, ArchiveError::Outside(_) | ArchiveError::Absolute(_)), "{name}: {error}");
        let error = Packing::new().entry(EntryType::Directory, name, b"").unpacked();
        assert!(error.is_err(), "{name} as a directory");
        let error = Packing::new().entry(EntryType::Symlink, name, b"x").unpacked();
        assert!(error.is_err(), "{name} as a link");
    }
    // A file below a link has no link above it: it stands in a directory of that name.
    let below = Packing::new().entry(EntryType::Symlink, "d", b"/etc").file("d/passwd", "ours").unpacked().unwrap();
    assert_eq!(files(&below), [("d/passwd".to_owned(), "ours".to_owned())]);
}

#[test]
fn what_is_no_file_is_refused_by_its_name() {
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo] {
        let error = Packing::new().entry(kind, "dev/zero", b"").unpacked().unwrap_err();
        assert!(matches!(&error, ArchiveError::Special(name) if name == "dev/zero"), "{kind:?}: {error}");
    }
    for mode in [0o020_644, 0o060_644, 0o010_644, 0o140_644] {
        let error = Packing::new().with_mode(EntryType::Regular, "x", b"", mode).unpacked().unwrap_err();
        assert!(matches!(error, ArchiveError::Special(_)), "{mode:o}: {error}");
    }
    for layer in [Packing::new().file("a", "1").file("a/b", "2"), Packing::new().file("a/b", "2").file("a", "1")] {
        assert!(matches!(layer.unpacked(), Err(ArchiveError::Duplicate(_))));
    }
    assert!(matches!(Packing::new().file("./", "x").unpacked(), Err(ArchiveError::Duplicate(_)) | Ok(_)));
    assert!(matches!(unpacked(b"plain", &ArchiveLimits::default()), Err(ArchiveError::LayerNotGzip)));
    assert!(matches!(unpacked(b"", &ArchiveLimits::default()), Err(ArchiveError::LayerNotGzip)));
}

#[test]
fn every_bound_holds() {
    let limits = ArchiveLimits { packed: 1 << 20, unpacked: 1000, file: 10, entries: 3, path: 50 };
    let layer = |count: usize, size: usize| {
        (0..count).fold(Packing::new(), |layer, at| layer.file(&format!("f{at}"), &"x".repeat(size))).packed()
    };
    assert!(unpacked(&layer(3, 300), &limits).is_ok(), "how large a single file may be is not its business");
    assert!(matches!(unpacked(&layer(4, 1), &limits), Err(ArchiveError::Entries { limit: 3 })));
    assert!(matches!(unpacked(&layer(2, 600), &limits), Err(ArchiveError::Unpacked { limit: 1000 })));
    let long = Packing::new().file(&"x".repeat(60), "").packed();
    assert!(matches!(unpacked(&long, &limits), Err(ArchiveError::PathLength { size: 60, limit: 50, .. })));
    let small = ArchiveLimits { packed: 100, ..limits.clone() };
    let noise: String = (0..400u32).map(|at| char::from(b'a' + (at.wrapping_mul(2_654_435_761) >> 27) as u8)).collect();
    assert!(matches!(
        unpacked(&Packing::new().file("a", &noise).packed(), &small),
        Err(ArchiveError::Packed { limit: 100 })
    ));
    let deep = Packing::new().file(&("d/".repeat(300) + "x"), "").unpacked();
    assert!(matches!(deep, Err(ArchiveError::Depth { limit: 256, .. })), "{deep:?}");
    // Many deep paths, each of which makes directories of its own.
    let names = (0..3000).map(|at| format!("{at}/{}x", "d/".repeat(250)));
    let wide = names.fold(Packing::new(), |layer, name| layer.file(&name, "")).unpacked();
    assert!(matches!(wide, Err(ArchiveError::Entries { .. })), "{wide:?}");
}

#[test]
fn a_small_archive_that_becomes_a_large_one_is_given_up_early() {
    let mut header = Header::new_ustar();
    header.set_path("zeros").unwrap();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(10 << 30);
    header.set_cksum();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    std::io::Write::write_all(&mut encoder, header.as_bytes()).unwrap();
    let error = unpacked(&encoder.finish().unwrap(), &ArchiveLimits::default()).unwrap_err();
    assert!(matches!(error, ArchiveError::Unpacked { .. }), "{error}");
    // What follows the end of the archive counts too.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..600 {
        std::io::Write::write_all(&mut encoder, &[0; 1 << 20]).unwrap();
    }
    let error = unpacked(&encoder.finish().unwrap(), &ArchiveLimits::default()).unwrap_err();
    assert!(matches!(error, ArchiveError::Unpacked { .. } | ArchiveError::Headers { .. }), "{error}");
}

proptest! {
    #[test]
    fn what_is_broken_never_panics(at in 0usize..2000, bit in 0u8..8, cut in 0usize..2000) {
        let mut packed = Packing::new().file("a/b", "content").entry(EntryType::Directory, "c/", b"").packed();
        let length = packed.len();
        packed[at % length] ^= 1 << bit;
        packed.truncate(length - cut % (length / 2));
        drop(unpacked(&packed, &ArchiveLimits::default()));
    }

    #[test]
    fn a_broken_archive_below_gzip_never_panics(at in 0usize..1536, byte in any::<u8>()) {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(Packing::new().file("a/b", "content").packed().as_slice()).read_to_end(&mut plain).unwrap();
        plain[at % 1536] = byte;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        std::io::Write::write_all(&mut encoder, &plain).unwrap();
        if let Ok(tree) = unpacked(&encoder.finish().unwrap(), &ArchiveLimits::default()) {
            for path in tree.paths() {
                prop_assert!(!path.as_str().starts_with('/') && !path.as_str().split('/').any(|part| part == ".."));
            }
        }
    }
}
