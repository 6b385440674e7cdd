//! The files of a commit, read from Git's object database.

use std::sync::Arc;

use bytes::Bytes;
use cowherd_tree::{ContentId, Entry, EntryKind, MAX_FILE_SIZE, Tree, TreeError, TreePath};
use gix::ObjectId;
use gix::objs::Kind;

use crate::objects::{Directory, Name, NameKind, ObjectError, Objects};
use crate::signature::name_of_tag;
use crate::snapshot::Tag;
use crate::tenant::Claim;

/// The longest target of a symbolic link that is read, in bytes.
const MAX_LINK_SIZE: u64 = 4096;

/// The largest tag that is read, in bytes.
const MAX_TAG_SIZE: u64 = 1 << 20;

/// The files of a commit. Their content ids are Git's object ids.
///
/// It stays readable for as long as it is held, whatever happens to the remote meanwhile. Trees of the same
/// repository share what they read: a directory that did not change is parsed once.
#[derive(Clone)]
pub struct GitTree {
    objects: Arc<Objects>,
    root: ObjectId,
    /// For whom it is kept.
    _claim: Option<Arc<Claim>>,
}

/// What stands at a path.
enum Place {
    Root,
    Named { directory: Arc<Directory>, name: String },
}

impl Place {
    fn name(&self) -> Option<&Name> {
        match self {
            Self::Root => None,
            Self::Named { directory, name } => directory.get(name),
        }
    }
}

impl GitTree {
    pub(crate) fn new(objects: Arc<Objects>, root: ObjectId) -> Self {
        Self { objects, root, _claim: None }
    }

    /// The same, which is kept for somebody as long as it is held.
    pub(crate) fn with_claim(self, claim: Option<Claim>) -> Self {
        Self { _claim: claim.map(Arc::new), ..self }
    }

    /// Where it is read from.
    pub(crate) fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The object of the whole tree.
    pub(crate) fn root(&self) -> ObjectId {
        self.root
    }

    /// The tag of this id, if there is one.
    pub(crate) fn tag(&self, id: ObjectId) -> Option<Tag> {
        let content = self.objects.whole(id, Kind::Tag, MAX_TAG_SIZE).ok()?;
        Some(Tag { id, name: name_of_tag(&content).unwrap_or_default() })
    }

    /// The id of the whole tree, as Git shows it.
    pub fn id(&self) -> ContentId {
        ContentId::new(self.root.as_slice())
    }

    /// How many files and directories it has, each counted as often as it stands somewhere.
    pub fn extent(&self) -> u64 {
        self.objects.extent(self.root)
    }

    /// Whether it has no more files than may be walked.
    pub(crate) fn can_be_walked(&self) -> bool {
        self.objects.can_be_walked(self.root)
    }

    /// Walks from the root to `path`; `None` where nothing stands.
    fn find(&self, path: &TreePath) -> Result<Option<Place>, TreeError> {
        let mut directory_id = self.root;
        let mut components = path.components().peekable();
        while let Some(component) = components.next() {
            let directory = self.objects.directory(directory_id).map_err(|error| storage(path, error))?;
            let Some(entry) = directory.get(component) else { return Ok(None) };
            if components.peek().is_none() {
                return Ok(Some(Place::Named { name: component.to_owned(), directory }));
            }
            if entry.kind != NameKind::Directory {
                return Ok(None);
            }
            directory_id = entry.id;
        }
        Ok(Some(Place::Root))
    }

    fn describe(&self, path: &TreePath, name: &Name) -> Result<Entry, TreeError> {
        let kind = match name.kind {
            NameKind::File => EntryKind::File { size: self.objects.size(name).map_err(|error| storage(path, error))? },
            NameKind::Directory => EntryKind::Directory,
            NameKind::Link => EntryKind::Symlink,
            NameKind::Submodule => EntryKind::Other,
        };
        Ok(Entry { kind, id: ContentId::new(name.id.as_slice()) })
    }

    fn read_blob(&self, path: &TreePath, kind: NameKind, limit: u64) -> Result<Bytes, TreeError> {
        let place = self.find(path)?.ok_or_else(|| TreeError::NotFound(path.clone()))?;
        let name = place.name().filter(|name| name.kind == kind).ok_or_else(|| TreeError::NotAFile(path.clone()))?;
        self.objects.blob(name.id, limit).map_err(|error| match error {
            ObjectError::TooLarge(_, size) => TreeError::TooLarge { path: path.clone(), size, limit },
            error => storage(path, error),
        })
    }
}

impl Tree for GitTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        let Some(place) = self.find(path)? else { return Ok(None) };
        match place.name() {
            Some(name) => self.describe(path, name).map(Some),
            None => Ok(Some(Entry { kind: EntryKind::Directory, id: self.id() })),
        }
    }

    fn read_file(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        self.read_blob(path, NameKind::File, MAX_FILE_SIZE)
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        let place = self.find(path)?.ok_or_else(|| TreeError::NotFound(path.clone()))?;
        let id = match place.name() {
            None => self.root,
            Some(name) if name.kind == NameKind::Directory => name.id,
            Some(_) => return Err(TreeError::NotADirectory(path.clone())),
        };
        let directory = self.objects.directory(id).map_err(|error| storage(path, error))?;
        directory.iter().map(|name| Ok((name.name.clone(), self.describe(path, name)?))).collect()
    }

    fn read_link(&self, path: &TreePath) -> Result<String, TreeError> {
        let target = self.read_blob(path, NameKind::Link, MAX_LINK_SIZE)?;
        Ok(String::from_utf8_lossy(&target).into_owned())
    }
}

impl std::fmt::Debug for GitTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitTree").field("root", &self.root).finish_non_exhaustive()
    }
}

fn storage(path: &TreePath, error: ObjectError) -> TreeError {
    TreeError::Storage { path: path.clone(), source: error.into() }
}
