//! A Git object database that any thread reads, with what was read of it kept for a while.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use gix::ObjectId;
use gix::error::{Class, ResourceExhaustionKind};
use gix::objs::{Exists as _, Find, Kind, TreeRefIter};
use gix::odb::HeaderExt;

use crate::commit::Commit;
use crate::extent::Extents;
use crate::recent::Recent;

/// How many bytes of parsed directories are remembered, twice over.
const MAX_DIRECTORIES: usize = 16 * 1024 * 1024;

/// The largest directory that is read, in bytes as Git stores it: some 400,000 entries.
const MAX_DIRECTORY_SIZE: u64 = 16 * 1024 * 1024;

/// The most that each reading thread remembers of the packs, to take deltas apart. What is made of each other lies beside each
/// other; what is remembered stays for as long as the thread, so that little is enough.
const MAX_PACK_CACHE: usize = 1024 * 1024;

/// The most that is held at once to read an object: twice the largest that it is made of, and the deltas.
const MAX_HELD: usize = 96 * 1024 * 1024;

/// How many packs a database may have at once.
const PACK_SLOTS: u16 = 1024;

/// How many tags may point at each other on the way to a commit.
const MAX_TAGS: usize = 8;

/// Why an object could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ObjectError {
    /// The database does not have it.
    #[error("the object {0} is missing")]
    Missing(ObjectId),
    /// It is of another kind, or its content makes no sense.
    #[error("the object {0} is not a {1}")]
    NotA(ObjectId, &'static str),
    /// It is too large to be read.
    #[error("the object {0} has {1} bytes")]
    TooLarge(ObjectId, u64),
    /// Reading failed.
    #[error("reading the object {0} failed: {1}")]
    Failed(ObjectId, String),
}

/// A name in a directory.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) name: String,
    pub(crate) id: ObjectId,
    pub(crate) kind: NameKind,
    /// The length of a file, once it was asked for.
    size: OnceLock<u64>,
}

/// What a name in a directory stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameKind {
    File,
    Directory,
    Link,
    Submodule,
}

/// The names in a directory, sorted bytewise.
#[derive(Debug)]
pub(crate) struct Directory(Box<[Name]>);

impl Directory {
    /// The entry called `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&Name> {
        let index = self.0.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok()?;
        self.0.get(index)
    }

    /// All entries in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Name> {
        self.0.iter()
    }
}

/// An object database.
pub(crate) struct Objects {
    path: PathBuf,
    template: Mutex<gix::odb::HandleArc>,
    /// Handles that no thread uses at the moment; there are never more than threads that read at once.
    idle: Mutex<Vec<gix::odb::HandleArc>>,
    directories: Mutex<Recent<ObjectId, Arc<Directory>>>,
    extents: Mutex<Extents>,
    damaged: AtomicBool,
    remove_on_drop: AtomicBool,
}

impl Objects {
    /// The database in the directory `path` (a repository's `objects`).
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let options = gix::odb::store::init::Options {
            slots: gix::odb::store::init::Slots::Given(PACK_SLOTS),
            alloc_limit_bytes: Some(MAX_HELD),
            ..Default::default()
        };
        let mut handle = gix::odb::at_opts(path, gix::hash::Kind::Sha1, None, options)?.into_arc()?;
        handle.set_pack_cache(|| Box::new(gix::odb::pack::cache::lru::MemoryCappedHashmap::new(MAX_PACK_CACHE)));
        Ok(Self {
            path: path.to_owned(),
            template: Mutex::new(handle),
            idle: Mutex::default(),
            directories: Mutex::new(Recent::new(MAX_DIRECTORIES)),
            extents: Mutex::default(),
            damaged: AtomicBool::new(false),
            remove_on_drop: AtomicBool::new(false),
        })
    }

    /// The repository's directory goes when nobody reads from it any more.
    pub(crate) fn retire(&self) {
        self.remove_on_drop.store(true, Ordering::Release);
    }

    /// Whether an object that should have been here could not be read.
    pub(crate) fn damaged(&self) -> bool {
        self.damaged.load(Ordering::Acquire)
    }

    /// The repository's directory.
    pub(crate) fn repository(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// Does `work` with a handle of its own.
    pub(crate) fn with_handle<T>(&self, work: impl FnOnce(&gix::odb::HandleArc) -> T) -> T {
        let idle = lock(&self.idle).pop();
        let handle = idle.unwrap_or_else(|| lock(&self.template).clone());
        let result = work(&handle);
        lock(&self.idle).push(handle);
        result
    }

    /// The same database for who makes other objects of what is in it, however large that is: it was taken apart before, within
    /// limits.
    pub(crate) fn bases(&self) -> std::io::Result<gix::odb::HandleArc> {
        gix::odb::at(&self.path, gix::hash::Kind::Sha1)?.into_arc()
    }

    /// Whether the object `id` is here.
    pub(crate) fn has(&self, id: ObjectId) -> bool {
        self.with_handle(|handle| handle.exists(&id))
    }

    /// The commit that `id` names, tags on the way followed, and the id of its tree.
    pub(crate) fn commit(&self, id: ObjectId) -> Result<(Commit, ObjectId), ObjectError> {
        let mut id = id;
        for _ in 0..MAX_TAGS {
            let (kind, content) = self.read(id, MAX_DIRECTORY_SIZE)?;
            match kind {
                Kind::Commit => return Commit::parse(id, &content).ok_or(ObjectError::NotA(id, "valid commit")),
                Kind::Tag => {
                    let target = gix::objs::TagRefIter::from_bytes(&content, gix::hash::Kind::Sha1).target_id();
                    id = target.map_err(|_| ObjectError::NotA(id, "valid tag"))?;
                }
                Kind::Tree | Kind::Blob => return Err(ObjectError::NotA(id, "commit")),
            }
        }
        Err(ObjectError::NotA(id, "commit"))
    }

    /// The content of the object `id` of a kind, if it has at most `limit` bytes.
    pub(crate) fn whole(&self, id: ObjectId, kind: Kind, limit: u64) -> Result<Vec<u8>, ObjectError> {
        match self.read(id, limit)? {
            (found, content) if found == kind => Ok(content),
            _ => Err(ObjectError::NotA(id, if kind == Kind::Tag { "tag" } else { "commit" })),
        }
    }

    /// The directory with the given id.
    pub(crate) fn directory(&self, id: ObjectId) -> Result<Arc<Directory>, ObjectError> {
        if let Some(directory) = lock(&self.directories).get(&id) {
            return Ok(directory);
        }
        let (kind, content) = self.read(id, MAX_DIRECTORY_SIZE)?;
        if kind != Kind::Tree {
            return Err(ObjectError::NotA(id, "directory"));
        }
        let directory = Arc::new(parse_directory(id, &content)?);
        let cost = content.len() + directory.0.len() * size_of::<Name>();
        lock(&self.directories).insert(id, directory.clone(), cost);
        Ok(directory)
    }

    /// Whether the tree `root` has no more files than may be walked.
    pub(crate) fn can_be_walked(&self, root: ObjectId) -> bool {
        lock(&self.extents).allow(self, root)
    }

    /// How many files the tree `root` has, each counted as often as it stands somewhere.
    pub(crate) fn extent(&self, root: ObjectId) -> u64 {
        lock(&self.extents).entries(self, root)
    }

    /// The length of a file, without reading it.
    pub(crate) fn size(&self, file: &Name) -> Result<u64, ObjectError> {
        if let Some(size) = file.size.get() {
            return Ok(*size);
        }
        let (_, size) = self.header(file.id)?;
        Ok(*file.size.get_or_init(|| size))
    }

    /// The content of the object `id` if it has at most `limit` bytes.
    pub(crate) fn blob(&self, id: ObjectId, limit: u64) -> Result<Bytes, ObjectError> {
        match self.read(id, limit)? {
            (Kind::Blob, content) => Ok(content.into()),
            _ => Err(ObjectError::NotA(id, "file")),
        }
    }

    fn header(&self, id: ObjectId) -> Result<(Kind, u64), ObjectError> {
        self.with_handle(|handle| handle.header(id))
            .map(|header| (header.kind(), header.size()))
            .map_err(|error| self.failed(id, &error))
    }

    fn read(&self, id: ObjectId, limit: u64) -> Result<(Kind, Vec<u8>), ObjectError> {
        let (_, size) = self.header(id)?;
        if size > limit {
            return Err(ObjectError::TooLarge(id, size));
        }
        let mut content = Vec::new();
        let kind = self
            .with_handle(|handle| handle.try_find(&id, &mut content).map(|found| found.map(|data| data.kind)))
            .map_err(|error| self.failed(id, &error))?
            .ok_or(ObjectError::Missing(id))?;
        Ok((kind, content))
    }

    fn failed(&self, id: ObjectId, error: &gix::Error) -> ObjectError {
        if error.classify().has(Class::ResourceExhaustion(ResourceExhaustionKind::AllocationLimit)) {
            return ObjectError::Failed(id, "it is made of more than is held at once".to_owned());
        }
        self.damaged.store(true, Ordering::Release);
        if error.is_not_found() { ObjectError::Missing(id) } else { ObjectError::Failed(id, error.to_string()) }
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        if self.remove_on_drop.load(Ordering::Acquire)
            && let Some(repository) = self.path.parent()
            && let Err(error) = std::fs::remove_dir_all(repository)
        {
            tracing::warn!(path = %repository.display(), %error, "an old copy of a repository could not be removed");
        }
    }
}

fn parse_directory(id: ObjectId, content: &[u8]) -> Result<Directory, ObjectError> {
    let mut names = Vec::new();
    for entry in TreeRefIter::from_bytes(content, gix::hash::Kind::Sha1) {
        let entry = entry.map_err(|_| ObjectError::NotA(id, "valid directory"))?;
        let kind = match entry.mode.kind() {
            gix::objs::tree::EntryKind::Tree => NameKind::Directory,
            gix::objs::tree::EntryKind::Blob | gix::objs::tree::EntryKind::BlobExecutable => NameKind::File,
            gix::objs::tree::EntryKind::Link => NameKind::Link,
            gix::objs::tree::EntryKind::Commit => NameKind::Submodule,
        };
        let name = String::from_utf8_lossy(entry.filename).into_owned();
        // Git refuses to make such names; whoever made one means no good.
        if matches!(name.as_str(), "" | "." | "..") || name.contains('/') || name.eq_ignore_ascii_case(".git") {
            continue;
        }
        names.push(Name { name, id: entry.oid.to_owned(), kind, size: OnceLock::new() });
    }
    // Git sorts directories as if their names ended in a slash.
    names.sort_by(|a, b| a.name.cmp(&b.name));
    names.dedup_by(|a, b| a.name == b.name);
    Ok(Directory(names.into()))
}

/// A lock whose holder panicked still guards data that is whole: nothing is left half done under any of them.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
