//! Archives: what Helm makes of them, what is refused, and what broken ones do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, and so do the functions it calls")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Command;

use cowherd_tree::{ArchiveError, ArchiveLimits, MemoryTree, Tree as _, TreePath, unpack};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

/// An archive in the making.
struct Packing(Builder<GzEncoder<Vec<u8>>>);

impl Packing {
    fn new() -> Self {
        Self::at_level(Compression::fast())
    }

    fn at_level(level: Compression) -> Self {
        Self(Builder::new(GzEncoder::new(Vec::new(), level)))
    }

    /// Adds an entry of a kind, whatever its name.
    fn entry(mut self, kind: EntryType, name: &str, content: &[u8]) -> Self {
        let mut header = Header::new_ustar();
        if name.len() <= 100 {
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        } else {
            self.0.append_pax_extensions([("path", name.as_bytes())]).unwrap();
        }
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_size(0);
            header.set_link_name_literal(content).unwrap();
        }
        header.set_cksum();
        let content = if kind.is_symlink() || kind.is_hard_link() { &[][..] } else { content };
        self.0.append(&header, content).unwrap();
        self
    }

    fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.entry(EntryType::Regular, name, content.as_ref())
    }

    fn packed(self) -> Vec<u8> {
        self.0.into_inner().unwrap().finish().unwrap()
    }

    fn unpacked(self) -> Result<MemoryTree, ArchiveError> {
        unpack(self.packed().as_slice(), &ArchiveLimits::default())
    }
}

/// A chart that says what files Helm finds in its archive, beside those that mean something to Helm.
fn chart() -> Packing {
    let list = "{{ range $path, $content := .Files }}\n\
                {{ $path | quote }}: {{ $content | toString | sha256sum }}\n{{ end }}";
    Packing::new()
        .file("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")
        .file("web/templates/list.yaml", list)
}

/// The files with the digests of their contents, as Helm finds them; `None` if Helm refuses the archive.
fn seen_by_helm(packed: &[u8]) -> Option<BTreeMap<String, String>> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("web-1.0.0.tgz");
    std::fs::write(&path, packed).unwrap();
    let output = Command::new("helm").arg("template").arg(&path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let pair = |line: &str| {
        let (path, digest) = line.strip_prefix('"')?.rsplit_once("\": ")?;
        Some((path.replace("\\\\", "\\"), digest.to_owned()))
    };
    output.status.success().then(|| text.lines().filter_map(pair).collect())
}

/// The same as this crate finds them.
fn seen_here(packed: &[u8]) -> Option<BTreeMap<String, String>> {
    let tree = unpack(packed, &ArchiveLimits::default()).ok()?;
    let files = tree.paths().filter(|path| !path.as_str().starts_with("templates/") && path.as_str() != "Chart.yaml");
    Some(files.map(|path| (path.to_string(), tree.entry(path).unwrap().unwrap().id.to_string())).collect())
}

#[test]
fn helm_and_we_find_the_same_files() {
    let long = format!("web/{}/x.txt", "d/".repeat(100));
    let same = [
        ("plain", chart().file("web/a.txt", "1").file("web/b/c.txt", "2")),
        ("directory entry", chart().entry(EntryType::Directory, "web/b/", b"").file("web/b/c.txt", "2")),
        ("other first components", chart().file("other/a.txt", "1").file("./b.txt", "2")),
        ("root of the file system", chart().file("/etc/passwd", "x")),
        ("inner dots", chart().file("web/x/../a.txt", "1").file("web/./b.txt", "2")),
        ("double slash inside", chart().file("web/a//b.txt", "1")),
        ("byte order mark", chart().file("web/a.txt", "\u{feff}text")),
        ("byte order mark twice", chart().file("web/a.txt", "\u{feff}\u{feff}text")),
        ("backslashes", chart().file("web\\b\\c.txt", "1")),
        ("long path", chart().file(&long, "1")),
        ("symbolic link", chart().entry(EntryType::Symlink, "web/l.txt", b"a.txt").file("web/a.txt", "1")),
        ("link to outside", chart().entry(EntryType::Symlink, "web/l.txt", b"../../etc/passwd")),
        ("hard link", chart().file("web/a.txt", "1").entry(EntryType::Link, "web/l.txt", b"web/a.txt")),
        ("fifo", chart().entry(EntryType::Fifo, "web/fifo.txt", b"")),
        ("global header", chart().entry(EntryType::XGlobalHeader, "pax_global_header", b"16 comment=abcd\n")),
        ("old archive", chart().entry(EntryType::new(0), "web/a.txt", b"1").entry(EntryType::new(0), "web/d/", b"")),
        ("colon", chart().file("web/ab:/c.txt", "1")),
        ("binary", chart().file("web/a.bin", [0, 159, 146, 150])),
    ];
    for (name, packing) in same {
        let packed = packing.packed();
        let helm = seen_by_helm(&packed);
        assert!(helm.is_some(), "{name}: Helm refuses it");
        assert_eq!(seen_here(&packed), helm, "{name}");
    }
    let links = chart().entry(EntryType::Symlink, "web/l.txt", b"a.txt").file("web/a.txt", "1").unpacked().unwrap();
    let link = links.read(&TreePath::parse("l.txt").unwrap()).unwrap();
    assert!(link.is_empty(), "an empty file stands where a link was: {link:?}");
    assert_eq!(seen_by_helm(&chart().file("web/a.txt", "1").packed()).map(|files| files.len()), Some(1));
}

#[test]
fn helm_and_we_refuse_the_same_archives() {
    let refused = [
        ("climbs", chart().file("web/../../etc/passwd", "x")),
        ("climbs later", chart().file("web/a/../../../x", "x")),
        ("begins with dots", chart().file("web/..data/x", "x")),
        ("absolute", chart().file("web//etc/passwd", "x")),
        ("drive", chart().file("web/c:/x", "x")),
        ("drive on Windows", chart().file("web\\c:\\x", "x")),
        ("no directory", chart().file("README.md", "x")),
        ("chart without directory", Packing::new().file("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")),
        ("empty", Packing::new()),
        ("large file", chart().file("web/large", vec![b'x'; (5 << 20) + 1])),
    ];
    for (name, packing) in refused {
        let packed = packing.packed();
        assert_eq!(seen_by_helm(&packed), None, "{name}");
        assert_eq!(seen_here(&packed), None, "{name}");
    }
}

/// A chart with `files` of five mebibytes and one of `last` bytes, packed in pieces: packing them as one takes long.
fn large_chart(files: usize, last: usize) -> Vec<u8> {
    let piece = |content: &[u8]| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(content).unwrap();
        gzip.finish().unwrap()
    };
    let header = |name: &str, size: usize| {
        let mut header = Header::new_ustar();
        header.set_path(name).unwrap();
        header.set_mode(0o644);
        header.set_size(size as u64);
        header.set_cksum();
        piece(header.as_bytes())
    };
    let mut archive = Builder::new(Vec::new());
    let metadata = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
    let mut chart = Header::new_ustar();
    chart.set_size(metadata.len() as u64);
    archive.append_data(&mut chart, "web/Chart.yaml", metadata.as_bytes()).unwrap();
    // Without the two empty blocks at the end.
    let start = archive.get_ref()[..1024].to_vec();
    let five = piece(&vec![b'x'; 5 << 20]);
    let mut packed = piece(&start);
    for file in 0..files {
        packed.extend(header(&format!("web/{file}"), 5 << 20));
        packed.extend(&five);
    }
    packed.extend(header("web/last", last));
    packed.extend(piece(&vec![0; last.next_multiple_of(512) + 1024]));
    packed
}

#[test]
fn helm_and_we_refuse_what_is_too_large_together() {
    let fits = large_chart(19, (5 << 20) - 1024);
    assert_eq!(seen_here(&fits).map(|files| files.len()), Some(20));
    assert!(seen_by_helm(&fits).is_some());
    let too_large = large_chart(19, 5 << 20);
    assert_eq!(seen_by_helm(&too_large), None);
    let unpacked = unpack(too_large.as_slice(), &ArchiveLimits::default());
    assert!(matches!(unpacked, Err(ArchiveError::Unpacked { .. })), "{unpacked:?}");
}

#[test]
fn helm_and_we_take_a_real_package_for_its_directory() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new("helm").args(arguments).current_dir(directory.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run(&["create", "web"]);
    run(&["package", "web"]);
    let packed = std::fs::read(directory.path().join("web-0.1.0.tgz")).unwrap();
    let tree = unpack(packed.as_slice(), &ArchiveLimits::default()).unwrap();
    assert!(tree.paths().count() > 8);
    // Helm writes Chart.yaml anew when it packs; everything else is as it was.
    for path in tree.paths().filter(|path| path.as_str() != "Chart.yaml") {
        let expected = std::fs::read(directory.path().join("web").join(path.as_str())).unwrap();
        assert_eq!(tree.read(path).unwrap(), expected, "{path}");
    }
}

#[test]
fn the_id_is_of_the_content_alone() {
    let files = [("web/Chart.yaml", "a"), ("web/templates/x.yaml", "b")];
    let pack = |packing: Packing, order: &[usize]| {
        order.iter().fold(packing, |packing, index| packing.file(files[*index].0, files[*index].1)).unpacked().unwrap()
    };
    let one = pack(Packing::new(), &[0, 1]);
    let other = pack(Packing::at_level(Compression::best()), &[1, 0]);
    assert_eq!(one.id(), other.id());
    let changed = Packing::new().file("web/Chart.yaml", "a").file("web/templates/x.yaml", "c").unpacked().unwrap();
    assert_ne!(one.id(), changed.id());
}

#[test]
fn two_files_with_one_path_are_refused() {
    for (first, second) in [("web/a", "web/a"), ("web/a", "web/a/b"), ("web/a/b", "web/a"), ("web/a", "other/a")] {
        let unpacked = Packing::new().file(first, "1").file(second, "2").unpacked();
        assert!(matches!(unpacked, Err(ArchiveError::Duplicate(_))), "{first} and {second}: {unpacked:?}");
    }
}

#[test]
fn each_limit_has_its_error() {
    let packed = chart().file("web/a.txt", vec![b'x'; 2000]).file("web/b.txt", vec![b'y'; 2000]).packed();
    let with = |edit: fn(&mut ArchiveLimits)| {
        let mut limits = ArchiveLimits::default();
        edit(&mut limits);
        unpack(packed.as_slice(), &limits)
    };
    assert!(with(|limits| limits.packed = 100_000).is_ok());
    assert!(matches!(with(|limits| limits.packed = 200), Err(ArchiveError::Packed { limit: 200 })));
    assert!(matches!(with(|limits| limits.unpacked = 3000), Err(ArchiveError::Unpacked { limit: 3000 })));
    assert!(matches!(with(|limits| limits.file = 1999), Err(ArchiveError::File { size: 2000, limit: 1999, .. })));
    assert!(matches!(with(|limits| limits.entries = 3), Err(ArchiveError::Entries { limit: 3 })));
    assert!(matches!(with(|limits| limits.path = 12), Err(ArchiveError::PathLength { limit: 12, .. })));
}

#[test]
fn bombs_are_refused_early() {
    // A file of ten gibibytes, as its header says.
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    let mut header = Header::new_ustar();
    header.set_path("web/bomb").unwrap();
    header.set_size(10 << 30);
    header.set_cksum();
    bomb.write_all(header.as_bytes()).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..20).for_each(|_| bomb.write_all(&zeros).unwrap());
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 1 << 20);
    assert!(matches!(unpack(bomb.as_slice(), &ArchiveLimits::default()), Err(ArchiveError::Unpacked { .. })));

    // A path of ten megabytes.
    let long = Packing::new().entry(EntryType::GNULongName, "././@LongLink", &vec![b'x'; 10 << 20]);
    let unpacked = long.file("web/x", "").unpacked();
    assert!(matches!(unpacked, Err(ArchiveError::Headers { .. })), "{unpacked:?}");

    // Empty files without end.
    let many = (0..60_000).fold(Packing::new(), |packing, count| packing.file(&format!("web/{count}"), ""));
    assert!(matches!(many.unpacked(), Err(ArchiveError::Entries { .. })));

    // Directories inside each other without end, in one path and in many.
    let deep = Packing::new().file(&format!("web/{}x", "d/".repeat(300)), "").unpacked();
    assert!(matches!(deep, Err(ArchiveError::Depth { limit: 256, .. })), "{deep:?}");
    let wide = (0..3000).map(|at| format!("web/{at}/{}x", "d/".repeat(250)));
    let wide = wide.fold(Packing::new(), |packing, name| packing.file(&name, "")).unpacked();
    assert!(matches!(wide, Err(ArchiveError::Entries { .. })), "{wide:?}");

    // Headers without end before a single file.
    let headers = (0..2000).fold(Packing::new(), |packing, _| {
        packing.entry(EntryType::GNULongName, "././@LongLink", &vec![b'x'; 1 << 10])
    });
    assert!(headers.file("web/x", "").unpacked().is_err());

    // More headers than so few files can have.
    let limits = ArchiveLimits { unpacked: 1000, entries: 2, ..ArchiveLimits::default() };
    let long = Packing::new().entry(EntryType::GNULongName, "././@LongLink", &[b'x'; 20_000]).file("web/x", "");
    assert!(matches!(unpack(long.packed().as_slice(), &limits), Err(ArchiveError::Unpacked { .. })));
}

#[test]
fn what_is_no_archive_is_said_to_be_none() {
    for content in [&b""[..], b"apiVersion: v2\nname: web\n", &[0x1f, 0x8b], &[0x1f, 0x8b, 8, 0, 0]] {
        let error = unpack(content, &ArchiveLimits::default()).unwrap_err();
        assert!(matches!(error, ArchiveError::NotGzip), "{error}");
    }
    let cut = unpack(&small_archive()[..400], &ArchiveLimits::default()).unwrap_err();
    assert!(matches!(cut, ArchiveError::Damaged(_)), "{cut}");
}

fn small_archive() -> Vec<u8> {
    let noise: Vec<u8> = (0..3000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    chart().file("web/noise.bin", noise).file(&format!("web/{}", "long/".repeat(40)), "x").packed()
}

/// What Go's readers take, too: they stop where the files end.
#[test]
fn what_is_missing_or_too_much_behind_the_files_does_not_matter() {
    let whole = chart().file("web/last.txt", "last");
    let expected = whole.unpacked().unwrap().id();
    let mut tar = Vec::new();
    std::io::Read::read_to_end(
        &mut flate2::read::GzDecoder::new(&*chart().file("web/last.txt", "last").packed()),
        &mut tar,
    )
    .unwrap();
    let zipped = |tar: &[u8]| {
        let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
        zipped.write_all(tar).unwrap();
        zipped.finish().unwrap()
    };
    // The two blocks that end an archive, and the padding of the last file.
    let end = tar.len() - 1024;
    let content_end = end - 512 + "last".len();
    for length in [content_end, content_end + 7, end, end + 512] {
        let packed = zipped(&tar[..length]);
        let tree = unpack(packed.as_slice(), &ArchiveLimits::default());
        assert_eq!(tree.unwrap().id(), expected, "{length} of {}", tar.len());
        assert!(seen_by_helm(&packed).is_some(), "{length} of {}", tar.len());
    }
    for length in [content_end - 1, end - 512, end - 1000] {
        let packed = zipped(&tar[..length]);
        assert!(unpack(packed.as_slice(), &ArchiveLimits::default()).is_err(), "{length} of {}", tar.len());
        assert!(seen_by_helm(&packed).is_none(), "{length} of {}", tar.len());
    }
    let behind = |rest: &[u8]| [zipped(&tar), rest.to_vec()].concat();
    for packed in [behind(b"garbage"), behind(&[0; 700]), behind(&zipped(b"another member"))] {
        assert_eq!(unpack(packed.as_slice(), &ArchiveLimits::default()).unwrap().id(), expected);
        assert!(seen_by_helm(&packed).is_some());
    }
    let (first, second) = tar.split_at(700);
    let in_members = [zipped(first), zipped(second)].concat();
    assert_eq!(unpack(in_members.as_slice(), &ArchiveLimits::default()).unwrap().id(), expected);
}

#[test]
fn a_truncated_archive_is_refused_wherever_it_ends() {
    let packed = small_archive();
    for length in 0..packed.len() {
        let unpacked = unpack(&packed[..length], &ArchiveLimits::default());
        assert!(unpacked.is_err(), "the first {length} of {} bytes", packed.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_flipped_bit_is_noticed_or_does_no_harm(position in any::<prop::sample::Index>(), bit in 0..8) {
        let packed = small_archive();
        let whole = unpack(packed.as_slice(), &ArchiveLimits::default()).unwrap();
        let mut damaged = packed;
        let position = position.index(damaged.len());
        damaged[position] ^= 1_u8 << bit;
        if let Ok(tree) = unpack(damaged.as_slice(), &ArchiveLimits::default()) {
            prop_assert_eq!(tree.id(), whole.id(), "byte {}", position);
        }
    }

    #[test]
    fn no_headers_make_it_panic(blocks in prop::collection::vec(any::<u8>(), 0..4096), position in 0..512_usize) {
        // Noise in the place of a header, and in a header that was right.
        let mut archive = vec![0; 512];
        let mut header = Header::new_ustar();
        header.set_path("web/x").unwrap();
        header.set_size(blocks.len() as u64);
        header.set_cksum();
        archive.copy_from_slice(header.as_bytes());
        for (byte, noise) in archive[position..].iter_mut().zip(&blocks) {
            *byte = *noise;
        }
        // A header counts only with its checksum.
        let mut noisy = Header::new_old();
        noisy.as_mut_bytes().copy_from_slice(&archive);
        noisy.set_cksum();
        archive.copy_from_slice(noisy.as_bytes());
        archive.extend(&blocks);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&archive).unwrap();
        if let Ok(tree) = unpack(gzip.finish().unwrap().as_slice(), &ArchiveLimits::default()) {
            for path in tree.paths() {
                prop_assert!(tree.entry(path).unwrap().is_some());
                prop_assert!(!path.as_str().split('/').any(|part| part == ".."));
            }
        }
    }
}

#[test]
fn a_tree_from_an_archive_reads_like_any_other() {
    let tree = chart().file("web/templates/_a.tpl", "a").unpacked().unwrap();
    let path = TreePath::parse("templates").unwrap();
    let names: Vec<_> = tree.read_dir(&path).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["_a.tpl", "list.yaml"]);
}
