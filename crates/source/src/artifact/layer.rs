//! The tree of a layer, whose files are read from one file on disk.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use cowherd_tree::{ArchiveError, unpack_layer};
use cowherd_tree::{ArchiveLimits, ContentId, Entry, EntryKind, MAX_FILE_SIZE, MemoryTree, Tree, TreeError, TreePath};
use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::digest::Hasher;

/// What ends each file: where its index begins, and the digest of the index.
const TRAILER: usize = 8 + 32;

/// The form of the file. A file of another form is as good as none: those of the first may end with what was pushed.
const FORM: u32 = 2;

/// The files of a layer. Their ids are the digests of the contents, those of directories follow from them: equal files have
/// equal ids in all layers.
///
/// Contents stay on disk, and each is there once; in memory are names and digests.
pub(super) struct Layer {
    file: PathBuf,
    /// A tree of the same paths, in which the files hold what is known of the real ones.
    names: MemoryTree,
    /// Where the contents begin.
    contents: HashMap<Digest, u64>,
    is_damaged: AtomicBool,
}

/// Writes the contents of files into what becomes a layer: each once.
pub(super) struct Contents<'a, W> {
    to: &'a mut W,
    known: HashMap<Digest, u64>,
    /// Where the next one begins.
    at: u64,
}

impl<'a, W: Write + io::Seek> Contents<'a, W> {
    /// None yet.
    pub(super) fn new(to: &'a mut W) -> Self {
        Self { to, known: HashMap::new(), at: 0 }
    }

    /// Keeps a content of `size` bytes; what the file has in its place among the names.
    pub(super) fn keep(&mut self, size: u64, content: &mut dyn Read) -> io::Result<Bytes> {
        let digest = copy(content, size, self.to)?;
        if size > MAX_FILE_SIZE || self.known.contains_key(&digest) {
            // Nobody reads it, or it is there: the next one is written over it.
            self.to.seek(io::SeekFrom::Start(self.at))?;
        } else {
            self.known.insert(digest, self.at);
            self.at += size;
        }
        Ok(Stub { digest, size }.bytes())
    }

    /// The layer of these names, which is going to stand at `file`, and its length.
    pub(super) fn finish(self, names: MemoryTree, file: PathBuf) -> io::Result<(Layer, u64)> {
        let Self { to, known: contents, at } = self;
        let layer = Layer { file, names, contents, is_damaged: AtomicBool::default() };
        let end = layer.write_index(at, to)?;
        Ok((layer, end))
    }
}

/// What a file has among the names that is larger than anybody reads: something else by which it is told from others.
pub(super) fn unread(size: u64, identity: Digest) -> Bytes {
    Stub { digest: identity, size }.bytes()
}

/// What a file has instead of its content.
#[derive(Clone, Copy)]
struct Stub {
    digest: Digest,
    size: u64,
}

#[derive(Serialize, Deserialize)]
struct Index {
    form: u32,
    /// Path, digest and size of each file.
    files: Vec<(String, String, u64)>,
    /// Digest and beginning of each content.
    contents: Vec<(String, u64)>,
}

impl Stub {
    fn bytes(self) -> Bytes {
        let mut bytes = self.digest.as_bytes().to_vec();
        bytes.extend(self.size.to_be_bytes());
        bytes.into()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (digest, size) = bytes.split_at_checked(32)?;
        Some(Self {
            digest: Digest::from_bytes(digest.try_into().ok()?),
            size: u64::from_be_bytes(size.try_into().ok()?),
        })
    }
}

impl Layer {
    /// Unpacks a layer to `to`, which is going to stand at `file`. Gives its length too: whatever was written behind that is
    /// no part of it, and has to be cut off.
    pub(super) fn unpack(
        packed: impl Read,
        limits: &ArchiveLimits,
        to: &mut (impl Write + io::Seek),
        file: PathBuf,
    ) -> Result<(Self, u64), ArchiveError> {
        let mut contents = Contents::new(to);
        let names = unpack_layer(packed, limits, &mut |size, content| contents.keep(size, content))?;
        contents.finish(names, file).map_err(|error| ArchiveError::Damaged(error.to_string()))
    }

    /// Writes the index, and gives where it ends.
    fn write_index(&self, at: u64, to: &mut (impl Write + io::Seek)) -> io::Result<u64> {
        let files = self.names.paths().filter_map(|path| {
            let Stub { digest, size } = self.stub(path)?;
            Some((path.as_str().to_owned(), digest.hex(), size))
        });
        let contents = self.contents.iter().map(|(digest, at)| (digest.hex(), *at));
        let index = Index { form: FORM, files: files.collect(), contents: contents.collect() };
        let index = serde_json::to_vec(&index)?;
        to.seek(io::SeekFrom::Start(at))?;
        to.write_all(&index)?;
        to.write_all(&at.to_be_bytes())?;
        to.write_all(Digest::of(&index).as_bytes())?;
        to.flush()?;
        Ok(at + (index.len() + TRAILER) as u64)
    }

    /// The layer that was unpacked to `file`, if it is there and whole.
    pub(super) fn read(file: &Path) -> Option<Self> {
        let opened = File::open(file).ok()?;
        let length = opened.metadata().ok()?.len();
        let end = length.checked_sub(TRAILER as u64)?;
        let mut trailer = [0; TRAILER];
        opened.read_exact_at(&mut trailer, end).ok()?;
        let (begin, digest) = trailer.split_at(8);
        let begin = u64::from_be_bytes(begin.try_into().ok()?);
        let mut index = vec![0; usize::try_from(end.checked_sub(begin)?).ok()?];
        opened.read_exact_at(&mut index, begin).ok()?;
        if Digest::of(&index).as_bytes() != digest {
            return None;
        }
        let index: Index = serde_json::from_slice(&index).ok().filter(|index: &Index| index.form == FORM)?;
        let mut names = MemoryTree::default();
        for (path, digest, size) in index.files {
            let digest = digest.parse().ok()?;
            names.insert(&path, Stub { digest, size }.bytes()).ok()?;
        }
        let contents = index.contents.into_iter().map(|(digest, at)| Some((digest.parse().ok()?, at)));
        let contents = contents.collect::<Option<_>>()?;
        Some(Self { file: file.to_owned(), names, contents, is_damaged: AtomicBool::default() })
    }

    /// How many bytes it has on disk.
    pub(super) fn size(&self) -> u64 {
        fs::metadata(&self.file).map_or(0, |about| about.len())
    }

    /// Whether something of it was not there any more when it was read.
    pub(super) fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// The content with this digest and size.
    fn content(&self, Stub { digest, size }: Stub) -> io::Result<Vec<u8>> {
        let at = self.contents.get(&digest).copied().unwrap_or_default();
        let mut content = vec![0; usize::try_from(size).unwrap_or_default()];
        let read = File::open(&self.file).and_then(|file| file.read_exact_at(&mut content, at));
        match read {
            Ok(()) if Digest::of(&content) == digest => Ok(content),
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => Err(error),
            _ => Err(self.give_up()),
        }
    }

    /// Removes what is damaged: else it would be found again, after each start.
    fn give_up(&self) -> io::Error {
        self.is_damaged.store(true, Ordering::Relaxed);
        match fs::remove_file(&self.file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(path = %self.file.display(), %error, "a damaged layer was not removed");
            }
            _ => tracing::warn!(path = %self.file.display(), "a layer is damaged"),
        }
        io::Error::other("what is kept of the artifact is damaged; it is fetched anew when the registry is asked next")
    }

    fn stub(&self, path: &TreePath) -> Option<Stub> {
        Stub::read(&self.names.read_file(path).ok()?)
    }

    /// An entry of the names as the one of the files.
    fn real(&self, path: &TreePath, entry: Entry) -> Entry {
        match (entry.kind, self.stub(path)) {
            (EntryKind::File { .. }, Some(Stub { digest, size })) => {
                Entry { kind: EntryKind::File { size }, id: ContentId::new(digest.as_bytes()) }
            }
            _ => entry,
        }
    }
}

/// Copies `size` bytes, and gives their digest.
fn copy(content: &mut dyn Read, size: u64, to: &mut impl Write) -> io::Result<Digest> {
    let mut digest = Hasher::default();
    let mut left = size;
    let mut buffer = [0; 16 * 1024];
    while left > 0 {
        let read = match content.read(&mut buffer) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends inside of a file")),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        digest.update(bytes);
        if size <= MAX_FILE_SIZE {
            to.write_all(bytes)?;
        }
        left = left.saturating_sub(read as u64);
    }
    Ok(digest.finish())
}

impl Tree for Layer {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        Ok(self.names.entry(path)?.map(|entry| self.real(path, entry)))
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        let stub = Stub::read(&self.names.read_file(path)?).ok_or_else(|| TreeError::NotAFile(path.clone()))?;
        if stub.size > MAX_FILE_SIZE {
            return Err(TreeError::TooLarge { path: path.clone(), size: stub.size, limit: MAX_FILE_SIZE });
        }
        let content = self.content(stub).map(Bytes::from);
        content.map_err(|error| TreeError::Storage { path: path.clone(), source: error.into() })
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        let names = self.names.list(path)?.into_iter();
        let real = |(name, entry): (String, Entry)| {
            let child = path.join(&name).map_err(|source| TreeError::Outside { path: path.clone(), source })?;
            let entry = self.real(&child, entry);
            Ok((name, entry))
        };
        names.map(real).collect()
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        self.names.read_link(path)
    }
}
