//! A bare repository that holds the files of some commits.
//!
//! On disk it is what Git expects, shallow at each of its commits. A commit counts as held when
//! `refs/cowherd/<id>` says so, which is written last, after the pack reached the disk: a process may be killed at
//! any point.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use gix::ObjectId;
use gix::odb::pack;
use gix::progress::Discard;

use super::shared::Place;
use crate::RepositoryUrl;
use crate::objects::Objects;

/// How many times the size of its first pack a generation may reach, beyond `MIN_GROWTH`.
const MAX_GROWTH: u64 = 4;

/// How many bytes a generation may always reach.
const MIN_GROWTH: u64 = 256 * 1024 * 1024;

/// The directory of the references to held commits, in a repository.
const HELD: &str = "refs/cowherd";

/// A bare repository that holds the files of some commits.
pub(super) struct Generation {
    directory: PathBuf,
    number: u64,
    objects: Arc<Objects>,
    /// Oldest first.
    commits: Vec<ObjectId>,
    /// How many packs there are: a tag may come in one of its own.
    packs: usize,
    first_size: u64,
    size: u64,
}

impl Generation {
    /// Makes an empty repository; not where the directory of all mirrors was removed: whoever did that wants none there, and
    /// who made it first knew what is to be around it.
    pub(super) fn create(mirror: &Path, number: u64, url: &RepositoryUrl) -> io::Result<PathBuf> {
        let directory = mirror.join(number.to_string());
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        match fs::create_dir(mirror) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(io::Error::other("the directory of the mirrors was removed; start again to have it made"));
            }
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        for part in ["", "objects", "objects/pack", "objects/info", "refs", HELD] {
            fs::create_dir(directory.join(part))?;
        }
        fs::write(
            directory.join("config"),
            "[core]\n\trepositoryformatversion = 0\n\tbare = true\n[gc]\n\tauto = 0\n",
        )?;
        fs::write(directory.join("description"), format!("mirror of {url}\n"))?;
        fs::write(directory.join("HEAD"), "ref: refs/heads/none\n")?;
        Ok(directory)
    }

    /// A generation that was just created and filled.
    pub(super) fn begun(directory: PathBuf, number: u64, objects: Arc<Objects>) -> Self {
        Self { directory, number, objects, commits: Vec::new(), packs: 0, first_size: 0, size: 0 }
    }

    /// The generation in use of the mirror in `mirror`; the remains of others are removed.
    pub(super) fn load(mirror: &Path) -> Option<Self> {
        let mut numbers = numbers(mirror);
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        let mut current = None;
        for number in numbers {
            let directory = mirror.join(number.to_string());
            if current.is_none() {
                current = Self::read(&directory, number)
                    .inspect_err(|error| {
                        tracing::warn!(path = %directory.display(), %error, "a local copy is not usable; it is fetched anew");
                    })
                    .ok();
                if current.is_some() {
                    continue;
                }
            }
            if let Err(error) = fs::remove_dir_all(&directory) {
                tracing::warn!(path = %directory.display(), %error, "an old local copy could not be removed");
            }
        }
        current
    }

    /// A number that no generation on disk has.
    pub(super) fn next_number(mirror: &Path) -> u64 {
        numbers(mirror).into_iter().max().map_or(0, |number| number + 1)
    }

    fn read(directory: &Path, number: u64) -> io::Result<Self> {
        remove_remains(directory)?;
        let commits = held(directory)?;
        if commits.is_empty() {
            return Err(io::Error::other("it holds no commit"));
        }
        let sizes = verify(&directory.join("objects/pack"))?;
        let objects = Arc::new(Objects::open(&directory.join("objects"))?);
        let complete = commits.iter().all(|id| objects.commit(*id).is_ok());
        if !complete {
            return Err(io::Error::other("a commit is missing"));
        }
        let size = sizes.iter().sum();
        // The first pack holds everything, the others what changed.
        let first_size = sizes.iter().copied().max().unwrap_or_default();
        Ok(Self { directory: directory.to_owned(), number, objects, commits, packs: sizes.len(), first_size, size })
    }

    pub(super) fn objects(&self) -> &Arc<Objects> {
        &self.objects
    }

    /// Whether nobody reads from it.
    pub(super) fn is_idle(&self) -> bool {
        Arc::strong_count(&self.objects) == 1
    }

    /// How many bytes it has on disk.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether the commit `id` and all its files are here.
    pub(super) fn holds(&self, id: ObjectId) -> bool {
        self.commits.contains(&id)
    }

    /// The commits that came last.
    pub(super) fn newest(&self, count: usize) -> Vec<ObjectId> {
        self.commits.iter().rev().take(count).copied().collect()
    }

    /// Whether the next commit should begin a new generation.
    pub(super) fn is_full(&self, max_commits: usize) -> bool {
        let limit = self.first_size.saturating_mul(MAX_GROWTH).max(MIN_GROWTH);
        self.commits.len().max(self.packs) >= max_commits || self.size > limit
    }

    /// This repository as a place to fetch into.
    pub(super) fn place(&self) -> Place {
        Place {
            directory: self.directory.clone(),
            number: self.number,
            objects: self.objects.clone(),
            begins: false,
            size: self.size,
        }
    }

    /// Notes that the commit `id` is here, whose objects are in the files `written`.
    pub(super) fn add(&mut self, id: ObjectId, written: &[PathBuf]) -> io::Result<()> {
        let mut size = 0;
        for path in written {
            let file = File::open(path)?;
            file.sync_all()?;
            size += file.metadata()?.len();
        }
        sync_directory(&self.directory.join("objects/pack"))?;
        // What is shallow was written before, and must be on disk before the commit counts.
        if let Ok(shallow) = File::open(self.directory.join("shallow")) {
            shallow.sync_all()?;
        }
        self.size += size;
        self.packs += 1;
        // Of a commit that was here its tag may have come.
        if self.holds(id) {
            return Ok(());
        }
        let held = self.directory.join(HELD);
        let unfinished = held.join(format!("{id}.lock"));
        let mut file = File::create(&unfinished)?;
        writeln!(file, "{id}")?;
        file.sync_all()?;
        fs::rename(&unfinished, held.join(id.to_string()))?;
        sync_directory(&held)?;
        if self.commits.is_empty() {
            self.first_size = size;
        }
        self.commits.push(id);
        Ok(())
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn numbers(mirror: &Path) -> Vec<u64> {
    let entries = fs::read_dir(mirror).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The commits that are held, oldest first.
fn held(directory: &Path) -> io::Result<Vec<ObjectId>> {
    let mut commits = Vec::new();
    for entry in fs::read_dir(directory.join(HELD))? {
        let entry = entry?;
        let name = entry.file_name();
        if let Some(id) = name.to_str().and_then(|name| ObjectId::from_hex(name.as_bytes()).ok()) {
            commits.push((entry.metadata()?.modified().unwrap_or(SystemTime::UNIX_EPOCH), id));
        }
    }
    commits.sort_unstable();
    Ok(commits.into_iter().map(|(_, id)| id).collect())
}

/// Removes what a killed process left: locks, and packs that were not finished.
fn remove_remains(directory: &Path) -> io::Result<()> {
    let mut remains: Vec<PathBuf> = Vec::new();
    for place in ["", HELD, "objects/pack"] {
        for entry in fs::read_dir(directory.join(place))? {
            let path = entry?.path();
            let ending = path.extension().and_then(|ending| ending.to_str());
            let unfinished = match ending {
                Some("lock") => true,
                Some("pack") => !path.with_extension("idx").exists(),
                Some("idx") => !path.with_extension("pack").exists(),
                _ => place == "objects/pack",
            };
            if unfinished && path.is_file() {
                remains.push(path);
            }
        }
    }
    remains.iter().try_for_each(fs::remove_file)
}

/// Reads every pack and compares it with its checksum. Gives the sizes.
fn verify(packs: &Path) -> io::Result<Vec<u64>> {
    let damaged = |path: &Path| io::Error::other(format!("{} is damaged", path.display()));
    let mut sizes = Vec::new();
    for entry in fs::read_dir(packs)? {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != "idx") {
            continue;
        }
        let bundle = pack::Bundle::at(&path, gix::hash::Kind::Sha1).map_err(|_| damaged(&path))?;
        let interrupt = AtomicBool::new(false);
        bundle.index.verify_checksum(&mut Discard, &interrupt).map_err(|_| damaged(&path))?;
        let checksum = bundle.pack.verify_checksum(&mut Discard, &interrupt).map_err(|_| damaged(&path))?;
        if checksum != bundle.index.pack_checksum() {
            return Err(damaged(&path));
        }
        sizes.push(fs::metadata(path.with_extension("pack"))?.len() + fs::metadata(&path)?.len());
    }
    Ok(sizes)
}
